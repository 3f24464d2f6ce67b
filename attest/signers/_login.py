"""Logging in at an OpenID provider: in a browser of this machine, or anywhere, typing the code that is shown.

Source: OpenID Connect Core 1.0, 3.1 (authorization code flow); RFC 7636 (PKCE); RFC 8252, 7.3 (redirection to
loopback). sigstore-python has the same, but takes the access token for an identity.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from sigstore.oidc import IdentityToken

from attest.errors import SignatureError
from attest.keyless import CLIENT_SECRET_VARIABLE, Keyless
from attest.signers._patience import Patience
from attest.signers._token import check_token, claims_of

__all__ = ["login"]

_LOGIN_SECONDS = 300
_BY_HAND = "urn:ietf:wg:oauth:2.0:oob"
_CALLBACK = "/auth/callback"
_PAGE = b"attest: you may close this page and go back to your terminal.\n"


def login(url: str, keyless: Keyless) -> IdentityToken:
    """Have a person log in.

    Raises:
        SignatureError: code ``oidc-`` and ``unreachable``, ``timeout``, ``status``, ``refused``, ``size`` or
            ``malformed``; ``token-none`` if there is no terminal to talk to; or that of an identity token
            that will not do.
    """
    if keyless.oidc is None and not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        hint = "name a token with --identity-token-file, or log in with --oidc browser or --oidc code"
        what = "there is no identity token, and nobody to log in"
        raise SignatureError(what, hint=hint, code="token-none")
    with requests.Session() as session:
        patience = Patience("oidc", "OpenID provider", keyless.timeout)
        for scheme in ("http://", "https://"):
            session.mount(scheme, patience)
        found = _object(session.get(f"{url.rstrip('/')}/.well-known/openid-configuration"), url)
        places = [str(found.get(f"{name}_endpoint")) for name in ("authorization", "token")]
        if not all(urlsplit(place).scheme in ("http", "https") for place in places):
            raise _malformed("says not where to log in", url)
        attempt = _Attempt(places[0], keyless.client_id)
        form = attempt.by_hand() if keyless.oidc == "code" else attempt.in_browser(url)
        said = _object(session.post(places[1], data=form), url)
    # Sigstore's own provider gives the same token twice; others mean only this one to be an identity
    token = str(said.get("id_token") or said.get("access_token"))
    if (claims_of(token) or {}).get("nonce", attempt.nonce) != attempt.nonce:
        raise _malformed("gave a token of another login", url)
    return check_token(token, keyless.client_id, url)


def _malformed(what: str, url: str) -> SignatureError:
    return SignatureError(f"OpenID provider: {what}", url, "log in again", code="oidc-malformed")


def _object(response: requests.Response, url: str) -> Mapping[str, Any]:
    try:
        found = response.json()
    except (ValueError, RecursionError) as error:
        raise _malformed("its answer cannot be read", url) from error
    if not isinstance(found, dict):
        raise _malformed("its answer is no object", url)
    return found


@dataclass
class _Attempt:
    """One login: its secrets bind question, browser, code and token together."""

    place: str
    client_id: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def by_hand(self) -> dict[str, str]:
        """Show the address, read the code, and return what the token is asked for with."""
        address = self._address(_BY_HAND)
        sys.stderr.write(f"attest: log in at this address:\n\n  {address}\n\nand enter the code: ")
        sys.stderr.flush()
        return self._form(_BY_HAND, sys.stdin.readline().strip())

    def in_browser(self, url: str) -> dict[str, str]:
        """Open a browser, wait until it was sent back here, and return what the token is asked for with."""
        with _listening() as server:
            back = f"http://localhost:{server.server_port}{_CALLBACK}"
            if not webbrowser.open(self._address(back)):
                return self.by_hand()
            sys.stderr.write("attest: waiting for the login in your browser …\n")
            answer = server.wait(url)
        if "error" in answer:
            raise SignatureError(f"the login failed: {answer['error'][0]}"[:300], url, code="oidc-refused")
        if answer.get("state") != [self.state] or len(answer.get("code", ())) != 1:
            raise _malformed("the browser came back from another login", url)
        return self._form(back, answer["code"][0])

    def _address(self, back: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "scope": "openid email",
            "redirect_uri": back,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.place}{'&' if urlsplit(self.place).query else '?'}{urlencode(query)}"

    def _form(self, back: str, code: str) -> dict[str, str]:
        # what runs on everybody's machine is a public client (RFC 6749, 2.1); some want a secret even so
        secret = os.environ.get(CLIENT_SECRET_VARIABLE)
        return {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            **({"client_secret": secret} if secret else {}),
        }


class _Server(HTTPServer):
    """Waits on loopback for the browser that comes back."""

    def __init__(self) -> None:
        super().__init__(("localhost", 0), _Handler)
        self.answer: dict[str, list[str]] | None = None

    def wait(self, url: str) -> dict[str, list[str]]:
        """Return what the browser brought.

        Raises:
            SignatureError: code ``oidc-timeout``: it did not come back.
        """
        end = time.monotonic() + _LOGIN_SECONDS
        while self.answer is None:
            if time.monotonic() > end:
                what = f"nobody logged in within {_LOGIN_SECONDS} s"
                raise SignatureError(what, url, "--oidc code needs no browser here", code="oidc-timeout")
            time.sleep(0.05)
        return self.answer


class _Handler(BaseHTTPRequestHandler):
    timeout = 5

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        server = self.server
        found = parts.path == _CALLBACK and isinstance(server, _Server) and server.answer is None
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(_PAGE if found else b"")
        if found and isinstance(server, _Server):
            server.answer = parse_qs(parts.query)

    def log_message(self, *_: object) -> None:
        """Say nothing: the address holds the code."""


@contextmanager
def _listening() -> Iterator[_Server]:
    with _Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
