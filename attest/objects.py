"""The bytes of objects that are not on this disk, fetched ahead and hashed in their order.

SHA-256 runs from the first byte to the last, so the parts of a large object are fetched ahead of it, in
parallel, and hashed as they come due; memory is bounded by the parts under way. A request that fails is made
again from the byte where it broke, but only where the source makes sure that the answer is of the same
object; elsewhere the object is read anew. So a digest is never of two objects mixed.
"""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

from attest.hashing import Progress
from attest.pool import Lane, run_lanes
from attest.scan import Offender
from attest.source import CONNECTIONS, RANGE, Location, Object, Patience, Source, SourceError, Tries

__all__ = ["LARGE", "LARGE_AT_ONCE", "ObjectDigest", "digest_objects"]

LARGE = 2 * RANGE
"""Bytes from which an object is fetched in parts."""
LARGE_AT_ONCE = 4
"""Objects fetched in parts at the same time."""
CHUNKS = 64
"""Pieces of one answer that wait to be hashed."""


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


class _Step(NamedTuple):
    """What reading an object gave since the last step."""

    size: int
    outcome: ObjectDigest | Offender | None = None


def digest_objects(
    source: Source,
    location: Location,
    patience: Patience,
    objects: Sequence[Object],
    *,
    stated: bool = False,
    progress: Progress | None = None,
) -> list[ObjectDigest | Offender]:
    """Digest objects, many at a time; return one outcome for each, in no order.

    Args:
        source: reads them.
        location: where they are.
        patience: how long the source is waited for.
        objects: as they were found.
        stated: take over SHA-256 digests the provider keeps of whole objects, and read only the others.
        progress: who watches.

    Raises:
        SourceError: the only object cannot be had, or the source cannot be reached any more.
    """
    reading = _Reading(source, location, patience, stated=stated)
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
