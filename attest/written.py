"""What is known of the files a step writes, so that each byte is read once at most.

Three sources: digests taken while a file was written (``attest.tee``), those of an earlier look at it, and
those other processes took of what they wrote (``attest.shards``). All are used only if the file's status says
that it is still what it was; all other files are read.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Generator, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from attest.digest_cache import DigestCache
from attest.errors import DigestError
from attest.follower import Follower, Taken
from attest.hashing import Batch, FileDigest, Progress, Serial, Step, Threads
from attest.manifest import Measured, digest_path
from attest.scan import Found, Status, scan_file, status_of
from attest.tee import OutputFile, stamp

__all__ = ["Written"]


class Written:
    """The files written so far; also an executor that reads only those that are not known."""

    def __init__(self) -> None:
        self._followers: dict[tuple[int, int], Follower] = {}
        self._seen: dict[tuple[int, int], FileDigest] = {}
        self._adopted: dict[Status, str] = {}
        # nobody who drops an open file keeps it from being closed
        self._files: weakref.WeakSet[OutputFile] = weakref.WeakSet()

    def open(
        self, path: str | os.PathLike[str], mode: str = "wb", *, atomic: bool = False, fsync: bool = False
    ) -> OutputFile:
        """Open a file to write to; arguments and errors are those of ``attest.tee.OutputFile``."""
        file = OutputFile(path, mode, atomic=atomic, fsync=fsync, start=self._taken, done=self._add)
        self._files.add(file)
        return file

    def still_open(self) -> list[str]:
        """Return the paths of files that nobody closed, sorted."""
        return sorted(str(file.name) for file in self._files if not file.closed)

    def wrote(self, path: str | os.PathLike[str]) -> None:
        """Have a file hashed, in the background, that somebody else has written and closed.

        Its time is moved as that of other outputs is (``attest.tee``). Where anything is in the way, it is
        read when it is measured.
        """
        file = Path(path)
        with suppress(OSError, RuntimeError):
            if file.is_file() and stamp(file):
                follower = Follower(os.fspath(file), status_of(file.stat()))
                follower.close(follower.status)
                self._add(follower)

    def adopt(self, found: Found, sha256: str) -> None:
        """Take a digest over from whoever wrote the file, for as long as its status is this one."""
        self._adopted[found.status] = sha256

    def _add(self, follower: Follower) -> None:
        self._followers[follower.status[:2]] = follower

    def _taken(self, status: Status) -> Taken | None:
        follower = self._followers.get(status[:2])
        return follower.taken() if follower is not None and follower.status == status else None

    def known(self, found: Found) -> FileDigest | None:
        """Return the digest of a file without reading it; ``None``: it must be read.

        Waits for the last bytes of a file that was closed just now to be hashed.
        """
        if taken := self._taken(found.status):
            return taken.digest(found.path)
        if sha256 := self._adopted.get(found.status):
            device, inode, size, mtime_ns, ctime_ns = found.status
            # read at a time that lets nobody think that it is settled
            return FileDigest(found.path, sha256, size, mtime_ns, ctime_ns, inode, device, mtime_ns)
        seen = self._seen.get(found.status[:2])
        return seen._replace(path=found.path) if seen and seen.still(found.status) else None

    def measure(
        self,
        path: Path,
        *,
        exclude: Sequence[str] = (),
        symlinks: bool = False,
        progress: Progress | None = None,
        cache: DigestCache | None = None,
    ) -> Measured:
        """Digest a file or directory; arguments and errors are those of ``attest.manifest.digest_path``."""
        measured = self._file(path) or digest_path(
            path, exclude=exclude, symlinks=symlinks, executor=self, progress=progress, cache=cache
        )
        self.remember(measured.files)
        return measured

    def _file(self, path: Path) -> Measured | None:
        try:
            found = scan_file(path).found[0]
        except DigestError:
            return None  # a directory, or nothing: whoever digests it says so
        file = self.known(found)
        return Measured(path, file.sha256, file.size, [file], None) if file else None

    def remember(self, files: Iterable[FileDigest]) -> None:
        """Take note of what was digested by reading it."""
        self._seen.update(((file.device, file.inode), file) for file in files)

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Answer for the files that are known, and have the others read."""
        rest = []
        for batch in work:
            known = [self.known(found) for found in batch.files]
            yield Step(sum(file.size for file in known if file), [file for file in known if file])
            unknown = [found for found, file in zip(batch.files, known, strict=True) if file is None]
            if unknown:
                rest.append(Batch(batch.root, unknown))
        yield from (Serial() if len(rest) < 2 else Threads()).run(rest)
