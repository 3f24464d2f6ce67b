"""One way of asking each client: did you accept it, and what did you say?

A client that crashes, or that complains about how it was called, has not judged: that is never counted as a
refusal but raised, so that a broken set-up cannot pass for a secure one.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clients import debian, node
from clients.offline import no_network

__all__ = ["Answer", "Cosign", "Keyless", "SigstoreGo", "SigstoreJs"]

_EMPTY_SIGNING_CONFIG = {
    "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
    "rekorTlogConfig": {"selector": "ANY"},
    "tsaConfig": {"selector": "ANY"},
}
"""No log and no timestamp authority: nothing leaves the machine."""

_EMPTY_ROOT = {"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}


@dataclass(frozen=True)
class Answer:
    """What a client made of a bundle."""

    accepted: bool
    said: str
    """Its own words, for asserting the reason of a refusal."""


@dataclass(frozen=True)
class Keyless:
    """Whose keyless bundle it should be, and what that is held against."""

    trusted_root: Path
    identity: str
    issuer: str


class _Program:
    """A program that runs with a home of its own and never reaches out."""

    offline = False
    """Whether it is started without any network."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = home / "trusted_root.json"
        self.root.write_text(json.dumps(_EMPTY_ROOT))

    def _run(self, *argv: str | Path, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
        environment |= {"HOME": str(self.home), "TUF_MIRROR": "file:///nonexistent", **extra}
        words = [*no_network(), *argv] if self.offline else argv
        return subprocess.run(
            words, env=environment, cwd=self.home, capture_output=True, text=True, timeout=60, check=False
        )

    def _answer(self, done: subprocess.CompletedProcess[str]) -> Answer:
        said = (done.stderr + done.stdout).strip()
        if done.returncode not in (0, 1) or "panic:" in said or "flag provided but not defined" in said:
            raise AssertionError(f"{done.args[0]} did not judge (status {done.returncode}): {said}")
        return Answer(done.returncode == 0, said)


class Cosign(_Program):
    """The cosign command, with long-lived keys and without log and timestamp."""

    name = "cosign"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.program = debian.binaries() / "cosign"
        self.signing_config = home / "signing_config.json"
        self.signing_config.write_text(json.dumps(_EMPTY_SIGNING_CONFIG))

    def verify(
        self,
        bundle: Path,
        public: Path,
        predicate_type: str,
        *,
        blob: Path | None = None,
        digest: str | None = None,
        trusted_root: Path | None = None,
        log: bool = False,
    ) -> Answer:
        """Verify an attestation about a blob, or about its SHA-256; with a trusted root, its time too.

        Args:
            bundle: that holds it.
            public: key of the signer.
            predicate_type: it must have.
            blob: file it must be about.
            digest: of that file, where there is no ``blob``.
            trusted_root: authorities of time and logs.
            log: switch no check off: there must be an entry of a log, too.
        """
        subject = [blob] if blob else ["--digest", digest, "--digestAlg", "sha256"]
        time = ["--trusted-root", trusted_root, "--use-signed-timestamps"] if trusted_root else []
        command = ["verify-blob-attestation", "--key", public, "--bundle", bundle, "--type", predicate_type]
        lax = [] if log else ["--insecure-ignore-tlog"]
        return self._answer(self._run(self.program, *command, *lax, *time, *subject))

    def verify_certificate(
        self,
        bundle: Path,
        predicate_type: str,
        blob: Path,
        trusted_root: Path,
        subject: str,
        *,
        log: bool = False,
    ) -> Answer:
        """Verify an attestation whose signer has a certificate of the trusted root, and a timestamp."""
        who = ["--certificate-identity", subject, "--certificate-oidc-issuer-regexp", ".*"]
        lax = ["--insecure-ignore-sct", "--use-signed-timestamps"]
        lax += [] if log else ["--insecure-ignore-tlog"]
        command = ["verify-blob-attestation", "--bundle", bundle, "--type", predicate_type]
        done = self._run(self.program, *command, *who, *lax, "--trusted-root", trusted_root, blob)
        return self._answer(done)

    def verify_keyless(self, bundle: Path, predicate_type: str, digest: str, by: Keyless) -> Answer:
        """Verify an attestation of an identity about a SHA-256: signature, certificate, logs and time."""
        who = ["--certificate-identity", by.identity, "--certificate-oidc-issuer", by.issuer]
        what = ["--type", predicate_type, "--digest", digest, "--digestAlg", "sha256"]
        command = [self.program, "verify-blob-attestation", "--bundle", bundle, *who, *what]
        return self._answer(self._run(*command, "--trusted-root", by.trusted_root, "--use-signed-timestamps"))

    def sign_on(self, config: Path, statement: Path, bundle: Path, *signer: str | Path) -> None:
        """Sign a statement with servers: by ``--key KEY`` it imported, or ``--identity-token FILE``."""
        whole = json.loads(config.read_bytes())
        for name in ("signingConfig", "trustedRoot"):
            (self.home / f"{name}.json").write_text(json.dumps(whole[name]))
        places = ["--signing-config", self.home / "signingConfig.json"]
        places += ["--trusted-root", self.home / "trustedRoot.json", "--bundle", bundle]
        words = ["attest-blob", "--yes", "--statement", statement, *signer, *places, statement]
        done = self._run(self.program, *words, COSIGN_PASSWORD="")
        assert done.returncode == 0, done.stderr

    def import_key(self, private: Path) -> Path:
        """Make a key of cosign's own out of a PKCS#8 key, and return its place."""
        key = self.home / f"cosign-{hashlib.sha256(private.read_bytes()).hexdigest()[:16]}"
        made = key.with_name(key.name + ".key")
        if made.exists():
            return made
        words = ["import-key-pair", "--key", private, "--output-key-prefix", key]
        done = self._run(self.program, *words, COSIGN_PASSWORD="")
        assert done.returncode == 0, done.stderr
        return made

    def sign(self, statement: Path, private: Path, bundle: Path, *, check: bool = True) -> None:
        """Sign a statement with a PKCS#8 key; ``check`` lets cosign verify what it made."""
        checks = ["--trusted-root", self.root] if check else []
        self._attest(private, bundle, "--statement", statement, *checks, statement)

    def attest(self, blob: Path, predicate: Path, kind: str, private: Path, bundle: Path) -> None:
        """Sign a statement that cosign makes itself, of a predicate about a file."""
        said = ["--predicate", predicate, "--type", kind, "--trusted-root", self.root]
        self._attest(private, bundle, *said, blob)

    def _attest(self, private: Path, bundle: Path, *words: str | Path) -> None:
        key = self.import_key(private)
        command = [self.program, "attest-blob", "--yes", "--key", key, "--bundle", bundle]
        done = self._run(*command, "--signing-config", self.signing_config, *words, COSIGN_PASSWORD="")
        assert done.returncode == 0, done.stderr


class SigstoreGo(_Program):
    """The example programs of sigstore-go: ECDSA keys, and never without a timestamp or log entry."""

    name = "sigstore-go"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.verifier = debian.binaries() / "sigstore-go-verification"
        self.signer = debian.binaries() / "sigstore-go-signing"
        self.signing_config = home / "signing_config.json"
        self.signing_config.write_text(json.dumps(_EMPTY_SIGNING_CONFIG))

    def verify(
        self, bundle: Path, public: Path, digest: str, trusted_root: Path, *, log: bool = False
    ) -> Answer:
        """Verify a bundle with an RFC 3161 timestamp about an artifact with that SHA-256."""
        lax = [] if log else ["-requireTlog=false"]
        options = [*lax, "-requireCTlog=false", "-trustedrootJSONpath", trusted_root]
        subject = ["-publicKey", public, "-artifact-digest", digest]
        return self._answer(self._run(self.verifier, *options, *subject, bundle))

    def verify_keyless(self, bundle: Path, digest: str, by: Keyless) -> Answer:
        """Verify a bundle of an identity about an artifact with that SHA-256."""
        who = ["-expectedIssuer", by.issuer, "-expectedSAN", by.identity]
        command = [self.verifier, "-trustedrootJSONpath", by.trusted_root, *who]
        return self._answer(self._run(*command, "-artifact-digest", digest, bundle))

    def verify_certificate(
        self, bundle: Path, digest: str, trusted_root: Path, subject: str, *, log: bool = False
    ) -> Answer:
        """Verify a bundle whose signer has a certificate of the trusted root, and a timestamp."""
        lax = ["-requireCTlog=false", *([] if log else ["-requireTlog=false"])]
        who = ["-expectedIssuerRegex", ".*", "-expectedSAN", subject]
        command = [self.verifier, *lax, "-trustedrootJSONpath", trusted_root, *who]
        return self._answer(self._run(*command, "-artifact-digest", digest, bundle))

    def sign_on(self, config: Path, statement: Path, token: str | None = None) -> tuple[bytes, bytes | None]:
        """Sign a statement with servers, as whoever the token says, or with a key made for it.

        Returns:
            The bundle, and the public key in PEM if there was no token.
        """
        whole = json.loads(config.read_bytes())
        for name in ("signingConfig", "trustedRoot"):
            (self.home / f"{name}.json").write_text(json.dumps(whole[name]))
        options = ["-in-toto", "-rekor", "-tsa", *(["-id-token", token] if token else [])]
        options += ["-signing-config", self.home / "signingConfig.json"]
        done = self._run(self.signer, *options, "-trusted-root", self.home / "trustedRoot.json", statement)
        assert done.returncode == 0, done.stderr
        bundle = done.stdout[done.stdout.index("{") :].strip().encode()
        return bundle, None if token else _public(done.stderr + done.stdout)

    def sign(self, statement: Path) -> tuple[bytes, bytes]:
        """Sign a statement with a key made for it; return the bundle and the public key in PEM."""
        options = ["-in-toto", "-signing-config", self.signing_config, "-trusted-root", self.root]
        done = self._run(self.signer, *options, statement)
        assert done.returncode == 0, done.stderr
        bundle = done.stdout[done.stdout.index("{") :].strip().encode()
        return bundle, _public(done.stderr + done.stdout)


def _public(said: str) -> bytes:
    begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
    return (begin + said.split(begin, 1)[1].split(end, 1)[0] + end + "\n").encode()


class SigstoreJs(_Program):
    """The sigstore-js libraries, called by ``verify_key.js``."""

    name = "sigstore-js"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.modules = node.modules()

    def verify(self, bundle: Path, public: Path, trusted_root: Path | None = None) -> Answer:
        """Verify a bundle's signature, and its timestamps if it has some.

        The libraries look neither at the statement nor at its subjects.
        """
        return self._judge(node.VERIFY_KEY, bundle, public, trusted_root or self.root)

    def verify_keyless(self, bundle: Path, by: Keyless) -> Answer:
        """Verify a bundle of an identity: signature, certificate, both logs and time."""
        return self._judge(node.VERIFY_KEYLESS, bundle, by.trusted_root, by.identity, by.issuer)

    def verify_certificate(
        self, bundle: Path, trusted_root: Path, subject: str, *, log: bool = False
    ) -> Answer:
        """Verify a bundle whose signer has a certificate of the trusted root, and a timestamp."""
        return self._judge(node.VERIFY_KEYLESS, bundle, trusted_root, subject, "", "log" if log else "time")

    def sign_keyless(self, statement: Path, urls: Mapping[str, str], rekor: int, token: Path) -> Answer:
        """Sign a statement with servers, as whoever the token says; the answer holds the bundle."""
        authority = urls["timestamp"].removesuffix("/api/v1/timestamp")
        servers = [urls["fulcio"], urls[f"rekor{rekor}"], str(rekor), authority]
        return self._judge(node.SIGN_KEYLESS, statement, *servers, token)

    def _judge(self, *words: str | Path) -> Answer:
        done = self._run(node.node(), *words, NODE_PATH=str(self.modules))
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        return Answer(answer["accepted"], answer.get("said", ""))
