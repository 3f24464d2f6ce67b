"""No dataset holds personal data of a kind the buyer does not accept.

Every dataset behind the model that somebody described, and every origin dataset, must say whether it holds
personal data at all, biometric data, data of children and special categories; each list names the answers
the buyer accepts. By default personal data may be there, and none of the three kinds. Of several
statements any ``yes`` counts. ``no`` personal data at all answers for the three kinds.

FAIL: an answer that is not accepted. UNKNOWN: nobody the reader believes answers, or two statements disagree.
There is no accepting ``unknown``: leaving out the statement that says ``yes`` would then help.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.declared import DatasetRule, Declared, Described
from attest.personal import FACTS, label, stated
from attest.verdict import Finding, Result
from attest.words import choice

__all__ = ["PersonalDataAccepted"]

Answer = Annotated[Literal["yes", "no"], choice(Literal["yes", "no"])]


class PersonalDataAccepted(DatasetRule):
    """No dataset holds personal data of a kind the buyer does not accept."""

    NAME: ClassVar[str] = "personal-data"
    QUANTIFIER: ClassVar[str] = "no"
    READS: ClassVar[tuple[str, ...]] = ("personalData",)
    WHEN_UNKNOWN: ClassVar[str] = "a dataset's owner does not say whether it holds personal data of some kind"
    REMEDY: ClassVar[str] = "Ask the dataset's owner whether it holds personal data, and of which kinds."
    QUESTIONS: ClassVar[tuple[int, ...]] = (15,)

    presence: list[Answer] = Field(
        default=["yes", "no"], min_length=1, description="Personal data of any kind."
    )
    biometric: list[Answer] = Field(default=["no"], min_length=1, description="Biometric data.")
    children: list[Answer] = Field(default=["no"], min_length=1, description="Data of children.")
    special_category: list[Answer] = Field(
        default=["no"], min_length=1, description="Special categories (GDPR Art. 9(1))."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        refused = [label(name) for name in FACTS if getattr(self, name) == ["no"]]
        needed = [label(name) for name in FACTS if getattr(self, name) == ["yes"]]
        text = f"No dataset holds {' or '.join(refused)}" if refused else "Every dataset may hold any data"
        also = f"; every one holds {' and '.join(needed)}" if needed else ""
        return f"{text}{also}; every owner says so."

    def judge(self, described: Described) -> Iterator[Finding]:
        """Look at every statement about a dataset, and at whether they agree."""
        yield from super().judge(described)
        for fact in FACTS:
            if {"yes", "no"} <= {stated(each.facts, fact) for each in described.declared}:
                yield described.declared[0].finding(
                    "personal-data-disputed",
                    Result.UNKNOWN,
                    f"has statements that disagree whether it holds {label(fact)}",
                    evidence=tuple(each.evidence.digest for each in described.declared),
                    remedy="Ask which statement is true, and for the withdrawal of the other.",
                )

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Hold every answer of one statement against those that are accepted."""
        for fact in FACTS:
            accepted, said = getattr(self, fact), stated(declared.facts, fact)
            if said in accepted:
                continue
            code, result = "personal-data-refused", Result.FAIL
            text = f"holds {'no ' if said == 'no' else ''}{label(fact)}"
            if said == "unknown":
                code, result = "personal-data-unknown", Result.UNKNOWN
                text = f"has a statement that does not say whether it holds {label(fact)}"
            yield declared.finding(
                code,
                result,
                text,
                expected=" or ".join(accepted),
                actual=said,
                remedy=f"Ask the owner of {declared.name} whether it holds {label(fact)}.",
            )
