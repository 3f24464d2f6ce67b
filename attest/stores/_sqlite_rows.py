"""How bundles and manifests become rows of the SQLite store; whoever calls has begun a transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.limits import Limits
from attest.resource import Artifact
from attest.store import Links, large_trees, links_of
from attest.stores._rows import Entry, listed_rows

__all__ = ["PART_BYTES", "Rows"]

PART_BYTES = 32 << 20
"""Bytes of a manifest in one row: SQLite keeps no value above 10^9 bytes, and a manifest may be larger."""


class Rows:
    """Writes rows into one open transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._execute = connection.execute
        self._many = connection.executemany
        self._limits = limits

    def add(self, entry: Entry) -> int:
        """Write a bundle unless it is there; return how many were new."""
        digest = hashlib.sha256(entry.line).digest()
        if self._execute("SELECT 1 FROM bundle WHERE sha256 = ?", (digest,)).fetchone():
            return 0
        self._execute(
            "INSERT INTO bundle (statement_id, sha256, raw) VALUES (?, ?, ?)",
            (self._statement_id(entry), digest, entry.line),
        )
        return 1

    def _statement_id(self, entry: Entry) -> int:
        digest = bytes.fromhex(entry.statement.digest)
        if row := self._execute("SELECT id FROM statement WHERE sha256 = ?", (digest,)).fetchone():
            return int(row[0])
        cursor = self._execute(
            "INSERT INTO statement (sha256, predicate_type) VALUES (?, ?)",
            (digest, entry.statement.predicate_type),
        )
        number = cursor.lastrowid
        assert number is not None  # noqa: S101 - an INSERT that did not raise
        links = entry.links
        if large_trees(entry.statement):
            links = links_of(entry.statement, self._limits, self.manifest)
        self.link(number, links)
        return number

    def link(self, statement_id: int, links: Links) -> None:
        """Write what a statement is found by; rows that are there stay as they are."""
        sources, products = listed_rows(links)
        self._artifacts({*sources, *products, *(each for _, _, each in links.aliases)})
        for table, rows in (("source", sources), ("product", products)):
            self._many(
                f"INSERT INTO {table} (statement_id, artifact_id, listed)"  # noqa: S608 - one of two words
                f" SELECT {statement_id:d}, id, ? FROM artifact WHERE sha256 = ? AND tree = ?"
                " ON CONFLICT DO NOTHING",
                [(listed, *_key(artifact)) for artifact, listed in sorted(rows.items())],
            )
        self._many(
            "INSERT INTO alias (algorithm, value, artifact_id)"
            " SELECT ?, ?, id FROM artifact WHERE sha256 = ? AND tree = ? ON CONFLICT DO NOTHING",
            [(name, bytes.fromhex(value), *_key(each)) for name, value, each in sorted(links.aliases)],
        )

    def _artifacts(self, artifacts: Iterable[Artifact]) -> None:
        keys = [_key(each) for each in sorted(artifacts)]
        self._many("INSERT INTO artifact (sha256, tree) VALUES (?, ?) ON CONFLICT DO NOTHING", keys)

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
                self.link(statement_id, links_of(statement, self._limits, manifests.get))

    def manifest(self, sha256: str) -> bytes | None:
        """Return the manifest of that digest, or ``None`` where there is none, or a damaged one."""
        query = (
            "SELECT data FROM manifest_part JOIN manifest ON manifest.id = manifest_id"
            " WHERE sha256 = ? ORDER BY number"
        )
        data = b"".join(part for (part,) in self._execute(query, (bytes.fromhex(sha256),)))
        return data if sha256_bytes(data) == sha256 else None


def _key(artifact: Artifact) -> tuple[bytes, int]:
    return bytes.fromhex(artifact.sha256), int(artifact.tree)
