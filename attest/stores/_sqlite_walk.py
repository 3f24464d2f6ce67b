"""Walks along the links of a SQLite store, answered by one query over integer ids."""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager

from attest.resource import Artifact
from attest.stores._rows import SUBJECT, blob

__all__ = ["SqliteReach", "statements_about", "walk"]

_CHUNK = 1000
"""Rows asked for at once where answers are looked up by their ids."""


class SqliteReach:
    """Where a walk came to: ids, eight bytes each. ``attest.store.Reach`` says what its methods promise.

    Args:
        connection: the store's.
        reading: what every read happens inside of.
        as_hex: reads a digest out of a row.
        artifacts: ids of artifacts.
        statements: ids of statements.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        reading: Callable[[], AbstractContextManager[None]],
        as_hex: Callable[[object], str],
        artifacts: array[int],
        statements: array[int],
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._hex = as_hex
        self._artifacts = array("q", sorted(artifacts))
        self._statements = array("q", sorted(statements))

    @property
    def artifact_count(self) -> int:
        """How many artifacts it came to."""
        return len(self._artifacts)

    @property
    def statement_count(self) -> int:
        """How many statements it went through."""
        return len(self._statements)

    def artifacts(self) -> Iterator[Artifact]:
        """Yield the artifacts it came to, each once."""
        for digest, tree in self._rows("sha256, tree", "artifact", self._artifacts):
            yield Artifact(self._hex(digest), bool(tree))

    def statements(self) -> Iterator[str]:
        """Yield the digests of the statements it went through, oldest first."""
        for (digest,) in self._rows("sha256", "statement", self._statements):
            yield self._hex(digest)

    def _rows(self, columns: str, table: str, ids: array[int]) -> Iterator[tuple[object, ...]]:
        query = (
            f"SELECT {columns} FROM {table}"  # noqa: S608 - our own words
            " WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"
        )
        for start in range(0, len(ids), _CHUNK):
            with self._reading():
                numbers = json.dumps(ids[start : start + _CHUNK].tolist())
                rows = self._connection.execute(query, (numbers,)).fetchall()
            yield from rows


def walk(
    connection: sqlite3.Connection, artifacts: Iterable[Artifact], *, backwards: bool
) -> tuple[array[int], array[int]]:
    """Walk from artifacts along the links, in one query and so over one state of the store.

    Returns:
        The ids of the artifacts and of the statements it came to.
    """
    first, second = ("product", "source") if backwards else ("source", "product")
    # nodes are artifacts (even) and statements (odd), so that each is gone through once
    query = f"""
        WITH RECURSIVE reached (node) AS (
          SELECT value * 2 FROM json_each(?)
          UNION
          SELECT statement_id * 2 + 1 FROM reached JOIN {first} INDEXED BY {first}_artifact
            ON artifact_id = node / 2 WHERE node % 2 = 0
          UNION
          SELECT artifact_id * 2 FROM reached JOIN {second}
            ON statement_id = node / 2 WHERE node % 2 = 1
        )
        SELECT node FROM reached"""  # noqa: S608 - our own words
    found = (array("q"), array("q"))
    start = json.dumps([number for each in artifacts if (number := _id_of(connection, each)) is not None])
    for (node,) in connection.execute(query, (start,)):
        found[node & 1].append(node >> 1)
    return found


def statements_about(
    connection: sqlite3.Connection, artifacts: Iterable[Artifact], *, anyhow: bool = False
) -> Iterator[tuple[int, object]]:
    """Yield ids and digests of the statements that have one of the artifacts as a subject, each once.

    Args:
        connection: the store's.
        artifacts: consumed as a stream.
        anyhow: those too that have one as anything else.
    """
    seen = bytearray()  # a bit for each id
    which = "" if anyhow else f"AND listed & {SUBJECT}"
    about = " UNION ".join(
        f"SELECT statement_id FROM {table} WHERE artifact_id = ? {which}"  # noqa: S608
        for table in ("product", "source")
    )
    query = f"SELECT id, sha256 FROM statement WHERE id IN ({about}) ORDER BY id"  # noqa: S608
    for each in artifacts:
        if (number := _id_of(connection, each)) is None:
            continue
        for statement, digest in connection.execute(query, (number, number)).fetchall():
            byte, bit = statement >> 3, 1 << (statement & 7)
            if byte >= len(seen):
                seen.extend(bytes(byte + 1 - len(seen) + (len(seen) >> 3)))
            if not seen[byte] & bit:
                seen[byte] |= bit
                yield statement, digest


def _id_of(connection: sqlite3.Connection, artifact: Artifact) -> int | None:
    query = "SELECT id FROM artifact WHERE sha256 = ? AND tree = ?"
    row = connection.execute(query, (blob(artifact.sha256), int(artifact.tree))).fetchone()
    return row and int(row[0])
