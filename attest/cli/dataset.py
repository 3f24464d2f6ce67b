"""``attest dataset``: sign what a dataset is, and what one may do with it, out of its bytes and its card."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from attest.cli.digesting import digesting_options
from attest.cli.options import (
    INPUT,
    PATH,
    echo_json,
    json_option,
    store_option,
    warn,
)
from attest.cli.signing import not_secret_option, signing_options
from attest.errors import SignatureError, SpooledError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.card import Card
    from attest.cli.digesting import Digesting
    from attest.cli.signing import Signing
    from attest.desk import Desk
    from attest.fetching import Fetched
    from attest.manifest import Measured
    from attest.recordbook import RecordBook
    from attest.source import Location
    from attest.statement import Statement
    from attest.store import Store

__all__ = ["command"]


@click.command("dataset")
@click.argument("path", type=INPUT)
@click.option(
    "--card", "card_path", type=PATH, required=True, metavar="FILE", help="`attest card new` writes one."
)
@click.option(
    "--descriptor",
    "descriptors",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Also name this file that describes the data (Croissant, SPDX, …), by digest.",
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="Leave out paths that match; they are not data."
)
@click.option("--symlinks", is_flag=True, help="Read links to files of the same directory as those files.")
@click.option("--supersede", is_flag=True, help="The card's rights replace those signed last.")
@signing_options
@store_option
@not_secret_option
@digesting_options
@json_option
def command(
    path: Path | Location,
    card_path: Path,
    descriptors: tuple[Path, ...],
    exclude: tuple[str, ...],
    symlinks: bool,
    supersede: bool,
    signing: Signing,
    store_uri: str | None,
    not_secret: tuple[str, ...],
    digesting: Digesting,
    as_json: bool,
) -> None:
    """Sign what a dataset is and what one may do with it.

    PATH, a file, a directory, or a URL as of `attest digest`, is digested; the card says what no program can
    measure. Two statements are signed and stored with the manifest: what the data is, and, if the card has a
    section rights, what one may do with it. Only digests of the files the card names leave, never their text.

    What `attest records commit` found of the data's records is signed with what it is. Data in which a record
    stands again that `attest records remove` took out is refused.

    Rights of the same data that this signer signed before are joined by a record with the next number, and
    the strictest word of all records counts; with --supersede the new record names the last one as replaced.
    Signing the same again changes nothing.

    Exit code 75: the signer could not sign; what is not signed waits for `attest sign --pending`.
    """
    from pathlib import Path

    from attest.card import read_card
    from attest.recordbook import record_book

    card = read_card(card_path, digesting.limits)
    desk = signing.desk(store_uri)
    desk.open()
    if isinstance(path, Path):
        _check_place(path, desk)
    card.attachments()  # a file the card names and nobody has is an error before anything is digested
    measured = digesting.measure(path, exclude=exclude, symlinks=symlinks)
    book = record_book(desk.project)
    here = path if isinstance(path, Path) else None
    book.refuse_returned(here, measured.artifact, exclude=exclude, symlinks=symlinks)
    statements = [_dataset(card, measured, descriptors, book)]
    with desk.project.open_store() as store:
        rights, sequence = _rights(card, measured, _Earlier(store, desk, measured), supersede=supersede)
        statements += [rights] if rights else []
        new = _put(statements, measured, desk, store, not_secret)
    answer = {
        **_digests(statements),
        "sequence": sequence,
        "artifact": str(measured.artifact),
        "files": len(measured.files),
        "bytes": measured.size,
        "new": new,
        "remarks": card.remarks(),
    }
    echo_json(answer) if as_json else _tell(measured.place, answer)


def _digests(statements: list[Statement]) -> dict[str, str | None]:
    """Return the digests of what says what the data is, and of what one may do with it, if there is that."""
    dataset, *rights = [f"sha256:{each.digest}" for each in statements]
    return {"dataset": dataset, "rights": rights[0] if rights else None}


def _check_place(path: Path, desk: Desk) -> None:
    from attest.places import within

    real = os.path.realpath(path)
    for place in desk.places():
        if within(place, real):
            raise UsageError(f"attest itself writes {place} in this directory", str(path), "leave it outside")


def _dataset(
    card: Card, measured: Measured | Fetched, descriptors: tuple[Path, ...], book: RecordBook
) -> Statement:
    from attest.hashing import hash_file
    from attest.predicates.dataset import Dataset

    found = card.dataset_predicate(
        size_bytes=measured.size,
        file_count=len(measured.files),
        exclude=measured.excluded.patterns,
    ).to_json()
    more = [{"name": each.name, "digest": {"sha256": hash_file(each).sha256}} for each in descriptors]
    if more:
        found["descriptors"] = [*found.get("descriptors", ()), *more]
    found |= book.predicates(measured.artifact)
    return _statement(measured, Dataset.TYPE, found)


def _statement(measured: Measured | Fetched, predicate_type: str, predicate: dict[str, Any]) -> Statement:
    from attest.fetching import Fetched
    from attest.places import label
    from attest.provenance import Product, located
    from attest.statement import Statement

    if isinstance(measured, Fetched):
        subject = located(measured)
    else:
        subject = Product(label(measured.path), measured).descriptor()
    return Statement.build([subject], predicate_type, predicate)


class _Earlier:
    """Statements about the same data in the store."""

    def __init__(self, store: Store, desk: Desk, measured: Measured | Fetched) -> None:
        self._store = store
        self._identity = desk.open().identity
        self._digests = store.by_subject(measured.artifact.sha256, tree=measured.artifact.tree)

    def ours(self, predicate_type: str) -> list[Statement]:
        """Return those of a type that this signer signed, oldest first."""
        from attest.signer import claims

        return [
            bundle.statement()
            for digest in self._digests
            for bundle in self._store.bundles(digest)
            if claims(bundle, self._identity) and bundle.statement().predicate_type == predicate_type
        ]


def _rights(
    card: Card, measured: Measured | Fetched, earlier: _Earlier, *, supersede: bool
) -> tuple[Statement | None, int | None]:
    """Return the record of rights to be signed, or the one that says the same already, with its number."""
    from attest.predicates.rights import Rights

    said = card.rights_predicate()
    if said is None:
        return None, None
    known = {
        number: each
        for each in earlier.ours(Rights.TYPE)
        if isinstance(number := each.predicate.get("sequence"), int)
    }
    if not known:
        return _statement(measured, Rights.TYPE, said.to_json()), 1
    last, previous = max(known), known[max(known)]
    if _terms(previous.predicate) == _terms(said.to_json()):
        return previous, last
    effect = (
        "what it relaxes counts only once a register says that it is current"
        if supersede
        else "it joins the earlier ones, and the strictest word of all counts; --supersede replaces the last"
    )
    warn(f"record {last + 1} of the rights of these data: {effect}")
    following = card.rights_predicate(last + 1, previous.digest if supersede else None)
    return _statement(measured, Rights.TYPE, following.to_json() if following else {}), last + 1


def _terms(predicate: Any) -> dict[str, Any]:
    return {name: value for name, value in predicate.items() if name not in {"sequence", "supersedes"}}


def _put(
    statements: list[Statement],
    measured: Measured | Fetched,
    desk: Desk,
    store: Store,
    not_secret: tuple[str, ...],
) -> list[str]:
    """Sign what is not in the store yet, store it in one transaction, and return its digests."""
    from attest.canonical import read_json
    from attest.manifest import Measured
    from attest.predicates.dataset import Dataset
    from attest.secrets import refuse_secrets

    earlier = _Earlier(store, desk, measured)
    for kind in dict.fromkeys(each.predicate_type for each in statements):
        known = {each.digest for each in earlier.ours(kind)}
        new = [each for each in statements if each.predicate_type == kind and each.digest not in known]
        if kind == Dataset.TYPE and known and new:
            warn(
                "another description of these data was signed before: buyers see both until one is withdrawn"
            )
        statements = [each for each in statements if each.predicate_type != kind or each in new]
    for statement in statements:
        refuse_secrets(read_json(statement.payload), None, not_secret)
    signer = desk.open()
    manifests = [measured.manifest.data] if measured.manifest else []
    signed: list[Bundle] = []
    try:
        for statement in statements:
            signed.append(signer.sign(statement))  # noqa: PERF401 - those before the one that fails count
    except SignatureError as error:
        store.put(signed, manifests)
        begin = "a statement about the data"
        rest = statements[len(signed) :]
        here = (
            [measured] if isinstance(measured, Measured) else []
        )  # what is elsewhere is not looked at again
        waiting = [desk.keep(each, here, () if here else manifests, error, ran=begin) for each in rest]
        raise next((each for each in waiting if not isinstance(each, SpooledError)), waiting[0]) from error
    store.put(signed, manifests)
    return [f"sha256:{each.digest}" for each in statements]


def _tell(place: str, answer: dict[str, Any]) -> None:
    from attest.text import show

    for remark in answer["remarks"]:
        click.echo(f"attest: a buyer will ask: {show(remark, 300)}", err=True)
    again = {False: " (signed before)", True: ""}
    click.echo(f"data     {answer['artifact']}  {show(place, 500)}")
    click.echo(f"dataset  {answer['dataset']}{again[answer['dataset'] in answer['new']]}")
    if answer["rights"]:
        number = f", number {answer['sequence']}" if answer["sequence"] > 1 else ""
        click.echo(f"rights   {answer['rights']}{number}{again[answer['rights'] in answer['new']]}")
