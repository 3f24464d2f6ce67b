"""Code is what git tracks or would track, as it is on disk."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest import checkout
from attest.checkout import changed_code, digest_code, git_state, public_url
from attest.errors import DigestError
from attest.manifest import digest_path

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder, *words):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"]
    done = subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    write(root, train_dot_py="1", lib__a_dot_py="2", _dot_gitignore="out/\n*.log\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    write(root, new_dot_py="3", out__model="4", x_dot_log="5")
    return root


def paths(root, **settings):
    measured, by_git = digest_code(root, **settings)
    return [file.path for file in measured.files], by_git


def test_code_is_what_git_tracks_and_would_track(repository):
    assert paths(repository) == ([".gitignore", "lib/a.py", "new.py", "train.py"], True)
    assert paths(repository / "lib") == (["a.py"], True)


def test_the_digest_is_that_of_the_same_files_anywhere(repository, tmp_path):
    measured, _ = digest_code(repository)
    write(
        tmp_path / "copy", train_dot_py="1", lib__a_dot_py="2", new_dot_py="3", _dot_gitignore="out/\n*.log\n"
    )
    assert measured.artifact == digest_path(tmp_path / "copy").artifact
    assert measured.manifest.digest == measured.artifact.sha256


def test_outputs_and_inputs_are_no_code(repository):
    real = repository.resolve()
    assert paths(repository, without=[real / "lib", real / "new.py"])[0] == [".gitignore", "train.py"]
    assert paths(repository, exclude=["lib", "*.py"])[0] == [".gitignore"]
    with pytest.raises(DigestError, match="no code in this folder"):
        digest_code(repository, without=[real])


def test_without_git_all_files_are_code(tmp_path):
    write(tmp_path / "plain", a_dot_py="1", sub__b="2", out__c="3")
    (tmp_path / "plain" / ".git").mkdir()
    write(tmp_path / "plain", _dot_git__x="4")
    root = tmp_path / "plain"
    assert paths(root, without=[root.resolve() / "out"], exclude=["*.none"]) == (["a.py", "sub/b"], False)


def test_where_git_refuses_all_files_are_code(repository, monkeypatch):
    monkeypatch.setattr(checkout, "_git", lambda *_: None)
    assert paths(repository)[1] is False
    assert "out/model" in paths(repository)[0]
    assert git_state(repository) is None


def test_in_a_folder_git_ignores_as_a_whole_all_files_are_code(repository):
    write(repository, out__project__step_dot_py="6")
    assert paths(repository / "out" / "project") == (["step.py"], False)
    assert git_state(repository / "out" / "project") is None
    git(repository, "add", "--force", "out/model")
    assert paths(repository / "out") == (["model"], True)
    assert git_state(repository / "out") is not None


def test_deleted_files_are_no_code(repository):
    (repository / "train.py").unlink()
    assert "train.py" not in paths(repository)[0]
    assert git_state(repository).dirty


def test_submodules_and_nested_repositories_are_code(repository, tmp_path):
    other = tmp_path / "other"
    write(other, m_dot_py="1", skip_dot_log="2")
    git(other, "init", "-q")
    git(other, "add", "m.py")
    git(other, "commit", "-q", "-m", "x")
    git(repository, "submodule", "add", "-q", str(other), "sub")
    shutil.copytree(other, repository / "nested")
    found, _ = paths(repository)
    assert {"sub/m.py", "nested/m.py", "nested/skip.log"} <= set(found)
    assert not any(".git/" in path for path in found)


def test_links_are_read_as_what_they_lead_to(repository, tmp_path):
    (repository / "link.py").symlink_to("train.py")
    (repository / "folder").symlink_to("lib")
    measured, _ = digest_code(repository)
    digests = {file.path: file.sha256 for file in measured.files}
    assert digests["link.py"] == digests["train.py"]
    assert "folder" not in digests  # its files are listed where they are
    (tmp_path / "elsewhere").write_text("x")
    (repository / "bad.py").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DigestError, match=r'"bad.py" \(a symbolic link that leaves the tree\)'):
        digest_code(repository)


def test_names_with_quotes_and_umlauts_are_read_as_they_are(repository):
    (repository / 'a "b" ü.py').write_text("1")
    assert 'a "b" ü.py' in paths(repository)[0]


@pytest.mark.skipif(os.name != "posix", reason="POSIX names are bytes")
def test_names_that_cannot_stand_in_a_manifest_are_refused(repository):
    (repository / os.fsdecode(b"\xff.py")).write_text("1")
    (repository / "a\nb.py").write_text("1")
    with pytest.raises(DigestError, match="2 paths cannot be digested"):
        digest_code(repository)


def test_changed_code_is_found_and_new_files_are_not_its_business(repository):
    measured, _ = digest_code(repository)
    assert changed_code(measured) == []
    write(repository, another_dot_py="x")
    assert changed_code(measured) == []
    write(repository, train_dot_py="changed")
    (repository / "new.py").unlink()
    assert changed_code(measured) == ["new.py", "train.py"]
    shutil.rmtree(repository)
    assert len(changed_code(measured)) == 4


def test_a_file_written_again_with_the_same_bytes_is_unchanged(repository):
    measured, _ = digest_code(repository)
    write(repository, train_dot_py="1")
    assert changed_code(measured) == []


def test_the_state_of_a_work_tree(repository):
    commit = git(repository, "rev-parse", "HEAD")
    state = git_state(repository / "lib")
    assert state.to_json() == {"commit": commit, "dirty": True}
    assert git_state(repository, [repository.resolve() / "new.py"]).dirty is False
    git(repository, "add", "new.py")
    assert git_state(repository).dirty
    git(repository, "commit", "-q", "-m", "second")
    git(repository, "remote", "add", "origin", "https://bob:hunter22@github.com/acme/x.git?a=b#c")
    assert git_state(repository).to_json() == {
        "commit": git(repository, "rev-parse", "HEAD"),
        "dirty": False,
        "remote": "https://github.com/acme/x.git",
    }


def test_outside_of_a_work_tree_there_is_no_state(tmp_path):
    assert git_state(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert git_state(tmp_path) is None  # no commit yet


def test_variables_of_a_hook_lead_nowhere_else(repository, tmp_path, monkeypatch):
    other = tmp_path / "other"
    write(other, x="1")
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert "train.py" in paths(repository)[0]


def test_git_runs_no_program_of_the_repository(repository, tmp_path):
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(hook))
    digest_code(repository)
    assert git_state(repository) is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/x.git", "https://github.com/acme/x.git"),
        ("https://user:pass@github.com:8443/acme/x", "https://github.com:8443/acme/x"),
        ("https://token@host/x?token=y#z", "https://host/x"),
        ("git@github.com:acme/x.git", "ssh://github.com/acme/x.git"),
        ("github.com:acme/x.git", "ssh://github.com/acme/x.git"),
        ("ssh://git@host:22/x", "ssh://host:22/x"),
        ("https://[::1]:3000/x", "https://[::1]:3000/x"),
        ("/home/alice/x.git", None),
        ("../x.git", None),
        ("file:///home/alice/x", None),
        ("C:\\Users\\alice", None),
        ("C:/Users/alice", None),
        ("https://host:port/x", None),
        ("ext::sh -c whoami", None),
        ("", None),
    ],
)
def test_remotes_are_shown_without_users_or_places_on_this_machine(url, expected):
    assert public_url(url) == expected


@given(st.text())
def test_any_remote_can_be_read(url):
    shown = public_url(url)
    assert shown is None or "@" not in shown.split("/")[2]
