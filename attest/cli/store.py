"""``attest store``: check the store, bring it up to date, make it smaller, or write out what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.counting import counting
from attest.cli.export import Export
from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    open_store_from,
    store_option,
    store_uri_from,
)

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.group("store")
def command() -> None:
    """Check the store, bring it up to date, make it smaller, or write out what it holds.

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
    from attest.store import migrate_store

    with counting("statements") as advance:
        before, now = migrate_store(store_uri_from(store_uri), limits=limits_from(limits), advance=advance)
    if as_json:
        echo_json({"versionBefore": before, "version": now})
    elif before == now:
        click.echo(f"the store is up to date: version {now}")
    else:
        click.echo(f"the store was brought from version {before} to version {now}")


@command.command("compact")
@store_option
@json_option
def compact(store_uri: str | None, as_json: bool) -> None:
    """Give back the room the store does not use.

    What it holds stays as it is. A SQLite store is written anew: that takes three times its size on disk for
    a while, and nobody can read or write it meanwhile. It happens as a whole or not at all.
    """
    from attest.store import compact_store

    before, after = compact_store(store_uri_from(store_uri))
    if as_json:
        echo_json({"bytesBefore": before, "bytesAfter": after})
    else:
        click.echo(f"{before:,} bytes before, {after:,} after")


@command.command("export")
@click.option("-o", "--output", type=PATH, default="-", help="Write to this file; - is standard output.")
@click.option("--manifests", type=PATH, help="Also write the manifests into this folder, named by digest.")
@click.option(
    "--subject", "subjects", multiple=True, metavar="DIGEST", help="Only statements about this artifact."
)
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Only statements of this type: a name, or a URI."
)
@store_option
@limit_option
@json_option
def export(
    output: Path,
    manifests: Path | None,
    subjects: tuple[str, ...],
    types: tuple[str, ...],
    store_uri: str | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write all bundles as JSON Lines, in the order they came in.

    `attest import` reads them. A file is written whole or not at all. Of several --subject, or several
    --type, any will do; with either, the manifests are those of directories that these statements speak of.
    """
    from attest.errors import UsageError

    if as_json and str(output) == "-":
        raise UsageError(
            "--json and the bundles cannot both go to standard output", hint="name a file: -o FILE"
        )
    bounds = limits_from(limits)
    with open_store_from(store_uri, read_only=True, limits=bounds) as store:
        written = Export(store, subjects, types, bounds)
        written.write(output, manifests)
    if as_json:
        echo_json({"output": str(output), "bundles": written.bundles, "manifests": written.manifests})
        return
    extra = f" and {_count(written.manifests, 'manifest')}" if manifests else ""
    click.echo(f"wrote {_count(written.bundles, 'bundle')}{extra}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
