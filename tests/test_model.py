"""The base of every model: names outside and inside, times in UTC, facts that may be unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from attest.errors import FormatError
from attest.model import Date, Model, Presence, StrictModel, Timestamp, format_time, parse_time

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)  # noqa: DTZ001


@given(TIMES)
def test_a_time_is_read_as_it_is_written(time):
    written = format_time(time)
    assert parse_time(written) == time
    assert written.endswith("Z")
    assert format_time(parse_time(written)) == written


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-11-20T10:02:00Z", datetime(2026, 11, 20, 10, 2, tzinfo=UTC)),
        ("2026-11-20t10:02:00z", datetime(2026, 11, 20, 10, 2, tzinfo=UTC)),
        ("2026-11-20T10:02:00+02:00", datetime(2026, 11, 20, 8, 2, tzinfo=UTC)),
        ("2026-11-20T10:02:00.5Z", datetime(2026, 11, 20, 10, 2, 0, 500_000, tzinfo=UTC)),
        ("2026-11-20T10:02:00.123456789Z", datetime(2026, 11, 20, 10, 2, 0, 123_456, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_times_of_rfc_3339(text, read):
    assert parse_time(text) == read
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-20T10:02:00",  # no offset: whose time?
        "2026-11-20 10:02:00Z",
        "2026-11-20T10:02Z",
        "20261120T100200Z",
        "2026-11-20T10:02:00.1234567890Z",
        "2026-11-20T10:02:00+0200",
        "2026-02-30",
        "2026-13-01T00:00:00Z",
        "2026-11-20T25:00:00Z",
        "2026-11-20T10:02:60Z",
        "0000-01-01",
        "10000-01-01",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "٢٠٢٦-11-20",
        "2026-11-20\n",
        "2026-W47-5",
        "x" * 100_000,
    ],
)
def test_what_is_no_time(text):
    with pytest.raises(FormatError, match="expected a time like") as caught:
        parse_time(text)
    assert len(caught.value.what) < 200


def test_fractions_appear_only_where_there_are_some():
    assert format_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"
    assert format_time(datetime(2026, 1, 1, microsecond=120, tzinfo=UTC)) == "2026-01-01T00:00:00.00012Z"


class Inner(Model):
    is_late: Presence = "unknown"


class Form(Model):
    signed_at: Timestamp | None = None
    until: Date | None = None
    inner_part: Inner | None = None


class Strict(StrictModel):
    valid_until: Date | None = None


def test_names_are_camel_case_outside_and_only_so():
    value = {"signedAt": "2026-01-01T00:00:00Z", "until": "2026-01-02", "innerPart": {"isLate": "yes"}}
    form = Form.from_json(value)
    assert form.signed_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert form.until == date(2026, 1, 2)
    assert form.inner_part.is_late == "yes"
    assert form.to_json() == value
    assert Form.from_json({"signed_at": "2026-01-01T00:00:00Z"}).signed_at is None
    assert Form(signed_at=datetime(2026, 1, 1, tzinfo=UTC)).signed_at == form.signed_at


def test_unknown_fields_are_ignored_in_statements_and_refused_in_documents():
    assert Form.from_json({"later": 1}).to_json() == {}
    with pytest.raises(ValidationError, match="later"):
        Strict.from_json({"later": 1})
    with pytest.raises(ValidationError, match="valid_until"):
        Strict.from_json({"valid_until": "2026-01-01"})


@pytest.mark.parametrize("value", ["maybe", "YES", True, False, None, 1, [], {}])
def test_a_fact_in_no_known_word_is_unknown(value):
    assert Inner.from_json({"isLate": value}).is_late == "unknown"


def test_what_was_read_does_not_change():
    form = Form.from_json({})
    with pytest.raises(ValidationError, match="frozen"):
        form.until = date(2026, 1, 1)


@pytest.mark.parametrize("value", [7, 1.5, True, datetime(2026, 1, 1), "2026-01-01T00:00:00", {}])  # noqa: DTZ001
def test_a_moment_needs_an_offset(value):
    with pytest.raises(ValidationError):
        Form(signed_at=value)


@pytest.mark.parametrize(
    "value", [7, "2026-1-1", "20260101", datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"]
)
def test_a_day_is_a_day(value):
    with pytest.raises(ValidationError):
        Form(until=value)


def test_a_complaint_does_not_repeat_what_was_read():
    """What does not fit may be a secret in the wrong place."""
    with pytest.raises(ValidationError) as caught:
        Form.from_json({"until": "hunter2"})
    assert "hunter2" not in str(caught.value)
