"""Where statements and manifests are kept: one kind of store per file of ``attest.stores``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from attest.bundle import Bundle
from attest.digest import is_sha256
from attest.limits import DEFAULT, Limits
from attest.predicate import artifacts_of, predicate_name
from attest.registry import Registry
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact
from attest.statement import Statement

__all__ = ["STORES", "Links", "Store", "StoreCheck", "links_of", "open_store"]

STORES = Registry("store", {"sqlite": "attest.stores.sqlite:open_sqlite"}, "attest.stores")
"""Scheme → ``open(rest, create, read_only, limits) -> Store``."""


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

    Digests are SHA-256 in lowercase hex; another spelling is a ``FormatError``, never "not found". Everything
    that was acknowledged (the call returned) survives a crash at any later point; of what was not there is
    never a part. Nothing is ever deleted or changed. Bundles put here were signed by the user or verified
    before (``attest import``); the store itself checks no signature. Every method raises ``StoreError`` when
    the store cannot be read, or when what it reads back is not what was put in.
    """

    def put(self, bundles: Iterable[Bundle], manifests: Iterable[bytes] = ()) -> int:
        """Add bundles and manifests in one transaction; return how many bundles were new.

        A bundle is kept once, byte for byte on one line (``Bundle.line``). Both arguments are consumed as
        streams and need not fit into memory; other writers wait while a long one is read.

        Raises:
            FormatError: a bundle does not hold an in-toto statement; nothing was changed.
            StoreError: it cannot be written (read-only, disk full, locked for long); nothing was changed.
        """

    def bundles(self, statement_digest: str | None = None) -> Iterator[Bundle]:
        """Yield the bundles of one statement (several signers), or all, in the order they came in."""

    def by_subject(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of statements that have an artifact of that digest as a subject, oldest first.

        Args:
            sha256: of the file, or of the tree's manifest.
            tree: only subjects that are directories, or only those that are not; ``None``: either.
        """

    def by_input(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of steps that list an artifact of that digest as an input, oldest first.

        Inputs are what ``links_of`` says: resolved dependencies and byproducts.
        """

    def by_type(self, predicate_type: str) -> list[str]:
        """Return digests of statements with exactly that predicate type, oldest first.

        For the few statements nothing else leads to, e.g. withdrawals of all that was signed in a window.
        """

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest with that digest, or ``None`` if it was never put."""

    def manifests(self) -> Iterator[str]:
        """Yield the digests of all manifests, in the order they came in."""

    def check(self) -> StoreCheck:
        """Read everything back, recompute every digest and index row, and report what does not fit.

        Damage is reported, not raised.
        """

    def close(self) -> None:
        """Release the store; closing twice is harmless."""

    def __enter__(self) -> Self:
        """Return the store, to be closed at the end of the block."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the store."""


class Links(NamedTuple):
    """The artifacts a statement joins, each once: what every store indexes."""

    subjects: frozenset[Artifact]
    inputs: frozenset[Artifact]


def links_of(statement: Statement, limits: Limits = DEFAULT) -> Links:
    """Return what a statement is to be found by.

    Inputs are the resolved dependencies and the byproducts of a step (SLSA provenance v1), impact follows
    both, and the materials of a link of in-toto. Entries without a well-formed sha256 link nothing and are
    passed over; whether a predicate is well-formed is for its reader to judge.

    Raises:
        LimitError: more inputs than ``limits.step_inputs``.
    """
    subjects = frozenset(artifacts_of(statement))
    kind = predicate_name(statement.predicate_type)
    if kind not in ("step", "link"):
        return Links(subjects, frozenset())
    dependencies = _list_at(statement.predicate, "buildDefinition", "resolvedDependencies")
    entries = [*dependencies, *_list_at(statement.predicate, "runDetails", "byproducts")]
    if kind == "link":
        materials = statement.predicate.get("materials")
        entries = materials if isinstance(materials, list) else []
    limits.check("step_inputs", len(entries), f"statement sha256:{statement.digest}")
    inputs = (_artifact(entry) for entry in entries)
    return Links(subjects, frozenset(artifact for artifact in inputs if artifact))


def _list_at(predicate: Mapping[str, Any], part: str, name: str) -> list[Any]:
    inner = predicate.get(part)
    found = inner.get(name) if isinstance(inner, dict) else None
    return found if isinstance(found, list) else []


def _artifact(entry: Any) -> Artifact | None:
    digests = entry.get("digest") if isinstance(entry, dict) else None
    sha256 = digests.get("sha256") if isinstance(digests, dict) else None
    if sha256 is None or not is_sha256(sha256):
        return None
    return Artifact(sha256, entry.get("mediaType") == MANIFEST_MEDIA_TYPE)


def open_store(uri: str, *, create: bool = False, read_only: bool = False, limits: Limits = DEFAULT) -> Store:
    """Open a store by its URI: ``sqlite:PATH`` or a bare path.

    Args:
        uri: where it is.
        create: make it if there is none; one that is there is opened.
        read_only: change nothing it holds; works on read-only media.
        limits: for the bundles that are put, and read back.

    Raises:
        UsageError: no store has that scheme.
        StoreError: there is none and ``create`` is false, or it cannot be opened.
    """
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme not in STORES:
        # a bare path may hold a colon (``C:\\store.db``, ``./a:b``); a scheme is a word of its own
        if colon and scheme.isalnum() and len(scheme) > 1:
            STORES.load(scheme)
        scheme, rest = "sqlite", uri
    store: Store = STORES.load(scheme)(rest, create, read_only, limits)
    return store
