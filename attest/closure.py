"""Whether a certificate closes an order: everything it reaches, accounted for, in time, by the right person.

What the order reaches is computed anew from every statement the verifier has; the certificate's own list is
only held against it. Pure: no clock, no I/O.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property

from attest.graph import Evidence
from attest.impact import Impact, snapshot_digest
from attest.model import Model
from attest.predicates.deletion_certificate import CertifiedItem, DeletionCertificate, InformedRecipient
from attest.predicates.deletion_order import DeletionOrder, ThirdParties
from attest.resource import Artifact
from attest.taint import Certainty
from attest.toll import AffectedRow, ImpactReport

__all__ = ["Closure", "Gap", "Outcome", "asks_for_consent"]


_UNDECIDED = frozenset(
    {
        *("unexplained", "order-open", "certificate-unreadable"),
        *("proof-missing", "proof-wrong", "record-not-held"),
    }
)
"""Codes of gaps that are about what cannot be read, is not explained, or is not shown."""


_ASKED = ("process", "noticed", "consented", "declined", "no_response", "deletion_requested", "questions")
"""What is told of how consent was asked for, where an order wants that (FTC v. WW, II.A)."""


class Outcome(StrEnum):
    """How an order stands after a certificate, worst last."""

    COMPLETE = "COMPLETE"
    COMPLETE_WITH_RETENTION = "COMPLETE_WITH_RETENTION"
    LATE = "LATE"
    INCOMPLETE = "INCOMPLETE"


class Gap(Model):
    """One thing that keeps an order from being closed, or a remark."""

    code: str
    outcome: Outcome
    subject: str
    """The artifact, recipient or part it is about."""
    summary: str

    @property
    def undecided(self) -> bool:
        """Whether the statements in hand cannot tell, rather than that something is missing."""
        return self.code in _UNDECIDED


def asks_for_consent(order: DeletionOrder | None) -> bool:
    """Whether an order asks how people were asked for consent; what nobody can read of that asks, too."""
    reporting = order.reporting if order is not None else None
    if reporting is None:
        return False
    return reporting.consent not in (None, "no") or "consent" in reporting.unreadable_fields


class Closure:
    """A certificate held against what its order reaches.

    Args:
        certificate: its statement.
        impact: what the order reaches, by every statement the verifier has.
        report: the same, written down.
    """

    def __init__(self, certificate: Evidence, impact: Impact, report: ImpactReport) -> None:
        self.certificate = certificate
        self.impact = impact
        self.report = report
        predicate = certificate.predicate
        self._said = predicate if isinstance(predicate, DeletionCertificate) else None
        self.gaps = sorted(self._find(), key=lambda gap: (gap.outcome.value, gap.code, gap.subject))

    @property
    def outcome(self) -> Outcome:
        """The worst of everything found."""
        order = list(Outcome)
        found = (order.index(gap.outcome) for gap in self.gaps)
        return order[max(found, default=0)]

    @property
    def same_snapshot(self) -> bool:
        """Whether the certificate was computed from the very statements in hand."""
        digest = snapshot_digest(self.impact.graph, without=(self.certificate.digest,))
        return self._said is not None and self._said.snapshot == digest

    # -- what is found -------------------------------------------------------------------------------------

    def _find(self) -> Iterator[Gap]:
        if self._said is None:
            yield _open("certificate-unreadable", "certificate", "it cannot be read")
            return
        if not self.certificate.believed:
            reason = self.certificate.reason or "it was withdrawn"
            yield _open("certificate-untrusted", "certificate", f"no officer you trust signed it: {reason}")
        if self.impact.boundless or self.impact.unresolved:
            yield _open("order-open", "order", "not all that the order names can be read or found")
        yield from self._declared(self._said)
        for row in self.report.affected:
            yield from self._covered(row)
        for sha256, items in sorted(self._items.items()):
            if not any(a.sha256 == sha256 for a in self.impact.reached):
                what = "is no artifact the order reaches, by the statements in hand"
                yield Gap(
                    code="item-not-affected", outcome=Outcome.COMPLETE, subject=_name(items[0]), summary=what
                )
        yield from self._consent(self._said)
        yield from self._removals()
        yield from self._recipients(self._said)

    @cached_property
    def _items(self) -> dict[str, list[CertifiedItem]]:
        found: dict[str, list[CertifiedItem]] = defaultdict(list)
        for item in self._said.items if self._said else ():
            if item.artifact.artifact is not None:
                found[item.artifact.artifact.sha256].append(item)
        return found

    def _declared(self, said: DeletionCertificate) -> Iterator[Gap]:
        declaration = said.declaration
        needed = ("text", "signatory", "title", "executed_on")
        missing = [name for name in needed if declaration is None or not getattr(declaration, name)]
        if missing:
            yield _open("declaration-missing", "declaration", f"lacks {', '.join(missing).replace('_', ' ')}")
        if said.ceased_at is None:
            yield _open("cessation-missing", "certificate", "does not say since when nothing of it is used")
        if said.unreadable_fields:
            names = ", ".join(said.unreadable_fields)
            yield _open("certificate-unreadable", "certificate", f"cannot be read in full: {names}")

    def _consent(self, said: DeletionCertificate) -> Iterator[Gap]:
        """The process and the counts, where the order asks for them; and never more answers than notices."""
        told = said.consent
        if asks_for_consent(self.impact.order.order):
            missing = [name for name in _ASKED if told is None or getattr(told, name) is None]
            if missing:
                names = ", ".join(missing).replace("_", " ")
                what = f"the order asks how consent was asked for, and the certificate lacks {names}"
                yield _open("consent-missing", "consent", what)
        if told is not None and told.noticed is not None:
            answers = sum(each or 0 for each in (told.consented, told.declined, told.no_response))
            if answers > told.noticed:
                what = f"{told.noticed} were given notice, and {answers} are said to have answered or not"
                yield _open("consent-counts", "consent", what)

    # -- one affected artifact -----------------------------------------------------------------------------

    def _covered(self, row: AffectedRow) -> Iterator[Gap]:
        artifact = Artifact.parse(row.artifact)
        items = self._items.get(artifact.sha256, [])
        if not items:
            if self.impact.part_of(artifact) is not None:
                return  # nothing but the weights of a directory: that one has to be accounted for
            reached = self.impact.reached[artifact]
            if reached.reason == "removal":
                return  # told once, of the version the records are said to be out of
            if reached.descends:
                what = f"{row.name} ({row.item_class}) is affected, and the certificate does not name it"
                yield _open("item-missing", row.artifact, what)
            else:
                yield _open("unexplained", row.artifact, f"{row.name} may be affected, and is not explained")
            return
        for item in items:
            yield from self._disposed(row, item)

    def _disposed(self, row: AffectedRow, item: CertifiedItem) -> Iterator[Gap]:
        if item.disposition == "unknown":
            yield _open("disposition-unknown", row.artifact, "nobody says what became of it")
        elif item.disposition in ("retained", "infeasible"):
            yield from self._kept(row, item)
        else:
            if item.disposition == "retrained-replaced":
                yield from self._replaced(row, item)
            elif item.disposition == "records-removed":
                yield from self._removed(row)
            yield from _in_time(row, item)
            if not item.method:
                yield _open("method-missing", row.artifact, "does not say how it was done")

    def _kept(self, row: AffectedRow, item: CertifiedItem) -> Iterator[Gap]:
        kind = "legal-retention" if item.disposition == "retained" else "technical-infeasibility"
        order = self.impact.order.order
        allowed = {each.kind for each in order.permitted_exceptions} if order else set()
        if kind not in allowed:
            yield _open("exception-not-permitted", row.artifact, f"the order permits no {kind}")
        if item.disposition == "retained":
            kept = item.retention
            if kept is None or not kept.obligation or kept.follow_up is None:
                what = "stays without a specific legal obligation and a date of follow-up"
                yield _open("retention-unfounded", row.artifact, what)
        elif item.infeasibility is None or not (
            item.infeasibility.explanation and item.infeasibility.officer
        ):
            what = "is said to be infeasible without an explanation and an officer"
            yield _open("infeasibility-unfounded", row.artifact, what)
        summary = f"{row.name} stays: {item.disposition}"
        code = "retained" if item.disposition == "retained" else "infeasible"
        yield Gap(code=code, outcome=Outcome.COMPLETE_WITH_RETENTION, subject=row.artifact, summary=summary)

    def _replaced(self, row: AffectedRow, item: CertifiedItem) -> Iterator[Gap]:
        new = item.replaced_by.artifact if item.replaced_by else None
        if new is None:
            yield _open("replacement-missing", row.artifact, "does not say what was trained in its place")
        elif self.impact.certainty(new) is not Certainty.CLEAR:
            if (reached := self.impact.reached.get(new)) and reached.reason == "removal":
                return  # as above
            standing = self.impact.certainty(new).value
            summary = f"its replacement {new} is not shown to be clear of the order: {standing}"
            yield _open("replacement-affected", row.artifact, summary)

    def _removed(self, row: AffectedRow) -> Iterator[Gap]:
        artifact = Artifact.parse(row.artifact)
        if all(each.old != artifact for each in self.impact.removals):
            yield _open(
                "removal-unproven", row.artifact, "no believed step took the ordered records out of it"
            )

    def _removals(self) -> Iterator[Gap]:
        """What steps say they took records out of has to be shown, whatever became of the old version."""
        graph = self.impact.graph
        for each in self.impact.removals:
            for fault in each.faults:
                what = f"{graph.name(each.new)}, made of {graph.name(each.old)} without the ordered records"
                yield _open(fault.code, str(each.new), f"{what}: {fault.summary}")

    # -- recipients ----------------------------------------------------------------------------------------

    def _recipients(self, said: DeletionCertificate) -> Iterator[Gap]:
        order = self.impact.order.order
        asked = order.third_parties if order else None
        if asked is None:
            return
        known = {each.legal_name.casefold(): each for each in said.recipients}
        names = {row.legal_name for row in self.report.recipients if row.legal_name}
        for name in sorted(names):
            yield from _informed(name, known.get(name.casefold()), asked)


def _informed(name: str, found: InformedRecipient | None, asked: ThirdParties) -> Iterator[Gap]:
    if found is None:
        if "yes" in (asked.identify, asked.notify, asked.instruct, asked.confirm):
            yield _open("recipient-missing", name, "received something affected, and is not named")
        return
    if asked.instruct == "yes" and found.instructed_at is None:
        yield _open("instruction-missing", name, "was not instructed to delete")
    if asked.confirm == "yes" and found.confirmed_at is None:
        yield _open("confirmation-missing", name, "has not confirmed")


def _in_time(row: AffectedRow, item: CertifiedItem) -> Iterator[Gap]:
    if item.finished is None:
        yield _open("time-missing", row.artifact, "does not say when it was done")
    elif row.due is not None and item.finished > row.due:
        summary = f"done {item.finished:%Y-%m-%d}, due {row.due:%Y-%m-%d}"
        yield Gap(code="late", outcome=Outcome.LATE, subject=row.artifact, summary=summary)


def _open(code: str, subject: str, summary: str) -> Gap:
    return Gap(code=code, outcome=Outcome.INCOMPLETE, subject=subject, summary=summary)


def _name(item: CertifiedItem) -> str:
    return str(item.artifact.artifact or item.artifact.name or "an item without a digest")
