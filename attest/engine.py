"""Past one machine: what has work done on many others, one kind of cluster per file of ``attest.engines``.

An engine knows nothing of files. It is given a function, what to call it with, and a function that joins
answers; it calls the first wherever it likes, again where a machine was lost, and hands back what was joined.
So another kind of cluster (Ray, Spark) is one file and one line, and the answer is the same whoever gives it.

Whoever runs an engine's machines decides what they answer: name only one you would run the command on.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Protocol, TypeVar

from attest.errors import UsageError
from attest.registry import Registry

__all__ = ["ENGINES", "Engine", "check_engine", "open_engine", "opened"]

T = TypeVar("T")
R = TypeVar("R")

ENGINES = Registry(
    "engine",
    {"dask": "attest.engines.dask:open_dask", "dask+tls": "attest.engines.dask:open_dask"},
    "attest.engines",
)
"""Scheme → ``open(uri) -> Engine``."""


class Engine(Protocol):
    """Has work done on other machines. One object belongs to one thread."""

    def run(
        self, work: Callable[[T], R], groups: Iterable[Sequence[T]], join: Callable[[Sequence[R]], R]
    ) -> Generator[R, None, None]:
        """Yield one answer for each group, in any order; each is what ``join`` made of all ``work`` answered.

        ``join`` is called on the other machines too, on some answers at a time and on what that gave, in a
        tree. Both functions and all they take and give are picklable, and both are functions of a module
        that the other machines have.

        Groups are taken as there is room for them. A machine that is lost costs its work, which is done
        again. When this generator is closed, what is under way is called off.

        Raises:
            DigestError: the cluster cannot be reached any more, gave work up, or has given nothing for
                longer than ``attest.workers.read_timeout``.
            AttestError: what ``work`` raised.
        """

    def close(self) -> None:
        """Let go of the cluster; what it still works on is called off."""


def open_engine(uri: str) -> Engine:
    """Open an engine by its URI, e.g. ``dask://scheduler:8786``.

    Raises:
        UsageError: no engine has that scheme, or the package that it needs is not installed.
        DigestError: the cluster cannot be reached.
    """
    engine: Engine = ENGINES.load(check_engine(uri))(uri)
    return engine


def check_engine(uri: str) -> str:
    """Return the scheme of the URI of an engine; nothing is opened.

    Raises:
        UsageError: no engine has that scheme.
    """
    scheme, separator, _ = uri.partition("://")
    if not separator or scheme not in ENGINES:
        known = ", ".join(f"{name}://" for name in ENGINES)
        raise UsageError(f"got {uri[:100]!r}, expected the URI of an engine", hint=f"one of {known}")
    return scheme


@contextmanager
def opened(uri: str | None) -> Iterator[Engine | None]:
    """Open the engine of a URI for a ``with``, and close it after; nothing for ``None``.

    Raises:
        UsageError: as of ``open_engine``.
        DigestError: as of ``open_engine``.
    """
    if uri is None:
        yield None
        return
    with closing(open_engine(uri)) as engine:
        yield engine
