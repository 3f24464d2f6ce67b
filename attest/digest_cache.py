"""Digests this machine remembers, so that files that did not change are not read again.

A digest is remembered under what the system says of the file: device, inode, size, mtime and ctime. Whatever
changes a file's bytes moves its ctime, which no program can set. Never trusted is what was read so soon after
it had changed that a second change need not show, and a ctime of a whole second (``Outcomes.lasting``).

There is one table per tree asked for (``attest.digest_table``), in the order of its scan, so that an
unchanged tree is found by one comparison. What its own table does not know is looked for in the others.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from attest.ahead import Ahead
from attest.digest_table import (
    ENTRY,
    KEY,
    SUFFIX,
    UNKNOWN,
    Table,
    owner,
    prune,
    read_table,
    tables,
    touch,
    write_table,
)
from attest.errors import AttestError, DigestError, FormatError
from attest.exclusions import Exclusions
from attest.hashing import (
    Digests,
    Executor,
    FileDigest,
    Outcomes,
    Progress,
    digests_of,
    hash_file,
    hash_scan,
    is_read_ahead,
    outcomes_of,
    read_ahead,
)
from attest.listing import Listing
from attest.outcomes import Answers, Offender
from attest.reading import SHA
from attest.scan import SHOWN, Scan, scan_file, walk_tree

__all__ = ["CACHE_CHOICES", "FOLDER", "DigestCache", "project_cache"]

CACHE_CHOICES = ("use", "off", "check")

FOLDER = ".attest/digests"
"""Where the tables are, in the project's folder."""
LEAST = 1 << 20
"""Bytes below which a tree is hashed sooner than a table is read; a file counts as at least ``FILE``."""
FILE = 16 << 10
EVERY = 60.0
"""Seconds after which what was hashed so far is kept, in case the run does not end well."""
BLOCK = 64
"""Files compared at once with what stands at the same place of the table."""

_ALL = range(1 << 32)
"""Numbers of all files there can be in a listing."""

# seconds of hashing a byte, opening a file, and looking at an entry of another table: their ratio matters
_BYTE, _OPEN, _LOOK = 1e-9, 2e-5, 3e-7


