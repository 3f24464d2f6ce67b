"""The buyer's policy: a document of rules, and its evaluation over a review.

Evaluation is pure. A rule that could not pass says so itself; here UNKNOWN becomes FAIL where the policy says
``reject``, dated exceptions are applied, limits are counted, and the worst outcome makes the verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from attest.check import seldom_collected
from attest.digest import sha256_bytes
from attest.document import Document, read_document, read_file
from attest.errors import UsageError, nearest
from attest.limits import DEFAULT, Limits
from attest.model import Date, StrictModel
from attest.review import Review
from attest.rule import RULES, Rule
from attest.verdict import Finding, Outcome, Result, Verdict, conclude, overall

__all__ = [
    "PRESETS",
    "ExceptionEntry",
    "Judged",
    "Judgement",
    "Policy",
    "PolicyFile",
    "PolicyLimits",
    "evaluate",
    "load_policy",
    "preset",
    "read_policy",
]

PRESETS = ("commercial-baseline",)
"""Policies that ship with attest: ordinary documents to start from."""

_PRESET_FOLDER = Path(__file__).parent / "presets"


class ExceptionEntry(StrictModel):
    """A dated waiver of one rule for one subject."""

    rule: str
    subject: str = Field(description="sha256:… of an artifact or statement, or a delivered path.")
    reason: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    expires: Date = Field(description="The last day it holds, in UTC.")

    def holds(self, as_of: datetime) -> bool:
        """Whether it still holds at that time."""
        return as_of < datetime.combine(self.expires, time(), UTC) + timedelta(days=1)


class PolicyLimits(StrictModel):
    """How much may be tolerated over all rules; absent: no limit of its own."""

    opaque_base_models: int | None = Field(default=None, ge=0)
    unknowns: int | None = Field(default=None, ge=0, description="UNKNOWN findings, waived ones included.")
    exceptions: int | None = Field(default=None, ge=0, description="Exceptions that were used.")


class PolicyFile(StrictModel):
    """``policy.yaml`` as it is written."""

    policy: str = Field(min_length=1, description="Name of the policy.")
    version: int | str = Field(description="Version of the policy.")
    purpose: list[str] = Field(default_factory=list, description="What the model will be used for.")
    territories: list[str] = Field(default_factory=list, description="Where it will be used.")
    rules: list[str | dict[str, dict[str, Any] | None]] = Field(
        min_length=1, description="The rules, in order."
    )
    unknown: Literal["reject", "incomplete"] = Field(
        default="incomplete", description="What a missing fact means for rules that do not say."
    )
    limits: PolicyLimits = Field(default_factory=PolicyLimits)
    exceptions: list[ExceptionEntry] = Field(default_factory=list)

    @field_validator("rules")
    @classmethod
    def _one_name_each(cls, value: list[Any]) -> list[Any]:
        for entry in value:
            if isinstance(entry, dict) and len(entry) != 1:
                raise ValueError("each entry is one rule: a name, or a name with its parameters")
        return value


@dataclass(frozen=True)
class Policy:
    """A policy, read and checked."""

    name: str
    sha256: str
    """SHA-256 of the document's bytes: stands in every report."""
    file: PolicyFile
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Judged:
    """One rule's outcome under the policy."""

    rule: str
    sentence: str
    outcome: Outcome


@dataclass(frozen=True)
class Judgement:
    """What the policy says of a review."""

    verdict: Verdict
    judged: tuple[Judged, ...]
    used: frozenset[int]
    """Which exceptions of the policy were used, by position."""


def _entries(parsed: PolicyFile) -> Iterator[tuple[str, dict[str, Any], tuple[str | int, ...]]]:
    for number, entry in enumerate(parsed.rules):
        if isinstance(entry, str):
            yield entry, {}, ("rules", number)
        else:
            name, parameters = next(iter(entry.items()))
            yield name, parameters or {}, ("rules", number, name)


def load_policy(document: Document) -> Policy:
    """Read a policy document.

    Raises:
        UsageError: an unknown key, rule or parameter, or a value that does not fit; with its line and the
            nearest valid name.
    """
    if not isinstance(document.value, dict):
        raise UsageError(
            "expected policy, version and rules", document.where(), "attest policy new writes one"
        )
    parsed = document.validate(PolicyFile)
    rules: list[Rule] = []
    seen: set[str] = set()
    for name, parameters, path in _entries(parsed):
        try:
            model: type[Rule] = RULES.load(name)
        except UsageError as error:
            raise UsageError(error.what, document.where(path), error.hint) from error
        if name in seen:
            raise UsageError(
                f"rule {name!r} stands here a second time", document.where(path), "merge the two"
            )
        seen.add(name)
        said = {key: getattr(parsed, key) for key in model.INHERITS if getattr(parsed, key)}
        try:
            rules.append(model.from_json(said | parameters))
        except ValidationError as error:
            raise document.explain(error, model, path) from error
    for number, exception in enumerate(parsed.exceptions):
        if exception.rule not in RULES:
            where = document.where(("exceptions", number, "rule"))
            raise UsageError(f"exception for unknown rule {exception.rule[:80]!r}", where)
    return Policy(document.name, sha256_bytes(document.data), parsed, tuple(rules))


