"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from attest.errors import AttestError, UsageError

__all__ = ["place_file", "read_own", "sync_directory", "write_file"]

# file systems without hard links (FAT, some network mounts) answer with one of these
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def write_file(
    path: Path, chunks: Iterable[bytes], *, overwrite: bool = True, private: bool = False, sync: bool = True
) -> None:
    """Write a file so that its name never stands for half of it, whatever happens meanwhile.

    The bytes go to a temporary file beside it, are forced to disk and renamed. A new file's mode follows the
    umask, an old one's mode is kept. A symbolic link to a file is replaced, not followed; what is no file (a
    device, a pipe) is written to directly.

    Args:
        path: where to.
        chunks: the content; an exception it raises passes through and leaves nothing behind.
        overwrite: whether a file that is there may be replaced.
        private: a new file can be read by its owner alone (mode 0600).
        sync: force it to disk. Without, a power cut may leave anything under the name: for what is checked
            when it is read, and can be made anew.

    Raises:
        UsageError: ``overwrite`` is false and something is there.
        AttestError: it cannot be written; what was there is unchanged.
    """
    temporary = path.parent / f".attest-{os.urandom(8).hex()}.tmp"
    try:
        mode = _mode(path)
        if overwrite and mode is not None and not stat.S_ISREG(mode):
            with path.open("wb") as stream:
                stream.writelines(chunks)
            return
        try:
            _write_new(temporary, chunks, mode, 0o600 if private else 0o666, sync=sync)
            _name(temporary, path, overwrite=overwrite)
        finally:
            temporary.unlink(missing_ok=True)
        if sync:
            sync_directory(path.parent)
    except FileExistsError as error:
        raise UsageError("exists already and is not overwritten", str(path), "choose another name") from error
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise AttestError(what, str(path), "what was there is unchanged") from error


def place_file(made: Path, path: Path, *, private: bool = False) -> None:
    """Give a file that is finished its name, as ``write_file`` does.

    Args:
        made: on the same disk as ``path``; gone afterwards.
        path: where to; replaced whole or not at all, unless it is no file: then it is written to.
        private: a new file can be read by its owner alone (mode 0600).

    Raises:
        AttestError: it cannot be written; what was there is unchanged.
    """
    try:
        mode = _mode(path)
        if mode is not None and not stat.S_ISREG(mode):
            with made.open("rb") as source, path.open("wb") as stream:
                while piece := source.read(1 << 20):
                    stream.write(piece)
            made.unlink()
            return
        if mode is not None or private:
            made.chmod(0o600 if mode is None else stat.S_IMODE(mode))
        with made.open("r+b") as stream:
            os.fsync(stream.fileno())
        made.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise AttestError(what, str(path), "what was there is unchanged") from error


def read_own(path: Path, limit: int | None = None) -> bytes:
    """Read a file that only this user can have written: whoever writes it decides what is signed.

    Args:
        path: of the file.
        limit: bytes it may have.

    Raises:
        AttestError: others can have written it, it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as stream:
            found = os.fstat(stream.fileno())
            if os.name == "posix" and (found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022):
                raise AttestError(
                    "belongs to another user, or others may write it: it is not used",
                    str(path),
                    "look at what it says, and chown or chmod it if it is yours",
                )
            data = stream.read() if limit is None else stream.read(limit + 1)
    except OSError as error:
        raise AttestError(f"cannot be read: {error.strerror}", str(path)) from error
    if limit is not None and len(data) > limit:
        raise AttestError(f"more than {limit} bytes", str(path))
    return data


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None


def _write_new(path: Path, chunks: Iterable[bytes], like: int | None, new: int, *, sync: bool) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), new)
    with os.fdopen(handle, "wb") as stream:
        if like is not None:
            path.chmod(stat.S_IMODE(like))
        stream.writelines(chunks)
        if sync:
            stream.flush()
            os.fsync(stream.fileno())


def _name(temporary: Path, path: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            path.hardlink_to(temporary)  # fails if something is there, where a rename would replace it
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            path.touch(exist_ok=False)
        else:
            return
    temporary.replace(path)


def sync_directory(directory: Path) -> None:
    """Force the names in a directory to disk, where the system can (not on Windows, nor on every disk)."""
    with suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
