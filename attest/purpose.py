"""What data may be used for: permitted and prohibited purposes held against what a reader will do.

A prohibition reaches everything that is a kind of what it names, and a wider purpose that takes it in; a
permission reaches only what it names. Answers are three-valued: a list that is absent, or
that holds a word nobody knows, cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable

from attest.license import Tri
from attest.predicates.rights import Rights
from attest.vocabulary import load

__all__ = ["permitted", "prohibited"]

_NOT_COMMERCIAL = frozenset({"research", "academic-research", "evaluation", "quality-assurance"})


def prohibited(rights: Rights, purpose: str) -> tuple[Tri, str]:
    """Tell whether a record prohibits a purpose, and the word or reason that decides it."""
    known = load("purposes")
    listed = rights.prohibited_purposes or ()
    for each in listed:
        if each == "any" or each in known.with_broader(purpose) or purpose in known.with_broader(each):
            return True, each
    if rights.prohibited_purposes is None:
        return None, "the list is absent"
    if rights.is_unknown("prohibitedPurposes"):
        odd = [each for each in listed if each not in known]
        return None, f"the list holds {odd[0]!r}" if odd else "the list cannot be read in full"
    if "other" in listed:
        return None, "other, which says not what"
    if "any-commercial" in listed and not set(known.with_broader(purpose)) & _NOT_COMMERCIAL:
        return None, "any-commercial, and this purpose may be one"
    return False, ""


def permitted(rights: Rights, purpose: str) -> Tri:
    """Tell whether a record permits a purpose by its list; ``None`` where it gives no list one can read."""
    listed = rights.permitted_purposes
    if listed is None:
        return None
    if {"any", purpose} & set(listed):
        return True
    return None if rights.is_unknown("permittedPurposes") or _odd(listed) else False


def _odd(listed: Iterable[str]) -> bool:
    return any(each not in load("purposes") for each in listed)
