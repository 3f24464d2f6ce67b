"""Personal data is used on a legal basis in every jurisdiction that matters to the buyer.

Asked of every dataset ``when`` names, by default every one with personal data or where nobody knows. Each
rights record that binds the delivery must state its bases, each of them one of ``accept``, and for each of
``territories`` (without it the policy's own ``territories``) one whose jurisdiction takes it in. Where the
General Data Protection Regulation applies, biometric data and special categories need a condition of its
Article 9(2) besides; explicit consent is one. With ``assessment`` a legitimate interest needs its written
assessment, by digest. What consent must cover is what ``consent`` asks. Whether a basis is good in law is for
people to say.

FAIL: no basis, one that is not accepted, none for a territory, or a record that says it meets no condition.
UNKNOWN: no basis or condition is stated, no rights record is in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from attest.claim import Token
from attest.personal import SENSITIVE, facts
from attest.predicates.rights import BasisOfData
from attest.rights_flow import Holding, Record
from attest.rights_rule import PersonalRule
from attest.territory import covers, known
from attest.verdict import Finding, Result
from attest.vocabulary import load
from attest.words import Territory

__all__ = ["LegalBasis"]

_REFUSED = frozenset({"none", "unknown", "publicly-available-claim", "not-personal-data"})

_Found = tuple[str, Result, str, str, str]
"""Code, result, words, what was expected, what is stated."""


class LegalBasis(PersonalRule):
    """Personal data is used on a legal basis in every jurisdiction that matters to the buyer."""

    NAME: ClassVar[str] = "legal-basis"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a rights record states no basis for personal data, or none that can be read in full"
    )
    REMEDY: ClassVar[str] = "Ask the rights-holder for the legal basis of the personal data per jurisdiction."
    QUESTIONS: ClassVar[tuple[int, ...]] = (16,)
    INHERITS: ClassVar[tuple[str, ...]] = ("territories",)

    accept: list[Annotated[str, Token("legal-bases", "refuse")]] = Field(
        default_factory=lambda: [name for name in load("legal-bases") if name not in _REFUSED],
        description="Bases that will do.",
    )
    territories: list[Territory] = Field(
        default_factory=list,
        description="Where a basis is needed; absent: what the policy says; empty: where one is stated.",
    )
    assessment: bool = Field(default=False, description="A legitimate interest needs its assessment.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        where = f" in {', '.join(self.territories)}" if self.territories else ""
        written = ", a legitimate interest with its assessment" if self.assessment else ""
        return (
            f"Every dataset{self.when.words} is used on a legal basis{where}{written}{self.which}; one of: "
            f"{', '.join(self.accept)}."
        )

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Hold one record's bases against the rule."""
        for code, result, text, expected, actual in self._bases(holding, record):
            yield holding.finding(
                code,
                result,
                text,
                record,
                expected=expected,
                actual=actual,
                remedy=f"Ask the rights-holder of {holding.name} for the legal basis of its personal data.",
            )

    def _bases(self, holding: Holding, record: Record) -> Iterator[_Found]:
        rights, wanted = record.rights, f"one of {', '.join(self.accept)}"
        stated = rights.personal_data_basis
        unread = stated is None or rights.is_unknown("personalDataBasis")
        if unread:
            what = "no basis: the rights record states none for personal data that can be read"
            yield "basis-unknown", Result.UNKNOWN, what, wanted, ""
        elif not stated:
            yield "basis-refused", Result.FAIL, "no basis: the rights record says there is none", wanted, ""
        for each in stated or ():
            yield from self._one(holding, each, wanted)
        if stated and not unread:
            yield from self._places(stated)

    def _one(self, holding: Holding, each: BasisOfData, wanted: str) -> Iterator[_Found]:
        where = each.jurisdiction or "an unnamed jurisdiction"
        if each.basis == "unknown":
            what = f"no basis: the one for {where} is not known"
            yield "basis-unknown", Result.UNKNOWN, what, wanted, each.basis
        elif each.basis not in self.accept:
            what = f"no basis: the one for {where} is not one of those you accept"
            yield "basis-refused", Result.FAIL, what, wanted, each.basis
        if self.assessment and each.basis == "legitimate-interest" and each.assessment is None:
            what = f"the legitimate interest for {where} comes without its assessment"
            yield "assessment-missing", Result.UNKNOWN, what, "an assessment by digest", ""
        if each.basis != "explicit-consent" and _under_gdpr(each):
            yield from _condition(each, where, _sensitive(holding))

    def _places(self, stated: tuple[BasisOfData, ...]) -> Iterator[_Found]:
        named = [each.jurisdiction for each in stated if each.jurisdiction]
        for territory in self.territories:
            covered = covers(named, territory)
            if covered is None or (not covered and len(named) < len(stated)):
                what = f"whether a basis is stated for {territory} cannot be told"
                yield "basis-unknown", Result.UNKNOWN, what, territory, ", ".join(named)
            elif not covered:
                what = f"no basis for {territory}"
                yield "basis-missing-there", Result.FAIL, what, territory, ", ".join(named)


def _under_gdpr(basis: BasisOfData) -> bool:
    """Whether a basis may be one for the European Economic Area: it lies there, or nobody knows where."""
    place = basis.jurisdiction
    return place is None or place == "worldwide" or not known(place) or covers(["EEA"], place) is True


def _sensitive(holding: Holding) -> set[str]:
    """What statements say of biometric data and special categories: ``yes``, ``no``, ``unknown``."""
    artifacts = (holding.ancestor.artifact, *holding.stands_for)
    return {
        value
        for artifact in artifacts
        for fact in SENSITIVE
        for value in facts(holding.review, artifact, fact)
    }


def _condition(basis: BasisOfData, where: str, sensitive: set[str]) -> Iterator[_Found]:
    """A condition of GDPR Art. 9(2), where there is sensitive data and the basis alone is none."""
    condition = basis.special_condition
    wanted = "a condition of GDPR Art. 9(2)"
    if condition not in (None, "none", "unknown") or sensitive == {"no"}:
        return
    if condition == "none" and "yes" in sensitive:
        what = f"the basis for {where} meets no condition for special categories"
        yield "condition-missing", Result.FAIL, what, wanted, "none"
    else:
        may = "holds" if "yes" in sensitive else "may hold"
        what = f"it {may} special categories, and the basis for {where} states no condition for them"
        yield "condition-unknown", Result.UNKNOWN, what, wanted, condition or ""
