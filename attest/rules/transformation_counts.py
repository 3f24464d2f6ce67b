"""Every transformation states how many records it read, wrote and removed, and they add up.

Each step of ``kinds`` must state its counts: what went in is what came out and what was removed, unless one
of its ``operations`` makes more (``augment``, ``generate``, ``split``, ``tokenise``, ``translate``). And they
must follow on each other: what went in is what the datasets it read hold, by their own statements or by the
steps that made them. A step of another kind that states counts is held to them in the same way. ``follow:
no`` asks for the sums alone.

FAIL: the numbers of one step do not add up, or two statements give one dataset different numbers of records,
or a step read another number than its datasets hold. UNKNOWN: a step does not state its counts, nobody says
how many records a dataset it read holds, or a gap may hide steps. It does not apply where the whole lineage
is known and no step is of these kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.graph import StepNode
from attest.predicates.dataset import Dataset
from attest.predicates.step import Counts
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["TransformationCounts"]

KindName = Literal[
    "transform",
    "train",
    "finetune",
    "align",
    "distill",
    "convert",
    "embed",
    "index",
    "evaluate",
]

_MAKES_MORE = frozenset({"augment", "generate", "split", "tokenise", "translate"})


class TransformationCounts(Rule):
    """Every transformation states how many records it read, wrote and removed, and they add up."""

    NAME: ClassVar[str] = "transformation-counts"
    OVER: ClassVar[str] = "transformations"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a transformation does not state its counts, or a dataset its number of records"
    )
    REMEDY: ClassVar[str] = "Ask how many records each transformation read, wrote and removed."
    QUESTIONS: ClassVar[tuple[int, ...]] = (6,)

    kinds: list[KindName] = Field(
        default=["transform"], min_length=1, description="Kinds of steps that must state their counts."
    )
    follow: Literal["yes", "no"] = Field(
        default="yes", description="Whether the counts must agree from one step to the next."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        also = ", and they agree from one step to the next" if self.follow == "yes" else ""
        which = " or ".join(self.kinds)
        return f"Every {which} step states how many records it read, wrote and removed; they add up{also}."

    def check(self, review: Review) -> Outcome:
        """Add up the counts of every step, and along the lineage."""
        known = _Records(review)
        steps = [node for node in review.lineage.steps if node.evidence.granted]
        asked = [node for node in steps if node.kind in self.kinds]
        findings = [finding for node in steps for finding in self._sum(node)]
        if self.follow == "yes":
            findings += known.disagreements()
            findings += [finding for node in steps for finding in self._follow(review, node, known)]
        findings += unseen(review, "transformations", behind_datasets=True)
        if not asked and not findings and review.lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, len(steps))
        return conclude(len(asked), findings)

    def _sum(self, node: StepNode) -> Iterator[Finding]:
        counts = node.step.counts or Counts(None, None, None)
        missing = [name for name, n in zip(("in", "out", "removed"), counts, strict=True) if n is None]
        if missing and node.kind in self.kinds:
            yield _finding(
                node, "counts-missing", Result.UNKNOWN, f"does not say how many records: {', '.join(missing)}"
            )
        into, out, removed = counts
        if into is None or out is None:
            return
        left = into - (removed or 0)
        fewer = out < left and removed is not None
        if fewer or (out > left and not _makes_more(node)):
            yield _finding(
                node,
                "counts-wrong",
                Result.FAIL,
                f"read {into} records, removed {removed or 0} and wrote {out}",
                expected=f"{left} written",
                actual=f"{out} written",
            )

    def _follow(self, review: Review, node: StepNode, known: _Records) -> Iterator[Finding]:
        into = node.step.counts.into if node.step.counts else None
        read = dict.fromkeys(
            item.artifact for item in node.inputs if item.role == "dataset" and item.artifact
        )
        if into is None or not read:
            return
        numbers = {artifact: known.of(artifact) for artifact in read}
        silent = [review.graph.name(artifact) for artifact, number in numbers.items() if number is None]
        total = sum(number for number in numbers.values() if number is not None)
        if silent and node.kind in self.kinds:
            yield _finding(
                node,
                "counts-unlinked",
                Result.UNKNOWN,
                f"read {into} records, and nobody says how many there are in: {', '.join(silent[:5])}",
            )
        if total > into if silent else total != into:
            yield _finding(
                node,
                "counts-mismatch",
                Result.FAIL,
                f"says that it read {into} records, and the datasets it read hold {total}",
                expected=f"{total} read",
                actual=f"{into} read",
            )


class _Records:
    """How many records datasets hold, by their own statements and by the steps that made them alone."""

    def __init__(self, review: Review) -> None:
        self._claims: dict[Artifact, dict[int, set[str]]] = {}
        self._review = review
        for artifact in review.lineage.ancestors:
            for each in review.graph.datasets(artifact):
                content = each.predicate.content if isinstance(each.predicate, Dataset) else None
                if each.granted and content and content.record_count is not None:
                    self._note(artifact, content.record_count, each.digest)
        for node in review.lineage.steps:
            out = node.step.counts.out if node.step.counts else None
            # of several outputs nobody can tell how the records are divided
            if node.evidence.granted and out is not None and len(node.outputs) == 1:
                self._note(node.outputs[0], out, node.evidence.digest)

    def _note(self, artifact: Artifact, number: int, digest: str) -> None:
        self._claims.setdefault(artifact, {}).setdefault(number, set()).add(digest)

    def of(self, artifact: Artifact) -> int | None:
        """The number somebody states; ``None`` where nobody does, or two do not agree."""
        claims = self._claims.get(artifact, {})
        return next(iter(claims)) if len(claims) == 1 else None

    def disagreements(self) -> list[Finding]:
        """Datasets of which two statements give different numbers."""
        return [
            Finding(
                "counts-disagree",
                Result.FAIL,
                str(artifact),
                f"{self._review.graph.name(artifact)} holds {' and '.join(map(str, sorted(claims)))} "
                "records, by two statements about the same bytes",
                actual=", ".join(map(str, sorted(claims))),
                path=self._review.lineage.path(artifact),
                evidence=tuple(sorted(set().union(*claims.values()))),
                remedy="Ask which number is true.",
            )
            for artifact, claims in self._claims.items()
            if len(claims) > 1
        ]


def _makes_more(node: StepNode) -> bool:
    operations = node.step.build_definition.external_parameters.get("operations")
    words = operations if isinstance(operations, list) else [operations]
    return any(isinstance(word, str) and word in _MAKES_MORE for word in words)


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
        remedy="Ask how many records this step read, wrote and removed.",
    )
