"""Many pipelines write into one shared store at once; writers, connections and the server itself are killed.

Afterwards everything that was acknowledged is there, and no half of anything. What a power cut does is up to
the server's log, which is forced to disk before every acknowledgement unless its owner said otherwise.
"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from stores.crowd import Place, Writers
from stores.postgres_server import running_server

from attest.store import open_store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")

NAMES = ("alone", "shared", "shared", "shared", "other", "other")
"""What each of the writers puts: those of one name put the same."""


@pytest.fixture(scope="module")
def writers():
    started = Writers()
    yield started
    started.close()


@pytest.fixture(scope="module")
def server():
    """A server for these tests alone: they kill it."""
    with running_server() as started:
        yield started


@pytest.fixture
def place(server, tmp_path):
    return Place(server.uri(server.new_schema()), tmp_path)


def start(writers, place, name, chance):
    """Start a writer that goes on where the others of its name are, or a little before."""
    last = max(place.acknowledged(name), default=-1)
    first = max(0, last + 1 - chance.randrange(4))
    return writers.start(place, name, 1_000_000, first=first, stubborn=True)


def end_a_connection(server, chance):
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'attest' AND pid <> pg_backend_pid()"
    if found := server.sql(query):
        server.sql(f"SELECT pg_terminate_backend({chance.choice(found)[0]})")


def disturb(writers, server, place, kills, seed):
    """Let them write, and kill that many of them, their connections, and once the server."""
    chance = random.Random(seed)  # noqa: S311 - the moments are not reproducible anyway
    running = {number: start(writers, place, name, chance) for number, name in enumerate(NAMES)}
    killed, crashed = 0, False
    while killed < kills:
        time.sleep(chance.uniform(0.01, 0.15))
        if not crashed and killed >= kills // 2:
            server.crash()
            server.wait()
            crashed = True
        elif chance.random() < 0.3:
            end_a_connection(server, chance)
        else:
            number = chance.choice(list(running))
            assert writers.kill(running[number]) == -signal.SIGKILL
            killed += 1
            running[number] = start(writers, place, NAMES[number], chance)
    place.wait_for(NAMES[0], 11)  # also where the machine is slow, they have written
    for process in running.values():
        assert writers.kill(process) == -signal.SIGKILL


def test_killed_writers_lose_nothing_acknowledged(writers, server, place):
    disturb(writers, server, place, 20, seed=1)
    there, _ = place.inspect(sorted(set(NAMES)))
    assert there > 10, "no writer lived long enough to write"


@pytest.mark.slow
def test_hundreds_of_killed_writers_lose_nothing_acknowledged(writers, server, place):
    for seed in range(2, 6):
        disturb(writers, server, place, 75, seed=seed)
        place.inspect(sorted(set(NAMES)))


def test_writers_at_once_lose_nothing_and_keep_nothing_twice(writers, place):
    processes = [writers.start(place, name, 25) for name in NAMES]
    assert [writers.wait(process) for process in processes] == [0] * len(NAMES)
    names = sorted(set(NAMES))
    assert [place.acknowledged(name) for name in names] == [set(range(25))] * len(names)
    assert place.inspect(names) == (75, 0)


def test_a_killed_writer_does_not_keep_the_others_waiting(writers, server, place):
    """What it held is free as soon as the server has noticed."""
    first = writers.start(place, "first", 1_000_000)
    place.wait_for("first", 1)
    writers.kill(first)
    assert writers.wait(writers.start(place, "second", 3)) == 0
    assert place.acknowledged("second") == {0, 1, 2}
    place.inspect(["first", "second"])


def test_a_store_is_whole_after_the_server_was_killed(writers, server, place):
    process = writers.start(place, "steady", 60, stubborn=True)
    place.wait_for("steady", 5)
    server.crash()
    server.wait()
    assert writers.wait(process) == 0
    assert place.inspect(["steady"]) == (60, 0)


def test_an_open_store_outlives_the_server(server, place):
    with open_store(place.uri, create=True) as store:
        server.crash()
        server.wait()
        assert store.check().problems == ()
