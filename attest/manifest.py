"""A directory as sorted digests: the manifest, whose SHA-256 is the tree's digest (in-toto ``dirHash``).

The bytes are what ``sha256sum`` prints, so coreutils rechecks them with no software of ours. Bound are the
bytes of every file and its path; not bound are mode bits, owners, times and empty directories.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

from attest.errors import FormatError
from attest.hashing import Digests, Executor, FileDigest, Progress, changed, hash_file, scan_and_hash
from attest.limits import DEFAULT, Limits
from attest.scan import mode_of, path_problem

if TYPE_CHECKING:
    from attest.digest_cache import DigestCache
    from attest.resource import Artifact

__all__ = ["Excluded", "Manifest", "Measured", "digest_path"]

_HEX = re.compile(r"[0-9a-f]{64}")
_LINE = re.compile(_HEX.pattern + r"  [^\n]+")


class _Entries(Sequence[tuple[str, str]]):
    """The entries of a tree's manifest, made when they are asked for: there may be a million."""

    def __init__(self, digests: Digests) -> None:
        self.digests = digests

    def __len__(self) -> int:
        return len(self.digests)

    @overload
    def __getitem__(self, index: int) -> tuple[str, str]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[str, str]]: ...
    def __getitem__(self, index: int | slice) -> tuple[str, str] | list[tuple[str, str]]:
        if isinstance(index, slice):
            return [(each.sha256, each.path) for each in self.digests[index]]
        return self.digests[index].sha256, self.digests[index].path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


