"""The work of the digest engine in pieces: files that are read in one go, and what comes of it."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from attest.listing import Found, Listing
from attest.outcomes import Answers, FileDigest, Offender
from attest.reading import SHA, Pulse, Root, read_files, reason_of
from attest.scan import Scan

__all__ = ["BATCH_BYTES", "BATCH_FILES", "TINY", "Batch", "Executor", "Step", "batches", "read_batch"]

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


def _groups(listing: Listing) -> Iterator[tuple[array[int], int]]:
    """Yield the numbers of files that belong together, and the largest size among them."""
    tiny, other = array("I"), array("I")
    room, most = BATCH_BYTES, 0
    for number, size in enumerate(listing.sizes()):
        if size < TINY:
            tiny.append(number)
            if len(tiny) == BATCH_FILES:
                yield tiny, TINY - 1
                tiny = array("I")
        elif size < BATCH_BYTES:
            other.append(number)
            room, most = room - size, max(most, size)
            if room <= 0 or len(other) == BATCH_FILES:
                yield other, most
                other, room, most = array("I"), BATCH_BYTES, 0
    if other:
        yield other, most
    if tiny:
        yield tiny, TINY - 1


def batches(scan: Scan) -> list[Batch]:
    """Group files by bytes and count: large ones first, alone and by size, tiny ones apart from the rest."""
    listing = Listing.of(scan.found)
    large = [(size, number) for number, size in enumerate(listing.sizes()) if size >= BATCH_BYTES]
    large.sort(key=lambda found: -found[0])
    alone = [Batch(scan.root, listing, range(number, number + 1), size) for size, number in large]
    shared = [Batch(scan.root, listing, _dense(group), most) for group, most in _groups(listing)]
    return [
        *alone,
        *(each for each in shared if each.largest >= TINY),
        *(each for each in shared if each.largest < TINY),
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
