"""attest verify as a buyer runs it: files on disk, exit codes, reports, and bad input."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import Answer, Loopback
from world import POLICY, Tree, World, good_world, signer, write_world

from attest import check
from attest.cli import main
from attest.digest_cache import DigestCache
from attest.digest_table import Table, read_table, tables, write_table


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    return write_world(*good_world(), tmp_path)


AS_OF = "2026-11-20T12:00:00Z"


def verify(files, *more, as_of: str | None = AS_OF) -> int:
    words = [
        "verify",
        files["delivered"],
        "--bundle",
        files["bundle"],
        "--trust",
        files["trust"],
        "--policy",
        files["policy"],
        "--register",
        files["register"],
        *more,
    ]
    if as_of:
        words += ["--as-of", as_of]
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


def test_accepts_and_says_so(files, capsys):
    assert verify(files) == 0
    out = capsys.readouterr().out
    assert "ACCEPT" in out
    assert "historical" in out.lower()


def test_rejects_a_flipped_weight(files, capsys):
    (files["delivered"] / "model.safetensors").write_bytes(b"flipped")
    assert verify(files) == 1
    assert "REJECT" in capsys.readouterr().out


def test_incomplete(files, capsys):
    lines = files["bundle"].read_bytes().splitlines()  # the last one is the contents statement
    files["bundle"].write_bytes(b"\n".join(lines[:-1]) + b"\n")
    assert verify(files) == 3
    assert "INCOMPLETE" in capsys.readouterr().out


def test_json_is_the_report(files, capsys):
    assert verify(files, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "ACCEPT"
    assert report["reportVersion"] == "v0.1"
    assert report["reproduce"].startswith("attest verify ")


def test_the_report_reproduces_to_the_byte(files, capsys):
    verify(files, "--json")
    first = capsys.readouterr().out
    words = json.loads(first)["reproduce"].split()
    again = subprocess.run(
        [sys.executable, "-m", "attest", *words[1:], "--json"], capture_output=True, check=False
    )
    assert again.returncode == 0
    assert again.stdout.decode() == first


def test_the_end_of_a_reports_name_chooses_its_format(files, tmp_path, capsys):
    beginnings = {"r.md": "## ✅ Accepted", "r.sarif": "{", "R.SARIF.JSON": "{", "r.markdown": "## ✅"}
    targets = [tmp_path / name for name in beginnings]
    assert verify(files, *[word for each in targets for word in ("--report", each)]) == 0
    for target, beginning in zip(targets, beginnings.values(), strict=True):
        assert target.read_text("utf-8").startswith(beginning)
    assert json.loads((tmp_path / "R.SARIF.JSON").read_text())["version"] == "2.1.0"


def test_the_command_names_everything_the_verdict_depends_on(files, tmp_path, capsys):
    (tmp_path / "m").mkdir()
    verify(
        files,
        "--json",
        "--manifests",
        tmp_path / "m",
        "--memory",
        tmp_path / "seen",
        "--limit",
        "subjects=99",
    )
    again = shlex.split(json.loads(capsys.readouterr().out)["reproduce"])
    for option in (
        "--bundle",
        "--trust",
        "--policy",
        "--register",
        "--manifests",
        "--memory",
        "--limit",
        "--as-of",
    ):
        assert option in again
    assert again[again.index("--limit") + 1] == "subjects=99"


def test_the_number_of_processes_changes_nothing(files, capsys, monkeypatch):
    monkeypatch.setattr(check, "MANY", 2)
    monkeypatch.setattr(check, "_BATCH_LINES", 2)
    answers = []
    for jobs in ("1", "2"):
        assert verify(files, "--json", "-j", jobs) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert verify(files, "--jobs", "0") == 2


def test_reports_are_written(files, tmp_path, capsys):
    targets = [tmp_path / name for name in ("r.html", "r.json", "r.txt")]
    assert verify(files, *[word for each in targets for word in ("--report", each)]) == 0
    assert targets[0].read_text().startswith("<!DOCTYPE html>") or targets[0].read_text().startswith(
        "<!doctype html>"
    )
    assert json.loads(targets[1].read_text())["verdict"] == "ACCEPT"
    assert "ACCEPT" in targets[2].read_text()
    assert capsys.readouterr().out


@pytest.mark.parametrize(("name", "code"), [("r.pdf", 2), ("nowhere/r.html", 2)])
def test_a_report_that_cannot_be_written_is_said_before_the_work(files, tmp_path, capsys, name, code):
    assert verify(files, "--report", tmp_path / name) == code
    assert "attest: error" in capsys.readouterr().err


def test_remembers_registers_and_refuses_a_rollback(files, capsys):
    world, _ = good_world()
    world.register()
    newer = files["register"].parent / "newer.jsonl"
    newer.write_bytes(world.registers[1][1].line + b"\n" + world.registers[0][1].line + b"\n")
    policy = POLICY.replace("maxAge: 7 days", "maxAge: 1000 days")
    files["policy"].write_text(policy)
    older, files["register"] = files["register"], newer
    verify(files, as_of=None)
    memory = json.loads((files["trust"].parent / "trust.memory.json").read_text())
    assert memory["registers"]["https://registry.example/releases"]["sequence"] == 2
    files["register"] = older
    capsys.readouterr()
    assert verify(files, as_of=None) == 1
    assert "rolled back" in capsys.readouterr().out


def test_a_chosen_past_remembers_nothing(files):
    verify(files)
    assert not (files["trust"].parent / "trust.memory.json").exists()


def test_manifests_beside_the_bundle_are_used_and_checked(tmp_path, capsys):
    world = World()
    data = world.dataset("digits")
    big = Tree("model", {"model.safetensors": b"weights", "config.json": b"{}"})
    bundle = world.step("train", [(data, "dataset")], [big])
    predicate = dict(bundle.statement().predicate)
    world.bundles.remove(bundle)
    tree = {
        "name": "model/",
        "digest": {"sha256": big.artifact.sha256},
        "mediaType": "application/vnd.attest.manifest",
        "annotations": {"weights": ["model.safetensors"]},
    }
    world.sign("step", [tree], predicate, "ci")
    world.register(world.current(world.contents(big)))
    files = write_world(world, big, tmp_path)
    (files["delivered"] / "config.json").unlink()
    assert verify(files) == 1
    folder = tmp_path / "model.manifests"
    folder.mkdir()
    (folder / big.artifact.sha256).write_bytes(big.manifest.data)
    (folder / "README").write_text("ignored: no digest for a name")
    assert verify(files) == 0
    assert "not delivered" in capsys.readouterr().out
    (folder / ("a" * 64)).write_bytes(b"something else")
    assert verify(files) == 4
    assert "expected its name" in capsys.readouterr().err


def bad(files, capsys, code: int, message: str, **kinds) -> None:
    assert verify(files, **kinds) == code
    err = capsys.readouterr().err
    assert message in err, err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"mediaType": ', "not JSON"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b'{"a": 1, "a": 2}\n', "duplicate key 'a'"),
        (b"[" * 10_000 + b"]" * 10_000, "json depth"),
        (b'{"a": NaN}\n', "NaN is not JSON"),
    ],
)
def test_broken_lines_are_errors_that_name_the_line(files, capsys, data, message):
    files["bundle"].write_bytes(files["bundle"].read_bytes() + data)
    bad(files, capsys, 4, message)


def test_a_line_cut_in_the_middle(files, capsys):
    files["bundle"].write_bytes(files["bundle"].read_bytes()[:-40])
    bad(files, capsys, 4, "model.intoto.jsonl:7")


def test_a_line_beyond_the_limit_names_the_limit(files, capsys):
    assert verify(files, "--limit", "line_bytes=100") == 4
    assert "line bytes" in capsys.readouterr().err
    assert verify(files, "--limit", "lines=1") == 2
    assert "unknown limit" in capsys.readouterr().err


def test_statements_beyond_the_limit(files, capsys):
    assert verify(files, "--limit", "statements=3") == 4
    assert "statements" in capsys.readouterr().err


def test_an_unknown_line_is_carried_and_reported(files, capsys):
    files["bundle"].write_bytes(b'{"hello": "world"}\n' + files["bundle"].read_bytes())
    assert verify(files, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert [(each["line"], each["reason"][:9]) for each in report["unknownLines"]] == [(1, "mediaType")]


def test_missing_and_unreadable_files(files, capsys):
    files["bundle"].unlink()
    bad(files, capsys, 4, "cannot be read")
    files["trust"].unlink()
    bad(files, capsys, 4, "cannot be read")
    (files["delivered"] / "model.safetensors").unlink()
    (files["delivered"] / "model.safetensors").symlink_to("/etc/passwd")
    files["bundle"].write_bytes(b"")


def test_a_symlink_in_the_delivery_is_refused(files, capsys):
    (files["delivered"] / "link").symlink_to("/etc/passwd")
    bad(files, capsys, 4, "link")


def test_an_empty_delivery_is_refused(files, tmp_path, capsys):
    files["delivered"] = tmp_path / "empty"
    files["delivered"].mkdir()
    bad(files, capsys, 4, "empty")


def test_no_such_delivery_is_usage(files, tmp_path):
    files["delivered"] = tmp_path / "nowhere"
    assert verify(files) == 2


@pytest.mark.parametrize("as_of", ["yesterday", "2026-13-01", "2026-11-20T12:00:00"])
def test_a_time_that_is_none(files, capsys, as_of):
    assert verify(files, as_of=as_of) == 2
    assert "expected a time like" in capsys.readouterr().err


def test_a_bundle_with_hostile_names(tmp_path, capsys):
    name = "\x1b[31mred\u202egnp.exe\u200b<script>alert(1)</script>\n= cmd"
    world = World()
    data, model = world.file(name), Tree("model", {"model.safetensors": b"w"})
    world.names[data] = name
    world.step("train", [(data, "dataset")], [model])
    world.register(world.current(world.contents(model)))
    files = write_world(world, model, tmp_path)
    html = tmp_path / "r.html"
    assert verify(files, "--report", html) == 3
    shown = capsys.readouterr().out + html.read_text()
    for character in "\x1b\u202e\u200b":
        assert character not in shown
    assert "<script" not in html.read_text()


def test_strangers_key_alone_accepts_nothing(files, capsys):
    """Somebody re-signs the whole bundle with a key of their own."""
    world, _ = good_world()
    mine = [signer("stranger").sign(each.statement()) for each in world.bundles]
    files["bundle"].write_bytes(b"".join(each.line + b"\n" for each in mine))
    assert verify(files) == 1
    assert "attested-by-stranger" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to cut the network off (unshare --net)")
def test_verifies_with_the_network_cut_off(files):
    words = [
        "unshare",
        "--net",
        sys.executable,
        "-m",
        "attest",
        "verify",
        files["delivered"],
        "-b",
        files["bundle"],
        "-t",
        files["trust"],
        "-p",
        files["policy"],
        "--register",
        files["register"],
        "--as-of",
        AS_OF,
    ]
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
    if b"Operation not permitted" in done.stderr:
        pytest.skip("unshare --net is not allowed here")
    assert done.returncode == 0, done.stderr


# a register by its URL


def test_a_register_is_fetched_from_the_url_the_reader_names(files, capsys):
    lines = files["register"].read_bytes()
    with Loopback(lambda _: Answer(body=lines)) as server:
        subscribed = {**files, "register": server.url}
        assert verify(subscribed) == 0
        assert len(server.asked) == 1
    assert verify(subscribed) == 0  # the service is gone: the edition seen last has to do
    assert "the edition seen last is used" in capsys.readouterr().err
    folder = files["trust"].with_suffix(".registers")
    assert [each.read_bytes() for each in folder.iterdir()] == [lines]


# -- several candidates side by side ---------------------------------------------------------------------


def attest(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


def two_candidates(tmp_path):
    """Two deliveries with a bundle beside each; something was left out of the second one's."""
    files = {}
    for name in ("good", "short"):
        folder = tmp_path / name
        folder.mkdir()
        world, release = good_world()
        files[name] = write_world(world, release, folder)
        bundle = folder / "release.intoto.jsonl"
        lines = files[name]["bundle"].read_bytes().splitlines(keepends=True)
        bundle.write_bytes(b"".join(lines if name == "good" else lines[1:]))
        files[name]["bundle"] = bundle
    return files["good"], files["short"]


