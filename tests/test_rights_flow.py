"""Which rights records bind a delivery: all behind it, and none is lifted but by its own holder, by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import DEFAULT_ROLES, NOW, PEOPLE, RAN, REGISTER, RIGHTS, World, codes, make_trust

from attest.bundle import Bundle
from attest.model import parse_time
from attest.resource import Artifact
from attest.rights_flow import rights_flow
from attest.rule import Current
from attest.verdict import Verdict

POLICY = f"policy: p\nversion: 1\nrules: [license: {{current: {{register: {REGISTER}}}}}]"
ASKED = Current(register_id=REGISTER)


def coop_world() -> tuple[World, Artifact, Artifact, Artifact, Bundle]:
    """A co-operative's photos under a narrow licence, cleaned by the data desk, then trained on."""
    world = World()
    photos, clean, model = world.file("photos"), world.file("clean"), world.file("release")
    scope = [f"sha256:{photos.sha256}"]
    roles: dict[str, Any] = {**DEFAULT_ROLES}
    for role in ("data-owner", "rights-holder"):
        roles[role] = [{"principal": "desk"}, {"principal": "coop", "artifacts": scope}]
    world.trust = make_trust(roles, ("ci", "desk", "registry", "coop"))
    world.describe(photos, "photos", by="coop")
    narrow = world.rights(photos, "CC-BY-NC-4.0", by="coop")
    world.step("transform", [(photos, "dataset")], [clean])
    world.step("train", [(clean, "dataset")], [model])
    return world, photos, clean, model, narrow


def test_a_restriction_follows_the_data_through_every_step():
    world, _, _, model, _ = coop_world()
    judgement = world.judge(model, POLICY)
    (denied,) = [f for f in judgement.judged[0].outcome.findings if f.code == "license-denied"]
    assert denied.path == ("release", "train", "transform", "photos")


def stand_in(world: World, about: Artifact, narrow: Bundle, *, by: str = "coop", **more: Any) -> Bundle:
    more.setdefault("supersedes", narrow.statement_digest)
    return world.rights(about, "MIT", by=by, **more)


def test_the_holder_of_the_source_may_license_what_is_made_of_it():
    world, _, clean, model, narrow = coop_world()
    world.register(world.standing(stand_in(world, clean, narrow)))
    judgement = world.judge(model, POLICY)
    assert codes(judgement) == set()
    assert judgement.verdict is Verdict.ACCEPT
    assert judgement.judged[0].outcome.notes == (
        "photos: the rights record about clean stands in for its own",
    )


def test_the_delivered_model_itself_may_be_licensed():
    world, _, _, model, narrow = coop_world()
    world.register(world.standing(stand_in(world, model, narrow)))
    assert world.judge(model, POLICY).verdict is Verdict.ACCEPT


@pytest.mark.parametrize(
    "change",
    [
        {"by": "desk"},  # somebody else's rights
        {"by": "ci"},
        {"supersedes": "0" * 64},
        {"scope": {"subsetRoot": "4" * 64}},
        {"status": "suspended"},
        {"validUntil": "2026-11-19T00:00:00Z"},
        {"validFrom": "2026-11-21T00:00:00Z"},
        {"status": "active in spirit"},
        {"onlyOnSundays": True},
    ],
)
def test_nothing_less_lifts_it(change):
    world, _, clean, model, narrow = coop_world()
    world.register(world.standing(stand_in(world, clean, narrow, **change)))
    assert "license/license-denied" in codes(world.judge(model, POLICY))


@pytest.mark.parametrize("state", ["superseded", "suspended", "withdrawn", "odd", None])
def test_only_a_register_that_names_it_as_current_lifts_anything(state):
    world, _, clean, model, narrow = coop_world()
    record = stand_in(world, clean, narrow)
    world.register(*([world.standing(record, state)] if state else []))
    judgement = world.judge(model, POLICY)
    assert "license/license-denied" in codes(judgement)


def test_without_a_register_the_report_says_what_would_lift_it():
    world, _, clean, model, narrow = coop_world()
    stand_in(world, clean, narrow)
    judged = world.judge(model, POLICY.replace(f": {{current: {{register: {REGISTER}}}}}", "")).judged[0]
    assert {f.code for f in judged.outcome.findings} == {"license-denied"}
    assert any("would stand in" in note for note in judged.outcome.notes)


