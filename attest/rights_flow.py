"""Rights that follow the data: which rights records bind a delivery.

What is made of data may be used only as every dataset behind it allows. So every record by the rights-holder
of any dataset in the lineage binds the delivery, and all of them together: of several the strictest counts,
field by field. A record that was withdrawn, or that a register calls superseded, still restricts; it grants
nothing. A record about something derived binds besides those about its sources. It stands in for one of them
(the source's record binds no more where its data came this way alone) only if all of this holds:

- its ``supersedes`` names that very record of the source,
- somebody the reader gives the rights in the *source* signed it, and signed the source's record too,
- it is about the whole, active, in its term, not withdrawn, and can be read,
- a fresh register names it as current.

Pure: the same review gives the same answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from attest.graph import Evidence
from attest.lineage import Ancestor, Lineage
from attest.model import format_time
from attest.predicates.rights import Rights
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Current, about
from attest.verdict import Finding, Result

__all__ = ["Flow", "Holding", "Record", "rights_flow"]


@dataclass(frozen=True, eq=False)
class Record:
    """A rights record that binds, and what registers in hand say of it."""

    evidence: Evidence
    rights: Rights = field(repr=False)
    holders: tuple[str, ...]
    """Principals who signed it and hold the rights."""
    states: frozenset[str] = frozenset()
    """``current``, ``superseded``, ``suspended``, ``withdrawn``, or ``unknown`` for what cannot be read."""

    @property
    def whole(self) -> bool:
        """Whether it is about the whole dataset; one about a part grants nothing for the rest."""
        return self.rights.scope is None

    @property
    def superseded(self) -> bool:
        """Whether a register says that another record replaced it."""
        return "superseded" in self.states

    def grants(self, at: datetime) -> bool:
        """Whether it grants anything: believed, about the whole, in force, and not replaced."""
        return (
            not self.evidence.withdrawn_by
            and self.whole
            and not self.superseded
            and not any(True for _ in self.doubts(at))
        )

    def doubts(self, at: datetime) -> Iterable[tuple[str, Result, str, str]]:
        """Yield what keeps it from being in force: code, result, words, and what it states."""
        rights = self.rights
        unread = [name for name in ("status", "scope", "validFrom", "validUntil") if rights.is_unknown(name)]
        if unread:
            yield "rights-unreadable", Result.UNKNOWN, f"cannot be read in full: {', '.join(unread)}", ""
        if rights.status != "active":
            result = Result.UNKNOWN if rights.status == "unknown" else Result.FAIL
            yield "rights-not-active", result, f"is {rights.status}", rights.status
        for state in sorted(self.states & {"suspended", "withdrawn"}):
            yield "rights-not-active", Result.FAIL, f"is {state}, as a register says", state
        if "unknown" in self.states:
            what = "has an entry in a register that cannot be read"
            yield "rights-not-active", Result.UNKNOWN, what, ""
        if rights.valid_until is not None and at > rights.valid_until:
            until = format_time(rights.valid_until)
            yield "rights-expired", Result.FAIL, f"ended on {until}", until
        if rights.valid_from is not None and at < rights.valid_from:
            start = format_time(rights.valid_from)
            yield "rights-not-begun", Result.FAIL, f"begins on {start}", start


@dataclass(frozen=True, eq=False)
class Holding:
    """A dataset that answers for its rights, with every record that binds because of it."""

    review: Review = field(repr=False)
    ancestor: Ancestor
    records: tuple[Record, ...]
    """Records that bind, withdrawn ones and those that stand in for others' included."""
    replaced: tuple[tuple[Record, Record, Artifact], ...] = ()
    """Records that bind no more: each with the one that stands in for it, and what that one is about."""
    stands_for: tuple[Artifact, ...] = ()
    """Sources whose records a record about this dataset stands in for."""

    @property
    def name(self) -> str:
        """What the evidence calls the dataset."""
        return self.review.graph.name(self.ancestor.artifact)

    def finding(
        self, code: str, result: Result, summary: str, record: Record | None = None, **more: Any
    ) -> Finding:
        """Return a finding about the dataset, with its path, resting on one record or on all of them."""
        records = (record,) if record else self.records
        more.setdefault("evidence", tuple(sorted(each.evidence.digest for each in records)))
        more.setdefault("remedy", f"Ask the rights-holder of {self.name} for terms that allow your use.")
        return about(self.review, self.ancestor, code, result, f"{self.name}: {summary}", **more)

    def gap(self, *, in_force: bool = True) -> Finding | None:
        """Return why no record grants anything for the dataset; ``None`` where one does.

        Args:
            in_force: whether a record that is out of its term, or not active, is a gap as well; a rule that
                reports ``Record.doubts`` by itself does not need to hear it twice.
        """
        at = self.review.as_of
        if self.replaced or any(each.grants(at) for each in self.records):
            return None
        known = self.review.graph.rights(self.ancestor.artifact)
        believed = [each for each in self.records if not each.evidence.withdrawn_by]
        code, what = _why_no_grant(known, self.records)
        if any(each.whole and not each.superseded for each in believed):
            if not in_force:
                return None
            code, what = "rights-not-in-force", "is not in force"
        return self.finding(
            code,
            Result.UNKNOWN,
            f"no basis: the rights record {what}",
            evidence=tuple(each.digest for each in known),
            remedy=f"Ask for a rights record of {self.name} ({self.ancestor.artifact}) signed by its "
            "rights-holder.",
        )


