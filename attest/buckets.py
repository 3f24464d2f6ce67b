"""Buckets: the sorted keys under a record commitment in pieces of some dozens, and the tree above them.

Whole trees do not fit into memory, and a bucket does: the keys whose first ``level`` bits are the same. Keys
are sorted and folded bucket by bucket, by whoever has them, and the tree above is made of what that gave.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from attest.commitment import KEY_BYTES, LEAF_KEYS, Subtree, fold, join

__all__ = ["KeysByPlace", "Settled", "fold_buckets", "keys_in", "level_for", "pieces_of", "rise"]

BUCKET = 64
"""Keys per bucket, at most, on average."""

_KEY = struct.Struct(f"{KEY_BYTES}s")
_CHUNK = 1 << 20


class Settled(NamedTuple):
    """Part of the leaves, in order: where its sorted keys are, and its buckets."""

    keys: Path | bytes
    buckets: list[Subtree]


def keys_in(data: bytes | memoryview) -> list[bytes]:
    """Return the keys that stand one after the other."""
    return [key for (key,) in _KEY.iter_unpack(data)]


def level_for(count: int) -> int:
    """Return how many bits of a key choose its bucket among ``count`` keys."""
    return (count // BUCKET).bit_length()


def _bound(prefix: int, level: int) -> bytes:
    """Return the first key with that prefix of ``level`` bits."""
    return (prefix << (8 * KEY_BYTES - level)).to_bytes(KEY_BYTES + 1, "big")[1:]


def fold_buckets(keys: Sequence[bytes], level: int, first: int, last: int) -> list[Subtree]:
    """Fold sorted keys into the buckets ``first`` up to ``last``, which they fill."""
    found: list[Subtree] = []
    start = 0
    for bucket in range(first, last):
        end = len(keys) if bucket + 1 == last else bisect_left(keys, _bound(bucket + 1, level), start)
        found.append(fold(keys[start:end]))
        start = end
    return found


def rise(buckets: list[Subtree], keys: Callable[[int, int], Sequence[bytes]]) -> Iterator[list[Subtree]]:
    """Yield the subtrees of every level, from the buckets up to the root.

    Args:
        buckets: of the lowest level.
        keys: returns the keys from one place up to another.
    """
    level = (len(buckets) - 1).bit_length()
    yield buckets
    while level:
        level -= 1
        above: list[Subtree] = []
        place = 0
        for left, right in zip(buckets[::2], buckets[1::2], strict=True):
            count = left.size + right.size
            if not (left.size and right.size):  # a prefix with keys on one side only is no node
                above.append(left if left.size else right)
            elif count <= LEAF_KEYS:
                above.append(fold(keys(place, place + count)))
            else:
                above.append(join(level, left, right))
            place += count
        yield above
        buckets = above


class KeysByPlace:
    """The sorted keys of parts, by place."""

    def __init__(self, parts: Sequence[Settled]) -> None:
        self._parts = parts
        sizes = (sum(bucket.size for bucket in part.buckets) for part in parts)
        self._ends = list(accumulate(sizes))

    def __call__(self, start: int, end: int) -> list[bytes]:
        """Return the keys from one place up to another."""
        found: list[bytes] = []
        number = bisect_right(self._ends, start)
        while start < end:
            first = self._ends[number - 1] if number else 0
            stop = min(end, self._ends[number])
            found += keys_in(self._read(number, KEY_BYTES * (start - first), KEY_BYTES * (stop - first)))
            start, number = stop, number + 1
        return found

    def _read(self, number: int, start: int, end: int) -> bytes:
        keys = self._parts[number].keys
        if isinstance(keys, bytes):
            return keys[start:end]
        with keys.open("rb") as file:
            file.seek(start)
            return file.read(end - start)


def pieces_of(path: Path) -> Iterator[bytes]:
    """Yield what a file of keys holds, many keys at a time."""
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            yield piece
