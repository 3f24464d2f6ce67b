"""Keyless bundles through sigstore-python, with an explicit trusted root: no cache, no network.

The only room that knows sigstore-python. It is imported on demand: whoever verifies keys alone needs none of
it. Whom a certificate must name was decided before (``verifiers.fulcio``); here, that exactly this one signed
exactly this payload, at a time at which it was valid, and that logs hold both.

Of sigstore-python's private parts this uses ``TrustedRoot(inner)``, to read pinned bytes and no path that may
have changed meanwhile; ``Verifier._establish_time``, to learn which times it relied on; and
``Verifier._verify_chain_at_time``, to build the chain of one certificate once (docs/adr/0014).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sigstore import models
from sigstore.errors import VerificationError
from sigstore.verify import Verifier
from sigstore_models.trustroot.v1 import TrustedRoot as RootMessage

from attest.bundle import Bundle
from attest.model import parse_time
from attest.verifier import UnverifiedError

__all__ = ["Instance", "OnlyCertificate"]

# sigstore-python warns of keys it does not know; an application that wants to hear it says so
logging.getLogger("sigstore").addHandler(logging.NullHandler())

_CODES = (
    ("not enough sources of verified time", "no-trusted-time"),
    ("must contain an inclusion promise or signed timestamp", "no-trusted-time"),
    ("no Timestamp Authorities have been provided", "no-trusted-time"),
    ("Invalid Timestamp Response", "timestamp-invalid"),
    ("duplicate timestamp", "timestamp-invalid"),
    ("does not contain a signed certificate timestamp", "sct-missing"),
    ("failed to verify SCT", "sct-invalid"),
    ("failed to build timestamp certificate chain", "certificate-untrusted"),
    ("expired at time of signing", "certificate-expired"),
    ("Key usage is not of type", "key-usage"),
    (".KeyUsage'> extension was found", "key-usage"),
    (".ExtendedKeyUsage'> extension was found", "extended-key-usage"),
    ("Extended usage does not contain", "extended-key-usage"),
    ("DSSE: invalid signature", "signature-invalid"),
    ("Signature is invalid for input", "signature-invalid"),
    ("log entry payload hash does not match", "log-entry-mismatch"),
    ("log entry signatures do not match", "log-entry-mismatch"),
    ("transparency log entry is inconsistent", "log-entry-mismatch"),
    ("Unsupported DSSE log entry type", "log-entry-unsupported"),
    ("Integrated time only supported for", "log-entry-unsupported"),
    ("Expected log entry version", "log-entry-unsupported"),
    ("Expected entry type hashedrekord", "log-entry-unsupported"),
    ("expected exactly one log entry", "log-entry-missing"),
    ("entry must contain inclusion proof", "log-entry-invalid"),
    ("expected checkpoint in inclusion proof", "log-entry-invalid"),
    ("invalid log entry", "log-entry-invalid"),
    ("failed to load bundle", "bundle-invalid"),
    ("keys not found in trusted root", "root-missing"),
    ("Did not find any Rekor keys", "root-missing"),
    ("certificates not found in trusted root", "root-missing"),
    ("contains no transparency log instances", "root-missing"),
    ("Bundle message digest mismatch", "digest-mismatch"),
)
"""What sigstore-python says, in part → our stable code. What is not here is ``keyless-invalid``."""


_REMEMBERED = 1024
"""Certificates whose chains and SCTs are remembered."""
_NEVER = datetime.min.replace(tzinfo=UTC)

T = TypeVar("T")


def _spelt_out(bundle: Bundle) -> bytes:
    """Return the bundle with the zeros and empty lists protobuf's JSON leaves out of a log's first entry.

    They mean the same (ProtoJSON: a missing field has its default), and sigstore-python wants to see them.
    """
    places = [(entry, entry.get("inclusionProof")) for entry in bundle.log_entries]
    if all("logIndex" in e and (not p or {"logIndex", "hashes"} <= p.keys()) for e, p in places):
        return bundle.raw
    value = json.loads(bundle.raw)
    for entry in value["verificationMaterial"]["tlogEntries"]:
        entry.setdefault("logIndex", "0")
        if entry.get("inclusionProof"):
            entry["inclusionProof"] = {"logIndex": "0", "hashes": [], **entry["inclusionProof"]}
    return json.dumps(value).encode()


class OnlyCertificate:
    """A policy of sigstore-python: the certificate it verified is the one whose claims were read."""

    def __init__(self, der: bytes) -> None:
        self.der = der

    def verify(self, cert: x509.Certificate) -> None:
        """Raise unless ``cert`` is that certificate."""
        if cert.public_bytes(Encoding.DER) != self.der:
            raise VerificationError("another certificate than the one whose claims were read")


class _Remembering:
    """Keys of a root that remember what they verified: one certificate, and its SCT, come many times."""

    def __init__(self, keyring: Any) -> None:
        self._keyring = keyring
        self._good: set[tuple[bytes, bytes, bytes]] = set()

    def verify(self, *, key_id: Any, signature: bytes, data: bytes) -> None:
        """Raise unless one of the keys signed exactly this."""
        asked = (key_id, signature, data)
        if asked in self._good:
            return
        self._keyring.verify(key_id=key_id, signature=signature, data=data)
        if len(self._good) >= _REMEMBERED:
            self._good.clear()
        self._good.add(asked)


class _Root(models.TrustedRoot):
    """A trusted root out of bytes that remembers its keys: reading them takes longer than one signature."""

    @classmethod
    def of(cls, raw: bytes) -> _Root:
        value = json.loads(raw)
        for authority in value.get("timestampAuthorities") or []:
            # a period's last moment belongs to it (protobuf-specs, TimeRange); sigstore-python leaves it out
            period = authority.get("validFor") or {}
            if period.get("end"):
                period["end"] = (parse_time(period["end"]) + timedelta(microseconds=1)).isoformat()
        root = cls(RootMessage.from_json(json.dumps(value)))
        root._kept = {}
        return root

    _kept: dict[str, Any]

    def _once(self, name: str, *words: Any) -> Any:
        if name not in self._kept:
            self._kept[name] = getattr(super(), name)(*words)
        return self._kept[name]

    def rekor_keyring(self, purpose: Any) -> Any:
        return self._once("rekor_keyring", purpose)

    def ct_keyring(self, purpose: Any) -> Any:
        if "remembering" not in self._kept:
            self._kept["remembering"] = _Remembering(super().ct_keyring(purpose))
        return self._kept["remembering"]

    def get_timestamp_authorities(self) -> Any:
        return self._once("get_timestamp_authorities")


class _Verifier(Verifier):
    """sigstore-python's verifier, which tells what times it relied on and remembers the chains it built."""

    def __init__(self, root: models.TrustedRoot) -> None:
        super().__init__(trusted_root=root)
        self.times: list[datetime] = []
        self._chains: dict[bytes, tuple[datetime, datetime, list[x509.Certificate]]] = {}

    def _verify_chain_at_time(self, certificate: x509.Certificate, timestamp_result: Any) -> Any:
        """One certificate signs many statements, and a chain holds as long as each of its links is valid."""
        der = certificate.public_bytes(Encoding.DER)
        start, end, chain = self._chains.get(der, (_NEVER, _NEVER, []))
        if start <= timestamp_result.time <= end and chain:
            return chain
        chain = super()._verify_chain_at_time(certificate, timestamp_result)
        if len(self._chains) >= _REMEMBERED:
            self._chains.clear()
        links = (certificate, *chain)
        start = max(each.not_valid_before_utc for each in links)
        end = min(each.not_valid_after_utc for each in links)
        self._chains[der] = (start, end, chain)
        return chain

    def _establish_time(self, bundle: models.Bundle) -> Any:
        self.times = []
        found = super()._establish_time(bundle)
        self.times = [each.time for each in found]
        return found


