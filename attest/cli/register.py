"""``attest register``: keep a register of what is current, withdrawn or ordered deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.editions import check, publish
from attest.cli.options import (
    PATH,
    counted,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    store_option,
)
from attest.cli.signing import signing_options

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from attest.cli.signing import Signing
    from attest.registrar import Edition
    from attest.signer import Signer
    from attest.statement import Statement

__all__ = ["command"]

_KINDS = ("contents", "withdrawal", "rights", "order")


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of the commands that write an edition."""
    for option in (
        click.option("-o", "--output", type=PATH, required=True, metavar="FILE", help="Where to write it."),
        signing_options,
        click.option("--as-of", metavar="TIME", help="The moment it tells of.  [default: now]"),
        click.option("--force", is_flag=True, help="Replace FILE if it exists."),
        json_option,
    ):
        function = option(function)
    return function


@click.group("register")
def command() -> None:
    """Keep a register: what is current, withdrawn or ordered deleted.

    A register is a signed document that its keeper publishes again and again, each edition with a number, the
    digest of the one before, and a date by which the next is out. It shows a buyer that nothing has happened
    since a bundle was made. An edition is one line in a file; publish it where your readers look.
    """


@command.command()
@click.argument("register_id", metavar="REGISTER_ID")
@click.option(
    "--next-update", required=True, metavar="SPAN", help="When the next edition is out: '7 days', or a time."
)
@click.option(
    "--scope",
    required=True,
    metavar="KINDS",
    help="What it is complete for: contents,withdrawal,rights,order",
)
@_common
def new(
    register_id: str,
    next_update: str,
    scope: str,
    output: Path,
    as_of: str | None,
    force: bool,
    as_json: bool,
    signing: Signing,
) -> None:
    """Begin a register: sign its first, empty edition.

    REGISTER_ID is the URI by which trust files name the register. Nobody fetches it.
    """
    from attest.cli.entries import read_time
    from attest.registrar import Edition

    moment = read_time(as_of)
    kinds = [kind for each in scope.split(",") if (kind := each.strip())]
    edition = Edition.first(register_id, kinds, moment, _until(next_update, moment))
    _publish(edition, signing.desk(optional=True).signer(), output, force=force, as_json=as_json)


@command.command()
@click.argument("file", type=PATH)
@click.option("--contents", multiple=True, metavar="WHAT", help="A list of contents that is current now.")
@click.option("--withdrawal", multiple=True, metavar="WHAT", help="A withdrawal.")
@click.option("--rights", multiple=True, metavar="WHAT", help="A rights record that is current now.")
@click.option("--order", multiple=True, metavar="WHAT", help="A deletion order.")
@click.option("--status", multiple=True, metavar="DIGEST=STATUS", help="Say where a listed statement stands.")
@click.option("--keep-others", is_flag=True, help="Lists it does not follow on stay current.")
@click.option("--next-update", metavar="SPAN", help="When the next edition is out.  [default: as last time]")
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Whose statements to enter; check signatures.")
@store_option
@limit_option
@_common
def append(
    file: Path,
    status: tuple[str, ...],
    keep_others: bool,
    next_update: str | None,
    trust: Path | None,
    store_uri: str | None,
    limits: tuple[str, ...],
    output: Path,
    signing: Signing,
    as_of: str | None,
    force: bool,
    as_json: bool,
    **given: tuple[str, ...],
) -> None:
    """Sign the next edition of the register in FILE.

    WHAT is a bundle's file, or the digest of a statement in the store: sha256:…. Of a file with several lists
    of contents, the one with the highest number is taken. With --trust, only what a principal with the role
    for it signed is entered. An edition without changes says that nothing has happened.

    The edition in FILE has to be signed by the same key, or by the register's keeper in the trust file.
    """
    from attest.cli.entries import newest_edition, read_time, statements_in
    from attest.registrar import Edition
    from attest.trust import Trust, read_trust

    bounds = limits_from(limits)
    own = signing.desk(optional=True).signer()
    base = read_trust(trust, bounds) if trust else None
    keeper = Trust.of_keys({"the signing key": own.public} if own.public else {}, base)
    moment = read_time(as_of)
    edition = Edition.after(
        newest_edition(file, keeper, bounds).predicate,
        moment,
        _until(next_update, moment) if next_update else None,
    )
    replaced: list[str] = []
    for kind in _KINDS:
        for what in given[kind]:
            for statement in statements_in(kind, what, base, store_uri, bounds):
                replaced += edition.add(statement, keep_others=keep_others)
    for each in status:
        edition.set_status(*_pair(each))
    _publish(edition, own, output, replaced, force=force, as_json=as_json)


