"""A Sigstore ``trusted_root.json`` as the reader pinned it: its logs, timestamp authorities and Fulcio roots.

Keyless bundles are verified with it by sigstore-python; what other bundles take from it is read here, so that
they need no sigstore-python. Periods of use include their last moment, as ``TimeRange`` says.

Source: sigstore/protobuf-specs ``sigstore_trustroot.proto``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from attest.bundle import Bundle
from attest.canonical import read_json
from attest.errors import AttestError, FormatError, SignatureError
from attest.model import parse_time
from attest.verifier import UnverifiedError
from attest.verifiers.rekor import Log
from attest.verifiers.timestamp import TimestampRoot

if TYPE_CHECKING:
    from attest.verifiers.sigstore import Instance

__all__ = ["TrustedRoot"]

_MEDIA_TYPE = "application/vnd.dev.sigstore.trustedroot"


@dataclass(frozen=True)
class TrustedRoot:
    """One Sigstore instance."""

    raw: bytes = field(repr=False)
    """The pinned bytes."""
    logs: tuple[Log, ...] = field(repr=False)
    timestamp_authorities: tuple[TimestampRoot, ...] = field(repr=False)
    issuers: tuple[x509.Certificate, ...] = field(repr=False)
    """Fulcio's certificates."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Reach another process as the pinned bytes."""
        return type(self).from_json, (self.raw, "the pinned root")

    def verify(self, bundle: Bundle, leaf: x509.Certificate) -> datetime:
        """Verify a keyless bundle through sigstore-python, and return its earliest trusted time.

        Raises:
            UnverifiedError: code ``certificate-untrusted`` if the leaf's issuer is none of this instance's;
                those of ``verifiers.sigstore``.
            AttestError: sigstore-python is not installed.
        """
        if not any(leaf.issuer == issuer.subject for issuer in self.issuers):
            name = leaf.issuer.rfc4514_string()[:200]
            raise UnverifiedError(
                "certificate-untrusted",
                f"its certificate is issued by {name!r}: the pinned root is not its root",
            )
        return self._instance.verify(bundle)

    @cached_property
    def _instance(self) -> Instance:
        try:
            from attest.verifiers.sigstore import Instance
        except ImportError as error:
            raise AttestError(
                f"keyless signatures are verified by sigstore-python, which is not installed: {error}",
                hint="pip install 'attest-provenance[sigstore]'",
            ) from error
        return Instance(self.raw)

    @classmethod
    def from_json(cls, data: bytes, where: str) -> TrustedRoot:
        """Read a trusted root.

        Raises:
            SignatureError: it is not one, or holds something that cannot be read.
        """
        try:
            value = read_json(data, where)
            if not isinstance(value, dict) or not str(value.get("mediaType", "")).startswith(_MEDIA_TYPE):
                raise FormatError(f"no mediaType {_MEDIA_TYPE}…")
            return cls(
                data,
                tuple(log for each in value.get("tlogs") or [] if (log := _log(each)) is not None),
                tuple(_timestamp_authority(each) for each in value.get("timestampAuthorities") or []),
                tuple(
                    certificate
                    for each in value.get("certificateAuthorities") or []
                    for certificate in _chain(each)
                ),
            )
        except AttestError as error:
            raise SignatureError(f"not a Sigstore trusted root: {error.what}", where) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"not a Sigstore trusted root: {type(error).__name__} {str(error)[:100]}"
            raise SignatureError(what, where) from error


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise FormatError("not base64") from error


def _period(value: Mapping[str, Any]) -> tuple[datetime, datetime | None]:
    """Return start and end; a start is required, for what is unbounded would be trusted for ever."""
    period = value.get("validFor") or {}
    if not period.get("start"):
        raise FormatError("validFor has no start")
    return parse_time(period["start"]), parse_time(period["end"]) if period.get("end") else None


def _log(value: Mapping[str, Any]) -> Log | None:
    """Return a log, or nothing where its key is of a kind we do not verify with."""
    stated = value["publicKey"]
    start, end = _period(stated)
    try:
        key = serialization.load_der_public_key(_bytes(stated["rawBytes"]))
    except (ValueError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey):
        return None
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name not in _CURVES:
        return None
    return Log(_bytes(value["logId"]["keyId"]), key, start, end)


_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})


def _chain(value: Mapping[str, Any]) -> list[x509.Certificate]:
    found = [
        x509.load_der_x509_certificate(_bytes(c["rawBytes"])) for c in value["certChain"]["certificates"]
    ]
    if not found:
        raise FormatError("an authority without certificates")
    return found


def _timestamp_authority(value: Mapping[str, Any]) -> TimestampRoot:
    """Return an authority whose one leaf comes first and whose root comes last."""
    leaf, *rest = _chain(value)
    start, end = _period(value)
    return TimestampRoot(tuple(rest[-1:]) or (leaf,), (leaf, *rest[:-1]), leaf, start, end)
