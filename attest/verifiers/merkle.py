"""Inclusion in a transparency log: the Merkle path from an entry to a root, and the checkpoint that signs it.

Source: RFC 6962, 2.1 (hashing) and 2.1.1 (audit paths); C2SP signed-note and tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from attest.errors import FormatError

__all__ = ["Checkpoint", "NoteSignature", "root_of"]

_LONGEST = 64
"""Hashes of the longest path: trees have fewer than 2^63 leaves."""

_SIGNATURE = re.compile(r"\u2014 (\S+) ([A-Za-z0-9+/]+={0,2})")


def root_of(body: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root of the tree in which an entry stands at a place, by its audit path.

    Args:
        body: the entry's bytes.
        index: its place, from 0.
        size: leaves of the tree.
        path: hashes of 32 bytes, from the leaf up.

    Raises:
        FormatError: there is no such place, or the path has another length than its place needs.
    """
    if not 0 <= index < size:
        raise FormatError(f"entry {index} of a log of {size} entries")
    # below the point where the ways to this leaf and to the last one part, siblings stand on either side;
    # above it, only on the left
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border or len(path) > _LONGEST or any(len(each) != 32 for each in path):
        raise FormatError(f"an inclusion proof of {len(path)} hashes, expected {inner + border} of 32 bytes")
    node = hashlib.sha256(b"\x00" + body).digest()
    for level, sibling in enumerate(path):
        left = level >= inner or index >> level & 1
        node = hashlib.sha256(b"\x01" + (sibling + node if left else node + sibling)).digest()
    return node


@dataclass(frozen=True)
class NoteSignature:
    """One signature line of a note."""

    name: str
    hint: bytes
    """Four bytes that tell keys of one name apart."""
    signature: bytes


@dataclass(frozen=True)
class Checkpoint:
    """The state of a log, and who signed it. Nothing of it is verified."""

    text: bytes
    """What is signed."""
    origin: str
    size: int
    root: bytes
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read a checkpoint.

        Raises:
            FormatError: not a signed note of origin, size and root hash.
        """
        text, blank, block = note.rpartition("\n\n")
        lines = text.split("\n")
        if not blank or not block.endswith("\n"):
            raise FormatError("checkpoint: no text and signatures with a blank line between them")
        if len(lines) < 3 or not lines[0]:
            raise FormatError("checkpoint: no origin, size and root hash")
        if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
            raise FormatError(f"checkpoint: got size {lines[1][:40]!r}")
        signatures = tuple(_signature(line) for line in block[:-1].split("\n"))
        return cls(text.encode() + b"\n", lines[0], int(lines[1]), _decode(lines[2]), signatures)


def _signature(line: str) -> NoteSignature:
    match = _SIGNATURE.fullmatch(line)
    data = _decode(match[2]) if match else b""
    if match is None or len(data) < 5:
        raise FormatError(f"checkpoint: {line[:60]!r} is no signature")
    return NoteSignature(match[1], data[:4], data[4:])


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"checkpoint: {text[:60]!r} is not base64") from error
