"""What dataset statements declare, and how a rule reads it: every statement by itself, none for another.

A dataset answers for itself if no believed step made it out of others, or if somebody described it. Of
several statements each must satisfy the rule alone, so that the strictest counts and nobody's silence is
filled in from somebody else. One that was withdrawn grants nothing, and still counts against.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar

from attest.claim import Token, is_unknown
from attest.graph import Evidence
from attest.lineage import Ancestor
from attest.predicates.dataset import Dataset
from attest.review import Review
from attest.rule import Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude
from attest.vocabulary import load

__all__ = ["Channel", "DatasetRule", "Declared", "Described", "descriptions", "handed_over", "said", "same"]

Channel = Annotated[str, Token("acquisition-channels", "refuse")]
"""A word of the vocabulary acquisition-channels, as a policy writes it."""


@dataclass(frozen=True)
class Declared:
    """What one statement declares about one dataset."""

    review: Review = field(repr=False)
    ancestor: Ancestor
    evidence: Evidence
    facts: Dataset

    @property
    def name(self) -> str:
        """What the evidence calls the dataset."""
        return self.review.graph.name(self.ancestor.artifact)

    @property
    def channel(self) -> str:
        """How the issuer came by it; ``unknown`` where nothing is said."""
        return self.facts.acquisition.channel if self.facts.acquisition else "unknown"

    @property
    def counterparty(self) -> str | None:
        """Who handed it over."""
        return said(self.facts.acquisition.counterparty) if self.facts.acquisition else None

    def finding(self, code: str, result: Result, summary: str, **more: Any) -> Finding:
        """Return a finding about the dataset, resting on this statement."""
        more.setdefault("evidence", (self.evidence.digest,))
        return about(self.review, self.ancestor, code, result, f"{self.name} {summary}", **more)


@dataclass(frozen=True)
class Described:
    """A dataset of the lineage that answers for itself, and what is declared about it."""

    ancestor: Ancestor
    declared: tuple[Declared, ...]
    """One per statement by somebody who may make it, withdrawn or not."""
    missing: Finding | None
    """Why nothing is granted about it: UNKNOWN, whatever a rule asks."""


def descriptions(review: Review) -> list[Described]:
    """Return every dataset behind the delivery that answers for itself, with what is declared about it."""
    found = []
    for ancestor in review.lineage.datasets():
        declared = tuple(
            Declared(review, ancestor, each, each.predicate)
            for each in review.graph.datasets(ancestor.artifact)
            if each.granted and isinstance(each.predicate, Dataset)
        )
        missing = None
        if review.lineage.is_origin(ancestor.artifact) and not any(d.evidence.believed for d in declared):
            missing = _undescribed(review, ancestor, declared)
        if declared or missing:
            found.append(Described(ancestor, declared, missing))
    return found


def _undescribed(review: Review, ancestor: Ancestor, declared: tuple[Declared, ...]) -> Finding:
    name = review.graph.name(ancestor.artifact)
    others = review.graph.datasets(ancestor.artifact)
    if declared:
        what = "was withdrawn"
    elif others:
        what = f"is not believed: {'; '.join(sorted({each.reason for each in others if each.reason}))}"
    else:
        what = "is not in the evidence"
    return about(
        review,
        ancestor,
        "dataset-undescribed",
        Result.UNKNOWN,
        f"the dataset statement of {name} {what}",
        remedy=f"Ask for a dataset statement of {name} ({ancestor.artifact}) signed by its owner.",
    )


class DatasetRule(Rule):
    """A rule that holds every dataset's own statements against something."""

    OVER: ClassVar[str] = "datasets"
    QUANTIFIER: ClassVar[str] = "every"
    READS: ClassVar[tuple[str, ...]] = ()
    """Top-level fields of the dataset predicate it goes by; one that cannot be read leaves it unknown."""

    @abstractmethod
    def look(self, declared: Declared) -> Iterable[Finding]:
        """Yield what one statement leaves open or gets wrong."""

    def check(self, review: Review) -> Outcome:
        """Look at every statement about every dataset."""
        described = descriptions(review)
        findings = [finding for each in described for finding in self.judge(each)]
        return conclude(len(described), [*findings, *unseen(review, "datasets")])

    def judge(self, described: Described) -> Iterator[Finding]:
        """Yield everything that keeps one dataset from satisfying the rule."""
        if described.missing:
            yield described.missing
        for declared in described.declared:
            yield from self.look(declared)
            yield from self._unread(declared)

    def only(self, review: Review, meant: Callable[[Declared], bool]) -> Outcome:
        """Look at the statements that ``meant`` picks; a dataset nobody described may be meant, too.

        Where it picks none, the rule does not apply, if nothing behind the delivery is left unexplained.
        """
        described = descriptions(review)
        picked = [
            replace(each, declared=tuple(filter(meant, each.declared)))
            for each in described
            if each.missing or any(map(meant, each.declared))
        ]
        findings = [finding for each in picked for finding in self.judge(each)]
        findings += unseen(review, "datasets")
        if described and not picked and not findings and review.lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, len(described))
        return conclude(len(picked), findings)

    def _unread(self, declared: Declared) -> Iterator[Finding]:
        bad = [*declared.evidence.unreadable]
        if fields := [name for name in self.READS if is_unknown(bad, name)]:
            yield declared.finding(
                "dataset-unreadable",
                Result.UNKNOWN,
                f"has a statement that cannot be read in full: {', '.join(fields)}",
                remedy="Use a newer version of attest, or ask the data owner for another statement.",
            )


def said(text: str | None) -> str | None:
    """Return a text that says something; blank, and the word unknown, say nothing."""
    return text if text is not None and text.strip().casefold() not in ("", "unknown") else None


def same(one: str, names: Iterable[str]) -> bool:
    """Tell whether one of ``names`` is the same name but for case and spaces. It proves no identity."""
    return _plain(one) in {_plain(name) for name in names}


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def handed_over(channel: str) -> str | None:
    """Return what stands behind a channel: ``contract``, ``publisher``, or ``None`` for one's own data.

    Data came under a contract with a counterparty, or from somebody who publishes it to all.
    """
    behind = load("acquisition-channels").tokens.get(channel, {}).get("behind")
    return str(behind) if behind else None
