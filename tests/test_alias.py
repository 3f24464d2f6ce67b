"""OpenSSF model signing: a foreign signature over the same files is shown, and never joins anything."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance
from pki import authority, new_key, pem
from test_cli_verify import verify
from vendor import attest, write_project
from world import NOW, Tree, codes, descriptor, good_world, make_trust, signer, write_world

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.envelope import pae
from attest.errors import FormatError
from attest.keys import PublicKey
from attest.links import links_of
from attest.manifest import digest_path
from attest.predicates.oms import ModelSignature
from attest.resource import Artifact, ResourceDescriptor
from attest.review import weigh
from attest.store import open_store
from attest.trust import read_trust
from attest.verdict import Verdict

TYPE = "https://model_signing/signature/v1.0"
ROLES = {
    "builder": [{"principal": "ci", "builderIds": ["https://vendor.example/ci/train@refs/tags/v1"]}],
    "data-owner": [{"principal": "desk"}],
    "rights-holder": [{"principal": "desk"}],
    "publisher": [{"principal": "ci"}, {"principal": "coop"}],
    "keeper": [{"principal": "registry", "register": "https://registry.example/releases"}],
}


def root_of(files: dict[str, str]) -> str:
    ordered = sorted(files, key=lambda name: name.split("/"))
    return sha256_bytes(b"".join(bytes.fromhex(files[name]) for name in ordered))


def oms(files: dict[str, str], **changes) -> dict:
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [".git"]}
    return {
        "serialization": {**how, **changes.pop("serialization", {})},
        "resources": [
            {"name": name, "algorithm": "sha256", "digest": sha256} for name, sha256 in files.items()
        ],
        **changes,
    }


def world():
    made, release = good_world()
    made.trust = make_trust(ROLES, ("ci", "desk", "registry", "coop"))
    return made, release


def sign(made, files, *, name="release", by="coop", root=None, **changes):
    subject = {"name": name, "digest": {"sha256": root or root_of(files)}}
    return made.sign(TYPE, [subject], oms(files, **changes), by)


def row(report, bundle):
    return next(row for row in report.statements if row.digest == f"sha256:{bundle.statement_digest}")


def faulty(predicate, subjects=None) -> str | None:
    files = {each["name"]: each["digest"] for each in predicate["resources"] if len(each["digest"]) == 64}
    subjects = subjects or [ResourceDescriptor(name="m", digest={"sha256": root_of(files)})]
    return ModelSignature.from_json(predicate).fault(subjects)


# joined by the whole list, with names


def test_a_signature_over_exactly_the_attested_directory_is_shown():
    made, release = world()
    bundle = sign(made, release.digests)
    report = made.report(release)
    assert report.verdict == "ACCEPT"
    assert row(report, bundle).standing == "granted"
    assert row(report, bundle).note == (
        "also signed (OpenSSF model signing) by coop: "
        f"all 3 files of release/ ({release.artifact}); its signer left out .git"
    )


def test_the_same_verdict_with_and_without_it():
    made, release = world()
    before = made.judge(release)
    sign(made, release.digests)
    after = made.judge(release)
    assert (before.verdict, codes(before)) == (after.verdict, codes(after))


def test_a_single_file_joins_by_its_own_digest_and_not_by_the_subject():
    made, _ = world()
    model = made.file("model.bin")
    made.step("train", [(made.dataset("d"), "dataset")], [model])
    bundle = sign(made, {".": model.sha256}, name="model.bin")
    note = row(made.report(model), bundle).note
    assert note.startswith("also signed (OpenSSF model signing) by coop: model.bin (sha256:")
    assert str(model) in note


def test_swapped_names_have_the_same_subject_and_do_not_join():
    """{a: x, b: y} and {b: x, a: y} differ; sorted by name their roots may still be made to agree."""
    made, release = world()
    names, digests = sorted(release.digests), [release.digests[name] for name in sorted(release.digests)]
    evil = dict(zip([f"{name}.py" for name in names], digests, strict=True))
    assert root_of(evil) == root_of(release.digests)
    bundle = sign(made, evil)
    graph = made.review(release).graph
    assert graph.about["model-signature"].keys() == {_tree(evil)}
    shown = row(made.report(release), bundle)
    assert "also signed" not in shown.note
    assert shown.note.startswith(
        "OpenSSF model signing by coop: signs other files than the attested directory release/"
    )
    assert "README.md, README.md.py, config.json and 3 more" in shown.note


def _tree(files: dict[str, str]) -> Artifact:
    found = ModelSignature.from_json(oms(files)).artifact
    assert found is not None
    return found


def test_the_subject_is_no_artifact_anywhere():
    """A file whose digest is the root is not what was signed."""
    made, _ = world()
    files = {"a": sha256_bytes(b"a"), "b": sha256_bytes(b"b")}
    disguise = Artifact(root_of(files))  # sha256 of the concatenated digests: such a file can be made
    bundle = sign(made, files, by="ci", name="m")
    reviewed = made.review(disguise)
    assert disguise not in reviewed.graph.names
    assert disguise not in reviewed.graph.about["model-signature"]
    assert reviewed.lineage.evidence() == []
    assert links_of(bundle.statement()).subjects == {_tree(files)}
    assert row(made.report(disguise), bundle).note.endswith(
        "of files that are not in this lineage; its signer left out .git"
    )


def test_a_strangers_signature_is_about_nothing():
    made, release = world()
    bundle = sign(made, release.digests, by="stranger")
    judged = made.judge(release)
    assert judged.verdict is Verdict.ACCEPT
    shown = row(made.report(release), bundle)
    assert (shown.standing, shown.note) == ("unverified", None)
    reviewed = made.review(release)
    assert [each.claims for each in reviewed.unverified] == [()]


def test_it_explains_no_input():
    made, _ = world()
    base, model = made.tree("base", "w.safetensors"), made.tree("model", "w.safetensors")
    made.step("finetune", [(base, "base-model"), (made.dataset("d"), "dataset")], [model])
    sign(made, base.digests, name="base", by="ci")
    assert "complete-lineage/unknown-input" in codes(made.judge(model))


def test_without_the_publisher_role_it_is_carried_and_still_named():
    made, release = world()
    bundle = sign(made, release.digests, by="desk")
    shown = row(made.report(release), bundle)
    assert shown.standing == "carried"
    assert shown.reason == "desk may not say this (trust role publisher)"


def test_a_publisher_for_other_artifacts_is_measured_by_the_directory_not_by_the_root():
    made, release = world()
    bundle = sign(made, release.digests)

    def standing(sha256: str) -> str:
        entry = {"principal": "coop", "artifacts": [f"sha256:{sha256}"]}
        made.trust = make_trust({**ROLES, "publisher": [entry]}, ("ci", "desk", "registry", "coop"))
        return row(made.report(release), bundle).standing

    assert standing(release.artifact.sha256) == "granted"
    assert standing(root_of(release.digests)) == "carried"


def test_a_withdrawn_signature_counts_against_the_release():
    made, release = world()
    bundle = sign(made, release.digests)
    made.withdraw(bundle.statement_digest, by="coop")
    assert "no-withdrawn-statement/statement-withdrawn" in codes(made.judge(release))


def test_left_out_paths_are_printed_and_excuse_nothing():
    made, release = world()
    some = {path: sha for path, sha in release.digests.items() if path != "README.md"}
    bundle = sign(made, some, serialization={"ignore_paths": ["README.md"]})
    note = row(made.report(release), bundle).note
    assert "also signed" not in note
    assert note.endswith(": README.md; its signer left out README.md")


def test_hostile_strings_are_escaped_in_the_text_report(capsys, tmp_path):
    made, release = world()
    sign(made, release.digests, serialization={"ignore_paths": ["\x1b[2J\u202e"]})
    files = write_world(made, release, tmp_path)
    assert verify(files) == 0
    out = capsys.readouterr().out
    assert "also signed (OpenSSF model signing) by coop" in out
    assert "\x1b" not in out
    assert "\u202e" not in out


# what is not believed

GOOD = {"a/b": sha256_bytes(b"1"), "a.b": sha256_bytes(b"2"), "w.bin": sha256_bytes(b"3")}


def test_both_orders_of_names_add_up():
    by_name = sha256_bytes(b"".join(bytes.fromhex(GOOD[name]) for name in sorted(GOOD)))
    assert by_name != root_of(GOOD)
    for root in (by_name, root_of(GOOD)):
        assert faulty(oms(GOOD), [ResourceDescriptor(name="m", digest={"sha256": root})]) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"serialization": {"method": "shards"}}, "'shards' without their size"),
        ({"serialization": {"method": "shards", "shard_size": 0.0}}, "'shards' without their size"),
        ({"serialization": {"method": "shards", "shard_size": 10.5}}, "'shards' without their size"),
        ({"serialization": {"method": "shards", "shard_size": 1000000000.0}}, "no sha256 digest"),
        ({"serialization": {"method": "lines"}}, "digested as 'lines'"),
        ({"serialization": {"hash_type": "blake3"}}, "with 'blake3'"),
        ({"resources": []}, "no entries"),
    ],
)
def test_what_is_only_carried(change, reason):
    assert reason in faulty(oms(GOOD, **change))


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({"algorithm": "sha256-sharded-1000000000"}, "no sha256 digest"),
        ({"algorithm": "blake2b"}, "no sha256 digest"),
        ({"digest": "AB" * 32}, "no sha256 digest"),
        ({"digest": "ab"}, "no sha256 digest"),
        ({"name": "/etc/passwd"}, "absolute"),
        ({"name": "../weights.bin"}, "'..' part"),
        ({"name": "a/../b"}, "'..' part"),
        ({"name": "a//b"}, "empty"),
        ({"name": "."}, "'.'"),
        ({"name": "a\\b"}, "backslash"),
        ({"name": "a\nb"}, "line feed"),
        ({"name": ""}, "empty"),
        ({"name": "w.bin"}, "stands twice"),
        ({"name": "w.bin/x"}, "both a file and a directory"),
    ],
)
def test_bad_resources_are_carried(resource, reason):
    predicate = oms(GOOD)
    predicate["resources"][0] |= resource
    assert reason in faulty(predicate)
    made, release = world()
    bundle = made.sign(TYPE, [descriptor(Artifact(root_of(GOOD)), "release")], predicate, "ci")
    shown = row(made.report(release), bundle)
    assert (shown.standing, shown.note) == ("carried", None)
    assert reason in shown.reason


def sharded(ends: dict[str, int], size: float = 1000.0) -> dict:
    """What is listed by shards: its name with where they begin and end, and another name of the digest."""
    predicate = oms(GOOD, serialization={"method": "shards", "shard_size": size})
    for each in predicate["resources"]:
        each["name"] += f":0:{ends.get(each['name'], 1)}"
        each["algorithm"] = f"sha256-sharded-{size:.0f}"
    return predicate


def test_shards_that_are_whole_files_are_a_list_of_files():
    predicate = sharded({"w.bin": 1000})
    assert faulty(predicate) is None
    read = ModelSignature.from_json(predicate)
    assert read.files == GOOD
    assert read.artifact == _tree(GOOD)
    one = sharded({})
    one["resources"] = [{**one["resources"][0], "name": ".:0:5"}]
    alone = ModelSignature.from_json(one)
    assert (alone.problem, alone.files, alone.artifact) == (None, {}, Artifact(GOOD["a/b"]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "a/b:1:2"}, "is a part of its file"),
        ({"name": "a/b:0:1001"}, "is a part of its file"),
        ({"name": "a/b:0:0"}, "is no shard of a file"),
        ({"name": "a/b:00:1"}, "is no shard of a file"),
        ({"name": "a/b:0:+1"}, "is no shard of a file"),
        ({"name": "a/b:0:\u0661"}, "is no shard of a file"),
        ({"name": "a/b:0"}, "is no shard of a file"),
        ({"name": "a/b"}, "is no shard of a file"),
        ({"name": ":0:1"}, "is no shard of a file"),
        ({"name": "../b:0:1"}, "'..' part"),
        ({"name": "w.bin:0:7"}, "stands twice"),
        ({"algorithm": "sha256"}, "no sha256 digest"),
        ({"algorithm": "sha256-sharded-999"}, "no sha256 digest"),
        ({"algorithm": "sha512-sharded-1000"}, "no sha256 digest"),
    ],
)
def test_shards_that_are_no_whole_files_are_carried(change, reason):
    predicate = sharded({})
    predicate["resources"][0] |= change
    assert reason in faulty(predicate)
    assert ModelSignature.from_json(predicate).artifact is None


def test_a_list_that_does_not_add_up_to_its_subject():
    made, release = world()
    bundle = sign(made, release.digests, root="0" * 64)
    shown = row(made.report(release), bundle)
    assert shown.standing == "carried"
    assert shown.reason.startswith(
        f"carried: its resources add up to {root_of(release.digests)}, its subject"
    )
    assert shown.note is None


def test_two_subjects_or_none_with_sha256():
    one = ResourceDescriptor(name="m", digest={"sha256": root_of(GOOD)})
    assert faulty(oms(GOOD), [one, one]) == "2 subjects, a model signature has one"
    assert "its subject is None" in faulty(oms(GOOD), [ResourceDescriptor(name="m", digest={"sha512": "ab"})])


@pytest.mark.parametrize("predicate", [{}, {"resources": {}}, {"serialization": {}, "resources": []}])
def test_unreadable(predicate):
    made, release = world()
    bundle = made.sign(TYPE, [descriptor(Artifact("0" * 64), "release")], predicate, "ci")
    shown = row(made.report(release), bundle)
    assert (shown.standing, shown.note) == ("unreadable", None)


PATHS = st.lists(st.text("ab./", min_size=1, max_size=5), min_size=1, max_size=5, unique=True)


@given(PATHS, st.randoms())
def test_a_list_is_a_directory_or_is_carried_whatever_its_order(paths, random):
    files = {path: sha256_bytes(path.encode()) for path in paths}
    predicate = oms(files)
    first = ModelSignature.from_json(predicate)
    random.shuffle(predicate["resources"])
    second = ModelSignature.from_json(predicate)
    assert first.artifact == second.artifact
    assert (first.artifact is None) == (first.problem is not None)
    if first.problem is None:
        assert faulty(predicate) is None
        if first.artifact.tree:
            assert first.artifact == Tree("t", {path: path.encode() for path in paths}).artifact


# the software itself


@pytest.fixture(scope="module")
def model_signing():
    pytest.importorskip("OpenSSL", reason="model-signing needs pyopenssl: pip install --group test")
    return pytest.importorskip("model_signing", reason="no model-signing: pip install --group test")


def write_private(path: Path, key) -> Path:
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def signed(model_signing, tmp_path):
    """A release on disk, a good bundle, and model.sig by the real software with coop's key."""
    made, release = world()
    files = write_world(made, release, tmp_path)
    key = write_private(tmp_path / "coop.key", signer("coop")._key)
    files["sig"], files["key"] = tmp_path / "model.sig", key
    model_signing.signing.Config().use_elliptic_key_signer(private_key=key).sign(
        files["delivered"], files["sig"]
    )
    return files


