"""How a SQLite store gives back the room it does not use."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

from attest.errors import StoreError
from attest.stores._sqlite_file import PAGE_BYTES, explained, open_file

__all__ = ["compact_sqlite"]


def compact_sqlite(rest: str) -> tuple[int, int]:
    """Write the file anew without its free pages, and its log into it; writers and readers wait.

    It happens as a whole or not at all, whatever stops it. Statistics for SQLite's planner are not collected:
    all queries of the store say themselves which index they use.

    Returns:
        The bytes of the file and its log before, and of the file after.

    Raises:
        StoreError: there is none, it cannot be written, others use it, or there is too little room on disk.
    """
    path = Path(rest)
    connection, _ = open_file(path, create=False, read_only=False)
    try:
        before = _bytes(path)
        _require_room(path, before)
        with explained(rest):
            _log_into_file(connection, rest)
            _larger_pages(connection)
            connection.execute("VACUUM")
            connection.execute("PRAGMA journal_mode=WAL")
            _log_into_file(connection, rest)
        return before, _bytes(path)
    finally:
        with suppress(sqlite3.Error):
            connection.close()


def _require_room(path: Path, size: int) -> None:
    """Refuse to begin what the disk has no room for: a copy is made first, and then the log is as large."""
    for folder, wanted in ((path.absolute().parent, 2 * size), (Path(tempfile.gettempdir()), size)):
        free = shutil.disk_usage(folder).free
        if free < wanted:
            what = f"too little room in {folder}: {free:,} bytes are free, expected {wanted:,}"
            raise StoreError(what, str(path), "nothing was changed")


def _log_into_file(connection: sqlite3.Connection, where: str) -> None:
    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise StoreError("is in use by another process", where, "try again when nobody reads or writes it")


def _larger_pages(connection: sqlite3.Connection) -> None:
    """Let a store with small pages have large ones, unless somebody else has it open."""
    if connection.execute("PRAGMA page_size").fetchone()[0] >= PAGE_BYTES:
        return
    with suppress(sqlite3.OperationalError):  # the size changes outside of the log only, which needs it alone
        connection.execute("PRAGMA busy_timeout=0")
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")


def _bytes(path: Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0)