def test_several_paths_give_one_table(tmp_path, capsys):
    good, short = two_candidates(tmp_path)
    words = ["verify", good["delivered"], short["delivered"], "-t", good["trust"], "-p", good["policy"]]
    words += ["--register", good["register"]]
    assert attest(*words, "--json") == 1
    table = json.loads(capsys.readouterr().out)
    assert [each["verdict"] for each in table["candidates"]] == ["ACCEPT", "REJECT"]
    again = shlex.split(table["candidates"][1]["reproduce"])
    assert attest(*again[1:]) == 1
    assert "statement-missing" in capsys.readouterr().out
    assert attest(*words, "-b", good["bundle"], "-b", good["bundle"]) == 0
    assert "whole report: attest verify" in capsys.readouterr().out


def test_one_path_finds_the_bundle_beside_it(tmp_path, capsys):
    good, _ = two_candidates(tmp_path)
    words = ["verify", good["delivered"], "-t", good["trust"], "-p", good["policy"]]
    assert attest(*words, "--register", good["register"]) == 0
    good["bundle"].unlink()
    assert attest(*words) == 2
    assert "there is no release.intoto.jsonl beside it" in capsys.readouterr().err


def test_candidates_and_bundles_come_in_pairs(tmp_path, capsys):
    good, short = two_candidates(tmp_path)
    words = ["verify", good["delivered"], short["delivered"], "-t", good["trust"], "-p", good["policy"]]
    assert attest(*words, "-b", good["bundle"]) == 2
    assert "got 2 PATHs and 1 bundles, expected one bundle for each" in capsys.readouterr().err
    assert attest(*words, "-r", tmp_path / "r.html") == 2
    assert "are about one delivery" in capsys.readouterr().err


def test_remembered_digests_are_believed_only_when_told(files, capsys, tmp_path, monkeypatch):
    """The project remembers a wrong digest of the delivery, which shows whether it was asked."""
    (tmp_path / "attest.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 20_000_000)
    monkeypatch.setattr(DigestCache, "_has_work", lambda *_: True)  # however small
    time.sleep(0.05)
    with pytest.raises(SystemExit):
        main(["digest", str(files["delivered"])])
    capsys.readouterr()
    said = "delivered file(s) were not read: their digests were remembered (--cache)."
    assert verify(files) == 0
    assert said not in capsys.readouterr().out
    assert verify(files, "--cache") == 0
    assert said in " ".join(capsys.readouterr().out.split())
    ((path, _),) = tables(tmp_path / ".attest" / "digests")
    keys, digests = read_table(path)
    write_table(path, Table(keys, b"?" * len(digests)))
    assert verify(files) == 0
    assert verify(files, "--cache") != 0
