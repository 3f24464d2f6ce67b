"""One question to one service over HTTP: bounded in size and time, tried again a few times, never redirected.

What answers may be broken, slow on purpose, or somebody else. So the size of an answer is bounded, a deadline
ends the whole exchange (also where bytes keep dripping in), and nothing an answer says is followed.
"""

from __future__ import annotations

import random
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from time import sleep
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from attest.errors import SignatureError, UsageError

if TYPE_CHECKING:
    import ssl

    import httpx

__all__ = ["RETRIES", "TIMEOUT", "Service", "check_url"]

TIMEOUT = 20.0
"""Seconds one attempt may take, from the connection to the last byte."""

RETRIES = 2
"""How often a question is asked again where asking again can help."""

_BACKOFF = 0.5
"""Seconds before the first new attempt, doubled for each further one, half of it by chance."""

_LONGEST_WAIT = 30.0
"""Seconds waited at most where a service names a time itself."""

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_CONFLICT = 409
_SHOWN = 300


def check_url(url: str) -> str:
    """Return the URL of a service if it is one that can be asked.

    Raises:
        UsageError: it is not http or https, names no host, or carries a user, a password or a fragment.
    """
    hint = "expected a URL like https://timestamp.example/api/v1/timestamp"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url[:200]!r} is no URL: {error}", hint=hint) from error
    if parts.scheme not in ("http", "https") or not host or any(ord(each) <= 32 for each in url):
        raise UsageError(f"{url[:200]!r} is no URL of a service", hint=hint)
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"the URL of {host[:100]!r} holds a user or password", hint="leave them out")
    if parts.fragment:
        raise UsageError(f"{url[:200]!r} has a fragment, which no service is ever told", hint=hint)
    return url


class _Failed(Exception):  # noqa: N818 - it never leaves this module
    """One attempt failed."""

    def __init__(self, reason: str, what: str, wait: float | None = None, *, again: bool = True) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what
        self.again = again
        self.wait = wait


