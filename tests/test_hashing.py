"""The engine: right digests in whatever order, and never a digest of bytes that changed meanwhile."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import pickle
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attest import batch as batch_module
from attest import hashing, reading
from attest import scan as scan_module
from attest.errors import DigestError
from attest.hashing import (
    Batch,
    Serial,
    Step,
    Threads,
    batches,
    changed,
    hash_file,
    hash_scan,
    hash_tree,
    read_batch,
)
from attest.scan import Found, Offender, Root, Scan, scan_tree

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
CHANGED = "changed while it was read"
SIZES = [0, 1, reading.SMALL - 1, reading.SMALL, reading.BUFFER, reading.BUFFER + 1, 3 * reading.BUFFER]


class Watch:
    """Records progress; calls ``on`` at the given step."""

    def __init__(self, on=None, at=1):
        self.calls = []
        self.files = self.size = self.steps = 0
        self.on, self.at = on, at

    def start(self, files, size):
        self.calls.append(("start", files, size))

    def advance(self, files, size):
        self.files += files
        self.size += size
        self.steps += 1
        if self.on and self.steps == self.at:
            self.on()

    def finish(self):
        self.calls.append(("finish", self.files, self.size))


class Backwards:
    """An executor that ends batches in the opposite order."""

    def run(self, work):
        for batch in reversed(work):
            yield from read_batch(batch)


def settled(digests):
    """Digests as if taken long after the files were written."""
    return [digest._replace(read_ns=digest.read_ns + 10 * hashing.SETTLED_NS) for digest in digests]


@pytest.fixture
def small_steps(monkeypatch):
    """Make engine steps small, so that a test can interfere in the middle of a small file."""
    monkeypatch.setattr(reading, "STEP", 1)
    monkeypatch.setattr(reading, "BUFFER", 4096)
    monkeypatch.setattr(reading, "SMALL", 4096)


def tree(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


# --- right digests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
def test_a_file_of_any_size(tmp_path, size):
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "f").write_bytes(data[:size])
    digest = hash_file(tmp_path / "f")
    assert digest.sha256 == hashlib.sha256(data[:size]).hexdigest()
    status = (tmp_path / "f").stat()
    assert digest[:7] == (
        "f",
        digest.sha256,
        size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )
    assert abs(digest.read_ns - time.time_ns()) < 60 * 10**9


def test_a_file_through_a_link_has_the_links_name(tmp_path):
    (tmp_path / "real").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("real")
    digest = hash_file(tmp_path / "link")
    assert (digest.path, digest.sha256) == ("link", ABC)


def test_a_link_in_a_tree_has_the_bytes_it_leads_to(tmp_path):
    tree(tmp_path, {"blobs/x": b"abc"})
    (tmp_path / "model").symlink_to("blobs/x")
    assert [(each.path, each.sha256) for each in hash_tree(tmp_path, symlinks=True)] == [
        ("blobs/x", ABC),
        ("model", ABC),
    ]


part = st.text("ab.-_ é\u0301\uff21\U0001f600\x1b~", min_size=1, max_size=4).filter(
    lambda name: name not in {".", ".."}
)
trees = st.dictionaries(
    st.lists(part, min_size=1, max_size=3).map("/".join),
    st.sampled_from([b"", b"abc", b"\0" * 20_000, b"x" * (reading.SMALL + 7)]),
    min_size=1,
    max_size=12,
)


def possible(files):
    """Leave out files that are directories of others, and the one name that is refused."""
    directories = {name.rsplit("/", cut)[0] for name in files for cut in range(1, name.count("/") + 1)}
    return {name: data for name, data in files.items() if name not in directories and name != "-"}


@given(trees, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_neither_creation_order_nor_workers_nor_executors_matter(files, random):
    files = possible(files)
    expected = [(name, hashlib.sha256(files[name]).hexdigest()) for name in sorted(files, key=str.encode)]
    for runs in [{"workers": 1}, {"workers": 2}, {"workers": 9}, {}, {"executor": Backwards()}]:
        shuffled = list(files.items())
        random.shuffle(shuffled)
        with tempfile.TemporaryDirectory() as folder:
            tree(Path(folder), dict(shuffled))
            if files:
                assert [(each.path, each.sha256) for each in hash_tree(Path(folder), **runs)] == expected
            else:
                with pytest.raises(DigestError, match="no file to digest"):
                    hash_tree(Path(folder), **runs)


def test_ten_thousand_files(tmp_path):
    for folder in range(10):
        (tmp_path / f"{folder}").mkdir()
        for number in range(1000):
            (tmp_path / f"{folder}" / f"{number}").write_bytes(b"%d" % number)
    digests = hash_tree(tmp_path)
    assert len(digests) == 10_000
    assert digests == sorted(digests, key=lambda each: each.path.encode())
    assert {each.sha256 for each in digests} == {hashlib.sha256(b"%d" % n).hexdigest() for n in range(1000)}


def test_two_thousand_levels(tmp_path):
    parent = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d", dir_fd=parent)
        child = os.open("d", os.O_RDONLY, dir_fd=parent)
        os.close(parent)
        parent = child
    with os.fdopen(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=parent), "wb") as file:
        file.write(b"abc")
    os.close(parent)
    try:
        assert [(each.path, each.sha256) for each in hash_tree(tmp_path)] == [("d/" * 2000 + "f", ABC)]
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree recurses


def test_without_descriptors_of_directories(tmp_path, monkeypatch):
    tree(tmp_path, {"a": b"abc", "d/b": b"abc", "d/big": b"x" * reading.SMALL})
    expected = [each[:7] for each in hash_tree(tmp_path)]
    for module in (reading, scan_module):
        monkeypatch.setattr(module, "DIR_FD", False)
    assert [each[:7] for each in hash_tree(tmp_path)] == expected
    assert hash_file(tmp_path / "a").sha256 == ABC


# --- batches and executors ---------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([0, 1, 5000, batch_module.TINY, 10**6, 10**7, 10**8, 10**10]), max_size=600))
def test_batches_hold_every_file_once_within_bounds(sizes):
    found = [Found(f"{number}", "", size, (0, 0, size, 0, 0)) for number, size in enumerate(sizes)]
    grouped = batches(Scan("root", found, [], 0, []))
    assert sorted(each for batch in grouped for each in batch.files) == sorted(found)
    for batch in grouped:
        assert batch.files
        assert len(batch.files) <= batch_module.BATCH_FILES
        assert sum(each.size for each in batch.files[:-1]) < batch_module.BATCH_BYTES
        assert len({each.size < batch_module.TINY for each in batch.files}) == 1
    large = [batch.files[0].size for batch in grouped if batch.files[0].size >= batch_module.BATCH_BYTES]
    assert large == sorted(large, reverse=True)
    assert [batch.files[0].size for batch in grouped[: len(large)]] == large


def in_process(batch):
    return list(read_batch(batch))


class Processes:
    def run(self, work):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            for steps in pool.map(in_process, work):
                yield from steps


def test_batches_can_travel_to_another_process(tmp_path):
    tree(tmp_path, {"a": b"abc", "d/b": b"x" * 100_000})
    batch = batches(scan_tree(tmp_path))
    assert pickle.loads(pickle.dumps(batch)) == batch  # noqa: S301
    assert [each[:7] for each in hash_tree(tmp_path, executor=Processes())] == [
        each[:7] for each in hash_tree(tmp_path)
    ]


class Forgetful:
    def run(self, work):
        for step in Serial().run(work):
            yield Step(step.size, step.outcomes[1:])


class Repeating:
    def run(self, work):
        yield from Serial().run([*work, work[0]])


@pytest.mark.parametrize(
    ("executor", "got"), [(Forgetful(), "none for 1"), (Repeating(), "more than one for 2")]
)
def test_an_executor_that_answers_wrongly_is_found_out(tmp_path, executor, got):
    tree(tmp_path, {"a": b"", "b": b""})
    with pytest.raises(DigestError, match=f"{got}.* expected one digest for each of 2 files"):
        hash_tree(tmp_path, executor=executor)


def test_a_root_that_vanished_is_said_of_every_file(tmp_path):
    batch = Batch(f"{tmp_path}/gone", [Found("a", "a", 0, (0, 0, 0, 0, 0))])
    assert list(read_batch(batch)) == [Step(0, [Offender("a", "no such file or directory")])]


def test_mixed_sizes_on_threads(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_module, "BATCH_BYTES", 100_000)
    monkeypatch.setattr(batch_module, "BATCH_FILES", 3)
    files = {f"{number}": bytes([number]) * (number * 3000) for number in range(60)}
    tree(tmp_path, files)
    digests = hash_tree(tmp_path, executor=Threads(4))
    assert {each.path: each.sha256 for each in digests} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }


# --- progress and interruption -----------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_adds_up(tmp_path, workers, small_steps):
    tree(tmp_path, {"a": b"x" * 50_000, "b": b"y" * 3, "c": b""})
    watch = Watch()
    hash_tree(tmp_path, workers=workers, progress=watch)
    assert watch.calls == [("start", 3, 50_003), ("finish", 3, 50_003)]
    assert watch.steps > 10


def test_progress_of_one_file(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    watch = Watch()
    hash_file(tmp_path / "f", progress=watch)
    assert watch.calls == [("start", 1, 3), ("finish", 1, 3)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interruption_stops_at_once(tmp_path, workers):
    for name in "abc":
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 1 << 40)  # hours of reading

    def interrupt():
        raise KeyboardInterrupt

    before = threading.active_count()
    watch = Watch(interrupt)
    with pytest.raises(KeyboardInterrupt):
        hash_tree(tmp_path, workers=workers, progress=watch)
    assert watch.calls[-1][0] == "finish"
    end = time.monotonic() + 30
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() <= before  # one of an earlier test may have ended meanwhile


# --- refusals ----------------------------------------------------------------------------------------------


def test_an_empty_tree(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(DigestError, match=r"no file to digest$"):
        hash_tree(tmp_path)
    tree(tmp_path, {"d/a": b"", "d/b": b""})
    with pytest.raises(DigestError, match="no file to digest: all 2 are excluded"):
        hash_tree(tmp_path, exclude=["d"])


def test_all_offenders_stand_in_one_error(tmp_path, monkeypatch):
    tree(tmp_path, {"a\nb": b"", "-": b"", "good": b"", "secret": b""})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("good")
    open_ = Root.open

    def refuse_one(self, place):
        if place == "secret":
            raise PermissionError(13, "Permission denied")
        return open_(self, place)

    monkeypatch.setattr(Root, "open", refuse_one)
    with pytest.raises(DigestError) as caught:
        hash_tree(tmp_path)
    assert caught.value.what == (
        '5 paths cannot be digested: "-" (sha256sum would read standard input instead), '
        '"a\nb" (a line feed in the path), "link" (a symbolic link), "pipe" (a named pipe), '
        '"secret" (permission denied)'
    )
    assert caught.value.where == str(tmp_path)


def test_an_unreadable_file_among_good_ones(tmp_path, monkeypatch):
    tree(tmp_path, {"good": b"", "secret": b""})
    open_ = Root.open

    def refuse_one(self, place):
        if place == "secret":
            raise PermissionError(13, "Permission denied")
        return open_(self, place)

    monkeypatch.setattr(Root, "open", refuse_one)
    with pytest.raises(DigestError, match=r'1 path cannot be digested: "secret" \(permission denied\)'):
        hash_tree(tmp_path)
    with pytest.raises(DigestError, match="permission denied") as caught:
        hash_file(tmp_path / "secret")
    assert caught.value.where == str(tmp_path / "secret")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_file_that_lies_about_its_size():
    with pytest.raises(DigestError, match=CHANGED):
        hash_file(Path("/proc/self/status"))


@pytest.mark.parametrize("size", [100, 100_000])
@pytest.mark.parametrize("fault", [OSError(5, "Input/output error")])
def test_a_read_that_fails(tmp_path, monkeypatch, size, fault):
    (tmp_path / "f").write_bytes(b"x" * size)

    def fail(*_):
        raise fault

    monkeypatch.setattr(reading.DISK, "read", fail)
    monkeypatch.setattr(reading.DISK, "readinto", fail)
    with pytest.raises(DigestError, match="input/output error"):
        hash_file(tmp_path / "f")


# --- files that change -------------------------------------------------------------------------------------


def truncate(path):
    os.truncate(path, path.stat().st_size - 1)


def grow(path):
    with path.open("ab") as file:
        file.write(b"more")


def rewrite_keeping_size_and_mtime(path):
    status = path.stat()
    with path.open("r+b") as file:
        file.write(b"!")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def replace_by_the_same_bytes(path):
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def replace_by_a_pipe(path):
    path.unlink()
    os.mkfifo(path)


def replace_by_a_link(path):
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def remove(path):
    path.unlink()


FAULTS = [truncate, grow, rewrite_keeping_size_and_mtime, replace_by_the_same_bytes]
KINDS = [replace_by_a_pipe, replace_by_a_link, remove]


def wait_for_the_clock(path):
    """Let the file's time stamps be past, so that the next change shows."""
    probe = path.with_name("probe")
    before = path.stat().st_ctime_ns
    while True:
        probe.write_bytes(b"")
        if probe.stat().st_ctime_ns > before:
            break
        probe.unlink()
    probe.unlink()


