"""Rules over what datasets declare: all said and right passes, nothing said is unknown, wrong is refused."""

from __future__ import annotations

from typing import Any

import pytest
from world import FACTS, World, codes, facts, make_trust, parse_policy

from attest.declared import DatasetRule, handed_over, said, same
from attest.errors import UsageError
from attest.rule import RULES
from attest.verdict import Result, Verdict

NAMES = [
    "sources",
    "acquisition",
    "collection",
    "customer-data",
    "synthetic",
    "content",
    "evidence-present",
    "record-removal",
    "unknowns",
]
ALL = [*NAMES, "crawl-opt-outs"]
CRAWL = {
    "acquisition": {
        "channel": "crawl",
        "counterparty": None,
        "agreement": None,
        "crawl": {
            "agents": ["examplebot"],
            "signalsHonoured": ["robots-txt", "tdmrep"],
            "start": "2024-01-01",
            "end": "2025-03-31",
        },
    },
    "collection": {"method": ["web-scraping-crawling"]},
}
CHECKED = {
    "reservationCheck": {
        "methods": ["robots-txt", "tdmrep"],
        "result": "not-reserved",
        "checkedAt": "2024-06-01T00:00:00Z",
    }
}


def only(rule: str) -> str:
    """A policy of one rule; ``sources: {deny: [x]}``."""
    name, colon, parameters = rule.partition(": ")
    return f"policy: one\nversion: 1\nrules:\n  - {name}{colon}{parameters}\n"


def world_of(*said: dict[str, Any], rights: dict[str, Any] | None = None) -> tuple[World, Any]:
    """One model trained on one dataset, which those statements describe."""
    world = World(make_trust(names=("ci", "desk", "registry", "stranger")))
    data, model = world.file("faces"), world.file("model")
    world.names[data] = "faces"
    for each in said:
        world.describe(data, "faces", **each)
    world.rights(data, "CC-BY-4.0", **(rights or {}))
    world.step("train", [(data, "dataset")], [model])
    return world, model


def outcome(rule: str, *said: dict[str, Any], **more: Any):
    world, model = world_of(*said, **more)
    judgement = world.judge(model, only(rule))
    return judgement.judged[0].outcome, {each.partition("/")[2] for each in codes(judgement)}


@pytest.mark.parametrize("rule", NAMES)
def test_a_dataset_that_says_everything_passes(rule):
    result, found = outcome(rule, FACTS)
    assert result.result is Result.PASS
    assert found == set()
    assert result.examined > 0


@pytest.mark.parametrize("rule", ALL)
def test_a_dataset_that_says_nothing_is_unknown(rule):
    result, found = outcome(rule, {"acquisition": {"channel": "unknown"}})
    expected = Result.FAIL if rule == "unknowns" else Result.UNKNOWN  # so many unknown facts are certain
    assert result.result is expected
    assert found


@pytest.mark.parametrize("rule", ALL)
def test_a_dataset_nobody_describes_is_unknown(rule):
    result, found = outcome(rule)
    assert result.result is Result.UNKNOWN
    assert found == {"dataset-undescribed"}


@pytest.mark.parametrize("rule", ALL)
def test_somebody_who_may_not_describe_it_grants_nothing(rule):
    world = World(make_trust(names=("ci", "desk", "registry", "stranger")))
    data, model = world.file("faces"), world.file("model")
    world.describe(data, "faces", by="ci", **FACTS)
    world.step("train", [(data, "dataset")], [model])
    judged = world.judge(model, only(rule)).judged[0].outcome
    assert judged.result is Result.UNKNOWN
    assert {each.code for each in judged.findings} == {"dataset-undescribed"}
    assert "is not believed" in judged.findings[0].summary


@pytest.mark.parametrize("rule", ALL)
def test_a_gap_hides_datasets(rule):
    world = World()
    model, base = world.file("model"), world.file("base")
    data = world.dataset("faces", **FACTS)
    world.step("finetune", [(data, "dataset"), (base, "base-model")], [model])
    judgement = world.judge(model, only(rule))
    assert judgement.verdict is Verdict.INCOMPLETE
    assert "lineage-hidden" in {each.partition("/")[2] for each in codes(judgement)}


