"""How the bytes of files are read and hashed: in threads of this process, and in processes that do only that.

This file is also the program of such a process (``attest.workers`` starts it). That is why it imports next to
nothing, and nothing of attest: it has read a thousand files before another Python would have found its
packages. Files travel packed: places separated by NUL, statuses and digests as records of fixed size.
"""

from __future__ import annotations

import _thread
import hashlib
import os
import struct
import sys
import time

TYPE_CHECKING = False  # what is only for readers of types costs a process nothing
if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import Self

__all__ = [
    "DIR_FD",
    "DISK",
    "DONE",
    "FLAGS",
    "HELLO",
    "PROGRESS",
    "REPORT",
    "SHA",
    "STALLED",
    "STATUS",
    "TASK",
    "USED",
    "Disk",
    "Pulse",
    "Root",
    "Status",
    "failures_of",
    "read_files",
    "reason_of",
    "serve",
    "status_of",
]

# descriptors of directories keep walk and reads inside the tree they started in; Windows has none
DIR_FD = os.open in os.supports_dir_fd and os.scandir in os.supports_fd

# Windows alone: bytes are bytes; elsewhere: a path that turned into a named pipe, a terminal or a link
# since it was looked at neither blocks, nor takes over, nor leads away
FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
FLAGS |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

SMALL = 64 << 10
"""Bytes below which a file is read in one call."""
BUFFER = 256 << 10
"""Bytes of the reused buffer: small enough for a core's cache, large enough to hide the call."""
STEP = 16 << 20
"""Bytes after which a large file reports progress and can be interrupted."""
REPORT_SECONDS = 0.5
"""Seconds after which slow files do."""

CHANGED = "changed while it was read"

SHA = 32
"""Bytes of a digest."""
STATUS = struct.Struct(">QQQqq")
"""A status, packed."""

HELLO = b"attest reader 1\n"
"""What a process says first, followed by the SHA-256 of just that: it runs, and it hashes right."""
TASK = struct.Struct("<III")
"""Before a task: bytes of the root's path, number of files, bytes of their places. All three follow."""
REPORT = struct.Struct("<cQI")
"""Before a report: its kind, a number, bytes that follow."""
PROGRESS, DONE, STALLED = b"p", b"d", b"s"
"""Kinds of reports. The number is bytes read since the last report, or which file stalls."""
USED = struct.Struct("<QQQ")
"""Begins what follows ``DONE``: microseconds of the task, of the processor in it, blocks read from disks.
Then come the digests, all zeros where there is none, and what went wrong (``failures_of``)."""

Status = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, mtime and ctime in nanoseconds: what tells that a file is still the file it
was, without reading it. A plain tuple: the garbage collector leaves it alone."""


def status_of(found: os.stat_result) -> Status:
    """Return what the operating system says of a file, as far as it tells change."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def reason_of(error: OSError) -> str:
    """Return the operating system's words for an error, lower case."""
    return (error.strerror or str(error)).lower()


class Disk:
    """The calls that reach the bytes of files; tests put one in its place that fails in all ways."""

    open = staticmethod(os.open)
    read = staticmethod(os.read)
    close = staticmethod(os.close)

    @staticmethod
    def readinto(fd: int, buffer: memoryview) -> int:
        """Fill a buffer as far as the file gives, and return the number of bytes."""
        return os.readv(fd, [buffer])

    @staticmethod
    def status(fd: int) -> Status:
        """Return the status of an open file."""
        return status_of(os.fstat(fd))


class _DiskOfWindows(Disk):
    @staticmethod
    def readinto(fd: int, buffer: memoryview) -> int:
        data = os.read(fd, len(buffer))
        buffer[: len(data)] = data
        return len(data)


DISK: Disk = Disk() if hasattr(os, "readv") else _DiskOfWindows()


