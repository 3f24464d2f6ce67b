"""Where something may be used: whether a list of territories covers a place.

Territories are words of the vocabulary: ISO 3166-1 codes, their subdivisions (``US-IL``), ``EU``, ``EEA`` and
``worldwide``. Answers are three-valued: a word nobody knows may or may not cover a place.
"""

from __future__ import annotations

from collections.abc import Iterable

from attest.vocabulary import load

__all__ = ["covers", "is_within", "known"]


def known(territory: str) -> bool:
    """Tell whether it is a word of the vocabulary, or a subdivision of a country in it."""
    country, dash, part = territory.partition("-")
    words = load("territories")
    return territory in words or (country in words and len(country) == 2 and bool(dash) and part.isalnum())


def is_within(wanted: str, territory: str) -> bool:
    """Tell whether a place lies within a territory, as a whole."""
    if territory in ("worldwide", wanted) or wanted.partition("-")[0] == territory:
        return True
    words = load("territories").tokens
    members = words.get(territory, {}).get("members", ())
    parts = words.get(wanted, {}).get("members", (wanted.partition("-")[0],))
    return bool(members) and set(parts) <= set(members)


def covers(granted: Iterable[str], wanted: str) -> bool | None:
    """Tell whether a list of territories covers a place; ``None`` where a word of the list is not known.

    A group of countries is covered by the group, or by all of its members.
    """
    listed = set(granted)
    if any(is_within(wanted, each) for each in listed):
        return True
    parts = load("territories").tokens.get(wanted, {}).get("members", ())
    if parts and all(any(is_within(part, each) for each in listed) for part in parts):
        return True
    return False if all(known(each) for each in listed) else None