def report_of(files, capsys, **more) -> dict:
    verify(files, "--bundle", files["sig"], "--json", **more)
    return json.loads(capsys.readouterr().out)


def their_row(report: dict) -> dict:
    (found,) = [row for row in report["statements"] if row["type"] == TYPE]
    return found


def test_model_sig_as_one_more_bundle(signed, capsys):
    shown = their_row(report := report_of(signed, capsys))
    assert report["verdict"] == "ACCEPT"
    assert (shown["standing"], shown["principals"]) == ("granted", ["coop"])
    assert shown["note"].startswith("also signed (OpenSSF model signing) by coop: all 3 files of release/")
    assert "its signer left out .git, .gitattributes, .github, .gitignore" in shown["note"]


def test_the_hint_of_model_sig_is_no_identity(signed, capsys):
    bundle = json.loads(signed["sig"].read_text())
    assert bundle["verificationMaterial"]["publicKey"]["hint"] == sha256_bytes(signer("coop").public.pem)
    bundle["verificationMaterial"]["publicKey"]["hint"] = signer("ci").public.hint
    signed["sig"].write_text(json.dumps(bundle))
    assert their_row(report_of(signed, capsys))["principals"] == ["coop"]


@pytest.mark.parametrize("kind", ["p384", "p521"])
def test_model_sig_by_a_key_on_a_larger_curve(signed, model_signing, capsys, kind):
    """attest does not sign with these, and reads what others signed."""
    folder, key = signed["sig"].parent, new_key(kind)
    model_signing.signing.Config().use_elliptic_key_signer(
        private_key=write_private(folder / "larger.key", key)
    ).sign(signed["delivered"], signed["sig"])
    public = PublicKey(key.public_key())
    (folder / "larger.pub").write_bytes(public.pem)
    held = f"{{key: {{file: larger.pub, sha256: {sha256_bytes(public.pem)}}}}}"
    signed["trust"].write_text(re.sub(r"  coop: .*", f"  coop: {held}", signed["trust"].read_text()))
    shown = their_row(report := report_of(signed, capsys))
    assert report["verdict"] == "ACCEPT"
    assert (shown["standing"], shown["principals"]) == ("granted", ["coop"])
    sign_anew(signed["sig"], lambda message: key.sign(message, ec.ECDSA(hashes.SHA256())))
    shown = their_row(report_of(signed, capsys))
    assert (shown["standing"], shown["reason"]) == ("unverified", "signed by nobody this trust file names")


