"""attest bundle as a vendor runs it: collected, verified first, closed, and written whole or not at all."""

from __future__ import annotations

import json
import os

import pytest
from vendor import attest, write_key, write_project, write_tree
from world import REGISTER, World, make_trust, signer, write_world

from attest.bundle import read_lines
from attest.manifest import Manifest
from attest.predicate import read_predicate
from attest.resource import MANIFEST_MEDIA_TYPE
from attest.store import open_store

POLICY = """
policy: test
version: 1
rules: [weights-match, complete-lineage, signed-by, builder-id, contents-complete, license, digest-conflict]
"""


def chain():
    """dataset → train → release, nothing listed yet."""
    world = World()
    data, model = world.dataset("digits"), world.tree("model", "model.safetensors")
    release = world.tree("release", "model.safetensors", "config.json", "README.md")
    world.step("train", [(data, "dataset")], [model])
    world.step("release", [(model, "base-model")], [release])
    return world, release


@pytest.fixture
def made():
    return chain()


@pytest.fixture
def project(tmp_path, monkeypatch, made):
    world, release = made
    root = write_project(tmp_path / "vendor", world, "desk")
    write_tree(root / "release", release.files)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def answer(capsys):
    """Run with --json and return what it says."""

    def run(*words, code=0):
        capsys.readouterr()
        assert attest("bundle", *words, "--json") == code
        return json.loads(capsys.readouterr().out)

    return run


def statements(path):
    return {each.statement_digest: each.statement() for each in read_lines(path)}


def stored(root):
    with open_store(str(root / "store.db"), read_only=True) as store:
        return [each.statement_digest for each in store.bundles()]


# ── what is written ──


def test_the_bundle_a_buyer_accepts(project, tmp_path, made, capsys):
    """The whole point: what is written is verified by somebody who has nothing else."""
    world, release = made
    assert attest("bundle", "release") == 0
    out = capsys.readouterr()
    assert "holds     5 statements: 1 contents, 1 dataset, 1 release step, 1 rights, 1 train step" in out.out
    assert "attest inspect --as-published" in out.err
    buyer = tmp_path / "buyer"
    buyer.mkdir()
    files = write_world(world, release, buyer, POLICY)
    files["bundle"].write_bytes((project / "release.intoto.jsonl").read_bytes())
    words = ["--bundle", files["bundle"], "--trust", files["trust"], "--policy", files["policy"]]
    assert attest("verify", files["delivered"], *words) == 0
    # the same without any one of its lines is not accepted
    lines = files["bundle"].read_bytes().splitlines(keepends=True)
    for left_out in range(len(lines)):
        files["bundle"].write_bytes(b"".join(lines[:left_out] + lines[left_out + 1 :]))
        assert attest("verify", files["delivered"], *words) in (1, 3), left_out


def test_it_is_closed_by_a_list_of_every_statement_and_its_signer(project, answer, made):
    world, release = made
    said = answer("release", "--name", "digits", "--version", "1.0")
    path = project / "release.intoto.jsonl"
    assert (said["file"], said["written"]) == (str(path), True)
    lines = list(read_lines(path))
    last = lines[-1].statement()
    contents = read_predicate(last)
    assert (contents.release.name, contents.release.version, contents.sequence) == ("digits", "1.0", 1)
    signers = {signer(name).public.hint: signer(name).public.fingerprint for name in ("ci", "desk")}
    assert [(each.digest.sha256, each.signer.key) for each in contents.statements] == sorted(
        (each.statement_digest, signers[each.hint]) for each in world.bundles
    )
    (subject,) = last.subjects
    assert (subject.name, subject.artifact) == ("release/", release.artifact)
    assert {each.line for each in lines[:-1]} == {each.line for each in world.bundles}
    assert said["contents"] == {
        "statement": f"sha256:{last.digest}",
        "sequence": 1,
        "previous": None,
        "reused": False,
    }
    assert (said["statements"], said["bundles"], said["gaps"], said["unverified"]) == (5, 5, [], [])
    assert said["artifacts"] == [str(release.artifact)]
    assert stored(project)[-1] == last.digest  # kept, so that the next list can follow on it


def test_handing_over_again_gives_the_same_bytes_and_a_change_the_next_number(project, answer, made):
    world, _ = made
    first = answer("release", "-o", "one.jsonl")
    again = answer("release", "-o", "two.jsonl")
    assert again["contents"] == {**first["contents"], "reused": True}
    assert (project / "one.jsonl").read_bytes() == (project / "two.jsonl").read_bytes()
    later = world.rights(next(iter(world.names)), "CC-BY-4.0", sequence=2)
    with open_store(str(project / "store.db")) as store:
        store.put([later])
    third = answer("release", "-o", "three.jsonl")
    assert third["contents"]["sequence"] == 2
    assert third["contents"]["previous"] == first["contents"]["statement"]
    found = statements(project / "three.jsonl")
    assert found.keys() > statements(project / "one.jsonl").keys() | {later.statement_digest}


