"""The line to a PostgreSQL server: where it leads, how it is opened again, and what the server's errors mean.

Everything about the connection is libpq's: the URI, ``PGHOST`` and its like, ``.pgpass``, service files, TLS.
"""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from attest.errors import StoreError, UsageError
from attest.stores._rows import CHECK_HINT

if TYPE_CHECKING:
    import psycopg

__all__ = ["LOCK_SECONDS", "RIGHTS_HINT", "Link", "Place", "Question", "driver", "parse_place"]

T = TypeVar("T")

Question = tuple[str, tuple[object, ...]]
"""A query and its parameters."""

_SCHEMA = "attest"  # unless the URI says schema=…

LOCK_SECONDS = 30
"""How long a writer waits for another one."""

_OLDEST = 140000  # PostgreSQL 14, in the server's own way of counting
_CONNECTION: dict[str, Any] = {
    "fallback_application_name": "attest",
    "connect_timeout": 10,  # seconds, for each host
    "keepalives_idle": 60,  # seconds
    "tcp_user_timeout": 60_000,  # milliseconds
}
"""What the URI may say otherwise: a server that is gone is noticed within a minute or two."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PREFIX = re.compile("^connection (failed|is bad): ")
_HINT = "postgresql://USER@HOST:PORT/DATABASE; what is special in a URI is written as %XX"
_LOST_HINT = "is the server running, and can it be reached?"
RIGHTS_HINT = "docs/store.md says which rights readers and writers need"
"""What to do where the server refuses a role."""
_REASONS: dict[str, tuple[str, str | None]] = {
    "22003": ("is full: its ids are used up", "nothing was changed; go on in another store"),
    "23505": (
        "was written to by a program that does not wait for its turn",
        "nothing was changed; try again",
    ),
    "25006": ("can only be read", "nothing was changed; is this a replica, or a role that may only read?"),
    "25P03": ("the server ended a put that stood still for long", "nothing was changed; try again"),
    "40001": ("was disturbed by another writer", "nothing was changed; try again"),
    "40P01": ("was disturbed by another writer", "nothing was changed; try again"),
    "42501": ("this role may not do that", RIGHTS_HINT),
    "42703": ("is damaged: its tables are not those of a store", CHECK_HINT),
    "42P01": ("is damaged: its tables are not those of a store", CHECK_HINT),
    "53100": ("the server's disk is full", "nothing was changed; free some space and try again"),
    "53300": ("the server has too many connections", "try again"),
    "55P03": (f"another process has been writing for {LOCK_SECONDS} seconds", "try again"),
    "57014": ("took longer than the server allows", "see statement_timeout of the server and of this role"),
}
"""SQLSTATE → what happened, what to do."""
# SQLSTATEs after which the same may well succeed: another transaction was in the way
_DISTURBED = frozenset({"40001", "40P01"})
_ATTEMPTS = 3
# seconds between attempts to come back to a server that was there before: a restart takes a few
_PAUSES = (0.1, 0.4, 1.0, 2.0, 4.0)

_SESSION = """SELECT set_config('search_path', 'pg_catalog, pg_temp', false),
  set_config('client_encoding', 'UTF8', false),
  set_config('jit', 'off', false),
  set_config('lock_timeout', %s, false),
  set_config('idle_in_transaction_session_timeout', '10min', false),
  set_config('tcp_keepalives_idle', '60', false),
  set_config('tcp_keepalives_interval', '10', false),
  set_config('tcp_keepalives_count', '6', false),
  set_config('default_transaction_isolation', 'read committed', false)"""
"""What a session of ours is like. Names outside ``pg_catalog`` are always written in full, so that nobody who
may create things in the database can put his own in the place of ours. A writer that stands still or whose
machine is gone lets the others in again after minutes. Our queries are many and small, or walk along indexes:
compiling one takes longer than it does."""


@dataclass(frozen=True)
class Place:
    """Where a store is."""

    conninfo: str
    schema: str
    where: str
    """For messages: the URI without password and settings."""
    secret: str | None


def driver() -> Any:
    """Import psycopg.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import psycopg
    except ImportError as error:
        hint = "pip install 'attest-provenance[postgres]'"
        raise UsageError(f"a store in PostgreSQL needs psycopg: {error}", hint=hint) from error
    # it logs what went wrong while it tidied up after an error, which is the one we report
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    return psycopg