def _why_no_grant(known: list[Evidence], records: tuple[Record, ...]) -> tuple[str, str]:
    believed = [each for each in records if not each.evidence.withdrawn_by]
    if any(each.whole for each in believed):
        return "rights-superseded", "was superseded by one that is not in the evidence"
    if believed:
        return "rights-partial", "is about a part of it only"
    if records:
        return "rights-withdrawn", "was withdrawn"
    if known:
        reason = "; ".join(sorted({each.reason for each in known if each.reason}))
        return "rights-untrusted", f"is not believed: {reason}"
    return "rights-missing", "is not in the evidence"


@dataclass(frozen=True)
class Flow:
    """Everything about rights that a rule over the delivery has to hold against the reader's use."""

    holdings: tuple[Holding, ...]
    findings: tuple[Finding, ...]
    """What is wrong with the register that was asked, and current records that are not in hand."""
    notes: tuple[str, ...]
    """Records that others stand in for, and those that would if a register named them."""


def rights_flow(review: Review, current: Current | None = None) -> Flow:
    """Return which records bind the delivery.

    Args:
        review: the delivery with its verified lineage.
        current: the register to ask which records are current; without one, every record in hand counts and
            none stands in for another.
    """
    states = _states(review)
    findings: list[Finding] = []
    asked: dict[str, str] = {}
    if current is not None:
        state, findings = current.ask(review, "rights")
        if not findings:  # a register nobody may go by relaxes nothing
            asked = {e.statement_digest or "": e.state for e in state.entries if e.kind == "rights"}
    substitutes = _Substitutes(review, states, asked)
    holdings = []
    for ancestor in review.lineage.datasets():
        records = _in_hand(review, ancestor.artifact, states, asked)
        binding, replaced = substitutes.split(ancestor.artifact, records)
        extra = substitutes.about.get(ancestor.artifact, {})
        mine = {each.evidence.digest for each in records}
        binding += [each for digest, each in sorted(extra.items()) if digest not in mine]
        if records or extra or review.lineage.is_origin(ancestor.artifact):
            sources = substitutes.sources.get(ancestor.artifact, ())
            holdings.append(
                Holding(review, ancestor, tuple(binding), tuple(replaced), tuple(sorted(set(sources))))
            )
    findings += _not_shown(review, states)
    return Flow(tuple(holdings), tuple(findings), tuple(substitutes.notes(holdings)))


_CURRENT = ("rights", "current")


def _states(review: Review) -> dict[str, frozenset[str]]:
    """What registers in hand say of each rights record, stale ones included: what is adverse counts."""
    found: dict[str, set[str]] = defaultdict(set)
    for register in review.registers.values():
        for entry in register.entries:
            if entry.kind == "rights" and entry.statement_digest:
                found[entry.statement_digest].add(entry.state)
    return {digest: frozenset(said) for digest, said in found.items()}


def _in_hand(
    review: Review, artifact: Artifact, states: Mapping[str, frozenset[str]], asked: Mapping[str, str]
) -> list[Record]:
    """Records by the rights-holder, but those a current one of the same holder replaced."""
    records = [
        Record(each, each.predicate, each.granted, states.get(each.digest, frozenset()))
        for each in review.graph.rights(artifact)
        if each.granted and isinstance(each.predicate, Rights)
    ]
    renewed = {
        holder
        for each in records
        if each.evidence.believed and asked.get(each.evidence.digest) == "current" and not each.superseded
        for holder in each.holders
    }
    return [
        each
        for each in records
        if asked.get(each.evidence.digest) != "superseded" or not renewed & set(each.holders)
    ]