@pytest.mark.parametrize("rule", ALL)
def test_describing_a_base_model_as_data_does_not_explain_what_it_was_trained_on(rule):
    world = World()
    model, base = world.file("model"), world.file("base")
    world.dataset("base", artifact=base, **FACTS)
    data = world.dataset("faces", **FACTS)
    world.step("finetune", [(data, "dataset"), (base, "base-model")], [model])
    judgement = world.judge(model, only(rule))
    assert judgement.verdict is Verdict.INCOMPLETE
    assert "lineage-hidden" in {each.partition("/")[2] for each in codes(judgement)}


@pytest.mark.parametrize("rule", ALL)
def test_an_empty_bundle_passes_nothing(rule):
    world, model = world_of(FACTS)
    assert world.judge(model, only(rule), lines=[]).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("rule", ALL)
def test_the_strictest_of_two_statements_counts_in_any_order(rule):
    for pair in ((FACTS, {"acquisition": {}}), ({"acquisition": {}}, FACTS)):
        assert outcome(rule, *pair)[0].result in (Result.UNKNOWN, Result.FAIL)


@pytest.mark.parametrize("rule", ALL)
def test_withdrawing_the_statement_grants_nothing_more(rule):
    world, model = world_of(FACTS)
    world.withdraw(world.bundles[0].statement_digest, by="desk")
    judged = world.judge(model, only(rule)).judged[0].outcome
    assert judged.result is Result.UNKNOWN
    assert "dataset-undescribed" in {each.code for each in judged.findings}


def test_withdrawing_what_was_admitted_takes_nothing_back():
    admitted = facts(acquisition={"channel": "crawl", "counterparty": None, "agreement": None})
    world, model = world_of(admitted, FACTS)
    world.withdraw(world.bundles[0].statement_digest, by="desk")
    judged = world.judge(model, only("acquisition: {deny: [crawl]}")).judged[0].outcome
    assert judged.result is Result.FAIL
    assert {each.code for each in judged.findings} == {"channel-denied"}


@pytest.mark.parametrize("rule", ["content", "collection", "sources"])
def test_a_dataset_made_by_a_step_needs_no_statement_of_its_own(rule):
    world = World()
    data, clean, model = world.dataset("faces", **FACTS), world.file("clean"), world.file("model")
    world.step("transform", [(data, "dataset")], [clean])
    world.step("train", [(clean, "dataset")], [model])
    judged = world.judge(model, only(rule)).judged[0].outcome
    assert (judged.result, judged.examined) == (Result.PASS, 1)
    world.describe(clean, "clean", acquisition={"channel": "unknown"})
    assert world.judge(model, only(rule)).judged[0].outcome.result is Result.UNKNOWN


