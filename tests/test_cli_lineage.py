"""attest lineage: the graph behind an artifact, from the store or from files somebody handed over."""

from __future__ import annotations

import json
import unicodedata
import xml.etree.ElementTree as ET

import pytest
from stores.samples import entry, step
from vendor import attest, write_project, write_tree
from world import World, good_world, signer, write_world

from attest import check
from attest.bundle import write_lines
from attest.store import open_store

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@pytest.fixture
def made():
    return good_world()


@pytest.fixture
def project(tmp_path, monkeypatch, made):
    world, release = made
    root = write_project(tmp_path / "vendor", world, "desk", "registry")
    write_tree(root / "release", release.files)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def files(tmp_path, monkeypatch, made):
    """What a buyer has; no project anywhere."""
    folder = tmp_path / "buyer"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return write_world(*made, folder)


@pytest.fixture
def draw(capsys):
    def run(*words):
        capsys.readouterr()
        code = attest("lineage", *words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def statuses(out):
    return {node["label"]: node["status"] for node in json.loads(out)["lineage"]["nodes"]}


# ── from the store ──


def test_a_tree_of_what_it_was_made_from(project, draw, made):
    code, out, err = draw("release")
    assert code == 0
    assert out.splitlines()[0] == "release/ ← release ← int8 ← quantize ← model/ ← train"
    assert "digits (dataset" in out
    assert err == ""
    assert draw(str(made[1].artifact))[1] == out


def test_own_keys_are_believed_for_everything_in_the_store(project, draw):
    code, out, _ = draw("release", "--json")
    said = json.loads(out)
    assert code == 0
    assert (said["believed"], said["complete"], said["unverified"]) == (True, True, [])
    assert set(statuses(out).values()) == {"ok"}
    assert {node["kind"] for node in said["lineage"]["nodes"]} >= {"dataset", "model", "step:train"}


def test_no_private_key_is_read(project, draw):
    (project / "keys" / "ci.key").unlink()
    assert set(statuses(draw("release", "--json")[1]).values()) == {"ok"}


def test_strangers_in_the_store_are_said_and_not_drawn(project, draw):
    (project / "keys" / "desk.pub").unlink()
    code, out, err = draw("release", "--json")
    assert code == 0
    assert statuses(out)["digits"] == "gap"
    assert len(json.loads(out)["unverified"]) == 2
    assert "2 statement(s) are signed by nobody known" in err


def test_the_projects_trust_file_counts_and_another_can_be_named(project, draw, made, tmp_path):
    (project / "keys" / "desk.pub").unlink()
    (tmp_path / "b").mkdir()
    trust = write_world(*made, tmp_path / "b")["trust"]
    assert statuses(draw("release", "--json", "--trust", trust)[1])["digits"] == "ok"
    (project / "trust.yaml").write_text(trust.read_text().replace("keys/", "../b/keys/"))
    assert statuses(draw("release", "--json")[1])["digits"] == "ok"


def test_a_withdrawal_is_drawn(project, draw, made):
    world, _ = made
    with open_store(str(project / "store.db")) as store:
        store.put([world.withdraw(world.bundles[0].statement_digest, by="desk")])
    _, out, _ = draw("release")
    assert "[WITHDRAWN]" in out


def test_a_store_without_a_project(project, draw, tmp_path, monkeypatch, made):
    monkeypatch.chdir(tmp_path)
    code, out, err = draw(str(made[1].artifact), "--store", "vendor/store.db")
    assert code == 4  # nobody's key is known here
    assert "no statement says what" in err
    assert "signed by nobody the trust file names" in err
    (tmp_path / "b").mkdir()
    trust = write_world(*made, tmp_path / "b")["trust"]
    code, out, _ = draw(str(made[1].artifact), "--store", "vendor/store.db", "--trust", trust)
    assert (code, "digits (dataset" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["missing"], 2, "there is no such file or directory"),
        (["sha256:12"], 4, "expected sha256: and 64 lowercase hex digits"),
        (["sha256:" + "0" * 64], 4, "no statement in the store is about sha256:000"),
        (["attest.yaml"], 4, "no statement in the store is about"),
        (["release", "--store", "missing.db"], 4, "missing.db"),
        (["release", "--trust", "missing.yaml"], 4, "missing.yaml: cannot be read"),
        (["release", "-b", "missing.jsonl"], 4, "missing.jsonl: cannot be read"),
        (["release", "--svg", "missing/a.svg"], 4, "cannot be written"),
        (["release", "--limit", "statements=2"], 4, "statements: 3 is above the limit of 2"),
        ([], 2, "Missing argument"),
    ],
    ids=str,
)
def test_bad_input(project, draw, words, code, said):
    got, out, err = draw(*words)
    assert (got, out) == (code, "")
    assert said in err


def test_outside_of_a_project(files, draw):
    code, _, err = draw("release")
    assert code == 2
    assert "no attest.yaml here or above" in err


# ── from files ──


