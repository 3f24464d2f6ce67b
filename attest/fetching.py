"""Digests of what is not on this disk: the same manifest, byte for byte, as of the same files on it.

SHA-256 runs from the first byte to the last, so the parts of a large object are fetched ahead of it, in
parallel, and hashed in their order; memory is bounded by the parts under way. A request that fails is made
again from the byte where it broke, but only where the source makes sure that the answer is of the same
object; elsewhere the object is read anew. So a digest is never of two objects mixed.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import NamedTuple

from attest.engine import Engine
from attest.errors import DigestError, FormatError
from attest.exclusions import Exclusions
from attest.hashing import Progress
from attest.limits import DEFAULT, Limits
from attest.manifest import Excluded, Manifest
from attest.pool import Lane, run_lanes
from attest.resource import Artifact
from attest.scan import Offender, path_problem, refuse
from attest.source import (
    CONNECTIONS,
    RANGE,
    Location,
    Object,
    Patience,
    Source,
    SourceError,
    Tries,
    open_source,
)

__all__ = ["Fetched", "ObjectDigest", "fetch"]

LARGE = 2 * RANGE
"""Bytes from which an object is fetched in parts."""
LARGE_AT_ONCE = 4
"""Objects fetched in parts at the same time."""
CHUNKS = 64
"""Pieces of one answer that wait to be hashed."""

TASK_OBJECTS, TASK_BYTES = 256, 64 << 20
"""Objects, and bytes, that one machine of an engine reads in one go."""
GROUP_TASKS, GROUP_BYTES = 64, 512 << 20
"""Tasks, and bytes, whose answers come back as one."""

_CHANGED = "changed while it was read"


class ObjectDigest(NamedTuple):
    """An object's digest."""

    path: str
    """Relative to the tree, ``/``-separated; of a single object its name."""
    sha256: str
    """Lowercase hex."""
    size: int
    """Bytes."""
    stated: bool = False
    """Whether the provider stated the digest, and nothing was measured."""


@dataclass(frozen=True)
class Fetched:
    """An object, or all objects below a prefix, digested."""

    location: Location
    sha256: str
    """Of the object, or of the manifest, lowercase hex."""
    size: int
    """Bytes of all objects."""
    files: Sequence[Object] = field(repr=False)
    """The objects as they were found, sorted by the bytes of their paths."""
    manifest: Manifest | None = field(repr=False)
    """``None`` for a single object."""
    excluded: Excluded = field(default_factory=Excluded)
    stated: int = 0
    """Objects whose digest the provider stated."""

    @property
    def place(self) -> str:
        """Where it is, to be shown."""
        return self.location.shown

    @property
    def artifact(self) -> Artifact:
        """The object or tree as a node of the lineage."""
        return Artifact(self.sha256, tree=self.manifest is not None)

    @property
    def digest_source(self) -> str | None:
        """Who stated digests that were not measured; ``None``: all were. Only S3 states any."""
        return "s3-checksum" if self.stated else None

    def notes(self) -> dict[str, str]:
        """Return what a statement says of the very object that was read: its entity tag and version."""
        one = self.files[0] if self.manifest is None else None
        said = {"etag": one.etag, "version": one.version} if one else {}
        return {name: value for name, value in said.items() if value}

    def changed(self, patience: Patience | None = None) -> list[str]:
        """Return the paths of what is another object by now, came or went; no object is read.

        Raises:
            DigestError: the source cannot be asked.
        """
        exclusions = Exclusions(self.excluded.patterns)
        with closing(open_source(self.location, patience or Patience())) as source:
            try:
                return sorted(each.path for each in _moved(source, self.files, exclusions))
            except SourceError as error:
                if not error.gone:
                    raise
                return [each.path for each in self.files]


