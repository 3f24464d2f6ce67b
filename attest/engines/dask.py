"""Dask: work goes to a scheduler, which gives it to workers, and again to others where one is lost.

``dask://HOST:PORT`` is a scheduler of ``dask.distributed`` over TCP, ``dask+tls://`` one over TLS with the
certificates that Dask's own configuration names. The workers need attest, of any version with this module.
"""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from attest.errors import AttestError, DigestError, UsageError
from attest.workers import read_timeout

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["DaskEngine", "open_dask"]

T = TypeVar("T")
R = TypeVar("R")

PORT = 8786
"""Where schedulers listen unless they are told otherwise."""
CONNECT_SECONDS = 15.0
"""How long a scheduler may take to answer at first, and its first worker to come."""
LOST_SECONDS = 20.0
"""How long a scheduler may be out of reach before it is given up."""
FAN_IN = 16
"""Answers that are joined at a time."""
AHEAD = 4
"""Pieces of work for each thread of the cluster that are handed out before their answers are there."""
TICK = 0.5


class DaskEngine:
    """A cluster of Dask.

    Args:
        address: of its scheduler, as Dask writes it.
        shown: the same as the user wrote it.

    Raises:
        UsageError: Dask is not installed.
        DigestError: there is no scheduler, or it has no workers.
    """

    def __init__(self, address: str, shown: str) -> None:
        self._shown = shown
        try:
            from distributed import Client
        except ImportError as error:
            hint = "pip install 'attest-provenance[dask]'"
            raise UsageError(f"Dask is needed for this engine: {error}", shown, hint) from error
        # what goes wrong is told once, in our words
        for name in ("distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            self._client: Client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            hint = "is it running, and reachable from here?"
            raise DigestError(f"there is no scheduler: {error}"[:300], shown, hint) from error
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except TimeoutError as error:
            self.close()
            raise DigestError(
                "the scheduler has no workers", shown, "start one, e.g. `dask worker`"
            ) from error

    def run(
        self, work: Callable[[T], R], groups: Iterable[Sequence[T]], join: Callable[[Sequence[R]], R]
    ) -> Generator[R, None, None]:
        """Yield one answer for each group; ``attest.engine.Engine`` says how."""
        done: queue.SimpleQueue[Future] = queue.SimpleQueue()
        under_way: dict[Future, int] = {}
        watch = _Watch(self._client, self._shown)
        source = iter(groups)
        more = True
        try:
            while more or under_way:
                room = self._threads() * AHEAD - sum(under_way.values())
                while more and (room > 0 or not under_way):
                    group = next(source, None)
                    if group is None:
                        more = False
                        break
                    future = self._submit(work, group, join)
                    under_way[future] = len(group)
                    room -= len(group)
                    future.add_done_callback(done.put)
                if under_way:
                    finished = watch.next_of(done)
                    del under_way[finished]
                    yield watch.answer_of(finished)
        finally:
            for future in under_way:
                future.cancel(force=True)

    def _threads(self) -> int:
        """Count the threads of the cluster as the scheduler told them last."""
        workers: dict[str, dict[str, int]] = self._client.scheduler_info().get("workers", {})
        return max(1, sum(worker.get("nthreads", 1) for worker in workers.values()))

    def _submit(self, work: Callable[[T], R], group: Sequence[T], join: Callable[[Sequence[R]], R]) -> Future:
        """Hand a group out as a tree whose leaves are its pieces of work."""
        level = [self._client.submit(work, task, pure=False) for task in group]
        while len(level) > 1:
            level = [self._client.submit(join, list(some), pure=False) for some in _by(FAN_IN, level)]
        return level[0]

    def close(self) -> None:
        """Let go of the cluster."""
        try:
            self._client.close(timeout=2)
        except (OSError, TimeoutError):  # it is gone already
            return


def _by(count: int, items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[first : first + count] for first in range(0, len(items), count))


class _Watch:
    """Waits for answers, and notices when none can come any more."""

    def __init__(self, client: Client, shown: str) -> None:
        self._client = client
        self._shown = shown
        self._timeout = read_timeout()

    def next_of(self, done: queue.SimpleQueue[Future]) -> Future:
        """Return what is answered next.

        Raises:
            DigestError: nothing will be, or nothing was for too long.
        """
        began = lost = time.monotonic()
        while True:
            try:
                return done.get(timeout=TICK)
            except queue.Empty:
                now = time.monotonic()
            if self._client.status == "running":
                lost = now
            elif now - lost > LOST_SECONDS:
                raise self._gone()
            if now - began > self._timeout:
                what = f"the cluster has given nothing for {self._timeout:g} seconds"
                hint = "are its workers well? ATTEST_READ_TIMEOUT=SECONDS waits longer"
                raise DigestError(what, self._shown, hint)

    def _gone(self) -> DigestError:
        hint = "start it and run this again; what was digested and is remembered is not read again"
        return DigestError("the scheduler went away", self._shown, hint)

    def answer_of(self, future: Future) -> Any:
        """Return an answer.

        Raises:
            AttestError: what the work raised.
            DigestError: the work was given up.
        """
        if future.status == "finished":
            try:
                return future.result(timeout=self._timeout)
            except (OSError, TimeoutError) as error:
                raise self._gone() from error
        if future.status != "error":
            raise self._gone()
        raise self._failure(future.exception())

    def _failure(self, error: BaseException) -> AttestError:
        """Return what to tell of work that raised something."""
        if isinstance(error, AttestError):
            return error
        name = type(error).__name__
        if name == "KilledWorker":
            what = "work was given up because every worker that had it died"
            return DigestError(what, self._shown, "is their memory short? look at their logs")
        # the scheduler looks at the work, too, and says so in words of its own
        if isinstance(error, ImportError) or "deserializ" in str(error):
            what = f"the cluster cannot do this work: {' '.join(str(error).split())}"[:200]
            hint = "install attest-provenance where the scheduler and the workers run, of the same version"
            return DigestError(what, self._shown, hint)
        return DigestError(f"the cluster failed: {name}: {error}"[:400], self._shown)


def open_dask(uri: str) -> DaskEngine:
    """Open the cluster of the scheduler that ``dask://HOST[:PORT]`` names.

    Raises:
        UsageError: the URI names no scheduler, or Dask is not installed.
        DigestError: the scheduler cannot be reached.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port or PORT
    except ValueError as error:
        raise UsageError(f"this is no address: {error}", uri[:200]) from error
    if not host or parts.path.strip("/") or parts.query or parts.username:
        raise UsageError("expected dask://HOST:PORT", uri[:200], f"the port is {PORT} unless it is named")
    kind = "tls" if parts.scheme == "dask+tls" else "tcp"
    name = f"[{host}]" if ":" in host else host
    return DaskEngine(f"{kind}://{name}:{port}", uri)
