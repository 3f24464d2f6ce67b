"""URLs that people give: what is read, what is shown, what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import UsageError
from attest.source import SOURCES, Location, Patience, SourceError, Tries, is_location, open_source

MARK = "s3cr3t"


@pytest.mark.parametrize("text", ["s3://b/k", "https://h/x", "HTTPS://h/x", "abfs+x://a"])
def test_a_url_is_no_path(text):
    assert is_location(text)


@pytest.mark.parametrize(
    "text", ["data", "./s3:/b", "C:\\data", "C:/data", "sha256:00", "/a://b", "1s://x", ""]
)
def test_a_path_is_no_url(text):
    assert not is_location(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://b/dir/", "s3://b/dir/"),
        ("s3://b/what?#.bin", "s3://b/what?#.bin"),
        ("S3://b/k", "s3://b/k"),
        ("https://h:8443/a/b.bin", "https://h:8443/a/b.bin"),
        (f"https://me:{MARK}@h/a", "https://h/a"),
        (f"https://h/a?X-Amz-Signature={MARK}&X-Amz-Credential=x", "https://h/a"),
        (f"https://h/a?download=1#{MARK}", "https://h/a"),
        (f"sftp://me:{MARK}@h/a", "sftp://h/a"),
        (f"az://c/a?sv=1&sig={MARK}", "az://c/a"),
        (f"hf://datasets/o/n@main/a?token={MARK}", "hf://datasets/o/n@main/a"),
        (f"s3://me:{MARK}@b/k", "s3://b/k"),
    ],
)
def test_what_is_shown_holds_no_secret(text, shown):
    location = Location.of(text)
    assert location.shown == shown
    assert MARK not in repr(location)


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_query_and_no_user_is_ever_shown(user, query):
    marked = f"https://{user}mark@h/a?{query}mark"
    try:
        shown = Location.of(marked).shown
    except UsageError as error:
        shown = f"{error} {error.hint}"
    if not set("/?#\\") & set(user):
        assert "mark" not in shown


def test_the_version_of_an_object():
    location = Location.of("s3://b/k/x.bin?versionId=v1.2")
    assert (location.shown, location.version, location.rest) == ("s3://b/k/x.bin", "v1.2", "b/k/x.bin")
    assert (location.name, location.is_tree) == ("x.bin", False)


@pytest.mark.parametrize(
    ("text", "tree", "name"),
    [
        ("s3://b", True, "b"),
        ("s3://b/", True, "b"),
        ("s3://b/dir/", True, "dir"),
        ("s3://b/dir", False, "dir"),
        ("https://h/a/x.tar?y=/", False, "x.tar"),
        ("memory://d/", True, "d"),
    ],
)
def test_a_slash_at_the_end_means_a_directory(text, tree, name):
    location = Location.of(text)
    assert (location.is_tree, location.name) == (tree, name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data", "this is no URL"),
        ("https://h/a\nb", "without control characters"),
        ("https://h/\x7f", "without control characters"),
        ("https://[::1/x", "this is no URL"),
        ("simplecache::s3://b/k", "this is no URL"),
        ("zip://a.txt::https://h/x.zip", "chained URLs are not read"),
        ("file:///etc/passwd", "on this disk"),
        ("s3://", "names no place"),
        ("s3://b/k?X-Amz-Credential=a&X-Amz-Signature=b", "a signed URL is one of https"),
        ("https:///", "names no place"),
    ],
)
def test_what_is_refused(text, reason):
    with pytest.raises(UsageError, match=reason):
        Location.of(text)


def test_a_name_that_no_statement_can_hold():
    with pytest.raises(UsageError, match="a backslash in the path"):
        _ = Location.of("s3://b/a\\b").name


def test_an_unknown_scheme():
    with pytest.raises(UsageError, match="nothing reads nope:// here"):
        open_source(Location.of("nope://x/y"), Patience())


def test_every_kind_of_url_loads():
    assert [callable(SOURCES.load(name)) for name in SOURCES] == [True] * 5


def test_tries_are_counted():
    tries = Tries(Patience(retries=2, backoff=0))
    tries.failed(SourceError("no", temporary=True))
    tries.failed(SourceError("no", temporary=True))
    with pytest.raises(SourceError, match=r"no \(3 attempts\)"):
        tries.failed(SourceError("no", temporary=True))


def test_what_will_not_pass_is_not_tried_again():
    with pytest.raises(SourceError, match=r"^no$"):
        Tries(Patience()).failed(SourceError("no"))
