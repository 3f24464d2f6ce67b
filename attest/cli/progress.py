"""A line on the terminal while files are digested: bytes, files, rate and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["EVERY", "QUIET", "Bar", "progress_bar", "show_line", "time_left"]

QUIET = 0.5
"""Seconds of work before anything is shown."""
EVERY = 0.1
"""Seconds between two showings."""
FILE = 16 << 10
"""Bytes that could be read in the time that opening and closing a file takes."""


class Bar:
    """A progress line (``attest.hashing.Progress``) that takes itself away when the work has ended."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._files = self._size = self._all_files = self._all_size = 0
        self._began = self._next = 0.0
        self._running = self._shown = False

    def start(self, files: int, size: int) -> None:
        """Note how much there is to do; 0 files: that is not known yet."""
        self._all_files, self._all_size = files, size
        if self._running:
            return
        self._running = True
        self._files = self._size = 0
        self._began = self._clock()
        self._next = self._began + QUIET

    def advance(self, files: int, size: int) -> None:
        """Note what was done, and show it if it is time."""
        self._files += files
        self._size += size
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY
            self._show(self._line(now - self._began))

    def finish(self) -> None:
        """Take the line away."""
        self._running = False
        if self._shown:
            self._show("")
            self._shown = False

    def _show(self, line: str) -> None:
        show_line(self._stream, line)
        self._shown = True

    def _line(self, seconds: float) -> str:
        rate = self._size / seconds
        if not self._all_files:
            return f"{_bytes(self._size)}, {self._files:,} files so far, {_bytes(rate)}/s"
        done = self._size + FILE * self._files
        left = self._all_size + FILE * self._all_files - done
        end = f", {time_left(seconds * left / done)} left" if done > 0 else ""
        files = f"{self._files:,} of {self._all_files:,} files, " if self._all_files > 1 else ""
        return f"{_bytes(self._size)} of {_bytes(self._all_size)}, {files}{_bytes(rate)}/s{end}"


def show_line(stream: TextIO, line: str) -> None:
    """Put a line in the place of the one that is shown."""
    import shutil  # most runs are too short to show anything

    width = shutil.get_terminal_size().columns - 1
    stream.write(f"\r\x1b[K{line[:width]}")
    stream.flush()


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def time_left(seconds: float) -> str:
    """Return a time in words."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_bar() -> Bar | None:
    """Return a bar on standard error if that is a terminal."""
    return Bar(sys.stderr) if sys.stderr.isatty() else None
