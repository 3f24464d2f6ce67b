"""Who reads the batches of the digest engine: the caller itself, or threads."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Sequence

from attest.batch import BATCH_BYTES, TINY, Batch, Step, read_batch
from attest.errors import DigestError, UsageError
from attest.pool import Lane, run_lanes
from attest.reading import Pulse

__all__ = ["COLD", "Serial", "Threads", "cores", "read_timeout", "stalled"]

COLD = 8
"""Workers that read small files while the disk is what is waited for."""
TIMEOUT = 600.0
"""Seconds that a read may give nothing, unless ``ATTEST_READ_TIMEOUT`` says otherwise."""


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_timeout() -> float:
    """Return how many seconds a read may give nothing.

    Raises:
        UsageError: ``ATTEST_READ_TIMEOUT`` is not a number of seconds above 0.
    """
    said = os.environ.get("ATTEST_READ_TIMEOUT", "")
    try:
        seconds = float(said) if said else TIMEOUT
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"got {said[:40]!r}, expected seconds above 0", "ATTEST_READ_TIMEOUT")
    return seconds


def stalled(batch: Batch, place: int, seconds: float) -> DigestError:
    """Return the error that names a file which gave nothing for so long."""
    path = batch.listing.path(batch.numbers[place]).decode("utf-8", "surrogateescape")
    return DigestError(
        f'"{path}" gave nothing for {seconds:g} seconds: reading it was given up',
        batch.root,
        "is it on a share that is down? ATTEST_READ_TIMEOUT=SECONDS waits longer",
    )


class Serial:
    """An executor that reads in the calling thread."""

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Read one batch after the other."""
        for batch in work:
            yield from read_batch(batch)


class Threads:
    """An executor that reads on a pool of threads.

    Tiny files go to one thread: two of them would spend more on passing the GIL than they gain. While files
    come from the disk, small ones get more threads than there are cores, because most of them wait.

    Args:
        workers: threads to use at most; by default one per core, and more while the disk is waited for.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._warm = workers or cores()
        self._cold = workers or max(COLD, self._warm)

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Read the batches; if this generator is left early, the threads stop at their next step."""
        tiny = Lane(deque[Batch](), 1, self._cold)
        large = Lane(deque[Batch](), self._warm, self._warm)  # read-ahead keeps the disk busy
        other = Lane(deque[Batch](), self._warm, self._cold)
        for batch in work:
            size = batch.largest
            (tiny if size < TINY else large if size >= BATCH_BYTES else other).waiting.append(batch)
        watch = _Watch(read_timeout())
        # the tiny ones take one thread longest, so they start first
        return run_lanes([tiny, large, other], watch.read, warm=self._warm, cold=self._cold, idle=watch.look)


class _Watch:
    """Finds threads that have been waiting for one file for too long."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reading: dict[Pulse, tuple[Batch, int, float]] = {}
        """Whoever reads: what, the last beat seen, and the seconds since."""

    def read(self, batch: Batch) -> Generator[Step, None, None]:
        """Read a batch under this watch."""
        pulse = Pulse()
        self._reading[pulse] = batch, 0, 0.0
        try:
            yield from read_batch(batch, pulse)
        finally:
            pulse.number = -1  # whoever looks at this very moment sees that it has ended
            del self._reading[pulse]

    def look(self, passed: float) -> None:
        """Look again after so many seconds without any result.

        Raises:
            DigestError: a file has given nothing for too long.
        """
        for pulse, (batch, beats, waited) in list(self._reading.items()):
            waits = waited + passed if pulse.beats == beats and pulse.number >= 0 else 0.0
            if waits >= self._seconds:
                raise stalled(batch, pulse.number, self._seconds)
            if pulse in self._reading and pulse.number >= 0:
                self._reading[pulse] = batch, pulse.beats, waits
