"""What else fsspec reads: tried with its file system in memory."""

from __future__ import annotations

import hashlib
import sys
import time
import uuid

import fsspec
import pytest
from object_servers import fill_folder

from attest.errors import DigestError, UsageError
from attest.fetching import fetch
from attest.manifest import digest_path
from attest.source import Location, Patience, SourceError

QUICK = Patience(retries=1, backoff=0.001, longest=0.01)
BIG = bytes(range(256)) * 4096 * 10 + b"end"


@pytest.fixture
def root():
    """A folder in memory."""
    name = f"/{uuid.uuid4().hex}"
    system = fsspec.filesystem("memory")
    yield name
    if system.exists(name):
        system.rm(name, recursive=True)


def put(root, **files):
    for name, data in files.items():
        fsspec.filesystem("memory").pipe_file(f"{root}/{name.replace('__', '/')}", data)


def got(root, path, **more):
    return fetch(Location.of(f"memory:/{root}/{path}"), patience=QUICK, **more)


def test_a_directory_is_what_it_is_on_disk(root, tmp_path):
    files = {"a": b"abc", "d__b": b"", "z__big": BIG, "x.tmp": b"1"}
    put(root, **files)
    here = digest_path(fill_folder(tmp_path / "tree", **files), exclude=["*.tmp"])
    there = got(root, "", exclude=["*.tmp"])
    assert (there.manifest.data, there.size, there.excluded) == (here.manifest.data, here.size, here.excluded)
    assert there.changed(QUICK) == []


@pytest.mark.parametrize("data", [b"", b"abc", BIG])
def test_one_file(root, data):
    put(root, x=data)
    assert got(root, "x").sha256 == hashlib.sha256(data).hexdigest()


def test_changes_are_seen_afterwards(root):
    put(root, a=b"1", b=b"2", c=b"3")
    found = got(root, "")
    put(root, a=b"9", d=b"4")
    fsspec.filesystem("memory").rm(f"{root}/b")
    assert found.changed(QUICK) == ["a", "b", "d"]


def test_a_file_that_changes_while_it_is_read(root, monkeypatch):
    put(root, a=b"1", b=b"2")
    system = fsspec.filesystem("memory")
    read = system.cat_file

    def cat_file(path, **more):
        data = read(path, **more)
        put(root, b=b"3")
        return data

    monkeypatch.setattr(system, "cat_file", cat_file)
    with pytest.raises(DigestError, match=r'"b" .changed while it was read'):
        got(root, "")
    with pytest.raises(DigestError, match=r'"b" .changed while it was read'):
        got(root, "b")


@pytest.mark.parametrize(
    ("error", "reason", "times"),
    [
        (PermissionError("no"), "access is denied", 1),
        (ConnectionResetError("s3cr3t"), r"cannot be read: ConnectionResetError \(2 attempts\)$", 2),
        (ValueError("s3cr3t"), "cannot be read: ValueError$", 1),
    ],
)
def test_errors_of_a_file_system(root, monkeypatch, error, reason, times):
    put(root, a=b"1")
    asked = []

    def cat_file(path, **_):
        asked.append(path)
        raise error

    monkeypatch.setattr(fsspec.filesystem("memory"), "cat_file", cat_file)
    with pytest.raises(SourceError, match=reason):
        got(root, "a")
    assert len(asked) == times


@pytest.mark.parametrize("data", [b"", b"12", b"1234"])
def test_a_file_system_that_gives_less_or_more(root, monkeypatch, data):
    put(root, a=b"123")
    monkeypatch.setattr(fsspec.filesystem("memory"), "cat_file", lambda path, **_: data)
    with pytest.raises(SourceError, match=r"the connection ended at byte|got more than"):
        got(root, "a")


def test_nothing_there(root):
    put(root, d__a=b"1")
    with pytest.raises(SourceError, match="there is nothing"):
        got(root, "none")
    with pytest.raises(SourceError, match="this is a directory") as caught:
        got(root, "d")
    assert "slash at its end" in caught.value.hint


def test_a_size_nobody_knows(root, monkeypatch):
    system = fsspec.filesystem("memory")
    monkeypatch.setattr(system, "info", lambda path, **_: {"name": path, "size": None, "type": "file"})
    with pytest.raises(SourceError, match="its size is not known"):
        got(root, "a")


def test_a_listing_of_something_else(root, monkeypatch):
    found = {"/etc/passwd": {"size": 1, "type": "file"}}
    monkeypatch.setattr(fsspec.filesystem("memory"), "find", lambda *_, **__: found)
    with pytest.raises(SourceError, match="the listing holds '/etc/passwd'"):
        got(root, "")


def test_without_fsspec_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match="fsspec is needed") as caught:
        got("/x", "a")
    assert "pip install 'attest-provenance[objects]'" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "package"), [("gs://b/k", "gcsfs"), ("az://c/k", "adlfs"), ("hdfs://h/k", "pyarrow")]
)
def test_what_passes_through_names_its_package(monkeypatch, url, package):
    for name in ("gcsfs", "adlfs", "pyarrow", "fsspec.implementations.arrow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match="a package is missing") as caught:
        fetch(Location.of(url), patience=QUICK)
    assert package in caught.value.hint.lower()


def test_one_that_promises_nothing_is_asked_for_one_thing_at_a_time(root, monkeypatch):
    put(root, **{f"f{number}": b"x" for number in range(40)}, big=BIG)
    system = fsspec.filesystem("memory")
    read, busy, seen = system.cat_file, [], []

    def cat_file(path, **more):
        busy.append(path)
        seen.append(len(busy))
        try:
            time.sleep(0.001)
            return read(path, **more)
        finally:
            busy.pop()

    monkeypatch.setattr(system, "cat_file", cat_file)
    got(root, "")
    assert set(seen) == {1}
