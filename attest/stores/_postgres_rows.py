"""How bundles and manifests become rows of a store in PostgreSQL, many at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.errors import StoreError
from attest.limits import Limits
from attest.links import Links, large_trees, links_of
from attest.resource import Artifact
from attest.statement import Statement
from attest.stores._postgres_link import RIGHTS_HINT, Link, Question
from attest.stores._postgres_schema import LOCK, WRITE, lock_of
from attest.stores._rows import CHECK_HINT, Entry, listed_rows

__all__ = ["PART_BYTES", "Writer"]

_Key = tuple[bytes, bool]

PART_BYTES = 16 << 20
"""Bytes of a manifest in one row: PostgreSQL keeps no value above 10^9 bytes."""

_HEAD_BYTES, _HEAD_COUNT = 16 << 20, 1000  # of manifests that are looked up and written together

_MAY_NOT = """SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = %s AND relkind = 'r' AND relname <> 'about'
  AND NOT (has_table_privilege(pg_class.oid, 'INSERT') AND has_table_privilege(pg_class.oid, 'SELECT'))"""
_LAST = """SELECT (SELECT coalesce(max(id), 0) FROM @statement), (SELECT coalesce(max(id), 0) FROM @bundle),
  (SELECT coalesce(max(id), 0) FROM @artifact), (SELECT coalesce(max(id), 0) FROM @manifest)"""

_BUNDLES = "SELECT sha256 FROM @bundle WHERE sha256 = ANY(%b::bytea[])"
_STATEMENTS = "SELECT sha256, id FROM @statement WHERE sha256 = ANY(%b::bytea[])"
_ARTIFACTS = "SELECT sha256, tree, id FROM @artifact WHERE sha256 = ANY(%b::bytea[])"
_MANIFESTS = "SELECT sha256 FROM @manifest WHERE sha256 = ANY(%b::bytea[])"
_MANIFEST = """SELECT data FROM @manifest AS manifest JOIN @manifest_part ON manifest_id = manifest.id
  WHERE sha256 = %s ORDER BY number"""
_ABOUT_TREES = """SELECT statement_id,
    (SELECT raw FROM @bundle WHERE bundle.statement_id = product.statement_id ORDER BY id LIMIT 1)
  FROM @product AS product JOIN @artifact AS artifact ON artifact.id = artifact_id
  WHERE tree AND sha256 = %s ORDER BY statement_id"""

_PUT_STATEMENTS = """INSERT INTO @statement (id, sha256, predicate_type)
  SELECT * FROM unnest(%b::integer[], %b::bytea[], %b::bytea[])"""
_PUT_BUNDLES = """INSERT INTO @bundle (id, statement_id, sha256, raw)
  SELECT * FROM unnest(%b::integer[], %b::integer[], %b::bytea[], %b::bytea[])"""
_PUT_ARTIFACTS = """INSERT INTO @artifact (id, sha256, tree)
  SELECT * FROM unnest(%b::integer[], %b::bytea[], %b::boolean[])"""
_PUT_LINKS = """INSERT INTO @{} (statement_id, artifact_id, listed)
  SELECT * FROM unnest(%b::integer[], %b::integer[], %b::smallint[]) ON CONFLICT DO NOTHING"""
_PUT_ALIASES = """INSERT INTO @alias (algorithm, value, artifact_id)
  SELECT * FROM unnest(%b::bytea[], %b::bytea[], %b::integer[]) ON CONFLICT DO NOTHING"""
_PUT_MANIFEST = "INSERT INTO @manifest (id, sha256) VALUES (%s, %s)"
_PUT_PART = "INSERT INTO @manifest_part (manifest_id, number, data) VALUES (%s, %s, %s)"


class Writer:
    """Writes rows in one transaction, which it begins; whoever calls commits it or rolls it back.

    A batch is twice to the server and back: what is there of it, and what is not. Ids follow those that are
    there without a gap, for nobody else gives any out meanwhile.
    """

    def __init__(self, link: Link, batch: Sequence[Entry], limits: Limits) -> None:
        self._link = link
        self._limits = limits
        self.new = 0
        """Bundles written."""
        # the lock comes first: with it held, whatever is asked next sees all that was ever committed
        lock: Question = (LOCK, (lock_of(link.place.schema),))
        first = (lock, (_MAY_NOT, (link.place.schema,)), (_LAST, ()))
        _, denied, last, *there = link.begin(WRITE, *first, *_what_is_there(batch))
        if denied:
            what = f"this role may only read: it has no right to insert into {denied[0][0]}"
            raise StoreError(what, link.place.where, RIGHTS_HINT)
        self._last: dict[str, int] = dict(
            zip(("statement", "bundle", "artifact", "manifest"), last[0], strict=True)
        )
        self._add(batch, there)

    def add(self, batch: Sequence[Entry]) -> None:
        """Write the bundles that are not there yet."""
        with self._link.explained():
            self._add(batch, self._link.ask_all(*_what_is_there(batch)))

    def _add(self, batch: Sequence[Entry], there: list[list[tuple[Any, ...]]]) -> None:
        if not batch:
            return
        known = {digest for (digest,) in there[0]}
        fresh = {digest: entry for digest, entry in _by_digest(batch).items() if digest not in known}
        statements: dict[bytes, int] = dict(there[1])
        made: dict[int, Entry] = {}
        for entry in fresh.values():
            digest = bytes.fromhex(entry.statement.digest)
            if digest not in statements:
                statements[digest] = self._next("statement")
                made[statements[digest]] = entry
        filed = [statements[bytes.fromhex(entry.statement.digest)] for entry in fresh.values()]
        numbers = [self._next("bundle") for _ in fresh]
        lines = [entry.line for entry in fresh.values()]
        artifacts = {(digest, tree): number for digest, tree, number in there[2]}
        links = {number: entry.links for number, entry in made.items()}
        self._link.ask_all(
            (_PUT_STATEMENTS, _columns([_statement_row(number, entry) for number, entry in made.items()], 3)),
            (_PUT_BUNDLES, (numbers, filed, list(fresh), lines)),
            *self._links(links, artifacts),
        )
        self._link_weights({number: entry.statement for number, entry in made.items()})
        self.new += len(fresh)

    def _links(self, linked: dict[int, Links], artifacts: dict[_Key, int]) -> list[Question]:
        """Return what writes new artifacts, and the rows that statements are found by.

        Args:
            linked: id of a statement → what it is found by.
            artifacts: ids of those that are there already.
        """
        new: list[tuple[int, bytes, bool]] = []

        def number_of(artifact: Artifact) -> int:
            key = _key(artifact)
            if key not in artifacts:
                artifacts[key] = self._next("artifact")
                new.append((artifacts[key], *key))
            return artifacts[key]

        rows: dict[str, list[tuple[int, int, int]]] = {"source": [], "product": []}
        aliases: set[tuple[bytes, bytes, int]] = set()
        for number, links in linked.items():
            for table, listed in zip(rows, listed_rows(links), strict=True):
                rows[table] += ((number, number_of(each), bits) for each, bits in sorted(listed.items()))
            for algorithm, value, artifact in sorted(links.aliases):
                aliases.add((algorithm.encode(), bytes.fromhex(value), number_of(artifact)))
        found_by = [(_PUT_LINKS.format(table), _columns(each, 3)) for table, each in rows.items()]
        last = [(_PUT_ALIASES, _columns(sorted(aliases), 3))] if aliases else []
        return [(_PUT_ARTIFACTS, _columns(new, 3)), *found_by, *last]

    def _link_weights(self, statements: dict[int, Statement]) -> None:
        """Find statements by the weights in their large directories, as far as manifests list them."""
        links: dict[int, Links] = {}
        for number, statement in statements.items():
            if large_trees(statement):
                links[number] = links_of(statement, self._limits, self._manifest)
        if links:
            every = {_key(each)[0] for one in links.values() for each in _artifacts_in(one)}
            rows = self._link.ask_here(_ARTIFACTS, list(every))
            self._link.ask_all(*self._links(links, {(digest, tree): number for digest, tree, number in rows}))

    def _manifest(self, sha256: str) -> bytes | None:
        """Return the manifest of that digest, or ``None`` where there is none, or a damaged one."""
        data = b"".join(part for (part,) in self._link.ask_here(_MANIFEST, bytes.fromhex(sha256)))
        return data if sha256_bytes(data) == sha256 else None

    def add_manifests(self, manifests: Iterable[bytes]) -> None:
        """Write the manifests that are not there yet."""
        waiting: dict[bytes, bytes] = {}
        size = 0
        for data in manifests:
            waiting.setdefault(hashlib.sha256(data).digest(), data)
            size += len(data)
            if size >= _HEAD_BYTES or len(waiting) == _HEAD_COUNT:
                self._add_manifests(waiting)
                waiting, size = {}, 0
        if waiting:
            self._add_manifests(waiting)

    def _add_manifests(self, manifests: dict[bytes, bytes]) -> None:
        with self._link.explained():
            known = {digest for (digest,) in self._link.ask_here(_MANIFESTS, list(manifests))}
            for digest, data in manifests.items():
                if digest not in known:
                    self._add_manifest(digest, data)

    def _add_manifest(self, digest: bytes, data: bytes) -> None:
        number = self._next("manifest")
        *_, about = self._link.ask_all((_PUT_MANIFEST, (number, digest)), (_ABOUT_TREES, (digest,)))
        view = memoryview(data)
        for part, at in enumerate(range(0, len(view), PART_BYTES)):
            self._link.ask_here(_PUT_PART, number, part, view[at : at + PART_BYTES])
        self._link_weights({statement: self._statement(statement, raw) for statement, raw in about})

    def _statement(self, number: int, raw: object) -> Statement:
        where = f"{self._link.place.where}: statement {number}"
        if not isinstance(raw, bytes):
            raise StoreError("is damaged: it has no bundle", where, CHECK_HINT)
        return parse_bundle(raw, where, self._limits).statement(where, self._limits)

    def _next(self, table: str) -> int:
        self._last[table] += 1
        return self._last[table]


def _artifacts_in(links: Links) -> set[Artifact]:
    """Return every artifact a statement is found by."""
    return {
        *links.subjects,
        *links.inputs,
        *links.sources,
        *links.products,
        *(a for _, _, a in links.aliases),
    }


def _by_digest(batch: Iterable[Entry]) -> dict[bytes, Entry]:
    return {hashlib.sha256(entry.line).digest(): entry for entry in batch}


def _what_is_there(batch: Sequence[Entry]) -> list[Question]:
    """Return the questions what there is of a batch already: bundles, statements, artifacts."""
    if not batch:
        return []
    statements = {bytes.fromhex(entry.statement.digest) for entry in batch}
    artifacts = {_key(each)[0] for entry in batch for each in _artifacts_in(entry.links)}
    asked = zip((_BUNDLES, _STATEMENTS, _ARTIFACTS), (_by_digest(batch), statements, artifacts), strict=True)
    return [(query, (list(digests),)) for query, digests in asked]


def _statement_row(number: int, entry: Entry) -> tuple[int, bytes, bytes]:
    statement = entry.statement
    return number, bytes.fromhex(statement.digest), statement.predicate_type.encode()


def _key(artifact: Artifact) -> _Key:
    return bytes.fromhex(artifact.sha256), artifact.tree


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> tuple[list[Any], ...]:
    return tuple([row[column] for row in rows] for column in range(width))
