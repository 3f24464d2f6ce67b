"""What the commands of `attest records` share: records by name, the record book, the limits of a proof."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from attest.cli.options import PATH, warn
from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.holding import Wanted
    from attest.leaves import LeafFile
    from attest.recordbook import RecordBook

__all__ = [
    "asked_of",
    "keys_of",
    "limits_of_proofs",
    "naming_options",
    "project_book",
    "say_limits",
]

F = TypeVar("F", bound=Callable[..., Any])


def naming_options(function: F) -> F:
    """Options that name records."""
    for option in (
        click.option("--key", "keys", multiple=True, metavar="HEX", help="A record, by its key."),
        click.option("--person", "people", multiple=True, metavar="ID", help="Whom records are about."),
        click.option(
            "--record",
            "files",
            type=PATH,
            multiple=True,
            metavar="FILE",
            help="The record itself: a file, or a table of the rows that are meant.",
        ),
    ):
        function = option(function)
    return function


def project_book() -> RecordBook:
    """Return the record book of the project around."""
    from pathlib import Path

    from attest.recordbook import record_book
    from attest.settings import find_settings

    return record_book(find_settings(Path.cwd()))


def asked_of(
    leaves: LeafFile,
    book: RecordBook,
    files: tuple[Path, ...],
    people: tuple[str, ...],
    keys: tuple[str, ...],
) -> list[Wanted]:
    """Return what is looked for, as keys under the secret of a leaf file."""
    from attest.commitment import Keyer, parse_key
    from attest.holding import Wanted

    if not (files or people or keys):
        raise UsageError("no record is named", hint="name one with --record, --person or --key")
    owner = leaves.owner
    found = [parse_key(key) for key in keys]
    asks = people if owner.space == "subject" else files
    if asks:
        keyer = Keyer(book.secret(owner.secret_digest))
        if owner.space == "subject":
            found += keyer.keys(os.fsencode(person) for person in people)
        else:
            found += [key for file in files for key in keys_of(file, owner.unit, keyer)]
    return [Wanted(key, owner.space, owner.secret_digest) for key in found]


def keys_of(file: Path, unit: str, keyer: Any) -> list[bytes]:
    """Return the keys of the records in a file."""
    from attest.record import SUFFIXES, find_records

    if unit == "row" and file.suffix.lower() not in SUFFIXES:
        warn(f"{file}: is no table, so it is no row of a dataset whose records are rows")
        return []
    records = find_records(file, unit or None)
    return [
        key for each in records.units() for batch in records.read(each) for key in keyer.keys(batch.records)
    ]


def limits_of_proofs() -> list[str]:
    """Return what no proof about a record shows, one sentence each."""
    from attest.commitment import LIMITS_OF_A_PROOF

    return list(LIMITS_OF_A_PROOF)


def say_limits() -> None:
    """Say on standard error what no proof shows."""
    for line in limits_of_proofs():
        click.echo(f"attest: not proven: {line}", err=True)
