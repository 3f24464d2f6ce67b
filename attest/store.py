"""Where statements and manifests are kept: one kind of store per file of ``attest.stores``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from attest.bundle import Bundle
from attest.registry import Registry

__all__ = ["STORES", "Store", "StoreCheck", "open_store"]

STORES = Registry("store", {"sqlite": "attest.stores.sqlite:open_sqlite"}, "attest.stores")
"""Scheme → ``open(rest, create, read_only) -> Store``."""


@dataclass(frozen=True)
class StoreCheck:
    """What ``attest store check`` found."""

    statements: int
    bundles: int
    manifests: int
    problems: tuple[str, ...] = field(default=())
    """One sentence per damaged or inconsistent thing; empty when all is well."""


class Store(Protocol):
    """Bundles by statement digest, indexed by subject and by input; manifests by their own digest.

    Digests are SHA-256 in lowercase hex. Everything that was acknowledged (the call returned) survives a
    crash at any later point; what was not is absent as a whole. Bundles put here were signed by the user or
    verified before (``attest import``); the store itself checks no signature.
    """

    def put(self, bundles: Iterable[Bundle], manifests: Iterable[bytes] = ()) -> int:
        """Add bundles and manifests in one transaction; return how many bundles were new.

        Raises:
            StoreError: it cannot be written (read-only, disk full, locked for long); nothing was changed.
        """

    def bundles(self, statement_digest: str | None = None) -> Iterator[Bundle]:
        """Yield the bundles of one statement (several signers), or all, in the order they came in."""

    def by_subject(self, sha256: str) -> list[str]:
        """Return digests of statements that have an artifact of that digest as a subject, oldest first."""

    def by_input(self, sha256: str) -> list[str]:
        """Return digests of steps that list an artifact of that digest as an input, oldest first."""

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest with that digest."""

    def manifests(self) -> Iterator[str]:
        """Yield the digests of all manifests."""

    def check(self) -> StoreCheck:
        """Read everything back, recompute every digest and index row, and report what does not fit."""

    def close(self) -> None:
        """Release the store."""


def open_store(uri: str, *, create: bool = False, read_only: bool = False) -> Store:
    """Open a store by its URI: ``sqlite:PATH`` or a bare path.

    Raises:
        UsageError: no store has that scheme.
        StoreError: there is none and ``create`` is false, or it cannot be opened.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in STORES:
        scheme, rest = "sqlite", uri
    store: Store = STORES.load(scheme)(rest, create, read_only)
    return store
