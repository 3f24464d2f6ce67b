"""The user's command as a child process: found as a shell finds it, signals passed on, its status ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from attest.errors import RecordingError

__all__ = ["execute", "find_program"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")
_TERMINAL = {"SIGINT", "SIGQUIT"}
"""Signals a terminal sends to the command as well."""


def find_program(name: str) -> str:
    """Return the program a command starts.

    Raises:
        RecordingError: there is none; its exit code is the shell's.
    """
    found = shutil.which(name)
    if found is None:
        there = os.path.dirname(name) and Path(name).exists()  # noqa: PTH120 - "" where only a name is given
        error = RecordingError("cannot be executed" if there else "command not found", name)
        error.exit_code = 126 if there else 127
        raise error
    return found


def execute(argv: Sequence[str], name: str, hidden: Collection[str], *, quiet: bool) -> int:
    """Run the command and return its status; signals that reach us reach it.

    Standard input, output and error are ours, with ``quiet`` output is our standard error. Variables named
    in ``hidden`` it does not see.
    """
    process: subprocess.Popen[bytes] | None = None
    early: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        if process is None:
            early.append(number)
        elif not (signal.Signals(number).name in _TERMINAL and _in_foreground()):
            with suppress(ProcessLookupError):
                process.send_signal(number)

    environ = {key: value for key, value in os.environ.items() if key not in hidden}
    sys.stdout.flush()
    with _handled(forward):
        try:
            process = subprocess.Popen(  # noqa: S603 - what the user asked for
                [name, *argv[1:]],
                executable=argv[0],
                env=environ,
                stdout=sys.stderr.fileno() if quiet else None,
            )
        except OSError as error:
            what = f"cannot be started: {error.strerror}"
            raise _not_started(what, argv[0]) from error
        for number in early:
            process.send_signal(number)
        status = process.wait()
    return status if status >= 0 else 128 - status


def _not_started(what: str, name: str) -> RecordingError:
    error = RecordingError(what, name)
    error.exit_code = 126
    return error


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Pass signals to ``handler`` meanwhile; those we were told to ignore (nohup) stay ignored by both."""
    before = {}
    for name in _SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _in_foreground() -> bool:
    """Tell whether a terminal's Ctrl-C reaches the command by itself, as our process group."""
    if not hasattr(os, "tcgetpgrp"):
        return True
    try:
        with Path("/dev/tty").open("rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False
