"""The rules about rights: what each refuses, what it cannot tell, and what it lets through."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from world import DEFAULT_ROLES, NOW, RAN, REGISTER, World, descriptor, make_trust

from attest.card import read_card
from attest.errors import UsageError
from attest.policy import Judgement
from attest.resource import Artifact
from attest.verdict import Outcome, Result


def one(rule: str, **top: Any) -> str:
    """A policy of one rule, with its parameters in YAML flow style."""
    extra = "".join(f"{key}: {value}\n" for key, value in top.items())
    return (
        f"policy: p\nversion: 1\n{extra}rules: [{{{rule}}}]"
        if ":" in rule
        else (f"policy: p\nversion: 1\n{extra}rules: [{rule}]")
    )


def trained(facts: dict[str, Any] | None = None, *records: dict[str, Any]) -> tuple[World, Artifact]:
    """A model trained on faces-2014, with that dataset statement and those rights records."""
    world = World()
    data, model = world.file("faces-2014"), world.file("release")
    if facts is not None:
        world.describe(data, "faces-2014", **facts)
    for number, record in enumerate(records, 1):
        world.rights(data, record.pop("licence", "MIT"), sequence=number, **record)
    world.step("train", [(data, "dataset")], [model], ran=("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"))
    return world, model


def outcome(judgement: Judgement) -> Outcome:
    (judged,) = judgement.judged
    return judged.outcome


def found(judgement: Judgement) -> set[str]:
    return {finding.code for finding in outcome(judgement).findings}


# -- license ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "rule", "expected"),
    [
        ({"licence": "MIT OR CC-BY-NC-4.0"}, "license", set()),  # the reader's choice
        ({"licence": "MIT AND CC-BY-NC-4.0"}, "license", {"license-denied"}),
        ({"licence": "MIT OR NO-SUCH-ID"}, "license", set()),
        ({"licence": "MIT AND NO-SUCH-ID"}, "license", {"license-unknown"}),
        ({"licence": "MIT OR CC-BY-4.0"}, "license: {deny: [MIT]}", set()),
        ({"licence": "MIT AND CC-BY-4.0"}, "license: {deny: [MIT]}", {"license-denied"}),
        ({"licence": "GPL-2.0-only WITH no-such-exception"}, "license", {"license-unknown"}),
        ({"licence": "CC-BY-SA-4.0"}, "license", set()),
        ({"licence": "CC-BY-SA-4.0"}, "license: {shareAlike: refuse}", {"share-alike-demanded"}),
        ({"licence": "CC-BY-SA-4.0 OR MIT"}, "license: {shareAlike: refuse}", set()),
        ({"licence": "MIT"}, "license: {training: permitted}", {"training-unstated"}),
        (
            {"license": {"expression": "MIT", "training": "permitted"}},
            "license: {training: permitted}",
            set(),
        ),
        (
            {"license": {"expression": "MIT", "derivedModelDistribution": "prohibited"}},
            "license",
            {"release-prohibited"},
        ),
        ({"obligations": [{"kind": "no-derivative-release"}]}, "license", {"release-prohibited"}),
        ({"obligations": [{"kind": "attribution"}]}, "license", set()),
        ({"obligations": [{"kind": "name your firstborn"}]}, "license", {"obligations-unreadable"}),
        (
            {"obligations": [{"kind": "share-alike"}]},
            "license: {shareAlike: refuse}",
            {"share-alike-demanded"},
        ),
    ],
)
def test_licences(record, rule, expected):
    world, model = trained({}, dict(record))
    assert found(world.judge(model, one(rule))) == expected


def test_share_alike_is_shown():
    world, model = trained({}, {"licence": "CC-BY-SA-4.0"})
    result = outcome(world.judge(model, one("license")))
    assert result.result is Result.PASS
    assert result.notes == ("faces-2014: what is derived must carry the same terms (CC-BY-SA-4.0)",)


# -- consent ---------------------------------------------------------------------------------------------

FACES = {"personalData": {"presence": "yes", "biometric": "yes", "children": "no", "specialCategory": "no"}}
NOBODY = {"personalData": {"presence": "no"}}
GIVEN = {
    "jurisdiction": "EU",
    "basis": "explicit-consent",
    "consent": {"status": "given", "covers": ["training", "biometric", "third-party-transfer"]},
}
CONSENT = (
    "consent: {when: {biometric: [yes, unknown]}, basis: [explicit-consent, written-release], "
    "covers: [training, biometric, third-party-transfer]}"
)


def basis(**changes: Any) -> dict[str, Any]:
    """A rights record with one basis; ``consent`` changes are merged into its consent."""
    consent = {**GIVEN["consent"], **(changes.pop("consent", None) or {})}
    return {"personalDataBasis": [{**GIVEN, "consent": consent, **changes}]}


@pytest.mark.parametrize(
    ("facts", "record", "expected"),
    [
        (FACES, basis(), set()),
        (FACES, {}, {"basis-unknown"}),
        (FACES, {"personalDataBasis": []}, {"basis-refused"}),
        (FACES, {"personalDataBasis": "all fine"}, {"basis-unknown"}),
        (FACES, basis(basis="legitimate-interest"), {"basis-refused"}),
        (FACES, basis(basis="none"), {"basis-refused"}),
        (FACES, basis(basis="they seemed fine with it"), {"basis-unknown"}),
        (FACES, basis(consent={"status": "withdrawn"}), {"consent-not-valid", "consent-not-then"}),
        (FACES, basis(consent={"status": "requested"}), {"consent-not-valid", "consent-not-then"}),
        (FACES, basis(consent={"status": "sort of"}), {"consent-unknown", "consent-then-unknown"}),
        (FACES, basis(consent={"covers": ["training"]}), {"consent-too-narrow"}),
        (FACES, basis(consent={"covers": ["training", "biometric", "everything"]}), {"consent-too-narrow"}),
        (FACES, basis(consent={"covers": None}), {"consent-scope-unknown"}),
        (FACES, basis(consent={"type": "implied"}), {"consent-type"}),
        (FACES, basis(consent={"type": "uninformed"}), {"consent-type"}),
        (FACES, basis(consent={"onlyOnFridays": True}), {"basis-unknown"}),
        (
            FACES,
            {"personalDataBasis": [GIVEN, {**GIVEN, "basis": "publicly-available-claim"}]},
            {"basis-refused"},
        ),
        (
            FACES,
            {"personalDataBasis": [{**GIVEN, "consent": None}]},
            {"consent-unknown", "consent-then-unknown"},
        ),
        ({}, basis(), set()),
        ({}, {}, {"basis-unknown"}),  # nobody says whether it is biometric: it may be
        (None, {}, {"basis-unknown"}),
        (FACES, {**basis(), "validUntil": "2026-11-19T12:00:00Z"}, {"rights-not-in-force"}),
        (FACES, {**basis(), "status": "withdrawn"}, {"rights-not-in-force"}),
        (FACES, {**basis(), "scope": {"subsetRoot": "4" * 64}}, {"rights-partial"}),
    ],
)
def test_consent(facts, record, expected):
    record = {key: value for key, value in record.items() if value is not None}
    for each in (
        record.get("personalDataBasis", []) if isinstance(record.get("personalDataBasis"), list) else []
    ):
        if each.get("consent"):
            each["consent"] = {key: value for key, value in each["consent"].items() if value is not None}
    world, model = trained(facts, dict(record))
    result = outcome(world.judge(model, one(CONSENT)))
    assert {finding.code for finding in result.findings} == expected
    assert result.result is (Result.PASS if not expected else result.result)
    assert all(finding.path == ("release", "train", "faces-2014") for finding in result.findings)


def test_no_basis_is_said_with_its_path():
    world, model = trained(FACES)
    (finding,) = outcome(world.judge(model, one(CONSENT))).findings
    assert finding.summary == "faces-2014: no basis: the rights record is not in the evidence"
    assert finding.path == ("release", "train", "faces-2014")


def test_consent_is_not_asked_where_there_is_nobody():
    world, model = trained(NOBODY, {})
    result = outcome(world.judge(model, one(CONSENT)))
    assert result.result is Result.NOT_APPLICABLE
    world, model = trained({"personalData": {"presence": "no", "biometric": "yes"}}, {})
    assert found(world.judge(model, one(CONSENT))) == {"basis-unknown"}
    only = one("consent: {when: {children: [yes]}}")
    world, model = trained({"personalData": {"presence": "yes"}}, basis())
    assert found(world.judge(model, only)) == {"personal-data-unknown"}


def test_consent_withdrawn_after_training():
    """What held when the data was used, and what holds now, are both shown; now counts."""
    earlier = {**basis(), "validFrom": "2025-01-01T00:00:00Z"}
    later = {**basis(consent={"status": "withdrawn"}), "validFrom": "2026-06-01T00:00:00Z"}
    world, model = trained(FACES, earlier, later)
    result = outcome(world.judge(model, one(CONSENT)))
    assert [finding.code for finding in result.findings] == ["consent-not-valid"]
    assert result.findings[0].summary == (
        "faces-2014: consent for EU is withdrawn by the data subject; "
        "consent was given when the data was used, from 2026-03-01 to 2026-03-02"
    )
    assert result.result is Result.FAIL
    (note,) = result.notes
    assert note == (
        "faces-2014: consent was given when the data was used, from 2026-03-01 to 2026-03-02; "
        "now it is withdrawn by the data subject"
    )


def test_nobody_agrees_afterwards():
    world, model = trained(FACES, {**basis(), "validFrom": "2026-04-01T00:00:00Z"})
    result = outcome(world.judge(model, one(CONSENT)))
    assert [finding.code for finding in result.findings] == ["consent-not-then"]
    assert "not there" in result.findings[0].summary


def test_consent_then_may_have_to_be_shown():
    asks = one(CONSENT.replace("{when", "{atTraining: required, when"))
    world, model = trained(FACES, basis())
    assert found(world.judge(model, asks)) == {"consent-then-unknown"}
    world, model = trained(FACES, {**basis(), "validFrom": "2025-01-01T00:00:00Z"})
    assert found(world.judge(model, asks)) == set()
    world = World()
    data, model = world.dataset("d", licence=None, **FACES), world.file("m")
    world.rights(data, "MIT", **basis(), validFrom="2025-01-01T00:00:00Z")
    world.step("train", [(data, "dataset")], [model])  # says not when it ran
    assert found(world.judge(model, asks)) == {"consent-then-unknown"}


def test_consent_at_the_time_the_data_was_used_not_the_model():
    """A model tuned later is no later use of the data its base was trained on."""
    world, base = trained(FACES, {**basis(), "validFrom": "2025-01-01T00:00:00Z"})
    other, model = world.dataset("other", **NOBODY), world.file("tuned")
    world.step(
        "finetune",
        [(base, "base-model"), (other, "dataset")],
        [model],
        ran=("2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"),
    )
    notes = outcome(world.judge(model, one(CONSENT))).notes
    assert any("from 2026-03-01 to 2026-03-02" in note for note in notes)


def test_consent_may_have_to_be_one_that_can_be_taken_back():
    asks = one(CONSENT.replace("{when", "{withdrawable: true, when"))
    world, model = trained(FACES, basis())
    assert found(world.judge(model, asks)) == {"consent-for-good"}
    world, model = trained(FACES, basis(consent={"withdrawal": {"channel": "privacy@example.com"}}))
    assert found(world.judge(model, asks)) == set()


# -- legal-basis -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "record", "rule", "expected"),
    [
        (FACES, basis(), "legal-basis: {territories: [EU]}", set()),
        (FACES, basis(), "legal-basis: {territories: [DE]}", set()),
        (FACES, basis(), "legal-basis: {territories: [US]}", {"basis-missing-there"}),
        (FACES, basis(jurisdiction="Atlantis"), "legal-basis: {territories: [US]}", {"basis-unknown"}),
        (FACES, {}, "legal-basis", {"basis-unknown"}),
        (FACES, {"personalDataBasis": []}, "legal-basis", {"basis-refused"}),
        (FACES, basis(basis="none"), "legal-basis", {"basis-refused", "condition-unknown"}),
        (FACES, basis(basis="contract"), "legal-basis", {"condition-unknown"}),
        (FACES, basis(basis="contract", specialCondition="none"), "legal-basis", {"condition-missing"}),
        (FACES, basis(basis="contract", specialCondition="art9-2-h"), "legal-basis", set()),
        (FACES, basis(basis="contract", jurisdiction="US"), "legal-basis", set()),
        (FACES, basis(basis="contract", jurisdiction="NO"), "legal-basis", {"condition-unknown"}),
        (FACES, basis(basis="contract", jurisdiction="Europe"), "legal-basis", {"condition-unknown"}),
        (FACES, basis(basis="contract", jurisdiction=None), "legal-basis", {"condition-unknown"}),
        (
            {"personalData": {"presence": "yes"}},
            basis(basis="contract", specialCondition="none"),
            "legal-basis",
            {"condition-unknown"},
        ),
        (NOBODY, {}, "legal-basis", set()),
        (
            FACES,
            basis(basis="legitimate-interest", specialCondition="art9-2-e"),
            "legal-basis: {assessment: true}",
            {"assessment-missing"},
        ),
        (
            FACES,
            basis(basis="contract", specialCondition="art9-2-h"),
            "legal-basis: {accept: [consent]}",
            {"basis-refused"},
        ),
    ],
)
def test_legal_basis(facts, record, rule, expected):
    world, model = trained(facts, dict(record))
    assert found(world.judge(model, one(rule))) == expected


def test_the_basis_is_needed_where_the_buyer_is():
    world, model = trained(FACES, basis())
    assert found(world.judge(model, one("legal-basis", territories=["US"]))) == {"basis-missing-there"}
    assert found(world.judge(model, one("legal-basis", territories=["EU"]))) == set()


# -- personal-data ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "rule", "expected"),
    [
        (NOBODY, "personal-data", set()),
        (FACES, "personal-data", {"personal-data-refused"}),
        (FACES, "personal-data: {biometric: [yes, no]}", set()),
        (FACES, "personal-data: {presence: [no], biometric: [yes, no]}", {"personal-data-refused"}),
        (NOBODY, "personal-data: {presence: [yes]}", {"personal-data-refused"}),
        ({}, "personal-data", {"personal-data-unknown"}),
        ({"personalData": 7}, "personal-data", {"personal-data-unknown", "dataset-unreadable"}),
        ({"personalData": {"presence": "perhaps"}}, "personal-data", {"personal-data-unknown"}),
        (
            {"personalData": {"presence": "no", "children": "yes"}},
            "personal-data",
            {"personal-data-refused", "personal-data-unknown"},
        ),
        (None, "personal-data", {"dataset-undescribed"}),
    ],
)
def test_personal_data(facts, rule, expected):
    world, model = trained(facts, {})
    assert found(world.judge(model, one(rule))) == expected


def test_statements_that_disagree_about_people():
    world, model = trained(NOBODY, {})
    data = next(artifact for artifact, name in world.names.items() if name == "faces-2014")
    world.describe(
        data,
        "again",
        personalData={"presence": "yes", "biometric": "no", "children": "no", "specialCategory": "no"},
    )
    assert found(world.judge(model, one("personal-data"))) == {"personal-data-disputed"}


def test_unknown_cannot_be_accepted():
    with pytest.raises(UsageError, match="expected one of yes, no"):
        trained({})[0].judge(trained({})[1], one("personal-data: {biometric: [unknown]}"))


# -- purpose ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "rule", "expected"),
    [
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": []},
            "purpose: {purpose: [face-recognition]}",
            set(),
        ),
        ({"permittedPurposes": ["any"]}, "purpose: {purpose: [face-recognition]}", {"purpose-unknown"}),
        ({"prohibitedPurposes": []}, "purpose: {purpose: [face-recognition]}", {"purpose-unknown"}),
        (
            {"prohibitedPurposes": []},
            "purpose: {purpose: [face-recognition], permitted: not-prohibited}",
            set(),
        ),
        (
            {"permittedPurposes": ["research"], "prohibitedPurposes": []},
            "purpose: {purpose: [face-recognition], permitted: not-prohibited}",
            {"purpose-not-permitted"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["biometric-identification"]},
            "purpose: {purpose: [face-recognition]}",
            {"purpose-prohibited"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["face-recognition"]},
            "purpose: {purpose: [biometric-identification]}",
            {"purpose-prohibited"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["gait-recognition"]},
            "purpose: {purpose: [research]}",
            {"purpose-unknown"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["other"]},
            "purpose: {purpose: [research]}",
            {"purpose-unknown"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["any-commercial"]},
            "purpose: {purpose: [face-recognition]}",
            {"purpose-unknown"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["any-commercial"]},
            "purpose: {purpose: [academic-research]}",
            set(),
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["any-commercial"]},
            "purpose: {purpose: [advertising]}",
            {"purpose-prohibited"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["training"]},
            "purpose: {purpose: [research]}",
            {"use-prohibited"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["pre-training"]},
            "purpose: {purpose: [research]}",
            {"purpose-unknown"},
        ),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": ["fine-tuning"]},
            "purpose: {purpose: [research]}",
            set(),
        ),
        (
            {
                "permittedPurposes": ["any"],
                "prohibitedPurposes": [],
                **basis(consent={"purposes": ["research"]}),
            },
            "purpose: {purpose: [advertising]}",
            {"consent-other-purpose"},
        ),
        ({"permittedPurposes": ["any"], "prohibitedPurposes": []}, "purpose", {"purpose-not-given"}),
        (
            {"permittedPurposes": ["any"], "prohibitedPurposes": [], "newRestriction": 1},
            "purpose: {purpose: [research]}",
            {"purpose-unknown", "rights-not-in-force"},
        ),
    ],
)
def test_purposes(record, rule, expected):
    world, model = trained({}, dict(record))
    assert found(world.judge(model, one(rule))) == expected


def test_the_purpose_is_the_policys():
    world, model = trained({}, {"permittedPurposes": ["any"], "prohibitedPurposes": ["surveillance"]})
    assert found(world.judge(model, one("purpose", purpose=["surveillance"]))) == {"purpose-prohibited"}
    assert found(world.judge(model, one("purpose", purpose=["research"]))) == set()


# -- territories -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("listed", "wanted", "expected"),
    [
        (["EU", "US"], ["EU"], set()),
        (["EU"], ["DE", "FR"], set()),
        (["EEA"], ["EU"], set()),
        (["EU"], ["EEA"], {"territory-not-covered"}),
        (["US"], ["US-IL"], set()),
        (["US-IL"], ["US"], {"territory-not-covered"}),
        (["worldwide"], ["worldwide", "JP"], set()),
        (["EU"], ["worldwide"], {"territory-not-covered"}),
        ([], ["EU"], {"territory-not-covered"}),
        (None, ["EU"], {"territory-unknown"}),
        (["Middle-earth"], ["EU"], {"territory-unknown"}),
        (["EU", 7], ["EU"], {"territory-unknown"}),
        (["EU"], [], {"territory-not-given"}),
    ],
)
def test_territories(listed, wanted, expected):
    world, model = trained({}, {} if listed is None else {"territories": listed})
    assert found(world.judge(model, one("territories", territories=wanted))) == expected


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({"geography": ["DE"]}, set()),
        ({"geography": ["DE", "RU"]}, {"origin-refused"}),
        ({"geography": ["RU-MOW"]}, {"origin-refused"}),
        ({"geography": ["worldwide"]}, {"origin-refused"}),
        ({"geography": ["over there"]}, {"origin-unknown"}),
        ({}, {"origin-unknown"}),
    ],
)
def test_origins_the_buyer_refuses(origin, expected):
    world, model = trained({"origin": origin}, {"territories": ["worldwide"]})
    policy = one("territories: {territories: [EU], denyOrigins: [RU]}")
    assert found(world.judge(model, policy)) == expected


# -- retention -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"retention": {"deleteBy": "2030-12-31"}}, set()),
        ({"retention": {"deleteBy": "2026-11-20"}}, set()),  # the last day is a day one may keep it
        ({"retention": {"deleteBy": "2026-11-19"}}, {"retention-passed"}),  # expired yesterday
        ({"retention": {"trigger": "end of contract"}}, set()),
        ({"retention": {"basis": "we like it"}}, {"retention-unknown"}),
        ({}, {"retention-unknown"}),
        ({"retention": {"deleteBy": "whenever"}}, {"retention-unknown", "dataset-unreadable"}),
        (
            {
                "retention": {"deleteBy": "2030-12-31"},
                "acquisition": {
                    "channel": "licensed-delivery",
                    "agreement": {"expires": "2026-01-01", "deletionOnEnd": "yes"},
                },
            },
            {"retention-passed"},
        ),
    ],
)
def test_retention(facts, expected):
    world, model = trained(facts, {})
    assert found(world.judge(model, one("retention"))) == expected


def test_no_schedule_is_needed_where_there_is_nobody_but_a_day_that_passed_counts():
    world, model = trained(NOBODY, {})
    assert outcome(world.judge(model, one("retention"))).result is Result.NOT_APPLICABLE
    world, model = trained({**NOBODY, "retention": {"deleteBy": "2020-01-01"}}, {})
    assert found(world.judge(model, one("retention"))) == {"retention-passed"}


def test_a_last_day_may_be_asked_for():
    world, model = trained({"retention": {"trigger": "end of contract"}}, {})
    assert found(world.judge(model, one("retention: {lastDay: true}"))) == {"retention-unknown"}


# -- copyright-basis -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({}, set()),  # a licence is stated
        ({"license": {}, "copyrightBasis": "own"}, set()),
        ({"license": {}}, {"copyright-basis-unknown"}),
        ({"license": {}, "copyrightBasis": "licence"}, {"copyright-basis-unknown"}),
        ({"license": {}, "copyrightBasis": "vibes"}, {"copyright-basis-unknown"}),
        ({"license": {}, "copyrightBasis": "fair-use-claimed"}, {"copyright-basis-refused"}),
        ({"license": {}, "copyrightBasis": "none"}, {"no-copyright-basis"}),
        ({"copyrightBasis": "none"}, {"no-copyright-basis"}),
        ({"license": {}, "copyrightBasis": "tdm-art4"}, {"mining-not-checked"}),
        (
            {"license": {}, "copyrightBasis": "tdm-art4", "reservationCheck": {"result": "not-reserved"}},
            set(),
        ),
        (
            {"license": {}, "copyrightBasis": "tdm-art4", "reservationCheck": {"result": "partly-reserved"}},
            {"mining-was-reserved"},
        ),
    ],
)
def test_copyright_basis(record, expected):
    world, model = trained({}, dict(record))
    assert found(world.judge(model, one("copyright-basis"))) == expected


# -- rights-current --------------------------------------------------------------------------------------


def registered(*states: str | None, **record: Any) -> tuple[World, Artifact]:
    """As many records about one dataset as there are states, and a register that says where they stand."""
    world, model = trained({}, *({**record} for _ in states))
    records = [each for each in world.bundles if b"rights/v0.1" in each.payload]
    entries = [world.standing(each, state) for each, state in zip(records, states, strict=True) if state]
    world.register(*entries)
    return world, model


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (["current"], set()),
        (["superseded", "current"], set()),
        (["superseded"], {"rights-not-current", "rights-superseded"}),
        (["suspended"], {"rights-not-active"}),
        (["withdrawn"], {"rights-not-active"}),
        ([None], {"rights-unregistered"}),
        (["current", None], {"rights-unregistered"}),
        (["on holiday"], {"rights-not-active", "register-unreadable"}),
    ],
)
@pytest.mark.parametrize("asks", [f"rights-current: {{register: '{REGISTER}'}}", "rights-current"])
def test_rights_current(states, expected, asks):
    world, model = registered(*states, register=REGISTER)
    assert found(world.judge(model, one(asks))) == expected


def test_rights_current_needs_a_fresh_register():
    world, model = registered("current", register=REGISTER)
    for asks in (f"rights-current: {{register: '{REGISTER}'}}", "rights-current"):
        late = world.judge(model, one(asks), as_of=NOW + timedelta(days=60))
        assert found(late) == {"register-stale"}
        without = [each for each in world.bundles if each is not world.registers[-1][1]]
        assert found(world.judge(model, one(asks), lines=without)) == {
            "register-missing",
            "rights-unregistered",
        }
    aged = world.judge(model, one(f"rights-current: {{register: '{REGISTER}', maxAge: 30 minutes}}"))
    assert found(aged) == {"register-stale"}


def test_rights_current_where_no_register_is_named():
    world, model = registered("current")
    assert found(world.judge(model, one("rights-current"))) == {"rights-unregistered"}


def test_rights_that_ended_yesterday():
    world, model = registered("current", register=REGISTER, validUntil="2026-11-19T12:00:00Z")
    assert found(world.judge(model, one("rights-current"))) == {"rights-expired"}


def test_a_current_record_in_a_register_that_is_not_here():
    world, model = registered("superseded", "current", register=REGISTER)
    newest = [each for each in world.bundles if b"rights/v0.1" in each.payload][-1]
    lines = [each for each in world.bundles if each is not newest]
    for asks in (f"rights-current: {{register: '{REGISTER}'}}", "rights-current"):
        assert {"rights-not-current", "rights-not-shown"} <= found(world.judge(model, one(asks), lines=lines))


def test_the_current_record_of_another_holder_renews_nothing():
    world, model = registered("superseded", register=REGISTER)
    data = next(artifact for artifact, name in world.names.items() if name == "faces-2014")
    roles = {**DEFAULT_ROLES, "rights-holder": [{"principal": "desk"}, {"principal": "coop"}]}
    world.trust = make_trust(roles, ("ci", "desk", "registry", "coop"))
    theirs = world.rights(data, "CC-BY-4.0", by="coop", register=REGISTER)
    world.register(world.standing(theirs))
    assert found(world.judge(model, one("rights-current"))) == {"rights-not-current"}


def test_a_stale_register_renews_nothing():
    world, model = registered("superseded", "current", register=REGISTER)
    late = world.judge(model, one("rights-current"), as_of=NOW + timedelta(days=60))
    assert found(late) == {"rights-not-current", "register-stale"}


def test_a_withdrawn_record_renews_nothing():
    world, model = registered("superseded", "current", register=REGISTER)
    newest = [each for each in world.bundles if b"rights/v0.1" in each.payload][-1]
    world.withdraw(newest.statement_digest, by="desk")
    assert {"rights-not-current"} <= found(world.judge(model, one("rights-current")))


def test_a_basis_for_nobody_knows_where_may_be_one_for_there():
    world, model = trained(FACES, {"personalDataBasis": [{**GIVEN, "jurisdiction": None}]})
    assert found(world.judge(model, one("legal-basis: {territories: [US]}"))) == {"basis-unknown"}


def test_consent_that_ended_before_the_data_was_used():
    """Renewed since: it holds now, and did not then."""
    ended = {**basis(), "validUntil": "2026-01-31T00:00:00Z"}
    renewed = {**basis(consent={"status": "renewed"}), "validFrom": "2026-06-01T00:00:00Z"}
    world, model = trained(FACES, ended, renewed)
    records = [each for each in world.bundles if b"rights/v0.1" in each.payload]
    world.register(world.standing(records[0], "superseded"), world.standing(records[1]))
    asks = one(CONSENT.replace("{when", f"{{current: {{register: '{REGISTER}'}}, when"))
    assert found(world.judge(model, asks)) == {"consent-not-then"}


def test_not_applicable_needs_the_whole_lineage():
    """A lineage that runs in a circle is not a whole one, though every dataset in it says no."""
    world = World()
    data, first, second = world.dataset("d", **NOBODY), world.file("first"), world.file("second")
    world.step("finetune", [(first, "base-model"), (data, "dataset")], [second])
    world.step("finetune", [(second, "base-model"), (data, "dataset")], [first])
    for rule in ("consent", "legal-basis", "retention"):
        assert outcome(world.judge(second, one(rule))).result is Result.UNKNOWN


def test_the_same_note_of_many_datasets_is_one():
    world = World()
    datas = [world.dataset(f"d{number}", terms={}, licence="CC-BY-SA-4.0") for number in range(7)]
    model = world.file("m")
    world.step("train", [(each, "dataset") for each in datas], [model])
    (note,) = outcome(world.judge(model, one("license"))).notes
    assert note.endswith(" and 2 more: what is derived must carry the same terms (CC-BY-SA-4.0)")


# -- what the vendor's side writes -----------------------------------------------------------------------


def test_a_card_carries_what_the_rules_ask_for(tmp_path):
    """The card of the formats, as the vendor signs it, under the rules of the buyer."""
    source = Path(__file__).parent / "golden" / "documents" / "card.yaml"
    (tmp_path / "card.yaml").write_bytes(source.read_bytes())
    for name in ("agreements/2025-114.pdf", "licenses/photocoop.txt", "notices/v4.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"a file")
    card = read_card(tmp_path / "card.yaml")
    rights = card.rights_predicate()
    assert rights is not None
    world = World()
    data, model = world.file("faces-consented"), world.file("release")
    subject = [descriptor(data, "faces-consented")]
    world.sign("dataset", subject, card.dataset_predicate(size_bytes=1, file_count=1).to_json(), "desk")
    world.sign("rights", subject, rights.to_json(), "desk")
    world.step("train", [(data, "dataset")], [model], ran=RAN)
    asked = {
        "license": set(),
        CONSENT: set(),
        "legal-basis": set(),
        "purpose: {permitted: not-prohibited}": set(),
        "purpose": {"purpose-unknown"},  # the card does not say what is permitted
        "territories": set(),
        "retention": set(),
        "copyright-basis": set(),
        "personal-data: {biometric: [yes]}": {"personal-data-unknown"},  # nor about special categories
        "rights-current": {"rights-unregistered"},
    }
    for rule, expected in asked.items():
        policy = one(rule, purpose=["face-recognition"], territories=["EU"])
        assert found(world.judge(model, policy)) == expected, rule
    prohibited = one("purpose", purpose=["emotion-recognition"])
    assert "purpose-prohibited" in found(world.judge(model, prohibited))
