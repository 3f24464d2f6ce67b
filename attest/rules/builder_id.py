"""Every step was run by a builder the reader allows.

The trust file already binds each builder principal to the builder ids it may claim; this rule narrows them
further to the ids in ``allow`` (exact, or with an anchored ``*``).

FAIL: a step claims another builder id, or one its signer may not claim.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attest.review import Review
from attest.rule import Rule, unseen
from attest.trust import matches
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["BuilderId"]


class BuilderId(Rule):
    """Every step was run by a builder the reader allows."""

    NAME: ClassVar[str] = "builder-id"
    OVER: ClassVar[str] = "steps"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "there is no step to look at"
    REMEDY: ClassVar[str] = "Ask for steps that were run by a builder you allow."
    QUESTIONS: ClassVar[tuple[int, ...]] = (3,)

    allow: list[str] = Field(default_factory=list, description="Builder ids; empty: those of the trust file.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        return f"Every step was run by {' or '.join(self.allow) or 'a builder its signer may speak for'}."

    def check(self, review: Review) -> Outcome:
        """Compare the builder id of every step."""
        steps = review.lineage.steps
        findings = []
        for node in steps:
            claimed = node.step.run_details.builder.id
            allowed = not self.allow or any(matches(pattern, claimed) for pattern in self.allow)
            if allowed and node.evidence.granted:
                continue
            findings.append(
                Finding(
                    "builder-not-allowed",
                    Result.FAIL,
                    f"sha256:{node.evidence.digest}",
                    f"a {node.kind} step claims to be run by a builder you do not allow"
                    if not allowed
                    else f"a {node.kind} step claims a builder its signer may not speak for",
                    expected=" or ".join(self.allow) or "a builder id of the trust file",
                    actual=claimed,
                    evidence=(node.evidence.digest,),
                    remedy="Ask for the step run by the agreed builder.",
                )
            )
        return conclude(len(steps), [*findings, *unseen(review, "steps")])