PASS = None
CASES = [
    ("sources", facts(issuer=None), "source-unnamed", Result.UNKNOWN),
    ("sources", facts(issuer={"legalName": "Unknown"}), "source-unnamed", Result.UNKNOWN),
    ("sources", facts(issuer={"legalName": " "}), "source-unnamed", Result.UNKNOWN),
    ("sources", facts(acquisition={"counterparty": None}), "source-unnamed", Result.UNKNOWN),
    ("sources", facts(acquisition={"channel": "crawl", "counterparty": None}), PASS, Result.PASS),
    (
        "sources",
        facts(acquisition={"channel": "public-dataset", "counterparty": None}),
        "source-unnamed",
        Result.UNKNOWN,
    ),
    ("sources", facts(origin=None), PASS, Result.PASS),
    ("sources: {require: [origin]}", facts(origin=None), "source-unnamed", Result.UNKNOWN),
    ("sources: {deny: [photo  CO-OP]}", FACTS, "source-denied", Result.FAIL),
    ("sources: {deny: [Somebody Else]}", FACTS, PASS, Result.PASS),
    ("sources", facts(issuer={"legalName": 7}), "dataset-unreadable", Result.UNKNOWN),
    ("acquisition: {deny: [licensed-delivery]}", FACTS, "channel-denied", Result.FAIL),
    ("acquisition: {channels: [licensed-delivery]}", FACTS, PASS, Result.PASS),
    ("acquisition: {channels: [purchased]}", FACTS, "channel-denied", Result.FAIL),
    (
        "acquisition: {channels: [purchased]}",
        facts(acquisition={"channel": "found-it"}),
        "acquisition-unknown",
        Result.UNKNOWN,
    ),
    ("acquisition", facts(acquisition={"channel": "unknown"}), "acquisition-unknown", Result.UNKNOWN),
    ("acquisition", facts(acquisition={"agreement": None}), "agreement-missing", Result.UNKNOWN),
    ("acquisition: {agreement: optional}", facts(acquisition={"agreement": None}), PASS, Result.PASS),
    (
        "acquisition",
        facts(acquisition={"agreement": {"name": "x", "digest": {"sha512": "0" * 128}}}),
        "agreement-missing",
        Result.UNKNOWN,
    ),
    (
        "acquisition",
        facts(acquisition={"agreement": None, "channel": "first-party-users"}),
        PASS,
        Result.PASS,
    ),
    (
        "acquisition",
        facts(acquisition={"agreement": {**FACTS["acquisition"]["agreement"], "expires": "2026-11-19"}}),
        "agreement-ended",
        Result.UNKNOWN,
    ),
    (
        "acquisition",
        facts(acquisition={"agreement": {**FACTS["acquisition"]["agreement"], "expires": "2026-11-20"}}),
        PASS,
        Result.PASS,
    ),
    (
        "acquisition",
        facts(
            acquisition={
                "agreement": {
                    **FACTS["acquisition"]["agreement"],
                    "expires": "2026-11-19",
                    "deletionOnEnd": "yes",
                }
            }
        ),
        "agreement-ended",
        Result.FAIL,
    ),
    (
        "acquisition",
        facts(
            acquisition={
                "agreement": {
                    **FACTS["acquisition"]["agreement"],
                    "expires": "2026-11-19",
                    "deletionOnEnd": "no",
                }
            }
        ),
        PASS,
        Result.PASS,
    ),
    ("acquisition", facts(acquisition={"relatedParty": "yes"}), PASS, Result.PASS),
    ("acquisition: {relatedParty: no}", FACTS, PASS, Result.PASS),
    (
        "acquisition: {relatedParty: no}",
        facts(acquisition={"relatedParty": "yes"}),
        "related-party",
        Result.FAIL,
    ),
    ("acquisition", facts(acquisition={"relatedParty": None}), "related-party-unknown", Result.UNKNOWN),
    ("acquisition: {relatedParty: optional}", facts(acquisition={"relatedParty": None}), PASS, Result.PASS),
    ("collection", facts(collection=None), "collection-method-unknown", Result.UNKNOWN),
    ("collection", facts(collection={"method": []}), "collection-method-unknown", Result.UNKNOWN),
    (
        "collection",
        facts(collection={"method": ["primary-user-source", "magic"]}),
        "collection-method-unknown",
        Result.UNKNOWN,
    ),
    ("collection: {deny: [primary-user-source]}", FACTS, "collection-method-denied", Result.FAIL),
    ("collection: {methods: [feeds]}", FACTS, "collection-method-denied", Result.FAIL),
    ("collection: {methods: [feeds, primary-user-source]}", FACTS, PASS, Result.PASS),
    ("collection", facts(collection={"end": None}), "collection-period-unknown", Result.UNKNOWN),
    ("collection", facts(collection={"end": None, "ongoing": "yes"}), PASS, Result.PASS),
    ("collection", facts(collection={"start": None}), "collection-period-unknown", Result.UNKNOWN),
    ("collection: {since: 2024-01-01, until: 2025-03-31}", FACTS, PASS, Result.PASS),
    ("collection: {since: 2024-01-02}", FACTS, "collection-period-denied", Result.FAIL),
    ("collection: {until: 2025-03-30}", FACTS, "collection-period-denied", Result.FAIL),
    (
        "collection: {until: 2025-12-31}",
        facts(collection={"end": None, "ongoing": "yes"}),
        "collection-period-denied",
        Result.FAIL,
    ),
    ("collection", facts(collection={"start": 2024}), "dataset-unreadable", Result.UNKNOWN),
    (
        "customer-data",
        facts(acquisition={"channel": "customer-supplied"}),
        "customer-supplied-data",
        Result.FAIL,
    ),
    (
        "customer-data: {customers: [photo co-op]}",
        facts(acquisition={"channel": "customer-supplied"}),
        PASS,
        Result.PASS,
    ),
    (
        "customer-data: {customers: [Acme]}",
        facts(acquisition={"channel": "customer-supplied"}),
        "customer-supplied-data",
        Result.FAIL,
    ),
    (
        "customer-data: {customers: [Acme]}",
        facts(acquisition={"channel": "customer-supplied", "counterparty": None}),
        "customer-unnamed",
        Result.UNKNOWN,
    ),
    (
        "customer-data",
        facts(acquisition={"channel": "customer-supplied", "counterparty": None}),
        "customer-supplied-data",
        Result.FAIL,
    ),
    ("customer-data", facts(acquisition={"channel": "unknown"}), "acquisition-unknown", Result.UNKNOWN),
    ("synthetic", facts(synthetic=None), "synthetic-unknown", Result.UNKNOWN),
    ("synthetic", facts(synthetic={"presence": "yes"}), "generator-unnamed", Result.UNKNOWN),
    (
        "synthetic",
        facts(synthetic={"presence": "yes", "generators": [{"name": "faces-gan 2"}]}),
        PASS,
        Result.PASS,
    ),
    (
        "synthetic: {atMost: 0}",
        facts(synthetic={"presence": "yes", "generators": [{"name": "g"}]}),
        "synthetic-data",
        Result.FAIL,
    ),
    (
        "synthetic: {atMost: 1}",
        facts(synthetic={"presence": "yes", "generators": [{"name": "g"}]}),
        PASS,
        Result.PASS,
    ),
    ("synthetic: {atMost: 0}", FACTS, PASS, Result.PASS),
    ("synthetic: {atMost: 0}", facts(acquisition={"channel": "synthetic"}), "synthetic-data", Result.FAIL),
    (
        "synthetic",
        facts(collection={"method": ["simulations"]}),
        "synthetic-unknown",
        Result.UNKNOWN,
    ),
    (
        "synthetic: {deny: [Some-LLM 4]}",
        facts(synthetic={"presence": "yes", "generators": [{"name": "some-llm 4"}]}),
        "generator-denied",
        Result.FAIL,
    ),
    (
        f"synthetic: {{deny: ['sha256:{'a' * 64}']}}",
        facts(synthetic={"presence": "yes", "generators": [{"name": "x", "digest": {"sha256": "a" * 64}}]}),
        "generator-denied",
        Result.FAIL,
    ),
    ("content", facts(content=None), "content-unknown", Result.UNKNOWN),
    ("content", facts(content={"modality": []}), "content-unknown", Result.UNKNOWN),
    (
        "content",
        facts(content={"recordCount": None, "fileCount": None, "sizeBytes": None}),
        "content-unknown",
        Result.UNKNOWN,
    ),
    (
        "content: {require: [records]}",
        facts(content={"recordCount": None}),
        "content-unknown",
        Result.UNKNOWN,
    ),
    ("content: {require: [languages]}", FACTS, "content-unknown", Result.UNKNOWN),
    ("content: {modalities: [text]}", FACTS, "content-denied", Result.FAIL),
    ("content: {modalities: [image]}", FACTS, PASS, Result.PASS),
    (
        "content: {languages: [en, de]}",
        facts(content={"modality": ["text"], "languages": ["en-GB", "DE"]}),
        PASS,
        Result.PASS,
    ),
    (
        "content: {languages: [en]}",
        facts(content={"modality": ["text"], "languages": ["eng"]}),
        "content-denied",
        Result.FAIL,
    ),
    (
        "content: {languages: [en]}",
        facts(content={"modality": ["text"]}),
        "content-unknown",
        Result.UNKNOWN,
    ),
    ("content: {languages: [en]}", FACTS, PASS, Result.PASS),
    ("content", facts(content={"sizeBytes": 7}), "size-disagrees", Result.UNKNOWN),
    ("evidence-present", facts(checks=None), "check-missing", Result.UNKNOWN),
    ("evidence-present", facts(checks=FACTS["checks"][:2]), "check-missing", Result.UNKNOWN),
    ("evidence-present: {checks: [bias]}", facts(checks=FACTS["checks"][2:]), PASS, Result.PASS),
    (
        "evidence-present",
        facts(checks=[*FACTS["checks"], {"kind": "bias", "result": "failed"}]),
        "check-failed",
        Result.FAIL,
    ),
    (
        "evidence-present: {checks: [bias]}",
        facts(checks=[{"kind": "bias", "result": "passed"}]),
        "check-missing",
        Result.UNKNOWN,
    ),
    (
        "evidence-present: {checks: [bias]}",
        facts(checks=[{"kind": "bias", "result": "splendid"}]),
        "check-missing",
        Result.UNKNOWN,
    ),
    ("evidence-present: {verified: true}", FACTS, "check-missing", Result.UNKNOWN),
    (
        "evidence-present: {checks: [bias], verified: true}",
        facts(checks=[{**FACTS["checks"][2], "claim": "third-party-verified"}]),
        PASS,
        Result.PASS,
    ),
    ("evidence-present: {groups: [personalData]}", FACTS, "evidence-missing", Result.UNKNOWN),
    (
        "evidence-present: {groups: [personalData]}",
        facts(personalData={"evidence": [{"digest": {"sha256": "a" * 64}}]}),
        PASS,
        Result.PASS,
    ),
    ("record-removal", facts(recordCommitment=None), "commitment-missing", Result.UNKNOWN),
    ("record-removal: {over: personal}", facts(recordCommitment=None), PASS, Result.NOT_APPLICABLE),
    (
        "record-removal: {over: personal}",
        facts(recordCommitment=None, personalData={"presence": "unknown"}),
        "commitment-missing",
        Result.UNKNOWN,
    ),
    (
        "record-removal: {over: personal}",
        facts(personalData={"presence": "yes"}),
        PASS,
        Result.PASS,
    ),
    ("record-removal: {keying: content}", FACTS, PASS, Result.PASS),
    ("record-removal: {keying: subject}", FACTS, "commitment-missing", Result.UNKNOWN),
    (
        "record-removal: {keying: subject}",
        facts(subjectCommitment={**FACTS["recordCommitment"], "keying": "subject", "count": 7}),
        PASS,
        Result.PASS,
    ),
    (
        "record-removal: {keying: subject}",
        facts(subjectCommitment={**FACTS["recordCommitment"], "keying": "content"}),
        "commitment-partial",
        Result.UNKNOWN,
    ),
    (
        "record-removal",
        facts(recordCommitment={"secretDigest": None}),
        "commitment-partial",
        Result.UNKNOWN,
    ),
    ("record-removal", facts(recordCommitment={"scheme": "magic"}), "commitment-partial", Result.UNKNOWN),
    ("record-removal", facts(recordCommitment={"root": "nothing"}), "dataset-unreadable", Result.UNKNOWN),
    ("record-removal", facts(recordCommitment={"count": 999}), PASS, Result.PASS),  # two are alike
    ("record-removal", facts(recordCommitment={"count": 1001}), "commitment-count", Result.FAIL),
    (
        "record-removal",
        facts(recordCommitment={"count": 990, "records": 999}),
        "commitment-count",
        Result.FAIL,
    ),
    ("record-removal", facts(recordCommitment={"count": 990, "records": 1000}), PASS, Result.PASS),
    (
        "record-removal",
        facts(content={"fileCount": 3}, recordCommitment={"count": 3, "records": 3, "unit": "file"}),
        PASS,
        Result.PASS,
    ),
    (
        "record-removal",
        facts(content={"fileCount": 4}, recordCommitment={"count": 3, "records": 3, "unit": "file"}),
        "commitment-count",
        Result.FAIL,
    ),
    ("unknowns", facts(ip=None), "facts-unknown", Result.FAIL),
    ("unknowns: {atMost: 1}", facts(ip=None), PASS, Result.PASS),
    ("unknowns: {atMost: 1}", facts(ip=None, synthetic=None), "facts-unknown", Result.FAIL),
    ("unknowns: {facts: [channel]}", facts(ip=None), PASS, Result.PASS),
    ("unknowns: {atMost: 3}", facts(personalData={"presence": "yes"}), PASS, Result.PASS),
    ("unknowns: {atMost: 2}", facts(personalData={"presence": "yes"}), "facts-unknown", Result.FAIL),
]