def sign_anew(path: Path, sign) -> None:
    """Put another signature into a bundle."""
    bundle = json.loads(path.read_text())
    envelope = bundle["dsseEnvelope"]
    message = pae(envelope["payloadType"], b64decode(envelope["payload"]))
    envelope["signatures"][0]["sig"] = b64encode(sign(message)).decode()
    path.write_text(json.dumps(bundle))


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_a_changed_model_sig_is_nobodys(signed, capsys, part):
    bundle = json.loads(signed["sig"].read_text())
    holder = bundle["dsseEnvelope"] if part == "payload" else bundle["dsseEnvelope"]["signatures"][0]
    data = bytearray(b64decode(holder[part]))
    place = data.index(b"README.md") if part == "payload" else len(data) - 1
    data[place] ^= 1
    holder[part] = b64encode(data).decode()
    signed["sig"].write_text(json.dumps(bundle))
    shown = their_row(report_of(signed, capsys))
    assert shown["standing"] == "unverified"
    assert shown["reason"] == "signed by nobody this trust file names"
    assert "note" not in shown


def test_a_tampered_delivery_is_refused_whatever_model_sig_says(signed, capsys):
    (signed["delivered"] / "config.json").write_bytes(b"{}")
    assert report_of(signed, capsys)["verdict"] == "REJECT"


