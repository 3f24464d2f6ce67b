"""A bench with every way of signing and every verifier on it: ours, and four that know nothing of us.

Everything is signed on one stack of real servers and held against one trusted root.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pki
from clients.programs import Answer, Cosign, Keyless, SigstoreGo, SigstoreJs
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from keys_elsewhere import PIN, python
from sigstore import dsse
from sigstore.errors import Error
from sigstore.models import Bundle, ClientTrustConfig, TrustedRoot
from sigstore.oidc import IdentityToken
from sigstore.sign import SigningContext
from sigstore.verify import Verifier, policy
from stack.servers import PERSON, WORKFLOW, Stack

from attest.bundle import parse_bundle
from attest.digest import sha256_bytes
from attest.errors import AttestError
from attest.keys import PublicKey
from attest.rekor_entry import LoggedSigner
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.signers.file import generate_key
from attest.statement import Statement
from attest.timestamping import TimestampedSigner
from attest.trust import read_trust

__all__ = ["CLIENTS", "Bench", "Signed"]

CLIENTS = ("cosign", "sigstore-go", "sigstore-js", "sigstore-python")
PREDICATE = "https://example.com/made-up/v1"
WEIGHTS = b"weights of a very small model"
DIGEST = sha256_bytes(WEIGHTS)
SUBJECT = ResourceDescriptor(name="model.safetensors", digest={"sha256": DIGEST})
URI = "https://ci.example/train"
"""Name in a private authority's certificate, for who asks for one."""

NAME = "CN=provenance,O=Photo Co-op"
"""Subject of that certificate."""


@dataclass(frozen=True)
class Signed:
    """A bundle, and what it is held against."""

    raw: bytes
    public: bytes | None = None
    """Key of the signer in PEM, if it is one."""
    by: tuple[str, str] | None = None
    """Identity and issuer, if it is keyless; with neither it is a private authority's."""
    stamped: bool = True
    logged: bool = True


def statement(number: int = 1) -> Statement:
    """Text that JSON writers escape differently, and a number protobuf's Struct would turn into a float."""
    return Statement.build([SUBJECT], PREDICATE, {"epochs": number, "note": "größer <&> \u2028 \x7f 🙂"})


