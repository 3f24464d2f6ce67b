"""Work shared by processes comes back whole and in its order, or not at all."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from itertools import product
from pathlib import Path

import pytest

from attest import processes
from attest.errors import AttestError, FormatError
from attest.processes import in_processes


def square(shared, task):
    if task == shared:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task


def slow(shared, task):
    time.sleep(shared * (task % 3))
    return os.getpid()


def big(shared, task):
    return task[::-1]


def test_results_come_in_the_order_of_the_tasks():
    assert list(in_processes(square, None, range(40), 2)) == [(n, n * n) for n in range(40)]
    assert list(in_processes(square, None, [], 2)) == []
    assert [task for task, _ in in_processes(slow, 0.002, range(20), 3)] == list(range(20))


def test_no_more_processes_than_asked_for_and_than_tasks():
    assert len({pid for _, pid in in_processes(slow, 0, range(50), 2)}) <= 2
    assert len({pid for _, pid in in_processes(slow, 0, range(1), 8)}) == 1


def test_large_tasks_and_results_do_not_wait_for_each_other():
    tasks = [bytes([number]) * 3_000_000 for number in range(8)]
    assert all(task == result for task, result in in_processes(big, None, tasks, 2))


def sized(shared, task):
    return task[1] * b"x"


@pytest.mark.parametrize("capacity", [1 << 20, 1 << 12])
def test_tasks_and_results_of_any_size_never_wait_for_each_other(monkeypatch, capacity):
    """Some are written ahead, some only once a process has nothing else."""
    monkeypatch.setattr(processes, "_CAPACITY", capacity)
    sizes = [10, 2_500_000, 0, 300_000, 60_000, 1_000_000, 900_000]
    tasks = [(bytes(size), result) for size, result in product(sizes, sizes)]
    found = list(in_processes(sized, None, tasks, 3))
    assert [task for task, _ in found] == tasks
    assert all(len(result) == task[1] for task, result in found)


def test_small_tasks_lie_ready_while_one_is_worked_on():
    given, done = [], []

    def tasks():
        for number in range(12):
            given.append(len(done))
            yield number

    for task, _ in in_processes(slow, 0.05, tasks(), 1):
        done.append(task)
    assert given[: processes._DEPTH] == [0] * processes._DEPTH


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_nobody_stays_behind_when_the_first_process_is_killed():
    code = (
        "import os, sys, time\nsys.path.insert(0, sys.argv[1])\nfrom test_processes import slow\n"
        "from attest.processes import in_processes\n"
        "for _, pid in in_processes(slow, 0.01, range(10**6), 3):\n    print(pid, flush=True)\n"
    )
    words = [sys.executable, "-c", code, str(Path(__file__).parent)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as first:
        pids = {int(first.stdout.readline()) for _ in range(30)}
        first.kill()
    try:
        end = time.monotonic() + 30
        while left := [pid for pid in pids if lives(pid)]:
            assert time.monotonic() < end, left
            time.sleep(0.02)
    finally:
        for pid in filter(lives, pids):
            os.kill(pid, signal.SIGKILL)


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_under_way_is_bounded():
    taken = []

    def tasks():
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_processes(square, None, tasks(), 2)
    next(results)
    assert len(taken) <= 2 * processes._AHEAD + 1
    results.close()
    assert multiprocessing.active_children() == []


def test_a_process_that_is_killed_is_an_error_and_nobody_stays_behind():
    with pytest.raises(AttestError, match="ended unexpectedly") as caught:
        list(in_processes(square, 7, range(20), 2))
    assert "--jobs 1" in str(caught.value.hint)
    assert multiprocessing.active_children() == []


def test_what_the_tasks_raise_comes_after_the_results_before():
    def tasks():
        yield from range(3)
        raise FormatError("cut off")

    seen = []
    with pytest.raises(FormatError, match="cut off"):
        seen.extend(task for task, _ in in_processes(square, None, tasks(), 2))
    assert seen == [0, 1, 2]


def test_an_interrupt_ends_the_processes_at_once():
    def tasks():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_processes(slow, 60, tasks(), 2))
    assert multiprocessing.active_children() == []


HOW = """
import threading
from attest import processes

print(processes._context().get_start_method())
done = threading.Event()
threading.Thread(target=done.wait).start()
print(processes._context().get_start_method())
done.set()
"""


def test_a_process_with_threads_is_not_forked():
    done = subprocess.run([sys.executable, "-c", HOW], check=True, capture_output=True, text=True)
    first = "fork" if sys.platform == "linux" else "spawn"
    assert done.stdout.split() == [first, "spawn"]


def test_threads_of_libraries_count(monkeypatch):
    monkeypatch.setattr(processes, "_threads", lambda: 3)
    assert processes._context().get_start_method() == "spawn"
