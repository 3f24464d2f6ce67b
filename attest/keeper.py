"""What keepers' registers say, and whether one may go by them: rollback, equivocation, vanished entries, age.

A register is the only way to show that something has *not* happened since. It is read together with the
reader's own memory of the highest sequence seen, because an old register is as well signed as a new one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from attest.graph import Evidence
from attest.predicates.register import Entry, Register, appended_only, document_digest
from attest.verdict import Finding, Result

__all__ = ["RegisterState", "Remembered", "read_registers"]


@dataclass(frozen=True)
class Remembered:
    """What the reader saw last of one register."""

    sequence: int
    digest: str
    """Statement digest."""


@dataclass(frozen=True)
class RegisterState:
    """One register, as far as the evidence and the reader's memory show it."""

    register_id: str
    evidence: Evidence | None
    """The statement of highest sequence that a trusted keeper signed, or ``None``."""
    register: Register | None
    problems: tuple[Finding, ...] = field(default=())
    """Rollback, equivocation, vanished entries: each a FAIL."""

    @property
    def keepers(self) -> tuple[str, ...]:
        """Principals who signed it as its keeper."""
        return self.evidence.granted if self.evidence else ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every entry of it."""
        return (self.register.entries or ()) if self.register else ()

    def remembered(self) -> Remembered | None:
        """What to remember of it: nothing while something is wrong with it."""
        if self.register is None or self.evidence is None or self.problems:
            return None
        return Remembered(self.register.sequence or 0, self.evidence.digest)

    def covers(self, kind: str) -> bool:
        """Whether it claims to list every entry of that kind."""
        return self.register is not None and self.register.covers(kind)

    def findings(
        self, as_of: datetime, max_age: timedelta | None, kind: str, *, independent_of: Iterable[str] = ()
    ) -> list[Finding]:
        """Return what keeps a rule from going by it: the problems, its absence, its age, its reach.

        Args:
            as_of: the time of evaluation.
            max_age: how old it may be; ``None``: as long as its own ``nextUpdate`` allows.
            kind: the kind of entries the rule needs it to list.
            independent_of: principals of the chain, where the rule asks for an independent keeper.
        """
        ask = f"a current copy of the register {self.register_id}, signed by its keeper"
        if self.register is None or self.evidence is None:
            what = f"no register {self.register_id} signed by a trusted keeper is in the evidence"
            return [*self.problems, _unknown("register-missing", self.register_id, what, (), ask)]
        found = list(self.problems)
        evidence = (self.evidence.digest,)
        oldest = self.register.as_of + max_age if max_age is not None else self.register.next_update
        if as_of > min(oldest, self.register.next_update):
            what = (
                f"register {self.register_id} is of {self.register.as_of:%Y-%m-%d %H:%M}Z: too old to go by"
            )
            found.append(_unknown("register-stale", self.register_id, what, evidence, ask))
        if document_digest(self.evidence.statement.predicate) not in {
            a.sha256 for a in self.evidence.artifacts
        }:
            what = f"the statement of register {self.register_id} is about another document than it holds"
            found.append(_unknown("register-subject", self.register_id, what, evidence, ask))
        if unread := self.register.unknown_groups():
            what = f"register {self.register_id} holds what this version cannot read: {', '.join(unread[:5])}"
            found.append(_unknown("register-unreadable", self.register_id, what, evidence, ask))
        if not self.covers(kind):
            what = f"register {self.register_id} does not claim to list every {kind}"
            found.append(_unknown("register-scope", self.register_id, what, evidence, ask))
        if set(self.keepers) & set(independent_of):
            what = f"register {self.register_id} is kept by a signer of this chain"
            found.append(
                _unknown("register-self-kept", self.register_id, what, evidence, "an independent keeper")
            )
        return found


def _unknown(code: str, subject: str, summary: str, evidence: tuple[str, ...], remedy: str) -> Finding:
    return Finding(code, Result.UNKNOWN, subject, summary, evidence=evidence, remedy=f"Ask for {remedy}.")


def _fail(code: str, subject: str, summary: str, evidence: tuple[str, ...]) -> Finding:
    remedy = "Do not go by this register; ask its keeper to explain, and the vendor for the current one."
    return Finding(code, Result.FAIL, subject, summary, evidence=evidence, remedy=remedy)


def _against_memory(name: str, top: Evidence, sequence: int, seen: Remembered | None) -> list[Finding]:
    if seen is None:
        return []
    if sequence < seen.sequence:
        what = f"register {name} was rolled back: got sequence {sequence}, {seen.sequence} was seen before"
        return [_fail("register-rollback", name, what, (top.digest, seen.digest))]
    if sequence == seen.sequence and top.digest != seen.digest:
        what = f"register {name} has two versions of sequence {sequence}: this one and one seen before"
        return [_fail("register-equivocation", name, what, (top.digest, seen.digest))]
    return []


def _state(
    name: str, versions: dict[str, tuple[Register, Evidence]], seen: Remembered | None
) -> RegisterState:
    problems: list[Finding] = []
    by_sequence: dict[int, tuple[Register, Evidence]] = {}
    for digest in sorted(versions):
        register, evidence = versions[digest]
        sequence = register.sequence or 0
        if sequence in by_sequence:
            what = f"register {name} has two versions of sequence {sequence}"
            both = (by_sequence[sequence][1].digest, evidence.digest)
            problems.append(_fail("register-equivocation", name, what, both))
        by_sequence.setdefault(sequence, (register, evidence))
    ordered = [by_sequence[sequence] for sequence in sorted(by_sequence)]
    for (older, first), (newer, second) in pairwise(ordered):
        for problem in appended_only(older, newer, document_digest(first.statement.predicate)):
            what = f"register {name}, sequence {newer.sequence} after {older.sequence}: {problem}"
            problems.append(_fail("register-not-appended", name, what, (first.digest, second.digest)))
    register, top = ordered[-1]
    problems += _against_memory(name, top, register.sequence or 0, seen)
    return RegisterState(name, top, register, tuple(problems))


def read_registers(
    evidence: Iterable[Evidence], memory: Mapping[str, Remembered]
) -> dict[str, RegisterState]:
    """Return the state of every register in the evidence or the memory, by register id.

    Only statements whose signer the reader trusts as that register's keeper count. A register that was seen
    before and is not shown now is listed without one, so that a rule needing it says UNKNOWN.
    """
    versions: dict[str, dict[str, tuple[Register, Evidence]]] = {}
    for each in evidence:
        register = each.said(Register)
        if register is not None and each.granted and register.register_id:
            versions.setdefault(register.register_id, {})[each.digest] = (register, each)
    states = {name: _state(name, found, memory.get(name)) for name, found in versions.items()}
    for name in memory:
        states.setdefault(name, RegisterState(name, None, None))
    return dict(sorted(states.items()))
