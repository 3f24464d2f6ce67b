"""At most so many facts about datasets are unknown.

What is counted, once per dataset: how it was come by, from a related party or not (of data delivered under a
contract), by which method and when it was collected, whether it holds personal data and, unless it holds
none, biometric identifiers, data of children and special categories, whether it holds works under copyright,
and whether it was generated. A fact that one of several statements leaves open is unknown. ``facts`` picks
some of them.

FAIL: more of them are unknown than ``atMost``; what nobody can see is not in the count, which can only be too
small. UNKNOWN: a dataset has no statement by its owner. A report lists every fact that is unknown, also when
they are few enough.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import Field

from attest.declared import Declared, Described, descriptions, handed_over
from attest.review import Review
from attest.rule import Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["Unknowns"]

FactName = Literal[
    "channel",
    "relatedParty",
    "method",
    "period",
    "personalData",
    "biometric",
    "children",
    "specialCategory",
    "copyright",
    "synthetic",
]


def _related(declared: Declared) -> bool:
    acquisition = declared.facts.acquisition
    contract = handed_over(declared.channel) == "contract"
    return contract and (acquisition is None or acquisition.related_party == "unknown")


def _method(declared: Declared) -> bool:
    collection = declared.facts.collection
    methods = collection.method if collection else None
    return not methods or "unknown" in methods


def _period(declared: Declared) -> bool:
    collection = declared.facts.collection
    if collection is None or collection.start is None:
        return True
    return collection.end is None and collection.ongoing != "yes"


def _absent(group: str, fact: str) -> Callable[[Declared], bool]:
    return lambda declared: declared.facts.presence(group, fact) == "unknown"


def _of_people(fact: str) -> Callable[[Declared], bool]:
    def unknown(declared: Declared) -> bool:
        people = declared.facts.presence("personal_data", "presence") != "no"
        return people and declared.facts.presence("personal_data", fact) == "unknown"

    return unknown


_FACTS: dict[FactName, Callable[[Declared], bool]] = {
    "channel": lambda declared: declared.channel == "unknown",
    "relatedParty": _related,
    "method": _method,
    "period": _period,
    "personalData": _absent("personal_data", "presence"),
    "biometric": _of_people("biometric"),
    "children": _of_people("children"),
    "specialCategory": _of_people("special_category"),
    "copyright": _absent("ip", "copyright"),
    "synthetic": _absent("synthetic", "presence"),
}


class Unknowns(Rule):
    """At most so many facts about datasets are unknown."""

    NAME: ClassVar[str] = "unknowns"
    OVER: ClassVar[str] = "facts about datasets"
    QUANTIFIER: ClassVar[str] = "at most"
    WHEN_UNKNOWN: ClassVar[str] = "a dataset has no statement by its owner"
    REMEDY: ClassVar[str] = "Ask the data owners for the facts that are unknown."
    QUESTIONS: ClassVar[tuple[int, ...]] = (29,)

    at_most: int = Field(default=0, ge=0, description="How many facts, over all datasets, may be unknown.")
    facts: list[FactName] = Field(
        default_factory=lambda: list(_FACTS), min_length=1, description="Which facts are counted."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        some = f" ({', '.join(self.facts)})" if set(self.facts) != set(_FACTS) else ""
        return f"At most {self.at_most} facts about datasets{some} are unknown."

    def check(self, review: Review) -> Outcome:
        """Count the facts that are unknown."""
        described = descriptions(review)
        unknown = [(each, names) for each in described if (names := self._unknown(each))]
        count = sum(len(names) for _, names in unknown)
        findings = [each.missing for each in described if each.missing]
        if count > self.at_most:
            findings += [self._finding(review, each, names, count) for each, names in unknown]
            notes = []
        else:
            notes = [
                f"{review.graph.name(each.ancestor.artifact)}: unknown: {', '.join(names)}"
                for each, names in unknown
            ]
        examined = sum(len(self.facts) for each in described if each.declared)
        return conclude(examined, [*findings, *unseen(review, "datasets")], notes)

    def _unknown(self, described: Described) -> list[FactName]:
        return [
            name
            for name in dict.fromkeys(self.facts)
            if any(_FACTS[name](declared) for declared in described.declared)
        ]

    def _finding(self, review: Review, described: Described, names: list[FactName], count: int) -> Finding:
        name = review.graph.name(described.ancestor.artifact)
        return about(
            review,
            described.ancestor,
            "facts-unknown",
            Result.FAIL,
            f"{name} leaves unknown: {', '.join(names)}",
            expected=f"at most {self.at_most} unknown facts over all datasets",
            actual=str(count),
            evidence=tuple(each.evidence.digest for each in described.declared),
            remedy=f"Ask the data owner of {name} for {', '.join(names)}.",
        )
