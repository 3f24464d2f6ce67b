"""Transparency log entries of bundles signed with a key or a private authority's certificate.

Such a bundle needs no entry. One that it has must be about this very envelope, and if the reader pinned the
log it names, must prove to be in that log: an entry that does not hold is a refusal. An entry of a log nobody
pinned is no evidence and is passed over, as a timestamp of an unknown authority is. Keyless bundles are
checked by sigstore-python (``attest.verifiers.sigstore``).

Source: sigstore/protobuf-specs ``sigstore_rekor.proto``; Rekor v1 types ``dsse`` 0.0.1 (the payload's hash)
and signed entry timestamps; Rekor v2 ``hashedrekord`` 0.0.2 (the hash of DSSE's pre-authentication encoding).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from attest.bundle import Bundle
from attest.canonical import canonical_bytes, read_json
from attest.envelope import pae
from attest.errors import AttestError, FormatError
from attest.model import format_time
from attest.verifier import UnverifiedError
from attest.verifiers.merkle import Checkpoint, root_of

__all__ = ["Entry", "Log", "check_proof", "log_time", "log_times", "same_verifier"]

LogKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


@dataclass(frozen=True)
class Log:
    """A transparency log the reader pinned."""

    key_id: bytes
    """What entries and checkpoints call its key by."""
    key: LogKey = field(repr=False)
    start: datetime
    """When its key came into use."""
    end: datetime | None
    """When its key went out of use, itself included."""

    def is_signature(self, signature: bytes, data: bytes) -> bool:
        """Tell whether the log's key signed ``data``."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, data)
            elif isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            else:
                self.key.verify(signature, data, ec.ECDSA(_HASH_OF_CURVE[self.key.curve.name]))
        except InvalidSignature:
            return False
        return True


_HASH_OF_CURVE: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


_DIGESTS = {"SHA2_256": hashlib.sha256, "SHA2_384": hashlib.sha384, "SHA2_512": hashlib.sha512}
"""What a hashedrekord may name what was signed by: the log takes the hash that goes with the key's curve."""


def _invalid(what: str) -> UnverifiedError:
    return UnverifiedError("log-entry-invalid", f"its log entry: {what}")


def _mismatch(what: str) -> UnverifiedError:
    return UnverifiedError("log-entry-mismatch", f"its log entry is another signature's: {what}")


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
"""Of a ``TransparencyLogEntry`` (protobuf-specs, sigstore_rekor.proto)."""


@dataclass(frozen=True)
class Entry:
    """A log entry as it stands in a bundle. Nothing of it is verified."""

    log_id: bytes
    kind: str
    """Type and version, e.g. ``hashedrekord/0.0.2``."""
    body: bytes = field(repr=False)
    index: int
    integrated: int | None
    """Seconds since 1970 at which a Rekor v1 took it in."""
    promise: bytes | None = field(repr=False)
    """Signed entry timestamp of a Rekor v1."""
    proof: Mapping[str, Any] | None = field(repr=False)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Entry:
        """Read an entry.

        Raises:
            UnverifiedError: code ``log-entry-invalid``.
        """
        if unknown := sorted(value.keys() - _FIELDS):
            raise _invalid(f"unknown field {unknown[0][:40]!r}")
        kind = _object(value, "kindVersion")
        promise = value.get("inclusionPromise")
        proof = value.get("inclusionProof")
        time = value.get("integratedTime")
        return cls(
            _bytes(_object(value, "logId"), "keyId"),
            f"{kind.get('kind')}/{kind.get('version')}"[:100],
            _bytes(value, "canonicalizedBody"),
            _number(value, "logIndex"),
            _number(value, "integratedTime") or None if time is not None else None,
            _bytes(_object(value, "inclusionPromise"), "signedEntryTimestamp") if promise else None,
            _object(value, "inclusionProof") if proof else None,
        )


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise _invalid(f"{name}: expected an object")
    return found


def _bytes(value: Mapping[str, Any], name: str) -> bytes:
    return _decode(value.get(name), name)


def _decode(text: Any, name: str) -> bytes:
    try:
        if isinstance(text, str):
            return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        pass
    raise _invalid(f"{name}: not base64")


def _number(value: Mapping[str, Any], name: str) -> int:
    """Return a whole number below 2^63, which protobuf's JSON writes as a string."""
    text = str(value.get(name, "0"))
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) >= 1 << 63:
        raise _invalid(f"{name}: got {text[:40]!r}")
    return int(text)


