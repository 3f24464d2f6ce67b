"""``attest records remove``: a version of a dataset without some of its records, signed and provable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.named_records import (
    EXCLUDE,
    KEYS,
    UNIT,
    Named,
    asked_of,
    limits_of_proofs,
    naming_options,
    say_limits,
)
from attest.cli.options import PATH, counted, echo_json, json_option, passphrase_from, store_option, warn
from attest.cli.progress import progress_bar
from attest.cli.signing import signing_options
from attest.cli.steps import answer, tell
from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.signing import Signing
    from attest.recordbook import RecordBook
    from attest.recorder import Recorded, Recorder
    from attest.remover import Removed, Wish

__all__ = ["remove"]


@click.command(
    epilog="Exit code 75: the signer could not sign; the statement waits for `attest sign --pending`."
)
@click.argument("path", type=PATH)
@naming_options
@KEYS
@click.option("-o", "--output", type=PATH, required=True, metavar="PATH", help="Where the new version goes.")
@click.option("--proof", type=PATH, metavar="FILE", help="Where the proof goes.  [default: OUTPUT.removal]")
@click.option("--order", metavar="DIGEST", help="Statement digest of the deletion order this answers.")
@UNIT
@EXCLUDE
@signing_options
@store_option
@json_option
def remove(
    path: Path,
    named: Named,
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

    from attest.files import write_file
    from attest.recordbook import record_book
    from attest.remover import remove_records

    recorder = _recorder(signing, store_uri, exclude)
    book = record_book(recorder.desk.project)
    wish = _wish(book, _digest(path, exclude), named.with_keys_of(key_file))
    proof_path = proof or Path(f"{output}.removal")
    if proof_path.exists():
        raise UsageError("is there already", str(proof_path), "--proof names another place")
    _begin(recorder, path, output, order)
    removed = remove_records(book, path, output, wish, exclude=exclude, unit=unit, progress=progress_bar())
    if removed.proof is not None:
        write_file(proof_path, [removed.proof.encode()], overwrite=False)
    recorded = _finish(recorder, removed)
    result = _answer(recorded, removed, proof_path)
    if as_json:
        echo_json(result)
        return
    tell(recorded)
    _tell(removed, result)


def _recorder(signing: Signing, store_uri: str | None, exclude: tuple[str, ...]) -> Recorder:
    from attest.recorder import Recorder

    return Recorder(
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


def _begin(recorder: Recorder, path: Path, output: Path, order: str | None) -> None:
    from attest.digest import parse_digest

    recorder.parameters.set("operations", ["remove-records"])
    if order is not None:
        recorder.parameters.set("order", f"sha256:{parse_digest(order)}")
    recorder.input(path, "dataset")
    recorder.output(output)
    recorder.begin(declared=True)


def _finish(recorder: Recorder, removed: Removed) -> Recorded:
    before, after = removed.counts
    recorder.counts(before, after, before - after)
    recorder.state("removals", removed.changes)
    return recorder.finish()


def _answer(recorded: Recorded, removed: Removed, proof_path: Path) -> dict[str, Any]:
    before, after = removed.counts
    return {
        **answer(recorded),
        "before": str(removed.before),
        "after": str(removed.after.artifact),
        "records": {"before": before, "after": after},
        "removals": removed.changes,
        "removed": {space: len(gone) for space, gone in removed.keys.items()},
        "proof": str(proof_path) if removed.proof is not None else None,
        "notProven": limits_of_proofs(),
    }


def _digest(path: Path, exclude: tuple[str, ...]) -> Any:
    from attest.manifest import digest_path

    return digest_path(path, exclude=exclude, progress=progress_bar()).artifact


def _wish(book: RecordBook, artifact: Any, named: Named) -> Wish:
    """Return what is to be removed, as keys; people where somebody committed to the people of the dataset."""
    from attest.remover import Wish

    if not named:
        raise UsageError("no record is named", hint="name one with --record, --person, --key or --keys")
    content: set[bytes] = set()
    subject: set[bytes] = set()
    for leaves in book.leaves(artifact):
        with leaves:
            if leaves.owner.space == "content" and (named.files or named.keys):
                asked = asked_of(leaves, book, named._replace(people=()))
                content.update(each.key for each in asked)
            elif leaves.owner.space == "subject" and named.people:
                asked = asked_of(leaves, book, Named((), named.people, ()))
                subject.update(each.key for each in asked)
    if named.people and not subject:
        hint = "`attest records commit` with --subject COLUMN does"
        raise UsageError("nobody committed to the people in this dataset", "--person", hint)
    return Wish(frozenset(content), frozenset(subject))


def _tell(removed: Removed, result: dict[str, Any]) -> None:
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
