"""What a step reads is kept apart from what it writes: in place before it runs, in bytes while it does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from attest.errors import AttestError, RecordingError, UsageError
from attest.materials import Source
from attest.places import within
from attest.source import Location, SourceError
from attest.targets import Target

__all__ = ["check_places", "check_unchanged"]

_SHOWN = 10
"""Changed inputs named in one message."""


def check_places(
    sources: Sequence[Source], outputs: Sequence[Target], byproducts: Sequence[Target], own: Sequence[str]
) -> None:
    """Refuse places that cannot be what they are said to be.

    Args:
        sources: inputs.
        outputs: what the step makes.
        byproducts: what it leaves behind.
        own: real paths that attest itself writes while it records.

    Raises:
        UsageError: an output without a folder to be in, one inside an input or the other way round, one path
            twice, or attest's own store inside any of them.
    """
    _check_targets([*outputs, *byproducts])
    for source in sources:
        if source.real is not None:
            _check_apart(source, source.real, outputs, byproducts)
    for place in own:
        hint = "choose a folder without it"
        for written in outputs:
            if within(place, written.real):
                raise UsageError(f"attest itself writes {place} in this output", str(written.path), hint)
        for read in sources:
            if read.role != "code" and read.real is not None and within(place, read.real):
                raise UsageError(f"attest itself writes {place} in this {read.role}", read.given, hint)


def _check_targets(targets: Sequence[Target]) -> None:
    seen: dict[str, str] = {}
    for target in targets:
        if not Path(target.real).parent.is_dir():
            raise UsageError(
                "there is no folder to write this output into", str(target.path), "make it first"
            )
        if target.real in seen:
            raise UsageError(f"the same output as {seen[target.real]}", str(target.path), "name it once")
        seen[target.real] = str(target.path)


def _check_apart(source: Source, real: str, outputs: Sequence[Target], byproducts: Sequence[Target]) -> None:
    for target in (*outputs, *byproducts):
        # a folder of code may hold outputs: they are left out of it
        if source.role != "code" and within(target.real, real):
            hint = "a step must not change what it reads: write it somewhere else"
            raise UsageError(f"this output lies in the {source.role} {source.given}", str(target.path), hint)
    for target in outputs:
        if within(real, target.real):
            hint = "the statement would say that the step made it: read it from somewhere else"
            raise UsageError(f"this {source.role} lies in the output {target.path}", source.given, hint)


def check_unchanged(sources: Sequence[Source], targets: Sequence[Target]) -> list[str]:
    """Refuse to say what was read if that changed while the step ran; return what the user should know.

    Code may hold what an earlier run of the step wrote: that outputs changed says nothing of the code. What
    is not on this disk may be out of reach by now, e.g. because a signed URL has run out: that costs no run,
    and is recorded.

    Raises:
        RecordingError: it did; the message names the files.
    """
    changes: list[str] = []
    remarks: list[str] = []
    for source in sources:
        try:
            paths = [path for path in source.changed() if not _is_written(source, path, targets)]
        except SourceError as error:
            source.notes["recheckFailed"] = True
            remarks.append(
                f"{source.given}: whether it changed while the step ran cannot be told: {error.what}"
            )
            continue
        except AttestError as error:
            paths = [error.what]
        place = source.path or source.location
        whole = not place.is_tree if isinstance(place, Location) else place is not None and not place.is_dir()
        changes += [source.given] if paths and whole else [f"{source.given}: {path}" for path in paths]
    if changes:
        more = f", and {len(changes) - _SHOWN} more" if len(changes) > _SHOWN else ""
        raise RecordingError(
            f"inputs changed while the step ran: {', '.join(changes[:_SHOWN])}{more}",
            hint="nothing was signed: nobody can say which bytes were read; what the step writes beside its "
            "inputs can be left out with --exclude",
        )
    return remarks


def _is_written(source: Source, path: str, targets: Sequence[Target]) -> bool:
    real = os.path.join(source.real or "", path)  # noqa: PTH118 - of resolved strings
    return source.role == "code" and any(within(real, target.real) for target in targets)
