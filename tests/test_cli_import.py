"""attest import: only what somebody believed has signed gets into the store, all of it or nothing."""

from __future__ import annotations

import json
import os
import threading
import unicodedata

import pytest
from vendor import attest, write_project, write_tree
from world import World, good_world, make_trust, signer, write_world

from attest import check
from attest.bundle import parse_bundle, write_lines
from attest.cli import intake
from attest.errors import StoreError
from attest.manifest import Manifest
from attest.resource import MANIFEST_MEDIA_TYPE
from attest.store import open_store

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.fixture
def upstream(tmp_path):
    """What an upstream vendor handed over, and whom we believe of it."""
    folder = tmp_path / "upstream"
    folder.mkdir()
    return write_world(*good_world(), folder)


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = write_project(tmp_path / "ours", World())
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def take(project, capsys):
    def run(*words):
        capsys.readouterr()
        code = attest("import", *words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def stored(root):
    with open_store(str(root / "store.db"), read_only=True) as store:
        return [each.line for each in store.bundles()]


def lines(files):
    return files["bundle"].read_bytes().splitlines()


def add(files, *bundles):
    with files["bundle"].open("ab") as stream:
        for each in bundles:
            stream.write((each if isinstance(each, bytes) else each.line) + b"\n")


def test_everything_verified_is_taken_in_byte_for_byte(take, project, upstream):
    code, out, err = take(upstream["bundle"], "--trust", upstream["trust"])
    assert (code, err) == (0, "")
    assert out == "took in 7 bundles of 7 statements\n"
    assert stored(project) == lines(upstream)


def test_the_number_of_processes_changes_nothing(take, project, upstream, monkeypatch):
    monkeypatch.setattr(check, "MANY", 2)
    monkeypatch.setattr(check, "_BATCH_LINES", 2)
    add(
        upstream,
        signer("stranger").sign(good_world()[0].bundles[0].statement()),
        b'{"mediaType": "text/plain"}',
    )
    words = (upstream["bundle"], "-t", upstream["trust"], "--json")
    assert take(*words, "-j", "1") == take(*words, "-j", "2")
    assert stored(project) == []
    code, out, _ = take(*words, "--jobs", "2", "--skip-unverified")
    assert (code, json.loads(out)["new"]) == (0, 7)
    assert stored(project) == lines(upstream)[:7]


def test_again_nothing_is_new(take, project, upstream):
    take(upstream["bundle"], "-t", upstream["trust"])
    code, out, _ = take(upstream["bundle"], "-t", upstream["trust"], "--json")
    assert code == 0
    assert json.loads(out) == {
        "file": str(upstream["bundle"]),
        "taken": True,
        "bundles": 7,
        "new": 0,
        "statements": 7,
        "manifests": 0,
        "refused": [],
        "grantNothing": [],
        "unknownLines": [],
    }
    assert len(stored(project)) == 7
    assert "(7 there already)" in take(upstream["bundle"], "-t", upstream["trust"])[1]


def test_one_stranger_and_nothing_is_taken_in(take, project, upstream):
    """Wherever the line stands: at the end, all others have gone by already."""
    stranger = signer("stranger").sign(good_world()[0].bundles[0].statement())
    add(upstream, stranger)
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"])
    assert (code, out) == (1, "")
    assert f"line 8: sha256:{stranger.statement_digest}: signed by nobody this trust file names" in err
    assert "refused: nothing was taken in" in err
    assert stored(project) == []
    code, out, _ = take(upstream["bundle"], "-t", upstream["trust"], "--json")
    said = json.loads(out)
    assert (code, said["taken"], said["new"], said["bundles"]) == (1, False, 0, 0)
    assert said["refused"] == [
        {
            "line": 8,
            "statement": f"sha256:{stranger.statement_digest}",
            "code": "signer-unknown",
            "reason": "signed by nobody this trust file names",
        }
    ]


def test_strangers_are_left_out_when_asked_for(take, project, upstream):
    add(upstream, signer("stranger").sign(good_world()[0].bundles[0].statement()))
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"], "--skip-unverified")
    assert code == 0
    assert out == "took in 7 bundles of 7 statements; 1 line left out\n"
    assert "signed by nobody" in err
    assert stored(project) == lines(upstream)[:7]


def test_leaving_out_every_line_is_no_success(take, project, upstream):
    world, _ = good_world()
    write_lines(upstream["bundle"], [signer("stranger").sign(each.statement()) for each in world.bundles])
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"], "--skip-unverified")
    assert (code, out) == (1, "")
    assert "refused: nothing was taken in" in err


def forged(bundle, **envelope):
    value = json.loads(bundle)
    value["dsseEnvelope"] |= envelope
    return json.dumps(value).encode()


def test_every_kind_of_forgery_is_refused(take, project, upstream):
    first, second = (json.loads(line)["dsseEnvelope"] for line in lines(upstream)[:2])
    certificate = json.loads(lines(upstream)[0])
    certificate["verificationMaterial"] = {"certificate": {"rawBytes": "AAAA"}, "tlogEntries": []}
    forgeries = {
        "signature-invalid": forged(lines(upstream)[0], signatures=second["signatures"]),
        "payload-type": forged(lines(upstream)[0], payloadType="text/plain"),
        "certificate-invalid": json.dumps(certificate).encode(),
        "other payload": forged(
            lines(upstream)[1], payload=first["payload"], signatures=second["signatures"]
        ),
    }
    for expected, line in forgeries.items():
        upstream["bundle"].write_bytes(line + b"\n")
        code, out, _ = take(upstream["bundle"], "-t", upstream["trust"], "--json")
        assert code == 1, expected
        (refused,) = json.loads(out)["refused"]
        assert refused["code"] == (expected if "-" in expected else "signature-invalid")
    assert stored(project) == []


def test_a_signed_payload_that_is_no_statement_is_refused(take, project, upstream):
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    from attest.bundle import key_bundle
    from attest.envelope import IN_TOTO, pae

    payload = b'{"_type": "something else"}'
    key = signer("ci")
    signature = key._key.sign(pae(IN_TOTO, payload), ec.ECDSA(hashes.SHA256()))
    add(upstream, key_bundle(payload, signature, key.public.hint))
    code, out, _ = take(upstream["bundle"], "-t", upstream["trust"], "--json")
    assert (code, json.loads(out)["refused"][0]["code"]) == (1, "not-a-statement")
    assert stored(project) == []


def test_who_may_not_say_it_is_told(take, project, tmp_path):
    world, release = good_world()
    world.trust = make_trust({"builder": [{"principal": "ci", "builderIds": ["https://elsewhere.example/"]}]})
    (tmp_path / "u").mkdir()
    files = write_world(world, release, tmp_path / "u")
    code, out, err = take(files["bundle"], "-t", files["trust"], "--json")
    said = json.loads(out)
    assert (code, said["new"], len(said["grantNothing"])) == (0, 7, 7)
    assert "desk may not say this (trust role data-owner)" in said["grantNothing"][0]["reason"]
    assert "grants nothing" in err


def test_unknown_lines_are_left_out_and_said(take, project, upstream):
    add(upstream, b'{"mediaType": "later"}', b"[]")
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"], "--json")
    assert code == 0
    assert [each["line"] for each in json.loads(out)["unknownLines"]] == [8, 9]
    assert "line 8 is left out: mediaType: got 'later'" in err
    assert stored(project) == lines(upstream)[:7]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-20], "not JSON"),
        (lambda data: data + b'{"a": 1, "a": 2}\n', "duplicate key"),
        (lambda data: data + b"\xff\n", "not UTF-8"),
        (lambda data: data + b"[" * 5000 + b"\n", "json depth"),
        (lambda data: data + b" " * 3_000_000 + b"x", "line bytes"),
        (lambda _: b"", "holds no bundle"),
        (lambda _: b'{"x": 1}\n', "holds no bundle"),
    ],
    ids=["truncated", "duplicate keys", "not UTF-8", "deep", "long line", "empty", "no bundle"],
)
def test_a_broken_file_leaves_nothing_behind(take, project, upstream, spoil, reason):
    upstream["bundle"].write_bytes(spoil(upstream["bundle"].read_bytes()))
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"], "--limit", "line_bytes=2000000")
    assert (code, out) == (4, "")
    assert reason in err
    assert str(upstream["bundle"]) in err
    assert stored(project) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["missing.jsonl", "-t", "TRUST"], 4, "missing.jsonl: cannot be read"),
        (["BUNDLE", "-t", "missing.yaml"], 4, "missing.yaml: cannot be read"),
        (["BUNDLE"], 2, "Missing option '--trust'"),
        (["BUNDLE", "-t", "TRUST", "--manifests", "missing"], 2, "there is no such folder"),
        (["BUNDLE", "-t", "TRUST", "--store", "missing.db"], 4, "missing.db"),
        (["BUNDLE", "-t", "TRUST", "--limit", "statements=6"], 4, "statements: 7 is above the limit of 6"),
        (["BUNDLE", "-t", "BUNDLE"], 2, "error"),
    ],
    ids=str,
)
def test_bad_words(take, project, upstream, words, code, said):
    names = {"BUNDLE": upstream["bundle"], "TRUST": upstream["trust"]}
    got, out, err = take(*(names.get(word, word) for word in words))
    assert (got, out) == (code, "")
    assert said in err
    assert stored(project) == []


