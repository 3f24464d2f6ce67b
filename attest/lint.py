"""What is wrong with a policy that reads well: rules nothing can refute or meet, waivers that reach nothing.

Each problem has a code, the line it stands on, and what to do about it. With the reader's trust file beside
it, also what one of the two asks of the other in vain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from attest.errors import nearest
from attest.policy import Policy
from attest.trustfile import TrustFile
from attest.vocabulary import load

__all__ = ["BASICS", "PROBLEMS", "Problem", "lint"]

PROBLEMS = {
    "flawed-rule": "A rule whose parameters nothing could ever break, or ever meet.",
    "missing-rule": "A policy that leaves out what every verdict rests on.",
    "expired-exception": "An exception whose day is over.",
    "unreachable-exception": "An exception that can never be used.",
    "repeated-exception": "Two exceptions for one rule and one subject.",
    "exceptions-over-limit": "More exceptions than the policy allows to be used.",
    "limit-never-reached": "A rule that allows more than the policy's own limits let through.",
    "unknown-purpose": "A purpose that is not in the vocabulary.",
    "register-without-keeper": "A rule that asks a register for which the trust file names no keeper.",
    "role-without-principal": "A rule that needs statements nobody in the trust file may sign.",
    "unused-principal": "A principal of the trust file without a role.",
    "unused-keeper": "A keeper of a register that no rule asks.",
    "unused-role": "A trust role that no rule of the policy needs.",
}
"""Code of a problem → what it means."""

BASICS = {
    "weights-match": "nothing then ties the verdict to the delivered files",
    "complete-lineage": "an input nobody explains would pass",
    "signed-by": "a statement by somebody without the role would pass",
}
"""Rules a policy cannot do without → why."""

_NEEDS: dict[str, tuple[str, ...]] = {
    "signed-by": ("builder", "data-owner"),
    **dict.fromkeys(
        ("license", "consent", "legal-basis", "purpose", "territories", "rights-current"), ("rights-holder",)
    ),
    "contents-complete": ("publisher",),
    "auditor-verdict": ("auditor",),
    "orders-answered": ("officer",),
}
"""Rule → trust roles without which it never passes."""

_SUBJECT = re.compile(r"sha256:[0-9a-f]{64}/?")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a policy."""

    code: str
    where: str
    """File and line."""
    text: str
    hint: str


def lint(policy: Policy, as_of: datetime, trust: TrustFile | None = None) -> tuple[Problem, ...]:
    """Return what is wrong with a policy, in the order of its document.

    Args:
        policy: read and valid.
        as_of: when exceptions have to hold, in UTC.
        trust: whom the reader believes; without it nothing is said about who could sign what.
    """
    found = [*_rules(policy), *_exceptions(policy, as_of), *_limits(policy), *_words(policy)]
    if trust is not None:
        found += [*_keepers(policy, trust), *_roles(policy, trust)]
    return tuple(found)


def _place(policy: Policy, key: str) -> str:
    return policy.places.get(key, policy.name)


def _rules(policy: Policy) -> Iterator[Problem]:
    for rule in policy.rules:
        for flaw in rule.flaws:
            where = _place(policy, f"rules/{rule.NAME}")
            yield Problem("flawed-rule", where, f"{rule.NAME} {flaw}", "change its parameters, or remove it")
    present = {rule.NAME for rule in policy.rules}
    for name, why in BASICS.items():
        if name not in present:
            yield Problem("missing-rule", policy.name, f"there is no rule {name}: {why}", f"add {name}")


