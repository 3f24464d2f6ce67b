"""Layouts of in-toto: pinned by the reader, checked over the links at hand, and never by running anything."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest
from test_link import TRAIN, key_of, link, written
from vendor import attest
from world import BUILDER, DEFAULT_ROLES, NOW, World, codes, make_trust, signer

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError
from attest.layouts import Layout
from attest.lineage import Status
from attest.model import format_time
from attest.predicates.link import Link
from attest.statement import LINK_TYPE
from attest.trust import read_trust

pytest.importorskip("in_toto", reason="in-toto is not installed: pip install --group test")
from in_toto.models.layout import Inspection, Step
from in_toto.models.layout import Layout as TheirLayout
from in_toto.models.metadata import Envelope, Metablock
from securesystemslib.signer import CryptoSigner

CLEAN, ANY = f"{LINK_TYPE}#clean", [["ALLOW", "*"]]
MATCHED = [["MATCH", "clean.csv", "WITH", "PRODUCTS", "FROM", "clean"], ["DISALLOW", "*"]]


def key_dict(name: str) -> dict:
    public = CryptoSigner(key_of(name)).public_key
    return {"keyid": public.keyid, **public.to_dict()}


LATER = NOW + timedelta(days=9)


def layout(*, clean=("ci",), train=("coop",), threshold=1, inspect=(), expires=LATER, **rules):
    keys = {each["keyid"]: each for each in map(key_dict, {*clean, *train})}

    def ids(names):
        return [key_dict(name)["keyid"] for name in names]

    first = Step(name="clean", pubkeys=ids(clean), expected_materials=ANY, expected_products=ANY)
    second = Step(
        name="train",
        pubkeys=ids(train),
        threshold=threshold,
        expected_materials=rules.get("materials", MATCHED),
        expected_products=rules.get("products", [["CREATE", "model.bin"], ["DISALLOW", "*"]]),
    )
    return TheirLayout(keys=keys, steps=[first, second], inspect=list(inspect), expires=format_time(expires))


def read(made: TheirLayout, *, skip=False, form="metablock", name="release.layout") -> Layout:
    holder = Metablock(signed=made) if form == "metablock" else Envelope.from_signable(made)
    data = repr(holder) if form == "metablock" else json.dumps(holder.to_dict())
    return Layout.from_json(data.encode(), name, "trust.yaml:1", skip_inspections=skip)


class Pipeline:
    """dataset → clean (ci) → train (coop) → model, both as links."""

    def __init__(self, *layouts: Layout) -> None:
        ids = [BUILDER, TRAIN, CLEAN]
        builders = [{"principal": name, "builderIds": ids} for name in ("ci", "coop", "desk")]
        trust = make_trust({**DEFAULT_ROLES, "builder": builders}, ("ci", "desk", "registry", "coop"))
        object.__setattr__(trust, "layouts", layouts)
        self.world = World(trust=trust)
        self.data = self.world.dataset("digits")
        self.clean, self.model = self.world.file("clean.csv"), self.world.file("model.bin")

    def add(self, name, materials, products, *by, form="metablock"):
        for key in by:
            data = written(link(materials, products, name=name), form, key_of(key))
            self.world.bundles.append(parse_bundle(data))
        return self

    def all(self, *, trained_by=("coop",), trained_on=None, form="metablock"):
        self.add("clean", {"digits.csv": self.data}, {"clean.csv": self.clean}, "ci", form=form)
        return self.add(
            "train",
            {"clean.csv": trained_on or self.clean},
            {"model.bin": self.model},
            *trained_by,
            form=form,
        )

    def links(self, **more):
        evidence = self.world.review(self.model, **more).graph.evidence
        return {each.predicate.name: each for each in evidence if isinstance(each.predicate, Link)}

    def believed(self, **more):
        return {name for name, each in self.links(**more).items() if each.believed}

    def reason(self, name="train", **more):
        return self.links(**more)[name].reason


@pytest.mark.parametrize("form", ["metablock", "envelope"])
def test_a_run_that_the_layout_describes(form):
    pipeline = Pipeline(read(layout(), form=form)).all(form=form)
    assert pipeline.believed() == {"clean", "train"}
    lineage = pipeline.world.review(pipeline.model).lineage
    assert set(lineage.ancestors) == {pipeline.model, pipeline.clean, pipeline.data}
    assert {each.status for each in lineage.ancestors.values()} == {Status.OK}


def test_without_a_layout_nothing_is_asked():
    assert Pipeline().all(trained_by=("desk",)).believed() == {"clean", "train"}


def test_a_link_by_somebody_the_layout_does_not_name():
    pipeline = Pipeline(read(layout())).all(trained_by=("desk",))
    assert pipeline.believed() == set()
    assert (
        pipeline.reason()
        == "the layout release.layout wants a link of step 'train' by 1 of the functionaries"
    )
    assert "signed-by/signer-lacks-role" in codes(pipeline.world.judge(pipeline.model))


def test_a_step_that_is_missing():
    pipeline = Pipeline(read(layout())).all()
    pipeline.world.bundles.pop()
    pipeline.model = pipeline.clean
    assert pipeline.believed() == set()
    assert "wants a link of step 'train'" in pipeline.reason("clean")


def test_what_went_in_is_not_what_came_out_before():
    pipeline = Pipeline(read(layout()))
    pipeline.all(trained_on=pipeline.world.file("scraped.csv"))
    assert pipeline.believed() == set()
    assert pipeline.reason().startswith("a rule of the layout release.layout does not hold: 'DISALLOW *'")


def test_a_product_that_no_rule_allows():
    pipeline = Pipeline(read(layout()))
    pipeline.add("clean", {}, {"clean.csv": pipeline.clean}, "ci")
    extra = {"model.bin": pipeline.model, "backdoor.bin": pipeline.world.file("backdoor.bin")}
    pipeline.add("train", {"clean.csv": pipeline.clean}, extra, "coop")
    assert pipeline.believed() == set()


def test_a_step_that_takes_two():
    two = read(layout(train=("coop", "desk"), threshold=2))
    assert Pipeline(two).all(trained_by=("coop", "desk")).believed() == {"clean", "train"}
    alone = Pipeline(two).all(trained_by=("coop", "coop"))
    assert alone.believed() == set()
    assert "by 2 of the functionaries" in alone.reason()
    disagree = Pipeline(two).all(trained_by=("coop",))
    disagree.add(
        "train", {"clean.csv": disagree.clean, "x": disagree.data}, {"model.bin": disagree.model}, "desk"
    )
    assert disagree.believed() == set()


def test_an_expired_layout_vouches_for_nothing():
    pipeline = Pipeline(read(layout(expires=NOW))).all()
    assert pipeline.believed() == set()
    assert pipeline.reason() == f"the layout release.layout expired on {format_time(NOW)}"
    assert Pipeline(read(layout(expires=NOW + timedelta(seconds=1)))).all().believed() == {"clean", "train"}


def test_the_role_of_a_builder_is_asked_for_besides():
    pipeline = Pipeline(read(layout(train=("stranger",)))).all(trained_by=("stranger",))
    assert pipeline.believed() == set()
    assert "wants a link of step 'train'" in pipeline.reason("clean")


def test_more_links_take_nothing_away():
    """A second run beside the first, whole or broken: the first is still what the layout describes."""
    pipeline = Pipeline(read(layout())).all()
    other = pipeline.world.file("model.bin")
    pipeline.add("train", {"clean.csv": pipeline.world.file("scraped.csv")}, {"model.bin": other}, "coop")
    lineage = pipeline.world.review(pipeline.model).lineage
    assert lineage.ancestors[pipeline.model].status is Status.OK
    assert pipeline.world.review(other).lineage.ancestors[other].status is Status.UNTRUSTED


def test_leaving_out_lines_makes_none_of_the_rest_believed():
    pipeline = Pipeline(read(layout(train=("coop", "desk"), threshold=2)))
    pipeline.all(trained_by=("coop", "desk"))
    pipeline.add("train", {"clean.csv": pipeline.data}, {"model.bin": pipeline.model}, "coop", "desk")
    pipeline.add("clean", {}, {"clean.csv": pipeline.data}, "ci")
    bundles = pipeline.world.bundles

    def believed(given):
        graph = pipeline.world.review(pipeline.model, lines=given).graph
        return {each.digest for each in graph.evidence if each.believed}

    whole = believed(bundles)
    for number in range(len(bundles)):
        for given in itertools.combinations(bundles, number):
            assert believed(given) <= whole


def test_a_withdrawn_link_vouches_for_none_of_the_others():
    pipeline = Pipeline(read(layout())).all()
    first = next(
        each for each in pipeline.world.bundles if b'"clean"' in each.payload and each.form == "metablock"
    )
    pipeline.world.withdraw(first.statement_digest, by="ci")
    assert pipeline.believed() == set()


def test_either_of_two_layouts():
    other = read(layout(train=("desk",)), name="other.layout")
    assert Pipeline(read(layout()), other).all(trained_by=("desk",)).believed() == {"clean", "train"}
    neither = Pipeline(read(layout(expires=NOW)), other).all()
    assert "release.layout expired" in neither.reason()
    assert "other.layout wants" in neither.reason()


def test_steps_of_slsa_need_no_layout():
    pipeline = Pipeline(read(layout()))
    pipeline.world.step("train", [(pipeline.data, "dataset")], [pipeline.model])
    lineage = pipeline.world.review(pipeline.model).lineage
    assert lineage.ancestors[pipeline.model].status is Status.OK


def test_too_many_choices():
    pipeline = Pipeline(read(layout()))
    for number in range(101):
        some = {f"{number}": pipeline.data}
        pipeline.add("clean", some, {"clean.csv": pipeline.clean}, "ci")
        pipeline.add("train", some, {"model.bin": pipeline.model}, "coop")
    with pytest.raises(AttestError, match="10,201 ways"):
        pipeline.believed()


# reading one


def test_inspections_are_never_run(tmp_path):
    ran = tmp_path / "ran"
    made = layout(inspect=[Inspection(name="look", run=["touch", str(ran)], expected_products=ANY)])
    with pytest.raises(FormatError, match="1 inspections are commands, which attest never runs") as caught:
        read(made)
    assert "skipInspections: true" in caught.value.hint
    assert Pipeline(read(made, skip=True)).all().believed() == {"clean", "train"}
    assert not ran.exists()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a layout"),
        (b'{"signed": []}', "not a layout"),
        (b'{"signed": {"_type": "link"}}', "not a layout"),
        (b'{"payload": 7}', "not base64"),
        (b'{"payload": "e30="}', "not a layout"),
        (b'{"_type": "layout", "expires": "2030-01-01T00:00:00Z", "steps": 7}', "not a layout of in-toto: "),
        (b'{"signed": {"_type": "layout", "expires": "2030-01-01T00:00:00Z", "keys": 7}}', "in-toto: "),
        (b'{"signed": {"_type": "layout", "expires": "tomorrow"}}', "not a layout of in-toto: "),
        (b'{"_type": "layout", "steps": []}', "says when it expires"),
        (
            b'{"_type": "layout", "steps": [], "expires": "2030-01-01T00:00:00Z", "inspect": []}',
            "without steps",
        ),
    ],
)
def test_what_is_no_layout(data, reason):
    with pytest.raises(FormatError, match=reason):
        Layout.from_json(data, "release.layout", "trust.yaml:1", skip_inspections=False)


@pytest.mark.parametrize(
    "change", [{"method": "pgp+rsa-pkcsv1.5"}, {"keyval": {"public": "zz"}}, {"keyval": {}}]
)
def test_a_key_that_is_not_read_is_nobodys(change):
    made = json.loads(repr(layout()))
    for keyid in made["keys"]:
        made["keys"][keyid] |= change
    try:
        parsed = Layout.from_json(json.dumps(made).encode(), "release.layout", "here", skip_inspections=False)
    except FormatError:
        return  # in-toto itself may refuse such a key
    assert Pipeline(parsed).all().believed() == set()


def test_the_trust_file_pins_it(tmp_path, capsys):
    data = repr(Metablock(signed=layout())).encode()
    (tmp_path / "release.layout").write_bytes(data)
    (tmp_path / "ci.pub").write_bytes(signer("ci").public.pem)
    key = {"file": "ci.pub", "sha256": sha256_bytes(signer("ci").public.pem)}
    pinned = {"file": "release.layout", "sha256": sha256_bytes(data)}
    value = {"principals": {"ci": {"key": key}}, "layouts": [pinned]}
    trust = tmp_path / "trust.yaml"
    trust.write_text(json.dumps(value))
    capsys.readouterr()
    assert attest("trust", "show", trust) == 0
    said = capsys.readouterr().out
    assert f"links only as in layout release.layout, until {format_time(LATER)}" in said
    assert attest("trust", "show", trust, "--json") == 0
    assert json.loads(capsys.readouterr().out)["layouts"] == [{**pinned, "expires": format_time(LATER)}]
    (found,) = read_trust(trust).layouts
    assert [step.name for step in found.steps] == ["clean", "train"]
    (tmp_path / "release.layout").write_bytes(data + b"\n")
    with pytest.raises(FormatError, match=r"release.layout: got sha256 .*, pinned is"):
        read_trust(trust)