def test_model_sig_of_swapped_files_does_not_join(signed, model_signing, capsys, tmp_path):
    """The same bytes under other names: the very same subject, another model."""
    evil = tmp_path / "evil" / "release"
    evil.mkdir(parents=True)
    for path in sorted(signed["delivered"].iterdir()):
        (evil / f"{path.name}.py").write_bytes(path.read_bytes())
    subject = _subject(signed["sig"])
    model_signing.signing.Config().use_elliptic_key_signer(private_key=signed["key"]).sign(
        evil, signed["sig"]
    )
    assert _subject(signed["sig"]) == subject
    note = their_row(report_of(signed, capsys))["note"]
    assert "also signed" not in note
    assert "signs other files than the attested directory release/" in note


def _subject(path: Path) -> str:
    return parse_bundle(path.read_bytes()).statement().subjects[0].digest["sha256"]


def shards(files, model_signing, size: int) -> None:
    config = model_signing.hashing.Config().use_shard_serialization(shard_size=size)
    model_signing.signing.Config().use_elliptic_key_signer(private_key=files["key"]).set_hashing_config(
        config
    ).sign(files["delivered"], files["sig"])


def test_shards_of_the_real_software_that_are_whole_files(signed, model_signing, capsys):
    largest = max(path.stat().st_size for path in signed["delivered"].iterdir())
    for size in (largest, 1_000_000_000):
        shards(signed, model_signing, size)
        shown = their_row(report_of(signed, capsys))
        assert (shown["standing"], shown["principals"]) == ("granted", ["coop"])
        assert shown["note"].startswith(
            "also signed (OpenSSF model signing) by coop: all 3 files of release/"
        )


