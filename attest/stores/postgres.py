"""The shared store: a schema in a PostgreSQL database, for many pipelines that write at once.

Bundles are kept byte for byte, so that ``psql`` can save them without attest. Nothing is ever changed or
deleted: a role that may only ``SELECT`` reads, one that may ``INSERT`` as well writes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from attest.bundle import Bundle
from attest.digest import is_alias
from attest.errors import StoreError
from attest.limits import DEFAULT, Limits
from attest.resource import Artifact
from attest.store import StoreCheck
from attest.stores._postgres_check import check
from attest.stores._postgres_link import Link, parse_place
from attest.stores._postgres_rows import Writer
from attest.stores._postgres_schema import PAGE, prepare
from attest.stores._postgres_walk import PostgresReach, digest_of, statements_about, walk
from attest.stores._rows import CHECK_HINT, INPUT, SUBJECT, blob, bundle_of, entry_of, take

__all__ = ["PostgresStore", "open_postgres"]

_PAGE_BYTES = 4 << 20
"""Bytes of bundles fetched at once, besides one bundle of any size."""
_TAKEN = 1000
"""Bundles looked up at once."""
_KEPT = "SELECT sha256 FROM @bundle WHERE sha256 = ANY(%b::bytea[])"
_KEPT_AS = """SELECT statement.sha256 FROM @bundle AS bundle JOIN @statement AS statement
  ON statement.id = statement_id WHERE bundle.sha256 = %s"""
_OF_STATEMENT = "AND statement_id = (SELECT id FROM @statement WHERE sha256 = %s)"
_LINKED = """WITH found AS (SELECT id FROM @artifact WHERE sha256 = %s {which})
  SELECT sha256 FROM @statement WHERE id IN (
    SELECT statement_id FROM found JOIN @product ON artifact_id = found.id WHERE listed & {bit} <> 0
    UNION SELECT statement_id FROM found JOIN @source ON artifact_id = found.id WHERE listed & {bit} <> 0
  ) ORDER BY id"""
_BY_ALIAS = """SELECT sha256, tree FROM @alias JOIN @artifact ON id = artifact_id
  WHERE algorithm = %s AND value = %s"""
_STATEMENTS = "SELECT id, sha256 FROM @statement WHERE id > %s ORDER BY id LIMIT 1000"
_BY_TYPE = """SELECT sha256 FROM @statement
  WHERE sha256(predicate_type) = sha256(%s) AND predicate_type = %s ORDER BY id"""
_MANIFEST = """SELECT id, (SELECT coalesce(sum(octet_length(data)), 0)::bigint FROM @manifest_part
  WHERE manifest_id = manifest.id) FROM @manifest AS manifest WHERE sha256 = %s"""
_PART = """SELECT number, data FROM @manifest_part WHERE manifest_id = %s AND number > %s
  ORDER BY number LIMIT 1"""
_MANIFESTS = "SELECT id, sha256 FROM @manifest WHERE id > %s ORDER BY id LIMIT 1000"


class PostgresStore:
    """A store in one schema of a database; ``attest.store.Store`` says what its methods promise.

    ``put`` needs memory for what it sends at once (about 16 MiB of bundles, or one that is larger). While it
    runs, other writers wait; readers never do. Where the connection is lost in the very moment of the commit,
    ``put`` raises although all may be there: putting it again does no harm. One object belongs to one thread.
    """

    def __init__(
        self, place: str, *, create: bool = False, read_only: bool = False, limits: Limits = DEFAULT
    ) -> None:
        self._limits = limits
        self._read_only = read_only
        self._link = Link(parse_place(place), read_only=read_only)
        self._where = self._link.place.where
        try:
            prepare(self._link, create=create and not read_only)
        except BaseException:
            self._link.close()
            raise

    def put(self, bundles: Iterable[Bundle], manifests: Iterable[bytes] = ()) -> int:
        """Add bundles and manifests in one transaction; return how many bundles were new."""
        if self._read_only:
            raise StoreError("was opened for reading only", self._where, "nothing was changed")
        entries = (entry_of(bundle, self._limits) for bundle in self._unknown(bundles))
        head = take(entries)  # before other writers are made to wait
        writer = self._link.persist(lambda: Writer(self._link, head, self._limits))
        try:
            while batch := take(entries):
                writer.add(batch)
            writer.add_manifests(manifests)
            self._link.commit()
        except BaseException:
            self._link.roll_back()
            raise
        return writer.new

    def bundles(self, statement_digest: str | None = None) -> Iterator[Bundle]:
        """Yield the bundles of one statement, or all, in the order they came in."""
        which, wanted = "", tuple[bytes, ...]()
        if statement_digest is not None:
            which, wanted = _OF_STATEMENT, (blob(statement_digest),)
        # a few MiB at a time: a reader who walks away, or puts meanwhile, holds nothing open
        query = PAGE.format(which)
        longest, last = self._limits.line_bytes, 0
        while page := self._link.ask(query, longest, last, *wanted, _PAGE_BYTES):
            for number, _, digest, raw, size in page:
                self._link.require_open()
                last = self._next(last, number)
                where = f"{self._where}: bundle {last}"
                if raw is None and isinstance(size, int):
                    self._limits.check("line_bytes", size, where)
                yield bundle_of(digest, raw, statement_digest, where, self._limits)

    def kept_as(self, line: bytes) -> str | None:
        """Return the digest of the statement whose bundle is kept as that very line, ``None`` if none is."""
        found = self._link.ask(_KEPT_AS, hashlib.sha256(line).digest())
        return digest_of(found[0][0], self._link) if found else None

    def by_subject(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of statements about an artifact of that digest, oldest first."""
        return self._linked(SUBJECT, sha256, tree)

    def by_input(self, sha256: str, *, tree: bool | None = None) -> list[str]:
        """Return digests of steps with an input of that digest, oldest first."""
        return self._linked(INPUT, sha256, tree)

    def by_type(self, predicate_type: str) -> list[str]:
        """Return digests of statements with that predicate type, oldest first."""
        wanted = predicate_type.encode("utf-8", "surrogatepass")
        return [digest_of(digest, self._link) for (digest,) in self._link.ask(_BY_TYPE, wanted, wanted)]

    def statements(self) -> Iterator[str]:
        """Yield the digests of all statements, oldest first."""
        return self._digests(_STATEMENTS)

    def by_subjects(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that have one of these artifacts as a subject, each once."""
        return statements_about(self._link, artifacts)

    def by_artifacts(self, artifacts: Iterable[Artifact]) -> Iterator[str]:
        """Yield digests of statements that speak of one of these artifacts in any way, each once."""
        return statements_about(self._link, artifacts, anyhow=True)

    def by_alias(self, algorithm: str, value: str) -> list[Artifact]:
        """Return the artifacts to which some statement gives that other digest, sorted."""
        if not is_alias(algorithm, value):
            return []
        rows = self._link.ask(_BY_ALIAS, algorithm.encode(), bytes.fromhex(value))
        return sorted(Artifact(digest_of(digest, self._link), bool(tree)) for digest, tree in rows)

    def reach(self, artifacts: Iterable[Artifact], *, backwards: bool = False) -> PostgresReach:
        """Walk from artifacts to all that was made from them, or back to all behind them."""
        return walk(self._link, artifacts, backwards=backwards)

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest with that digest, checked against it."""
        found = self._link.ask(_MANIFEST, blob(sha256))
        if not found:
            return None
        ((manifest_id, size),) = found
        self._limits.check("manifest_bytes", size, f"{self._where}: manifest {sha256}")
        parts: list[bytes] = []
        last = -1
        while part := self._link.ask(_PART, manifest_id, last):
            last = self._next(last, part[0][0])
            parts.append(part[0][1] if isinstance(part[0][1], bytes) else b"")
        data = b"".join(parts)
        if (got := hashlib.sha256(data).hexdigest()) != sha256:
            raise StoreError(f"manifest {sha256} is damaged: its bytes have digest {got}", self._where)
        return data

    def manifests(self) -> Iterator[str]:
        """Yield the digests of all manifests, in the order they came in."""
        return self._digests(_MANIFESTS)

    def check(self) -> StoreCheck:
        """Read everything back and report what does not fit."""
        return check(self._link, self._limits)

    def close(self) -> None:
        """Release the store."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _unknown(self, bundles: Iterable[Bundle]) -> Iterator[Bundle]:
        """Yield what is not there: what is there already is not parsed again.

        Whether it still is new is asked again when it is written. A single bundle is only asked for then.
        """
        stream = iter(bundles)
        while some := _some(stream):
            there = {digest for (digest,) in self._link.ask(_KEPT, list(some))} if len(some) > 1 else set()
            yield from (bundle for digest, bundle in some.items() if digest not in there)

    def _linked(self, bit: int, sha256: str, tree: bool | None) -> list[str]:  # noqa: FBT001
        which = "" if tree is None else "AND tree = %s"
        parameters = (blob(sha256),) if tree is None else (blob(sha256), tree)
        found = self._link.ask(_LINKED.format(which=which, bit=bit), *parameters)
        return [digest_of(digest, self._link) for (digest,) in found]

    def _digests(self, query: str) -> Iterator[str]:
        """Yield the digests of a table in the order they came in."""
        last = 0
        while page := self._link.ask(query, last):
            for number, digest in page:
                self._link.require_open()
                last = self._next(last, number)
                yield digest_of(digest, self._link)

    def _next(self, last: int, number: object) -> int:
        if not isinstance(number, int) or number <= last:
            raise StoreError(f"is damaged: out of order after row {last}", self._where, CHECK_HINT)
        return number


def _some(stream: Iterator[Bundle]) -> dict[bytes, Bundle]:
    """Take the next bundles, by the digests of their lines: what fits into a bounded memory."""
    taken: dict[bytes, Bundle] = {}
    size = 0
    for bundle in stream:
        line = bundle.line
        taken.setdefault(hashlib.sha256(line).digest(), bundle)
        size += len(line)
        if len(taken) == _TAKEN or size >= _PAGE_BYTES:
            break
    return taken


def open_postgres(
    rest: str,
    create: bool,  # noqa: FBT001
    read_only: bool,  # noqa: FBT001
    limits: Limits = DEFAULT,
) -> PostgresStore:
    """Open the store at that place: what follows ``postgresql:`` in a URI of libpq's.

    Raises:
        UsageError: it is no such URI, or psycopg is not installed.
        StoreError: there is none and ``create`` is false, or it cannot be opened.
    """
    return PostgresStore(rest, create=create, read_only=read_only, limits=limits)
