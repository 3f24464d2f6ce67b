"""The pool: everything is done once, faults come out, leaving early stops the threads."""

from __future__ import annotations

import threading
import time
from collections import deque

import pytest

from attest import pool
from attest.pool import Lane, run_lanes


def echo(task):
    yield task
    yield -task


def lanes(*groups, warm=2, cold=2):
    return [Lane(deque(group), warm, cold) for group in groups]


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_everything_is_done_once(threads):
    results = run_lanes(lanes(range(1, 50), [], range(50, 60)), echo, warm=threads, cold=threads)
    assert sorted(results) == sorted([*range(1, 60), *(-each for each in range(1, 60))])


def test_nothing_to_do():
    assert list(run_lanes(lanes([], []), echo, warm=2, cold=2)) == []


def test_lanes_and_the_whole_are_bounded():
    running = {"tiny": 0, "other": 0}
    most = {"tiny": 0, "other": 0, "all": 0}
    lock = threading.Lock()

    def work(kind):
        with lock:
            running[kind] += 1
            most[kind] = max(most[kind], running[kind])
            most["all"] = max(most["all"], sum(running.values()))
        time.sleep(0.001)
        with lock:
            running[kind] -= 1
        yield kind

    both = [Lane(deque(["tiny"] * 40), 1, 8), Lane(deque(["other"] * 40), 3, 8)]
    assert sorted(run_lanes(both, work, warm=3, cold=8)) == ["other"] * 40 + ["tiny"] * 40
    assert most["tiny"] == 1
    assert most["all"] <= 3


@pytest.mark.parametrize(("busy", "threads"), [(0.75, 6), (0, 1)])
def test_more_threads_while_the_disk_is_waited_for(monkeypatch, busy, threads):
    """Blocks that come while the processors are busy are no reason for more."""
    monkeypatch.setattr(pool._Disk, "BUSY", busy)
    blocks = iter(range(1_000_000))
    monkeypatch.setattr(pool, "_blocks_read", lambda: next(blocks))
    monkeypatch.setattr(pool._Disk, "EVERY", 0)
    running = 0
    most = 0
    lock = threading.Lock()

    def work(_task):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        yield None

    list(run_lanes([Lane(deque(range(60)), 1, 6)], work, warm=2, cold=6))
    assert most == threads


def test_a_fault_in_a_thread_is_raised_here():
    def work(task):
        if task == 3:
            raise ZeroDivisionError("three")
        yield task

    with pytest.raises(ZeroDivisionError, match="three"):
        list(run_lanes(lanes(range(10)), work, warm=2, cold=2))


def test_leaving_early_stops_the_threads():
    closed = threading.Event()

    def endless(_task):
        try:
            while True:
                yield 1
        finally:
            closed.set()

    results = run_lanes(lanes([1]), endless, warm=2, cold=2)
    assert next(results) == 1
    results.close()
    assert closed.wait(10)
