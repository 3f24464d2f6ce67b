"""The digest engine: the one place where the bytes of files are read to be hashed.

Three parts with a seam between them: ``attest.scan`` says which files there are, ``batches`` groups them by
bytes and by count, and an ``Executor`` has each batch read by ``read_batch``, here on threads. Another
executor (processes, a cluster, a cache) replaces the last part alone; the answer is the same whatever runs
the batches and in whatever order they end.

A file that changes while it is read is never digested: its identity, size and times are compared before and
after. What is not found: a change that leaves all of these as they were.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from io import FileIO
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from attest.errors import DigestError
from attest.pool import Lane, run_lanes
from attest.scan import (
    Found,
    Offender,
    Root,
    Scan,
    Status,
    mode_of,
    moved,
    reason_of,
    refuse,
    scan_file,
    scan_tree,
    status_of,
    unreadable,
)

__all__ = [
    "Batch",
    "Executor",
    "FileDigest",
    "Progress",
    "Serial",
    "Step",
    "Threads",
    "batches",
    "changed",
    "cores",
    "hash_file",
    "hash_scan",
    "hash_tree",
    "outcomes_of",
    "read_batch",
]

TINY = 16 << 10
"""Bytes below which a file costs more in Python than in SHA-256: threads would only fight for the GIL."""
SMALL = 64 << 10
"""Bytes below which a file is read in one call."""
BUFFER = 256 << 10
"""Bytes of the reused buffer: small enough for a core's cache, large enough to hide the call."""
STEP = 16 << 20
"""Bytes after which a large file reports progress and can be interrupted."""
BATCH_BYTES = 16 << 20
BATCH_FILES = 256
COLD_THREADS = 8
"""Threads that read small files while the disk is what is waited for."""
SETTLED_NS = 2_000_000_000
"""A file changed within two seconds before it was read may change again without a new time stamp (FAT counts
in two seconds, Linux in milliseconds)."""

_CHANGED = "changed while it was read"


class FileDigest(NamedTuple):
    """A file's digest, and what lets a later look tell cheaply that the file is still the same."""

    path: str
    """Relative to the tree, ``/``-separated; of a single file its name."""
    sha256: str
    """Lowercase hex."""
    size: int
    """Bytes."""
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    read_ns: int
    """When reading began, nanoseconds of the system's clock."""

    @property
    def status(self) -> Status:
        """The status the file had when it was read."""
        return self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns

    def still(self, status: Status) -> bool:
        """Tell whether a file of that status surely has these bytes: nothing is read."""
        return status == self.status and max(self.mtime_ns, self.ctime_ns) + SETTLED_NS < self.read_ns


class Progress(Protocol):
    """Whoever wants to watch. All methods are called from the thread that asked for the digests."""

    def start(self, files: int, size: int) -> None:
        """Work of so many files and bytes begins."""

    def advance(self, files: int, size: int) -> None:
        """So many more files and bytes are done."""

    def finish(self) -> None:
        """The work has ended, well or not."""


class Batch(NamedTuple):
    """Files that one worker reads in one go. Plain data: it may travel to another process."""

    root: str
    files: list[Found]


class Step(NamedTuple):
    """What reading a batch gave since the last step."""

    size: int
    """Bytes read."""
    outcomes: list[FileDigest | Offender]


