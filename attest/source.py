"""Inputs that are not on this disk: where a URL leads, and what reads it, one kind per file of ``sources``.

A URL comes from the person at the command line or in the code, never out of a document: what a statement
names is never followed. What it may carry besides a place (a user, a password, a signed query) is used to
read and is neither shown nor recorded.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from attest.errors import DigestError, UsageError
from attest.registry import Registry
from attest.scan import path_problem
from attest.secrets import strip_user_info

__all__ = [
    "CONNECTIONS",
    "RANGE",
    "SOURCES",
    "Location",
    "Object",
    "Patience",
    "Source",
    "SourceError",
    "Tries",
    "is_location",
    "open_source",
]

SOURCES = Registry(
    "kind of URL",
    {
        "fsspec": "attest.sources.filesystem:open_filesystem",
        "http": "attest.sources.https:open_https",
        "https": "attest.sources.https:open_https",
        "s3": "attest.sources.s3:open_s3",
        "s3a": "attest.sources.s3:open_s3",
    },
    "attest.sources",
)
"""Scheme → ``open(location, patience) -> Source``; every scheme that is not here is fsspec's to know."""

CONNECTIONS = 16
"""Requests under way at once, over all objects."""
RANGE = 4 << 20
"""Bytes of one request for a part of an object: with ``CONNECTIONS`` of them, what is held in memory."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://.*", re.DOTALL)
_BUCKETS = frozenset({"s3", "s3a"})
"""Schemes in which a question mark may stand in a name."""
_SIGNED = re.compile(
    r"[?&](?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature)=", re.IGNORECASE
)
_VERSION = re.compile(r"\?versionId=([^?&#/]+)\Z")


def is_location(text: str) -> bool:
    """Tell whether what a person wrote is a URL, and no path."""
    return _URL.fullmatch(text) is not None


@dataclass(frozen=True)
class Location:
    """A URL somebody gave."""

    url: str = field(repr=False)
    """With all it carries: to be read from, never to be shown."""
    scheme: str
    shown: str
    """Without user, password, query and fragment: what is printed and recorded."""
    version: str | None = None
    """The version that was asked for (``?versionId=``, of S3)."""

    @classmethod
    def of(cls, text: str) -> Location:
        """Read a URL.

        Raises:
            UsageError: it is none, or one of a kind that is not read; the message does not repeat it.
        """
        found = _URL.fullmatch(text)
        if found is None or any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text):
            raise UsageError("this is no URL: expected SCHEME://… without control characters")
        scheme = found[1].lower()
        if scheme in _BUCKETS and _SIGNED.search(text):
            raise UsageError("this holds a signature: a signed URL is one of https", f"{scheme}://")
        shown, version = _shown(scheme, scheme + text[len(scheme) :])
        if "::" in text[: len(scheme) + 3] or "::" in shown:
            raise UsageError("chained URLs are not read", shown, "give the URL of the object itself")
        if scheme in {"file", "local"}:
            raise UsageError("this is on this disk", shown, "give its path, without file://")
        if not shown.rpartition("://")[2].strip("/"):
            raise UsageError("the URL names no place", shown)
        return cls(text, scheme, shown, version)

    @property
    def rest(self) -> str:
        """What stands behind ``SCHEME://``, without the version."""
        rest = self.url[len(self.scheme) + 3 :]
        return _VERSION.sub("", rest) if self.version else rest

    @property
    def is_tree(self) -> bool:
        """Whether it names a directory: it ends in a slash, or is a whole bucket."""
        rest = self.shown.rpartition("://")[2]
        return rest.endswith("/") or (self.scheme in _BUCKETS and "/" not in rest)

    @property
    def name(self) -> str:
        """The last part, as what it names is called in a statement.

        Raises:
            UsageError: it cannot stand there.
        """
        name = self.shown.rstrip("/").rpartition("/")[2]
        problem = path_problem(name)
        if problem:
            raise UsageError(f"cannot be named in a statement: {problem}", self.shown)
        return name


def _shown(scheme: str, text: str) -> tuple[str, str | None]:
    """Return a URL as it may be shown, and the version it asks for."""
    if scheme in _BUCKETS:
        version = _VERSION.search(text)
        return strip_user_info(text[: version.start()] if version else text), version and version[1]
    try:
        parts = urlsplit(text)
        host = parts.netloc.rpartition("@")[2]
    except ValueError as error:
        raise UsageError(f"this is no URL: {error}") from error
    return f"{scheme}://{host}{parts.path}", None


