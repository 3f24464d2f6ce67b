"""How a store in PostgreSQL gives back the room it does not use."""

from __future__ import annotations

from attest.errors import StoreError
from attest.stores._postgres_link import Link, parse_place
from attest.stores._postgres_schema import columns, prepare

__all__ = ["compact_postgres"]

_BYTES = (
    "SELECT coalesce(sum(pg_total_relation_size(pg_class.oid)), 0)::bigint FROM pg_class"
    " JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = %s AND relkind = 'r'"
)
_FOREIGN = (
    "SELECT count(*) FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    " WHERE nspname = %s AND relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE')"
)


def compact_postgres(rest: str) -> tuple[int, int]:
    """Free what rows that never came to be have left, and count what the planner goes by; nobody waits.

    Returns:
        The bytes of all tables and indexes before and after.

    Raises:
        StoreError: there is none, or its tables belong to somebody else.
    """
    link = Link(parse_place(rest), read_only=False)
    try:
        prepare(link, create=False)
        schema = link.place.schema
        if link.ask(_FOREIGN, schema)[0][0]:  # the server would pass over them with a warning
            raise StoreError("its tables belong to another role", link.place.where, "whoever made it can")
        before = int(link.ask(_BYTES, schema)[0][0])
        for table in sorted({table for table, _, _ in columns()}):
            link.ask(f"VACUUM (ANALYZE) @{table}")
        return before, int(link.ask(_BYTES, schema)[0][0])
    finally:
        link.close()
