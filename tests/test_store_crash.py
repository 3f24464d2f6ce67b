"""Killed at any point, a store opens again with every acknowledged statement and no half of another.

``kill -9`` is what is tried here. What a power cut does is up to SQLite's log, which is synced before every
acknowledgement (``test_store_sqlite.py`` holds that setting), and to the disk.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stores.writer import part

from attest.store import open_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")


class Writers:
    """Starts and ends the processes of ``stores/writer.py``."""

    def __init__(self):
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
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

    def start(self, path, name, puts, die_at=0):
        return self._ask(uri=str(path), name=name, puts=puts, acks=str(acks(path, name)), dieAt=die_at)

    def wait(self, process):
        return self._ask(wait=process)

    def kill(self, process):
        os.kill(process, signal.SIGKILL)
        return self.wait(process)

    def close(self):
        self.server.stdin.close()
        assert self.server.wait(30) == 0
        self.server.stdout.close()


@pytest.fixture(scope="module")
def writers():
    started = Writers()
    yield started
    started.close()


def acks(path, name):
    return path.with_name(f"{name}.acks")


def acknowledged(path, name):
    file = acks(path, name)
    return {int(line) for line in file.read_text().splitlines()} if file.exists() else set()


def inspect(path, names):
    """Assert that all is well; return how many puts are there, and how many were not acknowledged."""
    there = unasked = 0
    with open_store(str(path), create=True) as store:
        found = store.check()
        assert found.problems == ()
        kept = {one.raw for one in store.bundles()}
        manifests = list(store.manifests())
        for name in names:
            known = acknowledged(path, name)
            for number in range(max(known, default=-1) + 3):
                bundles, (manifest,) = part(name, number)
                whole = {one.raw for one in bundles}
                assert whole & kept in (set(), whole), "half of a put"
                assert whole <= kept or number not in known, "an acknowledged put is lost"
                is_there = whole <= kept
                digest = _digest(manifest)
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


def _digest(data):
    from attest.digest import sha256_bytes

    return sha256_bytes(data)


def kill_often(writers, folder, kills, seed):
    """Kill writers at random moments, a few of them one after the other on each store."""
    chance = random.Random(seed)  # noqa: S311 - the moments are not reproducible anyway
    there = 0
    for number in range(kills):
        path = folder / f"{number // 5}" / "store.db"
        path.parent.mkdir(exist_ok=True)
        name = f"writer{number % 5}"
        process = writers.start(path, name, 100_000)
        time.sleep(chance.choice((chance.uniform(0, 0.008), chance.uniform(0, 0.06))))
        assert writers.kill(process) == -signal.SIGKILL
        there += inspect(path, [f"writer{each}" for each in range(number % 5 + 1)])[0]
    assert there, "no writer lived long enough to write"


def test_a_writer_killed_at_any_moment_loses_nothing_acknowledged(writers, tmp_path):
    kill_often(writers, tmp_path, 25, seed=1)


@pytest.mark.slow
def test_hundreds_of_killed_writers_lose_nothing_acknowledged(writers, tmp_path):
    kill_often(writers, tmp_path, 500, seed=2)


@pytest.mark.parametrize("instruction", [1, 5, 30, 100, 200, 300, 400, 500, 600, 1000, 1500, 2000])
def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_it(writers, tmp_path, instruction):
    path = tmp_path / "store.db"
    assert writers.wait(writers.start(path, "first", 2)) == 0
    assert writers.wait(writers.start(path, "second", 100, die_at=instruction)) == -signal.SIGKILL
    there, unasked = inspect(path, ["first", "second"])
    assert there == 2 + len(acknowledged(path, "second")) + unasked
    assert unasked <= 1


def test_two_writers_at_once_lose_nothing(writers, tmp_path):
    path = tmp_path / "store.db"
    processes = [writers.start(path, name, 80) for name in ("a", "b")]
    assert [writers.wait(process) for process in processes] == [0, 0]
    assert acknowledged(path, "a") == acknowledged(path, "b") == set(range(80))
    assert inspect(path, ["a", "b"]) == (160, 0)


def test_a_killed_writer_does_not_disturb_another(writers, tmp_path):
    path = tmp_path / "store.db"
    steady = writers.start(path, "steady", 120)
    for number in range(5):
        victim = writers.start(path, f"victim{number}", 100_000)
        time.sleep(0.02)
        writers.kill(victim)
    assert writers.wait(steady) == 0
    assert acknowledged(path, "steady") == set(range(120))
    assert inspect(path, ["steady", *(f"victim{number}" for number in range(5))])[0] >= 120


def test_many_make_the_same_store_at_once(writers, tmp_path):
    for attempt in range(4):
        path = tmp_path / str(attempt) / "deep" / "store.db"
        path.parent.parent.mkdir()
        path.parent.mkdir()
        names = [f"n{number}" for number in range(6)]
        processes = [writers.start(path, name, 1) for name in names]
        assert [writers.wait(process) for process in processes] == [0] * 6
        assert inspect(path, names) == (6, 0)
