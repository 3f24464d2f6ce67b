"""Leaf files: the sorted keys under a record commitment on disk, from which its proofs are made.

A leaf file holds every key, and the hashes of the tree above buckets of some dozens of keys; what lies inside
a bucket is hashed again for each proof, which takes a fraction of a millisecond and saves the disk as much
again as the keys need. It is read through a memory map. It tells of people to whoever has the secret, so it
is its owner's alone (mode 0600) and never leaves; only root and count are published.

Every proof is held against the root before it is given, so a file that was damaged gives an error and never
a wrong answer. Layout, integers big endian: header (magic, space, level, unit, count, records, secret digest,
root, artifact, digest of these) ‖ sorted keys ‖ number of keys before each of the 2^level buckets, and all ‖
hashes of the subtrees under each prefix of ``level`` bits, then of one bit less, down to the root.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import accumulate, chain
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from attest.buckets import KeysByPlace, Settled, Stretch, keys_in, level_for, rise
from attest.commitment import (
    KEY_BYTES,
    LEAF_KEYS,
    SPACES,
    Commitment,
    Proof,
    Step,
    Subtree,
    fold,
    trace,
)
from attest.errors import AttestError, FormatError
from attest.files import place_file, write_file
from attest.spill import SHARDS, Spill, settle

if TYPE_CHECKING:
    from attest.resource import Artifact

__all__ = ["HEAD_BYTES", "LeafFile", "Owner", "derive", "write_leaves"]

_HEAD = struct.Struct(">8sBBB5xQQ32s32s32s?7x")
HEAD_BYTES = _HEAD.size + 32
"""Bytes of a leaf file before its keys."""
_MAGIC = b"ATTRLEF1"
_OFFSET = struct.Struct(">Q")
_CHUNK = 1 << 20
_MAX_LEVEL = 40
_UNITS = ("", "file", "row")


class Owner(NamedTuple):
    """What a leaf file is about."""

    space: str
    """One of ``attest.commitment.SPACES``."""
    secret_digest: str
    artifact: Artifact
    """The dataset whose records the leaves are; of a list of keys, 64 zeros."""
    records: int
    """Records that were read: those that are the same count each time."""
    unit: str = ""
    """What a record is, ``file`` or ``row``; nothing of a list of keys."""


def write_leaves(path: Path, settled: Iterable[Settled], owner: Owner) -> Commitment:
    """Write a leaf file.

    Args:
        path: where to; replaced whole or not at all.
        settled: all its parts, in order.
        owner: what it is about.

    Returns:
        The commitment its root and count make.

    Raises:
        AttestError: it cannot be written.
    """
    parts = list(settled)
    above = list(rise([part.top for part in parts], KeysByPlace([part.keys for part in parts])))
    hashes = [b"".join(level) for level in zip(*(part.hashes[:-1] for part in parts), strict=True)]
    hashes += [b"".join([subtree.hash for subtree in level]) for level in above]
    before = array("Q", accumulate(chain.from_iterable(part.sizes for part in parts), initial=0))
    if sys.byteorder == "little":
        before.byteswap()
    head, tail = _head(owner, len(hashes) - 1, *above[-1][0]), [before.tobytes(), *hashes]
    if file := _in_place([part.keys for part in parts]):
        try:
            with file.open("r+b") as stream:
                stream.write(head)
                stream.seek(parts[-1].keys.end)
                stream.writelines(tail)
        except OSError as error:
            raise AttestError(f"cannot be written: {error.strerror}", str(path)) from error
        place_file(file, path, private=True)
    else:
        keys = chain.from_iterable(part.keys.read() for part in parts)
        write_file(path, chain([head], keys, tail), private=True)
    return Commitment(above[-1][0].hash, above[-1][0].size, owner.space, owner.secret_digest)


def _head(owner: Owner, level: int, count: int, root: bytes) -> bytes:
    head = _HEAD.pack(
        _MAGIC,
        SPACES.index(owner.space),
        level,
        _UNITS.index(owner.unit),
        count,
        owner.records,
        bytes.fromhex(owner.secret_digest),
        root,
        bytes.fromhex(owner.artifact.sha256),
        owner.artifact.tree,
    )
    return head + sha256(head).digest()


def _in_place(parts: Sequence[Stretch]) -> Path | None:
    """Return the file in which all keys stand already where a leaf file has them, if there is one."""
    file, start = parts[0].place, HEAD_BYTES
    for part in parts:
        if part.place != file or part.start != start:
            return None
        start = part.end
    return file if isinstance(file, Path) else None


class LeafFile:
    """A leaf file that is there.

    Args:
        path: where.

    Raises:
        FormatError: it is none, is cut off, or its header was damaged.
        AttestError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                head = file.read(HEAD_BYTES)
                self._read_head(head, size)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise AttestError(f"cannot be read: {error.strerror}", str(path)) from error

    def _read_head(self, head: bytes, size: int) -> None:
        if not head.startswith(_MAGIC) or len(head) < HEAD_BYTES:
            raise FormatError("this is no leaf file", str(self.path), "`attest records commit` makes one")
        if sha256(head[: _HEAD.size]).digest() != head[_HEAD.size :]:
            raise self.damaged("the digest of its header differs")
        fields = _HEAD.unpack_from(head)
        _, space, level, unit, count, records, secret, root, artifact, tree = fields
        from attest.resource import Artifact  # the processes that build do without pydantic

        self._level: int = level
        self._count: int = count
        self._keys_at = HEAD_BYTES
        self._offsets_at = self._keys_at + KEY_BYTES * count
        self._hashes_at = self._offsets_at + _OFFSET.size * ((1 << level) + 1)
        expected = self._hashes_at + 32 * ((2 << level) - 1)
        if level > _MAX_LEVEL or space >= len(SPACES) or unit >= len(_UNITS) or size != expected:
            raise self.damaged(f"it has {size} bytes, expected {expected}")
        dataset = Artifact(artifact.hex(), tree)
        self.owner = Owner(SPACES[space], secret.hex(), dataset, records, _UNITS[unit])
        self.commitment = Commitment(root, count, SPACES[space], secret.hex())

    def damaged(self, what: str) -> FormatError:
        """Return the error that says so."""
        hint = "make it again with `attest records commit`, from the data and the secret"
        return FormatError(f"the leaf file is damaged: {what}", str(self.path), hint)

    @property
    def level(self) -> int:
        """How many bits of a key choose its bucket."""
        return self._level

    def __len__(self) -> int:
        return self.commitment.count

    def __iter__(self) -> Iterator[bytes]:
        """Yield all keys, sorted as they should be; ``check`` tells whether they are."""
        for start in range(self._keys_at, self._offsets_at, _CHUNK):
            yield from keys_in(self._map[start : min(start + _CHUNK, self._offsets_at)])

    def _before(self, level: int, prefix: int) -> int:
        """Return how many keys come before a prefix of ``level`` bits."""
        place = self._offsets_at + _OFFSET.size * (prefix << (self._level - level))
        return int(_OFFSET.unpack_from(self._map, place)[0])

    def _subtree(self, level: int, prefix: int) -> Subtree:
        # levels stand from the widest down: all wider ones hold 2^(top+1) - 2^(level+1) hashes
        number = (2 << self._level) - (2 << level) + prefix
        place = self._hashes_at + 32 * number
        count = self._before(level, prefix + 1) - self._before(level, prefix)
        return Subtree(count, self._map[place : place + 32])

    def _between(self, start: int, end: int) -> bytes:
        if not 0 <= start <= end <= self._count:
            raise self.damaged("a bucket lies outside it")
        return self._map[self._keys_at + KEY_BYTES * start : self._keys_at + KEY_BYTES * end]

    def bucket(self, number: int) -> bytes:
        """Return the keys of a bucket, one after the other.

        Raises:
            FormatError: the file is damaged.
        """
        return self._between(self._before(self._level, number), self._before(self._level, number + 1))

    def bucket_subtree(self, number: int) -> Subtree:
        """Return a bucket, folded, as the file has it."""
        return self._subtree(self._level, number)

    def prove(self, key: bytes) -> Proof:
        """Return the proof that a key is here, or is not.

        Raises:
            FormatError: the file is damaged where the key should be.
        """
        steps: list[Step] = []
        prefix = level = 0
        while level < self._level:
            left, right = self._subtree(level + 1, 2 * prefix), self._subtree(level + 1, 2 * prefix + 1)
            if left.size + right.size <= LEAF_KEYS:
                break
            way = key[level >> 3] >> (7 - (level & 7)) & 1
            if left.size and right.size:
                steps.append(Step(level, *(left if way else right)))
            else:
                way = 0 if left.size else 1
            level, prefix = level + 1, 2 * prefix + way
        keys = keys_in(self._between(self._before(level, prefix), self._before(level, prefix + 1)))
        leaf, lower = trace(keys, key)
        proof = Proof.of(key, leaf, [*lower, *reversed(steps)], self.commitment)
        if problem := proof.problem(self.commitment):
            raise self.damaged(problem)
        return proof

    def __contains__(self, key: object) -> bool:
        """Tell whether a key is here; proven, so that damage is never an answer."""
        return isinstance(key, bytes) and self.prove(key).included

    def check(self) -> None:
        """Make the whole tree again.

        Raises:
            FormatError: the file is damaged.
        """
        buckets = []
        before = b""
        for number in range(1 << self._level):
            keys = keys_in(self.bucket(number))
            ordered = sorted({*keys}) == keys and (not keys or not before or before < keys[0])
            inside = not keys or (
                int.from_bytes(keys[0], "big") >> (8 * KEY_BYTES - self._level)
                == int.from_bytes(keys[-1], "big") >> (8 * KEY_BYTES - self._level)
                == number
            )
            if not ordered or not inside:
                raise self.damaged("its keys are not in order")
            before = keys[-1] if keys else before
            buckets.append(fold(keys))

        def between(start: int, end: int) -> list[bytes]:
            return keys_in(self._between(start, end))

        for level, subtrees in zip(range(self._level, -1, -1), rise(buckets, between), strict=True):
            for prefix, subtree in enumerate(subtrees):
                if self._subtree(level, prefix) != subtree:
                    raise self.damaged("its hashes do not follow from its keys")
        if buckets and subtrees[0] != (self._count, self.commitment.root):
            raise self.damaged("its root does not follow from its keys")

    def close(self) -> None:
        """Release the file."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        self.close()


def derive(
    path: Path, old: LeafFile, owner: Owner, add: Iterable[bytes] = (), drop: Iterable[bytes] = ()
) -> Commitment:
    """Write the leaf file that has other keys besides those of ``old``, or lacks some.

    Only the buckets that change are hashed again, and the tree above them.

    Args:
        path: where to; may be where ``old`` is.
        old: what it follows on.
        owner: what the new one is about; the same secret and space.
        add: keys that come in.
        drop: keys that go out; one that is also added stays.

    Raises:
        FormatError: ``old`` is damaged where it changes.
        AttestError: it cannot be written.
    """
    level = old.level
    coming, going = _grouped(add, level), _grouped(drop, level)
    buckets: list[Subtree] = []
    with TemporaryDirectory(dir=path.parent, prefix=".attest-leaves-") as folder:
        scratch = Path(folder) / "keys"
        with scratch.open("wb") as file:
            file.seek(HEAD_BYTES)
            for number in range(1 << level):
                data, subtree = old.bucket(number), old.bucket_subtree(number)
                if number in coming or number in going:
                    data, subtree = _changed(old, number, coming.get(number, ()), going.get(number, ()))
                file.write(data)
                buckets.append(subtree)
        count = sum(bucket.size for bucket in buckets)
        keys = Stretch(scratch, count, HEAD_BYTES)
        parts = [Settled.over(keys, buckets, KeysByPlace([keys]))]
        wanted = level_for(count)
        if not level - 2 <= wanted <= level + 1:  # buckets that became too large, or too many
            spill = Spill(Path(folder) / "spill")
            for piece in keys.read():
                spill.add(keys_in(piece))
            spill.flush()
            parts = settle(Path(folder) / "spill", range(SHARDS), wanted, HEAD_BYTES)
        return write_leaves(path, parts, owner)


def _grouped(keys: Iterable[bytes], level: int) -> dict[int, set[bytes]]:
    """Return keys by their bucket."""
    found: dict[int, set[bytes]] = {}
    for key in keys:
        found.setdefault(int.from_bytes(key, "big") >> (8 * KEY_BYTES - level), set()).add(key)
    return found


def _changed(
    old: LeafFile, number: int, add: Iterable[bytes], drop: Iterable[bytes]
) -> tuple[bytes, Subtree]:
    """Return a bucket's keys after a change, and the bucket folded."""
    before = keys_in(old.bucket(number))
    if fold(before) != old.bucket_subtree(number):
        raise old.damaged("its hashes do not follow from its keys")
    keys = sorted({*before} - {*drop} | {*add})
    return b"".join(keys), fold(keys)
