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
from hypothesis import given
from hypothesis import strategies as st
from stores.samples import bundle, dataset, entry, raws, sha, step

from attest.errors import StoreError, UsageError
from attest.resource import Artifact
from attest.store import compact_store, migrate_store, open_store
from attest.stores import _sqlite_file, _sqlite_rows, _sqlite_walk, sqlite

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.db"


CODE = {"name": "code", "digest": {"sha256": sha("code"), "sha512": "5" * 128}}


@pytest.fixture
def full(path):
    """A closed store with a little of everything."""
    with open_store(str(path), create=True) as store:
        store.put(
            [
                step([entry("model/", tree=True)], [entry("data/", tree=True), CODE]),
                step([entry("model/", tree=True)], [entry("data/", tree=True), CODE], signer="bob"),
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
    alter(full, "PRAGMA user_version=3")
    before = full.read_bytes()
    with pytest.raises(StoreError, match="has store version 3, this attest reads up to 2") as caught:
        open_store(str(full), create=create)
    assert caught.value.hint == "update attest"
    assert full.read_bytes() == before


def test_a_store_without_version_is_damaged(full):
    alter(full, "PRAGMA user_version=0")
    with pytest.raises(StoreError, match="got store version 0, expected 2"):
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
    monkeypatch.setattr(_sqlite_rows, "PART_BYTES", 1000)
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
from attest.store import compact_store, migrate_store, open_store
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
from attest.store import compact_store, migrate_store, open_store
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
        ("DELETE FROM product WHERE statement_id = 1", "is not indexed by its product sha256:"),
        ("DELETE FROM source WHERE statement_id = 1", "is not indexed by its source sha256:"),
        ("INSERT INTO source SELECT 2, id, 2 FROM artifact", "is indexed by source sha256:"),
        ("UPDATE source SET listed = 3", "is indexed as something else: got 3, expected 2"),
        ("UPDATE product SET listed = 0", "is indexed as something else: got 0, expected 1"),
        ("DELETE FROM alias", "is not indexed by its sha512"),
        ("UPDATE artifact SET tree = 1 - tree", "is not indexed by its product"),
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
        ("DROP INDEX source_artifact", "the schema lacks: CREATE INDEX source_artifact"),
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
            "DROP TABLE product",
            lambda store, _: store.by_subject(sha("data")),
            "no such table: product",
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
    from attest.stores import _inspect

    monkeypatch.setattr(_inspect, "_MAX_PROBLEMS", 2)
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
                lambda: list(store.statements()),
                lambda: store.by_alias("sha512", "5" * 128),
                lambda: list(store.by_subjects([Artifact(sha("data"))])),
                lambda: [*(walk := store.reach([Artifact(sha("code"))])).artifacts(), *walk.statements()],
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


# ── older versions ──


OLD_SCHEMA = """
CREATE TABLE statement (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  predicate_type TEXT NOT NULL
);
CREATE TABLE bundle (
  id INTEGER PRIMARY KEY,
  statement_id INTEGER NOT NULL REFERENCES statement,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  raw BLOB NOT NULL
);
CREATE INDEX bundle_statement ON bundle (statement_id);
CREATE TABLE artifact (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
  tree INTEGER NOT NULL CHECK (tree IN (0, 1)),
  UNIQUE (sha256, tree)
);
CREATE TABLE subject (
  artifact_id INTEGER NOT NULL REFERENCES artifact,
  statement_id INTEGER NOT NULL REFERENCES statement,
  PRIMARY KEY (artifact_id, statement_id)
) WITHOUT ROWID;
CREATE INDEX subject_statement ON subject (statement_id);
CREATE TABLE input (
  artifact_id INTEGER NOT NULL REFERENCES artifact,
  statement_id INTEGER NOT NULL REFERENCES statement,
  PRIMARY KEY (artifact_id, statement_id)
) WITHOUT ROWID;
CREATE INDEX input_statement ON input (statement_id);
CREATE TABLE manifest (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32)
);
CREATE TABLE manifest_part (
  manifest_id INTEGER NOT NULL REFERENCES manifest,
  number INTEGER NOT NULL,
  data BLOB NOT NULL,
  UNIQUE (manifest_id, number)
);
PRAGMA application_id=1096045396;
PRAGMA user_version=1;
"""
"""What attest made at version 1."""

LARGE = b"a" * 64 + b"  w.bin\n"
"""The manifest of a directory whose files are no subjects."""


def old_content():
    tree = {**entry("large/", tree=True, digest=sqlite.hashlib.sha256(LARGE).hexdigest())}
    return [
        step([entry("model")], [entry("data/", tree=True), CODE], [entry("left")]),
        step([entry("model")], [entry("data/", tree=True), CODE], [entry("left")], signer="bob"),
        dataset("data/", [entry("origin")], tree=True),
        step([{**tree, "annotations": {"weights": ["w.bin"]}}], [entry("model")]),
    ]


@pytest.fixture
def old(path):
    """A store of version 1, filled as version 1 did it."""
    connection = sqlite3.connect(path)
    connection.executescript(OLD_SCHEMA)
    connection.execute("PRAGMA journal_mode=WAL")
    with connection:
        for one in old_content():
            digest = bytes.fromhex(one.statement_digest)
            found = connection.execute("SELECT id FROM statement WHERE sha256 = ?", (digest,)).fetchone()
            if found is None:
                row = (digest, one.statement().predicate_type)
                connection.execute("INSERT INTO statement (sha256, predicate_type) VALUES (?, ?)", row)
                found = connection.execute("SELECT max(id) FROM statement").fetchone()
                for name in ("model", "left"):
                    keys = (bytes.fromhex(sha(name)), 0)
                    connection.execute("INSERT OR IGNORE INTO artifact (sha256, tree) VALUES (?, ?)", keys)
                    query = "INSERT INTO subject SELECT id, ? FROM artifact WHERE sha256 = ? AND tree = ?"
                    connection.execute(query, (*found, *keys))
            raw = sqlite.hashlib.sha256(one.line).digest()
            row = (*found, raw, one.line)
            connection.execute("INSERT INTO bundle (statement_id, sha256, raw) VALUES (?, ?, ?)", row)
        connection.execute("INSERT INTO manifest VALUES (1, ?)", (sqlite.hashlib.sha256(LARGE).digest(),))
        connection.execute("INSERT INTO manifest_part VALUES (1, 0, ?)", (LARGE,))
    connection.close()
    return path


def schema_of(path):
    connection = sqlite3.connect(path)
    found = set(connection.execute("SELECT name, sql FROM sqlite_master"))
    connection.close()
    return found


@pytest.mark.parametrize("read_only", [True, False])
def test_an_older_store_says_how_it_is_brought_up_to_date(old, read_only):
    before = old.read_bytes()
    with pytest.raises(StoreError, match="has store version 1, this attest reads version 2") as caught:
        open_store(str(old), read_only=read_only)
    assert caught.value.hint == "`attest store migrate` brings it up to date"
    assert old.read_bytes() == before


def test_an_older_store_brought_up_to_date_is_what_a_new_one_would_be(old, tmp_path):
    told = []
    assert migrate_store(f"sqlite:{old}", advance=lambda *each: told.append(each)) == (1, 2)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert migrate_store(str(old)) == (2, 2)
    with open_store(str(tmp_path / "new.db"), create=True) as new, open_store(str(old)) as store:
        new.put(old_content(), [LARGE])
        assert store.check() == new.check()
        assert (raws(store), list(store.manifests())) == (raws(new), list(new.manifests()))
        for name in ("origin", "code", "model"):
            walks = [each.reach([Artifact(sha(name))]) for each in (store, new)]
            found, expected = [(set(walk.artifacts()), list(walk.statements())) for walk in walks]
            assert found == expected
            assert Artifact("a" * 64) in found[0]
        assert store.by_subject(sha("model")) == new.by_subject(sha("model"))
        assert store.by_input(sha("left")) == new.by_input(sha("left"))
        assert store.by_alias("sha512", "5" * 128) == [Artifact(sha("code"))]
        assert store.put([bundle("after")]) == 1
    assert schema_of(old) == schema_of(tmp_path / "new.db")


@pytest.mark.parametrize(
    "damage", ["UPDATE bundle SET raw = x'7b7d' WHERE id = 3", "DELETE FROM bundle WHERE id = 3"]
)
def test_a_damaged_older_store_is_left_as_it_is(old, damage):
    alter(old, damage)
    before = schema_of(old)
    with pytest.raises(StoreError, match="statement 2 is damaged: "):
        migrate_store(str(old))
    assert schema_of(old) == before


def test_an_interrupted_migration_changes_nothing(old):
    def interrupt(done, _):
        if done == 2:
            raise KeyboardInterrupt

    before = schema_of(old)
    with pytest.raises(KeyboardInterrupt):
        migrate_store(str(old), advance=interrupt)
    assert schema_of(old) == before
    assert migrate_store(str(old)) == (1, 2)


def test_what_is_no_store_cannot_be_brought_up_to_date(tmp_path):
    with pytest.raises(StoreError, match="there is no store"):
        migrate_store(str(tmp_path / "none.db"))
    with pytest.raises(UsageError, match="unknown store 'sqlight'"):
        migrate_store("sqlight:x")
    assert list(tmp_path.iterdir()) == []


# ── compacting ──


@pytest.fixture
def roomy(path):
    """A store of small pages with much room it does not use, as older versions made it."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size=4096")
    for sql in _sqlite_file.SCHEMA:
        connection.execute(sql)
    connection.execute("CREATE TABLE waste (data)")
    connection.execute("INSERT INTO waste VALUES (zeroblob(3000000))")
    connection.commit()
    connection.execute("DROP TABLE waste")
    connection.execute(f"PRAGMA application_id={_sqlite_file.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={_sqlite_file.VERSION}")
    connection.commit()
    connection.close()
    with open_store(str(path)) as store:
        store.put([bundle(n, predicate={"x": ["y" * 1900]}) for n in range(300)], [b"m"])
    return path


def page_bytes(path):
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    return found


def test_a_compact_store_holds_the_same_in_less_room(roomy):
    with open_store(str(roomy)) as store:
        content = raws(store), list(store.manifests())
    size = roomy.stat().st_size
    before, after = compact_store(f"sqlite:{roomy}")
    assert (before, after) == (size, roomy.stat().st_size)
    assert after < before / 2
    assert page_bytes(roomy) == _sqlite_file.PAGE_BYTES
    with open_store(str(roomy)) as store:
        assert (raws(store), list(store.manifests())) == content
        assert store.check().problems == ()
        assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store.put([bundle("after")]) == 1
    assert [each.name for each in roomy.parent.iterdir()] == [roomy.name]


def test_a_store_that_others_have_open_keeps_its_pages(roomy):
    with open_store(str(roomy), read_only=True) as reader:
        before, after = compact_store(str(roomy))
        assert len(raws(reader)) == 300
        assert reader.check().problems == ()
    assert after < before
    assert page_bytes(roomy) == 4096


def test_a_store_in_use_is_not_compacted(roomy, monkeypatch):
    monkeypatch.setattr(_sqlite_file, "BUSY_SECONDS", 0)
    reader = sqlite3.connect(roomy, isolation_level=None)
    with open_store(str(roomy)) as store:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM bundle").fetchone()
        store.put([bundle("later")])
        with pytest.raises(StoreError, match="in use by another process"):
            compact_store(str(roomy))
        reader.execute("COMMIT")
        assert len(raws(store)) == 301
    reader.close()


def test_without_room_nothing_is_begun(roomy, monkeypatch):
    before = roomy.read_bytes()
    free = shutil.disk_usage(roomy.parent)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(StoreError, match=r"too little room in .*: 1,000 bytes are free, expected") as caught:
        compact_store(str(roomy))
    assert caught.value.hint == "nothing was changed"
    assert roomy.read_bytes() == before


def test_a_disk_that_fills_up_while_compacting_damages_nothing(roomy):
    script = """
import resource, signal, sys
from attest.errors import StoreError
from attest.store import compact_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    compact_store(sys.argv[1])
except StoreError as error:
    print(error.what)
"""
    assert run_python(script, str(roomy)).stdout
    with open_store(str(roomy)) as store:
        assert len(raws(store)) == 300
        assert store.check().problems == ()


# ── what a walk has reached ──


@given(st.lists(st.lists(st.integers(0, 60), max_size=12), max_size=8), st.integers(0, 40))
def test_marks_are_the_same_however_many_there_are(parts, few):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sqlite_walk, "_FEW", few)
        marks, seen = _sqlite_walk.Marks(60), []
        for part in parts:
            fresh = marks.add((each,) for each in part)
            assert fresh == [each for each in dict.fromkeys(part) if each not in seen]
            seen += fresh
            assert (marks.count, list(marks.ids())) == (len(seen), sorted(seen))


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("wrong", [10**6, -1, "somewhere"])
def test_a_link_that_leads_nowhere_is_damage_for_any_number_of_results(tmp_path, monkeypatch, few, wrong):
    monkeypatch.setattr(_sqlite_walk, "_FEW", few)
    path = tmp_path / "store.sqlite"
    with open_store(str(path), create=True) as store:
        store.put([step([entry("middle")], [entry("data")])])
        store.put([step([entry("model")], [entry("middle")])])
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE product SET artifact_id = ? WHERE statement_id = 2", (wrong,))
    with open_store(str(path), read_only=True) as store, pytest.raises(StoreError, match="damaged"):
        store.reach([Artifact(sha("data"))])
