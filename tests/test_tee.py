"""Digests taken while a file is written: the right one or none, and never an error of the writer's."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import attest.follower
import attest.scan
import attest.tee
from attest.errors import DigestError, UsageError
from attest.follower import Follower
from attest.manifest import digest_path
from attest.scan import scan_file
from attest.written import Written

MIB = 1 << 20


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def known(written, path):
    """The digest that is there without reading the file, or ``None``."""
    file = written.known(scan_file(path).found[0])
    return file.sha256 if file else None


@pytest.fixture
def written():
    return Written()


# ── the digest is there ──


@pytest.mark.parametrize("size", [0, 1, 100, MIB - 1, MIB, MIB + 1, 5 * MIB + 7, 40 * MIB])
def test_the_digest_is_there_when_the_file_is_closed(tmp_path, written, size):
    path, data = tmp_path / "w", os.urandom(size)
    with written.open(path) as file:
        assert file.write(data) == size
    assert known(written, path) == hashlib.sha256(data).hexdigest()
    assert path.read_bytes() == data


@pytest.mark.parametrize("atomic", [False, True])
@pytest.mark.parametrize("fsync", [False, True])
def test_many_small_writes_and_large_ones(tmp_path, written, atomic, fsync):
    path = tmp_path / "w"
    with written.open(path, atomic=atomic, fsync=fsync) as file:
        for number in range(3000):
            file.write(b"%d," % number)
        file.write(memoryview(bytearray(3 * MIB)))
        file.flush()
        file.write(b"end")
        assert file.tell() == Path(file._temporary or path).stat().st_size + 3
    assert known(written, path) == sha256(path)
    assert [each.name for each in tmp_path.iterdir()] == ["w"]


def test_a_buffer_that_is_used_again(tmp_path, written):
    """What is hashed is what the file holds, not what the writer's memory holds by then."""
    path, buffer = tmp_path / "w", bytearray(4 * MIB)
    with written.open(path) as file:
        for number in range(8):
            buffer[:] = bytes([number]) * len(buffer)
            file.write(buffer)
        buffer[:] = b"x" * len(buffer)
    assert known(written, path) == sha256(path)


def test_a_tree_of_which_only_the_rest_is_read(tmp_path, written, reads):
    (tmp_path / "config.json").write_text("{}")
    for name in ("a", "b"):
        with written.open(tmp_path / name) as file:
            file.write(os.urandom(2 * MIB))
    measured = written.measure(tmp_path)
    assert reads == ["config.json"]
    assert measured.manifest == digest_path(tmp_path).manifest
    assert measured.size == 4 * MIB + 2


def test_a_single_file_is_not_read(tmp_path, written, reads):
    with written.open(tmp_path / "a") as file:
        file.write(b"a")
    assert written.measure(tmp_path / "a").sha256 == hashlib.sha256(b"a").hexdigest()
    assert reads == []


def test_what_was_read_and_has_not_changed_is_not_read_again(tmp_path, written, reads):
    old = time.time_ns() - 3_600_000_000_000
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(old, old))
    first = written.measure(tmp_path)
    reads.clear()
    # the times above are set just now, so that the last of them is too young to be trusted
    assert written.measure(tmp_path).manifest == first.manifest
    assert reads == ["a", "b"]
    reads.clear()
    written.remember(file._replace(read_ns=file.ctime_ns + 3_000_000_000) for file in first.files)
    assert written.measure(tmp_path).manifest == first.manifest
    assert reads == []
    (tmp_path / "b").write_text("B")
    assert written.measure(tmp_path).manifest == digest_path(tmp_path).manifest != first.manifest


def test_appending_pays_for_new_bytes_only(tmp_path, written, monkeypatch):
    path = tmp_path / "log"
    hashed = []
    follow = Follower._follow

    def following(self, file):
        before = self._done
        follow(self, file)
        hashed.append(self._done - before)

    monkeypatch.setattr(Follower, "_follow", following)
    for size in (3 * MIB, 10, 2 * MIB):
        with written.open(path, "ab") as file:
            file.write(os.urandom(size))
        assert known(written, path) == sha256(path)
    assert hashed == [3 * MIB, 10, 2 * MIB]


