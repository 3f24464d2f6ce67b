"""The ancestry: every edge is walked, every gap is seen, and paths name every hop."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from world import World, descriptor, good_world

from attest.lineage import Status


def test_a_complete_lineage():
    world, release = good_world()
    lineage = world.review(release).lineage
    assert lineage.complete
    assert [node.kind for node in lineage.steps] == ["release", "quantize", "train", "transform"]
    assert [lineage.graph.name(each.artifact) for each in lineage.datasets()] == ["digits"]
    assert lineage.gaps() == lineage.opaque() == []


def test_path_of_a_root_is_itself():
    world, release = good_world()
    assert world.review(release).lineage.path(release.artifact) == ("release/",)


def test_statuses():
    world = World()
    known, gap, untrusted, withdrawn = (
        world.file(name) for name in ("known", "gap", "untrusted", "withdrawn")
    )
    world.describe(known, "known")
    world.describe(untrusted, "untrusted", by="ci")
    revoked = world.describe(withdrawn, "withdrawn")
    world.withdraw(revoked.statement_digest, by="desk")
    opaque, model = world.file("opaque"), world.file("model")
    world.step(
        "finetune",
        [
            *((each, "dataset") for each in (known, gap, untrusted, withdrawn)),
            descriptor(opaque, "opaque", role="base-model", opaque=True, reason="bought"),
        ],
        [model],
    )
    lineage = world.review(model).lineage
    found = {lineage.graph.name(each.artifact): each.status for each in lineage.ancestors.values()}
    assert found == {
        "model": Status.OK,
        "known": Status.OK,
        "gap": Status.GAP,
        "untrusted": Status.UNTRUSTED,
        "withdrawn": Status.WITHDRAWN,
        "opaque": Status.OPAQUE,
    }
    assert not lineage.complete


def test_a_dataset_statement_does_not_explain_a_base_model():
    world = World()
    data, base, model = world.dataset("d"), world.file("base"), world.file("model")
    world.describe(base, "base, they say")
    world.step("finetune", [(base, "base-model"), (data, "dataset")], [model])
    assert world.review(model).lineage.ancestors[base].status is Status.UNTRUSTED


def test_a_tokenizer_may_be_explained_by_a_dataset_statement():
    world = World()
    data, tokenizer, model = world.dataset("d"), world.file("tokenizer"), world.file("model")
    world.describe(tokenizer, "tokenizer")
    world.step("train", [(tokenizer, "tokenizer"), (data, "dataset")], [model])
    assert world.review(model).lineage.ancestors[tokenizer].status is Status.OK


def test_what_lies_behind_a_cycle_is_not_on_it():
    world = World()
    data, first, second, behind = (world.file(name) for name in ("data", "first", "second", "behind"))
    world.step("transform", [(behind, "dataset")], [data])
    world.step("finetune", [(first, "base-model"), (data, "dataset")], [second])
    world.step("finetune", [(second, "base-model"), (data, "dataset")], [first])
    model = world.file("model")
    world.step("quantize", [(first, "base-model")], [model])
    assert set(world.review(model).lineage.cyclic) == {first, second}


@st.composite
def graphs(draw):
    """Random steps among a few artifacts, cycles and self-loops included."""
    count = draw(st.integers(2, 7))
    edges = draw(st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=12))
    return count, edges


@settings(deadline=None, max_examples=60)
@given(graphs())
def test_the_ancestry_equals_a_brute_force_closure(graph):
    count, edges = graph
    world = World()
    artifacts = [world.file(f"a{number}") for number in range(count)]
    for source, target in edges:
        world.step("transform", [(artifacts[source], "dataset")], [artifacts[target]])
    if not any(target == 0 for _, target in edges):
        return
    lineage = world.review(artifacts[0]).lineage
    reached, before = {0}, set()
    while reached != before:
        before = set(reached)
        reached |= {source for source, target in edges if target in reached}
    assert set(lineage.ancestors) == {artifacts[number] for number in reached}
    ancestors_of = {number: {number} for number in range(count)}
    for _ in range(count):
        for source, target in edges:
            if source != target:
                ancestors_of[target] |= ancestors_of[source]
    on_cycle = {
        number
        for number in reached
        if any(s != t and t == number and number in ancestors_of[s] for s, t in edges)
    }
    assert set(lineage.cyclic) == {artifacts[number] for number in on_cycle}
    for artifact in lineage.ancestors:
        assert lineage.path(artifact)[-1] == lineage.graph.name(artifact)