def _exceptions(policy: Policy, as_of: datetime) -> Iterator[Problem]:
    present = {rule.NAME for rule in policy.rules}
    seen: set[tuple[str, str]] = set()
    for number, each in enumerate(policy.file.exceptions):
        where = _place(policy, f"exceptions/{number}")
        if not each.holds(as_of):
            yield Problem(
                "expired-exception",
                where,
                f"the exception from {each.rule} ended on {each.expires}",
                "remove it, or have its approver renew it",
            )
        if each.rule not in present:
            yield Problem(
                "unreachable-exception",
                where,
                f"no rule {each.rule} stands in the policy, so there is nothing to waive",
                "remove it, or add the rule",
            )
        elif each.subject.startswith("sha256:") and not _SUBJECT.fullmatch(each.subject):
            yield Problem(
                "unreachable-exception",
                where,
                f"no finding has the subject {each.subject[:100]!r}",
                "copy the subject from the report: sha256: and 64 hex digits",
            )
        key = (each.rule, each.subject.removesuffix("/"))
        if key in seen:
            yield Problem("repeated-exception", where, f"{each.rule} is waived twice for it", "keep one")
        seen.add(key)
    allowed = policy.file.limits.exceptions
    if allowed is not None and len(policy.file.exceptions) > allowed:
        yield Problem(
            "exceptions-over-limit",
            policy.name,
            f"{len(policy.file.exceptions)} exceptions stand here, and at most {allowed} may be used",
            "a model that needs all of them is rejected: raise limits.exceptions, or remove some",
        )


def _limits(policy: Policy) -> Iterator[Problem]:
    limit = policy.file.limits.opaque_base_models
    for rule in policy.rules:
        allowed = getattr(rule, "opaque_base_models", None)
        if limit is not None and isinstance(allowed, int) and allowed > limit:
            yield Problem(
                "limit-never-reached",
                _place(policy, f"rules/{rule.NAME}"),
                f"{rule.NAME} allows {allowed} opaque base models, and limits.opaqueBaseModels {limit}",
                "make the two the same",
            )


def _words(policy: Policy) -> Iterator[Problem]:
    known = load("purposes").tokens
    for word in policy.file.purpose:
        if word not in known:
            guess = nearest(word, known)
            yield Problem(
                "unknown-purpose",
                policy.name,
                f"{word[:80]!r} is no word of the purposes vocabulary, so no rights record can permit it",
                f"did you mean {guess!r}?" if guess else "see docs/vocabularies.md",
            )


def _keepers(policy: Policy, trust: TrustFile) -> Iterator[Problem]:
    kept = {entry.register_id for entry in trust.roles.get("keeper", [])}
    asked: set[str] = set()
    for rule in policy.rules:
        for register in rule.registers:
            asked.add(register)
            if register not in kept:
                yield Problem(
                    "register-without-keeper",
                    _place(policy, f"rules/{rule.NAME}"),
                    f"{rule.NAME} asks {register}, kept by nobody in the trust file: it can never pass",
                    "attest trust add … --role keeper --register ID",
                )
    for entry in trust.roles.get("keeper", []):
        if entry.register_id not in asked:
            yield Problem(
                "unused-keeper",
                "the trust file",
                f"no rule asks the register {entry.register_id}",
                "name it in not-under-order or in a rule's `current`, or remove the keeper",
            )


def _roles(policy: Policy, trust: TrustFile) -> Iterator[Problem]:
    held = {role for role, entries in trust.roles.items() if entries}
    present = {rule.NAME for rule in policy.rules}
    for name, roles in _NEEDS.items():
        for role in roles:
            if name in present and role not in held:
                yield Problem(
                    "role-without-principal",
                    _place(policy, f"rules/{name}"),
                    f"{name} needs statements by a {role}, and the trust file names none: it can never pass",
                    f"attest trust add … --role {role}",
                )
    for role in ("auditor", "officer"):
        rules = [name for name, roles in _NEEDS.items() if role in roles]
        if role in held and not present.intersection(rules):
            yield Problem(
                "unused-role",
                "the trust file",
                f"nothing a {role} signs is asked for by the policy",
                f"add {' or '.join(rules)}, or remove the role",
            )
    used = {name for entries in trust.roles.values() for entry in entries for name in entry.names}
    for name in sorted(set(trust.principals) - used):
        yield Problem(
            "unused-principal",
            "the trust file",
            f"{name} has no role: what it signs grants nothing",
            "give it one",
        )
