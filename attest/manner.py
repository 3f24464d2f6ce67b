"""How a step's files are digested, all alike: what is left out, who reads, what need not be read again."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from attest.adoption import Adopted, adopt
from attest.digest_cache import DigestCache
from attest.engine import opened
from attest.fetching import Fetched, fetch
from attest.hashing import Progress
from attest.limits import DEFAULT, Limits
from attest.manifest import Measured
from attest.measure import measure
from attest.places import within
from attest.source import Location
from attest.spread import Spread
from attest.written import Written

__all__ = ["Manner"]


class Manner(NamedTuple):
    """How directories are digested, all of them alike."""

    exclude: tuple[str, ...] = ()
    """Patterns of paths to leave out."""
    symlinks: bool = False
    """Whether links to files of the same directory are read as those files."""
    progress: Progress | None = None
    """Who watches."""
    written: Written | None = None
    """What is known of the files the step writes; ``None`` for what it reads."""
    cache: DigestCache | None = None
    """What remembers digests of files that have not changed."""
    adopt: bool = False
    """Whether digests of inputs that others already know are taken over and not measured."""
    engine: str | None = None
    """URI of a cluster that reads inputs in place of this machine (``attest.engine``)."""
    limits: Limits = DEFAULT
    """How many objects of an input are listed."""

    def without_cache_in(self, places: Sequence[str]) -> Manner:
        """Return the same, remembering nothing if that would change one of these real paths."""
        folder = os.path.realpath(self.cache.folder) if self.cache else ""
        return self._replace(cache=None) if any(within(folder, place) for place in places) else self

    def digest(self, path: Path) -> Measured:
        """Digest a file or directory.

        Raises:
            DigestError: it cannot be.
        """
        how = functools.partial(measure, engine=self.engine) if self.written is None else self.written.measure
        return how(
            path,
            exclude=self.exclude,
            symlinks=self.symlinks,
            progress=self.progress,
            cache=self.cache,
        )

    def take_over(self, path: Path) -> Adopted:
        """Digest an input, taking over what others know.

        Raises:
            AttestError: it cannot be digested, or what others say of it cannot be right.
        """
        with opened(self.engine) as engine:
            return adopt(
                path,
                exclude=self.exclude,
                symlinks=self.symlinks,
                executor=Spread(engine) if engine else None,
                progress=self.progress,
                cache=self.cache,
            )

    def fetch(self, location: Location, *, adopt: bool) -> Fetched:
        """Digest what is not on this disk, taking over what its store says of it only if that is asked for.

        Raises:
            DigestError: it cannot be.
        """
        with opened(self.engine) as engine:
            return fetch(
                location,
                exclude=self.exclude,
                progress=self.progress,
                stated=adopt and self.adopt,
                limits=self.limits,
                engine=engine,
            )
