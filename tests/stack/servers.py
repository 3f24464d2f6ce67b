"""The servers as one stack: started on free ports of loopback, stopped and started one by one, and asked."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any, Self

from loopback import free_ports

from stack.authority import ORIGIN_1, ORIGIN_2, client_trust, make_keys, signing_config, trusted_root

__all__ = ["NAMES", "PERSON", "WORKFLOW", "Stack", "redirected"]

NAMES = ("oidc", "ctlog", "fulcio", "rekor1", "rekor2", "timestamp")
"""The servers, in the order they are started in."""

PERSON = "trainer@lab.example"
"""Identity of a certificate for ``token("trainer")``."""

WORKFLOW = "https://github.com/acme/vision/.github/workflows/train.yml@refs/tags/v1"
"""Identity of a certificate for ``token("workflow")``, which has all extensions of a GitHub workflow's."""

_USERS: Mapping[str, Mapping[str, Any]] = {
    "trainer": {"email": PERSON, "email_verified": True},
    "workflow": {
        "event_name": "push",
        "job_workflow_ref": WORKFLOW.removeprefix("https://github.com/"),
        "job_workflow_sha": "1" * 40,
        "ref": "refs/tags/v1",
        "repository": "acme/vision",
        "repository_id": "1001",
        "repository_owner": "acme",
        "repository_owner_id": "1000",
        "repository_visibility": "private",
        "run_attempt": "1",
        "run_id": "77",
        "runner_environment": "github-hosted",
        "sha": "2" * 40,
        "workflow": "train",
        "workflow_ref": WORKFLOW.removeprefix("https://github.com/"),
        "workflow_sha": "1" * 40,
    },
}

_READY = {
    "oidc": "/.well-known/openid-configuration",
    "ctlog": "/ct/v1/get-sth",
    "fulcio": "/api/v2/trustBundle",
    "rekor1": "/api/v1/log",
    "rekor2": "/healthz",
    "timestamp": "/ping",
}
_START_SECONDS = 60


