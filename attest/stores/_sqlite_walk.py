"""Walks along the links of a SQLite store: breadth first over integer ids, a thousand to a query.

What was reached is a byte for each id, so a walk over a million statements takes some MB. One recursive query
would do the same, and takes ten times as long where much is reached: it keeps what it has seen in a table of
its own (docs/adr/0028).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice

from attest.errors import StoreError
from attest.resource import Artifact
from attest.stores._rows import CHECK_HINT, SUBJECT, blob

__all__ = ["Marks", "SqliteReach", "statements_about", "walk"]

_CHUNK = 1000
"""Ids in one query."""


class Marks(bytearray):
    """A byte for each id there may be: 1 if it was reached."""

    def ids(self) -> Iterator[int]:
        """Yield what was reached, ascending."""
        number = self.find(1)
        while number >= 0:
            yield number
            number = self.find(1, number + 1)


class SqliteReach:
    """Where a walk came to. ``attest.store.Reach`` says what its methods promise.

    Args:
        connection: the store's.
        reading: what every read happens inside of.
        as_hex: reads a digest out of a row.
        artifacts: which were reached.
        statements: which were gone through.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        reading: Callable[[], AbstractContextManager[None]],
        as_hex: Callable[[object], str],
        artifacts: Marks,
        statements: Marks,
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._hex = as_hex
        self._artifacts = artifacts
        self._statements = statements

    @property
    def artifact_count(self) -> int:
        """How many artifacts it came to."""
        return self._artifacts.count(1)

    @property
    def statement_count(self) -> int:
        """How many statements it went through."""
        return self._statements.count(1)

    def artifacts(self) -> Iterator[Artifact]:
        """Yield the artifacts it came to, each once."""
        for digest, tree in self._rows("sha256, tree", "artifact", self._artifacts):
            yield Artifact(self._hex(digest), bool(tree))

    def statements(self) -> Iterator[str]:
        """Yield the digests of the statements it went through, oldest first."""
        for (digest,) in self._rows("sha256", "statement", self._statements):
            yield self._hex(digest)

    def _rows(self, columns: str, table: str, marks: Marks) -> Iterator[tuple[object, ...]]:
        query = f"SELECT {columns} FROM json_each(?) CROSS JOIN {table} ON {table}.id = value"  # noqa: S608 - our own words
        for chunk in _chunks(marks.ids()):
            with self._reading():
                rows = self._connection.execute(query, (str(chunk),)).fetchall()
                if len(rows) != len(chunk):
                    what = f"is damaged: {len(chunk) - len(rows)} rows of table {table} are missing"
                    raise StoreError(what, None, CHECK_HINT)
            yield from rows


def walk(
    connection: sqlite3.Connection, artifacts: Iterable[Artifact], *, backwards: bool
) -> tuple[Marks, Marks]:
    """Walk from artifacts along the links, over one state of the store.

    Returns:
        Which artifacts and which statements it came to.

    Raises:
        StoreError: a link leads to what cannot be there.
    """
    first, second = ("product", "source") if backwards else ("source", "product")
    # the order of the tables is fixed: ids first, then the index they are looked up in
    leave = (
        f"SELECT statement_id FROM json_each(?) CROSS JOIN {first} INDEXED BY {first}_artifact"  # noqa: S608
        " ON artifact_id = value"
    )
    arrive = f"SELECT artifact_id FROM json_each(?) CROSS JOIN {second} ON statement_id = value"  # noqa: S608
    with _one_state(connection):
        reached, through = _marks(connection, "artifact"), _marks(connection, "statement")
        known = (number for each in artifacts if (number := _id_of(connection, each)) is not None)
        front = sorted(set(known))
        for number in front:
            reached[number] = 1
        while front:
            front = _step(connection, arrive, _step(connection, leave, front, through), reached)
    return reached, through


def _step(connection: sqlite3.Connection, query: str, front: list[int], marks: Marks) -> list[int]:
    """Mark what the ids of ``front`` lead to; return what is new of it, ascending."""
    fresh = []
    try:
        for chunk in _chunks(front):
            for (number,) in connection.execute(query, (str(chunk),)):
                if not marks[number]:
                    marks[number] = 1
                    fresh.append(number)
    except (IndexError, TypeError) as error:
        raise StoreError("is damaged: a link leads nowhere", None, CHECK_HINT) from error
    fresh.sort()
    return fresh


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    source = iter(ids)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def _marks(connection: sqlite3.Connection, table: str) -> Marks:
    largest = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]  # noqa: S608 - our own words
    return Marks((largest or 0) + 1)


@contextmanager
def _one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all reads see the same, whoever writes meanwhile."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")  # nothing was written


def statements_about(
    connection: sqlite3.Connection, artifacts: Iterable[Artifact], *, anyhow: bool = False
) -> Iterator[tuple[int, object]]:
    """Yield ids and digests of the statements that have one of the artifacts as a subject, each once.

    Args:
        connection: the store's.
        artifacts: consumed as a stream.
        anyhow: those too that have one as anything else.
    """
    seen = _marks(connection, "statement")
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
            if statement >= len(seen):  # it was put meanwhile
                seen.extend(bytes(statement + 1000 - len(seen)))
            if not seen[statement]:
                seen[statement] = 1
                yield statement, digest


def _id_of(connection: sqlite3.Connection, artifact: Artifact) -> int | None:
    query = "SELECT id FROM artifact WHERE sha256 = ? AND tree = ?"
    row = connection.execute(query, (blob(artifact.sha256), int(artifact.tree))).fetchone()
    return row and int(row[0])
