"""``attest key``: make signing keys, and show what may be shown of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from attest.cli.options import PATH, echo_json, json_option, passphrase_from

if TYPE_CHECKING:
    from pathlib import Path

    from attest.keys import PublicKey

__all__ = ["command"]


@click.group("key")
def command() -> None:
    """Make signing keys and show their public halves.

    A private key is a file of your own (PKCS#8 in PEM, mode 0600) and is never printed. Its passphrase comes
    from ATTEST_PASSPHRASE.
    """


@command.command("generate")
@click.argument("path", type=PATH)
@click.option(
    "--algorithm",
    default="ecdsa-p256",
    show_default=True,
    metavar="NAME",
    help="ecdsa-p256, ed25519, rsa-3072 or rsa-4096.",
)
@click.option("--passphrase", "ask", is_flag=True, help="Ask for a passphrase, twice.")
@json_option
def generate(path: Path, algorithm: str, ask: bool, as_json: bool) -> None:
    """Make a private key in PATH and its public half in PATH.pub.

    Nothing is ever overwritten. The key is encrypted if a passphrase is given: by ATTEST_PASSPHRASE, or typed
    with --passphrase.
    """
    from attest.errors import UsageError
    from attest.signers.file import generate_key
    from attest.text import show

    passphrase = passphrase_from()
    if ask and passphrase is None:
        typed: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, err=True)
        passphrase = typed.encode()
        if not passphrase:
            raise UsageError("the passphrase is empty", hint="leave --passphrase out for a key without one")
    public = generate_key(path, algorithm, passphrase)
    found = {
        "private": str(path),
        "public": f"{path}.pub",
        "algorithm": public.algorithm,
        "fingerprint": f"sha256:{public.fingerprint}",
        "encrypted": passphrase is not None,
    }
    if as_json:
        echo_json(found)
        return
    click.echo(f"private key  {show(path, 500)}" + ("" if passphrase else " (without a passphrase)"))
    click.echo(f"public key   {show(path, 500)}.pub")
    click.echo(f"fingerprint  sha256:{public.fingerprint} ({public.algorithm})")
    click.echo("give the public key to your readers, and its fingerprint by another way", err=True)


@command.command("show")
@click.argument("key")
@json_option
def show_(key: str, as_json: bool) -> None:
    """Print the public key of KEY in PEM: a private or public key file, or a key elsewhere such as hsm:2."""
    public = _public(key)
    if as_json:
        echo_json(_facts(public.algorithm, public.fingerprint, public.hint) | {"pem": public.pem.decode()})
    else:
        click.echo(public.pem.decode(), nl=False)


@command.command("fingerprint")
@click.argument("key")
@json_option
def fingerprint(key: str, as_json: bool) -> None:
    """Print the SHA-256 of a public key (of its DER encoding), to compare out of band.

    KEY is a private or public key file, or a key elsewhere such as awskms:alias/NAME. With the public key in
    a file, openssl pkey -pubin -in KEY.pub -outform DER | sha256sum prints the same.
    """
    public = _public(key)
    if as_json:
        echo_json(_facts(public.algorithm, public.fingerprint, public.hint))
    else:
        click.echo(f"sha256:{public.fingerprint}")


def _public(key: str) -> PublicKey:
    from pathlib import Path

    from attest.signers import file, kms

    if key.partition(":")[0] in kms.SCHEMES and ":" in key:
        return kms.public_key(key, passphrase_from())
    return file.public_key(Path(key.removeprefix("file:")), passphrase_from())


def _facts(algorithm: str, fingerprint: str, hint: str) -> dict[str, str]:
    return {"algorithm": algorithm, "fingerprint": f"sha256:{fingerprint}", "hint": hint}
