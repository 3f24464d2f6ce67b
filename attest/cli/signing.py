"""What the commands that sign share: their options, the desk they sign at, what is kept when nobody can."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from attest.cli.options import PATH, passphrase_from, warn

if TYPE_CHECKING:
    from pathlib import Path

    from attest.bundle import Bundle
    from attest.desk import Desk
    from attest.settings import Project
    from attest.statement import Statement

__all__ = ["Signing", "bundle_option", "not_secret_option", "sign_or_keep", "signing_options"]

F = TypeVar("F", bound=Callable[..., Any])


class Signing(NamedTuple):
    """What the options of signing were given, each in place of what the project says."""

    signer: str | None
    timestamps: tuple[str, ...]
    """URLs of timestamp authorities."""
    log: str | None
    sigstore: dict[str, Any]
    """Of keyless signing, in the words of the settings file's section of that name."""

    def project(self, store_uri: str | None = None, *, optional: bool = False) -> Project:
        """Find the project here, and put what was given in place of its own.

        Args:
            store_uri: another store than the project's.
            optional: where there is no settings file, the defaults will do.

        Raises:
            FormatError: the settings file cannot be read.
            UsageError: there is none, it is another user's, or it is not what it should be.
        """
        from pathlib import Path

        from attest.settings import find_project

        return find_project(Path.cwd(), store=store_uri, **self._asdict(), optional=optional)

    def desk(self, store_uri: str | None = None, *, optional: bool = False) -> Desk:
        """Return the desk of the project here; nothing is opened yet. Arguments and errors: ``project``."""
        from attest.desk import Desk

        return Desk(self.project(store_uri, optional=optional), passphrase_from(), tell=warn)


def sign_or_keep(desk: Desk, statement: Statement, output: Path | None = None) -> Bundle:
    """Sign a statement that was asked for, store it, and write its bundle to a file, too, if one is named.

    Raises:
        SignatureError: the key cannot be read.
        RecordingError: it could not be signed, and waits for ``attest sign --pending``, or could not be kept.
        StoreError: it could not be stored.
        FormatError: the file cannot be written; it is in the store.
    """
    from attest.bundle import write_lines
    from attest.errors import SignatureError

    desk.open()  # a key that cannot be read is an error now, and nothing that waits
    try:
        bundle = desk.sign(statement)
    except SignatureError as error:
        raise desk.keep_given(statement, error) from error
    if output is not None:
        write_lines(output, [bundle])
    return bundle


# -- options -------------------------------------------------------------------------------------------------


def bundle_option(function: F) -> F:
    """``-o BUNDLE``: where the bundle of what is signed goes besides the store; arrives as ``output``."""
    return click.option("-o", "--output", type=PATH, metavar="BUNDLE", help="Also write the bundle here.")(
        function
    )


def not_secret_option(function: F) -> F:
    """``--not-secret TEXT``: what looks like a secret and is none."""
    return click.option(
        "--not-secret", multiple=True, metavar="TEXT", help="This text looks like a secret and is none."
    )(function)


def signing_options(function: F) -> F:
    """Add the options of every command that signs; they arrive as one argument, ``signing``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        signer: str | None,
        timestamps: tuple[str, ...],
        log: str | None,
        trust_config: Path | None,
        identity_token_file: Path | None,
        oidc: str | None,
        publish: bool,
        **given: Any,
    ) -> Any:
        settings = {
            "instance": trust_config and str(trust_config.absolute()),
            "tokenFile": identity_token_file and str(identity_token_file.absolute()),
            "oidc": oidc,
            "publish": publish or None,
        }
        named = {name: value for name, value in settings.items() if value is not None}
        return function(*args, signing=Signing(signer, timestamps, log, named), **given)

    result = gather
    for option in reversed(_SIGNING):
        result = option(result)
    return result  # type: ignore[return-value]  # a click command's function is only ever called by click


_SIGNING = (
    click.option("--signer", metavar="URI", help="Sign with this, not with what attest.yaml names."),
    click.option(
        "--timestamp",
        "timestamps",
        multiple=True,
        metavar="URL",
        help="Have this authority (RFC 3161) state the time, not what attest.yaml names; may be repeated.",
    ),
    click.option(
        "--log",
        metavar="URL",
        help="Publish hash, signature and key in this transparency log (Rekor v2), for ever.",
    ),
    click.option(
        "--trust-config",
        type=PATH,
        metavar="FILE",
        help="With --signer sigstore: a Sigstore of your own, by its client trust configuration.",
    ),
    click.option(
        "--identity-token-file",
        type=PATH,
        metavar="FILE",
        help="With --signer sigstore: the identity token is in this file.",
    ),
    click.option(
        "--oidc",
        type=click.Choice(["ambient", "browser", "code"]),
        help="With --signer sigstore: the token of the CI job or cloud, or log in: in a browser, or by code.",
    ),
    click.option(
        "--publish", is_flag=True, help="With --signer sigstore: what is signed may go into a public log."
    ),
)
