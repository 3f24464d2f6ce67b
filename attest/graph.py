"""Verified statements as a graph by digest.

Nodes are artifacts; a step joins what it read to what it wrote. Names, paths, URLs and the order of lines
join nothing. Everything here is pure: no I/O, no clock, no recursion, and the same evidence in any order
gives the same graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from sys import intern
from typing import Any

from attest.digest import ALIASES
from attest.errors import FormatError
from attest.evidence import Evidence, Signature
from attest.manifest import Manifest
from attest.predicate import is_name_blind
from attest.predicates.dataset import Dataset
from attest.predicates.distribution import Distribution
from attest.predicates.link import step_of
from attest.predicates.step import Input, Step, missing_roles
from attest.resource import Artifact, ResourceDescriptor

__all__ = [
    "DATASET_ROLES",
    "MODEL_ROLES",
    "SUPPORT_ROLES",
    "Conflict",
    "Evidence",
    "Graph",
    "Member",
    "Signature",
    "StepNode",
    "scrutiny",
]

DATASET_ROLES = frozenset({"dataset", "evaluation-dataset", "reward-dataset", "retrieval-dataset"})
MODEL_ROLES = frozenset({"base-model", "adapter", "teacher", "tokenizer"})
SUPPORT_ROLES = frozenset({"code", "config", "environment"})

SUPPORT_LIMIT = 1 << 20
"""Bytes above which an input said to be code, config or environment counts as a dataset."""


def scrutiny(item: Input) -> str:
    """Return how closely to look at an input: ``dataset``, ``model`` or ``support``.

    Roles only add scrutiny: an unknown role is a dataset, and so is code, configuration or an environment
    that is large or does not say how large it is.
    """
    if item.role in MODEL_ROLES:
        return "model"
    if item.role in SUPPORT_ROLES and item.size_bytes is not None and item.size_bytes <= SUPPORT_LIMIT:
        return "support"
    return "dataset"


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an attested tree."""

    sha256: str
    role: str
    """``weights``, ``tokenizer``, ``config``, ``other``; ``unknown`` where nobody signed one."""


@dataclass(frozen=True, eq=False, slots=True)
class StepNode:
    """One transformation: what it read and what it wrote, and what every walk over many of them asks."""

    evidence: Evidence
    outputs: tuple[Artifact, ...]
    """Trees and stand-alone files, byproducts, and files of role ``weights`` inside those trees."""
    kind: str
    """Build kind, e.g. ``train``; ``step`` for a build type that is not ours."""
    inputs: tuple[Input, ...] = field(repr=False)
    """What it says it read; of a step at rest without the descriptors."""
    byproducts: tuple[Artifact, ...]
    """What it left behind."""
    lists_all: bool
    """Whether it claims to list every input."""
    lacks: bool
    """Whether it lists no input it cannot do without."""
    said: Mapping[str, str] = field(repr=False)
    """What it says of itself that tells what it made: ``format``, ``method``, ``order``."""

    @property
    def step(self) -> Step:
        """All it says; of a step at rest read again each time."""
        step = step_of(self.evidence.predicate)
        assert step is not None  # noqa: S101 - only of a step there is a node
        return step

    def read_for(self, output: Artifact) -> tuple[Input, ...]:
        """Inputs other than ``output`` itself: a step never explains an artifact by that artifact."""
        return tuple(each for each in self.inputs if each.artifact != output)


_NOT_ABOUT_BYTES = ("withdrawal", "register", "deletion-order", "deletion-certificate")
"""Kinds of statements whose subjects are statements and documents."""
_SAID = ("format", "method", "order")
_NOTHING = ResourceDescriptor()


@dataclass(frozen=True)
class Conflict:
    """Two digests that cannot both be right."""

    artifact: Artifact
    what: str
    expected: str
    actual: str
    evidence: tuple[str, ...]


def _role(descriptor: ResourceDescriptor) -> str:
    role = descriptor.annotation("role")
    return role if isinstance(role, str) else "unknown"


