"""Every dataset can show which records it holds, so that one can be found and its removal proven.

Its statement must carry a record commitment: a root over all records by their content (``recordCommitment``)
or by the people they are about (``subjectCommitment``), with the secret's digest, in a scheme this version
can check. ``keying`` asks for one of the two. With ``over: personal`` only datasets that hold personal data,
or do not say, need one.

A commitment makes removal provable; it removes nothing, and does not show that every record was listed.

FAIL: a commitment counts other records than the dataset's own statement. UNKNOWN: there is no commitment, it
is not whole, or the dataset has no statement by its owner. A statement that was withdrawn still counts
against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.commitment import SCHEME
from attest.declared import DatasetRule, Declared
from attest.predicates.dataset import RecordCommitment
from attest.review import Review
from attest.verdict import Finding, Outcome, Result

__all__ = ["RecordRemoval"]


class RecordRemoval(DatasetRule):
    """Every dataset can show which records it holds, so that one can be found and its removal proven."""

    NAME: ClassVar[str] = "record-removal"
    READS: ClassVar[tuple[str, ...]] = ("recordCommitment", "subjectCommitment", "personalData", "content")
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
        """Yield what is missing from the commitments, and what contradicts them."""
        facts = declared.facts
        by_keying = {"content": facts.record_commitment, "subject": facts.subject_commitment}
        made = {keying: each for keying, each in by_keying.items() if each is not None}
        lacking = {keying: _lacks(each, keying) for keying, each in made.items()}
        asked = [self.keying] if self.keying != "any" else list(by_keying)
        if not any(keying in made for keying in asked):
            yield declared.finding(
                "commitment-missing",
                Result.UNKNOWN,
                f"carries no commitment over its records by {' or '.join(asked)}",
                expected=" or ".join(asked),
                actual=", ".join(made) or "none",
                remedy=f"Ask for a dataset statement of {declared.name} with a record commitment.",
            )
        elif all(lacking.get(keying, ["it"]) for keying in asked):
            missing = next(lacking[keying] for keying in asked if keying in made)
            yield declared.finding(
                "commitment-partial",
                Result.UNKNOWN,
                f"carries a record commitment without {', '.join(missing)}",
                remedy="Ask for a whole record commitment.",
            )
        yield from _counts(declared, made)


def _lacks(commitment: RecordCommitment, keying: str) -> list[str]:
    """Say what a commitment needs and does not have."""
    wanted = {
        f"the scheme {SCHEME}": commitment.scheme == SCHEME,
        f"keying by {keying}": commitment.keying == keying,
        "the secret's digest": "sha256" in (commitment.secret_digest or {}),
    }
    return [name for name, there in wanted.items() if not there]


def _counts(declared: Declared, made: dict[str, RecordCommitment]) -> Iterator[Finding]:
    """A commitment and the statement it stands in are about the same records."""
    content = declared.facts.content
    if content is None:
        return
    for keying, each in made.items():
        stated = content.file_count if each.unit == "file" else content.record_count
        if stated is None or each.records == stated:
            continue
        # records that are alike share a key, and of one record there may be several people
        if each.records is None and (keying == "subject" or each.count <= stated):
            continue
        counted = each.count if each.records is None else each.records
        yield declared.finding(
            "commitment-count",
            Result.FAIL,
            f"says that it holds {stated} {each.unit or 'record'}s, and commits to {counted}",
            expected=str(stated),
            actual=str(counted),
            remedy="Ask which number is true, and for a commitment over all records.",
        )