def preset(name: str) -> bytes:
    """Return the text of a policy that ships with attest.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in PRESETS:
        guess = nearest(name, PRESETS)
        raise UsageError(
            f"unknown preset {name[:80]!r}",
            hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(PRESETS)}",
        )
    return (_PRESET_FOLDER / f"{name}.yaml").read_bytes()


def read_policy(source: str, limits: Limits = DEFAULT) -> Policy:
    """Read a policy from a file, or a preset by ``preset:NAME``.

    Raises:
        FormatError: the file cannot be read.
        UsageError: what ``load_policy`` refuses.
    """
    if source.startswith("preset:"):
        return load_policy(read_document(preset(source.removeprefix("preset:")), source, limits))
    return load_policy(read_file(Path(source), limits))


class _Waivers:
    """The policy's exceptions, and which of them were used."""

    def __init__(self, entries: list[ExceptionEntry], as_of: datetime) -> None:
        self.entries = entries
        self.as_of = as_of
        self.used: set[int] = set()

    def apply(self, rule: str, finding: Finding) -> Finding:
        for number, entry in enumerate(self.entries):
            if (
                entry.rule == rule
                and entry.subject.removesuffix("/") == finding.subject.removesuffix("/")
                and entry.holds(self.as_of)
            ):
                self.used.add(number)
                return replace(finding, result=Result.EXCEPTION)
        return finding


def _under_policy(rule: Rule, outcome: Outcome, policy: PolicyFile, waivers: _Waivers) -> Outcome:
    findings = outcome.findings
    if outcome.result is Result.UNKNOWN and not any(f.result is Result.UNKNOWN for f in findings):
        findings = (*findings, _nothing_examined(rule))
    if (rule.unknown or policy.unknown) == "reject":
        findings = tuple(
            replace(each, result=Result.FAIL) if each.result is Result.UNKNOWN else each for each in findings
        )
    findings = tuple(waivers.apply(rule.NAME, each) for each in findings)
    results = {each.result for each in findings}
    if outcome.result is Result.NOT_APPLICABLE:
        result = Result.NOT_APPLICABLE
    else:
        result = next(
            (r for r in (Result.FAIL, Result.UNKNOWN, Result.EXCEPTION) if r in results), outcome.result
        )
    return replace(outcome, result=result, findings=findings)


def _nothing_examined(rule: Rule) -> Finding:
    return Finding(
        "nothing-examined",
        Result.UNKNOWN,
        "lineage",
        f"there was nothing to examine: the evidence shows none of the {rule.OVER} this rule is about",
        remedy="Ask for the attestation bundle of exactly this delivery.",
    )


def _limits(policy: PolicyFile, review: Review, findings: list[Finding], waivers: _Waivers) -> Judged | None:
    """Count what the policy's limits cap; ``None`` when it sets none."""
    limits = policy.limits
    unknowns = sum(1 for each in findings if each.result in (Result.UNKNOWN, Result.EXCEPTION))
    counted = [
        ("opaque-base-models", limits.opaque_base_models, len(review.lineage.opaque()), Result.FAIL),
        ("unknowns", limits.unknowns, unknowns, Result.UNKNOWN),
        ("exceptions", limits.exceptions, len(waivers.used), Result.FAIL),
    ]
    set_ones = [each for each in counted if each[1] is not None]
    if not set_ones:
        return None
    over = [
        Finding(
            f"limit-{name}",
            result,
            name,
            f"{count} {name.replace('-', ' ')}, where the policy allows {limit}",
            expected=f"at most {limit}",
            actual=str(count),
            remedy="Ask the vendor to settle the findings behind the count.",
        )
        for name, limit, count, result in set_ones
        if limit is not None and count > limit
    ]
    sentence = "; ".join(f"at most {limit} {name.replace('-', ' ')}" for name, limit, _, _ in set_ones)
    return Judged("limits", f"Limits: {sentence}.", conclude(len(set_ones), over))


@seldom_collected()
def evaluate(policy: Policy, review: Review) -> Judgement:
    """Judge a review by a policy. The same arguments always give the same judgement."""
    waivers = _Waivers(policy.file.exceptions, review.as_of)
    judged = [
        Judged(rule.NAME, rule.sentence, _under_policy(rule, rule.check(review), policy.file, waivers))
        for rule in policy.rules
    ]
    findings = [finding for each in judged for finding in each.outcome.findings]
    capped = _limits(policy.file, review, findings, waivers)
    if capped is not None:
        judged.append(capped)
    verdict = overall(each.outcome.result for each in judged)
    return Judgement(verdict, tuple(judged), frozenset(waivers.used))
