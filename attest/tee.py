"""Files whose digests are taken while they are written, so that a large output is not read again afterwards.

A thread follows the writer (``attest.follower``). A digest taken like this is used only if nobody else can
have touched the file: every write goes to the end and finds the file's status as the one before left it, and
when the file is measured, its status is the one it had when it was closed. Whoever writes to it right after
that, within the tick of the clock that file times are taken from, is found too: closing moves the file's time
by a nanosecond, to one no clock gives. In every other case the file is digested as any other is, by reading
it (docs/adr/0031).

What this does not see: somebody else who writes over bytes that were hashed already, while the file is open,
in the same tick as the writer, on a system whose file times are coarse.
"""

from __future__ import annotations

import io
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from attest.errors import UsageError
from attest.files import sync_directory
from attest.follower import Follower, Taken
from attest.scan import Status, status_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["MODES", "OutputFile", "stamp"]

MODES = ("wb", "xb", "ab")
"""Modes an output can be opened in, as of ``open``."""
PIECE = 16 << 20
"""Bytes of a large write after which hashing may begin."""
SMALL_WRITES = 128 << 10
"""Bytes of the buffer that small writes are collected in."""
STAMPS_NS = (1, 1_000)
"""By how much a file's time is moved: by a nanosecond, or by a microsecond where times are kept in these."""


class _Raw(io.FileIO):
    """The file itself: every write is looked at, whoever asked for it."""

    followed: Follower | None = None

    def follow(self, path: str, start: Callable[[Status], Taken | None]) -> None:
        """Have what is in the file and what will be written to it hashed, if that is possible.

        Args:
            path: where the file is.
            start: gives what was taken of a file of that status before.
        """
        with suppress(OSError):
            found = os.fstat(self.fileno())
            if stat.S_ISREG(found.st_mode):
                status = status_of(found)
                self.followed = Follower(path, status, start(status) if status[2] else None)

    @property
    def follower(self) -> Follower | None:
        """Who hashes it; nobody after a fork, or once the digest is given up."""
        return self.followed if self.followed is not None and self.followed.here else None

    def write(self, data: ReadableBuffer, /) -> int:
        follower = self.follower
        if follower is None:
            return super().write(data)
        at = self._look(follower)
        try:
            count = super().write(memoryview(data)[:PIECE])
        except BaseException as error:
            follower.give_up(str(error))
            raise
        try:
            follower.wrote(at, count, status_of(os.fstat(self.fileno())))
        except Exception as error:  # noqa: BLE001 - no thread can be started, or anything else
            follower.give_up(str(error))
        return count

    def _look(self, follower: Follower) -> int:
        """Return where the next write goes, and give up if anybody else wrote."""
        try:
            found = status_of(os.fstat(self.fileno()))
            if found != follower.status:
                follower.give_up("changed by somebody else")
            return found[2] if "a" in self.mode else self.tell()
        except OSError as error:
            follower.give_up(str(error))
            return 0

    def settle(self) -> None:
        """Before it is closed: look whether it is what was written, and make its time one of a kind."""
        follower = self.follower
        if follower is None:
            return
        try:
            if status_of(os.fstat(self.fileno())) != follower.status:
                follower.give_up("changed by somebody else")
            elif not stamp(self.fileno()):
                follower.give_up("its time cannot be set")
            else:
                follower.status = status_of(os.fstat(self.fileno()))
        except OSError as error:
            follower.give_up(str(error))

    def settled(self, path: str) -> Follower | None:
        """After it is closed and has its name: return who hashes it, if it is still that file."""
        follower = self.follower
        if follower is None:
            return None
        try:
            found = status_of(os.stat(path))  # noqa: PTH116 - a string
            if found[:4] != follower.status[:4]:  # that it got its name changes the last of its times
                follower.give_up("changed by somebody else")
            else:
                follower.close(found)
        except Exception as error:  # noqa: BLE001 - no thread can be started, or anything else
            follower.give_up(str(error))
        return self.follower


def stamp(file: int | str | os.PathLike[str]) -> bool:
    """Set a file's time to one that no later write leaves as it is; say whether that was possible.

    Args:
        file: a descriptor or a path.

    Raises:
        OSError: it is not there, or belongs to somebody else.
    """
    if isinstance(file, int) and os.utime not in os.supports_fd:
        return False
    for step in STAMPS_NS:
        before = os.stat(file)  # noqa: PTH116 - or a descriptor
        wanted = before.st_mtime_ns + step
        os.utime(file, ns=(before.st_atime_ns, wanted))
        if os.stat(file).st_mtime_ns == wanted:  # noqa: PTH116 - the same
            return True
    return False


