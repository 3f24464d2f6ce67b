"""One directory written by several processes: each digests its own files, and one of them joins the digests.

Every rank of a distributed training has written some files of a checkpoint and knows their digests
(``ShardDigests``). It leaves them in a small file, or sends them; rank 0, which records, takes them over
(``Shards``) instead of reading what the others wrote through a shared file system. Taken over is only what
is seen to be there as it was digested: the same status on the same host, the same size and time elsewhere,
and of these a sample is read all the same. Everything else is read; two digests of one path are an error.

What this does not see: a host that reads other bytes than it wrote, in files the sample has left out.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError

from attest.canonical import canonical_bytes, read_json
from attest.errors import AttestError, FormatError, RecordingError, UsageError
from attest.files import read_own, write_file
from attest.hashing import FileDigest, hash_scan
from attest.limits import DEFAULT
from attest.model import StrictModel
from attest.scan import Found, Scan, Status, path_problem, scan_file, scan_tree
from attest.tee import OutputFile
from attest.written import Written

__all__ = ["Joined", "RankDigests", "Recheck", "Shard", "ShardDigests", "Shards", "rank_folder"]

Recheck = Literal["none", "sample", "all"]
"""Which files of other hosts are read again, though they look as they were digested: ``sample`` takes one of
each rank, by chance."""

_POLL_SECONDS = 0.1
_SHOWN = 10
"""Ranks or paths named in one message."""


class Shard(StrictModel):
    """A file that a rank wrote and digested."""

    path: str
    """Relative to the directory."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    status: tuple[str, str, str, str, str]
    """Device, inode, size in bytes, mtime and ctime in nanoseconds, decimal: JSON has no such numbers."""
    settled: bool
    """Whether every later write shows in the status."""

    @classmethod
    def of(cls, path: str, file: FileDigest, *, settled: bool) -> Shard:
        """Describe a file."""
        device, inode, size, mtime, ctime = map(str, file.status)
        return cls(path=path, sha256=file.sha256, status=(device, inode, size, mtime, ctime), settled=settled)

    def is_seen(self, status: Status, *, same_host: bool) -> bool:
        """Tell whether a file of that status is this one, untouched, as far as the status tells.

        Another host sees another device, and not always the same last time: size and mtime must do there.
        """
        now = tuple(map(str, status))
        return self.settled and (self.status == now if same_host else self.status[2:4] == now[2:4])


class RankDigests(StrictModel):
    """What one rank says it wrote."""

    rank: int = Field(ge=0)
    ranks: int = Field(ge=1)
    host: str = Field(pattern="^[0-9a-f]{64}$")
    files: tuple[Shard, ...]

    @classmethod
    def read(cls, value: Any, where: str | None = None) -> RankDigests:
        """Read what a rank sent.

        Raises:
            FormatError: it is not that.
        """
        try:
            found = cls.from_json(value)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            what = f"no digests of a rank: {'.'.join(map(str, first['loc']))}: {first['msg']}"
            raise FormatError(what, where) from error
        for shard in found.files:
            if problem := path_problem(shard.path):
                raise FormatError(f"{shard.path[:200]!r}: {problem}", where)
        if found.rank >= found.ranks:
            raise FormatError(f"got rank {found.rank}, expected one below {found.ranks}", where)
        return found


def rank_folder(root: str | os.PathLike[str]) -> Path:
    """Return where ranks leave their digests if nobody says otherwise: beside the directory, hidden."""
    path = Path(os.path.abspath(root))  # noqa: PTH100 - links stay links
    return path.with_name(f".{path.name}.ranks")


def _file_of(folder: Path, rank: int) -> Path:
    return folder / f"rank-{rank:06}.json"


