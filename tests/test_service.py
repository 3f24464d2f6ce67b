"""A question to a service ends: with its answer, or with a reason that has a stable code."""

from __future__ import annotations

import ssl
import time

import pytest
from clients.tsa import TimestampAuthority
from loopback import Answer, Loopback, RawLoopback, free_ports

from attest import service
from attest.errors import SignatureError, UsageError
from attest.service import Service, check_url


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Nobody waits in a test; how long it would have been is kept."""
    found = []
    monkeypatch.setattr(service, "sleep", found.append)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return found


def ask(url, **settings):
    return Service(url, "oracle", "oracle", **settings).post(b"question", "text/question", "text/answer")


def fails(url, **settings):
    with pytest.raises(SignatureError) as caught:
        ask(url, **settings)
    assert caught.value.where == url
    assert caught.value.what.startswith("oracle: ")
    return caught.value


GOOD = Answer(body=b"answer", content_type="text/answer; charset=utf-8")


def in_turn(*answers):
    left = list(answers)
    return lambda _question: left.pop(0) if len(left) > 1 else left[0]


def test_the_answer_comes_back_and_the_question_went_out():
    with Loopback(lambda _: GOOD) as server:
        assert ask(server.url) == b"answer"
    (question,) = server.asked
    assert question.body == b"question"
    assert question.headers["content-type"] == "text/question"
    assert question.headers["accept"] == "text/answer"
    assert question.headers["user-agent"] == "attest"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(status, waits):
    with Loopback(in_turn(Answer(status), Answer(status), GOOD)) as server:
        assert ask(server.url) == b"answer"
    assert len(server.asked) == 3
    assert [0.25 <= waits[0] <= 0.5, 0.5 <= waits[1] <= 1.0] == [True, True]


def test_it_is_not_tried_for_ever():
    with Loopback(lambda _: Answer(500, b"down for\nmaintenance")) as server:
        error = fails(server.url)
    assert error.code == "oracle-status"
    assert error.what == "oracle: answered with status 500: down for\nmaintenance (3 attempts)"
    assert len(server.asked) == 3
    with Loopback(lambda _: Answer(500)) as server:
        assert fails(server.url, retries=0).what == "oracle: answered with status 500"
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_a_refusal_is_not_tried_again(status):
    with Loopback(lambda _: Answer(status)) as server:
        assert fails(server.url).code == "oracle-status"
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("7", 7, 7), ("86400", 30, 30), ("-1", 0, 1), ("9" * 400, 0, 1), ("Fri, 31 Dec", 0, 1)],
)
def test_a_service_may_ask_for_patience_but_not_for_ever(said, least, most, waits):
    with Loopback(in_turn(Answer(503, headers={"Retry-After": said}), GOOD)) as server:
        assert ask(server.url) == b"answer"
    assert least <= waits[0] <= most


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status):
    with (
        Loopback(lambda _: GOOD) as elsewhere,
        Loopback(lambda _: Answer(status, headers={"Location": elsewhere.url})) as server,
    ):
        error = fails(server.url)
    assert error.code == "oracle-status"
    assert elsewhere.asked == []


def test_another_type_is_no_answer():
    with Loopback(lambda _: Answer(200, b"<html>please log in", "text/html")) as server:
        error = fails(server.url)
    assert (error.code, len(server.asked)) == ("oracle-type", 1)
    assert error.what == "oracle: answered with 'text/html', expected 'text/answer'"
    assert "login page" in error.hint


def test_an_answer_is_no_larger_than_it_may_be():
    with Loopback(lambda _: Answer(200, b"x" * 101, "text/answer")) as server:
        error = fails(server.url, answer_bytes=100)
        assert len(ask(server.url, answer_bytes=101)) == 101
    assert error.code == "oracle-size"


def test_compression_is_not_undone():
    """A small answer must not become a large one in memory."""
    packed = Answer(200, b"not gzip at all", "text/answer", {"Content-Encoding": "gzip"})
    with Loopback(lambda _: packed) as server:
        assert ask(server.url) == b"not gzip at all"


def test_nobody_there(waits):
    error = fails(f"http://127.0.0.1:{free_ports()[0]}/api")
    assert error.code == "oracle-unreachable"
    assert "(3 attempts)" in error.what
    assert len(waits) == 2


def test_a_connection_that_is_closed_without_an_answer():
    with RawLoopback(lambda connection, _: None) as server:
        assert fails(server.url, retries=1).code == "oracle-unreachable"
    assert server.connections >= 2


def test_garbage_is_no_answer():
    with RawLoopback(lambda connection, _: connection.sendall(b"\x00\xff garbage\r\n\r\n")) as server:
        assert fails(server.url, retries=0).code == "oracle-unreachable"


def silence(connection, over):
    over.wait(20)


def drip(start):
    """Send one byte after the other, so that no single read ever waits long."""

    def serve(connection, over):
        connection.sendall(start)
        while not over.wait(0.02):
            connection.sendall(b"x")

    return serve


@pytest.mark.parametrize(
    "serve",
    [
        silence,
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/answer\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Type: text/answer\r\nContent-Length: 99999\r\n\r\n"),
    ],
    ids=["silence", "headers", "body", "long body"],
)
def test_a_slow_answer_ends_at_the_deadline(serve):
    with RawLoopback(serve) as server:
        begun = time.monotonic()
        error = fails(server.url, timeout=0.3, retries=0)
        lasted = time.monotonic() - begun
    assert error.code == "oracle-timeout"
    assert error.what == "oracle: no answer within 0.3 s"
    assert lasted < 15  # it would never have ended


def test_a_certificate_nobody_vouches_for(tmp_path):
    authority = TimestampAuthority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / "leaf.pem", authority.folder / "leaf.key")

    def serve(connection, over):
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    with RawLoopback(serve) as server:
        error = fails(f"https://127.0.0.1:{server.port}/api", retries=0)
    assert error.code == "oracle-unreachable"
    assert "CERTIFICATE_VERIFY_FAILED" in error.what


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("timestamp.example", "is no URL of a service"),
        ("file:///etc/passwd", "is no URL of a service"),
        ("ftp://timestamp.example/", "is no URL of a service"),
        ("https://", "is no URL of a service"),
        ("https:///path", "is no URL of a service"),
        ("https://timestamp.example/a b", "is no URL of a service"),
        ("https://timestamp.example/\n", "is no URL of a service"),
        ("https://timestamp.example:port/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://me:secret@timestamp.example/", "holds a user or password"),
        ("https://me@timestamp.example/", "holds a user or password"),
        ("https://timestamp.example/#top", "has a fragment"),
    ],
)
def test_what_is_no_url_is_never_asked(url, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)
    with pytest.raises(UsageError):
        ask(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3000/api/v1/timestamp", "https://t.example", "http://[::1]/?a=b"]
)
def test_a_url_that_can_be_asked(url):
    assert check_url(url) == url
