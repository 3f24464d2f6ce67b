"""What is wrong with a policy that reads well, and whom the trust file lacks for it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from world import ALL_NAMES, make_trust, parse_policy

from attest.lint import PROBLEMS, lint
from attest.policyfile import PRESETS, preset
from attest.rule import RULES

NOW = datetime(2026, 11, 21, tzinfo=UTC)
GOOD = """\
policy: p
version: 1
rules:
  - weights-match: {mode: exact}
  - complete-lineage: {}
  - signed-by: {}
"""


def found(text: str, trust: object = None) -> list[tuple[str, str]]:
    """Code and line of every problem."""
    return [(each.code, each.where.rpartition(":")[2]) for each in lint(parse_policy(text), NOW, trust)]


def test_a_policy_without_flaws_has_no_problem():
    assert found(GOOD) == []


@pytest.mark.parametrize("name", PRESETS)
def test_the_presets_have_no_problem(name):
    assert found(preset(name).decode()) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("trusted-time: {steps: optional}", "examines nothing and can never pass"),
        ("license: {deny: [CC-BY-NV-4.0]}", "denies 'CC-BY-NV-4.0', which is no SPDX id"),
        ("complete-lineage: {unknownInputs: 100000}", "no gap can break it"),
        ("complete-lineage: {opaqueBaseModels: 100000}", "none can break it"),
        ("weights-match: {extras: ['*']}", "any file, code included"),
    ],
)
def test_parameters_that_nothing_can_break_or_meet(rule, text):
    lines = [line for line in GOOD.splitlines() if line.split(":")[0] != f"  - {rule.split(':')[0]}"]
    problems = lint(parse_policy("\n".join([*lines, f"  - {rule}"])), NOW)
    assert [each.code for each in problems] == ["flawed-rule"]
    assert text in problems[0].text
    assert problems[0].where == "policy.yaml:6" or problems[0].where == "policy.yaml:7"


@pytest.mark.parametrize("name", ["weights-match", "complete-lineage", "signed-by"])
def test_what_every_verdict_rests_on_is_missed(name):
    text = "\n".join(line for line in GOOD.splitlines() if name not in line)
    problems = lint(parse_policy(text), NOW)
    assert [each.code for each in problems] == ["missing-rule"]
    assert name in problems[0].text


def exception(**changes: str) -> str:
    entry = {"rule": "signed-by", "subject": f'"sha256:{"a" * 64}"', "expires": "2027-01-31"} | changes
    shown = ", ".join(f"{key}: {value}" for key, value in entry.items())
    return f"  - {{{shown}, reason: r, approver: a}}\n"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (exception(), []),
        (exception(expires="2026-11-21"), []),
        (exception(expires="2026-11-20"), [("expired-exception", "8")]),
        (exception(rule="license"), [("unreachable-exception", "8")]),
        (exception(subject='"sha256:9c1e"'), [("unreachable-exception", "8")]),
        (exception(subject="README.md"), []),
        (exception() + exception(), [("repeated-exception", "9")]),
    ],
)
def test_exceptions_that_waive_nothing(entries, expected):
    assert found(GOOD + "exceptions:\n" + entries) == expected


def test_more_exceptions_than_may_be_used():
    text = GOOD + "limits: {exceptions: 0}\nexceptions:\n" + exception()
    assert [code for code, _ in found(text)] == ["exceptions-over-limit"]


def test_a_rule_that_allows_more_than_the_limits():
    text = GOOD.replace("lineage: {}", "lineage: {opaqueBaseModels: 2}") + "limits: {opaqueBaseModels: 1}\n"
    assert found(text) == [("limit-never-reached", "5")]


def test_a_purpose_nobody_can_permit():
    problems = lint(parse_policy(GOOD + "purpose: [face-recogniton]\n"), NOW)
    assert [each.code for each in problems] == ["unknown-purpose"]
    assert problems[0].hint == "did you mean 'face-recognition'?"


REGISTER = "  - no-withdrawn-statement: {register: https://r.example/x}\n"


def test_registers_and_roles_the_trust_file_lacks():
    trust = make_trust(names=ALL_NAMES).file
    keeper = trust.roles["keeper"][0]
    asked = REGISTER.replace("https://r.example/x", keeper.register_id)
    clean = trust.model_copy(
        update={"principals": {n: p for n, p in trust.principals.items() if n in used(trust.roles)}}
    )
    assert found(GOOD + asked, clean) == []
    assert found(GOOD, clean) == [("unused-keeper", "the trust file")]
    codes = [code for code, _ in found(GOOD + REGISTER, clean)]
    assert codes == ["register-without-keeper", "unused-keeper"]
    without = clean.model_copy(update={"roles": {k: v for k, v in clean.roles.items() if k != "data-owner"}})
    assert ("role-without-principal", "6") in found(GOOD + asked, without)
    auditor = clean.roles["builder"][0].model_copy(update={"builder_ids": []})
    extra = clean.model_copy(update={"roles": clean.roles | {"auditor": [auditor]}})
    assert found(GOOD + asked, extra) == [("unused-role", "the trust file")]


def used(roles) -> set[str]:
    return {name for entries in roles.values() for entry in entries for name in entry.names}


def test_a_principal_without_a_role():
    trust = make_trust(names=ALL_NAMES).file
    spare = trust.model_copy(update={"principals": trust.principals | {"idle": trust.principals["ci"]}})
    problems = lint(parse_policy(GOOD), NOW, spare)
    assert [e.text for e in problems if e.code == "unused-principal" and e.text.startswith("idle ")]


def test_every_problem_is_explained_and_every_rule_named_here_exists():
    from attest.lint import _NEEDS, BASICS

    assert set(BASICS) <= set(RULES)
    assert all(text.endswith(".") for text in PROBLEMS.values())
    assert {"signed-by", "license", "contents-complete"} <= set(_NEEDS)
