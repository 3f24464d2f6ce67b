"""Statements carry a trusted time: a timestamp authority the reader pinned saw the signature.

The time is an upper bound ("signed before"): it keeps a signature good after its key ends, and shows that a
statement was not made up afterwards. ``before`` asks that every one was signed before a given time.

FAIL: signed after ``before``. UNKNOWN: no trusted time.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attest.graph import Evidence
from attest.model import Timestamp, format_time
from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["TrustedTime"]


class TrustedTime(Rule):
    """Statements carry a trusted time."""

    NAME: ClassVar[str] = "trusted-time"
    OVER: ClassVar[str] = "steps, and datasets if asked"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "a statement carries no time of an authority you pinned"
    REMEDY: ClassVar[str] = "Ask for the statements with an RFC 3161 timestamp or a log entry."
    QUESTIONS: ClassVar[tuple[int, ...]] = (4,)

    steps: Literal["required", "optional"] = Field(
        default="required", description="Whether steps need a trusted time."
    )
    datasets: Literal["required", "optional"] = Field(
        default="optional", description="Whether dataset statements need one."
    )
    before: Timestamp | None = Field(default=None, description="Latest trusted time allowed.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        which = [name for name in ("steps", "datasets") if getattr(self, name) == "required"]
        bound = f" before {format_time(self.before)}" if self.before else ""
        return f"Every statement about {' and '.join(which) or 'nothing'} has a trusted time{bound}."

    @property
    def flaws(self) -> tuple[str, ...]:
        """Asking for nothing examines nothing."""
        if self.steps == self.datasets == "optional":
            return ("asks for no statement's time, so it examines nothing and can never pass",)
        return ()

    def check(self, review: Review) -> Outcome:
        """Look for a trusted time on every statement asked for."""
        lineage = review.lineage
        wanted: dict[str, Evidence] = {}
        if self.steps == "required":
            wanted |= {node.evidence.digest: node.evidence for node in lineage.steps if node.evidence.granted}
        if self.datasets == "required":
            for ancestor in lineage.datasets():
                wanted |= {e.digest: e for e in review.graph.datasets(ancestor.artifact) if e.granted}
        findings = [f for digest in sorted(wanted) for f in self._one(wanted[digest])]
        findings += unseen(review, "statements")
        return conclude(len(wanted), findings)

    def _one(self, evidence: Evidence) -> list[Finding]:
        time = evidence.trusted_time
        subject, digests = f"sha256:{evidence.digest}", (evidence.digest,)
        if time is None:
            return [
                Finding(
                    "no-trusted-time",
                    Result.UNKNOWN,
                    subject,
                    f"nothing shows when this {evidence.kind} statement was signed",
                    evidence=digests,
                    remedy="Ask for it with a timestamp of an authority you both trust.",
                )
            ]
        if self.before is not None and time >= self.before:
            return [
                Finding(
                    "signed-too-late",
                    Result.FAIL,
                    subject,
                    f"this {evidence.kind} statement is only shown to be signed before {format_time(time)}",
                    expected=f"before {format_time(self.before)}",
                    actual=format_time(time),
                    evidence=digests,
                    remedy="Ask why it was signed, or timestamped, so late.",
                )
            ]
        return []