def test_lists_of_other_publishers_do_not_count_and_go_along(project, answer, made):
    world, release = made
    other = world.contents(release, sequence=7, by="desk")
    with open_store(str(project / "store.db")) as store:
        store.put([other])
    said = answer("release")
    assert said["contents"]["sequence"] == 1
    assert other.statement_digest in statements(project / "release.intoto.jsonl")


def test_several_artifacts_and_digests(project, answer, made):
    _, release = made
    weights = f"sha256:{release.digests['model.safetensors']}"
    said = answer("release", weights, "--name", "r")
    assert said["artifacts"] == [str(release.artifact), weights]
    names = [
        each.name for each in list(read_lines(project / "release.intoto.jsonl"))[-1].statement().subjects
    ]
    assert names == ["release/", "release/model.safetensors"]
    assert answer(str(release.artifact), "-o", "by-digest.jsonl")["release"] == {"name": "release"}


def test_a_withdrawal_goes_along(project, answer, made):
    world, _ = made
    taken = world.withdraw(world.bundles[0].statement_digest, by="desk")
    with open_store(str(project / "store.db")) as store:
        store.put([taken])
    said = answer("release")
    assert taken.statement_digest in statements(project / "release.intoto.jsonl")
    assert [(gap["name"], gap["problem"]) for gap in said["gaps"]] == [("digits", "withdrawn")]


# ── where it is written ──


def test_the_default_place_is_beside_the_artifact_wherever_one_stands(project, monkeypatch, answer):
    deeper = project / "release"
    monkeypatch.chdir(deeper)
    answer(".", "--name", "r")
    assert (project / "release.intoto.jsonl").is_file()
    link = project / "links" / "latest"
    link.parent.mkdir()
    link.symlink_to(deeper)
    monkeypatch.chdir(project)
    assert answer("links/latest")["release"] == {"name": "latest"}
    assert (link.parent / "latest.intoto.jsonl").is_file()


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["release", "-o", "release/b.jsonl"], 2, "would become a part of release"),
        (["release", "-o", "release/../release/b.jsonl"], 2, "would become a part of release"),
        (["release/model.safetensors", "-o", "release/model.safetensors", "--force"], 2, "would replace"),
        (["release", "-o", "missing/b.jsonl"], 2, "there is no folder missing"),
        (["release", "-o", "attest.yaml"], 2, "exists already and is not overwritten"),
        (["missing"], 2, "there is no such file or directory"),
        (["sha256:" + "0" * 64, "-o", "b.jsonl"], 4, "no statement in the store is about"),
        (["sha256:" + "0" * 63, "-o", "b.jsonl"], 4, "expected sha256: and 64 lowercase hex digits"),
        (["attest.yaml"], 4, "no statement in the store is about"),
        (["release", "--trust", "missing.yaml"], 4, "missing.yaml: cannot be read"),
        (["release", "--signer", "file:keys/missing.key"], 4, "cannot be read"),
        (["release", "--store", "missing.db"], 4, "missing.db"),
        (["release", "--limit", "statements=3"], 4, "statements: 4 is above the limit of 3"),
        (["release", "--limit", "statement=3"], 2, "unknown limit 'statement'"),
        ([], 2, "Missing argument"),
    ],
    ids=str,
)
def test_what_is_refused(project, words, code, reason, capsys):
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert attest("bundle", *words) == code
    assert reason in capsys.readouterr().err
    after = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    assert {path for path in after if path.suffix not in {".db-wal", ".db-shm"}} == set(before)
    assert (
        after[project / "release" / "model.safetensors"] == before[project / "release" / "model.safetensors"]
    )


def test_a_tree_and_a_file_are_told_apart(project, made, capsys):
    _, release = made
    assert attest("bundle", str(release.artifact).rstrip("/"), "-o", "b.jsonl") == 4
    assert "of a directory, with / at the end, with that digest there is one" in capsys.readouterr().err


def test_only_digests_need_a_place(project, made, capsys):
    assert attest("bundle", made[1].artifact) == 2
    assert "say where to write the bundle" in capsys.readouterr().err


def test_an_existing_file_is_replaced_only_by_force(project, answer):
    answer("release", "-o", "b.jsonl")
    before = (project / "b.jsonl").read_bytes()
    assert attest("bundle", "release", "-o", "b.jsonl", "--name", "other") == 2
    assert (project / "b.jsonl").read_bytes() == before
    answer("release", "-o", "b.jsonl", "--name", "other", "--force")
    assert (project / "b.jsonl").read_bytes() != before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whom permissions stop")
