"""What ``attest store check`` does to a store in PostgreSQL: everything is read back and recomputed.

The database may hold anything: tables of other types, rows of somebody's own. Each of these is a problem in
the list, never an exception. What lies below, pages and their checksums, the server checks itself
(``pg_amcheck``, ``pg_checksums``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from attest.digest import sha256_bytes
from attest.errors import StoreError
from attest.limits import Limits
from attest.resource import Artifact
from attest.store import StoreCheck
from attest.stores._inspect import Alias, Filed, Problems, hex_of, inspect_bundle
from attest.stores._postgres_link import Link
from attest.stores._postgres_schema import PAGE, columns, indexes

__all__ = ["check"]

_PAGE_BYTES = 4 << 20
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_COLUMNS = """SELECT relname, attname, format_type(atttypid, atttypmod) FROM pg_attribute
  JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = %s AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped"""
_INDEXES = """SELECT relname, (SELECT string_agg(attname, ', ' ORDER BY place) FROM pg_attribute
    JOIN unnest(indkey) WITH ORDINALITY AS key (number, place) ON attnum = number WHERE attrelid = indrelid)
  FROM pg_index JOIN pg_class ON pg_class.oid = indrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = %s AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL"""
_STRANGE = """SELECT format('a trigger, %%s, of table %%s', tgname, relname) FROM pg_trigger
    JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND NOT tgisinternal
  UNION SELECT format('a rule, %%s, of table %%s', rulename, relname) FROM pg_rewrite
    JOIN pg_class ON pg_class.oid = ev_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND relkind = 'r'
  UNION SELECT format('security by rows, of table %%s', relname) FROM pg_class
    JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relrowsecurity
  UNION SELECT format('another table below it, of table %%s', relname) FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhparent JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = %s AND relkind = 'r'"""

_FILED = "SELECT id, sha256, predicate_type FROM @statement WHERE id = ANY(%b::integer[])"
_LISTED = """SELECT statement_id, sha256, tree, listed FROM @{} AS linked
  JOIN @artifact AS artifact ON id = artifact_id WHERE statement_id = ANY(%b::integer[])"""
_ALIAS = """SELECT 1 FROM @alias JOIN @artifact ON id = artifact_id
  WHERE algorithm = %s AND value = %s AND sha256 = %s AND tree = %s"""
_MANIFEST = """SELECT data FROM @manifest AS manifest JOIN @manifest_part ON manifest_id = manifest.id
  WHERE sha256 = %s ORDER BY number"""
_NO_BUNDLE = """SELECT sha256 FROM @statement AS statement
  WHERE NOT EXISTS (SELECT FROM @bundle WHERE statement_id = statement.id) ORDER BY id LIMIT 1000"""
_ORPHANS = """SELECT statement_id, artifact_id FROM @{} AS linked
  WHERE NOT EXISTS (SELECT FROM @statement WHERE id = statement_id)
  OR NOT EXISTS (SELECT FROM @artifact WHERE id = artifact_id)
  ORDER BY statement_id, artifact_id LIMIT 1000"""
_MANIFESTS = "SELECT id, sha256 FROM @manifest WHERE id > %s ORDER BY id LIMIT 1000"
_PART = (
    "SELECT number, data FROM @manifest_part WHERE manifest_id = %s AND number > %s ORDER BY number LIMIT 1"
)


class _Checker:
    """One pass over the whole store, inside one transaction that sees one state of it."""

    def __init__(self, link: Link, limits: Limits) -> None:
        self._link = link
        self._ask = link.ask_here
        self._schema = link.place.schema
        self._limits = limits
        self.problems = Problems()

    def attempt(self, what: str, step: Callable[[], None]) -> None:
        """Run one step; what keeps it from its end is a problem, unless it is the connection."""
        self._ask("SAVEPOINT step")
        try:
            with self._link.explained():
                step()
        except StoreError as error:
            if not self._link.usable:
                raise
            self.problems.add(f"{what} cannot be read to the end: {error.what}")
            self._ask("ROLLBACK TO SAVEPOINT step")

    def structure(self) -> None:
        """Check that the schema holds our tables and nothing else: a trigger could change anything."""
        found = {tuple(map(str, row)) for row in self._ask(_COLUMNS, self._schema)}
        for table, name, kind in sorted(columns() - found):
            self.problems.add(f"the schema lacks column {name} ({kind}) of table {table}")
        for table, name, kind in sorted(found - columns()):
            self.problems.add(f"the schema has an unknown column: {name} ({kind}) of table {table}")
        unique = {(str(table), str(keys)) for table, keys in self._ask(_INDEXES, self._schema)}
        for table, keys in sorted(indexes() - unique):
            self.problems.add(f"table {table} has no valid unique index over {keys}")
        for (strange,) in self._ask(_STRANGE, *[self._schema] * 4):
            self.problems.add(f"the schema has {strange}")

    def count(self, table: str) -> int:
        found = 0

        def counted() -> None:
            nonlocal found
            found = self._ask(f"SELECT count(*) FROM @{table}")[0][0]  # noqa: S608 - our own words

        self.attempt(f"table {table}", counted)
        return found

    def bundles(self) -> None:
        last = 0
        while page := self._ask(PAGE.format(""), self._limits.line_bytes, last, _PAGE_BYTES):
            self._page(page)
            last = page[-1][0]
        for (digest,) in self._ask(_NO_BUNDLE):
            self.problems.add(f"statement {hex_of(digest)}: has no bundle")
        for table in ("source", "product"):
            for statement, artifact in self._ask(_ORPHANS.format(table)):
                self.problems.add(
                    f"table {table}, row ({statement}, {artifact}): refers to a row that is not there"
                )

    def _page(self, page: Sequence[tuple[Any, ...]]) -> None:
        numbers = [row[1] for row in page]
        statements = {row[0]: row[1:] for row in self._ask(_FILED, numbers)}
        listed = {table: self._listed(table, numbers) for table in ("source", "product")}
        for number, statement_id, digest, raw, size in page:
            name = f"bundle {number}"
            if raw is None:
                self.problems.add(f"{name}: got {size} bytes, the limit is {self._limits.line_bytes}")
                continue
            statement, kind = statements.get(statement_id, (None, None))
            rows = {table: found.get(statement_id, {}) for table, found in listed.items()}
            predicate_type = kind.decode("utf-8", "replace") if isinstance(kind, bytes) else kind
            filed = Filed(statement, predicate_type, rows, self._lacking)
            for problem in inspect_bundle(name, digest, raw, filed, self._limits, self._manifest):
                self.problems.add(problem)

    def _listed(self, table: str, numbers: list[Any]) -> dict[int, dict[Artifact, object]]:
        found: dict[int, dict[Artifact, object]] = {}
        for number, digest, tree, listed in self._ask(_LISTED.format(table), numbers):
            found.setdefault(number, {})[Artifact(hex_of(digest), bool(tree))] = listed
        return found

    def _lacking(self, aliases: Iterable[Alias]) -> Iterator[Alias]:
        for algorithm, value, artifact in aliases:
            other = (algorithm.encode(), bytes.fromhex(value))
            if not self._ask(_ALIAS, *other, bytes.fromhex(artifact.sha256), artifact.tree):
                yield algorithm, value, artifact

    def _manifest(self, sha256: str) -> bytes | None:
        data = b"".join(part for (part,) in self._ask(_MANIFEST, bytes.fromhex(sha256)))
        return data if sha256_bytes(data) == sha256 else None

    def manifests(self) -> None:
        last = 0
        while page := self._ask(_MANIFESTS, last):
            for number, expected in page:
                digest = hashlib.sha256()
                part = -1
                while rows := self._ask(_PART, number, part):
                    part, data = rows[0]
                    digest.update(data if isinstance(data, bytes) else b"")
                if digest.digest() != expected:
                    self.problems.add(
                        f"manifest {hex_of(expected)}: its bytes have digest {digest.hexdigest()}"
                    )
            last = page[-1][0]


def check(link: Link, limits: Limits) -> StoreCheck:
    """Return what is there and what does not fit; writers may go on meanwhile.

    Raises:
        StoreError: nothing at all can be read.
    """
    checker = _Checker(link, limits)
    link.persist(lambda: link.begin(_SNAPSHOT))
    with link.explained():
        try:
            checker.attempt("the schema", checker.structure)
            checker.attempt("the list of bundles", checker.bundles)
            checker.attempt("the list of manifests", checker.manifests)
            statements, bundles, manifests = map(checker.count, ("statement", "bundle", "manifest"))
        finally:
            link.roll_back()
    return StoreCheck(statements, bundles, manifests, checker.problems.told())
