"""Records that are rows of CSV files.

CSV has no types, so every value is the text that stands there: ``1`` and ``1.0`` differ, an empty value is an
empty text. The first line names the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from attest.errors import FormatError
from attest.record import Batch, Keep, Unit, open_found
from attest.records._arrow import arrow, canonical_rows, filtered, people_of, translated
from attest.scan import Found

__all__ = ["Csv"]

BLOCK = 16 << 20
"""Bytes read at once: no row may be longer."""
ROWS = 16_384


class Csv:
    """Every row is one record; its columns come in the order of the first line."""

    def units(self, root: str, found: Sequence[Found]) -> list[Unit]:
        """Make each file a unit: where a row ends is known only from its start."""
        return [Unit("csv", root, [each]) for each in found]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Yield the rows of a file."""
        found = unit.files[0]
        with open_found(unit.root, found) as file, translated(found.path):
            _, batches = _open(file, found)
            first = 0
            for rows in batches:
                yield _batch(found, rows, first, unit.subject, lenient=unit.lenient)
                first += rows.num_rows

    def copy(self, root: str, found: Found, target: Path, keep: Keep, subject: str | None) -> None:
        """Write the rows that stay, every value in quotes where it needs them."""
        csv = arrow("pyarrow.csv")
        with open_found(root, found) as file, translated(found.path):
            schema, batches = _open(file, found)
            first = 0
            with csv.CSVWriter(target, schema) as writer:
                for rows in batches:
                    writer.write_batch(filtered(rows, keep(_batch(found, rows, first, subject))))
                    first += rows.num_rows


def _open(file: IO[bytes], found: Found) -> tuple[Any, Iterator[Any]]:
    """Return the schema, all text, and the batches of a file."""
    pa, csv = arrow(), arrow("pyarrow.csv")
    if not found.size:
        raise FormatError("the file is empty", found.path, "its first line names the columns")
    layout = csv.ParseOptions(newlines_in_values=True)
    # bounded, for the first line alone; what it infers of types is thrown away
    names = csv.open_csv(_kept(file), csv.ReadOptions(block_size=BLOCK), layout).schema.names
    if len(set(names)) < len(names):
        raise FormatError("two columns have one name", found.path)
    file.seek(0)
    schema = pa.schema([(name, pa.string()) for name in names])
    as_text = csv.ConvertOptions(column_types=schema, strings_can_be_null=False)
    reading = csv.ReadOptions(block_size=BLOCK, use_threads=False)
    return schema, _batches(csv.open_csv(_kept(file), reading, layout, as_text))


def _kept(file: IO[bytes]) -> Any:
    """Return the file for a reader that would close it."""
    import io

    class Kept(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            data = file.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

    return io.BufferedReader(Kept(), 1 << 20)


def _batches(reader: Any) -> Iterator[Any]:
    for rows in reader:
        for start in range(0, rows.num_rows, ROWS):
            yield rows.slice(start, ROWS)


def _batch(found: Found, rows: Any, first: int, subject: str | None, *, lenient: bool = False) -> Batch:
    def place(number: int) -> str:
        return f"{found.path}: row {first + number + 1}"

    people = people_of(rows, subject, found.path, lenient=lenient) if subject is not None else None
    return Batch(canonical_rows(rows, found.path), people, place)
