"""How a store in PostgreSQL that an older attest made is brought up to date, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

from attest.limits import DEFAULT, Limits
from attest.store import Advance
from attest.stores._postgres_link import Link, parse_place
from attest.stores._postgres_schema import LOCK, STATED_VERSION, VERSION, WRITE, lock_of, prepare

__all__ = ["STEPS", "migrate_postgres"]

STEPS: dict[int, Callable[[Link, Limits, Advance | None], None]] = {}
"""Version → what makes the next one of it, inside of a transaction; version 1 is the first there is."""


def migrate_postgres(rest: str, limits: Limits = DEFAULT, advance: Advance | None = None) -> tuple[int, int]:
    """Bring the store at that place up to date; other writers wait, readers see the old one.

    Args:
        rest: what follows ``postgresql:`` in its URI.
        limits: for the bundles, where they have to be read again.
        advance: told how many statements of how many were read.

    Returns:
        The version it had, and the one it has.

    Raises:
        StoreError: there is none, it cannot be written, or it is damaged; nothing was changed.
    """
    link = Link(parse_place(rest), read_only=False)
    try:
        prepare(link, create=False, oldest=1)
        with link.explained():
            try:
                _, ((before,),) = link.begin(WRITE, (LOCK, (lock_of(link.place.schema),)), STATED_VERSION)
                for version in range(before, VERSION):
                    STEPS[version](link, limits, advance)
                if before < VERSION:
                    link.ask_here("UPDATE @about SET version = %s", VERSION)
                link.commit()
            except BaseException:
                link.roll_back()
                raise
    finally:
        link.close()
    return before, VERSION