class Bench:
    """Signers and verifiers over one stack."""

    def __init__(
        self, folder: Path, stack: Stack, cosign: Cosign, sigstore_go: SigstoreGo, sigstore_js: SigstoreJs
    ) -> None:
        self.folder, self.stack = folder, stack
        self.cosign, self.go, self.js = cosign, sigstore_go, sigstore_js
        self.statement = folder / "statement.json"
        self.statement.write_bytes(statement().payload)
        self.blob = folder / "model.safetensors"
        self.blob.write_bytes(WEIGHTS)
        for user in ("trainer", "workflow"):
            (folder / user).write_text(stack.token(user))
        self.authority = pki.authority()
        self.middle = self.authority.issue("CN=Issuing,O=Photo Co-op", authority=True)
        self.root = folder / "root.json"
        self.root.write_text(json.dumps(self._root()))
        self.stranger = generate_key(folder / "stranger").pem
        self.strange_root = folder / "strange.json"
        other = pki.authority()
        chain = (other.issue("CN=Issuing,O=Photo Co-op", authority=True), other)
        self.strange_root.write_text(json.dumps(self._root(chain)))

    def _root(self, chain: tuple[pki.Holder, ...] | None = None) -> dict[str, object]:
        """The stack's trusted root, with the private authority beside Fulcio."""
        value = json.loads(self.stack.trusted_root.read_bytes())
        certificates = chain or (self.middle, self.authority)
        value["certificateAuthorities"].append(
            {
                "subject": {"organization": "Photo Co-op", "commonName": "Issuing"},
                "uri": "https://ca.example",
                "certChain": {
                    "certificates": [
                        {"rawBytes": base64.b64encode(each.der).decode()} for each in certificates
                    ]
                },
                "validFor": {"start": "2020-01-01T00:00:00Z"},
            }
        )
        return value

    # ── signing ──

    def sign(self, uri: str, public: bytes | None, *, stamp: bool, log: bool, number: int = 1) -> Signed:
        """Sign as ``attest`` does, with what that adds."""
        signer = open_signer(uri)
        if stamp:
            signer = TimestampedSigner(signer, [self.stack.urls["timestamp"]])
        if log:
            signer = LoggedSigner(signer, self.stack.urls["rekor2"])
        return Signed(signer.sign(statement(number)).raw, public, None, stamp, log)

    def key(self, algorithm: str, *, stamp: bool = False, log: bool = False, number: int = 1) -> Signed:
        """Sign with a key in a file."""
        path = self._private(algorithm)
        public = path.with_name(path.name + ".pub").read_bytes()
        return self.sign(f"file:{path}", public, stamp=stamp, log=log, number=number)

    def certificate(self, kind: str, *, log: bool = False) -> Signed:
        """Sign with a certificate of the private authority."""
        names = (x509.UniformResourceIdentifier(URI),)
        holder = self.middle.issue(NAME, alternatives=names, key=pki.new_key(kind))
        chain, key = self.folder / f"{kind}.pem", self.folder / f"{kind}.key"
        chain.write_bytes(pki.pem(holder.certificate))
        key.touch(0o600)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        key.write_bytes(holder.key.private_bytes(*form))
        return self.sign(f"certificate:{chain},{key}", None, stamp=True, log=log)

    def elsewhere(self, uri: str, variables: dict[str, str]) -> Signed:
        """Sign with a key that is not on this machine's disk."""
        output = self.folder / "elsewhere.json"
        variables = {**variables, "ATTEST_PASSPHRASE": PIN}
        words = ("sign", str(self.statement), "--signer", uri, "-o", str(output))
        python(variables, "-m", "attest", *words)
        public = python(variables, "-m", "attest", "key", "show", uri)
        return Signed(output.read_bytes().strip(), public, None, stamped=False, logged=False)

    def keyless(self, rekor: int, user: str = "trainer", number: int = 1) -> Signed:
        """Sign with an identity."""
        uri = f"sigstore:{self.stack.config(rekor)}?tokenFile={self.folder / user}"
        return Signed(open_signer(uri).sign(statement(number)).raw, by=self._who(user))

    def _who(self, user: str) -> tuple[str, str]:
        return {"trainer": PERSON, "workflow": WORKFLOW}[user], self.stack.issuer(user)

    # ── theirs ──

    def cosign_key(self, algorithm: str, rekor: int | None = None) -> Signed:
        """A bundle cosign made with a key, on servers or without any."""
        private = self._private(algorithm)
        output = self.folder / "theirs.json"
        if rekor is None:
            self.cosign.sign(self.statement, private, output, check=False)
        else:
            config, key = self.stack.config(rekor), self.cosign.import_key(private)
            self.cosign.sign_on(config, self.statement, output, "--key", key)
        on = rekor is not None
        public = private.with_name(private.name + ".pub").read_bytes()
        return Signed(output.read_bytes().strip(), public, None, on, on)

    def _private(self, algorithm: str) -> Path:
        """A key in a file, made by us or, for those we do not make, as others make them."""
        path = self.folder / algorithm
        if path.exists():
            return path
        if algorithm not in {"ecdsa-p384", "ecdsa-p521"}:
            generate_key(path, algorithm)
            return path
        key = pki.new_key(algorithm.removeprefix("ecdsa-"))
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path.touch(0o600)
        path.write_bytes(key.private_bytes(*form))
        path.with_name(path.name + ".pub").write_bytes(PublicKey(key.public_key()).pem)
        return path

    def cosign_keyless(self, rekor: int) -> Signed:
        """A bundle cosign made with an identity."""
        output = self.folder / "theirs.json"
        token = ("--identity-token", (self.folder / "trainer").read_text())
        self.cosign.sign_on(self.stack.config(rekor), self.statement, output, *token)
        return Signed(output.read_bytes().strip(), by=self._who("trainer"))

    def go_key(self, rekor: int | None) -> Signed:
        """A bundle sigstore-go's program made with a key of its own."""
        if rekor is None:
            raw, public = self.go.sign(self.statement)
            return Signed(raw, public, None, stamped=False, logged=False)
        raw, made = self.go.sign_on(self.stack.config(rekor), self.statement)
        return Signed(raw, made)

    def go_keyless(self, rekor: int) -> Signed:
        """A bundle sigstore-go's program made with an identity."""
        token = (self.folder / "trainer").read_text()
        return Signed(
            self.go.sign_on(self.stack.config(rekor), self.statement, token)[0], by=self._who("trainer")
        )

    def js_keyless(self, rekor: int) -> Answer:
        """What sigstore-js made with an identity, or why it did not."""
        return self.js.sign_keyless(self.statement, self.stack.urls, rekor, self.folder / "trainer")

    def python_keyless(self, rekor: int) -> Signed:
        """A bundle sigstore-python made with an identity."""
        config = ClientTrustConfig.from_json(self.stack.config(rekor).read_text())
        token = IdentityToken((self.folder / "trainer").read_text())
        with SigningContext.from_trust_config(config).signer(token, cache=True) as signer:
            made = signer.sign_dsse(dsse.Statement(statement().payload))
        return Signed(made.to_json().encode(), by=self._who("trainer"))

    def js_signed(self, rekor: int) -> Signed:
        """A bundle sigstore-js made."""
        answer = self.js_keyless(rekor)
        assert answer.accepted, answer.said
        return Signed(answer.said.encode(), by=self._who("trainer"))

    # ── judging ──

    def as_anothers(self, signed: Signed) -> tuple[Signed, Path]:
        """The same bundle, held against somebody else: key, identity or authority."""
        if signed.public is not None:
            return replace(signed, public=self.stranger), self.root
        if signed.by is not None:
            return replace(signed, by=(signed.by[0] + "x", signed.by[1])), self.root
        return signed, self.strange_root

    def judge(self, client: str, signed: Signed, root: Path | None = None) -> Answer:
        """Ask ``ours`` or one of the clients."""
        path = self.folder / "judged.json"
        path.write_bytes(signed.raw)
        if signed.public is not None:
            (self.folder / "judged.pub").write_bytes(signed.public)
        judges: dict[str, Callable[[Path, Signed, Path], Answer]] = {
            "ours": self._ours,
            "cosign": self._cosign,
            "sigstore-go": self._go,
            "sigstore-js": self._js,
            "sigstore-python": self._python,
        }
        programs = (self.cosign, self.go, self.js)
        for program in programs:
            program.offline = True
        try:
            return judges[client](path, signed, root or self.root)
        finally:
            for program in programs:
                program.offline = False

    def _cosign(self, path: Path, signed: Signed, root: Path) -> Answer:
        if signed.public is not None:
            time = root if signed.stamped else None
            public = self.folder / "judged.pub"
            return self.cosign.verify(
                path, public, PREDICATE, digest=DIGEST, trusted_root=time, log=signed.logged
            )
        if signed.by is not None:
            return self.cosign.verify_keyless(path, PREDICATE, DIGEST, Keyless(root, *signed.by))
        return self.cosign.verify_certificate(path, PREDICATE, self.blob, root, URI, log=signed.logged)

    def _go(self, path: Path, signed: Signed, root: Path) -> Answer:
        if signed.public is not None:
            return self.go.verify(path, self.folder / "judged.pub", DIGEST, root, log=signed.logged)
        if signed.by is not None:
            return self.go.verify_keyless(path, DIGEST, Keyless(root, *signed.by))
        return self.go.verify_certificate(path, DIGEST, root, URI, log=signed.logged)

    def _js(self, path: Path, signed: Signed, root: Path) -> Answer:
        if signed.public is not None:
            return self.js.verify(path, self.folder / "judged.pub", root)
        if signed.by is not None:
            return self.js.verify_keyless(path, Keyless(root, *signed.by))
        return self.js.verify_certificate(path, root, URI, log=signed.logged)

    def _python(self, path: Path, signed: Signed, root: Path) -> Answer:
        identity, issuer = signed.by or (URI, None)
        who = [policy.Identity(identity=identity), *([policy.OIDCIssuerV2(issuer)] if issuer else [])]
        try:
            verifier = Verifier(trusted_root=TrustedRoot.from_file(str(root)))
            _, payload = verifier.verify_dsse(Bundle.from_json(path.read_bytes()), policy.AllOf(who))
        except (Error, ValueError) as error:
            return Answer(accepted=False, said=f"{type(error).__name__}: {error}")
        assert json.loads(payload)
        return Answer(accepted=True, said="")

    def _ours(self, path: Path, signed: Signed, root: Path) -> Answer:
        pinned = f"roots: {{sigstore: [{{file: {root}, sha256: {sha256_bytes(root.read_bytes())}}}]}}\n"
        if signed.public is not None:
            sha256 = sha256_bytes(signed.public)
            who = f"key: {{file: judged.pub, sha256: {sha256}}}"
        elif signed.by is not None:
            who = f"sigstore: {{identity: '{signed.by[0]}', issuer: '{signed.by[1]}'"
            who += ", sourceRepository: https://github.com/acme/vision}" if signed.by[0] != PERSON else "}"
        else:
            chain = pki.pem(*(each.certificate for each in (self.middle, self.authority)))
            if root == self.strange_root:
                chain = pki.pem(pki.authority().certificate)
            (self.folder / "ca.pem").write_bytes(chain)
            who = f"certificate: {{root: ca.pem, sha256: {sha256_bytes(chain)}, subject: '{NAME}'}}"
        trust = self.folder / "trust.yaml"
        trust.write_text(f"principals: {{somebody: {{{who}}}}}\n{pinned}")
        try:
            bundle = parse_bundle(path.read_bytes(), str(path))
            found = read_trust(trust).verify(bundle)
        except AttestError as error:
            code = getattr(error, "code", None) or "no code"
            return Answer(accepted=False, said=f"{code}: {error.what}")
        assert found.principals == ("somebody",)
        if signed.stamped and found.trusted_time is None:  # asked for, as a policy does
            return Answer(accepted=False, said="no-trusted-time")
        assert (found.trusted_time is not None) == signed.stamped
        assert found.trusted_time is None or abs(found.trusted_time - datetime.now(UTC)) < timedelta(
            minutes=15
        )
        return Answer(accepted=True, said="")
