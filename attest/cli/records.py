"""``attest records``: commit to the records of a dataset; find, prove and remove them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.named_records import (
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
    passphrase_from,
    store_option,
    warn,
)
from attest.cli.progress import progress_bar
from attest.cli.record_proofs import check, prove
from attest.cli.signing import signing_options
from attest.cli.steps import answer, tell
from attest.errors import AttestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from attest.cli.signing import Signing
    from attest.commitment import Commitment, Proof
    from attest.holding import Holding, Wanted
    from attest.leaves import LeafFile
    from attest.recordbook import RecordBook
    from attest.remover import Removed, Wish

__all__ = ["command"]

_UNIT = click.option(
    "--unit",
    type=click.Choice(["file", "row"]),
    help="What one record is.  [default: row if every file is .parquet, .jsonl, .ndjson or .csv]",
)
_KEYS = click.option(
    "--keys", "key_file", type=PATH, metavar="FILE", help="Records by their keys, one on each line."
)
_EXCLUDE = click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out paths that match; they are not data."
)


@click.group("records")
def command() -> None:
    """Commit to the records of a dataset; find, prove and remove them.

    A commitment is one digest over all records of a dataset. With it anybody can be shown that a record is in
    the dataset, or is not, and nobody learns of any other. Records are files, or rows of Parquet, JSON Lines
    and CSV. See docs/records.md.
    """


command.add_command(check)
command.add_command(prove)


# -- commit ----------------------------------------------------------------------------------------------


@command.command()
@click.argument("path", type=PATH)
@_UNIT
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
@_EXCLUDE
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
    from attest.recordbook import described, read_secret

    book = project_book()
    column = subject or _column_of(card_path)
    records = find_records(path, unit, subject=column, exclude=exclude)
    given = read_secret(secret_path) if secret_path else None
    bar = progress_bar()
    measured = digest_path(path, exclude=exclude, progress=bar)
    artifact = measured.artifact
    before = {each.owner.space: each.commitment.secret_digest for each in _closed(book.leaves(artifact))}
    if given is None and before:
        given = book.secret(before["content"])
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
    made = {
        each.owner.space: described(each.commitment, each.owner) for each in _closed(book.leaves(artifact))
    }
    result = {
        "dataset": str(artifact),
        "unit": records.unit,
        "records": census.records,
        "content": made["content"],
        "subject": made.get("subject"),
        "withoutPerson": census.nobody if column else None,
        "secret": str(book.secret_file(digest)),
        "newSecret": given is None,
    }
    echo_json(result) if as_json else _tell_commit(result)


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
@_KEYS
@click.argument("leaf_files", nargs=-1, type=PATH, metavar="[LEAVES]...")
@store_option
@json_option
def find(
    files: tuple[Path, ...],
    people: tuple[str, ...],
    keys: tuple[str, ...],
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
    keys = (*keys, *_listed(key_file))
    commitments, names = _signed(store_uri) if not leaf_files else ({}, {})
    proofs: list[Proof] = []
    wanted: dict[Wanted, None] = {}
    shown: set[tuple[Any, Wanted]] = set()
    for leaves in map(LeafFile, leaf_files) if leaf_files else book.all_leaves():
        with leaves:
            asked = asked_of(leaves, book, files, people, keys)
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


# -- remove ----------------------------------------------------------------------------------------------


@command.command(
    epilog="Exit code 75: the signer could not sign; the statement waits for `attest sign --pending`."
)
@click.argument("path", type=PATH)
@naming_options
@_KEYS
@click.option("-o", "--output", type=PATH, required=True, metavar="PATH", help="Where the new version goes.")
@click.option("--proof", type=PATH, metavar="FILE", help="Where the proof goes.  [default: OUTPUT.removal]")
@click.option("--order", metavar="DIGEST", help="Statement digest of the deletion order this answers.")
@_UNIT
@_EXCLUDE
@signing_options
@store_option
@json_option
def remove(
    path: Path,
    files: tuple[Path, ...],
    people: tuple[str, ...],
    keys: tuple[str, ...],
    key_file: Path | None,
    output: Path,
    proof: Path | None,
    order: str | None,
    unit: str | None,
    exclude: tuple[str, ...],
    signing: Signing,
    store_uri: str | None,
    as_json: bool,
) -> None:
    """Make a version of a dataset without some of its records.

    The new version is written beside the old one: files are copied, tables are written anew. Its records are
    committed to under the same secret and compared with the old ones, a transform step is signed, and a proof
    is written that the records were in the old version and are not in the new one. What was removed goes onto
    the project's list: `attest dataset` and `attest run` refuse data in which it stands again.

    The old version, models trained on it and copies elsewhere are not touched: `attest impact` names them.
    """
    from pathlib import Path

    from attest.digest import parse_digest
    from attest.files import write_file
    from attest.recordbook import record_book
    from attest.recorder import Recorder
    from attest.remover import remove_records

    recorder = Recorder(
        "transform",
        store=store_uri,
        **signing._asdict(),
        passphrase=passphrase_from(),
        exclude=exclude,
        allow_removed=True,
        command=(),
        progress=progress_bar(),
        tell=warn,
    )
    book = record_book(recorder.desk.project)
    wish = _wish(book, _digest(path, exclude), files, people, keys, key_file)
    proof_path = proof or Path(f"{output}.removal")
    if proof_path.exists():
        raise UsageError("is there already", str(proof_path), "--proof names another place")
    recorder.parameters.set("operations", ["remove-records"])
    if order is not None:
        recorder.parameters.set("order", f"sha256:{parse_digest(order)}")
    recorder.input(path, "dataset")
    recorder.output(output)
    recorder.begin(declared=True)
    removed = remove_records(book, path, output, wish, exclude=exclude, unit=unit, progress=progress_bar())
    if removed.proof is not None:
        write_file(proof_path, [removed.proof.encode()], overwrite=False)
    before, after = removed.counts
    recorder.counts(before, after, before - after)
    recorder.state("removals", removed.changes)
    recorded = recorder.finish()
    result = {
        **answer(recorded),
        "before": str(removed.before),
        "after": str(removed.after.artifact),
        "records": {"before": before, "after": after},
        "removals": removed.changes,
        "removed": {space: len(gone) for space, gone in removed.keys.items()},
        "proof": str(proof_path) if removed.proof is not None else None,
        "notProven": limits_of_proofs(),
    }
    if as_json:
        echo_json(result)
        return
    tell(recorded)
    _tell_removed(removed, result)


def _digest(path: Path, exclude: tuple[str, ...]) -> Any:
    from attest.manifest import digest_path

    return digest_path(path, exclude=exclude, progress=progress_bar()).artifact


def _listed(file: Path | None) -> list[str]:
    """Return the keys in a file, sorted."""
    from attest.keylist import read_keys

    return sorted(key.hex() for key in read_keys(file).keys) if file else []


def _wish(
    book: RecordBook,
    artifact: Any,
    files: tuple[Path, ...],
    people: tuple[str, ...],
    keys: tuple[str, ...],
    key_file: Path | None,
) -> Wish:
    from attest.remover import Wish

    listed = (*keys, *_listed(key_file))
    if not (files or people or listed):
        raise UsageError("no record is named", hint="name one with --record, --person, --key or --keys")
    content: set[bytes] = set()
    subject: set[bytes] = set()
    for leaves in book.leaves(artifact):
        with leaves:
            if leaves.owner.space == "content" and (files or listed):
                content.update(each.key for each in asked_of(leaves, book, files, (), listed))
            elif leaves.owner.space == "subject" and people:
                subject.update(each.key for each in asked_of(leaves, book, (), people, ()))
    if people and not subject:
        hint = "`attest records commit` with --subject COLUMN does"
        raise UsageError("nobody committed to the people in this dataset", "--person", hint)
    return Wish(frozenset(content), frozenset(subject))


def _tell_removed(removed: Removed, result: dict[str, Any]) -> None:
    from attest.text import show

    before, after = removed.counts
    click.echo(f"before   {removed.before}  {counted(before, 'record')}")
    click.echo(f"after    {removed.after.artifact}  {counted(after, 'record')}")
    for space, count in result["removed"].items():
        click.echo(f"removed  {counted(count, f'{space} key')}")
    if result["proof"]:
        click.echo(f"proof    {show(result['proof'], 500)}")
    else:
        warn("too many for a proof each: let the auditor hold the two leaf files against each other")
    say_limits()
