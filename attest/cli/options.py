"""What several commands share: options, ways of printing, the passphrase, the project's settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.limits import Limits
    from attest.resource import Artifact
    from attest.source import Location
    from attest.store import Store

__all__ = [
    "INPUT",
    "PATH",
    "artifacts_given",
    "counted",
    "echo_json",
    "jobs_option",
    "json_option",
    "limit_option",
    "limits_from",
    "open_store_from",
    "passphrase_from",
    "reads_path",
    "store_option",
    "store_uri_from",
    "warn",
]

F = TypeVar("F", bound=Callable[..., Any])


class _PathType(click.Path):
    """A path that becomes a ``pathlib.Path`` only when one was given: ``--help`` pays for no pathlib."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


PATH = _PathType()


class _InputType(_PathType):
    """A path, or the URL of what is not on this disk: that becomes an ``attest.source.Location``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return _location(value) or super().convert(value, param, ctx)


class _LocalType(_PathType):
    """A path, where a URL is a misunderstanding."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        location = _location(value)
        if location is not None:
            what, hint = "only what is on this disk is verified", "download it, and give its path"
            raise UsageError(what, location.shown, hint)
        return super().convert(value, param, ctx)


def _location(value: Any) -> Location | None:
    if not isinstance(value, str) or "://" not in value:  # a path pays for no import
        return None
    from attest.source import Location, is_location

    return Location.of(value) if is_location(value) else None


INPUT = _InputType()


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


def jobs_option(function: F) -> F:
    """``--jobs N``: how many processes share the signatures of a large bundle."""
    return click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        metavar="N",
        help="Processes that share the signatures of a large bundle.  [default: one per core]",
    )(function)


def limits_from(settings: tuple[str, ...]) -> Limits:
    """Return the limits with ``--limit`` settings applied."""
    from attest.limits import DEFAULT

    return DEFAULT.override(settings)


def echo_json(value: Any) -> None:
    """Print one JSON document, two spaces of indentation, UTF-8 escaped so that any terminal shows it."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=True))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 statement``, ``2,000 statements``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def artifacts_given(given: Iterable[str], option: str) -> list[Artifact]:
    """Return artifacts named on the command line by their digests.

    Raises:
        UsageError: one is no digest.
    """
    from attest.errors import FormatError
    from attest.resource import Artifact

    found = []
    for each in given:
        try:
            found.append(Artifact.parse(each))
        except FormatError as error:
            hint = "`attest digest PATH` tells it; that of a directory ends in /"
            raise UsageError(error.what, option, hint) from error
    return found


def warn(text: str) -> None:
    """Tell the user something that stops nothing."""
    from attest.text import show

    click.echo(click.style("attest: warning: ", fg="yellow") + show(text, 1000), err=True)


def reads_path(name: str = "path", *, urls: bool = False, **settings: Any) -> Callable[[F], F]:
    """Take an existing file or directory as an argument; that it can be read is checked where it is read.

    With ``urls``, the URL of what is not on this disk, too.
    """
    return click.argument(name, type=(_InputType if urls else _LocalType)(exists=True), **settings)


def passphrase_from(variable: str = "ATTEST_PASSPHRASE") -> bytes | None:
    """Return the passphrase from the environment, or ``None``. It is never taken from the command line."""
    value = os.environ.get(variable)
    return os.fsencode(value) if value else None  # whatever bytes it has


def store_option(function: F) -> F:
    """``--store URI``: another store than the project's; arrives as ``store_uri``."""
    return click.option(
        "--store",
        "store_uri",
        metavar="URI",
        help="Use this store, not the one attest.yaml names.",
    )(function)


def open_store_from(store_uri: str | None, *, read_only: bool = False, limits: Limits | None = None) -> Store:
    """Open the store of ``--store``, or the project's: that of the nearest ``attest.yaml``."""
    from attest.limits import DEFAULT
    from attest.store import open_store

    return open_store(store_uri_from(store_uri), read_only=read_only, limits=limits or DEFAULT)


def store_uri_from(store_uri: str | None) -> str:
    """Return the URI of ``--store``, or of the project's store: that of the nearest ``attest.yaml``."""
    from pathlib import Path

    from attest.settings import find_settings

    return store_uri or find_settings(Path.cwd()).store_uri