class Instance:
    """One Sigstore instance, by its pinned trusted root. Not for use by two threads at a time."""

    def __init__(self, raw: bytes) -> None:
        """Read the root.

        Args:
            raw: the pinned bytes of ``trusted_root.json``.

        Raises:
            UnverifiedError: code ``root-missing``: it is not enough to verify a keyless bundle with.
        """
        try:
            self._verifier = _Verifier(_Root.of(raw))
        except Exception as error:
            raise UnverifiedError("root-missing", f"the pinned Sigstore root: {_said(error)}") from error

    def verify(self, bundle: Bundle) -> datetime:
        """Check a bundle's certificate, time, log entry and signature, and return its earliest trusted time.

        Raises:
            UnverifiedError: a code of this room; ``keyless-invalid`` for what it has no code for.
        """
        der = bundle.certificate or b""
        kind, payload = self.checked(
            der, lambda it: it.verify_dsse(models.Bundle.from_json(_spelt_out(bundle)), OnlyCertificate(der))
        )
        if (kind, payload) != (bundle.payload_type, bundle.payload):
            raise UnverifiedError("keyless-invalid", "sigstore-python read another payload")
        return min(self._verifier.times)

    def checked(self, der: bytes, check: Callable[[Verifier], T]) -> T:
        """Run one check of sigstore-python and say in our words why it refuses.

        Args:
            der: the certificate it is about.
            check: what to run.

        Raises:
            UnverifiedError: it refuses.
        """
        self._verifier.times = []
        try:
            return check(self._verifier)
        except Exception as error:  # also what a hostile bundle does to a parser
            said = _said(error)
            code = next((code for part, code in _CODES if part in said), "keyless-invalid")
            if code == "certificate-untrusted":
                code = self._untrusted(der)
            raise UnverifiedError(code, f"sigstore-python: {said}") from error

    def _untrusted(self, der: bytes) -> str:
        """Tell a certificate that was not valid when it signed from one nobody vouches for."""
        try:
            leaf = x509.load_der_x509_certificate(der)
        except ValueError:
            return "certificate-invalid"
        if any(time < leaf.not_valid_before_utc for time in self._verifier.times):
            return "certificate-not-yet-valid"
        if any(time > leaf.not_valid_after_utc for time in self._verifier.times):
            return "certificate-expired"
        return "certificate-untrusted"


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
