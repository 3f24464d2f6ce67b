"""``attest record``: sign a step that ran before there was a recorder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import echo_json, json_option
from attest.cli.steps import answer, declare, recorder_of, step_options, tell
from attest.errors import AttestError, RecordingError, SpooledError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["command"]


@click.command(
    "record",
    context_settings={"allow_interspersed_args": False},
    epilog="Exit code 75: the signer could not sign; the statement waits for `attest sign --pending`.",
)
@step_options
@click.option("--started", metavar="TIME", help="When it began (RFC 3339, or a date), if you know.")
@click.option("--finished", metavar="TIME", help="When it ended, if you know.")
@json_option
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND]...")
def command(
    words: tuple[str, ...], started: str | None, finished: str | None, as_json: bool, **given: Any
) -> None:
    """Sign a step of the past, from files that are still there.

    For example: attest record --kind train --dataset data --output model -- python train.py

    Nothing is run: COMMAND is what ran then, if you know. The statement says that it was made after the fact,
    and that its list of inputs is partial, because nobody watched; a policy may accept that or not. Host,
    packages and commit of today say nothing about the past and are left out.
    """
    try:
        recorder = recorder_of(given, command=words or None, past=True)
        recorder.started, recorder.finished = _time("--started", started), _time("--finished", finished)
        if recorder.started and recorder.finished and recorder.started > recorder.finished:
            raise UsageError(f"it ended ({finished}) before it began ({started})", "--finished")
        declare(recorder, given)
        recorder.begin(declared=True)
        recorded = recorder.finish()
    except SpooledError:
        raise
    except RecordingError as error:  # nothing ran: the codes of `attest run` would mislead
        raise AttestError(error.what, error.where, error.hint) from error
    if as_json:
        echo_json(answer(recorded))
    else:
        tell(recorded)


def _time(option: str, text: str | None) -> datetime | None:
    from attest.model import parse_time

    try:
        return parse_time(text) if text is not None else None
    except AttestError as error:
        raise UsageError(error.what, option) from error