# ── a part at a time ──


@pytest.fixture
def parts(monkeypatch):
    """Two bundles at a time; tells how many a store was given each time, and may end it all."""
    from attest.stores.sqlite import SqliteStore

    class Parts(list):
        error = None

    sizes, put = Parts(), SqliteStore.put

    def counted(self, bundles, manifests=()):
        given = list(bundles)
        if len(sizes) == 2 and sizes.error:
            raise sizes.error
        sizes.append(len(given))
        return put(self, given, manifests)

    monkeypatch.setattr(intake, "PART", 2)
    monkeypatch.setattr(SqliteStore, "put", counted)
    return sizes


@pytest.fixture
def verifications(monkeypatch):
    """The lines whose signatures were checked."""
    seen = []

    def examined(lines, *arguments, **options):
        def noted():
            for line in lines:
                seen.append(line.content)
                yield line

        return usual(noted(), *arguments, **options)

    usual = check.examined
    monkeypatch.setattr(check, "examined", examined)
    return seen


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StoreError("the disk is full")])
def test_what_was_taken_in_stays_and_the_next_one_goes_on(
    take, project, upstream, parts, verifications, error
):
    parts.error = error
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"])
    assert (code, out) == (130 if isinstance(error, KeyboardInterrupt) else 4, "")
    assert "taken in and kept: 4 new bundles; the same command goes on from there" in err
    assert stored(project) == lines(upstream)[:4]
    assert verifications == lines(upstream)
    parts.clear()
    verifications.clear()
    parts.error = None
    code, out, _ = take(upstream["bundle"], "-t", upstream["trust"])
    assert (code, out) == (0, "took in 7 bundles of 7 statements (4 there already)\n")
    assert stored(project) == lines(upstream)
    assert verifications == lines(upstream)[4:]  # what is there is not verified again
    assert parts == [2, 1]


