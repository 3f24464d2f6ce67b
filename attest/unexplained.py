"""What the statements leave unexplained: inputs nobody speaks for, lists that are not whole, links missing.

Where ``attest.lineage`` looks back from one delivered artifact, this looks at everything there is, once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from attest.graph import SUPPORT_ROLES, Evidence, Graph, StepNode, scrutiny
from attest.predicate import predicate_name
from attest.predicates.contents import Contents
from attest.predicates.dataset import Dataset
from attest.predicates.step import Input
from attest.resource import Artifact

__all__ = ["PROBLEMS", "Unknown", "Unknowns"]

PROBLEMS = {
    "gap": "no statement says what it is or what it was made from",
    "untrusted": "what is said of it was signed by nobody you trust for it",
    "withdrawn": "what was said of it has been withdrawn",
    "opaque": "it is declared opaque: nothing is known of how it was made",
    "unreadable": "a statement about it cannot be read in full",
    "inputs-partial": "the step that made it does not claim to list every input",
    "inputs-missing": "the step that made it lists no input it cannot do without",
    "no-digest": "an input of the step that made it, or a source it names, has no sha256",
    "not-shown": "a list of contents names statements about what is behind it that are not in hand",
}
"""What can be wrong with an artifact's explanation, in words."""

_EXPLAINING = frozenset({"dataset", "step", "withdrawal"})
_ABOUT_BYTES = ("contents", "dataset", "distribution", "rights")


@dataclass(frozen=True, order=True)
class Unknown:
    """One thing that is not explained."""

    artifact: Artifact
    """What is not explained, or what was made with something unexplained."""
    problem: str
    """One of ``PROBLEMS``."""
    name: str = ""
    """Of an input without a digest: what the statement calls it; of an opaque one, the reason given."""
    statements: tuple[str, ...] = ()
    """Digests of the statements that show it."""


def _explains(type_uri: str) -> bool:
    """Whether a statement of that type can say what an artifact is or was made from; a foreign one may."""
    return predicate_name(type_uri) in _EXPLAINING | {None}


