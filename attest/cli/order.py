"""``attest order``: write, sign, list and show deletion orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.looking import looking_options
from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    limit_option,
    limits_from,
    store_option,
)
from attest.cli.signing import bundle_option, sign_or_keep, signing_options

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.cli.looking import Looking
    from attest.cli.signing import Signing
    from attest.desk import Desk
    from attest.docket import OrderState
    from attest.orderfile import OrderFile
    from attest.predicates.deletion_order import DeletionOrder
    from attest.resource import ResourceDescriptor
    from attest.statement import Statement

__all__ = ["command"]


@click.group("order")
def command() -> None:
    """Write, sign, list and show deletion orders.

    An order says what must go: a dataset, a model or single records, and with them all that was made from it
    in whole or in part. `attest impact ORDER` tells what that is. Where an order stands is said by the
    register it is listed in: attest register append --order.
    """


@command.command("new")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    default="order.yaml",
    show_default=True,
    help="Write to this file; one that is there is not overwritten. - prints it.",
)
@click.option("--id", "order_id", metavar="TEXT", help="What people call it, e.g. its docket.")
@click.option("--basis", metavar="WORD", help="On whose word: regulator, court, voluntary, ….")
@click.option("--document", metavar="FILE", help="The decision as a file, relative to the order.")
@click.option("--register", "register_id", metavar="URI", help="Id of the register it will be listed in.")
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    metavar="WHAT",
    help="A dataset that must go: a file, a directory or its digest; may be repeated.",
)
def new(
    output: Path,
    order_id: str | None,
    basis: str | None,
    document: str | None,
    register_id: str | None,
    datasets: tuple[str, ...],
) -> None:
    """Write a new order to fill in, with what is known filled in."""
    from typing import get_args

    from attest.errors import UsageError, nearest
    from attest.order_sections import BasisWord
    from attest.orderfile import order_template

    words = get_args(BasisWord)
    if basis is not None and basis not in words:
        guess = nearest(basis, words)
        hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(words)}"
        raise UsageError(f"got {basis[:60]!r}, which is no basis of an order", "--basis", hint)
    text = order_template(
        order_id=order_id,
        basis=basis,
        document=document,
        register=register_id,
        targets=tuple(map(_target, datasets)),
    )
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    from attest.files import write_file
    from attest.text import show

    write_file(output, [text.encode()], overwrite=False)
    click.echo(f"attest: wrote {show(output)}: complete it, then attest order check", err=True)


def _target(given: str) -> tuple[str, str]:
    from pathlib import Path

    from attest.cli.preflight import read_artifact

    released = read_artifact(given)
    return Path(given).name if released.path else given.removesuffix("/")[-12:], str(released.artifact)


@command.command("check")
@click.argument("order", type=PATH)
@limit_option
@json_option
def check(order: Path, limits: tuple[str, ...], as_json: bool) -> None:
    """Check an order and the files it names.

    What cannot be used is an error with its line (exit 2); what is merely missing is told.
    """
    from attest.orderfile import read_order
    from attest.text import show

    read = read_order(order, limits_from(limits))
    statement = read.statement()
    if as_json:
        echo_json({"order": str(order), "predicate": statement.predicate, "remarks": read.remarks()})
        return
    click.echo(f"{show(order)}: {show(read.order.id)}, {read.order.basis}")
    _remark(read)
    click.echo("  it can be signed", err=True)


def _remark(order: OrderFile) -> None:
    from attest.text import show

    for remark in order.remarks():
        click.echo(f"attest: a reader will ask: {show(remark, 300)}", err=True)


@command.command("add")
@click.argument("order", type=PATH)
@bundle_option
@signing_options
@store_option
@limit_option
@json_option
def add(
    order: Path,
    output: Path | None,
    signing: Signing,
    store_uri: str | None,
    limits: tuple[str, ...],
    as_json: bool,
) -> None:
    """Sign an order and put it into the store.

    ORDER is the YAML file. Readers believe it from the keeper of the register it names; signed by anybody
    else, it is a claim, and counts as one. Signing the same again changes nothing.
    """
    from attest.bundle import write_lines
    from attest.orderfile import read_order

    read = read_order(order, limits_from(limits))
    statement = read.statement()
    bundle, new = _signed(signing.desk(store_uri), statement)
    if output is not None:
        write_lines(output, [bundle])
    digest = f"sha256:{statement.digest}"
    if as_json:
        echo_json({"statement": digest, "id": read.order.id, "new": new, "remarks": read.remarks()})
        return
    _remark(read)
    click.echo(f"order  {digest}" + ("" if new else " (signed before)"))


def _signed(desk: Desk, statement: Statement) -> tuple[Bundle, bool]:
    """Sign a statement and store it; one this signer signed before is returned as it is."""
    from attest.signer import claims

    identity = desk.open().identity
    with desk.read() as store:
        known = next((each for each in store.bundles(statement.digest) if claims(each, identity)), None)
    if known is not None:
        return known, False
    return sign_or_keep(desk, statement), True


@command.command("list")
@looking_options
@json_option
def list_(
    looking: Looking,
    as_json: bool,
) -> None:
    """List the orders there are, and where each stands."""
    snapshot = looking.snapshot()
    rows = [_row(each) for each in snapshot.orders.values()]
    if as_json:
        echo_json({"orders": rows})
        return
    for each in snapshot.orders.values():
        _tell_line(each)
    if not rows:
        click.echo(f"attest: no order in {snapshot.source}", err=True)


@command.command("show")
@click.argument("order", metavar="ORDER")
@looking_options
@json_option
def show_(
    order: str,
    looking: Looking,
    as_json: bool,
) -> None:
    """Show one order whole, with its history.

    ORDER is its id, its statement's digest, or the beginning of one.
    """
    from attest.cli.snapshot import find_order

    snapshot = looking.snapshot()
    found = find_order(snapshot, order)
    if as_json:
        echo_json({**_row(found), "order": found.evidence.statement.predicate if found.evidence else None})
        return
    _tell_line(found)
    _tell(found)


# -- telling -------------------------------------------------------------------------------------------------


def _named(state: OrderState) -> list[ResourceDescriptor]:
    """Return what an order names, each once: its statement and the register that lists it say the same."""
    unique = {(item.name, *sorted(item.digest.items())): item for item in reversed(state.named)}
    return list(reversed(unique.values()))


def _row(state: OrderState) -> dict[str, Any]:
    return {
        "statement": f"sha256:{state.digest}",
        "id": state.title,
        "state": state.state,
        "believed": state.believed,
        "reach": "in-whole-or-in-part" if state.derived else "named-only",
        "targets": [item.to_json() for item in _named(state)],
        "unread": list(state.unread),
        "registers": [
            {
                "registerId": each.register.register_id,
                "status": each.state,
                "since": each.entry.to_json().get("since"),
                "history": each.entry.to_json().get("history", []),
            }
            for each in state.listings
        ],
    }


def _tell_line(state: OrderState) -> None:
    from attest.text import show

    believed = "" if state.believed else "  NOT BELIEVED: no keeper you trust signed or lists it"
    click.echo(f"{state.state:9}  sha256:{state.digest[:16]}…  {show(state.title)}{believed}")


def _tell(state: OrderState) -> None:
    from attest.model import format_time
    from attest.text import show

    click.echo(f"  statement  sha256:{state.digest}")
    if state.order is not None:
        _tell_order(state.order)
    for item in _named(state):
        digests = "  ".join(f"{name}:{value}" for name, value in sorted(item.digest.items()))
        click.echo(f"  target     {show(item.name or '(no name)')}  {show(digests)}")
    click.echo(
        f"  reach      {'what was made from it, in whole or in part' if state.derived else 'named only'}"
    )
    if state.unread:
        click.echo(f"  UNREAD     {show(', '.join(state.unread[:5]))}: it may name anything")
    for listing in state.listings:
        click.echo(f"  register   {show(listing.register.register_id, 500)}: {listing.state}")
        for past in listing.entry.history or ():
            since = f" since {format_time(past.since)}" if past.since else ""
            click.echo(f"    before   {show(past.status)}{since}")
    if not state.listings:
        click.echo("  register   none lists it: an order counts as active until one lifts it")


def _tell_order(order: DeletionOrder) -> None:
    from attest.text import show

    click.echo(f"  basis      {order.basis}")
    if order.authority is not None:
        said = (order.authority.name, order.authority.jurisdiction, order.authority.docket)
        click.echo(f"  authority  {show(', '.join(filter(None, said)))}")
    for row in order.deadlines:
        due = f"{row.due:%Y-%m-%d}" if row.due else f"{row.days} days after it took effect"
        click.echo(f"  deadline   {row.class_ or 'the rest'}: {due}")
    for records in order.targets.records:
        number = len(records.keys) or records.count or "listed"
        click.echo(f"  records    {number} by {records.space}")
    for exception in order.permitted_exceptions:
        click.echo(f"  may stay   {exception.kind}")
