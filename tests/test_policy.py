"""policy.yaml: strict with line numbers, three-valued, with dated exceptions and limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import POLICY, World, codes, descriptor, good_world, parse_policy

from attest.digest import sha256_bytes
from attest.document import read_document
from attest.errors import UsageError
from attest.policy import load_policy, read_policy
from attest.policyfile import PRESETS, preset
from attest.questions import QUESTIONS
from attest.rule import RULES
from attest.verdict import Result, Verdict

NORMATIVE = """\
policy: acme-face-models
version: 3
purpose: [face-recognition]
territories: [EU]
rules:
  - weights-match: {mode: files, extras: [.gitattributes, README.md]}
  - complete-lineage: {opaqueBaseModels: 0, unknownInputs: 0}
  - signed-by: {steps: builder, datasets: data-owner}
  - contents-complete: {current: {register: https://registry.example/orders, maxAge: 7 days}}
  - license: {use: commercial, deny: [CC-BY-NC-4.0], unknown: reject}
  - trusted-time: {steps: required}
unknown: incomplete
limits: {opaqueBaseModels: 0, unknowns: 0, exceptions: 2}
exceptions:
  - {rule: license, subject: "sha256:9c1e", reason: "letter 2026-114", approver: j.doe, expires: 2027-01-31}
"""


def incomplete_world() -> World:
    """Everything is there but one input that nobody explains."""
    world = World()
    data, hidden, model = world.dataset("d"), world.file("hidden"), world.file("model")
    world.step("train", [(data, "dataset"), (hidden, "dataset")], [model])
    world.register(world.current(world.contents(model)))
    world.model, world.hidden = model, hidden
    return world


def test_the_rules_about_people_and_orders_read_as_in_the_formats():
    policy = parse_policy(
        NORMATIVE.replace(
            "  - trusted-time",
            "  - consent: {when: {biometric: [yes, unknown]}, basis: [explicit-consent, written-release], "
            "covers: [training, biometric, third-party-transfer], unknown: reject}\n"
            "  - not-under-order: {register: https://registry.example/orders, maxAge: 7 days, "
            "independent: true}\n"
            "  - purpose\n  - territories\n  - trusted-time",
        )
    )
    rules = {rule.NAME: rule for rule in policy.rules}
    assert rules["consent"].when.biometric == ["yes", "unknown"]
    assert rules["purpose"].purpose == ["face-recognition"]
    assert rules["territories"].territories == ["EU"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("consent: {basis: [explicit-consnt]}", "did you mean 'explicit-consent'?"),
        ("consent: {covers: [everything]}", "which is none of the"),
        ("consent: {when: {biometrics: [yes]}}", "unknown key 'biometrics'"),
        ("consent: {when: {biometric: [maybe]}}", "expected one of yes, no, unknown"),
        ("purpose: {purpose: [face-recogniton]}", "did you mean 'face-recognition'?"),
        ("territories: {territories: [Europe]}", "which is no territory"),
        ("copyright-basis: {accept: [fair-use]}", "did you mean 'fair-use-claimed'?"),
        ("personal-data: {biometric: []}", "at least 1 item"),
    ],
)
def test_words_nobody_knows_are_refused_in_rules_about_rights(rule, message):
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        parse_policy(f"policy: p\nversion: 1\nrules:\n  - {rule}")
    assert caught.value.where == "policy.yaml:4"


WHOLE = """\
policy: acme-face-models
version: 3
purpose: [face-recognition]
territories: [EU]
rules:
  - weights-match: {mode: files, extras: [.gitattributes, README.md]}
  - complete-lineage: {opaqueBaseModels: 0, unknownInputs: 0}
  - signed-by: {steps: builder, datasets: data-owner}
  - contents-complete: {current: {register: https://registry.example/orders, maxAge: 7 days}}
  - license: {use: commercial, deny: [CC-BY-NC-4.0], unknown: reject}
  - consent:
      when: {biometric: [yes, unknown]}
      basis: [explicit-consent, written-release]
      covers: [training, biometric, third-party-transfer]
      unknown: reject
  - not-under-order: {register: https://registry.example/orders, maxAge: 7 days, independent: true}
  - trusted-time: {steps: required}
unknown: incomplete
limits: {opaqueBaseModels: 0, unknowns: 0, exceptions: 2}
exceptions:
  - {rule: retention, subject: "sha256:9c1e", reason: "letter 2026-114", approver: j.doe, expires: 2027-01-31}
"""


def test_the_whole_policy_of_the_formats_reads():
    policy = parse_policy(WHOLE)
    rule = next(each for each in policy.rules if each.NAME == "not-under-order")
    assert (rule.register_id, rule.max_age, rule.independent) == (
        "https://registry.example/orders",
        timedelta(days=7),
        True,
    )
    assert "https://registry.example/orders" in rule.sentence
    assert policy.file.exceptions[0].rule == "retention"


def test_the_normative_example_reads():
    policy = parse_policy(NORMATIVE)
    assert [rule.NAME for rule in policy.rules] == [
        "weights-match",
        "complete-lineage",
        "signed-by",
        "contents-complete",
        "license",
        "trusted-time",
    ]
    assert policy.rules[3].current.max_age == timedelta(days=7)
    assert policy.file.exceptions[0].expires.isoformat() == "2027-01-31"


@pytest.mark.parametrize(
    ("old", "new", "message", "line", "hint"),
    [
        ("policy:", "polciy:", "unknown key 'polciy'", 1, "did you mean 'policy'?"),
        (
            "- weights-match:",
            "- weight-match:",
            "unknown rule 'weight-match'",
            6,
            "did you mean 'weights-match'?",
        ),
        (
            "opaqueBaseModels: 0, unknownInputs",
            "opaqueModels: 0, unknownInputs",
            "unknown key 'opaqueModels'",
            7,
            "did you mean 'opaqueBaseModels'?",
        ),
        (
            "opaqueBaseModels: 0, unknownInputs",
            "opaque_base_models: 0, unknownInputs",
            "unknown key 'opaque_base_models'",
            7,
            "did you mean 'opaqueBaseModels'?",
        ),
        (
            "opaqueBaseModels: 0, unknownInputs",
            "opaqueBaseModels: -1, unknownInputs",
            "greater than or equal to 0",
            7,
            None,
        ),
        ("maxAge: 7 days", "maxAge: a week or so", "expected a duration", 9, None),
        (
            "use: commercial",
            "use: everything",
            "use: input should be 'commercial' or 'noncommercial'",
            10,
            None,
        ),
        ("unknown: incomplete", "unknown: pass", "unknown: input should be", 12, None),
        ("rule: license", "rule: licence", "unknown rule 'licence'", 15, None),
        ("expires: 2027-01-31", "expires: soon", "expected a date", 15, None),
        ("approver: j.doe, ", "", "approver: missing", 15, None),
        ("  - trusted-time", "  - license: {}\n  - trusted-time", "second time", 11, "merge the two"),
        ("version: 3", "version: 3\nversion: 4", "duplicate key 'version'", 3, "remove one of the two"),
        ("purpose: [face-recognition]", "purpose: !!set [a]", "tag", 3, "remove it"),
    ],
)
def test_mistakes_name_their_line(old, new, message, line, hint):
    assert old in NORMATIVE
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        parse_policy(NORMATIVE.replace(old, new))
    assert caught.value.where == f"policy.yaml:{line}"
    assert caught.value.exit_code == 2
    if hint:
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    "text", ["[]", "policy: x\nversion: 1\nrules: []", "policy: x\nversion: 1", "nonsense"]
)
def test_a_policy_without_rules_is_none(text):
    with pytest.raises(UsageError):
        parse_policy(text)


def test_unknown_becomes_fail_where_the_policy_says_reject():
    world = incomplete_world()
    assert world.judge(world.model).verdict is Verdict.INCOMPLETE
    assert world.judge(world.model, POLICY + "unknown: reject\n").verdict is Verdict.REJECT
    only = POLICY.replace("complete-lineage", "complete-lineage: {unknown: reject}")
    judged = {each.rule: each.outcome.result for each in world.judge(world.model, only).judged}
    assert judged["complete-lineage"] is Result.FAIL
    assert judged["license"] is Result.UNKNOWN


def waive(rule: str, subject: str, expires: str = "2026-11-20") -> str:
    return (
        f"  - {{rule: {rule}, subject: '{subject}', reason: letter, approver: j.doe, expires: {expires}}}\n"
    )


def test_a_dated_exception_waives_one_finding_until_its_day_is_over():
    world = incomplete_world()
    subject = str(world.hidden)
    rules = ("complete-lineage", "signed-by", "license")
    policy = POLICY + "exceptions:\n" + "".join(waive(rule, subject) for rule in rules)
    assert world.judge(world.model, policy).verdict is Verdict.ACCEPT_WITH_EXCEPTIONS
    tomorrow = datetime(2026, 11, 21, tzinfo=UTC)
    assert world.judge(world.model, policy, as_of=tomorrow).verdict is Verdict.INCOMPLETE
    other = POLICY + "exceptions:\n" + "".join(waive(rule, "sha256:" + "0" * 64) for rule in rules)
    assert world.judge(world.model, other).verdict is Verdict.INCOMPLETE


def test_an_exception_of_one_rule_leaves_the_others():
    world = incomplete_world()
    judgement = world.judge(world.model, POLICY + "exceptions:\n" + waive("license", str(world.hidden)))
    assert judgement.verdict is Verdict.INCOMPLETE
    assert {each.rule for each in judgement.judged if each.outcome.result is Result.EXCEPTION} == {"license"}


def test_limits_cap_exceptions_and_unknowns():
    world = incomplete_world()
    rules = ("complete-lineage", "signed-by", "license")
    policy = POLICY + "exceptions:\n" + "".join(waive(rule, str(world.hidden)) for rule in rules)
    assert (
        world.judge(world.model, policy + "limits: {exceptions: 3}\n").verdict
        is Verdict.ACCEPT_WITH_EXCEPTIONS
    )
    capped = world.judge(world.model, policy + "limits: {exceptions: 2}\n")
    assert capped.verdict is Verdict.REJECT
    assert "limits/limit-exceptions" in codes(capped)
    unknowns = world.judge(world.model, policy + "limits: {unknowns: 0}\n")
    assert unknowns.verdict is Verdict.INCOMPLETE
    assert "limits/limit-unknowns" in codes(unknowns)


def test_limit_of_opaque_base_models_is_above_the_rules():
    world = World()
    data, base, model = world.dataset("d"), world.file("base"), world.file("model")
    opaque = descriptor(base, "base", role="base-model", opaque=True, reason="bought")
    world.step("finetune", [(data, "dataset"), opaque], [model])
    world.register(world.current(world.contents(model)))
    loose = POLICY.replace("complete-lineage", "complete-lineage: {opaqueBaseModels: 5}")
    assert world.judge(model, loose).verdict is Verdict.ACCEPT
    capped = world.judge(model, loose + "limits: {opaqueBaseModels: 0}\n")
    assert codes(capped) == {"limits/limit-opaque-base-models"}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_ordinary_policies(name):
    policy = read_policy(f"preset:{name}")
    assert policy.file.policy == name
    assert b"not legal advice" in preset(name)
    assert b"# Sources" in preset(name)
    world, release = good_world()
    judgement = world.judge(release, preset(name).decode())
    assert (judgement.verdict is Verdict.ACCEPT) == (name == "commercial-baseline")
    assert world.judge(release, preset(name).decode(), lines=[]).verdict is Verdict.REJECT


def test_an_unknown_preset_is_told_the_nearest():
    with pytest.raises(UsageError) as caught:
        read_policy("preset:comercial-baseline")
    assert caught.value.hint == "did you mean 'commercial-baseline'?"


@pytest.mark.parametrize("name", list(RULES))
def test_every_rule_has_a_sentence_a_quantifier_and_a_page(name):
    rule = RULES.load(name)
    module = __import__(rule.__module__, fromlist=["x"])
    assert name == rule.NAME
    assert rule.QUANTIFIER in ("every", "no", "some", "at most")
    assert rule.OVER
    assert rule().sentence.endswith(".")
    assert rule.WHEN_UNKNOWN[0].islower()
    assert not rule.WHEN_UNKNOWN.endswith(".")
    assert rule.REMEDY.startswith("Ask ")
    assert rule.REMEDY.endswith(".")
    assert set(rule.QUESTIONS) <= {each.number for each in QUESTIONS}
    assert set(rule.INHERITS) <= set(rule.model_fields)
    assert "FAIL:" in module.__doc__
    assert rule.__doc__.splitlines()[0] == module.__doc__.splitlines()[0] or len(module.__doc__) > 200


@given(st.integers(1, 999), st.sampled_from(["minute", "hour", "day", "week"]))
def test_durations_read_as_people_write_them(count, unit):
    text = POLICY.replace("maxAge: 7 days", f"maxAge: {count} {unit}s", 1)
    expected = timedelta(**{f"{unit}s": count})
    assert parse_policy(text).rules[4].current.max_age == expected


def test_iso_durations():
    text = POLICY.replace("maxAge: 7 days", "maxAge: P1DT12H", 1)
    assert parse_policy(text).rules[4].current.max_age == timedelta(days=1, hours=12)


def test_the_digest_of_a_policy_is_that_of_its_bytes():
    from attest.digest import sha256_bytes

    document = read_document(POLICY.encode(), "p")
    assert load_policy(document).sha256 == sha256_bytes(POLICY.encode())


# -- policies that stand on others -----------------------------------------------------------------------

BASE = """\
policy: house
version: 1
purpose: [research]
rules:
  - weights-match: {mode: exact}
  - signed-by: {}
  - license: {use: noncommercial}
unknown: reject
limits: {opaqueBaseModels: 1, exceptions: 3}
exceptions:
  - {rule: license, subject: "sha256:9c1e", reason: letter, approver: j.doe, expires: 2027-01-31}
"""


def write_child(folder: Path, text: str, base: str = BASE) -> Path:
    (folder / "base.yaml").write_text(base)
    path = folder / "child.yaml"
    path.write_text(text.replace("PIN", sha256_bytes(base.encode())))
    return path


CHILD = """\
policy: faces
version: 2
extends: {policy: base.yaml, sha256: PIN}
territories: [EU]
rules:
  - license: {use: commercial}
  - complete-lineage
limits: {exceptions: 1}
"""


def test_a_policy_extends_another_pinned_one(tmp_path):
    policy = read_policy(str(write_child(tmp_path, CHILD)))
    assert [rule.NAME for rule in policy.rules] == [
        "weights-match",
        "signed-by",
        "license",
        "complete-lineage",
    ]
    assert policy.rules[0].mode == "exact"
    assert policy.rules[2].use == "commercial"
    assert policy.file.policy == "faces"
    assert policy.file.purpose == ["research"]
    assert policy.file.territories == ["EU"]
    assert policy.file.unknown == "reject"
    assert (policy.file.limits.opaque_base_models, policy.file.limits.exceptions) == (1, 1)
    assert [each.approver for each in policy.file.exceptions] == ["j.doe"]
    assert [each.sha256 for each in policy.bases] == [sha256_bytes(BASE.encode())]
    assert policy.places["rules/license"].endswith("child.yaml:6")
    assert policy.places["rules/signed-by"].endswith("base.yaml:6")
    assert policy.places["exceptions/0"].endswith("base.yaml:11")


def test_a_base_that_changed_is_refused(tmp_path):
    path = write_child(tmp_path, CHILD)
    (tmp_path / "base.yaml").write_text(BASE.replace("exact", "files"))
    with pytest.raises(UsageError, match="pinned is") as caught:
        read_policy(str(path))
    assert caught.value.where == f"{path}:3"


def test_a_preset_is_extended_by_its_digest(tmp_path):
    base = preset("commercial-baseline")
    text = CHILD.replace("base.yaml", "preset:commercial-baseline").replace("PIN", sha256_bytes(base))
    policy = read_policy(str(write_child(tmp_path, text)))
    assert "digest-conflict" in [rule.NAME for rule in policy.rules]


def test_mistakes_in_a_base_name_its_line(tmp_path):
    path = write_child(tmp_path, CHILD, BASE.replace("mode: exact", "mood: exact"))
    with pytest.raises(UsageError, match="unknown key 'mood'") as caught:
        read_policy(str(path))
    assert caught.value.where == f"{tmp_path / 'base.yaml'}:5"


def test_policies_that_extend_each_other_in_a_circle_end(tmp_path):
    """A digest cannot pin itself, so a circle shows before the digests are compared."""
    path = tmp_path / "loop.yaml"
    extends = f"extends: {{policy: loop.yaml, sha256: {'0' * 64}}}"
    path.write_text(f"policy: a\nversion: 1\n{extends}\nrules: [signed-by]\n")
    with pytest.raises(UsageError, match="in a circle, or too deep") as caught:
        read_policy(str(path))
    assert caught.value.where == f"{path}:3"


def test_a_long_chain_of_policies_ends(tmp_path):
    pin, name = "", ""
    for number in range(10):
        extends = f"extends: {{policy: {name}, sha256: {pin}}}\n" if name else ""
        text = f"policy: p{number}\nversion: 1\n{extends}rules: [signed-by]\n"
        name, pin = f"p{number}.yaml", sha256_bytes(text.encode())
        (tmp_path / name).write_text(text)
    assert len(read_policy(str(tmp_path / "p7.yaml")).bases) == 7
    with pytest.raises(UsageError, match="too deep"):
        read_policy(str(tmp_path / "p9.yaml"))


def test_a_policy_without_any_rule_is_refused(tmp_path):
    path = tmp_path / "none.yaml"
    path.write_text("policy: a\nversion: 1\n")
    with pytest.raises(UsageError, match="rules: missing"):
        read_policy(str(path))
