"""What every test shares: a plain environment, no network, reproducible hypothesis runs."""

from __future__ import annotations

import os
import signal
import socket

import pytest
from hypothesis import settings

pytest_plugins = ("stack.fixture", "stores.postgres_server")

settings.register_profile("attest", deadline=None, print_blob=True)
# the same examples every time where a change has to pass; new ones every time where somebody can look
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "attest")

# started in the background of a script, we are told to ignore Ctrl-C, under nohup that the terminal is gone,
# and so is every program a test starts
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
for _name in ("SIGHUP", "SIGQUIT", "SIGTERM"):
    if signal.getsignal(getattr(signal, _name, signal.SIGINT)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), signal.SIG_DFL)

_PREFIXES = ("ATTEST_", "BUILDKITE", "CIRCLE", "GITHUB_", "GITLAB_", "JENKINS_", "RUNNER_", "SIGSTORE_")
_KEPT = frozenset(
    {
        "ATTEST_CORPORA",
        "ATTEST_TEST_CACHE",
        "ATTEST_TEST_REQUIRE_CLIENTS",
        "ATTEST_TEST_REQUIRE_POSTGRES",
        "ATTEST_TEST_SUITE",
        "ATTEST_TEST_DEBIAN_MIRROR",
    }
)


@pytest.fixture(autouse=True, scope="session")
def _plain_environment():
    """No passphrase, project setting or continuous integration of the developer's reaches a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if (name.startswith(_PREFIXES) and name not in _KEPT) or name in {
                "CI",
                "NO_COLOR",
                "FORCE_COLOR",
            }:
                patch.delenv(name)
        patch.setenv("COLUMNS", "80")  # the same width, whoever looks and wherever nobody does
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_network():
    """A test that reaches beyond this machine fails, wherever it runs."""
    connect = socket.socket.connect

    def local_only(self, address):
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in {"localhost", "127.0.0.1", "::1"}:
            raise AssertionError(f"a test tried to reach {host}")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_only)
        yield


@pytest.fixture
def reads(monkeypatch):
    """The places the digest engine opens."""
    import attest.scan

    places = []
    really = attest.scan.Root.open

    def opening(self, place):
        places.append(place)
        return really(self, place)

    monkeypatch.setattr(attest.scan.Root, "open", opening)
    return places
