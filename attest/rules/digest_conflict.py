"""No two digests contradict each other.

``sha256`` is the only link, but where a statement gives other digests of the same bytes they must agree, and
the files a statement lists for a directory must add up to the directory's digest.

FAIL: they do not.
"""

from __future__ import annotations

from typing import ClassVar

from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["DigestConflict"]


class DigestConflict(Rule):
    """No two digests contradict each other."""

    NAME: ClassVar[str] = "digest-conflict"
    OVER: ClassVar[str] = "artifacts"
    QUANTIFIER: ClassVar[str] = "no"
    WHEN_UNKNOWN: ClassVar[str] = "there is no artifact to compare"
    REMEDY: ClassVar[str] = "Ask which of the two statements is false, and for its withdrawal."
    QUESTIONS: ClassVar[tuple[int, ...]] = (8,)

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        return "No artifact of the lineage has digests that contradict each other."

    def check(self, review: Review) -> Outcome:
        """Look at the conflicts the graph found among artifacts of this lineage."""
        inside = {artifact.sha256 for artifact in review.lineage.ancestors}
        findings = [
            Finding(
                "digest-conflict",
                Result.FAIL,
                str(conflict.artifact),
                f"{review.graph.name(conflict.artifact)}: {conflict.what} differ",
                expected=conflict.expected,
                actual=conflict.actual,
                evidence=conflict.evidence,
                remedy="One of these statements is false: ask which, and for its withdrawal.",
            )
            for conflict in review.graph.conflicts
            if conflict.artifact.sha256 in inside
        ]
        return conclude(len(inside), [*findings, *unseen(review, "artifacts")])
