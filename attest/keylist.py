"""A file of record keys, one on each line: an order names it by its digest, and it stays home."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from attest.commitment import parse_key
from attest.errors import FormatError
from attest.limits import DEFAULT, Limits

__all__ = ["KeyList", "read_keys"]


class KeyList(NamedTuple):
    """What such a file holds."""

    sha256: str
    """Of its bytes, lowercase hex."""
    keys: frozenset[bytes]


def read_keys(path: Path, limits: Limits = DEFAULT) -> KeyList:
    """Read a file of keys: 64 lowercase hex digits each, apart by line breaks or blanks.

    Raises:
        FormatError: it cannot be read, holds no key, or something that is none; the message names the line.
        LimitError: it is longer than ``limits`` allow.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limits.list_bytes + 1)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", str(path)) from error
    limits.check("list_bytes", len(data), str(path))
    keys: set[bytes] = set()
    for number, line in enumerate(data.splitlines(), 1):
        for word in line.split():
            try:
                keys.add(parse_key(word.decode("ascii", "replace")))
            except FormatError as error:
                raise FormatError(error.what, f"{path}:{number}", error.hint) from error
    if not keys:
        raise FormatError("holds no record key", str(path), "one on each line: 64 lowercase hex digits")
    return KeyList(sha256(data).hexdigest(), frozenset(keys))
