"""``attest digest``: the SHA-256 of files, and of directories through their manifests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from attest.cli.digesting import digesting_options
from attest.cli.options import (
    PATH,
    echo_json,
    json_option,
    reads_path,
)
from attest.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from attest.cli.digesting import Digesting
    from attest.fetching import Fetched
    from attest.manifest import Measured
    from attest.source import Location

__all__ = ["command"]

_KNOWN = {"\n": "\\n", "\r": "\\r"}
"""Escapes that ``sha256sum`` reads, besides that of the backslash."""


@click.command("digest")
@reads_path("paths", urls=True, nargs=-1, required=True, metavar="PATH...")
@click.option(
    "-o", "--manifest", "manifest", type=PATH, metavar="FILE", help="Write the manifest of one directory."
)
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave out paths that match; may be repeated.")
@click.option("--symlinks", is_flag=True, help="Read links to files of the same directory as those files.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads or processes at most; the digest is the same.",
)
@digesting_options
@json_option
def command(
    paths: tuple[Path | Location, ...],
    manifest: Path | None,
    exclude: tuple[str, ...],
    symlinks: bool,
    workers: int | None,
    digesting: Digesting,
    as_json: bool,
) -> None:
    """Print the SHA-256 of files and the manifest digest of directories.

    A file's line is what sha256sum prints. A directory's line ends in a slash, and its digest is the SHA-256
    of its manifest: one sha256sum line per file, sorted by the bytes of the path. With --manifest FILE, the
    digest is that of `sha256sum FILE`, and `sha256sum --check FILE` inside the directory rechecks every file.

    A GLOB is relative to the directory and matches a whole path: * and ? stay within one part of it, ** as a
    part stands for any number of directories, a slash at the end means directories only. So *.tmp is at the
    top alone and **/*.tmp anywhere.

    A PATH may be a URL: https://… of a file, s3://BUCKET/KEY of an object, s3://BUCKET/PREFIX/ of all below
    it as a directory, and what else fsspec reads. The digest is the same as of the same files on this disk.

    Refused, all named at once: symbolic links, devices, pipes and sockets, paths that sha256sum cannot read
    back, files that change while they are read, and empty directories.

    With --engine, files of a directory that a cluster sees at the same path, or objects, are read by its
    workers; the digest is the same. See docs/clusters.md.

    Inside a project, digests are remembered under .attest: a file whose inode, size and times are what they
    were is not read again. Outside, nothing is.
    """
    if manifest is not None:
        _check_target(paths, manifest)
    answers: list[dict[str, Any]] = []
    known = digesting.known
    for path in paths:
        before = known.recalled if known else 0
        measured = digesting.measure(path, exclude=exclude, symlinks=symlinks, workers=workers)
        if manifest is not None and measured.manifest is not None:
            _write(manifest, measured.manifest.lines())
        if as_json:
            answers.append(_answer(measured) | {"remembered": known.recalled - before if known else 0})
        else:
            _tell(measured)
    if as_json:
        echo_json(answers)


def _check_target(paths: Sequence[Path | Location], manifest: Path) -> None:
    """Refuse before anything is read what could not be written after."""
    from pathlib import Path

    path = paths[0]
    if len(paths) > 1 or not (path.is_dir() if isinstance(path, Path) else path.is_tree):
        raise UsageError("--manifest needs exactly one directory", hint="leave it out, or give one directory")
    if isinstance(path, Path) and manifest.resolve().is_relative_to(path.resolve()):
        raise UsageError(
            f"the manifest would become a part of {path}",
            str(manifest),
            "write it beside the directory, not inside",
        )


def _write(path: Path, lines: Iterable[bytes]) -> None:
    from attest.files import write_file

    write_file(path, lines)


def _answer(measured: Measured | Fetched) -> dict[str, Any]:
    from attest.manifest import Measured

    return {
        "path": str(measured.place),
        "kind": "tree" if measured.manifest else "file",
        "digest": f"sha256:{measured.sha256}",
        "files": len(measured.files),
        "bytes": measured.size,
        "excluded": {"patterns": list(measured.excluded.patterns), "files": measured.excluded.files},
        **({} if isinstance(measured, Measured) else measured.notes()),
    }


def _tell(measured: Measured | Fetched) -> None:
    place = str(measured.place)
    slash = "/" if measured.manifest and not place.endswith("/") else ""
    click.echo(_checksum_line(measured.sha256, f"{place}{slash}"))
    if measured.excluded.patterns:
        count = measured.excluded.files
        click.echo(f"attest: {count} {'file' if count == 1 else 'files'} excluded", err=True)


def _checksum_line(sha256: str, name: str) -> str:
    r"""Return the line ``sha256sum`` prints, made safe for terminals.

    Like ``sha256sum``, a line with an escaped name begins with a backslash, and the escapes it knows are the
    ones used: ``sha256sum --check`` reads such names back. A name with other characters that deceive
    (``attest.text.show``) gets escapes that ``sha256sum`` refuses to read, rather than another file's name.
    """
    import re

    from attest.text import show

    pieces = [_KNOWN.get(piece) or show(piece, len(piece)) for piece in re.split(r"([\n\r])", name)]
    shown = "".join(pieces)
    return f"{sha256}  {name}" if shown == name else f"\\{sha256}  {shown}"
