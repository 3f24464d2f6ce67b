"""What ``attest store check`` does to a SQLite store: everything is read back and recomputed.

The file may be damaged anywhere, so any value may be missing or of another type, and any query may fail:
each of these is a problem in the list, never an exception.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator

from attest.limits import Limits
from attest.resource import Artifact
from attest.store import StoreCheck
from attest.stores._inspect import Alias, Filed, Problems, hex_of, inspect_bundle
from attest.stores._sqlite_file import SCHEMA
from attest.stores._sqlite_rows import Rows

__all__ = ["check"]

# the second: SQLite's own message quotes bytes of a damaged schema
_ERRORS = (sqlite3.Error, UnicodeDecodeError)


class _Checker:
    """One pass over the whole file, inside one read transaction."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits) -> None:
        self._connection = connection
        self._limits = limits
        self.problems = Problems()

    def attempt(self, what: str, step: Callable[[], None]) -> None:
        """Run one step; what keeps it from its end is a problem."""
        try:
            step()
        except _ERRORS as error:
            self.problems.add(f"{what} cannot be read to the end: {error}")

    def count(self, table: str) -> int:
        try:
            return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
        except _ERRORS as error:
            self.problems.add(f"table {table} cannot be counted: {error}")
            return 0

    def structure(self) -> None:
        """Check what SQLite knows: pages, indices, references."""
        for (message,) in self._connection.execute("PRAGMA integrity_check"):
            if message != "ok":
                self.problems.add(f"SQLite: {message}")
        for table, row, parent, _ in self._connection.execute("PRAGMA foreign_key_check"):
            self.problems.add(f"table {table}, row {row}: refers to a row of {parent} that is not there")

    def schema(self) -> None:
        """Check that the file holds our tables and nothing else: a foreign trigger could change anything."""
        query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
        found = {sql for (sql,) in self._connection.execute(query)}
        for sql in SCHEMA:
            if sql not in found:
                self.problems.add(f"the schema lacks: {sql.splitlines()[0]}")
        for sql in sorted(map(str, found - set(SCHEMA))):
            self.problems.add(f"the schema has an unknown part: {sql.splitlines()[0]}")

    def bundles(self) -> None:
        for number in self._ids("bundle"):
            self.attempt(f"bundle {number}", lambda: self._bundle(number))  # noqa: B023 - called at once
        query = "SELECT sha256 FROM statement WHERE id NOT IN (SELECT statement_id FROM bundle)"
        for (digest,) in self._connection.execute(query):
            self.problems.add(f"statement {hex_of(digest)}: has no bundle")

    def manifests(self) -> None:
        for number in self._ids("manifest"):
            self.attempt(f"manifest {number}", lambda: self._manifest(number))  # noqa: B023 - called at once

    def _ids(self, table: str) -> Iterator[int]:
        last = -(1 << 63)
        query = f"SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT 1000"  # noqa: S608 - our own words
        while page := self._connection.execute(query, (last,)).fetchall():
            for (number,) in page:
                # damaged pages may lead in a circle, and a damaged schema may have other types
                if not isinstance(number, int) or number <= last:
                    self.problems.add(f"table {table} is out of order after row {last}")
                    return
                last = number
                yield number

    def _bundle(self, number: int) -> None:
        row = self._connection.execute(
            "SELECT bundle.sha256, raw, statement.id, statement.sha256, predicate_type"
            " FROM bundle LEFT JOIN statement ON statement.id = statement_id WHERE bundle.id = ?",
            (number,),
        ).fetchone()
        name = f"bundle {number}"
        if row is None:
            self.problems.add(f"{name}: cannot be found again")
            return
        digest, raw, statement_id, statement_digest, predicate_type = row
        listed = {table: self._listed(table, statement_id) for table in ("source", "product")}
        filed = Filed(statement_digest, predicate_type, listed, self._lacking)
        for problem in inspect_bundle(name, digest, raw, filed, self._limits, self._manifest_of):
            self.problems.add(problem)

    def _listed(self, table: str, statement_id: int) -> dict[Artifact, object]:
        query = (
            f"SELECT sha256, tree, listed FROM {table} JOIN artifact ON artifact.id = artifact_id"  # noqa: S608
            " WHERE statement_id = ?"
        )
        rows = self._connection.execute(query, (statement_id,))
        return {Artifact(hex_of(digest), bool(tree)): listed for digest, tree, listed in rows}

    def _lacking(self, aliases: Iterable[Alias]) -> Iterator[Alias]:
        query = (
            "SELECT 1 FROM alias JOIN artifact ON artifact.id = artifact_id"
            " WHERE algorithm = ? AND value = ? AND sha256 = ? AND tree = ?"
        )
        for algorithm, value, artifact in aliases:
            keys = (algorithm, bytes.fromhex(value), bytes.fromhex(artifact.sha256), int(artifact.tree))
            if self._connection.execute(query, keys).fetchone() is None:
                yield algorithm, value, artifact

    def _manifest_of(self, sha256: str) -> bytes | None:
        return Rows(self._connection, self._limits).manifest(sha256)

    def _manifest(self, number: int) -> None:
        query = "SELECT sha256 FROM manifest WHERE id = ?"
        row = self._connection.execute(query, (number,)).fetchone()
        digest = hashlib.sha256()
        query = "SELECT data FROM manifest_part WHERE manifest_id = ? ORDER BY number"
        for (data,) in self._connection.execute(query, (number,)):
            digest.update(data if isinstance(data, bytes) else b"")
        if row is None or digest.digest() != row[0]:
            self.problems.add(
                f"manifest {hex_of(row and row[0])}: its bytes have digest {digest.hexdigest()}"
            )


def check(connection: sqlite3.Connection, limits: Limits) -> StoreCheck:
    """Return what is there and what does not fit; a writer may go on meanwhile.

    Raises:
        sqlite3.Error: nothing at all can be read.
    """
    checker = _Checker(connection, limits)
    problems = checker.problems
    connection.execute("BEGIN")
    try:
        checker.attempt("the structure", checker.structure)
        checker.attempt("the schema", checker.schema)
        checker.attempt("the list of bundles", checker.bundles)
        checker.attempt("the list of manifests", checker.manifests)
        statements, bundles, manifests = map(checker.count, ("statement", "bundle", "manifest"))
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return StoreCheck(statements, bundles, manifests, problems.told())
