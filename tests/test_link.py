"""Links of in-toto: read in each of their forms, believed for a step by name, joined as steps."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pki import new_key
from test_cli_verify import verify
from vendor import attest, write_project
from world import DEFAULT_ROLES, NOW, World, codes, descriptor, good_world, make_trust, signer, write_world

from attest import check
from attest.bundle import Bundle, UnknownLine, numbered_lines, parse_bundle
from attest.canonical import canonical_bytes
from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError, LimitError
from attest.keys import PublicKey
from attest.limits import DEFAULT
from attest.lineage import Status
from attest.links import links_of
from attest.predicates.link import Link
from attest.resource import Artifact
from attest.statement import LINK_TYPE, Statement
from attest.store import open_store
from attest.verdict import Verdict
from attest.verifier import UnverifiedError
from attest.verifiers.key import verify as verify_signature

in_toto = pytest.importorskip("in_toto", reason="in-toto is not installed: pip install --group test")
from in_toto.models.layout import Layout  # noqa: E402
from in_toto.models.link import Link as TheirLink  # noqa: E402
from in_toto.models.metadata import Envelope, Metablock  # noqa: E402
from in_toto.runlib import in_toto_run  # noqa: E402
from securesystemslib.signer import CryptoSigner  # noqa: E402

FORMS = ("metablock", "envelope")
TRAIN = f"{LINK_TYPE}#train"


def digests(files: dict[str, Artifact]) -> dict:
    return {path: {"sha256": artifact.sha256} for path, artifact in files.items()}


def link(materials: dict[str, Artifact], products: dict[str, Artifact], name="train", **more) -> TheirLink:
    facts = {
        "command": ["python", "train.py"],
        "byproducts": {"stdout": 'ä\n\t"\\', "return-value": 0},
        **more,
    }
    return TheirLink(name=name, materials=digests(materials), products=digests(products), **facts)


def written(made: TheirLink | Layout, form: str, *keys) -> bytes:
    """What ``in-toto-run`` writes, signed by these private keys."""
    holder = Metablock(signed=made) if form == "metablock" else Envelope.from_signable(made)
    for key in keys:
        holder.create_signature(CryptoSigner(key))
    return repr(holder).encode() if form == "metablock" else json.dumps(holder.to_dict()).encode()


def key_of(name: str):
    return signer(name)._key


def read(data: bytes, tmp_path, limits=DEFAULT) -> list[Bundle | UnknownLine]:
    path = tmp_path / "step.link"
    path.write_bytes(data)
    return [content for _, content in numbered_lines(path, limits)]


def trusting(*builder_ids: str, **roles) -> World:
    entry = {"principal": "ci", "builderIds": [*DEFAULT_ROLES["builder"][0]["builderIds"], *builder_ids]}
    return World(
        trust=make_trust({**DEFAULT_ROLES, "builder": [entry], **roles}, ("ci", "desk", "registry", "coop"))
    )


@dataclass
class Chain:
    """data → link → model, in a world that believes ci for links called train."""

    world: World = field(default_factory=lambda: trusting(TRAIN))

    def __post_init__(self):
        self.data = self.world.dataset("digits")
        self.model = self.world.file("model.bin")

    def add(self, form: str, *, by="ci", materials=None, products=None, **more) -> Bundle:
        materials = {"data/digits.csv": self.data} if materials is None else materials
        made = link(materials, products or {"model.bin": self.model}, **more)
        bundle = parse_bundle(written(made, form, key_of(by)))
        self.world.bundles.append(bundle)
        return bundle


# who signed it


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", ["p256", "p384", "p521", "ed25519", "rsa"])
def test_signatures_of_every_kind_of_key(form, kind, tmp_path):
    key = new_key(kind)
    (bundle,) = read(written(link({}, {"m": Artifact("a" * 64)}), form, key), tmp_path)
    assert bundle.form == form
    verify_signature(bundle, PublicKey(key.public_key()))
    with pytest.raises(UnverifiedError, match="not that of key"):
        verify_signature(bundle, PublicKey(new_key(kind).public_key()))


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
def test_what_in_toto_run_writes(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits.csv").write_bytes(b"1,2\n")
    command = [sys.executable, "-c", "print('hello'); open('model.bin', 'wb').write(b'w')"]
    in_toto_run(
        "train",
        ["."],
        ["."],
        command,
        signer=CryptoSigner(key_of("ci")),
        use_dsse=form == "envelope",
        record_streams=True,
    )
    (found,) = tmp_path.glob("train.*.link")
    # a folder listed before and after made nothing of itself
    ((_, bundle),) = numbered_lines(found)
    world = trusting(TRAIN)
    world.bundles.append(bundle)
    model, data = Artifact(sha256_bytes(b"w")), Artifact(sha256_bytes(b"1,2\n"))
    lineage = world.review(model).lineage
    assert set(lineage.ancestors) == {model, data}
    assert [node.evidence.granted for node in lineage.steps] == [("ci",)]
    assert lineage.ancestors[data].status is Status.GAP, (
        "a folder listed before and after made nothing of itself"
    )


@pytest.mark.parametrize("form", FORMS)
def test_several_signatures_are_several_bundles(form, tmp_path):
    world = trusting(builder=[{"cosigners": ["ci", "coop"], "threshold": 2, "builderIds": [TRAIN]}])
    model = world.file("model.bin")
    made = link({"d": world.dataset("d")}, {"model.bin": model})
    both = read(written(made, form, key_of("ci"), key_of("coop")), tmp_path)
    assert len(both) == 2
    assert len({each.statement_digest for each in both}) == 1
    assert all(parse_bundle(each.line) == each for each in both)
    for bundles, granted in (([*both], ("ci", "coop")), (both[:1], ()), ([both[0], both[0]], ())):
        world.bundles = bundles
        (node,) = world.review(model).lineage.steps
        assert node.evidence.granted == granted


@pytest.mark.parametrize("form", FORMS)
def test_the_keyid_is_no_identity(form):
    chain = Chain()
    value = json.loads(chain.add(form).raw)
    value["signatures"][0]["keyid"] = "0" * 64
    chain.world.bundles[-1] = parse_bundle(json.dumps(value).encode())
    (node,) = chain.world.review(chain.model).lineage.steps
    assert node.evidence.granted == ("ci",)


@pytest.mark.parametrize("form", FORMS)
def test_a_strangers_link_is_nobodys(form):
    chain = Chain()
    chain.add(form, by="stranger")
    reviewed = chain.world.review(chain.model)
    assert [each.code for each in reviewed.unverified] == ["signer-unknown"]
    assert reviewed.lineage.steps == []


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed["materials"].clear(),
        lambda signed: signed["products"]["model.bin"].update(sha256="f" * 64),
        lambda signed: signed.update(name="release"),
        lambda signed: signed.update(extra="nobody signed this"),
        lambda signed: signed["byproducts"].update({"return-value": False}),
        lambda signed: signed["byproducts"].update({"return-value": 0.5}),
        lambda signed: signed.pop("environment"),
    ],
)
def test_a_changed_metablock_is_nobodys(change):
    chain = Chain()
    value = json.loads(chain.add("metablock").raw)
    change(value["signed"])
    changed = parse_bundle(json.dumps(value).encode())
    with pytest.raises(UnverifiedError):
        chain.world.trust.verify(changed)


def test_a_changed_envelope_is_nobodys():
    chain = Chain()
    value = json.loads(chain.add("envelope").raw)
    other = parse_bundle(written(link({}, {"m": chain.model}), "envelope", key_of("ci")))
    value["payload"] = json.loads(other.raw)["payload"]
    with pytest.raises(UnverifiedError, match="nobody"):
        chain.world.trust.verify(parse_bundle(json.dumps(value).encode()))


def test_pss_is_taken_from_files_of_in_toto_alone(tmp_path):
    """A Sigstore bundle with RSASSA-PSS is refused as ever: no other verifier would take it."""
    key = new_key("rsa")
    (bare,) = read(written(link({}, {"m": Artifact("a" * 64)}), "envelope", key), tmp_path)
    envelope = json.loads(bare.raw)
    del envelope["signatures"][0]["keyid"]
    value = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }
    with pytest.raises(UnverifiedError, match="not that of key"):
        verify_signature(parse_bundle(json.dumps(value).encode()), PublicKey(key.public_key()))


def test_without_in_toto_a_metablock_cannot_be_checked(monkeypatch):
    chain = Chain()
    bundle = chain.add("metablock")
    monkeypatch.setitem(sys.modules, "securesystemslib.formats", None)
    with pytest.raises(UnverifiedError, match="attest-provenance\\[in-toto\\]") as caught:
        chain.world.trust.verify(bundle)
    assert caught.value.code == "package-missing"
    chain.world.trust.verify(chain.add("envelope"))


def test_the_same_by_several_processes(monkeypatch):
    monkeypatch.setattr(check, "MANY", 1)
    chain = Chain()
    for form in FORMS:
        chain.add(form)
        chain.add(form, by="stranger")
    world = chain.world
    alone, shared = (check.check_lines(world.lines, world.trust, DEFAULT, NOW, jobs=jobs) for jobs in (1, 2))
    assert alone.unverified == shared.unverified
    assert [*alone.statements] == [*shared.statements]
    for digest, found in alone.statements.items():
        again = shared.statements[digest]
        assert [(each.signer, each.bundle) for each in found] == [
            (each.signer, each.bundle) for each in again
        ]
        assert found[0].statement.subjects == again[0].statement.subjects


# what it says


@pytest.mark.parametrize("form", FORMS)
def test_materials_and_products_join_as_a_step(form):
    chain = Chain()
    bundle = chain.add(form)
    lineage = chain.world.review(chain.model).lineage
    assert set(lineage.ancestors) == {chain.model, chain.data}
    (node,) = lineage.steps
    assert (node.kind, node.evidence.kind, node.evidence.granted) == ("step", "link", ("ci",))
    assert node.evidence.digest == bundle.statement_digest
    assert lineage.is_dataset(chain.data), "a material has no role: it counts as a dataset"
    judged = chain.world.judge(chain.model)
    assert judged.verdict is Verdict.INCOMPLETE
    assert "complete-lineage/inputs-partial" in codes(judged)
    assert "complete-lineage/unknown-input" not in codes(judged)


def test_the_three_forms_say_the_same():
    chain = Chain()
    block, envelope = chain.add("metablock").statement(), chain.add("envelope").statement()
    predicate = {"materials": [descriptor(chain.data, "data/digits.csv")], "name": "train"}
    statement = chain.world.sign(
        LINK_TYPE, [descriptor(chain.model, "model.bin")], predicate, "ci"
    ).statement()
    links = {links_of(each)[:2] for each in (block, envelope, statement)}
    assert links == {(frozenset({chain.model}), frozenset({chain.data}))}
    assert block.predicate == envelope.predicate
    assert {each.predicate_type for each in (block, envelope, statement)} == {LINK_TYPE}
    steps = chain.world.review(chain.model).lineage.steps
    assert [node.evidence.granted for node in steps] == [("ci",)] * 3


@pytest.mark.parametrize("form", FORMS)
def test_what_was_there_before_was_not_made(form):
    """in-toto lists a folder before and after: the data is not made out of the script that lies beside it."""
    world = trusting(TRAIN)
    hidden, script, model = world.file("scraped.csv"), world.file("train.py"), world.file("model.bin")
    folder = {"scraped.csv": hidden, "train.py": script}
    bundle = parse_bundle(written(link(folder, {**folder, "model.bin": model}), form, key_of("ci")))
    world.bundles.append(bundle)
    lineage = world.review(model).lineage
    assert set(lineage.ancestors) == {model, hidden, script}
    assert lineage.ancestors[hidden].status is Status.GAP
    assert not lineage.cyclic
    assert [node.outputs for node in lineage.steps] == [(model,)]
    assert "complete-lineage/unknown-input" in codes(world.judge(model))


def test_a_material_changed_in_place_is_another_artifact():
    world = trusting(TRAIN)
    before, after = world.dataset("digits"), world.file("digits, cleaned")
    made = link({"d.csv": before}, {"d.csv": after})
    world.bundles.append(parse_bundle(written(made, "metablock", key_of("ci"))))
    lineage = world.review(after).lineage
    assert set(lineage.ancestors) == {after, before}


@pytest.mark.parametrize(
    ("ids", "granted"),
    [
        ((TRAIN,), True),
        ((f"{LINK_TYPE}#*",), True),
        ((), False),
        ((f"{LINK_TYPE}#release",), False),
        (("*",), False),
    ],
)
def test_a_builder_is_believed_for_links_by_their_name(ids, granted):
    chain = Chain(trusting(*ids))
    chain.add("metablock")
    (node,) = chain.world.review(chain.model).lineage.steps
    assert bool(node.evidence.granted) is granted
    if not granted:
        assert node.evidence.reason.startswith(f"ci may not sign as builder {TRAIN}")
        assert "signed-by/signer-lacks-role" in codes(chain.world.judge(chain.model))


def test_a_withdrawn_link_grants_nothing_and_still_taints():
    chain = Chain()
    chain.world.withdraw(chain.add("metablock").statement_digest, by="ci")
    lineage = chain.world.review(chain.model).lineage
    assert lineage.ancestors[chain.model].status is Status.WITHDRAWN
    assert chain.data in lineage.ancestors


def test_too_many_materials():
    chain = Chain()
    bundle = chain.add("metablock", materials={f"{n}": chain.data for n in range(5)})
    limits = DEFAULT.override(("step_inputs=4",))
    with pytest.raises(LimitError):
        links_of(bundle.statement(), limits)


# files that are none


def altered(form, change) -> bytes:
    value = json.loads(written(link({}, {"m": Artifact("a" * 64)}), form, key_of("ci")))
    change(value)
    return json.dumps(value).encode()


UNKNOWN = {
    "a layout": (written(Layout(), "metablock", key_of("ci")), "got a 'layout', expected a link"),
    "something signed": (
        altered("metablock", lambda v: v.update(signed=[])),
        "got a 'list', expected a link",
    ),
    "no signature": (altered("metablock", lambda v: v.update(signatures=[])), "0 signatures"),
    "signatures no list": (altered("envelope", lambda v: v.update(signatures={})), "0 signatures"),
    "a signature no object": (altered("envelope", lambda v: v.update(signatures=["x"])), "1 signatures"),
    "two of which one is no object": (
        altered("envelope", lambda v: v["signatures"].append("x")),
        "1 signatures",
    ),
    "of GnuPG": (
        altered(
            "metablock", lambda v: v.update(signatures=[{"keyid": "a", "other_headers": "", "signature": ""}])
        ),
        "signed with GnuPG",
    ),
    "with a certificate": (
        altered("envelope", lambda v: v["signatures"][0].update(cert="x")),
        "keyid and sig",
    ),
    "no sig": (altered("metablock", lambda v: v["signatures"][0].pop("sig")), "keyid and sig"),
    "sig no hex": (altered("metablock", lambda v: v["signatures"][0].update(sig="xyz")), "not hexadecimal"),
    "sig no base64": (altered("envelope", lambda v: v["signatures"][0].update(sig="ä")), "sig is not base64"),
    "payload no base64": (altered("envelope", lambda v: v.update(payload="&")), "payload is not base64"),
    "payload no string": (altered("envelope", lambda v: v.update(payload=7)), "in strings"),
    "an unknown field": (altered("envelope", lambda v: v.update(more=1)), "unknown field 'more'"),
    "a number beyond JSON": (
        altered("metablock", lambda v: v["signed"]["byproducts"].update(x=2**60)),
        "canonical JSON",
    ),
}


@pytest.mark.parametrize(("data", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_no_link_is_carried_with_its_reason(data, reason, tmp_path):
    contents = read(data, tmp_path)
    assert isinstance(contents[-1], UnknownLine)
    assert reason in contents[-1].reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"products": {}}, "at least one subject"),
        ({"products": []}, "at least one subject"),
        ({"products": {"m": {"sha256": "A" * 64}}}, "64 lowercase hex"),
        ({"products": {"m": []}}, "digest"),
        ({"_type": "layout"}, "_type: got 'layout'"),
    ],
)
def test_a_signed_link_that_cannot_be_read(change, reason):
    value = {"_type": "link", "name": "n", "materials": {}, "products": {"m": {"sha256": "a" * 64}}, **change}
    with pytest.raises(FormatError, match=reason):
        Statement.parse(canonical_bytes(value))


@pytest.mark.parametrize("materials", [7, ["x"], {"d": "sha256"}, {"d": {"sha256": "zz"}}])
def test_materials_that_cannot_be_read_make_it_unreadable(materials):
    world = trusting(TRAIN)
    value = {
        "_type": "link",
        "name": "train",
        "materials": materials,
        "products": {"m": {"sha256": "a" * 64}},
    }
    statement = Statement.parse(canonical_bytes(value))
    bundle = signer("ci").sign(statement)
    world.bundles.append(bundle)
    (each,) = world.review(Artifact("a" * 64)).graph.evidence
    assert (each.kind, each.predicate, each.granted) == ("link", None, ())


def test_too_many_signatures(tmp_path):
    def many(value):
        value["signatures"] *= DEFAULT.bundle_entries + 1

    with pytest.raises(LimitError, match="bundle entries"):
        read(altered("metablock", many), tmp_path)


def test_duplicate_keys_are_refused(tmp_path):
    data = written(link({}, {"m": Artifact("a" * 64)}), "metablock", key_of("ci"))
    with pytest.raises(FormatError, match="duplicate key"):
        read(data.replace(b'"signed": {', b'"signed": {"name": "x",', 1), tmp_path)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_the_bytes_nothing_but_our_own_errors(data):
    for shell in (
        b'{"signed": %s, "signatures": [{"sig": "00"}]}',
        b'{"payload": %s, "payloadType": "x", "signatures": []}',
    ):
        with suppress(AttestError):
            parse_bundle(shell % data)


NAMES = st.text(max_size=8)
FILES = st.dictionaries(NAMES, st.integers(0, 5), max_size=5)


@given(FILES, FILES, NAMES)
def test_a_link_makes_exactly_what_was_not_there(before, after, name):
    def artifacts(files):
        return {path: Artifact(sha256_bytes(b"%d" % number)) for path, number in files.items()}

    made = link(artifacts(before), artifacts(after) or {"m": Artifact("a" * 64)}, name=name)
    world = trusting(f"{LINK_TYPE}#{name}")
    bundle = parse_bundle(written(made, "metablock", key_of("ci")))
    world.bundles.append(bundle)
    found = world.review(Artifact("a" * 64)).graph
    (node,) = found.steps
    new = {Artifact(each["sha256"]) for each in made.products.values()} - set(artifacts(before).values())
    assert set(node.outputs) == new
    assert isinstance(node.evidence.predicate, Link)


# the commands


@pytest.mark.parametrize("form", FORMS)
def test_a_link_as_one_more_bundle(form, tmp_path, capsys):
    made, release = good_world()
    made.trust = trusting(f"{LINK_TYPE}#collect").trust
    files = write_world(made, release, tmp_path)
    path = tmp_path / "collect.77e1.link"
    digits = next(each for each, name in made.names.items() if name == "digits")
    path.write_bytes(written(link({}, {"digits.csv": digits}, name="collect"), form, key_of("ci")))
    assert verify(files, "--bundle", path, "--json") in (0, 3)
    report = json.loads(capsys.readouterr().out)
    (row,) = [each for each in report["statements"] if each["type"] == LINK_TYPE]
    assert (row["standing"], row["principals"]) == ("granted", ["ci"])
    assert attest("inspect", path, "--as-published") == 0
    said = capsys.readouterr().out
    assert "in-toto step" in said
    assert "digits.csv" in said


@pytest.mark.parametrize("form", FORMS)
def test_import_keeps_it_and_finds_it_by_its_materials(form, tmp_path, monkeypatch, capsys):
    made, release = good_world()
    made.trust = trusting(TRAIN).trust
    (tmp_path / "theirs").mkdir()
    files = write_world(made, release, tmp_path / "theirs")
    project = write_project(tmp_path / "ours", World())
    monkeypatch.chdir(project)
    data, model = Artifact("d" * 64), Artifact("e" * 64)
    path = tmp_path / "train.link"
    path.write_bytes(written(link({"d": data}, {"m": model}), form, key_of("ci"), key_of("coop")))
    assert attest("import", path, "--trust", files["trust"]) == 0
    assert "took in 2 bundles of 1 statement" in capsys.readouterr().out
    with open_store(str(project / "store.db"), read_only=True) as store:
        (held,) = store.by_input(data.sha256)
        assert store.by_subject(model.sha256) == [held]
        assert len(list(store.bundles(held))) == 2
        assert store.check().problems == ()
    assert attest("lineage", f"sha256:{model.sha256}") == 0


def test_lineage_draws_it(tmp_path, monkeypatch, capsys):
    project = write_project(tmp_path / "ours", World())
    monkeypatch.chdir(project)
    with open_store(str(project / "store.db")) as store:
        made = link({"digits.csv": Artifact("d" * 64)}, {"w.bin": Artifact(sha256_bytes(b"w"))})
        store.put([parse_bundle(written(made, "metablock", key_of("ci")))])
    (project / "w.bin").write_bytes(b"w")
    assert attest("lineage", project / "w.bin") == 0
    assert "w.bin ← step ← digits.csv" in capsys.readouterr().out
