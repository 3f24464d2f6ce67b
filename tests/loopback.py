"""Services on loopback: one that answers as a test wants, well, badly, slowly or not at all; and programs."""

from __future__ import annotations

import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

__all__ = ["Answer", "Loopback", "Question", "RawLoopback", "free_ports", "listening"]

_START_SECONDS = 60


def free_ports(count: int = 1) -> list[int]:
    """Return ports nobody listens on, below those that systems give to outgoing connections.

    So none is taken before its server starts, or while it is stopped; only another test could be faster.
    """
    ports: set[int] = set()
    while len(ports) < count:
        port = 10_000 + secrets.randbelow(22_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.add(port)
    return [*ports]


@contextmanager
def listening(command: Callable[[str], list[str]]) -> Iterator[int]:
    """Run a program that listens on the port it is given, and yield that port; afterwards it is killed."""
    (port,) = free_ports()
    with subprocess.Popen(
        command(str(port)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _wait_for(process, port)
            yield port
        finally:
            process.kill()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        assert process.poll() is None, f"{process.args} ended with status {process.returncode}"
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.1)
    raise AssertionError(f"{process.args} does not listen on port {port}")


@dataclass(frozen=True)
class Question:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/octet-stream"
    headers: dict[str, str] = field(default_factory=dict)


class Loopback:
    """An HTTP server; ``answer`` makes an ``Answer`` of each ``Question``, and ``asked`` keeps them all."""

    def __init__(self, answer: Callable[[Question], Answer]) -> None:
        self.asked: list[Question] = []
        self.answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                question = Question(self.path, headers, body)
                outer.asked.append(question)
                try:
                    made = answer(question)
                except BaseException as error:
                    outer._broken.append(error)
                    raise
                self.send_response(made.status)
                for name, value in {"Content-Type": made.content_type, **made.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(made.body)))
                self.end_headers()
                with suppress(ConnectionError):
                    self.wfile.write(made.body)

            do_GET = do_POST  # noqa: N815 - the name http.server calls

            def log_message(self, *_):
                pass

        self._broken: list[BaseException] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._broken:
            raise AssertionError("the test's own server failed") from self._broken[0]


class RawLoopback:
    """A TCP server; ``serve`` gets each connection, and an event that is set when the test is over."""

    def __init__(self, serve: Callable[[socket.socket, threading.Event], None]) -> None:
        self.connections = 0
        self._serve = serve
        self._over = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        return self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with connection, suppress(OSError):
                self._serve(connection, self._over)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        with suppress(OSError):  # wakes accept up
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._thread.join()
        self._socket.close()
