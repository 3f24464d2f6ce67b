"""Files that were found, less than a hundred bytes for each: a million of them fit into a process of others.

They look like a sequence of tuples, which are made when somebody asks for one. Inside, everything stands in
long arrays, and a file is its number in the order it was found.
"""

from __future__ import annotations

import heapq
import operator
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from typing import NamedTuple, overload

from attest.reading import STATUS, Status

__all__ = ["TOO_FAR", "Found", "Listing", "pack_status"]

TOO_FAR = "its times are more than 292 years from 1970"
"""Why a file has no packed status."""

_SORTED_AT_ONCE = 1 << 16
"""Paths that are held as strings while the rest waits packed."""


class Found(NamedTuple):
    """A regular file, before it is read."""

    path: str
    """Relative to the root, ``/``-separated, exactly as the file system spells it."""
    place: str
    """Where its bytes are, relative to the root, as this system names it: the path itself, or what a
    symbolic link leads to."""
    size: int
    """Bytes."""
    status: Status


class Listing(Sequence[Found]):
    """Files that were found, packed."""

    __slots__ = ("_ends", "_folder", "_folders", "_names", "_order", "_places", "_statuses")

    def __init__(self) -> None:
        self._names = bytearray()
        self._ends = array("Q", [0])
        self._folders: list[bytes] = []
        self._folder = array("I")
        self._statuses = bytearray()
        self._places: dict[int, bytes] = {}
        """Of files whose bytes are elsewhere than their paths say."""
        self._order: array[int] | None = None
        """The numbers of files by their paths; ``None``: they were found in that order."""

    @classmethod
    def of(cls, files: Iterable[Found]) -> Listing:
        """Pack files, and keep their order.

        Raises:
            OverflowError: a file's times are out of all reason.
        """
        if isinstance(files, Listing):
            return files
        listing = cls()
        for found in files:
            listing.add_one(found)
        return listing

    def add_one(self, found: Found) -> None:
        """Add a file.

        Raises:
            OverflowError: its times are out of all reason.
        """
        path = found.path.encode("utf-8", "surrogateescape")
        place = os.fsencode(found.place)
        if place != path:
            self._places[len(self)] = place
        self.add(b"", [path], pack_status(found.status))

    def add(self, folder: bytes, names: Sequence[bytes], statuses: bytes) -> None:
        """Add files of one folder: its path and a slash, or nothing; their names; their statuses."""
        if not self._folders or self._folders[-1] != folder:
            self._folders.append(folder)
        self._folder.extend([len(self._folders) - 1] * len(names))
        self._ends.extend(islice(accumulate(map(len, names), initial=len(self._names)), 1, None))
        self._names += b"".join(names)
        self._statuses += statuses

    def sort(self) -> None:
        """Order the files by the bytes of their paths, and leave them where they are."""
        runs: list[tuple[int, Sequence[int]]] = []
        last, ascending = b"", True
        for first in range(0, len(self), _SORTED_AT_ONCE):
            paths = self.paths(range(first, min(first + _SORTED_AT_ONCE, len(self))))
            ascending = ascending and last < paths[0] and all(map(operator.lt, paths, islice(paths, 1, None)))
            if not ascending:
                numbers = sorted(range(len(paths)), key=paths.__getitem__)
                runs.append((first, array("I", [first + number for number in numbers])))
            else:
                runs.append((first, range(first, first + len(paths))))
            last = paths[-1]
        if not ascending:
            merged = heapq.merge(*(run for _, run in runs), key=self.path)
            self._order = array("I", merged) if len(runs) > 1 else array("I", runs[0][1])

    @property
    def numbers(self) -> Sequence[int]:
        """The files' numbers in the order of this sequence."""
        return range(len(self)) if self._order is None else self._order

    def path(self, number: int) -> bytes:
        """Return the path of the file with that number, as UTF-8."""
        folder = self._folders[self._folder[number]]
        return folder + self._names[self._ends[number] : self._ends[number + 1]]

    def paths(self, numbers: Iterable[int]) -> list[bytes]:
        """Return the paths of many."""
        folders, names, ends, folder = self._folders, self._names, self._ends, self._folder
        return [folders[folder[each]] + names[ends[each] : ends[each + 1]] for each in numbers]

    def places(self, numbers: Iterable[int]) -> list[bytes]:
        """Return where the bytes of many are, as this system names it."""
        if not self._places:
            return self.paths(numbers)
        return [self._places.get(each) or self.path(each) for each in numbers]

    def statuses(self, numbers: Sequence[int]) -> bytes:
        """Return the statuses of many, packed."""
        size = STATUS.size
        if len(numbers) == numbers[-1] - numbers[0] + 1 and isinstance(numbers, range):
            return bytes(self._statuses[size * numbers[0] : size * numbers[-1] + size])
        return b"".join([self._statuses[size * each : size * each + size] for each in numbers])

    def sizes(self, first: int = 0) -> Iterator[int]:
        """Yield the sizes of all, by number, or of all from one on."""
        statuses = self._statuses[STATUS.size * first :] if first else self._statuses
        return map(operator.itemgetter(2), STATUS.iter_unpack(statuses))

    def status(self, number: int) -> Status:
        """Return the status of the file with that number."""
        status: Status = STATUS.unpack_from(self._statuses, STATUS.size * number)
        return status

    def found(self, number: int) -> Found:
        """Return the file with that number."""
        path, status = self.path(number), self.status(number)
        place = self._places.get(number, path)
        return Found(path.decode("utf-8", "surrogateescape"), os.fsdecode(place), status[2], status)

    def pick(self, numbers: Iterable[int]) -> Listing:
        """Return some of these files, in the order given."""
        picked = Listing()
        for number in numbers:
            if number in self._places:
                picked.add_one(self.found(number))
            else:
                start, end, place = self._ends[number], self._ends[number + 1], STATUS.size * number
                folder = self._folders[self._folder[number]]
                picked.add(
                    folder,
                    [bytes(self._names[start:end])],
                    bytes(self._statuses[place : place + STATUS.size]),
                )
        return picked

    def __len__(self) -> int:
        return len(self._folder)

    @overload
    def __getitem__(self, index: int) -> Found: ...
    @overload
    def __getitem__(self, index: slice) -> list[Found]: ...
    def __getitem__(self, index: int | slice) -> Found | list[Found]:
        chosen = self.numbers[index]
        return self.found(chosen) if isinstance(chosen, int) else [self.found(each) for each in chosen]

    def __iter__(self) -> Iterator[Found]:
        return map(self.found, self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def pack_status(status: Status) -> bytes:
    """Return a status in its packed form.

    Raises:
        OverflowError: a time in it is more than 292 years from 1970.
    """
    try:
        return STATUS.pack(*status)
    except Exception as error:  # struct.error, which is a class of its own
        raise OverflowError(TOO_FAR) from error