class Root:
    """A directory whose files are opened relative to it; close it, or use it in a ``with``."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if DIR_FD else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.fd is not None:
            os.close(self.fd)

    def open(self, place: str | bytes) -> int:
        """Return a descriptor to read from; it follows no link in the last part and never blocks."""
        if self.fd is None:
            return DISK.open(f"{self.path}/{os.fsdecode(place)}", FLAGS)
        return DISK.open(place, FLAGS, dir_fd=self.fd)

    def status(self, place: str) -> os.stat_result:
        """Return the status of what is there, of a link itself."""
        if self.fd is None:
            return os.lstat(f"{self.path}/{place}")
        return os.stat(place, dir_fd=self.fd, follow_symlinks=False)


class Pulse:
    """Shows from outside whether a reader still gets on, and with which file."""

    __slots__ = ("beats", "number")

    def __init__(self) -> None:
        self.beats = 0
        self.number = -1
        """The file that is read, counted from 0; -1: none is."""


def read_files(
    root: Root, places: Sequence[str | bytes], statuses: bytes, pulse: Pulse
) -> Generator[int, None, tuple[int, bytes, list[tuple[int, str]]]]:
    """Read and hash files.

    Args:
        root: the directory they are in.
        places: where they are.
        statuses: what they were when they were found, packed: a file that is not that any more has no digest.
        pulse: beats while something is read.

    Yields:
        The bytes read, now and then, so that the reader can be stopped.

    Returns:
        The bytes read since; all digests, 32 bytes each, zeros where there is none; what is wrong with those.
    """
    digests = bytearray(SHA * len(places))
    failures: list[tuple[int, str]] = []
    size = 0
    due = time.monotonic() + REPORT_SECONDS
    buffer: memoryview | None = None
    for number, status in enumerate(STATUS.iter_unpack(statuses)):
        pulse.number = number
        pulse.beats += 1
        try:
            if status[2] < SMALL:
                sha256 = _read_small(root, places[number], status)
                size += status[2]
            else:
                buffer = buffer or memoryview(bytearray(BUFFER))
                sha256 = yield from _read_large(root, places[number], status, buffer, pulse)
        except OSError as error:
            failures.append((number, reason_of(error)))
        else:
            if sha256 is None:
                failures.append((number, CHANGED))
            else:
                digests[SHA * number : SHA * number + SHA] = sha256
        if time.monotonic() > due:
            yield size
            size, due = 0, time.monotonic() + REPORT_SECONDS
    pulse.number = -1
    return size, bytes(digests), failures


def _read_small(root: Root, place: str | bytes, status: Status) -> bytes | None:
    """Return the SHA-256 of a file read in one call, or ``None`` if it is not what was found."""
    size = status[2]
    fd = root.open(place)
    try:
        data = DISK.read(fd, size + 1)  # one byte more than there should be: growth shows
        while len(data) < size and (more := DISK.read(fd, size + 1 - len(data))):
            data += more  # some network file systems give less than asked for
        after = DISK.status(fd)
    finally:
        DISK.close(fd)
    return hashlib.sha256(data).digest() if after == status and len(data) == size else None


def _read_large(
    root: Root, place: str | bytes, status: Status, buffer: memoryview, pulse: Pulse
) -> Generator[int, None, bytes | None]:
    """Return the same of a file of any size, through a buffer; yield the bytes read so far."""
    sha256 = hashlib.sha256()
    size, total, reported = status[2], 0, 0
    due = time.monotonic() + REPORT_SECONDS
    fd = root.open(place)
    try:
        if DISK.status(fd) != status:
            return None
        # the file must end where it should: one that keeps growing is not followed
        while total <= size and (count := DISK.readinto(fd, buffer)):
            sha256.update(buffer[:count] if count < len(buffer) else buffer)
            total += count
            pulse.beats += 1
            if total - reported >= STEP or time.monotonic() > due:
                yield total - reported
                reported, due = total, time.monotonic() + REPORT_SECONDS
        after = DISK.status(fd)
    finally:
        DISK.close(fd)
    yield total - reported
    return sha256.digest() if after == status and total == size else None


def failures_of(text: bytes) -> list[tuple[int, str]]:
    """Read what went wrong out of a report."""
    each = text.decode("utf-8", "surrogateescape").split("\0") if text else []
    return [(int(number), reason) for number, _, reason in (failure.partition(" ") for failure in each)]


def _packed(failures: list[tuple[int, str]]) -> bytes:
    return "\0".join([f"{number} {reason}" for number, reason in failures]).encode("utf-8", "surrogateescape")


def _receive(count: int) -> bytes:
    """Return so many bytes that the parent sends.

    Raises:
        EOFError: there is no parent any more.
    """
    data = b""
    while len(data) < count:
        if not (more := os.read(0, count - len(data))):
            raise EOFError
        data += more
    return data


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def _watch(pulse: Pulse, seconds: float) -> None:
    """End this process with a last word when a file has given nothing for so long."""
    tick = min(1.0, seconds / 4)
    waited, beats = 0.0, -1
    while waited < seconds:
        time.sleep(tick)  # counted by ticks: a process that was stopped meanwhile has not waited
        waited = waited + tick if pulse.number >= 0 and pulse.beats == beats else 0.0
        beats = pulse.beats
    _send(REPORT.pack(STALLED, pulse.number, 0))
    os._exit(1)


def _blocks() -> int:
    """Count the blocks this process has read from disks; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock


def serve(seconds: float) -> None:
    """Read what the parent asks for, and report, until there is no parent any more.

    Args:
        seconds: how long a file may give nothing.
    """
    pulse = Pulse()
    _send(HELLO + hashlib.sha256(HELLO).digest())
    _thread.start_new_thread(_watch, (pulse, seconds))
    opened: Root | None = None
    while True:
        length, count, places = TASK.unpack(_receive(TASK.size))
        path = os.fsdecode(_receive(length))
        statuses = _receive(STATUS.size * count)
        task = _receive(places).split(b"\0")
        began, used, blocks = time.monotonic(), time.process_time(), _blocks()
        if opened is None or opened.path != path:
            opened = Root(path)  # there is one for each run
        size, digests, failures = _read(opened, task, statuses, pulse)
        took, busy = time.monotonic() - began, time.process_time() - used
        told = USED.pack(int(took * 1e6), int(busy * 1e6), _blocks() - blocks)
        answer = b"".join([told, digests, _packed(failures)])
        _send(REPORT.pack(DONE, size, len(answer)) + answer)


def _read(
    root: Root, places: list[bytes], statuses: bytes, pulse: Pulse
) -> tuple[int, bytes, list[tuple[int, str]]]:
    """Return what ``read_files`` does, and report meanwhile."""
    reading = read_files(root, places, statuses, pulse)
    while True:
        try:
            size = next(reading)
        except StopIteration as stop:
            answer: tuple[int, bytes, list[tuple[int, str]]] = stop.value
            return answer
        number, pulse.number = pulse.number, -1  # a parent that does not listen is no file that stalls
        _send(REPORT.pack(PROGRESS, size, 0))
        pulse.number = number


if __name__ == "__main__":
    try:
        serve(float(sys.argv[1]))
    except (EOFError, OSError):
        os._exit(1)
