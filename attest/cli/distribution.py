"""``attest distribution``: sign who received an artifact, or that nobody did."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    store_option,
    warn,
)
from attest.cli.signing import bundle_option, not_secret_option, sign_or_keep, signing_options

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.preflight import Released
    from attest.cli.signing import Signing
    from attest.desk import Desk
    from attest.statement import Statement

__all__ = ["command"]


class _Whom(NamedTuple):
    """Who received it, as it was given."""

    recipient: str | None
    address: str | None
    contact: str | None
    nobody: bool
    public: bool | None

    def check(self) -> None:
        """Refuse what contradicts itself, or says nothing."""
        from attest.errors import UsageError

        if self.nobody and (self.recipient is not None or self.public):
            raise UsageError("somebody received it, or nobody did, one of the two", "--nobody")
        if self.recipient is None and (self.address or self.contact):
            raise UsageError(
                "--address and --contact belong to a recipient", hint="name it: --recipient NAME"
            )
        if self.recipient is not None and not self.recipient.strip():
            raise UsageError("a recipient without a name", "--recipient")
        if not (self.nobody or self.public or self.recipient is not None):
            hint = "--recipient NAME, --nobody, or --public"
            raise UsageError("it does not say who received it", hint=hint)

    def said(self) -> dict[str, Any]:
        """Return what the predicate says of it; ``None`` where it says nothing."""
        who = {"legalName": self.recipient, "address": self.address, "contact": self.contact}
        return {
            "recipient": {name: value for name, value in who.items() if value} or None,
            "nobody": "yes" if self.nobody else None,
            "public": None if self.public is None else "yes" if self.public else "no",
        }


def _whom_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of who received it; they arrive as one argument, ``whom``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        recipient: str | None,
        address: str | None,
        contact: str | None,
        nobody: bool,
        public: bool | None,
        **given: Any,
    ) -> Any:
        return function(*args, whom=_Whom(recipient, address, contact, nobody, public), **given)

    result: Callable[..., Any] = gather
    for option in reversed(_WHOM):
        result = option(result)
    return result


_WHOM = (
    click.option("--recipient", metavar="NAME", help="Who received it: the legal name, as in contracts."),
    click.option("--address", metavar="TEXT", help="The recipient's postal address."),
    click.option("--contact", metavar="TEXT", help="The recipient's phone or e-mail."),
    click.option("--nobody", is_flag=True, help="Instead: up to --when nobody received it."),
    click.option("--public/--not-public", default=None, help="Whether anybody could get it."),
)


@click.command("distribution")
@click.argument("artifact", metavar="ARTIFACT")
@_whom_options
@click.option("--when", metavar="TIME", help="When it was sent, or until when nobody had it.  [default: now]")
@click.option("--channel", metavar="TEXT", help="How: download, courier, interface, ….")
@click.option(
    "--agreement", type=PATH, metavar="FILE", help="Under what contract; its digest is signed, it stays home."
)
@click.option(
    "--restriction",
    "restrictions",
    multiple=True,
    metavar="TEXT",
    help="What the recipient must not do, in words; may be repeated.",
)
@click.option(
    "--what",
    "parts",
    multiple=True,
    metavar="ARTIFACT",
    help="What was in it, where ARTIFACT is a package that other statements do not know; may be repeated.",
)
@bundle_option
@signing_options
@store_option
@not_secret_option
@json_option
def command(
    artifact: str,
    whom: _Whom,
    when: str | None,
    channel: str | None,
    agreement: Path | None,
    restrictions: tuple[str, ...],
    parts: tuple[str, ...],
    output: Path | None,
    signing: Signing,
    store_uri: str | None,
    not_secret: tuple[str, ...],
    as_json: bool,
) -> None:
    """Sign who received an artifact, or that nobody did.

    ARTIFACT is a path, or a digest: sha256:…, with / at its end for a directory. Sign one statement for each
    recipient, when it is sent: a deletion order asks for everybody who received the data or what was made of
    it, and `attest impact` lists them. Only the digest of the agreement leaves, never its text; name and
    address do, to everybody who gets the bundle.

    \b
      attest distribution adapter --recipient "Harbour Access Ltd" --agreement contract-88.pdf
      attest distribution data/photos --nobody
      attest distribution model --public --channel https://models.example/acme
    """  # noqa: D301 - \b is click's mark for lines that keep their breaks
    from attest.canonical import read_json
    from attest.cli.preflight import read_artifact
    from attest.secrets import refuse_secrets

    whom.check()
    desk = signing.desk(store_uri)
    released = read_artifact(artifact)
    said: dict[str, Any] = {
        **whom.said(),
        "when": _time(when),
        "channel": channel,
        "agreement": _agreement(agreement),
        "restrictions": list(restrictions) or None,
        "what": [_descriptor(read_artifact(each)) for each in parts] or None,
    }
    statement = _statement(released, {name: value for name, value in said.items() if value is not None})
    refuse_secrets(read_json(statement.payload), None, not_secret)
    desk.open()
    if not parts:
        _warn_of_unknown(desk, released)
    sign_or_keep(desk, statement, output)
    answer = {
        "statement": f"sha256:{statement.digest}",
        "artifact": str(released.artifact),
        "distribution": statement.predicate,
    }
    echo_json(answer) if as_json else click.echo(f"distribution  {answer['statement']}")


def _time(given: str | None) -> str:
    from datetime import UTC, datetime

    from attest.errors import FormatError, UsageError
    from attest.model import format_time, parse_time

    if given is None:
        return format_time(datetime.now(UTC).replace(microsecond=0))
    try:
        return format_time(parse_time(given))
    except FormatError as error:
        raise UsageError(error.what, "--when") from error


def _agreement(path: Path | None) -> dict[str, Any] | None:
    from attest.hashing import hash_file

    return None if path is None else {"name": path.name, "digest": {"sha256": hash_file(path).sha256}}


def _descriptor(released: Released) -> dict[str, Any]:
    from attest.resource import MANIFEST_MEDIA_TYPE

    artifact = released.artifact
    name = released.name or artifact.sha256[:12]  # a subject has a name; it links nothing
    found: dict[str, Any] = {"name": name, "digest": {"sha256": artifact.sha256}}
    if artifact.tree:
        found |= {"name": f"{name}/", "mediaType": MANIFEST_MEDIA_TYPE}
    return found


def _statement(released: Released, said: dict[str, Any]) -> Statement:
    from attest.predicates.distribution import Distribution
    from attest.resource import ResourceDescriptor
    from attest.statement import Statement

    subject = ResourceDescriptor.model_validate(_descriptor(released))
    return Statement.build([subject], Distribution.TYPE, Distribution.from_json(said).to_json())


def _warn_of_unknown(desk: Desk, released: Released) -> None:
    """Tell where no statement knows what was sent: then nobody will find its recipients."""
    sha256, tree = released.artifact
    with desk.read() as store:
        if not (store.by_subject(sha256, tree=tree) or store.by_input(sha256, tree=tree)):
            what = f"no statement in the store is about {released.artifact}"
            warn(f"{what}: was it changed, or is it a package?")
