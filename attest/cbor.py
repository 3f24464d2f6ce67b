"""Deterministic CBOR (RFC 8949, 4.2.1), written and never read: the canonical bytes of a row.

Of the values a row can hold: null, booleans, integers of any size, floats, text, bytes and lists. Lengths are
definite, integers and floats take the shortest form that keeps their value, and there is one NaN.
"""

from __future__ import annotations

import math
import struct
from typing import Any

from attest.errors import FormatError

__all__ = ["encode", "head"]

_SMALL = [bytes([number]) for number in range(256)]
_SIMPLE = {False: b"\xf4", True: b"\xf5", None: b"\xf6"}
_NAN = b"\xf9\x7e\x00"


def encode(value: Any) -> bytes:
    """Return the one encoding of a value.

    Raises:
        FormatError: it is of another kind, or text with half of a surrogate pair.
    """
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return _SIMPLE[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if not isinstance(value, (list, tuple)):
        raise FormatError(f"a value of type {type(value).__name__} has no canonical form")
    return head(4, len(value)) + b"".join([encode(item) for item in value])


def _text(value: str) -> bytes:
    try:
        data = value.encode()
    except UnicodeEncodeError as error:
        raise FormatError("text with half of a surrogate pair has no canonical form") from error
    return head(3, len(data)) + data


def head(major: int, number: int) -> bytes:
    """Return the initial bytes of an item: its major type and the shortest form of its argument."""
    kind = major << 5
    if number < 24:
        return _SMALL[kind | number]
    if number < 1 << 8:
        return _SMALL[kind | 24] + _SMALL[number]
    if number < 1 << 16:
        return struct.pack(">BH", kind | 25, number)
    if number < 1 << 32:
        return struct.pack(">BI", kind | 26, number)
    return struct.pack(">BQ", kind | 27, number)


def _integer(value: int) -> bytes:
    major, number = (0, value) if value >= 0 else (1, -1 - value)
    if number < 1 << 64:
        return head(major, number)
    data = number.to_bytes((number.bit_length() + 7) // 8, "big")  # a bignum: tag 2, or 3 below zero
    return head(6, 2 + major) + head(2, len(data)) + data


def _float(value: float) -> bytes:
    if math.isnan(value):
        return _NAN
    for head, form in ((0xF9, ">e"), (0xFA, ">f")):
        try:
            data = struct.pack(form, value)
        except OverflowError:
            continue
        if struct.unpack(form, data)[0] == value:
            return _SMALL[head] + data
    return b"\xfb" + struct.pack(">d", value)
