"""What an order reaches, beside a brute force over random worlds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import DEFAULT_ROLES, NOW, World, descriptor, make_trust

from attest.graph import SUPPORT_ROLES
from attest.impact import Impact, snapshot_digest
from attest.matching import Delivery
from attest.predicates.dataset import Dataset
from attest.predicates.step import missing_roles
from attest.resource import Artifact
from attest.review import review
from attest.taint import Certainty

PROVEN, POSSIBLE, CLEAR = Certainty.PROVEN, Certainty.POSSIBLE, Certainty.CLEAR
NOTHING = Delivery("nothing", Artifact("0" * 64), 0, {})


def make_world():
    return World(make_trust(DEFAULT_ROLES))


@pytest.fixture
def world():
    return make_world()


def order(world, *targets, by="registry", **more):
    subject = {"name": "order.pdf", "digest": {"sha256": "e" * 64}}
    named = [
        descriptor(each, world.names.get(each, "target")) if isinstance(each, Artifact) else each
        for each in targets
    ]
    predicate = {"targets": {"datasets": named}, **more}
    return world.sign("deletion-order", [subject], predicate, by)


def impact_of(world, bundle, lines=None, found=()):
    reviewed = review(NOTHING, world.lines if lines is None else lines, world.trust, NOW)
    return Impact(reviewed.graph, reviewed.orders[bundle.statement_digest], found)


def trained(world, name, *inputs, role="dataset", kind="train", **more):
    model = world.file(name)
    world.step(kind, [(each, role) for each in inputs], [model], **more)
    return model


# what is reached


def test_everything_made_from_a_target_is_affected_and_nothing_else(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    cropped = world.file("cropped")
    world.step("transform", [(faces, "dataset")], [cropped])
    model = trained(world, "model", cropped)
    product = world.file("product")
    world.step("finetune", [(model, "base-model"), (songs, "dataset")], [product])
    other = trained(world, "other", songs)
    impact = impact_of(world, order(world, faces))
    assert impact.proven == sorted([faces, cropped, model, product])
    assert impact.possible == []
    assert {other, songs} <= impact.clear.keys()
    assert [hop.how for hop in impact.path(product)] == ["dataset", "dataset", "base-model"]
    assert impact.clear[other].reason == "made"
    assert impact.clear[songs].reason == "origin"


@pytest.mark.parametrize(
    "role", ["evaluation-dataset", "tokenizer", "code", "environment", "teacher", "who-knows", "adapter"]
)
def test_every_role_taints(world, role):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model = world.file("model")
    world.step("train", [(songs, "dataset"), (faces, role)], [model])
    assert impact_of(world, order(world, faces)).certainty(model) is PROVEN


def test_byproducts_are_reached_and_taint(world):
    faces, model, checkpoint = world.dataset("faces"), world.file("model"), world.file("checkpoint")
    bundle = world.step("train", [(faces, "dataset")], [model])
    predicate = bundle.statement().predicate
    predicate["runDetails"]["byproducts"] = [descriptor(checkpoint, "checkpoint")]
    world.bundles.remove(bundle)
    world.sign("step", [descriptor(model, "model")], predicate, "ci")
    later = trained(world, "later", checkpoint, role="base-model", kind="align")
    assert impact_of(world, order(world, faces)).certainty(later) is PROVEN


def test_a_withdrawn_statement_still_reveals(world):
    faces, model = world.dataset("faces"), world.file("model")
    bundle = world.step("train", [(faces, "dataset")], [model])
    world.withdraw(bundle.statement_digest, by="ci")
    assert impact_of(world, order(world, faces)).certainty(model) is PROVEN


def test_what_a_dataset_says_it_was_derived_from_taints(world):
    faces, copy = world.dataset("faces"), world.file("copy")
    world.dataset("copy", artifact=copy, derivedFrom=[descriptor(faces, "faces")])
    model = trained(world, "model", copy)
    impact = impact_of(world, order(world, faces))
    assert impact.certainty(copy) is PROVEN
    assert [hop.how for hop in impact.path(model)] == ["derivedFrom", "dataset"]


@pytest.mark.parametrize("signer", ["desk", "stranger"])
def test_what_nobody_trusted_says_is_possible_and_never_clear(world, signer):
    faces, songs, model = world.dataset("faces"), world.dataset("songs"), world.file("model")
    world.step("train", [(songs, "dataset")], [model])
    world.step("train", [(faces, "dataset")], [model], by="desk")
    impact = impact_of(world, order(world, faces))
    assert impact.certainty(model) is POSSIBLE
    assert impact.reached[model].reason == "claimed"
    assert impact.path(model)[0].source == faces


def test_weights_carry_what_their_tree_was_made_of_and_a_shared_tokenizer_nothing(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    tree = world.tree("model", "model.safetensors", "tokenizer.json")
    world.step("train", [(songs, "dataset")], [tree])
    weights, tokenizer = (Artifact(tree.digests[path]) for path in sorted(tree.files))
    tuned = world.file("tuned")
    world.step("finetune", [(weights, "base-model"), (songs, "dataset")], [tuned])
    world.describe(tokenizer, "tokenizer")
    other = world.file("other")
    world.step("train", [(songs, "dataset"), (tokenizer, "tokenizer")], [other])
    impact = impact_of(world, order(world, tree.artifact))
    assert impact.certainty(tuned) is PROVEN
    assert impact.certainty(other) is CLEAR
    by_weights = impact_of(world, order(world, weights))
    assert by_weights.certainty(tree.artifact) is PROVEN
    assert impact_of(world, order(world, faces)).certainty(tuned) is CLEAR


def test_a_file_of_a_target_that_was_used_by_itself_is_possible(world):
    tree = world.tree("photos", "a.jpg", "b.jpg")
    world.step("collect", [], [tree])
    world.describe(tree.artifact, "photos")
    photo = Artifact(tree.digests["a.jpg"])
    world.dataset("one photo", artifact=photo)
    model = trained(world, "model", photo)
    impact = impact_of(world, order(world, tree.artifact))
    assert (impact.certainty(photo), impact.reached[photo].reason) == (POSSIBLE, "shares")
    assert impact.certainty(model) is POSSIBLE
    by_file = impact_of(world, order(world, photo))
    assert by_file.certainty(tree.artifact) is PROVEN


# what is not known


def test_an_unexplained_input_makes_possible_and_is_listed_apart(world):
    faces, songs, mystery = world.dataset("faces"), world.dataset("songs"), world.file("mystery")
    model = trained(world, "model", songs, mystery)
    impact = impact_of(world, order(world, faces))
    assert impact.certainty(model) is POSSIBLE
    assert impact.reached[model].reason == "unknown"
    assert impact.path(model)[0].source == mystery
    assert [(each.artifact, each.problem) for each in impact.unknown] == [(mystery, "gap")]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"completeness": "partial"}, "inputs-partial"),
        ({"completeness": None}, "inputs-partial"),
        ({"by": "desk"}, "untrusted"),
        ({"kind": "finetune"}, "inputs-missing"),
    ],
)
def test_a_step_that_does_not_say_everything_leaves_its_outputs_open(world, change, problem):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model = trained(world, "model", songs, **change)
    impact = impact_of(world, order(world, faces))
    assert impact.certainty(model) is POSSIBLE
    assert (model, problem) in [(each.artifact, each.problem) for each in impact.unknown]


def test_an_input_without_a_digest_and_an_opaque_base_model_leave_open(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    first, second, base = world.file("first"), world.file("second"), world.file("base")
    world.step("train", [(songs, "dataset"), {"name": "s3://x", "annotations": {"role": "dataset"}}], [first])
    closed = descriptor(base, "base", role="base-model", opaque=True, reason="bought as is")
    world.step("finetune", [closed, (songs, "dataset")], [second])
    impact = impact_of(world, order(world, faces))
    assert {(each.artifact, each.problem, each.name) for each in impact.unknown} == {
        (first, "no-digest", "s3://x"),
        (base, "opaque", "bought as is"),
    }
    assert impact.certainty(first) is impact.certainty(second) is POSSIBLE


def test_a_circle_is_never_clear(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    one, two = world.file("one"), world.file("two")
    world.step("transform", [(one, "dataset"), (songs, "dataset")], [two])
    world.step("transform", [(two, "dataset")], [one])
    impact = impact_of(world, order(world, faces))
    assert [impact.certainty(each) for each in (one, two)] == [POSSIBLE, POSSIBLE]
    assert impact.reached[one].reason == "cycle"
    assert impact_of(world, order(world, one)).certainty(two) is PROVEN


def test_a_digest_nobody_speaks_of_is_never_clear(world):
    impact = impact_of(world, order(world, world.dataset("faces")))
    assert impact.certainty(Artifact("9" * 64)) is POSSIBLE


def test_a_listed_statement_that_is_missing_opens_what_is_behind_the_release(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model, other = trained(world, "model", songs), trained(world, "other", world.dataset("texts"))
    second = world.step("train", [(faces, "dataset")], [model])
    world.contents(model)
    bundle = order(world, faces)
    assert impact_of(world, bundle).certainty(model) is PROVEN
    world.bundles.remove(second)
    impact = impact_of(world, bundle)
    assert impact.certainty(model) is POSSIBLE
    assert "not-shown" in {each.problem for each in impact.unknown}
    assert impact.certainty(other) is CLEAR


# what the order means


def test_an_unknown_digest_is_kept_and_an_alias_is_followed(world):
    faces = world.dataset("faces")
    model = trained(world, "model", faces)
    unknown = order(world, {"name": "gone", "digest": {"sha256": "a" * 64}})
    impact = impact_of(world, unknown)
    assert impact.unresolved == [f"gone sha256:{'a' * 64}"]
    assert impact.certainty(model) is CLEAR
    alias = order(world, {"name": "faces", "digest": {"sha256": "b" * 64}})
    impact = impact_of(world, alias)
    assert impact.unresolved == []
    assert impact.certainty(model) is POSSIBLE
    assert impact.reached[faces].reason == "name"


@pytest.mark.parametrize("target", [{"digest": {"sha512": "c" * 128}}, {"name": "nobody calls it so"}])
def test_a_target_that_may_be_anything_leaves_nothing_clear(world, target):
    model = trained(world, "model", world.dataset("faces"))
    impact = impact_of(world, order(world, target))
    assert impact.clear == {}
    assert impact.reached[model].reason == "order"
    assert len(impact.unresolved) == 1


def test_an_order_that_cannot_be_read_leaves_nothing_clear(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model, other = trained(world, "model", faces), trained(world, "other", songs)
    impact = impact_of(world, order(world, faces, exceptFor="the other one"))
    assert impact.certainty(model) is PROVEN
    assert impact.certainty(other) is POSSIBLE


def test_named_only_reaches_nothing_derived(world):
    faces = world.dataset("faces")
    model = trained(world, "model", faces)
    impact = impact_of(world, order(world, faces, reach="named-only"))
    assert impact.proven == [faces]
    assert impact.clear[model].reason == "named-only"


def records_order(world, dataset, **more):
    records = [{"dataset": descriptor(dataset, "faces"), "space": "subject", "keys": ["1" * 64]}]
    return order(world, targets={"records": records}, **more)


def test_records_reach_everything_until_a_step_took_them_out(world):
    faces = world.dataset("faces")
    old = trained(world, "old", faces)
    bundle = records_order(world, faces)
    without, other = world.file("without"), world.file("other")
    world.step("transform", [(faces, "dataset")], [without], order=f"sha256:{bundle.statement_digest}")
    world.step("transform", [(faces, "dataset")], [other], order=f"sha256:{'a' * 64}")
    new = trained(world, "new", without)
    impact = impact_of(world, bundle)
    assert impact.proven == sorted([faces, old, other])
    assert {impact.reached[each].reason for each in (without, new)} == {"removal"}
    assert impact.possible == sorted([without, new])


def test_taking_records_out_does_not_answer_an_order_for_the_whole(world):
    faces, without = world.dataset("faces"), world.file("without")
    bundle = order(world, faces)
    world.step("transform", [(faces, "dataset")], [without], order=bundle.statement_digest)
    assert impact_of(world, bundle).certainty(without) is PROVEN


def test_what_claims_to_have_taken_records_out_must_be_believed(world):
    faces, without = world.dataset("faces"), world.file("without")
    bundle = records_order(world, faces)
    world.step("transform", [(faces, "dataset")], [without], by="desk", order=bundle.statement_digest)
    assert impact_of(world, bundle).certainty(without) is POSSIBLE


def test_records_of_no_dataset_may_be_anywhere_unless_they_were_found(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model, other = trained(world, "model", faces), trained(world, "other", songs)
    bundle = order(world, targets={"records": [{"space": "subject", "keys": ["1" * 64]}]})
    assert impact_of(world, bundle).certainty(other) is POSSIBLE
    found = impact_of(world, bundle, found=[faces])
    assert found.certainty(model) is PROVEN
    assert found.certainty(other) is CLEAR


# properties

ROLES = ["dataset", "base-model", "teacher", "adapter", "tokenizer", "code", "evaluation-dataset"]


def random_world(seed, *, single=False):
    """A world of origins, gaps, steps of believed and other people, and datasets derived from others.

    ``single``: one statement makes an artifact, and nothing passes as code: what leaving out cannot show.
    """
    pick = random.Random(seed)  # noqa: S311 - a reproducible world
    roles = [each for each in ROLES if not single or each not in SUPPORT_ROLES]
    world = make_world()
    pool = [
        world.dataset(f"d{n}") if pick.random() < 0.8 else world.file(f"gap{n}")
        for n in range(pick.randint(1, 5))
    ]
    for number in range(pick.randint(0, 10)):
        outputs = [world.file(f"m{number}.{n}") for n in range(pick.randint(1, 2))]
        if not single and pick.random() < 0.2:
            outputs.append(pick.choice(pool))
        inputs = [
            (each, pick.choice(roles)) for each in pick.sample(pool, pick.randint(1, min(3, len(pool))))
        ]
        world.step(
            "made-up://kind" if pick.random() < 0.9 else "train",
            inputs,
            outputs,
            by=pick.choice(["ci"] * 6 + ["desk"]),
            completeness=pick.choice(["all-inputs-listed"] * 8 + ["partial"]),
        )
        if pick.random() < 0.2:
            copy = world.file(f"copy{number}")
            source = descriptor(pick.choice(pool), "source")
            world.dataset(f"copy{number}", artifact=copy, derivedFrom=[source])
            pool.append(copy)
        pool += outputs
    target = pick.choice(pool)
    return world, pool, target, order(world, target)


def brute_force(graph, target):
    """Reachability by repeating every edge until nothing changes: (proven, claimed or proven)."""
    edges = []
    for node in graph.steps:
        for item in node.inputs:
            edges += [(item.artifact, out, bool(node.evidence.granted)) for out in node.outputs]
    for each in graph.evidence:
        if isinstance(each.predicate, Dataset):
            edges += [
                (s.artifact, a, bool(each.granted))
                for s in each.predicate.derived_from
                for a in each.artifacts
            ]

    def close(granted_only):
        found = {target}
        while more := {b for a, b, granted in edges if a in found and (granted or not granted_only)} - found:
            found |= more
        return found

    return close(granted_only=True), close(granted_only=False)


def explained(graph, artifact, seen=frozenset()):
    """Whether everything behind an artifact is explained, by plain recursion."""

    if artifact in seen:
        return False
    seen |= {artifact}
    makers = graph.makers.get(artifact, [])
    real = [n for n in makers if any(i.role not in SUPPORT_ROLES for i in n.read_for(artifact))]
    described = graph.datasets(artifact)
    uses = [item for node in graph.steps for item in node.inputs if item.artifact == artifact]
    own = any(n.evidence.believed for n in real)
    if not own and uses and not makers and not described and not graph.rights(artifact):
        own = all(item.role in SUPPORT_ROLES for item in uses)
    if not own:
        own = any(e.believed for e in described)
    if any(
        n.evidence.believed and (n.step.completeness.claim != "all-inputs-listed" or missing_roles(n.step))
        for n in makers
    ):
        return False
    behind = [i.artifact for n in makers for i in n.read_for(artifact)]
    behind += [s.artifact for e in described for s in e.predicate.derived_from]
    return own and all(explained(graph, each, seen) for each in behind if each != artifact)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_impact_is_the_brute_force_closure(seed):
    world, pool, target, bundle = random_world(seed)
    impact = impact_of(world, bundle)
    proven, claimed = brute_force(impact.graph, target)
    if not impact.graph.with_sha256(target.sha256):  # nobody speaks of it: kept in mind, and no node
        assert impact.unresolved
        proven, claimed = set(), set()
    assert set(impact.proven) == proven  # and nothing outside it is ever proven
    clear = {a for a in pool if a not in claimed and explained(impact.graph, a)}
    assert set(pool) & impact.clear.keys() == clear
    spoken_of = {each for each in pool if impact.graph.with_sha256(each.sha256)}
    assert spoken_of <= impact.clear.keys() | impact.reached.keys()
    for artifact in impact.proven:
        steps = [target, *(hop.source for hop in impact.path(artifact)[1:])]
        assert [hop.source for hop in impact.path(artifact)] == steps[: len(impact.path(artifact))]


RANK = {PROVEN: 2, POSSIBLE: 1, CLEAR: 0}


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**9), data=st.data())
def test_taking_statements_away_never_moves_towards_clear(seed, data):
    world, pool, _, bundle = random_world(seed, single=True)
    before = impact_of(world, bundle)
    others = [each for each in world.bundles if each is not bundle]
    kept = data.draw(st.lists(st.sampled_from(others), unique_by=id)) if others else []
    world.bundles = [*kept, bundle]
    after = impact_of(world, bundle)
    for artifact in pool:
        if before.certainty(artifact) is not CLEAR:
            assert after.certainty(artifact) is not CLEAR


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), data=st.data())
def test_the_order_and_number_of_lines_change_nothing(seed, data):
    world, _, _, bundle = random_world(seed)
    lines = data.draw(st.permutations(world.lines))
    one, two = impact_of(world, bundle), impact_of(world, bundle, lines=[*lines, *lines[:2]])
    assert snapshot_digest(one.graph) == snapshot_digest(two.graph)
    assert list(one.reached.items()) == list(two.reached.items())
    assert list(one.clear.items()) == list(two.clear.items())
    assert one.unknown == two.unknown


def test_a_long_chain_does_not_recurse(world):
    start = world.dataset("faces")
    last = start
    for number in range(1200):  # deeper than Python's stack
        after = Artifact(f"{number:064x}")
        world.step("made-up://kind", [(last, "dataset")], [after])
        last = after
    impact = impact_of(world, order(world, start))
    assert impact.reached[last].distance == 1200
    assert len(impact.path(last)) == 1200