def in_time(function):
    """Run a function that must not block."""
    outcome = []

    def run():
        try:
            outcome.append(function())
        except DigestError as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(30)
    assert outcome, "it blocks"
    return outcome[0]


@pytest.mark.parametrize("size", [100, 100_000])
@pytest.mark.parametrize("fault", FAULTS + KINDS)
def test_a_file_that_changes_between_walk_and_read(tmp_path, size, fault):
    tree(tmp_path / "root", {"d/f": b"x" * size, "g": b""})
    path = tmp_path / "root" / "d" / "f"
    wait_for_the_clock(path)
    found = scan_tree(tmp_path / "root")
    fault(path)
    error = in_time(lambda: hash_scan(found))
    assert isinstance(error, DigestError)
    assert '1 path cannot be digested: "d/f" (' in error.what
    if fault in FAULTS or fault is replace_by_a_pipe:
        assert CHANGED in error.what


@pytest.mark.parametrize("fault", FAULTS[:3])
def test_a_large_file_that_changes_while_it_is_read(tmp_path, small_steps, fault):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100_000)
    wait_for_the_clock(path)
    watch = Watch(lambda: fault(path), at=3)
    with pytest.raises(DigestError, match=CHANGED):
        hash_tree(tmp_path, progress=watch, executor=Serial())
    assert watch.steps > 3