def test_believed_as_far_as_the_trust_file_says(files, draw):
    code, out, err = draw(files["delivered"], "-b", files["bundle"], "-t", files["trust"], "--json")
    said = json.loads(out)
    assert (code, err) == (0, "")
    assert (said["believed"], said["complete"]) == (True, True)
    files["trust"].write_text(files["trust"].read_text().replace('"data-owner"', '"revoker"'))
    _, out, _ = draw(files["delivered"], "-b", files["bundle"], "-t", files["trust"], "--json")
    assert (statuses(out)["digits"], json.loads(out)["complete"]) == ("untrusted", False)


def test_the_number_of_processes_changes_nothing(files, draw, monkeypatch):
    monkeypatch.setattr(check, "MANY", 2)
    words = (files["delivered"], "-b", files["bundle"], "-t", files["trust"], "--json")
    assert draw(*words, "-j", "1") == draw(*words, "-j", "2")


def test_without_a_trust_file_nothing_is_believed(files, draw):
    code, out, err = draw(files["delivered"], "-b", files["bundle"], "--json")
    assert code == 0
    said = json.loads(out)
    assert (said["believed"], said["complete"]) == (False, False)
    assert set(statuses(out).values()) == {"untrusted"}
    assert "no signature was checked" in err
    _, out, _ = draw(files["delivered"], "-b", files["bundle"])
    assert out.splitlines()[0].startswith("release/ [NOT TRUSTED] ← release [NOT TRUSTED] ← int8")


def test_a_forged_line_is_drawn_as_a_claim_and_never_as_believed(files, draw, made):
    world, _ = made
    write_lines(files["bundle"], [signer("stranger").sign(each.statement()) for each in world.bundles])
    assert draw(files["delivered"], "-b", files["bundle"])[0] == 0
    code, _, err = draw(files["delivered"], "-b", files["bundle"], "-t", files["trust"])
    assert code == 4
    assert "signed by nobody the trust file names" in err


def test_several_files_join_and_unknown_lines_are_said(files, draw, tmp_path):
    lines = files["bundle"].read_bytes().splitlines(keepends=True)
    one, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    one.write_bytes(b"".join(lines[:3]))
    other.write_bytes(b"".join(lines[3:]) + b'{"x": 1}\n')
    code, out, err = draw(files["delivered"], "-b", one, "-b", other, "-t", files["trust"])
    assert code == 0
    assert "digits (dataset" in out
    assert "1 line(s) hold something else than a bundle" in err


def test_what_differs_is_said(files, draw):
    (files["delivered"] / "model.safetensors").write_bytes(b"other weights")
    code, _, err = draw(files["delivered"], "-b", files["bundle"], "-t", files["trust"])
    assert code == 4
    assert "model.safetensors was attested as sha256:" in err


def test_a_delivered_part_is_found(files, draw):
    (files["delivered"] / "README.md").unlink()
    assert draw(files["delivered"], "-b", files["bundle"], "-t", files["trust"])[0] == 0


# ── pictures ──


def test_svg(project, draw, tmp_path):
    path = tmp_path / "a.svg"
    code, out, err = draw("release", "--svg", path)
    assert (code, out) == (0, "")
    assert f"wrote {path}" in err
    root = ET.parse(path).getroot()  # noqa: S314 - our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "digits" in path.read_text()
    assert json.loads(draw("release", "--svg", path, "--json")[1])["complete"] is True


def test_hostile_names(tmp_path, monkeypatch, draw):
    hostile = "\x1b[2J\u202e</svg><script>alert(1)</script>\n"
    world = World()
    data = world.dataset(hostile)
    release = world.tree("release", "model.safetensors")
    world.step("train", [(data, "dataset")], [release])
    root = write_project(tmp_path / "vendor", world, "desk")
    write_tree(root / "release", release.files)
    monkeypatch.chdir(root)
    code, out, err = draw("release")
    assert code == 0
    assert {unicodedata.category(char) for char in (out + err).replace("\n", "")} & HIDDEN == set()
    assert draw("release", "--svg", "a.svg")[0] == 0
    assert "<script" not in (root / "a.svg").read_text()
    ET.parse(root / "a.svg")  # noqa: S314


def test_thousands_of_nodes(tmp_path, monkeypatch, draw):
    """A wide and a deep lineage, as text and as a picture, from lines nobody signed."""
    many = [entry(f"data-{number}") for number in range(2500)]
    chain = [step([entry(number)], [entry(number + 1)]) for number in range(1500)]
    file = tmp_path / "many.jsonl"
    write_lines(file, [step([entry("top")], [*many, entry(0)]), *chain])
    monkeypatch.chdir(tmp_path)
    top = f"sha256:{entry('top')['digest']['sha256']}"
    code, out, _ = draw(top, "-b", file)
    assert code == 0
    assert len(out.splitlines()) < 250
    code, out, _ = draw(top, "-b", file, "--json", "--svg", "a.svg")
    assert code == 0
    assert len(json.loads(out)["lineage"]["nodes"]) == 2500 + 1 + 1501 + 1501
    assert (tmp_path / "a.svg").stat().st_size < 1_000_000
