"""``attest card``: write a dataset card to fill in, and check one before it is signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.options import PATH, echo_json, json_option, limit_option, limits_from

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.group("card")
def command() -> None:
    """Write a dataset card to fill in.

    A card says what no program can measure about a dataset: where it comes from, whom it is about, what one
    may do with it. `attest dataset PATH --card CARD` signs it.
    """


@command.command("new")
@click.option(
    "-o",
    "--output",
    type=PATH,
    metavar="FILE",
    default="card.yaml",
    show_default=True,
    help="Write to this file; one that is there is not overwritten. - prints it.",
)
def new(output: Path) -> None:
    """Write a new card, with every field and the words it takes."""
    from attest.card import card_template

    text = card_template()
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    from attest.files import write_file
    from attest.text import show

    write_file(output, [text.encode()], overwrite=False)
    click.echo(f"attest: wrote {show(output)}: replace every FILL-IN, then attest card check", err=True)


@command.command("check")
@click.argument("card", type=PATH)
@limit_option
@json_option
def check(card: Path, limits: tuple[str, ...], as_json: bool) -> None:
    """Check a card and the files it names.

    What cannot be used is an error with its line (exit 2). What is merely missing is no error: a buyer reads
    it as unknown, and the command tells which such questions to expect.
    """
    from attest.card import read_card
    from attest.text import show

    read = read_card(card, limits_from(limits))
    attachments, remarks = read.attachments(), read.remarks()
    if as_json:
        dataset, rights = read.dataset_predicate(), read.rights_predicate()
        echo_json(
            {
                "card": str(card),
                "dataset": dataset.to_json(),
                "rights": rights.to_json() if rights else None,
                "files": attachments,
                "remarks": remarks,
            }
        )
        return
    name, version = show(read.dataset.name), show(read.dataset.version)
    click.echo(f"{show(card)}: {name} {version} by {show(read.issuer.legal_name)}")
    for each in attachments:
        click.echo(f"  sha256:{each['digest']['sha256']}  {show(each['name'])}")
    for remark in remarks:
        click.echo(f"  a buyer will ask: {show(remark, 300)}")
    click.echo("  it can be signed", err=True)