class Executor(Protocol):
    """Has batches read by ``read_batch``, or answers for it from a cache."""

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Yield the steps of all batches in any order, each file in exactly one outcome."""


def batches(scan: Scan) -> list[Batch]:
    """Group files by bytes and count: large ones first, alone and by size, tiny ones apart from the rest."""
    large = [found for found in scan.found if found.size >= BATCH_BYTES]
    large.sort(key=lambda found: -found.size)
    groups = [[found] for found in large]
    room = 0
    for found in scan.found:
        if TINY <= found.size < BATCH_BYTES:
            if room <= 0 or len(groups[-1]) >= BATCH_FILES:
                groups.append([])
                room = BATCH_BYTES
            groups[-1].append(found)
            room -= found.size
    tiny = [found for found in scan.found if found.size < TINY]
    groups += (tiny[first : first + BATCH_FILES] for first in range(0, len(tiny), BATCH_FILES))
    return [Batch(scan.root, group) for group in groups]


def read_batch(batch: Batch) -> Generator[Step, None, None]:
    """Read and hash the files of a batch; yield now and then, so that the reader can be stopped."""
    outcomes: list[FileDigest | Offender] = []
    size = 0
    buffer = None
    now = time.time_ns()
    try:
        root = Root(batch.root)
    except OSError as error:
        yield Step(0, [Offender(found.path, reason_of(error)) for found in batch.files])
        return
    with root:
        for found in batch.files:
            try:
                if found.size < SMALL:
                    sha256 = _read_small(root, found)
                    size += found.size
                else:
                    buffer = buffer or memoryview(bytearray(BUFFER))
                    sha256 = yield from _read_large(root, found, buffer)
            except OSError as error:
                outcomes.append(Offender(found.path, reason_of(error)))
                continue
            device, inode, length, mtime_ns, ctime_ns = found.status
            outcomes.append(
                FileDigest(found.path, sha256, length, mtime_ns, ctime_ns, inode, device, now)
                if sha256
                else Offender(found.path, _CHANGED)
            )
    yield Step(size, outcomes)


def _read_small(root: Root, found: Found) -> str | None:
    """Return the SHA-256 of a file read in one call, or ``None`` if it is not what was found."""
    size = found.size
    fd = root.open(found.place)
    try:
        data = os.read(fd, size + 1)  # one byte more than there should be: growth shows
        while len(data) < size and (more := os.read(fd, size + 1 - len(data))):
            data += more  # some network file systems give less than asked for
        after = status_of(os.fstat(fd))
    finally:
        os.close(fd)
    return hashlib.sha256(data).hexdigest() if after == found.status and len(data) == size else None


def _read_large(root: Root, found: Found, buffer: memoryview) -> Generator[Step, None, str | None]:
    """Return the same of a file of any size, through a buffer; yield the bytes read so far."""
    sha256 = hashlib.sha256()
    total = reported = 0
    with FileIO(root.open(found.place)) as file:
        if status_of(os.fstat(file.fileno())) != found.status:
            return None
        # the file must end where it should: one that keeps growing is not followed
        while total <= found.size and (count := file.readinto(buffer)):
            sha256.update(buffer[:count] if count < len(buffer) else buffer)
            total += count
            if total - reported >= STEP:
                yield Step(total - reported, [])
                reported = total
        after = status_of(os.fstat(file.fileno()))
    yield Step(total - reported, [])
    return sha256.hexdigest() if after == found.status and total == found.size else None


class Serial:
    """An executor that reads in the calling thread."""

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Read one batch after the other."""
        for batch in work:
            yield from read_batch(batch)


