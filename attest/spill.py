"""Keys on their way into a leaf file: spilled by prefix, and each shard then sorted and folded by itself.

More keys than memory holds are sorted by parting them first: a shard holds those that begin with the same
byte. Several processes may spill into one folder, and settle the shards of one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate, chain, islice
from operator import eq
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from attest.buckets import Settled, Stretch, fold_buckets, keys_in
from attest.commitment import KEY_BYTES, SortedKeys

__all__ = ["SHARDS", "Spill", "settle", "spilled_keys"]

SHARDS = 256
"""Prefix shards a build is cut into: what one process sorts at once is one of them."""
SPILL_BYTES = 16 << 20
"""Bytes of keys one process holds before it writes them out."""

_SHARD_BITS = 8
_PLACES = struct.Struct(f">{SHARDS}Q")


class Spill:
    """Keys on their way to their shards: held in memory up to a bound, then written out, shard by shard.

    Args:
        folder: made if it is not there; several processes may write into it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._shards = [bytearray() for _ in range(SHARDS)]
        self._held = 0

    def add(self, keys: Sequence[bytes]) -> None:
        """Take keys in, in any order."""
        shards: list[list[bytes]] = [[] for _ in range(SHARDS)]
        for key in keys:
            shards[key[0]].append(key)
        for held, shard in zip(self._shards, shards, strict=True):
            held.extend(b"".join(shard))
        self._held += KEY_BYTES * len(keys)
        if self._held >= SPILL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write out what is held."""
        if not self._held:
            return
        with NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(_PLACES.pack(*accumulate(map(len, self._shards))))
            file.write(b"".join(self._shards))
        for shard in self._shards:
            shard.clear()
        self._held = 0


def spilled_keys(folder: Path) -> int:
    """Return how many keys were spilled into a folder, those that are the same counted each time."""
    sizes = [file.stat().st_size - _PLACES.size for file in folder.iterdir()]
    return sum(sizes) // KEY_BYTES


def settle(folder: Path, shards: Sequence[int], level: int, room: int = 0) -> list[Settled]:
    """Sort shards, drop keys that stand twice, and fold them.

    All shards are written into one file, each where it begins if no key stands twice in those before it.

    Args:
        folder: where they were spilled.
        shards: numbers of the shards.
        level: as of the whole file, at least 8 unless all shards are settled at once.
        room: bytes left free at the start of the file.
    """
    with ExitStack() as stack:
        names = sorted(folder.glob("tmp*"))
        files = [stack.enter_context(name.open("rb")) for name in names]
        places = [(0, *_PLACES.unpack(file.read(_PLACES.size))) for file in files]
        if level < _SHARD_BITS:
            keys = _different(b"".join([_sorted(_spilled(files, places, shard)) for shard in shards]))
            return [_folded(Stretch(keys.data, len(keys)), keys, level, 0)]
        found = []
        path = folder / "settled"
        path.touch()
        settled = stack.enter_context(path.open("r+b"))
        for shard in shards:
            keys = _different(_sorted(_spilled(files, places, shard)))
            start = room + sum(ends[shard] for ends in places)
            settled.seek(start)
            settled.write(keys.data)
            found.append(_folded(Stretch(path, len(keys), start), keys, level, shard, _SHARD_BITS))
        return found


def _folded(stretch: Stretch, keys: SortedKeys, level: int, prefix: int, bits: int = 0) -> Settled:
    """Return the part whose keys begin with a prefix of so many bits."""
    wide = level - bits
    buckets = fold_buckets(keys, level, prefix << wide, (prefix + 1) << wide)
    return Settled.over(stretch, buckets, lambda start, end: keys_in(keys.between(start, end)), bits)


def _spilled(files: Sequence[IO[bytes]], places: Sequence[Sequence[int]], shard: int) -> bytes:
    """Return the keys of a shard, as they were spilled."""
    data = []
    for file, ends in zip(files, places, strict=True):
        file.seek(_PLACES.size + ends[shard])
        data.append(file.read(ends[shard + 1] - ends[shard]))
    return b"".join(data)


def _sorted(data: bytes) -> bytes:
    """Return the keys of a shard, sorted."""
    parts: list[list[bytes]] = [[] for _ in range(256)]
    for key in keys_in(data):  # by the second byte, as the first is the same: it takes less than comparing
        parts[key[1]].append(key)
    for part in parts:
        part.sort()
    return b"".join(chain.from_iterable(parts))


def _different(data: bytes) -> SortedKeys:
    """Return keys that are sorted, each once."""
    keys = SortedKeys(data)
    if any(map(eq, keys.heads, islice(keys.heads, 1, None))):  # two keys begin alike, so they may be the same
        keys = SortedKeys(b"".join(sorted({*keys_in(data)})))
    return keys
