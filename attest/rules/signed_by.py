"""Every statement the lineage rests on is signed by somebody trusted to make it.

Every step behind the model needs a signature by a principal of the trust role named in ``steps`` (with a
builder id that role may claim), every origin dataset a dataset statement by one of the role in ``datasets``.

FAIL: the only statement is by a principal without the role, or by somebody the trust file does not name.
UNKNOWN: there is no statement at all.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from attest.graph import Evidence
from attest.lineage import Ancestor, Status
from attest.review import Review
from attest.rule import Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["SignedBy"]


class SignedBy(Rule):
    """Every statement the lineage rests on is signed by somebody trusted to make it."""

    NAME: ClassVar[str] = "signed-by"
    OVER: ClassVar[str] = "steps and origin datasets"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "there is no statement at all about a step or an origin dataset"
    REMEDY: ClassVar[str] = "Ask for the statement, signed by the one you trust for it."
    QUESTIONS: ClassVar[tuple[int, ...]] = (2,)

    steps: Literal["builder"] = Field(default="builder", description="Trust role that signs steps.")
    datasets: Literal["data-owner"] = Field(
        default="data-owner", description="Trust role that signs origin datasets."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        return f"Every step is signed by a {self.steps}, every origin dataset by its {self.datasets}."

    def check(self, review: Review) -> Outcome:
        """Look at who signed every step and every origin dataset."""
        lineage = review.lineage
        findings = [_refused(node.evidence, node.kind) for node in lineage.steps if not node.evidence.granted]
        origins = [each for each in lineage.datasets() if lineage.is_origin(each.artifact)]
        for ancestor in origins:
            findings += self._origin(review, ancestor)
        for ancestor in lineage.hidden():
            findings += _strangers(review, ancestor)
        findings += unseen(review, "steps and datasets")
        return conclude(len(lineage.steps) + len(origins), findings)

    def _origin(self, review: Review, ancestor: Ancestor) -> list[Finding]:
        statements = review.graph.datasets(ancestor.artifact)
        if any(each.granted and each.predicate for each in statements) or ancestor.status is Status.OPAQUE:
            return []
        if statements:
            return [_refused(each, "dataset") for each in statements]
        if strangers := _strangers(review, ancestor):
            return strangers
        name = review.graph.name(ancestor.artifact)
        return [
            about(
                review,
                ancestor,
                "dataset-unsigned",
                Result.UNKNOWN,
                f"nobody signed a dataset statement about {name}",
                remedy=f"Ask for the dataset statement of {name}, signed by its {self.datasets}.",
            )
        ]


def _refused(evidence: Evidence, kind: str) -> Finding:
    signers = ", ".join(str(signature.signer) for signature in evidence.signatures)
    return Finding(
        "signer-lacks-role",
        Result.FAIL,
        f"sha256:{evidence.digest}",
        f"the {kind} statement is not believed: {evidence.reason}",
        expected="a principal of that role"
        if evidence.predicate is not None
        else "a statement that can be read",
        actual=signers,
        evidence=(evidence.digest,),
        remedy="Ask why this party signed it; give it the role in trust.yaml only if it should have it.",
    )


def _strangers(review: Review, ancestor: Ancestor) -> list[Finding]:
    return [
        about(
            review,
            ancestor,
            "signed-by-stranger",
            Result.FAIL,
            f"the statement about {review.graph.name(ancestor.artifact)} is {stranger.reason}",
            evidence=(stranger.digest,),
            remedy="Ask who signed it, and compare fingerprints before you trust that key.",
        )
        for stranger in review.strangers_about(ancestor.artifact)
    ]
