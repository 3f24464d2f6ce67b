"""The tables of a store in PostgreSQL: how they are made, known again and brought up to date.

All of it stands in one schema of its own. Writers wait for each other at one advisory lock, so ids are given
out without gaps and in the order of commits: a reader who walks by id never passes one committed later.
"""

from __future__ import annotations

import hashlib
import re

from attest.errors import StoreError
from attest.stores._postgres_link import Link, Question

__all__ = [
    "LOCK",
    "PAGE",
    "SCHEMA",
    "STATED_VERSION",
    "VERSION",
    "WRITE",
    "columns",
    "indexes",
    "lock_of",
    "prepare",
]

VERSION = 1
"""Version of the tables (``about.version``)."""

WRITE = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
"""How a transaction that writes begins: each of its queries sees what was committed before, and so what
the writer before it put."""

LOCK = "SELECT pg_advisory_xact_lock(%s)"
"""What every writer waits at, until it has committed or rolled back. Nobody needs a right for it, so it
works for roles that may only insert; locks on tables do not."""

STATED_VERSION: Question = ("SELECT version FROM @about LIMIT 2", ())
"""Asks what version a store says it has."""

SCHEMA = (
    """CREATE TABLE @about (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version integer NOT NULL
)""",
    """CREATE TABLE @statement (
  id integer PRIMARY KEY,
  sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
  predicate_type bytea NOT NULL
)""",
    # not the text itself: a type may be longer than what an index holds
    "CREATE INDEX statement_type ON @statement (sha256(predicate_type))",
    """CREATE TABLE @bundle (
  id integer PRIMARY KEY,
  statement_id integer NOT NULL REFERENCES @statement,
  sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
  raw bytea NOT NULL
)""",
    "CREATE INDEX bundle_statement ON @bundle (statement_id, id)",
    """CREATE TABLE @artifact (
  id integer PRIMARY KEY,
  sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
  tree boolean NOT NULL,
  UNIQUE (sha256, tree)
)""",
    # no foreign keys: they cost half of what the rows cost, and lock the artifact that every step reads
    """CREATE TABLE @source (
  statement_id integer NOT NULL,
  artifact_id integer NOT NULL,
  listed smallint NOT NULL CHECK (listed BETWEEN 0 AND 3),
  PRIMARY KEY (statement_id, artifact_id)
)""",
    "CREATE INDEX source_artifact ON @source (artifact_id, statement_id)",
    """CREATE TABLE @product (
  statement_id integer NOT NULL,
  artifact_id integer NOT NULL,
  listed smallint NOT NULL CHECK (listed BETWEEN 0 AND 3),
  PRIMARY KEY (statement_id, artifact_id)
)""",
    "CREATE INDEX product_artifact ON @product (artifact_id, statement_id)",
    """CREATE TABLE @alias (
  algorithm bytea NOT NULL,
  value bytea NOT NULL,
  artifact_id integer NOT NULL,
  PRIMARY KEY (algorithm, value, artifact_id)
)""",
    """CREATE TABLE @manifest (
  id integer PRIMARY KEY,
  sha256 bytea NOT NULL UNIQUE CHECK (octet_length(sha256) = 32)
)""",
    """CREATE TABLE @manifest_part (
  manifest_id integer NOT NULL REFERENCES @manifest,
  number integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (manifest_id, number)
)""",
)
"""The tables of this version. Digests stand in one table each, at the edge; everything else joins by small
integers. Texts from outside are kept as bytes: they may hold what no text of PostgreSQL may. ``listed`` says
whether the statement has the artifact as a subject (1), as an input (2), both or neither."""

PAGE = """SELECT id, statement_id, sha256, CASE WHEN size <= %s THEN raw END, size FROM (
    SELECT id, statement_id, sha256, raw, octet_length(raw) AS size,
      sum(octet_length(raw)) OVER (ORDER BY id) AS total
    FROM @bundle WHERE id > %s {} ORDER BY id LIMIT 500
  ) AS page WHERE total - size < %s ORDER BY id"""
"""Asks for the next bundles: how long a line may be, the last id, how many bytes together (one line is always
among them)."""


_COLUMN = re.compile(r"^  ([a-z_0-9]+) ([a-z]+)", re.MULTILINE)
_KEY = re.compile(r"^  (?:([a-z_0-9]+) .*)?(?:PRIMARY KEY|UNIQUE)(?: \(([a-z_0-9, ]+)\))?", re.MULTILINE)


def _made() -> dict[str, str]:
    """Return what makes each table, by its name."""
    return {sql.split()[2].removeprefix("@"): sql for sql in SCHEMA if sql.startswith("CREATE TABLE")}


def columns() -> set[tuple[str, str, str]]:
    """Return table, name and type of every column of a store."""
    return {(table, *found) for table, sql in _made().items() for found in _COLUMN.findall(sql)}


def indexes() -> set[tuple[str, str]]:
    """Return table and columns of every unique index of a store."""
    return {(table, one or several) for table, sql in _made().items() for one, several in _KEY.findall(sql)}


def lock_of(schema: str) -> int:
    """Return the number of the lock that writers of a store wait at, the same in every version of attest."""
    name = hashlib.sha256(f"attest store {schema}".encode()).digest()
    return int.from_bytes(name[:8], "big", signed=True)


def prepare(link: Link, *, create: bool, oldest: int | None = None) -> None:
    """Make sure that there is a store of this version; make one if that is asked for.

    Args:
        link: to the place.
        create: make a store if there is none.
        oldest: the oldest version that will do, if not only this one.

    Raises:
        StoreError: there is none, it is another program's, or of another version.
    """
    if create and not _tables(link):
        _create(link)
    found = _tables(link)
    where = link.place.where
    if not found:
        raise StoreError("there is no store", where, "`attest init --store URI` makes one")
    if "about" not in found:
        what = f"schema {link.place.schema} is another program's: it holds {', '.join(sorted(found))[:200]}"
        raise StoreError(what, where, "name another with ?schema=NAME")
    rows = link.ask(STATED_VERSION[0])
    version = rows[0][0] if len(rows) == 1 else None
    if not isinstance(version, int) or version < 1:
        raise StoreError(f"is damaged: got store version {version}, expected {VERSION}", where)
    if version > VERSION:
        what = f"has store version {version}, this attest reads up to {VERSION}"
        raise StoreError(what, where, "update attest")
    if version < (VERSION if oldest is None else oldest):
        what = f"has store version {version}, this attest reads version {VERSION}"
        raise StoreError(what, where, "`attest store migrate` brings it up to date")


def _tables(link: Link) -> set[str]:
    """Return the names of all that is in the schema, which nobody needs a right for."""
    query = (
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
        " WHERE nspname = %s AND relkind IN ('r', 'p', 'v', 'm', 'f')"
    )
    return {str(name) for (name,) in link.ask(query, link.place.schema)}


def _create(link: Link) -> None:
    """Make the tables, whole or not at all; another process may be doing the same."""
    schema = link.place.schema
    lock = (LOCK, (lock_of(schema),))
    exists = ("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
    with link.explained():
        try:
            _, found = link.begin(WRITE, lock, exists)
            if not found:
                link.ask_here(f'CREATE SCHEMA "{schema}"')
            if not _tables(link):
                link.ask_all(
                    *((sql, ()) for sql in SCHEMA), ("INSERT INTO @about VALUES (true, %s)", (VERSION,))
                )
            link.commit()
        except BaseException:
            link.roll_back()
            raise
