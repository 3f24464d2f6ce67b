"""What several commands share: options, ways of printing, the passphrase, the project's settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pathlib import Path

    from attest.limits import Limits
    from attest.store import Store

__all__ = [
    "PATH",
    "echo_json",
    "json_option",
    "limit_option",
    "limits_from",
    "open_store_from",
    "passphrase_from",
    "reads_path",
    "signing_options",
    "store_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class _PathType(click.Path):
    """A path that becomes a ``pathlib.Path`` only when one was given: ``--help`` pays for no pathlib."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


PATH = _PathType()


def json_option(function: F) -> F:
    """``--json``: the same answer as one JSON document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(function)


def limit_option(function: F) -> F:
    """``--limit NAME=NUMBER``: raise one of the reader's limits."""
    return click.option(
        "--limit",
        "limits",
        multiple=True,
        metavar="NAME=NUMBER",
        help="Raise or lower a reading limit (docs/formats.md, Limits); may be repeated.",
    )(function)


def limits_from(settings: tuple[str, ...]) -> Limits:
    """Return the limits with ``--limit`` settings applied."""
    from attest.limits import DEFAULT

    return DEFAULT.override(settings)


def echo_json(value: Any) -> None:
    """Print one JSON document, two spaces of indentation, UTF-8 escaped so that any terminal shows it."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def reads_path(name: str = "path", **settings: Any) -> Callable[[F], F]:
    """Take an existing file or directory as an argument; that it can be read is checked where it is read."""
    return click.argument(name, type=_PathType(exists=True), **settings)


def passphrase_from(variable: str = "ATTEST_PASSPHRASE") -> bytes | None:
    """Return the passphrase from the environment, or ``None``. It is never taken from the command line."""
    value = os.environ.get(variable)
    return value.encode() if value else None


def store_option(function: F) -> F:
    """``--store PATH``: another store than the project's; arrives as ``store_uri``."""
    return click.option(
        "--store",
        "store_uri",
        metavar="PATH",
        help="Use this store, not the one attest.yaml names.",
    )(function)


def signing_options(function: F) -> F:
    """``--signer URI`` and ``--timestamp URL`` of every command that signs; the latter as ``timestamps``."""
    time = click.option(
        "--timestamp",
        "timestamps",
        multiple=True,
        metavar="URL",
        help="Have this authority (RFC 3161) state the time, not what attest.yaml names; may be repeated.",
    )
    who = click.option("--signer", metavar="URI", help="Sign with this, not with what attest.yaml names.")
    return who(time(function))


def open_store_from(store_uri: str | None, *, read_only: bool = False, limits: Limits | None = None) -> Store:
    """Open the store of ``--store``, or the project's: that of the nearest ``attest.yaml``."""
    from pathlib import Path

    from attest.limits import DEFAULT
    from attest.settings import find_settings
    from attest.store import open_store

    uri = store_uri or find_settings(Path.cwd()).store_uri
    return open_store(uri, read_only=read_only, limits=limits or DEFAULT)