class DigestCache:
    """Remembered digests, in a folder of tables.

    Args:
        folder: where the tables are; made when the first is written.
        check: read everything nevertheless, and compare.
        tell: is told, in one sentence, what goes wrong with the tables: that never costs a digest.
        least: bytes below which a tree has no table.
    """

    def __init__(
        self,
        folder: Path,
        *,
        check: bool = False,
        tell: Callable[[str], None] | None = None,
        least: int = LEAST,
    ) -> None:
        self.folder = folder
        self.recalled = 0
        """Files whose digests were not measured but remembered, all trees together."""
        self._check = check
        self._tell = tell or (lambda _: None)
        self._least = least

    def scan_and_hash(
        self,
        root: Path,
        *,
        exclude: Sequence[str] = (),
        symlinks: bool = False,
        workers: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> tuple[Scan, Digests]:
        """Walk and digest a tree, as ``attest.hashing.scan_and_hash`` does, but read no remembered file.

        Where nothing is remembered yet, nothing has to be looked up, and it is read while it is walked.

        Raises:
            DigestError: as of ``hash_scan``.
            UsageError: a pattern cannot be read.
        """
        with closing(walk_tree(root, exclude, symlinks=symlinks)) as walk:
            work = Ahead(walk)
            if executor is None and not self._check and not any(tables(self.folder)):
                memory = self._memory(work.scan) if is_read_ahead(work, workers) else None
                if memory is not None:
                    outcomes = memory.learn(work, workers, progress)
                    return work.scan, digests_of(work.scan, outcomes)
            scan = work.finish()
        return scan, self.hash_scan(scan, workers=workers, executor=executor, progress=progress)

    def hash_scan(
        self,
        scan: Scan,
        *,
        workers: int | None = None,
        executor: Executor | None = None,
        progress: Progress | None = None,
    ) -> Digests:
        """Digest what a scan found, as ``attest.hashing.hash_scan`` does, but read no remembered file.

        Raises:
            DigestError: as there; or, if that was asked, what is remembered of a file is not its digest.
        """
        memory = None if scan.offenders or not scan.found else self._memory(scan)
        if memory is None:
            return hash_scan(scan, workers=workers, executor=executor, progress=progress)
        digests = digests_of(scan, memory.outcomes(workers, executor, progress))
        self.recalled += memory.recalled
        return digests

    def hash_file(self, path: Path, *, progress: Progress | None = None) -> FileDigest:
        """Digest one file, as ``attest.hashing.hash_file`` does.

        Raises:
            DigestError: as there; or, if that was asked, what is remembered of it is not its digest.
        """
        memory = self._memory(scan_file(path))
        if memory is None:
            return hash_file(path, progress=progress)
        outcome = memory.outcomes(1, None, progress)[0]
        if isinstance(outcome, Offender):
            raise DigestError(outcome.reason, str(path))
        self.recalled += memory.recalled
        return outcome

    def _memory(self, scan: Scan) -> _Memory | None:
        """Return what is remembered of a tree; ``None`` where nothing is, and nothing may be."""
        try:
            if self._has_work(scan) and not self._would_change(scan):
                return _Memory(self.folder, scan, self._tell, check=self._check)
        except OSError:  # the tree is gone: whoever reads it says so
            pass
        return None

    def _has_work(self, scan: Scan) -> bool:
        work = 0
        for size in Listing.of(scan.found).sizes():
            work += max(size, FILE)
            if work >= self._least:
                return True
        return False

    def _would_change(self, scan: Scan) -> bool:
        """Tell whether the tables would become a part of the tree they tell of."""
        place = os.path.relpath(os.path.realpath(self.folder), scan.root).replace(os.sep, "/")
        if not scan.directories or place.split("/", 1)[0] == "..":
            return False
        rules = Exclusions(scan.exclude)
        parts = place.split("/")
        above = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return not any(rules.match(each, directory=True) for each in above)


def project_cache(
    settings: Path | None, choice: str, tell: Callable[[str], None] | None = None
) -> DigestCache | None:
    """Return what a project remembers; ``None`` if that is not wanted, or not to be relied on.

    Args:
        settings: the project's settings file, which says where the project is; ``None``: there is no project.
        choice: ``use``, ``check`` (read everything nevertheless, and compare) or ``off``.
        tell: as of ``DigestCache``.
    """
    # what Windows calls ctime is when a file was made
    if settings is None or choice == "off" or os.name != "posix":
        return None
    return DigestCache(settings.parent / FOLDER, check=choice == "check", tell=tell)


class _Memory:
    """What is remembered of one tree, and what is learned of it.

    Raises:
        OSError: the root is gone.
    """

    def __init__(self, folder: Path, scan: Scan, tell: Callable[[str], None], *, check: bool) -> None:
        self._scan = scan
        self._listing = Listing.of(scan.found)
        self._tell = tell
        self._check = check
        self._keys = self._listing.statuses(range(len(self._listing)))
        self._path = folder / f"{_name(scan)}{SUFFIX}"
        self._began = time.time_ns()
        self._saved = time.monotonic()
        self._read: Sequence[int] = ()
        """Which files are read, by number."""
        self._wrong: list[str] = []
        self._table = self._load(self._path)
        self._known = self._recall()

    @property
    def recalled(self) -> int:
        """How many files were not read."""
        return len(self._listing) - len(self._read)

    def outcomes(self, workers: int | None, executor: Executor | None, progress: Progress | None) -> Outcomes:
        """Return one outcome for each file of the scan, in its order.

        Raises:
            DigestError: what is remembered of a file is not its digest.
        """
        everything = range(len(self._listing))
        self._read = everything if self._check else self._missing()
        part: Outcomes | None = None
        try:
            if self._read:
                # what is all to be read is not packed once more
                whole = len(self._read) == len(everything)
                picked = self._listing if whole else self._listing.pick(self._read)
                scan = self._scan._replace(found=picked)
                part = outcomes_of(scan, workers, executor, progress, self._take)
        finally:  # whatever ended it: what was read is remembered
            self._save()
        if self._wrong:
            raise _wrong(self._wrong, self._scan.root)
        return part if part is not None and not self.recalled else self._joined(part)

    def learn(self, work: Ahead, workers: int | None, progress: Progress | None) -> Outcomes:
        """Have a tree read while it is walked of which nothing is remembered, and remember it.

        Raises:
            DigestError: as of ``attest.hashing.read_ahead``.
        """
        self._read = _ALL
        try:
            return read_ahead(work, workers, progress, self._take)
        finally:
            self._save()

    def _load(self, path: Path) -> Table | None:
        try:
            return read_table(path)
        except FormatError as error:
            self._tell(f"{path}: {error.what}: it is ignored, and what it says of files is measured anew")
            return None

    def _recall(self) -> bytearray:
        """Return the digest of every file that one is remembered of."""
        keys, table = self._keys, self._table
        if table is not None and table.keys == keys:
            return bytearray(table.digests)
        known = bytearray(len(keys) // KEY * SHA)
        if table is not None:
            _copy_same(keys, table, known)
            self._fill(known, _zeros(known), table)
        self._ask_others(known)
        return known

    def _fill(self, known: bytearray, missing: Sequence[int], table: Table) -> None:
        """Look for digests that are missing in a table, wherever they stand there."""
        keys = [self._keys[each * KEY : each * KEY + KEY] for each in missing]
        wanted = set(keys)
        there = {
            key: table.digests[place // KEY * SHA : place // KEY * SHA + SHA]
            for place in range(0, len(table.keys), KEY)
            if (key := table.keys[place : place + KEY]) in wanted
        }
        for each, key in zip(missing, keys, strict=True):
            known[each * SHA : each * SHA + SHA] = there.get(key, UNKNOWN)

    def _ask_others(self, known: bytearray) -> None:
        """Look for what is missing in the tables of other trees, while that costs less than reading it."""
        missing = _zeros(known)
        spent = 0.0
        for path, found in tables(self._path.parent):
            size = sum(self._listing.status(each)[2] for each in missing)
            cost = size * _BYTE + len(missing) * _OPEN
            look = found.st_size // ENTRY * _LOOK
            if not missing or path == self._path or spent + look > cost:
                continue
            spent += look
            if table := self._load(path):
                self._fill(known, missing, table)
                missing = _zeros(known)

    def _missing(self) -> list[int]:
        return _zeros(self._known) if UNKNOWN in self._known else []

    def _take(self, outcomes: Outcomes, numbers: Sequence[int]) -> None:
        """Remember what was read."""
        failed, sha256, known = outcomes.failures, outcomes.sha256, self._known
        known += bytes(SHA * len(self._listing) - len(known))  # files may be found while others are read
        for number, lasts in zip(numbers, outcomes.lasting(numbers), strict=True):
            if number in failed:
                continue
            place = self._read[number] * SHA
            digest = sha256[number * SHA : number * SHA + SHA]
            wrong = self._check and known[place : place + SHA] not in (UNKNOWN, digest)
            if wrong:
                self._wrong.append(outcomes.listing.found(number).path)
            known[place : place + SHA] = digest if lasts and not wrong else UNKNOWN
        if time.monotonic() > self._saved + EVERY:
            self._save()
            self._saved = time.monotonic()

    def _save(self) -> None:
        """Write the table, if there is anything new in it; what goes wrong costs nothing but the memory."""
        found = len(self._known) // SHA
        if found > len(self._keys) // KEY:
            self._keys = self._listing.statuses(range(found))
        table = Table(self._keys, bytes(self._known))
        if table == self._table:
            touch(self._path)
            return
        if not any(self._known) and self._table is None:
            return
        try:
            write_table(self._path, table)
        except (AttestError, OSError) as error:
            reason = error.what if isinstance(error, AttestError) else error.strerror
            self._tell(f"{self._path}: {reason}: the digests stand, and will be measured again next time")
            return
        self._table = table
        prune(self._path.parent)

    def _joined(self, part: Outcomes | None) -> Outcomes:
        """Return what is remembered together with what was read."""
        joined = Outcomes(self._listing, self._began)
        if part is None:
            everything = range(len(self._listing))
            joined.add(Answers(self._listing, everything, bytes(self._known), {}, self._began))
            return joined
        read = set(self._read)
        kept = [number for number in range(len(self._listing)) if number not in read]
        digests = b"".join([self._known[SHA * number : SHA * number + SHA] for number in kept])
        joined.add(Answers(self._listing, kept, digests, {}, self._began))
        joined.join(part, self._read)
        return joined


def _name(scan: Scan) -> str:
    """Return the name of a tree's table: the directory itself, wherever it is moved, and how it is read."""
    root = os.stat(scan.root)  # noqa: PTH116 (a string, not a path)
    single = scan.found[0].path if not scan.directories and len(scan.found) == 1 else ""
    told = repr((root.st_dev, root.st_ino, scan.exclude, scan.symlinks, single))
    return hashlib.blake2b(owner() + told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _copy_same(keys: bytes, table: Table, known: bytearray) -> None:
    """Copy the digests of all blocks of files that stand at the same place of the table."""
    for block in range(0, min(len(keys), len(table.keys)) // KEY, BLOCK):
        first, last = block * KEY, (block + BLOCK) * KEY
        if keys[first:last] == table.keys[first:last]:
            known[block * SHA : (block + BLOCK) * SHA] = table.digests[block * SHA : (block + BLOCK) * SHA]


def _zeros(known: bytearray) -> list[int]:
    """Return which files no digest is known of."""
    return [place // SHA for place in range(0, len(known), SHA) if known[place : place + SHA] == UNKNOWN]


def _wrong(paths: Sequence[str], root: str) -> DigestError:
    listed = ", ".join(f'"{path}"' for path in sorted(paths)[:SHOWN])
    more = f", and {len(paths) - SHOWN} more" if len(paths) > SHOWN else ""
    count = "1 file has" if len(paths) == 1 else f"{len(paths)} files have"
    return DigestError(
        f"{count} other bytes than are remembered, and neither size nor times changed: {listed}{more}",
        root,
        "a damaged disk, or a file system whose times do not tell; what was remembered of them is forgotten",
    )