@pytest.mark.parametrize(("rule", "facts_", "code", "result"), CASES)
def test_what_a_rule_makes_of_a_statement(rule, facts_, code, result):
    judged, found = outcome(rule, facts_)
    assert judged.result is result
    assert (code in found) if code else (found == set())


def test_every_finding_has_evidence_a_path_and_something_to_ask_for():
    for rule, facts_, code, _ in CASES:
        for finding in outcome(rule, facts_)[0].findings:
            assert finding.evidence, code
            assert finding.path[-1] == "faces", code
            assert finding.remedy.startswith(("Ask ", "Use ")), code


CRAWL_CASES = [
    ("crawl-opt-outs", {}, {}, PASS, Result.PASS),
    ("crawl-opt-outs: {agents: [ExampleBot]}", {}, {}, PASS, Result.PASS),
    ("crawl-opt-outs: {agents: [otherbot]}", {}, {}, "crawler-denied", Result.FAIL),
    ("crawl-opt-outs", {"agents": []}, {}, "crawler-unnamed", Result.UNKNOWN),
    ("crawl-opt-outs", {"agents": ["unknown"]}, {}, "crawler-unnamed", Result.UNKNOWN),
    ("crawl-opt-outs", {"signalsHonoured": None}, {}, "signals-not-honoured", Result.UNKNOWN),
    ("crawl-opt-outs: {signals: [ai-txt]}", {}, {}, "signals-not-honoured", Result.UNKNOWN),
    ("crawl-opt-outs: {checks: [robots-txt, tdmrep]}", {}, {}, PASS, Result.PASS),
    ("crawl-opt-outs: {checks: [ai-txt]}", {}, {}, "reservation-unclear", Result.UNKNOWN),
    ("crawl-opt-outs", {}, {"result": "reserved"}, "mining-reserved", Result.FAIL),
    ("crawl-opt-outs", {}, {"result": "partly-reserved"}, PASS, Result.PASS),
    (
        "crawl-opt-outs",
        {"signalsHonoured": ["robots-txt"]},
        {"result": "partly-reserved"},
        "reservation-unclear",
        Result.UNKNOWN,
    ),
    ("crawl-opt-outs", {}, {"result": "perhaps"}, "reservation-unclear", Result.UNKNOWN),
    ("crawl-opt-outs", {}, {"checkedAt": None}, "reservation-unclear", Result.UNKNOWN),
    ("crawl-opt-outs", {}, {"checkedAt": "2023-12-31T00:00:00Z"}, "reservation-unclear", Result.UNKNOWN),
    ("crawl-opt-outs", {}, {"methods": []}, "reservation-unclear", Result.UNKNOWN),
    ("crawl-opt-outs", {}, {"exceptOn": "Fridays"}, "reservation-unclear", Result.UNKNOWN),
]