class Graph:
    """All verified statements, joined by digest.

    Args:
        evidence: verified statements, one per statement digest.
        manifests: manifests in hand by their own digest; they list the members of trees whose files are too
            many to be subjects.
    """

    def __init__(self, evidence: Iterable[Evidence], manifests: Mapping[str, bytes] | None = None) -> None:
        self.evidence = tuple(sorted(evidence, key=lambda each: each.digest))
        self.manifests = manifests if manifests is not None else {}
        self.steps: list[StepNode] = []
        self.makers: dict[Artifact, list[StepNode]] = defaultdict(list)
        self.members: dict[Artifact, dict[str, Member]] = {}
        self.about: dict[str, dict[Artifact, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
        self.names: dict[Artifact, str] = {}
        self.conflicts: list[Conflict] = []
        self._aliases: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        self._by_alias: dict[tuple[str, str], set[Artifact]] = defaultdict(set)
        self._described: dict[Artifact, Artifact] = {}
        """Every artifact any statement speaks of, by itself: one object for equal ones."""
        self._same: dict[tuple[Any, ...], Input] = {}
        for each in self.evidence:
            self._add(each, each.awake())
        self._same.clear()

    def _add(self, evidence: Evidence, awake: Evidence) -> None:
        """Join one statement; ``awake`` is the same as a whole, and is not kept."""
        predicate = awake.predicate
        about_bytes = evidence.kind not in _NOT_ABOUT_BYTES
        if not is_name_blind(awake.statement):
            for subject in awake.statement.subjects:
                self._note(subject, evidence, described=about_bytes)
        if (step := step_of(predicate)) is not None:
            self._add_step(evidence, awake, step)
        elif evidence.kind is not None:
            for artifact in evidence.artifacts:
                self.about[evidence.kind][artifact].append(evidence)
        named: Iterable[ResourceDescriptor] = ()
        if isinstance(predicate, Dataset):
            named = predicate.derived_from
        elif isinstance(predicate, Distribution):
            named = predicate.what or ()
        for descriptor in named:
            self._describe(descriptor)

    def _describe(self, descriptor: ResourceDescriptor) -> Artifact | None:
        """Remember that a statement speaks of an artifact, and under which other digests."""
        artifact = descriptor.artifact
        if artifact is None:
            return None
        artifact = self._described.setdefault(artifact, artifact)
        if len(descriptor.digest) > 1:
            for algorithm, value in descriptor.digest.items():
                if algorithm in ALIASES:
                    self._by_alias[algorithm, value].add(artifact)
        return artifact

    def _note(self, descriptor: ResourceDescriptor, evidence: Evidence, *, described: bool) -> None:
        """Remember the first name of an artifact, and check its other digests for agreement."""
        artifact = self._describe(descriptor) if described else descriptor.artifact
        if artifact is None:
            return
        if descriptor.name and artifact not in self.names:
            self.names[artifact] = descriptor.name
        if len(descriptor.digest) == 1:
            return
        for algorithm in ALIASES.keys() & descriptor.digest.keys():
            value = descriptor.digest[algorithm]
            known = self._aliases[artifact.sha256, algorithm]
            if known and value not in known:
                expected, source = next(iter(known.items()))
                sources = tuple(sorted({source, evidence.digest}))
                self.conflicts.append(Conflict(artifact, algorithm, expected, value, sources))
            known.setdefault(value, evidence.digest)

    def _add_step(self, evidence: Evidence, awake: Evidence, step: Step) -> None:
        for item in step.inputs:
            self._note(item.descriptor, evidence, described=True)
        for descriptor in step.byproducts:
            self._describe(descriptor)
        outputs: dict[Artifact, None] = {}
        subjects = awake.statement.subjects
        trees = {
            str(subject.name): subject.artifact
            for subject in subjects
            if subject.artifact is not None and subject.artifact.tree and str(subject.name).endswith("/")
        }
        listed: dict[Artifact, dict[str, Member]] = {artifact: {} for artifact in trees.values()}
        for subject in (*subjects, *step.byproducts):
            artifact = subject.artifact
            if artifact is None:
                continue
            # the longest tree name wins: one output directory may lie inside another
            inside = max((n for n in trees if str(subject.name or "").startswith(n)), key=len, default=None)
            if artifact.tree or inside is None:
                if artifact not in step.unchanged:
                    outputs[artifact] = None
            else:
                path = str(subject.name)[len(inside) :]
                listed[trees[inside]][path] = Member(artifact.sha256, _role(subject))
        for artifact, members in listed.items():
            weights = self._add_tree(artifact, members, awake)
            outputs |= dict.fromkeys(weights)
        node = self._node(evidence, step, outputs)
        self.steps.append(node)
        for artifact in node.outputs:
            self.makers[artifact].append(node)

    def _node(self, evidence: Evidence, step: Step, outputs: Iterable[Artifact]) -> StepNode:
        inputs, one = step.inputs, self._described
        if evidence.rests:
            inputs = tuple(self._slim(item) for item in inputs)
        external = step.build_definition.external_parameters
        return StepNode(
            evidence,
            tuple(one.get(artifact, artifact) for artifact in outputs),
            step.kind or "step",
            inputs,
            tuple(one.get(a, a) for each in step.byproducts if (a := each.artifact) is not None),
            step.completeness.claim == "all-inputs-listed",
            bool(missing_roles(step)),
            {name: value for name in _SAID if isinstance(value := external.get(name), str)},
        )

    def _slim(self, item: Input) -> Input:
        """Return an input without its descriptor; one object for equal ones."""
        artifact = item.artifact and self._described[item.artifact]
        slim = item._replace(descriptor=_NOTHING, role=intern(item.role), artifact=artifact)
        return self._same.setdefault(slim[1:], slim)

    def _add_tree(self, tree: Artifact, listed: dict[str, Member], evidence: Evidence) -> list[Artifact]:
        """Take over a tree's members if they really are those its digest stands for; return its weights."""
        if listed:
            members = listed
            if not self._adds_up(tree, listed, evidence):
                return []
        elif (data := self.manifests.get(tree.sha256)) is not None:
            manifest = Manifest.parse(data, f"manifest sha256:{tree.sha256}")
            weights = self._signed_weights(tree, evidence)
            members = {
                path: Member(sha256, "weights" if path in weights else "unknown")
                for sha256, path in manifest.entries
            }
        else:
            return []
        known = self.members.setdefault(tree, {})
        for path, member in members.items():
            # of several statements about one tree, the role that adds scrutiny counts
            if path not in known or known[path].role == "unknown" or member.role == "weights":
                known[path] = member
        return [Artifact(member.sha256) for member in members.values() if member.role == "weights"]

    def _adds_up(self, tree: Artifact, listed: dict[str, Member], evidence: Evidence) -> bool:
        try:
            actual = Manifest.of((member.sha256, path) for path, member in listed.items()).digest
        except FormatError as error:
            actual = f"no manifest: {error.what}"
        if actual != tree.sha256:
            self.conflicts.append(
                Conflict(tree, "manifest of the files listed", tree.sha256, actual, (evidence.digest,))
            )
        return actual == tree.sha256

    @staticmethod
    def _signed_weights(tree: Artifact, evidence: Evidence) -> frozenset[str]:
        for subject in evidence.statement.subjects:
            weights = subject.annotation("weights")
            if subject.artifact == tree and isinstance(weights, list):
                return frozenset(path for path in weights if isinstance(path, str))
        return frozenset()

    def with_sha256(self, sha256: str) -> list[Artifact]:
        """Artifacts some statement speaks of that have that SHA-256, as a file or as a directory."""
        return [a for a in (Artifact(sha256), Artifact(sha256, tree=True)) if a in self._described]

    def aliased(self, algorithm: str, value: str) -> list[Artifact]:
        """Artifacts that some statement gives that other digest, sorted; an alias links no statements."""
        return sorted(self._by_alias.get((algorithm, value), ())) if algorithm in ALIASES else []

    def called(self, name: str) -> list[Artifact]:
        """Artifacts called so where they were made or described, sorted; a final ``/`` is ignored."""
        return sorted(self._by_name.get(name.rstrip("/"), ()))

    @cached_property
    def _by_name(self) -> dict[str, set[Artifact]]:
        found: dict[str, set[Artifact]] = defaultdict(set)
        for each in self.evidence:
            if each.kind not in ("step", "dataset"):
                continue
            awake = each.awake()
            own = awake.predicate.name if isinstance(awake.predicate, Dataset) else None
            for subject in awake.statement.subjects:
                if subject.artifact is not None:
                    for name in filter(None, (subject.name, own)):
                        found[name.rstrip("/")].add(subject.artifact)
        return found

    @cached_property
    def by_digest(self) -> dict[str, Evidence]:
        """Statement digest → evidence."""
        return {each.digest: each for each in self.evidence}

    def datasets(self, artifact: Artifact) -> list[Evidence]:
        """Verified dataset statements about an artifact, believed or not."""
        return self.about["dataset"].get(artifact, [])

    def rights(self, artifact: Artifact) -> list[Evidence]:
        """Verified rights statements about an artifact, believed or not."""
        return self.about["rights"].get(artifact, [])

    def name(self, artifact: Artifact) -> str:
        """The name the evidence gives an artifact, or the beginning of its digest. Names link nothing."""
        return self.names.get(artifact) or f"sha256:{artifact.sha256[:12]}"
