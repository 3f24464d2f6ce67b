"""What commands are given to look at: delivered files, what came with them (bundles, manifests), and when.

Nothing is believed here: lines of bundles are as they were read, and manifests are under their own digests.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attest.cli.digesting import known_digests

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from attest.limits import Limits
    from attest.matching import Delivery
    from attest.review import Line, RawLine

__all__ = [
    "each_manifest",
    "evaluation_time",
    "manifests_beside",
    "manifests_folder",
    "measure",
    "raw_evidence",
    "read_evidence",
]


def evaluation_time(as_of: str | None) -> tuple[datetime, bool]:
    """Return the time of evaluation, and whether it was chosen and is not the clock."""
    from datetime import UTC, datetime, timedelta

    from attest.errors import AttestError, UsageError
    from attest.model import parse_time

    if as_of is None:
        # up to the next second: a timestamp of this very second is not in the future
        now = datetime.now(UTC)
        return (now + timedelta(seconds=1)).replace(microsecond=0), False
    try:
        return parse_time(as_of), True
    except AttestError as error:
        raise UsageError(error.what, "--as-of") from error


def measure(path: Path, *, cached: bool = False) -> Delivery:
    """Digest what was delivered; only ``cached`` believes what the project remembers."""
    from attest.cli.progress import progress_bar
    from attest.manifest import digest_path
    from attest.matching import Delivery

    known = known_digests("use") if cached else None
    measured = digest_path(path, progress=progress_bar(), cache=known)
    files = {each.path: each.sha256 for each in measured.files}
    remembered = known.recalled if known else 0
    return Delivery(path.resolve().name, measured.artifact, measured.size, files, remembered=remembered)


def read_evidence(paths: Iterable[Path], limits: Limits) -> Iterator[Line]:
    """Yield every line of every file, parsed."""
    from attest.bundle import numbered_lines
    from attest.review import Line

    for path in paths:
        for number, content in numbered_lines(path, limits):
            yield Line(str(path), number, content)


def raw_evidence(paths: Iterable[Path], limits: Limits) -> Iterator[RawLine]:
    """Yield every line of every file as it was read, for ``check_lines`` to parse."""
    from attest.bundle import raw_lines
    from attest.review import RawLine

    for path in paths:
        source = str(path)
        for number, line in raw_lines(path, limits):
            yield RawLine(source, number, line)


def manifests_beside(bundles: Iterable[Path], folder: Path | None, limits: Limits) -> dict[str, bytes]:
    """Return the manifests that travel beside the bundles, each under its own digest."""
    return {file.name: data for file, data in each_manifest(bundles, folder, limits)}


def each_manifest(
    bundles: Iterable[Path], folder: Path | None, limits: Limits
) -> Iterator[tuple[Path, bytes]]:
    """Yield the files of the manifests that travel beside the bundles, and what they hold.

    Only files called by 64 hex digits are read, and one whose bytes have another digest is an error.
    """
    from attest.digest import is_sha256, sha256_bytes
    from attest.errors import FormatError

    folders = [folder] if folder else [manifests_folder(each) for each in bundles]
    for each in folders:
        if not each.is_dir():
            continue
        for file in sorted(each.iterdir()):
            if not is_sha256(file.name) or file.is_symlink() or not file.is_file():
                continue
            limits.check("manifest_bytes", file.stat().st_size, str(file))
            data = file.read_bytes()
            if sha256_bytes(data) != file.name:
                raise FormatError(f"got sha256 {sha256_bytes(data)}, expected its name", str(file))
            yield file, data


def manifests_folder(bundle: Path) -> Path:
    """Return where the manifests that travel with a bundle lie: ``NAME.manifests`` beside it."""
    stem = bundle.name.removesuffix(".jsonl").removesuffix(".intoto")
    return bundle.with_name(f"{stem}.manifests")