@dataclass
class Stack:
    """A Sigstore of our own.

    Args:
        programs: the folder ``stack.build.programs`` returned.
        folder: for keys, logs and the log's tiles; empty.
    """

    programs: Path
    folder: Path
    urls: dict[str, str] = field(default_factory=dict)
    """Name of a server → its URL, as a signing configuration names it."""

    def __post_init__(self) -> None:
        ports = free_ports(len(NAMES) + 2)
        self._ports = dict(zip((*NAMES, "grpc", "metrics"), ports, strict=True))
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._unusual: set[str] = set()
        ends = {"ctlog": "/ct", "timestamp": "/api/v1/timestamp"}
        self.urls = {name: f"http://127.0.0.1:{self._ports[name]}{ends.get(name, '')}" for name in NAMES}
        make_keys(self.folder)
        (self.folder / "fulcio.yaml").write_text(self._issuers())
        self._root = trusted_root(self.folder, self.urls)
        self.trusted_root = self.folder / "trusted_root.json"
        """What a verifier trusts, as a file."""
        self.trusted_root.write_text(json.dumps(self._root, indent=1))

    # ── whom it knows ──

    def issuer(self, user: str = "trainer") -> str:
        """Return the URL of who vouches for a user: one server by two names, for people and for workflows."""
        host = {"trainer": "127.0.0.1", "workflow": "localhost"}[user]
        return f"http://{host}:{self._ports['oidc']}"

    def _issuers(self) -> str:
        """Return Fulcio's configuration; where it is JSON, Fulcio expects other names."""
        lines = ["oidc-issuers:"]
        for user, kind in (("trainer", "email"), ("workflow", "github-workflow")):
            url = self.issuer(user)
            lines += [f"  {url}:", f"    issuer-url: {url}", "    client-id: sigstore", f"    type: {kind}"]
        return "\n".join([*lines, ""])

    def token(self, user: str = "trainer", *, audience: str = "sigstore", nonce: str | None = None) -> str:
        """Log a user in as a browser would (code flow with PKCE), and return the identity token."""
        issuer = self.issuer(user)
        configuration = json.loads(_ask(f"{issuer}{_READY['oidc']}"))
        verifier, redirect = secrets.token_urlsafe(48), "http://127.0.0.1:1/callback"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": audience,
            "scope": "openid email",
            "redirect_uri": redirect,
            "state": "x",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"nonce": nonce} if nonce else {}),
        }
        place = f"{configuration['authorization_endpoint']}?{urllib.parse.urlencode(query)}"
        answer = urllib.parse.urlsplit(redirected(place, {"sub": user}))
        code = urllib.parse.parse_qs(answer.query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
            "client_id": audience,
            "client_secret": "none",
        }
        said = json.loads(_ask(configuration["token_endpoint"], form))
        return str(said["id_token"])

    # ── what a client is given ──

    def config(self, rekor: int = 2, **urls: str) -> Path:
        """Return a file with the client's trust configuration.

        Args:
            rekor: version of the log to sign with.
            urls: of servers to go to instead, by name.
        """
        text = client_trust(self._root, signing_config({**self.urls, **urls}, rekor))
        name = hashlib.sha256(text.encode()).hexdigest()[:12] if urls else f"rekor{rekor}"
        path = self.folder / f"trust_config-{name}.json"
        path.write_text(text)
        return path

    # ── processes ──

    def start(self, name: str, *more: str) -> None:
        """Start a server and wait until it answers.

        Args:
            name: one of ``NAMES``.
            more: further words of its command line.
        """
        assert name not in self._running, f"{name} runs already"
        log = (self.folder / f"{name}.log").open("ab")
        # whatever becomes of the tests, no server outlives them
        leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with log:
            process = subprocess.Popen(
                [*leash, *self._command(name), *more], cwd=self.folder, stdout=log, stderr=log
            )
        self._running[name] = process
        if more:
            self._unusual.add(name)
        end = time.monotonic() + _START_SECONDS
        while not self.answers(name):
            if process.poll() is not None or time.monotonic() > end:
                self.stop(name)
                told = (self.folder / f"{name}.log").read_text("utf-8", "replace")[-2000:]
                raise RuntimeError(f"{name} did not start: {told}")
            time.sleep(0.05)

    def stop(self, name: str) -> None:
        """Kill a server, as a power cut would."""
        process = self._running.pop(name)
        self._unusual.discard(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def restart(self, name: str, *more: str) -> None:
        """Start a server again, with other words."""
        if name in self._running:
            self.stop(name)
        self.start(name, *more)

    def answers(self, name: str) -> bool:
        """Tell whether a server answers."""
        base = self.urls[name] if name == "ctlog" else f"http://127.0.0.1:{self._ports[name]}"
        try:
            _ask(f"{base}{_READY[name]}", seconds=2)
        except (OSError, HTTPException):
            return False
        return True

    def whole(self) -> None:
        """Start what does not run, and what runs with words a test gave it as it usually does."""
        for name in NAMES:
            if name not in self._running or name in self._unusual:
                self.restart(name)

    def _command(self, name: str) -> list[str | Path]:
        address, key = f"127.0.0.1:{self._ports[name]}", self.folder / f"{name}.key"
        chain = self.folder / f"{name}.pem"
        if name == "oidc":
            users = [json.dumps({"sub": sub, **claims}) for sub, claims in _USERS.items()]
            words = [word for user in users for word in ("--user-claims", user)]
            return [sys.executable, "-m", "oidc_provider_mock", "--port", str(self._ports["oidc"]), *words]
        program = self.programs / name
        if name == "ctlog":
            roots = self.folder / "fulcio.pem"
            return [program, "-listen", address, "-key", key, "-roots", roots]
        if name == "fulcio":
            issuers = self.folder / "fulcio.yaml"
            files = ["-config", issuers, "-chain", chain, "-key", key, "-ct", self.urls["ctlog"]]
            return [program, "-listen", address, *files]
        if name == "rekor1":
            return [program, "-listen", address, "-origin", ORIGIN_1, "-key", key]
        if name == "rekor2":
            return [program, "serve", *self._rekor2(key)]
        return [program, "-listen", address, "-chain", chain, "-key", key]

    def _rekor2(self, key: Path) -> list[str | Path]:
        ports = {"http-port": "rekor2", "grpc-port": "grpc", "http-metrics-port": "metrics"}
        return [
            *(f"--{option}={self._ports[name]}" for option, name in ports.items()),
            f"--hostname={ORIGIN_2}",
            f"--signer-filepath={key}",
            f"--storage-dir={self.folder / 'tiles'}",
            "--checkpoint-interval=1s",  # an entry is answered when a checkpoint holds it
        ]

    def __enter__(self) -> Self:
        try:
            self.whole()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.stop(name)


def _ask(url: str, form: Mapping[str, str] | None = None, seconds: float = 10) -> bytes:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    with urllib.request.urlopen(url, data, timeout=seconds) as answer:  # noqa: S310 - our own servers
        content: bytes = answer.read()
        return content


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def redirected(url: str, form: Mapping[str, str] | None = None) -> str:
    """Ask for a page, or send a form, and return where the answer would lead a browser."""
    opener = urllib.request.build_opener(_Stay)
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        opener.open(url, data, timeout=10)
    except urllib.error.HTTPError as answer:
        with answer:
            return str(answer.headers["location"])
    raise AssertionError(f"{url} led nowhere")
