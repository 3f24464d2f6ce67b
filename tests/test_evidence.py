"""Evidence at rest says what the whole of it says, and keeps little."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_impact import random_world
from world import NOW, REGISTER, World, good_world

from attest.check import check_lines
from attest.docket import read_orders
from attest.graph import Graph
from attest.impact import Impact
from attest.limits import DEFAULT
from attest.plan import Plan
from attest.predicates.dataset import Dataset
from attest.predicates.step import Step
from attest.review import judged
from attest.toll import impact_report, to_text
from attest.toll_plan import plan_report


def graphs(world):
    """The graph of a world as it is kept for one verdict, and as it is kept for very many statements."""
    found = []
    for at_rest in (False, True):
        checked = check_lines(world.lines, world.trust, DEFAULT, NOW, at_rest=at_rest)
        evidence, registers = judged(checked, world.trust, NOW, at_rest=at_rest)
        found.append((Graph(evidence, world.manifests), registers))
    return found


def written(graph, registers, bundle):
    orders = read_orders(graph.evidence, registers)
    impact = Impact(graph, orders[bundle.statement_digest])
    wanted = impact.proven
    return to_text(impact_report(impact, orders, "t")), to_text(plan_report(Plan(impact, wanted), "t"))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_an_impact_of_evidence_at_rest_is_the_same_document(seed):
    world, pool, _, bundle = random_world(seed)
    if seed % 2:
        world.withdraw(world.bundles[seed % len(world.bundles)].statement_digest, by="ci")
    if seed % 3 == 0:
        world.register(world.listed(bundle, "active", pool[0]))
    (whole, registers), (resting, others) = graphs(world)
    assert all(each.rests for each in resting.evidence)
    assert written(whole, registers, bundle) == written(resting, others, bundle)
    assert resting.names == whole.names


def test_a_step_at_rest_is_read_again_and_nothing_of_it_stays():
    world, release = good_world()
    (whole, _), (resting, _) = graphs(world)
    for one, other in zip(whole.evidence, resting.evidence, strict=True):
        assert (one.digest, one.kind, one.believed, one.artifacts) == (
            other.digest,
            other.kind,
            other.believed,
            other.artifacts,
        )
        assert other.predicate == one.predicate
        assert other.awake().statement == one.statement
        assert "subjects" not in other.statement.__dict__
    node, again = whole.makers[release.artifact][0], resting.makers[release.artifact][0]
    assert again.step == node.step
    assert "predicate" not in again.evidence.__dict__
    assert [each.called for each in again.inputs] == [each.descriptor.name for each in node.inputs]
    assert whole.called(release.name) == resting.called(release.name) == [release.artifact]


def test_a_step_at_rest_is_not_read_for_what_it_is_not():
    world, _ = good_world()
    _, (resting, _) = graphs(world)
    kinds = {each.kind: each for each in resting.evidence}
    assert kinds["step"].said(Dataset) is None
    assert kinds["step"].said(Step) is None
    assert kinds["dataset"].said(Dataset) is not None
    with pytest.raises(AttributeError, match="no attribute 'predicates'"):
        _ = kinds["step"].predicates


def test_what_cannot_be_read_is_not_believed_at_rest_either():
    world = World()
    data = world.dataset("faces", by="registry", derivedFrom="nothing one could read")
    world.sign("register", [{"name": "r", "digest": {"sha256": "a" * 64}}], {"registerId": REGISTER}, "ci")
    (whole, _), (resting, _) = graphs(world)
    for one, other in zip(whole.evidence, resting.evidence, strict=True):
        assert (one.believed, one.reason) == (other.believed, other.reason)
    assert [each.believed for each in resting.datasets(data)] == [False]


def test_strangers_are_told_of_with_their_lines():
    world = World()
    world.dataset("ours")
    foreign = world.describe(world.file("theirs"), "theirs", by="stranger")
    told = []
    checked = check_lines(world.lines, world.trust, DEFAULT, NOW, stranger=lambda *each: told.append(each))
    assert told == [("bundle.jsonl", len(world.bundles), foreign.raw)]
    assert [each.digest for each in checked.unverified] == [foreign.statement_digest]