def _host() -> str:
    """Name this run of this machine, without telling anybody which it is."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        boot = b""
    return hashlib.sha256(boot + b"\0" + platform.node().encode()).hexdigest()


class ShardDigests:
    """What one rank writes into a directory, digested while it is written.

    Args:
        root: the directory.
        rank: which of them this is, from 0.
        ranks: how many there are.
        folder: where it leaves its digests; by default ``rank_folder(root)``. What it left there before is
            removed.

    Raises:
        UsageError: no such rank.
        AttestError: what it left there before cannot be removed.
    """

    def __init__(
        self, root: str | os.PathLike[str], rank: int, ranks: int, folder: Path | None = None
    ) -> None:
        if not 0 <= rank < ranks:
            raise UsageError(f"got rank {rank}, expected one from 0 to {ranks - 1}", os.fspath(root))
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - links stay links
        self.rank = rank
        self.ranks = ranks
        self.failed: AttestError | None = None
        """Why ``write_soon`` could not."""
        self._file = _file_of(folder or rank_folder(root), rank)
        self._written = Written()
        self._paths: dict[str, None] = {}
        self._thread: threading.Thread | None = None
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise AttestError(f"cannot be removed: {error.strerror}", str(self._file)) from error

    def open(
        self, path: str | os.PathLike[str], mode: str = "wb", *, atomic: bool = False, fsync: bool = False
    ) -> OutputFile:
        """Open a file of the directory to write to, like ``attest.recorder.Recorder.open_output``.

        Args:
            path: relative to the directory, or the whole path.
            mode: as of ``open_output``.
            atomic: the same.
            fsync: the same.

        Raises:
            UsageError: no such mode, or the path leads out of the directory.
            OSError: it cannot be opened.
        """
        name = self._name(path)
        file = self._written.open(self.root / name, mode, atomic=atomic, fsync=fsync)
        self._paths[name] = None
        return file

    def wrote(self, path: str | os.PathLike[str]) -> None:
        """Have a file digested, in the background, that other software has written and closed.

        Raises:
            UsageError: the path leads out of the directory.
        """
        name = self._name(path)
        self._paths[name] = None
        self._written.wrote(self.root / name)

    def _name(self, path: str | os.PathLike[str]) -> str:
        name = os.path.relpath(os.path.join(self.root, path), self.root).replace(os.sep, "/")  # noqa: PTH118
        if problem := path_problem(name):
            raise UsageError(f"not a file of {self.root}: {problem}", os.fspath(path))
        return name

    def digests(self) -> dict[str, Any]:
        """Wait until all is digested, and return it as JSON, to be sent to rank 0.

        Files that are gone by now are left out: writers rename what they have written.

        Raises:
            DigestError: a file cannot be digested.
        """
        files = tuple(self._digest(name) for name in sorted(self._paths) if (self.root / name).exists())
        return RankDigests(rank=self.rank, ranks=self.ranks, host=_host(), files=files).to_json()

    def _digest(self, name: str) -> Shard:
        path = self.root / name
        if self._written.known(scan_file(path).found[0]) is None:
            self._written.wrote(path)
        file = self._written.measure(path).files[0]
        settled = self._written.known(scan_file(path).found[0])
        return Shard.of(name, file, settled=settled is not None and settled.sha256 == file.sha256)

    def write(self) -> Path:
        """Wait until all is digested, and leave it for rank 0; return the file.

        Raises:
            DigestError: a file cannot be digested.
            AttestError: it cannot be written.
        """
        data = canonical_bytes(self.digests())
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AttestError(f"cannot be made: {error.strerror}", str(self._file.parent)) from error
        write_file(self._file, [data], private=True)
        return self._file

    def write_soon(self) -> None:
        """Do so in the background. What goes wrong is in ``failed``, and rank 0 will miss the digests."""
        self._thread = threading.Thread(target=self._write, name="attest-shards", daemon=False)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread, self.failed = None, AttestError(str(error))

    def wait(self) -> None:
        """Wait for what ``write_soon`` began."""
        if self._thread is not None:
            self._thread.join()

    def _write(self) -> None:
        try:
            self.write()
        except AttestError as error:
            self.failed = error


class Joined(NamedTuple):
    """What was made of the digests of all ranks."""

    ranks: int
    files: int
    """Files whose digests the ranks gave."""
    read: int
    """Of these, how many were read again."""

    def to_json(self) -> dict[str, int]:
        """Return it as it stands in a statement."""
        return {"ranks": self.ranks, "files": self.files, "readAgain": self.read}


@dataclass
class Shards:
    """The digests that all ranks give of what they wrote into one directory, this time.

    What they left in a folder is removed once all of it is read; the object may be used again.
    """

    ranks: int
    """How many ranks there are; each must have given its digests."""
    parts: Iterable[Mapping[str, Any]] | None = None
    """What they sent (``ShardDigests.digests``); ``None``: they leave it in a folder."""
    folder: Path | None = None
    """Which; by default ``rank_folder`` of the directory."""
    recheck: Recheck = "sample"
    timeout: float = 60.0
    """Seconds to wait for what other ranks leave, from when the directory is digested: a shared file system
    may take a while to show it."""
    _given: list[RankDigests] | None = field(default=None, init=False, repr=False)

    def join(
        self, root: Path, written: Written, *, exclude: Sequence[str] = (), symlinks: bool = False
    ) -> Joined:
        """Take the digests over into what is known of the files written.

        1. Every rank has given its digests, once, and for as many ranks.
        2. No path has two digests; every path is there.
        3. Files that are not as they were digested are read: their digests must be the same.
        4. Of those seen from another host, a sample or all are read, too.

        Raises:
            RecordingError: a rank is missing, or what it says does not hold.
            DigestError: a file cannot be digested.
            FormatError: what a rank left is not what it should be.
        """
        parts = self._all(root)  # 1
        listed = _by_path(parts, root)  # 2
        found = {each.path: each for each in scan_tree(root, exclude, symlinks=symlinks).found}
        if missing := sorted(listed.keys() - found.keys()):
            what = f"written by a rank and not there: {_listed(missing)}"
            raise RecordingError(what, str(root), "was it deleted, or left out with an exclusion?")
        here = _host()
        doubtful = set()  # 3
        for part in parts:
            same = part.host == here
            seen = [each for each in part.files if each.is_seen(found[each.path].status, same_host=same)]
            doubtful |= {each.path for each in part.files} - {each.path for each in seen}
            if not same:  # 4
                doubtful |= {each.path for each in _chosen(seen, self.recheck)}
        _read_again(root, [found[path] for path in sorted(doubtful)], listed)
        for path, shard in listed.items():
            written.adopt(found[path], shard.sha256)
        return Joined(self.ranks, len(listed), len(doubtful))

    def _all(self, root: Path) -> list[RankDigests]:
        if self._given is not None:
            return self._given
        folder = self.folder or rank_folder(root)
        if self.parts is None:
            given = list(self._left(folder))
        else:
            given = [RankDigests.read(each) for each in self.parts]
        by_rank: dict[int, RankDigests] = {}
        for part in given:
            if part.ranks != self.ranks:
                what = f"rank {part.rank}: got digests of {part.ranks} ranks, expected {self.ranks}"
                raise RecordingError(what, str(root))
            if by_rank.setdefault(part.rank, part) is not part:
                raise RecordingError(f"rank {part.rank} has given its digests twice", str(root))
        if missing := sorted(set(range(self.ranks)) - by_rank.keys()):
            what = f"no digests of rank {_listed(map(str, missing))}, of {self.ranks} ranks"
            raise RecordingError(what, str(root), "did every rank write, and leave its digests?")
        if self.parts is None:
            _remove(folder, self.ranks)
        self._given = [by_rank[rank] for rank in sorted(by_rank)]
        return self._given

    def _left(self, folder: Path) -> Iterator[RankDigests]:
        until = time.monotonic() + self.timeout
        for rank in range(self.ranks):
            path = _file_of(folder, rank)
            while not path.exists() and time.monotonic() < until:
                time.sleep(_POLL_SECONDS)
            if path.exists():
                data = read_own(path, DEFAULT.document_bytes)
                yield RankDigests.read(read_json(data, str(path)), str(path))


def _remove(folder: Path, ranks: int) -> None:
    """Remove what was read; what cannot be is in nobody's way."""
    with suppress(OSError):
        for rank in range(ranks):
            _file_of(folder, rank).unlink(missing_ok=True)
        folder.rmdir()


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f", and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def _by_path(parts: Sequence[RankDigests], root: Path) -> dict[str, Shard]:
    listed: dict[str, Shard] = {}
    ranks: dict[str, int] = {}
    for part in parts:
        for shard in part.files:
            other = listed.setdefault(shard.path, shard)
            first = ranks.setdefault(shard.path, part.rank)
            if other.sha256 != shard.sha256:
                raise RecordingError(
                    f"two digests of {shard.path}: sha256:{other.sha256} by rank {first}, "
                    f"sha256:{shard.sha256} by rank {part.rank}",
                    str(root),
                    "each file must be written by one rank",
                )
    return listed


def _chosen(shards: Sequence[Shard], recheck: Recheck) -> Sequence[Shard]:
    if recheck == "all" or not shards:
        return shards
    return [secrets.choice(shards)] if recheck == "sample" else []


def _read_again(root: Path, found: Sequence[Found], listed: Mapping[str, Shard]) -> None:
    """Hold the digests of files against their bytes."""
    if not found:
        return
    for file in hash_scan(Scan(os.path.realpath(root), list(found), [], 0, [])):
        expected = listed[file.path].sha256
        if file.sha256 != expected:
            raise RecordingError(
                f"{file.path}: got sha256:{file.sha256}, expected sha256:{expected} as its rank digested it",
                str(root),
                "somebody changed it since, or this host reads other bytes than were written",
            )
