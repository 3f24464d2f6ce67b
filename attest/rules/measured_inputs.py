"""Every digest of an input was measured by whoever ran the step, not taken over from others.

A step says in ``digestSource`` of an input that its digest, or a digest of one of its files, was taken over:
from a Git LFS pointer, a hub's cache, an OCI layout, a Croissant description, a provider's checksum, or, as
``declared``, from the user. The bytes the step read may be others. Sources in ``accept`` are as good as
measured.

FAIL: a step took a digest over from a source that the policy does not accept. UNKNOWN: a step of a foreign
build type, which does not say where digests are from, or a gap may hide steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from attest.graph import StepNode
from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["MeasuredInputs"]


class MeasuredInputs(Rule):
    """Every digest of an input was measured, or taken over from a source the policy accepts."""

    NAME: ClassVar[str] = "measured-inputs"
    OVER: ClassVar[str] = "steps"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "a step of a foreign build type does not say where digests are from"
    REMEDY: ClassVar[str] = "Ask for steps whose inputs were measured: recorded without --adopt-digests."

    QUESTIONS: ClassVar[tuple[int, ...]] = (8,)

    accept: list[str] = Field(
        default_factory=list,
        description="Sources as good as measured, as they stand in digestSource: git-lfs, huggingface, oci, "
        "croissant, s3-checksum, declared (opaque models that are not on the builder's disk).",
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        also = f", or taken over from {' or '.join(self.accept)}" if self.accept else ""
        return f"Every digest of an input was measured by whoever ran the step{also}."

    def check(self, review: Review) -> Outcome:
        """Look at where every step has the digests of its own inputs from."""
        steps = [node for node in review.lineage.steps if node.evidence.granted]
        findings = [finding for node in steps for finding in self._step(node)]
        return conclude(len(steps), [*findings, *unseen(review, "steps", behind_datasets=True)])

    def _step(self, node: StepNode) -> Iterator[Finding]:
        if node.step.kind is None:
            yield Finding(
                "input-source-unstated",
                Result.UNKNOWN,
                f"sha256:{node.evidence.digest}",
                "a step of a foreign build type does not say whether it measured the digests of its inputs",
                evidence=(node.evidence.digest,),
                remedy="Ask whether its inputs were measured, in a step of a build type that says so.",
            )
        for item in node.inputs:
            sources = (item.digest_source or "").split(", ") if item.digest_source is not None else []
            refused = [each for each in sources if each not in self.accept]
            if refused:
                yield Finding(
                    "input-not-measured",
                    Result.FAIL,
                    str(item.artifact) if item.artifact else f"sha256:{node.evidence.digest}",
                    f"the digest of a {item.role} was taken over and not measured",
                    " or ".join(["measured", *self.accept]),
                    ", ".join(refused),
                    evidence=(node.evidence.digest,),
                    remedy="Ask for a recording of this step that measured its inputs.",
                )