def test_appending_to_what_was_there_before(tmp_path, written):
    path = tmp_path / "log"
    path.write_bytes(os.urandom(2 * MIB))
    with written.open(path, "ab") as file:
        file.write(b"more")
    assert known(written, path) == sha256(path)
    with path.open("r+b") as other:
        other.write(b"changed")
    with written.open(path, "ab") as file:
        file.write(b"and more")
    assert known(written, path) == sha256(path)


def test_many_writers_at_once(tmp_path, written):
    def write(number):
        with written.open(tmp_path / str(number)) as file:
            for _ in range(20):
                file.write(bytes([number]) * (MIB // 4))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        assert known(written, tmp_path / str(number)) == sha256(tmp_path / str(number))


# ── it is not there, and never wrong ──


def overwrite(path):
    with path.open("r+b") as file:
        file.write(b"X")


def replace(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(b"Y" * len(data))


def rename_over(path):
    other = path.with_name("other")
    other.write_bytes(b"Z" * path.stat().st_size)
    other.replace(path)


def append(path, data=b"more"):
    with path.open("ab") as file:
        file.write(data)


def shorten(path):
    os.truncate(path, 5)


def overwrite_and_set_the_time_back(path):
    found = path.stat()
    overwrite(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


CHANGES = [overwrite, replace, rename_over, append, shorten, overwrite_and_set_the_time_back]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("times", range(5))
def test_changed_right_after_it_was_closed(tmp_path, written, change, times):
    """Within one tick of the clock of file times, too."""
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(os.urandom(1000))
    change(path)
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


@pytest.mark.parametrize("change", CHANGES)
def test_changed_while_it_is_open(tmp_path, written, change):
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(os.urandom(MIB))
        file.flush()
        time.sleep(0.02)
        change(path)
        file.write(os.urandom(MIB))
    assert known(written, path) in {None, sha256(path)}
    assert written.measure(path).sha256 == sha256(path)


def test_the_time_stamp_alone_finds_a_write_in_the_same_tick(tmp_path, written):
    """Where the last of the times is the same too, because the clock has not moved on."""
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"x" * 1000)
    status = scan_file(path).found[0].status
    taken = written._taken(status)
    assert taken is not None
    path.write_bytes(b"y" * 1000)
    device, inode, size, mtime_ns, _ = scan_file(path).found[0].status
    assert written._taken((device, inode, size, mtime_ns, taken.status[4])) is None


def test_gone(tmp_path, written):
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"x")
    path.unlink()
    with pytest.raises(DigestError):
        written.measure(path)


def test_gone_while_it_is_open(tmp_path, written):
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"x")
        path.unlink()
    assert not path.exists()
    with pytest.raises(DigestError):
        written.measure(path)


def test_going_back_and_writing_there(tmp_path, written):
    """As writers of zip files and of headers do."""
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"head....")
        file.write(os.urandom(3 * MIB))
        file.seek(4)
        file.write(b"late")
        file.seek(0, os.SEEK_END)
        file.write(os.urandom(3 * MIB))
    assert path.read_bytes()[:8] == b"headlate"
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


def test_going_back_and_forth_without_writing(tmp_path, written):
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"x" * MIB)
        file.seek(0)
        file.seek(0, os.SEEK_END)
        file.write(b"y")
    assert known(written, path) == sha256(path)


def test_writing_through_the_descriptor(tmp_path, written):
    path = tmp_path / "w"
    with written.open(path) as file:
        file.write(b"x" * MIB)
        file.flush()
        os.write(file.fileno(), b"behind its back")
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


def test_two_writers_of_one_path(tmp_path, written):
    path = tmp_path / "w"
    one, two = written.open(path), written.open(path)
    one.write(b"1" * MIB)
    two.write(b"2" * MIB)
    one.close()
    assert known(written, path) in {None, sha256(path)}
    two.close()
    assert known(written, path) in {None, sha256(path)}
    assert written.measure(path).sha256 == sha256(path)


