"""Signer and store of a project, opened before they are needed."""

from __future__ import annotations

import os

import pytest
from stores.samples import entry, sha, statement
from workshop import make_project, statements

from attest.desk import Desk, spool_folder
from attest.errors import SignatureError, StoreError, UsageError
from attest.predicate import predicate_type
from attest.settings import find_project, find_settings


@pytest.fixture
def root(tmp_path):
    return make_project(tmp_path / "project")


@pytest.fixture
def desk(root):
    return Desk(find_settings(root))


def test_signed_and_stored_in_one(desk, root):
    made = statement([entry("x")], predicate_type("dataset"), {"name": "x"})
    bundle = desk.sign(made, [b"manifest"])
    assert bundle.payload == made.payload
    assert statements(root) == [made]
    with desk.project.open_store() as store:
        assert store.manifest(sha("manifest")) == b"manifest"
    with desk.read() as store, pytest.raises(StoreError, match="for reading only"):
        store.put([bundle])


def test_the_key_is_read_once(desk, root):
    desk.open()
    (root / "keys" / "attest.key").unlink()
    desk.sign(statement([entry("x")]))


def test_what_it_writes_and_what_it_signs_with_is_known(desk, root):
    places = {os.path.relpath(place, os.path.realpath(root)) for place in desk.places()}
    assert places == {".attest", ".attest/store.db", "keys/attest.key"}


@pytest.mark.parametrize(
    ("lost", "error"), [("keys/attest.key", SignatureError), (".attest/store.db", StoreError)]
)
def test_opening_finds_what_is_missing(desk, root, lost, error):
    (root / lost).unlink()
    with pytest.raises(error):
        desk.open()


def test_a_store_that_fails_stores_nothing(desk, root, monkeypatch):
    desk.open()
    monkeypatch.setattr("attest.stores._sqlite_rows.Rows.add_manifest", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        desk.sign(statement([entry("x")]), [b"m"])
    assert statements(root) == []


def test_statements_wait_in_the_project(desk, root):
    assert spool_folder(desk.project) == root / ".attest" / "spool"


# ── a project with other parts (attest.settings.find_project) ──


def test_parts_can_be_replaced(root, monkeypatch):
    (root / "sub").mkdir()
    found = find_project(root / "sub", store="../other.db", signer="file:my.key")
    assert found.root == root
    assert found.store_uri == f"sqlite:{root / 'sub' / '../other.db'}"
    assert found.signer_uri == f"file:{root / 'sub' / 'my.key'}"
    assert find_project(root).settings.signer == "file:keys/attest.key"


def test_with_both_parts_no_settings_are_needed(tmp_path):
    found = find_project(tmp_path, store="s.db", signer="k")
    assert (found.root, found.store_uri, found.signer_uri) == (
        tmp_path,
        f"sqlite:{tmp_path}/s.db",
        f"file:{tmp_path}/k",
    )
    for parts in ({}, {"store": "s.db"}, {"signer": "k"}):
        with pytest.raises(UsageError, match=r"no attest\.yaml here or above"):
            find_project(tmp_path, **parts)
    assert find_project(tmp_path, optional=True).root == tmp_path


def test_settings_that_cannot_be_read_are_never_passed_over(root):
    (root / "attest.yaml").write_text("stoer: x\n")
    with pytest.raises(UsageError, match="unknown key 'stoer'"):
        find_project(root, store="s.db", signer="k")
