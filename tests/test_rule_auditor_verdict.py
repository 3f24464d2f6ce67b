"""The rule ``auditor-verdict``: whose verdict counts, which one, and what is held against an artifact."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import DEFAULT_ROLES, NOW, World, good_world, make_trust

from attest.errors import UsageError
from attest.model import format_time
from attest.resource import Artifact
from attest.verdict import Verdict

VERIFIER = "https://audit.example/attest"
POLICY_DIGEST = "ab" * 32
MODEL = Artifact("5" * 64)


def policy(**parameters) -> str:
    return f"policy: p\nversion: 1\nrules:\n  - auditor-verdict: {parameters}\n".replace("'", '"')


def auditing(world: World | None = None) -> World:
    """A world whose reader trusts 'other' as the auditor of one verifier id."""
    world = world or World()
    auditors = [{"principal": "other", "verifierIds": [VERIFIER]}]
    names = ("ci", "desk", "registry", "other")
    world.trust = make_trust({**DEFAULT_ROLES, "auditor": auditors}, names)
    return world


def vsa(world: World, result="PASSED", *, of=MODEL, by="other", age=timedelta(days=1), **more):
    predicate = {
        "verifier": {"id": more.pop("verifier", VERIFIER)},
        "timeVerified": format_time(NOW - age) if age is not None else None,
        "resourceUri": "pkg:generic/model@1",
        "policy": {"uri": "https://audit.example/p", "digest": {"sha256": more.pop("policy", POLICY_DIGEST)}},
        "verificationResult": result,
        "verifiedLevels": ["ATTEST_ACCEPT"] if result == "PASSED" else ["FAILED"],
        **more,
    }
    subject = {"name": "model", "digest": {"sha256": of.sha256}}
    return world.sign("vsa", [subject], {k: v for k, v in predicate.items() if v is not None}, by)


def svr(world: World, properties=("ATTEST_ACCEPT",), kind="svr", **more):
    predicate = {
        "verifier": {"id": VERIFIER, "policies": [{"digest": {"sha256": POLICY_DIGEST}}]},
        "timeCreated": format_time(NOW - timedelta(days=1)),
        "properties": list(properties),
        **more,
    }
    return world.sign(kind, [{"name": "m", "digest": {"sha256": MODEL.sha256}}], predicate, "other")


def codes(world: World, **parameters) -> set[str]:
    judgement = world.judge(MODEL, policy(**parameters))
    found = {finding.code for each in judgement.judged for finding in each.outcome.findings}
    expected = (
        Verdict.ACCEPT if not found else Verdict.REJECT if "verdict-failed" in found else Verdict.INCOMPLETE
    )
    assert judgement.verdict is expected
    return found


def test_a_fresh_verdict_of_a_trusted_auditor_passes():
    world = auditing()
    vsa(world)
    assert codes(world) == set()
    assert (
        codes(world, policies=[f"sha256:{POLICY_DIGEST}"], levels=["ATTEST_ACCEPT"], maxAge="2 days") == set()
    )
    assert codes(world, resource="pkg:generic/model@*") == set()


def test_no_verdict_is_unknown():
    assert codes(auditing()) == {"verdict-missing"}


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ({"age": timedelta(days=181)}, {}),
        ({"age": timedelta(days=8)}, {"maxAge": "7 days"}),
        ({"age": -timedelta(hours=1)}, {}),
        ({"age": None}, {}),
        ({"policy": "cd" * 32}, {"policies": [POLICY_DIGEST]}),
        ({"policy": None}, {"policies": [POLICY_DIGEST]}),
        ({}, {"levels": ["ATTEST_ACCEPT", "ATTEST_PASS:license"]}),
        ({}, {"resource": "pkg:generic/other@1"}),
        ({"resourceUri": None}, {"resource": "pkg:generic/*"}),
        ({"verificationResult": "MAYBE"}, {}),
        ({"verifiedLevels": ["ATTEST_ACCEPT", "ATTEST_EXCEPTION:retention:sha256:9c"]}, {}),
    ],
)
def test_a_verdict_that_is_not_what_is_asked_for_is_unknown(made, asked):
    world = auditing()
    if "policy" in made and made["policy"] is None:
        made = {**made, "policy": "ef" * 32}
    vsa(world, **made)
    assert codes(world, **asked) == {"verdict-not-accepted"}


def test_exceptions_of_the_auditor_count_where_the_policy_says_so():
    world = auditing()
    vsa(world, verifiedLevels=["ATTEST_ACCEPT", "ATTEST_EXCEPTION:retention:sha256:9c"])
    assert codes(world, exceptions="allow") == set()


@pytest.mark.parametrize("by", ["ci", "desk", "stranger"])
def test_a_verdict_of_somebody_else_counts_for_nothing(by):
    world = auditing()
    vsa(world, by=by)
    assert codes(world) == {"verdict-missing"}


def test_a_failed_verdict_of_somebody_else_counts_for_nothing():
    world = auditing()
    vsa(world, "FAILED", by="ci")
    vsa(world)
    assert codes(world) == set()


def test_an_auditor_cannot_speak_for_another_verifier():
    world = auditing()
    vsa(world, verifier="https://audit.example/other")
    assert codes(world) == {"verdict-missing"}


def test_a_verdict_on_other_bytes_counts_for_nothing():
    world = auditing()
    vsa(world, of=Artifact("6" * 64))
    assert codes(world) == {"verdict-missing"}


def test_a_failed_verdict_outweighs_any_that_passed():
    world = auditing()
    vsa(world)
    vsa(world, "FAILED", age=timedelta(hours=1))
    assert codes(world) == {"verdict-failed"}


@pytest.mark.parametrize("levels", [["FAILED"], ["ATTEST_ACCEPT", "FAILED"]])
def test_passed_with_the_level_failed_is_failed(levels):
    world = auditing()
    vsa(world, verifiedLevels=levels)
    assert "verdict-failed" in codes(world)


def test_a_later_verdict_by_the_same_policy_takes_a_failed_one_back():
    world = auditing()
    vsa(world, "FAILED", age=timedelta(days=3))
    vsa(world, age=timedelta(days=2))
    assert codes(world) == set()


@pytest.mark.parametrize(
    "later", [{"policy": "cd" * 32}, {"age": timedelta(days=3)}, {"age": timedelta(days=4)}]
)
def test_another_verdict_does_not_take_a_failed_one_back(later):
    world = auditing()
    vsa(world, "FAILED", age=timedelta(days=3))
    vsa(world, **later)
    assert codes(world) == {"verdict-failed"}


def test_withdrawing_a_failed_verdict_does_not_undo_it_and_a_withdrawn_pass_grants_nothing():
    world = auditing()
    failed = vsa(world, "FAILED")
    world.withdraw(failed.statement_digest, by="other")
    assert "verdict-failed" in codes(world)
    world = auditing()
    world.withdraw(vsa(world).statement_digest, by="other")
    assert codes(world) == {"verdict-not-accepted"}


def test_what_cannot_be_read_may_say_failed():
    world = auditing()
    vsa(world)
    vsa(world, verifiedLevels=7)
    assert codes(world) == {"verdict-unreadable"}
    world = auditing()
    vsa(world)
    world.sign("vsa", [{"name": "m", "digest": {"sha256": MODEL.sha256}}], {"verifier": 7}, "other")
    assert codes(world) == {"verdict-unreadable"}


@pytest.mark.parametrize("kind", ["svr", "https://in-toto.io/attestation/svr/v0.1"])
def test_an_svr_counts_by_what_it_lists(kind):
    world = auditing()
    svr(world, ["SLSA_BUILD_LEVEL_3"], kind)
    assert codes(world) == {"verdict-not-accepted"}
    assert codes(world, levels=["SLSA_BUILD_LEVEL_3"]) == set()
    svr(world, ["ATTEST_ACCEPT"], kind)
    assert codes(world) == set()
    assert codes(world, levels=["SLSA_BUILD_LEVEL_3", "ATTEST_ACCEPT"]) == {"verdict-not-accepted"}


def test_as_of_a_past_time_later_verdicts_that_refuse_still_count():
    world = auditing()
    vsa(world, age=timedelta(days=20))
    vsa(world, "FAILED", age=timedelta(days=1))
    past = world.judge(MODEL, policy(), as_of=NOW - timedelta(days=10), historical=True)
    assert past.verdict is Verdict.REJECT


def opaque_world() -> tuple[World, Artifact]:
    world = auditing()
    model = world.file("fine")
    opaque = {
        "name": "base",
        "digest": {"sha256": MODEL.sha256},
        "annotations": {"role": "base-model", "opaque": True, "reason": "vendor keeps it closed"},
    }
    world.step("finetune", [opaque, (world.dataset("d"), "dataset")], [model])
    return world, model


def test_every_opaque_base_model_needs_a_verdict():
    world, model = opaque_world()
    text = policy(over="opaque-base-models")
    judgement = world.judge(model, text)
    (finding,) = judgement.judged[0].outcome.findings
    assert (finding.code, finding.subject) == ("verdict-missing", f"sha256:{MODEL.sha256}")
    assert finding.path[-1] == "base"
    vsa(world)
    assert world.judge(model, text).verdict is Verdict.ACCEPT


def test_no_opaque_base_model_is_not_applicable_only_when_nothing_is_hidden():
    world, release = good_world()
    auditing(world)
    text = policy(over="opaque-base-models") + "  - weights-match\n"
    assert world.judge(release, text).judged[0].outcome.result == "NOT_APPLICABLE"
    lines = [line for line in world.lines if line.content is not world.bundles[3]]
    assert world.judge(release, text, lines=lines).judged[0].outcome.result == "UNKNOWN"


@given(st.data())
def test_leaving_out_lines_never_makes_it_accept(data):
    world = auditing()
    vsa(world, "FAILED", age=timedelta(days=data.draw(st.integers(1, 5))))
    vsa(world, age=timedelta(days=data.draw(st.integers(1, 5))))
    vsa(world, policy="cd" * 32)
    svr(world)
    kept = data.draw(st.lists(st.sampled_from(world.lines), unique=True))
    whole = world.judge(MODEL, policy())
    part = world.judge(MODEL, policy(), lines=kept)
    # an auditor's refusal that was left out is seen by nobody: what is shown must not be more than was said
    if part.verdict is Verdict.ACCEPT and whole.verdict is Verdict.REJECT:
        assert not any(line.content is world.bundles[0] for line in kept)
    again = world.judge(MODEL, policy(), lines=[*kept[::-1], *kept])
    assert again == part


@pytest.mark.parametrize("bad", ["abc", "sha256:" + "A" * 64])
def test_policies_are_named_by_digest(bad):
    with pytest.raises(UsageError, match="expected sha256: and 64 lowercase hex digits"):
        auditing().judge(MODEL, policy(policies=[bad]))


def test_an_auditor_without_verifier_ids_is_refused():
    from attest.document import read_document
    from attest.trust import parse_trust

    text = (
        f"principals: {{a: {{key: {{file: k, sha256: {'0' * 64}}}}}}}\nroles: {{auditor: [{{principal: a}}]}}"
    )
    with pytest.raises(UsageError, match="needs verifierIds"):
        parse_trust(read_document(text.encode(), "trust.yaml"))
