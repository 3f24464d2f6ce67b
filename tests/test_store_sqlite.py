"""What is particular to the SQLite store: its file, foreign files, full disks, read-only media, damage."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from stores.samples import bundle, entry, raws, sha, step

from attest.errors import StoreError, UsageError
from attest.store import open_store
from attest.stores import _sqlite_file, sqlite

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


@pytest.fixture
def full(path):
    """A closed store with a little of everything."""
    with open_store(str(path), create=True) as store:
        store.put(
            [
                step([entry("model/", tree=True)], [entry("data/", tree=True), entry("code")]),
                step([entry("model/", tree=True)], [entry("data/", tree=True), entry("code")], signer="bob"),
                bundle("data", predicate={"notes": ["n" * 3000] * 9}),
            ],
            [b"a" * 64 + b"  weights\n", b"b" * 64 + b"  config\n"],
        )
    return path


def alter(path, *statements):
    """Change the file behind the store's back."""
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def problems(path):
    with open_store(str(path), read_only=True) as store:
        return store.check().problems


# ── the file ──


@pytest.mark.parametrize("name", ["a b.db", "wo?mode=ro", "50%41.db", "#x", "ß\u202e.db", ":memory:", "c:d"])
def test_any_file_name_will_do(tmp_path, name):
    for uri in (f"sqlite:{tmp_path / name}", str(tmp_path / name)):
        with open_store(uri, create=True) as store:
            store.put([bundle("a")])
    assert [each.name for each in tmp_path.iterdir()] == [name]


@posix
def test_a_name_that_is_no_utf8_will_do(tmp_path):
    name = os.fsdecode(b"\xff\xfe.db")
    with open_store(str(tmp_path / name), create=True) as store:
        store.put([bundle("a")])
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff\xfe.db"]  # noqa: PTH208 - names as bytes


def test_a_scheme_nobody_knows_is_no_file_name():
    with pytest.raises(UsageError, match="unknown store 'sqlight'") as caught:
        open_store("sqlight:store.db", create=True)
    assert caught.value.hint == "did you mean 'sqlite'?"


def test_folders_are_made_with_the_store(tmp_path):
    open_store(str(tmp_path / "a" / "b" / "store.db"), create=True).close()
    assert (tmp_path / "a" / "b" / "store.db").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file.*: cannot be (made|opened): Not a directory"):
        open_store(str(tmp_path / "file" / "store.db"), create=True)


@posix
def test_the_mode_follows_the_umask(path):
    before = os.umask(0o027)
    try:
        open_store(str(path), create=True).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_every_acknowledgement_is_forced_to_disk(path):
    with open_store(str(path), create=True) as store:
        ask = store._connection.execute
        assert ask("PRAGMA journal_mode").fetchone() == ("wal",)
        assert ask("PRAGMA synchronous").fetchone() == (2,)  # FULL: the log is synced at every commit
        assert ask("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_closed_store_is_one_file(full):
    before = full.read_bytes()
    with open_store(str(full), read_only=True) as store:
        assert store.check().problems == ()
    assert full.read_bytes() == before
    assert [each.name for each in full.parent.iterdir()] == [full.name]


# ── what is no store ──


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty, expected a store"),
        (b"x", "is not an attest store, nor any SQLite database"),
        (b"#!/bin/sh\nexit 0\n" * 100, "is not an attest store, nor any SQLite database"),
        (b"SQLite format 3\0" + b"\xff" * 4096, "not a|damaged"),
        (b"SQLite format 3\0", "is not an attest store"),
    ],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(path, content, reason):
    path.write_bytes(content)
    for read_only in (True, False):
        with pytest.raises(StoreError, match=reason):
            open_store(str(path), read_only=read_only)
    assert path.read_bytes() == content


def test_an_empty_file_can_become_a_store(path):
    path.touch()
    with open_store(str(path), create=True) as store:
        assert store.put([bundle("a")]) == 1


@pytest.mark.parametrize("create", [True, False])
def test_another_programs_database_is_refused_and_left_alone(path, create):
    alter(path, "CREATE TABLE bookmarks (url)", "PRAGMA application_id=1234")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"another program's database: got application id 0x4d2"):
        open_store(str(path), create=create)
    with pytest.raises(StoreError, match="another program's database"):
        open_store(str(path), read_only=True)
    assert path.read_bytes() == before


def test_a_database_of_nobody_is_refused(path):
    alter(path, "CREATE TABLE bookmarks (url)")
    with pytest.raises(StoreError, match="got application id 0x0, expected 0x41545354"):
        open_store(str(path), create=True)


