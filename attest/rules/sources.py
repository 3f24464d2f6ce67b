"""Every dataset names where it comes from.

Each dataset's statement must name its issuer (``issuer.legalName``), whoever handed it over or published it
(``acquisition.counterparty``; data the issuer gathered, crawled or generated itself has none), and, where
``require`` asks for it, who made it (``origin.organizations``). Names in ``deny`` are never acceptable,
wherever they stand. Names are compared without case; they are words and identify nobody.

FAIL: a name of ``deny`` is named. UNKNOWN: one that is asked for is not named, or the dataset has no
statement by its owner. A statement that was withdrawn still counts against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.declared import DatasetRule, Declared, handed_over, said, same
from attest.verdict import Finding, Result

__all__ = ["Sources"]

_WORDS = {"issuer": "its issuer", "counterparty": "whoever handed it over", "origin": "who made it"}


class Sources(DatasetRule):
    """Every dataset names where it comes from."""

    NAME: ClassVar[str] = "sources"
    READS: ClassVar[tuple[str, ...]] = ("issuer", "acquisition", "origin")
    WHEN_UNKNOWN: ClassVar[str] = "a dataset has no statement by its owner, or it leaves a name out"
    REMEDY: ClassVar[str] = "Ask for a dataset statement that names its issuer and whom the data came from."
    QUESTIONS: ClassVar[tuple[int, ...]] = (9,)

    require: list[Literal["issuer", "counterparty", "origin"]] = Field(
        default=["issuer", "counterparty"], min_length=1, description="Who has to be named."
    )
    deny: list[str] = Field(default_factory=list, description="Names that are never acceptable.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        without = f", and never {', '.join(self.deny)}" if self.deny else ""
        return f"Every dataset names {' and '.join(_WORDS[each] for each in self.require)}{without}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield names that are missing, and those the reader denies."""
        facts = declared.facts
        origin = facts.origin.organizations if facts.origin else None
        named = {
            "issuer": [said(facts.issuer.legal_name)] if facts.issuer else [],
            "counterparty": [declared.counterparty],
            "origin": [said(each) for each in origin or ()],
        }
        for who in self.require:
            own = (
                who == "counterparty" and not handed_over(declared.channel) and declared.channel != "unknown"
            )
            if not any(named[who]) and not own:
                yield declared.finding(
                    "source-unnamed",
                    Result.UNKNOWN,
                    f"does not name {_WORDS[who]}",
                    expected=_WORDS[who],
                    remedy=f"Ask for the dataset statement of {declared.name} with {_WORDS[who]}.",
                )
        for name in dict.fromkeys(name for names in named.values() for name in names if name):
            if same(name, self.deny):
                yield declared.finding(
                    "source-denied",
                    Result.FAIL,
                    f"comes from {name}, whom the policy denies",
                    expected=f"none of {', '.join(self.deny)}",
                    actual=name,
                    remedy="Ask for a model that was made without this dataset.",
                )
