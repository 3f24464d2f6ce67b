"""The rights hold today: a fresh register of the rights-holder's says so.

Rights change while bytes do not, so a signed record alone never shows that it still holds. Every rights
record that binds the delivery must be active and in its term at the time of evaluation, and a register must
name it as current: the one in ``register``, or, without that, the one the record itself names. Its keeper is
whoever the trust file names for that id. A record the register calls superseded is passed over where the
current one of the same holder is here.

FAIL: a record is not active, out of its term, superseded, suspended or withdrawn. UNKNOWN: no register is
named or in hand, it is too old, does not list rights, or does not name the record; a register names a record
that is not here; there is no rights record by the rights-holder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from attest.review import Review
from attest.rights_flow import Holding, Record, rights_flow
from attest.rule import Current, Duration, Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["RightsCurrent"]


class RightsCurrent(Rule):
    """The rights hold today."""

    NAME: ClassVar[str] = "rights-current"
    OVER: ClassVar[str] = "datasets"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "no fresh register of a keeper you trust names a rights record as current"
    REMEDY: ClassVar[str] = (
        "Ask for the current register of rights, and for every record it names as current."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (19,)

    register_id: str | None = Field(
        default=None, alias="register", description="Id of the register to ask; absent: what the record says."
    )
    max_age: Duration | None = Field(default=None, description="How old; absent: until its nextUpdate.")
    independent: bool = Field(default=False, description="Its keeper signs no statement of the chain.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        where = self.register_id or "the register it names"
        return f"Every rights record is in force, and {where} names it as current."

    def check(self, review: Review) -> Outcome:
        """Look every record up in its register."""
        flow = rights_flow(review, self._ask(self.register_id) if self.register_id else None)
        registers: dict[str, _Said] = {}
        findings = [*unseen(review, "datasets"), *flow.findings]
        for holding in flow.holdings:
            if gap := holding.gap(in_force=False):
                findings.append(gap)
            said = {each.evidence.digest: self._said(review, each, registers) for each in holding.records}
            for record in holding.records:
                if not _renewed(record, holding, said):
                    findings += _in_force(holding, record)
                    findings += self._registered(holding, record, said[record.evidence.digest])
        return conclude(len(flow.holdings), dict.fromkeys(findings), flow.notes)

    def _ask(self, name: str) -> Current:
        return Current(register_id=name, max_age=self.max_age, independent=self.independent)

    def _said(self, review: Review, record: Record, known: dict[str, _Said]) -> _Said | None:
        """Return what the register of a record says, asked once; ``None`` where it names none."""
        name = self.register_id or record.rights.register_
        if name is None:
            return None
        if name not in known:
            state, problems = self._ask(name).ask(review, "rights")
            entries = {e.statement_digest or "": e.state for e in state.entries if e.kind == "rights"}
            known[name] = _Said(name, entries, tuple(problems))
        return known[name]

    def _registered(self, holding: Holding, record: Record, said: _Said | None) -> Iterator[Finding]:
        """Yield what keeps its register from naming a record as current."""
        if said is not None and self.register_id is None:  # the flow reports on the one named for all
            yield from said.problems
        state = said.of(record) if said else None
        if state == "superseded":
            yield holding.finding(
                "rights-not-current",
                Result.FAIL,
                "the rights record was superseded, as its register says",
                record,
                expected="current",
                actual=state,
                remedy=f"Ask for the current rights record of {holding.name}.",
            )
        elif state is None:
            what = f"register {said.name} does not name the rights record" if said else "it names no register"
            yield holding.finding(
                "rights-unregistered",
                Result.UNKNOWN,
                f"nothing shows that the rights record still holds: {what}",
                record,
                remedy=f"Ask the rights-holder of {holding.name} for a register that names its record.",
            )


@dataclass(frozen=True)
class _Said:
    """What one register says of rights records, and what keeps one from going by it."""

    name: str
    entries: Mapping[str, str]
    problems: tuple[Finding, ...]

    def of(self, record: Record) -> str | None:
        """Return where a record stands."""
        return self.entries.get(record.evidence.digest)


def _renewed(record: Record, holding: Holding, said: Mapping[str, _Said | None]) -> bool:
    """Whether its fresh register calls it superseded, and one of the same holder that is here current."""
    register = said[record.evidence.digest]
    if register is None or register.problems or register.of(record) != "superseded":
        return False
    return any(
        register.of(each) == "current"
        and set(each.holders) & set(record.holders)
        and not each.evidence.withdrawn_by
        for each in holding.records
    )


def _in_force(holding: Holding, record: Record) -> Iterator[Finding]:
    for code, result, text, actual in record.doubts(holding.review.as_of):
        yield holding.finding(code, result, f"the rights record {text}", record, actual=actual)
