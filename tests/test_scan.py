"""The walk: what it finds, what it names as wrong, and that it neither recurses nor follows."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from attest import scan as module
from attest.errors import DigestError, UsageError
from attest.scan import (
    Offender,
    Root,
    moved,
    path_problem,
    refuse,
    scan_file,
    scan_tree,
    unreadable,
    walk_tree,
)


def make(root, **files):
    for name, data in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def offenders(root, **options):
    return dict(scan_tree(root, **options).offenders)


def test_finds_regular_files_sorted_by_bytes(tmp_path):
    for name in ["b", "a.b", "a-b", "a/b", "a b", "Z", "é", "\U00010000", "\uff21", "z/z"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
    found = [each.path for each in scan_tree(tmp_path).found]
    assert found == sorted(found, key=str.encode)
    # where a locale, or UTF-16, would sort otherwise
    assert found == ["Z", "a b", "a-b", "a.b", "a/b", "b", "z/z", "é", "\uff21", "\U00010000"]


def test_sizes_and_times_come_from_the_walk(tmp_path):
    make(tmp_path, a=b"four")
    (found,) = scan_tree(tmp_path).found
    status = (tmp_path / "a").stat()
    assert found.size == 4
    assert found.status == (status.st_dev, status.st_ino, 4, status.st_mtime_ns, status.st_ctime_ns)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (b"a\nb", "a line feed in the path"),
        (b"a\rb", "a carriage return in the path"),
        (b"a\\b", "a backslash in the path"),
        (b"a\xffb", "the path is not UTF-8"),
        (b"-", "sha256sum would read standard input instead"),
    ],
)
def test_names_that_a_manifest_cannot_hold(tmp_path, name, reason):
    (tmp_path / "good").write_bytes(b"")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    assert offenders(tmp_path) == {name.decode("utf-8", "surrogateescape"): reason}


def test_a_directory_with_a_bad_name_makes_its_files_offend(tmp_path):
    make(tmp_path, **{"d\nd__x": b"", "d\nd__y": b"", "good": b""})
    assert offenders(tmp_path) == dict.fromkeys(["d\nd/x", "d\nd/y"], "a line feed in the path")


def test_a_file_named_minus_is_refused_at_the_root_alone(tmp_path):
    make(tmp_path, **{"d__-": b"", "-x": b""})
    assert offenders(tmp_path) == {}


def test_what_is_no_file(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        (tmp_path / "link").symlink_to("/etc/passwd")
        (tmp_path / "to-directory").symlink_to(".")
        assert offenders(tmp_path) == {
            "pipe": "a named pipe",
            "socket": "a socket",
            "link": "a symbolic link",
            "to-directory": "a symbolic link",
        }


def test_devices(tmp_path):
    try:
        os.mknod(tmp_path / "null", 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("making a device needs privileges")
    assert offenders(tmp_path) == {"null": "a device"}


def test_links_to_files_of_the_tree_when_asked_for(tmp_path):
    root = make(tmp_path / "root", blobs__one=b"one", two=b"two")
    (root / "snapshot").mkdir()
    (root / "snapshot" / "model").symlink_to("../blobs/one")
    (root / "again").symlink_to("snapshot/model")
    (root / "absolute").symlink_to(root.resolve() / "two")
    scan = scan_tree(root, symlinks=True)
    assert scan.offenders == []
    assert {each.path: each.place for each in scan.found} == {
        "absolute": "two",
        "again": "blobs/one",
        "blobs/one": "blobs/one",
        "snapshot/model": "blobs/one",
        "two": "two",
    }
    assert scan_tree(root).offenders  # without being asked, none is taken


def test_links_that_lead_nowhere_good(tmp_path):
    root = make(tmp_path / "root", file=b"")
    (tmp_path / "root-beside").write_bytes(b"out")
    os.mkfifo(root / "pipe")
    links = {
        "dangling": "missing",
        "loop": "loop",
        "ping": "pong",
        "pong": "ping",
        "outside": "../root-beside",
        "absolute": "/etc/passwd",
        "directory": ".",
        "to-pipe": "pipe",
        "through-file": "file/x",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    assert offenders(root, symlinks=True) == {
        "dangling": "a symbolic link that leads nowhere",
        "loop": "a symbolic link that runs in a circle",
        "ping": "a symbolic link that runs in a circle",
        "pong": "a symbolic link that runs in a circle",
        "outside": "a symbolic link that leaves the tree",
        "absolute": "a symbolic link that leaves the tree",
        "directory": "a symbolic link to a directory",
        "to-pipe": "a symbolic link to a named pipe",
        "through-file": "not a directory",
        "pipe": "a named pipe",
    }


def test_a_linked_root_is_followed(tmp_path):
    make(tmp_path / "real", a=b"")
    (tmp_path / "link").symlink_to("real")
    assert [each.path for each in scan_tree(tmp_path / "link").found] == ["a"]


@pytest.mark.parametrize("name", ["missing", "file", "file/x"])
def test_a_root_that_is_no_directory(tmp_path, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DigestError, match=r"no such file|not a directory") as caught:
        scan_tree(tmp_path / name)
    assert caught.value.where == str(tmp_path / name)


def test_a_directory_that_cannot_be_listed(tmp_path, monkeypatch):
    make(tmp_path, shut__a=b"", b=b"")
    listing = module._listing

    def refuse_one(root, place):
        if place == "shut":
            raise PermissionError(13, "Permission denied")
        return listing(root, place)

    monkeypatch.setattr(module, "_listing", refuse_one)
    scan = scan_tree(tmp_path)
    assert scan.offenders == [Offender("shut", "permission denied")]
    assert scan_tree(tmp_path, ["shut"]).offenders == []
    assert scan_tree(tmp_path, ["shut"]).skipped == 1


def test_files_that_cannot_be_opened(tmp_path, monkeypatch):
    make(tmp_path, a=b"", b=b"")
    open_ = Root.open

    def refuse_one(self, place):
        if place == "b":
            raise PermissionError(13, "Permission denied")
        return open_(self, place)

    monkeypatch.setattr(Root, "open", refuse_one)
    assert list(unreadable(scan_tree(tmp_path))) == [Offender("b", "permission denied")]


def test_exclusions_are_counted(tmp_path):
    make(tmp_path, keep=b"", log=b"", sub__log=b"", skip__a=b"", skip__b__c=b"", skip__b__d=b"")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "skip" / "link").symlink_to("/")
    scan = scan_tree(tmp_path, ["skip/", "**/log", "pipe"])
    assert ([each.path for each in scan.found], scan.skipped, scan.offenders) == (["keep"], 7, [])


def test_a_bad_exclusion_is_the_users_error(tmp_path):
    with pytest.raises(UsageError, match=r"'\.\./x' is no path relative to the directory"):
        scan_tree(tmp_path, ["../x"])


@pytest.mark.parametrize("levels", [2000])
def test_depth_costs_no_stack(tmp_path, levels):
    parent = os.open(tmp_path, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=parent)
        child = os.open("d", os.O_RDONLY, dir_fd=parent)
        os.close(parent)
        parent = child
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=parent))
    os.close(parent)
    try:
        (found,) = scan_tree(tmp_path).found
        assert found.path == "d/" * levels + "f"
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree recurses


def test_a_path_too_long_for_the_system_is_an_offender(tmp_path):
    name = "d" * 250
    parent = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=parent)
        child = os.open(name, os.O_RDONLY, dir_fd=parent)
        os.close(parent)
        parent = child
    os.close(parent)
    try:
        ((path, reason),) = scan_tree(tmp_path).offenders
        assert (path, reason) == ("/".join([name] * 17), "file name too long")
    finally:
        subprocess.run(["rm", "-rf", tmp_path / name], check=True)


def test_moved_finds_what_came_and_went(tmp_path):
    make(tmp_path, a=b"", d__b=b"", d__x=b"", e__c=b"")
    scan = scan_tree(tmp_path, ["**/x"])
    assert moved(scan) == []
    (tmp_path / "d" / "x").unlink()
    assert moved(scan) == []  # an excluded file may come and go
    (tmp_path / "a").write_bytes(b"other bytes")
    assert moved(scan) == []  # changed bytes are for whoever reads them
    (tmp_path / "d" / "new").write_bytes(b"")
    (tmp_path / "d" / "pipe").symlink_to(".")
    (tmp_path / "e" / "c").unlink()
    (tmp_path / "e").rmdir()
    assert set(moved(scan)) == {
        ("d/new", "appeared while the tree was read"),
        ("d/pipe", "a symbolic link"),
        ("e/c", "vanished while the tree was read"),
    }


def test_one_file(tmp_path):
    (tmp_path / "real").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("real")
    for name in ["real", "link"]:
        (found,) = scan_file(tmp_path / name).found
        assert (found.path, found.place, found.size) == (name, "real", 3)


def test_one_thing_that_is_no_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, what in [
        (tmp_path / "pipe", "a named pipe"),
        (tmp_path, "a directory"),
        (Path("/dev/zero"), "a device"),
    ]:
        with pytest.raises(DigestError, match=f"^{path}: {what} has no digest$"):
            scan_file(path)
    with pytest.raises(DigestError, match="no such file"):
        scan_file(tmp_path / "missing")


def test_refusal_names_twenty_and_counts_the_rest():
    error = refuse([Offender(f"{number:03}", "a device") for number in range(50, 0, -1)], "root")
    assert error.what.startswith('50 paths cannot be digested: "001" (a device), "002" (a device)')
    assert error.what.endswith('"020" (a device), and 30 more')
    assert "--symlinks" not in error.hint
    assert refuse([Offender("x", "a device")], "root").what == '1 path cannot be digested: "x" (a device)'
    assert "--symlinks" in refuse([Offender("x", "a symbolic link")], "root").hint


def test_refusal_shortens_long_names():
    what = refuse([Offender("a" * 5000 + "z", "a device")], "root").what
    assert len(what) < 200
    assert 'aaaz" (a device)' in what


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a", None),
        ("a/b.c/..d/e...", None),
        ("a/-", None),
        ("-a", None),
        (" ", None),
        ("\x1b[31m", None),
        ("e\u0301/\u202e", None),
        ("", "an empty, '.' or '..' part in the path"),
        (".", "an empty, '.' or '..' part in the path"),
        ("..", "an empty, '.' or '..' part in the path"),
        ("a/../b", "an empty, '.' or '..' part in the path"),
        ("./a", "an empty, '.' or '..' part in the path"),
        ("a/", "an empty, '.' or '..' part in the path"),
        ("a//b", "an empty, '.' or '..' part in the path"),
        ("/a", "the path is absolute"),
        ("-", "sha256sum would read standard input instead"),
        ("a\nb", "a line feed in the path"),
        ("a\n", "a line feed in the path"),
        ("a\0", "a NUL in the path"),
        ("a\\b", "a backslash in the path"),
        ("a\udcffb", "the path is not UTF-8"),
    ],
)
def test_path_problem(path, problem):
    assert path_problem(path) == problem


def test_without_descriptors_of_directories_the_answer_is_the_same(tmp_path, monkeypatch):
    root = make(tmp_path / "root", a=b"1", d__b=b"22", d__e__c=b"333", skip__x=b"")
    (root / "link").symlink_to("d/b")
    os.mkfifo(root / "pipe")
    expected = scan_tree(root, ["skip"], symlinks=True)
    monkeypatch.setattr(module, "DIR_FD", False)
    scan = scan_tree(root, ["skip"], symlinks=True)
    assert scan == expected
    assert scan.offenders == [Offender("pipe", "a named pipe")]
    assert moved(scan) == []
    assert list(unreadable(scan)) == []


def test_a_time_beyond_what_is_kept_is_named(tmp_path):
    make(tmp_path, a=b"", b=b"")
    os.utime(tmp_path / "a", (10**10, 10**10))  # in the year 2286
    if (tmp_path / "a").stat().st_mtime_ns < 2**63:
        pytest.skip("this file system has no such times")
    reason = "its times are more than 292 years from 1970"
    assert offenders(tmp_path) == {"a": reason}
    with pytest.raises(DigestError, match=reason):
        scan_file(tmp_path / "a")


def test_a_directory_of_more_files_than_are_held_together_is_sorted(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    make(tmp_path, **{f"d__{number}": b"" for number in range(20)}, **{"d-": b"", "e": b"", "a": b""})
    found = [each.path for each in scan_tree(tmp_path).found]
    assert len(found) == 23
    assert found == sorted(found, key=str.encode)


def test_a_walk_in_steps_ends_with_the_scan(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_STEP", 2)
    make(tmp_path, **{f"d__{number}": b"" for number in range(7)}, **{"d-": b"", "e": b"", "a": b""})
    os.mkfifo(tmp_path / "pipe")
    steps = []
    for scan in walk_tree(tmp_path):
        steps.append((len(scan.found), len(scan.offenders), len(scan.directories)))
    assert scan == scan_tree(tmp_path)
    assert steps == sorted(steps)
    assert steps[0][0] <= 2
    assert len(steps) >= 6
