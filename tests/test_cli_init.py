"""``attest init``: a project from nothing, and nothing of what was there before changed."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess

import pytest

from attest.cli import main
from attest.settings import DEFAULT_BUILDER_ID, find_settings
from attest.signer import open_signer
from attest.store import open_store


def init(capfd, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(["init", *map(str, arguments)])
    captured = capfd.readouterr()
    return ended.value.code, captured.out, captured.err


def tree(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_a_project_is_made(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    code, out, err = init(capfd)
    assert code == 0
    assert tree(tmp_path) == [".attest/.gitignore", ".attest/store.db", "attest.yaml"]
    assert out == f"settings     {tmp_path}/attest.yaml\nstore        sqlite:{tmp_path}/.attest/store.db\n"
    assert "attest key generate" in err
    found = find_settings(tmp_path)
    assert found.settings.signer is None
    assert found.settings.builder.id == DEFAULT_BUILDER_ID
    with found.open_store(read_only=True) as store:
        assert store.check().statements == 0


def test_a_project_with_a_key_can_sign(tmp_path, capfd):
    code, out, err = init(capfd, "--key", tmp_path / "new" / "project")
    assert code == 0
    root = tmp_path / "new" / "project"
    expected = [".attest/.gitignore", ".attest/store.db", "attest.yaml", "keys/.gitignore", "keys/attest.key"]
    assert tree(root) == [*expected, "keys/attest.key.pub"]
    signer = open_signer(find_settings(root).signer_uri)
    assert f"fingerprint  sha256:{signer.public.fingerprint}" in out.splitlines()
    assert "must never be committed" in err
    private = (root / "keys" / "attest.key").read_text()
    assert stat.S_IMODE((root / "keys" / "attest.key").stat().st_mode) == 0o600
    assert private.splitlines()[1] not in out + err


def test_a_passphrase_comes_from_the_environment(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ATTEST_PASSPHRASE", "correct horse")
    assert init(capfd, "--key", tmp_path)[0] == 0
    assert "ENCRYPTED" in (tmp_path / "keys" / "attest.key").read_text()
    open_signer(find_settings(tmp_path).signer_uri, b"correct horse")


def test_the_answer_as_json(tmp_path, capfd):
    code, out, err = init(capfd, "--key", "--json", tmp_path)
    assert (code, err) == (0, "")
    signer = open_signer(find_settings(tmp_path).signer_uri)
    assert json.loads(out) == {
        "settings": f"{tmp_path}/attest.yaml",
        "store": f"sqlite:{tmp_path}/.attest/store.db",
        "key": {
            "private": f"{tmp_path}/keys/attest.key",
            "public": f"{tmp_path}/keys/attest.key.pub",
            "fingerprint": f"sha256:{signer.public.fingerprint}",
        },
    }
    assert json.loads(init(capfd, "--json", tmp_path / "other")[1])["key"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_never_takes_the_key_nor_the_store(tmp_path, capfd):
    init(capfd, "--key", tmp_path)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "add", "--all"], check=True)
    listed = subprocess.run(
        ["git", "-C", tmp_path, "ls-files"], check=True, text=True, stdout=subprocess.PIPE
    )
    assert listed.stdout.split() == ["attest.yaml", "keys/.gitignore", "keys/attest.key.pub"]


@pytest.mark.parametrize(
    "store", ["proofs.db", "sub folder/\u202eß\x1b.db", 'quo"te\\d: #.db', "sqlite:x.db", "- a"]
)
def test_a_store_may_be_anywhere(tmp_path, capfd, store):
    code, out, _ = init(capfd, "--store", store, tmp_path)
    assert code == 0
    assert "\x1b" not in out
    path = tmp_path / store.removeprefix("sqlite:")
    assert path.is_file()
    assert find_settings(tmp_path).store_uri == f"sqlite:{path}"
    assert not (tmp_path / ".attest").exists()


def test_a_builder_id_is_written(tmp_path, capfd):
    assert init(capfd, "--builder-id", "https://ci.example/x@v1", tmp_path)[0] == 0
    assert find_settings(tmp_path).settings.builder.id == "https://ci.example/x@v1"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--builder-id", "local"), "builder.id: expected a URI"),
        (("--store", " "), "store: expected a path or a URI"),
        (("--store", "a\x7f\x80"), "the new attest.yaml"),
        (("--store", os.fsdecode(b"\xff")), "the new attest.yaml"),
    ],
)
def test_settings_that_could_not_be_read_are_never_written(tmp_path, capfd, words, reason):
    code, out, err = init(capfd, "--key", *words, tmp_path / "project")
    assert (code, out) == (2, "")
    assert reason in err
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize("there", ["attest.yaml", "keys/attest.key", "keys/attest.key.pub"])
@pytest.mark.parametrize("dangling", [True, False])
def test_nothing_that_is_there_is_overwritten(tmp_path, capfd, there, dangling):
    (tmp_path / "keys").mkdir()
    if dangling:
        (tmp_path / there).symlink_to("nowhere")
    else:
        (tmp_path / there).write_text("precious")
    code, out, err = init(capfd, "--key", tmp_path)
    assert (code, out) == (2, "")
    assert f"{there}: exists already and is not overwritten" in err
    assert not (tmp_path / ".attest").exists()
    if dangling:
        assert (tmp_path / there).is_symlink()
        assert tree(tmp_path) == []
    else:
        assert tree(tmp_path) == [there]
        assert (tmp_path / there).read_text() == "precious"


def test_a_store_and_ignore_files_that_are_there_are_kept(tmp_path, capfd):
    (tmp_path / ".attest").mkdir()
    (tmp_path / ".attest" / ".gitignore").write_text("mine\n")
    with open_store(str(tmp_path / ".attest" / "store.db"), create=True) as store:
        store.put([], [b"manifest"])
    assert init(capfd, tmp_path)[0] == 0
    assert (tmp_path / ".attest" / ".gitignore").read_text() == "mine\n"
    with find_settings(tmp_path).open_store() as store:
        assert len(list(store.manifests())) == 1


def test_something_else_in_the_stores_place_is_refused(tmp_path, capfd):
    (tmp_path / "x.db").write_text("a diary " * 100)
    code, out, err = init(capfd, "--store", "x.db", tmp_path)
    assert (code, out) == (4, "")
    assert "x.db: is not an attest store" in err
    assert tree(tmp_path) == ["x.db"]


def test_a_file_in_the_projects_place_is_an_error(tmp_path, capfd):
    (tmp_path / "file").touch()
    code, out, err = init(capfd, tmp_path / "file" / "project")
    assert (code, out) == (4, "")
    assert "cannot be made: Not a directory" in err
    code, out, err = init(capfd, tmp_path / "file")
    assert (code, out) == (4, "")
    assert "cannot be made: File exists" in err