@pytest.mark.parametrize("fault", FAULTS[:3])
def test_a_small_file_that_changes_while_it_is_read(tmp_path, monkeypatch, fault):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 100)
    wait_for_the_clock(path)

    def read_and_change(fd, count):
        data = os.read(fd, count)
        fault(path)
        return data

    monkeypatch.setattr(reading.DISK, "read", read_and_change)
    with pytest.raises(DigestError, match=CHANGED):
        hash_file(path)


def test_a_file_that_never_ends_growing_is_not_followed(tmp_path, small_steps):
    path = tmp_path / "f"
    path.write_bytes(b"x" * 10_000)
    watch = Watch()
    watch.advance = lambda files, size: grow_by(path, 10_000)  # faster than it is read
    error = in_time(lambda: hash_tree(tmp_path, progress=watch, executor=Serial()))
    assert CHANGED in str(error)


def grow_by(path, count):
    with path.open("ab") as file:
        file.write(b"x" * count)


def test_short_reads_of_slow_file_systems_are_completed(tmp_path, monkeypatch):
    (tmp_path / "f").write_bytes(b"abc")
    monkeypatch.setattr(reading.DISK, "read", lambda fd, count: os.read(fd, 1))
    assert hash_file(tmp_path / "f").sha256 == ABC


def test_what_appears_or_vanishes_in_a_tree_while_it_is_read(tmp_path):
    tree(tmp_path, {"a": b"", "d/b": b""})
    wait_for_the_clock(tmp_path / "a")
    found = scan_tree(tmp_path)
    (tmp_path / "d" / "new").write_bytes(b"")
    with pytest.raises(DigestError, match=r'1 path .*: "d/new" \(appeared while the tree was read\)'):
        hash_scan(found)
    found = scan_tree(tmp_path)
    watch = Watch((tmp_path / "a").unlink)
    with pytest.raises(DigestError, match=r'"a" \(vanished while the tree was read\)'):
        hash_scan(found, progress=watch)


