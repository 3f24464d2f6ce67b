"""What a vendor may try against a policy, each refused for its own reason. In brackets: who lets it pass."""

from __future__ import annotations

from typing import Any

import pytest
from world import (
    BUILDER,
    DEFAULT_ROLES,
    FACTS,
    NOW,
    REGISTER,
    Tree,
    World,
    codes,
    descriptor,
    facts,
    make_trust,
    parse_policy,
    signer,
)

from attest.graph import Evidence, Graph, Signature
from attest.keeper import Remembered
from attest.lineage import Lineage
from attest.matching import Delivery, Match
from attest.policy import evaluate
from attest.predicate import predicate_type, read_predicate
from attest.resource import Artifact, ResourceDescriptor
from attest.review import Review
from attest.statement import Statement
from attest.verdict import Result, Verdict
from attest.verifier import Identity

POLICY = f"""
policy: careful-buyer
version: 1
rules:
  - weights-match
  - complete-lineage
  - signed-by
  - contents-complete: {{current: {{register: {REGISTER}, maxAge: 7 days, independent: true}}}}
  - no-withdrawn-statement: {{register: {REGISTER}, maxAge: 7 days, independent: true}}
  - license: {{use: commercial}}
  - not-under-order: {{register: {REGISTER}, maxAge: 7 days, independent: true}}
  - sources: {{deny: [Scraper Inc]}}
  - acquisition: {{deny: [crawl], relatedParty: no}}
  - collection
  - customer-data
  - synthetic
  - unknowns
"""


def made_of(*said: dict[str, Any]) -> tuple[World, list[Artifact], Artifact]:
    """A model trained on one dataset for each."""
    world = World()
    data = [world.dataset(f"data{number}", **each) for number, each in enumerate(said)]
    model = world.file("model")
    world.step("train", [(each, "dataset") for each in data], [model])
    return world, data, model


def close(world: World, model: Artifact | Tree, *entries: Any) -> None:
    """List everything, and register the list with what else there is to tell."""
    world.register(world.current(world.contents(model)), *entries)


def test_what_is_refused_here_for_one_reason_is_accepted_without_it():
    world, _, model = made_of(FACTS, FACTS)
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert judgement.verdict is Verdict.ACCEPT
    assert codes(judgement) == set()


# -- registers -------------------------------------------------------------------------------------------


def test_a_vendor_who_keeps_its_own_register():
    world, _, model = made_of(FACTS)
    world.trust = make_trust({**DEFAULT_ROLES, "keeper": [{"principal": "ci", "register": REGISTER}]})
    world.register(world.current(world.contents(model)), by="ci")
    judgement = world.judge(model, POLICY)
    assert judgement.verdict is Verdict.INCOMPLETE
    assert codes(judgement) == {
        f"{rule}/register-self-kept"
        for rule in ("contents-complete", "no-withdrawn-statement", "not-under-order")
    }


def test_a_vendor_whose_own_register_lifts_an_order_of_another():
    """An order names its register; a second keeper the reader trusts for something else lifts nothing."""
    world, data, model = made_of(FACTS)
    own = "https://vendor.example/register"
    keepers = [*DEFAULT_ROLES["keeper"], {"principal": "ci", "register": own}]
    world.trust = make_trust({**DEFAULT_ROLES, "keeper": keepers})
    order = world.order(data[0])
    close(world, model, world.listed(order))
    world.register(world.listed(order, "vacated"), by="ci", registerId=own, sequence=1, previous=None)
    judgement = world.judge(model, POLICY)
    assert judgement.verdict is Verdict.REJECT
    assert "not-under-order/under-order" in codes(judgement)


def test_a_vendor_who_withdraws_the_order():
    world, data, model = made_of(FACTS)
    order = world.order(data[0], by="ci")
    world.withdraw(order.statement_digest, by="ci")
    close(world, model)
    assert "not-under-order/under-order" in codes(world.judge(model, POLICY))


def test_an_old_register_hides_the_order_from_nobody_who_saw_the_new_one():
    world, data, model = made_of(FACTS)
    close(world, model)
    old = list(world.bundles)
    world.register(world.listed(world.order(data[0])))
    assert world.judge(model, POLICY).verdict is Verdict.REJECT
    assert world.judge(model, POLICY, lines=old).verdict is Verdict.ACCEPT  # nobody told this reader
    seen = {REGISTER: Remembered(2, world.registers[-1][1].statement_digest)}
    judgement = world.judge(model, POLICY, lines=old, memory=seen)
    assert judgement.verdict is Verdict.REJECT
    assert "not-under-order/register-rollback" in codes(judgement)


def test_older_contents_replayed_with_a_register_that_names_newer_ones():
    world, data, model = made_of(FACTS)
    close(world, model)
    first = world.bundles[-2]
    world.rights(data[0], "CC-BY-NC-4.0", sequence=2)
    second = world.contents(model, [*world.bundles[:3], world.bundles[-1]], sequence=2)
    entries = world.registers[-1][0]["entries"]
    world.register(entries=[{**entries[0], "status": "superseded"}, world.current(second)])
    replayed = [*world.bundles[:4], world.registers[-1][1]]
    assert first in replayed
    judgement = world.judge(model, POLICY, lines=replayed)
    assert judgement.verdict is Verdict.REJECT
    assert codes(judgement) == {"contents-complete/contents-superseded"}


