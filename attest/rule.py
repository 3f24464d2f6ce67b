"""What a rule is: one sentence of a policy with a fixed meaning over a set of the verified lineage.

A rule is a model of its own parameters. It says what it quantifies over and with which word, examines a
review, and returns an outcome; it does no I/O, reads no clock, and never passes without having examined
something.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from attest.keeper import RegisterState
from attest.lineage import Ancestor, Status
from attest.model import StrictModel
from attest.registry import Registry
from attest.review import Review
from attest.verdict import Finding, Outcome, Result

__all__ = ["RULES", "Current", "Duration", "Rule", "about", "unseen"]

RULES = Registry(
    "rule",
    {
        "weights-match": "attest.rules.weights_match:WeightsMatch",
        "complete-lineage": "attest.rules.complete_lineage:CompleteLineage",
        "signed-by": "attest.rules.signed_by:SignedBy",
        "contents-complete": "attest.rules.contents_complete:ContentsComplete",
        "no-withdrawn-statement": "attest.rules.no_withdrawn_statement:NoWithdrawnStatement",
        "license": "attest.rules.license:License",
        "trusted-time": "attest.rules.trusted_time:TrustedTime",
        "digest-conflict": "attest.rules.digest_conflict:DigestConflict",
        "builder-id": "attest.rules.builder_id:BuilderId",
        "sources": "attest.rules.sources:Sources",
        "acquisition": "attest.rules.acquisition:Acquisition",
        "collection": "attest.rules.collection:Collection",
        "crawl-opt-outs": "attest.rules.crawl_opt_outs:CrawlOptOuts",
        "customer-data": "attest.rules.customer_data:CustomerData",
        "synthetic": "attest.rules.synthetic:Synthetic",
        "content": "attest.rules.content:Content",
        "evidence-present": "attest.rules.evidence_present:EvidencePresent",
        "record-removal": "attest.rules.record_removal:RecordRemoval",
        "unknowns": "attest.rules.unknowns:Unknowns",
        "auditor-verdict": "attest.rules.auditor_verdict:AuditorVerdict",
        "base-models": "attest.rules.base_models:BaseModels",
        "transformation-counts": "attest.rules.transformation_counts:TransformationCounts",
        "completeness-class": "attest.rules.completeness_class:CompletenessClass",
        "measured-inputs": "attest.rules.measured_inputs:MeasuredInputs",
        "distribution": "attest.rules.distribution:Distribution",
        "not-under-order": "attest.rules.not_under_order:NotUnderOrder",
        "orders-answered": "attest.rules.orders_answered:OrdersAnswered",
        "consent": "attest.rules.consent:ConsentGiven",
        "personal-data": "attest.rules.personal_data:PersonalDataAccepted",
        "retention": "attest.rules.retention:RetentionSchedule",
        "legal-basis": "attest.rules.legal_basis:LegalBasis",
        "purpose": "attest.rules.purpose:FitForPurpose",
        "territories": "attest.rules.territories:Territories",
        "copyright-basis": "attest.rules.copyright_basis:CopyrightBasis",
        "rights-current": "attest.rules.rights_current:RightsCurrent",
    },
    "attest.rules",
)
"""Rule name → its model."""

_WORDS = re.compile(r"(\d{1,6})\s+(minute|hour|day|week)s?")
_ISO = re.compile(r"P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?)?")


def _read_duration(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        if words := _WORDS.fullmatch(value.strip()):
            return timedelta(**{f"{words[2]}s": int(words[1])})
        if (iso := _ISO.fullmatch(value.strip())) and any(iso.groups()):
            weeks, days, hours, minutes = (int(part or 0) for part in iso.groups())
            return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    raise ValueError("expected a duration like '7 days', '12 hours' or P7D")


def _write_duration(value: timedelta) -> str:
    if value % timedelta(days=1) == timedelta(0):
        count, unit = value // timedelta(days=1), "day"
    else:
        count, unit = value // timedelta(minutes=1), "minute"
    return f"{count} {unit}{'' if count == 1 else 's'}"


Duration = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(_write_duration),
    WithJsonSchema({"type": "string", "examples": ["7 days", "12 hours", "P7D"]}),
]
"""A span of time as people write it."""


class Current(StrictModel):
    """Which register says what is current, and how old it may be."""

    register_id: str = Field(alias="register", description="Id of the register.")
    max_age: Duration | None = Field(default=None, description="How old; absent: until its nextUpdate.")
    independent: bool = Field(default=False, description="Its keeper signs no statement of the chain.")

    def ask(self, review: Review, kind: str) -> tuple[RegisterState, list[Finding]]:
        """Return the register, and what keeps a rule from going by it for entries of that kind."""
        state = review.registers.get(self.register_id) or RegisterState(self.register_id, None, None)
        chain = review.signers() if self.independent else ()
        return state, state.findings(review.as_of, self.max_age, kind, independent_of=chain)


class Rule(StrictModel):
    """One rule and its parameters."""

    NAME: ClassVar[str]
    OVER: ClassVar[str]
    """What it quantifies over: steps, datasets, statements, … ; shown in docs and reports."""
    QUANTIFIER: ClassVar[str]
    """``every``, ``no``, ``some`` or ``at most``."""
    WHEN_UNKNOWN: ClassVar[str]
    """Which missing facts leave it unknown, as the rest of the sentence "Unknown when …"."""
    REMEDY: ClassVar[str]
    """What to ask the vendor for when it does not pass, in one sentence."""
    QUESTIONS: ClassVar[tuple[int, ...]] = ()
    """Numbers of the buyers' questions that it answers (``attest.questions``)."""
    INHERITS: ClassVar[tuple[str, ...]] = ()
    """Parameters that go by the policy's top-level key of the same name where the rule gives none."""

    unknown: Literal["reject", "incomplete"] | None = Field(
        default=None, description="What a missing fact means here; absent: what the policy says."
    )

    @property
    @abstractmethod
    def sentence(self) -> str:
        """The rule in plain English, with its quantifier."""

    @property
    def flaws(self) -> tuple[str, ...]:
        """What is wrong with these parameters though each is valid: nothing could meet or break them.

        Each reads on after "this rule …". ``attest policy lint`` prints them.
        """
        return ()

    @property
    def registers(self) -> tuple[str, ...]:
        """Ids of the registers it asks."""
        asked = (
            getattr(self, "register_id", None),
            getattr(getattr(self, "current", None), "register_id", None),
        )
        return tuple(each for each in asked if each)

    @abstractmethod
    def check(self, review: Review) -> Outcome:
        """Examine a review."""


