"""How a SQLite store of an older version is brought up to date, whole or not at all.

Version 1 knew subjects and inputs. Version 2 knows what a statement leads from and to, and other digests:
both stand in the bundles, so all of these are read once more. Bundles and manifests stay where they are.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from attest.bundle import parse_bundle
from attest.errors import AttestError, StoreError
from attest.limits import DEFAULT, Limits
from attest.links import links_of
from attest.store import Advance
from attest.stores._rows import CHECK_HINT
from attest.stores._sqlite_file import SCHEMA, VERSION, explained, open_file
from attest.stores._sqlite_rows import Rows

__all__ = ["migrate_sqlite"]


def migrate_sqlite(rest: str, limits: Limits = DEFAULT, advance: Advance | None = None) -> tuple[int, int]:
    """Bring the store in the file of that path up to date; other writers wait, readers see the old one.

    Args:
        rest: the path.
        limits: for the bundles, which are read again.
        advance: told how many statements of how many were read.

    Returns:
        The version it had, and the one it has.

    Raises:
        StoreError: there is none, it cannot be written, or it is damaged; nothing was changed.
    """
    connection, _ = open_file(Path(rest), create=False, read_only=False, oldest=1)
    try:
        with explained(rest):
            connection.execute("BEGIN IMMEDIATE")
            before = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if before == 1:
                _from_1(connection, rest, limits, advance)
            connection.execute("COMMIT")
            return before, VERSION
    finally:
        with suppress(sqlite3.Error):  # what was not committed is undone
            connection.close()


def _from_1(connection: sqlite3.Connection, where: str, limits: Limits, advance: Advance | None) -> None:
    there = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master")}
    for table in ("subject", "input"):
        connection.execute(f"DROP TABLE {table}")
    for sql in SCHEMA:
        if sql not in there:
            connection.execute(sql)
    rows = Rows(connection, limits)
    total = connection.execute("SELECT count(*) FROM statement").fetchone()[0]
    query = (
        "SELECT id, (SELECT raw FROM bundle WHERE statement_id = statement.id ORDER BY id LIMIT 1)"
        " FROM statement WHERE id > ? ORDER BY id LIMIT 1"
    )
    last, done = 0, 0
    while row := connection.execute(query, (last,)).fetchone():
        last, raw = row
        try:
            if not isinstance(raw, bytes):
                raise StoreError("its bundle is missing", where)
            statement = parse_bundle(raw, None, limits).statement(None, limits)
            rows.link([(last, links_of(statement, limits, rows.manifest))])
        except AttestError as error:
            raise StoreError(f"statement {last} is damaged: {error.what}", where, CHECK_HINT) from error
        done += 1
        if advance is not None:
            advance(done, total)
    connection.execute(f"PRAGMA user_version={VERSION}")
