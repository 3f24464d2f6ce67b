"""Every dataset was examined for what the reader asks, and the reports can be asked for by digest.

For each of ``checks`` (vocabulary checks) its statement must name a check that passed, with a report by
SHA-256. Each of ``groups`` of its facts must name a document that supports it, in the same way. With
``verified`` both must say ``third-party-verified``. The digests show that the documents exist and have not
changed; somebody has to ask for them and read them, and it is the data owner who says what came of them.

FAIL: a check failed. UNKNOWN: a check, its result or a document is not named, somebody independent does not
stand behind it where that is asked for, or the dataset has no statement by its owner. A statement that was
withdrawn still counts against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Claimed, Token
from attest.declared import DatasetRule, Declared
from attest.predicates.dataset import Check
from attest.verdict import Finding, Result
from attest.vocabulary import load

__all__ = ["EvidencePresent"]

CheckName = Annotated[str, Token("checks", "refuse")]
GroupName = Literal["acquisition", "collection", "content", "origin", "personalData", "ip", "synthetic"]


class EvidencePresent(DatasetRule):
    """Every dataset was examined for what the reader asks, and the reports can be asked for by digest."""

    NAME: ClassVar[str] = "evidence-present"
    READS: ClassVar[tuple[str, ...]] = ("checks",)
    WHEN_UNKNOWN: ClassVar[str] = (
        "a dataset names no such check, not its result, or no document by its digest"
    )
    REMEDY: ClassVar[str] = (
        "Ask for the reports of these checks, and for their digests in a signed statement."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (30,)

    checks: list[CheckName] = Field(
        default=["illegal-content", "poisoning", "bias"], description="What it must have been examined for."
    )
    groups: list[GroupName] = Field(
        default_factory=list, description="Groups of facts that must name a document as evidence."
    )
    verified: bool = Field(
        default=False, description="Whether each must say that somebody independent verified it."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        asks = [f"names a passed check for {', '.join(self.checks)} with its report"] if self.checks else []
        asks += [f"names evidence of its {', '.join(self.groups)}"] if self.groups else []
        by = ", verified by somebody independent" if self.verified else ""
        return f"Every dataset {' and '.join(asks) or 'has a statement by its owner'}{by}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield checks and documents that are missing, and checks that failed."""
        for kind in dict.fromkeys(self.checks):
            made = [each for each in declared.facts.checks or () if each.kind == kind]
            yield from self._checks(declared, kind, made)
        for name in dict.fromkeys(self.groups):
            field = {"personalData": "personal_data"}.get(name, name)
            group: Claimed | None = getattr(declared.facts, field)
            if why := self._open(group):
                yield declared.finding(
                    "evidence-missing",
                    Result.UNKNOWN,
                    f"{why} for its {name}",
                    remedy=f"Ask for the document that supports {name} of {declared.name}, and its digest.",
                )

    def _checks(self, declared: Declared, kind: str, made: list[Check]) -> Iterator[Finding]:
        label = load("checks").label(kind)
        for each in made:
            if each.result == "failed":
                yield declared.finding(
                    "check-failed",
                    Result.FAIL,
                    f"did not pass the check for {kind}",
                    expected="passed",
                    actual="failed",
                    remedy=f"Ask for the report, and what was done about {label}.",
                )
        passed = [each for each in made if each.result == "passed"]
        reasons = [self._open(each) for each in passed]
        if not passed or all(reasons):
            yield declared.finding(
                "check-missing",
                Result.UNKNOWN,
                f"{reasons[0]} for its check for {kind}" if reasons else f"names no passed check for {kind}",
                expected="a passed check with its report by sha256",
                actual=", ".join(each.result for each in made) or "none",
                remedy=f"Ask for the report of a check of {declared.name} for {label}, and for its digest.",
            )

    def _open(self, group: Claimed | None) -> str:
        """Say what a group of claims lacks; empty: nothing."""
        documents = (group.evidence or ()) if group else ()
        if group is None or not any("sha256" in each.digest for each in documents):
            return "names no document by digest"
        if self.verified and group.claim != "third-party-verified":
            return "names nobody independent who stands"
        return ""