class Unknowns:
    """Everything in a graph that is not explained, and the links as they are needed to find it.

    Args:
        graph: the statements.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.readers: dict[Artifact, list[tuple[StepNode, Input]]] = defaultdict(list)
        """Artifact → steps that read it, with the entry, in the order of statement digests."""
        self.derived: dict[Artifact, list[Evidence]] = defaultdict(list)
        """Artifact → dataset statements that name it as a source."""
        for node in graph.steps:
            for item in node.inputs:
                if item.artifact is not None:
                    self.readers[item.artifact].append((node, item))
        for each in graph.evidence:
            if dataset := each.said(Dataset):
                for source in {a for item in dataset.derived_from if (a := item.artifact)}:
                    self.derived[source].append(each)

    @cached_property
    def artifacts(self) -> set[Artifact]:
        """Every artifact that something was made from, that was made, or that a statement is about."""
        found = {*self.readers, *self.derived}
        found.update(*(node.outputs for node in self.graph.steps))
        for kind in _ABOUT_BYTES:
            found.update(self.graph.about[kind])
        return found

    def makers(self, artifact: Artifact) -> list[StepNode]:
        """Steps that made it out of something else, believed or not."""
        return [
            node
            for node in self.graph.makers.get(artifact, [])
            if any(each.role not in SUPPORT_ROLES for each in node.read_for(artifact))
        ]

    @cached_property
    def all(self) -> list[Unknown]:
        """Everything unexplained, sorted."""
        found: set[Unknown] = set()
        for artifact in self.artifacts:
            found.update(self._of(artifact))
        for node in self.graph.steps:
            found.update(self._of_step(node))
        found.update(self._not_shown())
        return sorted(found)

    @cached_property
    def doubted(self) -> set[Artifact]:
        """Artifacts something is unexplained about."""
        return {each.artifact for each in self.all}

    # -- one artifact --------------------------------------------------------------------------------------

    def _of(self, artifact: Artifact) -> Iterator[Unknown]:
        described = self.graph.datasets(artifact)
        for each in described:
            if not isinstance(each.predicate, Dataset):
                yield Unknown(artifact, "unreadable", "", (each.digest,))
            elif nameless := [item for item in each.predicate.derived_from if item.artifact is None]:
                yield Unknown(artifact, "no-digest", nameless[0].name or "", (each.digest,))
        for each in self.graph.about["step"].get(artifact, ()):
            yield Unknown(artifact, "unreadable", "", (each.digest,))
        if not self._explained(artifact):
            yield self._why_not(artifact, described)

    def _explained(self, artifact: Artifact) -> bool:
        if any(node.evidence.believed for node in self.makers(artifact)):
            return True
        uses = [item for _, item in self.readers.get(artifact, ())]
        if self._is_support(artifact, uses):
            return True
        # how it is used says nothing about where it comes from: else leaving out a use could explain it
        return any(each.believed for each in self.graph.datasets(artifact))

    def _is_support(self, artifact: Artifact, uses: list[Input]) -> bool:
        """Whether it is only small code, configuration or environment: it needs no statement."""
        spoken_of = (
            self.graph.datasets(artifact) or self.graph.rights(artifact) or self.graph.makers.get(artifact)
        )
        return bool(uses) and not spoken_of and all(scrutiny(item) == "support" for item in uses)

    def _why_not(self, artifact: Artifact, described: list[Evidence]) -> Unknown:
        for _, item in self.readers.get(artifact, ()):
            if item.opaque and item.reason and item.reason.strip() and not described:
                return Unknown(artifact, "opaque", item.reason)
        about = [*described, *(node.evidence for node in self.makers(artifact))]
        digests = tuple(sorted({each.digest for each in about}))
        if any(each.granted and each.withdrawn_by for each in about):
            return Unknown(artifact, "withdrawn", "", digests)
        return Unknown(artifact, "untrusted" if about else "gap", "", digests)

    # -- one step ------------------------------------------------------------------------------------------

    def _of_step(self, node: StepNode) -> Iterator[Unknown]:
        said = (node.evidence.digest,)
        for item in node.inputs:
            if item.artifact is None:
                yield from (Unknown(output, "no-digest", item.called, said) for output in node.outputs)
        if not node.evidence.believed:
            return
        if not node.lists_all:
            yield from (Unknown(output, "inputs-partial", "", said) for output in node.outputs)
        if node.lacks:
            yield from (Unknown(output, "inputs-missing", "", said) for output in node.outputs)

    # -- what is listed and not in hand --------------------------------------------------------------------

    def _not_shown(self) -> Iterator[Unknown]:
        """What a believed list names and nobody shows may be about anything behind the release."""
        known = self.graph.by_digest
        for each in self.graph.evidence:
            contents = each.said(Contents)
            if contents is None or not each.granted:
                continue
            missing = tuple(
                sorted(
                    row.digest.sha256
                    for row in contents.statements
                    if row.digest.sha256 not in known and _explains(row.predicate_type)
                )
            )
            if missing:
                for artifact in self._behind(each.artifacts):
                    yield Unknown(artifact, "not-shown", "", (each.digest, *missing[:10]))

    def _behind(self, artifacts: tuple[Artifact, ...]) -> set[Artifact]:
        seen = set(artifacts)
        stack = list(artifacts)
        while stack:
            artifact = stack.pop()
            sources = {
                a
                for node in self.graph.makers.get(artifact, [])
                for each in node.inputs
                if (a := each.artifact)
            }
            for each in self.graph.datasets(artifact):
                if isinstance(each.predicate, Dataset):
                    sources |= {a for item in each.predicate.derived_from if (a := item.artifact)}
            stack += sources - seen
            seen |= sources
        return seen
