"""Places on this disk: their names, and which lie in which."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from workshop import fill

from attest.errors import UsageError
from attest.places import label, within

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX names are bytes")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    fill(folder / "data", a="1")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data", "data"),
        ("data/", "data"),
        ("a/b.txt", "b.txt"),
        (".", "here"),
        ("..", None),
        ("./data/..", None),
    ],
)
def test_things_are_called_by_the_last_part_of_their_path(path, expected, here):
    expected = expected or (here.parent.name if path == ".." else "here")
    assert label(Path(path)) == expected


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\rb", pytest.param(os.fsdecode(b"\xff"), marks=posix)])
def test_a_name_that_cannot_stand_in_a_statement_is_refused(name):
    with pytest.raises(UsageError, match="cannot be named in a statement"):
        label(Path(name))


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/", True),
        ("/a", "/a/b", False),
    ],
)
def test_within(path, folder, expected):
    assert within(path, folder) is expected
