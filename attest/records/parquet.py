"""Records that are rows of Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from attest.record import Batch, Keep, Unit, open_found
from attest.records._arrow import arrow, canonical_rows, filtered, people_of, translated
from attest.scan import Found

__all__ = ["Parquet"]

HELD = 8 << 20
"""Bytes of a batch, about: as many rows as their row group's average allows."""
ROWS = 16_384
"""Rows of a batch, at most."""


class Parquet:
    """Every row is one record; its columns come in the order of the file's schema."""

    def units(self, root: str, found: Sequence[Found]) -> list[Unit]:
        """Make each row group a unit."""
        units = []
        for each in found:
            with open_found(root, each) as file, translated(each.path):
                groups = _open(file).num_row_groups
            units += [Unit("parquet", root, [each], group, group + 1) for group in range(groups)]
        return units

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Yield the rows of some row groups."""
        found = unit.files[0]
        with open_found(unit.root, found) as file, translated(found.path):
            table = _open(file)
            first = sum(table.metadata.row_group(group).num_rows for group in range(unit.start))
            for group in range(unit.start, unit.end):
                for rows in table.iter_batches(_rows(table, group), row_groups=[group], use_threads=False):
                    yield _batch(found, rows, first, unit.subject, lenient=unit.lenient)
                    first += rows.num_rows

    def copy(self, root: str, found: Found, target: Path, keep: Keep, subject: str | None) -> None:
        """Write the rows that stay with the schema and the compression they had."""
        pq = arrow("pyarrow.parquet")
        with open_found(root, found) as file, translated(found.path):
            table = _open(file)
            first = 0
            with pq.ParquetWriter(target, table.schema_arrow, **_compression(table)) as writer:
                for group in range(table.num_row_groups):
                    kept = []
                    for rows in table.iter_batches(
                        _rows(table, group), row_groups=[group], use_threads=False
                    ):
                        kept.append(filtered(rows, keep(_batch(found, rows, first, subject))))
                        first += rows.num_rows
                    writer.write_table(arrow().Table.from_batches(kept, table.schema_arrow))


def _open(file: IO[bytes]) -> Any:
    return arrow("pyarrow.parquet").ParquetFile(file, pre_buffer=False)


def _rows(table: Any, group: int) -> int:
    found = table.metadata.row_group(group)
    average = found.total_byte_size // max(found.num_rows, 1) + 1
    return int(min(ROWS, max(1, HELD // average)))


def _compression(table: Any) -> dict[str, Any]:
    if not table.num_row_groups or not table.metadata.num_columns:
        return {}
    first = table.metadata.row_group(0)
    names = table.metadata.schema
    return {
        "compression": {
            names.column(number).path: first.column(number).compression.replace("UNCOMPRESSED", "NONE")
            for number in range(table.metadata.num_columns)
        }
    }


def _batch(found: Found, rows: Any, first: int, subject: str | None, *, lenient: bool = False) -> Batch:
    def place(number: int) -> str:
        return f"{found.path}: row {first + number + 1}"

    people = people_of(rows, subject, found.path, lenient=lenient) if subject is not None else None
    return Batch(canonical_rows(rows, found.path), people, place)
