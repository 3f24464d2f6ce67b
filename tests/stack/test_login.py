"""People who log in: in a browser of this machine, or anywhere, typing the code they are shown."""

from __future__ import annotations

import io
import json
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest
from loopback import Answer, Loopback

from stack.servers import PERSON, redirected

pytest.importorskip("sigstore", reason="sigstore is not installed (extra sigstore)")

from attest.errors import SignatureError
from attest.keyless import Keyless
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.signers import _login
from attest.signers._login import login
from attest.statement import Statement

pytestmark = pytest.mark.stack


def statement():
    subject = ResourceDescriptor(name="weights", digest={"sha256": "0" * 64})
    return Statement.build([subject], "https://example.com/made-up/v1", {})


class Person:
    """Opens what they are given to open, and logs in there."""

    def __init__(self, user="trainer"):
        self.user = user
        self.opened = []
        self._threads = []

    def open(self, url):
        self.opened.append(url)
        self._threads.append(threading.Thread(target=self.log_in, args=(url,)))
        self._threads[-1].start()
        return True

    def log_in(self, url):
        place = redirected(url, {"sub": self.user})
        with urllib.request.urlopen(place, timeout=10) as page:  # noqa: S310 - our own servers
            assert page.status == 200

    def finish(self):
        for thread in self._threads:
            thread.join(10)


@pytest.fixture
def person(monkeypatch):
    person = Person()
    monkeypatch.setattr(_login.webbrowser, "open", person.open)
    yield person
    person.finish()


@pytest.fixture(autouse=True)
def _client_secret(monkeypatch):
    """The provider of the stack lets nobody log in without one, and takes any."""
    monkeypatch.setenv("ATTEST_OIDC_CLIENT_SECRET", "any")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_person_logs_in_with_a_browser(stack, person):
    signer = open_signer(f"sigstore:{stack.config(1)}?oidc=browser")
    assert person.opened == []  # not before there is something to sign
    signer.sign(statement())
    assert signer.identity == {"subject": PERSON, "issuer": stack.issuer()}
    signer.sign(statement())
    assert len(person.opened) == 1


def test_where_there_is_a_terminal_a_person_is_asked(stack, person, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr", Terminal())
    assert login(stack.issuer(), Keyless(instance="x")).identity == "trainer"


def test_a_person_logs_in_anywhere_and_types_the_code(stack, monkeypatch, capsys):
    class Typist:
        """Reads the address from the screen, logs in there, and types the code they are shown."""

        def readline(self):
            said = capsys.readouterr().err
            (address,) = [line.strip() for line in said.splitlines() if line.strip().startswith("http")]
            shown = urllib.parse.urlsplit(redirected(address, {"sub": "trainer"}))
            return urllib.parse.parse_qs(shown.query)["code"][0] + "\n"

    monkeypatch.setattr("sys.stdin", Typist())
    signer = open_signer(f"sigstore:{stack.config(1)}?oidc=code")
    assert signer.sign(statement()).payload == statement().payload
    assert capsys.readouterr().out == ""  # what programs read stays clean


def test_a_wrong_code_is_no_login(stack, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("123456\n"))
    with pytest.raises(SignatureError, match="answered with status 4") as refused:
        login(stack.issuer(), Keyless(oidc="code"))
    assert refused.value.code == "oidc-refused"


def test_nobody_logs_in(stack, monkeypatch, capsys):
    monkeypatch.setattr(_login.webbrowser, "open", lambda _: True)
    monkeypatch.setattr(_login, "_LOGIN_SECONDS", 0.2)
    with pytest.raises(SignatureError, match="nobody logged in within") as refused:
        login(stack.issuer(), Keyless(oidc="browser"))
    assert refused.value.code == "oidc-timeout"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("error=access_denied", "oidc-refused"),
        ("code=stolen&state=another", "oidc-malformed"),
        ("state=another", "oidc-malformed"),
        ("", "oidc-malformed"),
    ],
)
def test_an_answer_to_another_login_is_not_taken(stack, monkeypatch, capsys, query, code):
    def answer(url):
        back = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
        with urllib.request.urlopen(f"{back}?{query}", timeout=10):  # noqa: S310 - our own server
            return True

    monkeypatch.setattr(_login.webbrowser, "open", answer)
    with pytest.raises(SignatureError) as refused:
        login(stack.issuer(), Keyless(oidc="browser"))
    assert refused.value.code == code


def test_other_pages_are_no_answer(stack, monkeypatch, person):
    real = person.log_in

    def wander(url):
        back = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["redirect_uri"][0]
        for path in ("/favicon.ico", "/auth/callback/x"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(urllib.parse.urljoin(back, path), timeout=10)  # noqa: S310
        real(url)

    monkeypatch.setattr(person, "log_in", wander)
    assert login(stack.issuer(), Keyless(oidc="browser")).identity == "trainer"


def test_a_machine_without_a_browser_shows_the_address(stack, monkeypatch, capsys):
    monkeypatch.setattr(_login.webbrowser, "open", lambda _: False)
    monkeypatch.setattr("sys.stdin", io.StringIO("123456\n"))
    with pytest.raises(SignatureError):
        login(stack.issuer(), Keyless(oidc="browser"))
    assert "attest: log in at this address:" in capsys.readouterr().err


def test_a_provider_that_is_down(stack, capsys):
    stack.stop("oidc")
    with pytest.raises(SignatureError, match="cannot be reached") as refused:
        login(stack.issuer(), Keyless(oidc="code"))
    assert (refused.value.code, refused.value.temporary) == ("oidc-unreachable", True)


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"\xff", b"{}", b'{"authorization_endpoint": "file:///x", "token_endpoint": "http://x"}'],
)
def test_something_else_than_a_provider(text):
    with Loopback(lambda _: Answer(200, text)) as other, pytest.raises(SignatureError) as refused:
        login(other.url, Keyless(oidc="code"))
    assert refused.value.code == "oidc-malformed"


def test_a_token_of_another_login_is_not_taken(stack, monkeypatch, capsys):
    """Whoever answers in the provider's place has a token of this person's from another day."""
    earlier = stack.token(nonce="earlier")

    def answer(question):
        if question.path.endswith("openid-configuration"):
            places = {f"{name}_endpoint": other.url for name in ("authorization", "token")}
            return Answer(200, json.dumps(places).encode())
        return Answer(200, json.dumps({"id_token": earlier}).encode())

    monkeypatch.setattr("sys.stdin", io.StringIO("123456\n"))
    with (
        Loopback(answer) as other,
        pytest.raises(SignatureError, match="a token of another login") as refused,
    ):
        login(other.url, Keyless(oidc="code"))
    assert refused.value.code == "oidc-malformed"