@pytest.mark.parametrize(("rule", "crawl", "check", "code", "result"), CRAWL_CASES)
def test_what_was_crawled_must_have_left_out_what_was_reserved(rule, crawl, check, code, result):
    acquisition = {**CRAWL["acquisition"], "crawl": {**CRAWL["acquisition"]["crawl"], **crawl}}
    said_ = facts(**{**CRAWL, "acquisition": acquisition})
    checked = {**CHECKED["reservationCheck"], **check}
    rights = {"reservationCheck": {key: value for key, value in checked.items() if value is not None}}
    judged, found = outcome(rule, said_, rights=rights)
    assert judged.result is result
    assert (code in found) if code else (found == set())


def test_a_crawl_without_a_reservation_check_of_the_whole_is_unknown():
    assert outcome("crawl-opt-outs", facts(**CRAWL))[1] == {"reservation-unchecked"}
    part = {**CHECKED, "scope": {"subsetRoot": "4" * 64}}
    assert outcome("crawl-opt-outs", facts(**CRAWL), rights=part)[1] == {"reservation-unchecked"}


@pytest.mark.parametrize(
    "hint", [{"acquisition": CRAWL["acquisition"]}, {"collection": CRAWL["collection"]}], ids=str
)
def test_a_channel_a_crawl_or_a_method_shows_that_it_was_crawled(hint):
    assert outcome("crawl-opt-outs", facts(**hint))[0].result is Result.UNKNOWN


