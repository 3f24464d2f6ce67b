"""Record commitments: every proof verifies and says the truth, no altered one does, no tree says both."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256

import pytest
from golden_files import check_golden
from hypothesis import event, given, settings
from hypothesis import strategies as st

from attest.commitment import (
    EMPTY,
    LEAF_KEYS,
    Commitment,
    Keyer,
    Proof,
    Step,
    Subtree,
    commit,
    fold,
    join,
    leaf_hash,
    parse_key,
    prove,
)
from attest.errors import FormatError

SECRET = bytes(range(32))
DIGEST = sha256(SECRET).hexdigest()

# keys that share long beginnings are as likely as keys that do not
close = st.builds(
    lambda number, place: (number << place).to_bytes(32, "big"),
    st.integers(0, 255),
    st.sampled_from([0, 3, 22]),
)
keys_ = st.one_of(close, st.binary(min_size=32, max_size=32))
sets = st.sets(keys_, max_size=60)


def numbered(count):
    return Keyer(SECRET).keys(str(number).encode() for number in range(count))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_a_key_is_plain_hmac(secret, record):
    expected = hmac.digest(secret, record, "sha256")
    assert Keyer(secret).key(record) == expected
    assert Keyer(secret).key([record[:7], record[7:]]) == expected  # as a large file is read


def test_a_secret_of_another_length_is_refused():
    with pytest.raises(FormatError, match="a secret of 31 bytes, expected 32"):
        Keyer(bytes(31))


@pytest.mark.parametrize("text", ["", "AB" * 32, "ab" * 31, "sha256:" + "ab" * 32])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(FormatError, match="64 lowercase hex digits"):
        parse_key(text)


def slow(keys, bit=0):
    """The tree by its definition: split at every bit, and leave out nodes with one side."""
    if len(keys) <= LEAF_KEYS:
        return Subtree(len(keys), leaf_hash(sorted(keys)))
    sides = [{key for key in keys if (key[bit // 8] >> (7 - bit % 8)) & 1 == way} for way in (0, 1)]
    if not all(sides):
        return slow(keys, bit + 1)
    left, right = (slow(side, bit + 1) for side in sides)
    message = b"\1" + bytes([bit]) + left.size.to_bytes(8, "big") + right.size.to_bytes(8, "big")
    return Subtree(len(keys), sha256(message + left.hash + right.hash).digest())


@given(sets)
def test_the_tree_is_what_its_definition_says(keys):
    assert fold(sorted(keys)) == slow(keys)


@given(sets, st.randoms())
def test_order_and_repetition_make_no_difference(keys, chance):
    mixed = [*keys, *list(keys)[:5]]
    chance.shuffle(mixed)
    assert commit(mixed, "content", DIGEST) == commit(keys, "content", DIGEST)


@given(sets, sets)
def test_other_keys_have_another_root(one, other):
    assert (fold(sorted(one)) == fold(sorted(other))) is (one == other)


def test_leaf_node_and_empty_hashes_never_meet():
    key = bytes(32)
    assert len({EMPTY, leaf_hash([key]), leaf_hash([]), sha256(key).digest()}) == 3
    assert leaf_hash([]) == EMPTY


@given(sets, keys_)
def test_proofs_of_members_and_of_others_verify(keys, stranger):
    commitment = commit(keys, "subject", DIGEST)
    for key in [*keys, stranger]:
        proof = prove(keys, key, commitment)
        assert proof.problem(commitment) is None
        assert proof.included is (key in keys)
        assert Proof.decode(proof.encode()) == proof


@settings(max_examples=30, deadline=None)
@given(sets, keys_, st.data())
def test_no_flipped_bit_verifies(keys, stranger, data):
    commitment = commit(keys, "content", DIGEST)
    encoded = prove(keys, data.draw(st.sampled_from([*keys, stranger])), commitment).encode()
    for place in range(8 * len(encoded)):
        flipped = bytearray(encoded)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(FormatError):
            Proof.decode(bytes(flipped))


@settings(max_examples=30, deadline=None)
@given(sets, keys_, st.data())
def test_no_flipped_bit_verifies_as_another_answer(keys, stranger, data):
    """The digest at the end is no protection from who can make it anew: the tree is."""
    commitment = commit(keys, "content", DIGEST)
    proof = prove(keys, data.draw(st.sampled_from([*keys, stranger])), commitment)
    body = proof.encode()[:-32]
    for place in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[place // 8] ^= 1 << place % 8
        try:
            other = Proof.decode(bytes(flipped) + sha256(flipped).digest())
        except FormatError:
            continue
        if other.problem(commitment) is None:  # it is then a true proof about another key
            assert other.key != proof.key
            assert other.included is (other.key in keys)


def way_of(key, bit):
    return (key[bit // 8] >> (7 - bit % 8)) & 1


@st.composite
def dishonest_trees(draw):
    """Nodes on leaves as a cheat would build them: keys in several places, left out, counts that are lies."""
    pool = draw(st.lists(close, min_size=2, max_size=8, unique=True))

    def build(bit, taken):
        bit += draw(st.integers(1, 3))
        if bit > 12 or draw(st.integers(0, 2)) == 0:
            fitting = [key for key in pool if all(way_of(key, at) == way for at, way in taken)]
            leaf = draw(st.lists(st.sampled_from(fitting or pool), max_size=LEAF_KEYS, unique=True))
            return sorted(leaf) if draw(st.integers(0, 9)) else leaf
        sides = [build(bit, [*taken, (bit + 225, way)]) for way in (0, 1)]
        return bit + 225, *(draw(st.integers(8, 20)) for _ in sides), *sides

    return pool, build(-1, [])


def paths(tree):
    """Yield subtree, leaf and steps for every leaf of any tree."""
    if isinstance(tree, list):
        return Subtree(len(tree), leaf_hash(tree)), [(tuple(tree), [])]
    bit, low, high, one, other = tree
    left, to_left = paths(one)
    right, to_right = paths(other)
    left, right = Subtree(max(low, left.size), left.hash), Subtree(max(high, right.size), right.hash)
    found = [(leaf, [*steps, Step(bit, *right)]) for leaf, steps in to_left]
    found += [(leaf, [*steps, Step(bit, *left)]) for leaf, steps in to_right]
    return join(bit, left, right), found


@settings(max_examples=250, deadline=None)
@given(dishonest_trees())
def test_no_root_however_built_yields_both_proofs_for_one_key(built):
    pool, tree = built
    root, found = paths(tree)
    commitment = Commitment(root.hash, root.size, "content", DIGEST)
    for key in pool:
        proofs = (Proof.of(key, leaf, steps, commitment) for leaf, steps in found)
        answers = {each.included for each in proofs if each.problem(commitment) is None}
        event(f"{len(answers)} answers")
        assert len(answers) < 2


def test_a_proof_for_something_else_says_what():
    keys = numbered(50)
    commitment = commit(keys, "content", DIGEST)
    proof = prove(keys, keys[7], commitment)
    other = commit(keys[1:], "content", DIGEST)
    assert f"for another root: got {proof.root.hex()}, expected {other.root.hex()}" in proof.problem(other)
    people = Commitment(commitment.root, commitment.count, "subject", DIGEST)
    assert proof.problem(people) == "it is about content keys, the commitment about subject keys"
    fewer = Commitment(commitment.root, 49, "content", DIGEST)
    assert proof.problem(fewer) == "it counts 50 records, the commitment 49"
    shorter = Proof(proof.key, proof.leaf, proof.steps[1:], proof.root, proof.count, proof.space)
    assert "do not lead to the root" in shorter.problem(commitment)
    turned = Proof(proof.key, proof.leaf, proof.steps[::-1], proof.root, proof.count, proof.space)
    assert "not those of a prefix tree" in turned.problem(commitment)


def test_sizes_beyond_all_counting_are_refused():
    """A number that does not fit where it is hashed is an answer, too."""
    key = Keyer(SECRET).key(b"x")
    steps = tuple(Step(bit, (1 << 62) - 1, bytes(32)) for bit in range(20, 0, -1))
    proof = Proof(key, (key,), steps, bytes(32), 100, "content")
    commitment = Commitment(bytes(32), 100, "content", DIGEST)
    assert Proof.decode(proof.encode()).problem(commitment) == "its steps are not those of a prefix tree"


def test_of_no_records_everything_is_excluded():
    commitment = commit([], "content", DIGEST)
    assert (commitment.count, commitment.root) == (0, EMPTY)
    proof = prove([], bytes(32), commitment)
    assert (proof.included, proof.problem(commitment)) == (False, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: b"", "no proof about a record"),
        (lambda data: b"{}" * 100, "no proof about a record"),
        (lambda data: data[:-1], "bytes, expected"),
        (lambda data: data + b"\0", "bytes, expected"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "its own digest differs"),
        (lambda data: data[:8] + b"\7" + data[9:], "says something no proof says"),
        (lambda data: data[:9] + b"\11" + data[10:], "says something no proof says"),
        (lambda data: data[:10] + b"\xff\xff" + data[12:], "says something no proof says"),
    ],
)
def test_damaged_proofs_are_refused(change, message):
    keys = numbered(50)
    data = prove(keys, keys[0], commit(keys, "content", DIGEST)).encode()
    with pytest.raises(FormatError, match=message):
        Proof.decode(change(data), "some.proof")


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_or_read_back(data):
    with pytest.raises(FormatError):
        Proof.decode(b"ATTRPRF1" + data)


def test_the_encoding_stays_what_it_is():
    vectors = []
    for count in (0, 1, 8, 9, 100):
        keys = numbered(count)
        commitment = commit(keys, "content", DIGEST)
        asked = [*keys[:1], Keyer(SECRET).key(b"nobody")]
        vectors.append(
            {
                "records": f"the decimal numbers below {count}",
                "root": commitment.root.hex(),
                "proofs": [prove(keys, key, commitment).encode().hex() for key in asked],
            }
        )
    text = json.dumps({"secret": SECRET.hex(), "vectors": vectors}, indent=1) + "\n"
    check_golden("records/proofs.json", text)
