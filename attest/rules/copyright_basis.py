"""Where no licence is stated, there is another basis in copyright.

Every rights record that binds the delivery states a licence (what it allows is what ``license`` asks), or one
of the bases in ``accept``. Text and data mining as a basis (``tdm-art4``) holds only where the rights were
not reserved: the record must say that one looked and found no reservation. A basis of ``none`` counts against
a dataset, licence or not. Whether a basis is a good one in law is for people to say.

FAIL: no basis, one that is not accepted, or mining that was reserved. UNKNOWN: neither a licence nor a basis
is stated, no rights record is in force, or nobody says whether mining was reserved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from attest.claim import Token
from attest.predicates.rights import Rights
from attest.rights_flow import Holding, Record
from attest.rights_rule import RightsRule
from attest.verdict import Finding, Result
from attest.vocabulary import load

__all__ = ["CopyrightBasis"]


class CopyrightBasis(RightsRule):
    """Where no licence is stated, there is another basis in copyright."""

    NAME: ClassVar[str] = "copyright-basis"
    WHEN_UNKNOWN: ClassVar[str] = "a rights record states neither a licence nor another basis in copyright"
    REMEDY: ClassVar[str] = "Ask the rights-holder on which basis in copyright the data may be used."
    QUESTIONS: ClassVar[tuple[int, ...]] = (14,)

    accept: list[Annotated[str, Token("copyright-bases", "refuse")]] = Field(
        default_factory=lambda: ["own", "contract", "public-domain", "no-copyright", "tdm-art4"],
        description="Bases that will do where there is no licence.",
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        return (
            "Every dataset without a stated licence has another basis in copyright: "
            f"{', '.join(self.accept) or 'none will do'}{self.which}."
        )

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Look for one record's licence or basis."""
        for code, result, text in self._basis(record.rights):
            yield holding.finding(
                code,
                result,
                text,
                record,
                expected=f"a licence, or one of {', '.join(self.accept)}",
                actual=record.rights.copyright_basis or "",
                remedy=f"Ask the rights-holder of {holding.name} on which basis in copyright it may be used.",
            )

    def _basis(self, rights: Rights) -> Iterator[tuple[str, Result, str]]:
        basis = rights.copyright_basis
        licensed = (
            rights.license is not None and rights.license.expression and not rights.is_unknown("license")
        )
        if basis == "none":
            yield (
                "no-copyright-basis",
                Result.FAIL,
                "no basis: the rights record says there is none in copyright",
            )
        elif licensed:
            return
        elif basis in (None, "unknown", "licence") or rights.is_unknown("copyrightBasis"):
            what = "no basis: the rights record states neither a licence nor another basis in copyright"
            yield "copyright-basis-unknown", Result.UNKNOWN, what
        elif basis not in self.accept:
            label = load("copyright-bases").label(str(basis))
            yield (
                "copyright-basis-refused",
                Result.FAIL,
                f"its basis in copyright is not one you accept: {label}",
            )
        elif basis == "tdm-art4":
            yield from _mining(rights)


def _mining(rights: Rights) -> Iterator[tuple[str, Result, str]]:
    """Mining for every purpose is a basis only as far as the rights were not reserved."""
    check = rights.reservation_check
    result = check.result if check is not None and not rights.is_unknown("reservationCheck") else "unknown"
    if result in ("reserved", "partly-reserved"):
        yield "mining-was-reserved", Result.FAIL, "its basis is text and data mining, which was reserved"
    elif result == "unknown":
        what = "its basis is text and data mining, and nobody says whether that was reserved"
        yield "mining-not-checked", Result.UNKNOWN, what
