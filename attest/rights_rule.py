"""What rules about rights have in common: each holds every record that binds a delivery against something."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import Field

from attest.personal import When
from attest.review import Review
from attest.rights_flow import Holding, Record, rights_flow
from attest.rule import Current, Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["PersonalRule", "RightsRule"]


class RightsRule(Rule):
    """A rule over every rights record that binds the delivery."""

    OVER: ClassVar[str] = "datasets"
    QUANTIFIER: ClassVar[str] = "every"

    current: Current | None = Field(
        default=None, description="Ask a register which records are current; superseded ones count no more."
    )

    @property
    def which(self) -> str:
        """The end of the rule's sentence: which records it goes by."""
        return f", by the records that {self.current.register_id} names as current" if self.current else ""

    @abstractmethod
    def judge(self, holding: Holding, record: Record) -> Iterable[Finding]:
        """Yield what one record leaves open or forbids."""

    def asks_of(self, holding: Holding) -> bool | None:  # noqa: ARG002 - some rules ask
        """Whether the rule asks something of a dataset; ``None`` where nobody can tell."""
        return True

    def check(self, review: Review) -> Outcome:
        """Hold every record of every dataset against the rule."""
        flow = rights_flow(review, self.current)
        findings, examined = [*flow.findings, *unseen(review, "datasets")], 0
        said: dict[str, list[str]] = {}
        for holding in flow.holdings:
            asks = self.asks_of(holding)
            if asks is False:
                continue
            examined += 1
            if asks is None:
                findings.append(_cannot_tell(holding))
            findings += self.holding(holding)
            for note in self.notes(holding):
                said.setdefault(note, []).append(holding.name)
        notes = [*flow.notes, *(f"{_listed(names)}: {note}" for note, names in said.items())]
        if flow.holdings and not examined and not findings and review.lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, 0, (), (*notes, "no dataset is one this rule is about"))
        return conclude(examined, findings, notes)

    def holding(self, holding: Holding) -> Iterator[Finding]:
        """Yield everything that keeps one dataset from satisfying the rule."""
        if gap := holding.gap():
            yield gap
        for record in holding.records:
            yield from self.judge(holding, record)

    def notes(self, holding: Holding) -> Iterable[str]:  # noqa: ARG002 - some rules have some
        """Yield what a reader should see of a dataset though nothing is wrong, without its name."""
        return ()


class PersonalRule(RightsRule):
    """A rule about rights that asks something only of datasets with personal data."""

    when: When = Field(
        default=When(presence=["yes", "unknown"]), description="Which datasets it asks something of."
    )

    def asks_of(self, holding: Holding) -> bool | None:
        """Whether a dataset, or one whose rights it stands in for, is one the rule is about."""
        return self.when.meets(holding.review, (holding.ancestor.artifact, *holding.stands_for))


def _listed(names: list[str], most: int = 5) -> str:
    """Name datasets of which the same is to be said."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _cannot_tell(holding: Holding) -> Finding:
    name = holding.name
    return holding.finding(
        "personal-data-unknown",
        Result.UNKNOWN,
        "nobody you believe says whether it holds the personal data this rule is about",
        evidence=tuple(each.digest for each in holding.review.graph.datasets(holding.ancestor.artifact)),
        remedy=f"Ask the owner of {name} for a dataset statement that says yes or no.",
    )
