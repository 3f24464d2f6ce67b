"""The ancestry of an artifact: every step, dataset and base model behind it, and what is not explained.

The walk is iterative (chains of 100,000 steps), follows every edge there is, believed or not (a withdrawn or
doubtful statement grants nothing but still reveals), and never takes a name for a link.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from attest.graph import MODEL_ROLES, SUPPORT_ROLES, Evidence, Graph, StepNode, scrutiny
from attest.predicates.dataset import Dataset
from attest.predicates.step import Input
from attest.resource import Artifact

__all__ = ["Ancestor", "Lineage", "Status"]


_HEAD = 6
"""Labels of a long path that are kept at each end."""

_BUILT_UPON = MODEL_ROLES - {"tokenizer"}


class Status(StrEnum):
    """How well an artifact is explained by statements the reader believes."""

    OK = "ok"
    OPAQUE = "opaque"
    WITHDRAWN = "withdrawn"
    UNTRUSTED = "untrusted"
    GAP = "gap"


@dataclass(eq=False)
class Ancestor:
    """An artifact of the lineage and how it was reached."""

    artifact: Artifact
    uses: list[tuple[StepNode | None, Input | None]] = field(default_factory=list)
    """Every step that read it, with the input entry; ``(None, None)`` for a delivered artifact."""
    via: tuple[Artifact, str] | None = None
    """The artifact one hop nearer to the delivered one, and the kind of hop; ``None`` for a root."""
    distance: int = 0
    """Hops to the root it was reached from first."""
    head: tuple[str, ...] = field(default=(), repr=False)
    """The first labels of the path to it, from the root: a long path is never walked to its end."""
    parents: list[Artifact] = field(default_factory=list)
    level: int = 0
    status: Status = Status.OK

    @property
    def roles(self) -> list[str]:
        """The roles it was read in, sorted."""
        return sorted({each.role for _, each in self.uses if each is not None})

    @property
    def opaque_reason(self) -> str:
        """Why its lineage is declared closed, or empty."""
        reasons = (each.reason for _, each in self.uses if each is not None and each.opaque)
        return next((reason for reason in reasons if reason and reason.strip()), "")


class Lineage:
    """Everything behind the roots.

    Args:
        graph: the verified statements.
        roots: the attested artifacts that the delivery is, or is part of.
    """

    def __init__(self, graph: Graph, roots: Iterable[Artifact]) -> None:
        self.graph = graph
        self.roots = tuple(sorted(set(roots)))
        self.ancestors: dict[Artifact, Ancestor] = {}
        self.steps: list[StepNode] = []
        self.unlinked: list[tuple[StepNode, Input]] = []
        """Inputs without a SHA-256: they link to nothing."""
        self.cyclic: tuple[Artifact, ...] = ()
        self._walk()
        self._level()
        for ancestor in self.ancestors.values():
            ancestor.status = self._status(ancestor)

    # -- the walk --------------------------------------------------------------------------------------

    def _walk(self) -> None:
        queue: deque[Artifact] = deque()
        for root in self.roots:
            self.ancestors[root] = Ancestor(root, [(None, None)], head=(self.graph.name(root),))
            queue.append(root)
        seen: set[int] = set()
        while queue:
            artifact = queue.popleft()
            ancestor = self.ancestors[artifact]
            for node in self.graph.makers.get(artifact, []):
                if id(node) not in seen:
                    seen.add(id(node))
                    self.steps.append(node)
                    self.unlinked += [(node, each) for each in node.inputs if each.artifact is None]
                for each in node.read_for(artifact):
                    if each.artifact is not None:
                        self._reach(each.artifact, ancestor, node.kind, (node, each), queue)
            for source in self.derived_from(artifact):
                self._reach(source, ancestor, "derivedFrom", (None, None), queue)

    def _reach(
        self,
        artifact: Artifact,
        child: Ancestor,
        hop: str,
        use: tuple[StepNode | None, Input | None],
        queue: deque[Artifact],
    ) -> None:
        if artifact == child.artifact:
            return
        ancestor = self.ancestors.get(artifact)
        if ancestor is None:
            head = child.head if len(child.head) >= _HEAD else (*child.head, hop)
            ancestor = self.ancestors[artifact] = Ancestor(
                artifact, via=(child.artifact, hop), distance=child.distance + 1, head=head
            )
            queue.append(artifact)
        ancestor.uses.append(use)
        child.parents.append(artifact)

    def derived_from(self, artifact: Artifact) -> list[Artifact]:
        """Sources a dataset statement names: they taint and restrict, and never complete a lineage."""
        found: dict[Artifact, None] = {}
        for evidence in self.graph.datasets(artifact):
            if isinstance(evidence.predicate, Dataset):
                found |= dict.fromkeys(a for each in evidence.predicate.derived_from if (a := each.artifact))
        return list(found)

    def _level(self) -> None:
        """Give every artifact its longest distance from a root; what is left over lies on a cycle."""
        waiting: dict[Artifact, int] = dict.fromkeys(self.ancestors, 0)
        for ancestor in self.ancestors.values():
            for parent in ancestor.parents:
                waiting[parent] += 1
        ready = deque(artifact for artifact, count in waiting.items() if count == 0)
        done = 0
        while ready:
            ancestor = self.ancestors[ready.popleft()]
            done += 1
            for parent in ancestor.parents:
                self.ancestors[parent].level = max(self.ancestors[parent].level, ancestor.level + 1)
                waiting[parent] -= 1
                if waiting[parent] == 0:
                    ready.append(parent)
        if done < len(self.ancestors):
            self.cyclic = self._on_cycles({artifact for artifact, count in waiting.items() if count > 0})

    def _on_cycles(self, left: set[Artifact]) -> tuple[Artifact, ...]:
        """Of artifacts on or behind a cycle, keep those from which one of them is reached again."""
        children: dict[Artifact, int] = dict.fromkeys(left, 0)
        for artifact in left:
            children[artifact] = sum(1 for parent in self.ancestors[artifact].parents if parent in left)
        # an artifact all of whose parents are off the cycle is only behind it: peel it off from that side
        ready = deque(artifact for artifact, count in children.items() if count == 0)
        users: dict[Artifact, list[Artifact]] = {artifact: [] for artifact in left}
        for artifact in left:
            for parent in self.ancestors[artifact].parents:
                if parent in left:
                    users[parent].append(artifact)
        while ready:
            artifact = ready.popleft()
            left.discard(artifact)
            for user in users[artifact]:
                children[user] -= 1
                if children[user] == 0:
                    ready.append(user)
        return tuple(sorted(left))

    # -- what explains what ----------------------------------------------------------------------------

    def is_dataset(self, artifact: Artifact) -> bool:
        """Whether a role, or any verified statement, treats it as a dataset."""
        ancestor = self.ancestors[artifact]
        return (
            any(each is not None and scrutiny(each) == "dataset" for _, each in ancestor.uses)
            or any(node is None and each is None and ancestor.via for node, each in ancestor.uses)
            or bool(self.graph.datasets(artifact) or self.graph.rights(artifact))
        )

    def is_model(self, artifact: Artifact) -> bool:
        """Whether it was read as a base model, adapter, teacher or tokenizer."""
        return any(
            each is not None and scrutiny(each) == "model" for _, each in self.ancestors[artifact].uses
        )

    def is_support(self, artifact: Artifact) -> bool:
        """Whether it is only small code, configuration or environment: it needs no statement."""
        ancestor = self.ancestors[artifact]
        return (
            ancestor.via is not None
            and not self.is_dataset(artifact)
            and not self.is_model(artifact)
            and all(each is not None and each.role in SUPPORT_ROLES for _, each in ancestor.uses)
        )

    def makers(self, artifact: Artifact, *, believed: bool = True) -> list[StepNode]:
        """Steps that made it out of something else; a step never explains an artifact by itself."""
        return [
            node
            for node in self.graph.makers.get(artifact, [])
            if (node.evidence.believed or not believed)
            and any(each.role not in SUPPORT_ROLES for each in node.read_for(artifact))
        ]

    def is_origin(self, artifact: Artifact) -> bool:
        """Whether no believed step made it out of something else."""
        return not self.makers(artifact)

    def _status(self, ancestor: Ancestor) -> Status:
        artifact = ancestor.artifact
        if self.makers(artifact) or self.is_support(artifact):
            return Status.OK
        described = self.graph.datasets(artifact)
        only_model = self.is_model(artifact) and not any(
            each is not None and scrutiny(each) == "dataset" for _, each in ancestor.uses
        )
        tokenizer = ancestor.roles == ["tokenizer"]
        if any(each.believed for each in described) and (not only_model or tokenizer):
            return Status.OK
        if only_model and ancestor.opaque_reason:
            return Status.OPAQUE
        about = [*described, *(node.evidence for node in self.makers(artifact, believed=False))]
        if any(each.granted and each.withdrawn_by for each in about):
            return Status.WITHDRAWN
        return Status.UNTRUSTED if about else Status.GAP

    # -- what rules quantify over ----------------------------------------------------------------------

    def datasets(self) -> list[Ancestor]:
        """Datasets that answer for themselves: origins, and every one somebody made a statement about."""
        return [
            ancestor
            for artifact, ancestor in self.ancestors.items()
            if self.is_dataset(artifact)
            and (self.is_origin(artifact) or self.graph.datasets(artifact) or self.graph.rights(artifact))
        ]

    def gaps(self) -> list[Ancestor]:
        """Artifacts that need a statement and have none that is believed."""
        bad = (Status.GAP, Status.UNTRUSTED, Status.WITHDRAWN)
        return [ancestor for ancestor in self.ancestors.values() if ancestor.status in bad]

    def opaque(self) -> list[Ancestor]:
        """Base models, adapters, teachers and tokenizers whose lineage is declared closed."""
        return [ancestor for ancestor in self.ancestors.values() if ancestor.status is Status.OPAQUE]

    def base_models(self) -> list[Ancestor]:
        """Artifacts that were read as a base model, adapter or teacher."""
        return [ancestor for ancestor in self.ancestors.values() if _BUILT_UPON & set(ancestor.roles)]

    def bottom_models(self) -> list[Ancestor]:
        """Those of them that no believed step made out of another model: what all was built upon."""
        return [
            ancestor
            for ancestor in self.base_models()
            if not any(
                each.role in _BUILT_UPON
                for node in self.makers(ancestor.artifact)
                for each in node.read_for(ancestor.artifact)
            )
        ]

    def hidden(self) -> list[Ancestor]:
        """Gaps behind which datasets may lie that no rule can see: describing a model does not explain it."""
        return [
            ancestor
            for ancestor in self.gaps()
            if self.is_model(ancestor.artifact) or not self.is_dataset(ancestor.artifact)
        ]

    def path(self, artifact: Artifact) -> tuple[str, ...]:
        """Labels from the delivered artifact back to ``artifact``; a long one keeps its two ends."""
        ancestor = self.ancestors.get(artifact)
        tail = [self.graph.name(artifact)]
        if ancestor is None or ancestor.via is None:
            return tuple(tail)
        labels = ancestor.distance + 2  # the two ends, and a hop for each step between
        wanted = labels - 1 if labels <= 2 * _HEAD else _HEAD
        current = ancestor
        while len(tail) < wanted and current.via is not None:
            nearer, hop = current.via
            tail.append(hop)
            current = self.ancestors[nearer]
        tail.reverse()
        if labels <= 2 * _HEAD:
            return (ancestor.head[0], *tail)
        return (*ancestor.head, f"… {labels - 2 * _HEAD} more …", *tail)

    def evidence(self) -> list[Evidence]:
        """Every verified statement about an artifact of the lineage, in a stable order."""
        found: dict[str, Evidence] = {node.evidence.digest: node.evidence for node in self.steps}
        for by_artifact in self.graph.about.values():
            for artifact in self.ancestors.keys() & by_artifact.keys():
                found |= {each.digest: each for each in by_artifact[artifact]}
        return [found[digest] for digest in sorted(found)]

    @property
    def complete(self) -> bool:
        """Whether it has roots, nothing is unexplained and nothing runs in a circle."""
        return bool(self.roots) and not self.gaps() and not self.unlinked and not self.cyclic
