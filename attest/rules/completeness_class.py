"""Every step says that it lists all of its inputs, and how far that was enforced.

A step must claim ``all-inputs-listed``; what backs the claim must be at least ``enforced``: ``observed`` (the
files it opened were watched) or ``sandbox`` (it could open no others). With ``recorded: during`` it must have
been recorded while it ran, not pieced together afterwards. All of it is the builder's word.

FAIL: a step says that its list is partial, that less enforced it, or that it was recorded after the fact.
UNKNOWN: a step does not say, or a gap may hide steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.graph import StepNode
from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["CompletenessClass"]

_CLASSES = ("none", "observed", "sandbox")


class CompletenessClass(Rule):
    """Every step says that it lists all of its inputs, and how far that was enforced."""

    NAME: ClassVar[str] = "completeness-class"
    OVER: ClassVar[str] = "steps"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "a step does not say whether its inputs are complete, or what enforced that"
    REMEDY: ClassVar[str] = "Ask for steps that were recorded while they ran, with their inputs observed."
    QUESTIONS: ClassVar[tuple[int, ...]] = (5,)

    enforced: Literal["none", "observed", "sandbox"] = Field(
        default="observed", description="The least that must have enforced the claim."
    )
    recorded: Literal["during", "any"] = Field(
        default="during", description="Whether a step must have been recorded while it ran."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        by = "" if self.enforced == "none" else f", enforced at least by {_NAMES[self.enforced]}"
        while_ = ", recorded while it ran" if self.recorded == "during" else ""
        return f"Every step says that it lists all of its inputs{by}{while_}."

    def check(self, review: Review) -> Outcome:
        """Look at what every step says of its own inputs."""
        steps = [node for node in review.lineage.steps if node.evidence.granted]
        findings = [finding for node in steps for finding in self._step(node)]
        return conclude(len(steps), [*findings, *unseen(review, "steps", behind_datasets=True)])

    def _step(self, node: StepNode) -> Iterator[Finding]:
        claim, enforced = node.step.completeness
        if claim == "partial":
            yield _finding(
                node, "completeness-too-weak", Result.FAIL, "says that its list of inputs is partial"
            )
        elif claim == "unknown":
            yield _finding(
                node, "completeness-unstated", Result.UNKNOWN, "does not say that it lists all of its inputs"
            )
        if enforced == "unknown" and self.enforced != "none":
            yield _finding(
                node, "completeness-unstated", Result.UNKNOWN, "does not say what enforced its list of inputs"
            )
        elif enforced in _CLASSES and _CLASSES.index(enforced) < _CLASSES.index(self.enforced):
            yield _finding(
                node,
                "completeness-too-weak",
                Result.FAIL,
                "has a list of inputs that less enforced than the policy asks for",
                expected=f"at least {self.enforced}",
                actual=enforced,
            )
        if self.recorded == "during" and node.step.recorded != "during":
            known = node.step.recorded == "after-the-fact"
            yield _finding(
                node,
                "recorded-afterwards" if known else "recording-unstated",
                Result.FAIL if known else Result.UNKNOWN,
                "was recorded after the fact"
                if known
                else "does not say whether it was recorded while it ran",
                expected="during",
                actual=node.step.recorded,
            )


_NAMES = {"observed": "watching what it opened", "sandbox": "letting it open nothing else"}


def _finding(
    node: StepNode, code: str, result: Result, what: str, *, expected: str = "", actual: str = ""
) -> Finding:
    return Finding(
        code,
        result,
        f"sha256:{node.evidence.digest}",
        f"a {node.kind} step {what}",
        expected,
        actual,
        evidence=(node.evidence.digest,),
        remedy="Ask for a recording of this step that observed its inputs while it ran.",
    )
