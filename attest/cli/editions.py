"""``attest register check`` and ``publish``: that editions follow on each other, and where readers look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import PATH, echo_json, json_option, limit_option, limits_from

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attest.limits import Limits
    from attest.statement import Statement
    from attest.trust import Trust

__all__ = ["check", "publish"]


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Check that its keeper signed every edition.")
@click.option("--as-of", metavar="TIME", help="The moment it has to be good for.  [default: now]")
@limit_option
@json_option
def check(
    files: tuple[Path, ...], trust: Path | None, as_of: str | None, limits: tuple[str, ...], as_json: bool
) -> None:
    """Check that the editions in FILEs follow on each other, and that the newest is still good.

    No edition may have gone back, forked, dropped an entry or changed what an entry never changes. Exit code:
    0 all is well; 1 a rule is broken; 3 the newest is past its next update, and says nothing any more.
    """
    from itertools import pairwise

    from attest.cli.entries import read_time
    from attest.predicate import read_predicate
    from attest.predicates.register import Register, appended_only, document_digest
    from attest.trust import read_trust

    bounds = limits_from(limits)
    believed = read_trust(trust, bounds) if trust else None
    found = _editions(files, believed, bounds)
    read = [(each, read_predicate(each)) for each in found]
    registers = [(each, made) for each, made in read if isinstance(made, Register)]
    problems = []
    for (first, older), (_, newer) in pairwise(registers):
        digest = document_digest(first.predicate)
        broken = appended_only(older, newer, digest)
        problems += [f"edition {newer.sequence} after {older.sequence}: {each}" for each in broken]
    newest = registers[-1][1]
    stale = read_time(as_of) > newest.next_update
    answer = {
        "registerId": newest.register_id,
        "editions": [each.sequence for _, each in registers],
        "verified": believed is not None,
        "problems": problems,
        "stale": stale,
        "unread": newest.unknown_groups(),
    }
    echo_json(answer) if as_json else _tell(answer, newest.next_update)
    click.get_current_context().exit(1 if problems else 3 if stale or answer["unread"] else 0)


def _editions(files: tuple[Path, ...], trust: Trust | None, limits: Limits) -> list[Statement]:
    """Return every edition in the files by its number; two of one number both, one after the other.

    Raises:
        FormatError: there is none, or editions of more than one register.
        SignatureError: one was signed by nobody whom ``trust`` lets keep it.
    """
    from attest.cli.entries import editions_in
    from attest.errors import FormatError

    found: dict[str, tuple[str, int, Statement]] = {}
    for file in files:
        for register_id, sequence, statement in editions_in(file, trust, limits):
            found[statement.digest] = (register_id, sequence, statement)
    names = {register_id for register_id, _, _ in found.values()}
    if len(names) != 1:
        what = "hold no register" if not names else "hold more than one register"
        raise FormatError(f"the files {what}", ", ".join(map(str, files)))
    return [each for _, _, each in sorted(found.values(), key=lambda row: (row[1], row[2].digest))]


def _tell(answer: dict[str, Any], next_update: datetime) -> None:
    from attest.text import show

    numbers = ", ".join(map(str, answer["editions"]))
    click.echo(f"register  {show(answer['registerId'], 500)}")
    click.echo(f"editions  {numbers}" + ("" if answer["verified"] else "  NOT VERIFIED: --trust FILE"))
    for problem in answer["problems"]:
        click.echo(f"BROKEN    {show(problem, 500)}")
    if answer["unread"]:
        click.echo(f"UNREAD    {show(', '.join(answer['unread'][:5]))}")
    state = "past its next update: it says nothing any more" if answer["stale"] else "good"
    click.echo(f"newest    {state} (next update {next_update:%Y-%m-%d %H:%M}Z)")


@click.command("publish")
@click.argument("file", type=PATH)
@click.option("--to", "folder", type=PATH, required=True, metavar="FOLDER", help="Where readers look.")
@click.option("--trust", "-t", type=PATH, metavar="FILE", help="Check that its keeper signed it.")
@limit_option
@json_option
def publish(file: Path, folder: Path, trust: Path | None, limits: tuple[str, ...], as_json: bool) -> None:
    """Put the newest edition of FILE where readers look, beside all that were published before.

    FOLDER/register.jsonl becomes that edition, and FOLDER/NUMBER.jsonl keeps it. What does not follow on what
    is published there is refused: an older edition, a fork, or one that dropped an entry.
    """
    from attest.cli.entries import newest_edition
    from attest.errors import FormatError
    from attest.files import write_file
    from attest.predicate import read_predicate
    from attest.predicates.register import Register, appended_only, document_digest
    from attest.trust import read_trust

    bounds = limits_from(limits)
    believed = read_trust(trust, bounds) if trust else None
    statement = newest_edition(file, believed, bounds)
    register = read_predicate(statement)
    assert isinstance(register, Register)  # noqa: S101 - that is what newest_edition returns
    current = folder / "register.jsonl"
    if current.exists():
        before = newest_edition(current, believed, bounds)
        older = read_predicate(before)
        assert isinstance(older, Register)  # noqa: S101 - that is what newest_edition returns
        if problems := appended_only(older, register, document_digest(before.predicate)):
            raise FormatError(f"does not follow on what is published: {'; '.join(problems)}", str(file))
    line = _line_of(file, statement, bounds)
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{register.sequence}.jsonl"
    if not kept.exists():
        write_file(kept, [line], overwrite=False)
    write_file(current, [line])
    answer = {"file": str(current), "kept": str(kept), "sequence": register.sequence}
    echo_json(answer) if as_json else click.echo(f"published edition {register.sequence}: {current}, {kept}")


def _line_of(file: Path, statement: Statement, limits: Limits) -> bytes:
    """Return the line that holds an edition, byte for byte."""
    from attest.bundle import Bundle, numbered_lines

    return next(
        content.line + b"\n"
        for _, content in numbered_lines(file, limits)
        if isinstance(content, Bundle) and content.statement_digest == statement.digest
    )
