"""The keyless signer before any server answers: tokens, patience, and what is found wrong before a run."""

from __future__ import annotations

import importlib.metadata
import json
import socket
import sys
import threading
import time

import pytest
from loopback import Answer, Loopback, RawLoopback, free_ports

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

import jwt
import requests

from attest.errors import SignatureError, UsageError
from attest.keyless import Keyless
from attest.signer import open_signer
from attest.signers import _token
from attest.signers._login import login
from attest.signers._patience import Patience
from attest.signers._sigstore import Instance
from attest.signers._token import check_token, given_token, whom

KEY = b"nobody checks the signature of a token but who issues the certificate"
NOW = int(time.time())


def make_token(**claims):
    now = int(time.time())  # a run of all tests takes longer than a token lasts
    usual = {"iss": "https://id.example", "sub": "job-7", "aud": "sigstore", "iat": now, "exp": now + 600}
    said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(said, KEY, "HS256")


# tokens


def test_a_token_is_taken_from_a_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{make_token()}\n")
    token = given_token(Keyless(token_file=str(file)))
    assert (token.issuer, token.identity) == ("https://id.example", "job-7")


def test_a_token_file_is_read_again_each_time(tmp_path):
    """A projected token of Kubernetes is replaced in its file before it runs out."""
    file = tmp_path / "token"
    keyless = Keyless(token_file=str(file))
    for subject in ("first", "second"):
        file.write_text(make_token(sub=subject))
        assert given_token(keyless).identity == subject


@pytest.mark.parametrize("name", ["MY_TOKEN", None])
def test_a_token_is_taken_from_a_variable(monkeypatch, name):
    monkeypatch.setenv(name or "SIGSTORE_ID_TOKEN", make_token())
    assert given_token(Keyless(token_variable=name)).identity == "job-7"


def test_a_variable_that_is_named_and_empty_is_an_error(monkeypatch):
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", make_token())
    with pytest.raises(SignatureError, match=r"\$MY_TOKEN: holds no identity token") as refused:
        given_token(Keyless.from_uri("?tokenVariable=MY_TOKEN"))
    assert refused.value.code == "token-none"


def test_a_token_of_github_actions(monkeypatch):
    def give(question):
        assert question.headers["authorization"] == "bearer the-job"
        return Answer(body=json.dumps({"value": make_token(sub="repo:acme/vision")}).encode())

    with Loopback(give) as github:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the-job")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.url)
        assert given_token(Keyless(oidc="ambient")).identity == "repo:acme/vision"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_issuer_in_trouble(monkeypatch, status):
    with Loopback(lambda _: Answer(status)) as github:
        monkeypatch.setenv("GITHUB_ACTIONS", "true")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the-job")
        monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", github.url)
        with pytest.raises(SignatureError) as refused:
            given_token(Keyless(oidc="ambient"))
    assert (refused.value.code, refused.value.temporary) == ("oidc-unreachable", True)


def test_an_issuer_that_cannot_be_reached(monkeypatch):
    with Loopback(lambda _: Answer()) as github:
        url = github.url
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "the-job")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", url)
    with pytest.raises(SignatureError) as refused:
        given_token(Keyless(oidc="ambient"))
    assert (refused.value.code, refused.value.temporary) == ("oidc-unreachable", True)


def test_a_job_without_permission_is_told_which_one(monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    with pytest.raises(SignatureError) as refused:
        given_token(Keyless())
    assert refused.value.code == "oidc-refused"
    assert "permissions: {id-token: write}" in refused.value.hint


def test_a_token_of_gitlab(monkeypatch):
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", make_token(sub="project_path:acme/vision"))
    assert given_token(Keyless(oidc="ambient")).identity == "project_path:acme/vision"


def test_without_a_token_nobody_is_asked_where_nobody_is(monkeypatch):
    monkeypatch.setattr(_token, "detect_credential", lambda _: None)
    assert given_token(Keyless()) is None
    with pytest.raises(SignatureError) as refused:
        given_token(Keyless(oidc="ambient"))
    assert refused.value.code == "token-none"
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SignatureError, match="nobody to log in") as refused:
        login("http://127.0.0.1:1", Keyless())
    assert refused.value.code == "token-none"