def test_a_withdrawn_stand_in_lifts_nothing():
    world, _, clean, model, narrow = coop_world()
    record = stand_in(world, clean, narrow)
    world.withdraw(record.statement_digest, by="coop")
    world.register(world.standing(record))
    assert "license/license-denied" in codes(world.judge(model, POLICY))


def test_one_way_around_it_and_the_record_binds_again():
    world, photos, clean, _, narrow = coop_world()
    model = world.file("other")
    world.step("train", [(clean, "dataset"), (photos, "dataset")], [model])
    world.register(world.standing(stand_in(world, clean, narrow)))
    assert "license/license-denied" in codes(world.judge(model, POLICY))


def test_a_later_record_about_the_source_is_not_lifted_by_one_that_knew_nothing_of_it():
    world, photos, clean, model, narrow = coop_world()
    record = stand_in(world, clean, narrow)
    world.rights(photos, "MIT", by="coop", sequence=2, status="withdrawn")
    world.register(world.standing(record))
    assert "license/rights-not-active" in codes(world.judge(model, POLICY))


def test_one_of_two_holders_lifts_only_its_own():
    world, photos, clean, model, narrow = coop_world()
    roles = {role: list(entries) for role, entries in DEFAULT_ROLES.items()}
    scope = [f"sha256:{photos.sha256}"]
    roles["rights-holder"] = [
        {"principal": "desk"},
        {"principal": "coop", "artifacts": scope},
        {"principal": "other", "artifacts": scope},
    ]
    world.trust = make_trust(roles, ("ci", "desk", "registry", "coop", "other"))
    world.register(world.standing(stand_in(world, clean, narrow, by="other")))
    assert "license/license-denied" in codes(world.judge(model, POLICY))


def test_the_current_record_of_one_holder_ends_nothing_of_another():
    world, photos, _, model, narrow = coop_world()
    scope = [f"sha256:{photos.sha256}"]
    roles = {
        **DEFAULT_ROLES,
        "rights-holder": [
            {"principal": "coop", "artifacts": scope},
            {"principal": "other", "artifacts": scope},
        ],
    }
    world.trust = make_trust(roles, ("ci", "desk", "registry", "coop", "other"))
    wide = world.rights(photos, "MIT", by="other")
    world.register(world.standing(wide), world.standing(narrow, "superseded"))
    assert "license/license-denied" in codes(world.judge(model, POLICY))


def test_a_superseded_record_alone_grants_nothing():
    """Last year's rights, replayed: the register says that there are others."""
    world = World()
    data, model = world.dataset("faces-2014", licence=None), world.file("release")
    old = world.rights(data, "MIT")
    world.step("train", [(data, "dataset")], [model])
    world.register(world.standing(old, "superseded"))
    judgement = world.judge(model, "policy: p\nversion: 1\nrules: [license]")
    (found,) = judgement.judged[0].outcome.findings
    assert found.code == "rights-superseded"
    assert found.path == ("release", "train", "faces-2014")
    assert found.summary.startswith("faces-2014: no basis")


def test_a_current_record_that_nobody_shows_is_missed():
    world, photos, _, model, narrow = coop_world()
    newer = world.rights(photos, "MIT", by="coop", sequence=2)
    world.register(world.standing(narrow), world.standing(newer))
    lines = [each for each in world.bundles if each is not newer]
    assert "license/rights-not-shown" in codes(world.judge(model, POLICY, lines=lines))
    assert "license/rights-not-shown" not in codes(world.judge(model, POLICY))


def test_a_register_that_is_too_old_still_speaks_against_a_record():
    world = World()
    data, model = world.dataset("d", licence=None), world.file("model")
    record = world.rights(data, "MIT")
    world.step("train", [(data, "dataset")], [model])
    world.register(world.standing(record, "suspended"), as_of=NOW - timedelta(days=400))
    assert codes(world.judge(model, "policy: p\nversion: 1\nrules: [license]")) == {
        "license/rights-not-active"
    }