def test_a_read_only_store_is_found_out_before_anything_is_signed(project, capsys):
    (project / "store.db").chmod(0o400)
    project.chmod(0o500)
    try:
        assert attest("bundle", "release", "-o", project.parent / "never.jsonl") == 4
    finally:
        project.chmod(0o700)
    assert "read-only" in capsys.readouterr().err


def test_a_list_that_was_stored_but_not_written_is_used_by_the_next_run(project, monkeypatch, answer):
    """The disk is full after the list was stored: nobody will ever see two lists with one number."""

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("attest.files._write_new", full)
        assert attest("bundle", "release") == 4
    assert not (project / "release.intoto.jsonl").exists()
    said = answer("release")
    assert (said["contents"]["sequence"], said["contents"]["reused"]) == (1, True)
    assert len(stored(project)) == 5


# ── verified first ──


def test_statements_by_nobody_known_are_refused_and_listed(project, answer, made, capsys):
    (project / "keys" / "desk.pub").unlink()
    said = answer("release", code=1)
    assert said["written"] is False
    world, _ = made
    by_desk = {f"sha256:{each.statement_digest}" for each in world.bundles[:2]}
    assert {each["statement"] for each in said["unverified"]} == by_desk
    assert not (project / "release.intoto.jsonl").exists()
    assert len(stored(project)) == 4  # and no list was signed
    assert attest("bundle", "release") == 1
    err = capsys.readouterr().err
    assert "signed by nobody known: 2 bundles" in err
    assert all(digest in err for digest in by_desk)
    assert "--trust" in err


def test_a_trust_file_makes_them_known(project, answer, made, tmp_path):
    world, release = made
    (project / "keys" / "desk.pub").unlink()
    (tmp_path / "b").mkdir()
    trust = write_world(world, release, tmp_path / "b")["trust"]
    assert answer("release", "--trust", trust)["written"] is True
    # or one that lies in the project
    (project / "trust.yaml").write_text(trust.read_text().replace("keys/", "../b/keys/"))
    assert answer("release", "-o", "again.jsonl")["contents"]["reused"] is True


def test_a_trust_file_is_believed_only_as_far_as_it_says(project, answer, tmp_path):
    """The data desk's key is known, but nobody said that it may speak for data: a buyer will see a gap."""
    world, release = chain()
    world.trust = make_trust({"publisher": [{"principal": "desk"}]})
    (project / "keys" / "desk.pub").unlink()
    (tmp_path / "b").mkdir()
    trust = write_world(world, release, tmp_path / "b")["trust"]
    said = answer("release", "--trust", trust)
    assert [(gap["name"], gap["problem"]) for gap in said["gaps"]] == [("digits", "untrusted")]


def test_unverified_ones_may_be_handed_over_but_are_never_listed(project, answer, made):
    """The list says who signed each statement: nobody says so of a signature that was not checked."""
    world, _ = made
    (project / "keys" / "desk.pub").unlink()
    said = answer("release", "--allow-unverified")
    assert len(said["unverified"]) == 2
    found = list(read_lines(project / "release.intoto.jsonl"))
    assert {each.line for each in world.bundles} < {each.line for each in found}
    names = {each.digest.sha256 for each in read_predicate(found[-1].statement()).statements}
    assert names == {each.statement_digest for each in world.bundles[2:]}


def test_a_second_signature_by_a_stranger_is_unverified_though_the_statement_is_not(project, answer, made):
    world, _ = made
    stranger = signer("stranger").sign(world.bundles[0].statement())
    with open_store(str(project / "store.db")) as store:
        store.put([stranger])
    said = answer("release", code=1)
    assert [each["statement"] for each in said["unverified"]] == [f"sha256:{stranger.statement_digest}"]


def test_a_forged_signature_is_refused(project, answer, made):
    world, _ = made
    good = world.bundles[0]
    forged = json.loads(good.raw)
    forged["dsseEnvelope"]["signatures"][0]["sig"] = json.loads(world.bundles[1].raw)["dsseEnvelope"][
        "signatures"
    ][0]["sig"]
    from attest.bundle import parse_bundle

    with open_store(str(project / "store.db")) as store:
        store.put([parse_bundle(json.dumps(forged).encode())])
    said = answer("release", code=1)
    assert "the signature is not its" in said["unverified"][0]["reason"]


# ── what a buyer will see ──


