"""Processes that put into one store at once and are killed, and what must be there afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from attest.digest import sha256_bytes
from attest.store import open_store

from .writer import part

__all__ = ["Place", "Writers"]


class Writers:
    """Starts and ends the processes of ``stores/writer.py``."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        self.server = subprocess.Popen(
            [sys.executable, "-m", "stores.writer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def _ask(self, **command):
        self.server.stdin.write(json.dumps(command) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def start(self, place, name, puts, **how):
        """Start a writer of that many puts; several writers of one name put the same."""
        return self._ask(uri=place.uri, name=name, puts=puts, acks=str(place.acks(name)), **how)

    def wait(self, process):
        return self._ask(wait=process)

    def kill(self, process):
        os.kill(process, signal.SIGKILL)
        return self.wait(process)

    def close(self):
        self.server.stdin.close()
        assert self.server.wait(30) == 0
        self.server.stdout.close()


class Place:
    """A store, and a folder with what its writers say was acknowledged."""

    def __init__(self, uri, folder):
        self.uri = uri
        self._folder = folder

    def acks(self, name):
        return self._folder / f"{name}.acks"

    def acknowledged(self, name):
        """The numbers of the puts that the store said were kept."""
        file = self.acks(name)
        # a writer that is killed may have written half of a line, and several write to one file
        lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
        return {int(line) for line in lines}

    def wait_for(self, name, count):
        """Wait until that many puts were acknowledged."""
        end = time.monotonic() + 60
        while len(self.acknowledged(name)) < count:
            assert time.monotonic() < end, f"{name} does not write"
            time.sleep(0.01)

    def inspect(self, names):
        """Assert that all is well; return how many puts are there, and how many were not acknowledged."""
        there = unasked = 0
        with open_store(self.uri, create=True) as store:
            found = store.check()
            assert found.problems == ()
            kept = {one.raw for one in store.bundles()}
            manifests = set(store.manifests())
            for name in names:
                known = self.acknowledged(name)
                for number in range(max(known, default=-1) + 3):
                    bundles, (manifest,) = part(name, number)
                    whole = {one.raw for one in bundles}
                    assert whole & kept in (set(), whole), "half of a put"
                    assert whole <= kept or number not in known, "an acknowledged put is lost"
                    is_there = whole <= kept
                    digest = sha256_bytes(manifest)
                    assert (digest in manifests) == is_there
                    if is_there:
                        assert store.manifest(digest) == manifest
                        assert store.by_subject(bundles[1].statement().subjects[0].artifact.sha256) == [
                            bundles[1].statement_digest
                        ]
                        there += 1
                        unasked += number not in known
            assert there * 3 == found.bundles
            assert there * 2 == found.statements
        return there, unasked
