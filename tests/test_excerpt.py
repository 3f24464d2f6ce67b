"""An excerpt of a store says of what it comes to just what everything in the store says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_impact import make_world, order, trained
from world import NOW, REGISTER, Tree, descriptor

from attest.check import RawLine
from attest.errors import AttestError, LimitError
from attest.excerpt import Excerpt, Reading, review_of_store
from attest.impact import Impact
from attest.limits import Limits
from attest.lineage import Status
from attest.matching import Delivery
from attest.resource import Artifact
from attest.review import review
from attest.sketch import picture_of
from attest.store import StoredManifests, open_store
from attest.toll import impact_report

ROLES = ("dataset", "base-model", "adapter", "code", "tokenizer", "unheard-of")
KINDS = ("train", "transform", "convert", "release", "made-up://kind", "finetune")


def filled(world, place):
    """A store that holds a world."""
    store = open_store(f"sqlite:{place}", create=True)
    store.put(world.bundles, world.manifests.values())
    return store


def everything(store, world, bundle, found=()):
    reading = Reading(world.trust, NOW)
    reading.add(RawLine("s", number, each.raw) for number, each in enumerate(store.bundles(), 1))
    body = reading.body(StoredManifests(store))
    impact = Impact(body.graph, body.orders[bundle.statement_digest], found)
    return impact_report(impact, body.orders, "t"), impact


def excerpt(store, world, bundle, found=(), **limits):
    bounds = Limits(**limits)
    taken = Excerpt(store, Reading(world.trust, NOW, bounds), world.trust, bounds)
    body, impact = taken.reached(bundle.statement_digest, found)
    return impact_report(impact, body.orders, "t", reached=True), impact


def assert_same(store, world, bundle, found=()):
    """What the excerpt lists is what everything lists, but for what is not known or not looked at."""
    whole, impact = everything(store, world, bundle, found)
    part, _ = excerpt(store, world, bundle, found)
    followed = {str(each) for each in impact.followed}
    assert part.affected == [row for row in whole.affected if row.artifact in followed]
    assert part.recipients == [row for row in whole.recipients if row.artifact in followed]
    assert part.order == whole.order
    counted = "are believed from nobody"
    assert [each for each in part.warnings if counted not in each] == [
        each for each in whole.warnings if counted not in each
    ]
    assert (part.scope, part.clear, part.unknown, "clear" in part.counts) == ("reached", [], [], False)
    assert part.snapshot.statements <= whole.snapshot.statements
    return part


class Scene:
    """A random world with a bit of everything that impact follows or goes by."""

    def __init__(self, seed):
        self.pick = random.Random(seed)  # noqa: S311 - a reproducible world
        self.world = make_world()
        self.pool = [self.world.dataset(f"d{n}") for n in range(self.pick.randint(1, 4))]
        self.trees = []
        for number in range(self.pick.randint(1, 9)):
            self.step(number)
            for extra in (self.derived, self.sent, self.large, self.aliased):
                if self.pick.random() < 0.15:
                    extra(number)

    def step(self, number):
        pick, world = self.pick, self.world
        outputs = [world.file(f"m{number}.{n}") for n in range(pick.randint(1, 2))]
        if pick.random() < 0.3:
            names = pick.sample(["w.safetensors", "config.json", "LICENSE", "tokenizer.json"], 2)
            outputs.append(
                Tree(f"t{number}", {each: f"{each} {pick.randint(0, 3)}".encode() for each in names})
            )
        if pick.random() < 0.15:
            outputs.append(pick.choice(self.pool))
        inputs = [(each, pick.choice(ROLES)) for each in pick.sample(self.pool, min(2, len(self.pool)))]
        by = pick.choice(["ci"] * 5 + ["desk", "stranger"])
        bundle = world.step(pick.choice(KINDS), inputs, outputs, by=by)
        if pick.random() < 0.2:
            left = world.file(f"log{number}")
            predicate = bundle.statement().predicate
            details = {**predicate["runDetails"], "byproducts": [descriptor(left, "log")]}
            subjects = [each.to_json() for each in bundle.statement().subjects]
            world.sign("step", subjects, {**predicate, "runDetails": details}, by)
            self.pool.append(left)
        for each in outputs:
            if isinstance(each, Tree):
                self.trees.append(each)
                self.pool += [each.artifact, *(a for a in map(file_of, each.digests.values()))]
            else:
                self.pool.append(each)

    def derived(self, number):
        copy = self.world.file(f"copy{number}")
        source = descriptor(self.pick.choice(self.pool), "source")
        self.world.describe(
            copy, f"copy{number}", by=self.pick.choice(["desk", "registry"]), derivedFrom=[source]
        )
        self.pool.append(copy)

    def sent(self, number):
        about, what = self.pick.choice(self.pool), self.pick.choice(self.pool)
        predicate = {"recipient": {"legalName": f"Buyer {number}"}, "what": [descriptor(what, "sent")]}
        self.world.sign("distribution", [descriptor(about, "sent")], predicate, "ci")

    def large(self, number):
        tree = Tree(f"large{number}", {"w.safetensors": b"w%d" % number, "x.bin": b"x"})
        bundle = self.world.step("train", [(self.pick.choice(self.pool), "dataset")], [tree])
        self.world.bundles.remove(bundle)
        subject = descriptor(tree.artifact, f"large{number}/", weights=["w.safetensors"])
        self.world.sign("step", [subject], bundle.statement().predicate, "ci")
        self.world.manifests[tree.artifact.sha256] = tree.manifest.data
        self.pool += [tree.artifact, *map(file_of, tree.digests.values())]

    def aliased(self, number):
        artifact = self.pick.choice(self.pool)
        subject = descriptor(artifact, f"alias{number}")
        subject["digest"]["sha512"] = f"{number:x}" * 128
        self.world.sign("dataset", [subject], {"name": f"d{self.pick.randint(0, 3)}", "version": "2"}, "desk")

    def target(self):
        """Something to name in an order: by digest, by another digest, by name, or nothing known."""
        artifact, way = self.pick.choice(self.pool), self.pick.random()
        if way < 0.7:
            return descriptor(artifact, self.pick.choice(["d0", "m0.0", "target"]))
        if way < 0.8:
            return {"name": "aliased", "digest": {"sha512": f"{self.pick.randint(0, 8):x}" * 128}}
        if way < 0.9:
            return {
                "name": self.pick.choice(["d0", "d1", "m0.0", "t1", "t1/"]),
                "digest": {"sha512": "f" * 128},
            }
        return {"name": "gone", "digest": {"sha256": "9" * 64}}


def file_of(sha256):
    return Artifact(sha256)


@settings(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_an_excerpt_lists_what_everything_lists(seed, tmp_path_factory):
    scene = Scene(seed)
    world, pick = scene.world, scene.pick
    more = {"reach": "named-only"} if pick.random() < 0.1 else {}
    bundle = order(world, *(scene.target() for _ in range(pick.randint(1, 2))), **more)
    for _ in range(pick.randint(0, 2)):
        order(world, scene.target(), by=pick.choice(["registry", "stranger"]), deadlines=[])
    if pick.random() < 0.3:
        world.withdraw(pick.choice(world.bundles).statement_digest, by=pick.choice(["ci", "desk"]))
    if pick.random() < 0.3:
        world.sign(
            "withdrawal",
            [{"name": "w", "digest": {"sha256": "a" * 64}}],
            {"reason": "x", "selector": {}},
            "ci",
        )
    if pick.random() < 0.3:
        world.register(world.listed(bundle, pick.choice(["active", "suspended"]), pick.choice(scene.pool)))
    found = [pick.choice(scene.pool)] if pick.random() < 0.2 else []
    with filled(world, tmp_path_factory.mktemp("store") / "store.db") as store:
        assert_same(store, world, bundle, found)


def drawn(reviewed):
    """A lineage as it is drawn, but for the names: those are what the statements in hand call things."""
    lineage = reviewed.lineage
    picture = picture_of(reviewed).to_json()
    for node in picture["nodes"]:
        node.pop("label")
    unlinked = [(node.evidence.digest, item.called) for node, item in lineage.unlinked]
    return lineage.roots, lineage.complete, sorted(unlinked), lineage.cyclic, picture


def assert_same_lineage(store, world, artifact):
    delivery = Delivery("asked", artifact, 0, {})
    lines = [RawLine("s", number, each.raw) for number, each in enumerate(store.bundles(), 1)]
    whole = review(delivery, lines, world.trust, NOW, manifests=StoredManifests(store))
    part = review_of_store(store, delivery, world.trust, NOW)
    assert drawn(part) == drawn(whole)
    return part


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_lineage_that_is_looked_up_is_the_lineage(seed, tmp_path_factory):
    scene = Scene(seed)
    world, pick = scene.world, scene.pick
    gone = [pick.choice(world.bundles).statement_digest for _ in range(2)]
    if pick.random() < 0.4:
        world.withdraw(gone[0], by=pick.choice(["ci", "desk"]))
    if pick.random() < 0.4:
        world.register({"kind": "withdrawal", "statement": {"sha256": "b" * 64}, "withdraws": gone[1:]})
    with filled(world, tmp_path_factory.mktemp("store") / "store.db") as store:
        for artifact in pick.sample(scene.pool, min(3, len(scene.pool))):
            assert_same_lineage(store, world, artifact)


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "store.db"


def test_an_excerpt_leaves_out_what_the_targets_do_not_lead_to(world, place):
    faces, songs = world.dataset("faces"), world.dataset("songs")
    trained(world, "vision", faces)
    for number in range(20):
        trained(world, f"music{number}", songs)
    bundle = order(world, faces)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.name for row in part.affected] == ["faces", "vision"]
    assert part.snapshot.statements == 4  # the order, a dataset with its rights, a step


def test_a_withdrawal_in_a_register_counts_in_an_excerpt_too(world, place):
    faces = world.dataset("faces")
    step = world.bundles[0]
    trained(world, "vision", faces)
    bundle = order(world, faces)
    world.register(
        {"kind": "withdrawal", "statement": {"sha256": "b" * 64}, "withdraws": [step.statement_digest]}
    )
    world.sign("distribution", [descriptor(faces, "faces")], {"recipient": {"legalName": "Buyer"}}, "ci")
    world.register(
        {
            "kind": "withdrawal",
            "statement": {"sha256": "c" * 64},
            "withdraws": [world.bundles[-1].statement_digest],
        }
    )
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.believed for row in part.recipients] == [False]


def test_a_withdrawal_of_anything_counts_in_an_excerpt_too(world, place):
    faces = world.dataset("faces")
    sent = world.sign(
        "distribution", [descriptor(faces, "faces")], {"recipient": {"legalName": "Buyer"}}, "ci"
    )
    world.withdraw(sent.statement_digest, by="ci")
    bundle = order(world, faces)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.believed for row in part.recipients] == [False]


def test_the_class_of_a_backup_is_read_off_what_it_was_made_from(world, place):
    base = trained(world, "base", world.dataset("songs"))
    faces = world.dataset("faces")
    copy = world.file("copy")
    world.step("convert", [(base, "base-model"), (faces, "code")], [copy])
    bundle = order(world, faces)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert {row.name: row.item_class for row in part.affected}["copy"] == "model"


def test_what_was_sent_counts_whatever_the_record_is_about(world, place):
    faces = world.dataset("faces")
    predicate = {"recipient": {"legalName": "Buyer"}, "what": [descriptor(faces, "faces")]}
    world.sign("distribution", [descriptor(world.file("parcel"), "parcel")], predicate, "ci")
    bundle = order(world, faces)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.legal_name for row in part.recipients] == ["Buyer"]


def test_a_name_written_with_escapes_is_found(world, place):
    faces = world.dataset('faces "of" 2024')
    trained(world, "vision", faces)
    bundle = order(world, {"name": 'faces "of" 2024', "digest": {"sha512": "f" * 128}})
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [(row.name, row.reason) for row in part.affected] == [
        ('faces "of" 2024', "name"),
        ("vision", "name"),
    ]


def test_another_order_means_by_name_only_what_no_digest_names(world, place):
    faces, elsewhere = world.dataset("faces"), world.dataset("elsewhere")
    bundle = order(world, faces)
    order(world, descriptor(elsewhere, "faces"))
    other = order(world, {"name": "faces", "digest": {"sha256": "9" * 64}})
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.statement for row in part.order.others] == [f"sha256:{other.statement_digest}"]


def test_a_document_with_the_digest_of_a_dataset_does_not_stand_for_it(world, place):
    faces = world.dataset("faces")
    bundle = order(world, faces)  # about a document, e…
    order(world, descriptor(file_of("e" * 64), "faces"))
    world.describe(file_of("e" * 64), "a dataset with just that digest")
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert part.order.others == []


def test_a_file_of_a_large_directory_leads_to_the_directory(world, place):
    tree = Tree("m", {"w.safetensors": b"w", "faces.json": b"f"})
    bundle = world.step("train", [(world.dataset("d"), "dataset")], [tree])
    world.bundles.remove(bundle)
    world.sign("step", [descriptor(tree.artifact, "m/")], bundle.statement().predicate, "ci")
    world.manifests[tree.artifact.sha256] = tree.manifest.data
    faces = file_of(tree.digests["faces.json"])
    world.describe(faces, "faces")
    bundle = order(world, faces)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [row.artifact for row in part.affected] == [str(faces), str(tree.artifact)]


def test_files_of_a_target_are_looked_at(world, place):
    tree = Tree("set", {"a.jpg": b"a", "tokenizer.json": b"t"})
    world.step("collect", [], [tree])
    used = file_of(tree.digests["a.jpg"])
    trained(world, "vision", used)
    trained(world, "other", file_of(tree.digests["tokenizer.json"]), role="tokenizer")
    bundle = order(world, tree.artifact)
    with filled(world, place) as store:
        part = assert_same(store, world, bundle)
    assert [(row.artifact, row.reason) for row in part.affected][1] == (str(used), "shares")
    assert len(part.affected) == 3


def test_where_records_were_taken_out_only_everything_tells(world, place):
    faces = world.dataset("faces")
    records = [{"dataset": descriptor(faces, "faces"), "keys": ["ab" * 32], "space": "content"}]
    bundle = order(world, targets={"records": records})
    fresh = world.file("fresh")
    world.step("transform", [(faces, "dataset")], [fresh], order=f"sha256:{bundle.statement_digest}")
    with (
        filled(world, place) as store,
        pytest.raises(AttestError, match="took the ordered records out") as error,
    ):
        excerpt(store, world, bundle)
    assert "leave --reached out" in str(error.value.hint)


def test_an_excerpt_is_bounded(world, place):
    faces = world.dataset("faces")
    for number in range(5):
        trained(world, f"m{number}", faces)
    bundle = order(world, faces)
    with (
        filled(world, place) as store,
        pytest.raises(LimitError, match="statements: 8 is above the limit of 5"),
    ):
        excerpt(store, world, bundle, statements=5)


def test_the_register_a_store_holds_lifts_an_order_in_an_excerpt_too(world, place):
    faces = world.dataset("faces")
    bundle = order(world, faces, register=REGISTER)
    world.register(world.listed(bundle, "vacated"))
    with filled(world, place) as store:
        assert assert_same(store, world, bundle).order.state == "vacated"


def test_a_register_withdraws_in_a_lineage_too(world, place):
    faces = world.dataset("faces")
    withdrawn = world.bundles[0].statement_digest
    model = trained(world, "vision", faces)
    world.register({"kind": "withdrawal", "statement": {"sha256": "b" * 64}, "withdraws": [withdrawn]})
    with filled(world, place) as store:
        lineage = assert_same_lineage(store, world, model).lineage
    assert lineage.ancestors[faces].status is Status.WITHDRAWN


def test_weights_answer_for_the_directory_they_were_taken_out_of(world, place):
    tree = Tree("m", {"w.safetensors": b"w", "config.json": b"c"})
    world.step("train", [(world.dataset("d"), "dataset")], [tree])
    secret = world.file("secret")
    step = world.step("train", [(secret, "dataset")], [tree])
    world.bundles.remove(step)
    world.sign("step", [descriptor(tree.artifact, "m/")], step.statement().predicate, "ci")
    with filled(world, place) as store:
        lineage = assert_same_lineage(store, world, file_of(tree.digests["w.safetensors"])).lineage
    assert secret in lineage.ancestors


def test_who_else_read_a_thing_is_not_looked_at_for_its_lineage(world, place):
    faces = world.dataset("faces")
    model = trained(world, "vision", faces)
    for number in range(5):
        trained(world, f"other{number}", faces)
    with filled(world, place) as store:
        part = assert_same_lineage(store, world, model)
    assert len(part.graph.evidence) == 3
