"""What a record of a dataset is, one file or one row of a table, and how records are read.

One way of reading them per file of ``attest.records``. A record's canonical bytes depend on nothing but the
record: not on where it stands, what stands beside it or how the file around it is packed. Of a file they are
its bytes. Of a row they are deterministic CBOR (RFC 8949, 4.2) of ``[[column, type, value], …]`` in the order
of the schema.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, Protocol

from attest.commitment import Blob
from attest.errors import DigestError, UsageError
from attest.registry import Registry
from attest.scan import Found, Root, Scan, mode_of, reason_of, refuse, scan_file, scan_tree, status_of

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "UNITS",
    "Batch",
    "Format",
    "Keep",
    "Records",
    "Unit",
    "find_records",
    "open_found",
    "person_id",
    "read_unit",
]

UNITS = ("file", "row")
"""What one record is."""

FORMATS = Registry(
    "format of records",
    {
        "csv": "attest.records.csv:Csv",
        "file": "attest.records.file:Files",
        "jsonl": "attest.records.jsonl:JsonLines",
        "parquet": "attest.records.parquet:Parquet",
    },
    "attest.records",
)
"""Format → ``Format()``."""

SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
"""Ending of a file whose records are rows → its format."""


class Unit(NamedTuple):
    """Records that are read in one go. Plain data: it may travel to another process."""

    format: str
    root: str
    files: list[Found]
    start: int = 0
    """Where in a table, in what its format counts by."""
    end: int = 0
    subject: str | None = None
    """The column that holds the person a row is about."""
    lenient: bool = False
    """Where there is no such column, a row names nobody."""


class Batch(NamedTuple):
    """Some records of a unit."""

    records: Sequence[Blob]
    """Their canonical bytes."""
    people: Sequence[bytes | None] | None
    """The person each is about, if that was asked for; ``None``: it names nobody."""
    place: Callable[[int], str]
    """Says where the record of that number in the batch stands."""


Keep = Callable[[Batch], Sequence[bool]]
"""Tells which records of a batch stay."""


class Format(Protocol):
    """One way of keeping records in files."""

    def units(self, root: str, found: Sequence[Found]) -> list[Unit]:
        """Cut files into units."""

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Yield the records of a unit, in bounded memory.

        Raises:
            FormatError: the file is not what its name says, or holds what has no canonical bytes.
            UsageError: it has no such column, or what reads it is not installed.
        """

    def copy(self, root: str, found: Found, target: Path, keep: Keep, subject: str | None) -> None:
        """Write a file again without the records that do not stay.

        Raises:
            FormatError: as of ``read``.
        """


@dataclass(frozen=True)
class Records:
    """The records of a dataset, before they are read."""

    scan: Scan
    unit: str
    """One of ``UNITS``."""
    single: bool = False
    """Whether it is one file, and no directory."""
    subject: str | None = None
    lenient: bool = False
    """Where there is no such column, a row names nobody."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(found.size for found in self.scan.found)

    @property
    def read(self) -> Callable[[Unit], Iterator[Batch]]:
        """Yields the records of a unit."""
        return read_unit

    def formats(self) -> Iterator[tuple[str, list[Found]]]:
        """Yield each format with its files."""
        groups: dict[str, list[Found]] = {}
        for found in self.scan.found:
            groups.setdefault(_format_of(found.path) if self.unit == "row" else "file", []).append(found)
        yield from sorted(groups.items())

    def units(self) -> list[Unit]:
        """Return the work, cut into pieces.

        Raises:
            FormatError: a table cannot be read.
        """
        return [
            unit._replace(subject=self.subject, lenient=self.lenient)
            for name, found in self.formats()
            for unit in _load(name).units(self.scan.root, found)
        ]

    def tables(self, subject: str | None) -> Records:
        """Return the rows of those files that are tables, and whom they are about where they say so."""
        found = [each for each in self.scan.found if _format_of(each.path)]
        return Records(self.scan._replace(found=found), "row", self.single, subject, lenient=True)

    def copy(self, target: Path, keep: Keep) -> None:
        """Write all files again, below a folder or as one file, without the records that do not stay.

        Raises:
            FormatError: a file cannot be read.
        """
        for name, found in self.formats():
            for each in found:
                place = target if self.single else target / each.path
                place.parent.mkdir(parents=True, exist_ok=True)
                _load(name).copy(self.scan.root, each, place, keep, self.subject)


def _load(name: str) -> Format:
    found: Format = FORMATS.load(name)()
    return found


def read_unit(unit: Unit) -> Iterator[Batch]:
    """Yield the records of a unit (``Format.read``)."""
    return _load(unit.format).read(unit)


def _format_of(path: str) -> str:
    return SUFFIXES.get(PurePosixPath(path).suffix.lower(), "")


def find_records(
    path: Path,
    unit: str | None = None,
    *,
    subject: str | None = None,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
) -> Records:
    """Look for the records of a dataset.

    Args:
        path: a file or directory.
        unit: one of ``UNITS``; ``None``: rows if every file is a table, else files.
        subject: the column that holds the person a row is about.
        exclude: patterns of paths that are left out (``attest.exclusions.Exclusions``).
        symlinks: read links to files of the same directory as those files.

    Raises:
        DigestError: something in it cannot be digested.
        UsageError: rows were asked for, and a file is no table; or a column, and records are files.
    """
    single = not stat.S_ISDIR(mode_of(path) or 0)
    scan = scan_file(path) if single else scan_tree(path, exclude, symlinks=symlinks)
    if scan.offenders:
        raise refuse(scan.offenders, scan.root)
    if not scan.found:
        raise DigestError("no file to digest", str(path), "an empty directory has no digest")
    other = next((each.path for each in scan.found if not _format_of(each.path)), None)
    chosen = unit or ("row" if other is None else "file")
    if chosen == "row" and other is not None:
        what = f"{other[:200]!r} is no table: expected {', '.join(sorted(SUFFIXES))}"
        raise UsageError(what, str(path), "leave it out with --exclude, or say --unit file")
    if chosen == "file" and subject is not None:
        what = f"the column {subject[:100]!r} names people, and the records are files: these have no columns"
        raise UsageError(what, str(path), "of rows, say --unit row")
    return Records(scan, chosen, single, subject)


@contextmanager
def open_found(root: str, found: Found) -> Iterator[IO[bytes]]:
    """Open a file that was found; at the end it must still be what it was.

    Raises:
        DigestError: it cannot be opened, or changed since it was found.
    """
    where = str(Path(root) / found.path)
    changed = DigestError("changed while it was read", where, "nothing was made of it: start again")
    try:
        with Root(root) as folder, os.fdopen(folder.open(found.place), "rb") as file:
            if status_of(os.fstat(file.fileno())) != found.status:
                raise changed
            yield file
            if file.closed or status_of(os.fstat(file.fileno())) != found.status:
                raise changed
    except OSError as error:
        raise DigestError(reason_of(error), where) from error


def person_id(value: Any, column: str, where: str) -> bytes | None:
    """Return the bytes of a person's id: the UTF-8 of a text, the digits of an integer.

    Raises:
        UsageError: it is something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value).encode()
    what = f"column {column[:100]!r} holds {type(value).__name__}, and a person's id is text or an integer"
    raise UsageError(what, where)
