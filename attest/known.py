"""Which artifacts the statements in a store explain: what a recorder can tell before a step runs.

An input is known if a step there made it out of something, or, for data, if its owner described it. Whom a
buyer will believe is the buyer's matter; this finds the inputs nobody made any statement about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attest.errors import FormatError
from attest.manifest import Manifest
from attest.predicate import predicate_name, read_predicate
from attest.predicates.link import step_of
from attest.predicates.step import Step
from attest.resource import Artifact
from attest.statement import Statement
from attest.store import Store

__all__ = ["NEEDS_STATEMENT", "explains", "is_known", "made_by"]

NEEDS_STATEMENT = frozenset(
    {
        *("dataset", "evaluation-dataset", "reward-dataset", "retrieval-dataset"),
        *("base-model", "adapter", "teacher", "tokenizer"),
    }
)
"""Roles of inputs that are explained by a statement or not at all."""

_SUPPORT = frozenset({"code", "config", "environment"})


def _described(role: str) -> bool:
    """Tell whether a dataset statement explains an input of that role; a model is made by a step."""
    return role.endswith("dataset") or role == "tokenizer"


def made_by(statement: Statement, step: Step, manifest: Callable[[str], bytes | None]) -> Iterator[Artifact]:
    """Yield what a step made: trees, stand-alone files, byproducts, and the weights inside its trees."""
    subjects = [(str(each.name or ""), each) for each in statement.subjects]
    trees = {
        name: each.artifact
        for name, each in subjects
        if each.artifact and each.artifact.tree and name.endswith("/")
    }
    # by digest: what is listed under one name of a tree counts for all its names
    members: dict[Artifact, dict[str, tuple[str, bool]]] = {tree: {} for tree in trees.values()}
    for name, each in (*subjects, *((str(item.name or ""), item) for item in step.byproducts)):
        if each.artifact is None:
            continue
        # the longest name wins: one output directory may lie inside another
        inside = max((tree for tree in trees if name.startswith(tree)), key=len, default=None)
        if each.artifact.tree or inside is None:
            if each.artifact not in step.unchanged:
                yield each.artifact
        else:
            weights = each.annotation("role") == "weights"
            members[trees[inside]][name.removeprefix(inside)] = (each.artifact.sha256, weights)
    for tree, listed in members.items():
        if not listed:
            yield from _weights_in(statement, tree, manifest)
        elif _adds_up(tree, [(sha256, path) for path, (sha256, _) in listed.items()]):
            yield from (Artifact(sha256) for sha256, weights in listed.values() if weights)


def _adds_up(tree: Artifact, entries: list[tuple[str, str]]) -> bool:
    try:
        return Manifest.of(entries).digest == tree.sha256
    except FormatError:
        return False


def _weights_in(
    statement: Statement, tree: Artifact, manifest: Callable[[str], bytes | None]
) -> Iterator[Artifact]:
    """Yield the weights of a tree whose files are too many to be subjects."""
    for subject in statement.subjects:
        listed = subject.annotation("weights")
        if subject.artifact == tree and isinstance(listed, list) and (data := manifest(tree.sha256)):
            paths = {path for path in listed if isinstance(path, str)}
            yield from (Artifact(sha) for sha, path in Manifest.parse(data).entries if path in paths)


def explains(
    statement: Statement, artifact: Artifact, role: str, manifest: Callable[[str], bytes | None]
) -> bool:
    """Tell whether a statement explains where an input of that role came from.

    A step does if it made the artifact out of something else than code; a dataset statement does for data.

    Args:
        statement: of any type.
        artifact: the input.
        role: what it is to the step that reads it.
        manifest: returns a manifest by its digest, or ``None``.
    """
    kind = predicate_name(statement.predicate_type)
    if kind == "dataset":
        return _described(role) and any(each.artifact == artifact for each in statement.subjects)
    try:
        step = step_of(read_predicate(statement)) if kind in ("step", "link") else None
    except FormatError:
        return False
    if step is None:
        return False
    origin = any(each.role not in _SUPPORT and each.artifact != artifact for each in step.inputs)
    return origin and artifact in set(made_by(statement, step, manifest))


def is_known(store: Store, artifact: Artifact, role: str) -> bool:
    """Tell whether a statement in a store explains an input of that role, and was not withdrawn.

    Raises:
        StoreError: the store cannot be read.
    """
    candidates = dict.fromkeys(
        (
            *store.by_subject(artifact.sha256, tree=artifact.tree),
            *store.by_input(artifact.sha256, tree=artifact.tree),  # byproducts are found this way
        )
    )
    if any(_stands(store, digest, artifact, role) for digest in candidates):
        return True
    return not artifact.tree and any(
        _stands(store, digest, artifact, role) for digest in _makers_of_weights(store, artifact)
    )


def _makers_of_weights(store: Store, artifact: Artifact) -> Iterator[str]:
    """Yield steps that made a tree too large to list in which the file is a weight: no index leads to them.

    Few trees list their weights, and only the manifests of these are read.
    """
    needle = artifact.sha256.encode()
    for digest in store.manifests():
        found = [each for each in store.by_subject(digest, tree=True) if _lists_weights(store, each)]
        if found and needle in (store.manifest(digest) or b""):
            yield from found


def _lists_weights(store: Store, digest: str) -> bool:
    bundle = next(iter(store.bundles(digest)), None)
    return bundle is not None and any(each.annotation("weights") for each in bundle.statement().subjects)


def _stands(store: Store, digest: str, artifact: Artifact, role: str) -> bool:
    for other in store.by_subject(digest, tree=False):
        for bundle in store.bundles(other):
            if predicate_name(bundle.statement().predicate_type) == "withdrawal":
                return False
    found = next(iter(store.bundles(digest)), None)
    return found is not None and explains(found.statement(), artifact, role, store.manifest)
