"""Every crawled dataset names its crawlers, and left out what its owners reserved.

A dataset is crawled if its channel is ``crawl`` or ``web-scraping-crawling`` is one of its methods. Its
statement must name the user agents (none but those of ``agents``, if that lists any), and each of ``signals``
(vocabulary reservation-methods) among those it honoured. A rights record by its rights-holder must tell of a
check whether mining was reserved: by each method of ``checks``, no earlier than the crawl began, and with a
result. What was reserved in part counts as left out only if every signal that was checked was also honoured.
All records in hand count, superseded ones too.

FAIL: an agent that is not accepted, or a check that found the data reserved. UNKNOWN: anything of this is not
stated, a dataset does not say how it was come by, or it has no statement by its owner. A statement that was
withdrawn still counts against, and grants nothing. It does not apply where the whole lineage is known and
nothing in it was crawled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from attest.claim import Token
from attest.declared import DatasetRule, Declared, said, same
from attest.graph import Evidence
from attest.predicates.rights import ReservationCheck, Rights
from attest.review import Review
from attest.verdict import Finding, Outcome, Result

__all__ = ["CrawlOptOuts"]

Signal = Annotated[str, Token("reservation-methods", "refuse")]


class CrawlOptOuts(DatasetRule):
    """Every crawled dataset names its crawlers, and left out what its owners reserved."""

    NAME: ClassVar[str] = "crawl-opt-outs"
    OVER: ClassVar[str] = "crawled datasets"
    READS: ClassVar[tuple[str, ...]] = ("acquisition", "collection")
    WHEN_UNKNOWN: ClassVar[str] = (
        "a crawled dataset does not name its crawlers, signals they honoured, or a check of reservations"
    )
    REMEDY: ClassVar[str] = (
        "Ask which crawlers ran, which opt-outs they honoured, and for the check's result."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (12,)

    agents: list[str] = Field(
        default_factory=list, description="User agents that are acceptable; empty: any that is named."
    )
    signals: list[Signal] = Field(
        default=["robots-txt"], description="Reservation signals the crawler must have honoured."
    )
    checks: list[Signal] = Field(
        default_factory=list, description="Where one must have looked for reservations; empty: anywhere."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        who = f" ({', '.join(self.agents)})" if self.agents else ""
        honoured = f" that honoured {', '.join(self.signals)}" if self.signals else ""
        looked = f" by {', '.join(self.checks)}" if self.checks else ""
        return (
            f"Every crawled dataset names its crawlers{who}{honoured}, and a check{looked} that found nothing"
            " in it reserved."
        )

    def check(self, review: Review) -> Outcome:
        """Look at every dataset that was, or may have been, crawled."""
        return self.only(review, _may_be_crawled)

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield what is missing from, or wrong with, how the web was crawled."""
        if not _crawled(declared):
            yield declared.finding(
                "acquisition-unknown",
                Result.UNKNOWN,
                "does not say through which channel it was come by: it may have been crawled",
                remedy=f"Ask how {declared.name} was acquired, in a signed dataset statement.",
            )
            return
        yield from self._agents(declared)
        yield from self._signals(declared)
        yield from self._checked(declared)

    def _agents(self, declared: Declared) -> Iterator[Finding]:
        crawl = declared.facts.acquisition.crawl if declared.facts.acquisition else None
        agents = [each for each in (crawl.agents or ()) if said(each)] if crawl else []
        if not agents:
            yield declared.finding(
                "crawler-unnamed",
                Result.UNKNOWN,
                "was crawled, and does not name the crawler",
                remedy=f"Ask for the user agents that crawled {declared.name}.",
            )
        if denied := [each for each in agents if self.agents and not same(each, self.agents)]:
            yield declared.finding(
                "crawler-denied",
                Result.FAIL,
                f"was crawled by {', '.join(denied)}",
                expected=", ".join(self.agents),
                actual=", ".join(denied),
                remedy="Ask for a model that was made without this dataset.",
            )

    def _signals(self, declared: Declared) -> Iterator[Finding]:
        honoured = _honoured(declared)
        if missing := [each for each in self.signals if each not in honoured]:
            yield declared.finding(
                "signals-not-honoured",
                Result.UNKNOWN,
                f"was crawled, and does not say that {', '.join(missing)} was honoured",
                expected=", ".join(self.signals),
                actual=", ".join(sorted(honoured)) or "none",
                remedy=f"Ask which opt-out signals the crawl of {declared.name} honoured.",
            )

    def _checked(self, declared: Declared) -> Iterator[Finding]:
        records = _records(declared)
        believed = [each for each, rights in records if each.believed and rights.scope is None]
        if not believed:
            yield declared.finding(
                "reservation-unchecked",
                Result.UNKNOWN,
                "was crawled, and no record by its rights-holder tells whether mining was reserved",
                evidence=tuple(each.digest for each, _ in records) or (declared.evidence.digest,),
                remedy=f"Ask for a rights record of {declared.name} with a reservation check.",
            )
        for evidence, rights in records:
            check = rights.reservation_check
            if check is not None and check.result == "reserved":
                yield declared.finding(
                    "mining-reserved",
                    Result.FAIL,
                    "was crawled, and its owners had reserved text and data mining",
                    expected="not-reserved",
                    actual="reserved",
                    evidence=(evidence.digest,),
                    remedy="Ask for the licence it was used under, or for a model made without it.",
                )
            elif why := self._open(declared, rights, check):
                yield declared.finding(
                    "reservation-unclear",
                    Result.UNKNOWN,
                    f"was crawled, and its reservation check {why}",
                    actual=check.result if check else "none",
                    evidence=(evidence.digest,),
                    remedy=f"Ask for a whole reservation check of {declared.name}.",
                )

    def _open(self, declared: Declared, rights: Rights, check: ReservationCheck | None) -> str:
        """Say what a check leaves open; empty: nothing."""
        if check is None or rights.is_unknown("reservationCheck"):
            return "cannot be read in full"
        looked = frozenset(check.methods or ())
        if not looked or not looked >= frozenset(self.checks):
            return (
                f"did not look at {', '.join(sorted(frozenset(self.checks) - looked)) or 'anything it names'}"
            )
        acquisition = declared.facts.acquisition
        begun = acquisition.crawl.start if acquisition and acquisition.crawl else None
        if check.checked_at is None or (begun and check.checked_at.date() < begun):
            return "was made before the crawl began, or does not say when"
        if check.result == "unknown":
            return "has no result"
        if check.result == "partly-reserved" and not looked <= _honoured(declared):
            return "found a part reserved, by signals that were not all honoured"
        return ""


def _crawled(declared: Declared) -> bool:
    collection = declared.facts.collection
    methods = (collection.method or ()) if collection else ()
    crawl = declared.facts.acquisition is not None and declared.facts.acquisition.crawl is not None
    return crawl or declared.channel == "crawl" or "web-scraping-crawling" in methods


def _may_be_crawled(declared: Declared) -> bool:
    return declared.channel == "unknown" or _crawled(declared)


def _honoured(declared: Declared) -> frozenset[str]:
    crawl = declared.facts.acquisition.crawl if declared.facts.acquisition else None
    return frozenset((crawl.signals_honoured or ()) if crawl else ())


def _records(declared: Declared) -> list[tuple[Evidence, Rights]]:
    """Rights records by the rights-holder about the whole dataset that tell, or should tell, of a check."""
    found = [
        (each, each.predicate)
        for each in declared.review.graph.rights(declared.ancestor.artifact)
        if each.granted and isinstance(each.predicate, Rights)
    ]
    return [
        (each, rights)
        for each, rights in found
        if rights.reservation_check is not None or rights.is_unknown("reservationCheck")
    ]
