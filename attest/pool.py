"""A pool of threads for work that is partly waiting: its width follows what the work waits for."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Lane", "run_lanes"]

IDLE = 0.25
"""Seconds without a result after which whoever watches is told."""

T = TypeVar("T")
S = TypeVar("S")


class Lane(NamedTuple, Generic[T]):
    """Tasks of one kind, and how many of them may run at once."""

    waiting: deque[T]
    warm: int
    """When what they read is in memory."""
    cold: int
    """When they wait for the disk."""


def run_lanes(
    lanes: Sequence[Lane[T]],
    work: Callable[[T], Iterator[S]],
    *,
    warm: int,
    cold: int,
    idle: Callable[[float], None] | None = None,
) -> Generator[S, None, None]:
    """Run ``work`` on every task and yield what it yields, in the order it comes.

    What goes wrong in a thread is raised here. When this generator is closed or interrupted, each thread
    stops when its task next yields; nobody waits for that.

    Args:
        lanes: tasks; those of the first lanes start first.
        work: called with a task in one of the threads.
        warm: threads at once, over all lanes.
        cold: the same while they wait for the disk.
        idle: is told, again and again, how many more seconds have passed without anything new.
    """
    tasks: queue.SimpleQueue[tuple[int, T] | None] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[int, S | _Ended]] = queue.SimpleQueue()
    stop = threading.Event()
    busy = [0] * len(lanes)
    threads = 0
    disk = _Disk()
    try:
        while True:
            for number in _startable(lanes, busy, cold if disk.slow else warm, cold=disk.slow):
                busy[number] += 1
                tasks.put((number, lanes[number].waiting.popleft()))
                if threads < sum(busy):
                    threads += 1
                    threading.Thread(target=_serve, args=(tasks, results, work, stop), daemon=True).start()
            if not any(busy):
                return
            try:
                number, result = results.get(timeout=IDLE)
            except queue.Empty:
                if idle is not None:
                    idle(IDLE)
                continue
            if not isinstance(result, _Ended):
                yield result
            elif result.error:
                raise result.error
            else:
                disk.look(sum(busy))
                busy[number] -= 1
    finally:
        stop.set()
        for _ in range(threads):
            tasks.put(None)


class _Ended(NamedTuple):
    """A task is through, or broke."""

    error: BaseException | None = None


def _startable(lanes: Sequence[Lane[T]], busy: list[int], limit: int, *, cold: bool) -> Iterator[int]:
    """Yield the numbers of lanes to start a task of, until nothing more may run now."""
    for number, lane in enumerate(lanes):
        while lane.waiting and busy[number] < (lane.cold if cold else lane.warm) and sum(busy) < limit:
            yield number


def _serve(
    tasks: queue.SimpleQueue[tuple[int, T] | None],
    results: queue.SimpleQueue[tuple[int, S | _Ended]],
    work: Callable[[T], Iterator[S]],
    stop: threading.Event,
) -> None:
    """Work on tasks until there are no more, or until told to stop."""
    while (task := tasks.get()) and not stop.is_set():
        number, given = task
        try:
            for result in work(given):
                if stop.is_set():
                    return
                results.put((number, result))
        except BaseException as error:  # noqa: BLE001 (raised again in the thread that waits)
            results.put((number, _Ended(error)))
            return
        results.put((number, _Ended()))


class _Disk:
    """Tells whether the disk is what the threads wait for."""

    EVERY = 0.02
    """Seconds between two looks."""
    BUSY = 0.75
    """Share of the threads' time below which processors count as idle."""

    def __init__(self) -> None:
        self.slow = False
        self._now, self._used, self._blocks = time.monotonic(), time.process_time(), _blocks_read()

    def look(self, threads: int) -> None:
        """Look again, unless the last time was only just now.

        Blocks that come from the disk begin a slow time if the threads were idle, and prolong it in any case:
        more threads keep the processors busy.
        """
        now = time.monotonic()
        passed = now - self._now
        if passed >= self.EVERY:
            used, blocks = time.process_time(), _blocks_read()
            idle = used - self._used < self.BUSY * threads * passed
            self.slow = blocks > self._blocks and (self.slow or idle)
            self._now, self._used, self._blocks = now, used, blocks


def _blocks_read() -> int:
    """Count the blocks this process has read from disks; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock
