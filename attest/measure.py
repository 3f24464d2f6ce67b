"""Digests of whatever was named: a path or a URL, by this machine or by a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, overload

from attest.engine import opened
from attest.limits import DEFAULT, Limits
from attest.manifest import Measured, digest_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attest.digest_cache import DigestCache
    from attest.fetching import Fetched
    from attest.hashing import Progress
    from attest.source import Location

__all__ = ["measure"]


@overload
def measure(
    place: Path,
    *,
    exclude: Sequence[str] = ...,
    symlinks: bool = ...,
    workers: int | None = ...,
    progress: Progress | None = ...,
    cache: DigestCache | None = ...,
    engine: str | None = ...,
) -> Measured: ...
@overload
def measure(
    place: Path | Location,
    *,
    exclude: Sequence[str] = ...,
    symlinks: bool = ...,
    workers: int | None = ...,
    progress: Progress | None = ...,
    cache: DigestCache | None = ...,
    limits: Limits = ...,
    engine: str | None = ...,
) -> Measured | Fetched: ...
def measure(
    place: Path | Location,
    *,
    exclude: Sequence[str] = (),
    symlinks: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    cache: DigestCache | None = None,
    limits: Limits = DEFAULT,
    engine: str | None = None,
) -> Measured | Fetched:
    """Digest a file or directory, on this disk or not.

    Args:
        place: the path, or where else it is.
        exclude: patterns of paths to leave out of a directory (``attest.exclusions.Exclusions``).
        symlinks: digest links to regular files of the same directory as what they lead to; on this disk only.
        workers: of this machine, as of ``digest_path``.
        progress: who watches.
        cache: what remembers digests of files that have not changed.
        limits: how many objects are listed.
        engine: URI of a cluster (``attest.engine``) that reads directories and objects in place of this
            machine. A single file is read by one machine anyway: this one.

    Raises:
        DigestError: it cannot be digested, or changed meanwhile; or the cluster cannot be reached.
        LimitError: there are more objects than ``limits`` allow.
        UsageError: a pattern cannot be read, or nothing reads such URLs or opens such an engine.
    """
    if isinstance(place, Path):
        with opened(engine if place.is_dir() else None) as cluster:
            if cluster is None:
                executor = None
            else:
                from attest.spread import Spread

                executor = Spread(cluster)
            return digest_path(
                place,
                exclude=exclude,
                symlinks=symlinks,
                workers=workers,
                executor=executor,
                progress=progress,
                cache=cache,
            )
    from attest.fetching import fetch

    with opened(engine) as cluster:
        return fetch(place, exclude=exclude, progress=progress, limits=limits, engine=cluster)
