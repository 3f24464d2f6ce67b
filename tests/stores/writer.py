"""Processes that put into a store and can be killed: forked from one that has imported everything.

Reads JSON lines: ``{"uri", "name", "puts", "acks"}`` forks a writer and answers its process id; ``{"wait":
pid}`` answers how that writer ended. Each put of a writer adds what ``part`` gives, and appends its number to
the file ``acks`` once the store has acknowledged it. ``first`` is the number of the first put, ``dieAt`` when
to die inside of SQLite; a ``stubborn`` writer opens the store again and puts again when the store failed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback

from attest.errors import StoreError
from attest.store import open_store
from attest.stores import postgres, sqlite  # loaded before the fork
from stores.samples import bundle, entry, step

__all__ = ["PostgresStore", "SqliteStore", "part"]

PostgresStore, SqliteStore = postgres.PostgresStore, sqlite.SqliteStore


def part(name, number):
    """The bundles and manifests of one put: a few kB, several statements."""
    inputs = [entry(f"{name} {number} in {each}", tree=True) for each in range(5)]
    made = step([entry(f"{name} {number} out", tree=True)], inputs)
    again = step([entry(f"{name} {number} out", tree=True)], inputs, signer="bob")
    other = bundle(f"{name} {number}", predicate={"notes": ["n" * 1000] * 5})
    return [made, other, again], [f"manifest {name} {number}\n".encode() * 200]


def die_at(store, instruction):
    """Let the process die when SQLite's virtual machine comes to that instruction."""
    left = [instruction]

    def count():
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_progress_handler(count, 1)


def write(uri, name, puts, acks, first=0, dieAt=0, stubborn=False):  # noqa: N803 - as in the JSON
    out = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    number = first
    while number < first + puts:
        try:
            with open_store(uri, create=True) as store:
                if dieAt:
                    die_at(store, dieAt)
                while number < first + puts:
                    store.put(*part(name, number))
                    os.write(out, b"%d\n" % number)
                    number += 1
        except StoreError:
            if not stubborn:
                raise
            time.sleep(0.05)


def start(command):
    process = os.fork()
    if not process:
        try:
            write(**command)
        except BaseException:  # noqa: BLE001 - the only way out of a fork
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return process


def main():
    running = set()
    try:
        for line in sys.stdin:
            command = json.loads(line)
            if "wait" in command:
                answer = os.waitstatus_to_exitcode(os.waitpid(command["wait"], 0)[1])
                running.discard(command["wait"])
            else:
                answer = start(command)
                running.add(answer)
            print(answer, flush=True)  # noqa: T201 - the answer
    finally:  # a test that failed left them, or the tests are gone
        for process in running:
            os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main()
