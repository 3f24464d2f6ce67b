"""The buyer's policy: a document of rules, and its evaluation over a review.

Evaluation is pure. A rule that could not pass says so itself; here UNKNOWN becomes FAIL where the policy says
``reject``, dated exceptions are applied, limits are counted, and the worst outcome makes the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from attest.check import seldom_collected
from attest.digest import sha256_bytes
from attest.document import Document
from attest.errors import UsageError, nearest
from attest.limits import DEFAULT, Limits
from attest.policyfile import BasePolicy, ExceptionEntry, PolicyFile, beside, read_source
from attest.review import Review
from attest.rule import RULES, Rule
from attest.verdict import Finding, Outcome, Result, Verdict, conclude, overall

__all__ = [
    "Base",
    "Judged",
    "Judgement",
    "Policy",
    "evaluate",
    "load_policy",
    "read_policy",
]

Reader = Callable[[str], Document]

_MAX_BASES = 8
"""How many policies may extend one another."""


@dataclass(frozen=True)
class Base:
    """A policy another one stands on."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Policy:
    """A policy, read and checked."""

    name: str
    sha256: str
    """SHA-256 of the document's bytes: stands in every report. It pins the policies it extends, too."""
    file: PolicyFile
    """As it counts, with what the policies it extends say."""
    rules: tuple[Rule, ...]
    bases: tuple[Base, ...] = ()
    """The policies it extends, nearest first."""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)
    """``rules/NAME`` and ``exceptions/NUMBER`` → file and line."""


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


@dataclass(frozen=True)
class _Entry:
    """A rule as a document names it."""

    parameters: dict[str, Any]
    document: Document
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class _Draft:
    """A document and what it extends, put together but not yet read as rules."""

    file: PolicyFile
    entries: dict[str, _Entry]
    exceptions: tuple[tuple[ExceptionEntry, str], ...]
    """With their places."""
    bases: tuple[Base, ...]


def _entries(parsed: PolicyFile, document: Document) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    for number, entry in enumerate(parsed.rules):
        if isinstance(entry, str):
            name, parameters = entry, None
        else:
            name, parameters = next(iter(entry.items()))
        path: tuple[str | int, ...] = ("rules", number, *(() if isinstance(entry, str) else (name,)))
        if name not in RULES:
            try:
                RULES.load(name)
            except UsageError as error:
                raise UsageError(error.what, document.where(path), error.hint) from error
        if name in found:
            raise UsageError(
                f"rule {name!r} stands here a second time", document.where(path), "merge the two"
            )
        found[name] = _Entry(parameters or {}, document, path)
    return found


def _draft(document: Document, read: Reader, above: tuple[str, ...]) -> _Draft:
    if not isinstance(document.value, dict):
        raise UsageError(
            "expected policy, version and rules", document.where(), "attest policy new writes one"
        )
    parsed = document.validate(PolicyFile)
    entries = _entries(parsed, document)
    exceptions = tuple(
        (each, document.where(("exceptions", number))) for number, each in enumerate(parsed.exceptions)
    )
    if parsed.extends is None:
        return _Draft(parsed, entries, exceptions, ())
    base, pinned = _base(document, parsed.extends, read, above)
    said = {name: getattr(parsed, name) for name in parsed.model_fields_set}
    if "limits" in said:
        own = {name: getattr(parsed.limits, name) for name in parsed.limits.model_fields_set}
        said["limits"] = base.file.limits.model_copy(update=own)
    said["exceptions"] = [each for each, _ in (*base.exceptions, *exceptions)]
    # what it extends keeps its order, so that a reader finds the base's rules where they know them
    return _Draft(
        base.file.model_copy(update=said),
        base.entries | entries,
        (*base.exceptions, *exceptions),
        (pinned, *base.bases),
    )


def _base(document: Document, pin: BasePolicy, read: Reader, above: tuple[str, ...]) -> tuple[_Draft, Base]:
    where = document.where(("extends", "policy"))
    name = beside(document.name, pin.policy)
    if name in above or len(above) >= _MAX_BASES:
        chain = " → ".join((*above, name))
        raise UsageError(f"policies extend each other in a circle, or too deep: {chain[:500]}", where)
    base = read(name)
    actual = sha256_bytes(base.data)
    if actual != pin.sha256:
        raise UsageError(
            f"{pin.policy[:200]}: got sha256 {actual}, pinned is {pin.sha256}",
            document.where(("extends", "sha256")),
            "it changed after it was pinned: read what changed before pinning it anew",
        )
    draft = _draft(base, read, (*above, name))
    return draft, Base(base.name, actual)


def load_policy(document: Document, read: Reader = read_source) -> Policy:
    """Read a policy document, and those it extends: files beside it, or presets, each pinned.

    Args:
        document: the policy.
        read: fetches the document of a policy that is extended, by path or ``preset:NAME``.

    Raises:
        FormatError: a policy it extends cannot be read.
        UsageError: an unknown key, rule or parameter, or a value that does not fit; with its line and the
            nearest valid name. A policy it extends is not the pinned one, or they extend each other in a
            circle.
    """
    draft = _draft(document, read, (document.name,))
    if not draft.entries:
        raise UsageError(
            "rules: missing", document.where(("rules",)), "a policy without rules accepts nothing"
        )
    rules: list[Rule] = []
    places: dict[str, str] = {}
    for name, entry in draft.entries.items():
        model: type[Rule] = RULES.load(name)
        inherited = {key: getattr(draft.file, key) for key in model.INHERITS if getattr(draft.file, key)}
        places[f"rules/{name}"] = entry.document.where(entry.path)
        try:
            rules.append(model.from_json(inherited | entry.parameters))
        except ValidationError as error:
            raise entry.document.explain(error, model, entry.path) from error
    for number, (exception, where) in enumerate(draft.exceptions):
        if exception.rule not in RULES:
            guess = nearest(exception.rule, RULES)
            raise UsageError(
                f"exception for unknown rule {exception.rule[:80]!r}",
                where,
                f"did you mean {guess!r}?" if guess else None,
            )
        places[f"exceptions/{number}"] = where
    sha256 = sha256_bytes(document.data)
    return Policy(document.name, sha256, draft.file, tuple(rules), draft.bases, places)


def read_policy(source: str, limits: Limits = DEFAULT) -> Policy:
    """Read a policy from a file, or a preset by ``preset:NAME``.

    Raises:
        FormatError: the file cannot be read.
        UsageError: what ``load_policy`` refuses.
    """
    return load_policy(read_source(source, limits), lambda name: read_source(name, limits))


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
