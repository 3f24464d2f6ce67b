"""Removal proofs: what was in the old version and is not in the new one, with counts that add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attest.commitment import Commitment, Keyer, commit, prove
from attest.errors import FormatError
from attest.removal import Removal

KEYER, OTHER = Keyer(bytes(range(32))), Keyer(bytes(32))


def numbered(*numbers, keyer=KEYER):
    return keyer.keys(str(number).encode() for number in numbers)


def removal(old, new, gone, space="content", keyer=KEYER):
    before, after = commit(old, space, keyer.secret_digest), commit(new, space, keyer.secret_digest)
    return before, after, Removal.of((prove(old, key, before), prove(new, key, after)) for key in gone)


@settings(deadline=None)
@given(st.sets(st.integers(0, 200), min_size=1, max_size=60), st.data())
def test_what_was_removed_is_proven(numbers, data):
    gone = data.draw(st.sets(st.sampled_from(sorted(numbers)), min_size=1))
    old, new = numbered(*numbers), numbered(*(numbers - gone))
    before, after, found = removal(old, new, numbered(*gone))
    assert found.problem([before], [after]) is None
    assert Removal.decode(found.encode()) == found
    assert sorted(found.keys("content")) == sorted(numbered(*gone))
    assert list(found.keys("subject")) == []


def test_both_spaces_in_one_proof():
    parts = [removal(numbered(1, 2), numbered(2), numbered(1), space) for space in ("content", "subject")]
    found = Removal.of(pair for _, _, each in parts for pair in each.pairs)
    before, after = [each[0] for each in parts], [each[1] for each in parts]
    assert found.problem(before, after) is None
    assert found.problem(before[:1], after) == "there is no commitment over subject keys of both versions"


def problem(old, new, gone):
    before, after, found = removal(old, new, gone)
    return found.problem([before], [after])


def test_what_is_not_so_is_told():
    (one,) = numbered(1)
    assert problem(numbered(2, 3), numbered(3), [one]) == f"record {one.hex()}: it was not in the old version"
    assert (
        problem(numbered(1, 2), numbered(1), [one]) == f"record {one.hex()}: it is still in the new version"
    )
    assert "3 content keys less 1 named are not 1: other records came or went" in problem(
        numbered(1, 2, 3), numbered(3), [one]
    )
    assert problem(numbered(1), numbered(), []) == "it names no record"


def test_two_secrets_cannot_be_compared():
    before, after, found = removal(numbered(1, 2), numbered(2), numbered(1))
    foreign = Commitment(after.root, after.count, "content", OTHER.secret_digest)
    assert (
        found.problem([before], [foreign])
        == "the content keys of the two versions are made with different secrets"
    )


def test_proofs_about_different_records_are_no_pair():
    before, after, found = removal(numbered(1, 2), numbered(2), numbered(1))
    mixed = Removal(((found.pairs[0][0], prove(numbered(2), numbered(5)[0], after)),))
    assert "the two proofs are about different records" in mixed.problem([before], [after])


def test_proofs_for_other_versions_are_told_apart():
    before, after, found = removal(numbered(1, 2), numbered(2), numbered(1))
    assert "in the old version: it is for another root" in found.problem([after], [after])
    assert "in the new version: it is for another root" in found.problem([before], [before])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "no removal proof"),
        (lambda data: b"ATTRPRF1" + data[8:], "no removal proof"),
        (lambda data: data[:-1], "its own digest differs"),
        (lambda data: sealed(data[:8] + (1 << 31).to_bytes(4, "big") + data[12:]), "10000 at most"),
        (lambda data: sealed(data[:8] + (2).to_bytes(4, "big") + data[12:]), "ends too early"),
        (lambda data: sealed(data[:-32] + b"more" + data[-32:]), "goes on behind its end"),
        (lambda data: sealed(data[:12] + b"\0\0" + data[14:]), "no proof about a record"),
    ],
)
def test_damaged_proofs_are_refused(change, message):
    _, _, found = removal(numbered(1, 2), numbered(2), numbered(1))
    with pytest.raises(FormatError, match=message):
        Removal.decode(change(found.encode()), "some.removal")


def sealed(data):
    """With a digest that fits, as who damages it on purpose would write it."""
    from hashlib import sha256

    return data[:-32] + sha256(data[:-32]).digest()
