"""Digests of objects that are not on this disk, beside two ways people have today, in one run.

    python benchmarks/objects.py --quick
    python benchmarks/objects.py --rounds 5 --moto

The store of objects is on loopback, waits 20 ms before it answers and gives 50 MB/s to each connection, as
one across a network does. With --moto, also moto, which answers at once, is slow itself (Python, one core),
and reads an object whole for every part that is asked of it.
Beside us: a loop over fsspec's files (s3fs) that hashes each, and boto3's download followed by sha256sum.
All three must come to the same manifest. Every contender is a process of its own, timed from start to end;
contenders alternate round by round, and the table gives medians, the ratio to ours and peak memory. Machines
are shared: compare within one run only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from installed import as_installed

SHAPES = {"400 x 50 KiB": (400, 50 << 10), "2 x 256 MiB": (2, 256 << 20)}
QUICK = {"20 x 50 KiB": (20, 50 << 10), "1 x 64 MiB": (1, 64 << 20)}
WAIT, RATE, PIECE = 0.02, 50_000_000, 256 << 10
BUCKET = "bucket"


def content(size: int) -> bytes:
    return (hashlib.shake_256(b"objects").digest(1 << 16) * (size // (1 << 16) + 1))[:size]


# ── the store across a network ──


class Distant(BaseHTTPRequestHandler):
    """Lists, and gives objects or parts of them, late and not fast."""

    protocol_version = "HTTP/1.1"
    count, size = 0, 0
    data = b""

    def do_GET(self) -> None:  # noqa: D102 - as of http.server
        time.sleep(WAIT)
        parts = urlsplit(self.path)
        if "list-type" in parts.query:
            self._answer(200, self._listing(parse_qs(parts.query)), {"Content-Type": "application/xml"})
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("range", ""))
        start, stop = (0, self.size)
        if asked:
            start, stop = int(asked[1]), min(int(asked[2] or self.size) + 1, self.size)
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{self.size}"} if asked else {}
        self._answer(206 if asked else 200, memoryview(self.data)[start:stop], headers)

    do_HEAD = do_GET  # noqa: N815 - the name http.server calls

    def _answer(self, status: int, body: bytes | memoryview, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"ETag": '"1"', "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for at in range(0, len(body) if self.command == "GET" else 0, PIECE):
            began = time.perf_counter()
            self.wfile.write(body[at : at + PIECE])
            time.sleep(max(0.0, PIECE / RATE - (time.perf_counter() - began)))

    def _listing(self, query: dict[str, list[str]]) -> bytes:
        first = int(query.get("continuation-token", ["0"])[0])
        last = min(first + 1000, self.count)
        entry = (
            f"<Size>{self.size}</Size><ETag>&quot;1&quot;</ETag>"
            "<LastModified>2026-01-01T00:00:00Z</LastModified>"
        )
        keys = [f"<Contents><Key>{quote(key(each))}</Key>{entry}</Contents>" for each in range(first, last)]
        more = "<IsTruncated>false</IsTruncated>"
        if last < self.count:
            more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{last}</NextContinuationToken>"
        body = f"{more}{''.join(keys)}"
        return f"<ListBucketResult><EncodingType>url</EncodingType>{body}</ListBucketResult>".encode()

    def log_message(self, *_: object) -> None:  # noqa: D102 - as of http.server
        pass


def key(number: int) -> str:
    return f"data/{number // 100:03}/{number:05}.bin"


def serve(port: int, count: int, size: int) -> None:
    Distant.count, Distant.size, Distant.data = count, size, content(size)
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", port), Distant).serve_forever()


@contextmanager
def server(kind: str, count: int, size: int) -> Iterator[dict[str, str]]:
    """Run a store with so many objects; yield the variables its clients find it by."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    if kind != "moto":
        words = [__file__, "serve", str(port), str(count), str(size)]
    variables = {
        **os.environ,
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    null = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, *words], stdout=null, stderr=null) as process:
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.1)
            if kind == "moto":
                subprocess.run(
                    [sys.executable, __file__, "fill", str(count), str(size)], env=variables, check=True
                )
            yield variables
        finally:
            process.terminate()
            process.wait(30)