class _Deadline:
    """Cuts the connection when its time is up; with a timeout of each read alone, bytes may drip forever."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Learn of a connection, as httpx's extension ``trace`` tells of it."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            found = info["return_value"].get_extra_info("socket")
            if isinstance(found, socket.socket):
                self._sockets.append(found)
            if self.passed:
                self._cut()

    def _cut(self) -> None:
        self.passed = True
        for each in self._sockets:
            with suppress(OSError):
                # of the base class: that of a TLS socket would first forget its session
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()


@dataclass(frozen=True)
class Service:
    """A service that signing needs.

    Args:
        url: where it answers.
        name: what it is called in messages, e.g. ``timestamp authority``.
        code: what the stable codes of its errors begin with, e.g. ``timestamp``.
        timeout: seconds one attempt may take in all.
        retries: how often it is asked again after a failure that may pass.
        answer_bytes: the largest answer that is read.
    """

    url: str
    name: str
    code: str
    timeout: float = TIMEOUT
    retries: int = RETRIES
    answer_bytes: int = 256 << 10

    def error(self, reason: str, what: str, hint: str | None = None) -> SignatureError:
        """Return the error that says what is wrong with this service; its code is ``<code>-<reason>``."""
        return SignatureError(f"{self.name}: {what}", self.url, hint, code=f"{self.code}-{reason}")

    def post(self, body: bytes, content_type: str, accept: str) -> bytes:
        """Send bytes and return the answer's.

        An answer is asked for again if the service cannot be reached, does not answer in time, or says by its
        status that it may answer later (408, 425, 429, 500, 502, 503, 504).

        Args:
            body: the question.
            content_type: media type of the question.
            accept: media type of the answer; another one is no answer.

        Raises:
            UsageError: the URL is none of a service.
            SignatureError: code ``…-unreachable``, ``…-timeout``, ``…-status``, ``…-conflict`` (status 409),
                ``…-type`` or ``…-size``.
        """
        headers = {"Content-Type": content_type, "Accept": accept}
        return self._ask("POST", body, headers, accept)

    def get(self) -> bytes:
        """Fetch what is at the URL, of whatever media type, and return its bytes.

        Raises:
            UsageError: the URL is none of a service.
            SignatureError: code ``…-unreachable``, ``…-timeout``, ``…-status`` or ``…-size``.
        """
        return self._ask("GET", None, {}, None)

    def _ask(self, method: str, body: bytes | None, headers: dict[str, str], accept: str | None) -> bytes:
        check_url(self.url)
        attempt = 0
        while True:
            try:
                return self._once(method, body, headers, accept)
            except _Failed as failed:
                if not failed.again or attempt >= self.retries:
                    tried = f" ({attempt + 1} attempts)" if attempt else ""
                    raise self.error(
                        failed.reason, failed.what + tried, _HINTS.get(failed.reason)
                    ) from failed
                sleep(_wait(attempt, failed.wait))
                attempt += 1

    def _once(self, method: str, body: bytes | None, given: dict[str, str], accept: str | None) -> bytes:
        import httpx

        # nobody decompresses an answer: a small one must not grow
        headers = {**given, "User-Agent": "attest", "Accept-Encoding": "identity"}
        with _Deadline(self.timeout) as deadline:
            try:
                with (
                    httpx.Client(verify=_tls(), timeout=self.timeout, follow_redirects=False) as client,
                    client.stream(
                        method, self.url, content=body, headers=headers, extensions={"trace": deadline.watch}
                    ) as response,
                ):
                    return self._read(response, accept, deadline)
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
                if deadline.passed or isinstance(error, httpx.TimeoutException):
                    raise self._late() from error
                why = str(error)[:_SHOWN] or type(error).__name__
                raise _Failed("unreachable", f"cannot be reached: {why}") from error

    def _late(self) -> _Failed:
        return _Failed("timeout", f"no answer within {self.timeout:g} s")

    def _read(self, response: httpx.Response, accept: str | None, deadline: _Deadline) -> bytes:
        answer = bytearray()
        # raw: nobody asked for compression, and a small answer must not grow
        for chunk in response.iter_raw():
            answer += chunk
            if len(answer) > self.answer_bytes:
                what = f"the answer is larger than {self.answer_bytes} bytes"
                raise _Failed("size", what, again=False)
        if deadline.passed:  # a connection that was cut may look like the end of the answer
            raise self._late()
        status = response.status_code
        if not 200 <= status <= 299:
            said = bytes(answer[:_SHOWN]).decode("utf-8", "replace").strip()
            what = f"answered with status {status}" + (f": {said}" if said else "")
            reason = "conflict" if status == _CONFLICT else "status"
            raise _Failed(reason, what, _retry_after(response), again=status in _TRY_AGAIN)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if accept is not None and kind != accept:
            raise _Failed("type", f"answered with {kind[:100]!r}, expected {accept!r}", again=False)
        return bytes(answer)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Return what checks certificates: of the variable SSL_CERT_FILE or SSL_CERT_DIR, or the public web's."""
    import httpx

    return httpx.create_ssl_context()


_HINTS = {
    "unreachable": "is the URL right, and can this machine reach it? docs/signing.md: proxies, certificates",
    "timeout": "it may be down or far away; sign again later",
    "status": "the service refused; its own words stand in the message",
    "type": "something else answers at this URL: a login page, a proxy, another service",
}


def _retry_after(response: httpx.Response) -> float | None:
    text = response.headers.get("retry-after", "")
    return min(float(text), _LONGEST_WAIT) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _wait(attempt: int, asked: float | None) -> float:
    """Return seconds to wait; by chance in part, so that many jobs do not come back at the same moment."""
    longest = min(_BACKOFF * float(2**attempt), _LONGEST_WAIT)
    return max(asked or 0.0, longest * random.uniform(0.5, 1))  # noqa: S311 - no secret
