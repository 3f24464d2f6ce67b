"""An entry in a Rekor v2, if asked for, of what was signed with a key or a private authority's certificate.

What the log gets, and everybody may read for ever, is the SHA-256 of what was signed, the signature, and the
public key or certificate: neither the statement nor anything it says. It is shown before it is sent. The
entry tells nothing about time; a timestamp does (``attest.timestamping``).

Source: sigstore/protobuf-specs ``rekor/v2/entry.proto`` and ``hashedrekord.proto`` (0.0.2); rekor-tiles
CLIENTS.md.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from attest.bundle import Bundle, with_evidence
from attest.canonical import canonical_bytes, read_json
from attest.envelope import pae
from attest.errors import FormatError, SignatureError, UsageError
from attest.keys import PublicKey, check_algorithm
from attest.service import RETRIES, Service
from attest.signer import Around
from attest.statement import Statement

__all__ = ["TIMEOUT", "LoggedSigner", "log_entry", "what_is_published"]

TIMEOUT = 60.0
"""Seconds one attempt may take: a Rekor v2 answers when the next checkpoint is written (CLIENTS.md: 20 s)."""

_PATH = "/api/v2/log/entries"
_JSON = "application/json"
_KIND = {"kind": "hashedrekord", "version": "0.0.2"}
_FIELDS = frozenset(
    {
        "canonicalizedBody",
        "inclusionPromise",
        "inclusionProof",
        "integratedTime",
        "kindVersion",
        "logId",
        "logIndex",
    }
)
"""Fields of a ``TransparencyLogEntry``; another one in a bundle is refused by cosign."""

_RSA_BITS = (2048, 3072, 4096)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _digest(bundle: Bundle) -> bytes:
    return hashlib.sha256(pae(bundle.payload_type, bundle.payload)).digest()


def _details(key: PublicKey) -> str:
    """Return Sigstore's name of the algorithm of a key.

    Raises:
        SignatureError: code ``log-key``: one no Rekor v2 takes.
    """
    if key.algorithm == "ECDSA P-256":
        return "PKIX_ECDSA_P256_SHA_256"
    if isinstance(key.key, rsa.RSAPublicKey) and key.key.key_size in _RSA_BITS:
        return f"PKIX_RSA_PKCS1V15_{key.key.key_size}_SHA256"
    raise SignatureError(
        f"no Rekor v2 takes signatures of an {key.algorithm} key over a statement",
        hint="log statements of ECDSA P-256 keys, or of RSA keys of 2048, 3072 or 4096 bits",
        code="log-key",
    )


def _verifier(bundle: Bundle, public: PublicKey | None) -> dict[str, Any]:
    if bundle.certificate is not None:
        try:
            leaf = x509.load_der_x509_certificate(bundle.certificate)
            key = PublicKey(check_algorithm(leaf.public_key(), "certificate"))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SignatureError("the certificate cannot be read", code="log-key") from error
        return {"x509Certificate": {"rawBytes": _b64(bundle.certificate)}, "keyDetails": _details(key)}
    if public is None:
        raise SignatureError("the signer has neither a key nor a certificate", code="log-key")
    return {"publicKey": {"rawBytes": _b64(public.der)}, "keyDetails": _details(public)}


def what_is_published(bundle: Bundle, public: PublicKey | None, url: str) -> str:
    """Say in one sentence what the log gets."""
    if bundle.certificate is not None:
        leaf = x509.load_der_x509_certificate(bundle.certificate)
        who = f"the certificate of {leaf.subject.rfc4514_string()} by {leaf.issuer.rfc4514_string()}"
    else:
        who = f"the public key sha256:{public.fingerprint if public else ''}"
    signature = hashlib.sha256(bundle.signature).hexdigest()
    return (
        f"publishes in the log {url}, for ever: the hash of what is signed sha256:{_digest(bundle).hex()}, "
        f"its signature (sha256:{signature}) and {who}; nothing the statement says"
    )


def log_entry(
    url: str,
    bundle: Bundle,
    public: PublicKey | None = None,
    *,
    timeout: float = TIMEOUT,
    retries: int = RETRIES,
) -> dict[str, Any]:
    """Have a Rekor v2 take a signature in, and return its entry as it wrote it.

    1. Send hash, signature, and key or certificate.
    2. The answer is an entry with an inclusion proof and a checkpoint.
    3. Its body is about exactly what was sent.

    Not checked, for it needs the log's key: proof and checkpoint. Readers, who pin it, check both.

    Args:
        url: of the log, without a path.
        bundle: signed.
        public: the key that signed it; ``None`` if its certificate is in the bundle.
        timeout: seconds one attempt may take.
        retries: how often to ask again if the log cannot be reached.

    Raises:
        UsageError: the URL is none of a service.
        SignatureError: code ``log-`` and ``unreachable``, ``timeout``, ``status``, ``type`` or ``size`` as of
            every service; ``conflict`` if this very signature is in the log already; ``malformed`` or
            ``mismatch`` for an answer that will not do; ``log-key``.
    """
    service = Service(url.rstrip("/") + _PATH, "transparency log", "log", timeout, retries)
    verifier = _verifier(bundle, public)
    signature = {"content": _b64(bundle.signature), "verifier": verifier}
    request = {"hashedRekordRequestV002": {"digest": _b64(_digest(bundle)), "signature": signature}}
    try:
        answer = service.post(canonical_bytes(request), _JSON, _JSON)  # 1
    except SignatureError as error:
        if error.code == "log-conflict":
            hint = "it was taken in before, and the answer got lost: sign without --log, or with another key"
            raise service.error("conflict", "has this very signature already", hint) from error
        raise
    try:
        entry = read_json(answer)
        _check_entry(entry)  # 2
        body = read_json(base64.b64decode(entry["canonicalizedBody"], validate=True))
    except (FormatError, KeyError, TypeError, ValueError) as error:
        raise service.error("malformed", "the answer is no log entry of a Rekor v2") from error
    data = {"algorithm": "SHA2_256", "digest": _b64(_digest(bundle))}  # 3
    expected = {
        "apiVersion": _KIND["version"],
        "kind": _KIND["kind"],
        "spec": {"hashedRekordV002": {"data": data, "signature": signature}},
    }
    if body != expected:
        raise service.error("mismatch", "the entry it answers with is about something else")
    found: dict[str, Any] = entry
    return found


def _check_entry(entry: Any) -> None:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS or entry["kindVersion"] != _KIND:
        raise FormatError("not a hashedrekord 0.0.2")
    proof = entry["inclusionProof"]
    if not (proof["checkpoint"]["envelope"] and proof["rootHash"] and entry["logId"]["keyId"]):
        raise FormatError("no inclusion proof")


@dataclass(frozen=True)
class LoggedSigner(Around):
    """Another signer, and every bundle it makes gets an entry of a Rekor v2."""

    url: str
    tell: Callable[[str], None] | None = field(default=None, repr=False)
    """Is told what becomes public, before it does."""

    def sign(self, statement: Statement) -> Bundle:
        """Sign, say what becomes public, and have it logged.

        Raises:
            UsageError: the other signer logs by itself.
            SignatureError: it cannot be signed, or the log does not answer as it should.
        """
        try:
            return self._sign(statement)
        except SignatureError as error:
            if error.code != "log-conflict":
                raise
            return self._sign(statement)  # a new signature of ECDSA is another one

    def _sign(self, statement: Statement) -> Bundle:
        bundle = self.inner.sign(statement)
        if bundle.log_entries:
            raise UsageError("the signer logs its statements itself", "--log", "leave --log out")
        _verifier(bundle, self.public)  # what no log takes is not announced either
        if self.tell is not None:
            self.tell(what_is_published(bundle, self.public, self.url))
        return with_evidence(bundle, log_entries=[log_entry(self.url, bundle, self.public)])
