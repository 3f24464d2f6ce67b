"""Open sets: members by name, ours first, each loaded only when asked for."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint

import pytest

from attest.errors import UsageError
from attest.registry import Registry

GROUP = "attest.testing"
TABLE = {"digest": "attest.digest:sha256_bytes", "pae": "attest.envelope:pae"}


@pytest.fixture
def points(monkeypatch):
    """Entry points of other packages."""
    found = []
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [each for each in found if each.group == group]
    )
    return found


def test_members_are_listed_and_loaded_by_name(points):
    table = Registry("thing", TABLE, GROUP)
    assert list(table) == ["digest", "pae"]
    assert "digest" in table
    assert "other" not in table
    assert table.load("digest")(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_nothing_is_imported_before_it_is_asked_for(points):
    module = "wave"  # any module nobody has imported
    sys.modules.pop(module, None)
    table = Registry("thing", {"w": f"{module}:open"}, GROUP)
    assert list(table) == ["w"]
    assert module not in sys.modules
    table.load("w")
    assert module in sys.modules


def test_another_package_adds_a_member(points):
    points.append(EntryPoint("theirs", "json:dumps [extra]", GROUP))
    points.append(EntryPoint("elsewhere", "json:loads", "another.group"))
    table = Registry("thing", TABLE, GROUP)
    assert list(table) == ["digest", "pae", "theirs"]
    assert table.load("theirs")({}) == "{}"


def test_another_package_cannot_take_over_a_name_of_ours(points):
    points.append(EntryPoint("digest", "os:system", GROUP))
    table = Registry("thing", TABLE, GROUP)
    assert list(table) == ["digest", "pae"]
    assert table.load("digest").__module__ == "attest.digest"


def test_an_unknown_name_is_refused_with_the_nearest(points):
    table = Registry("thing", TABLE, GROUP)
    with pytest.raises(UsageError, match="unknown thing 'digets'") as caught:
        table.load("digets")
    assert caught.value.hint == "did you mean 'digest'?"
    with pytest.raises(UsageError) as caught:
        table.load("x" * 5000)
    assert caught.value.hint == "known: digest, pae"
    assert len(caught.value.what) < 250


@pytest.mark.parametrize("value", ["not_installed_anywhere:x", "json:not_there"])
def test_a_member_that_cannot_be_imported_is_an_error_and_no_traceback(points, value):
    points.append(EntryPoint("broken", value, GROUP))
    with pytest.raises(UsageError, match=r"thing 'broken' cannot be loaded: .*not_"):
        Registry("thing", TABLE, GROUP).load("broken")
