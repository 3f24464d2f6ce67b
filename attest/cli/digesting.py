"""What the commands that digest share: who reads, what the project remembers, how many objects are listed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from attest.cli.options import limit_option, limits_from, warn

if TYPE_CHECKING:
    from pathlib import Path

    from attest.digest_cache import DigestCache
    from attest.fetching import Fetched
    from attest.hashing import Progress
    from attest.limits import Limits
    from attest.manifest import Measured
    from attest.source import Location

__all__ = ["Digesting", "digesting_options", "known_digests"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Digesting:
    """How files and objects are digested, as it was given."""

    engine: str | None
    """URI of a cluster that reads in place of this machine."""
    cache: Literal["use", "off", "check"]
    limits: Limits

    @functools.cached_property
    def known(self) -> DigestCache | None:
        """Digests that the project here remembers; as of ``known_digests``."""
        return known_digests(self.cache)

    @functools.cached_property
    def _progress(self) -> Progress | None:
        from attest.cli.progress import progress_bar

        return progress_bar()

    def measure(
        self,
        place: Path | Location,
        *,
        exclude: Sequence[str] = (),
        symlinks: bool = False,
        workers: int | None = None,
    ) -> Measured | Fetched:
        """Digest a file or directory; arguments and errors are those of ``attest.measure.measure``."""
        from attest.measure import measure

        return measure(
            place,
            exclude=exclude,
            symlinks=symlinks,
            workers=workers,
            progress=self._progress,
            cache=self.known,
            limits=self.limits,
            engine=self.engine,
        )


def known_digests(choice: Literal["use", "off", "check"]) -> DigestCache | None:
    """Return the digests that the project here remembers, or ``None`` where there is none.

    Raises:
        UsageError: they are to be checked, and there is no project.
    """
    from pathlib import Path

    from attest.digest_cache import project_cache
    from attest.errors import AttestError, UsageError
    from attest.folder import FILE_NAME, find_file

    try:
        file = find_file(Path.cwd())
    except AttestError:  # a stranger's settings: nothing of theirs is believed
        file = None
    if file is None and choice == "check":
        raise UsageError(f"no {FILE_NAME} here or above: nothing is remembered", "--verify-cache")
    return project_cache(file, choice, warn)


def digesting_options(function: F) -> F:
    """``--engine``, ``--no-cache``, ``--verify-cache`` and ``--limit``; they arrive as ``digesting``."""

    @functools.wraps(function)
    def gather(
        *args: Any,
        engine: str | None,
        no_cache: bool,
        verify_cache: bool,
        limits: tuple[str, ...],
        **given: Any,
    ) -> Any:
        if no_cache and verify_cache:
            from attest.errors import UsageError

            raise UsageError("--no-cache and --verify-cache contradict each other")
        cache: Any = "off" if no_cache else "check" if verify_cache else "use"
        return function(*args, digesting=Digesting(engine, cache, limits_from(limits)), **given)

    result: Any = gather
    for option in reversed(_DIGESTING):
        result = option(result)
    return result  # type: ignore[no-any-return]  # a click command's function is only ever called by click


_DIGESTING = (
    click.option(
        "--engine",
        metavar="URI",
        help="Have directories and objects read by a cluster: dask://SCHEDULER[:PORT].",
    ),
    click.option("--no-cache", is_flag=True, help="Read every file, whatever this project remembers of it."),
    click.option(
        "--verify-cache",
        is_flag=True,
        help="Read every file, and stop with exit code 4 where one is not what this project remembers.",
    ),
    limit_option,
)