def test_a_refused_line_leaves_nothing_of_the_parts_before(take, project, upstream, parts):
    add(upstream, signer("stranger").sign(good_world()[0].bundles[0].statement()))
    code, _, err = take(upstream["bundle"], "-t", upstream["trust"])
    assert (code, parts, stored(project)) == (1, [], [])
    assert "kept" not in err


def test_manifests_are_taken_in_when_their_bundles_are_there_already(take, project, large, parts):
    files, release = large
    folder = files["manifests"].rename(files["manifests"].with_name("later"))
    take(files["bundle"], "-t", files["trust"])
    parts.clear()
    _, out, _ = take(files["bundle"], "-t", files["trust"], "--manifests", folder)
    assert out == "took in 3 bundles of 3 statements (3 there already) and 1 manifest\n"
    with open_store(str(project / "store.db"), read_only=True) as store:
        assert list(store.manifests()) == [release.manifest.digest]


@pytest.mark.parametrize("change", ["another line", "a line more", "a line less"])
def test_a_file_that_changes_between_the_readings_is_an_error(take, project, upstream, monkeypatch, change):
    """What is taken in is what was verified, to the byte."""
    whole = lines(upstream)
    forgery = signer("stranger").sign(good_world()[0].bundles[0].statement()).line
    changed = {
        "another line": [*whole[:-1], forgery],
        "a line more": [*whole, forgery],
        "a line less": whole[:-1],
    }[change]
    usual = intake.Intake.take

    def late(self, advance=None):
        upstream["bundle"].write_bytes(b"\n".join(changed) + b"\n")
        usual(self, advance)

    monkeypatch.setattr(intake.Intake, "take", late)
    code, out, err = take(upstream["bundle"], "-t", upstream["trust"])
    assert (code, out) == (4, "")
    assert "was changed while it was read" in err
    assert forgery not in stored(project)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once(take, project, upstream, tmp_path):
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(upstream["bundle"].read_bytes(),))
    writer.start()
    code, out, _ = take(pipe, "-t", upstream["trust"], "--json")
    writer.join()
    assert (code, json.loads(out)["new"], json.loads(out)["file"]) == (0, 7, str(pipe))
    assert stored(project) == lines(upstream)


