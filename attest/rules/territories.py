"""The model will be used where every dataset may be used, and no data is from where you refuse it.

``territories`` is where the model will be used; without it the policy's own ``territories`` counts, and
without that the rule is UNKNOWN. Every rights record that binds the delivery must cover each of them: by
name, by a group they belong to (``EU``, ``EEA``, ``worldwide``), by their country for a subdivision, or by
all members of a group. With ``denyOrigins`` every origin dataset must say where it was collected, and no
dataset may be from one of those places.

FAIL: a record does not cover a territory, or data is from a place you refuse. UNKNOWN: a record that lists no
territories or one nobody knows, an origin nobody states, no territory given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from attest.predicates.dataset import Dataset
from attest.review import Review
from attest.rights_flow import Holding, Record
from attest.rights_rule import RightsRule
from attest.territory import covers, is_within, known
from attest.verdict import Finding, Outcome, Result, conclude
from attest.words import Territory

__all__ = ["Territories"]


class Territories(RightsRule):
    """The model will be used where every dataset may be used."""

    NAME: ClassVar[str] = "territories"
    WHEN_UNKNOWN: ClassVar[str] = (
        "no territory is given, or a rights record lists no territories that can be read in full"
    )
    REMEDY: ClassVar[str] = "Ask the rights-holder for rights where you will use the model."
    QUESTIONS: ClassVar[tuple[int, ...]] = (23,)
    INHERITS: ClassVar[tuple[str, ...]] = ("territories",)

    territories: list[Territory] = Field(
        default_factory=list, description="Where the model will be used; absent: what the policy says."
    )
    deny_origins: list[Territory] = Field(
        default_factory=list, description="Places from which no data may be."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        where = ", ".join(self.territories) or "where you will use the model (no territory is given)"
        origins = f"; none of it is from {', '.join(self.deny_origins)}" if self.deny_origins else ""
        return f"Every dataset may be used in {where}{self.which}{origins}."

    def check(self, review: Review) -> Outcome:
        """Hold every record against the territories."""
        outcome = super().check(review)
        if self.territories:
            return outcome
        none = Finding(
            "territory-not-given",
            Result.UNKNOWN,
            str(review.delivery.artifact),
            "the policy does not say where the model will be used",
            remedy="Write where you will use the model into the policy's `territories`.",
        )
        return conclude(outcome.examined, [none, *outcome.findings], outcome.notes)

    def holding(self, holding: Holding) -> Iterator[Finding]:
        """Look at one dataset's records, and at where it is from."""
        yield from super().holding(holding)
        if self.deny_origins:
            yield from self._origins(holding)

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Hold one record against the territories."""
        listed = record.rights.territories
        for wanted in self.territories:
            unread = listed is None or record.rights.is_unknown("territories")
            covered = None if unread else covers(listed or (), wanted)
            if covered:
                continue
            code, result, text = "territory-not-covered", Result.FAIL, f"it may not be used in {wanted}"
            if covered is None:
                code, result = "territory-unknown", Result.UNKNOWN
                text = f"whether it may be used in {wanted} cannot be told"
            yield holding.finding(
                code,
                result,
                text,
                record,
                expected=wanted,
                actual=", ".join(listed or ()),
                remedy=f"Ask the rights-holder of {holding.name} for rights in {wanted}.",
            )

    def _origins(self, holding: Holding) -> Iterator[Finding]:
        """Where the dataset is from, by every statement about it."""
        statements = holding.review.graph.datasets(holding.ancestor.artifact)
        stated = False
        for each in statements:
            origin = each.predicate.origin if isinstance(each.predicate, Dataset) else None
            places = (origin.geography if origin else None) or ()
            stated = stated or (each.believed and bool(places) and all(known(place) for place in places))
            refused = sorted(
                {p for p in places for d in self.deny_origins if is_within(p, d) or is_within(d, p)}
            )
            if refused:
                yield self._origin(holding, "origin-refused", Result.FAIL, f"it is from {', '.join(refused)}")
        if not stated and holding.review.lineage.is_origin(holding.ancestor.artifact):
            yield self._origin(
                holding, "origin-unknown", Result.UNKNOWN, "nobody you believe says where it is from"
            )

    def _origin(self, holding: Holding, code: str, result: Result, text: str) -> Finding:
        digests = holding.review.graph.datasets(holding.ancestor.artifact)
        return holding.finding(
            code,
            result,
            text,
            expected=f"none of {', '.join(self.deny_origins)}",
            evidence=tuple(each.digest for each in digests),
            remedy=f"Ask the owner of {holding.name} where it was collected, in a signed dataset statement.",
        )
