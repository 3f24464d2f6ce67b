"""Record commitments: one root over all records of a dataset, with proofs that a record is in it or is not.

A record is known by its key, HMAC-SHA-256 (RFC 2104) under a secret of the dataset, so that nobody without
the secret can test whether a record they hold is in the data. The keys are the leaves of a compact binary
prefix tree (Morrison 1968, hashed): a node stands where two keys first differ and says at which bit, so which
way a key goes at a node is fixed by the key. Up to eight keys that go the same way are one leaf. From one
root a key therefore leads to one leaf and no other, whoever built the tree and however: that leaf holds the
key (it is included) or does not (it is excluded), never both. Equal records have one key: the keys are a set.

    empty   SHA-256(0x02)
    leaf    SHA-256(0x00 ‖ number of keys ‖ the keys, sorted)              1 to 8 keys
    node    SHA-256(0x01 ‖ bit ‖ left count ‖ right count ‖ left hash ‖ right hash)   9 keys or more below

Number and ``bit`` (0 is the first of a key) are one byte; a count, of the keys below, is eight, big endian.
What a root does not show: that its builder put every record in. Only making it again from the bytes does.
"""

from __future__ import annotations

import re
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from attest.errors import FormatError

__all__ = [
    "EMPTY",
    "KEY_BYTES",
    "LEAF_KEYS",
    "LIMITS_OF_A_PROOF",
    "SCHEME",
    "SECRET_BYTES",
    "SPACES",
    "Blob",
    "Commitment",
    "Keyer",
    "Proof",
    "SortedKeys",
    "Step",
    "Subtree",
    "commit",
    "fold",
    "join",
    "leaf_hash",
    "parse_key",
    "prove",
    "trace",
]

SCHEME = "prefix-tree-8/hmac-sha256/v0.1"
"""Name of the construction in statements."""
SPACES = ("content", "subject")
"""What keys are made of: a record's canonical bytes, or the stable id of the person it is about."""
SECRET_BYTES = 32
KEY_BYTES = 32
LEAF_KEYS = 8
"""Keys of a leaf, at most: a subtree of more is a node. A proof shows those that share the leaf, and building
takes a third of the time that one key per leaf would."""

EMPTY = sha256(b"\x02").digest()
"""Root of a dataset without records."""

LIMITS_OF_A_PROOF = (
    "that the builder put every record into the tree: only building it again from the bytes shows that",
    "anything about records that differ in a single bit, such as copies that were encoded anew",
    "anything about models: what was trained on a dataset is not changed by taking a record out of it",
)
"""What no proof shows; printed with every one."""

_HEX = re.compile(r"[0-9a-f]{64}")
_NODE = struct.Struct(">BBQQ32s32s")
_LEAVES = [bytes([0, size]) for size in range(LEAF_KEYS + 1)]
_STEP = struct.Struct(">BQ32s")
_HEAD = struct.Struct(">8sBBHQ32s32s")
_MAGIC = b"ATTRPRF1"
_MAX_COUNT = 1 << 62
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))

Blob = bytes | Iterable[bytes]
"""The canonical bytes of a record, whole or, of a large file, in pieces."""


class Keyer:
    """Makes the keys of records under one secret.

    Args:
        secret: 32 bytes.

    Raises:
        FormatError: it has another length.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SECRET_BYTES:
            raise FormatError(f"a secret of {len(secret)} bytes, expected {SECRET_BYTES}")
        block = secret.ljust(64, b"\0")
        # HMAC written out: each hash begins as a copy of one that has read its half of the secret, which is
        # less work than the standard library's call by half
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))
        self.secret_digest = sha256(secret).hexdigest()

    def keys(self, records: Iterable[Blob]) -> list[bytes]:
        """Return the key of each record."""
        begin, finish = self._inner.copy, self._outer.copy
        found = []
        for each in records:
            inner, outer = begin(), finish()
            try:
                inner.update(each)  # type: ignore[arg-type]
            except TypeError:  # it comes in pieces
                for piece in each:
                    inner.update(piece)  # type: ignore[arg-type]
            outer.update(inner.digest())
            found.append(outer.digest())
        return found

    def key(self, record: Blob) -> bytes:
        """Return the key of one record."""
        return self.keys([record])[0]


@dataclass(frozen=True)
class Commitment:
    """What is published of a dataset's records: nothing in it tells of any of them."""

    root: bytes
    count: int
    """Keys: records that differ."""
    space: str
    """One of ``SPACES``."""
    secret_digest: str
    """SHA-256 of the secret that keys the leaves, lowercase hex."""

    def same_keys(self, other: Commitment) -> bool:
        """Tell whether the keys of the two can be compared: the same secret over the same thing."""
        return (self.space, self.secret_digest) == (other.space, other.secret_digest)


class Subtree(NamedTuple):
    """A subtree, folded."""

    size: int
    """Keys in it."""
    hash: bytes


