from __future__ import annotations

import itertools

import pytest
from world import DEFAULT_ROLES, REGISTER, World, descriptor, make_trust

from attest.docket import named_artifacts

OTHER = "https://vendor.example/orders"


@pytest.fixture
def world():
    roles = {
        **DEFAULT_ROLES,
        "keeper": [
            {"principal": "registry", "register": REGISTER},
            {"principal": "ci", "register": OTHER},
        ],
    }
    return World(make_trust(roles))


def order(world, *targets, by="registry", **more):
    subject = {"name": "order.pdf", "digest": {"sha256": world.file("order.pdf").sha256}}
    return world.sign("deletion-order", [subject], {"targets": {"datasets": list(targets)}, **more}, by)


def entry(bundle, status, *artifacts):
    digest = bundle if isinstance(bundle, str) else bundle.statement_digest
    return {"kind": "order", "statement": {"sha256": digest}, "status": status, "artifacts": list(artifacts)}


def model_of(world):
    data, model = world.dataset("faces"), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    return data, model


def only(review):
    (found,) = review.orders.values()
    return found


def test_an_order_no_register_speaks_of_is_active(world):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"), id="C-1")
    found = only(world.review(model))
    assert (found.digest, found.state, found.believed, found.title) == (
        bundle.statement_digest,
        "active",
        True,
        "C-1",
    )
    assert found.binding
    assert found.derived
    assert found.names(data)
    assert not found.names(model)


def test_an_order_of_somebody_who_keeps_no_register_is_seen_and_not_believed(world):
    data, model = model_of(world)
    order(world, descriptor(data, "faces"), by="desk")
    found = only(world.review(model))
    assert not found.believed
    assert found.state == "active"
    assert found.names(data)


def test_an_order_is_its_own_registers_keepers_to_sign(world):
    data, model = model_of(world)
    order(world, descriptor(data, "faces"), by="ci", register=REGISTER)
    assert not only(world.review(model)).believed


@pytest.mark.parametrize("status", ["suspended", "satisfied", "vacated", "active", "postponed"])
def test_its_register_says_where_it_stands(world, status):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"), register=REGISTER)
    world.register(entry(bundle, status))
    found = only(world.review(model))
    assert found.state == ("unknown" if status == "postponed" else status)
    assert found.binding is (status not in ("suspended", "vacated"))


def test_another_register_lifts_nothing(world):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"), register=REGISTER)
    world.register(entry(bundle, "vacated"), by="ci", registerId=OTHER)
    assert only(world.review(model)).state == "active"


@pytest.mark.parametrize("first", ["active", "vacated"])
def test_of_two_registers_the_stricter_counts(world, first):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"))
    second = "vacated" if first == "active" else "active"
    world.register(entry(bundle, first))
    world.registers.clear()
    world.register(entry(bundle, second), by="ci", registerId=OTHER)
    assert only(world.review(model)).state == "active"


def test_a_register_that_forgot_something_lifts_nothing(world):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"))
    world.register(entry("a" * 64, "active"), entry(bundle, "active"))
    world.register(entries=[entry(bundle, "vacated")])
    states = {each.digest: each.state for each in world.review(model).orders.values()}
    assert states == {bundle.statement_digest: "unknown"}


def test_a_register_tells_of_an_order_nobody_shows(world):
    data, model = model_of(world)
    world.register(entry("a" * 64, "active", descriptor(data, "faces")))
    found = only(world.review(model))
    assert found.believed
    assert found.evidence is None
    assert found.derived
    assert found.names(data)


def test_withdrawing_an_order_does_not_end_it(world):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"))
    world.withdraw(bundle.statement_digest, by="registry")
    found = only(world.review(model))
    assert found.state == "active"
    assert found.believed


def test_what_cannot_be_read_may_be_anything(world):
    data, model = model_of(world)
    order(world, descriptor(data, "faces"), fromTheFuture=1)
    assert only(world.review(model)).unread == ("*",)
    subject = {"name": "order.pdf", "digest": {"sha256": "b" * 64}}
    world.sign("deletion-order", [subject], {"reach": "named-only"}, "registry")
    states = list(world.review(model).orders.values())
    assert [each.unread for each in states] == [("*",), ("*",)]
    assert all(each.derived for each in states)


def test_a_target_is_found_by_digest_then_alias_then_name(world):
    data, model = model_of(world)
    sha512 = "c" * 128
    twin = world.file("twin")
    world.describe(twin, "twin")
    world.sign(
        "distribution",
        [{"name": "faces", "digest": {"sha256": data.sha256, "sha512": sha512}}],
        {"nobody": "yes"},
        "ci",
    )

    def found(target):
        world.bundles = [each for each in world.bundles if "order" not in each.statement().predicate_type]
        order(world, target)
        review = world.review(model)
        return named_artifacts(only(review), review.graph)

    assert found({"name": "x", "digest": {"sha256": data.sha256}}) == {data: "digest"}
    assert found({"digest": {"sha512": sha512}}) == {data: "alias"}
    assert found({"name": "twin", "digest": {"sha256": data.sha256, "sha512": sha512}}) == {data: "digest"}
    assert found({"name": "faces", "digest": {"sha256": "d" * 64}}) == {data: "name"}
    assert found({"name": "faces/"}) == {data: "name"}
    assert found({"name": "nothing", "digest": {"sha256": "d" * 64}}) == {}


def test_a_digest_names_a_directory_and_a_file_alike(world):
    tree = world.tree("photos", "a.jpg")
    model = world.file("model")
    world.step("train", [(tree, "dataset")], [model])
    order(world, {"digest": {"sha256": tree.artifact.sha256}})
    review = world.review(model)
    assert named_artifacts(only(review), review.graph) == {tree.artifact: "digest"}


def test_the_order_of_lines_changes_nothing(world):
    data, model = model_of(world)
    bundle = order(world, descriptor(data, "faces"), register=REGISTER)
    world.register(entry(bundle, "suspended"))
    lines = world.lines[-3:]
    rest = world.lines[:-3]
    seen = {
        tuple((each.digest, each.state) for each in world.review(model, lines=[*rest, *some]).orders.values())
        for some in itertools.permutations(lines)
    }
    assert len(seen) == 1
