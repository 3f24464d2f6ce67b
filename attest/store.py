"""Where statements and manifests are kept: one kind of store per file of ``attest.stores``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from attest.bundle import Bundle
from attest.limits import DEFAULT, Limits
from attest.registry import Registry
from attest.resource import Artifact

__all__ = [
    "COMPACTIONS",
    "MIGRATIONS",
    "STORES",
    "Advance",
    "Reach",
    "Store",
    "StoreCheck",
    "StoredManifests",
    "compact_store",
    "migrate_store",
    "open_store",
    "without_password",
]

STORES = Registry(
    "store",
    {"postgresql": "attest.stores.postgres:open_postgres", "sqlite": "attest.stores.sqlite:open_sqlite"},
    "attest.stores",
)
"""Scheme → ``open(rest, create, read_only, limits) -> Store``."""

MIGRATIONS = Registry(
    "store to migrate",
    {
        "postgresql": "attest.stores._postgres_migrate:migrate_postgres",
        "sqlite": "attest.stores._sqlite_migrate:migrate_sqlite",
    },
    "attest.stores.migrations",
)
"""Scheme → ``migrate(rest, limits, advance) -> (version before, version now)``."""

COMPACTIONS = Registry(
    "store to compact",
    {
        "postgresql": "attest.stores._postgres_compact:compact_postgres",
        "sqlite": "attest.stores._sqlite_compact:compact_sqlite",
    },
    "attest.stores.compactions",
)
"""Scheme → ``compact(rest) -> (bytes before, bytes after)``."""

Advance = Callable[[int, int], None]
"""Is told how much of how much is done."""


@dataclass(frozen=True)
class StoreCheck:
    """What ``attest store check`` found."""

    statements: int
    bundles: int
    manifests: int
    problems: tuple[str, ...] = field(default=())
    """One sentence per damaged or inconsistent thing; empty when all is well."""


class Reach(Protocol):
    """Where a walk along the links of a store came to (``Store.reach``).

    It is an answer about the moment it was asked for: what is put later changes nothing in it. It holds a few
    bytes for each thing it found, and reads digests from the store as they are asked for.
    """

    @property
    def artifact_count(self) -> int:
        """How many artifacts it came to, those it began at included."""

    @property
    def statement_count(self) -> int:
        """How many statements it went through."""

    def artifacts(self) -> Iterator[Artifact]:
        """Yield the artifacts it came to, each once; those it began at too if the store knows them."""

    def statements(self) -> Iterator[str]:
        """Yield the digests of the statements it went through, oldest first."""


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

    def kept_as(self, line: bytes) -> str | None:
        """Return the digest of the statement whose bundle is kept as that very line, ``None`` if none is.

        A line is what ``Bundle.line`` is; it is not parsed.
        """

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

    def statements(self) -> Iterator[str]:
        """Yield the digests of all statements, oldest first."""

    def by_subjects(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that have one of these artifacts as a subject, each once.

        The artifacts are consumed as a stream.
        """

    def by_artifacts(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that have one of these artifacts as a source or a product, each once.

        So they are all that say anything about one of them (``links_of``): what it was made from, what was
        made of it, what it is, and to whom it was sent. The artifacts are consumed as a stream.
        """

    def by_alias(self, algorithm: str, value: str) -> list[Artifact]:
        """Return the artifacts to which some statement gives that other digest, sorted.

        Args:
            algorithm: one of ``attest.digest.ALIASES``; another finds nothing.
            value: lowercase hex.
        """

    def reach(self, artifacts: Iterable[Artifact], *, backwards: bool = False) -> Reach:
        """Walk from artifacts to all that was made from them, whoever says so; or back to all behind them.

        A statement is gone through from its sources to its products (``links_of``); backwards the other way.
        So forwards the statements are all that have an artifact reached as a source, and backwards all that
        have one as a product, which with steps are those that only speak of it. Answered from indexes: no
        bundle is read, so nothing is verified. What must be believed has to be verified from the bundles.

        Weights of a directory whose files are too many to be subjects are known from its manifest, if the
        store has it.
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


class StoredManifests(Mapping[str, bytes]):
    """The manifests of a store by their digest, each read when it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getitem__(self, sha256: str) -> bytes:
        """Return a manifest, checked against its digest."""
        found = self._store.manifest(sha256)
        if found is None:
            raise KeyError(sha256)
        return found

    def __iter__(self) -> Iterator[str]:
        """Yield the digests of all manifests."""
        return self._store.manifests()

    def __len__(self) -> int:
        """Count the manifests."""
        return sum(1 for _ in self)


def open_store(uri: str, *, create: bool = False, read_only: bool = False, limits: Limits = DEFAULT) -> Store:
    """Open a store by its URI: ``sqlite:PATH``, a bare path, or ``postgresql://USER@HOST/DATABASE``.

    Args:
        uri: where it is.
        create: make it if there is none; one that is there is opened.
        read_only: change nothing it holds; works on read-only media.
        limits: for the bundles that are put, and read back.

    Raises:
        UsageError: no store has that scheme.
        StoreError: there is none and ``create`` is false, or it cannot be opened.
    """
    scheme, rest = _place(uri)
    store: Store = STORES.load(scheme)(rest, create, read_only, limits)
    return store


def migrate_store(uri: str, *, limits: Limits = DEFAULT, advance: Advance | None = None) -> tuple[int, int]:
    """Bring a store that an older attest made up to date, whole or not at all.

    Args:
        uri: where it is.
        limits: for the bundles, which may have to be read again.
        advance: told how many statements of how many are done.

    Returns:
        The version it had, and the one it has now.

    Raises:
        UsageError: no store has that scheme.
        StoreError: there is none, it cannot be written, or it is damaged; nothing was changed.
    """
    scheme, rest = _place(uri)
    versions: tuple[int, int] = MIGRATIONS.load(scheme)(rest, limits, advance)
    return versions


def compact_store(uri: str) -> tuple[int, int]:
    """Give back the room a store does not use; what it holds stays as it is.

    Args:
        uri: where it is.

    Returns:
        Its bytes before and after.

    Raises:
        UsageError: no store has that scheme.
        StoreError: there is none, it cannot be written, or there is too little room to do it in.
    """
    scheme, rest = _place(uri)
    sizes: tuple[int, int] = COMPACTIONS.load(scheme)(rest)
    return sizes


def without_password(uri: str) -> str:
    """Return a store's URI as it may be shown and written down: without the password there may be in it."""
    from urllib.parse import unquote  # not paid for by a store in a file

    scheme, slashes, rest = uri.partition("://")
    if not slashes:
        return uri
    authority, slash, path = rest.partition("/")
    # up to the last @, for a password may hold one, though it should not
    user, at, host = authority.rpartition("@")
    address, mark, query = f"{user.partition(':')[0]}{at}{host}{slash}{path}".partition("?")
    kept = [each for each in query.split("&") if "password" not in unquote(each.partition("=")[0]).lower()]
    return f"{scheme}://{address}{mark if kept else ''}{'&'.join(kept)}"


def _place(uri: str) -> tuple[str, str]:
    """Return the scheme of a store's URI, and the rest of it."""
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in STORES:
        return scheme, rest
    # a bare path may hold a colon (``C:\\store.db``, ``./a:b``); a scheme is a word of its own
    if colon and scheme.isalnum() and len(scheme) > 1:
        STORES.load(scheme)
    return "sqlite", uri
