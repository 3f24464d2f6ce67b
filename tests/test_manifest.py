"""Manifests: exactly what sha256sum prints, strict in reading, and rechecked by the real coreutils."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from attest.errors import DigestError, FormatError, LimitError
from attest.limits import DEFAULT
from attest.manifest import Excluded, Manifest, digest_path
from attest.resource import Artifact
from attest.scan import path_problem

A, B, C = "a" * 64, "b" * 64, "c" * 64

needs_coreutils = pytest.mark.skipif(
    shutil.which("sha256sum") is None, reason="coreutils' sha256sum is not installed"
)

paths = st.lists(
    st.text(st.characters(exclude_characters="/\\\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=5),
    min_size=1,
    max_size=3,
).map("/".join)
entries = st.dictionaries(
    paths.filter(lambda path: path_problem(path) is None), st.sampled_from([A, B, C]), min_size=1, max_size=9
)


def pairs(found):
    return [(sha256, path) for path, sha256 in found.items()]


def nested(found):
    return any(path.startswith(f"{other}/") for path in found for other in found)


def tree(root, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


# --- the format --------------------------------------------------------------------------------------------


def test_the_bytes_and_the_digest():
    manifest = Manifest.of([(B, "b"), (A, "a b/\u00e9")])
    data = f"{A}  a b/\u00e9\n{B}  b\n".encode()
    assert manifest.data == data
    assert manifest.digest == hashlib.sha256(data).hexdigest()
    assert manifest.artifact == Artifact(manifest.digest, tree=True)
    assert manifest.entries == ((A, "a b/\u00e9"), (B, "b"))


def test_the_order_is_that_of_bytes():
    names = ["a.b", "a/b", "a b", "a-b", "B", "\U00010000", "\uff21", "e\u0301", "\u00e9", "a0", "ab"]
    got = [path for _, path in Manifest.of((A, name) for name in names).entries]
    assert got == ["B", "a b", "a-b", "a.b", "a/b", "a0", "ab", "e\u0301", "\u00e9", "\uff21", "\U00010000"]
    assert got == sorted(names, key=str.encode)


@given(entries)
def test_what_is_written_is_read_back(found):
    if nested(found):
        with pytest.raises(FormatError, match="is both a file and a directory"):
            Manifest.of(pairs(found))
        return
    manifest = Manifest.of(pairs(found))
    assert Manifest.parse(manifest.data) == manifest
    assert [path.encode() for _, path in manifest.entries] == sorted(path.encode() for path in found)
    assert Manifest.of(reversed(pairs(found))).data == manifest.data


@given(st.binary(max_size=200), entries, st.integers(0, 300), st.integers(0, 7))
@example(b"", {"a": A}, 64, 1)
def test_reading_takes_only_what_would_be_written(junk, found, place, bit):
    """Whatever bytes are read without an error are the bytes of the manifest they are read as."""
    good = bytearray() if nested(found) else bytearray(Manifest.of(pairs(found)).data)
    flipped = good.copy()
    if place < len(good):
        flipped[place] ^= 1 << bit
    for data in [junk, bytes(flipped), bytes(good[:place]) + junk + bytes(good[place:]), bytes(good[:place])]:
        try:
            manifest = Manifest.parse(data)
        except FormatError:
            continue
        assert manifest.data == data
        assert Manifest.of(manifest.entries) == manifest


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no entries"),
        (b"\n", r"line 1 is not '<sha256>  <path>'"),
        (f"{A}  a".encode(), "the last line does not end"),
        (f"{A}  a\n{B}  b".encode(), "the last line does not end"),
        (f"{A}  a\n\n".encode(), "line 2 is not"),
        (f"{A}  a\n# comment\n".encode(), "line 2 is not"),
        (f"{A} a\n".encode(), "line 1 is not"),
        (f"{A} *a\n".encode(), "line 1 is not"),
        (f"\\{A}  a\n".encode(), "line 1 is not"),
        (f"{A.upper()}  a\n".encode(), "line 1 is not"),
        (f"{A[:-1]}  a\n".encode(), "line 1 is not"),
        (f"{A}0  a\n".encode(), "line 1 is not"),
        (f"{A}  \n".encode(), "line 1 is not"),
        (f"{A}  a\r\n".encode(), "a carriage return in the path"),
        (f"{A}  a\\nb\n".encode(), "a backslash in the path"),
        (f"{A}  a\0b\n".encode(), "a NUL in the path"),
        (f"{A}  -\n".encode(), "standard input"),
        (f"{A}  /etc/passwd\n".encode(), "the path is absolute"),
        (f"{A}  ../a\n".encode(), "'.' or '..' part"),
        (f"{A}  a/./b\n".encode(), "'.' or '..' part"),
        (f"{A}  a//b\n".encode(), "an empty"),
        (f"{A}  a/\n".encode(), "an empty"),
        (f"{A}  b\n{B}  a\n".encode(), "'a' comes after 'b': not sorted by bytes"),
        (f"{A}  a\n{A}  a\n".encode(), "'a' stands twice"),
        (f"{A}  a/b\n{A}  a.b\n".encode(), "not sorted by bytes"),
        (f"{A}  a\n{A}  a.b\n{A}  a/b\n".encode(), "'a' is both a file and a directory"),
        (f"{A}  a/b\n{A}  a/b/c/d\n".encode(), "'a/b' is both a file and a directory"),
        (f"\ufeff{A}  a\n".encode(), "line 1 is not"),
        (A.encode() + b"  \xff\n", "not UTF-8 at byte 66"),
        (A.encode() + b"  \xed\xb3\xbf\n", "not UTF-8 at byte 66"),
        (f"{A}  a\n".encode("utf-16"), "not UTF-8 at byte 0"),
    ],
)
def test_what_is_no_manifest(data, message):
    with pytest.raises(FormatError, match=message) as caught:
        Manifest.parse(data, "x.manifest")
    assert caught.value.where == "x.manifest"


def test_a_limit_is_named():
    data = Manifest.of([(A, "a")]).data
    assert Manifest.parse(data, limits=replace(DEFAULT, manifest_bytes=len(data))).data == data
    with pytest.raises(LimitError, match="manifest bytes: 68 is above the limit of 67"):
        Manifest.parse(data, limits=replace(DEFAULT, manifest_bytes=len(data) - 1))


@pytest.mark.parametrize(
    ("given_entries", "message"),
    [
        ([], "no entries"),
        ([(A, "a"), (B, "a")], "'a' stands twice"),
        ([(A, "a"), (B, "a/b")], "'a' is both a file and a directory"),
        ([(A.upper(), "a")], "expected 64 lowercase hex digits"),
        ([("", "a")], "expected 64 lowercase hex digits"),
        ([(A, "a\nb")], "a line feed in the path"),
        ([(A, "\udcff")], "the path is not UTF-8"),
        ([(A, "/a")], "the path is absolute"),
    ],
)
def test_what_no_manifest_is_made_of(given_entries, message):
    with pytest.raises(FormatError, match=message):
        Manifest.of(given_entries)


def test_hostile_shapes_cost_little():
    """Neither one endless line nor one endlessly deep path is a way to keep a reader busy."""
    with pytest.raises(FormatError, match="the last line does not end"):
        Manifest.parse((f"{A}  " * 20_000).encode())
    deep = "a/" * 200_000 + "a"
    assert Manifest.parse(f"{A}  {deep}\n".encode()).entries == ((A, deep),)


# --- from files --------------------------------------------------------------------------------------------


def test_a_single_file(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    measured = digest_path(tmp_path / "f")
    assert measured.artifact == Artifact(hashlib.sha256(b"abc").hexdigest())
    assert (measured.size, measured.manifest, measured.excluded) == (3, None, Excluded())
    assert [each.path for each in measured.files] == ["f"]
    assert measured.changed() == []
    (tmp_path / "f").write_bytes(b"abd")
    assert measured.changed() == ["f"]


def test_a_directory(tmp_path):
    tree(tmp_path, {"a": b"1", "d/b": b"22", "skip/x": b"", "skip/y": b"", "z.log": b""})
    measured = digest_path(tmp_path, exclude=["skip/", "*.log"])
    lines = f"{hashlib.sha256(b'1').hexdigest()}  a\n{hashlib.sha256(b'22').hexdigest()}  d/b\n"
    assert measured.manifest.data == lines.encode()
    assert measured.artifact == Artifact(hashlib.sha256(lines.encode()).hexdigest(), tree=True)
    assert measured.size == 3
    assert measured.excluded == (("skip/", "*.log"), 3)
    assert measured.changed() == []
    (tmp_path / "skip" / "new").touch()
    assert measured.changed() == []
    (tmp_path / "new").touch()
    assert measured.changed() == ["new"]


def test_a_tree_that_became_a_file_differs_though_name_and_bytes_are_the_same(tmp_path):
    root = tree(tmp_path / "x", {"x": b"abc"})
    measured = digest_path(root)
    (root / "x").rename(tmp_path / "y")
    root.rmdir()
    (tmp_path / "y").rename(root)
    assert measured.changed() == ["x"]


def test_links_are_rechecked_as_they_were_read(tmp_path):
    tree(tmp_path, {"a": b"1"})
    (tmp_path / "link").symlink_to("a")
    assert digest_path(tmp_path, symlinks=True).changed() == []


def test_a_tree_is_neither_its_only_file_nor_its_manifest(tmp_path):
    measured = digest_path(tree(tmp_path / "t", {"f": b"abc"}))
    (tmp_path / "m").write_bytes(measured.manifest.data)
    as_file = digest_path(tmp_path / "m")
    assert as_file.artifact.sha256 == measured.artifact.sha256
    assert as_file.artifact != measured.artifact
    assert digest_path(tmp_path / "t" / "f").artifact != measured.artifact


def test_names_are_part_of_the_digest(tmp_path):
    one = digest_path(tree(tmp_path / "1", {"a": b"x", "b": b"y"})).artifact
    assert digest_path(tree(tmp_path / "2", {"a": b"y", "b": b"x"})).artifact != one  # swapped
    assert digest_path(tree(tmp_path / "3", {"a": b"x", "c": b"y"})).artifact != one  # renamed
    assert digest_path(tree(tmp_path / "4", {"a": b"x", "d/b": b"y"})).artifact != one  # moved
    assert digest_path(tree(tmp_path / "5", {"b": b"y", "a": b"x"})).artifact == one


def test_unicode_forms_of_a_name_are_different_names(tmp_path):
    composed, decomposed = "\u00e9", "e\u0301"
    one = digest_path(tree(tmp_path / "1", {composed: b"x"}))
    two = digest_path(tree(tmp_path / "2", {decomposed: b"x"}))
    assert one.manifest.entries[0][1] == composed
    assert two.manifest.entries[0][1] == decomposed
    assert one.artifact != two.artifact
    if len(list(tree(tmp_path / "3", {composed: b"x", decomposed: b"y"}).iterdir())) == 2:
        both = digest_path(tmp_path / "3").manifest.entries
        assert [path for _, path in both] == [decomposed, composed]


def test_mode_bits_and_empty_directories_are_not_bound(tmp_path):
    before = digest_path(tree(tmp_path / "t", {"f": b"abc"})).artifact
    (tmp_path / "t" / "f").chmod(0o700)
    (tmp_path / "t" / "empty").mkdir()
    assert digest_path(tmp_path / "t").artifact == before


def test_an_empty_directory_has_no_digest(tmp_path):
    with pytest.raises(DigestError, match="no file to digest"):
        digest_path(tmp_path)


def test_what_is_missing(tmp_path):
    with pytest.raises(DigestError, match="no such file or directory"):
        digest_path(tmp_path / "missing")


# --- coreutils ---------------------------------------------------------------------------------------------

part = st.text(
    st.characters(exclude_characters="/\\\n\r\0", exclude_categories=["Cs"]), min_size=1, max_size=6
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)
files = st.dictionaries(
    st.lists(part, min_size=1, max_size=3).map("/".join), st.binary(max_size=100), min_size=1, max_size=6
)


@needs_coreutils
@given(files)
@example({" ": b"", "*a": b"", " *b": b"", "#c": b"", "d/-": b"", "\x1b[31m": b"", "-n": b"", "a": b""})
@example({"MD5 (x) = y": b"", "~": b"", "$(x)": b"", "\u202e": b"", "\x7f\x01": b""})
@settings(max_examples=40)
def test_coreutils_recheck_every_manifest(found):
    found = {path: data for path, data in found.items() if path != "-"}
    if not found or nested(found):
        return
    with tempfile.TemporaryDirectory() as folder:
        root = tree(Path(folder, "tree"), found)
        measured = digest_path(root)
        written = Path(folder, "m")
        written.write_bytes(measured.manifest.data)
        check = ["sha256sum", "--check", "--strict", "--quiet", written]
        done = subprocess.run(check, cwd=root, capture_output=True, check=False, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        done = subprocess.run(["sha256sum"], input=measured.manifest.data, capture_output=True, check=True)
        assert done.stdout == f"{measured.artifact.sha256}  -\n".encode()
        names = sorted(os.fsencode(path) for path in found)
        printed = subprocess.run(
            ["sha256sum", "--", *names], cwd=root, capture_output=True, check=True
        ).stdout
        assert printed == measured.manifest.data


@needs_coreutils
def test_coreutils_find_the_changed_file(tmp_path):
    root = tree(tmp_path / "tree", {"a": b"1", "d/b": b"2"})
    (tmp_path / "m").write_bytes(digest_path(root).manifest.data)
    (root / "d" / "b").write_bytes(b"3")
    done = subprocess.run(
        ["sha256sum", "--check", "../m"],
        cwd=root,
        capture_output=True,
        check=False,
        text=True,
        env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout) == (1, "a: OK\nd/b: FAILED\n")


def test_a_measured_manifest_is_the_one_of_its_entries(tmp_path):
    for name in ["b", "a-b", "a/b", "é"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    measured = digest_path(tmp_path)
    made = Manifest.of(list(measured.manifest.entries))
    assert measured.manifest.entries[0] == made.entries[0]
    assert measured.manifest.entries[1:3] == list(made.entries[1:3])
    assert measured.manifest == made
    assert hash(measured.manifest.entries) == hash(made.entries)
    assert b"".join(measured.manifest.lines()) == made.data == measured.manifest.data
    assert measured.manifest.digest == made.digest == measured.sha256
    assert Manifest.parse(measured.manifest.data) == made