@pytest.fixture
def gappy(tmp_path, monkeypatch):
    world = World()
    release = world.tree("release", "model.safetensors")
    world.step(
        "train",
        [
            (world.file("\x1b[2Jscraped"), "dataset"),
            {"name": "no digest", "annotations": {"role": "dataset"}},
        ],
        [release],
    )
    root = write_project(tmp_path / "vendor", world)
    write_tree(root / "release", release.files)
    monkeypatch.chdir(root)
    return root


def test_gaps_are_warnings(gappy, answer, capsys):
    said = answer("release")
    assert said["written"] is True
    assert [(gap["name"], gap["problem"]) for gap in said["gaps"]] == [
        ("\x1b[2Jscraped", "gap"),
        ("no digest", "no-sha256"),
    ]
    assert attest("bundle", "release", "-o", "b.jsonl") == 0
    err = capsys.readouterr().err
    assert "a buyer will see 2 unexplained inputs" in err
    assert "\\u{1b}[2Jscraped (gap)" in err
    assert "\x1b[2J" not in err


def test_strict_refuses_gaps(gappy, answer, capsys):
    said = answer("release", "--strict", code=1)
    assert (said["written"], len(said["gaps"])) == (False, 2)
    assert [each.name for each in gappy.glob("*.jsonl")] == []
    assert len(stored(gappy)) == 1
    assert attest("bundle", "release", "--strict") == 1
    assert "refused because of --strict" in capsys.readouterr().err


def test_strict_accepts_what_has_none(project, answer):
    assert answer("release", "--strict")["written"] is True


def test_an_earlier_list_whose_statements_are_lost_is_told(project, answer, made, capsys):
    world, release = made
    lost = world.file("lost")
    gone = signer("ci").sign(world.step("train", [(lost, "dataset")], [world.file("x")]).statement())
    world.contents(release, [*world.bundles[:4], gone])
    with open_store(str(project / "store.db")) as store:
        store.put([world.bundles[-1]])
    said = answer("release")
    assert said["missing"] == [f"sha256:{gone.statement_digest}"]
    assert answer("release", "--strict", "-o", "x.jsonl", code=1)["written"] is False
    assert attest("bundle", "release", "--strict", "-o", "x.jsonl") == 1
    assert "a buyer will reject the bundle" in capsys.readouterr().err


# ── manifests ──


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A release whose files are nobody's subjects."""
    world = World()
    data = world.dataset("digits")
    release = world.tree("release", "model.safetensors", "config.json")
    world.sign(
        "step",
        [
            {
                "name": "release/",
                "digest": {"sha256": release.manifest.digest},
                "mediaType": MANIFEST_MEDIA_TYPE,
                "annotations": {"weights": ["model.safetensors"]},
            }
        ],
        world.step("train", [(data, "dataset")], [world.file("unused")]).statement().predicate,
        "ci",
    )
    world.manifests[release.manifest.digest] = release.manifest.data
    root = write_project(tmp_path / "vendor", world, "desk")
    write_tree(root / "release", release.files)
    monkeypatch.chdir(root)
    return root, release


def test_a_manifest_that_is_needed_is_written_under_its_digest(large, answer):
    root, release = large
    said = answer("release")
    folder = root / "release.manifests"
    assert said["manifests"] == {"folder": str(folder), "files": [release.manifest.digest]}
    assert [each.name for each in folder.iterdir()] == [release.manifest.digest]
    assert Manifest.parse((folder / release.manifest.digest).read_bytes()).digest == release.manifest.digest
    assert answer("release", "-o", "other.jsonl", "--no-manifests")["manifests"] == {
        "folder": None,
        "files": [],
    }
    assert not (root / "other.manifests").exists()


def test_a_manifest_nobody_needs_stays_at_home(project, answer):
    assert answer("release")["manifests"]["files"] == []
    assert not (project / "release.manifests").exists()


# ── without a project ──


def test_store_and_signer_are_enough(project, tmp_path, monkeypatch, capsys):
    elsewhere = tmp_path / "elsewhere"
    write_key(elsewhere / "k", "ci")
    (elsewhere / "k" / "desk.pub").write_bytes(signer("desk").public.pem)
    monkeypatch.chdir(elsewhere)
    words = ["--store", project / "store.db", "--signer", "k/ci.key", "-o", "b.jsonl"]
    assert attest("bundle", project / "release", *words) == 0
    assert attest("bundle", project / "release", "--store", project / "store.db", "-o", "c.jsonl") == 2
    assert "attest.yaml" in capsys.readouterr().err


def test_the_register_is_not_the_vendors_to_hand_over(project, answer, made):
    world, _ = made
    edition = world.register()
    with open_store(str(project / "store.db")) as store:
        store.put([edition])
    answer("release")
    found = statements(project / "release.intoto.jsonl")
    assert edition.statement_digest not in found
    assert REGISTER not in (project / "release.intoto.jsonl").read_text()