def about(
    review: Review, ancestor: Ancestor, code: str, result: Result, summary: str, **more: Any
) -> Finding:
    """Return a finding about an artifact of the lineage, with its path."""
    evidence = more.pop("evidence", None)
    if evidence is None:
        evidence = tuple(each.digest for each in review.graph.datasets(ancestor.artifact))
    return Finding(
        code,
        result,
        str(ancestor.artifact),
        summary,
        path=review.lineage.path(ancestor.artifact),
        evidence=evidence,
        **more,
    )


def unseen(review: Review, what: str, *, behind_datasets: bool = False) -> list[Finding]:
    """Return UNKNOWN findings for what a rule over ``what`` cannot see: gaps with a lineage behind them.

    Without them, leaving out a statement would hide a dataset from a rule and let it pass.

    Args:
        review: what was examined.
        what: the things the rule is about, in words.
        behind_datasets: a dataset that nobody explains hides some, too: it may have been made by a step.
    """
    lineage = review.lineage
    found = [
        about(
            review,
            ancestor,
            "lineage-hidden",
            Result.UNKNOWN,
            f"{review.graph.name(ancestor.artifact)} is not explained, so {what} behind it cannot be seen",
            remedy="Ask for a signed statement of the step that made it.",
        )
        for ancestor in (lineage.gaps() if behind_datasets else lineage.hidden())
        if ancestor.status is not Status.OPAQUE
    ]
    for node, item in lineage.unlinked:
        found.append(
            Finding(
                "lineage-hidden",
                Result.UNKNOWN,
                f"sha256:{node.evidence.digest}",
                f"{node.kind} lists an input without a sha256, so {what} behind it cannot be seen",
                actual=item.descriptor.name or item.descriptor.uri or "",
                evidence=(node.evidence.digest,),
                remedy="Ask for the step with the sha256 of every input.",
            )
        )
    return found