def fetch(
    location: Location,
    *,
    exclude: Sequence[str] = (),
    stated: bool = False,
    progress: Progress | None = None,
    patience: Patience | None = None,
    limits: Limits = DEFAULT,
    engine: Engine | None = None,
) -> Fetched:
    """Digest an object, or all objects below a prefix as their manifest.

    Args:
        location: where it is.
        exclude: patterns of paths to leave out of a tree (``attest.exclusions.Exclusions``).
        stated: take over SHA-256 digests the provider keeps of whole objects, and read only the others.
        progress: who watches.
        patience: how long the source is waited for.
        limits: how many objects are listed.
        engine: whose machines read the objects, in place of this one; they find credentials where they are.

    Raises:
        DigestError: it cannot be had, or changed between listing and reading; all such objects are named.
        LimitError: there are more objects than ``limits`` allow.
        UsageError: nothing reads such URLs here, or a pattern cannot be read.
    """
    exclusions = Exclusions(exclude)
    waits = patience or Patience()
    source = open_source(location, waits)
    with closing(source):
        objects, skipped = _list(source, location, exclusions, limits)
        if engine is None:
            reading = _Reading(source, location, waits, stated=stated)
            digests = _all_of(objects, _digest(reading, objects, progress), location)
        else:
            whole = _Task(location, waits, stated, objects)
            digests = _all_of(objects, _spread(engine, whole, progress), location)
        if location.is_tree or not source.pinned:
            offenders = list(_moved(source, objects, exclusions))
            if offenders:
                raise refuse(offenders, location.shown)
    sizes = sum(each.size for each in digests)
    taken = sum(each.stated for each in digests)
    if not location.is_tree:
        return Fetched(location, digests[0].sha256, sizes, objects, None, stated=taken)
    try:
        manifest = Manifest.of((each.sha256, each.path) for each in digests)
    except FormatError as error:  # a store of objects may hold what no directory can
        raise DigestError(error.what, location.shown) from error
    left_out = Excluded(exclusions.patterns, skipped)
    return Fetched(location, manifest.digest, sizes, objects, manifest, left_out, taken)


# ── what is there ──


def _list(
    source: Source, location: Location, exclusions: Exclusions, limits: Limits
) -> tuple[list[Object], int]:
    """Return the objects of a location, sorted by the bytes of their paths, and how many were left out."""
    offenders: list[Offender] = []
    objects: list[Object] = []
    skipped = 0
    for count, found in enumerate(source.find(), 1):
        limits.check("objects", count, location.shown)
        if location.is_tree and _excluded(exclusions, found.path):
            skipped += 1
        elif problem := path_problem(found.path):
            offenders.append(Offender(found.path, problem))
        else:
            objects.append(found)
    if offenders:
        raise refuse(offenders, location.shown)
    if not objects:
        left_out = f": all {skipped} are excluded" if skipped else ""
        raise DigestError(f"no object to digest{left_out}", location.shown, "is the prefix right?")
    objects.sort(key=lambda each: each.path)
    for before, after in pairwise(objects):
        if before.path == after.path:
            raise DigestError(f"{after.path[:200]!r} is listed twice", location.shown)
    return objects, skipped


def _excluded(exclusions: Exclusions, path: str) -> bool:
    """Tell whether a path, or a directory it lies in, is left out."""
    if not exclusions:
        return False
    ends = [number for number, char in enumerate(path) if char == "/"]
    return exclusions.match(path, directory=False) or any(
        exclusions.match(path[:end], directory=True) for end in ends
    )


def _moved(source: Source, objects: Sequence[Object], exclusions: Exclusions) -> Iterator[Offender]:
    """Look again, and yield what is not as it was found."""
    before = {each.path: each for each in objects}
    for found in source.find():
        known = before.pop(found.path, None)
        if known is None:
            if not _excluded(exclusions, found.path):
                yield Offender(found.path, "appeared while it was read")
        elif known != found:
            yield Offender(found.path, _CHANGED)
    for path in before:
        yield Offender(path, "vanished while it was read")


# ── reading it ──


class _Step(NamedTuple):
    """What reading an object gave since the last step."""

    size: int
    outcome: ObjectDigest | Offender | None = None


def _all_of(
    objects: Sequence[Object], outcomes: Iterable[ObjectDigest | Offender], location: Location
) -> list[ObjectDigest]:
    """Return one digest for each object.

    Raises:
        DigestError: some have none; all of these are named.
    """
    digests: list[ObjectDigest] = []
    offenders: list[Offender] = []
    for outcome in outcomes:
        if isinstance(outcome, ObjectDigest):
            digests.append(outcome)
        else:
            offenders.append(outcome)
    if offenders:
        raise refuse(offenders, location.shown)
    digests.sort(key=lambda each: each.path)
    if [each.path for each in digests] != [each.path for each in objects]:
        raise DigestError(
            f"got {len(digests)} digests, expected one for each of {len(objects)} objects", location.shown
        )
    return digests


