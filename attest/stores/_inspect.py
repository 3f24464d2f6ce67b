"""What ``attest store check`` holds a bundle against: its own bytes, and what the store finds it by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from attest.bundle import parse_bundle
from attest.errors import AttestError
from attest.limits import Limits
from attest.links import links_of
from attest.resource import Artifact
from attest.stores._rows import listed_rows

__all__ = ["Alias", "Filed", "Problems", "hex_of", "inspect_bundle"]

_MAX_PROBLEMS = 1000

Alias = tuple[str, str, Artifact]
"""Algorithm and value of another digest, and whose it is."""


class Problems(list[str]):
    """The list of problems; it stops growing where nobody would read on."""

    def __init__(self) -> None:
        super().__init__()
        self._more = 0

    def add(self, problem: str) -> None:
        """Note a problem."""
        if len(self) < _MAX_PROBLEMS:
            self.append(problem)
        else:
            self._more += 1

    def told(self) -> tuple[str, ...]:
        """Return the problems, and how many more there were."""
        return (*self, f"and {self._more} more") if self._more else tuple(self)


class Filed(NamedTuple):
    """What a store's rows say about the statement that a bundle is filed under."""

    statement: object
    """Its digest, if it is bytes."""
    predicate_type: object
    listed: Mapping[str, Mapping[Artifact, object]]
    """``source`` and ``product`` → artifact → the bits it is listed with."""
    lacking: Callable[[Iterable[Alias]], Iterable[Alias]]
    """Returns those of some other digests that the store has no row for."""


def inspect_bundle(
    name: str,
    digest: object,
    raw: object,
    filed: Filed,
    limits: Limits,
    manifest: Callable[[str], bytes | None],
) -> Iterator[str]:
    """Yield what is wrong with a bundle.

    Args:
        name: what to call it.
        digest: of its bytes, as its row says.
        raw: its bytes.
        filed: what it is found by.
        limits: for the bundle.
        manifest: returns a manifest the store has.
    """
    if not isinstance(raw, bytes) or hashlib.sha256(raw).digest() != digest:
        yield f"{name}: its bytes do not match their digest {hex_of(digest)}"
        return
    try:
        statement = parse_bundle(raw, None, limits).statement(None, limits)
        links = links_of(statement, limits, manifest)
    except AttestError as error:
        yield f"{name}: cannot be read: {error.what}"
        return
    name = f"{name} of statement {statement.digest}"
    if hex_of(filed.statement) != statement.digest:
        yield f"{name}: is filed under statement {hex_of(filed.statement)}"
        return
    if filed.predicate_type != statement.predicate_type:
        yield f"{name}: is filed under predicate type {filed.predicate_type!r}"
    for table, expected in zip(("source", "product"), listed_rows(links), strict=True):
        yield from _listed(name, table, filed.listed[table], expected)
    for algorithm, _, artifact in filed.lacking(sorted(links.aliases)):
        yield f"{name}: {artifact} is not indexed by its {algorithm}"


def _listed(
    name: str, table: str, found: Mapping[Artifact, object], expected: Mapping[Artifact, int]
) -> Iterator[str]:
    for artifact in sorted(expected.keys() - found.keys()):
        yield f"{name}: is not indexed by its {table} {artifact}"
    for artifact in sorted(found.keys() - expected.keys()):
        yield f"{name}: is indexed by {table} {artifact}, which it does not have"
    for artifact in sorted(expected.keys() & found.keys()):
        if expected[artifact] != found[artifact]:
            how = f"got {found[artifact]!r}, expected {expected[artifact]}"
            yield f"{name}: {table} {artifact} is indexed as something else: {how}"


def hex_of(digest: Any) -> str:
    """Return a digest as a row has it, or what is there instead."""
    return digest.hex() if isinstance(digest, bytes) else f"<damaged: {str(digest)[:70]}>"