# ── manifests ──


@pytest.fixture
def large(tmp_path):
    """An upstream model whose files are nobody's subjects, and its manifest."""
    world = World()
    release = world.tree("base", "model.safetensors", "LICENSE")
    tree = {
        "name": "base/",
        "digest": {"sha256": release.manifest.digest},
        "mediaType": MANIFEST_MEDIA_TYPE,
        "annotations": {"weights": ["model.safetensors"]},
    }
    made = world.step("train", [(world.dataset("data"), "dataset")], [world.file("x")])
    world.bundles.remove(made)
    world.sign("step", [tree], made.statement().predicate, "ci")
    folder = tmp_path / "upstream"
    folder.mkdir()
    files = write_world(world, release, folder)
    files["manifests"] = folder / "model.manifests"
    files["manifests"].mkdir()
    (files["manifests"] / release.manifest.digest).write_bytes(release.manifest.data)
    return files, release


def test_manifests_beside_the_file_are_taken_in(take, project, large):
    files, release = large
    other = Manifest.of([("a" * 64, "never named by a statement")])
    (files["manifests"] / other.digest).write_bytes(other.data)
    (files["manifests"] / "README").write_text("no manifest")
    code, out, _ = take(files["bundle"], "-t", files["trust"])
    assert code == 0
    assert out == "took in 3 bundles of 3 statements and 1 manifest\n"
    with open_store(str(project / "store.db"), read_only=True) as store:
        assert list(store.manifests()) == [release.manifest.digest]
        assert store.manifest(release.manifest.digest) == release.manifest.data


def test_another_folder_of_manifests(take, project, large, tmp_path):
    files, _ = large
    files["manifests"].rename(tmp_path / "elsewhere")
    assert take(files["bundle"], "-t", files["trust"])[1] == "took in 3 bundles of 3 statements\n"
    code, out, _ = take(
        files["bundle"], "-t", files["trust"], "--manifests", tmp_path / "elsewhere", "--json"
    )
    assert (code, json.loads(out)["manifests"]) == (0, 1)


