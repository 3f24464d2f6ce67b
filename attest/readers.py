"""Processes that read and hash, for many small files: threads of one Python would wait for each other.

Each runs one file, ``attest/reading.py``, in a Python without packages, which starts in the time of a few
hundred files; nothing is forked, so a host with threads and locks is safe. Tasks and answers go through
pipes, packed. A process ends when nobody is left to give tasks: its pipe says so. One that ends before its
work does, or says anything but an answer, has its batches read again by another, and in the end by threads.
"""

from __future__ import annotations

import hashlib
import os
import re
import select
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress

from attest import reading
from attest.batch import BATCH_BYTES, Batch, Step
from attest.outcomes import Answers
from attest.reading import DONE, HELLO, PROGRESS, REPORT, SHA, STALLED, STATUS, TASK, USED, failures_of
from attest.workers import Threads, cores, read_timeout, stalled

__all__ = ["Processes", "available"]

PROGRAM = ["-I", "-S", reading.__file__]
"""What follows the name of Python: packages, and what the environment says of them, are left aside."""
AHEAD = 2
"""Batches a process has at once: the next one waits in its pipe while the first is read."""
PIPE = 32 << 10
"""Bytes of a task that surely fit into a pipe, whoever reads there or not."""
COLD = 4
"""Processes that read while the disk is what is waited for: each takes memory, as threads do not."""
LOST = 3
"""Processes that may end unexpectedly before threads take over."""
BUSY = 0.75
"""Share of a task's time below which its processor counts as idle."""
NONE = bytes(SHA)
GRACE = 5.0
"""Seconds that a process may be late with saying that a file stalls."""
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")


def available() -> bool:
    """Tell whether there is a Python to run: a program with Python inside is none."""
    python = sys.executable or ""
    return (
        os.name == "posix"
        and not getattr(sys, "frozen", False)
        and os.path.isabs(python)  # noqa: PTH117 - a string, as all of these
        and _PYTHON.fullmatch(os.path.basename(python)) is not None  # noqa: PTH119
        and os.access(python, os.X_OK)
        and os.path.isfile(reading.__file__)  # noqa: PTH113
    )


class Processes:
    """An executor that reads in processes.

    Args:
        workers: processes at most; by default one per core, and more while the disk is waited for.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._warm = workers or cores()
        self._cold = workers or max(COLD, self._warm)

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Read the batches; if this generator is left early, the processes are killed.

        Raises:
            DigestError: a file has given nothing for too long.
            UsageError: ``ATTEST_READ_TIMEOUT`` is no number.
        """
        return self.run_as_found([work])

    def run_as_found(self, source: Iterable[Sequence[Batch]]) -> Generator[Step, None, None]:
        """Read batches as ``run`` does, that come a few at a time, or none.

        The source is asked again and again while the processes are at work, so that finding files and reading
        them go on at once. What it raises is raised here, and the processes are killed.
        """
        crew = _Crew(iter(source), read_timeout(), self._warm, self._cold)
        try:
            yield from crew.run()
        finally:
            crew.end()
        if left := crew.left():
            yield from Threads(self._warm).run(left)


class _Reader:
    """One process, and what it was given."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        command = [sys.executable, *PROGRAM, repr(timeout)]
        # a group of its own: Ctrl-C is for this process alone to act on
        self.process = subprocess.Popen(  # noqa: S603 - this Python and a file of this package
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            process_group=0,
        )
        assert self.process.stdin is not None  # noqa: S101 - asked for above
        assert self.process.stdout is not None  # noqa: S101
        self._input, self.output = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._tasks: deque[tuple[Batch, int]] = deque()
        self._received = bytearray()
        self._greeted = False
        self._fits = True
        self.told = 0
        """Bytes it has read of the oldest batch, as far as it said."""
        self.silent = 0.0
        """Seconds it has had work and said nothing."""
        self.slow = False
        """Whether its last task waited for a disk."""

    @property
    def batches(self) -> list[Batch]:
        """What it has not answered yet, oldest first."""
        return [batch for batch, _ in self._tasks]

    @property
    def has_room(self) -> bool:
        """Whether another batch can be given without waiting."""
        return not self._tasks or (len(self._tasks) < AHEAD and self._fits)

    def give(self, batch: Batch) -> bool:
        """Hand a batch over; ``False``: it would be waited for until the process has read another.

        Raises:
            OSError: the process is gone.
        """
        statuses = batch.listing.statuses(batch.numbers)
        places = b"\0".join(batch.listing.places(batch.numbers))
        root = os.fsencode(batch.root)
        head = TASK.pack(len(root), len(statuses) // STATUS.size, len(places))
        data = memoryview(b"".join([head, root, statuses, places]))
        if self._tasks and len(data) > PIPE:
            self._fits = False
            return False
        while data:
            data = data[os.write(self._input, data) :]
        self._tasks.append((batch, time.time_ns()))
        return True

    def take(self) -> Iterator[Step]:
        """Yield what the process says.

        Raises:
            EOFError: it is gone, or is not what it should be.
            DigestError: a file has given nothing for too long.
        """
        try:
            data = os.read(self.output, 1 << 18)
        except OSError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        self.silent = 0.0
        self._received += data
        if not self._greeted:
            hello = HELLO + hashlib.sha256(HELLO).digest()
            if len(self._received) < len(hello):
                return
            if not self._received.startswith(hello):
                raise EOFError
            self._greeted = True
            del self._received[: len(hello)]
        yield from self._reports()

    def _reports(self) -> Iterator[Step]:
        while len(self._received) >= REPORT.size:
            kind, number, length = REPORT.unpack_from(self._received)
            end = REPORT.size + length
            if len(self._received) < end:
                return
            body = bytes(self._received[REPORT.size : end])
            del self._received[:end]
            if not self._tasks:
                raise EOFError
            batch, given = self._tasks[0]
            if kind == PROGRESS:
                self.told += number
                yield Step(number, ())
            elif kind == DONE:
                answers = self._answers(batch, given, body)
                self._tasks.popleft()
                self._fits, self.told = True, 0
                yield Step(number, answers)
            elif kind == STALLED and number < len(batch.numbers):
                raise stalled(batch, number, self._timeout)
            else:
                raise EOFError

    def _answers(self, batch: Batch, given: int, body: bytes) -> Answers:
        """Read an answer.

        Raises:
            EOFError: it is none.
        """
        end = USED.size + SHA * len(batch.numbers)
        try:
            took, busy, blocks = USED.unpack_from(body)
            failures = failures_of(body[end:])
        except (struct.error, ValueError) as error:
            raise EOFError from error
        digests = body[USED.size : end]
        none = {place for place, _ in failures}
        # nothing has a digest of zeros: what has none must say why
        if len(body) < end or none != (_places(digests) if NONE in digests else set()):
            raise EOFError
        self.slow = blocks > 0 and busy < BUSY * took
        return batch.answers(digests, failures, given)

    def end(self) -> None:
        """Kill the process and wait for it, unless the system itself cannot end it."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)


