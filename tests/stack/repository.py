"""A TUF repository of our own: how an instance hands out its trusted root and where to sign."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Root, Snapshot, TargetFile, Targets, Timestamp

__all__ = ["Repository"]


class _Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Repository(AbstractContextManager["Repository"]):
    """Metadata of all roles signed with one key, and files named by their digests, served on loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = CryptoSigner.generate_ed25519()
        (folder / "targets").mkdir(parents=True)
        handler = partial(_Handler, directory=str(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.version = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def root(self) -> Path:
        """The metadata a client trusts from the beginning."""
        return self.folder / "1.root.json"

    def publish(self, files: dict[str, bytes], *, days: int = 7) -> None:
        """Publish a new version of everything; metadata lasts so many days."""
        self.version += 1
        end = datetime.now(UTC) + timedelta(days=days)
        root = Root(expires=datetime.now(UTC) + timedelta(days=365))
        for role in ("root", "timestamp", "snapshot", "targets"):
            root.add_key(self.signer.public_key, role)
        targets = Targets(version=self.version, expires=end)
        for name, data in files.items():
            found = TargetFile.from_data(name, data, ["sha256"])
            targets.targets[name] = found
            (self.folder / "targets" / f"{found.hashes['sha256']}.{name}").write_bytes(data)
        snapshot = Snapshot(version=self.version, expires=end)
        timestamp = Timestamp(version=self.version, expires=end)
        snapshot.meta["targets.json"].version = self.version
        timestamp.snapshot_meta.version = self.version
        number = self.version
        if not self.root.exists():
            self._write("1.root.json", root)
        for name, signed in (
            (f"{number}.targets.json", targets),
            (f"{number}.snapshot.json", snapshot),
            ("timestamp.json", timestamp),
        ):
            self._write(name, signed)

    def _write(self, name: str, signed: Root | Targets | Snapshot | Timestamp) -> None:
        metadata = Metadata(signed)
        metadata.sign(self.signer)
        metadata.to_file(str(self.folder / name))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
