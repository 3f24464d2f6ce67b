"""The artifacts a statement joins: what it is about, what that was made from, what else it is to be found by.

Every store indexes the same of every statement, so that all of them answer alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from attest.digest import is_alias, is_sha256
from attest.errors import FormatError, LimitError
from attest.limits import DEFAULT, Limits
from attest.manifest import Manifest
from attest.predicate import artifacts_of, predicate_name
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact
from attest.statement import Statement

__all__ = ["Links", "large_trees", "links_of"]


class Links(NamedTuple):
    """The artifacts a statement joins, each once: what every store indexes.

    Every subject and every input is a source or a product.
    """

    subjects: frozenset[Artifact]
    inputs: frozenset[Artifact]
    """What a step lists: resolved dependencies and byproducts; the materials of a link of in-toto."""
    sources: frozenset[Artifact] = frozenset()
    """What its products were made from: dependencies, materials, ``derivedFrom`` of a dataset, and the files
    of role ``weights`` in the directories it is about, for who holds these holds what is made of them."""
    products: frozenset[Artifact] = frozenset()
    """Subjects and byproducts, and what a distribution sent; not what a link lists as a material too, for it
    was there before."""
    aliases: frozenset[tuple[str, str, Artifact]] = frozenset()
    """Algorithm and value of the other digests it gives the artifacts it speaks of."""


def links_of(
    statement: Statement, limits: Limits = DEFAULT, manifest: Callable[[str], bytes | None] | None = None
) -> Links:
    """Return what a statement is to be found by.

    Inputs are the resolved dependencies and the byproducts of a step (SLSA provenance v1), impact follows
    both, and the materials of a link of in-toto. Entries without a well-formed sha256 link nothing and are
    passed over; whether a predicate is well-formed is for its reader to judge.

    Args:
        statement: of any type.
        limits: the reader's.
        manifest: returns a manifest by its digest, or ``None``: for weights in ``large_trees``.

    Raises:
        LimitError: more inputs than ``limits.step_inputs``, or a manifest beyond the limits.
    """
    kind = predicate_name(statement.predicate_type)
    subjects = frozenset(artifacts_of(statement))
    read, left = _entries(kind, statement.predicate)
    if kind in ("step", "link"):
        limits.check("step_inputs", len(read) + len(left), f"statement sha256:{statement.digest}")
    sources = frozenset(filter(None, map(_artifact, read)))
    byproducts = frozenset(filter(None, map(_artifact, left)))
    inputs = (sources | byproducts) if kind in ("step", "link") else frozenset[Artifact]()
    weights = _weights(statement, manifest, limits) if kind == "step" else frozenset[Artifact]()
    sent = _list_at(statement.predicate, "what") if kind == "distribution" else []
    products = (subjects - sources if kind == "link" else subjects) | byproducts | weights
    products |= frozenset(filter(None, map(_artifact, sent)))
    described = [*read, *left, *sent, *_described(kind, statement)]
    aliases = frozenset(alias for entry in described for alias in _aliases(entry))
    return Links(subjects, inputs, sources | weights, products, aliases)


def large_trees(statement: Statement) -> dict[Artifact, frozenset[str]]:
    """Return the directories a step made whose files it does not list, with the paths of their weights.

    The digests of these weights stand in the directory's manifest alone.
    """
    found: dict[Artifact, frozenset[str]] = {}
    if predicate_name(statement.predicate_type) == "step":
        for subject in statement.subjects:
            paths = subject.annotation("weights")
            if (tree := subject.artifact) is not None and tree.tree and isinstance(paths, list):
                named = frozenset(path for path in paths if isinstance(path, str))
                found[tree] = found.get(tree, frozenset()) | named
    return found


def _entries(kind: str | None, predicate: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """Return what a statement of that kind says its subjects were made from, and what was left behind."""
    if kind == "step":
        read = _list_at(predicate.get("buildDefinition"), "resolvedDependencies")
        return read, _list_at(predicate.get("runDetails"), "byproducts")
    if kind == "link":
        return _list_at(predicate, "materials"), []
    return (_list_at(predicate, "derivedFrom") if kind == "dataset" else []), []


def _list_at(part: Any, name: str) -> list[Any]:
    found = part.get(name) if isinstance(part, dict) else None
    return found if isinstance(found, list) else []


def _weights(
    statement: Statement, manifest: Callable[[str], bytes | None] | None, limits: Limits
) -> frozenset[Artifact]:
    """Return the files of role ``weights`` in the directories a step made, as far as they are known."""
    trees = tuple(
        str(each.name)
        for each in statement.subjects
        if (each.name or "").endswith("/") and each.media_type == MANIFEST_MEDIA_TYPE
    )
    if not trees:
        return frozenset()
    found = {
        each.artifact
        for each in statement.subjects
        if each.artifact is not None
        and each.annotation("role") == "weights"
        and str(each.name or "").startswith(trees)
    }
    for tree, paths in large_trees(statement).items() if manifest is not None else ():
        if manifest is not None and (data := manifest(tree.sha256)) is not None:
            found.update(_listed(data, paths, limits))
    return frozenset(each for each in found if not each.tree)


def _listed(data: bytes, paths: frozenset[str], limits: Limits) -> Iterator[Artifact]:
    try:
        entries = Manifest.parse(data, None, limits).entries
    except LimitError:
        raise
    except FormatError:
        return  # whoever reads the statement will say so
    yield from (Artifact(sha256) for sha256, path in entries if path in paths)


def _described(kind: str | None, statement: Statement) -> list[Any]:
    """Return the subjects as further entries, where they describe artifacts."""
    if kind in ("withdrawal", "register", "deletion-order", "deletion-certificate", "model-signature"):
        return []  # their subjects are documents, or know no names of files
    return [
        {"digest": each.digest, "mediaType": each.media_type}
        for each in statement.subjects
        if len(each.digest) > 1
    ]


def _aliases(entry: Any) -> Iterator[tuple[str, str, Artifact]]:
    digests = entry.get("digest") if isinstance(entry, dict) else None
    if not isinstance(digests, dict) or len(digests) < 2:  # nearly all have one
        return
    if (artifact := _artifact(entry)) is not None:
        for algorithm, value in digests.items():
            if is_alias(algorithm, value):
                yield algorithm, value, artifact


def _artifact(entry: Any) -> Artifact | None:
    digests = entry.get("digest") if isinstance(entry, dict) else None
    sha256 = digests.get("sha256") if isinstance(digests, dict) else None
    if sha256 is None or not is_sha256(sha256):
        return None
    return Artifact(sha256, entry.get("mediaType") == MANIFEST_MEDIA_TYPE)
