"""An input whose digests are taken over where others know them, and measured where nobody does.

A directory's manifest is built of both, and the whole counts as not measured. No file is ever left without a
digest, and a file that two sources name with different digests is refused.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from attest.adopter import ADOPTERS, Adopter, Claim
from attest.digest_cache import DigestCache
from attest.errors import DigestError, FormatError
from attest.hashing import Executor, FileDigest, Progress, hash_scan, outcomes_of
from attest.manifest import Excluded, Manifest, Measured
from attest.scan import Found, Offender, Scan, mode_of, moved, reason_of, refuse, scan_file, scan_tree

__all__ = ["Adopted", "adopt"]


@dataclass(frozen=True)
class Adopted:
    """A file or directory, some of whose digests were taken over."""

    measured: Measured
    sources: dict[str, str]
    """Path of each file whose digest was taken over → name of the source (``attest.adopter.ADOPTERS``)."""

    @property
    def source(self) -> str | None:
        """What ``digestSource`` says: the sources, sorted; ``None``: everything was measured."""
        return ", ".join(sorted(set(self.sources.values()))) or None

    def changed(self, progress: Progress | None = None) -> list[str]:
        """Return the paths that differ by now; a file whose digest was taken over, by its status alone.

        Raises:
            DigestError: something is there and cannot be opened.
        """
        before, known = self.measured, {file.path: file for file in self.measured.files}
        if stat.S_ISDIR(mode_of(before.path) or 0) is (before.manifest is None) or not before.path.exists():
            return sorted(known)
        scan = _scan(before.path, before.excluded.patterns, symlinks=before.symlinks)
        different = known.keys() ^ {found.path for found in scan.found}
        different.update(offender.path for offender in scan.offenders)
        doubtful = []
        for found in scan.found:
            if found.path in self.sources:
                different |= {found.path} if found.status != known[found.path].status else set()
            elif found.path in known and not known[found.path].still(found.status):
                doubtful.append(found)
        for outcome in outcomes_of(scan._replace(found=doubtful), None, None, progress):
            if isinstance(outcome, Offender) or outcome.sha256 != known[outcome.path].sha256:
                different.add(outcome.path)
        return sorted(different)


def adopt(
    path: Path,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    cache: DigestCache | None = None,
) -> Adopted:
    """Digest a file or directory, taking over what the sources know (``attest.adopter.ADOPTERS``).

    Args:
        path: the file or directory.
        exclude: patterns of paths to leave out of a directory (``attest.exclusions.Exclusions``).
        symlinks: read links to files of the same directory as those files.
        executor: what has the other files read, in place of this machine's threads and processes.
        progress: who watches.
        cache: what remembers digests of files that have not changed.

    Raises:
        DigestError: something cannot be digested or changed meanwhile; all such paths are named.
        FormatError: a pointer or description is not well-formed, disagrees with its file or with another.
        UsageError: a pattern cannot be read.
    """
    began = time.time_ns()
    scan = _scan(path, exclude, symlinks=symlinks)
    if scan.offenders or not scan.found:
        raise _refused(scan)
    claims, sources = _claims(scan)
    rest = [found for found in scan.found if found.path not in claims]
    files = [_taken(found, claims[found.path], began) for found in scan.found if found.path in claims]
    if rest:
        # whether files came or went is looked at below, for all of them
        part = scan._replace(found=rest, directories=[])
        files += (cache.hash_scan if cache else hash_scan)(part, executor=executor, progress=progress)
    if offenders := moved(scan):
        raise refuse(offenders, scan.root)
    files.sort()
    size = sum(claims[file.path].size if file.path in claims else file.size for file in files)
    if not scan.directories:
        return Adopted(Measured(path, files[0].sha256, size, files, None), sources)
    manifest = Manifest.of((file.sha256, file.path) for file in files)
    excluded = Excluded(scan.exclude, scan.skipped)
    return Adopted(Measured(path, manifest.digest, size, files, manifest, excluded, symlinks), sources)


def _members() -> dict[str, Adopter]:
    return {name: ADOPTERS.load(name)() for name in ADOPTERS}


def _scan(path: Path, exclude: Sequence[str], *, symlinks: bool) -> Scan:
    if not stat.S_ISDIR(mode_of(path) or 0):
        return scan_file(path)
    scan = scan_tree(path, exclude, symlinks=symlinks)
    for member in _members().values():
        scan = member.prepare(scan)
    return scan


def _refused(scan: Scan) -> DigestError:
    if scan.offenders:
        return refuse(scan.offenders, scan.root)
    return DigestError("no file to digest", scan.root, "an empty directory has no digest")


def _claims(scan: Scan) -> tuple[dict[str, Claim], dict[str, str]]:
    """Return what the sources say of files, and which source said it."""
    claims: dict[str, Claim] = {}
    sources: dict[str, str] = {}
    for name, member in _members().items():
        try:
            found = member.claims(scan)
        except OSError as error:
            raise DigestError(reason_of(error), scan.root) from error
        for path, claim in found.items():
            if claims.setdefault(path, claim) != claim:
                both = f"{sources[path]} says sha256:{claims[path].sha256}, {name} says sha256:{claim.sha256}"
                raise FormatError(both, path, "without --adopt-digests the file is measured")
            sources.setdefault(path, name)
    return claims, sources


def _taken(found: Found, claim: Claim, began: int) -> FileDigest:
    """Return a digest that was taken over, with the status of the file it was taken over from."""
    device, inode, size, mtime_ns, ctime_ns = found.status
    return FileDigest(found.path, claim.sha256, size, mtime_ns, ctime_ns, inode, device, began)