def fill(count: int, size: int) -> None:
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    data = content(size)
    for number in range(count):
        client.put_object(Bucket=BUCKET, Key=key(number), Body=data)


# ── the contenders: each prints the tree's digest ──


def ours() -> str:
    from attest.fetching import fetch
    from attest.source import Location

    return fetch(Location.of(f"s3://{BUCKET}/data/")).sha256


def loop() -> str:
    import fsspec

    system = fsspec.filesystem("s3")
    root = f"{BUCKET}/data"
    lines = []
    for path in system.find(root):
        sha256 = hashlib.sha256()
        with system.open(path, "rb") as file:
            while chunk := file.read(4 << 20):
                sha256.update(chunk)
        lines.append((path.removeprefix(f"{root}/"), sha256.hexdigest()))
    return manifest(lines)


def download() -> str:
    import boto3

    client = boto3.client("s3")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix="data/")
    with tempfile.TemporaryDirectory(prefix="objects-") as name:
        folder = Path(name)
        for page in pages:
            for each in page["Contents"]:
                path = folder / each["Key"].removeprefix("data/")
                path.parent.mkdir(exist_ok=True)
                client.download_file(BUCKET, each["Key"], str(path))
        found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.bin"))
        listed = "\n".join(found).encode()
        # in as many processes as there are cores, as one does
        words = ["xargs", "-P", str(os.cpu_count() or 1), "-n", str(max(1, len(found) // 8)), "sha256sum"]
        done = subprocess.run(words, input=listed, capture_output=True, check=True, cwd=folder)
    return manifest([(line[66:], line[:64]) for line in done.stdout.decode().splitlines()])


def manifest(lines: list[tuple[str, str]]) -> str:
    return hashlib.sha256(
        "".join(f"{sha256}  {path}\n" for path, sha256 in sorted(lines)).encode()
    ).hexdigest()


CONTENDERS = {
    "attest": ours,
    "a loop over fsspec": loop,
    "boto3, then sha256sum": download,
}


def contend(name: str) -> None:
    digest = CONTENDERS[name]()
    print(json.dumps({"digest": digest, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


def measure(title: str, variables: dict[str, str], rounds: int, size: int) -> None:
    names = [name for name in CONTENDERS if name != "boto3, then sha256sum" or shutil.which("sha256sum")]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    memory = dict.fromkeys(names, 0)
    digests = set()
    for _ in range(rounds):
        for name in names:
            start = time.perf_counter()
            words = [sys.executable, __file__, "contend", name]
            done = subprocess.run(words, env=variables, check=True, capture_output=True, text=True)
            seconds[name].append(time.perf_counter() - start)
            answer = json.loads(done.stdout)
            digests.add(answer["digest"])
            memory[name] = max(memory[name], answer["memory"])
    if len(digests) != 1:
        raise SystemExit(f"{title}: the contenders came to different digests")
    best = statistics.median(seconds["attest"])
    for name in names:
        took = statistics.median(seconds[name])
        print(
            f"{title:30}{name:24}{took:8.2f} s{size / took / 1e6:8.1f} MB/s"
            f"{memory[name] / 1024:7.0f} MiB{took / best:7.2f} x",
            flush=True,
        )


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round over little")
    parser.add_argument("--moto", action="store_true", help="the store moto, too (minutes)")
    given = parser.parse_args()
    rounds = 1 if given.quick else given.rounds
    packages = ", ".join(f"{name} {version(name)}" for name in ("s3fs", "boto3", "moto"))
    python, load = platform.python_version(), os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, Python {python}, {packages}, load {load:.1f}", flush=True)
    print("the last column: how many times as long as attest")
    for kind in ("20 ms, 50 MB/s", *(["moto"] if given.moto else [])):
        for shape, (count, size) in (QUICK if given.quick else SHAPES).items():
            with server(kind, count, size) as variables:
                measure(f"{kind}, {shape}", variables, rounds, count * size)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(*map(int, sys.argv[2:]))
    elif sys.argv[1:2] == ["fill"]:
        fill(*map(int, sys.argv[2:]))
    elif sys.argv[1:2] == ["contend"]:
        contend(sys.argv[2])
    else:
        main()
