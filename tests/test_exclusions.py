"""Exclusion patterns: anchored, whole paths, and nothing matches across a slash that does not say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import UsageError
from attest.exclusions import Exclusions


@pytest.mark.parametrize(
    ("pattern", "matches", "others"),
    [
        ("a", ["a"], ["A", "aa", "b/a", "a/b"]),
        ("*.tmp", [".tmp", "x.tmp"], ["d/x.tmp", "x.tmp2", "xtmp"]),
        ("**/*.tmp", ["x.tmp", "d/x.tmp", "d/e/x.tmp"], ["x.tmp/y", "d/x.tm"]),
        ("**", ["a", "a/b/c"], [""]),
        ("d/**", ["d/a", "d/a/b"], ["d", "e/a"]),
        ("d/**/x", ["d/x", "d/e/x", "d/e/f/x"], ["x", "d/ex", "dx"]),
        ("d/*/x", ["d/e/x"], ["d/x", "d/e/f/x"]),
        ("?", ["a", "é", "\U0001f600", "\n"], ["", "ab", "/"]),
        ("[ab]x", ["ax", "bx"], ["cx", "/x", "x"]),
        ("[!ab]x", ["cx", "]x"], ["ax", "/x", "x"]),
        ("[a-c]", ["a", "b", "c"], ["d", "-"]),
        ("[]]", ["]"], ["[]]", "["]),
        ("[!]]", ["a"], ["]"]),
        ("[*]", ["*"], ["a"]),
        ("[^a]", ["^", "a"], ["b"]),
        ("[[]", ["["], ["[["]),
        ("[&&a]", ["&", "a"], ["b"]),
        ("[", ["["], ["a"]),
        ("[]", ["[]"], ["", "["]),
        ("[!]", ["[!]"], ["!"]),
        ("a.b+c(d)", ["a.b+c(d)"], ["axb+c(d)"]),
        ("a**b", ["ab", "axyb"], ["a/b"]),
        ("{a,b}", ["{a,b}"], ["a"]),
        (".git", [".git"], ["xgit", ".gitignore"]),
    ],
)
def test_patterns(pattern, matches, others):
    exclusions = Exclusions([pattern])
    assert [path for path in matches if not exclusions.match(path, directory=False)] == []
    assert [path for path in others if exclusions.match(path, directory=False)] == []


def test_a_slash_at_the_end_is_for_directories_alone():
    exclusions = Exclusions(["logs/"])
    assert exclusions.match("logs", directory=True)
    assert not exclusions.match("logs", directory=False)
    assert not Exclusions(["**/"]).match("a", directory=False)
    assert Exclusions(["a"]).match("a", directory=True)


def test_any_of_several():
    exclusions = Exclusions(["a", "b/", "c"])
    assert [name for name in "abcd" if exclusions.match(name, directory=False)] == ["a", "c"]
    assert [name for name in "abcd" if exclusions.match(name, directory=True)] == ["a", "b", "c"]


def test_none_match_nothing_and_are_false():
    assert not Exclusions([])
    assert not Exclusions([]).match("a", directory=True)
    assert Exclusions(["b/"])


@pytest.mark.parametrize("pattern", ["", "/", "/a", "a//b", ".", "./a", "a/..", "../a", "a//"])
def test_patterns_that_are_no_relative_path(pattern):
    with pytest.raises(UsageError, match="is no path relative to the directory"):
        Exclusions([pattern])


def test_a_set_that_makes_no_sense():
    with pytest.raises(UsageError, match=r"cannot read the exclusions '\[z-a\]': bad character range"):
        Exclusions(["[z-a]"])


@given(st.text(st.characters(exclude_characters="/[*?", exclude_categories=["Cs"]), min_size=1))
def test_a_name_without_signs_matches_itself_alone(name):
    if name in {".", ".."}:
        return
    exclusions = Exclusions([name])
    assert exclusions.match(name, directory=False)
    assert not exclusions.match(name + "x", directory=False)
    assert not exclusions.match("x" + name, directory=False)


@given(st.lists(st.text("ab*?[]!-/", max_size=8), max_size=4), st.text("ab/", max_size=8))
def test_every_pattern_is_readable_or_the_users_error(patterns, path):
    try:
        exclusions = Exclusions(patterns)
    except UsageError:
        return
    exclusions.match(path, directory=True)
