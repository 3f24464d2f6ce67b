"""Every dataset says how and when it came into being.

Its statement must name at least one method of collection (vocabulary collection-methods), all of them known,
and a period: a first day, and a last one or that collection goes on. ``methods`` narrows what is acceptable,
``deny`` excludes, and ``since`` and ``until`` bound the period.

FAIL: a method that is not accepted, or a period outside the bounds. UNKNOWN: method or period is not stated,
or the dataset has no statement by its owner. A statement that was withdrawn still counts against, and grants
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from attest.claim import Token
from attest.declared import DatasetRule, Declared
from attest.model import Date
from attest.verdict import Finding, Result

__all__ = ["Collection"]

Method = Annotated[str, Token("collection-methods", "refuse")]


class Collection(DatasetRule):
    """Every dataset says how and when it came into being."""

    NAME: ClassVar[str] = "collection"
    READS: ClassVar[tuple[str, ...]] = ("collection",)
    WHEN_UNKNOWN: ClassVar[str] = "a dataset does not say by which method or in which period it was collected"
    REMEDY: ClassVar[str] = "Ask how and when the data was collected, in a signed dataset statement."
    QUESTIONS: ClassVar[tuple[int, ...]] = (11,)

    methods: list[Method] = Field(
        default_factory=list, description="Methods that are acceptable; empty: every known one."
    )
    deny: list[Method] = Field(default_factory=list, description="Methods that are never acceptable.")
    since: Date | None = Field(default=None, description="First day on which collecting may have begun.")
    until: Date | None = Field(
        default=None, description="Last day on which anything may have been collected."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        which = f", by {' or '.join(self.methods)}" if self.methods else ""
        without = f", never by {' or '.join(self.deny)}" if self.deny else ""
        bounds = f", not before {self.since}" if self.since else ""
        bounds += f", not after {self.until}" if self.until else ""
        return f"Every dataset says how and when it was collected{which}{without}{bounds}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield what is wrong with, or missing from, its method and period."""
        collection = declared.facts.collection
        methods = (collection.method or ()) if collection else ()
        if not methods or "unknown" in methods:
            yield declared.finding(
                "collection-method-unknown",
                Result.UNKNOWN,
                "does not say by which method it was collected",
                remedy=f"Ask how {declared.name} was collected.",
            )
        denied = [
            each
            for each in methods
            if each != "unknown" and (each in self.deny or (self.methods and each not in self.methods))
        ]
        if denied:
            yield declared.finding(
                "collection-method-denied",
                Result.FAIL,
                f"was collected by {', '.join(denied)}",
                expected=" or ".join(self.methods) or f"not {', '.join(self.deny)}",
                actual=", ".join(denied),
                remedy="Ask for a model that was made without this dataset.",
            )
        yield from self._period(declared)

    def _period(self, declared: Declared) -> Iterator[Finding]:
        collection = declared.facts.collection
        start, end = (collection.start, collection.end) if collection else (None, None)
        ongoing = collection is not None and collection.ongoing == "yes"
        if start is None or (end is None and not ongoing):
            yield declared.finding(
                "collection-period-unknown",
                Result.UNKNOWN,
                "does not say in which period it was collected",
                actual=f"{start or 'unknown'} to {end or 'unknown'}",
                remedy=f"Ask when {declared.name} was collected.",
            )
        last = max(filter(None, (end, declared.review.as_of.date() if ongoing else None)), default=None)
        too_early = bool(self.since and start and start < self.since)
        if too_early or (self.until and last and last > self.until):
            yield declared.finding(
                "collection-period-denied",
                Result.FAIL,
                "was collected outside the period the policy allows",
                expected=f"{self.since or 'any day'} to {self.until or 'any day'}",
                actual=f"{start or 'unknown'} to {'today' if ongoing else end or 'unknown'}",
                remedy="Ask for a model that was made without this dataset.",
            )
