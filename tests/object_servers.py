"""Servers of objects on loopback: moto's S3, and a web server that errs as a test wants."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from keys_elsewhere import need_packages
from loopback import listening

__all__ = [
    "Asked",
    "Reply",
    "Web",
    "file_reply",
    "fill_folder",
    "forward",
    "object_store",
    "store_variables",
]


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]

    @property
    def span(self) -> tuple[int, int] | None:
        """First byte and the one behind the last, of a request for a part."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("range", ""))
        return (int(found[1]), int(found[2]) + 1) if found else None


@dataclass(frozen=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    """Bytes of the body after which the connection is lost."""
    stall: int | None = None
    """Bytes of the body after which nothing comes any more, with the connection open."""
    drip: float | None = None
    """Seconds between two bytes."""
    length: bool = True
    """Whether the server says how long it is."""


def file_reply(data: bytes, asked: Asked, *, ranges: bool = True, **headers: str) -> Reply:
    """Answer as a good server of a file does; headers in Python's spelling."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    match = asked.headers.get("if-match")
    if match is not None and match != named.get("ETag"):
        return Reply(412)
    if asked.span is None or not ranges:
        return Reply(200, named, data)
    start, stop = asked.span
    if start >= len(data):
        return Reply(416, {"Content-Range": f"bytes */{len(data)}"})
    part = data[start:stop]
    named["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
    return Reply(206, named, part)


class Web:
    """An HTTP/1.1 server; ``answer`` makes a ``Reply`` of each ``Asked``, and ``asked`` keeps them all."""

    def __init__(self, answer: Callable[[Asked], Reply], tls: tuple[str, str] | None = None) -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self._over = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.command, self.path, headers)
                outer.asked.append(asked)
                with suppress(ConnectionError):
                    outer._send(self, outer.answer(asked))

            do_HEAD = do_GET  # noqa: N815 - the name http.server calls

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # a client that goes away is what is tested
        self.scheme = "https" if tls else "http"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def _send(self, handler: Any, reply: Reply) -> None:
        handler.send_response(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in reply.headers and reply.length:
            handler.send_header("Content-Length", str(len(reply.body)))
        ends = reply.cut is not None or reply.stall is not None or not reply.length
        if ends:
            handler.close_connection = True
        handler.end_headers()
        if handler.command == "HEAD":
            return
        end = next((each for each in (reply.cut, reply.stall) if each is not None), len(reply.body))
        if reply.drip is None:
            handler.wfile.write(reply.body[:end])
        for number in range(end if reply.drip is not None else 0):
            handler.wfile.write(reply.body[number : number + 1])
            if self._over.wait(reply.drip):
                return
        if reply.stall is not None:
            self._over.wait()

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str = "/data.bin", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def object_store() -> Iterator[int]:
    """Run S3 (moto) on loopback; yields its port."""
    need_packages("moto", "boto3", "flask", "s3fs")
    moto = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p"]
    with listening(lambda port: [*moto, port]) as port:
        yield port


def store_variables(port: int) -> dict[str, str]:
    """Return the variables with which boto3 and s3fs find an object store on loopback, and no other."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def forward(asked: Asked, port: int) -> Reply:
    """Ask another server on loopback the same, and return its answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(asked.method, asked.path, headers=asked.headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    dropped = {"connection", "date", "server", "transfer-encoding"}
    headers = {name: value for name, value in answer.getheaders() if name.lower() not in dropped}
    if asked.method != "HEAD":
        headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
    return Reply(answer.status, headers, body)


def fill_folder(folder: Path, **files: bytes) -> Path:
    """Write files, with ``__`` for a slash."""
    for name, data in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder
