"""The smallest retraining: what is run again, from what, and that it leaves nothing of the order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_absence import Cleaned
from test_impact import CLEAR, impact_of, make_world, order, records_order, trained

from attest.absence import Shown
from attest.plan import Plan


@pytest.fixture
def world():
    return make_world()


def actions(step):
    return {each.item.descriptor.name: each.action for each in step.inputs}


def test_a_model_is_trained_again_without_what_must_go(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    model = trained(world, "model", faces, songs, command=["python", "train.py"])
    plan = Plan(impact_of(world, order(world, faces)))
    (step,) = plan.steps
    assert actions(step) == {"faces": "leave-out", "songs": "keep"}
    assert step.command == ["python", "train.py"]
    (wanted,) = plan.wanted
    assert (wanted.artifact, wanted.steps, wanted.restart, wanted.missing) == (model, (1,), (songs,), "")


def test_steps_come_in_the_order_in_which_they_can_run_and_restart_where_it_is_clear(world):
    faces, songs, texts = (world.dataset(name) for name in ("faces", "songs", "texts"))
    base = trained(world, "base", texts)
    mixed, tuned, small = world.file("mixed"), world.file("tuned"), world.file("small")
    world.step("transform", [(faces, "dataset"), (songs, "dataset")], [mixed])
    world.step("finetune", [(base, "base-model"), (mixed, "dataset")], [tuned])
    world.step("quantize", [(tuned, "base-model")], [small])
    plan = Plan(impact_of(world, order(world, faces)))
    assert [step.node.kind for step in plan.steps] == ["transform", "finetune", "quantize"]
    assert [step.outputs for step in plan.steps] == [[mixed], [tuned], [small]]
    assert actions(plan.steps[1]) == {"base": "keep", "mixed": "remade"}
    wanted = {each.artifact: each for each in plan.wanted}
    assert wanted[small].steps == (1, 2, 3)
    assert wanted[small].restart == tuple(sorted([base, songs]))
    assert wanted[tuned].steps == (1, 2)
    only = Plan(impact_of(world, order(world, faces)), [tuned])
    assert [step.node.kind for step in only.steps] == ["transform", "finetune"]


def test_what_learns_from_nothing_else_cannot_be_made_anew(world):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    cropped = world.file("cropped")
    world.step("transform", [(faces, "dataset")], [cropped])
    alone, both = trained(world, "alone", cropped), trained(world, "both", cropped, songs)
    plan = Plan(impact_of(world, order(world, faces)))
    wanted = {each.artifact: each for each in plan.wanted}
    assert wanted[alone].missing == "nothing is left to read as dataset"
    assert wanted[both].missing == ""
    assert [actions(step) for step in plan.steps] == [{"cropped": "leave-out", "songs": "keep"}]


def test_a_target_and_what_nobody_recorded_cannot_be_made_anew(world):
    faces = world.dataset("faces")
    copy = world.file("copy")
    world.dataset("copy", artifact=copy, derivedFrom=[{"digest": {"sha256": faces.sha256}}])
    model = trained(world, "model", copy)
    bundle = order(world, faces, model)
    wanted = {each.artifact: each.missing for each in Plan(impact_of(world, bundle), [model, copy]).wanted}
    assert wanted == {
        model: "the order names it: it must go itself",
        copy: "no believed statement says how it was made",
    }


def test_an_unexplained_input_stays_open(world):
    faces, mystery = world.dataset("faces"), world.file("mystery")
    trained(world, "model", faces, mystery)
    (step,) = Plan(impact_of(world, order(world, faces))).steps
    assert actions(step) == {"faces": "leave-out", "mystery": "open"}


def test_a_circle_cannot_be_run(world):
    faces = world.dataset("faces")
    one, two = world.file("one"), world.file("two")
    world.step("merge", [(two, "base-model"), (faces, "dataset")], [one])
    world.step("merge", [(one, "base-model")], [two])
    plan = Plan(impact_of(world, order(world, faces)))
    assert {each.missing for each in plan.wanted} == {"it was made of itself"}


def test_what_nothing_shows_to_be_left_of_a_dataset_takes_no_place(world):
    faces, without = world.dataset("faces"), world.file("without")
    trained(world, "model", faces)
    bundle = records_order(world, faces)
    assert [each.missing for each in Plan(impact_of(world, bundle)).wanted] == [
        "nothing is left to read as dataset"
    ]
    world.step("transform", [(faces, "dataset")], [without], order=bundle.statement_digest)
    assert Plan(impact_of(world, bundle)).steps == []  # nothing shows that the records are out


def test_what_is_left_of_a_dataset_takes_its_place():
    case = Cleaned()
    old = trained(case.world, "old", case.tapes)
    (step,) = Plan(case.impact(Shown(case.proofs))).steps
    assert step.outputs == [old]
    assert [(each.action, each.instead) for each in step.inputs] == [("replaced", case.clean)]
    unshown = Plan(case.impact(Shown(case.proofs[1:])))
    assert [each.missing for each in unshown.wanted] == ["nothing is left to read as dataset"]
    assert [each.artifact for each in unshown.wanted] == [old]  # the model of the new version may be clear


def explained_world(seed):
    """A world in which everything is explained: datasets, and steps over what came before."""
    pick = random.Random(seed)  # noqa: S311 - a reproducible world
    world = make_world()
    data = [world.dataset(f"d{n}") for n in range(pick.randint(2, 4))]
    models = []
    for number in range(pick.randint(1, 8)):
        kind = pick.choice(["transform", "train", "finetune", "quantize"])
        inputs = [(each, "dataset") for each in pick.sample(data, pick.randint(1, 2))]
        output = world.file(f"{kind}{number}")
        if kind in ("finetune", "quantize") and models:
            base = (pick.choice(models), "base-model")
            inputs = [base] if kind == "quantize" else [base, *inputs]
        elif kind != "transform":
            kind = "train"
        world.step(kind, inputs, [output], command=[kind])
        (data if kind == "transform" else models).append(output)
    return world, data, order(world, pick.choice(data))


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_plan_that_is_run_leaves_no_affected_ancestor(seed):
    world, _, bundle = explained_world(seed)
    plan = Plan(impact_of(world, bundle))
    remade = {}
    for step in plan.steps:
        inputs = [
            (remade[each.item.artifact] if each.action == "remade" else each.item.artifact, each.item.role)
            for each in step.inputs
            if each.action != "leave-out"
        ]
        fresh = {output: world.file(f"new {output.sha256[:6]}") for output in step.outputs}
        assert all(artifact is not None for artifact, _ in inputs)
        world.step(step.node.kind, inputs, list(fresh.values()))
        remade |= fresh
    after = impact_of(world, bundle)
    for each in plan.wanted:
        if each.missing:
            assert each.steps == ()
        else:
            assert after.certainty(remade[each.artifact]) is CLEAR
    for artifact in remade.values():
        assert after.certainty(artifact) is CLEAR


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**9), data=st.data())
def test_the_order_of_lines_does_not_change_a_plan(seed, data):
    world, _, bundle = explained_world(seed)

    def shown(lines):
        plan = Plan(impact_of(world, bundle, lines=lines))
        return plan.wanted, [(each.node.evidence.digest, each.outputs) for each in plan.steps]

    assert shown(world.lines) == shown(data.draw(st.permutations(world.lines)))
