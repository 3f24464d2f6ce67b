"""There is a schedule by which data must go, and no dataset was kept beyond it.

Asked of every dataset ``when`` names, by default every one with personal data or where nobody knows. Its
owner must state a retention schedule: a last day, an event that starts deletion, or where the schedule is
published. The last day must not have passed at the time of evaluation, nor that of an agreement under which
the data goes with it (``deletionOnEnd``). The strictest of several statements counts. What becomes of a
model when its data must go is what the agreement, or an order, says.

FAIL: the last day has passed. UNKNOWN: no schedule is stated, or the day cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import ClassVar

from pydantic import Field

from attest.declared import DatasetRule, Declared
from attest.personal import When
from attest.predicates.dataset import Dataset
from attest.review import Review
from attest.verdict import Finding, Outcome, Result

__all__ = ["RetentionSchedule"]


class RetentionSchedule(DatasetRule):
    """There is a schedule by which data must go, and no dataset was kept beyond it."""

    NAME: ClassVar[str] = "retention"
    READS: ClassVar[tuple[str, ...]] = ("retention",)
    WHEN_UNKNOWN: ClassVar[str] = "a dataset's owner states no retention schedule that can be read"
    REMEDY: ClassVar[str] = "Ask the dataset's owner for its retention schedule, and for the last day."
    QUESTIONS: ClassVar[tuple[int, ...]] = (24,)

    when: When = Field(
        default=When(presence=["yes", "unknown"]), description="Which datasets need a schedule."
    )
    last_day: bool = Field(default=False, description="The schedule must name the last day.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        day = " with its last day" if self.last_day else ""
        return f"Every dataset{self.when.words} has a retention schedule{day}, and that day has not passed."

    def check(self, review: Review) -> Outcome:
        """Look at the schedule of every dataset the rule is about, and at the last day of all."""
        return self.only(review, lambda each: self._asks(each) is not False or any(_last_days(each.facts)))

    def _asks(self, declared: Declared) -> bool | None:
        return self.when.meets(declared.review, (declared.ancestor.artifact,))

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Look at one statement's schedule."""
        for day, why in _last_days(declared.facts):
            if declared.review.as_of >= datetime.combine(day, time(), UTC) + timedelta(days=1):
                yield declared.finding(
                    "retention-passed",
                    Result.FAIL,
                    f"had to be deleted by {day}: {why}",
                    expected="a last day that has not passed",
                    actual=str(day),
                    remedy=f"Ask whether {declared.name} was deleted, and what becomes of the model.",
                )
        asks = self._asks(declared)
        if asks is None:
            yield declared.finding(
                "personal-data-unknown",
                Result.UNKNOWN,
                "has no statement that says whether it holds the personal data this rule is about",
                remedy=f"Ask the owner of {declared.name} for a dataset statement that says yes or no.",
            )
        if asks is not False and not self._states(declared.facts):
            yield declared.finding(
                "retention-unknown",
                Result.UNKNOWN,
                f"has a statement that names no {'last day' if self.last_day else 'retention schedule'}",
                expected="a last day" if self.last_day else "a last day, an event, or where the schedule is",
                remedy=f"Ask the owner of {declared.name} for its retention schedule.",
            )

    def _states(self, dataset: Dataset) -> bool:
        plan = dataset.retention
        if plan is None:
            return False
        return plan.delete_by is not None or (not self.last_day and bool(plan.trigger or plan.schedule))


def _last_days(dataset: Dataset) -> Iterator[tuple[date, str]]:
    plan = dataset.retention
    if plan is not None and plan.delete_by is not None:
        yield plan.delete_by, plan.basis or "its retention schedule"
    agreement = dataset.acquisition.agreement if dataset.acquisition else None
    if agreement is not None and agreement.expires is not None and agreement.deletion_on_end == "yes":
        yield agreement.expires, "the agreement it came under ends, and the data goes with it"