def _places(digests: bytes) -> set[int]:
    """Return the places of digests that are all zeros."""
    return {place // SHA for place in range(0, len(digests), SHA) if digests[place : place + SHA] == NONE}


class _Crew:
    """The processes of one run.

    Args:
        source: gives batches, a few at a time.
        timeout: seconds that a read may give nothing.
        warm: processes at most.
        cold: the same while they wait for the disk.
    """

    def __init__(self, source: Iterator[Sequence[Batch]], timeout: float, warm: int, cold: int) -> None:
        self._source: Iterator[Sequence[Batch]] | None = source
        self._waiting: deque[Batch] = deque()
        """Batches that nobody has yet."""
        self._timeout = timeout
        self._warm, self._cold = warm, cold
        self._readers: dict[int, _Reader] = {}
        """By the descriptor they answer through."""
        self._lost = 0
        self._poll = select.poll()
        self._looked = time.monotonic()

    def run(self) -> Generator[Step, None, None]:
        """Yield what the processes say until all is done, or too many were lost."""
        while self._lost < LOST:
            more = self._look_for_more()
            yield from self._hire()
            yield from self._feed()
            if not more and not any(reader.batches for reader in self._readers.values()):
                return
            for fd, _ in self._poll.poll(0 if more else 1000):
                reader = self._readers[fd]
                try:
                    yield from reader.take()
                except EOFError:
                    yield self._lose(reader)
            yield from self._miss()

    def _look_for_more(self) -> bool:
        """Take what the source gives; ``False``: it has ended."""
        some = None if self._source is None else next(self._source, None)
        if some is None:
            self._source = None
            return False
        large = [batch for batch in some if batch.largest >= BATCH_BYTES]
        self._waiting.extendleft(reversed(large))  # what takes longest starts first
        self._waiting.extend([batch for batch in some if batch.largest < BATCH_BYTES] if large else some)
        return True

    def left(self) -> list[Batch]:
        """Return all that nobody here could read; call it after ``end``."""
        while self._look_for_more():
            pass
        return list(self._waiting)

    def _hire(self) -> Iterator[Step]:
        """Start processes while there is work for them."""
        while self._waiting and len(self._readers) < self._wanted():
            try:
                reader = _Reader(self._timeout)
            except (OSError, ValueError, subprocess.SubprocessError):
                self._lost += 1
                return
            self._readers[reader.output] = reader
            self._poll.register(reader.output, select.POLLIN | select.POLLHUP)
            yield from self._give(reader)

    def _wanted(self) -> int:
        slow = any(reader.slow for reader in self._readers.values())
        return min(self._cold, len(self._readers) + 1) if slow else self._warm

    def _feed(self) -> Iterator[Step]:
        for reader in list(self._readers.values()):
            yield from self._give(reader)

    def _give(self, reader: _Reader) -> Iterator[Step]:
        """Let a process have as much as it can."""
        while self._waiting and reader.has_room:
            try:
                if not reader.give(self._waiting[0]):
                    return
            except OSError:
                yield self._lose(reader)
                return
            self._waiting.popleft()

    def _miss(self) -> Iterator[Step]:
        """Give up processes that have work and do not even say that a file stalls."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 2.0), now
        for reader in list(self._readers.values()):
            reader.silent = reader.silent + passed if reader.batches else 0.0
            if reader.silent > self._timeout + GRACE:
                yield self._lose(reader)

    def _lose(self, reader: _Reader) -> Step:
        """Put back what a process did not answer, and take back what was said of it."""
        self._lost += 1
        self._poll.unregister(reader.output)
        del self._readers[reader.output]
        self._waiting.extendleft(reversed(reader.batches))
        reader.end()
        return Step(-reader.told, ())

    def end(self) -> None:
        """Kill all processes."""
        for reader in self._readers.values():
            reader.end()
        if self._lost >= LOST:
            left = [batch for reader in self._readers.values() for batch in reader.batches]
            self._waiting.extendleft(reversed(left))
