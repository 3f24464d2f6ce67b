"""Reading begins before the walk ends: the same digests, the same errors, and nobody left behind."""

from __future__ import annotations

import os
from collections import Counter
from contextlib import closing

import pytest
from test_readers import be_faulty, children, expected, make

from attest import batch, hashing, readers, scan
from attest.ahead import Ahead
from attest.batch import BATCH_BYTES, read_batch
from attest.errors import DigestError
from attest.hashing import hash_scan, hash_tree, scan_and_hash
from attest.manifest import digest_path
from attest.readers import Processes, available
from attest.scan import scan_tree, walk_tree

pytestmark = pytest.mark.skipif(not available(), reason="needs a Python to run, and POSIX")


class Watch:
    """Records what is said of progress, and does something when the first files are through."""

    def __init__(self, then=lambda: None):
        self.said, self.files, self.size, self.then = [], 0, 0, then

    def start(self, files, size):
        self.said.append((files, size))

    def advance(self, files, size):
        if files and not self.files:
            self.then()
        self.files += files
        self.size += size

    def finish(self):
        self.said.append("finish")


@pytest.fixture
def eager(monkeypatch):
    """Few files count as many, and a step of the walk is short."""
    monkeypatch.setattr(hashing, "cores", lambda: 2)
    monkeypatch.setattr(hashing, "MANY", 20)
    monkeypatch.setattr(batch, "BATCH_FILES", 8)
    monkeypatch.setattr(scan, "_STEP", 4)


@pytest.fixture
def wide(tmp_path):
    """A tree of seven directories, 30 files in each, and one more that is walked last."""
    root = make(tmp_path / "root", 210)
    (root / "z").mkdir()
    (root / "z" / "last").write_bytes(b"last")
    return root


def refusal(root, **options):
    """The words with which a tree is refused."""
    with pytest.raises(DigestError) as caught:
        hash_tree(root, **options)
    assert children() == []
    return caught.value.what


def attempt(root):
    """The words with which a tree is refused, or its digests."""
    try:
        return "", {each.path: each.sha256 for each in hash_tree(root)}
    except DigestError as error:
        return error.what, {}


@pytest.fixture
def late(monkeypatch):
    """Has the walk do something when it enters a directory, once files were read; returns what was done."""
    done = []

    def at(name, action):
        listing = scan._listing

        def listed(root, place):
            if place == name and not done:
                assert children(), "nothing was read before the walk came here"
                done.append(name)
                action()
            return listing(root, place)

        monkeypatch.setattr(scan, "_listing", listed)
        return done

    return at


# ── the same as one after the other ──


@pytest.mark.parametrize("number", [None, 1, 2, 3, 7])
def test_the_manifest_is_the_same_however_many_read(wide, eager, number):
    (wide / "3" / "large").write_bytes(b"x" * (BATCH_BYTES + 1))
    (wide / "5" / "middle").write_bytes(b"x" * 100_000)
    lines = "".join(
        f"{sha}  {path}\n" for path, sha in sorted(expected(wide).items(), key=lambda e: e[0].encode())
    )
    assert digest_path(wide, workers=number).manifest.data == lines.encode()
    assert children() == []


def test_scan_and_digests_are_those_of_two_calls(wide, eager):
    (wide / "link").symlink_to("1/1")
    options = {"exclude": ["2/", "**/3*"], "symlinks": True}
    found, digests = scan_and_hash(wide, **options)
    assert found == scan_tree(wide, options["exclude"], symlinks=True)
    assert found.skipped > 30
    one_by_one = hash_scan(found)
    assert [each[:-1] for each in digests] == [each[:-1] for each in one_by_one]
    assert all(now.read_ns <= later.read_ns for now, later in zip(digests, one_by_one, strict=True))


def test_files_are_read_while_the_tree_is_walked(wide, eager, late):
    done = late("z", lambda: None)
    assert {each.path: each.sha256 for each in hash_tree(wide)} == expected(wide)
    assert done == ["z"]


def test_a_small_tree_is_not_worth_a_process(wide, monkeypatch):
    monkeypatch.setattr(readers, "_Reader", lambda _: pytest.fail("a process was started"))
    monkeypatch.setattr(hashing, "MANY", 212)
    assert {each.path: each.sha256 for each in hash_tree(wide)} == expected(wide)


@pytest.mark.parametrize("step", [1, 5, 1000])
@pytest.mark.parametrize("enough", [0, 50, 1000])
def test_every_file_is_in_one_batch(wide, monkeypatch, step, enough):
    monkeypatch.setattr(scan, "_STEP", step)
    monkeypatch.setattr(batch, "BATCH_FILES", 8)
    (wide / "3" / "middle").write_bytes(b"x" * 100_000)
    os.truncate(wide / "z" / "last", BATCH_BYTES)
    told = []
    with closing(walk_tree(wide)) as walk:
        work = Ahead(walk)
        assert work.reaches(enough) is (enough < 211)
        some = [each for few in work.batches(told.append) for each in few]
        assert work.finish() == scan_tree(wide)
    assert told == [work.scan]
    numbers = Counter(number for each in some for number in each.numbers)
    assert numbers == dict.fromkeys(range(len(work.listing)), 1)
    assert max(len(each.numbers) for each in some) == 8
    assert [len(each.numbers) for each in some if each.largest == BATCH_BYTES] == [1]


