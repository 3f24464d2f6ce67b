"""Verified statements as a graph by digest.

Nodes are artifacts; a step joins what it read to what it wrote. Names, paths, URLs and the order of lines
join nothing. Everything here is pure: no I/O, no clock, no recursion, and the same evidence in any order
gives the same graph.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from attest.claim import unreadable
from attest.digest import ALIASES
from attest.errors import FormatError
from attest.manifest import Manifest
from attest.predicate import Predicate, artifacts_of, is_name_blind
from attest.predicates.dataset import Dataset
from attest.predicates.distribution import Distribution
from attest.predicates.link import step_of
from attest.predicates.step import Input, Step
from attest.resource import Artifact, ResourceDescriptor
from attest.statement import Statement
from attest.verifier import Identity, count_principals

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


@dataclass(frozen=True)
class Signature:
    """One verified signature over a statement."""

    signer: Identity
    principals: tuple[str, ...]
    trusted_time: datetime | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """A verified statement, with everybody who signed it and how far the reader believes it."""

    statement: Statement
    kind: str | None
    """Short name of its predicate; ``None`` for a type that is only carried."""
    predicate: Predicate | None = field(repr=False)
    signatures: tuple[Signature, ...]
    granted: tuple[str, ...]
    """Principals who hold the trust role this statement needs; empty: it is carried and grants nothing."""
    reason: str = ""
    """Why nobody was granted it, or why it cannot be read."""
    withdrawn_by: tuple[str, ...] = ()
    """Digests of withdrawals or registers that reach it."""
    ways: tuple[tuple[frozenset[str], int], ...] = ()
    """Each way it is granted: principals, and how many of them it took; empty: any one of ``granted``."""

    @property
    def digest(self) -> str:
        """The statement's digest, lowercase hex."""
        return self.statement.digest

    @property
    def believed(self) -> bool:
        """Whether it grants: its signer may say this, it can be read, and nobody withdrew it."""
        return bool(self.granted) and self.predicate is not None and not self.withdrawn_by

    @property
    def trusted_time(self) -> datetime | None:
        """The earliest trusted time at which enough of those who grant it had signed."""
        timed = sorted((each.trusted_time, each.principals) for each in self.signatures if each.trusted_time)
        times = [
            time
            for names, quorum in self.ways or ((frozenset(self.granted), 1),)
            for number, (time, _) in enumerate(timed, 1)
            if self.granted and count_principals([each for _, each in timed[:number]], names) >= quorum
        ]
        return min(times, default=None)

    @cached_property
    def unreadable(self) -> tuple[str, ...]:
        """Dotted names of the fields of its predicate that could not be read, at any depth."""
        return tuple(unreadable(self.predicate)) if self.predicate is not None else ()

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Its subjects that have a SHA-256, or the directory a model signature lists."""
        return artifacts_of(self.statement, self.predicate)


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


@dataclass(frozen=True)
class Member:
    """A file inside an attested tree."""

    sha256: str
    role: str
    """``weights``, ``tokenizer``, ``config``, ``other``; ``unknown`` where nobody signed one."""


@dataclass(frozen=True, eq=False)
class StepNode:
    """One transformation: what it read and what it wrote."""

    evidence: Evidence
    step: Step = field(repr=False)
    outputs: tuple[Artifact, ...]
    """Trees and stand-alone files, byproducts, and files of role ``weights`` inside those trees."""

    @property
    def kind(self) -> str:
        """Build kind, e.g. ``train``; ``step`` for a build type that is not ours."""
        return self.step.kind or "step"

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it says it read."""
        return self.step.inputs

    def read_for(self, output: Artifact) -> tuple[Input, ...]:
        """Inputs other than ``output`` itself: a step never explains an artifact by that artifact."""
        return tuple(each for each in self.inputs if each.artifact != output)


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


def _descriptors(evidence: Evidence) -> Iterator[ResourceDescriptor]:
    """Everything a statement names: subjects, what a step read or left behind, what data was made from."""
    nothing = evidence.kind in ("withdrawal", "register", "deletion-order", "deletion-certificate")
    if not nothing and not is_name_blind(evidence.statement):
        yield from evidence.statement.subjects
    predicate = evidence.predicate
    if (step := step_of(predicate)) is not None:
        yield from (item.descriptor for item in step.inputs)
        yield from step.byproducts
    elif isinstance(predicate, Dataset):
        yield from predicate.derived_from
    elif isinstance(predicate, Distribution):
        yield from predicate.what or ()