def _not_shown(review: Review, states: Mapping[str, frozenset[str]]) -> list[Finding]:
    """Records that a register names as current for an artifact of the lineage, and nobody handed over."""
    missing: dict[str, tuple[Artifact, str]] = {}
    for register in review.registers.values():
        for entry in register.entries:
            digest = entry.statement_digest or ""
            known = [a for item in entry.artifacts if (a := item.artifact) in review.lineage.ancestors]
            if (entry.kind, entry.state) != _CURRENT or not known or digest in review.graph.by_digest:
                continue
            if "superseded" not in states[digest]:
                missing[digest] = (known[0], register.register_id)
    return [
        about(
            review,
            review.lineage.ancestors[artifact],
            "rights-not-shown",
            Result.UNKNOWN,
            f"{review.graph.name(artifact)}: register {register} names a rights record as current that is "
            "not in the evidence",
            expected=f"statement sha256:{digest}",
            remedy=f"Ask for the rights record sha256:{digest}.",
        )
        for digest, (artifact, register) in sorted(missing.items())
    ]


class _Substitutes:
    """Records about derived artifacts that stand in for records about their sources."""

    def __init__(
        self, review: Review, states: Mapping[str, frozenset[str]], asked: Mapping[str, str]
    ) -> None:
        self._review = review
        self._found: dict[tuple[str, Artifact], dict[Artifact, Record]] = defaultdict(dict)
        """Record digest and its artifact → where records stand in for it."""
        self._reach: dict[frozenset[Artifact], set[Artifact]] = {}
        self._unnamed: list[tuple[Artifact, Artifact]] = []
        self.about: dict[Artifact, dict[str, Record]] = defaultdict(dict)
        """Derived artifact → its records that stand in for others', by digest."""
        self.sources: dict[Artifact, list[Artifact]] = defaultdict(list)
        for derived in review.lineage.ancestors.keys() & review.graph.about["rights"].keys():
            for each in review.graph.rights(derived):
                is_named = asked.get(each.digest) == "current"
                self._weigh(derived, each, states.get(each.digest, frozenset()), is_named=is_named)

    def _weigh(self, derived: Artifact, each: Evidence, states: frozenset[str], *, is_named: bool) -> None:
        rights, review = each.predicate, self._review
        original = review.graph.by_digest.get((isinstance(rights, Rights) and rights.supersedes) or "")
        if original is None or not isinstance(rights, Rights) or not isinstance(original.predicate, Rights):
            return
        times = [signature.trusted_time for signature in each.signatures]
        if any(time is not None and time > review.as_of for time in times):
            return  # as of a time in the past, what was granted later is not there
        for source in original.artifacts:
            if source == derived or source not in review.lineage.ancestors:
                continue
            signed = [signature.principals for signature in each.signatures]
            held = review.trust.grant("rights-holder", signed, artifacts=[source.sha256]).principals
            record = Record(each, rights, held, states)
            if not set(held) & set(original.granted) or not record.grants(review.as_of):
                continue
            if not is_named:
                self._unnamed.append((derived, source))
                continue
            self._found[original.digest, source][derived] = record
            self.about[derived][each.digest] = record
            self.sources[derived].append(source)

    def split(
        self, artifact: Artifact, records: list[Record]
    ) -> tuple[list[Record], list[tuple[Record, Record, Artifact]]]:
        """Return the records of an artifact that bind, and those that others stand in for."""
        binding, replaced = [], []
        for each in records:
            places = self._found.get((each.evidence.digest, artifact), {})
            if places and artifact not in self._reached(frozenset(places)):
                derived = min(places)
                replaced.append((each, places[derived], derived))
            else:
                binding.append(each)
        return binding, replaced

    def _reached(self, barriers: frozenset[Artifact]) -> set[Artifact]:
        if barriers not in self._reach:
            self._reach[barriers] = _behind(self._review.lineage, barriers)
        return self._reach[barriers]

    def notes(self, holdings: Iterable[Holding]) -> list[str]:
        """Say which records stand in for others, and which would."""
        name = self._review.graph.name
        said = {
            f"{each.name}: the rights record about {name(derived)} stands in for its own"
            for each in holdings
            for _, _, derived in each.replaced
        }
        said |= {
            f"{name(source)}: a rights record about {name(derived)} would stand in for its own if a fresh "
            "register named it as current (`current`)"
            for derived, source in self._unnamed
        }
        return sorted(said)


def _behind(lineage: Lineage, barriers: frozenset[Artifact]) -> set[Artifact]:
    """Return what is reached from the delivery without passing through any of ``barriers``."""
    seen = set(lineage.roots)
    waiting = list(lineage.roots)
    while waiting:
        artifact = waiting.pop()
        if artifact in barriers:
            continue
        for parent in lineage.ancestors[artifact].parents:
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen
