"""A file of remembered digests: statuses of files and their SHA-256, packed, of one tree on one machine.

Layout: ``MAGIC``, BLAKE2b (16 bytes) of everything after it, owner (16 bytes: machine and user, hashed), then
of every file its status as a listing packs it (``attest.reading.STATUS``), then of every file 32 bytes of
SHA-256; zeros where none is known. No path stands in it. The sum finds damage, not forgery: what keeps others
from writing digests here is that the file must be this user's alone.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from attest.errors import FormatError
from attest.files import write_file
from attest.reading import SHA, STATUS

__all__ = [
    "ENTRY",
    "KEY",
    "MAX_BYTES",
    "SUFFIX",
    "UNKNOWN",
    "Table",
    "owner",
    "prune",
    "read_table",
    "tables",
    "touch",
    "write_table",
]

MAGIC = b"attest digests 1\n"
SUFFIX = ".digests"
KEY = STATUS.size
"""Bytes of a packed status."""
ENTRY = KEY + SHA
UNKNOWN = bytes(SHA)
"""Stands where no digest is known."""
MAX_BYTES = 1 << 30
"""Bytes of all tables of a folder; those not used for longest make room."""
MAX_AGE = 90 * 86400
"""Seconds after which a table nobody used is removed."""

_SUM = 16
_OWNER = 16
_HEAD = len(MAGIC) + _SUM + _OWNER


class Table(NamedTuple):
    """Statuses and digests, one beside the other."""

    keys: bytes
    digests: bytes


@functools.cache
def owner() -> bytes:
    """Return what tells this machine and user from others, where numbers of files mean nothing."""
    machine = b""
    for place in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            machine = machine or Path(place).read_bytes().strip()
    if not machine:
        import platform

        machine = platform.node().encode("utf-8", "surrogateescape")
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    return hashlib.blake2b(
        b"%s\0%d\0%s" % (sys.platform.encode(), user, machine), digest_size=_OWNER
    ).digest()


def read_table(path: Path) -> Table | None:
    """Read a table; ``None`` if there is none.

    Raises:
        FormatError: it is damaged, another's, or of another version.
    """
    try:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BYTES:
                raise FormatError("is no table of digests", str(path))
            if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & 0o077):
                raise FormatError("could be written or read by others", str(path))
            data = memoryview(file.read(found.st_size + 1))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        what = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise FormatError(what, str(path)) from error
    body = data[len(MAGIC) + _SUM :]
    if bytes(data[: len(MAGIC)]) != MAGIC or (len(data) - _HEAD) % ENTRY:
        raise FormatError("is damaged, or of another version", str(path))
    if hashlib.blake2b(body, digest_size=_SUM).digest() != data[len(MAGIC) : len(MAGIC) + _SUM]:
        raise FormatError("is damaged", str(path))
    if body[:_OWNER] != owner():
        raise FormatError("is of another machine or user", str(path))
    middle = _HEAD + (len(data) - _HEAD) // ENTRY * KEY
    return Table(bytes(data[_HEAD:middle]), bytes(data[middle:]))


def write_table(path: Path, table: Table) -> None:
    """Write a table, whole or not at all; the folder is made if there is none.

    Raises:
        AttestError: it cannot be written; what was there is unchanged.
        OSError: the folder cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    check = hashlib.blake2b(owner(), digest_size=_SUM)
    for part in table:
        check.update(part)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode) or path.lstat().st_mode & 0o077:
            path.unlink()  # the mode of what is replaced would be kept
    write_file(path, [MAGIC, check.digest(), owner(), *table], private=True, sync=False)


def touch(path: Path) -> None:
    """Note that a table was used."""
    with suppress(OSError):
        os.utime(path)


def tables(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the tables of a folder, those used last first."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(SUFFIX):
                with suppress(OSError):
                    found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
    yield from sorted(found, key=lambda each: -each[1].st_mtime_ns)


def prune(folder: Path) -> None:
    """Remove tables nobody used for long, and those used longest ago if all are too large together."""
    room = MAX_BYTES
    for path, found in tables(folder):
        room -= found.st_size
        if room < 0 or found.st_mtime < time.time() - MAX_AGE:
            with suppress(OSError):
                path.unlink()