class Object(NamedTuple):
    """An object, as its source lists it."""

    path: str
    """Relative to the place, exactly as the source spells it; of a single one its name."""
    size: int | None
    """Bytes; ``None``: the source does not say."""
    etag: str | None = None
    """The entity tag, as the source spells it."""
    version: str | None = None
    """The version or generation."""
    changed: str | None = None
    """When it last changed, as the source spells it."""
    parts: bool = True
    """Whether answers to several requests may be joined: only where each is sure to be of the same bytes, or
    a second look is."""


@dataclass(frozen=True)
class Patience:
    """How long a source is waited for."""

    retries: int = 5
    """How often a request is made again, for every ``RANGE`` bytes of an object."""
    timeout: float = 30.0
    """Seconds without a byte after which a request has failed."""
    stall: float = 60.0
    """Seconds in which at least ``CRAWL`` bytes must come, or the request has failed."""
    backoff: float = 0.5
    """Seconds before the first new attempt, doubled for each further one, half of it by chance."""
    longest: float = 20.0
    """Seconds waited at most before a new attempt, also where the source names a time itself."""

    CRAWL = 64 << 10


class SourceError(DigestError):
    """An object that cannot be had.

    Args:
        what: as of every error.
        where: as of every error.
        hint: as of every error.
        temporary: whether asking again may help.
        gone: whether there surely is no such object.
        wait: seconds the source asks to wait before that.
    """

    def __init__(
        self,
        what: str,
        where: str | None = None,
        hint: str | None = None,
        *,
        temporary: bool = False,
        gone: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(what, where, hint)
        self.temporary = temporary
        self.gone = gone
        self.wait = wait


class Tries:
    """How often something was tried, and when it is tried again.

    Args:
        patience: of whoever waits.
        stop: set when nobody waits any more.
    """

    def __init__(self, patience: Patience, stop: Event | None = None) -> None:
        self._patience = patience
        self._stop = stop or Event()
        self._failed = 0

    def failed(self, error: SourceError) -> None:
        """Wait until it is time to try again.

        Raises:
            SourceError: that is no use, or was done often enough.
        """
        if not error.temporary:
            raise error
        patience = self._patience
        if self._failed >= patience.retries or self._stop.is_set():
            what = f"{error.what} ({self._failed + 1} attempts)"
            raise SourceError(what, error.where, error.hint, temporary=True) from error
        longest = patience.backoff * float(2**self._failed)
        wait = max(error.wait or 0.0, longest * random.uniform(0.5, 1))  # noqa: S311 - no secret
        self._stop.wait(min(wait, patience.longest))
        self._failed += 1


class Source(Protocol):
    """Reads from one location. Its methods are called from several threads at once."""

    pinned: bool
    """Whether every answer of ``read`` is sure to be of the object that was found; if not, the source is
    looked at again after everything was read."""

    def find(self) -> Iterator[Object]:
        """Yield what is there, in any order: one object, or all below a tree.

        Raises:
            SourceError: it cannot be listed, or nothing is there.
        """

    def read(self, item: Object, start: int, stop: int | None) -> Iterator[bytes]:
        """Yield the bytes of an object from ``start`` up to ``stop``, in one request.

        What is yielded may end early, without an error, where a connection was lost: the caller counts.

        Args:
            item: as it was found.
            start: the first byte.
            stop: behind the last byte; ``None``: the end, of an object whose size nobody knows.

        Raises:
            SourceError: it cannot be had, or is not what was found.
        """

    def stated(self, item: Object) -> str | None:
        """Return the SHA-256 the provider keeps of the whole object, lowercase hex, or ``None``.

        Only what is cryptographic and covers all bytes counts: no entity tag, no MD5, no CRC, and no digest
        of the digests of parts.

        Raises:
            SourceError: it cannot be asked, or the object is not what was found.
        """

    def close(self) -> None:
        """Let go of connections."""


def open_source(location: Location, patience: Patience) -> Source:
    """Open what reads a location.

    Raises:
        UsageError: nothing reads such URLs, or the package that does is not installed.
    """
    name = location.scheme if location.scheme in SOURCES else "fsspec"
    source: Source = SOURCES.load(name)(location, patience)
    return source