def test_shards_of_the_real_software_that_are_parts_are_carried(signed, model_signing, capsys):
    largest = max(path.stat().st_size for path in signed["delivered"].iterdir())
    shards(signed, model_signing, largest - 1)
    shown = their_row(report := report_of(signed, capsys))
    assert report["verdict"] == "ACCEPT"
    assert shown["standing"] == "carried"
    assert "is a part of its file, which has no digest of its own then" in shown["reason"]


def test_the_real_software_still_verifies_what_we_read(signed, model_signing, tmp_path):
    public = tmp_path / "coop.pub"
    public.write_bytes(signer("coop").public.pem)
    model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public).verify(
        signed["delivered"], signed["sig"]
    )


# signed with a certificate, or keyless


def certified(files, model_signing, **more) -> dict:
    """model.sig by the real software with a certificate; its issuers stand beside it in the bundle."""
    root = authority("CN=Coop Root")
    middle = root.issue("CN=Coop Issuing", authority=True, days=(-800, 30))
    leaf = middle.issue("CN=provenance", **more)
    folder = files["sig"].parent
    files["sig"].unlink()
    for name, holder in (("leaf", leaf), ("middle", middle), ("root", root)):
        (folder / f"{name}.pem").write_bytes(pem(holder.certificate))
    (folder / "anchors.pem").write_bytes(pem(middle.certificate, root.certificate))
    key = write_private(folder / "leaf.key", leaf.key)
    model_signing.signing.Config().use_certificate_signer(
        private_key=key,
        signing_certificate=folder / "leaf.pem",
        certificate_chain=[folder / "middle.pem", folder / "root.pem"],
    ).sign(files["delivered"], files["sig"])
    pin = sha256_bytes((folder / "anchors.pem").read_bytes())
    held = f"{{certificate: {{root: anchors.pem, sha256: {pin}, subject: CN=provenance}}}}"
    trust = files["trust"].read_text()
    files["trust"].write_text(re.sub(r"  coop: .*", f"  coop: {held}", trust))
    return json.loads(files["sig"].read_text())["verificationMaterial"]