class Graph:
    """All verified statements, joined by digest.

    Args:
        evidence: verified statements, one per statement digest.
        manifests: manifests in hand by their own digest; they list the members of trees whose files are too
            many to be subjects.
    """

    def __init__(self, evidence: Iterable[Evidence], manifests: Mapping[str, bytes] | None = None) -> None:
        self.evidence = tuple(sorted(evidence, key=lambda each: each.digest))
        self.manifests = dict(manifests or {})
        self.steps: list[StepNode] = []
        self.makers: dict[Artifact, list[StepNode]] = defaultdict(list)
        self.members: dict[Artifact, dict[str, Member]] = {}
        self.about: dict[str, dict[Artifact, list[Evidence]]] = defaultdict(lambda: defaultdict(list))
        self.names: dict[Artifact, str] = {}
        self.conflicts: list[Conflict] = []
        self._aliases: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for each in self.evidence:
            self._add(each)

    def _add(self, evidence: Evidence) -> None:
        if not is_name_blind(evidence.statement):
            for subject in evidence.statement.subjects:
                self._note(subject, evidence)
        if (step := step_of(evidence.predicate)) is not None:
            self._add_step(evidence, step)
        elif evidence.kind is not None:
            for artifact in evidence.artifacts:
                self.about[evidence.kind][artifact].append(evidence)

    def _note(self, descriptor: ResourceDescriptor, evidence: Evidence) -> None:
        """Remember the first name of an artifact, and check its other digests for agreement."""
        artifact = descriptor.artifact
        if artifact is None:
            return
        if descriptor.name and artifact not in self.names:
            self.names[artifact] = descriptor.name
        for algorithm in ALIASES.keys() & descriptor.digest.keys():
            value = descriptor.digest[algorithm]
            known = self._aliases[artifact.sha256, algorithm]
            if known and value not in known:
                expected, source = next(iter(known.items()))
                sources = tuple(sorted({source, evidence.digest}))
                self.conflicts.append(Conflict(artifact, algorithm, expected, value, sources))
            known.setdefault(value, evidence.digest)

    def _add_step(self, evidence: Evidence, step: Step) -> None:
        for item in step.inputs:
            self._note(item.descriptor, evidence)
        outputs: dict[Artifact, None] = {}
        subjects = evidence.statement.subjects
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
            weights = self._add_tree(artifact, members, evidence)
            outputs |= dict.fromkeys(weights)
        node = StepNode(evidence, step, tuple(outputs))
        self.steps.append(node)
        for artifact in outputs:
            self.makers[artifact].append(node)

    def _add_tree(self, tree: Artifact, listed: dict[str, Member], evidence: Evidence) -> list[Artifact]:
        """Take over a tree's members if they really are those its digest stands for; return its weights."""
        if listed:
            members = listed
            if not self._adds_up(tree, listed, evidence):
                return []
        elif tree.sha256 in self.manifests:
            manifest = Manifest.parse(self.manifests[tree.sha256], f"manifest sha256:{tree.sha256}")
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
    def _described(self) -> dict[Artifact, list[ResourceDescriptor]]:
        """Every artifact any statement speaks of, with all its descriptors."""
        found: dict[Artifact, list[ResourceDescriptor]] = defaultdict(list)
        for each in self.evidence:
            for descriptor in _descriptors(each):
                if descriptor.artifact is not None:
                    found[descriptor.artifact].append(descriptor)
        return dict(found)

    @cached_property
    def _by_alias(self) -> dict[tuple[str, str], set[Artifact]]:
        found: dict[tuple[str, str], set[Artifact]] = defaultdict(set)
        for artifact, descriptors in self._described.items():
            for descriptor in descriptors:
                for algorithm, value in descriptor.digest.items():
                    if algorithm in ALIASES:
                        found[algorithm, value].add(artifact)
        return found

    @cached_property
    def _by_name(self) -> dict[str, set[Artifact]]:
        found: dict[str, set[Artifact]] = defaultdict(set)
        for each in self.evidence:
            own = each.predicate.name if isinstance(each.predicate, Dataset) else None
            for subject in each.statement.subjects if each.kind in ("step", "dataset") else ():
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
