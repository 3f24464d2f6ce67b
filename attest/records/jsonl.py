"""Records that are lines of JSON (JSON Lines).

A JSON value says itself what it is; nothing is inferred from other rows, so a row has the same bytes
wherever it stands. Types are ``null``, ``bool``, ``int64`` (``uint64`` beyond it), ``double``, ``string``,
``list`` and ``struct``; columns come in the order of their names' bytes, and so do the members of a nested
object, each as ``[name, value]``. What else is in the line (space, order, escapes) makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from attest.canonical import read_json
from attest.cbor import encode
from attest.errors import FormatError, UsageError
from attest.limits import DEFAULT
from attest.record import Batch, Keep, Unit, open_found, person_id
from attest.scan import Found

__all__ = ["JsonLines"]

PART = 16 << 20
"""Bytes of a file that are one unit, up to the next end of a line."""
ROWS = 4096
"""Rows of a batch, at most."""
HELD = 8 << 20
"""Bytes of a batch, at most, but for one long line."""

_LIMITS = replace(DEFAULT, string_bytes=DEFAULT.line_bytes)


class JsonLines:
    """Every line that is not blank is one record."""

    def units(self, root: str, found: Sequence[Found]) -> list[Unit]:
        """Cut files at every ``PART`` bytes; a line belongs to the part it begins in."""
        return [
            Unit("jsonl", root, [each], start, min(start + PART, each.size))
            for each in found
            for start in range(0, each.size, PART)
        ]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Yield the rows of a part."""
        found = unit.files[0]
        with open_found(unit.root, found) as file:
            for offsets, lines in _batches(file, found, unit.start, unit.end):
                yield _batch(found, offsets, lines, unit.subject, lenient=unit.lenient)

    def copy(self, root: str, found: Found, target: Path, keep: Keep, subject: str | None) -> None:
        """Copy the lines that stay, to the byte."""
        with open_found(root, found) as file, target.open("wb") as copied:
            for offsets, lines in _batches(file, found, 0, found.size):
                stay = keep(_batch(found, offsets, lines, subject))
                copied.writelines(line for line, stays in zip(lines, stay, strict=True) if stays)


def _batches(file: IO[bytes], found: Found, start: int, end: int) -> Iterator[tuple[list[int], list[bytes]]]:
    """Yield the offsets and bytes of lines that begin at ``start`` or behind it, and before ``end``."""
    if start:
        file.seek(start - 1)
        while (rest := file.readline(1 << 16)) and not rest.endswith(b"\n"):
            pass
    place, held = file.tell(), 0
    offsets: list[int] = []
    lines: list[bytes] = []
    while place < end and (line := file.readline(DEFAULT.line_bytes + 1)):
        DEFAULT.check("line_bytes", len(line), f"{found.path}: byte {place}")
        if not line.isspace():
            offsets.append(place)
            lines.append(line)
            held += len(line)
        place += len(line)
        if len(lines) >= ROWS or held >= HELD:
            yield offsets, lines
            offsets, lines, held = [], [], 0
    if lines:
        yield offsets, lines


def _batch(
    found: Found, offsets: list[int], lines: list[bytes], subject: str | None, *, lenient: bool = False
) -> Batch:
    rows = [_row(line, f"{found.path}: byte {place}") for line, place in zip(lines, offsets, strict=True)]
    people = None
    if subject is not None and lenient:
        people = [person_id(row.get(subject), subject, found.path) for row in rows]
    elif subject is not None:
        people = [
            _person(row, subject, f"{found.path}: byte {at}") for row, at in zip(rows, offsets, strict=True)
        ]

    def place(number: int) -> str:
        return f"{found.path}: byte {offsets[number]}"

    return Batch([_canonical(row, place(number)) for number, row in enumerate(rows)], people, place)


def _row(line: bytes, where: str) -> dict[str, Any]:
    row = read_json(line, where, _LIMITS)
    if not isinstance(row, dict):
        raise FormatError(f"the line holds a {type(row).__name__}, expected an object", where)
    return row


def _person(row: dict[str, Any], subject: str, where: str) -> bytes | None:
    if subject not in row:
        raise UsageError(
            f"the row has no column {subject[:100]!r}", where, "write null where it names nobody"
        )
    return person_id(row[subject], subject, where)


def _canonical(row: dict[str, Any], where: str) -> bytes:
    """Return the canonical bytes of a row."""
    try:
        return encode([[name, _type(row[name]), _plain(row[name])] for name in sorted(row, key=str.encode)])
    except FormatError as error:
        raise FormatError(error.what, where) from error


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 64:
            return "int64" if value < 1 << 63 else "uint64"
        raise FormatError("an integer of more than 64 bits has no canonical form", hint="write it as text")
    names = {type(None): "null", float: "double", str: "string", list: "list", dict: "struct"}
    return names[type(value)]


def _plain(value: Any) -> Any:
    """Return a value with objects as sorted lists of ``[name, value]``; its depth was checked."""
    if isinstance(value, dict):
        return [[name, _plain(value[name])] for name in sorted(value, key=str.encode)]
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
