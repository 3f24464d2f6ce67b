"""Packed files and outcomes give back what was put in, in the order of the paths' bytes."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest import listing as module
from attest.batch import Batch, batches
from attest.errors import DigestError
from attest.listing import Found, Listing, pack_status
from attest.outcomes import Answers, Digests, FileDigest, Offender, Outcomes
from attest.scan import Scan

numbers = st.integers(0, 2**64 - 1)
times = st.integers(-(2**63), 2**63 - 1)
names = st.text("ab/-.é\U0001f600", min_size=1, max_size=6)
files = st.builds(
    lambda path, place, status: Found(path, place or path, status[2], status),
    names,
    st.none() | names,
    st.tuples(numbers, numbers, numbers, times, times),
)


@given(st.lists(files, max_size=30))
def test_files_come_back_as_they_went_in(found):
    listing = Listing.of(found)
    assert list(listing) == found
    assert [listing[number] for number in range(len(found))] == found
    assert listing[1:3] == found[1:3]
    assert listing == found
    assert list(listing.sizes()) == [each.size for each in found]
    assert Listing.of(listing) is listing


@given(
    st.dictionaries(
        st.sampled_from(["", "a/", "a/b/", "a-/", "é/"]), st.sets(st.text("ab-é", min_size=1, max_size=3))
    ),
    st.integers(1, 5),
)
def test_any_order_is_sorted_by_the_bytes_of_the_paths(folders, at_once):
    listing = Listing()
    for folder, inside in folders.items():
        names = [name.encode() for name in inside]
        listing.add(folder.encode(), names, b"".join(pack_status((0, 0, len(name), 0, 0)) for name in names))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_SORTED_AT_ONCE", at_once)
        listing.sort()
    paths = [folder + name for folder, inside in folders.items() for name in inside]
    assert [each.path for each in listing] == sorted(paths, key=str.encode)
    assert [listing.path(number).decode() for number in range(len(paths))] == paths
    sizes = {folder + name: len(name.encode()) for folder, inside in folders.items() for name in inside}
    assert {each.path: each.size for each in listing} == sizes


@given(st.lists(files, min_size=1, max_size=20, unique_by=lambda each: each.path), st.data())
def test_some_of_them_in_any_order(found, data):
    positions = data.draw(st.lists(st.sampled_from(range(len(found))), max_size=10))
    assert list(Listing.of(found).pick(positions)) == [found[each] for each in positions]


def test_a_time_out_of_all_reason():
    with pytest.raises(OverflowError, match="292 years"):
        Listing.of([Found("a", "a", 0, (0, 0, 0, 2**63, 0))])


def outcomes_of(*paths):
    return Outcomes(Listing.of(Found(path, path, 3, (1, 2, 3, 4, 5)) for path in paths), 99)


def digest(path, byte="00", read_ns=7):
    return FileDigest(path, byte * 32, 3, 4, 5, 2, 1, read_ns)


def test_outcomes_of_strangers_keep_what_they_say():
    """One who read a file earlier is believed to have: its time stays with it."""
    outcomes = outcomes_of("a", "b", "c")
    outcomes.add([digest("b", "bb"), Offender("a", "is bad")])
    outcomes.add(Answers(outcomes.listing, [2], b"\xcc" * 32, {}, 50))
    outcomes.check("here")
    assert list(outcomes) == [Offender("a", "is bad"), digest("b", "bb"), digest("c", "cc", 99)]
    assert outcomes[0:2] == [Offender("a", "is bad"), digest("b", "bb")]
    assert outcomes.offenders() == [Offender("a", "is bad")]
    with pytest.raises(TypeError, match="is bad"):
        Digests(outcomes)[0]


@pytest.mark.parametrize(
    ("answers", "got"),
    [
        ([], "got none for 2, more than one for 0 and 0 of others"),
        ([digest("a")], "got none for 1, more than one for 0 and 0 of others"),
        ([digest("a"), digest("b"), digest("c")], "got none for 0, more than one for 0 and 1 of others"),
        ([digest("a")] * 300 + [digest("b")], "got none for 0, more than one for 1 and 0 of others"),
    ],
)
def test_one_outcome_for_each_is_what_must_come(answers, got):
    outcomes = outcomes_of("a", "b")
    outcomes.add(answers)
    with pytest.raises(DigestError, match=f"{got}, expected one digest for each of 2 files"):
        outcomes.check("here")


def test_an_answer_looks_like_the_outcomes_it_stands_for():
    listing = outcomes_of("a", "b", "c").listing
    answers = Answers(listing, range(1, 3), b"\xbb" * 32 + bytes(32), {1: "is bad"}, 7)
    assert list(answers) == answers[:] == [digest("b", "bb"), Offender("c", "is bad")]
    assert answers[-1] == Offender("c", "is bad")
    assert answers == [digest("b", "bb"), Offender("c", "is bad")]


@given(st.lists(files, min_size=1, max_size=20, unique_by=lambda each: each.path))
def test_a_batch_travels_with_its_own_files_alone(found):
    for batch in batches(Scan("root", found, [], 0, [])):
        copy = pickle.loads(pickle.dumps(batch))  # noqa: S301
        assert copy == batch == Batch("root", batch.files)
        assert len(copy.listing) == len(batch.numbers)
        assert copy.largest == max(each.size for each in batch.files)
