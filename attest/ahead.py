"""Files of a tree handed out to be read while the tree is still walked: most of them are read when it ends.

Whoever reads asks for more whenever there is a moment, and the walk goes on by one step. All of it happens in
the asking thread. What is found is what ``attest.scan.scan_tree`` finds; only when it is read differs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence

from attest.batch import Batch, Groups
from attest.listing import Listing
from attest.scan import Scan, barred

__all__ = ["Ahead"]


class Ahead:
    """A walk, and what it found in batches.

    Args:
        walk: of ``attest.scan.walk_tree``; whoever made it closes it.
    """

    def __init__(self, walk: Generator[Scan, None, None]) -> None:
        self._walk = walk
        self.scan = next(walk)
        """What was found so far."""
        self.listing = Listing.of(self.scan.found)
        """The files found so far; the same object to the end."""
        self._groups = Groups(self.scan.root, self.listing)
        self._full: list[Batch] = []

    def reaches(self, count: int) -> bool:
        """Walk on until there are so many small files, and tell whether it came to that.

        It does not where something is found that cannot be digested.
        """
        while True:
            self._full += self._groups.take()
            if self.scan.offenders:
                return False
            if self._groups.small >= count:
                return True
            if not self._step():
                return False

    def batches(self, ended: Callable[[Scan], None] = lambda _: None) -> Iterator[Sequence[Batch]]:
        """Yield batches, or none, after each step of the walk.

        Args:
            ended: is told the whole scan when the walk has ended.

        Raises:
            DigestError: something in the tree cannot be digested. The walk was finished, so all of that is
                named.
        """
        yield self._full
        while not self.scan.offenders and self._step():
            yield self._groups.take()
        if self.finish().offenders:
            raise barred(self.scan)
        ended(self.scan)
        yield self._groups.rest()

    def finish(self) -> Scan:
        """Walk to the end and return the whole scan."""
        while self._step():
            pass
        return self.scan

    def _step(self) -> bool:
        found = next(self._walk, None)
        self.scan = found or self.scan
        return found is not None
