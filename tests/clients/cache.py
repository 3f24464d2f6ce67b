"""One folder outside the checkout where downloads are made once, even by two test processes at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["Unavailable", "made_once", "run", "tool"]

RETRY_AFTER = 600
"""Seconds a failed download is remembered, so that not every test process waits for the same timeout."""


class Unavailable(Exception):  # noqa: N818 - it is a reason to skip, not an error
    """The software cannot be had on this machine; the message says why."""


def _root() -> Path:
    try:
        root = Path(os.environ.get("ATTEST_TEST_CACHE") or _caches() / "attest-tests").absolute()
    except RuntimeError as error:  # a user without a home
        raise Unavailable("there is no home for a cache; set ATTEST_TEST_CACHE") from error
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"cannot make the cache {root}: {error.strerror}; set ATTEST_TEST_CACHE") from error
    return root


def _caches() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base) if base else Path.home() / ".cache"


def made_once(name: str, make: Callable[[Path], None], *, again: bool = False) -> Path:
    """Return the cached folder ``name``, filled by ``make`` the first time, whole or not at all.

    Args:
        name: the folder's name in the cache; it changes whenever its content should.
        make: fills the empty folder it is given.
        again: try although it failed a short while ago.

    Raises:
        Unavailable: ``make`` raised it now or within the last ten minutes.
    """
    root = _root()
    target = root / name
    if target.is_dir():
        return target
    failed = root / f"{name}.failed"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # bounded: every download under it has a timeout
        if target.is_dir():
            return target
        with contextlib.suppress(FileNotFoundError):
            age = time.time() - failed.stat().st_mtime
            if not again and age < RETRY_AFTER:
                raise Unavailable(f"{failed.read_text()} ({age:.0f} s ago)")
        work = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=root))
        try:
            make(work)
            work.rename(target)
        except Unavailable as error:
            failed.write_text(str(error))
            raise
        finally:
            shutil.rmtree(work, ignore_errors=True)
        failed.unlink(missing_ok=True)
    return target


def tool(name: str) -> str:
    """Return the path of a program of this machine.

    Raises:
        Unavailable: there is none.
    """
    path = shutil.which(name)
    if path is None:
        raise Unavailable(f"there is no {name} on this machine")
    return path


def run(
    argv: Sequence[str | Path],
    cwd: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a download or a build; it and its children are ended after ``seconds``.

    Raises:
        Unavailable: it failed; the message ends with the first line it wrote about an error, or the last.
    """
    name = Path(argv[0]).name
    with subprocess.Popen(
        argv,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"{name} did not finish within {seconds:.0f} s") from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        lines = output.decode("utf-8", "replace").strip().splitlines() or ["no output"]
        told = next((line for line in lines if line.startswith(("E:", "npm error", "error"))), lines[-1])
        raise Unavailable(f"{name} failed with status {process.returncode}: {told[:300]}")
