"""What the delivery is: an attested tree or file, or files out of an attested tree.

Only digests decide, and inside a tree the path as well: the same bytes under another name are not the file
that was attested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attest.graph import Graph, Member
from attest.member_role import guess_member_role
from attest.resource import Artifact

__all__ = ["Delivery", "Match", "NearMiss", "as_attested", "match"]


@dataclass(frozen=True)
class Delivery:
    """What was delivered and measured."""

    name: str
    artifact: Artifact
    size: int
    """Bytes."""
    files: Mapping[str, str] = field(repr=False)
    """Path relative to the delivered directory → SHA-256; a single file has its name as the path."""
    measured: bool = True
    """Whether its bytes were read; else it is what somebody attested, taken as delivered."""
    remembered: int = 0
    """Files that were not read now: their digests were remembered since an earlier reading."""


@dataclass(frozen=True)
class NearMiss:
    """An attested tree the delivery is almost: what differs."""

    tree: Artifact
    changed: tuple[tuple[str, str, str], ...]
    """Path, attested SHA-256, delivered SHA-256."""
    same: int = 0
    """How many delivered files are the attested ones."""


@dataclass(frozen=True)
class Match:
    """How the delivery meets the attested artifacts."""

    delivery: Delivery
    exact: bool
    roots: tuple[Artifact, ...]
    """The attested artifacts it is, or whose files it is made of; empty: none."""
    extras: tuple[str, ...] = ()
    """Delivered paths the attested tree does not hold."""
    missing: tuple[str, ...] = ()
    """Attested paths that were not delivered."""
    near: tuple[NearMiss, ...] = ()
    """What nothing matched comes closest to."""


def as_attested(artifact: Artifact, graph: Graph) -> Delivery:
    """Return the delivery that would be exactly an attested artifact; nothing of it was measured."""
    name = graph.name(artifact)
    members = graph.members.get(artifact, {})
    files = {path: member.sha256 for path, member in members.items()}
    return Delivery(name, artifact, 0, files if artifact.tree else {name: artifact.sha256}, measured=False)


def _attested(graph: Graph, artifact: Artifact) -> bool:
    return bool(graph.makers.get(artifact)) or bool(graph.datasets(artifact))


def match(delivery: Delivery, graph: Graph) -> Match:
    """Find the attested artifacts a delivery is, or is made of.

    An exact match wins. Otherwise every attested tree counts that holds at least one delivered file of role
    ``weights``, none of whose paths was delivered with other bytes, and that leaves the fewest extra files.
    """
    if _attested(graph, delivery.artifact):
        return Match(delivery, exact=True, roots=(delivery.artifact, *_around(delivery.artifact, graph)))
    if not delivery.artifact.tree:
        return Match(delivery, exact=False, roots=(), near=_near_file(delivery, graph))
    found: dict[tuple[str, ...], list[Artifact]] = {}
    near: list[NearMiss] = []
    for tree, members in graph.members.items():
        if not _attested(graph, tree):
            continue
        same = [
            path for path, sha in delivery.files.items() if path in members and members[path].sha256 == sha
        ]
        changed = tuple(
            (path, members[path].sha256, sha)
            for path, sha in sorted(delivery.files.items())
            if path in members and members[path].sha256 != sha
        )
        if changed:
            near.append(NearMiss(tree, changed, len(same)))
        elif any(_is_weights(path, members[path].role) for path in same):
            extras = tuple(sorted(set(delivery.files) - set(members)))
            found.setdefault(extras, []).append(tree)
    if not found:
        near.sort(key=lambda miss: (-miss.same, len(miss.changed), miss.tree))
        return Match(delivery, exact=False, roots=(), near=tuple(near[:1]))
    extras = min(found, key=lambda paths: (len(paths), paths))
    roots = tuple(sorted(found[extras]))
    missing = sorted({path for tree in roots for path in graph.members[tree]} - set(delivery.files))
    return Match(delivery, exact=False, roots=roots, extras=extras, missing=tuple(missing))


def _is_weights(path: str, role: str) -> bool:
    """Delivering a README alone is not delivering the model; where nobody signed a role the name decides."""
    return role == "weights" or (role == "unknown" and guess_member_role(path) == "weights")


def _around(artifact: Artifact, graph: Graph) -> list[Artifact]:
    """Attested trees a weights file was taken out of: what was said of them is about the file, too."""
    if artifact.tree:
        return []
    weights = Member(artifact.sha256, "weights")
    return sorted(
        tree
        for tree, members in graph.members.items()
        if weights in members.values() and _attested(graph, tree)
    )


def _near_file(delivery: Delivery, graph: Graph) -> tuple[NearMiss, ...]:
    """For a message only: attested files that bear the delivered file's name."""
    found = [
        NearMiss(artifact, ((delivery.name, artifact.sha256, delivery.artifact.sha256),))
        for artifact in sorted(graph.makers)
        if not artifact.tree and graph.names.get(artifact, "").rsplit("/", 1)[-1] == delivery.name
    ]
    return tuple(found[:3])
