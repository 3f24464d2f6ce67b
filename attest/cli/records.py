"""``attest records``: commit to the records of a dataset; find, prove and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.named_records import (
    EXCLUDE,
    KEYS,
    UNIT,
    asked_of,
    limits_of_proofs,
    naming_options,
    project_book,
    say_limits,
)
from attest.cli.options import (
    PATH,
    counted,
    echo_json,
    json_option,
    store_option,
    warn,
)
from attest.cli.progress import progress_bar
from attest.cli.record_proofs import check, prove
from attest.cli.record_removal import remove
from attest.errors import AttestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from attest.cli.named_records import Named
    from attest.commitment import Commitment, Proof
    from attest.holding import Holding, Wanted
    from attest.leaves import LeafFile
    from attest.recordbook import RecordBook
    from attest.resource import Artifact

__all__ = ["command"]


@click.group("records")
def command() -> None:
    """Commit to the records of a dataset; find, prove and remove them.

    A commitment is one digest over all records of a dataset. With it anybody can be shown that a record is in
    the dataset, or is not, and nobody learns of any other. Records are files, or rows of Parquet, JSON Lines
    and CSV. See docs/records.md.
    """


command.add_command(check)
command.add_command(prove)
command.add_command(remove)


# -- commit ----------------------------------------------------------------------------------------------


@command.command()
@click.argument("path", type=PATH)
@UNIT
@click.option("--subject", metavar="COLUMN", help="Column with the stable id of the person a row is about.")
@click.option(
    "--card", "card_path", type=PATH, metavar="FILE", help="The dataset's card, which may name that column."
)
@click.option(
    "--secret",
    "secret_path",
    type=PATH,
    metavar="FILE",
    help="Key the records with this: that of an earlier version of the dataset.",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Processes.  [default: as many as serve]")
@EXCLUDE
@json_option
def commit(
    path: Path,
    unit: str | None,
    subject: str | None,
    card_path: Path | None,
    secret_path: Path | None,
    workers: int | None,
    exclude: tuple[str, ...],
    as_json: bool,
) -> None:
    """Read every record of a dataset and commit to them.

    Leaf files with the keys of all records go into .attest/records of the project, and so does the secret
    they are made with, if it is new: back it up. `attest dataset` signs the roots with what it says of the
    data. Nothing of this leaves the machine but roots and counts.
    """
    from attest.census import take_census
    from attest.manifest import digest_path
    from attest.record import find_records
    from attest.recordbook import read_secret

    book = project_book()
    column = subject or _column_of(card_path)
    records = find_records(path, unit, subject=column, exclude=exclude)
    given = read_secret(secret_path) if secret_path else None
    bar = progress_bar()
    measured = digest_path(path, exclude=exclude, progress=bar)
    artifact = measured.artifact
    if given is None:
        given = _secret_before(book, artifact)
    secret = book.keep_secret(given)
    census = take_census(
        records,
        secret,
        artifact,
        book.leaf_path(artifact, "content"),
        book.leaf_path(artifact, "subject") if column else None,
        workers=workers,
        progress=bar,
    )
    if measured.changed():
        raise AttestError("changed while it was read", str(path), "commit to it again")
    digest = census.content.secret_digest
    if column:
        book.keep_column(digest, column)
    result = {
        "dataset": str(artifact),
        "unit": records.unit,
        "records": census.records,
        **_described(book, artifact),
        "withoutPerson": census.nobody if column else None,
        "secret": str(book.secret_file(digest)),
        "newSecret": given is None,
    }
    echo_json(result) if as_json else _tell_commit(result)


def _secret_before(book: RecordBook, artifact: Artifact) -> bytes | None:
    """Return the secret with which somebody committed to these records before, if anybody did."""
    before = {each.owner.space: each.commitment.secret_digest for each in _closed(book.leaves(artifact))}
    return book.secret(before["content"]) if before else None


def _described(book: RecordBook, artifact: Artifact) -> dict[str, Any]:
    """Return the commitments to a dataset as they will be signed."""
    from attest.recordbook import described

    made = {
        each.owner.space: described(each.commitment, each.owner) for each in _closed(book.leaves(artifact))
    }
    return {"content": made["content"], "subject": made.get("subject")}


def _column_of(card: Path | None) -> str | None:
    if card is None:
        return None
    from attest.card import read_card

    column = read_card(card).personal_data.subject_column
    if column is None:
        hint = "personalData.subjectColumn names it"
        raise UsageError("the card names no column of people", str(card), hint)
    return column


def _closed(leaves: Iterable[LeafFile]) -> list[LeafFile]:
    """Return leaf files of which only the header is wanted."""
    found = list(leaves)
    for each in found:
        each.close()
    return found


def _tell_commit(result: dict[str, Any]) -> None:
    from attest.text import show

    if result["newSecret"]:
        warn(
            f"a new secret keys these records: back up {result['secret']}; without it none can be looked for"
        )
    click.echo(f"data     {result['dataset']}")
    click.echo(f"records  {result['records']:,}, each a {result['unit']}")
    for space, noun in (("content", "records that differ"), ("subject", "people")):
        if each := result[space]:
            click.echo(f"{space}  {each['root']}  {each['count']:,} {noun}")
    if result["withoutPerson"]:
        click.echo(f"attest: {counted(result['withoutPerson'], 'record')} name nobody", err=True)
    click.echo(f"secret   {show(result['secret'], 500)}")


# -- find ------------------------------------------------------------------------------------------------


@command.command()
@naming_options
@KEYS
@click.argument("leaf_files", nargs=-1, type=PATH, metavar="[LEAVES]...")
@store_option
@json_option
def find(
    named: Named,
    key_file: Path | None,
    leaf_files: tuple[Path, ...],
    store_uri: str | None,
    as_json: bool,
) -> None:
    """Tell which datasets hold a record or a person.

    Looked through are the leaf files named, or all in the project's record book. A dataset of which the store
    has a signed commitment and nobody has the leaf file is listed as unknown.

    Exit code 1: none holds any of them; 3: none that can be looked into does, and some cannot.
    """
    from attest.holding import datasets_holding
    from attest.leaves import LeafFile

    book = project_book()
    named = named.with_keys_of(key_file)
    commitments, names = _signed(store_uri) if not leaf_files else ({}, {})
    proofs: list[Proof] = []
    wanted: dict[Wanted, None] = {}
    shown: set[tuple[Any, Wanted]] = set()
    for leaves in map(LeafFile, leaf_files) if leaf_files else book.all_leaves():
        with leaves:
            asked = asked_of(leaves, book, named)
            ours = commitments.setdefault(leaves.owner.artifact, [])
            if leaves.commitment not in ours:
                ours.append(leaves.commitment)
            proofs += [leaves.prove(each.key) for each in asked]
            wanted |= dict.fromkeys(asked)
            shown |= {(leaves.owner.artifact, each) for each in asked}
    unread = {each for each in commitments if not any(dataset == each for dataset, _ in shown)}
    found = [
        each
        for each in datasets_holding(wanted, commitments, proofs)
        if (each.dataset, each.wanted) in shown and each.holds is not None
    ]
    if not commitments:
        warn("nothing was looked through: there is no leaf file, and no dataset with a signed commitment")
    _tell_found(found, sorted(unread), names, as_json=as_json)
    if not any(each.holds for each in found):
        click.get_current_context().exit(3 if unread or not found else 1)


def _signed(store_uri: str | None) -> tuple[dict[Any, list[Commitment]], dict[Any, str]]:
    """Return commitments and names of datasets in the store, if there is one."""
    from pathlib import Path

    from attest.predicate import read_predicate
    from attest.predicates.dataset import Dataset
    from attest.settings import find_project

    commitments: dict[Any, list[Commitment]] = {}
    names: dict[Any, str] = {}
    with find_project(Path.cwd(), store=store_uri).open_store(read_only=True) as store:
        for digest in store.by_type(Dataset.TYPE):
            statement = next(store.bundles(digest)).statement()
            said = read_predicate(statement)
            artifact = next((each.artifact for each in statement.subjects if each.artifact), None)
            if artifact is None or not isinstance(said, Dataset):
                continue
            names[artifact] = " ".join(each for each in (said.name, said.version) if each)
            both = filter(None, (said.record_commitment, said.subject_commitment))
            if made := [known for each in both if (known := each.commitment()) is not None]:
                commitments[artifact] = made
    return commitments, names


def _tell_found(found: list[Holding], unread: list[Any], names: dict[Any, str], *, as_json: bool) -> None:
    from attest.text import show

    entries = [
        {
            "dataset": str(each.dataset),
            "name": names.get(each.dataset, ""),
            "keying": each.wanted.space,
            "key": each.wanted.key.hex(),
            "holds": each.holds,
        }
        for each in found
    ]
    if as_json:
        echo_json(
            {"found": entries, "unknown": [str(each) for each in unread], "notProven": limits_of_proofs()}
        )
        return
    for entry in entries:
        word = "holds  " if entry["holds"] else "without"
        noun = "person" if entry["keying"] == "subject" else "record"
        click.echo(f"{word}  {entry['dataset']}  {noun} {entry['key']}  {show(entry['name'])}".rstrip())
    for each in unread:
        click.echo(f"unknown  {each}  nothing here tells  {show(names.get(each, ''))}".rstrip())
    say_limits()