def test_two_atomic_writers_of_one_path(tmp_path, written):
    path = tmp_path / "w"
    one, two = written.open(path, atomic=True), written.open(path, atomic=True)
    one.write(b"1" * MIB)
    two.write(b"2" * MIB)
    two.close()
    one.close()
    assert known(written, path) == sha256(path) == hashlib.sha256(b"1" * MIB).hexdigest()


_WRITES = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 3 * MIB)),
    st.tuples(st.just("small"), st.integers(0, 300)),
    st.tuples(st.sampled_from(["flush", "end"])),
    st.tuples(st.sampled_from(["seek", "truncate"]), st.integers(0, MIB)),
    st.tuples(st.sampled_from(["behind", "other"]), st.integers(1, 300)),
)


def do(file, what, data):
    """One step of a writer, on a file of either kind."""
    if what in {"write", "small"}:
        file.write(data)
    elif what == "seek":
        file.seek(len(data))
    elif what == "truncate":
        file.truncate(len(data))
    elif what == "end":
        file.seek(0, os.SEEK_END)
    elif what == "behind":
        file.flush()
        os.write(file.fileno(), data)
        file.seek(0, os.SEEK_CUR)
    else:
        file.flush()


@settings(max_examples=60, deadline=None)
@given(writes=st.lists(_WRITES, max_size=12), atomic=st.booleans())
def test_whatever_the_writer_does_the_digest_is_right_or_not_there(tmp_path_factory, writes, atomic):
    folder, written = tmp_path_factory.mktemp("f"), Written()
    path, like = folder / "w", folder / "like"
    with written.open(path, atomic=atomic) as file, like.open("wb") as plain:
        for number, (what, *size) in enumerate(writes):
            data = bytes([number]) * sum(size)
            do(file, what, data)
            do(plain, what, data)
            if what == "other":
                for each in (Path(file._temporary or path), like):
                    append(each, data)
    assert path.read_bytes() == like.read_bytes()
    assert known(written, path) in {None, sha256(path)}
    # in order and alone is what writers do as a rule: then it must be there
    if all(what in {"write", "small", "flush", "end"} for what, *_ in writes):
        assert known(written, path) == sha256(path)


# ── what goes wrong is not the writer's ──


def test_a_disk_that_is_full(tmp_path, written):
    """The error is the one ``open`` gives, and nothing is said of the file."""
    path, plain = tmp_path / "w", tmp_path / "plain"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 * MIB, before[1]))
    try:
        said = []
        for opened in (written.open(path), plain.open("wb")):
            with pytest.raises(OSError) as raised, opened as file:  # noqa: PT012 - one block
                for _ in range(5):
                    file.write(b"x" * MIB)
            said.append((raised.value.errno, raised.type))
        assert said[0] == said[1]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert known(written, path) is None


def test_an_atomic_file_on_a_disk_that_is_full(tmp_path, written):
    path = tmp_path / "w"
    path.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"), written.open(path, atomic=True) as file:
            file.write(b"x" * 2000)  # stays in the buffer until it is closed
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [each.name for each in tmp_path.iterdir()] == ["w"]
    assert path.read_text() == "before"


def test_the_error_of_the_block_goes_on(tmp_path, written):
    def half(path, **options):
        with written.open(path, **options) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        half(tmp_path / "w", atomic=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError):
        half(tmp_path / "v")
    assert (tmp_path / "v").read_bytes() == b"half"
    assert known(written, tmp_path / "v") in {None, sha256(tmp_path / "v")}


def test_the_thread_dies(tmp_path, written, monkeypatch):
    def dying(self, _):
        raise MemoryError

    monkeypatch.setattr(Follower, "_follow", dying)
    path = tmp_path / "w"
    with written.open(path) as file:
        for _ in range(5):
            file.write(os.urandom(MIB))
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


def test_no_thread_can_be_started(tmp_path, written, monkeypatch):
    def starting(self):
        raise RuntimeError("can't start new thread")

    path = tmp_path / "w"
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", starting)
        with written.open(path) as file:
            file.write(os.urandom(5 * MIB))
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


