"""A thread that hashes a file while somebody writes it.

It reads back what has just been written, while that is still in memory: nothing is copied, nothing queues up
in front of the writer, and what is hashed is what the file holds. The writer never waits for it; whatever
goes wrong here only means that the file is read again afterwards.
"""

from __future__ import annotations

import hashlib
import io
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from attest.hashing import FileDigest
from attest.scan import Status

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = ["Follower", "Taken"]

BLOCK = 1 << 20
"""Bytes read back at once: the lock of the interpreter changes hands twice for each block."""


class Taken(NamedTuple):
    """The digest of a file that was taken while it was written."""

    sha256: str
    """Lowercase hex."""
    status: Status
    """Of the file when it was closed, with a time that no later write leaves as it is."""
    closed_ns: int
    """When, nanoseconds of the system's clock."""
    state: _Hash
    """Of the hash, for those who append."""

    def digest(self, path: str) -> FileDigest:
        """Return it as the digest of a file of a tree."""
        device, inode, size, mtime_ns, ctime_ns = self.status
        return FileDigest(path, self.sha256, size, mtime_ns, ctime_ns, inode, device, self.closed_ns)


class Follower:
    """Hashes a file up to where its writer is; the thread starts when there is work for it.

    Args:
        path: the file, which the writer has opened just now.
        status: its status.
        start: what was taken before of the bytes that are there already.

    Raises:
        OSError: it cannot be opened for reading.
    """

    def __init__(self, path: str, status: Status, start: Taken | None = None) -> None:
        self.lost: str | None = None
        """Why the digest cannot be taken, once it cannot be."""
        self.status = status
        """The file's status as the writer left it."""
        self._pid = os.getpid()
        self._sha256 = start.state.copy() if start else hashlib.sha256()
        self._done = start.status[2] if start else 0
        self._end = status[2]
        self._told = self._done
        self._closed_ns: int | None = None
        self._thread: threading.Thread | None = None
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # putting into it never waits
        self._handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        found = os.fstat(self._handle)
        if (found.st_dev, found.st_ino) != status[:2]:
            self.give_up("another file stands there")

    @property
    def here(self) -> bool:
        """Whether it still follows: not once it has given up, nor in a fork, which has no such thread."""
        return self.lost is None and self._pid == os.getpid()

    def give_up(self, why: str) -> None:
        """Leave the digest to those who read the file afterwards."""
        if self.lost is None:
            self.lost = why
            if self._thread is None:
                os.close(self._handle)
            self._bell.put(None)

    def wrote(self, at: int, count: int, status: Status) -> None:
        """Take note of a write; ``status`` is the file's after it."""
        if at != self._end or status[2] != at + count:
            self.give_up("written elsewhere than at its end")
            return
        self._end, self.status = at + count, status
        if self._end - self._told >= BLOCK:
            self._told = self._end
            self._ring()

    def close(self, status: Status) -> None:
        """Take note that nothing more will be written."""
        self.status = status
        self._closed_ns = time.time_ns()
        self._ring()

    def taken(self) -> Taken | None:
        """Wait until all is hashed, and return the digest; ``None`` if it could not be taken."""
        if self._closed_ns is None or self._thread is None or not self.here:
            return None
        self._thread.join()
        if self.lost is not None:
            return None
        return Taken(self._sha256.hexdigest(), self.status, self._closed_ns, self._sha256)

    def _ring(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="attest-digest", daemon=True)
            thread.start()
            self._thread = thread
        if self._bell.empty():
            self._bell.put(None)

    def _run(self) -> None:
        try:
            with io.FileIO(self._handle, "rb") as file:
                file.seek(self._done)
                self._follow(file)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the file is read afterwards
            self.lost = self.lost or str(error) or type(error).__name__

    def _follow(self, file: io.FileIO) -> None:
        buffer = memoryview(bytearray(BLOCK))
        while self.lost is None:
            closed = self._closed_ns is not None  # asked before the end is looked at, which then is the last
            if self._done < self._end:
                count = file.readinto(buffer[: min(BLOCK, self._end - self._done)])
                if not count:
                    self.lost = "shorter than what was written"
                    return
                self._sha256.update(buffer[:count])
                self._done += count
            elif closed:
                return
            else:
                self._bell.get()