class Threads:
    """An executor that reads on a pool of threads.

    Tiny files go to one thread: two of them would spend more on passing the GIL than they gain. While files
    come from the disk, small ones get more threads than there are cores, because most of them wait.

    Args:
        workers: threads to use at most; by default one per core, and more while the disk is waited for.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._warm = workers or cores()
        self._cold = workers or max(COLD_THREADS, self._warm)

    def run(self, work: Sequence[Batch]) -> Generator[Step, None, None]:
        """Read the batches; if this generator is left early, the threads stop at their next step."""
        tiny = Lane(deque[Batch](), 1, self._cold)
        large = Lane(deque[Batch](), self._warm, self._warm)  # read-ahead keeps the disk busy
        other = Lane(deque[Batch](), self._warm, self._cold)
        for batch in work:
            size = max(found.size for found in batch.files)
            (tiny if size < TINY else large if size >= BATCH_BYTES else other).waiting.append(batch)
        # the tiny ones take one thread longest, so they start first
        return run_lanes([tiny, large, other], read_batch, warm=self._warm, cold=self._cold)


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outcomes_of(
    scan: Scan,
    workers: int | None,
    executor: Executor | None,
    progress: Progress | None,
    taken: Callable[[list[FileDigest | Offender]], None] | None = None,
) -> list[FileDigest | Offender]:
    """Have the files of a scan read and return one outcome for each, sorted like the scan.

    Args:
        scan: says which files.
        workers: as of ``hash_tree``.
        executor: as of ``hash_tree``.
        progress: who watches.
        taken: is given the outcomes as they come, in the calling thread: what it has when the work is
            interrupted is well digested.

    Raises:
        DigestError: the executor left files out.
    """
    work = batches(scan)
    if executor is None:
        executor = Serial() if workers == 1 or len(work) < 2 else Threads(workers)
    outcomes: list[FileDigest | Offender] = []
    if progress:
        progress.start(len(scan.found), sum(found.size for found in scan.found))
    try:
        with closing(executor.run(work)) as steps:  # whatever interrupts, its threads are told to stop
            for step in steps:
                outcomes += step.outcomes
                if taken:
                    taken(step.outcomes)
                if progress:
                    progress.advance(len(step.outcomes), step.size)
    finally:
        if progress:
            progress.finish()
    outcomes.sort(key=itemgetter(0))
    if [outcome.path for outcome in outcomes] != [found.path for found in scan.found]:
        raise DigestError(
            f"got {len(outcomes)} digests, expected one for each of {len(scan.found)} files", scan.root
        )
    return outcomes


def hash_scan(
    scan: Scan,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[FileDigest]:
    """Digest what a scan found; arguments, order and errors are those of ``hash_tree``."""
    if scan.offenders:
        raise refuse([*scan.offenders, *unreadable(scan)], scan.root)
    if not scan.found:
        left_out = f": all {scan.skipped} are excluded" if scan.skipped else ""
        raise DigestError(f"no file to digest{left_out}", scan.root, "an empty directory has no digest")
    outcomes = outcomes_of(scan, workers, executor, progress)
    offenders = [outcome for outcome in outcomes if isinstance(outcome, Offender)]
    if offenders or (offenders := moved(scan)):
        raise refuse(offenders, scan.root)
    return [outcome for outcome in outcomes if isinstance(outcome, FileDigest)]


def hash_tree(
    root: Path,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[FileDigest]:
    """Digest every regular file below a directory.

    Args:
        root: the directory.
        exclude: patterns of paths to leave out (``attest.scan.scan_tree``).
        symlinks: digest links to regular files of the same tree as what they lead to.
        workers: threads to use at most; by default as many as serve. Never changes the answer.
        executor: what has the batches read, in place of threads.
        progress: who watches.

    Returns:
        One digest per file, sorted by the bytes of the paths.

    Raises:
        DigestError: the tree is empty, or something in it cannot be digested or changed meanwhile; all such
            paths are named in one message.
        UsageError: a pattern cannot be read.
    """
    scan = scan_tree(root, exclude, symlinks=symlinks)
    return hash_scan(scan, workers=workers, executor=executor, progress=progress)


def hash_file(path: Path, *, progress: Progress | None = None) -> FileDigest:
    """Digest one file; a symbolic link to it is followed, because the caller named it.

    Raises:
        DigestError: there is none, it is no regular file, cannot be read, or changed while it was read.
    """
    outcome = outcomes_of(scan_file(path), 1, None, progress)[0]
    if isinstance(outcome, Offender):
        raise DigestError(outcome.reason, str(path))
    return outcome


def changed(
    root: Path,
    digests: Sequence[FileDigest],
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Return the paths of a tree, or of a single file, whose bytes differ from digests taken earlier.

    Files whose status is the same are not read again, unless they were so fresh when they were digested that
    a change need not show. Paths that appeared, vanished, or can no longer be digested count as different.

    Args:
        root: what ``digests`` were taken of.
        digests: what ``hash_tree`` or ``hash_file`` returned for it.
        exclude: the same patterns as then.
        symlinks: the same as then.
        workers: threads to use at most.
        progress: who watches the reading again.

    Raises:
        DigestError: something is there and cannot be opened.
    """
    known = {digest.path: digest for digest in digests}
    mode = mode_of(root) or 0
    if stat.S_ISDIR(mode):
        scan = scan_tree(root, exclude, symlinks=symlinks)
    elif stat.S_ISREG(mode):
        scan = scan_file(root)
    else:
        return sorted(known)
    different = known.keys() ^ {found.path for found in scan.found}
    different.update(offender.path for offender in scan.offenders)
    doubtful = [
        found for found in scan.found if found.path in known and not known[found.path].still(found.status)
    ]
    for outcome in outcomes_of(scan._replace(found=doubtful), workers, None, progress):
        if isinstance(outcome, Offender) or outcome.sha256 != known[outcome.path].sha256:
            different.add(outcome.path)
    return sorted(different)
