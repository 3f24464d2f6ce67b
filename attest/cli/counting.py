"""A line on the terminal while things of a store are gone through: how many, rate and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from attest.cli.progress import EVERY, QUIET, show_line, time_left

__all__ = ["Counter", "counting"]


class Counter:
    """Is told how many of how many are done, and shows it; a total of 0 is not known."""

    def __init__(self, noun: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._noun = noun
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self._next = self._began + QUIET
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        """Show it if it is time."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY
        rate = done / (now - self._began)
        of = f" of {total:,}" if total else ""
        left = f", {time_left((total - done) / rate)} left" if total and rate else ""
        show_line(self._stream, f"{done:,}{of} {self._noun}, {rate:,.0f}/s{left}")
        self._shown = True

    def finish(self) -> None:
        """Take the line away."""
        if self._shown:
            show_line(self._stream, "")


@contextmanager
def counting(noun: str) -> Iterator[Counter | None]:
    """Give what shows the progress on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    counter = Counter(noun, sys.stderr)
    try:
        yield counter
    finally:
        counter.finish()