@pytest.mark.parametrize(
    ("claims", "code", "said"),
    [
        ({"exp": NOW - 1, "iat": NOW - 600}, "token-expired", "the identity token expired 20"),
        ({"iat": NOW - 172800, "exp": NOW - 172200}, "token-expired", "this machine's clock says"),
        (
            {"iat": NOW + 172800, "exp": NOW + 173400},
            "token-not-yet-valid",
            "the identity token is valid from 20",
        ),
        ({"nbf": NOW + 172800}, "token-not-yet-valid", "this machine's clock says"),
        ({"aud": "conjur"}, "token-audience", "is for 'conjur', expected 'sigstore'"),
        ({"aud": ["a", "b"]}, "token-audience", "is for 'a, b', expected 'sigstore'"),
        ({"aud": None}, "token-audience", "is for 'None'"),
        ({"exp": None}, "token-malformed", "is no identity token"),
        ({"exp": float("inf")}, "token-malformed", "is no identity token"),
        ({"iat": -(10**400), "exp": NOW - 5}, "token-expired", "the identity token expired"),
        ({"iss": None}, "token-malformed", "is no identity token"),
    ],
)
def test_a_token_that_will_not_do_is_named(claims, code, said):
    with pytest.raises(SignatureError) as refused:
        check_token(make_token(**claims), "sigstore", "here")
    assert refused.value.code == code
    assert said in refused.value.what


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "eyJ.eyJ.", "\udcff", make_token()[:40], "[" * 100_000])
def test_what_is_no_token_is_not_repeated(text):
    with pytest.raises(SignatureError) as refused:
        check_token(text, "sigstore", "here")
    assert str(refused.value) == "here: is no identity token (a JWT)"
    assert refused.value.code == "token-malformed"


def test_a_file_that_is_too_large_or_not_there(tmp_path):
    with pytest.raises(SignatureError) as refused:
        given_token(Keyless(token_file=str(tmp_path / "none")))
    assert refused.value.code == "token-unreadable"
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    with pytest.raises(SignatureError, match="larger than 65536 bytes") as refused:
        given_token(Keyless(token_file=str(tmp_path / "large")))
    assert refused.value.code == "token-malformed"


def test_another_audience_can_be_agreed_on():
    assert check_token(make_token(aud="ours"), "ours", "here").identity == "job-7"


def test_an_address_says_more_than_a_number():
    assert whom(check_token(make_token(email="ada@lab.example"), "sigstore", "here")) == "ada@lab.example"
    assert whom(check_token(make_token(), "sigstore", "here")) == "job-7"


# patience


def ask(url, seconds=4.0, **more):
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", Patience("rekor", "transparency log", seconds, **more))
    return session.post(url, json={})


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr("attest.signers._patience._BACKOFF", 0.01)


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_that_passes_is_waited_for(status):
    answers = [Answer(status), Answer(status), Answer(201, b"{}")]
    with Loopback(lambda _: answers.pop(0)) as log:
        assert ask(log.url).json() == {}
        assert len(log.asked) == 3


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize(
    ("status", "code", "attempts"),
    [
        (500, "rekor-status", 3),
        (400, "rekor-refused", 1),
        (401, "rekor-refused", 1),
        (302, "rekor-status", 1),
        (501, "rekor-status", 1),
    ],
)
def test_a_status_becomes_a_code(status, code, attempts):
    answer = Answer(status, b'{"code": 3, "message": "no such \\u001b[31mthing"}', headers={"Location": "/x"})
    with Loopback(lambda _: answer) as log, pytest.raises(SignatureError) as refused:
        ask(log.url)
    assert refused.value.code == code
    assert f"answered with status {status}: no such \x1b[31mthing" in refused.value.what
    assert len(log.asked) == attempts
    assert refused.value.temporary == (code != "rekor-refused")


