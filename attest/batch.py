"""The work of the digest engine in pieces: files that are read in one go, and what comes of it."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Generator, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from attest.listing import Found, Listing
from attest.outcomes import Answers, FileDigest, Offender
from attest.reading import SHA, Pulse, Root, read_files, reason_of
from attest.scan import Scan

__all__ = [
    "BATCH_BYTES",
    "BATCH_FILES",
    "TINY",
    "Batch",
    "Executor",
    "Groups",
    "Step",
    "batches",
    "read_batch",
]

TINY = 16 << 10
"""Bytes below which a file costs more in Python than in SHA-256: threads would only fight for the GIL."""
BATCH_BYTES = 16 << 20
BATCH_FILES = 512


class Batch:
    """Files that one worker reads in one go. Plain data when it is pickled: it may travel.

    Args:
        root: the directory they are in.
        files: the files, or more of them.
        numbers: which of these belong to the batch; by default all.
        largest: bytes of the largest file of the batch, where that is known.
    """

    __slots__ = ("_largest", "listing", "numbers", "root")

    def __init__(
        self,
        root: str,
        files: Iterable[Found],
        numbers: Sequence[int] | None = None,
        largest: int | None = None,
    ) -> None:
        self.root = root
        self.listing = Listing.of(files)
        self.numbers = range(len(self.listing)) if numbers is None else numbers
        self._largest = largest

    @property
    def files(self) -> list[Found]:
        """The files of the batch."""
        return [self.listing.found(number) for number in self.numbers]

    @property
    def largest(self) -> int:
        """Bytes of its largest file."""
        if self._largest is None:
            self._largest = max(self.listing.status(number)[2] for number in self.numbers)
        return self._largest

    def answers(self, digests: bytes, failures: Iterable[tuple[int, str]], read_ns: int) -> Answers:
        """Return the outcomes of the batch's files (``attest.outcomes.Answers``)."""
        return Answers(self.listing, self.numbers, digests, dict(failures), read_ns)

    def __reduce__(self) -> tuple[Any, ...]:
        return Batch, (self.root, self.files)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Batch) and (self.root, self.files) == (other.root, other.files)

    __hash__ = None  # type: ignore[assignment]


class Step(NamedTuple):
    """What reading a batch gave since the last step."""

    size: int
    """Bytes read."""
    outcomes: Sequence[FileDigest | Offender]


class Executor(Protocol):
    """Has batches read by ``read_batch``, or answers for it from a cache."""

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Yield the steps of all batches in any order, each file in exactly one outcome."""


def _dense(numbers: array[int]) -> Sequence[int]:
    """Return the same numbers, as a range where they are one."""
    first, last = numbers[0], numbers[-1]
    return range(first, last + 1) if last - first + 1 == len(numbers) else numbers


class Groups:
    """Groups the files of a listing that may still grow: each large one alone, tiny ones apart from the rest.

    Args:
        root: the directory they are in.
        listing: the files.
    """

    def __init__(self, root: str, listing: Listing) -> None:
        self._root, self._listing = root, listing
        self._tiny, self._other = array("I"), array("I")
        self._room, self._most = BATCH_BYTES, 0
        self._next = 0
        self.small = 0
        """Files so far that share a batch with others."""

    def take(self) -> list[Batch]:
        """Return the batches that are full by now; the files of the others wait for more."""
        first, self._next = self._next, len(self._listing)
        if max(self._listing.sizes(first), default=0) < TINY:  # which is so of most files of large trees
            self._tiny.extend(range(first, self._next))
            full = []
        else:
            full = self._sort(first)
        self.small += self._next - first - sum(each.largest >= BATCH_BYTES for each in full)
        end = len(self._tiny) // BATCH_FILES * BATCH_FILES
        full += [
            self._of_tiny(self._tiny[place : place + BATCH_FILES]) for place in range(0, end, BATCH_FILES)
        ]
        del self._tiny[:end]
        return full

    def _sort(self, first: int) -> list[Batch]:
        """Put files where they belong, by size, and return the batches that are full by that."""
        full: list[Batch] = []
        for number, size in enumerate(self._listing.sizes(first), first):
            if size < TINY:
                self._tiny.append(number)
            elif size < BATCH_BYTES:
                self._other.append(number)
                self._room, self._most = self._room - size, max(self._most, size)
                if self._room <= 0 or len(self._other) == BATCH_FILES:
                    full.append(self._close_other())
            else:
                full.append(Batch(self._root, self._listing, range(number, number + 1), size))
        return full

    def rest(self) -> list[Batch]:
        """Return what waited for more."""
        left = [self._close_other()] if self._other else []
        return [*left, self._of_tiny(self._tiny)] if self._tiny else left

    def _of_tiny(self, numbers: array[int]) -> Batch:
        return Batch(self._root, self._listing, _dense(numbers), TINY - 1)

    def _close_other(self) -> Batch:
        numbers, most = self._other, self._most
        self._other, self._room, self._most = array("I"), BATCH_BYTES, 0
        return Batch(self._root, self._listing, _dense(numbers), most)


def batches(scan: Scan) -> list[Batch]:
    """Group files by bytes and count: large ones first, alone and by size, tiny ones apart from the rest."""
    groups = Groups(scan.root, Listing.of(scan.found))
    all_ = [*groups.take(), *groups.rest()]
    large = [each for each in all_ if each.largest >= BATCH_BYTES]
    large.sort(key=lambda batch: -batch.largest)
    return [
        *large,
        *(each for each in all_ if TINY <= each.largest < BATCH_BYTES),
        *(each for each in all_ if each.largest < TINY),
    ]


def read_batch(batch: Batch, pulse: Pulse | None = None) -> Generator[Step, None, None]:
    """Read and hash the files of a batch; yield now and then, so that the reader can be stopped."""
    now = time.time_ns()
    listing, numbers = batch.listing, batch.numbers
    try:
        root = Root(batch.root)
    except OSError as error:
        failures = [(place, reason_of(error)) for place in range(len(numbers))]
        yield Step(0, batch.answers(bytes(SHA * len(numbers)), failures, now))
        return
    with root:
        places = [os.fsdecode(place) for place in listing.places(numbers)]
        reading = read_files(root, places, listing.statuses(numbers), pulse or Pulse())
        while True:
            try:
                size = next(reading)
            except StopIteration as stop:
                size, digests, failures = stop.value
                break
            yield Step(size, ())
    yield Step(size, batch.answers(digests, failures, now))
