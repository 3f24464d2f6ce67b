"""Removal proofs: of each record that was taken out, that it is in the old version and not in the new one.

Both versions are committed to under one secret, so a record has one key in both. With the proofs go counts:
what the old version holds less what is named is what the new one holds. This shows that the named records are
gone. That nothing else changed, only building both trees again shows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from attest.commitment import Commitment, Proof
from attest.errors import FormatError

__all__ = ["MAX_BYTES", "MAX_PAIRS", "Removal"]

MAX_PAIRS = 10_000
"""Keys one removal proof may name: of more, the leaf files themselves are the proof."""
MAX_BYTES = 64 << 20
"""Bytes of one proof about records."""

_MAGIC = b"ATTRRMV1"
_HEAD = struct.Struct(">8sI")
_LENGTH = struct.Struct(">H")


@dataclass(frozen=True)
class Removal:
    """That keys were in one version of a dataset and are not in the next."""

    pairs: tuple[tuple[Proof, Proof], ...]
    """Of each key, in the old version and in the new one."""

    def problem(self, before: Sequence[Commitment], after: Sequence[Commitment]) -> str | None:
        """Return why it does not prove the removal, or ``None`` if it does.

        Args:
            before: commitments of the old version, one per space.
            after: those of the new one.
        """
        if not self.pairs:
            return "it names no record"
        spaces = {old.space for old, _ in self.pairs}
        found = (self._problem_in(space, before, after) for space in sorted(spaces))
        return next((problem for problem in found if problem), None)

    def _problem_in(
        self, space: str, before: Sequence[Commitment], after: Sequence[Commitment]
    ) -> str | None:
        old = next((each for each in before if each.space == space), None)
        new = next((each for each in after if each.space == space), None)
        if old is None or new is None:
            return f"there is no commitment over {space} keys of both versions"
        if not old.same_keys(new):
            return f"the {space} keys of the two versions are made with different secrets"
        named = {pair[0].key for pair in self.pairs if pair[0].space == space}
        for first, second in self.pairs:
            if first.space == space and (problem := _problem_of(first, second, old, new)):
                return f"record {first.key.hex()}: {problem}"
        if old.count - len(named) != new.count:
            return (
                f"{old.count} {space} keys less {len(named)} named are not {new.count}: "
                "other records came or went, too"
            )
        return None

    def keys(self, space: str) -> Iterator[bytes]:
        """Yield the keys it names of a space."""
        return (old.key for old, _ in self.pairs if old.space == space)

    def encode(self) -> bytes:
        """Return the one encoding it has."""
        parts = [_HEAD.pack(_MAGIC, len(self.pairs))]
        for pair in self.pairs:
            for proof in pair:
                data = proof.encode()
                parts += [_LENGTH.pack(len(data)), data]
        body = b"".join(parts)
        return body + sha256(body).digest()

    @classmethod
    def decode(cls, data: bytes, where: str | None = None) -> Removal:
        """Read what ``encode`` wrote.

        Raises:
            FormatError: it is not that, to the last bit, or names more than ``MAX_PAIRS`` keys.
        """
        if len(data) < _HEAD.size + 32 or not data.startswith(_MAGIC):
            hint = "`attest records remove` writes one"
            raise FormatError("this is no removal proof", where, hint)
        if sha256(data[:-32]).digest() != data[-32:]:
            raise FormatError(
                "the removal proof is damaged: its own digest differs", where, "ask for it again"
            )
        _, count = _HEAD.unpack_from(data)
        if count > MAX_PAIRS:
            raise FormatError(f"the removal proof names {count} records, expected {MAX_PAIRS} at most", where)
        proofs = list(_proofs(data[:-32], 2 * count, where))
        return cls(tuple(zip(proofs[::2], proofs[1::2], strict=True)))

    @classmethod
    def of(cls, pairs: Iterable[tuple[Proof, Proof]]) -> Removal:
        """Return the removal of these keys, sorted."""
        return cls(tuple(sorted(pairs, key=lambda pair: (pair[0].space, pair[0].key))))


def _problem_of(first: Proof, second: Proof, old: Commitment, new: Commitment) -> str | None:
    if first.key != second.key or first.space != second.space:
        return "the two proofs are about different records"
    if problem := first.problem(old):
        return f"in the old version: {problem}"
    if problem := second.problem(new):
        return f"in the new version: {problem}"
    if not first.included:
        return "it was not in the old version"
    return "it is still in the new version" if second.included else None


def _proofs(data: bytes, count: int, where: str | None) -> Iterator[Proof]:
    place = _HEAD.size
    for _ in range(count):
        start = place + _LENGTH.size
        if start > len(data):
            raise FormatError("the removal proof ends too early", where)
        place = start + int(_LENGTH.unpack_from(data, start - _LENGTH.size)[0])
        yield Proof.decode(data[start:place], where)
    if place != len(data):
        raise FormatError("the removal proof goes on behind its end", where)
