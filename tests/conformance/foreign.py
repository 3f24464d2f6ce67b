"""Sigstore bundles that attest's own reader refuses: versions 0.1 and 0.2, and signed messages.

attest reads one form, the one it writes: version 0.3 with an envelope. The conformance cases hold older ones,
and blobs signed without an envelope, so the client reads those itself and has rooms of attest check them.

Source: sigstore/protobuf-specs ``sigstore_bundle.proto``, with its rules per version.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

from attest.canonical import read_json
from attest.errors import FormatError
from attest.limits import DEFAULT, Limits
from attest.verifier import UnverifiedError

__all__ = ["Foreign", "read_foreign"]

_OLD = (
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
)
_NEW = (
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
)


@dataclass(frozen=True)
class Foreign:
    """A bundle of any version, with an envelope or a signed message. Nothing of it is verified."""

    raw: bytes = field(repr=False)
    certificate: bytes | None = field(repr=False)
    signature: bytes = field(repr=False)
    message_digest: bytes | None = field(repr=False)
    """SHA-256 that a signed message says it is of; no more than a hint."""
    envelope: tuple[str, bytes] | None = field(repr=False)
    """Payload type and payload."""
    log_entries: tuple[dict[str, Any], ...] = field(repr=False)


def _refuse(code: str, what: str) -> UnverifiedError:
    return UnverifiedError(code, what)


def _bytes(value: Any, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise _refuse("bundle-invalid", f"{name}: not base64") from error


def _certificate(material: dict[str, Any], old: bool) -> bytes | None:
    """Return the leaf: alone from version 0.3 on, before that the first of a chain that must hold no root."""
    if "publicKey" in material:
        return None
    if not old:
        return _bytes((material.get("certificate") or {}).get("rawBytes"), "certificate")
    chain = (material.get("x509CertificateChain") or {}).get("certificates") or []
    if not chain:
        raise _refuse("certificate-missing", "the certificate chain is empty")
    ders = [_bytes(each.get("rawBytes"), "certificate") for each in chain]
    for der in ders:
        certificate = x509.load_der_x509_certificate(der)
        if certificate.issuer == certificate.subject and certificate.subject.rdns:
            raise _refuse("root-in-bundle", "a bundle must hold no root: it is the reader's to know")
    return ders[0]


def read_foreign(raw: bytes) -> Foreign:
    """Read a bundle.

    Raises:
        UnverifiedError: codes ``bundle-invalid``, ``bundle-version``, ``certificate-missing`` or
            ``root-in-bundle``.
    """
    limits = Limits(string_bytes=DEFAULT.line_bytes)
    try:
        value = read_json(raw, "bundle", limits)
        kind = value.get("mediaType")
        if kind not in (*_OLD, *_NEW):
            raise _refuse("bundle-version", f"got {str(kind)[:100]!r}")
        material = value["verificationMaterial"]
        certificate = _certificate(material, kind in _OLD)
        entries = tuple(material.get("tlogEntries") or [])
        if any(int(entry.get("logIndex", 0)) < 0 for entry in entries):
            raise _refuse("bundle-invalid", "a negative place in a log")
        if "dsseEnvelope" in value:
            envelope = value["dsseEnvelope"]
            [signature] = envelope["signatures"]
            content = (envelope["payloadType"], _bytes(envelope["payload"], "payload"))
            return Foreign(raw, certificate, _bytes(signature["sig"], "sig"), None, content, entries)
        message = value["messageSignature"]
        digest = (message.get("messageDigest") or {}).get("digest")
        stated = None if digest is None else _bytes(digest, "messageDigest")
        return Foreign(raw, certificate, _bytes(message["signature"], "signature"), stated, None, entries)
    except FormatError as error:
        raise _refuse("bundle-invalid", error.what) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refuse("bundle-invalid", f"{type(error).__name__}: {error}"[:200]) from error