def _digest(
    reading: _Reading, objects: Sequence[Object], progress: Progress | None
) -> list[ObjectDigest | Offender]:
    """Have objects read and return one outcome for each, in no order."""
    large = deque(sorted((each for each in objects if (each.size or 0) >= LARGE), key=_largest))
    small = deque(each for each in objects if (each.size or 0) < LARGE)
    reading.ahead = max(1, CONNECTIONS // max(1, min(LARGE_AT_ONCE, len(large))))
    lanes = [Lane(large, LARGE_AT_ONCE, LARGE_AT_ONCE), Lane(small, CONNECTIONS, CONNECTIONS)]
    outcomes: list[ObjectDigest | Offender] = []
    if progress:
        progress.start(len(objects), sum(each.size or 0 for each in objects))
    try:
        with closing(run_lanes(lanes, reading.run, warm=CONNECTIONS, cold=CONNECTIONS)) as steps:
            for size, outcome in steps:
                if outcome is not None:
                    outcomes.append(outcome)
                if progress:
                    progress.advance(outcome is not None, size)
    finally:
        reading.stop.set()
        if progress:
            progress.finish()
    return outcomes


class _Task(NamedTuple):
    """Objects that one machine reads in one go."""

    location: Location
    patience: Patience
    stated: bool
    objects: Sequence[Object]


def _read_task(task: _Task) -> list[ObjectDigest | Offender]:
    """Read and hash objects. Runs wherever the engine likes."""
    with closing(open_source(task.location, task.patience)) as source:
        reading = _Reading(source, task.location, task.patience, stated=task.stated)
        return _sorted(_digest(reading, task.objects, None))


def _join(parts: Sequence[list[ObjectDigest | Offender]]) -> list[ObjectDigest | Offender]:
    """Sort what several machines read. Runs wherever the engine likes."""
    return _sorted(chain.from_iterable(parts))


def _sorted(outcomes: Iterable[ObjectDigest | Offender]) -> list[ObjectDigest | Offender]:
    return sorted(outcomes, key=lambda each: each.path)


def _spread(engine: Engine, whole: _Task, progress: Progress | None) -> Iterator[ObjectDigest | Offender]:
    """Have objects read by an engine, and yield one outcome for each."""
    sizes = {each.path: each.size or 0 for each in whole.objects}
    if progress:
        progress.start(len(sizes), sum(sizes.values()))
    try:
        with closing(engine.run(_read_task, _groups(whole), _join)) as parts:
            for part in parts:
                yield from part
                if progress:
                    progress.advance(len(part), sum(sizes.get(each.path, 0) for each in part))
    finally:
        if progress:
            progress.finish()


def _groups(whole: _Task) -> Iterator[list[_Task]]:
    """Cut a task into groups of smaller ones, each group answered for as one."""
    group: list[_Task] = []
    some: list[Object] = []
    size = total = 0
    for each in whole.objects:
        some.append(each)
        size += each.size or 0
        if len(some) == TASK_OBJECTS or size >= TASK_BYTES:
            group.append(whole._replace(objects=some))
            total += size
            some, size = [], 0
            if len(group) == GROUP_TASKS or total >= GROUP_BYTES:
                yield group
                group, total = [], 0
    group += [whole._replace(objects=some)] if some else []
    if group:
        yield group


def _largest(item: Object) -> int:
    return -(item.size or 0)


class _Reading:
    """One run over the objects of a source."""

    def __init__(self, source: Source, location: Location, patience: Patience, *, stated: bool) -> None:
        self._source = source
        self._location = location
        self._patience = patience
        self._stated = stated
        self.ahead = 1
        """Parts of one large object that are fetched at once."""
        self.stop = threading.Event()

    def run(self, item: Object) -> Generator[_Step, None, None]:
        """Digest one object; yield now and then, so that this can be stopped.

        Raises:
            SourceError: it cannot be had, and there are no others; or the source cannot be reached any more,
                so that asking for others is no use.
        """
        try:
            stated = self._ask(item) if self._stated else None
            if stated is not None:
                yield _Step(item.size or 0, ObjectDigest(item.path, stated, item.size or 0, stated=True))
            elif item.parts and item.size is not None:
                yield from self._joined(item, item.size)
            else:
                yield from self._whole(item)
        except SourceError as error:
            if error.temporary or not self._location.is_tree:
                raise SourceError(
                    error.what, self._location.shown, error.hint, temporary=error.temporary
                ) from error
            yield _Step(0, Offender(item.path, error.what))

    def _ask(self, item: Object) -> str | None:
        tries = Tries(self._patience, self.stop)
        while True:
            try:
                return self._source.stated(item)
            except SourceError as error:
                tries.failed(error)

    def _joined(self, item: Object, size: int) -> Generator[_Step, None, None]:
        """Digest an object out of the answers to several requests, each for a part of it."""
        sha256 = hashlib.sha256()
        starts = iter(range(0, size, RANGE) if size else (0,))
        ahead: deque[_Part] = deque()
        try:
            for start in starts:
                ahead.append(_Part(self._source, item, start, min(start + RANGE, size)))
                if len(ahead) >= self.ahead:
                    yield _Step(self._take(ahead, sha256))
            while ahead:
                yield _Step(self._take(ahead, sha256))
        finally:
            for part in ahead:
                part.leave()
        yield _Step(0, ObjectDigest(item.path, sha256.hexdigest(), size))

    def _take(self, ahead: deque[_Part], sha256: hashlib._Hash) -> int:
        """Hash the first of the parts fetched ahead; where it breaks, ask for the rest of it."""
        part = ahead[0]
        first, stop = part.start, part.stop or 0
        at = first
        tries = Tries(self._patience, self.stop)
        while True:
            try:
                for chunk in part.chunks(self._patience):
                    sha256.update(chunk)
                    at += len(chunk)
            except SourceError as error:
                part.leave()
                tries.failed(error)
                part = ahead[0] = _Part(self._source, part.item, at, stop)
            else:
                ahead.popleft()
                return stop - first

    def _whole(self, item: Object) -> Generator[_Step, None, None]:
        """Digest an object out of one answer; where that breaks, begin anew."""
        tries = Tries(self._patience, self.stop)
        while True:
            sha256 = hashlib.sha256()
            at = reported = 0
            part = _Part(self._source, item, 0, item.size)
            try:
                for chunk in part.chunks(self._patience):
                    sha256.update(chunk)
                    at += len(chunk)
                    if at - reported >= RANGE:
                        yield _Step(at - reported)
                        reported = at
            except SourceError as error:
                yield _Step(-reported)
                tries.failed(error)
            else:
                yield _Step(at - reported, ObjectDigest(item.path, sha256.hexdigest(), at))
                return
            finally:
                part.leave()


class _Part:
    """A part of an object that a thread of its own fetches, ahead of whoever hashes it.

    Of one's own, because nothing stops a thread that waits for a server: who gives up leaves it behind, and
    it ends when its connection does.
    """

    def __init__(self, source: Source, item: Object, start: int, stop: int | None) -> None:
        self.item = item
        self.start = start
        self.stop = stop
        self._source = source
        self._left = False
        self._chunks: queue.Queue[bytes | SourceError | None] = queue.Queue(CHUNKS)
        threading.Thread(target=self._fetch, daemon=True).start()

    def _fetch(self) -> None:
        end: SourceError | None = None
        try:
            for chunk in self._source.read(self.item, self.start, self.stop):
                if self._left:
                    return
                self._chunks.put(chunk)
        except SourceError as error:
            end = error
        except Exception as error:  # noqa: BLE001 - whoever hashes waits for an answer, whatever it is
            end = SourceError(f"cannot be read: {type(error).__name__}: {str(error)[:300]}")
        self._chunks.put(end)

    def chunks(self, patience: Patience) -> Iterator[bytes]:
        """Yield what was fetched, as it comes.

        Raises:
            SourceError: it could not be fetched, comes too slowly, or is more or less than was asked for.
        """
        at = self.start
        came, since = 0, time.monotonic()
        while True:
            left = since + patience.stall - time.monotonic()
            try:
                chunk = self._chunks.get(timeout=max(left, 0.001))
            except queue.Empty:
                what = f"stalled: {came} bytes in {patience.stall:g} s"
                raise SourceError(what, temporary=True) from None
            if isinstance(chunk, SourceError):
                raise chunk
            if chunk is None and self.stop is not None and at < self.stop:
                what = f"the connection ended at byte {at}, expected {self.stop}"
                raise SourceError(what, temporary=True)
            if chunk is None:
                return
            at += len(chunk)
            if self.stop is not None and at > self.stop:
                raise SourceError(f"got more than the {self.stop - self.start} bytes asked for")
            yield chunk
            came += len(chunk)
            if came >= patience.CRAWL:
                came, since = 0, time.monotonic()

    def leave(self) -> None:
        """Need nothing more of it."""
        self._left = True
        while True:  # a thread that waits for room finds some
            try:
                self._chunks.get_nowait()
            except queue.Empty:
                return
