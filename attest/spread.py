"""Files of a shared file system, read by many machines: an executor of the digest engine over an ``Engine``.

Every machine sees the same tree at the same path. A file is the one that was found if its size and its time
of change are what they were; its device and inode may have other numbers elsewhere, and are compared only on
the machine that reads it, before and after. What travels back are digests by the number of the file, in runs
that a tree of joins sorts and puts together.
"""

from __future__ import annotations

import heapq
import os
import time
from collections.abc import Generator, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from attest.batch import BATCH_BYTES, Batch, Step
from attest.engine import Engine
from attest.errors import DigestError
from attest.outcomes import Answers
from attest.reading import CHANGED, SHA, STATUS, Pulse, Root, read_files, reason_of, status_of

__all__ = ["Part", "Spread", "Task", "join_parts", "read_task"]

GROUP_BATCHES = 64
GROUP_BYTES = 8 * BATCH_BYTES
"""Batches, and bytes, whose answers come back as one."""


class Task(NamedTuple):
    """Files that one machine reads in one go."""

    root: str
    numbers: Sequence[int]
    places: list[bytes]
    statuses: bytes
    """Packed (``attest.reading.STATUS``), as the machine that asks sees them."""


class Part(NamedTuple):
    """What reading some files gave."""

    runs: list[tuple[int, bytes]]
    """The number of a file, and the digests of it and of those that follow; sorted, zeros for none."""
    failures: list[tuple[int, str]]
    """The numbers of files without a digest, and why."""
    size: int
    """Bytes read."""


def read_task(task: Task) -> Part:
    """Read and hash files. Runs wherever the engine likes."""
    try:
        root = Root(task.root)
    except OSError as error:
        reason = f"{reason_of(error)}: {task.root} is not there on every machine"
        return Part(
            _runs(task.numbers, bytes(SHA * len(task.numbers))), [(n, reason) for n in task.numbers], 0
        )
    with root:
        failures, here = _statuses_here(root, task)
        reading = read_files(root, task.places, here, Pulse())
        size = 0
        while True:
            try:
                size += next(reading)
            except StopIteration as stop:
                last, digests, wrong = stop.value
                break
    failures = {task.numbers[place]: reason for place, reason in wrong} | failures
    return Part(_runs(task.numbers, digests), sorted(failures.items()), size + last)


def _statuses_here(root: Root, task: Task) -> tuple[dict[int, str], bytes]:
    """Return which files are not those that were found, and the statuses of all as this machine sees them."""
    failures = {}
    here = []
    for number, place, asked in zip(
        task.numbers, task.places, STATUS.iter_unpack(task.statuses), strict=True
    ):
        try:
            status = status_of(root.status(os.fsdecode(place)))
        except OSError as error:
            failures[number] = reason_of(error)
            status = asked
        else:
            if (status[2], status[3]) != (asked[2], asked[3]):
                failures[number] = CHANGED
        here.append(STATUS.pack(*status))
    return failures, b"".join(here)


def _runs(numbers: Sequence[int], digests: bytes) -> list[tuple[int, bytes]]:
    if isinstance(numbers, range):
        return [(numbers[0], digests)]
    single = ((number, digests[SHA * at : SHA * at + SHA]) for at, number in enumerate(numbers))
    return _joined(sorted(single))


def _joined(runs: Sequence[tuple[int, bytes]] | Iterator[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Put runs together that follow each other."""
    joined: list[tuple[int, list[bytes]]] = []
    end = -1
    for number, digests in runs:
        if number == end:
            joined[-1][1].append(digests)
        else:
            joined.append((number, [digests]))
        end = number + len(digests) // SHA
    return [(number, b"".join(pieces)) for number, pieces in joined]


def join_parts(parts: Sequence[Part]) -> Part:
    """Sort what several machines read, and put it together. Runs wherever the engine likes."""
    runs = _joined(heapq.merge(*(part.runs for part in parts), key=itemgetter(0)))
    failures = sorted(chain.from_iterable(part.failures for part in parts))
    return Part(runs, failures, sum(part.size for part in parts))


class Spread:
    """An executor that has batches read by an engine.

    Args:
        engine: whose machines see the tree at the same path.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Yield the steps of all batches, a group of them at a time.

        Raises:
            DigestError: as of the engine; or it answered for files it was not asked for.
        """
        if not work:
            return
        began = time.time_ns()  # by the clock of the machine that asks: those of others may be ahead
        listing = work[0].listing
        answers = self._engine.run(read_task, _groups(work), join_parts)
        try:
            for part in answers:
                for number, digests in part.runs:
                    if number < 0 or number + len(digests) // SHA > len(listing) or len(digests) % SHA:
                        raise DigestError("the engine answered for files it was not asked for", work[0].root)
                numbers = list(chain.from_iterable(_span(run) for run in part.runs))
                place = {number: at for at, number in enumerate(numbers)} if part.failures else {}
                failures = {place[number]: reason for number, reason in part.failures if number in place}
                digests = b"".join(digests for _, digests in part.runs)
                yield Step(part.size, Answers(listing, numbers, digests, failures, began))
        finally:
            answers.close()


def _span(run: tuple[int, bytes]) -> range:
    return range(run[0], run[0] + len(run[1]) // SHA)


def _groups(work: Sequence[Batch]) -> Iterator[list[Task]]:
    """Yield tasks whose answers come back as one: many small ones, or a few large ones."""
    group: list[Task] = []
    size = 0
    for batch in work:
        numbers = batch.numbers
        statuses = batch.listing.statuses(numbers)
        group.append(Task(os.path.abspath(batch.root), numbers, batch.listing.places(numbers), statuses))  # noqa: PTH100 - links stay
        size += sum(status[2] for status in STATUS.iter_unpack(statuses))
        if len(group) == GROUP_BATCHES or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group