def test_where_nothing_was_crawled_the_rule_does_not_apply():
    judged, found = outcome("crawl-opt-outs", FACTS)
    assert judged.result is Result.NOT_APPLICABLE
    assert found == set()
    world, model = world_of(FACTS)
    assert world.judge(model, only("crawl-opt-outs")).verdict is Verdict.INCOMPLETE  # no rule applied
    both = only("crawl-opt-outs") + "  - sources\n"
    assert world.judge(model, both).verdict is Verdict.ACCEPT


def test_it_may_apply_where_the_lineage_is_not_complete():
    world, model = world_of(FACTS)
    hidden, tuned = world.file("hidden"), world.file("tuned")
    world.step("merge", [(model, "base-model"), (hidden, "base-model")], [tuned])
    assert world.judge(tuned, only("crawl-opt-outs")).judged[0].outcome.result is Result.UNKNOWN


def test_a_withdrawn_admission_of_a_crawl_still_counts():
    world, model = world_of(facts(**CRAWL), FACTS)
    world.withdraw(world.bundles[0].statement_digest, by="desk")
    assert world.judge(model, only("crawl-opt-outs")).judged[0].outcome.result is Result.UNKNOWN


def test_unknown_facts_are_listed_even_when_they_are_few_enough():
    judged, _ = outcome("unknowns: {atMost: 2}", facts(ip=None, synthetic=None))
    assert judged.notes == ("faces: unknown: copyright, synthetic",)


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ("acquisition: {deny: [crawls]}", "did you mean 'crawl'?"),
        ("acquisition: {channel: [crawl]}", "did you mean 'channels'?"),
        ("collection: {methods: [scraping]}", "none of the collection methods"),
        ("crawl-opt-outs: {signals: [robots]}", "did you mean 'robots-txt'?"),
        ("evidence-present: {checks: [biases]}", "did you mean 'bias'?"),
        ("content: {modalities: [pictures]}", "none of the modalities"),
        ("sources: {require: []}", "at least 1"),
        ("unknowns: {atMost: -1}", "greater than or equal to 0"),
    ],
)
def test_a_misspelt_parameter_is_told_the_nearest_word(rule, hint):
    with pytest.raises(UsageError) as caught:
        parse_policy(only(rule))
    assert hint in f"{caught.value.what} {caught.value.hint}"
    assert caught.value.where == "policy.yaml:4"


def test_names_are_compared_without_case_and_prove_nothing():
    assert same("Photo  Co-op", ["PHOTO CO-OP"])
    assert not same("Photo Coop", ["Photo Co-op"])
    assert said("unknown") is None
    assert said(None) is None
    assert said("x") == "x"


def test_what_stands_behind_a_channel():
    assert handed_over("purchased") == "contract"
    assert handed_over("public-dataset") == "publisher"
    assert handed_over("crawl") is None
    assert handed_over("made-up") is None


def test_every_rule_over_datasets_says_which_fields_it_reads():
    rules = [RULES.load(name) for name in RULES]
    read = [rule for rule in rules if issubclass(rule, DatasetRule)]
    assert len(read) >= 9
    assert all(rule.READS for rule in read)
