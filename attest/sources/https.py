"""Objects on web servers: ``https://`` and, where somebody says so, ``http://``.

Two answers are joined only if the server names the object by a strong entity tag (RFC 9110, 8.8.3) and
answers requests for parts; each request then demands that very object (``If-Match``), and each answer must
carry the same tag. Without one, an object is read in a single answer, and read anew where that breaks.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from attest.errors import UsageError
from attest.source import CONNECTIONS, Location, Object, Patience, SourceError, Tries

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpsSource", "open_https"]

REDIRECTS = 5
"""Redirections followed for one request."""

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOVED_ON = frozenset({401, 403, 404, 410})
"""What a server answers to a redirection's target that has run out."""
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
_NUMBER = re.compile(r"\d{1,18}")
_STRONG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_WHY = {
    401: ("the server wants to know who asks", "a URL may carry USER:PASSWORD@, which is never recorded"),
    403: ("the server refuses it", "a signed URL may have run out: ask for a new one"),
    404: ("there is no such object", "is the URL right?"),
    410: ("the object is gone", None),
    412: ("changed while it was read", "digest it again"),
    416: ("changed while it was read: it is shorter now", "digest it again"),
}


class _Quiet(logging.Filter):
    """Keeps the client from logging our URLs, which may hold what nobody else should see."""

    def __init__(self) -> None:
        super().__init__()
        self.ours = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - logging's signature
        """Let through what other code asks for."""
        return not getattr(self.ours, "asking", False)


_QUIET = _Quiet()


