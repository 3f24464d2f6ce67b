"""What is settled once all that it waits for is: an order without recursion; circles are never settled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from attest.resource import Artifact

__all__ = ["Waits"]


class Waits:
    """Who waits for whom: artifacts, and steps by their number."""

    def __init__(self) -> None:
        self._open: dict[Artifact | int, int] = defaultdict(int)
        self._waiters: dict[Artifact | int, list[Artifact | int]] = defaultdict(list)

    def add_all(self, who: Artifact | int, whom: Iterable[Artifact | int]) -> None:
        """Let one wait for others."""
        for each in whom:
            self._open[who] += 1
            self._waiters[each].append(who)

    def settle(self, everybody: Iterable[Artifact | int], never: set[Artifact]) -> set[Artifact]:
        """Return the artifacts that wait for nobody in the end; those on a circle wait for ever."""
        ready = [each for each in everybody if not self._open.get(each)]
        done: set[Artifact] = set()
        while ready:
            item = ready.pop()
            if isinstance(item, Artifact):
                if item in never:
                    continue
                done.add(item)
            for who in self._waiters.get(item, ()):
                self._open[who] -= 1
                if self._open[who] == 0:
                    ready.append(who)
        return done
