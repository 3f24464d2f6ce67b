"""Keys on their way into a leaf file: spilled by prefix, and each shard then sorted and folded by itself.

More keys than memory holds are sorted by parting them first: a shard holds those that begin with the same
byte. Several processes may spill into one folder, and settle the shards of one.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import accumulate, islice
from operator import eq
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from attest.buckets import Settled, fold_buckets, keys_in
from attest.commitment import KEY_BYTES

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
        self._buffers = [bytearray() for _ in range(SHARDS)]
        self._held = 0

    def add(self, keys: Sequence[bytes]) -> None:
        """Take keys in, in any order."""
        buffers = self._buffers
        for key in keys:
            buffers[key[0]] += key
        self._held += KEY_BYTES * len(keys)
        if self._held >= SPILL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write out what is held."""
        if not self._held:
            return
        with NamedTemporaryFile(dir=self._folder, delete=False) as file:
            file.write(_PLACES.pack(*accumulate(map(len, self._buffers))))
            file.writelines(self._buffers)
        for buffer in self._buffers:
            buffer.clear()
        self._held = 0


def spilled_keys(folder: Path) -> int:
    """Return how many keys were spilled into a folder, those that are the same counted each time."""
    sizes = [file.stat().st_size - _PLACES.size for file in folder.iterdir()]
    return sum(sizes) // KEY_BYTES


def settle(folder: Path, shards: Sequence[int], level: int) -> list[Settled]:
    """Sort shards, drop keys that stand twice, and fold the buckets.

    Args:
        folder: where they were spilled.
        shards: numbers of the shards.
        level: as of the whole file, at least 8 unless all shards are settled at once.
    """
    with ExitStack() as stack:
        names = sorted(folder.glob("tmp*"))
        files = [stack.enter_context(name.open("rb")) for name in names]
        places = [(0, *_PLACES.unpack(file.read(_PLACES.size))) for file in files]
        if level < _SHARD_BITS:
            keys = [key for shard in shards for key in _spilled(files, places, shard)]
            return [Settled(b"".join(keys), fold_buckets(keys, level, 0, 1 << level))]
        wide = level - _SHARD_BITS
        found = []
        for shard in shards:
            keys = _spilled(files, places, shard)
            path = folder / f"{shard:02x}.sorted"
            path.write_bytes(b"".join(keys))
            found.append(Settled(path, fold_buckets(keys, level, shard << wide, (shard + 1) << wide)))
        return found


def _spilled(files: Sequence[IO[bytes]], places: Sequence[Sequence[int]], shard: int) -> list[bytes]:
    """Return the keys of a shard, sorted, each once."""
    data = []
    for file, ends in zip(files, places, strict=True):
        file.seek(_PLACES.size + ends[shard])
        data.append(file.read(ends[shard + 1] - ends[shard]))
    keys = sorted(keys_in(b"".join(data)))
    return sorted(set(keys)) if any(map(eq, keys, islice(keys, 1, None))) else keys
