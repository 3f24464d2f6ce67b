"""How long the services of keyless signing are waited for: requests bounded in time, size and attempts.

sigstore-python asks with ``requests`` and neither a timeout nor a second attempt; this stands below its
sessions.
"""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from attest.errors import SignatureError
from attest.service import RETRIES

__all__ = ["Patience"]

_ANSWER_BYTES = 4 << 20
"""Rekor v1 answers with what it logged, which is smaller; certificates are smaller still."""

_BACKOFF = 0.5
"""Seconds before the first new attempt, doubled for each further one, half of it by chance."""

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHOWN = 300


class _Failed(Exception):  # noqa: N818 - it never leaves this module
    """One attempt failed."""

    def __init__(self, reason: str, what: str, wait: float = 0, *, again: bool = True) -> None:
        super().__init__(what)
        self.reason = reason
        self.what = what
        self.wait = wait
        self.again = again


class Patience(HTTPAdapter):
    """Sends the requests of a session to one service; what fails is a ``SignatureError``.

    Codes: ``NAME-unreachable``, ``NAME-timeout``, ``NAME-status`` (the service is in trouble),
    ``NAME-refused`` (the service wants none of it) and ``NAME-size``.

    Args:
        name: what the codes begin with, e.g. ``rekor``.
        called: what the service is called in messages.
        seconds: within which there is an answer, all attempts together; one may take half of it.
        passes: statuses, besides those of success, that are handed on to who asked.
    """

    def __init__(self, name: str, called: str, seconds: float, passes: frozenset[int] = frozenset()) -> None:
        super().__init__(pool_maxsize=64)
        self._name = name
        self._called = called
        self._seconds = seconds
        self._passes = passes

    def error(self, reason: str, what: str, url: str | None, hint: str | None = None) -> SignatureError:
        """Return the error that says what is wrong with the service; its code is ``NAME-<reason>``."""
        return SignatureError(f"{self._called}: {what}", url, hint, code=f"{self._name}-{reason}")

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002, FBT001, FBT002 - requests' signature
        timeout: Any = None,  # noqa: ARG002
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Ask until there is an answer, or time or attempts are used up.

        Raises:
            SignatureError: there is none, or it is none that can be used.
        """
        request.headers["Accept-Encoding"] = "identity"  # a small answer must not grow
        end, attempt = monotonic() + self._seconds, 1
        while True:
            seconds = min(self._seconds / 2, max(end - monotonic(), 0.1))
            try:
                return self._within(seconds, request, verify=verify, cert=cert, proxies=proxies)
            except _Failed as failed:
                wait = max(failed.wait, _BACKOFF * 2 ** (attempt - 1) * random.uniform(0.5, 1))  # noqa: S311
                if not failed.again or attempt > RETRIES or monotonic() + wait >= end:
                    tried = f" ({attempt} attempts)" if attempt > 1 else ""
                    what, hint = failed.what + tried, _HINTS.get(failed.reason)
                    raise self.error(failed.reason, what, request.url, hint) from failed
                sleep(wait)
                attempt += 1

    def _within(self, seconds: float, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Ask once. In a thread that is left behind when time is up: nothing else ends a name that is looked
        up for minutes, or an answer whose bytes keep dripping in.
        """  # noqa: D205
        made: list[requests.Response | BaseException] = []

        def ask() -> None:
            try:
                made.append(self._ask(request, seconds, how))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                made.append(error)

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(seconds)
        if not made:
            raise _Failed("timeout", f"no answer within {seconds:.0f} s")
        if isinstance(made[0], BaseException):
            raise made[0]
        return made[0]

    def _ask(
        self, request: requests.PreparedRequest, seconds: float, how: Mapping[str, Any]
    ) -> requests.Response:
        try:
            response = super().send(request, stream=True, timeout=seconds, **how)
            content = bytearray()
            for chunk in response.raw.stream(64 << 10, decode_content=True):
                content += chunk
                if len(content) > _ANSWER_BYTES:
                    response.close()
                    raise _Failed("size", f"the answer is larger than {_ANSWER_BYTES} bytes", again=False)
        except requests.Timeout as error:
            raise _Failed("timeout", f"no answer within {seconds:.0f} s") from error
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise _Failed("unreachable", f"cannot be reached: {_why(error)}") from error
        response.raw = io.BytesIO(bytes(content))
        self._check(response, bytes(content))
        return response

    def _check(self, response: requests.Response, content: bytes) -> None:
        status = response.status_code
        if 200 <= status <= 299 or status in self._passes:
            return
        said = _said(content)
        what = f"answered with status {status}" + (f": {said}" if said else "")
        if status in _TRY_AGAIN:
            raise _Failed("status", what, _retry_after(response))
        raise _Failed("refused" if 400 <= status <= 499 else "status", what, again=False)


_HINTS = {
    "unreachable": "is the URL right, and can this machine reach it? docs/signing.md: proxies, certificates",
    "timeout": "it may be down or far away; sign again later",
    "status": "it is in trouble, or something else answers at this URL; sign again later",
    "refused": "the service's own words stand in the message",
}


def _why(error: Exception) -> str:
    # urllib3 wraps the cause, and names its own objects before it
    return str(error).rpartition(": ")[2].strip("'\")> ")[:_SHOWN] or type(error).__name__


def _said(content: bytes) -> str:
    """Return what an answer says in words; gRPC gateways and Rekor answer with an object."""
    try:
        value = json.loads(content)
        text = str(value["message"]) if isinstance(value, dict) and "message" in value else ""
    except (ValueError, RecursionError):
        text = ""
    return (text or content[:_SHOWN].decode("utf-8", "replace")).strip()[:_SHOWN]


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0.0
