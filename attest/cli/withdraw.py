"""``attest withdraw``: take back a statement, or all of one's own of some time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import (
    counted,
    echo_json,
    json_option,
    store_option,
    warn,
)
from attest.cli.signing import bundle_option, sign_or_keep, signing_options

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from attest.cli.signing import Signing
    from attest.signer import Signer
    from attest.statement import Statement
    from attest.store import Store

__all__ = ["command"]

_REASONS = ("key-compromise", "builder-fault", "false-claim", "superseded", "withdrawn")


@click.command("withdraw")
@click.argument("statements", nargs=-1, metavar="[STATEMENT]...")
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="Why.")
@click.option("--replaced-by", metavar="STATEMENT", help="The statement to believe instead: sha256:….")
@click.option("--from", "start", metavar="TIME", help="Instead: all of your own signed from this time on …")
@click.option("--until", metavar="TIME", help="… until this time.")
@click.option("--effective-from", metavar="TIME", help="From when it counts.  [default: from the beginning]")
@click.option("--note", metavar="TEXT", help="Why, in words.")
@bundle_option
@click.option("--dry-run", is_flag=True, help="Tell what it reaches in the store, and sign nothing.")
@signing_options
@store_option
@json_option
def command(
    statements: tuple[str, ...],
    reason: str,
    replaced_by: str | None,
    start: str | None,
    until: str | None,
    effective_from: str | None,
    note: str | None,
    output: Path | None,
    dry_run: bool,
    signing: Signing,
    store_uri: str | None,
    as_json: bool,
) -> None:
    """Take back statements of your own, one by one or of a time.

    A statement that is withdrawn loses what it grants, never what it restricts or reveals: what it says was
    read still counts against what was made of it. Nothing is deleted, and a withdrawal cannot be withdrawn.

    A window of time reaches everything this signer signed from then on, also what is not in the store. A
    statement without a trusted time is reached, too: nobody can show that it lies before. Whatever is signed
    later can be given an earlier look, so --until tells people when it ended, and excuses nothing.

    Readers learn of it from the bundle you hand over, or from the register it is listed in: attest register
    append --withdrawal.
    """
    from attest.errors import UsageError

    window = _window(start, until)
    if bool(statements) == (window is not None):
        raise UsageError("name STATEMENTs or a window of time, one of the two", hint="attest withdraw --help")
    predicate = _predicate(reason, replaced_by, effective_from, note)
    desk = signing.desk(store_uri)
    own = desk.open()
    with desk.read() as store:
        if window is None:
            found = _named(store, own, statements)
        else:
            found = _of_window(store, own, window, store_uri)
        _check_replacement(store, replaced_by, found)
    made = _of_selector(predicate, window) if window is not None else _of_statements(predicate, found)
    answer: dict[str, Any] = {
        "withdrawal": None if dry_run else f"sha256:{made.digest}",
        "reaches": [f"sha256:{each}" for each in sorted(found)],
        "selector": window,
        "reason": reason,
    }
    if not dry_run:
        sign_or_keep(desk, made, output)
    echo_json(answer) if as_json else _tell(answer)


# -- what is meant -------------------------------------------------------------------------------------------


def _time(option: str, text: str) -> datetime:
    from attest.errors import FormatError, UsageError
    from attest.model import parse_time

    try:
        return parse_time(text)
    except FormatError as error:
        raise UsageError(error.what, option) from error


def _window(start: str | None, until: str | None) -> dict[str, str] | None:
    from attest.errors import UsageError
    from attest.model import format_time

    if start is None and until is None:
        return None
    first = _time("--from", start) if start is not None else None
    last = _time("--until", until) if until is not None else None
    if first is not None and last is not None and last < first:
        raise UsageError(f"ends {format_time(last)}, before it begins", "--until")
    named = {"from": first, "until": last}
    return {name: format_time(each) for name, each in named.items() if each is not None}


def _predicate(
    reason: str, replaced_by: str | None, effective_from: str | None, note: str | None
) -> dict[str, Any]:
    from attest.digest import parse_digest
    from attest.model import format_time

    predicate: dict[str, Any] = {"reason": reason}
    if replaced_by is not None:
        predicate["replacedBy"] = parse_digest(replaced_by)
    if effective_from is not None:
        predicate["effectiveFrom"] = format_time(_time("--effective-from", effective_from))
    if note is not None:
        predicate["note"] = note
    return predicate


def _named(store: Store, own: Signer, given: tuple[str, ...]) -> dict[str, str]:
    """Return the statements named, each with its type; only one's own can be withdrawn by oneself.

    Raises:
        UsageError: one is not in the store, is somebody else's, or is a withdrawal.
    """
    from attest.digest import parse_digest
    from attest.errors import UsageError
    from attest.predicate import predicate_name
    from attest.signer import claims

    found: dict[str, str] = {}
    for each in given:
        digest = parse_digest(each)
        bundles = list(store.bundles(digest))
        if not bundles:
            raise UsageError(
                "no such statement in the store", each, "attest store export shows what is there"
            )
        kind = bundles[0].statement().predicate_type
        if predicate_name(kind) == "withdrawal":
            raise UsageError("a withdrawal cannot be withdrawn", each, "make the statement anew")
        if not any(claims(bundle, own.identity) for bundle in bundles):
            warn(f"{each} was signed by somebody else: only readers who name you a revoker will heed this")
        found[digest] = kind
    return found


def _of_window(store: Store, own: Signer, window: dict[str, str], store_uri: str | None) -> dict[str, str]:
    """Return one's own statements in the store that a window reaches, each with its type."""
    from attest.cli.snapshot import take_snapshot
    from attest.limits import DEFAULT
    from attest.model import parse_time
    from attest.predicate import predicate_name
    from attest.signer import claims

    known = take_snapshot((), (), None, store_uri, DEFAULT).graph.by_digest
    start = parse_time(window["from"]) if "from" in window else None
    found = {}
    for bundle in store.bundles():
        statement = bundle.statement()
        if not claims(bundle, own.identity) or predicate_name(statement.predicate_type) == "withdrawal":
            continue
        evidence = known.get(statement.digest)
        time = evidence.trusted_time if evidence else None
        if start is None or time is None or time >= start:
            found[statement.digest] = statement.predicate_type
    return found


