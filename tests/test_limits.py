"""The reader's limits: one table, and what the command line can make of it."""

from __future__ import annotations

from dataclasses import fields
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import LimitError, UsageError
from attest.limits import DEFAULT, Limits

NAMES = [field.name for field in fields(Limits)]
MIB = 1 << 20


def test_the_table_of_the_format_reference():
    assert DEFAULT.line_bytes == 64 * MIB
    assert DEFAULT.payload_bytes == 48 * MIB
    assert DEFAULT.json_depth == 64
    assert DEFAULT.string_bytes == 64 << 10
    assert DEFAULT.subjects == 1024
    assert DEFAULT.step_inputs == 100_000
    assert DEFAULT.statements == 1_000_000
    assert DEFAULT.bundle_entries == 32
    assert DEFAULT.yaml_aliases == 100


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_is_the_largest_that_passes_and_its_error_names_it(name):
    limit = getattr(DEFAULT, name)
    DEFAULT.check(name, limit)
    with pytest.raises(LimitError, match=f"{limit + 1} is above the limit of {limit}") as caught:
        DEFAULT.check(name, limit + 1, "here")
    assert caught.value.where == "here"
    # the hint is what to type
    setting = caught.value.hint.rsplit(" ", 1)[-1]
    DEFAULT.override((setting,)).check(name, limit + 1)


def test_every_limit_is_explained():
    import ast
    import inspect

    body = ast.parse(inspect.getsource(Limits)).body[0].body
    explained = [
        node.target.id
        for node, after in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(after, ast.Expr)
    ]
    assert explained == NAMES


@given(st.sampled_from(NAMES), st.integers(1, 10**17))
def test_override(name, number):
    changed = DEFAULT.override((f"{name}={number}",))
    assert getattr(changed, name) == number
    assert DEFAULT.override(()) == DEFAULT
    assert changed.override((f"{name}={getattr(DEFAULT, name)}",)) == DEFAULT


@pytest.mark.parametrize("number", ["", "0", "-1", "1.5", "many", "١٢", "1_0", " 1", "9" * 5000, "0x10"])
def test_what_is_no_number_above_0_is_refused(number):
    with pytest.raises(UsageError, match="expected a whole number above 0") as caught:
        DEFAULT.override((f"subjects={number}",))
    assert caught.value.where == "--limit"
    assert len(caught.value.what) < 120


def test_an_unknown_limit_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="unknown limit 'subject'") as caught:
        DEFAULT.override(("subject=3",))
    assert caught.value.hint == "did you mean 'subjects'?"
    with pytest.raises(UsageError, match="unknown limit") as caught:
        DEFAULT.override(("zzzz",))
    assert "subjects" in caught.value.hint