def test_a_certificate_is_judged_by_the_readers_root_and_not_by_the_chain_it_brings(
    signed, model_signing, capsys
):
    material = certified(signed, model_signing)
    assert len(material["x509CertificateChain"]["certificates"]) == 3
    shown = their_row(report_of(signed, capsys, as_of=None))
    assert (shown["standing"], shown["principals"]) == ("granted", ["coop"])
    assert shown["note"].startswith("also signed (OpenSSF model signing) by coop")
    signed["trust"].with_name("anchors.pem").write_bytes(pem(authority("CN=Coop Root").certificate))
    trust = signed["trust"].read_text()
    pin = sha256_bytes(signed["trust"].with_name("anchors.pem").read_bytes())
    signed["trust"].write_text(
        re.sub(r"anchors.pem, sha256: [0-9a-f]{64}", f"anchors.pem, sha256: {pin}", trust)
    )
    shown = their_row(report_of(signed, capsys, as_of=None))
    assert shown["standing"] == "unverified"
    assert "no pinned root vouches" in shown["reason"]


def test_a_certificate_that_ran_out_is_refused_whatever_its_own_dates_were(signed, model_signing, capsys):
    certified(signed, model_signing, days=(-730, -700))
    shown = their_row(report_of(signed, capsys, as_of=None))
    assert shown["standing"] == "unverified"
    assert "valid until" in shown["reason"]
    assert "judged at" in shown["reason"]


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ({"certificates": []}, "no certificate"),
        ({}, "no certificate"),
        ({"certificates": ["x"]}, "expected an object"),
        ({"certificates": [{"rawBytes": "!"}]}, "not base64"),
        ([], "expected an object"),
    ],
)
def test_a_chain_that_is_none(chain, reason):
    value = json.loads(sign(*(w := world())[:1], w[1].digests).raw)
    del value["verificationMaterial"]["publicKey"]
    value["verificationMaterial"]["x509CertificateChain"] = chain
    with pytest.raises(FormatError, match=reason):
        parse_bundle(json.dumps(value).encode())


