"""Where the commands about deletion orders look: everything a store says, or what stands in some bundles."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from attest.cli.options import PATH, limit_option, limits_from, store_option

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.snapshot import Snapshot
    from attest.limits import Limits

__all__ = ["Looking", "looking_options"]

F = TypeVar("F", bound=Callable[..., Any])


class Looking(NamedTuple):
    """What was given to look at, and whom to believe."""

    bundles: tuple[Path, ...]
    """Files to look in; none: the store."""
    registers: tuple[str, ...]
    """Files and URLs of registers, besides those found there."""
    trust: Path | None
    store_uri: str | None
    limits: Limits

    def snapshot(self, *more: Path) -> Snapshot:
        """Read and verify it all, as of ``attest.cli.snapshot.take_snapshot``.

        Args:
            more: further files of statements.
        """
        from attest.cli.snapshot import take_snapshot

        registers = (*self.registers, *map(str, more))
        return take_snapshot(self.bundles, registers, self.trust, self.store_uri, self.limits)


def looking_options(function: F) -> F:
    """Options of the commands that look at everything a store, or some bundles, say: ``looking``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        bundles: tuple[Path, ...],
        registers: tuple[str, ...],
        trust: Path | None,
        store_uri: str | None,
        limits: tuple[str, ...],
        **given: Any,
    ) -> Any:
        looking = Looking(bundles, registers, trust, store_uri, limits_from(limits))
        return function(*args, looking=looking, **given)

    result: Any = gather
    for option in _LOOKING:
        result = option(result)
    return result  # type: ignore[no-any-return]  # a click command's function is only ever called by click


_LOOKING = (
    limit_option,
    store_option,
    click.option("--trust", "-t", type=PATH, metavar="FILE", help="Whom you believe, for what."),
    click.option(
        "--register",
        "registers",
        multiple=True,
        metavar="FILE|URL",
        help="A register's edition, besides those found there; a URL is fetched now. May be repeated.",
    ),
    click.option(
        "--bundle",
        "-b",
        "bundles",
        multiple=True,
        type=PATH,
        metavar="FILE",
        help="Look here, not in the store; may be repeated.",
    ),
)
