"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from attest import files
from attest.errors import AttestError, UsageError
from attest.files import place_file, write_file

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")


def only(folder):
    return [each.name for each in folder.iterdir()]


def test_chunks_become_a_file(tmp_path):
    write_file(tmp_path / "a", [b"one", b"", b"two"])
    assert (tmp_path / "a").read_bytes() == b"onetwo"
    assert only(tmp_path) == ["a"]


def test_a_file_is_replaced(tmp_path):
    (tmp_path / "a").write_bytes(b"old and longer")
    write_file(tmp_path / "a", [b"new"])
    assert (tmp_path / "a").read_bytes() == b"new"
    assert only(tmp_path) == ["a"]


@pytest.mark.parametrize("overwrite", [True, False])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, AttestError])
def test_a_source_that_fails_changes_nothing(tmp_path, overwrite, error):
    def source():
        yield b"half"
        raise error("the source broke")

    if overwrite:
        (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(error, match="the source broke"):
        write_file(tmp_path / "a", source(), overwrite=overwrite)
    assert only(tmp_path) == (["a"] if overwrite else [])
    assert not overwrite or (tmp_path / "a").read_bytes() == b"old"


def test_a_full_disk_changes_nothing(tmp_path):
    def source():
        yield b"half"
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(AttestError, match="a: cannot be written: No space left on device") as caught:
        write_file(tmp_path / "a", source())
    assert caught.value.hint == "what was there is unchanged"
    assert (tmp_path / "a").read_bytes() == b"old"
    assert only(tmp_path) == ["a"]


def test_nothing_is_overwritten_unless_it_may_be(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(UsageError, match="a: exists already and is not overwritten"):
        write_file(tmp_path / "a", [b"new"], overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert only(tmp_path) == ["a"]


@posix
def test_a_dangling_link_is_something_too(tmp_path):
    (tmp_path / "a").symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists already"):
        write_file(tmp_path / "a", [b"new"], overwrite=False)
    assert only(tmp_path) == ["a"]


@pytest.mark.parametrize("there", [True, False])
def test_a_file_system_without_links_will_do(tmp_path, monkeypatch, there):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    if there:
        (tmp_path / "a").write_bytes(b"old")
        with pytest.raises(UsageError, match="exists already"):
            write_file(tmp_path / "a", [b"new"], overwrite=False)
    else:
        write_file(tmp_path / "a", [b"new"], overwrite=False)
    assert (tmp_path / "a").read_bytes() == (b"old" if there else b"new")
    assert only(tmp_path) == ["a"]


@posix
def test_a_new_file_follows_the_umask_and_an_old_one_keeps_its_mode(tmp_path):
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "new", [b""])
        (tmp_path / "old").touch()
        (tmp_path / "old").chmod(0o600)
        write_file(tmp_path / "old", [b"content"])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


@posix
def test_a_link_to_a_file_is_replaced_and_its_target_left_alone(tmp_path):
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", [b"new"])
    assert (tmp_path / "target").read_bytes() == b"precious"
    assert (tmp_path / "link").read_bytes() == b"new"
    assert not (tmp_path / "link").is_symlink()


@posix
def test_pipes_and_devices_are_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("pipe")
    for path in (pipe, tmp_path / "link"):
        got = []
        reader = threading.Thread(target=lambda got=got: got.append(pipe.read_bytes()))
        reader.start()
        write_file(path, [b"through ", b"the pipe"])
        reader.join(10)
        assert got == [b"through the pipe"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_file(Path(os.devnull), [b"x"])
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.parametrize(("name", "reason"), [("no/where", "No such file"), ("", "Is a directory")])
def test_a_place_that_cannot_be_written_is_named(tmp_path, name, reason):
    with pytest.raises(AttestError, match=f"cannot be written: {reason}") as caught:
        write_file(tmp_path / name, [b"x"])
    assert caught.value.where == str(tmp_path / name)


@posix
def test_a_long_name_will_do(tmp_path):
    write_file(tmp_path / ("ß" * 127), [b"x"])
    assert only(tmp_path) == ["ß" * 127]


def test_the_bytes_are_on_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(files.os, "fsync", lambda handle: (calls.append("sync"), sync(handle)))
    monkeypatch.setattr(Path, "replace", lambda *paths: (calls.append("name"), replace(*paths)))
    write_file(tmp_path / "a", [b"x"])
    assert calls == ["sync", "name", "sync"]


def test_a_finished_file_takes_a_name(tmp_path):
    made, path = tmp_path / "made", tmp_path / "name"
    made.write_bytes(b"new")
    place_file(made, path, private=True)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), only(tmp_path)) == (b"new", 0o600, ["name"])
    path.chmod(0o644)
    made.write_bytes(b"newer")
    place_file(made, path, private=True)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"newer", 0o644)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_finished_file_goes_through_a_pipe(tmp_path):
    made, pipe = tmp_path / "made", tmp_path / "pipe"
    made.write_bytes(b"all of it")
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    place_file(made, pipe)
    reader.join()
    assert (read, only(tmp_path)) == ([b"all of it"], ["pipe"])


def test_a_finished_file_that_cannot_take_its_name_is_an_error(tmp_path):
    made = tmp_path / "made"
    made.write_bytes(b"new")
    with pytest.raises(AttestError, match="cannot be written") as raised:
        place_file(made, tmp_path / "none" / "name")
    assert raised.value.where == str(tmp_path / "none" / "name")
