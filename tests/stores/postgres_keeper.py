"""``python postgres_keeper.py LOG USER COMMAND…``: holds a server until standard input ends.

So no server outlives the tests, however these end. A line on the input kills the server, with no farewell to
anybody, and starts it again. USER is JSON: as whom the command is run.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 60


def keep(log, as_user, command):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the tests, which will close our input
    status = Path(command[2]) / "postmaster.pid"
    while True:
        with Path(log).open("ab") as output:
            server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0, **as_user
            )
        sys.stdout.write("ready\n" if ready(server, status) else "the server did not start\n")
        sys.stdout.flush()
        line = sys.stdin.readline()
        server.send_signal(signal.SIGQUIT)
        server.wait()
        if not line:
            return


def ready(server, status):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if status.exists() and f"{server.pid}\n" in (text := status.read_text()) and "\nready" in text:
            return True
        time.sleep(0.01)
    return False


if __name__ == "__main__":
    keep(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3:])
