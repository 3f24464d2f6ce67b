"""A register by its URL: fetched because the reader named it, kept, and bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from loopback import Answer, Loopback

from attest.errors import AttestError, UsageError
from attest.limits import DEFAULT
from attest.subscription import is_url, subscribe


def serve(*answers):
    """A server that gives these answers one after the other, the last one for ever."""
    left = list(answers)
    return Loopback(lambda _: left.pop(0) if len(left) > 1 else left[0])


def silent(_text):
    raise AssertionError(_text)


def test_what_is_fetched_is_kept_byte_for_byte(tmp_path):
    with serve(Answer(body=b"one\n", content_type="text/plain")) as server:
        (file,) = subscribe(server.url, tmp_path / "kept", silent)
        assert file.read_bytes() == b"one\n"
        assert subscribe(server.url, tmp_path / "kept", silent) == [file]
    assert [each.headers.get("accept-encoding") for each in server.asked] == ["identity"] * 2


def test_the_edition_before_stays_beside_the_newest(tmp_path):
    with serve(Answer(body=b"one\n"), Answer(body=b"two\n")) as server:
        subscribe(server.url, tmp_path, silent)
        files = subscribe(server.url, tmp_path, silent)
    assert [file.read_bytes() for file in files] == [b"two\n", b"one\n"]


def test_when_the_service_is_down_the_last_edition_has_to_do(tmp_path):
    told = []
    with serve(Answer(body=b"one\n"), Answer(status=404)) as server:
        (file,) = subscribe(server.url, tmp_path, silent)
        assert subscribe(server.url, tmp_path, told.append) == [file]
    assert "status 404" in told[0]
    assert "the edition seen last is used" in told[0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(status=404), "status 404"),
        (Answer(status=302, headers={"Location": "https://elsewhere.example"}), "status 302"),
        (Answer(body=b"x" * 2000), "larger than 1000 bytes"),
        (Answer(body=b" \n"), "the answer is empty"),
    ],
)
def test_what_is_no_register_is_an_error(tmp_path, answer, message):
    with serve(answer) as server, pytest.raises(AttestError, match=message):
        subscribe(server.url, tmp_path, silent, replace(DEFAULT, document_bytes=1000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "http://registry.example/x",
        "https://user:secret@registry.example/x",
        "https:///x",
        "https://r.example/#x",
    ],
)
def test_only_https_and_nothing_secret_in_the_url(tmp_path, url):
    with pytest.raises(UsageError):
        subscribe(url, tmp_path, silent)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("https://r.example/x", True), ("HTTP://r", True), ("register.jsonl", False), ("c:/x", False)],
)
def test_what_is_a_url(given, expected):
    assert is_url(given) is expected
