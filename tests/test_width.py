"""Columns: what a terminal shows is as wide as we say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.text import show
from attest.width import clip, columns, pad, wrap

TEXTS = st.text(max_size=200).map(show)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("abc", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("模型", 4),
        ("｡Ａ", 3),
        ("😀", 2),
        ("a…b", 3),
        ("אב", 2),
    ],
)
def test_columns(text, expected):
    assert columns(text) == expected


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("模型权", 5, "模型…"),
        ("模型权", 4, "模…"),
        ("", 1, ""),
        ("abc", 1, "…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
    ],
)
def test_clip(text, width, expected):
    assert clip(text, width) == expected


@given(TEXTS, st.integers(1, 60))
def test_clip_never_exceeds(text, width):
    assert columns(clip(text, width)) <= width
    assert columns(pad(text, width)) == width


def test_wrap_breaks_at_spaces_and_keeps_the_indentation():
    assert wrap("one two three", 9, "- ") == ["- one two", "  three"]
    assert wrap("one two three", 9, "- ", "") == ["- one two", "three"]


def test_wrap_breaks_a_word_only_if_it_must():
    assert wrap("ab cdefghij", 6) == ["ab", "cdefgh", "ij"]
    assert wrap("", 10, "x ") == ["x "]


@given(TEXTS, st.integers(4, 60), st.sampled_from(["", "  ", "- ", "12. "]))
def test_wrap_fits_and_loses_nothing(text, width, first):
    lines = wrap(text, width, first)
    room = width - len(first)
    assert all(columns(line) <= max(width, len(first) + 2) for line in lines)
    if room >= 2:  # one column cannot hold a wide character
        assert all(columns(line) <= width for line in lines)
    kept = "".join(line[len(first) :] for line in lines)
    assert kept.replace(" ", "") == text.replace(" ", "")
