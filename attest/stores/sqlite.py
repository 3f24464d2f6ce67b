"""The embedded store: one SQLite file, safe against crashes and against two writers at once.

Bundles are kept uncompressed, byte for byte, so that ``sqlite3 store.db 'SELECT raw FROM bundle'`` can save
them without attest. The file's mode follows the umask: it holds no keys, and a team may share it. What it
holds may be confidential all the same, as the project's files are.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attest.bundle import Bundle
from attest.digest import is_alias
from attest.errors import StoreError
from attest.limits import DEFAULT, Limits
from attest.resource import Artifact
from attest.store import StoreCheck
from attest.stores._rows import CHECK_HINT, INPUT, SUBJECT, blob, bundle_of, entry_of, take
from attest.stores._sqlite_check import check
from attest.stores._sqlite_file import Fingerprint, explained, fingerprint, open_file
from attest.stores._sqlite_rows import Rows
from attest.stores._sqlite_walk import SqliteReach, statements_about, walk

__all__ = ["SqliteStore", "open_sqlite"]


class SqliteStore:
    """A store in one SQLite file; ``attest.store.Store`` says what its methods promise.

    ``put`` needs memory for SQLite's page cache (64 MiB), one bundle and what it prepares ahead (about 16 MiB
    of bundles); while it runs, disk for one more copy of what it adds. One object belongs to one thread.
    """

    def __init__(
        self, path: Path, *, create: bool = False, read_only: bool = False, limits: Limits = DEFAULT
    ) -> None:
        self._where = str(path)
        self._path = path
        self._limits = limits
        self._read_only = read_only
        self._frozen: Fingerprint | None
        self._connection, self._frozen = open_file(path, create=create, read_only=read_only)

    def put(self, bundles: Iterable[Bundle], manifests: Iterable[bytes] = ()) -> int:
        """Add bundles and manifests in one transaction; return how many bundles were new."""
        if self._read_only:
            raise StoreError("was opened for reading only", self._where, "nothing was changed")
        # what is there already is not parsed again; whether it still is new is asked again when it is written
        fresh = (bundle for bundle in bundles if self.kept_as(bundle.line) is None)
        entries = (entry_of(bundle, self._limits) for bundle in fresh)
        head = take(entries)  # before other writers are made to wait
        new = 0
        with self._transaction():
            rows = Rows(self._connection, self._limits)
            while head:
                with explained(self._where):
                    new += rows.add(head)
                head = take(entries)
            for data in manifests:
                with explained(self._where):
                    rows.add_manifest(data)
        return new

    def bundles(self, statement_digest: str | None = None) -> Iterator[Bundle]:
        """Yield the bundles of one statement, or all, in the order they came in."""
        which, parameter = "", tuple[bytes, ...]()
        if statement_digest is not None:
            which = "AND statement_id = (SELECT id FROM statement WHERE sha256 = ?)"
            parameter = (blob(statement_digest),)
        # one row at a time: a reader who walks away, or puts meanwhile, holds nothing open
        query = f"SELECT id, sha256, raw FROM bundle WHERE id > ? {which} ORDER BY id LIMIT 1"  # noqa: S608
        last = 0
        while row := self._row(query, last, *parameter):
            last = self._next(last, row[0])
            where = f"{self._where}: bundle {last}"
            yield bundle_of(row[1], row[2], statement_digest, where, self._limits)

    def kept_as(self, line: bytes) -> str | None:
        """Return the digest of the statement whose bundle is kept as that very line, ``None`` if none is."""
        query = (
            "SELECT statement.sha256 FROM bundle JOIN statement ON statement.id = statement_id"
            " WHERE bundle.sha256 = ?"
        )
        row = self._row(query, hashlib.sha256(line).digest())
        return self._hex(row[0]) if row else None

    def by_subject(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of statements about an artifact of that digest, oldest first."""
        return self._linked(SUBJECT, sha256, tree)

    def by_input(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of steps with an input of that digest, oldest first."""
        return self._linked(INPUT, sha256, tree)

    def by_type(self, predicate_type: str) -> list[str]:
        """Return digests of statements with that predicate type, oldest first."""
        query = "SELECT sha256 FROM statement WHERE predicate_type = ? ORDER BY id"
        with self._reading():
            return [self._hex(digest) for (digest,) in self._connection.execute(query, (predicate_type,))]

    def statements(self) -> Iterator[str]:
        """Yield the digests of all statements, oldest first."""
        last = 0
        query = "SELECT id, sha256 FROM statement WHERE id > ? ORDER BY id LIMIT 1000"
        while True:
            with self._reading():
                page = self._connection.execute(query, (last,)).fetchall()
            if not page:
                return
            for number, digest in page:
                last = self._next(last, number)
                yield self._hex(digest)

    def by_subjects(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that have one of these artifacts as a subject, each once."""
        return self._about(statements_about(self._connection, artifacts))

    def by_artifacts(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that speak of one of these artifacts in any way, each once."""
        return self._about(statements_about(self._connection, artifacts, anyhow=True))

    def _about(self, found: Iterator[tuple[int, object]]) -> Iterator[str]:
        while True:
            with self._reading():
                row = next(found, None)
            if row is None:
                return
            yield self._hex(row[1])

    def by_alias(self, algorithm: str, value: str) -> list[Artifact]:
        """Return the artifacts to which some statement gives that other digest, sorted."""
        if not is_alias(algorithm, value):
            return []
        query = (
            "SELECT sha256, tree FROM alias JOIN artifact ON artifact.id = artifact_id"
            " WHERE algorithm = ? AND value = ?"
        )
        with self._reading():
            rows = self._connection.execute(query, (algorithm, bytes.fromhex(value)))
            return sorted(Artifact(self._hex(digest), bool(tree)) for digest, tree in rows)

    def reach(self, artifacts: Iterable[Artifact], *, backwards: bool = False) -> SqliteReach:
        """Walk from artifacts to all that was made from them, or back to all behind them."""
        start = list(artifacts)
        with self._reading():
            found = walk(self._connection, start, backwards=backwards)
        return SqliteReach(self._connection, self._reading, self._hex, *found)

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest with that digest, checked against it."""
        found = self._row("SELECT id FROM manifest WHERE sha256 = ?", blob(sha256))
        if not found:
            return None
        query = "SELECT data FROM manifest_part WHERE manifest_id = ? ORDER BY number"
        with self._reading():
            parts = [part for (part,) in self._connection.execute(query, found)]
        data = b"".join(part for part in parts if isinstance(part, bytes))
        if (got := hashlib.sha256(data).hexdigest()) != sha256:
            raise StoreError(f"manifest {sha256} is damaged: its bytes have digest {got}", self._where)
        return data

    def manifests(self) -> Iterator[str]:
        """Yield the digests of all manifests, in the order they came in."""
        last = 0
        while row := self._row("SELECT id, sha256 FROM manifest WHERE id > ? ORDER BY id LIMIT 1", last):
            last = self._next(last, row[0])
            yield self._hex(row[1])

    def check(self) -> StoreCheck:
        """Read everything back and report what does not fit."""
        with self._reading():
            return check(self._connection, self._limits)

    def close(self) -> None:
        """Release the store."""
        with explained(self._where):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── reading ──

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with explained(self._where):
            yield
        if self._frozen is None:
            return
        try:
            same = fingerprint(self._path) == self._frozen
        except OSError:
            same = False
        if not same:
            raise StoreError("was changed while it was read", self._where, "try again")

    def _row(self, query: str, *parameters: object) -> tuple[Any, ...] | None:
        with self._reading():
            row: tuple[Any, ...] | None = self._connection.execute(query, parameters).fetchone()
        return row

    def _linked(self, bit: int, sha256: str, tree: bool | None) -> list[str]:  # noqa: FBT001
        which = "" if tree is None else "AND tree = ?2"
        parameters = (blob(sha256),) if tree is None else (blob(sha256), int(tree))
        found = " UNION ".join(
            f"SELECT statement_id FROM artifact JOIN {table} ON artifact_id = artifact.id"  # noqa: S608
            f" WHERE artifact.sha256 = ?1 {which} AND listed & {bit}"
            for table in ("product", "source")
        )
        query = f"SELECT sha256 FROM statement WHERE id IN ({found}) ORDER BY id"  # noqa: S608 - our own words
        with self._reading():
            return [self._hex(digest) for (digest,) in self._connection.execute(query, parameters)]

    def _next(self, last: int, number: object) -> int:
        if not isinstance(number, int) or number <= last:
            raise StoreError(f"is damaged: out of order after row {last}", self._where, CHECK_HINT)
        return number

    def _hex(self, digest: object) -> str:
        if not isinstance(digest, bytes) or len(digest) != 32:
            raise StoreError("is damaged: a digest is not 32 bytes long", self._where, CHECK_HINT)
        return digest.hex()

    # ── writing ──

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; what a source of bundles raises passes through as it is."""
        with explained(self._where):
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            with explained(self._where):
                self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have rolled back already; the first error counts
                self._connection.execute("ROLLBACK")
            raise


def open_sqlite(rest: str, create: bool, read_only: bool, limits: Limits = DEFAULT) -> SqliteStore:  # noqa: FBT001
    """Open the store in the file of that path.

    Raises:
        StoreError: there is none and ``create`` is false, or it cannot be opened.
    """
    return SqliteStore(Path(rest), create=create, read_only=read_only, limits=limits)
