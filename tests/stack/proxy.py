"""A server in front of a real one that passes everything on, until a test has it answer otherwise."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Self

from loopback import Answer, Loopback, Question

__all__ = ["Proxy"]

Fault = Callable[[Question, Callable[[], Answer]], Answer]
"""Takes a question, and what asks the real server; returns what is answered."""


class Proxy:
    """``with Proxy(stack.urls["rekor1"]) as proxy``; while ``fault`` is set, it answers every question."""

    def __init__(self, target: str, fault: Fault | None = None) -> None:
        self.fault = fault
        scheme, _, rest = target.partition("://")
        host, slash, self._path = rest.partition("/")
        self._base = f"{scheme}://{host}"
        self._path = slash + self._path
        self._over = threading.Event()
        self._server = Loopback(self._answer)

    @property
    def url(self) -> str:
        """What takes the place of the real server's URL."""
        return self._server.url.removesuffix("/api") + self._path

    @property
    def asked(self) -> list[Question]:
        """Every question so far."""
        return self._server.asked

    def silence(self, question: Question, real: Callable[[], Answer]) -> Answer:
        """Say nothing until the test is over."""
        self._over.wait(120)
        return Answer(500)

    def _answer(self, question: Question) -> Answer:
        if self.fault is not None:
            return self.fault(question, lambda: self._ask(question))
        return self._ask(question)

    def _ask(self, question: Question) -> Answer:
        kept = {name: value for name, value in question.headers.items() if name not in {"host", "connection"}}
        request = urllib.request.Request(self._base + question.path, question.body or None, kept)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as found:  # noqa: S310 - our own servers
                return self._made(found)
        except urllib.error.HTTPError as found:
            with found:
                return self._made(found)
        except OSError:
            return Answer(502)

    def _made(self, found) -> Answer:
        kept = {"location": found.headers["location"]} if found.headers["location"] else {}
        kind = found.headers.get("content-type", "application/octet-stream")
        return Answer(found.status, found.read(), kind, kept)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._server.__exit__(*error)
