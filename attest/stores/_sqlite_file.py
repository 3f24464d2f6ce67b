"""The file of the SQLite store: its schema, how it is made and opened, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attest.errors import StoreError
from attest.files import sync_directory
from attest.stores._rows import CHECK_HINT

__all__ = [
    "APPLICATION_ID",
    "BUSY_SECONDS",
    "PAGE_BYTES",
    "READING_KIB",
    "SCHEMA",
    "VERSION",
    "WRITING_KIB",
    "Fingerprint",
    "explained",
    "fingerprint",
    "open_file",
]

APPLICATION_ID = 0x41545354
"""``ATST`` in the file's header: what ``file(1)`` and we know a store by."""

VERSION = 2
"""Version of the schema (``PRAGMA user_version``)."""

PAGE_BYTES = 16 << 10
"""Of a new store: bundles of some kB fill large pages better, which saves a third of the file."""

READING_KIB, WRITING_KIB = 8 << 10, 64 << 10
"""What is kept of the file in memory at most. Digests come in no order, so a writer needs every page of their
indexes again and again."""

BUSY_SECONDS = 30
"""How long a writer waits for another one."""

SCHEMA = (
    """CREATE TABLE statement (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  predicate_type TEXT NOT NULL
)""",
    """CREATE TABLE bundle (
  id INTEGER PRIMARY KEY,
  statement_id INTEGER NOT NULL REFERENCES statement,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  raw BLOB NOT NULL
)""",
    "CREATE INDEX bundle_statement ON bundle (statement_id)",
    """CREATE TABLE artifact (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  tree INTEGER NOT NULL CHECK (tree IN (0, 1)),
  UNIQUE (sha256, tree)
)""",
    "CREATE INDEX statement_type ON statement (predicate_type)",
    """CREATE TABLE source (
  statement_id INTEGER NOT NULL REFERENCES statement,
  artifact_id INTEGER NOT NULL REFERENCES artifact,
  listed INTEGER NOT NULL CHECK (listed IN (0, 1, 2, 3)),
  PRIMARY KEY (statement_id, artifact_id)
) WITHOUT ROWID""",
    "CREATE INDEX source_artifact ON source (artifact_id)",
    """CREATE TABLE product (
  statement_id INTEGER NOT NULL REFERENCES statement,
  artifact_id INTEGER NOT NULL REFERENCES artifact,
  listed INTEGER NOT NULL CHECK (listed IN (0, 1, 2, 3)),
  PRIMARY KEY (statement_id, artifact_id)
) WITHOUT ROWID""",
    "CREATE INDEX product_artifact ON product (artifact_id)",
    """CREATE TABLE alias (
  algorithm TEXT NOT NULL,
  value BLOB NOT NULL,
  artifact_id INTEGER NOT NULL REFERENCES artifact,
  PRIMARY KEY (algorithm, value, artifact_id)
) WITHOUT ROWID""",
    """CREATE TABLE manifest (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32)
)""",
    """CREATE TABLE manifest_part (
  manifest_id INTEGER NOT NULL REFERENCES manifest,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (manifest_id, number)
)""",
)
"""The tables of this version, as ``sqlite_master`` shows them. Digests stand in one table each, at the edge;
everything else joins by small integers. Ids grow in the order of arrival. ``listed`` says whether the
statement has the artifact as a subject (1), as an input (2), both or neither."""

Fingerprint = tuple[int, int, int]
"""Inode, size and modification time (ns) of a file."""

# primary result code → what happened, what to do
_REASONS: dict[int, tuple[str, str | None]] = {
    sqlite3.SQLITE_FULL: ("the disk is full", "nothing was changed; free some space and try again"),
    sqlite3.SQLITE_READONLY: ("is read-only", "nothing was changed"),
    sqlite3.SQLITE_BUSY: (f"another process has been writing for {BUSY_SECONDS} seconds", "try again"),
    sqlite3.SQLITE_CORRUPT: ("is damaged", CHECK_HINT),
    sqlite3.SQLITE_NOTADB: ("is not an attest store, nor any SQLite database", None),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "may this user read the file and write its directory?"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "nothing was changed; is the disk full or failing?"),
}
_SMALLEST_PAGE = 512  # bytes
# what SQLite answers where it may not make the files it shares with writers
_UNSHARED = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})


def _primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code, or -1 for an error of the Python module itself."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else code & 0xFF


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn SQLite's exceptions into ``StoreError``."""
    try:
        yield
    except UnicodeDecodeError as error:  # SQLite's own message quotes bytes of a damaged schema
        raise StoreError("is damaged: its schema is no text", where, CHECK_HINT) from error
    except sqlite3.Error as error:
        reason, hint = _REASONS.get(_primary_code(error), (None, None))
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        what = f"{reason} ({name}: {error})" if reason else f"{error} ({name})"
        raise StoreError(what, where, hint) from error


