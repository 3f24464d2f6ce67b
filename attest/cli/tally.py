"""A line on the terminal while many statements are read: how many, and how fast."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["tally"]

T = TypeVar("T")

_QUIET = 0.5
"""Seconds of work before anything is shown."""
_EVERY = 0.1
"""Seconds between two showings."""


def tally(items: Iterable[T], what: str) -> Iterator[T]:
    """Yield the items, and show on standard error how many there were, if that is a terminal.

    Args:
        items: of any number.
        what: what they are, e.g. ``statements verified``.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    began, shown = time.monotonic(), False
    due = began + _QUIET
    try:
        for count, item in enumerate(items, 1):
            yield item
            if (now := time.monotonic()) >= due:
                due, shown = now + _EVERY, True
                sys.stderr.write(f"\r\x1b[K{count:,} {what}, {count / (now - began):,.0f} a second")
                sys.stderr.flush()
    finally:
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
