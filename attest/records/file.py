"""Records that are files, whatever is in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from attest.commitment import Blob
from attest.hashing import batches
from attest.record import Batch, Keep, Unit, open_found
from attest.scan import Found, Scan

__all__ = ["Files"]

WHOLE = 1 << 20
"""Bytes up to which a file is read in one piece."""
PIECE = 256 << 10


class _Stream:
    """The bytes of a large file in pieces, as often as they are asked for."""

    def __init__(self, root: str, found: Found) -> None:
        self._root = root
        self._found = found

    def __iter__(self) -> Iterator[bytes]:
        with open_found(self._root, self._found) as file:
            while piece := file.read(PIECE):
                yield piece


def _blob(root: str, found: Found) -> Blob:
    if found.size > WHOLE:
        return _Stream(root, found)
    with open_found(root, found) as file:
        return file.read(found.size + 1)


class Files:
    """Every file is one record, and its bytes are its canonical bytes."""

    def units(self, root: str, found: Sequence[Found]) -> list[Unit]:
        """Group files as the digest engine does."""
        every = Scan(root, list(found), [], 0, [])
        return [Unit("file", root, batch.files) for batch in batches(every)]

    def read(self, unit: Unit) -> Iterator[Batch]:
        """Yield one file at a time."""
        for found in unit.files:
            yield Batch([_blob(unit.root, found)], None, lambda _, path=found.path: path)  # type: ignore[misc]

    def copy(self, root: str, found: Found, target: Path, keep: Keep, subject: str | None) -> None:  # noqa: ARG002
        """Copy the file if it stays."""
        batch = Batch([_blob(root, found)], None, lambda _: found.path)
        if keep(batch)[0]:
            with open_found(root, found) as file, target.open("wb") as copied:
                shutil.copyfileobj(file, copied)
