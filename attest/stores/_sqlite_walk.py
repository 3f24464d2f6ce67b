"""Walks along the links of a SQLite store: breadth first over integer ids, a thousand to a query.

What was reached is a byte for each id unless it is little, so a walk over a million statements takes some MB.
One recursive query would do the same, and takes ten times as long where much is reached: it keeps what it has
seen in a table of its own (docs/adr/0028).
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
_FEW = 2_000
"""Ids up to which a set holds what was reached."""


class Marks:
    """Which ids were reached: a set while they are few, and then a byte for each id there may be.

    To touch a page of memory for every one of a thousand ids, and to count them, would be a good part of the
    time that it takes to find them.

    Args:
        largest: of the ids there may be.
    """

    def __init__(self, largest: int) -> None:
        self.count = 0
        """How many there are."""
        self._largest = largest
        self._few: set[int] = set()
        self._bytes: bytearray | None = None

    def add(self, rows: Iterable[tuple[int]]) -> list[int]:
        """Mark ids, each a row of its own; return those that were not marked, in their order.

        Raises:
            IndexError: there can be no such id.
            TypeError: it is none.
        """
        fresh = self._add_to_few(rows) if self._bytes is None else self._add_to_bytes(self._bytes, rows)
        self.count += len(fresh)
        return fresh

    def _add_to_few(self, rows: Iterable[tuple[int]]) -> list[int]:
        few, largest, fresh = self._few, self._largest, []
        for (number,) in rows:
            if number not in few:
                if not 0 <= number <= largest:
                    raise IndexError
                few.add(number)
                fresh.append(number)
        if len(few) > _FEW:
            self._bytes = bytearray(largest + 1)
            for number in few:
                self._bytes[number] = 1
            self._few = set()
        return fresh

    @staticmethod
    def _add_to_bytes(marks: bytearray, rows: Iterable[tuple[int]]) -> list[int]:
        fresh = []
        for (number,) in rows:
            if not marks[number]:
                marks[number] = 1
                fresh.append(number)
        if min(fresh, default=0) < 0:  # it was counted from the end
            raise IndexError
        return fresh

    def ids(self) -> Iterator[int]:
        """Yield what was reached, ascending."""
        if self._bytes is None:
            yield from sorted(self._few)
            return
        number = self._bytes.find(1)
        while number >= 0:
            yield number
            number = self._bytes.find(1, number + 1)


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
        return self._artifacts.count

    @property
    def statement_count(self) -> int:
        """How many statements it went through."""
        return self._statements.count

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
        reached, through = (Marks(_largest(connection, table)) for table in ("artifact", "statement"))
        known = ((number,) for each in artifacts if (number := _id_of(connection, each)) is not None)
        front = sorted(reached.add(known))
        while front:
            front = _step(connection, arrive, _step(connection, leave, front, through), reached)
    return reached, through


def _step(connection: sqlite3.Connection, query: str, front: list[int], marks: Marks) -> list[int]:
    """Mark what the ids of ``front`` lead to; return what is new of it, ascending."""
    fresh = []
    try:
        for chunk in _chunks(front):
            fresh += marks.add(connection.execute(query, (str(chunk),)))
    except (IndexError, TypeError) as error:
        raise StoreError("is damaged: a link leads nowhere", None, CHECK_HINT) from error
    fresh.sort()
    return fresh


def _chunks(ids: Iterable[int]) -> Iterator[list[int]]:
    source = iter(ids)
    while chunk := list(islice(source, _CHUNK)):
        yield chunk


def _largest(connection: sqlite3.Connection, table: str) -> int:
    found = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]  # noqa: S608 - our own words
    return found or 0


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
    seen = bytearray(_largest(connection, "statement") + 1)
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