class HttpsSource:
    """One object on a web server.

    Args:
        location: where it is.
        patience: how long is waited for it.

    Raises:
        UsageError: the URL cannot be one of an object.
    """

    pinned = True

    def __init__(self, location: Location, patience: Patience) -> None:
        import httpx

        self._url, self._auth = _split(location)
        self._shown = location.shown
        self._name = location.name
        self._patience = patience
        self._target = self._url
        """Where redirections led the last time."""
        logging.getLogger("httpx").addFilter(_QUIET)
        self._client = httpx.Client(
            verify=httpx.create_ssl_context(),
            timeout=httpx.Timeout(patience.timeout, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=CONNECTIONS),
            follow_redirects=False,
        )

    def find(self) -> Iterator[Object]:
        """Ask for the first byte, which also signed URLs allow; the answer tells what there is.

        Raises:
            SourceError: there is nothing, or it could not be read as one whole.
        """
        tries = Tries(self._patience)
        while True:
            try:
                # an empty object has no first byte, and is asked for as it is
                found = self._found({"Range": "bytes=0-0"}) or self._found({}) or self._nothing()
            except SourceError as error:
                tries.failed(error)
            else:
                yield found
                return

    def _found(self, headers: dict[str, str]) -> Object | None:
        with self._ask(headers) as response:
            status = response.status_code
            if status == 416:
                return None
            if status not in {200, 206}:
                raise self._refused(response)
            size = self._whole_of(response, 0, 1) if status == 206 else self._length(response)
            etag = response.headers.get("etag")
            joined = etag is not None and _STRONG.fullmatch(etag) is not None
            changed = response.headers.get("last-modified")
            return Object(self._name, size, etag, None, changed, joined and status == 206)

    def _nothing(self) -> Object:
        raise SourceError("the server refuses to give its first byte", self._shown)

    def read(self, item: Object, start: int, stop: int | None) -> Iterator[bytes]:
        """Yield a part of an object, or all of one that is read as one whole.

        Raises:
            SourceError: it cannot be had, or is not what was found.
        """
        headers = {}
        part = item.parts and stop is not None
        if part:
            headers["Range"] = f"bytes={start}-{(stop or 0) - 1}"
        if item.etag is not None and _STRONG.fullmatch(item.etag):
            headers["If-Match"] = item.etag
        with self._ask(headers) as response:
            if response.status_code != (206 if part else 200):
                raise self._refused(response)
            whole = self._whole_of(response, start, stop or 0, item) if part else self._length(response)
            self._compare(response, item, whole)
            with _connection(self._shown):
                yield from response.iter_raw()

    def stated(self, item: Object) -> str | None:  # noqa: ARG002 - the protocol's
        """Return ``None``: what a web server says of a digest, no standard says it of the stored bytes."""
        return None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @contextmanager
    def _ask(self, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Yield the answer to one request, redirections followed; its body is not read yet."""
        url = self._target
        asked = 0
        while True:
            request = self._request(url, headers)
            _QUIET.ours.asking = True
            try:
                with _connection(self._shown):
                    response = self._client.send(request, stream=True)
            finally:
                _QUIET.ours.asking = False
            try:
                if response.status_code not in _REDIRECTS:
                    self._settle(url, response.status_code)
                    yield response
                    return
                url = self._follow(url, response.headers.get("location", ""))
            finally:
                response.close()
            asked += 1
            if asked > REDIRECTS:
                raise SourceError(f"more than {REDIRECTS} redirections", self._shown)

    def _request(self, url: str, headers: dict[str, str]) -> httpx.Request:
        import httpx

        more = {"User-Agent": "attest", "Accept-Encoding": "identity", "Accept": "*/*", **headers}
        try:
            request = self._client.build_request("GET", url, headers=more)
        except (httpx.InvalidURL, ValueError) as error:
            raise UsageError(f"this is no URL: {str(error)[:200]}", self._shown) from error
        if self._auth is not None and _origin(url) == _origin(self._url):
            user, password = self._auth
            request = next(httpx.BasicAuth(user, password).auth_flow(request))
        return request

    def _settle(self, url: str, status: int) -> None:
        """Remember where redirections led; where that has run out, begin at the first URL again.

        Raises:
            SourceError: it has; asking again may help.
        """
        if status in _MOVED_ON and self._target not in (self._url, ""):
            self._target = self._url
            raise SourceError(f"answered with status {status}", self._shown, temporary=True)
        self._target = url

    def _follow(self, url: str, given: str) -> str:
        """Return where a redirection leads.

        Raises:
            SourceError: nowhere, or from an encrypted connection to one that is not.
        """
        try:
            target = urljoin(url, given)
            parts = urlsplit(target)
        except ValueError as error:
            raise SourceError("a redirection to what is no URL", self._shown) from error
        if not given or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SourceError("a redirection that leads nowhere", self._shown)
        if urlsplit(url).scheme == "https" and parts.scheme == "http":
            raise SourceError("a redirection from https to http, which anybody can change", self._shown)
        return target

    def _length(self, response: httpx.Response) -> int | None:
        """Return the length of a whole object; ``None`` if only the connection's framing tells its end.

        Raises:
            SourceError: nothing tells, or the server sends it as something else than it is.
        """
        self._check_coding(response)
        length = response.headers.get("content-length")
        if length is None:
            if response.headers.get("transfer-encoding", "").lower() != "chunked":
                what = "the server does not say how long it is: a lost connection would look like its end"
                raise SourceError(what, self._shown)
            return None
        if not _NUMBER.fullmatch(length):
            raise SourceError(f"got the length {length[:40]!r}, expected a number", self._shown)
        return int(length)

    def _whole_of(self, response: httpx.Response, start: int, stop: int, item: Object | None = None) -> int:
        """Return the length of the whole object an answer is a part of.

        Raises:
            SourceError: it is another part than was asked for, or one of another object.
        """
        self._check_coding(response)
        given = response.headers.get("content-range", "")
        found = _RANGE.fullmatch(given)
        if found and item:
            self._compare(response, item, int(found[3]))
        if found is None or (int(found[1]), int(found[2]) + 1) != (start, stop):
            what = f"asked for the bytes {start}-{stop - 1}, got {given[:80]!r}"
            raise SourceError(what, self._shown)
        return int(found[3])

    def _check_coding(self, response: httpx.Response) -> None:
        coding = response.headers.get("content-encoding", "identity")
        if coding.lower() != "identity":
            what = f"the server sends it as {coding[:40]!r}, though it was asked not to"
            raise SourceError(what, self._shown, "nobody can say which bytes are the object; download it")

    def _compare(self, response: httpx.Response, item: Object, size: int | None) -> None:
        """Refuse an answer of another object than was found."""
        headers = response.headers
        now = (size, headers.get("etag"), headers.get("last-modified"))
        before = (item.size, item.etag, item.changed)
        if now != before:
            names = ("length", "entity tag", "time")
            told = next(
                f"its {name} was {str(old)[:100]}, and is {str(new)[:100]}"
                for name, old, new in zip(names, before, now, strict=True)
                if old != new
            )
            raise SourceError(f"changed while it was read: {told}", self._shown, "digest it again")

    def _refused(self, response: httpx.Response) -> SourceError:
        status = response.status_code
        if status in _TRY_AGAIN:
            text = response.headers.get("retry-after", "")
            wait = float(text) if _NUMBER.fullmatch(text) else None
            return SourceError(f"answered with status {status}", self._shown, temporary=True, wait=wait)
        if status == 200:
            return SourceError("the server gave the whole object where a part was asked for", self._shown)
        what, hint = _WHY.get(status, (f"answered with status {status}", None))
        return SourceError(what, self._shown, hint, gone=status in {404, 410})


@contextmanager
def _connection(shown: str) -> Iterator[None]:
    """Translate what httpx raises. Its words may hold the URL, so only the kind of error is told."""
    import httpx

    try:
        yield
    except httpx.TimeoutException as error:
        raise SourceError("no answer in time", shown, temporary=True) from error
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
        why = _reason(error)
        temporary = "certificate" not in why.lower()
        hint = "is the URL right, and can this machine reach it?"
        raise SourceError(f"cannot be reached: {why}", shown, hint, temporary=temporary) from error


def _reason(error: BaseException) -> str:
    cause: Any = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__
    said = getattr(cause, "strerror", None) or (str(cause) if "://" not in str(cause) else "")
    return f"{type(error).__name__}: {said[:200]}" if said else type(error).__name__


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _split(location: Location) -> tuple[str, tuple[str, str] | None]:
    """Return the URL to ask, and who asks."""
    try:
        parts = urlsplit(location.url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"this is no URL: {error}", location.shown) from error
    if not host:
        raise UsageError("the URL names no host", location.shown)
    if location.is_tree or not parts.path:
        hint = "name each file; servers have no listing that could be trusted"
        raise UsageError(f"{location.scheme} has no directories", location.shown, hint)
    user = parts.username
    auth = None if user is None else (unquote(user), unquote(parts.password or ""))
    netloc = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=netloc, fragment="").geturl(), auth


def open_https(location: Location, patience: Patience) -> HttpsSource:
    """Open an object on a web server.

    Raises:
        UsageError: the URL cannot be one of an object.
    """
    return HttpsSource(location, patience)
