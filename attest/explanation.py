"""A policy in plain English: numbered sentences, each with its quantifier and what a missing fact does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from attest.policy import Base, Policy
from attest.rule import Rule

__all__ = ["Explained", "Explanation", "explain"]

_EACH = {
    "every": "It looks at every one of: {over}.",
    "no": "It looks at all of: {over}; none may be so.",
    "some": "It looks for some among: {over}.",
    "at most": "It counts among: {over}.",
}
_MISSING = {
    "reject": "The model is then rejected.",
    "incomplete": "The verdict is then incomplete: nobody may rely on it, and you ask the vendor.",
}


@dataclass(frozen=True)
class Explained:
    """One rule in words."""

    rule: str
    sentence: str
    quantifier: str
    """``every``, ``no``, ``some`` or ``at most``, and over what, as a sentence."""
    unknown: Literal["reject", "incomplete"]
    when_unknown: str
    """Which missing facts leave it unknown, and what follows."""
    remedy: str
    where: str
    """File and line."""


@dataclass(frozen=True)
class Explanation:
    """A policy in words."""

    name: str
    version: str
    sha256: str
    bases: tuple[Base, ...]
    use: str
    rules: tuple[Explained, ...]
    limits: tuple[str, ...]
    exceptions: tuple[str, ...]


def explain(policy: Policy) -> Explanation:
    """Put a policy in words. The same policy always gives the same words."""
    file = policy.file
    purpose = f"for {', '.join(file.purpose)}" if file.purpose else "for a purpose the policy does not say"
    places = f"in {', '.join(file.territories)}" if file.territories else "anywhere"
    limits = file.limits
    counted = (
        (limits.opaque_base_models, "base models, adapters, teachers and tokenizers declared opaque"),
        (limits.unknowns, "missing facts over all rules, waived ones included"),
        (limits.exceptions, "exceptions used"),
    )
    return Explanation(
        file.policy,
        str(file.version),
        policy.sha256,
        policy.bases,
        f"The model is to be used {purpose}, {places}.",
        tuple(_rule(rule, policy) for rule in policy.rules),
        tuple(f"At most {number} {what}." for number, what in counted if number is not None),
        tuple(
            f"{each.approver} waives {each.rule} for {each.subject} until the end of {each.expires} (UTC): "
            f"{each.reason}"
            for each in file.exceptions
        ),
    )


def _rule(rule: Rule, policy: Policy) -> Explained:
    unknown = rule.unknown or policy.file.unknown
    return Explained(
        rule.NAME,
        rule.sentence,
        _EACH[rule.QUANTIFIER].format(over=rule.OVER),
        unknown,
        f"Unknown when {rule.WHEN_UNKNOWN}. {_MISSING[unknown]}",
        rule.REMEDY,
        policy.places.get(f"rules/{rule.NAME}", policy.name),
    )
