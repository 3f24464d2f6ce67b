"""``attest init``: what a project needs before its first signed statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from attest.cli.options import PATH, echo_json, json_option, passphrase_from

if TYPE_CHECKING:
    from pathlib import Path

    from attest.settings import Project

__all__ = ["command"]

_KEY = "keys/attest.key"

_TEMPLATE = """\
# Settings of attest for this project. Relative paths are relative to the folder this file stands in.

# Where signed statements and the manifests of directories are kept.
store: {store}

# What signs: file: and the path of a private key. The key itself is never committed.
{signer}

# What provenance names as the builder. A buyer's trust file lists the ids each signer may claim; give every
# place that runs your pipeline (a workstation, one workflow of your CI) an id of its own.
builder:
  id: {builder}
"""


@click.command("init")
@click.argument("directory", type=PATH, default=".", metavar="[DIR]")
@click.option("--key", is_flag=True, help=f"Also make a signing key, {_KEY} (ECDSA P-256).")
@click.option(
    "--store",
    metavar="URI",
    help="Where the store is: a path relative to DIR, or postgresql://…  [default: .attest/store.db]",
)
@click.option("--builder-id", metavar="URI", help="What provenance names as the builder of your steps.")
@json_option
def command(directory: Path, key: bool, store: str | None, builder_id: str | None, as_json: bool) -> None:
    """Set up a project: attest.yaml, a store and, if asked, a key.

    Nothing that is there already is overwritten. A passphrase for the key is taken from ATTEST_PASSPHRASE.
    """
    from attest.settings import DEFAULT_BUILDER_ID, DEFAULT_STORE

    text = _TEMPLATE.format(
        store=_quoted(store or DEFAULT_STORE),
        signer=f"signer: file:{_KEY}" if key else f"# signer: file:{_KEY}",
        builder=_quoted(builder_id or DEFAULT_BUILDER_ID),
    )
    project = _plan(directory, text, key=key)
    answer: dict[str, Any] = {"settings": str(project.file), "store": project.store_uri, "key": None}
    _make_directory(project.root)
    if store is None:
        _ignore(project.root / DEFAULT_STORE, "*")
    project.open_store(create=True).close()
    if key:
        _ignore(project.root / _KEY, "*.key")
        answer["key"] = _make_key(project.root / _KEY)
    _write(project.file, text)  # last: a project is one only when the rest is there
    echo_json(answer) if as_json else _tell(answer)


def _quoted(value: str) -> str:
    """Return a YAML scalar that reads as exactly this string."""
    import json

    return json.dumps(value, ensure_ascii=False)


def _plan(directory: Path, text: str, *, key: bool) -> Project:
    """Read the settings that will be written, and refuse before anything is changed."""
    from attest.document import read_document
    from attest.errors import UsageError
    from attest.settings import FILE_NAME, Project, Settings

    root = directory.absolute()
    settings = read_document(text.encode("utf-8", "surrogateescape"), f"the new {FILE_NAME}").validate(
        Settings
    )
    project = Project(root, settings)
    existing = [project.file, root / _KEY, root / f"{_KEY}.pub"] if key else [project.file]
    for path in existing:
        if path.exists() or path.is_symlink():
            raise UsageError("exists already and is not overwritten", str(path), "nothing was changed")
    return project


def _make_directory(directory: Path) -> None:
    from attest.errors import AttestError

    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AttestError(f"cannot be made: {error.strerror}", str(directory)) from error


def _ignore(path: Path, pattern: str) -> None:
    """Keep git from what stands in the folder of ``path``, unless somebody decided about it already."""
    ignore = path.with_name(".gitignore")
    _make_directory(ignore.parent)
    if not ignore.exists():
        _write(ignore, f"{pattern}\n")


def _write(path: Path, text: str) -> None:
    from attest.files import write_file

    write_file(path, [text.encode()], overwrite=False)


def _make_key(path: Path) -> dict[str, str]:
    from attest.signers.file import generate_key

    public = generate_key(path, passphrase=passphrase_from())
    return {"private": str(path), "public": f"{path}.pub", "fingerprint": f"sha256:{public.fingerprint}"}


def _tell(answer: dict[str, Any]) -> None:
    from attest.text import show

    click.echo(f"settings     {show(answer['settings'], 500)}")
    click.echo(f"store        {show(answer['store'], 500)}")
    if answer["key"] is None:
        click.echo(f"no signing key yet: `attest key generate {_KEY}`, then name it in attest.yaml", err=True)
        return
    click.echo(f"private key  {show(answer['key']['private'], 500)}")
    click.echo(f"public key   {show(answer['key']['public'], 500)}")
    click.echo(f"fingerprint  {answer['key']['fingerprint']}")
    click.echo(
        f"the private key must never be committed: {_KEY.rpartition('/')[0]}/.gitignore leaves it out",
        err=True,
    )
    click.echo("give the public key to your readers, and its fingerprint by another way", err=True)
