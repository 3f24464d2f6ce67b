"""``attest store``: check the store, bring it up to date, or write everything in it out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from attest.cli.counting import counting
from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    open_store_from,
    store_option,
)

if TYPE_CHECKING:
    from pathlib import Path

    from attest.store import Store

__all__ = ["command"]


@click.group("store")
def command() -> None:
    """Check the store, bring it up to date, or write everything in it out.

    The store holds the project's signed statements, and those imported from vendors, with the manifests of
    directories. To check it and to write it out, read-only media will do.
    """


@command.command("check")
@store_option
@limit_option
@json_option
def check(store_uri: str | None, limits: tuple[str, ...], as_json: bool) -> None:
    """Read everything back and report damage.

    Every digest and every index row is computed again. Exit code 0: all is well; 1: something is damaged;
    4: the store cannot be opened at all.
    """
    from attest.text import show

    with open_store_from(store_uri, read_only=True, limits=limits_from(limits)) as store:
        found = store.check()
    if as_json:
        names = ("statements", "bundles", "manifests")
        echo_json({**{name: getattr(found, name) for name in names}, "problems": list(found.problems)})
    else:
        for problem in found.problems:
            click.echo(show(problem, 500))
        verdict = _count(len(found.problems), "problem") if found.problems else "no problems"
        held = (_count(found.statements, "statement"), _count(found.bundles, "bundle"))
        click.echo(f"{held[0]} in {held[1]}, {_count(found.manifests, 'manifest')}: {verdict}")
    if found.problems:
        click.get_current_context().exit(1)


@command.command("migrate")
@store_option
@limit_option
@json_option
def migrate(store_uri: str | None, limits: tuple[str, ...], as_json: bool) -> None:
    """Bring a store that an older attest made up to date.

    Bundles and manifests stay as they are; what they are found by is made anew. All of it happens or nothing:
    it may be interrupted. Other writers wait meanwhile.
    """
    from attest.cli.options import store_uri_from
    from attest.store import migrate_store

    with counting("statements") as advance:
        before, now = migrate_store(store_uri_from(store_uri), limits=limits_from(limits), advance=advance)
    if as_json:
        echo_json({"versionBefore": before, "version": now})
    elif before == now:
        click.echo(f"the store is up to date: version {now}")
    else:
        click.echo(f"the store was brought from version {before} to version {now}")


@command.command("export")
@click.option("-o", "--output", type=PATH, default="-", help="Write to this file; - is standard output.")
@click.option(
    "--manifests", type=PATH, help="Also write every manifest into this folder, named by its digest."
)
@store_option
@limit_option
def export(output: Path, manifests: Path | None, store_uri: str | None, limits: tuple[str, ...]) -> None:
    """Write all bundles as JSON Lines, in the order they came in.

    `attest import` reads them. A file is written whole or not at all.
    """
    with open_store_from(store_uri, read_only=True, limits=limits_from(limits)) as store:
        written = _write_manifests(store, manifests) if manifests else 0
        lines = _Lines(store)
        if str(output) == "-":
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()
        else:
            from attest.files import write_file

            write_file(output, lines)
    extra = f" and {_count(written, 'manifest')}" if manifests else ""
    click.echo(f"wrote {_count(lines.count, 'bundle')}{extra}", err=True)


class _Lines:
    """The store as JSON Lines, counted as they go out."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        for bundle in self._store.bundles():
            yield bundle.line + b"\n"
            self.count += 1


def _write_manifests(store: Store, folder: Path) -> int:
    """Write each manifest under its digest, whole or not at all; return how many there are."""
    from attest.errors import AttestError
    from attest.files import write_file

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AttestError(f"cannot be made: {error.strerror}", str(folder)) from error
    count = 0
    for sha256 in store.manifests():
        write_file(folder / sha256, [store.manifest(sha256) or b""])
        count += 1
    return count


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