@command.command()
@click.argument("file", type=PATH)
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Check that its keeper signed it.")
@limit_option
@json_option
def show(file: Path, trust: Path | None, limits: tuple[str, ...], as_json: bool) -> None:
    """Show the newest edition in FILE."""
    from attest.cli.entries import newest_edition
    from attest.trust import read_trust

    bounds = limits_from(limits)
    believed = read_trust(trust, bounds) if trust else None
    statement = newest_edition(file, believed, bounds)
    if as_json:
        verified = believed is not None
        echo_json({"statement": f"sha256:{statement.digest}", "verified": verified, **statement.predicate})
    else:
        _tell(statement, verified=believed is not None)


command.add_command(check)
command.add_command(publish)


# -- times ---------------------------------------------------------------------------------------------------


def _until(text: str, start: datetime) -> datetime:
    """Read a span of time, or the moment at its end."""
    from datetime import timedelta

    from pydantic import TypeAdapter, ValidationError

    from attest.errors import FormatError, UsageError
    from attest.model import parse_time
    from attest.rule import Duration

    try:
        span: timedelta = TypeAdapter(Duration).validate_python(text)
        return start + span
    except (ValidationError, OverflowError):
        pass
    try:
        return parse_time(text)
    except FormatError as error:
        what = f"got {text[:60]!r}, expected a span like '7 days' or a time like 2026-11-20T10:02:00Z"
        raise UsageError(what, "--next-update") from error


# -- reading -------------------------------------------------------------------------------------------------


def _pair(text: str) -> tuple[str, str]:
    from attest.digest import parse_digest
    from attest.errors import UsageError

    digest, equals, status = text.partition("=")
    if not equals:
        raise UsageError(f"got {text[:100]!r}, expected sha256:…=STATUS", "--status")
    return parse_digest(digest), status


# -- writing -------------------------------------------------------------------------------------------------


def _publish(
    edition: Edition,
    signer: Signer,
    output: Path,
    replaced: list[str] | None = None,
    *,
    force: bool,
    as_json: bool,
) -> None:
    from attest.files import write_file

    statement = edition.statement()
    write_file(output, [signer.sign(statement).line + b"\n"], overwrite=force)
    predicate = statement.predicate
    if as_json:
        echo_json(
            {
                "file": str(output),
                "statement": f"sha256:{statement.digest}",
                "registerId": predicate["registerId"],
                "sequence": predicate["sequence"],
                "asOf": predicate["asOf"],
                "nextUpdate": predicate["nextUpdate"],
                "entries": len(predicate["entries"]),
                "superseded": [f"sha256:{digest}" for digest in replaced or ()],
            }
        )
        return
    _tell(statement, verified=True, entries=False)
    for digest in replaced or ():
        click.echo(f"superseded   sha256:{digest}")
    click.echo(f"publish this edition before {predicate['nextUpdate']}, and another one by then", err=True)


def _tell(statement: Statement, *, verified: bool, entries: bool = True) -> None:
    from attest.text import show

    predicate = statement.predicate
    if not verified:
        click.echo("NOT VERIFIED: --trust FILE checks that its keeper signed it")
    click.echo(f"register     {show(predicate['registerId'], 500)}")
    click.echo(f"edition      {predicate['sequence']} (statement sha256:{statement.digest})")
    click.echo(f"as of        {show(predicate['asOf'])}, next update {show(predicate['nextUpdate'])}")
    click.echo(f"complete for {', '.join(show(kind) for kind in predicate['scope'])}")
    listed = predicate["entries"]
    click.echo(f"lists        {counted(len(listed), 'statement')}")
    for entry in listed if entries else ():
        _tell_entry(entry)


def _tell_entry(entry: Any) -> None:
    from attest.predicates.register import Entry
    from attest.text import show

    read = Entry.from_json(entry)
    since = f" since {read.since:%Y-%m-%d}" if read.since else ""
    click.echo(f"  {read.kind:10}  {read.state}{since}  sha256:{show(read.statement_digest)}")
    for item in read.artifacts:
        click.echo(f"    of        {show(item.name or '(no name)')}  {item.artifact or 'no sha256'}")
    for digest in read.withdraws:
        click.echo(f"    takes back  statement sha256:{digest}")
    if read.note:
        click.echo(f"    note      {show(read.note)}")