def test_a_tree_that_vanishes_while_it_is_read(tmp_path):
    root = tree(tmp_path / "root", {"a": b""})
    found = scan_tree(root)
    watch = Watch(lambda: root.rename(tmp_path / "away"))
    with pytest.raises(DigestError, match="no such file or directory"):
        hash_scan(found, progress=watch)
    with pytest.raises(DigestError, match=r'"a" \(no such file or directory\)'):
        hash_scan(found)
    (tmp_path / "away" / "pipe").symlink_to("a")
    found = scan_tree(tmp_path / "away")
    (tmp_path / "away").rename(root)
    with pytest.raises(DigestError, match=r'"\." \(no such file or directory\), "pipe" \(a symbolic link\)'):
        hash_scan(found)


def test_a_barred_way_is_not_nothing(tmp_path, monkeypatch):
    """What cannot be looked at has not vanished: that is an error, not an answer."""
    digests = hash_tree(tree(tmp_path / "root", {"a": b""}))

    def bar(_self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", bar)
    with pytest.raises(DigestError, match="permission denied"):
        changed(tmp_path / "root", digests)


def test_many_changed_files_are_counted(tmp_path):
    tree(tmp_path, {f"{number:02}": b"x" for number in range(30)})
    found = scan_tree(tmp_path)
    for path in tmp_path.iterdir():
        grow(path)
    with pytest.raises(DigestError, match=r"30 paths cannot be digested: .*, and 10 more"):
        hash_scan(found)


# --- rechecking --------------------------------------------------------------------------------------------


def test_unchanged_files_are_not_read_again(tmp_path, monkeypatch):
    tree(tmp_path, {"a": b"1", "d/b": b"2"})
    digests = settled(hash_tree(tmp_path))
    single = settled([hash_file(tmp_path / "a")])
    monkeypatch.setattr(Root, "open", lambda self, place: pytest.fail(f"{place} was opened"))
    assert changed(tmp_path, digests) == []
    assert changed(tmp_path / "a", single) == []


def test_a_fresh_file_is_read_again_though_its_status_is_the_same(tmp_path):
    tree(tmp_path, {"a": b"1"})
    digests = [digest._replace(sha256="0" * 64) for digest in hash_tree(tmp_path)]
    assert changed(tmp_path, digests) == ["a"]
    assert changed(tmp_path, settled(digests)) == []


def test_a_file_with_new_times_and_the_same_bytes_is_the_same(tmp_path):
    tree(tmp_path, {"a": b"1", "b": b"2"})
    digests = settled(hash_tree(tmp_path))
    os.utime(tmp_path / "a", (1, 1))
    replace_by_the_same_bytes(tmp_path / "b")
    watch = Watch()
    assert changed(tmp_path, digests, progress=watch) == []
    assert watch.calls[0] == ("start", 2, 2)


@pytest.mark.parametrize("fault", [truncate, grow, rewrite_keeping_size_and_mtime, *KINDS])
def test_what_differs_is_named(tmp_path, fault):
    tree(tmp_path / "root", {"a": b"12", "d/b": b"34", "d/c": b"56"})
    path = tmp_path / "root" / "d" / "b"
    single = settled([hash_file(path)])
    digests = settled(hash_tree(tmp_path / "root"))
    wait_for_the_clock(path)
    fault(path)
    expected = ["d/b", "d/moved"] if fault is replace_by_a_link else ["d/b"]
    assert changed(tmp_path / "root", digests) == expected
    # a single file may be reached through a link: the caller named it
    assert changed(path, single) == ([] if fault is replace_by_a_link else ["b"])


def test_what_appeared_and_vanished_is_named(tmp_path):
    tree(tmp_path, {"a": b"", "b": b"", "skip/x": b""})
    digests = settled(hash_tree(tmp_path, exclude=["skip"]))
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "link").symlink_to("b")
    (tmp_path / "skip" / "y").touch()
    assert changed(tmp_path, digests, exclude=["skip"]) == ["a", "c", "link"]


def test_a_root_that_is_gone_or_something_else(tmp_path):
    root = tree(tmp_path / "root", {"a": b"", "b": b""})
    digests = hash_tree(root)
    root.rename(tmp_path / "other")
    assert changed(root, digests) == ["a", "b"]
    root.write_bytes(b"")
    assert changed(root, digests) == ["a", "b", "root"]
    root.unlink()
    os.mkfifo(root)
    assert changed(root, digests) == ["a", "b"]


def test_links_are_rechecked_as_what_they_lead_to(tmp_path):
    tree(tmp_path, {"a": b"1", "b": b"2"})
    (tmp_path / "link").symlink_to("a")
    digests = settled(hash_tree(tmp_path, symlinks=True))
    assert changed(tmp_path, digests, symlinks=True) == []
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("b")
    assert changed(tmp_path, digests, symlinks=True) == ["link"]
    assert changed(tmp_path, digests) == ["link"]