class OutputFile(io.BufferedIOBase):
    """A binary file to write to, like one of ``open``, whose digest is taken meanwhile.

    Args:
        path: where to.
        mode: one of ``MODES``.
        atomic: write beside it, and give the file its name when it is closed: its name never stands for half
            of it. If the ``with`` block raises, or it is never closed, nothing is left.
        fsync: force it to disk before it is closed; with ``atomic``, its name too.
        start: gives what was taken of a file of that status before, for those who append to it.
        done: is given who hashes the file, when it is closed and nothing spoke against it.

    Raises:
        UsageError: no such mode, or one that cannot be atomic.
        OSError: it cannot be opened.
    """

    _file: io.BufferedWriter | None = None  # that of one that could not be opened

    def __init__(
        self,
        path: str | os.PathLike[str],
        mode: str = "wb",
        *,
        atomic: bool = False,
        fsync: bool = False,
        start: Callable[[Status], Taken | None] = lambda _: None,
        done: Callable[[Follower], object] = lambda _: None,
    ) -> None:
        if mode not in MODES:
            raise UsageError(f"unknown mode {mode[:20]!r}", os.fspath(path), f"known: {', '.join(MODES)}")
        if atomic and mode != "wb":
            raise UsageError(f"only a file opened with 'wb' can be atomic, not {mode!r}", os.fspath(path))
        self.name = os.fspath(path)
        self.mode = mode
        self._fsync = fsync
        self._done = done
        self._pid = os.getpid()
        # a later change of the working directory must not lead to another file
        self._path = os.path.abspath(self.name)  # noqa: PTH100 - links stay links
        self._temporary = _beside(self._path) if atomic else None
        self._raw = _Raw(self._temporary or self._path, "xb" if self._temporary else mode)
        if self._temporary:
            _take_mode(self._path, self._raw.fileno())
        self._raw.follow(self._temporary or self._path, start)
        self._file = io.BufferedWriter(self._raw, SMALL_WRITES)

    def _opened(self) -> io.BufferedWriter:
        if self._file is None:
            raise ValueError("I/O operation on a file that was never opened")
        return self._file

    def write(self, data: ReadableBuffer, /) -> int:
        """Write bytes, all of them."""
        return self._opened().write(data)

    def flush(self) -> None:
        """Hand what is in the buffer to the system."""
        self._opened().flush()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place; if something is written before the end, the digest is taken afterwards."""
        return self._opened().seek(offset, whence)

    def tell(self) -> int:
        """Return the place of the next write."""
        return self._opened().tell()

    def truncate(self, size: int | None = None, /) -> int:
        """Cut the file off, or make it longer: the digest is taken afterwards."""
        return self._opened().truncate(size)

    def fileno(self) -> int:
        """Return the descriptor; if something is written through it, the digest is taken afterwards."""
        return self._opened().fileno()

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return self._opened().isatty()

    def readable(self) -> bool:
        """It is not."""
        return False

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Tell whether one can go to a place in it."""
        return self._opened().seekable()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._file is None or self._file.closed

    def close(self) -> None:
        """Write what is left, and close the file.

        Raises:
            OSError: it could not be written whole.
        """
        if self._file is None or self._file.closed:
            return
        if self._pid != os.getpid():  # after a fork the file is its first owner's
            self._file.close()
            return
        try:
            self._file.flush()
            if self._fsync:
                os.fsync(self._raw.fileno())
            self._raw.settle()
            self._file.close()
            if self._temporary:
                os.replace(self._temporary, self._path)  # noqa: PTH105 - both are strings
        except BaseException as error:
            self._abandon(str(error))
            raise
        if self._temporary and self._fsync:
            sync_directory(Path(self._path).parent)
        if follower := self._raw.settled(self._path):
            self._done(follower)

    def _abandon(self, why: str) -> None:
        """Close it as it is, take no digest, and leave nothing of an atomic file."""
        if follower := self._raw.follower:
            follower.give_up(why)
        with suppress(OSError):
            self._raw.close()  # first: what is in the buffer goes nowhere
        if self._file is not None:
            with suppress(OSError, ValueError):
                self._file.close()
        if self._temporary:
            with suppress(OSError):
                os.unlink(self._temporary)  # noqa: PTH108 - a string

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and self._temporary and not self.closed and self._pid == os.getpid():
            self._abandon("the block raised")
        else:
            self.close()

    def __enter__(self) -> Self:
        return self

    def __del__(self) -> None:
        if self._temporary_is_mine():
            self._abandon("it was never closed")
        else:
            super().__del__()

    def _temporary_is_mine(self) -> bool:
        return not self.closed and self._temporary is not None and self._pid == os.getpid()


def _beside(path: str) -> str | None:
    """Return a new name in the same folder; ``None`` where something is that is no file, like a device."""
    with suppress(OSError):
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - a string
            return None
    return os.path.join(os.path.dirname(path), f".attest-{secrets.token_hex(8)}.tmp")  # noqa: PTH118, PTH120


def _take_mode(path: str, handle: int) -> None:
    """Give a file the permissions of the one it will replace."""
    with suppress(OSError, AttributeError):
        os.fchmod(handle, stat.S_IMODE(os.stat(path).st_mode))  # noqa: PTH116 - a string