def check_proof(entry: Entry, log: Log) -> None:
    """Check that an entry is in the tree of a checkpoint its log signed.

    Raises:
        UnverifiedError: code ``log-entry-invalid``.
    """
    if entry.proof is None:
        raise _invalid("no inclusion proof")
    stated = entry.proof.get("hashes") or []
    if not isinstance(stated, list):
        raise _invalid("hashes: expected a list")
    path = [_decode(each, "hashes") for each in stated[:65]]
    note = _object(entry.proof, "checkpoint").get("envelope")
    size = _number(entry.proof, "treeSize")
    try:
        root = root_of(entry.body, _number(entry.proof, "logIndex"), size, path)
        checkpoint = Checkpoint.parse(str(note))
    except FormatError as error:
        raise _invalid(error.what) from error
    if root != _bytes(entry.proof, "rootHash"):
        raise _invalid("the inclusion proof leads to another root hash")
    if (checkpoint.root, checkpoint.size) != (root, size):
        raise _invalid("the checkpoint is of another state of the log")
    # a Rekor v1 signs with its host name and puts its tree's number behind it in the origin
    if not any(
        each.hint == log.key_id[:4]
        and (each.name == checkpoint.origin or checkpoint.origin.startswith(f"{each.name} - "))
        and log.is_signature(each.signature, checkpoint.text)
        for each in checkpoint.signatures
    ):
        raise _invalid("the checkpoint is not signed by its log")


def log_time(entry: Entry, log: Log) -> datetime | None:
    """Return when a Rekor v1 says it took the entry in; a Rekor v2 gives no time.

    Raises:
        UnverifiedError: code ``log-entry-invalid``.
    """
    if entry.promise is None or entry.integrated is None or entry.kind.endswith("/0.0.2"):
        return None
    promised = {
        "body": base64.b64encode(entry.body).decode(),
        "integratedTime": entry.integrated,
        "logID": entry.log_id.hex(),
        "logIndex": entry.index,
    }
    try:
        data = canonical_bytes(promised)
        time = datetime.fromtimestamp(entry.integrated, UTC)
    except (AttestError, ValueError, OverflowError, OSError) as error:
        raise _invalid("a number beyond what a log writes") from error
    if not log.is_signature(entry.promise, data):
        raise _invalid("the signed entry timestamp is not its log's")
    if time < log.start or (log.end is not None and time > log.end):
        raise _invalid(f"taken in at {format_time(time)}, when the log's key was not in use")
    return time


def log_times(bundle: Bundle, verifier: bytes, logs: Mapping[bytes, Log]) -> list[datetime]:
    """Check every log entry of a bundle and return the times their logs vouch for.

    Args:
        bundle: signed with a key or a private authority's certificate.
        verifier: DER of the public key, or of the certificate, that is shown to have signed it.
        logs: the logs the reader pinned, by the id of their key.

    Raises:
        UnverifiedError: codes ``log-entry-invalid``, ``log-entry-mismatch``, ``log-entry-unsupported``.
    """
    times = []
    for number, value in enumerate(bundle.log_entries):
        if value in bundle.log_entries[:number]:
            raise _invalid("an entry stands there twice")
        entry = Entry.parse(value)
        _check_body(entry, bundle, verifier)
        log = logs.get(entry.log_id)
        if log is not None:
            check_proof(entry, log)
            times.append(log_time(entry, log))
    return [time for time in times if time is not None]


def _check_body(entry: Entry, bundle: Bundle, verifier: bytes) -> None:
    try:
        body = read_json(entry.body, "log entry")
        spec = body["spec"]
        kind = f"{body['kind']}/{body['apiVersion']}"
        if kind != entry.kind:
            raise _mismatch(f"got type {kind[:100]!r}, expected {entry.kind!r}")
        if kind == "hashedrekord/0.0.2":
            _check_hashedrekord(spec["hashedRekordV002"], bundle, verifier)
        elif kind == "dsse/0.0.1":
            _check_dsse(spec, bundle, verifier)
        else:
            raise UnverifiedError("log-entry-unsupported", f"its log entry is of type {entry.kind!r}")
    except (FormatError, KeyError, TypeError, AttributeError) as error:
        raise _invalid("its body is not of its type") from error


def _check_hashedrekord(spec: Mapping[str, Any], bundle: Bundle, verifier: bytes) -> None:
    data, signature = spec["data"], spec["signature"]
    digest = _DIGESTS.get(data["algorithm"])
    if digest is None or _bytes(data, "digest") != digest(pae(bundle.payload_type, bundle.payload)).digest():
        raise _mismatch("another digest")
    if _bytes(signature, "content") != bundle.signature:
        raise _mismatch("another signature")
    stated = signature["verifier"]
    kind = "publicKey" if bundle.certificate is None else "x509Certificate"
    if _bytes(stated[kind], "rawBytes") != verifier:
        raise _mismatch("another key or certificate")


def _check_dsse(spec: Mapping[str, Any], bundle: Bundle, verifier: bytes) -> None:
    # the hash of the whole envelope says nothing we could recompute: its JSON has no canonical form
    stated = spec["payloadHash"]
    if stated["algorithm"] != "sha256" or stated["value"] != bundle.statement_digest:
        raise _mismatch("another payload")
    [signature] = spec["signatures"] if len(spec["signatures"]) == 1 else [{}]
    if _bytes(signature, "signature") != bundle.signature:
        raise _mismatch("another signature")
    if not same_verifier(_bytes(signature, "verifier"), verifier, bundle.certificate is not None):
        raise _mismatch("another key or certificate")


def same_verifier(pem: bytes, der: bytes, certificate: bool) -> bool:  # noqa: FBT001 - which of two kinds
    """Tell whether PEM in a log entry is the key or certificate of that DER."""
    try:
        if certificate:
            return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER) == der
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return False
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.DER, spki) == der