@dataclass(frozen=True)
class Manifest:
    """The files of a directory with their digests. Sizes are not part of it."""

    entries: Sequence[tuple[str, str]]
    """SHA-256 in lowercase hex and path, sorted by the bytes of the path; made by ``of``, ``measured`` or
    ``parse``."""

    @classmethod
    def measured(cls, digests: Digests) -> Manifest:
        """Return the manifest of what was digested: its paths are sorted, and a scan has looked at each."""
        return cls(_Entries(digests))

    @classmethod
    def of(cls, entries: Iterable[tuple[str, str]]) -> Manifest:
        """Sort (sha256, path) pairs into a manifest.

        Raises:
            FormatError: there is none, or a digest or path cannot stand in a manifest, or two paths are the
                same or one is a directory of another.
        """
        # the order of code points is the order of UTF-8 bytes; what has no UTF-8 is refused below
        ordered = tuple(sorted(((sha256, path) for sha256, path in entries), key=lambda entry: entry[1]))
        for sha256, path in ordered:
            if not _HEX.fullmatch(sha256):
                raise FormatError(f"got {sha256[:100]!r}, expected 64 lowercase hex digits", path)
        _check_paths([path for _, path in ordered], None)
        return cls(ordered)

    @classmethod
    def parse(cls, data: bytes, where: str | None = None, limits: Limits = DEFAULT) -> Manifest:
        """Read a manifest that is exactly what ``data`` of one would be, to the byte.

        Raises:
            FormatError: it is not: not UTF-8, a line of another shape, unsorted, a path twice or refused.
            LimitError: it is larger than ``limits`` allow.
        """
        limits.check("manifest_bytes", len(data), where)
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise FormatError(f"not UTF-8 at byte {error.start}", where) from error
        *lines, rest = text.split("\n")
        for number, line in enumerate(lines, 1):
            if not _LINE.fullmatch(line):
                raise FormatError(f"line {number} is not '<sha256>  <path>'", where)
        if rest:
            raise FormatError("the last line does not end", where, "is the file truncated?")
        entries = tuple((line[:64], line[66:]) for line in lines)
        _check_paths([path for _, path in entries], where)
        return cls(entries)

    @property
    def data(self) -> bytes:
        """The bytes of the manifest file."""
        return b"".join(self.lines())

    def lines(self) -> Iterator[bytes]:
        """Yield the same in pieces, so that it need not be held as a whole."""
        if isinstance(self.entries, _Entries):
            yield from self.entries.digests.lines()
        else:
            yield "".join([f"{sha256}  {path}\n" for sha256, path in self.entries]).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of ``data``, lowercase hex: the digest of the tree."""
        sha256 = hashlib.sha256()
        for piece in self.lines():
            sha256.update(piece)
        return sha256.hexdigest()

    @property
    def artifact(self) -> Artifact:
        """The tree as a node of the lineage."""
        from attest.resource import Artifact  # `attest digest` does without pydantic

        return Artifact(self.digest, tree=True)


def _check_paths(paths: Sequence[str], where: str | None) -> None:
    """Refuse what no directory can hold, or what ``sha256sum`` would read otherwise."""
    if not paths:
        raise FormatError("no entries", where, "an empty directory has no digest")
    for path in paths:
        problem = path_problem(path)
        if problem:
            raise FormatError(f"{path[:200]!r}: {problem}", where)
    for before, path in pairwise(paths):
        if before >= path:
            fault = "stands twice" if before == path else f"comes after {before[:200]!r}: not sorted by bytes"
            raise FormatError(f"{path[:200]!r} {fault}", where)
    # with the separator sorted before everything else, a file stands right before what it is a directory of
    for before, path in pairwise(sorted(path.replace("/", "\0") for path in paths)):
        if path.startswith(f"{before}\0"):
            name = before.replace("\0", "/")
            raise FormatError(f"{name[:200]!r} is both a file and a directory", where)


class Excluded(NamedTuple):
    """What was left out of a tree because its maker asked for it."""

    patterns: tuple[str, ...] = ()
    files: int = 0
    """Files the patterns left out."""


@dataclass(frozen=True)
class Measured:
    """A file or directory, digested."""

    path: Path
    sha256: str
    """Of the file, or of the directory's manifest, lowercase hex."""
    size: int
    """Bytes of all files."""
    files: Sequence[FileDigest]
    """One per file, sorted by the bytes of the path; of a single file just that."""
    manifest: Manifest | None
    """``None`` for a single file."""
    excluded: Excluded = field(default_factory=Excluded)
    symlinks: bool = False

    @property
    def place(self) -> str:
        """Where it is, to be shown."""
        return str(self.path)

    @property
    def artifact(self) -> Artifact:
        """The file or tree as a node of the lineage."""
        from attest.resource import Artifact

        return Artifact(self.sha256, tree=self.manifest is not None)

    def changed(self, *, workers: int | None = None, progress: Progress | None = None) -> list[str]:
        """Return the paths whose bytes differ by now (``attest.hashing.changed``).

        Raises:
            DigestError: something is there and cannot be opened.
        """
        if stat.S_ISDIR(mode_of(self.path) or 0) is (self.manifest is None):
            return [file.path for file in self.files]
        return changed(
            self.path,
            self.files,
            exclude=self.excluded.patterns,
            symlinks=self.symlinks,
            workers=workers,
            progress=progress,
        )


def digest_path(
    path: Path,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    cache: DigestCache | None = None,
) -> Measured:
    """Digest a file, or a directory as its manifest.

    Args:
        path: the file or directory; a symbolic link to one is followed, because the caller named it.
        exclude: patterns of paths to leave out of a directory (``attest.exclusions.Exclusions``).
        symlinks: digest links to regular files of the same directory as what they lead to.
        workers: threads to use at most; by default as many as serve. Never changes the answer.
        executor: what has the files of a directory read, in place of threads.
        progress: who watches.
        cache: what remembers digests of files that have not changed since; by default all are read.

    Raises:
        DigestError: something cannot be digested or changed meanwhile; all such paths are named.
        UsageError: a pattern cannot be read.
    """
    if not stat.S_ISDIR(mode_of(path) or 0):
        file = (cache.hash_file if cache else hash_file)(path, progress=progress)
        return Measured(path, file.sha256, file.size, [file], None)
    scan, files = (cache.scan_and_hash if cache else scan_and_hash)(
        path, exclude=exclude, symlinks=symlinks, workers=workers, executor=executor, progress=progress
    )
    manifest = Manifest.measured(files)
    return Measured(
        path,
        manifest.digest,
        files.size,
        files,
        manifest,
        Excluded(scan.exclude, scan.skipped),
        symlinks,
    )
