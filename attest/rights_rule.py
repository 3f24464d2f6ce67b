"""What rules about rights have in common: each holds every record that binds a delivery against something."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import Field

from attest.review import Review
from attest.rights_flow import Holding, Record, rights_flow
from attest.rule import Current, Rule, unseen
from attest.verdict import Finding, Outcome, conclude

__all__ = ["RightsRule"]


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

    def concerns(self, holding: Holding) -> bool:  # noqa: ARG002 - some rules ask
        """Whether the rule has something to ask of a dataset."""
        return True

    def check(self, review: Review) -> Outcome:
        """Hold every record of every dataset against the rule."""
        flow = rights_flow(review, self.current)
        holdings = [each for each in flow.holdings if self.concerns(each)]
        findings = [finding for each in holdings for finding in self.holding(each)]
        notes = [note for each in holdings for note in self.notes(each)]
        return conclude(
            len(holdings), [*flow.findings, *findings, *unseen(review, "datasets")], [*notes, *flow.notes]
        )

    def holding(self, holding: Holding) -> Iterator[Finding]:
        """Yield everything that keeps one dataset from satisfying the rule."""
        if gap := holding.gap():
            yield gap
        for record in holding.records:
            yield from self.judge(holding, record)

    def notes(self, holding: Holding) -> Iterable[str]:  # noqa: ARG002 - some rules have some
        """Yield what a reader should see though nothing is wrong."""
        return ()