def test_older_rights_replayed_without_the_narrower_ones_that_followed():
    world, data, model = made_of(FACTS)
    narrow = world.rights(data[0], "CC-BY-NC-4.0", sequence=2)
    close(world, model)
    assert "license/license-denied" in codes(world.judge(model, POLICY))
    without = [each for each in world.bundles if each is not narrow]
    judgement = world.judge(model, POLICY, lines=without)
    assert judgement.verdict is Verdict.REJECT
    assert "contents-complete/statement-missing" in codes(judgement)


# -- what statements hide --------------------------------------------------------------------------------


def test_training_data_declared_as_configuration():
    world = World()
    data, hidden, model = world.dataset("data", **FACTS), world.file("hidden"), world.file("model")
    large = descriptor(hidden, "settings.json", role="config", sizeBytes=5 << 20)
    world.step("train", [(data, "dataset"), large], [model])
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert judgement.verdict is Verdict.INCOMPLETE
    found = codes(judgement)
    assert "complete-lineage/unknown-input" in found
    assert {f"{rule}/dataset-undescribed" for rule in ("sources", "acquisition", "unknowns")} <= found


def test_small_configuration_that_an_order_names():
    """Roles only add scrutiny: an order follows every role."""
    world = World()
    data, hidden, model = world.dataset("data", **FACTS), world.file("prompts"), world.file("model")
    world.step("train", [(data, "dataset"), (hidden, "config")], [model])
    world.order(hidden)
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert codes(judgement) == {"not-under-order/under-order"}


def test_a_vendor_who_claims_another_builder_id():
    world, data, model = made_of(FACTS)
    other = world.file("other")
    world.step("finetune", [(model, "base-model"), (data[0], "dataset")], [other], builder=BUILDER + "x")
    close(world, other)
    judgement = world.judge(other, POLICY)
    assert judgement.verdict is Verdict.REJECT
    assert "signed-by/signer-lacks-role" in codes(judgement)


@pytest.mark.parametrize("kind", ["dataset", "rights"])
def test_a_vendor_who_speaks_for_somebody_elses_dataset(kind):
    world = World(
        make_trust(
            {
                **DEFAULT_ROLES,
                "data-owner": [{"principal": "coop"}],
                "rights-holder": [{"principal": "coop"}],
            },
            ("ci", "desk", "registry", "coop"),
        )
    )
    data, model = world.file("faces"), world.file("model")
    world.describe(data, "faces", by="desk" if kind == "dataset" else "coop", **FACTS)
    world.rights(data, "CC-BY-4.0", by="desk" if kind == "rights" else "coop")
    world.step("train", [(data, "dataset")], [model])
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert not judgement.verdict.accepts
    expected = {"dataset": "sources/dataset-undescribed", "rights": "license/rights-untrusted"}
    assert expected[kind] in codes(judgement)


def test_a_vendor_who_withdraws_the_step_that_reveals_a_tainted_input():
    world = World()
    scraped = world.dataset("scraped", **facts(acquisition={"channel": "crawl"}))
    clean, model = world.dataset("clean", **FACTS), world.file("model")
    revealing = world.step("train", [(scraped, "dataset"), (clean, "dataset")], [model])
    world.step("train", [(clean, "dataset")], [model])
    world.withdraw(revealing.statement_digest, by="ci")
    world.order(scraped)
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert judgement.verdict is Verdict.REJECT
    assert {"acquisition/channel-denied", "not-under-order/under-order"} <= codes(judgement)


def test_a_vendor_who_withdraws_the_statement_that_admits_a_source():
    world, data, model = made_of(facts(issuer={"legalName": "Scraper Inc"}))
    admitting = world.bundles[0]
    world.describe(data[0], "data", **FACTS)
    world.withdraw(admitting.statement_digest, by="desk")
    close(world, model)
    assert "sources/source-denied" in codes(world.judge(model, POLICY))


def test_a_source_named_by_derived_from_alone():
    world, data, model = made_of(
        {**FACTS, "derivedFrom": [{"name": "scraped", "digest": {"sha256": "a" * 64}}]}
    )
    world.order(Artifact("a" * 64))
    close(world, model)
    found = codes(world.judge(model, POLICY))
    assert {"not-under-order/under-order", "sources/dataset-undescribed"} <= found
    assert data[0] in world.review(model).lineage.ancestors


def test_two_datasets_that_begin_alike():
    """[MLflow: the digest of a dataset is that of its first 10,000 rows]"""
    rows = b"".join(b"%d,face\n" % number for number in range(10_000))
    first, second = Tree("first", {"rows.csv": rows}), Tree("second", {"rows.csv": rows + b"10000,stolen\n"})
    world = World()
    world.describe(first.artifact, "first", **FACTS)
    world.rights(first.artifact, "CC-BY-4.0")
    model = world.file("model")
    world.step("train", [(second, "dataset")], [model])
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert not judgement.verdict.accepts
    assert {"complete-lineage/unknown-input", "sources/dataset-undescribed"} <= codes(judgement)


def test_a_training_step_that_read_nothing():
    """[witness: empty materials compare equal to anything]"""
    world = World()
    model = world.file("model")
    world.step("train", [], [model])
    close(world, model)
    judgement = world.judge(model, POLICY)
    assert not judgement.verdict.accepts
    assert all(
        each.outcome.result is not Result.PASS
        for each in judgement.judged
        if each.rule in ("sources", "acquisition", "collection", "unknowns", "synthetic", "customer-data")
    )


# -- the shape of the graph ------------------------------------------------------------------------------


def test_an_order_in_a_circle_and_through_a_diamond():
    world = World()
    data, left, right, model = world.dataset("d", **FACTS), world.file("l"), world.file("r"), world.file("m")
    world.step("transform", [(data, "dataset")], [left])
    world.step("transform", [(data, "dataset"), (left, "dataset")], [right])
    world.step("train", [(left, "dataset"), (right, "dataset")], [model])
    world.step("finetune", [(model, "base-model"), (data, "dataset")], [left])
    world.order(data)
    close(world, model)
    judgement = world.judge(model, POLICY)
    found = [f for each in judgement.judged for f in each.outcome.findings if f.code == "under-order"]
    assert len(found) == 1
    assert "complete-lineage/lineage-cycle" in codes(judgement)


def test_an_order_about_the_far_end_of_a_chain_of_20_000_steps():
    """[recursion limits; witness searches three rounds, Atlas ten]"""
    digests = [f"{number:064x}" for number in range(20_001)]
    named = ("ci",)
    signature = Signature(Identity("key", "a"), named, None)
    evidence = []
    for number in range(20_000):
        predicate = {
            "buildDefinition": {
                "buildType": "https://w3id.org/attest/build-types/finetune/v0.1",
                "externalParameters": {},
                "resolvedDependencies": [
                    {"digest": {"sha256": digests[number]}, "annotations": {"role": "base-model"}}
                ],
            },
            "runDetails": {"builder": {"id": BUILDER}},
        }
        subject = ResourceDescriptor(name="m", digest={"sha256": digests[number + 1]})
        statement = Statement(f"{number}".encode(), (subject,), predicate_type("step"), predicate)
        evidence.append(Evidence(statement, "step", read_predicate(statement), (signature,), named))
    keys = {"targets": {"records": [{"dataset": {"digest": {"sha256": digests[0]}}, "keys": ["0" * 64]}]}}
    subject = ResourceDescriptor(name="order.pdf", digest={"sha256": "f" * 64})
    order = Statement(b"order", (subject,), predicate_type("deletion-order"), keys)
    evidence.append(Evidence(order, "deletion-order", read_predicate(order), (signature,), named))
    graph, root = Graph(evidence), Artifact(digests[-1])
    delivery = Delivery("model", root, 1, {"model": root.sha256})
    lineage = Lineage(graph, [root])
    reviewed = Review(NOW, False, make_trust(), graph, Match(delivery, True, (root,)), lineage, {}, (), ())
    rules = "not-under-order, base-models, completeness-class, transformation-counts"
    policy = f"policy: p\nversion: 1\nrules: [{rules}]"
    judged = {each.rule: each.outcome for each in evaluate(parse_policy(policy), reviewed).judged}
    assert "under-order" in {each.code for each in judged["not-under-order"].findings}
    assert judged["base-models"].examined == 20_000
    assert judged["completeness-class"].examined == 20_000


# -- the case ------------------------------------------------------------------------------------------------


def test_photos_of_a_partner_that_shares_owners_and_no_contract():
    """Photos of a dating site whose founders had invested in the vendor: the facts of one case."""
    world, _, model = made_of(
        facts(
            acquisition={"channel": "partner-transfer", "agreement": None, "relatedParty": "yes"},
            personalData={"presence": "yes", "biometric": "yes"},
        )
    )
    close(world, model)
    judgement = world.judge(model, POLICY.replace("relatedParty: no", "relatedParty: no, unknown: reject"))
    assert judgement.verdict is Verdict.REJECT
    assert {"acquisition/related-party", "acquisition/agreement-missing"} <= codes(judgement)
    asks = [f.remedy for each in judgement.judged for f in each.outcome.findings]
    assert any("contract" in ask for ask in asks)
    assert any("share" in ask for ask in asks)


def test_a_strangers_line_changes_nothing():
    world, _, model = made_of(FACTS)
    close(world, model)
    forged = signer("stranger").sign(
        Statement.build(
            [ResourceDescriptor(name="o", digest={"sha256": "1" * 64})],
            predicate_type("deletion-order"),
            {"targets": {"models": [descriptor(model, "model")]}},
        )
    )
    assert world.judge(model, POLICY, lines=[*world.bundles, forged]).verdict is Verdict.ACCEPT
