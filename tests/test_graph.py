"""The graph joins by digest and nothing else, in an order of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from world import Tree, World, descriptor, good_world

from attest.graph import SUPPORT_LIMIT, Graph, scrutiny
from attest.predicates.step import INPUT_ROLES, Input
from attest.resource import Artifact


def test_weights_of_a_tree_are_outputs_and_other_members_are_not():
    world = World()
    tree = Tree("m", {"model.safetensors": b"w", "config.json": b"c", "LICENSE": b"l"})
    world.step("train", [(world.dataset("d"), "dataset")], [tree])
    graph = world.review(tree).graph
    outputs = set(graph.steps[0].outputs)
    assert outputs == {tree.artifact, Artifact(tree.digests["model.safetensors"])}
    assert {path: each.role for path, each in graph.members[tree.artifact].items()} == {
        "model.safetensors": "weights",
        "config.json": "config",
        "LICENSE": "other",
    }


def test_one_output_directory_inside_another_keeps_its_own_files():
    world = World()
    outer, inner = Tree("out", {"a.safetensors": b"1"}), Tree("out/inner", {"b.safetensors": b"2"})
    world.step("train", [(world.dataset("d"), "dataset")], [outer, inner])
    graph = world.review(outer).graph
    assert graph.conflicts == []
    assert set(graph.members) == {outer.artifact, inner.artifact}


def test_a_member_named_out_of_its_tree_is_no_manifest():
    world = World()
    tree = Tree("m", {"w.safetensors": b"w"})
    bundle = world.step("train", [(world.dataset("d"), "dataset")], [tree])
    predicate = bundle.statement().predicate
    world.bundles.remove(bundle)
    subjects = [
        descriptor(Artifact(tree.digests["w.safetensors"]), "m/../../etc/passwd", role="weights"),
        descriptor(tree.artifact, "m/"),
    ]
    world.sign("step", subjects, predicate, "ci")
    graph = world.review(tree).graph
    assert [each.artifact for each in graph.conflicts] == [tree.artifact]
    assert tree.artifact not in graph.members


def test_byproducts_are_outputs():
    world = World()
    data, model, checkpoint = world.dataset("d"), world.file("model"), world.file("step-100")
    bundle = world.step("train", [(data, "dataset")], [model])
    predicate = dict(bundle.statement().predicate)
    predicate["runDetails"] = {**predicate["runDetails"], "byproducts": [descriptor(checkpoint, "step-100")]}
    world.sign("step", [descriptor(model, "model")], predicate, "ci")
    graph = world.review(model).graph
    assert [node.kind for node in graph.makers[checkpoint]] == ["train"]


def test_a_manifest_in_hand_lists_the_members_of_a_large_tree():
    world = World()
    data, tree = world.dataset("d"), Tree("m", {"w.safetensors": b"w", "x.bin": b"x"})
    subject = descriptor(tree.artifact, "m/", weights=["w.safetensors"])
    bundle = world.step("train", [(data, "dataset")], [tree])
    predicate = dict(bundle.statement().predicate)
    world.bundles.remove(bundle)
    world.sign("step", [subject], predicate, "ci")
    assert world.review(tree).graph.members == {}
    world.manifests[tree.artifact.sha256] = tree.manifest.data
    members = world.review(tree).graph.members[tree.artifact]
    assert {path: each.role for path, each in members.items()} == {
        "w.safetensors": "weights",
        "x.bin": "unknown",
    }


@given(st.permutations(range(7)))
def test_the_order_of_evidence_changes_nothing(order):
    world, release = good_world()
    evidence = world.review(release).graph.evidence
    shuffled = Graph([evidence[number] for number in order])
    usual = Graph(evidence[:7])
    assert [node.evidence.digest for node in shuffled.steps] == [node.evidence.digest for node in usual.steps]
    assert shuffled.names == usual.names
    assert list(shuffled.makers) == list(usual.makers)


@given(
    st.one_of(st.sampled_from(INPUT_ROLES), st.text(max_size=5)),
    st.one_of(st.none(), st.integers(0, 2 * SUPPORT_LIMIT)),
)
def test_roles_only_add_scrutiny(role, size):
    item = Input(None, role, None, size, False, None, None)  # type: ignore[arg-type]
    relaxed = role in ("code", "config", "environment") and size is not None and size <= SUPPORT_LIMIT
    model = role in ("base-model", "adapter", "teacher", "tokenizer")
    assert scrutiny(item) == ("support" if relaxed else "model" if model else "dataset")