class Step(NamedTuple):
    """One node on the way from a leaf up to the root: the side the key does not take."""

    bit: int
    """At which bit of the key its two sides part."""
    size: int
    """Keys on the other side."""
    hash: bytes
    """Hash of the other side."""


def parse_key(text: str) -> bytes:
    """Read a record key, 64 lowercase hex digits.

    Raises:
        FormatError: it is none.
    """
    if not _HEX.fullmatch(text):
        raise FormatError(f"got {text[:100]!r}, expected a record key: 64 lowercase hex digits")
    return bytes.fromhex(text)


def _bit(key: bytes, bit: int) -> int:
    return key[bit >> 3] >> (7 - (bit & 7)) & 1


def leaf_hash(keys: Sequence[bytes]) -> bytes:
    """Return the hash of a leaf: of at most ``LEAF_KEYS`` sorted keys, or of none."""
    return sha256(_LEAVES[len(keys)] + b"".join(keys)).digest() if keys else EMPTY


def join(bit: int, left: Subtree, right: Subtree) -> Subtree:
    """Return the node whose sides part at ``bit``."""
    message = _NODE.pack(1, bit, left.size, right.size, left.hash, right.hash)
    return Subtree(left.size + right.size, sha256(message).digest())


class SortedKeys:
    """Keys that are sorted and all different, ready to be folded from one place up to another.

    Args:
        data: the keys, one after the other.
    """

    def __init__(self, data: bytes) -> None:
        heads = array("Q", data)[:: KEY_BYTES // 8]
        if sys.byteorder == "little":
            heads.byteswap()
        self.data = data
        self.heads = heads.tolist()
        """The first 64 bits of each key, as a number: next to no two keys agree in all of them."""

    def __len__(self) -> int:
        return len(self.heads)

    def fold(self, low: int, high: int) -> Subtree:
        """Return the subtree over the keys from ``low`` up to ``high``; of none, the empty one."""
        size = high - low
        if size > LEAF_KEYS:
            return Subtree(size, self._node(low, high))
        return Subtree(size, sha256(_LEAVES[size] + self.between(low, high)).digest() if size else EMPTY)

    def between(self, low: int, high: int) -> bytes:
        """Return the keys from ``low`` up to ``high``, one after the other."""
        return self.data[KEY_BYTES * low : KEY_BYTES * high]

    def _node(self, low: int, high: int) -> bytes:
        """Return the hash of a node; as deep as keys have bits, at most."""
        heads, data = self.heads, self.data
        last = heads[high - 1]
        if width := (heads[low] ^ last).bit_length():  # the first lines of ``split``, without a call
            bit = 64 - width
            middle = bisect_left(heads, last >> width - 1 << width - 1, low, high)
        else:
            bit, middle = self.split(low, high)
        size = middle - low
        if size > LEAF_KEYS:
            left = self._node(low, middle)
        else:
            left = sha256(_LEAVES[size] + data[KEY_BYTES * low : KEY_BYTES * middle]).digest()
        other = high - middle
        if other > LEAF_KEYS:
            right = self._node(middle, high)
        else:
            right = sha256(_LEAVES[other] + data[KEY_BYTES * middle : KEY_BYTES * high]).digest()
        return sha256(_NODE.pack(1, bit, size, other, left, right)).digest()

    def split(self, low: int, high: int) -> tuple[int, int]:
        """Return the first bit at which keys differ, and where those begin that have it."""
        numbers: Sequence[int] = self.heads
        bits = 64
        if numbers[low] == numbers[high - 1]:
            numbers, bits = _Numbers(self.data), 8 * KEY_BYTES
        last = numbers[high - 1]
        width = (numbers[low] ^ last).bit_length()
        return bits - width, bisect_left(numbers, last >> width - 1 << width - 1, low, high)


class _Numbers(Sequence[int]):
    """Keys, each as a number."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data) // KEY_BYTES

    def __getitem__(self, place: int) -> int:  # type: ignore[override]
        return int.from_bytes(self._data[KEY_BYTES * place : KEY_BYTES * (place + 1)], "big")


def fold(keys: Sequence[bytes]) -> Subtree:
    """Return the subtree over keys that are sorted and all different; of none, the empty one."""
    if len(keys) <= LEAF_KEYS:
        return Subtree(len(keys), leaf_hash(keys))
    return SortedKeys(b"".join(keys)).fold(0, len(keys))


def commit(keys: Iterable[bytes], space: str, secret_digest: str) -> Commitment:
    """Return the commitment to keys in memory, in any order, each once or more often."""
    count, root = fold(sorted(set(keys)))
    return Commitment(root, count, space, secret_digest)


def trace(keys: Sequence[bytes], key: bytes) -> tuple[tuple[bytes, ...], list[Step]]:
    """Follow a key through the tree over ``keys``, which are sorted and all different.

    Returns:
        The keys of the leaf it leads to, and the steps from there up to the root.
    """
    tree = SortedKeys(b"".join(keys))
    low, high = 0, len(keys)
    steps: list[Step] = []
    while high - low > LEAF_KEYS:
        bit, middle = tree.split(low, high)
        if _bit(key, bit):
            other, low = tree.fold(low, middle), middle
        else:
            other, high = tree.fold(middle, high), middle
        steps.append(Step(bit, *other))
    steps.reverse()
    return tuple(keys[low:high]), steps


def prove(keys: Iterable[bytes], key: bytes, commitment: Commitment) -> Proof:
    """Return the proof that ``key`` is, or is not, among keys in memory that ``commitment`` is over."""
    return Proof.of(key, *trace(sorted(set(keys)), key), commitment)


@dataclass(frozen=True)
class Proof:
    """That a key is among the keys under a root, or that it is not.

    Its encoding ends in a digest of itself, so that one that was damaged on its way is refused even where
    what it says by now would be true of another key.
    """

    key: bytes
    leaf: tuple[bytes, ...]
    """The keys of the leaf it leads to; none if there are no records."""
    steps: tuple[Step, ...]
    """From the leaf up to the root."""
    root: bytes
    count: int
    """Keys under the root."""
    space: str

    @classmethod
    def of(cls, key: bytes, leaf: Iterable[bytes], steps: Iterable[Step], commitment: Commitment) -> Proof:
        """Return the proof about ``key`` for a commitment."""
        return cls(key, tuple(leaf), tuple(steps), commitment.root, commitment.count, commitment.space)

    @property
    def included(self) -> bool:
        """Whether it says that the key is there."""
        return self.key in self.leaf

    def problem(self, commitment: Commitment) -> str | None:
        """Return why it does not prove what it says of ``commitment``, or ``None`` if it does."""
        if self.space != commitment.space:
            return f"it is about {self.space} keys, the commitment about {commitment.space} keys"
        if self.root != commitment.root:
            return f"it is for another root: got {self.root.hex()}, expected {commitment.root.hex()}"
        if self.count != commitment.count:
            return f"it counts {self.count} records, the commitment {commitment.count}"
        found = self._climb()
        if found is None:
            return "its steps are not those of a prefix tree"
        if found != (self.count, self.root):
            return "its steps do not lead to the root"
        return None

    def _climb(self) -> Subtree | None:
        """Return the tree its steps lead to, or ``None`` if no tree has such steps."""
        sizes = range(bool(self.steps), LEAF_KEYS + 1)
        if len(self.leaf) not in sizes or any(a >= b for a, b in pairwise(self.leaf)):
            return None
        below = 8 * KEY_BYTES
        tree = Subtree(len(self.leaf), leaf_hash(self.leaf))
        for bit, size, hash_ in self.steps:
            way = _bit(self.key, bit)
            if bit >= below or not max(0, LEAF_KEYS - tree.size) < size < _MAX_COUNT - tree.size:
                return None
            if any(_bit(each, bit) != way for each in self.leaf):
                return None
            below, other = bit, Subtree(size, hash_)
            tree = join(bit, other, tree) if way else join(bit, tree, other)
        return tree

    def encode(self) -> bytes:
        """Return the one encoding it has."""
        sizes = SPACES.index(self.space), len(self.leaf), len(self.steps)
        head = _HEAD.pack(_MAGIC, *sizes, self.count, self.root, self.key)
        body = b"".join([head, *self.leaf, *(_STEP.pack(*step) for step in self.steps)])
        return body + sha256(body).digest()

    @classmethod
    def decode(cls, data: bytes, where: str | None = None) -> Proof:
        """Read what ``encode`` wrote.

        Raises:
            FormatError: it is not that, to the last bit.
        """
        if len(data) < _HEAD.size + 32 or not data.startswith(_MAGIC):
            raise FormatError("this is no proof about a record", where, "`attest records prove` writes one")
        _, space, keys, length, count, root, key = _HEAD.unpack_from(data)
        if space >= len(SPACES) or keys > LEAF_KEYS or length > 8 * KEY_BYTES or count >= _MAX_COUNT:
            raise FormatError("the proof says something no proof says", where, "was it damaged?")
        start = _HEAD.size + KEY_BYTES * keys
        size = start + length * _STEP.size + 32
        if len(data) != size:
            raise FormatError(f"the proof has {len(data)} bytes, expected {size}", where, "was it cut off?")
        if sha256(data[:-32]).digest() != data[-32:]:
            what = "the proof is not what was written: its own digest differs"
            raise FormatError(what, where, "ask for it again")
        leaf = (data[at : at + KEY_BYTES] for at in range(_HEAD.size, start, KEY_BYTES))
        steps = (Step(*fields) for fields in _STEP.iter_unpack(data[start:-32]))
        return cls(key, tuple(leaf), tuple(steps), root, count, SPACES[space])
