"""Purposes: what is prohibited reaches kinds and parts, what is permitted only what it names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.predicates.rights import Rights
from attest.purpose import permitted, prohibited
from attest.vocabulary import load

WORDS = st.sampled_from(list(load("purposes")))
LISTS = st.lists(WORDS | st.sampled_from(["what-nobody-knows", ""]), max_size=5)


def rights(**said: Any) -> Rights:
    return Rights.from_json({"sequence": 1, "status": "active", **said})


@pytest.mark.parametrize(
    ("listed", "purpose", "answer"),
    [
        (None, "research", None),
        ([], "research", False),
        (["any"], "research", True),
        (["research"], "academic-research", True),
        (["academic-research"], "research", True),
        (["surveillance"], "research", False),
        (["survellance"], "research", None),
        (["any-commercial"], "advertising", True),
        (["any-commercial"], "production", None),
        (["any-commercial"], "research", False),
        (["other"], "research", None),
    ],
)
def test_prohibited(listed, purpose, answer):
    said = {} if listed is None else {"prohibitedPurposes": listed}
    assert prohibited(rights(**said), purpose)[0] is answer


@pytest.mark.parametrize(
    ("listed", "answer"),
    [
        (None, None),
        ([], False),
        (["any"], True),
        (["face-recognition"], True),
        (["biometric-identification"], False),  # a permission reaches only what it names
        (["biometrics"], None),
    ],
)
def test_permitted(listed, answer):
    said = {} if listed is None else {"permittedPurposes": listed}
    assert permitted(rights(**said), "face-recognition") is answer


@given(LISTS, LISTS, WORDS)
def test_a_longer_list_of_prohibitions_allows_no_more(some, more, purpose):
    before = prohibited(rights(prohibitedPurposes=some), purpose)[0]
    after = prohibited(rights(prohibitedPurposes=[*some, *more]), purpose)[0]
    assert after is not False or before is False
    if before:
        assert after


@given(LISTS, WORDS)
def test_what_nobody_knows_is_never_allowed(some, purpose):
    assert prohibited(rights(prohibitedPurposes=[*some, "what-nobody-knows"]), purpose)[0] is not False
