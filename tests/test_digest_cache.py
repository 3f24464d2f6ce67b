"""Remembered digests: files that did not change are not read, and no digest is ever a wrong one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attest import digest_cache, hashing, scan
from attest.digest_cache import FOLDER, DigestCache, project_cache
from attest.digest_table import KEY, Table, read_table, tables, write_table
from attest.errors import AttestError, DigestError
from attest.hashing import Serial, hash_file, hash_tree
from attest.manifest import digest_path
from attest.readers import available
from attest.scan import Root, scan_tree

TICK = 0.025
"""Seconds after which a change of a file surely has a new time stamp on the disks tests run on."""


@pytest.fixture
def old(monkeypatch):
    """Files count as settled a moment after they were written, not after two seconds."""
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", int(TICK * 1e9))


@pytest.fixture
def tree(tmp_path, old):
    root = tmp_path / "tree"
    for number in range(200):
        path = root / f"d{number % 3}" / f"f{number:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d" % number)
    time.sleep(2 * TICK)
    return root


class Watch:
    def __init__(self, tmp_path, **more):
        self.folder = tmp_path / "tables"
        self.said = []
        self.more = {"least": 0, **more}

    def cache(self, **more):
        return DigestCache(self.folder, tell=self.said.append, **{**self.more, **more})

    def recalled(self, root, **more):
        """Digest a tree, hold it against what is measured, and return how many files were not read."""
        cache = self.cache()
        found = digest_path(root, cache=cache, **more)
        measured = digest_path(root, **more)
        assert [(each.path, each.sha256, each.status) for each in found.files] == [
            (each.path, each.sha256, each.status) for each in measured.files
        ]
        assert found.sha256 == measured.sha256
        return cache.recalled


@pytest.fixture
def watch(tmp_path):
    return Watch(tmp_path)


def test_an_unchanged_tree_is_not_read(tree, watch, monkeypatch):
    assert [watch.recalled(tree) for _ in range(2)] == [0, 200]
    expected = digest_path(tree).sha256
    monkeypatch.setattr(Root, "open", lambda self, place: pytest.fail(f"{place} was opened"))
    assert digest_path(tree, cache=watch.cache()).sha256 == expected
    assert watch.said == []


def test_only_what_changed_is_read(tree, watch):
    watch.recalled(tree)
    (tree / "d0" / "f000").write_bytes(b"!")
    (tree / "d0" / "a new one").write_bytes(b"!")
    (tree / "d1" / "f001").unlink()
    (tree / "d2" / "f002").rename(tree / "moved")
    time.sleep(2 * TICK)
    assert watch.recalled(tree) == 197  # a renamed file has a new ctime
    assert watch.recalled(tree) == 200


def test_a_tree_that_is_moved_is_known(tree, watch):
    watch.recalled(tree)
    moved = tree.rename(tree.with_name("elsewhere"))
    assert watch.recalled(moved) == 200


def test_parts_and_wholes_know_each_other(tree, watch):
    watch.recalled(tree)
    assert watch.recalled(tree / "d1") == 67
    assert watch.recalled(tree, exclude=["d0"]) == 133
    (tree / "large").write_bytes(bytes(1 << 20))
    time.sleep(2 * TICK)
    assert watch.recalled(tree) == 200
    assert watch.recalled(tree / "large") == 1


def test_another_table_is_not_searched_when_reading_costs_less(tree, watch, monkeypatch):
    watch.recalled(tree)
    monkeypatch.setattr(digest_cache, "_LOOK", 1e9)
    assert watch.recalled(tree / "d1") == 0


def test_a_single_file(tree, watch, monkeypatch):
    path = tree / "d0" / "f000"
    assert [watch.recalled(path) for _ in range(2)] == [0, 1]
    link = tree.with_name("link")
    link.symlink_to(path)
    assert hash_file(link).sha256 == watch.cache().hash_file(link).sha256
    with pytest.raises(DigestError, match="no such file"):
        watch.cache().hash_file(tree / "nobody")
    os.utime(path)

    def bar(_self, _place):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Root, "open", bar)
    with pytest.raises(DigestError) as error:
        watch.cache().hash_file(path)
    assert (error.value.what, error.value.where) == ("permission denied", str(path))


def test_what_changed_a_moment_before_it_was_read_is_not_remembered(tree, watch, monkeypatch):
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 3_600_000_000_000)
    assert [watch.recalled(tree) for _ in range(2)] == [0, 0]
    assert not watch.folder.exists()


def test_a_time_in_the_future_is_not_trusted(tree, watch):
    os.utime(tree / "d0" / "f000", (0, time.time() + 1e6))
    time.sleep(2 * TICK)
    assert [watch.recalled(tree) for _ in range(2)] == [0, 199]


def test_a_ctime_of_a_whole_second_is_not_trusted(tree, watch):
    class Seconds(Serial):
        def run(self, work):
            for step in super().run(work):
                yield step._replace(
                    outcomes=[
                        each._replace(ctime_ns=each.ctime_ns // 10**9 * 10**9) if each.path < "d1" else each
                        for each in step.outcomes
                    ]
                )

    digest_path(tree, cache=watch.cache(), executor=Seconds())
    assert watch.recalled(tree) == 133


def test_small_trees_are_not_worth_a_table(tree, watch):
    watch.more = {}
    watch.recalled(tree / "d0" / "f000")
    assert not watch.folder.exists()
    assert [watch.recalled(tree) for _ in range(2)] == [0, 200]


def test_the_tables_are_no_part_of_the_tree(tree, watch):
    watch.folder = tree / FOLDER
    assert [watch.recalled(tree) for _ in range(2)] == [0, 0]
    assert not watch.folder.exists()
    assert [watch.recalled(tree, exclude=[".attest"]) for _ in range(2)] == [0, 200]


# --- checking ----------------------------------------------------------------------------------------------


def spoil(folder):
    """Write other digests into the first files of the only table."""
    ((path, _),) = tables(folder)
    keys, digests = read_table(path)
    write_table(path, Table(keys, (b"?" * 64 + digests[64:])[: len(digests)]))


def test_checking_reads_everything_and_agrees(tree, watch):
    watch.recalled(tree)
    cache = watch.cache(check=True)
    assert digest_path(tree, cache=cache).sha256 == digest_path(tree).sha256
    assert cache.recalled == 0


def test_checking_names_what_differs_and_forgets_it(tree, watch):
    watch.recalled(tree)
    spoil(watch.folder)
    assert digest_path(tree, cache=watch.cache()).sha256 != digest_path(tree).sha256
    with pytest.raises(DigestError) as error:
        digest_path(tree, cache=watch.cache(check=True))
    assert error.value.what == (
        "2 files have other bytes than are remembered, and neither size nor times changed: "
        '"d0/f000", "d0/f003"'
    )
    assert error.value.exit_code == 4
    assert [watch.recalled(tree) for _ in range(2)] == [198, 200]


def test_checking_a_single_file(tree, watch):
    path = tree / "d0" / "f000"
    watch.recalled(path)
    spoil(watch.folder)
    with pytest.raises(DigestError, match=r'1 file has other bytes .*"f000"'):
        digest_path(path, cache=watch.cache(check=True))


# --- trees of many files, where nothing is remembered yet ---------------------------------------------------


@pytest.fixture
def eager(monkeypatch):
    """Few files count as many: they are read while the tree is walked."""
    if not available():
        pytest.skip("needs a Python to run")
    monkeypatch.setattr(hashing, "cores", lambda: 2)
    monkeypatch.setattr(hashing, "MANY", 50)
    monkeypatch.setattr("attest.batch.BATCH_FILES", 8)
    monkeypatch.setattr(scan, "_STEP", 4)


@pytest.fixture
def late(monkeypatch):
    """Has the walk do something when it enters a directory."""
    listing = scan._listing

    def at(name, action):
        def listed(root, place):
            if place == name:
                action()
            return listing(root, place)

        monkeypatch.setattr(scan, "_listing", listed)

    return at


def test_the_first_run_reads_while_it_walks_and_remembers_the_same(tree, watch, eager, late):
    walked, learned = [], []
    late("d2", lambda: walked.append(len(learned)))

    class Progress:
        def start(self, files, size):
            learned.append(files)

        def advance(self, files, size):
            pass

        def finish(self):
            pass

    digest_path(tree, cache=watch.cache(), progress=Progress())
    assert walked == [1]
    assert learned == [0, 200]
    ((path, _),) = tables(watch.folder)
    ahead = read_table(path)
    path.unlink()
    watch.cache().hash_scan(scan_tree(tree))
    assert read_table(path) == ahead
    assert watch.recalled(tree) == 200


def test_what_is_remembered_is_looked_up_before_anything_is_read(tree, watch, eager, monkeypatch):
    digest_path(tree, cache=watch.cache())
    monkeypatch.setattr(digest_cache, "read_ahead", lambda *_: pytest.fail("files were read too soon"))
    assert watch.recalled(tree) == 200
    digest_path(tree, cache=watch.cache(check=True))


def test_what_was_read_before_the_walk_was_interrupted_is_kept(tree, watch, eager, late, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    late("d2", interrupt)
    with pytest.raises(KeyboardInterrupt):
        digest_path(tree, cache=watch.cache())
    monkeypatch.undo()
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", int(TICK * 1e9))
    for path, _ in tables(watch.folder):  # there is none if no answer had come yet
        assert len(read_table(path).keys) // KEY < 200
    assert 0 <= watch.recalled(tree) < 200
    assert watch.recalled(tree) == 200


def test_what_was_read_before_the_walk_found_what_has_no_digest_is_kept(tree, watch, eager):
    (tree / "d2" / "z").symlink_to("f002")
    with pytest.raises(DigestError, match='"d2/z" \\(a symbolic link\\)'):
        digest_path(tree, cache=watch.cache())
    (tree / "d2" / "z").unlink()
    time.sleep(2 * TICK)
    assert 0 <= watch.recalled(tree) < 200


# --- what goes wrong ---------------------------------------------------------------------------------------


def test_an_interrupted_run_goes_on_where_it_was(tree, watch, monkeypatch):
    monkeypatch.setattr("attest.batch.BATCH_FILES", 10)

    class Interrupted(Serial):
        def run(self, work):
            yield from super().run(work[:7])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digest_path(tree, cache=watch.cache(), executor=Interrupted())
    assert watch.recalled(tree) == 70


def test_what_was_read_is_kept_before_the_end(tree, watch, monkeypatch):
    monkeypatch.setattr("attest.batch.BATCH_FILES", 10)
    monkeypatch.setattr(digest_cache, "EVERY", 0.0)
    kept = []

    class Looking(Serial):
        def run(self, work):
            for step in super().run(work):
                yield step
                kept.append(len(list(tables(watch.folder))))

    digest_path(tree, cache=watch.cache(), executor=Looking())
    assert kept[0] == 1


def test_a_file_that_cannot_be_read_costs_only_itself(tree, watch):
    class Failing(Serial):
        def run(self, work):
            (tree / "d0" / "f000").unlink()
            yield from super().run(work)

    with pytest.raises(DigestError, match="d0/f000"):
        digest_path(tree, cache=watch.cache(), executor=Failing())
    (tree / "d0" / "f000").write_bytes(b"again")
    assert watch.recalled(tree) == 199


def test_what_comes_into_a_known_tree_meanwhile_is_found(tree, watch, monkeypatch):
    watch.recalled(tree)
    found = scan_tree(tree)
    (tree / "late").write_bytes(b"")
    with pytest.raises(DigestError, match='"late" \\(appeared while the tree was read\\)'):
        watch.cache().hash_scan(found)


def test_a_damaged_table_is_ignored_and_made_anew(tree, watch):
    watch.recalled(tree)
    ((path, _),) = tables(watch.folder)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert watch.recalled(tree) == 0
    assert watch.said == [f"{path}: is damaged: it is ignored, and what it says of files is measured anew"]
    assert watch.recalled(tree) == 200


@pytest.mark.parametrize("fault", ["full", "barred"])
def test_a_table_that_cannot_be_written_costs_no_digest(tree, watch, monkeypatch, fault):
    if fault == "full":

        def full(*_args, **_more):
            raise AttestError("cannot be written: No space left on device")

        monkeypatch.setattr(digest_cache, "write_table", full)
    else:
        watch.folder.write_bytes(b"no folder")
    assert watch.recalled(tree) == 0
    (said,) = watch.said
    assert "the digests stand" in said
    assert {"full": "No space left", "barred": "exists"}[fault].lower() in said.lower()


def test_two_at_once_lose_entries_at_most(tree, watch):
    class Other(Serial):
        def run(self, work):
            steps = list(super().run(work))
            (tree / "d0" / "f000").write_bytes(b"changed by now")
            time.sleep(2 * TICK)
            watch.recalled(tree)
            (tree / "d0" / "f000").write_bytes(b"changed again!")
            yield from steps

    digest_path(tree, cache=watch.cache(), executor=Other())  # its digest of f000 is of the first bytes
    time.sleep(2 * TICK)
    assert watch.recalled(tree) == 199
    assert watch.recalled(tree) == 200


def test_a_project_remembers(tmp_path, monkeypatch):
    file = tmp_path / "attest.yaml"
    assert project_cache(file, "use").folder == tmp_path / ".attest" / "digests"
    assert project_cache(file, "off") is None
    assert project_cache(None, "use") is None
    monkeypatch.setattr(digest_cache.os, "name", "nt")
    assert project_cache(file, "use") is None


# --- never a wrong digest ----------------------------------------------------------------------------------

NAMES = ["a", "b", "d/c", "d/e"]
EDITS = ["rewrite", "rewrite, times set back", "replace", "swap", "link", "remove", "write", "truncate"]


def edit(root: Path, what: str, name: str, other: str, data: bytes):
    """Change a tree as programs do, and as those do that hide it."""
    path, second = root / name, root / other
    was = path.stat() if path.exists() else None
    if what == "write" or was is None:
        path.write_bytes(data)
    elif what.startswith("rewrite"):
        with path.open("r+b") as file:
            file.write(data[: was.st_size])
        if "back" in what:
            os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    elif what == "replace":
        fresh = root / "fresh"
        fresh.write_bytes(data[: was.st_size].ljust(was.st_size, b"."))
        os.utime(fresh, ns=(was.st_atime_ns, was.st_mtime_ns))
        fresh.replace(path)
    elif what == "swap" and second.exists() and name != other:
        path.rename(root / "between")
        second.rename(path)
        (root / "between").rename(second)
    elif what == "link" and name != other:
        second.unlink(missing_ok=True)
        second.hardlink_to(path)
    elif what == "truncate":
        os.truncate(path, max(1, was.st_size // 2))
    elif what == "remove" and name != "a":
        path.unlink()


@given(
    edits=st.lists(
        st.tuples(
            st.sampled_from(EDITS),
            st.sampled_from(NAMES),
            st.sampled_from(NAMES),
            st.binary(min_size=8, max_size=8),
            st.sampled_from(["look", "wait and look", "go on"]),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_edit_gives_a_wrong_digest(tmp_path_factory, old, edits):
    folder = tmp_path_factory.mktemp("edits")
    root = folder / "tree"
    (root / "d").mkdir(parents=True)
    for name in NAMES:
        (root / name).write_bytes(name.encode() * 8)
    for what, name, other, data, then in edits:
        edit(root, what, name, other, data)
        if then == "wait and look":
            time.sleep(1.5 * TICK)
        if then != "go on":
            known = DigestCache(folder / "tables", least=0).hash_scan(scan_tree(root))
            assert [(each.path, each.sha256) for each in known] == [
                (each.path, each.sha256) for each in hash_tree(root)
            ]