def test_a_chain_beside_another_signer():
    for name, more in (("certificate", {"rawBytes": "AAAA"}), ("publicKey", {"hint": ""})):
        value = json.loads(sign(*(w := world())[:1], w[1].digests).raw)
        material = value["verificationMaterial"]
        del material["publicKey"]
        material |= {"x509CertificateChain": {"certificates": [{"rawBytes": "AAAA"}]}, name: more}
        with pytest.raises(FormatError, match="expected either"):
            parse_bundle(json.dumps(value).encode())


def test_a_keyless_model_sig(tmp_path):
    pytest.importorskip("sigstore", reason="sigstore-python is not installed")
    instance = Instance(tmp_path)
    made, release = world()
    bundle = instance.sign(sign(made, release.digests).statement(), version=2)
    (tmp_path / "root.json").write_bytes(instance.trusted_root())
    pin = sha256_bytes(instance.trusted_root())
    ci = {"sigstore": {"issuer": ISSUER, "identity": WORKFLOW, "sourceRepository": REPOSITORY}}
    value = {"principals": {"ci": ci}, "roots": {"sigstore": [{"file": "root.json", "sha256": pin}]}}
    for roles, granted in (({"publisher": [{"principal": "ci"}]}, ("ci",)), ({}, ())):
        (tmp_path / "trust.yaml").write_text(json.dumps({**value, "roles": roles}))
        trust = read_trust(tmp_path / "trust.yaml")
        one = trust.verify(bundle, as_of=NOW)
        assert one.trusted_time is not None
        assert weigh(trust, [one]).granted == granted


# into the store, and on to the next reader


def test_import_takes_it_in_and_a_bundle_of_the_release_carries_it_on(signed, tmp_path, monkeypatch, capsys):
    made, _ = world()
    project = write_project(tmp_path / "ours", made)
    monkeypatch.chdir(project)
    assert attest("import", signed["sig"], "--trust", signed["trust"]) == 0
    assert "took in 1 bundle of 1 statement" in capsys.readouterr().out
    with open_store(str(project / "store.db"), read_only=True) as store:
        (held,) = store.by_type(TYPE)
        assert [each.line for each in store.bundles(held)] == [parse_bundle(signed["sig"].read_bytes()).line]
        assert store.by_subject(_subject(signed["sig"])) == []
        released = digest_path(signed["delivered"]).artifact
        assert held in store.by_subject(released.sha256, tree=True)


def test_inspect_says_what_it_is(signed, capsys):
    assert attest("inspect", signed["sig"]) == 0
    said = capsys.readouterr().out
    assert TYPE in said
    assert "NOT VERIFIED" in said
    assert f"about      release  {digest_path(signed['delivered']).artifact}" in said
    assert _subject(signed["sig"]) not in said, "the subject is no artifact"