def _check_replacement(store: Store, replaced_by: str | None, found: dict[str, str]) -> None:
    from attest.digest import parse_digest
    from attest.errors import UsageError

    if replaced_by is None:
        return
    digest = parse_digest(replaced_by)
    if digest in found:
        raise UsageError("a statement cannot replace itself", "--replaced-by")
    if next(store.bundles(digest), None) is None:
        raise UsageError("no such statement in the store", "--replaced-by", "sign it first")


# -- what is signed ------------------------------------------------------------------------------------------


def _of_statements(predicate: dict[str, Any], named: Iterable[str]) -> Statement:
    """Return the withdrawal of statements, which is about them."""
    from attest.predicate import predicate_type
    from attest.resource import ResourceDescriptor
    from attest.statement import Statement

    digests = sorted(named)
    subjects = [
        ResourceDescriptor(name=f"statement {each[:12]}", digest={"sha256": each}) for each in digests
    ]
    return Statement.build(subjects, predicate_type("withdrawal"), {**predicate, "withdraws": digests})


def _of_selector(predicate: dict[str, Any], window: dict[str, str]) -> Statement:
    """Return the withdrawal of all of a window of time, which is about the selector's own document."""
    from attest.predicate import predicate_type
    from attest.predicates.register import document_digest
    from attest.resource import ResourceDescriptor
    from attest.statement import Statement

    subject = ResourceDescriptor(name="selector", digest={"sha256": document_digest(window)})
    return Statement.build([subject], predicate_type("withdrawal"), {**predicate, "selector": window})


def _tell(answer: dict[str, Any]) -> None:
    from attest.text import show

    for digest in answer["reaches"]:
        click.echo(f"reaches     {show(digest)}")
    if answer["selector"]:
        said = ", ".join(f"{name} {time}" for name, time in answer["selector"].items())
        click.echo(f"window      {said}: all this signer signed, also what is not in the store")
    click.echo(f"withdrawal  {answer['withdrawal'] or 'not signed'}")
    click.echo(f"{counted(len(answer['reaches']), 'statement')} in the store", err=True)
