"""The digest engine: the one place where the bytes of files are read to be hashed.

Four parts with seams between them: ``attest.scan`` says which files there are, ``attest.batch`` groups them
by bytes and by count, an ``Executor`` has each batch read (on threads by ``attest.workers``, in processes by
``attest.readers``), and ``attest.reading`` reads. Of many files the first are read while the others are still
looked for (``attest.ahead``). Another executor (a cluster, a cache) replaces the third part alone; the answer
is the same whatever runs the batches and in whatever order they end.

A file that changes while it is read is never digested: its identity, size and times are compared before and
after. What is not found: a change that leaves all of these as they were. A read that gives nothing for
``read_timeout`` seconds is an error that names the file.
"""

from __future__ import annotations

import stat
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol

from attest.ahead import Ahead
from attest.batch import BATCH_BYTES, Batch, Executor, Step, batches, read_batch
from attest.errors import DigestError
from attest.listing import Listing
from attest.outcomes import SETTLED_NS, Digests, FileDigest, Offender, Outcomes
from attest.scan import Scan, barred, mode_of, moved, refuse, scan_file, scan_tree, walk_tree
from attest.workers import Serial, Threads, cores

__all__ = [
    "SETTLED_NS",
    "Batch",
    "Digests",
    "Executor",
    "FileDigest",
    "Outcomes",
    "Progress",
    "Serial",
    "Step",
    "Threads",
    "batches",
    "changed",
    "cores",
    "digests_of",
    "hash_file",
    "hash_scan",
    "hash_tree",
    "is_read_ahead",
    "outcomes_of",
    "read_ahead",
    "read_batch",
    "scan_and_hash",
]

MANY = 5_000
"""Files of less than ``BATCH_BYTES`` from which on processes win more than starting them costs."""


class Progress(Protocol):
    """Whoever wants to watch. All methods are called from the thread that asked for the digests."""

    def start(self, files: int, size: int) -> None:
        """Work of so many files and bytes begins.

        With 0 files nobody knows yet how many; when somebody does, this is called once more, and what was
        done until then counts.
        """

    def advance(self, files: int, size: int) -> None:
        """So many more files and bytes are done."""

    def finish(self) -> None:
        """The work has ended, well or not."""


def _executor(work: Sequence[Batch], workers: int | None) -> Executor:
    """Choose what reads best: processes where many small files would make threads wait for each other."""
    small = sum(len(batch.numbers) for batch in work if batch.largest < BATCH_BYTES)
    if small >= MANY and (workers or cores()) > 1:
        from attest.readers import Processes, available

        if available():
            return Processes(workers)
    return Threads(workers)


def outcomes_of(
    scan: Scan,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    taken: Callable[[Outcomes, Sequence[int]], None] | None = None,
) -> Outcomes:
    """Have the files of a scan read and return one outcome for each, sorted like the scan.

    Args:
        scan: says which files.
        workers: as of ``hash_tree``.
        executor: as of ``hash_tree``.
        progress: who watches.
        taken: is given the outcomes and the numbers of those that just came, in the calling thread: what it
            has when the work is interrupted is well digested.

    Raises:
        DigestError: the executor left files out, or reading one of them came to nothing.
    """
    listing = Listing.of(scan.found)
    work = batches(scan._replace(found=listing))
    outcomes = Outcomes(listing, time.time_ns())
    if progress:
        progress.start(len(listing), sum(listing.sizes()))
    _gather(outcomes, (executor or _executor(work, workers)).run(work), progress, taken)
    outcomes.check(scan.root)
    return outcomes


def _gather(
    outcomes: Outcomes,
    running: Generator[Step, None, None],
    progress: Progress | None,
    taken: Callable[[Outcomes, Sequence[int]], None] | None = None,
) -> None:
    """Take in what comes of reading."""
    try:
        with closing(running) as steps:  # whatever interrupts, what reads is told to stop
            for step in steps:
                came = outcomes.add(step.outcomes)
                if taken:
                    taken(outcomes, came)
                if progress:
                    progress.advance(len(step.outcomes), step.size)
    finally:
        if progress:
            progress.finish()


def hash_scan(
    scan: Scan,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Digests:
    """Digest what a scan found; arguments, order and errors are those of ``hash_tree``."""
    if scan.offenders:
        raise barred(scan)
    if not scan.found:
        left_out = f": all {scan.skipped} are excluded" if scan.skipped else ""
        raise DigestError(f"no file to digest{left_out}", scan.root, "an empty directory has no digest")
    return digests_of(scan, outcomes_of(scan, workers, executor, progress))


def digests_of(scan: Scan, outcomes: Outcomes) -> Digests:
    """Return the digests of a scan that was read to its end.

    Raises:
        DigestError: a file could not be digested, or the tree is not what the scan found any more.
    """
    if offenders := outcomes.offenders() or moved(scan):
        raise refuse(offenders, scan.root)
    return Digests(outcomes)


def hash_tree(
    root: Path,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Digests:
    """Digest every regular file below a directory.

    Args:
        root: the directory.
        exclude: patterns of paths to leave out (``attest.scan.scan_tree``).
        symlinks: digest links to regular files of the same tree as what they lead to.
        workers: threads or processes to use at most; by default as many as serve. Never changes the answer.
        executor: what has the batches read, in place of threads and processes.
        progress: who watches.

    Returns:
        One digest per file, sorted by the bytes of the paths.

    Raises:
        DigestError: the tree is empty, or something in it cannot be digested or changed meanwhile; all such
            paths are named in one message.
        UsageError: a pattern cannot be read.
    """
    return scan_and_hash(
        root, exclude=exclude, symlinks=symlinks, workers=workers, executor=executor, progress=progress
    )[1]


def scan_and_hash(
    root: Path,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> tuple[Scan, Digests]:
    """Return what ``scan_tree`` does for a directory, and its digests; all else is as of ``hash_tree``.

    Once there are many small files, processes read them while the rest of the tree is walked.
    """
    with closing(walk_tree(root, exclude, symlinks=symlinks)) as walk:
        work = Ahead(walk)
        if executor is None and is_read_ahead(work, workers):
            outcomes = read_ahead(work, workers, progress)
            return work.scan, digests_of(work.scan, outcomes)
        scan = work.finish()
    return scan, hash_scan(scan, workers=workers, executor=executor, progress=progress)


def is_read_ahead(work: Ahead, workers: int | None) -> bool:
    """Tell whether files are to be read while the tree is walked; the walk goes on until that is known."""
    if (workers or cores()) == 1 or not work.reaches(MANY):
        return False
    from attest.readers import available  # a few files need nothing of it

    return available()


def read_ahead(
    work: Ahead,
    workers: int | None,
    progress: Progress | None,
    taken: Callable[[Outcomes, Sequence[int]], None] | None = None,
) -> Outcomes:
    """Walk a tree to its end and have processes read it meanwhile.

    Args:
        work: the tree.
        workers: processes at most; by default as many as serve.
        progress: who watches.
        taken: as of ``outcomes_of``; there may be more files than last time.

    Raises:
        DigestError: as of ``hash_tree``.
    """
    from attest.readers import Processes

    def ended(scan: Scan) -> None:
        if progress:
            progress.start(len(scan.found), sum(work.listing.sizes()))

    outcomes = Outcomes(work.listing, time.time_ns())
    if progress:
        progress.start(0, 0)
    _gather(outcomes, Processes(workers).run_as_found(work.batches(ended)), progress, taken)
    outcomes.check(work.scan.root)
    return outcomes


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