def test_a_large_file_found_late_is_read_next(wide):
    sizes = []

    class Reader:
        output, batches, has_room, slow = 0, (), True, False

        def give(self, each):
            sizes.append(each.largest)
            return True

    os.truncate(wide / "z" / "last", BATCH_BYTES)
    with closing(walk_tree(wide)) as walk:
        work = Ahead(walk)
        crew = readers._Crew(work.batches(), 60.0, 1, 1)
        while crew._look_for_more():
            pass
    list(crew._give(Reader()))
    assert sizes[0] == BATCH_BYTES


def test_progress_has_no_total_until_the_walk_ends(wide, eager):
    watch = Watch()
    hash_tree(wide, progress=watch)
    size = sum(path.stat().st_size for path in wide.rglob("*") if path.is_file())
    assert watch.said == [(0, 0), (211, size), "finish"]
    assert (watch.files, watch.size) == (211, size)


# ── what is wrong with a tree is found when much of it was read ──


def test_what_cannot_be_digested_is_found_late_and_all_of_it_is_named(wide, eager, monkeypatch):
    (wide / "z" / "pipe").symlink_to("last")
    (wide / "zz").mkdir()
    (wide / "zz" / "a\nb").touch()
    taken = []
    monkeypatch.setattr(readers._Reader, "give", lambda self, each: taken.append(each) or True)
    expected_words = refusal(wide, workers=1)
    assert '"z/pipe" (a symbolic link)' in expected_words
    assert "a line feed in the path" in expected_words
    assert refusal(wide) == expected_words
    assert taken, "nothing was read before"


def test_nothing_is_read_if_the_first_step_finds_enough(wide, eager, monkeypatch):
    (wide / "link").symlink_to("nowhere")
    monkeypatch.setattr(readers, "_Reader", lambda _: pytest.fail("a process was started"))
    assert refusal(wide) == '1 path cannot be digested: "link" (a symbolic link)'


def test_files_that_cannot_be_opened_are_named_with_what_is_found_late(wide, eager, monkeypatch):
    (wide / "z" / "pipe").symlink_to("last")
    opened = scan.Root.open

    def refuse(self, place):
        if str(place).endswith("1/1"):
            raise PermissionError(13, "Permission denied")
        return opened(self, place)

    monkeypatch.setattr(scan.Root, "open", refuse)
    words = refusal(wide)
    assert words == '2 paths cannot be digested: "1/1" (permission denied), "z/pipe" (a symbolic link)'


def test_a_directory_that_cannot_be_listed_any_more_is_named(wide, eager, late):
    def away():
        (wide / "z" / "last").unlink()
        (wide / "z").rmdir()

    late("z", away)
    assert '"z" (no such file or directory)' in refusal(wide)


def test_a_file_that_changes_between_walk_and_read(wide, eager, late):
    """It was read before, or it is not what was found: a digest of other bytes never comes out."""
    right = expected(wide)

    def grow():
        for path in wide.rglob("*"):
            if path.is_file():
                with path.open("ab") as file:
                    file.write(b"more")

    late("z", grow)
    words, got = attempt(wide)
    assert "changed while it was read" in words or got == {**right, "z/last": expected(wide)["z/last"]}


def test_what_comes_into_a_directory_that_was_walked_already(wide, eager, late):
    late("z", (wide / "0" / "new").touch)
    assert refusal(wide) == '1 path cannot be digested: "0/new" (appeared while the tree was read)'


def test_the_tree_itself_vanishes_while_it_is_walked(wide, eager, late):
    late("z", lambda: wide.rename(wide.with_name("away")))
    assert "no such file or directory" in refusal(wide)


# ── whoever walks or reads does not come to the end ──


@pytest.mark.parametrize("where", ["walk", "read"])
def test_ctrl_c_leaves_nobody(wide, eager, late, where):
    def interrupt():
        raise KeyboardInterrupt

    watch = Watch(interrupt if where == "read" else lambda: None)
    if where == "walk":
        late("z", interrupt)
    with pytest.raises(KeyboardInterrupt):
        hash_tree(wide, progress=watch)
    assert children() == []
    assert watch.said[-1] == "finish"


@pytest.mark.parametrize("program", [["-c", "pass"], ["--no-such-option"]])
def test_without_processes_threads_read_what_the_walk_finds(wide, eager, monkeypatch, program):
    monkeypatch.setattr(readers, "PROGRAM", program)
    watch = Watch()
    assert {each.path: each.sha256 for each in hash_tree(wide, progress=watch)} == expected(wide)
    assert watch.files == 211
    assert watch.said[0] == (0, 0)
    assert watch.said[-2][0] == 211


def test_a_walk_that_ends_in_an_error_after_all_processes_are_lost(wide, eager, monkeypatch):
    monkeypatch.setattr(readers, "PROGRAM", ["-c", "pass"])
    (wide / "z" / "pipe").symlink_to("last")
    assert refusal(wide) == '1 path cannot be digested: "z/pipe" (a symbolic link)'


@pytest.mark.parametrize("faults", [["death"], ["eacces", "changed", "truncated", "flipped", "eio"]])
def test_a_faulty_disk_gives_no_wrong_digest(wide, eager, monkeypatch, faults):
    right = expected(wide)
    for seed in range(3):
        be_faulty(monkeypatch, seed, *faults)
        words, got = attempt(wide)
        assert got == right or ("cannot be digested" in words and "death" not in faults)
    assert children() == []


def test_an_executor_that_was_named_gets_all_batches_at_once(wide, eager):
    class Executor:
        def run(self, work):
            self.files = sum(len(each.numbers) for each in work)
            for each in work:
                yield from read_batch(each)

    executor = Executor()
    assert {each.path: each.sha256 for each in hash_tree(wide, executor=executor)} == expected(wide)
    assert executor.files == 211
    assert list(Processes(2).run_as_found([])) == []
