"""Every dataset's licence allows the buyer's use.

Every origin dataset behind the model, and every other dataset somebody made a rights record for, needs a
rights record by its rights-holder. All records in hand apply together, so that the model may be used only
as every dataset in it allows: each one's licence must allow ``use``, hold no id of ``deny`` that cannot be
avoided (of an OR the reader takes the best branch, of an AND all count), be active and not expired, and
prohibit neither training nor the distribution of what was trained. For ids of the SPDX list attest's own
table of licence classes decides, and a class the record states can only narrow it; a ``LicenseRef-`` goes by
its stated class. What demands the same terms for whatever is derived is shown, or refused with
``shareAlike: refuse``.

A later record that relaxes an earlier one counts for itself only with ``current``: where a fresh register
names a record in hand as current, the records of the same holder it marks as superseded count no more, and a
record about something derived can stand in for one about its source.

FAIL: a licence does not allow it. UNKNOWN: there is no rights record by the rights-holder, it states no
licence, or its id or class is not known. A record that was withdrawn or superseded still restricts, and
grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.errors import FormatError
from attest.license import Tri, demands, permits, unknown_ids
from attest.predicates.rights import License as Terms
from attest.predicates.rights import Rights
from attest.rights_flow import Holding, Record
from attest.rights_rule import RightsRule
from attest.verdict import Finding, Result

__all__ = ["License"]


class License(RightsRule):
    """Every dataset's licence allows the buyer's use."""

    NAME: ClassVar[str] = "license"
    WHEN_UNKNOWN: ClassVar[str] = (
        "a dataset has no rights record by its rights-holder, or its licence id or class is not known"
    )
    REMEDY: ClassVar[str] = "Ask the rights-holder for terms that allow your use, in a signed rights record."
    QUESTIONS: ClassVar[tuple[int, ...]] = (13,)

    use: Literal["commercial", "noncommercial"] = Field(
        default="commercial", description="What the reader wants to do."
    )
    deny: list[str] = Field(default_factory=list, description="SPDX ids that are never acceptable.")
    training: Literal["not-prohibited", "permitted"] = Field(
        default="not-prohibited", description="Whether a licence that says nothing of training will do."
    )
    share_alike: Literal["show", "refuse"] = Field(
        default="show", description="What to do with terms that what is derived has to carry as well."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        training = "permits training" if self.training == "permitted" else "does not prohibit training"
        without = f", without {', '.join(self.deny)}" if self.deny else ""
        own = ", and leaves you the choice of your own terms" if self.share_alike == "refuse" else ""
        return f"Every dataset's licence allows {self.use} use and {training}{own}{without}{self.which}."

    @property
    def flaws(self) -> tuple[str, ...]:
        """An id that nobody knows denies nothing."""
        unknown = [each for each in self.deny if unknown_ids(each)]
        return tuple(f"denies {each[:80]!r}, which is no SPDX id: nothing can meet it" for each in unknown)

    def holding(self, holding: Holding) -> Iterator[Finding]:
        """Yield what keeps one dataset's records from allowing it, and from being in force."""
        if gap := holding.gap(in_force=False):
            yield gap
        for record in holding.records:
            yield from self.judge(holding, record)
            for code, result, text, actual in record.doubts(holding.review.as_of):
                yield self._finding(holding, record, (code, result, text, actual))

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Hold one record's licence against the use."""
        for found in (*self._terms(record.rights), *self._obligations(record.rights)):
            yield self._finding(holding, record, found)

    def _finding(self, holding: Holding, record: Record, found: tuple[str, Result, str, str]) -> Finding:
        code, result, text, actual = found
        return holding.finding(
            code,
            result,
            f"the rights record {text}",
            record,
            expected=f"{self.use} use",
            actual=actual,
            remedy=f"Ask the rights-holder of {holding.name} for terms that allow {self.use} use "
            "and training.",
        )

    def _terms(self, rights: Rights) -> Iterator[tuple[str, Result, str, str]]:
        terms = rights.license
        if terms is None or terms.expression is None or rights.is_unknown("license"):
            yield "license-unknown", Result.UNKNOWN, "states no licence that can be read", ""
        if terms is None:
            return
        stated = terms.expression or ""
        if stated:
            allowed, reason = self._permits(terms)
            if allowed is None:
                yield "license-unknown", Result.UNKNOWN, f"cannot be judged: {reason}", stated
            elif not allowed:
                yield "license-denied", Result.FAIL, f"does not allow it: {reason}", stated
        if terms.training == "prohibited":
            yield "training-prohibited", Result.FAIL, "prohibits training", stated
        elif self.training == "permitted" and terms.training not in ("permitted", "exception-relied"):
            yield "training-unstated", Result.UNKNOWN, "does not say that training is permitted", stated
        if terms.derived_model_distribution == "prohibited":
            what = "prohibits the distribution of models trained on the data"
            yield "release-prohibited", Result.FAIL, what, stated

    def _permits(self, terms: Terms) -> tuple[Tri, str]:
        declared = terms.class_.use if terms.class_ else None
        try:
            return permits(terms.expression or "", use=self.use, deny=self.deny, declared=declared)
        except FormatError as error:
            return None, error.what

    def _obligations(self, rights: Rights) -> Iterator[tuple[str, Result, str, str]]:
        kinds = {each.kind for each in rights.obligations or ()}
        if rights.is_unknown("obligations"):
            what = "holds obligations that cannot be read"
            yield "obligations-unreadable", Result.UNKNOWN, what, ""
        if "no-derivative-release" in kinds:
            what = "forbids to publish what is derived from the data"
            yield "release-prohibited", Result.FAIL, what, ""
        if self.share_alike == "refuse" and (demanded := _share_alike(rights)) is not False:
            result = Result.FAIL if demanded else Result.UNKNOWN
            what = "asks" if demanded else "may ask"
            what += " that whatever is derived carries the same terms"
            yield (
                "share-alike-demanded",
                result,
                what,
                rights.license.expression or "" if rights.license else "",
            )

    def notes(self, holding: Holding) -> Iterator[str]:
        """Say which datasets demand their own terms for what is derived."""
        for record in holding.records:
            if _share_alike(record.rights):
                stated = record.rights.license.expression if record.rights.license else None
                yield f"what is derived must carry the same terms ({stated or 'as agreed'})"


def _share_alike(rights: Rights) -> Tri:
    """Whether a record asks for the same terms for what is derived."""
    if any(each.kind == "share-alike" for each in rights.obligations or ()):
        return True
    terms = rights.license
    if terms is None or terms.expression is None:
        return None
    said = terms.class_.share_alike if terms.class_ else "unknown"
    declared = {"yes": True, "no": False}.get(said)
    try:
        found = demands(terms.expression, "shareAlike", declared)
    except FormatError:
        return None
    return True if declared else found
