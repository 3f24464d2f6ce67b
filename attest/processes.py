"""Work that holds the interpreter's lock, spread over processes: results come in the order of the tasks.

While a process works on a task, the next ones lie in its pipe, as many as are sure to fit. So nobody waits
for what the other has not read, nothing can block for good, and what is under way is bounded. A process that
ends before its work does is an error, never a missing result.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attest.errors import AttestError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["cores", "in_processes"]

T = TypeVar("T")
S = TypeVar("S")

_AHEAD = 4
"""Tasks per process that are taken before the result of the oldest one is there."""
_DEPTH = 3
"""Tasks that a process has at most, the one it works on among them."""
_CAPACITY = 1 << 20
"""Bytes that a pipe is to hold: Linux gives as much to everybody, and 64 KiB to who does not ask."""
_SLACK = 1 << 16
"""Bytes of them that stay free: a pipe counts whole pages, and may begin one with every write."""


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_processes(
    work: Callable[[Any, T], S], shared: object, tasks: Iterable[T], workers: int
) -> Generator[tuple[T, S], None, None]:
    """Yield every task with what ``work(shared, task)`` returned for it, in the order of ``tasks``.

    What ``tasks`` itself raises is raised after the results of the tasks before. When this generator is
    closed or interrupted, its processes end at once.

    Args:
        work: a function of some module; what it takes and returns has to be picklable.
        shared: given to each process once, at its start.
        tasks: taken as the processes need them.
        workers: how many processes at most.

    Raises:
        AttestError: a process could not be started, or ended unexpectedly.
    """
    pool: _Pool[T, S] = _Pool(work, shared, workers)
    waiting: deque[_Job[T, S]] = deque()
    source, failure = iter(tasks), None
    more = True
    try:
        while True:
            while more and len(waiting) < _AHEAD * workers and pool.has_room:
                try:
                    waiting.append(_Job(next(source)))
                except StopIteration:
                    more = False
                except Exception as error:  # noqa: BLE001 - raised again when its turn comes
                    more, failure = False, error
                else:
                    pool.give(waiting[-1])
            if not waiting:
                break
            if not waiting[0].results:
                pool.collect(timeout=None)
                continue
            done = waiting.popleft()
            yield done.task, done.results[0]
            pool.collect(timeout=0)
    finally:
        pool.end()
    if failure is not None:
        raise failure


class _Job(Generic[T, S]):
    def __init__(self, task: T) -> None:
        self.task = task
        self.results: list[S] = []
        """Its one result, once it is there."""


class _Worker(Generic[T, S]):
    """A process, and the jobs it has."""

    def __init__(self, process: BaseProcess, tasks: Connection, results: Connection, room: int) -> None:
        self.process = process
        self.results = results
        self.jobs: deque[tuple[_Job[T, S], int]] = deque()
        self._tasks = tasks
        self._room = room

    def takes(self, size: int) -> bool:
        """Tell whether a task of so many bytes can be written without waiting for another to be worked on."""
        ahead = sum(each for _, each in self.jobs)
        return not self.jobs or (len(self.jobs) < _DEPTH and ahead + size <= self._room)

    def give(self, job: _Job[T, S], message: memoryview) -> None:
        """Write a task that it ``takes``."""
        self._tasks.send_bytes(message)
        self.jobs.append((job, message.nbytes))

    def collect(self) -> None:
        """Take over the result of its oldest job."""
        result = self.results.recv()
        self.jobs.popleft()[0].results.append(result)

    def ends(self) -> tuple[Connection, Connection]:
        """Return this process's ends of its pipes."""
        return self._tasks, self.results