@pytest.mark.parametrize("create", [True, False])
def test_a_store_of_a_later_version_is_refused_and_left_alone(full, create):
    alter(full, "PRAGMA user_version=2")
    before = full.read_bytes()
    with pytest.raises(StoreError, match="has store version 2, this attest reads up to 1") as caught:
        open_store(str(full), create=create)
    assert caught.value.hint == "update attest"
    assert full.read_bytes() == before


def test_a_store_without_version_is_damaged(full):
    alter(full, "PRAGMA user_version=0")
    with pytest.raises(StoreError, match="got store version 0, expected 1"):
        open_store(str(full))


@posix
def test_folders_and_pipes_are_no_stores(tmp_path):
    with pytest.raises(StoreError, match="is a directory, expected the file of a store"):
        open_store(str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="is no regular file"):
        open_store(str(tmp_path / "pipe"), create=True)


def test_a_name_with_a_null_byte_is_an_error():
    with pytest.raises(StoreError, match="null"):
        open_store("sqlite:a\0b")


# ── manifests in parts ──


def test_a_large_manifest_is_kept_in_parts(path, monkeypatch):
    monkeypatch.setattr(sqlite, "_PART_BYTES", 1000)
    data = bytes(range(250)) * 14
    with open_store(str(path), create=True) as store:
        store.put([], [data, data[:1000]])
        assert store._connection.execute("SELECT count(*) FROM manifest_part").fetchone() == (5,)
        assert list(store.manifests()) == [
            sqlite.hashlib.sha256(each).hexdigest() for each in (data, data[:1000])
        ]
        assert store.manifest(sqlite.hashlib.sha256(data).hexdigest()) == data
        assert store.check().problems == ()


# ── when it cannot be written ──


def test_a_full_disk_is_named_and_damages_nothing(full):
    with open_store(str(full)) as store:
        before = raws(store)
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages + 10}")
        with pytest.raises(StoreError, match="the disk is full") as caught:
            store.put([bundle(f"big {n}", predicate={"x": ["y" * 60_000] * 9}) for n in range(9)], [b"new"])
        assert str(full) in str(caught.value)
        assert caught.value.hint.startswith("nothing was changed")
        assert raws(store) == before
        assert store.manifest(sha("new")) is None
        store._connection.execute("PRAGMA max_page_count=1000000")
        assert store.put([bundle("small")]) == 1
        assert store.check().problems == ()


@posix
def test_a_file_that_may_not_grow_damages_nothing(full):
    script = """
import resource, signal, sys
from attest.errors import StoreError
from attest.store import open_store
from stores.samples import bundle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
with open_store(sys.argv[1]) as store:
    print(store.put([bundle("fits")]))
    try:
        store.put(bundle(f"big {n}", predicate={"x": ["y" * 60_000] * 9}) for n in range(99))
    except StoreError as error:
        print(error.what, "|", error.hint)
    print(store.put([bundle("fits too")]))
"""
    done = run_python(script, str(full))
    new, error, again = done.stdout.splitlines()
    assert (new, again) == ("1", "1")
    assert "cannot be read or written" in error or "the disk is full" in error
    assert "nothing was changed" in error
    assert problems(full) == ()
    with open_store(str(full)) as store:
        found = raws(store)
    assert len(found) == 5
    assert found[-2:] == [bundle("fits").raw, bundle("fits too").raw]


def test_a_writer_that_never_ends_is_reported(full):
    other = sqlite3.connect(full, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with open_store(str(full)) as store:
        store._connection.execute("PRAGMA busy_timeout=50")
        with pytest.raises(StoreError, match="another process has been writing") as caught:
            store.put([bundle("a")])
        assert caught.value.hint == "try again"
        assert len(raws(store)) == 3  # reading goes on
        other.execute("ROLLBACK")
        assert store.put([bundle("a")]) == 1
    other.close()


# ── read-only media ──


def run_python(script, *arguments, **settings):
    """Run a script of ours in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, env=environment, timeout=60, **settings
    )


@pytest.fixture
def foreign_folder():
    """A folder that the process started with ``as_reader`` may read and not write."""
    folder = Path(tempfile.mkdtemp(prefix="attest-read-only-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def as_reader(folder, script, *arguments):
    """Run a script that may not write into ``folder``, whoever runs the tests."""
    if os.geteuid() == 0:  # root may write everywhere, and only root may read where some Pythons live
        script = script.replace("# from here on\n", "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n")
    else:
        folder.chmod(0o555)
    return run_python(script, *arguments)


READ = """
import os, sys
import attest.stores.sqlite
from attest.errors import StoreError
from attest.store import open_store
from stores.samples import bundle, raws, sha
new = bundle("new")
# from here on
try:
    with open_store(sys.argv[1], read_only=True) as store:
        print(len(raws(store)), store.by_subject(sha("data")), store.check())
except StoreError as error:
    print(error.what, "|", error.hint)
try:
    open_store(sys.argv[1]).put([new])
except StoreError as error:
    print(error.what, "|", error.hint)
"""


@posix
def test_a_store_in_a_read_only_folder_is_read(full, foreign_folder):
    shutil.copy(full, foreign_folder)
    read, write = as_reader(foreign_folder, READ, str(foreign_folder / full.name)).stdout.splitlines()
    statement = bundle("data", predicate={"notes": ["n" * 3000] * 9}).statement_digest
    expected = "StoreCheck(statements=2, bundles=3, manifests=2, problems=())"
    assert read == f"3 ['{statement}'] {expected}"
    assert write.startswith("is read-only |")
    assert [each.name for each in foreign_folder.iterdir()] == [full.name]


@posix
def test_statements_still_in_the_log_are_read_or_missed_loudly(full, foreign_folder):
    with open_store(str(full)) as store:
        store.put([bundle("late")])
        for each in full.parent.iterdir():  # as a crash would leave them
            shutil.copy(each, foreign_folder)
            (foreign_folder / each.name).chmod(0o644)
    copy = foreign_folder / full.name
    assert as_reader(foreign_folder, READ, str(copy)).stdout.startswith("4 [")
    foreign_folder.chmod(0o755)
    (foreign_folder / f"{full.name}-shm").unlink()
    read = as_reader(foreign_folder, READ, str(copy)).stdout.splitlines()[0]
    what, hint = read.split(" | ")
    assert (
        what
        == f"its latest statements stand in {full.name}-wal, which cannot be read from a read-only directory"
    )
    assert hint == "copy both files to a directory you can write to"


@posix
def test_a_store_that_may_not_be_read_says_so(full, foreign_folder):
    copy = foreign_folder / full.name
    shutil.copy(full, copy)
    copy.chmod(0o600 if os.geteuid() == 0 else 0)
    lines = as_reader(foreign_folder, READ, str(copy)).stdout.splitlines()
    assert lines[0] == "cannot be read: permission denied | None"


def test_a_change_during_a_read_without_locks_is_noticed(full, monkeypatch):
    monkeypatch.setattr(_sqlite_file, "_open_beside_writers", lambda _: None)
    with open_store(str(full), read_only=True) as store:
        reader = store.bundles()
        assert len(list(store.manifests())) == 2
        next(reader)
        with open_store(str(full)) as writer:
            writer.put([bundle("late")])
        for use in (lambda: next(reader), store.check, lambda: store.by_subject(sha("data"))):
            with pytest.raises(StoreError, match="was changed while it was read"):
                use()


# ── damage ──


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (
            "UPDATE bundle SET raw = raw || x'20' WHERE id = 2",
            "bundle 2: its bytes do not match their digest",
        ),
        ("UPDATE bundle SET raw = 'text' WHERE id = 2", "bundle 2: its bytes do not match"),
        ("UPDATE bundle SET statement_id = 2 WHERE id = 1", "is filed under statement"),
        (
            "UPDATE bundle SET statement_id = 9 WHERE id = 3",
            "bundle, row 3: refers to a row of statement that is not",
        ),
        ("UPDATE statement SET predicate_type = 'x' WHERE id = 2", "is filed under predicate type 'x'"),
        ("UPDATE statement SET sha256 = zeroblob(32) WHERE id = 2", "is filed under statement 000000"),
        ("DELETE FROM subject WHERE statement_id = 1", "is not indexed by its subject sha256:"),
        ("DELETE FROM input WHERE statement_id = 1", "is not indexed by its input sha256:"),
        ("INSERT INTO input SELECT id, 2 FROM artifact", "is indexed by input sha256:"),
        ("UPDATE artifact SET tree = 1 - tree", "is not indexed by its subject"),
        ("UPDATE artifact SET sha256 = randomblob(32) WHERE id = 1", "which it does not have"),
        ("DELETE FROM bundle WHERE id = 3", "has no bundle"),
        ("UPDATE manifest_part SET data = data || data WHERE manifest_id = 1", "its bytes have digest"),
        ("UPDATE manifest_part SET data = 5", "its bytes have digest"),
        ("DELETE FROM manifest_part WHERE manifest_id = 2", "its bytes have digest"),
        ("UPDATE manifest SET sha256 = zeroblob(32) WHERE id = 1", "manifest 00000"),
        (
            "CREATE TRIGGER t AFTER INSERT ON bundle BEGIN DELETE FROM bundle WHERE id < new.id; END",
            "the schema has an unknown part: CREATE TRIGGER t",
        ),
        ("DROP INDEX input_statement", "the schema lacks: CREATE INDEX input_statement"),
        ("DROP TABLE manifest_part", "the schema lacks: CREATE TABLE manifest_part"),
        ("DROP TABLE bundle", "the list of bundles cannot be read to the end: no such table: bundle"),
    ],
)
def test_check_reports_what_does_not_fit(full, statement, reason):
    assert problems(full) == ()
    alter(full, statement)
    assert [each for each in problems(full) if reason in each], problems(full)


def test_a_bundle_that_is_none_is_reported(full):
    raw = b'{"mediaType":"text/plain"}'
    digest = sqlite.hashlib.sha256(raw).hexdigest()
    alter(full, f"UPDATE bundle SET raw = x'{raw.hex()}', sha256 = x'{digest}' WHERE id = 1")  # noqa: S608
    assert [each for each in problems(full) if each.startswith("bundle 1: cannot be read: mediaType")]
    with open_store(str(full)) as store, pytest.raises(StoreError, match="bundle 1: is damaged: mediaType"):
        next(store.bundles())


@pytest.mark.parametrize(
    ("statement", "use", "reason"),
    [
        (
            "UPDATE bundle SET raw = raw || x'20' WHERE id = 1",
            lambda store, _: list(store.bundles()),
            "bundle 1: is damaged: its bytes do not match their digest",
        ),
        (
            "UPDATE bundle SET statement_id = 2 WHERE id = 1",
            lambda store, digest: list(store.bundles(digest)),
            "bundle 1: is damaged: got statement .*, expected ",
        ),
        (
            "UPDATE manifest_part SET data = data || data",
            lambda store, _: [store.manifest(each) for each in store.manifests()],
            "manifest .* is damaged: its bytes have digest",
        ),
        (
            "DROP TABLE subject",
            lambda store, _: store.by_subject(sha("data")),
            "no such table: subject",
        ),
    ],
)
def test_damaged_things_are_never_handed_out(full, statement, use, reason):
    digest = bundle("data", predicate={"notes": ["n" * 3000] * 9}).statement_digest
    alter(full, statement)
    with open_store(str(full)) as store, pytest.raises(StoreError, match=reason) as caught:
        use(store, digest)
    assert str(full) in str(caught.value)


def test_thousands_of_problems_are_counted(full, monkeypatch):
    from attest.stores import _sqlite_check

    monkeypatch.setattr(_sqlite_check, "_MAX_PROBLEMS", 2)
    alter(full, "UPDATE bundle SET raw = x'00'", "UPDATE manifest_part SET data = x'00'")
    found = problems(full)
    assert len(found) == 3
    assert found[-1] == "and 3 more"


def explore(path):
    """Use all of a store; return what check says, or what kept it from being opened."""
    try:
        with open_store(str(path), read_only=True) as store:
            found = store.check().problems
            for use in (
                lambda: list(store.bundles()),
                lambda: list(store.bundles(step([entry("model/", tree=True)]).statement_digest)),
                lambda: [store.manifest(each) for each in store.manifests()],
                lambda: [store.by_subject(sha(each)) for each in ("model/", "data")],
                lambda: [store.by_input(sha(each)) for each in ("code", "data/")],
            ):
                try:
                    use()
                except StoreError as error:
                    found += (str(error),)
            return found
    except StoreError as error:
        return (str(error),)


@pytest.mark.parametrize("seed", range(4))
def test_damage_anywhere_is_an_answer_and_never_a_traceback(full, seed):
    data = full.read_bytes()
    with open_store(str(full)) as store:
        content = raws(store), list(store.manifests())
    chance = random.Random(seed)  # noqa: S311 - the same damage at every run
    used = [number for number in range(100, len(data)) if data[number]]
    for _ in range(60):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 8, 64))):
            changed[chance.choice(used) if chance.random() < 0.7 else chance.randrange(len(data))] = (
                chance.randrange(256)
            )
        full.write_bytes(changed)
        found = explore(full)
        for log in full.parent.glob("store.db-*"):
            log.unlink()
        if not found:  # then the damage met nothing that counts
            with open_store(str(full), read_only=True) as store:
                assert (raws(store), list(store.manifests())) == content


def test_every_flipped_bit_of_what_was_signed_is_reported(full):
    data = full.read_bytes()
    raw = bundle("data", predicate={"notes": ["n" * 3000] * 9}).raw
    start = data.index(raw[-3000:-2000])
    for place in range(start, start + 1000, 97):
        for bit in range(8):
            changed = bytearray(data)
            changed[place] ^= 1 << bit
            full.write_bytes(changed)
            assert any("bundle 3: its bytes do not match" in each for each in problems(full))


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_reported(full, keep):
    data = full.read_bytes()
    full.write_bytes(data[: int(len(data) * keep)])
    assert explore(full)


def test_an_error_of_sqlite_nobody_foresaw_is_named():
    expected = r"store.db: the moon is in the wrong phase \(OperationalError\)"
    with pytest.raises(StoreError, match=expected), _sqlite_file.explained("store.db"):
        raise sqlite3.OperationalError("the moon is in the wrong phase")
