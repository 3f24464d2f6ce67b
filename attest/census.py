"""Every record of a dataset read once, in as many processes as serve, and its keys made into leaf files.

Units of records go to processes; each spills its keys by prefix into shards, and each shard is then sorted
and folded by itself. Memory holds the spill, one shard, and the top of the tree, some seven bytes a record.
The answer is the same whatever runs the units and in whatever order they end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from attest.buckets import Settled, level_for
from attest.commitment import SPACES, Commitment, Keyer
from attest.hashing import Progress
from attest.leaves import HEAD_BYTES, Owner, write_leaves
from attest.processes import cores, in_processes
from attest.record import Batch, Unit
from attest.spill import SHARDS, Spill, settle, spilled_keys

if TYPE_CHECKING:
    from attest.resource import Artifact

__all__ = ["Census", "Readable", "Tally", "take_census"]

PARALLEL_BYTES = 64 << 20
"""Bytes of data below which starting processes costs more than it saves."""
UNITS_AT_ONCE = 4
"""Units of one task, at most."""
SHARDS_AT_ONCE = 16
"""Shards of one task, at most."""

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Census:
    """What was counted, and the leaf files that were written."""

    records: int
    """Records read."""
    content: Commitment
    subject: Commitment | None = None
    nobody: int = 0
    """Records that name no person."""


class Tally(NamedTuple):
    """What reading some units gave."""

    units: int
    records: int
    nobody: int
    size: int
    """Bytes."""


class Readable(Protocol):
    """Records that can be read in pieces; ``attest.record.Records`` is."""

    @property
    def unit(self) -> str:
        """What one record is, ``file`` or ``row``."""

    @property
    def size(self) -> int:
        """Bytes of all of them."""

    @property
    def read(self) -> Callable[[Unit], Iterator[Batch]]:
        """A function that yields the records of a unit, in any process."""

    def units(self) -> list[Unit]:
        """The pieces."""


def take_census(
    records: Readable,
    secret: bytes,
    artifact: Artifact,
    content: Path,
    subject: Path | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Census:
    """Read every record, and write the leaf files of its keys.

    Args:
        records: whose.
        secret: what the keys are made with.
        artifact: the dataset the records are of.
        content: where the leaf file of the records goes.
        subject: where the leaf file of the people goes, if their column is named.
        workers: processes; ``None``: one per core if there is enough to read. More than one needs a program
            whose main module can be imported.
        progress: who watches.

    Raises:
        AttestError: a record cannot be read, or a file not written; no leaf file was.
    """
    units = records.units()
    count = workers or (cores() if records.size >= PARALLEL_BYTES else 1)
    if progress:
        progress.start(len(units), records.size)
    with TemporaryDirectory(prefix=".attest-census-", dir=content.parent) as name:
        folder = Path(name)
        tally = [0, 0]
        gather = _Gather(folder, secret, records.read, subject is not None)
        try:
            for found in _done(gather, _ever_less(units, count, UNITS_AT_ONCE), count):
                tally = [tally[0] + found.records, tally[1] + found.nobody]
                if progress:
                    progress.advance(found.units, found.size)
        finally:
            if progress:
                progress.finish()
        digest = Keyer(secret).secret_digest
        made = [
            _settled(count, folder, path, Owner(space, digest, artifact, tally[0], records.unit))
            for space, path in (("content", content), ("subject", subject))
            if path is not None
        ]
    return Census(tally[0], made[0], made[1] if subject else None, tally[1] if subject else 0)


@dataclass(frozen=True)
class _Gather:
    """Reads units and spills the keys of their records, in whatever process this is."""

    folder: Path
    secret: bytes
    read: Callable[[Unit], Iterator[Batch]]
    people: bool

    def __call__(self, units: Sequence[Unit]) -> Tally:
        keyer = Keyer(self.secret)
        spills = [Spill(self.folder / space) for space in SPACES[: 1 + self.people]]
        records = nobody = 0
        for batch in chain.from_iterable(map(self.read, units)):
            spills[0].add(keyer.keys(batch.records))
            records += len(batch.records)
            if self.people:
                named = [person for person in batch.people or () if person is not None]
                spills[1].add(keyer.keys({*named}))
                nobody += len(batch.records) - len(named)
        for spill in spills:
            spill.flush()
        size = sum(unit.end - unit.start or sum(found.size for found in unit.files) for unit in units)
        return Tally(len(units), records, nobody, size)


@dataclass(frozen=True)
class _Settle:
    """Settles some shards."""

    folder: Path
    level: int

    def __call__(self, shards: Sequence[int]) -> list[Settled]:
        return settle(self.folder, shards, self.level, HEAD_BYTES)


def _settled(workers: int, folder: Path, path: Path, owner: Owner) -> Commitment:
    """Sort and fold what was spilled of one space, and write its leaf file."""
    place = folder / owner.space
    place.mkdir(exist_ok=True)
    level = level_for(spilled_keys(place))
    shards = range(SHARDS)
    tasks = _ever_less(shards, workers, SHARDS_AT_ONCE) if level >= 8 else [shards]
    parts = _done(_Settle(place, level), tasks, workers)
    return write_leaves(path, [each for part in parts for each in part], owner)


@dataclass(frozen=True)
class _Attempt:
    """What a task gave, or why it failed: errors travel between processes like answers."""

    given: Any = None
    error: Exception | None = None

    @classmethod
    def at(cls, work: Callable[[T], object], task: T) -> _Attempt:
        """Do a task."""
        try:
            return cls(work(task))
        except Exception as error:  # noqa: BLE001 - raised again where the answers are taken
            return cls(error=error)


def _ever_less(items: Sequence[T], workers: int, most: int) -> list[Sequence[T]]:
    """Cut work into tasks that are large at first, as each has to wait for its turn, and small at the end.

    So processes that get less of a busy machine than others end with them all the same (guided
    self-scheduling, Polychronopoulos and Kuck 1987).
    """
    tasks: list[Sequence[T]] = []
    start = 0
    while start < len(items):
        size = max(1, min(most, (len(items) - start) // (2 * workers)))
        tasks.append(items[start : start + size])
        start += size
    return tasks


def _done(work: Callable[[T], S], tasks: Sequence[T], workers: int) -> Iterator[S]:
    """Yield what the tasks give, in their order, done in processes, or here where one is enough."""
    if workers < 2 or len(tasks) < 2:
        yield from map(work, tasks)
        return
    with closing(in_processes(_Attempt.at, work, tasks, workers)) as attempts:
        for _, attempt in attempts:
            if attempt.error is not None:
                raise attempt.error
            yield attempt.given
