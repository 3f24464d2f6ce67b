"""Buckets: the sorted keys under a record commitment in pieces of some dozens, and the tree above them.

Whole trees do not fit into memory, and a bucket does: the keys whose first ``level`` bits are the same. Keys
are sorted and folded bucket by bucket, part by part, by whoever has them; the tree above is made of that.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import NamedTuple

from attest.commitment import KEY_BYTES, LEAF_KEYS, SortedKeys, Subtree, fold, join

__all__ = ["Keys", "KeysByPlace", "Settled", "Stretch", "fold_buckets", "keys_in", "level_for", "rise"]

BUCKET = 64
"""Keys per bucket, at most, on average."""

_KEY = struct.Struct(f"{KEY_BYTES}s")
_KEYS = struct.Struct(64 * _KEY.format)
_CHUNK = 1 << 20

Keys = Callable[[int, int], Sequence[bytes]]
"""Returns the sorted keys from one place up to another."""


class Stretch(NamedTuple):
    """Where keys stand one after the other."""

    place: Path | bytes
    """A file, or the keys themselves."""
    size: int
    """How many."""
    start: int = 0
    """Bytes of the file before them."""

    @property
    def end(self) -> int:
        """Bytes up to their end."""
        return self.start + KEY_BYTES * self.size

    def read(self, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield the keys from one number up to another, many at a time."""
        start = self.start + KEY_BYTES * first
        end = self.end if last is None else self.start + KEY_BYTES * last
        if isinstance(self.place, bytes):
            yield self.place[start:end]
            return
        with self.place.open("rb") as file:
            file.seek(start)
            while start < end and (piece := file.read(min(_CHUNK, end - start))):
                yield piece
                start += len(piece)


class Settled(NamedTuple):
    """Part of the leaves, in order: where its sorted keys are, and the tree over them, packed."""

    keys: Stretch
    sizes: array[int]
    """Keys of each bucket."""
    hashes: list[bytes]
    """Of the subtrees of each level, from the buckets up to the one over all of them."""

    @classmethod
    def over(cls, keys: Stretch, buckets: list[Subtree], read: Keys, bits: int = 0) -> Settled:
        """Make the tree above buckets.

        Args:
            keys: where they are.
            buckets: a power of two of them.
            read: returns the keys from one place up to another.
            bits: how many bits all of them share.
        """
        sizes = array("Q", [bucket.size for bucket in buckets])
        levels = rise(buckets, read, bits)
        return cls(keys, sizes, [b"".join([each.hash for each in level]) for level in levels])

    @property
    def top(self) -> Subtree:
        """The subtree over all of it."""
        return Subtree(self.keys.size, self.hashes[-1])


def keys_in(data: bytes | memoryview) -> list[bytes]:
    """Return the keys that stand one after the other."""
    whole = len(data) - len(data) % _KEYS.size
    found = [*chain.from_iterable(_KEYS.iter_unpack(data[:whole]))]  # many at once are read in half the time
    return found + [key for (key,) in _KEY.iter_unpack(data[whole:])]


def level_for(count: int) -> int:
    """Return how many bits of a key choose its bucket among ``count`` keys."""
    return (count // BUCKET).bit_length()


def fold_buckets(keys: SortedKeys, level: int, first: int, last: int) -> list[Subtree]:
    """Fold keys into the buckets ``first`` up to ``last``, which they fill; ``level`` is 64 at most."""
    found: list[Subtree] = []
    start = 0
    for bucket in range(first, last):
        bound = bucket + 1 << 64 - level
        end = bisect_left(keys.heads, bound, start) if bucket + 1 < last else len(keys)
        found.append(keys.fold(start, end))
        start = end
    return found


def rise(buckets: list[Subtree], keys: Keys, bits: int = 0) -> Iterator[list[Subtree]]:
    """Yield the subtrees of every level, from the buckets up to the one over all of them.

    Args:
        buckets: of the lowest level, a power of two of them.
        keys: returns the keys from one place up to another.
        bits: how many bits all of these keys share.
    """
    level = bits + (len(buckets) - 1).bit_length()
    yield buckets
    while level > bits:
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
    """Sorted keys by place.

    Args:
        parts: where they are, in order.
    """

    def __init__(self, parts: Sequence[Stretch]) -> None:
        self._parts = parts
        self._ends = list(accumulate(part.size for part in parts))

    def __call__(self, start: int, end: int) -> list[bytes]:
        """Return the keys from one place up to another."""
        found: list[bytes] = []
        number = bisect_right(self._ends, start)
        while start < end:
            part = self._parts[number]
            first = self._ends[number] - part.size
            stop = min(end, self._ends[number])
            found += keys_in(b"".join(part.read(start - first, stop - first)))
            start, number = stop, number + 1
        return found
