"""When, and in what kind of step, data was used: by the step that read it, or that read what was made of it.

Data is used where a step trains, tunes, evaluates, embeds or indexes. Cleaning, joining or converting it only
passes it on. A model made with it is no longer the data: what is done with the model later is no use of the
data. When a step ran is its builder's word.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from attest.graph import StepNode
from attest.lineage import Lineage
from attest.resource import Artifact

__all__ = ["USES", "Usage", "usages"]

USES = frozenset({"train", "finetune", "align", "distill", "embed", "index", "evaluate"})
"""Kinds of steps that use data."""


@dataclass(frozen=True)
class Usage:
    """Every use of one artifact as data."""

    kinds: frozenset[str] = frozenset()
    first: datetime | None = None
    """When the earliest use that says so began."""
    last: datetime | None = None
    """When the latest use that says so ended."""
    timed: bool = True
    """Whether every use says when it ran, from when to when."""

    def __or__(self, other: Usage) -> Usage:
        """Return both together."""
        return Usage(
            self.kinds | other.kinds,
            min((t for t in (self.first, other.first) if t is not None), default=None),
            max((t for t in (self.last, other.last) if t is not None), default=None),
            self.timed and other.timed,
        )


def _of(node: StepNode) -> Usage:
    ran = node.step.run_details.metadata
    start, end = (ran.started_on, ran.finished_on) if ran else (None, None)
    return Usage(
        frozenset({node.kind}), start or end, end or start, timed=start is not None and end is not None
    )


def usages(lineage: Lineage) -> dict[Artifact, Usage]:
    """Return the use of every artifact of a lineage as data, believed steps and others alike.

    Walks from the delivery backwards, each artifact once. Nothing on a cycle is timed.
    """
    found: dict[Artifact, Usage] = defaultdict(lambda: Usage(timed=not lineage.cyclic))
    for artifact in sorted(lineage.ancestors, key=lambda each: lineage.ancestors[each].level):
        own = found[artifact]
        for source in lineage.derived_from(artifact):
            found[source] |= own
        for node in lineage.graph.makers.get(artifact, []):
            passed = Usage() if node.kind in USES else own
            if node.kind in USES or node.step.kind is None:
                passed |= _of(node)
            for item in node.read_for(artifact):
                if item.artifact is not None:
                    found[item.artifact] |= passed
    return dict(found)