def parse_place(rest: str) -> Place:
    """Read what follows ``postgresql:``.

    Raises:
        UsageError: it is no URI of libpq's, or psycopg is not installed. The message does not repeat the URI:
            there may be a password in it.
    """
    psycopg = driver()
    address, mark, query = rest.partition("?")
    settings = [each for each in query.split("&") if each]
    schemas = [unquote(each.removeprefix("schema=")) for each in settings if each.startswith("schema=")]
    others = [each for each in settings if not each.startswith("schema=")]
    if not rest.startswith("//") or len(schemas) > 1:
        raise UsageError("is no URI of a PostgreSQL database", "postgresql:…", _HINT)
    schema = schemas[0] if schemas else _SCHEMA
    if not _NAME.fullmatch(schema) or schema.startswith("pg_"):
        what = f"schema: got {schema[:100]!r}, expected lowercase letters, digits and _, and not pg_ first"
        raise UsageError(what, "postgresql:…")
    uri = f"postgresql:{address}{mark and '?'}{'&'.join(others)}"
    try:
        found = psycopg.conninfo.conninfo_to_dict(uri)
    except psycopg.Error:
        raise UsageError("is no URI of a PostgreSQL database", "postgresql:…", _HINT) from None
    return Place(uri, schema, _where(found, schema), found.get("password"))


def _where(found: dict[str, Any], schema: str) -> str:
    user = f"{found['user']}@" if found.get("user") else ""
    ports = str(found.get("port") or "").split(",")
    hosts = str(found.get("host") or found.get("hostaddr") or "").split(",")
    pairs = zip(hosts, ports if len(ports) == len(hosts) else ports[:1] * len(hosts), strict=True)
    place = ",".join(f"{host}:{port}" if port else host for host, port in pairs)
    extra = [f"service={found['service']}"] if found.get("service") else []
    extra += [f"schema={schema}"] if schema != _SCHEMA else []
    return f"postgresql://{user}{place}/{found.get('dbname') or ''}{'?' if extra else ''}{'&'.join(extra)}"


