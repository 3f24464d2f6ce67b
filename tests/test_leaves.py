"""Leaf files: the tree in memory and the one on disk are the same, and damage is never an answer."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attest.buckets import level_for
from attest.commitment import Keyer, commit
from attest.errors import AttestError, FormatError
from attest.leaves import HEAD_BYTES, LeafFile, Owner, derive, write_leaves
from attest.resource import Artifact
from attest.spill import SHARDS, Spill, settle

KEYER = Keyer(bytes(range(32)))
OWNER = Owner("content", KEYER.secret_digest, Artifact("5" * 64, tree=True), 7)


def numbered(*numbers):
    return KEYER.keys(str(number).encode() for number in range(*numbers))


def build(folder, keys, level=None):
    """Write keys in two spills, as two processes would."""
    half = len(keys) // 2
    for part in (keys[:half], keys[half:]):
        spill = Spill(folder / "spill")
        spill.add(part)
        spill.flush()
    (folder / "spill").mkdir(exist_ok=True)
    level = level_for(len(keys)) if level is None else level
    write_leaves(folder / "leaves", settle(folder / "spill", range(SHARDS), level, HEAD_BYTES), OWNER)
    shutil.rmtree(folder / "spill")
    return LeafFile(folder / "leaves")


@pytest.fixture
def leaves(tmp_path):
    with build(tmp_path, numbered(5000)) as found:
        yield found


@pytest.mark.parametrize("count", [0, 1, 8, 9, 63, 64, 65, 700, 8191, 8192, 20_000])
def test_the_file_holds_the_tree(tmp_path, count):
    keys = numbered(count)
    with build(tmp_path, [*keys, *keys[:3]]) as leaves:
        assert leaves.commitment == commit(keys, "content", KEYER.secret_digest)
        assert list(leaves) == sorted(keys)
        assert (len(leaves), leaves.owner) == (count, OWNER)
        leaves.check()
        for key in keys[:40]:
            assert leaves.prove(key).included
        for key in numbered(count, count + 40):
            assert key not in leaves


@pytest.mark.parametrize("doubled", [0, -1])
def test_keys_that_stand_twice_leave_no_trace(tmp_path, doubled):
    keys = numbered(20_000)
    with build(tmp_path, keys) as leaves:
        once = leaves.path.read_bytes()
        level = leaves.level
    with build(tmp_path, [*keys, sorted(keys)[doubled]], level) as leaves:
        assert leaves.path.read_bytes() == once


close = st.integers(0, 400).map(lambda number: (number << 230).to_bytes(32, "big"))
sets = st.sets(st.one_of(close, st.binary(min_size=32, max_size=32)), max_size=120)


@settings(max_examples=60, deadline=None)
@given(sets, st.integers(0, 9), sets)
def test_any_keys_in_any_number_of_buckets(keys, level, others):
    with tempfile.TemporaryDirectory() as name, build(Path(name), [*keys], level) as leaves:
        assert leaves.commitment == commit(keys, "content", KEYER.secret_digest)
        leaves.check()
        for key in [*keys, *others]:
            proof = leaves.prove(key)
            assert proof.problem(leaves.commitment) is None
            assert proof.included is (key in keys)


@settings(max_examples=60, deadline=None)
@given(sets, st.integers(0, 9), sets, st.data())
def test_what_is_added_and_dropped_gives_the_file_that_is_built_at_once(keys, level, coming, data):
    going = data.draw(st.sets(st.sampled_from(sorted(keys)))) if keys else set()
    with tempfile.TemporaryDirectory() as name, build(Path(name), [*keys], level) as old:
        made = derive(Path(name) / "new", old, OWNER, coming, going)
        with LeafFile(Path(name) / "new") as new:
            new.check()
            assert made == new.commitment == commit((keys - going) | coming, "content", KEYER.secret_digest)


@pytest.mark.parametrize(("drop", "add"), [(4900, 0), (0, 60_000), (5000, 0), (1, 1)])
def test_buckets_follow_the_number_of_keys(tmp_path, leaves, drop, add):
    keys = numbered(5000)
    coming = numbered(5000, 5000 + add)
    derive(tmp_path / "new", leaves, OWNER, coming, keys[:drop])
    with LeafFile(tmp_path / "new") as new:
        new.check()
        assert new.commitment == commit([*keys[drop:], *coming], "content", KEYER.secret_digest)
        assert abs(new.level - level_for(5000 - drop + add)) <= 2


def test_the_file_may_be_replaced_by_what_follows_it(tmp_path, leaves):
    derive(leaves.path, leaves, OWNER, numbered(5000, 5001))
    with LeafFile(leaves.path) as new:
        assert len(new) == 5001


def test_only_its_owner_may_read_it(leaves):
    assert stat.S_IMODE(leaves.path.stat().st_mode) == 0o600


def test_nothing_else_is_left_behind(tmp_path, leaves):
    derive(tmp_path / "new", leaves, OWNER, numbered(5000, 90_000))
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"leaves", "new"}


def test_a_flipped_bit_anywhere_is_never_an_answer(tmp_path):
    keys = numbered(300)
    with build(tmp_path, keys) as leaves:
        whole = leaves.path.read_bytes()
    others = numbered(300, 320)
    damaged = tmp_path / "damaged"
    told = set()
    for place in range(0, len(whole), 29):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        damaged.write_bytes(data)
        try:
            with LeafFile(damaged) as found:
                answers = [(key in found, key in keys) for key in (*keys[::15], *others)]
        except FormatError as error:
            told.add(error.what.partition(":")[0])
        else:
            assert all(got is expected for got, expected in answers)
        with pytest.raises(FormatError), LeafFile(damaged) as found:
            found.check()
    assert told == {"the leaf file is damaged", "this is no leaf file"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "no leaf file"),
        (lambda data: b"nonsense" * 40, "no leaf file"),
        (lambda data: data[:-1], "bytes, expected"),
        (lambda data: data + b"\0", "bytes, expected"),
        (lambda data: data[:20] + b"\xff" + data[21:], "header differs"),
    ],
)
def test_what_is_cut_off_or_something_else_is_refused(leaves, change, message):
    data = leaves.path.read_bytes()
    leaves.path.unlink()
    leaves.path.write_bytes(change(data))
    with pytest.raises(FormatError, match=message):
        LeafFile(leaves.path)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(AttestError, match="No such file"):
        LeafFile(tmp_path / "none")


def test_changed_buckets_are_checked_before_they_are_built_on(tmp_path, leaves):
    data = bytearray(leaves.path.read_bytes())
    data[200] ^= 1  # of the first key
    other = tmp_path / "damaged"
    other.write_bytes(data)
    os.chmod(other, 0o600)  # noqa: PTH101
    with LeafFile(other) as found, pytest.raises(FormatError, match="damaged"):
        derive(tmp_path / "new", found, OWNER, drop=[sorted(numbered(5000))[1]])
    assert not (tmp_path / "new").exists()
