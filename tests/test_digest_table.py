"""Tables of digests on disk: read back as written, and nothing else is ever believed."""

from __future__ import annotations

import os
import resource
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest import digest_table
from attest.digest_table import KEY, SUFFIX, Table, prune, read_table, tables, write_table
from attest.errors import AttestError, FormatError
from attest.reading import SHA

entries = st.lists(st.tuples(st.binary(min_size=KEY, max_size=KEY), st.binary(min_size=SHA, max_size=SHA)))


def table(pairs):
    return Table(b"".join(key for key, _ in pairs), b"".join(digest for _, digest in pairs))


TWO = table([(b"k" * KEY, b"d" * SHA), (b"l" * KEY, b"e" * SHA)])


@pytest.fixture
def place(tmp_path):
    path = tmp_path / "new" / f"one{SUFFIX}"
    write_table(path, TWO)
    return path


@given(entries)
def test_what_is_written_is_read(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("tables") / "one"
    write_table(path, table(pairs))
    assert read_table(path) == table(pairs)


def test_there_is_no_table(tmp_path):
    assert read_table(tmp_path / "nobody") is None


@given(data=st.data())
def test_a_damaged_table_is_refused(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("tables") / "one"
    write_table(path, TWO)
    good = path.read_bytes()
    at = data.draw(st.integers(0, len(good) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "insert"]))
    byte = bytes([good[at] ^ 1])
    path.write_bytes(
        good[:at] + {"flip": byte + good[at + 1 :], "cut": b"", "insert": byte + good[at:]}[change]
    )
    with pytest.raises(FormatError, match="damaged"):
        read_table(path)


def test_a_table_of_another_machine_is_refused(place, monkeypatch):
    monkeypatch.setattr(digest_table, "owner", lambda: b"?" * 16)
    with pytest.raises(FormatError, match="another machine or user"):
        read_table(place)


def test_a_table_that_others_can_write_is_refused(place):
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    place.chmod(0o620)
    with pytest.raises(FormatError, match="by others"):
        read_table(place)
    write_table(place, TWO)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert read_table(place) == TWO


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_table_of_another_user_is_refused(place):
    os.chown(place, 12345, -1)
    with pytest.raises(FormatError, match="by others"):
        read_table(place)


def test_no_link_is_followed(place, tmp_path):
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(FormatError, match="symbolic link"):
        read_table(tmp_path / "link")
    write_table(tmp_path / "link", table([]))
    assert not (tmp_path / "link").is_symlink()
    assert read_table(place) == TWO


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / "one")
    with pytest.raises(FormatError):
        read_table(tmp_path / "one")


def test_a_table_that_is_too_large_is_not_loaded(place, monkeypatch):
    monkeypatch.setattr(digest_table, "MAX_BYTES", 100)
    with pytest.raises(FormatError, match="no table of digests"):
        read_table(place)


def test_a_full_disk_leaves_what_was_there(place):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(AttestError, match="cannot be written"):
            write_table(place, table([(bytes(KEY), bytes(SHA))] * 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert read_table(place) == TWO
    assert list(place.parent.iterdir()) == [place]


def test_tables_nobody_used_are_removed(place):
    kept = place.with_name(f"kept{SUFFIX}")
    write_table(kept, TWO)
    other = place.with_name("not ours")
    other.write_bytes(b"")
    for path in (place, other):
        os.utime(path, (0, time.time() - digest_table.MAX_AGE - 1))
    prune(place.parent)
    assert sorted(place.parent.iterdir()) == [kept, other]


def test_what_was_used_longest_ago_makes_room(place, monkeypatch):
    for number in range(4):
        path = place.with_name(f"{number}{SUFFIX}")
        write_table(path, TWO)
        os.utime(path, (0, time.time() - 1000 + number))
    monkeypatch.setattr(digest_table, "MAX_BYTES", 3 * place.stat().st_size)
    prune(place.parent)
    assert [path.name for path, _ in tables(place.parent)] == [place.name, f"3{SUFFIX}", f"2{SUFFIX}"]
