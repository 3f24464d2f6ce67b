"""How many columns a string takes on a terminal, and cutting, wrapping and padding strings to columns.

Everything here expects strings that went through ``attest.text.show``: no control character, no line break.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

__all__ = ["clip", "columns", "pad", "wrap"]

_WIDE = frozenset({"W", "F"})


def _columns(char: str) -> int:
    if char <= "\x7e":
        return 1
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1


def columns(text: str) -> int:
    """Return the columns ``text`` takes (UAX 11: wide characters take two, combining marks none)."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _head(text: str, width: int) -> str:
    """Return the longest beginning of ``text`` within ``width`` columns."""
    if text.isascii():
        return text[:width]
    used = 0
    for index, char in enumerate(text):
        used += _columns(char)
        if used > width:
            return text[:index]
    return text


def clip(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` columns; what is cut off is marked by an ellipsis."""
    return text if columns(text) <= width else _head(text, width - 1) + "…"


def pad(text: str, width: int) -> str:
    """Return ``text`` cut or filled with spaces to exactly ``width`` columns."""
    cut = clip(text, width)
    return cut + " " * (width - columns(cut))


def _pieces(text: str, width: int) -> Iterator[str]:
    """Yield the words of ``text``, those wider than ``width`` in pieces."""
    for word in text.split(" "):
        rest = word
        while columns(rest) > width:
            head = _head(rest, width) or rest[0]  # one wide character in one column: nothing narrower exists
            yield head
            rest = rest[len(head) :]
        if rest:
            yield rest


def wrap(text: str, width: int, first: str = "", rest: str | None = None) -> list[str]:
    """Return ``text`` as lines of at most ``width`` columns, broken at spaces, inside a word only if need be.

    Args:
        text: one line.
        width: columns of a whole line, its indentation included.
        first: what the first line begins with.
        rest: what every other line begins with; spaces as wide as ``first`` unless given.
    """
    indent = " " * columns(first) if rest is None else rest
    room = max(width - max(columns(first), columns(indent)), 1)
    lines: list[str] = []
    line, used = "", 0
    for piece in _pieces(text, room):
        wide = columns(piece)
        if used and used + 1 + wide > room:
            lines.append(line)
            line, used = piece, wide
        else:
            line, used = (f"{line} {piece}", used + 1 + wide) if used else (piece, wide)
    lines.append(line)
    return [(first if number == 0 else indent) + each for number, each in enumerate(lines)]