class _Pool(Generic[T, S]):
    """Processes, and which jobs each of them has."""

    def __init__(self, work: Callable[[Any, T], S], shared: object, limit: int) -> None:
        self._work = work
        self._shared = shared
        self._limit = limit
        self._context = _context()
        self._workers: list[_Worker[T, S]] = []
        self._held: tuple[_Job[T, S], memoryview] | None = None

    @property
    def has_room(self) -> bool:
        """Whether a job would be begun, or written ahead if it is small."""
        more = len(self._workers) < self._limit or any(len(each.jobs) < _DEPTH for each in self._workers)
        return self._held is None and more

    def give(self, job: _Job[T, S]) -> None:
        """Let a process have a job, as soon as one can take it."""
        from multiprocessing.reduction import ForkingPickler

        self._held = job, memoryview(ForkingPickler.dumps(job.task))
        self._place()

    def _place(self) -> None:
        if self._held is None:
            return
        try:
            worker = self._worker_for(self._held[1].nbytes)
            if worker is not None:
                worker.give(*self._held)
                self._held = None
        except OSError as error:
            raise _lost() from error

    def _worker_for(self, size: int) -> _Worker[T, S] | None:
        least = min(self._workers, key=lambda each: len(each.jobs), default=None)
        if (least is None or least.jobs) and len(self._workers) < self._limit:
            self._workers.append(self._start())
            return self._workers[-1]
        return next((each for each in (least, *self._workers) if each and each.takes(size)), None)

    def _start(self) -> _Worker[T, S]:
        theirs, tasks = self._context.Pipe(duplex=False)
        results, back = self._context.Pipe(duplex=False)
        room = min(_room(tasks), _room(back))
        inherited: list[Connection] = []
        if self._context.get_start_method() == "fork":  # who keeps an end never sees that the other is gone
            inherited = [tasks, results, *chain.from_iterable(each.ends() for each in self._workers)]
        process = self._context.Process(
            target=_serve,
            args=(theirs, back, inherited, self._work, self._shared),
            daemon=True,
            name="attest",
        )
        process.start()
        theirs.close()
        back.close()
        return _Worker(process, tasks, results, room)

    def collect(self, timeout: float | None) -> None:
        """Take over the results that are there; without a timeout, wait for one."""
        from multiprocessing.connection import wait

        busy = {each.results: each for each in self._workers if each.jobs}
        for ready in wait(list(busy), timeout):
            try:
                busy[ready].collect()  # type: ignore[index]  # one of those it was given
            except (EOFError, OSError) as error:
                raise _lost() from error
        self._place()

    def end(self) -> None:
        """End every process: what one was still working on nobody waits for."""
        for each in self._workers:
            each.process.kill()
        for each in self._workers:
            each.process.join()
            for end in each.ends():
                end.close()


def _room(pipe: Connection) -> int:
    """Let a pipe hold more, and return how many bytes are sure to fit."""
    try:
        from fcntl import F_SETPIPE_SZ, fcntl

        return max(0, fcntl(pipe.fileno(), F_SETPIPE_SZ, _CAPACITY) - _SLACK)
    except (ImportError, OSError):  # another system, or a user with very many pipes: one task at a time
        return 0


def _lost() -> AttestError:
    return AttestError(
        "a process that shared the work ended unexpectedly",
        hint="was it killed, or is memory short? --jobs 1 stays in one process",
    )


def _context() -> Any:
    """Fork where that is safe: of a process with threads, a copy can inherit a lock nobody will open."""
    import multiprocessing

    return multiprocessing.get_context("fork" if sys.platform == "linux" and _threads() == 1 else "spawn")


def _threads() -> int:
    """Return how many threads this process has, those of libraries such as Arrow among them."""
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:  # no /proc here: nobody knows
        return 0


def _serve(
    tasks: Connection,
    results: Connection,
    inherited: list[Connection],
    work: Callable[[Any, Any], Any],
    shared: object,
) -> None:
    """Work on tasks until nobody is left to give any. Ctrl-C is the parent's to act on."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for each in inherited:
        each.close()
    gc.freeze()  # what was inherited is neither walked nor copied
    gc.set_threshold(100_000)  # results are handed over and dropped: there is next to nothing to collect
    try:
        while True:
            results.send(work(shared, tasks.recv()))
    except (EOFError, OSError):
        return
