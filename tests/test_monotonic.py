"""Properties of every verdict: order and copies of lines change nothing, leaving evidence out never helps."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_closure import DECLARATION
from world import (
    DEFAULT_ROLES,
    FACTS,
    PEOPLE,
    POLICY,
    RAN,
    REGISTER,
    RIGHTS,
    World,
    codes,
    descriptor,
    facts,
    good_world,
    make_trust,
)

from attest.keeper import read_registers
from attest.resource import Artifact
from attest.rule import RULES
from attest.verdict import Result, Verdict

LICENCES = ["CC-BY-4.0", "CC-BY-4.0", "CC-BY-4.0", "CC-BY-NC-4.0", "MIT AND CC-BY-NC-4.0", "NO-SUCH-ID", None]
KINDS = ["transform", "train", "finetune", "merge", "quantize", "distill", "release"]
ROLES = ["dataset", "dataset", "base-model", "base-model", "teacher", "code", "made-up"]
SIGNERS = ["ci", "ci", "ci", "ci", "ci", "desk", "stranger"]
SAID: list[dict[str, Any]] = [
    FACTS,
    FACTS,
    FACTS,
    facts(acquisition={"channel": "crawl"}),
    facts(acquisition={"channel": "customer-supplied"}, issuer=None),
    facts(synthetic={"presence": "yes"}, collection=None),
    facts(personalData={"presence": "unknown"}, recordCommitment=None, checks=None, content=None),
    {**FACTS, **PEOPLE},
    {**FACTS, **PEOPLE, "retention": {"deleteBy": "2026-11-19"}},
    {},
]
"""What a dataset may say of itself, most often everything."""
_BASIS = RIGHTS["personalDataBasis"][0]
TERMS: list[dict[str, Any]] = [
    RIGHTS,
    RIGHTS,
    RIGHTS,
    {},
    {**RIGHTS, "prohibitedPurposes": ["biometric-identification"]},
    {**RIGHTS, "prohibitedPurposes": ["what-nobody-knows"]},
    {**RIGHTS, "territories": ["US"]},
    {**RIGHTS, "validUntil": "2026-11-19T00:00:00Z"},
    {**RIGHTS, "status": "suspended"},
    {**RIGHTS, "scope": {"subsetRoot": "4" * 64}},
    {**RIGHTS, "personalDataBasis": [{**_BASIS, "consent": {**_BASIS["consent"], "status": "withdrawn"}}]},
    {**RIGHTS, "license": {}, "copyrightBasis": "fair-use-claimed"},
]
"""What a rights record may say besides its licence, most often everything."""
_CURRENT = f"{{current: {{register: {REGISTER}}}"
RIGHTS_RULES = [
    f"license: {_CURRENT}, training: not-prohibited}}",
    f"consent: {_CURRENT}, covers: [training, biometric], atTraining: required}}",
    f"legal-basis: {_CURRENT}}}",
    "personal-data: {biometric: [yes, no]}",
    f"purpose: {_CURRENT}}}",
    f"territories: {_CURRENT}}}",
    "retention",
    f"copyright-basis: {_CURRENT}}}",
    f"rights-current: {{register: {REGISTER}}}",
]
_BUYER = "purpose: [face-recognition]\nterritories: [EU]\n"
LICENSED = "".join(
    [
        POLICY.replace("rules:", f"{_BUYER}rules:", 1).replace("  - license: {use: commercial}\n", ""),
        *(f"  - {rule}\n" for rule in RIGHTS_RULES),
    ]
)
DECLARED_RULES = [
    "sources",
    "acquisition: {deny: [purchased]}",
    "collection",
    "crawl-opt-outs",
    "customer-data",
    "synthetic: {atMost: 0}",
    "content: {modalities: [image]}",
    "evidence-present",
    "record-removal: {over: personal}",
    "unknowns",
]
BEHIND_RULES = [
    "base-models: {opaque: 1}",
    "transformation-counts",
    "completeness-class: {enforced: none}",
    "measured-inputs: {accept: [git-lfs]}",
    "distribution: {deny: [Rival Ltd]}",
    f"not-under-order: {{register: '{REGISTER}', maxAge: 7 days}}",
    f"orders-answered: {{register: '{REGISTER}', maxAge: 7 days}}",
]
DECLARED = POLICY + "".join(f"  - {rule}\n" for rule in DECLARED_RULES)
BEHIND = DECLARED + "".join(f"  - {rule}\n" for rule in BEHIND_RULES)
INTERNAL: list[dict[str, Any]] = [
    {"recorded": "during", "counts": {"in": 1000, "out": 1000, "removed": 0}},
    {"recorded": "during", "counts": {"in": 1000, "out": 1000, "removed": 0}},
    {"recorded": "during", "counts": {"in": 1000, "out": 1, "removed": 0}},
    {"recorded": "after-the-fact"},
]
SENT: list[dict[str, Any]] = [{"nobody": "yes"}, {"nobody": "yes"}, {"recipient": {"legalName": "Rival Ltd"}}]
TOLERANT = (
    POLICY.replace("complete-lineage", "complete-lineage: {opaqueBaseModels: 1, unknownInputs: 1}")
    + "limits: {unknowns: 3}\n"
)

common = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[World, Artifact]:
    """A random chain with random flaws, closed by contents that list everything, and registered."""
    world = World(make_trust({**DEFAULT_ROLES, "officer": [{"principal": "desk"}]}))
    made: list[Artifact] = []
    for number in range(draw(st.integers(1, 3))):
        if draw(st.integers(0, 5)):
            made.append(
                world.dataset(
                    f"data{number}",
                    licence=draw(st.sampled_from(LICENCES)),
                    terms=draw(st.sampled_from(TERMS)),
                    **draw(st.sampled_from(SAID)),
                )
            )
        else:
            made.append(world.file(f"unexplained{number}"))
    for number in range(draw(st.integers(1, 4))):
        output = draw(st.sampled_from(made)) if draw(st.integers(0, 9)) == 9 else world.file(f"made{number}")
        inputs: list[Any] = [
            (draw(st.sampled_from(made)), draw(st.sampled_from(ROLES)))
            for _ in range(draw(st.integers(0, 3)))
        ]
        world.step(
            draw(st.sampled_from(KINDS)),
            [*inputs, (made[-1], "dataset" if number == 0 else "base-model")],
            [output],
            by=draw(st.sampled_from(SIGNERS)),
            completeness=draw(st.sampled_from(["all-inputs-listed"] * 5 + ["partial"])),
            ran=draw(st.sampled_from([RAN, RAN, None])),
            internal=draw(st.sampled_from(INTERNAL)),
        )
        made.append(output)
    orders = []
    world.sign("distribution", [descriptor(made[-1], "model")], draw(st.sampled_from(SENT)), "ci")
    for _ in range(draw(st.integers(0, 2))):
        target = draw(st.sampled_from(made))
        extra = draw(st.sampled_from(["rights", "describe", "withdraw", "order"]))
        if extra == "rights":
            older = [each for each in world.bundles if b"/rights/v0.1" in each.payload]
            terms = {**draw(st.sampled_from(TERMS))}
            if older and draw(st.booleans()):
                terms["supersedes"] = draw(st.sampled_from(older)).statement_digest
            terms.setdefault("licence", draw(st.sampled_from([each for each in LICENCES if each])))
            world.rights(target, sequence=2, **terms)
        elif extra == "describe":
            source = {"digest": {"sha256": draw(st.sampled_from(made)).sha256}}
            world.describe(target, "described", derivedFrom=[source], **draw(st.sampled_from(SAID)))
        elif extra == "order":
            orders.append(world.order(target, by=draw(st.sampled_from(["registry", "registry", "ci"]))))
            done = {"disposition": "destroyed", "method": "erased", "finished": "2026-11-18T00:00:00Z"}
            named = draw(st.sampled_from([made, made, made[1:], []]))
            answer = {
                "items": [{"artifact": descriptor(each, "affected"), **done} for each in named],
                "declaration": DECLARATION,
                "ceasedAt": "2026-11-12T00:00:00Z",
            }
            about = {"name": "order", "digest": {"sha256": orders[-1].statement_digest}}
            signer = draw(st.sampled_from(["desk", "desk", "ci"]))
            world.sign("deletion-certificate", [about], answer, signer)
        else:
            victim = draw(st.sampled_from(world.bundles))
            world.withdraw(victim.statement_digest, by=draw(st.sampled_from(["ci", "desk", "stranger"])))
    states = st.sampled_from(["current"] * 6 + ["superseded", "suspended", None])
    stand = [
        world.standing(each, state)
        for each in world.bundles
        if b"/rights/v0.1" in each.payload and (state := draw(states))
    ]
    listed = world.contents(made[-1], by=draw(st.sampled_from(["ci"] * 5 + ["desk"])))
    standing = st.sampled_from(["active", "satisfied", "suspended", "vacated"])
    stand += [world.listed(order, draw(standing)) for order in orders]
    world.register(world.current(listed), *stand)
    return world, made[-1]


@common
@given(worlds(), st.data())
def test_order_and_copies_of_lines_change_nothing(pair, data):
    world, model = pair
    shuffled = data.draw(
        st.permutations([*world.bundles, *data.draw(st.lists(st.sampled_from(world.bundles), max_size=4))])
    )
    assert world.report(model, lines=shuffled) == world.report(model)


@common
@given(worlds(), st.data(), st.sampled_from([POLICY, TOLERANT, DECLARED, LICENSED, BEHIND]))
def test_leaving_out_named_statements_never_turns_a_refusal_into_acceptance(pair, data, policy):
    world, model = pair
    full = world.judge(model, policy)
    kept = data.draw(st.lists(st.sampled_from(world.bundles), unique_by=id))
    less = world.judge(model, policy, lines=kept)
    if not full.verdict.accepts:
        assert not less.verdict.accepts, (codes(full), codes(less))


@common
@given(worlds(), st.data())
def test_an_old_register_and_old_contents_cannot_be_replayed_to_who_saw_the_new_ones(pair, data):
    world, model = pair
    first = world.bundles[-2]
    world.rights(data.draw(st.sampled_from(list(world.names))), "CC-BY-NC-4.0", sequence=9)
    old = world.registers[-1][0]["entries"]
    second = world.contents(
        model, [*world.bundles[:-3], world.bundles[-1]], sequence=2, previous=first.statement_digest
    )
    world.register(entries=[{**old[0], "status": "superseded"}, *old[1:], world.current(second)])
    reviewed = world.review(model)
    seen = {
        name: state.remembered()
        for name, state in read_registers(reviewed.graph.evidence, {}).items()
        if state.remembered()
    }
    full = world.judge(model, memory=seen)
    kept = data.draw(st.lists(st.sampled_from(world.bundles), unique_by=id))
    if not full.verdict.accepts:
        assert not world.judge(model, lines=kept, memory=seen).verdict.accepts


@common
@given(worlds())
def test_every_world_gets_the_same_report_twice(pair):
    world, model = pair
    assert world.report(model).model_dump_json() == world.report(model).model_dump_json()


@common
@given(
    worlds(),
    st.sampled_from(
        [
            *RULES,
            *RIGHTS_RULES,
            f"no-withdrawn-statement: {{register: '{REGISTER}'}}",
            "record-removal: {over: personal}",
            "unknowns: {atMost: 1000}",
        ]
    ),
)
def test_each_rule_alone_never_passes_without_having_examined_something(pair, rule):
    world, model = pair
    policy = (
        f"policy: one\nversion: 1\nrules: [{{{rule}}}]"
        if ":" in rule
        else f"policy: one\nversion: 1\nrules: [{rule}]"
    )
    for lines in ([], world.bundles):
        judged = world.judge(model, policy, lines=lines).judged[0]
        assert judged.outcome.examined > 0 or judged.outcome.result is not Result.PASS


def test_an_empty_graph_never_passes():
    world, release = good_world()
    judgement = world.judge(release, lines=[])
    assert judgement.verdict is Verdict.REJECT
    assert all(each.outcome.result is not Result.PASS for each in judgement.judged)


@given(st.sets(st.sampled_from(list(RULES)), min_size=1))
@settings(deadline=None, max_examples=40)
def test_no_rule_passes_over_nothing(rules):
    """Not even the rules that look for something bad."""
    world, release = good_world()
    policy = "policy: some\nversion: 1\nrules: [" + ", ".join(sorted(rules)) + "]"
    judgement = world.judge(release, policy, lines=[])
    assert not judgement.verdict.accepts
    assert {each.outcome.result for each in judgement.judged} <= {Result.UNKNOWN, Result.FAIL}


def test_an_all_unknown_graph_never_passes():
    """Everything is signed by the right people, and every fact is missing or unknown."""
    world = World()
    data, model = world.file("data"), world.file("model")
    world.sign("dataset", [{"name": "d", "digest": {"sha256": data.sha256}}], {}, "desk")
    world.sign("rights", [{"name": "d", "digest": {"sha256": data.sha256}}], {}, "desk")
    world.step("train", [(data, "dataset")], [model], completeness=None)
    world.register(world.current(world.contents(model)))
    judgement = world.judge(model)
    assert judgement.verdict is Verdict.INCOMPLETE
    assert {
        "license/license-unknown",
        "license/rights-not-active",
        "complete-lineage/inputs-partial",
    } <= codes(judgement)


def test_a_policy_of_no_applicable_rule_is_no_acceptance():
    from attest.verdict import overall

    assert overall([]) is Verdict.INCOMPLETE
    assert overall([Result.NOT_APPLICABLE]) is Verdict.INCOMPLETE


@pytest.mark.parametrize("policy", [POLICY, TOLERANT, DECLARED, LICENSED, BEHIND])
@pytest.mark.parametrize("people", [{}, PEOPLE])
def test_the_policies_of_these_properties_can_accept(policy, people):
    """Properties of refusals say nothing about a policy that refuses everything."""
    world = World()
    data, model = world.dataset("data", terms=RIGHTS, **FACTS | people), world.file("model")
    record = world.bundles[-1]
    world.step("train", [(data, "dataset")], [model], ran=RAN, internal=INTERNAL[0])
    world.sign("distribution", [descriptor(model, "model")], SENT[0], "ci")
    world.register(world.current(world.contents(model)), world.standing(record))
    assert world.judge(model, policy).verdict is Verdict.ACCEPT


def _only_grants(world: World, model: Artifact) -> list[Any]:
    """Statements nobody could mean as a warning: leaving them out hides nothing adverse.

    The register; rights records and dataset statements that are acceptable in every field; and steps that
    alone explain artifacts nobody else says anything about.
    """
    graph = world.review(model).graph
    said = {artifact for kind in ("dataset", "rights") for artifact in graph.about[kind]}
    lone = {
        node.evidence.digest
        for node in graph.steps
        if all(len(graph.makers[each]) == 1 and each not in said for each in node.outputs)
    }
    grants = []
    for each in world.bundles:
        predicate = each.statement().predicate
        is_good = (
            all(predicate.get(name) == value for name, value in RIGHTS.items())
            and predicate.get("status") == "active"
            and predicate.get("license") == {"expression": "CC-BY-4.0"}
            and "scope" not in predicate
        )
        is_good |= "derivedFrom" not in predicate and all(predicate.get(k) == v for k, v in FACTS.items())
        if is_good or each is world.registers[-1][1] or each.statement_digest in lone:
            grants.append(each)
    return grants


@common
@given(worlds(), st.sampled_from([*RIGHTS_RULES, *DECLARED_RULES, *BEHIND_RULES]), st.data())
def test_no_rule_is_helped_by_leaving_out_what_grants(pair, rule, data):
    """Each rule by itself, without the list of contents that would notice."""
    world, model = pair
    policy = (
        f"policy: one\nversion: 1\n{_BUYER}rules: [{{{rule}}}]"
        if ":" in rule
        else (f"policy: one\nversion: 1\n{_BUYER}rules: [{rule}]")
    )
    full = world.judge(model, policy)
    out = data.draw(st.lists(st.sampled_from(_only_grants(world, model)), unique_by=id))
    less = world.judge(model, policy, lines=[each for each in world.bundles if each not in out])
    if not full.verdict.accepts:
        assert not less.verdict.accepts, (codes(full), codes(less))
