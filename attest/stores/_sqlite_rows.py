"""How bundles and manifests become rows of the SQLite store; whoever calls has begun a transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.limits import Limits
from attest.links import Links, large_trees, links_of
from attest.resource import Artifact
from attest.stores._rows import Entry, listed_rows

__all__ = ["PART_BYTES", "Rows"]

PART_BYTES = 32 << 20
"""Bytes of a manifest in one row: SQLite keeps no value above 10^9 bytes, and a manifest may be larger."""

_Execute = Callable[..., sqlite3.Cursor]
_Row = tuple[int, int, int]
"""Statement, artifact, what the statement lists it as."""


class Rows:
    """Writes rows into one open transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._execute = connection.execute
        self._many = connection.executemany
        self._limits = limits

    def add(self, entries: Iterable[Entry]) -> int:
        """Write bundles that are not there; return how many were new. All of them are in memory at once."""
        new = 0
        linked: list[tuple[int, Links]] = []
        for entry in entries:
            digest = hashlib.sha256(entry.line).digest()
            if self._execute("SELECT 1 FROM bundle WHERE sha256 = ?", (digest,)).fetchone():
                continue
            self._execute(
                "INSERT INTO bundle (statement_id, sha256, raw) VALUES (?, ?, ?)",
                (self._statement_id(entry, linked), digest, entry.line),
            )
            new += 1
        self.link(linked)
        return new

    def _statement_id(self, entry: Entry, linked: list[tuple[int, Links]]) -> int:
        """Return the id of a statement; of a new one, note what it is to be found by."""
        digest = bytes.fromhex(entry.statement.digest)
        if row := self._execute("SELECT id FROM statement WHERE sha256 = ?", (digest,)).fetchone():
            return int(row[0])
        number = _inserted(
            self._execute,
            "INSERT INTO statement (sha256, predicate_type) VALUES (?, ?)",
            (digest, entry.statement.predicate_type),
        )
        links = entry.links
        if large_trees(entry.statement):
            links = links_of(entry.statement, self._limits, self.manifest)
        linked.append((number, links))
        return number

    def link(self, statements: Iterable[tuple[int, Links]]) -> None:
        """Write what statements are found by; rows that are there stay as they are."""
        ids = _Ids(self._execute)
        tables: tuple[list[_Row], list[_Row]] = ([], [])
        aliases = []
        for statement, links in statements:
            for table, rows in zip(tables, listed_rows(links), strict=True):
                table.extend(sorted((statement, ids[each], listed) for each, listed in rows.items()))
            aliases += [(name, bytes.fromhex(value), ids[each]) for name, value, each in links.aliases]
        for name, table in zip(("source", "product"), tables, strict=True):
            query = f"INSERT INTO {name} VALUES (?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608 - two words
            self._many(query, table)
        self._many("INSERT INTO alias VALUES (?, ?, ?) ON CONFLICT DO NOTHING", sorted(aliases))

    def add_manifest(self, data: bytes) -> None:
        """Write a manifest unless it is there; statements about its directory are found by its weights."""
        digest = hashlib.sha256(data).digest()
        if self._execute("SELECT 1 FROM manifest WHERE sha256 = ?", (digest,)).fetchone():
            return
        number = self._execute("INSERT INTO manifest (sha256) VALUES (?)", (digest,)).lastrowid
        view = memoryview(data)
        for part, start in enumerate(range(0, len(view), PART_BYTES)):
            self._execute(
                "INSERT INTO manifest_part (manifest_id, number, data) VALUES (?, ?, ?)",
                (number, part, view[start : start + PART_BYTES]),
            )
        self._link_weights(digest, {digest.hex(): data})

    def _link_weights(self, digest: bytes, manifests: Mapping[str, bytes]) -> None:
        """Find the statements about a directory by the weights its manifest lists."""
        query = (
            "SELECT statement_id, (SELECT raw FROM bundle WHERE bundle.statement_id = product.statement_id)"
            " FROM product WHERE artifact_id = (SELECT id FROM artifact WHERE sha256 = ? AND tree = 1)"
        )
        for statement_id, raw in self._execute(query, (digest,)).fetchall():
            statement = parse_bundle(raw, None, self._limits).statement(None, self._limits)
            if large_trees(statement):
                self.link([(statement_id, links_of(statement, self._limits, manifests.get))])

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest of that digest, or ``None`` where there is none, or a damaged one."""
        query = (
            "SELECT data FROM manifest_part JOIN manifest ON manifest.id = manifest_id"
            " WHERE sha256 = ? ORDER BY number"
        )
        data = b"".join(part for (part,) in self._execute(query, (bytes.fromhex(sha256),)))
        return data if sha256_bytes(data) == sha256 else None


class _Ids(dict[Artifact, int]):
    """The ids of artifacts; one that is new is written."""

    def __init__(self, execute: _Execute) -> None:
        super().__init__()
        self._execute = execute

    def __missing__(self, artifact: Artifact) -> int:
        key = (bytes.fromhex(artifact.sha256), int(artifact.tree))
        row = self._execute("SELECT id FROM artifact WHERE sha256 = ? AND tree = ?", key).fetchone()
        query = "INSERT INTO artifact (sha256, tree) VALUES (?, ?)"
        number = int(row[0]) if row else _inserted(self._execute, query, key)
        self[artifact] = number
        return number


def _inserted(execute: _Execute, query: str, values: tuple[object, ...]) -> int:
    """Write a row and return its id."""
    number = execute(query, values).lastrowid
    assert number is not None  # noqa: S101 - an INSERT that did not raise
    return number
