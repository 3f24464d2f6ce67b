"""The line that counts statements as they go by."""

from __future__ import annotations

import io

import pytest

from attest.cli.counting import Counter, counting


@pytest.fixture
def clock():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


def test_count_rate_and_time_left_are_shown(clock):
    stream = io.StringIO()
    counter = Counter("statements", stream, clock)
    counter(1, 4000)
    assert stream.getvalue() == ""
    clock.now = 2.0
    counter(1000, 4000)
    assert stream.getvalue().endswith("1,000 of 4,000 statements, 500/s, 6 s left")
    counter(1001, 4000)  # too soon
    assert "1,001" not in stream.getvalue()
    counter.finish()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_an_unknown_total_is_left_out(clock):
    stream = io.StringIO()
    counter = Counter("statements", stream, clock)
    clock.now = 2.0
    counter(1000, 0)
    assert stream.getvalue().endswith("1,000 statements, 500/s")


def test_nothing_is_shown_where_nobody_looks(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with counting("statements") as counter:
        assert counter is None


def test_the_line_goes_away_with_the_work(monkeypatch, clock):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)

    def work():
        with counting("statements") as counter:
            counter._clock = clock
            clock.now = counter._next + 1
            counter(5, 0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert "5 statements" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
