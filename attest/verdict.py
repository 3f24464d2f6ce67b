"""Outcomes: what a rule found, and what follows from all rules together.

Three-valued and worst first: a FAIL rejects, a fact that is needed and unknown leaves the verdict
INCOMPLETE, and nothing is accepted by rules that examined nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Finding", "Outcome", "Result", "Verdict", "conclude", "overall", "worst"]


class Result(StrEnum):
    """What one rule, or one finding of it, came to."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    UNKNOWN = "UNKNOWN"
    EXCEPTION = "EXCEPTION"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Verdict(StrEnum):
    """The answer to "may we use this?", best last."""

    REJECT = "REJECT"
    INCOMPLETE = "INCOMPLETE"
    ACCEPT_WITH_EXCEPTIONS = "ACCEPT_WITH_EXCEPTIONS"
    ACCEPT = "ACCEPT"

    @property
    def accepts(self) -> bool:
        """Whether it lets the artifact in."""
        return self in (Verdict.ACCEPT, Verdict.ACCEPT_WITH_EXCEPTIONS)

    @property
    def exit_code(self) -> int:
        """Exit code of ``attest verify``: 0 accepted, 1 rejected, 3 incomplete."""
        return 0 if self.accepts else 1 if self is Verdict.REJECT else 3


def worst(verdicts: Iterable[str]) -> Verdict:
    """Return the verdict that lets least in; at least one is given."""
    order = list(Verdict)
    return min((Verdict(each) for each in verdicts), key=order.index)


@dataclass(frozen=True)
class Finding:
    """One thing that keeps a rule from passing, or that was waived."""

    code: str
    """Stable, e.g. ``unknown-input``; docs/findings.md explains each."""
    result: Result
    """FAIL or UNKNOWN as the rule found it; EXCEPTION once waived."""
    subject: str
    """What it is about: ``sha256:…`` of an artifact or statement, or a delivered path."""
    summary: str
    """One sentence."""
    expected: str = ""
    actual: str = ""
    path: tuple[str, ...] = ()
    """From the artifact in hand back to the subject, one label per hop."""
    evidence: tuple[str, ...] = ()
    """Digests of the statements it rests on."""
    remedy: str = ""
    """What to ask the vendor for, or to do."""


@dataclass(frozen=True)
class Outcome:
    """What one rule found."""

    result: Result
    examined: int
    """How many things it looked at; a rule that examined nothing never passes."""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """What a reader should see though nothing is wrong, e.g. extra files that the policy allows."""


def conclude(examined: int, findings: Iterable[Finding], notes: Iterable[str] = ()) -> Outcome:
    """Return the outcome that follows from findings: the worst of them, and never a vacuous PASS."""
    found = tuple(findings)
    results = {finding.result for finding in found}
    if Result.FAIL in results:
        result = Result.FAIL
    elif Result.UNKNOWN in results or examined == 0:
        result = Result.UNKNOWN
    else:
        result = Result.PASS
    return Outcome(result, examined, found, tuple(notes))


def overall(results: Iterable[Result]) -> Verdict:
    """Return the verdict over all rules. No rules, or none that applied, is INCOMPLETE."""
    seen = set(results)
    if Result.FAIL in seen:
        return Verdict.REJECT
    if Result.UNKNOWN in seen or not seen - {Result.NOT_APPLICABLE}:
        return Verdict.INCOMPLETE
    if Result.EXCEPTION in seen:
        return Verdict.ACCEPT_WITH_EXCEPTIONS
    return Verdict.ACCEPT
