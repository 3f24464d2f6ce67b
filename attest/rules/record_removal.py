"""Every dataset can show which records it holds, so that one can be found and its removal proven.

Its statement must carry a record commitment (``recordCommitment``): a root over all records, their count, the
secret's digest, and what keys the leaves. With ``keying: subject`` the leaves must be keyed by person. With
``over: personal`` only datasets that hold personal data, or do not say, need one.

A commitment makes removal provable; it removes nothing, and does not show that every record was listed.

FAIL: the leaves are keyed by something else than asked. UNKNOWN: there is no commitment, it is not whole, its
count is not the dataset's, or the dataset has no statement by its owner. A statement that was withdrawn still
counts against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.declared import DatasetRule, Declared
from attest.review import Review
from attest.verdict import Finding, Outcome, Result

__all__ = ["RecordRemoval"]


class RecordRemoval(DatasetRule):
    """Every dataset can show which records it holds, so that one can be found and its removal proven."""

    NAME: ClassVar[str] = "record-removal"
    READS: ClassVar[tuple[str, ...]] = ("recordCommitment", "personalData", "content")
    WHEN_UNKNOWN: ClassVar[str] = "a dataset carries no record commitment, or not a whole one"
    REMEDY: ClassVar[str] = "Ask for dataset statements with a commitment over their records."
    QUESTIONS: ClassVar[tuple[int, ...]] = (22,)

    keying: Literal["any", "subject", "content"] = Field(
        default="any", description="What keys the leaves: a person's id, or the record's content."
    )
    over: Literal["all", "personal"] = Field(
        default="all", description="All datasets, or those that hold personal data or do not say."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        which = "Every dataset" if self.over == "all" else "Every dataset that may hold personal data"
        keyed = f", keyed by {self.keying}" if self.keying != "any" else ""
        return f"{which} carries a commitment over its records{keyed}, so that removal can be proven."

    def check(self, review: Review) -> Outcome:
        """Look at every dataset that is meant."""
        return self.only(review, self._meant)

    def _meant(self, declared: Declared) -> bool:
        return self.over == "all" or declared.facts.presence("personal_data", "presence") != "no"

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield what is missing from the commitment."""
        commitment = declared.facts.record_commitment
        if commitment is None:
            yield declared.finding(
                "commitment-missing",
                Result.UNKNOWN,
                "carries no commitment over its records",
                remedy=f"Ask for a dataset statement of {declared.name} with a record commitment.",
            )
            return
        missing = [
            name
            for name, there in (
                ("keying", commitment.keying in ("subject", "content")),
                ("secretDigest", bool(commitment.secret_digest)),
            )
            if not there
        ]
        records = declared.facts.content.record_count if declared.facts.content else None
        if commitment.keying == "content" and records is not None and records != commitment.count:
            missing.append("a count that is the dataset's")
        if missing:
            yield declared.finding(
                "commitment-partial",
                Result.UNKNOWN,
                f"carries a record commitment without {', '.join(missing)}",
                expected=f"{records} records" if records is not None else "",
                actual=f"{commitment.count} leaves",
                remedy="Ask for a whole record commitment.",
            )
        if self.keying != "any" and commitment.keying in {"subject", "content"} - {self.keying}:
            yield declared.finding(
                "commitment-keying",
                Result.FAIL,
                f"carries a record commitment keyed by {commitment.keying}",
                expected=self.keying,
                actual=commitment.keying,
                remedy=f"Ask for a record commitment keyed by {self.keying}.",
            )
