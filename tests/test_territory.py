"""Territories: a place is covered by its name, its country, its group or all members of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.territory import covers, is_within, known
from attest.vocabulary import load

WORDS = st.sampled_from([*load("territories"), "US-IL", "DE-BY"])
LISTS = st.lists(WORDS | st.sampled_from(["Europe", "", "us", "EU-"]), max_size=6)


@pytest.mark.parametrize(
    ("granted", "wanted", "answer"),
    [
        (["EU"], "DE", True),
        (["EU"], "DE-BY", True),
        (["EEA"], "EU", True),
        (["EU"], "EEA", False),
        (["EU", "IS", "LI", "NO"], "EEA", True),
        (["worldwide"], "US-IL", True),
        (["US-IL"], "US", False),
        (["DE"], "worldwide", False),
        ([], "DE", False),
        (["Europe"], "DE", None),
        (["Europe", "DE"], "DE", True),
        (["eu"], "DE", None),
    ],
)
def test_covers(granted, wanted, answer):
    assert covers(granted, wanted) is answer


@given(LISTS, LISTS, WORDS)
def test_a_longer_list_covers_no_less(some, more, wanted):
    if covers(some, wanted):
        assert covers([*some, *more], wanted)


@given(LISTS, WORDS)
def test_worldwide_covers_everything_and_no_list_of_places_is_worldwide(some, wanted):
    assert covers([*some, "worldwide"], wanted)
    if "worldwide" not in some:
        assert not covers(some, "worldwide")


@given(WORDS, WORDS, WORDS)
def test_places_lie_within_each_other_in_order(one, two, three):
    assert is_within(one, one)
    if is_within(one, two) and is_within(two, three):
        assert is_within(one, three)


@given(st.text(max_size=8))
def test_only_words_of_the_list_and_parts_of_countries_are_known(text):
    country, _, part = text.partition("-")
    assert known(text) is (
        text in load("territories")
        or (country in load("territories") and len(country) == 2 and part.isalnum())
    )
