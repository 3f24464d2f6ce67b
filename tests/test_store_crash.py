"""Killed at any point, a store opens again with every acknowledged statement and no half of another.

``kill -9`` is what is tried here. What a power cut does is up to SQLite's log, which is synced before every
acknowledgement (``test_store_sqlite.py`` holds that setting), and to the disk.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from stores.crowd import Place, Writers

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")


@pytest.fixture(scope="module")
def writers():
    started = Writers()
    yield started
    started.close()


def place_in(folder):
    folder.mkdir(exist_ok=True)
    return Place(str(folder / "store.db"), folder)


def kill_often(writers, folder, kills, seed):
    """Kill writers at random moments, a few of them one after the other on each store."""
    chance = random.Random(seed)  # noqa: S311 - the moments are not reproducible anyway
    there = 0
    for number in range(kills):
        place = place_in(folder / f"{number // 5}")
        name = f"writer{number % 5}"
        process = writers.start(place, name, 100_000)
        if number % 5 == 4:  # also where the machine is slow, some of them have written
            place.wait_for(name, 1)
        time.sleep(chance.choice((chance.uniform(0, 0.008), chance.uniform(0, 0.06))))
        assert writers.kill(process) == -signal.SIGKILL
        there += place.inspect([f"writer{each}" for each in range(number % 5 + 1)])[0]
    assert there, "no writer lived long enough to write"


def test_a_writer_killed_at_any_moment_loses_nothing_acknowledged(writers, tmp_path):
    kill_often(writers, tmp_path, 25, seed=1)


@pytest.mark.slow
def test_hundreds_of_killed_writers_lose_nothing_acknowledged(writers, tmp_path):
    kill_often(writers, tmp_path, 500, seed=2)


@pytest.mark.parametrize("instruction", [1, 5, 30, 100, 200, 300, 400, 500, 600, 1000, 1500, 2000])
def test_a_writer_killed_inside_a_transaction_leaves_nothing_of_it(writers, tmp_path, instruction):
    place = place_in(tmp_path)
    assert writers.wait(writers.start(place, "first", 2)) == 0
    assert writers.wait(writers.start(place, "second", 100, dieAt=instruction)) == -signal.SIGKILL
    there, unasked = place.inspect(["first", "second"])
    assert there == 2 + len(place.acknowledged("second")) + unasked
    assert unasked <= 1


def test_two_writers_at_once_lose_nothing(writers, tmp_path):
    place = place_in(tmp_path)
    processes = [writers.start(place, name, 80) for name in ("a", "b")]
    assert [writers.wait(process) for process in processes] == [0, 0]
    assert place.acknowledged("a") == place.acknowledged("b") == set(range(80))
    assert place.inspect(["a", "b"]) == (160, 0)


def test_a_killed_writer_does_not_disturb_another(writers, tmp_path):
    place = place_in(tmp_path)
    steady = writers.start(place, "steady", 120)
    for number in range(5):
        victim = writers.start(place, f"victim{number}", 100_000)
        time.sleep(0.02)
        writers.kill(victim)
    assert writers.wait(steady) == 0
    assert place.acknowledged("steady") == set(range(120))
    assert place.inspect(["steady", *(f"victim{number}" for number in range(5))])[0] >= 120


def test_many_make_the_same_store_at_once(writers, tmp_path):
    for attempt in range(4):
        (tmp_path / str(attempt)).mkdir()
        place = place_in(tmp_path / str(attempt) / "deep")
        names = [f"n{number}" for number in range(6)]
        processes = [writers.start(place, name, 1) for name in names]
        assert [writers.wait(process) for process in processes] == [0] * 6
        assert place.inspect(names) == (6, 0)