def test_a_manifest_under_another_digest_is_refused(take, project, large):
    files, release = large
    (files["manifests"] / release.manifest.digest).write_bytes(release.manifest.data + b"\n")
    code, _, err = take(files["bundle"], "-t", files["trust"])
    assert code == 4
    assert "expected its name" in err
    assert stored(project) == []


def test_a_signed_digest_makes_no_manifest_of_other_bytes(take, project, tmp_path):
    """A vendor may sign any digest; what is no manifest would stop every later reader."""
    import hashlib

    data = b"../../etc/passwd\n"
    digest = hashlib.sha256(data).hexdigest()
    world = World()
    tree = {"name": "base/", "digest": {"sha256": digest}, "mediaType": MANIFEST_MEDIA_TYPE}
    world.sign("dataset", [tree], {"name": "d"}, "desk")
    (tmp_path / "u").mkdir()
    files = write_world(world, world.tree("r", "x"), tmp_path / "u")
    folder = tmp_path / "u" / "model.manifests"
    folder.mkdir()
    (folder / digest).write_bytes(data)
    code, _, err = take(files["bundle"], "-t", files["trust"])
    assert code == 4
    assert f"manifest sha256:{digest}: line 1 is not" in err
    assert stored(project) == []


# ── what it is for ──


def test_a_model_built_on_an_imported_one_is_explained(take, project, upstream, tmp_path, capsys):
    """Our own bundle carries what the upstream vendor signed, and a buyer of ours sees the whole way."""
    assert take(upstream["bundle"], "-t", upstream["trust"])[0] == 0
    world, release = World(), good_world()[1]
    tuned = world.tree("tuned", "model.safetensors")
    world.step("finetune", [(release, "base-model"), (world.dataset("own"), "dataset")], [tuned], by="ci")
    with open_store(str(project / "store.db")) as store:
        store.put(world.bundles)
    write_tree(project / "tuned", tuned.files)
    words = ["--trust", upstream["trust"], "--strict"]
    assert attest("bundle", "tuned", *words) == 0
    capsys.readouterr()
    path = project / "tuned.intoto.jsonl"
    assert set(lines(upstream)[:6]) <= set(path.read_bytes().splitlines())
    assert attest("lineage", "tuned", "-b", path, "-t", upstream["trust"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["complete"] is True


def test_nothing_hostile_reaches_the_terminal(take, project, upstream):
    hostile = "\x1b[2J\u202e\u200b\x9b"
    value = json.loads(lines(upstream)[0])
    value["dsseEnvelope"]["payloadType"] = hostile
    add(upstream, json.dumps(value).encode(), json.dumps({"mediaType": hostile}).encode())
    for words in ([], ["--json"], ["--skip-unverified"]):
        _, out, err = take(upstream["bundle"], "-t", upstream["trust"], *words)
        assert {unicodedata.category(char) for char in (out + err).replace("\n", "")} & HIDDEN == set()


def test_a_bundle_over_several_lines_is_kept_on_one(take, project, tmp_path, upstream):
    one = tmp_path / "one.json"
    one.write_bytes(json.dumps(json.loads(lines(upstream)[0]), indent=2).encode())
    assert take(one, "-t", upstream["trust"])[1] == "took in 1 bundle of 1 statement\n"
    (kept,) = stored(project)
    assert parse_bundle(kept).payload == parse_bundle(lines(upstream)[0]).payload


def test_two_signers_of_one_statement(take, project, tmp_path):
    world, release = good_world()
    again = signer("desk").sign(world.bundles[2].statement())
    (tmp_path / "u").mkdir()
    files = write_world(world, release, tmp_path / "u")
    write_lines(files["bundle"], [world.bundles[2], again])
    assert take(files["bundle"], "-t", files["trust"])[1] == "took in 2 bundles of 1 statement\n"