def open_file(
    path: Path, *, create: bool, read_only: bool, oldest: int = VERSION
) -> tuple[sqlite3.Connection, Fingerprint | None]:
    """Open the file of a store and make sure that it is one, of a version no older than ``oldest``.

    Returns:
        The connection, and the file's fingerprint if it is read without any lock (read-only media): whoever
        reads must check that it stays the same.

    Raises:
        StoreError: it cannot be opened, is no store, or is one of another version.
    """
    where = str(path)
    missing = _look(path, read_only=read_only)
    if missing and (read_only or not create):
        raise StoreError("there is no store", where, "`attest init` makes one")
    if missing:
        _make_directory(path.parent)
    with explained(where):
        if read_only:
            connection, frozen = _open_read_only(path)
        else:
            connection, frozen = _connect(path, "mode=rwc" if create else "mode=rw"), None
        try:
            if not read_only:
                _prepare_for_writing(connection, where, oldest, create=create)
            _identify(connection, where, oldest)
            cache = READING_KIB if read_only else WRITING_KIB
            connection.execute(f"PRAGMA cache_size={-cache}")  # kept as pages, whose size is known by now
        except BaseException:
            connection.close()
            raise
    return connection, frozen


def _look(path: Path, *, read_only: bool) -> bool:
    """Return whether nothing is there; refuse what cannot be a store, in the system's own words.

    The file itself is never opened here: closing it again would drop SQLite's locks of this process.
    """
    where = str(path)
    try:
        found = path.stat()
    except FileNotFoundError:
        return True
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise StoreError(f"cannot be opened: {reason}", where) from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise StoreError(f"is {kind}, expected the file of a store", where)
    if 0 < found.st_size < _SMALLEST_PAGE:  # SQLite takes a file of one byte for an empty one
        raise StoreError(_REASONS[sqlite3.SQLITE_NOTADB][0], where)
    if not os.access(path, os.R_OK):
        raise StoreError("cannot be read: permission denied", where)
    if not read_only and not _writable(path):
        hint = "the file and its directory must both be writable; nothing was changed"
        raise StoreError("is read-only", where, hint)
    return False


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def _make_directory(directory: Path) -> None:
    try:
        missing = [parent for parent in (directory, *directory.parents) if not parent.exists()]
        directory.mkdir(parents=True, exist_ok=True)
        for made in missing:  # its name must survive a power cut too
            sync_directory(made.parent)
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror}", str(directory)) from error


def _connect(path: Path, options: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    # a damaged text must be reported as such, not end in an exception
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _open_read_only(path: Path) -> tuple[sqlite3.Connection, Fingerprint | None]:
    shared = _open_beside_writers(path)
    if shared:
        return shared, None
    # Nothing may be written beside the file, so no lock is possible, but a writer may still come (another
    # user's): the fingerprint shows it. A log with content would be ignored, so it is refused.
    frozen = fingerprint(path)
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        what = f"its latest statements stand in {log.name}, which cannot be read from a read-only directory"
        raise StoreError(what, str(path), "copy both files to a directory you can write to")
    return _connect(path, "mode=ro&immutable=1"), frozen


def _open_beside_writers(path: Path) -> sqlite3.Connection | None:
    """Open for reading, with locks; return ``None`` where the files these need cannot be made."""
    # who may write opens so: only then SQLite tidies up the files beside the store when it is closed
    connection = _connect(path, "mode=rw" if _writable(path) else "mode=ro")
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA schema_version").fetchone()  # the first look into the file
    except sqlite3.OperationalError as error:
        connection.close()
        if _primary_code(error) in _UNSHARED:
            return None
        raise
    return connection


def fingerprint(path: Path) -> Fingerprint:
    """Return what changes when somebody writes the file."""
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _header(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return application id, version and number of schema objects."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    objects = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return application, version, objects


def _identify(connection: sqlite3.Connection, where: str, oldest: int) -> None:
    application, version, objects = _header(connection)
    if application == 0 and objects == 0:
        raise StoreError("is empty, expected a store", where, "`attest init` makes one")
    if application != APPLICATION_ID:
        raise StoreError(
            f"is another program's database: got application id {application:#x}, "
            f"expected {APPLICATION_ID:#x}",
            where,
        )
    if version > VERSION:
        what = f"has store version {version}, this attest reads up to {VERSION}"
        raise StoreError(what, where, "update attest")
    if version < 1:
        raise StoreError(f"is damaged: got store version {version}, expected {VERSION}", where)
    if version < oldest:
        what = f"has store version {version}, this attest reads version {VERSION}"
        raise StoreError(what, where, "`attest store migrate` brings it up to date")


def _prepare_for_writing(connection: sqlite3.Connection, where: str, oldest: int, *, create: bool) -> None:
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS: fsync alone does not reach the platter
    if create and _header(connection) == (0, 0, 0):
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")  # ignored once somebody else has made the tables
        _create(connection)
    _identify(connection, where, oldest)  # before anything is changed in what may be another program's file
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            break
        except sqlite3.OperationalError as error:  # two who open a new store at once; SQLite may not wait
            if _primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    connection.execute(f"PRAGMA journal_size_limit={64 << 20}")


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, whole or not at all; another process may be doing the same."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _header(connection) == (0, 0, 0):
            for sql in SCHEMA:
                connection.execute(sql)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
