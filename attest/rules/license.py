"""Every dataset's licence allows the buyer's use.

Every origin dataset behind the model, and every other dataset somebody made a rights record for, needs a
rights record by its rights-holder. All records in hand apply together: each one's licence must allow ``use``,
hold no id of ``deny`` that cannot be avoided (of an OR the reader takes the best branch, of an AND all
count), be active and not expired, and not prohibit training. For ids of the SPDX list attest's own table of
licence classes decides, and a class the record states can only narrow it; a ``LicenseRef-`` goes by its
stated class.

A later record that relaxes an earlier one counts for itself only with ``current``: where a fresh register
names a record in hand as current, the records it marks as superseded count no more.

FAIL: a licence does not allow it. UNKNOWN: there is no rights record by the rights-holder, it states no
licence, or its id or class is not known. A record that was withdrawn still restricts, and grants nothing.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attest.errors import FormatError
from attest.graph import Evidence
from attest.license import permits
from attest.lineage import Ancestor
from attest.model import format_time
from attest.predicates.rights import Rights
from attest.review import Review
from attest.rule import Current, Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["License"]


class License(Rule):
    """Every dataset's licence allows the buyer's use."""

    NAME: ClassVar[str] = "license"
    OVER: ClassVar[str] = "datasets"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a dataset has no rights record by its rights-holder, or its licence id or class is not known"
    )
    REMEDY: ClassVar[str] = "Ask the rights-holder for terms that allow your use, in a signed rights record."
    QUESTIONS: ClassVar[tuple[int, ...]] = (13,)

    use: Literal["commercial", "noncommercial"] = Field(
        default="commercial", description="What the reader wants to do."
    )
    deny: list[str] = Field(default_factory=list, description="SPDX ids that are never acceptable.")
    current: Current | None = Field(
        default=None, description="Ask a register which records are current; superseded ones count no more."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        without = f", without {', '.join(self.deny)}" if self.deny else ""
        which = f", by the records that {self.current.register_id} names as current" if self.current else ""
        return (
            f"Every dataset's licence allows {self.use} use and does not prohibit training{without}{which}."
        )

    def check(self, review: Review) -> Outcome:
        """Hold every rights record of every dataset against the use."""
        datasets = review.lineage.datasets()
        findings: list[Finding] = []
        examined = 0
        states: dict[str, str] = {}
        if self.current and datasets:
            state, findings = self.current.ask(review, "rights")
            if not findings:  # a register nobody may go by relaxes nothing
                states = {e.statement_digest or "": e.state for e in state.entries if e.kind == "rights"}
        for ancestor in datasets:
            records = [each for each in review.graph.rights(ancestor.artifact) if each.granted]
            if any(each.believed and states.get(each.digest) == "current" for each in records):
                records = [each for each in records if states.get(each.digest) != "superseded"]
            if not records and not review.lineage.is_origin(ancestor.artifact):
                continue  # it was made out of datasets that answer for it
            examined += 1
            if not any(each.believed and _whole(each) for each in records):
                findings.append(_missing(review, ancestor))
            for each in records:
                findings += self._record(review, ancestor, each)
        return conclude(examined, [*findings, *unseen(review, "datasets")])

    def _record(self, review: Review, ancestor: Ancestor, evidence: Evidence) -> list[Finding]:
        rights = evidence.predicate
        if not isinstance(rights, Rights):
            return []
        name = review.graph.name(ancestor.artifact)
        license_ = rights.license
        found: list[tuple[str, Result, str, str]] = []
        if license_ is None or license_.expression is None or rights.is_unknown("license"):
            found.append(("license-unknown", Result.UNKNOWN, "states no licence that can be read", ""))
        else:
            declared = license_.class_.use if license_.class_ else None
            try:
                allowed, reason = permits(
                    license_.expression, use=self.use, deny=self.deny, declared=declared
                )
            except FormatError as error:
                allowed, reason = None, error.what
            if allowed is None:
                found.append(
                    ("license-unknown", Result.UNKNOWN, f"cannot be judged: {reason}", license_.expression)
                )
            elif not allowed:
                found.append(
                    ("license-denied", Result.FAIL, f"does not allow it: {reason}", license_.expression)
                )
            if license_.training == "prohibited":
                found.append(("training-prohibited", Result.FAIL, "prohibits training", license_.expression))
        found += _standing(rights, review)
        return [
            about(
                review,
                ancestor,
                code,
                result,
                f"{name}: the rights record {text}",
                expected=f"{self.use} use",
                actual=actual,
                evidence=(evidence.digest,),
                remedy=f"Ask the rights-holder of {name} for terms that allow {self.use} use and training.",
            )
            for code, result, text, actual in found
        ]


def _whole(evidence: Evidence) -> bool:
    """Whether a record is about the whole dataset; one about a part grants nothing for the rest."""
    return isinstance(evidence.predicate, Rights) and evidence.predicate.scope is None


def _standing(rights: Rights, review: Review) -> list[tuple[str, Result, str, str]]:
    """Only an active record whose term has begun and not ended grants anything."""
    found: list[tuple[str, Result, str, str]] = []
    unread = [name for name in ("status", "scope", "validFrom", "validUntil") if rights.is_unknown(name)]
    if unread:
        found.append(
            ("rights-unreadable", Result.UNKNOWN, f"cannot be read in full: {', '.join(unread)}", "")
        )
    if rights.status != "active":
        result = Result.UNKNOWN if rights.status == "unknown" else Result.FAIL
        found.append(("rights-not-active", result, f"is {rights.status}", rights.status))
    if rights.valid_until is not None and review.as_of > rights.valid_until:
        until = format_time(rights.valid_until)
        found.append(("rights-expired", Result.FAIL, f"ended on {until}", until))
    if rights.valid_from is not None and review.as_of < rights.valid_from:
        start = format_time(rights.valid_from)
        found.append(("rights-not-begun", Result.FAIL, f"begins on {start}", start))
    return found


def _missing(review: Review, ancestor: Ancestor) -> Finding:
    name = review.graph.name(ancestor.artifact)
    others = review.graph.rights(ancestor.artifact)
    reason = "; ".join(sorted({each.reason for each in others if each.reason}))
    if any(each.believed for each in others):
        code, what = "rights-partial", "is about a part of it only"
    elif any(each.granted for each in others):
        code, what = "rights-withdrawn", "was withdrawn"
    elif others:
        code, what = "rights-untrusted", f"is not believed: {reason}"
    else:
        code, what = "rights-missing", "is not in the evidence"
    return about(
        review,
        ancestor,
        code,
        Result.UNKNOWN,
        f"the rights record of {name} {what}",
        evidence=tuple(each.digest for each in others),
        remedy=f"Ask for a rights record of {name} ({ancestor.artifact}) signed by its rights-holder.",
    )
