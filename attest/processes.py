"""Work that holds the interpreter's lock, spread over processes: results come in the order of the tasks.

A process has one task at a time, so neither end of its pipe ever waits for the other to be read, and what is
under way is bounded. A process that ends before its work does is an error, never a missing result.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attest.errors import AttestError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

__all__ = ["cores", "in_processes"]

T = TypeVar("T")
S = TypeVar("S")

_AHEAD = 3
"""Tasks per process that are taken before the result of the oldest one is there."""


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


class _Pool(Generic[T, S]):
    """Processes, and which job each of them has."""

    def __init__(self, work: Callable[[Any, T], S], shared: object, workers: int) -> None:
        self._work = work
        self._shared = shared
        self._workers = workers
        self._context = _context()
        self._processes: list[BaseProcess] = []
        self._idle: list[Connection] = []
        self._busy: dict[Connection, _Job[T, S]] = {}

    @property
    def has_room(self) -> bool:
        """Whether a job would be begun at once."""
        return bool(self._idle) or len(self._processes) < self._workers

    def give(self, job: _Job[T, S]) -> None:
        """Let a process that has nothing to do begin a job."""
        try:
            pipe = self._idle.pop() if self._idle else self._start()
            pipe.send(job.task)
        except OSError as error:
            raise _lost() from error
        self._busy[pipe] = job

    def _start(self) -> Connection:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(theirs, self._work, self._shared), daemon=True, name="attest"
        )
        process.start()
        theirs.close()
        self._processes.append(process)
        return ours  # type: ignore[no-any-return]  # what a context chosen at run time makes

    def collect(self, timeout: float | None) -> None:
        """Take over the results that are there; without a timeout, wait for one."""
        from multiprocessing.connection import wait

        ready = wait(list(self._busy), timeout)
        for pipe in [each for each in self._busy if each in ready]:
            try:
                result = pipe.recv()
            except (EOFError, OSError) as error:
                raise _lost() from error
            self._busy.pop(pipe).results.append(result)
            self._idle.append(pipe)

    def end(self) -> None:
        """End every process: what one was still working on nobody waits for."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()
        for pipe in (*self._idle, *self._busy):
            pipe.close()


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


def _serve(pipe: Connection, work: Callable[[Any, Any], Any], shared: object) -> None:
    """Work on tasks until nobody is left to give any. Ctrl-C is the parent's to act on."""
    import gc
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # what was inherited is neither walked nor copied
    gc.set_threshold(100_000)  # results are handed over and dropped: there is next to nothing to collect
    try:
        while True:
            pipe.send(work(shared, pipe.recv()))
    except (EOFError, OSError):
        return
