"""The commands of docs/own-sigstore.md as they stand there, with two stacks at once on this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from clients import debian
from clients.cache import Unavailable
from pages import TEXT, fences

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
SERVERS = re.compile(r"python tests/stack (\S+)")
LAST = "attest verify model.bin --bundle model.bin.intoto.jsonl --trust other.yaml --policy policy.yaml"


@pytest.fixture
def place(tmp_path):
    """A folder with the repository's tests in it, and programs by the names the page calls them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    for name, words in {"python": "", "attest": "-m attest"}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (programs / name).chmod(0o755)
    try:
        (programs / "cosign").symlink_to(debian.binaries() / "cosign")
    except Unavailable as reason:
        pytest.skip(f"cosign is not available here: {reason}")
    return tmp_path


def environment(place, **more):
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "TUF_MIRROR": "file:///nonexistent", **more}


@pytest.fixture
def serve(place):
    """Start what the page starts in a terminal of its own; Ctrl-C ends it."""
    running = []

    def start(command):
        log = place / f"log-{len(running)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command.split(), cwd=place, env=environment(place), stdout=output, stderr=output
            )
        running.append(process)
        end = time.monotonic() + 60
        while "identity token" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)

    yield start
    for process in running:
        process.send_signal(signal.SIGINT)
    try:
        assert [process.wait(30) for process in running] == [0] * len(running)
    finally:
        for process in running:
            process.kill()
            process.wait()


@pytest.mark.usefixtures("running_stack")  # skipped where there is none
def test_every_command_of_the_page(place, serve):
    text = "".join(fences(TEXT["docs/own-sigstore.md"], "console"))
    commands = re.findall(r"^\$ (.+)$", text, re.MULTILINE)
    servers = [command for command in commands if SERVERS.fullmatch(command)]
    assert len(servers) == 2
    assert (len(commands), commands[-1]) == (text.count("\n"), LAST)
    for command in servers:
        serve(command)
    others = [command for command in commands if command not in servers]
    script = "\n".join(["set -eux", *others[:-1], "set +e", others[-1], "test $? = 1"])
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=place,
        env=environment(place, HOME=str(place)),  # where cosign would leave something
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ACCEPT" in done.stdout
    assert "Verified OK" in done.stderr
    assert "REJECT" in done.stdout