class Link:
    """A connection to one store; between two transactions it is opened again when it was lost.

    In every query ``@`` stands for the store's schema. What is called inside of a transaction raises
    psycopg's own exceptions: whoever holds the transaction wraps it all in ``explained``.
    """

    def __init__(self, place: Place, *, read_only: bool) -> None:
        self.place = place
        self._read_only = read_only
        self._psycopg = driver()
        self._closed = False
        self._inside = False
        with self.explained():
            self._connection = self._connect()

    # ── outside of a transaction ──

    def ask(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows of one question.

        Raises:
            StoreError: it cannot be answered.
        """
        if self._inside:  # somebody reads while the bundles he puts are being made
            with self.explained():
                return self.ask_here(query, *parameters)
        return self.persist(lambda: self.ask_here(query, *parameters))

    def persist(self, action: Callable[[], T]) -> T:
        """Do something; do it again if the connection was lost, or others were in the way.

        The action begins whatever it does, and ends or begins a transaction.

        Raises:
            StoreError: it cannot be done, after a few attempts.
        """
        with self.explained():
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return action()
                except BaseException as error:
                    self.roll_back()
                    disturbed = getattr(error, "sqlstate", None) in _DISTURBED
                    if attempt == _ATTEMPTS or not (disturbed or self._lost):
                        raise
                    if self._lost:
                        self._reconnect()
            raise AssertionError("unreachable")

    # ── inside ──

    def begin(self, begin: str, *questions: Question) -> list[list[tuple[Any, ...]]]:
        """Begin a transaction and ask its first questions, all sent together."""
        if self._inside:
            what = "bundles are being put through this connection already"
            raise StoreError(what, self.place.where, "open the store a second time")
        self._inside = True
        return self.ask_all((begin, ()), *questions)[1:]

    def commit(self) -> None:
        """Commit.

        Raises:
            StoreError: it is not committed, or that is unknown.
        """
        with self.explained(committing=True):
            self._open().execute("COMMIT")
            self._inside = False

    def roll_back(self) -> None:
        """End a transaction that failed, or was only read in; the first error is the one that counts."""
        if self._inside:
            self._inside = False
            with suppress(self._psycopg.Error):
                self._connection.execute("ROLLBACK")

    def ask_here(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return all rows of one question."""
        with self._open().cursor(binary=True) as cursor:
            cursor.execute(self._sql(query), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def ask_all(self, *questions: Question) -> list[list[tuple[Any, ...]]]:
        """Return the rows of several questions that are sent together: one way to the server and back."""
        connection = self._open()
        with connection.pipeline():
            cursors = [connection.cursor(binary=True) for _ in questions]
            for cursor, (query, parameters) in zip(cursors, questions, strict=True):
                cursor.execute(self._sql(query), parameters or None)
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    # ── both ──

    @contextmanager
    def explained(self, *, committing: bool = False) -> Iterator[None]:
        """Turn psycopg's exceptions into ``StoreError``."""
        try:
            yield
        except self._psycopg.Error as error:
            raise self._explain(error, committing=committing) from error

    def close(self) -> None:
        """Release the connection; what was begun is rolled back."""
        self._closed = True
        self._connection.close()

    def require_open(self) -> None:
        """Raise ``StoreError`` if it was closed here."""
        if self._closed:
            raise StoreError("is closed", self.place.where)

    @property
    def usable(self) -> bool:
        """Whether the connection still stands."""
        return not self._connection.closed

    @property
    def _lost(self) -> bool:
        return bool(self._connection.closed) and not self._closed

    def _sql(self, query: str) -> bytes:
        return query.replace("@", f'"{self.place.schema}".').encode()

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        self.require_open()
        return self._connection

    def _reconnect(self) -> None:
        """Come back to the server; one that is just starting again is waited for, a few seconds."""
        for pause in _PAUSES:
            try:
                self._connection = self._connect()
            except self._psycopg.OperationalError:
                time.sleep(pause)
            else:
                return
        self._connection = self._connect()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        given = self._psycopg.conninfo.conninfo_to_dict(self.place.conninfo)
        settings = {name: value for name, value in _CONNECTION.items() if name not in given}
        if "PGCONNECT_TIMEOUT" in os.environ:
            settings.pop("connect_timeout", None)
        connection: psycopg.Connection[tuple[Any, ...]]
        connection = self._psycopg.connect(self.place.conninfo, autocommit=True, **settings)
        try:
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _settle(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        if connection.info.server_version < _OLDEST:
            found, oldest = connection.info.server_version // 10_000, _OLDEST // 10_000
            what = f"the server is PostgreSQL {found}, expected {oldest} or newer"
            raise StoreError(what, self.place.where)
        connection.execute(_SESSION, (f"{LOCK_SECONDS}s",))
        if self._read_only:
            connection.execute("SET default_transaction_read_only TO on")

    def _explain(self, error: psycopg.Error, *, committing: bool) -> StoreError:
        if self._closed:
            return StoreError("is closed", self.place.where)
        what, hint = self._reason(error, self._said(error), committing=committing)
        return StoreError(what, self.place.where, hint)

    def _reason(self, error: psycopg.Error, said: str, *, committing: bool) -> tuple[str, str | None]:
        """Return what happened, and what to do."""
        if committing and self._lost:
            what = f"the connection was lost at the very end: all was stored or nothing ({said})"
            return what, "put it again: what is there already is not stored twice"
        state = error.sqlstate or ""
        if state in _REASONS:
            reason, hint = _REASONS[state]
            return f"{reason} ({state}: {said})", hint
        if self._inside and self._lost:
            return f"the connection was lost: {said}", "nothing was changed; try again"
        if "FATAL:" in said:  # the server answered, and lets nobody in
            return f"cannot be opened: {said}", None
        if isinstance(error, self._psycopg.OperationalError):
            return f"cannot be reached: {said}", _LOST_HINT
        return f"the server says: {said} ({state or type(error).__name__})", None

    def _said(self, error: psycopg.Error) -> str:
        """Return what the server said, without the password: a server may repeat what it was told."""
        said = error.diag.message_primary or str(error) or type(error).__name__
        for secret in (self.place.secret, os.environ.get("PGPASSWORD")):
            said = said.replace(secret, "…") if secret else said
        return " ".join(_PREFIX.sub("", said).split())[:400]
