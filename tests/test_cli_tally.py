"""A line that counts while statements are read, on a terminal only."""

from __future__ import annotations

import io

import attest.cli.tally as tally_module
from attest.cli.tally import tally


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_how_many_and_the_line_goes_away(monkeypatch):
    times = iter(range(100))
    monkeypatch.setattr(tally_module.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(tally_module.sys, "stderr", screen := _Terminal())
    assert list(tally(range(3), "statements read")) == [0, 1, 2]
    assert screen.getvalue().startswith("\r\x1b[K1 statements read, 1 a second")
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_file_shows_nothing(monkeypatch):
    monkeypatch.setattr(tally_module.sys, "stderr", plain := io.StringIO())
    assert list(tally("ab", "statements read")) == ["a", "b"]
    assert plain.getvalue() == ""
