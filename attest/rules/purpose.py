"""What the buyer will do is a purpose every dataset may be used for.

``purpose`` is what the model will be used for; without it the policy's own ``purpose`` counts, and without
that the rule is UNKNOWN. Every rights record that binds the delivery must not prohibit any of the purposes,
nor something they are a kind of, nor a part of them (``purposes`` vocabulary), and must permit each of them,
or ``any``. With ``permitted: not-prohibited`` an absent list of permitted purposes will do, a narrower one
never.
Consent whose notice named purposes must name these as well.

What was already done counts too: a record that prohibits training, fine-tuning or another kind of step the
data went through is broken, whatever the model is bought for.

FAIL: a purpose is prohibited, not permitted, or not what people consented to; a step was prohibited. UNKNOWN:
a list that is absent or holds a word nobody knows, no rights record in force, no purpose given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.predicates.rights import Rights
from attest.purpose import permitted, prohibited
from attest.review import Review
from attest.rights_flow import Holding, Record
from attest.rights_rule import RightsRule
from attest.usage import Usage
from attest.verdict import Finding, Outcome, Result, conclude
from attest.vocabulary import load
from attest.words import Purpose

__all__ = ["FitForPurpose"]

_DONE = {
    "train": ("training", "pre-training"),
    "finetune": ("training", "fine-tuning"),
    "align": ("training", "alignment"),
    "distill": ("training",),
    "evaluate": ("evaluation",),
}
"""Kind of step → the purposes it serves."""


class FitForPurpose(RightsRule):
    """What the buyer will do is a purpose every dataset may be used for."""

    NAME: ClassVar[str] = "purpose"
    WHEN_UNKNOWN: ClassVar[str] = (
        "no purpose is given, or a rights record has no list of permitted and prohibited purposes that can "
        "be read in full"
    )
    REMEDY: ClassVar[str] = (
        "Ask the rights-holder whether your purpose is permitted, in a signed rights record."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (18,)
    INHERITS: ClassVar[tuple[str, ...]] = ("purpose",)

    purpose: list[Purpose] = Field(
        default_factory=list, description="What the model will be used for; absent: what the policy says."
    )
    permitted: Literal["listed", "not-prohibited"] = Field(
        default="listed", description="Whether a record without a list of permitted purposes will do."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        purposes = ", ".join(self.purpose) or "what you will do with the model (no purpose is given)"
        how = "permits" if self.permitted == "listed" else "does not prohibit"
        return f"Every dataset's rights-holder {how} {purposes}{self.which}."

    def check(self, review: Review) -> Outcome:
        """Hold every record against the purposes."""
        outcome = super().check(review)
        if self.purpose:
            return outcome
        none = Finding(
            "purpose-not-given",
            Result.UNKNOWN,
            str(review.delivery.artifact),
            "the policy does not say what the model will be used for",
            remedy="Write what you will do with the model into the policy's `purpose`.",
        )
        return conclude(outcome.examined, [none, *outcome.findings], outcome.notes)

    def judge(self, holding: Holding, record: Record) -> Iterator[Finding]:
        """Hold one record against the purposes, and against what was done with the data."""
        for purpose in self.purpose:
            for code, result, text, actual in self._one(record.rights, purpose):
                remedy = f"Ask the rights-holder of {holding.name} whether {purpose} is permitted."
                yield holding.finding(
                    code, result, text, record, expected=purpose, actual=actual, remedy=remedy
                )
        yield from _done(holding, record)

    def _one(self, rights: Rights, purpose: str) -> Iterator[tuple[str, Result, str, str]]:
        forbidden, word = prohibited(rights, purpose)
        listed = ", ".join(rights.prohibited_purposes or ())
        if forbidden:
            yield "purpose-prohibited", Result.FAIL, f"{purpose} is prohibited ({word})", listed
        elif forbidden is None:
            what = f"whether {purpose} is prohibited cannot be told: {word}"
            yield "purpose-unknown", Result.UNKNOWN, what, listed
        allowed = permitted(rights, purpose)
        listed = ", ".join(rights.permitted_purposes or ())
        if allowed is False:
            yield "purpose-not-permitted", Result.FAIL, f"{purpose} is none of the permitted purposes", listed
        elif allowed is None and (self.permitted == "listed" or rights.permitted_purposes is not None):
            what = f"whether {purpose} is permitted cannot be told"
            yield "purpose-unknown", Result.UNKNOWN, what, listed
        for basis in rights.personal_data_basis or ():
            named = basis.consent.purposes if basis.consent else None
            if named is not None and not {purpose, "any"} & set(named):
                where = basis.jurisdiction or "an unnamed jurisdiction"
                what = f"people consented for {where} to other purposes than {purpose}"
                yield "consent-other-purpose", Result.FAIL, what, ", ".join(named)


def _done(holding: Holding, record: Record) -> Iterator[Finding]:
    """What the steps did with the data, although it is prohibited."""
    usage = holding.review.usages.get(holding.ancestor.artifact, Usage())
    known = load("purposes")
    listed = set(record.rights.prohibited_purposes or ())
    for kind in sorted(usage.kinds & _DONE.keys()):
        # whether a train step was a pre-training is its builder's word for it: only training itself is sure
        for purpose in _DONE[kind] if kind != "train" else _DONE[kind][:1]:
            if listed & {"any", *known.with_broader(purpose)}:
                yield holding.finding(
                    "use-prohibited",
                    Result.FAIL,
                    f"a {kind} step used it, and {purpose} is prohibited",
                    record,
                    expected=f"no {purpose}",
                    actual=", ".join(sorted(listed)),
                    remedy=f"Ask why {holding.name} was used against its terms, and for a model without it.",
                )
                break
        else:
            if kind == "train" and "pre-training" in listed:
                yield holding.finding(
                    "purpose-unknown",
                    Result.UNKNOWN,
                    "a train step used it, pre-training is prohibited, and nobody says whether it was one",
                    record,
                    remedy="Ask whether the model was trained from scratch on it.",
                )
