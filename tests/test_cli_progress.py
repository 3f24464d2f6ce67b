"""The progress line: quiet at first, then what is done, how fast, how long still; gone at the end."""

from __future__ import annotations

import io

import pytest

from attest.cli.progress import Bar, progress_bar

MIB = 1 << 20


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def stream():
    return io.StringIO()


@pytest.fixture
def bar(stream, clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return Bar(stream, clock)


def test_short_work_shows_nothing(bar, stream, clock):
    bar.start(2, 10)
    clock.now += 0.49
    bar.advance(1, 5)
    bar.finish()
    assert stream.getvalue() == ""


def test_long_work_shows_a_line_and_takes_it_away(bar, stream, clock):
    bar.start(2000, 100 * MIB)
    clock.now += 1
    bar.advance(500, 25 * MIB)
    assert stream.getvalue() == "\r\x1b[K25 MiB of 100 MiB, 500 of 2,000 files, 25 MiB/s, 3 s left"
    bar.finish()
    assert stream.getvalue().endswith("\r\x1b[K")
    bar.finish()
    assert stream.getvalue().count("\r") == 2


def test_ten_lines_a_second_at_most(bar, stream, clock):
    bar.start(1000, 1000)
    clock.now += 0.5
    for _ in range(100):
        clock.now += 0.01
        bar.advance(1, 1)
    assert 8 <= stream.getvalue().count("\r") <= 11


def test_one_file_is_not_counted(bar, stream, clock):
    bar.start(1, 4 << 40)
    clock.now += 10
    bar.advance(0, 10 << 30)
    assert stream.getvalue() == "\r\x1b[K10 GiB of 4.0 TiB, 1 GiB/s, 1 h 8 min left"


def test_many_small_files_are_not_nearly_done_because_their_bytes_are(bar, stream, clock):
    bar.start(20_001, 10 * MIB)
    clock.now += 60
    bar.advance(2000, 9 * MIB)
    assert "7 min left" in stream.getvalue()


def test_work_of_no_bytes(bar, stream, clock):
    bar.start(10, 0)
    clock.now += 1
    bar.advance(10, 0)
    assert "0 B of 0 B, 10 of 10 files, 0 B/s, 0 s left" in stream.getvalue()


def test_a_narrow_terminal(bar, stream, clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    bar.start(10, 100)
    clock.now += 1
    bar.advance(1, 10)
    assert stream.getvalue() == "\r\x1b[K10 B of 100 B, 1 of"


def test_used_again_it_starts_anew(bar, stream, clock):
    for _ in range(2):
        bar.start(1, 100 * MIB)
        clock.now += 1
        bar.advance(0, 50 * MIB)
        bar.finish()
    assert stream.getvalue().count("50 MiB of 100 MiB, 50 MiB/s, 1 s left") == 2


def test_only_on_a_terminal(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    assert progress_bar() is None
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert isinstance(progress_bar(), Bar)


def test_a_total_that_is_known_later(bar, stream, clock):
    """While the tree is still walked, what was read is shown by itself; it counts when the total comes."""
    bar.start(0, 0)
    clock.now += 1
    bar.advance(500, 25 * MIB)
    assert stream.getvalue() == "\r\x1b[K25 MiB, 500 files so far, 25 MiB/s"
    bar.start(2000, 100 * MIB)
    clock.now += 1
    bar.advance(500, 25 * MIB)
    assert stream.getvalue().endswith("\r\x1b[K50 MiB of 100 MiB, 1,000 of 2,000 files, 25 MiB/s, 2 s left")
    bar.finish()
    bar.start(2, 20)
    clock.now += 1
    bar.advance(1, 10)
    assert "10 B of 20 B, 1 of 2 files" in stream.getvalue()
