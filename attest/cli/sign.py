"""``attest sign``: sign an in-toto statement from a file, or those that wait in the spool."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    store_option,
)
from attest.cli.progress import progress_bar
from attest.cli.signing import not_secret_option, sign_or_keep, signing_options
from attest.errors import AttestError, SignatureError, SpooledError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.cli.signing import Signing
    from attest.desk import Desk
    from attest.statement import Statement

__all__ = ["command"]


@click.command("sign")
@click.argument("statement", type=PATH, required=False)
@click.option(
    "-o", "--output", type=PATH, metavar="BUNDLE", help="Write the bundle here; - is standard output."
)
@click.option(
    "--pending", is_flag=True, help="Sign the statements of steps that could not be signed in time."
)
@click.option("--spool", type=PATH, metavar="FOLDER", help="Where they wait, if not in the project.")
@signing_options
@store_option
@not_secret_option
@json_option
def command(
    statement: Path | None,
    output: Path | None,
    pending: bool,
    spool: Path | None,
    signing: Signing,
    store_uri: str | None,
    not_secret: tuple[str, ...],
    as_json: bool,
) -> None:
    """Sign any in-toto statement.

    Exactly the bytes of the file STATEMENT are signed, whatever their predicate type. The bundle goes into
    the project's store; with -o it is written to a file instead, and with -o and --store both.

    With --pending, what waits in the spool is signed: statements of steps that ran, and others that could not
    be signed or stored then. Outputs are digested again first; a step's statement says that it was signed
    late. Exit code 75: a service is down, and the rest still waits; 4: some wait for another reason.
    """
    if pending == (statement is not None):
        raise UsageError("give either a STATEMENT or --pending", hint="attest sign --help")
    if pending and output is not None:
        raise UsageError("--pending signs into the store", "-o", "leave -o out")
    desk = signing.desk(store_uri, optional=output is not None)
    if statement is None:
        _settle(desk, spool, not_secret, as_json=as_json)
        return
    found = _read(statement, not_secret)
    stored = output is None or store_uri is not None
    bundle = sign_or_keep(desk, found) if stored else desk.signer().sign(found)
    if output is not None:
        _write(output, bundle)
    answer = {
        "statement": f"sha256:{found.digest}",
        "predicateType": found.predicate_type,
        "stored": stored,
        "output": str(output) if output is not None else None,
    }
    if as_json:
        echo_json(answer)
    elif str(output) != "-":
        click.echo(answer["statement"])


def _read(path: Path, not_secret: tuple[str, ...]) -> Statement:
    """Read what is about to be signed, under the rules its readers will hold it to."""
    from attest.canonical import read_json
    from attest.errors import FormatError
    from attest.limits import DEFAULT
    from attest.predicate import read_predicate
    from attest.secrets import refuse_secrets
    from attest.statement import Statement

    try:
        with path.open("rb") as stream:
            payload = stream.read(DEFAULT.payload_bytes + 1)
    except OSError as error:
        raise FormatError(f"cannot be read: {error.strerror}", str(path)) from error
    found = Statement.for_signing(payload, str(path))
    try:
        read_predicate(found)
    except FormatError as error:
        raise FormatError(error.what, str(path), "readers could not read it either") from error
    refuse_secrets(read_json(payload), str(path), not_secret)
    return found


def _write(path: Path, bundle: Bundle) -> None:
    from attest.bundle import write_lines

    if str(path) == "-":
        sys.stdout.buffer.write(bundle.line + b"\n")
        sys.stdout.buffer.flush()
    else:
        write_lines(path, [bundle])


def _settle(desk: Desk, folder: Path | None, not_secret: tuple[str, ...], *, as_json: bool) -> None:
    """Sign what waits; what still cannot be signed keeps none of the others waiting."""
    from attest.desk import spool_folder
    from attest.signer import threads_of
    from attest.spool import pending, settle_all
    from attest.text import show

    waiting = pending(folder or spool_folder(desk.project))
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    lasting = False
    if waiting:
        signer = desk.open()
        with desk.project.open_store() as store:
            for entry, found in settle_all(
                waiting,
                signer,
                store,
                threads=threads_of(signer),
                not_secret=not_secret,
                progress=progress_bar(),
            ):
                digest = f"sha256:{entry.digest}"
                if isinstance(found, AttestError):
                    code = getattr(found, "code", None)
                    failed.append(
                        {"statement": digest, "error": str(found), "code": code, "hint": found.hint}
                    )
                    lasting |= not (isinstance(found, SignatureError) and found.temporary)
                else:
                    done.append(digest)
    if as_json:
        echo_json({"signed": done, "waiting": failed})
    else:
        for digest in done:
            click.echo(digest)
        for each in failed:
            click.echo(f"attest: still waits: {each['statement']}: {show(each['error'], 1000)}", err=True)
            if each["hint"]:
                click.echo(f"  hint: {show(each['hint'], 1000)}", err=True)
        if not waiting:
            click.echo("attest: nothing waits to be signed", err=True)
    if failed:
        click.get_current_context().exit(4 if lasting else SpooledError.exit_code)
