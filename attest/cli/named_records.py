"""What the commands of `attest records` share: records by name, the record book, the limits of a proof."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from attest.cli.options import PATH, warn
from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.holding import Wanted
    from attest.leaves import LeafFile
    from attest.recordbook import RecordBook

__all__ = [
    "EXCLUDE",
    "KEYS",
    "UNIT",
    "Named",
    "asked_of",
    "keys_of",
    "limits_of_proofs",
    "naming_options",
    "project_book",
    "say_limits",
]

F = TypeVar("F", bound=Callable[..., Any])


UNIT = click.option(
    "--unit",
    type=click.Choice(["file", "row"]),
    help="What one record is.  [default: row if every file is .parquet, .jsonl, .ndjson or .csv]",
)
KEYS = click.option(
    "--keys", "key_file", type=PATH, metavar="FILE", help="Records by their keys, one on each line."
)
EXCLUDE = click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out paths that match; they are not data."
)


class Named(NamedTuple):
    """The records that were named."""

    files: tuple[Path, ...]
    """Records themselves: files, or tables of rows."""
    people: tuple[str, ...]
    """Ids of whom records are about."""
    keys: tuple[str, ...]
    """Keys of records, as hex digits."""

    def __bool__(self) -> bool:
        return any(self)

    def with_keys_of(self, file: Path | None) -> Named:
        """Add the keys in a file, sorted.

        Raises:
            FormatError: it cannot be read, or holds something that is no key.
        """
        from attest.keylist import read_keys

        listed = sorted(key.hex() for key in read_keys(file).keys) if file else []
        return self._replace(keys=(*self.keys, *listed))


def naming_options(function: F) -> F:
    """Options that name records; they arrive as one argument, ``named``."""

    @functools.wraps(function)
    def gather(
        *args: Any, files: tuple[Path, ...], people: tuple[str, ...], keys: tuple[str, ...], **given: Any
    ) -> Any:
        return function(*args, named=Named(files, people, keys), **given)

    result: Any = gather
    for option in _NAMING:
        result = option(result)
    return result  # type: ignore[no-any-return]  # a click command's function is only ever called by click


_NAMING = (
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
)


def project_book() -> RecordBook:
    """Return the record book of the project around."""
    from pathlib import Path

    from attest.recordbook import record_book
    from attest.settings import find_settings

    return record_book(find_settings(Path.cwd()))


def asked_of(leaves: LeafFile, book: RecordBook, named: Named) -> list[Wanted]:
    """Return what is looked for, as keys under the secret of a leaf file.

    Raises:
        UsageError: no record is named.
        FormatError: a key is none, or a record cannot be read.
    """
    from attest.commitment import Keyer, parse_key
    from attest.holding import Wanted

    if not named:
        raise UsageError("no record is named", hint="name one with --record, --person or --key")
    owner = leaves.owner
    found = [parse_key(key) for key in named.keys]
    asks = named.people if owner.space == "subject" else named.files
    if asks:
        keyer = Keyer(book.secret(owner.secret_digest))
        if owner.space == "subject":
            found += keyer.keys(os.fsencode(person) for person in named.people)
        else:
            found += [key for file in named.files for key in keys_of(file, owner.unit, keyer)]
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