def test_a_status_can_be_handed_on():
    with Loopback(lambda _: Answer(409)) as log:
        assert ask(log.url, passes=frozenset({409})).status_code == 409


@pytest.mark.usefixtures("hurry")
def test_nobody_listens():
    (port,) = free_ports()
    with pytest.raises(SignatureError, match=r"cannot be reached: .*refused \(3 attempts\)") as refused:
        ask(f"http://127.0.0.1:{port}/")
    assert refused.value.code == "rekor-unreachable"
    assert refused.value.temporary


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(20)


def dripping(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not over.wait(0.05):
        connection.sendall(b" ")


def dripping_headers(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not over.wait(0.05):
        connection.sendall(b"y")


@pytest.mark.usefixtures("hurry")
@pytest.mark.parametrize("serve", [silent, dripping, dripping_headers])
def test_a_server_that_never_ends_is_left(serve):
    with RawLoopback(serve) as log:
        began = time.monotonic()
        with pytest.raises(SignatureError, match="no answer within") as refused:
            ask(log.url, seconds=0.6)
        assert time.monotonic() - began < 10
    assert refused.value.code == "rekor-timeout"


def test_an_endless_answer_is_left(monkeypatch):
    monkeypatch.setattr("attest.signers._patience._ANSWER_BYTES", 1000)
    with Loopback(lambda _: Answer(200, b"x" * 1001)) as log, pytest.raises(SignatureError) as refused:
        ask(log.url)
    assert refused.value.code == "rekor-size"


@pytest.mark.usefixtures("hurry")
def test_what_is_no_http_is_no_answer():
    def garbage(connection, over):
        connection.recv(10_000)
        connection.sendall(b"\x00\xff garbage \r\n\r\n")

    with RawLoopback(garbage) as log, pytest.raises(SignatureError) as refused:
        ask(log.url)
    assert refused.value.code == "rekor-unreachable"


def test_a_service_that_asks_for_more_time_than_there_is_gets_none(hurry):
    answer = Answer(503, headers={"Retry-After": "86400"})
    began = time.monotonic()
    with Loopback(lambda _: answer) as log, pytest.raises(SignatureError) as refused:
        ask(log.url)
    assert refused.value.code == "rekor-status"
    assert (len(log.asked), time.monotonic() - began < 30) == (1, True)


# opening


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json", "trustedRoot": {}}',
    ],
)
def test_a_trust_configuration_that_is_none(tmp_path, text):
    path = tmp_path / "trust.json"
    path.write_text(text)
    with pytest.raises(SignatureError, match="is no client trust configuration") as refused:
        open_signer(f"sigstore:{path}")
    assert refused.value.code == "instance-malformed"
    assert refused.value.where == str(path)


def test_a_trust_configuration_that_is_not_there(tmp_path):
    with pytest.raises(SignatureError, match="cannot be read: No such file") as refused:
        Instance(Keyless(instance=str(tmp_path / "none")))
    assert refused.value.code == "instance-unreadable"


@pytest.mark.parametrize("found", ["4.5.0", "5.0.0", "4.4.9", "strange"])
def test_another_sigstore_is_refused_by_its_version(monkeypatch, found):
    monkeypatch.setattr(importlib.metadata, "version", lambda _: found)
    with pytest.raises(UsageError, match=f"sigstore {found} is installed, expected 4.5.1") as refused:
        open_signer("sigstore:x.json")
    assert "attest-provenance[sigstore]" in refused.value.hint


def test_without_sigstore_the_extra_is_named(monkeypatch):
    def version(_):
        raise importlib.metadata.PackageNotFoundError

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(UsageError, match="keyless signing needs the package sigstore") as refused:
        open_signer("sigstore:x.json")
    assert "pip install 'attest-provenance[sigstore]'" in refused.value.hint
