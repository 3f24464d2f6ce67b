"""What ``--register`` names: files as they are, and URLs as what is fetched from them; what was seen of them.

Editions that were fetched are kept, the newest and the one before. What was seen of a register before those,
the memory knows (docs/adr/0004): whoever is shown an old edition twice is not taken in by that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attest.cli.options import warn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from attest.keeper import RegisterState, Remembered
    from attest.limits import Limits

__all__ = ["memory_beside", "register_files", "remember", "tell_problems"]


def register_files(given: Sequence[str], folder: Path, limits: Limits) -> list[Path]:
    """Return the files that hold the registers a reader named, fetching those named by URL.

    Args:
        given: files and URLs.
        folder: where what is fetched is kept.
        limits: of the reader.

    Raises:
        AttestError: one cannot be fetched and was never seen before.
    """
    from pathlib import Path

    from attest.subscription import is_url, subscribe

    found: list[Path] = []
    for each in given:
        found += subscribe(each, folder, warn, limits) if is_url(each) else [Path(each)]
    return found


def memory_beside(trust: Path) -> Path:
    """Return where a reader remembers registers: beside the trust file."""
    return trust.with_suffix(".memory.json")


def remember(
    memory: Path, remembered: Mapping[str, Remembered], registers: Mapping[str, RegisterState]
) -> None:
    """Remember what registers showed; that it cannot be written is told, and no more."""
    import click

    from attest.errors import StoreError
    from attest.memory import write_memory

    try:
        write_memory(memory, remembered, registers)
    except StoreError as error:
        click.echo(f"attest: warning: {error}: an older register will not be noticed next time", err=True)


def tell_problems(registers: Mapping[str, RegisterState]) -> None:
    """Say what is wrong with registers: rolled back, forked, or entries that vanished; they lift nothing."""
    from attest.text import show

    for state in registers.values():
        for problem in state.problems:
            warn(f"{show(problem.summary, 500)}: it lifts no order")
