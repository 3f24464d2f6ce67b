"""``attest digest``: lines that sha256sum reads, JSON, manifests, refusals, the progress line, Ctrl-C."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attest.cli import main

ABC = hashlib.sha256(b"abc").hexdigest()
MANIFEST = f"{ABC}  a\n{ABC}  d/b\n"
TREE = hashlib.sha256(MANIFEST.encode()).hexdigest()

needs_coreutils = pytest.mark.skipif(
    shutil.which("sha256sum") is None, reason="coreutils' sha256sum is not installed"
)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder to work in, with a model of two files."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model" / "d").mkdir(parents=True)
    (tmp_path / "model" / "a").write_bytes(b"abc")
    (tmp_path / "model" / "d" / "b").write_bytes(b"abc")
    (tmp_path / "file").write_bytes(b"abc")
    return tmp_path


@pytest.fixture
def attest(capsys):
    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["digest", *map(str, words)])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


def test_a_file_and_a_directory(attest):
    assert attest("file", "model") == (0, f"{ABC}  file\n{TREE}  model/\n", "")


def test_a_directory_however_it_is_called(attest, monkeypatch):
    assert attest("model/")[1] == f"{TREE}  model/\n"
    monkeypatch.chdir("model")
    assert attest(".")[1] == f"{TREE}  ./\n"


def test_json(attest):
    code, out, err = attest("file", "model", "--json", "--exclude", "d/")
    tree = hashlib.sha256(f"{ABC}  a\n".encode()).hexdigest()
    nothing = {"patterns": ["d/"], "files": 1}
    assert json.loads(out) == [
        {
            "path": "file",
            "kind": "file",
            "digest": f"sha256:{ABC}",
            "files": 1,
            "bytes": 3,
            "excluded": {"patterns": [], "files": 0},
            "remembered": 0,
        },
        {
            "path": "model",
            "kind": "tree",
            "digest": f"sha256:{tree}",
            "files": 1,
            "bytes": 3,
            "excluded": nothing,
            "remembered": 0,
        },
    ]
    assert (code, err) == (0, "")


@needs_coreutils
def test_coreutils_recheck_a_written_manifest(attest, folder):
    assert attest("model", "--manifest", "model.manifest") == (0, f"{TREE}  model/\n", "")
    assert Path("model.manifest").read_text() == MANIFEST
    check = ["sha256sum", "--check", "--strict", folder / "model.manifest"]
    done = subprocess.run(check, cwd="model", capture_output=True, text=True, check=True)
    assert done.stdout == "a: OK\nd/b: OK\n"
    done = subprocess.run(["sha256sum", "model.manifest"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{TREE}  model.manifest\n"


@needs_coreutils
def test_coreutils_recheck_printed_lines(attest, folder):
    names = [
        "plain",
        " spaced ",
        "back\\slash",
        "line\nfeed",
        "carriage\rreturn",
        "\u00fcml\u00e4ut",
        "a\\nb",
    ]
    for name in names:
        Path(name).write_text(name)
    code, out, _ = attest(*names)
    assert (code, len(out.splitlines())) == (0, len(names))
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "--status"], input=out.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@needs_coreutils
@pytest.mark.parametrize("name", ["\x1b[2Jx", "a\u202eb", "a\u200bb", "a\udcffb", "x\n\x1b[1A"])
def test_names_that_deceive_are_shown_harmless(attest, name):
    Path(name).write_bytes(b"abc")
    code, out, _ = attest(name)
    assert code == 0
    assert out.startswith(f"\\{ABC}  ")
    assert out.count("\n") == 1
    assert not set(out) & {"\x1b", "\u202e", "\u200b", "\udcff"}
    # sha256sum reads no other file by mistake
    done = subprocess.run(["sha256sum", "--check"], input=out.encode(), capture_output=True, check=False)
    assert done.returncode == 1
    assert b"no properly formatted" in done.stderr


def test_exclusions_are_said(attest):
    assert attest("model", "--exclude", "d")[2] == "attest: 1 file excluded\n"
    assert attest("model", "--exclude", "x", "--exclude", "y")[2] == "attest: 0 files excluded\n"


def test_links(attest):
    Path("model/link").symlink_to("a")
    code, out, err = attest("model")
    assert (code, out) == (4, "")
    assert 'model: 1 path cannot be digested: "link" (a symbolic link)\n' in err
    assert "--symlinks" in err
    with_link = hashlib.sha256(f"{MANIFEST}{ABC}  link\n".encode()).hexdigest()
    assert attest("model", "--symlinks") == (0, f"{with_link}  model/\n", "")


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_workers_change_nothing(attest, workers):
    assert attest("model", "--workers", workers)[1] == f"{TREE}  model/\n"


def test_all_offenders_are_named_harmlessly(attest, folder):
    for name in ["new\nline", "esc\x1b[31m", "bad\udcff", "back\\slash"]:
        (folder / "model" / name).write_bytes(b"")
    os.mkfifo("model/pipe")
    code, out, err = attest("model")
    assert (code, out) == (4, "")
    assert '4 paths cannot be digested: "back\\\\slash" (a backslash in the path), ' in err
    assert '"bad\\u{dcff}" (the path is not UTF-8)' in err
    assert '"new\\u{a}line" (a line feed in the path)' in err
    assert '"pipe" (a named pipe)' in err
    assert not set(err) & {"\x1b", "\udcff"}


def test_a_pipe_does_not_block(attest):
    os.mkfifo("pipe")
    code, _, err = attest("pipe")
    assert code == 4
    assert "pipe: a named pipe has no digest" in err


def test_an_empty_directory(attest):
    Path("empty").mkdir()
    code, out, err = attest("empty")
    assert (code, out) == (4, "")
    assert "no file to digest" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Missing argument 'PATH...'"),
        (["missing"], "'missing' does not exist"),
        (["model", "--workers", "0"], "0 is not in the range x>=1"),
        (["model", "--exclude", "/a"], "is no path relative to the directory"),
        (["file", "--manifest", "m"], "--manifest needs exactly one directory"),
        (["model", "file", "--manifest", "m"], "--manifest needs exactly one directory"),
        (["model", "model", "-o", "m"], "--manifest needs exactly one directory"),
        (["model", "-o", "model/m"], "the manifest would become a part of model"),
        (["model", "-o", "./model/../model/d/m"], "the manifest would become a part of model"),
    ],
)
def test_words_that_are_off(attest, words, message):
    code, out, err = attest(*words)
    assert (code, out) == (2, "")
    assert message in err
    assert not Path("m").exists()


def test_a_manifest_that_cannot_be_written(attest):
    code, out, err = attest("model", "-o", "missing/m")
    assert (code, out) == (4, "")
    assert "cannot be written" in err


def test_no_progress_without_a_terminal(attest):
    Path("large").touch()
    os.truncate("large", 64 << 20)
    assert attest("large")[2] == ""


class Terminal:
    """The command with standard error on a terminal."""

    def __init__(self, *words):
        self.end, other = pty.openpty()
        command = [sys.executable, "-m", "attest", "digest", *words]
        wide = {**os.environ, "COLUMNS": "200"}  # however narrow the one is that the tests run on
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=other, env=wide)
        os.close(other)

    def read_until(self, wanted):
        seen, end = b"", time.monotonic() + 60
        while wanted not in seen:
            left = max(0, end - time.monotonic())
            assert select.select([self.end], [], [], left)[0], f"waited in vain, after {seen!r}"
            assert left, f"it did not say {wanted!r}, and said {seen[-1000:]!r}"
            try:
                seen += os.read(self.end, 1 << 16)
            except OSError:  # the other end is closed
                break
        return seen

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        os.close(self.end)


@pytest.mark.parametrize("shape", ["one", "many"])
def test_progress_on_a_terminal_and_interruption(folder, shape):
    (folder / "large").mkdir()
    for number in range(1 if shape == "one" else 5):
        (folder / "large" / f"{number}").touch()
        os.truncate(folder / "large" / f"{number}", 1 << 40)  # hours of reading, no byte on the disk
    command = Terminal(str(folder / "large"))
    try:
        assert b"left" in command.read_until(b"left")
        began = time.monotonic()
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(60) == 130
        assert time.monotonic() - began < 30
        said = command.read_until(b"interrupted")
        assert said.endswith((b"interrupted", b"interrupted\r\n"))
        assert b"Traceback" not in said
        assert command.process.stdout.read() == b""
    finally:
        command.close()


# --- what a project remembers ------------------------------------------------------------------------------


@pytest.fixture
def project(folder, monkeypatch):
    """A project with a file that is worth remembering, written a while ago."""

    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 20_000_000)
    (folder / "attest.yaml").write_text("")
    (folder / "model" / "large").write_bytes(bytes(1 << 20))
    time.sleep(0.05)
    return folder


def remembered(attest, *words):
    code, out, err = attest("--json", *words, "model")
    assert (code, err) == (0, "")
    (answer,) = json.loads(out)
    return answer["remembered"], answer["digest"]


def test_a_project_remembers_digests(project, attest):
    first, digest = remembered(attest)
    assert first == 0
    assert remembered(attest) == (3, digest)
    assert remembered(attest, "--no-cache") == (0, digest)
    assert remembered(attest, "--verify-cache") == (0, digest)
    assert remembered(attest, "--workers", "1") == (3, digest)


def test_outside_a_project_nothing_is_remembered(folder, attest):
    (folder / "model" / "large").write_bytes(bytes(1 << 20))
    assert [remembered(attest)[0] for _ in range(2)] == [0, 0]
    code, out, err = attest("--verify-cache", "model")
    assert (code, out) == (2, "")
    assert "no attest.yaml here or above: nothing is remembered" in err


def test_nothing_is_remembered_where_nothing_may_be_written(project, attest):
    assert [remembered(attest, "--no-cache")[0] for _ in range(2)] == [0, 0]
    assert not (project / ".attest").exists()
    code, _, err = attest("--no-cache", "--verify-cache", "model")
    assert code == 2
    assert "contradict each other" in err


def test_a_wrong_memory_is_found(project, attest):
    from attest.digest_table import Table, read_table, tables, write_table

    digest = remembered(attest)[1]
    ((path, _),) = tables(project / ".attest" / "digests")
    write_table(path, Table(read_table(path).keys, b"?" * 96))
    code, out, err = attest("--verify-cache", "model")
    assert (code, out) == (4, "")
    assert "3 files have other bytes than are remembered" in err
    assert '"a", "d/b", "large"' in err
    assert remembered(attest) == (0, digest)


def test_a_damaged_memory_is_a_warning(project, attest):
    from attest.digest_table import tables

    _, digest = remembered(attest)
    ((path, _),) = tables(project / ".attest" / "digests")
    path.write_bytes(b"")
    code, out, err = attest("model")
    assert (code, out) == (0, f"{digest.removeprefix('sha256:')}  model/\n")
    assert f"attest: warning: {path}: is damaged, or of another version: it is ignored" in err
    assert remembered(attest)[0] == 3