@pytest.mark.parametrize("fails", ["fstat", "utime"])
def test_the_system_does_not_say(tmp_path, written, monkeypatch, fails):
    def failing(*_, **__):
        raise PermissionError(1, "not permitted")

    path = tmp_path / "w"
    with monkeypatch.context() as patch:
        file = written.open(path)
        patch.setattr(attest.tee.os, fails, failing)
        with file:
            file.write(os.urandom(2 * MIB))
    assert known(written, path) is None
    assert written.measure(path).sha256 == sha256(path)


def test_a_file_system_whose_times_are_coarse(tmp_path, written, monkeypatch):
    really = os.utime
    path = tmp_path / "w"

    def coarse(handle, ns):
        really(handle, ns=tuple(each // 2_000_000_000 * 2_000_000_000 for each in ns))

    with monkeypatch.context() as patch:
        file = written.open(path)
        patch.setattr(attest.tee.os, "utime", coarse)
        patch.setattr(attest.tee.os, "supports_fd", {coarse})
        with file:
            file.write(b"x")
    assert known(written, path) is None


def test_the_writer_never_waits(tmp_path, written, monkeypatch):
    """The thread hashes nothing at all until the writer is through."""
    through = threading.Event()
    follow = Follower._follow

    def waiting(self, file):
        assert through.wait(60)
        follow(self, file)

    monkeypatch.setattr(Follower, "_follow", waiting)
    path = tmp_path / "w"
    with written.open(path) as file:
        for _ in range(64):
            file.write(os.urandom(MIB))
    through.set()
    assert known(written, path) == sha256(path)


def test_a_fork_in_between(tmp_path, written):
    """As the workers of a data loader are: neither end of it waits, and only one file is there."""
    path = tmp_path / "w"
    file = written.open(path, atomic=True)
    file.write(os.urandom(3 * MIB))
    file.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads is what is tried here
        child = os.fork()
    if child == 0:
        try:
            file.__exit__(KeyError, None, None)
            written.measure(tmp_path)
            with written.open(tmp_path / "child") as mine:
                mine.write(b"x" * 3 * MIB)
            os._exit(0 if known(written, tmp_path / "child") == sha256(tmp_path / "child") else 2)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    file.write(os.urandom(3 * MIB))
    file.close()
    assert known(written, path) == sha256(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["child", "w"]


def test_a_fork_that_writes_to_it(tmp_path, written):
    path = tmp_path / "w"
    file = written.open(path)
    file.write(b"x" * 3 * MIB)
    file.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            file.write(b"child")
            file.flush()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    file.write(b"parent")
    file.close()
    assert known(written, path) in {None, sha256(path)}
    assert path.read_bytes().endswith(b"childparent")


# ── as a file ──


def test_what_cannot_be_opened(tmp_path, written):
    with pytest.raises(FileNotFoundError):
        written.open(tmp_path / "none" / "w")
    with pytest.raises(IsADirectoryError):
        written.open(tmp_path)
    (tmp_path / "w").touch()
    with pytest.raises(FileExistsError):
        written.open(tmp_path / "w", "xb")
    for mode in ("w", "rb", "r+b", "w+b", ""):
        with pytest.raises(UsageError, match="unknown mode"):
            written.open(tmp_path / "w", mode)
    for mode in ("ab", "xb"):
        with pytest.raises(UsageError, match="atomic"):
            written.open(tmp_path / "w", mode, atomic=True)


def test_a_file_like_others(tmp_path, written):
    path = tmp_path / "w"
    with written.open(str(path)) as file:
        assert (file.name, file.mode, file.closed) == (str(path), "wb", False)
        assert (file.readable(), file.writable(), file.seekable(), file.isatty()) == (
            False,
            True,
            True,
            False,
        )
        assert not isinstance(file, (io.BufferedWriter, io.FileIO))  # numpy would write past them
        file.writelines([b"a", b"b"])
        with pytest.raises(io.UnsupportedOperation):
            file.read()
        with pytest.raises(TypeError):
            file.write("text")
    file.close()
    assert file.closed
    with pytest.raises(ValueError, match="closed"):
        file.write(b"x")
    with pytest.raises(ValueError, match="closed"), file:
        file.flush()
    assert path.read_bytes() == b"ab"


def test_a_device_and_a_pipe(tmp_path, written):
    with written.open("/dev/null", atomic=True) as file:
        file.write(b"x" * MIB)
    with pytest.raises(OSError, match="No space"), written.open("/dev/full") as file:
        file.write(b"x" * MIB)
    os.mkfifo(tmp_path / "pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    with written.open(tmp_path / "pipe") as file:
        file.write(b"through")
    reader.join()
    assert got == [b"through"]


def test_the_permissions_of_what_it_replaces(tmp_path, written):
    path = tmp_path / "w"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with written.open(path, atomic=True) as file:
        file.write(b"new")
    assert path.stat().st_mode & 0o777 == 0o640


def test_one_that_nobody_closes(tmp_path, written):
    file = written.open(tmp_path / "w")
    file.write(b"x")
    assert written.still_open() == [str(tmp_path / "w")]
    del file
    assert written.still_open() == []
    assert (tmp_path / "w").read_bytes() == b"x"
    file = written.open(tmp_path / "v", atomic=True)
    file.write(b"x")
    del file
    assert sorted(each.name for each in tmp_path.iterdir()) == ["w"]


def test_a_changed_working_directory(tmp_path, written, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    with written.open("w", atomic=True) as file:
        file.write(b"x")
        monkeypatch.chdir(tmp_path / "there")
    assert known(written, tmp_path / "w") == sha256(tmp_path / "w")


def test_the_end_of_the_program_does_not_hang(tmp_path):
    code = (
        "from attest.written import Written\n"
        f"file = Written().open({str(tmp_path / 'w')!r})\n"
        f"file.write(bytes({50 * MIB}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "w").stat().st_size == 50 * MIB


def test_numpy_writes_through_it(tmp_path, written):
    numpy = pytest.importorskip("numpy")
    path = tmp_path / "w.npy"
    with written.open(path) as file:
        numpy.save(file, numpy.arange(1_000_000))
    assert known(written, path) == sha256(path)
    assert numpy.load(path)[-1] == 999_999
    with written.open(path) as file:
        numpy.savez(file, a=numpy.arange(1_000_000))
    assert known(written, path) in {None, sha256(path)}


def test_torch_writes_through_it(tmp_path, written):
    torch = pytest.importorskip("torch")
    path = tmp_path / "w.pt"
    with written.open(path) as file:
        torch.save({"w": torch.zeros(1_000_000), "b": [1, 2]}, file)
    assert known(written, path) == sha256(path)
    assert torch.load(path)["b"] == [1, 2]
    with written.open(path) as file:
        torch.save({"w": torch.zeros(1_000_000)}, file, _use_new_zipfile_serialization=False)
    assert known(written, path) in {None, sha256(path)}
    assert torch.load(path)["w"].shape == (1_000_000,)


def test_the_memory_it_takes_is_bounded(tmp_path):
    """However far the thread falls behind."""
    code = (
        "import resource\n"
        "from attest.written import Written\n"
        "data, written = bytes(64 << 20), Written()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"with written.open({str(tmp_path / 'w')!r}) as file:\n"
        "    for _ in range(8):\n"
        "        file.write(data)\n"
        f"written.measure(__import__('pathlib').Path({str(tmp_path / 'w')!r}))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16 << 10  # KiB


# ── files that other software has written ──


def test_hashed_in_the_background_after_it_was_written(tmp_path, written, reads):
    path = tmp_path / "w"
    path.write_bytes(os.urandom(5 * MIB))
    written.wrote(path)
    assert written.measure(path).sha256 == sha256(path)
    assert reads == []
    written.wrote(path)
    overwrite(path)
    assert known(written, path) is None


@pytest.mark.parametrize("path", ["none", ".", "/dev/null"])
def test_what_is_no_file_is_left_alone(tmp_path, written, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    written.wrote(path)
    assert written._followers == {}


def test_a_digest_that_is_taken_over_holds_for_that_status_only(tmp_path, written):
    path = tmp_path / "w"
    path.write_bytes(b"x")
    written.adopt(scan_file(path).found[0], "ab" * 32)
    assert known(written, path) == "ab" * 32
    assert not written.known(scan_file(path).found[0]).still(scan_file(path).found[0].status)
    overwrite(path)
    assert known(written, path) is None