def test_a_stand_in_signed_later_is_not_there_in_the_past():
    world, _, clean, model, narrow = coop_world()
    world.register(world.standing(stand_in(world, clean, narrow, validFrom="2026-11-01T00:00:00Z")))
    assert world.judge(model, POLICY).verdict is Verdict.ACCEPT
    past = world.judge(model, POLICY, as_of=NOW - timedelta(days=60), historical=True)
    assert "license/license-denied" in codes(past)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whoever_is_not_the_holder_lifts_nothing(data):
    """Whatever others sign about anything, every record that bound before binds after."""
    world, photos, clean, model, narrow = coop_world()
    before = {each.evidence.digest for h in rights_flow(world.review(model)).holdings for each in h.records}
    for _ in range(data.draw(st.integers(1, 4))):
        record = world.rights(
            data.draw(st.sampled_from([photos, clean, model])),
            data.draw(st.sampled_from(["MIT", "CC0-1.0", "CC-BY-NC-4.0"])),
            by=data.draw(st.sampled_from(["desk", "ci", "registry", "stranger"])),
            supersedes=narrow.statement_digest,
            sequence=data.draw(st.integers(1, 5)),
        )
        if data.draw(st.booleans()):
            world.register(world.standing(record))
    after = {
        each.evidence.digest
        for holding in rights_flow(world.review(model), ASKED).holdings
        for each in holding.records
    }
    assert before <= after


def test_a_long_chain_of_datasets_takes_one_walk():
    world, _, clean, _, narrow = coop_world()
    made = clean
    for number in range(200):
        following = world.file(f"made{number}")
        world.step("transform", [(made, "dataset")], [following])
        made = following
    world.register(world.standing(stand_in(world, clean, narrow)))
    flow = rights_flow(world.review(made), ASKED)
    assert [len(each.replaced) for each in flow.holdings if each.name == "photos"] == [1]


@pytest.mark.parametrize("consented", [True, False])
def test_a_stand_in_answers_for_the_people_in_the_source(consented):
    """The cleaned photos are described by nobody as biometric; the photos are."""
    world, photos, clean, model, narrow = coop_world()
    world.describe(photos, "photos", by="coop", **PEOPLE)
    world.describe(clean, "clean", personalData={"presence": "no"})
    terms = RIGHTS if consented else {}
    world.register(world.standing(stand_in(world, clean, narrow, **terms)))
    policy = f"policy: p\nversion: 1\nrules: [consent: {{current: {{register: {REGISTER}}}}}]"
    found = [f for each in world.judge(model, policy).judged for f in each.outcome.findings]
    assert {f.code for f in found} == (set() if consented else {"basis-unknown"})
    assert {f.path for f in found} == (set() if consented else {("release", "train", "clean")})


def test_a_stand_in_with_a_later_trusted_time_is_not_there_in_the_past():
    world, _, clean, model, narrow = coop_world()
    record = stand_in(world, clean, narrow)
    world.register(world.standing(record))
    past = world.review(model, as_of=NOW - timedelta(days=10), historical=True)
    evidence = past.graph.by_digest[record.statement_digest]
    for days, replaced in ((11, 1), (9, 0)):
        (signature,) = evidence.signatures
        timed = replace(signature, trusted_time=NOW - timedelta(days=days))
        object.__setattr__(evidence, "signatures", (timed,))
        holdings = rights_flow(past, ASKED).holdings
        assert [len(each.replaced) for each in holdings if each.name == "photos"] == [replaced]


def test_uses_follow_the_data_and_stop_at_the_model():
    world = World()
    source, copied, model = world.file("source"), world.file("copy"), world.file("model")
    tuned, foreign = world.file("tuned"), world.file("foreign")
    world.describe(copied, "copy", derivedFrom=[{"digest": {"sha256": source.sha256}}])
    world.step("https://example.com/build/v1", [(copied, "dataset")], [foreign])
    world.step("train", [(foreign, "dataset")], [model], ran=RAN)
    world.step("finetune", [(model, "base-model")], [tuned], ran=("2026-10-01T00:00:00Z",) * 2)
    usages = world.review(tuned).usages
    assert usages[source] == usages[copied]
    assert usages[source].kinds == {"step", "train"}  # nobody knows what a foreign step does
    assert not usages[source].timed
    assert usages[foreign].kinds == {"train"}
    assert (usages[foreign].first, usages[foreign].last) == tuple(parse_time(each) for each in RAN)
    assert usages[foreign].timed
    assert usages[model].kinds == {"finetune"}
