"""A policy in plain English."""

from __future__ import annotations

from world import parse_policy

from attest.explanation import explain
from attest.rule import RULES

TEXT = """\
policy: faces
version: 3
purpose: [face-recognition]
territories: [EU]
rules:
  - signed-by: {}
  - license: {use: commercial, unknown: reject}
  - digest-conflict
unknown: incomplete
limits: {unknowns: 2}
exceptions:
  - {rule: license, subject: "sha256:9c1e", reason: letter 7, approver: j.doe, expires: 2027-01-31}
"""


def test_each_rule_says_its_quantifier_and_what_a_missing_fact_does():
    words = explain(parse_policy(TEXT))
    assert words.use == "The model is to be used for face-recognition, in EU."
    signed, license_, conflict = words.rules
    assert signed.quantifier == "It looks at every one of: steps and origin datasets."
    assert signed.unknown == "incomplete"
    assert signed.when_unknown.startswith("Unknown when there is no statement at all")
    assert signed.when_unknown.endswith("nobody may rely on it, and you ask the vendor.")
    assert license_.when_unknown.endswith("The model is then rejected.")
    assert conflict.quantifier.endswith("none may be so.")
    assert words.limits == ("At most 2 missing facts over all rules, waived ones included.",)
    assert words.exceptions == (
        "j.doe waives license for sha256:9c1e until the end of 2027-01-31 (UTC): letter 7",
    )


def test_a_policy_that_leaves_its_use_open_says_so():
    words = explain(parse_policy("policy: p\nversion: 1\nrules: [signed-by]\n"))
    assert words.use == "The model is to be used for a purpose the policy does not say, anywhere."


def test_every_rule_can_be_put_in_words():
    text = "policy: p\nversion: 1\nrules:\n" + "".join(f"  - {name}\n" for name in RULES)
    assert [each.rule for each in explain(parse_policy(text)).rules] == list(RULES)
