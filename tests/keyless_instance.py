"""A Sigstore instance in memory: certificates as Fulcio writes them, CT, logs v1 and v2, timestamps.

Real servers are tried elsewhere; here one thing at a time is wrong that a real server never gets wrong.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients.tsa import TimestampAuthority
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pki import Holder, authority, new_key
from tlog import TestLog, b64, trusted_root

from attest.bundle import Bundle, with_evidence
from attest.model import format_time
from attest.statement import Statement

__all__ = ["ISSUER", "REPOSITORY", "WORKFLOW", "Instance", "claims", "der", "der_text"]

ISSUER = "https://token.actions.githubusercontent.com"
REPOSITORY = "https://github.com/acme/vision"
WORKFLOW = f"{REPOSITORY}/.github/workflows/train.yml@refs/tags/v1"
_SCT = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def der(tag: int, data: bytes) -> bytes:
    """One DER value."""
    if len(data) < 128:
        return bytes([tag, len(data)]) + data
    size = len(data).to_bytes(2, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(size)]) + size + data


def der_text(text: str) -> bytes:
    return der(0x0C, text.encode())


def claims(issuer: str = ISSUER, **numbered: str) -> dict[str, bytes]:
    """Fulcio's extensions: the issuer in both ways, a repository, and what is given as ``n14="refs/…"``."""
    texts = {"12": REPOSITORY, "11": "github-hosted", "14": "refs/tags/v1"}
    texts |= {name.removeprefix("n"): value for name, value in numbered.items()}
    return {"1": issuer.encode(), "8": der_text(issuer), **{n: der_text(v) for n, v in texts.items() if v}}


def _spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Instance:
    """Everything a keyless bundle is made of and verified with."""

    def __init__(self, folder: Path) -> None:
        self.root = authority("CN=fulcio,O=test")
        self.issuer = self.root.issue("CN=fulcio-intermediate,O=test", authority=True, days=(-90, 900))
        self.ct_key = new_key()
        self.v1, self.v2 = TestLog(1, "rekor.test"), TestLog(2, "log2025.rekor.test")
        folder.mkdir(parents=True, exist_ok=True)
        self.tsa = TimestampAuthority(folder)

    def trusted_root(self, **changes: Any) -> bytes:
        period = {"start": format_time(self.v1.start)}
        key = {
            "rawBytes": b64(_spki(self.ct_key)),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": period,
        }
        chain = [{"rawBytes": b64(each.der)} for each in (self.issuer, self.root)]
        value = {
            "certificateAuthorities": [
                {
                    "subject": {"organization": "test", "commonName": "fulcio"},
                    "uri": "https://fulcio.test",
                    "certChain": {"certificates": chain},
                    "validFor": period,
                }
            ],
            "ctlogs": [
                {
                    "baseUrl": "https://ct.test",
                    "hashAlgorithm": "SHA2_256",
                    "publicKey": key,
                    "logId": {"keyId": b64(hashlib.sha256(_spki(self.ct_key)).digest())},
                }
            ],
            "timestampAuthorities": json.loads(self.tsa.trusted_root().read_bytes())["timestampAuthorities"],
        }
        return trusted_root(self.v1, self.v2, **{**value, **changes})

    def certificate(
        self,
        identity: x509.GeneralName | None = None,
        extensions: dict[str, bytes] | None = None,
        *,
        scts: int = 1,
        issuer: Holder | None = None,
        ct_key: Any = None,
        **more: Any,
    ) -> Holder:
        """Issue what Fulcio issues, valid since an hour and for another one."""
        issuer = issuer or self.issuer
        numbered = claims() if extensions is None else extensions
        base = "1.3.6.1.4.1.57264.1."
        wanted: list[tuple[x509.ExtensionType, bool]] = [
            (x509.UnrecognizedExtension(x509.ObjectIdentifier(base + number), value), False)
            for number, value in numbered.items()
        ]
        settings: dict[str, Any] = {
            "key": new_key(),
            "serial": x509.random_serial_number(),
            "now": datetime.now(UTC).replace(microsecond=0),
            "alternatives": (identity or x509.UniformResourceIdentifier(WORKFLOW),),
            "constraints": False,
            "days": (-1 / 24, 1 / 24),
            **more,
        }

        def issue(listed: Sequence[bytes]) -> Holder:
            extra = [*wanted, (x509.UnrecognizedExtension(_SCT, _list(listed)), False)] if listed else wanted
            return issuer.issue("", extensions=tuple(extra), **settings)

        if not scts:
            return issue([])
        # what the log signs leaves its own signatures out, so any will do to learn it
        blank = issue([b"\0" * 47]).certificate.tbs_precertificate_bytes
        return issue([self._sct(blank, issuer, ct_key or self.ct_key) for _ in range(scts)])

    def _sct(self, tbs: bytes, issuer: Holder, key: ec.EllipticCurvePrivateKey) -> bytes:
        milliseconds = int(datetime.now(UTC).timestamp() * 1000)
        issuer_key = hashlib.sha256(_spki(issuer.key)).digest()
        entry = issuer_key + len(tbs).to_bytes(3, "big") + tbs
        signed = struct.pack("!BBQH", 0, 0, milliseconds, 1) + entry + b"\0\0"
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
        log = hashlib.sha256(_spki(self.ct_key)).digest()
        head = b"\0" + log + struct.pack("!QH", milliseconds, 0)
        return head + b"\x04\x03" + struct.pack("!H", len(signature)) + signature

    def sign(
        self,
        statement: Statement,
        leaf: Holder | None = None,
        *,
        version: int = 1,
        stamped: bool | None = None,
        time: datetime | None = None,
    ) -> Bundle:
        """Sign, log and, for Rekor v2 or where wanted, timestamp."""
        bundle = (leaf or self.certificate()).sign(statement)
        log = self.v1 if version == 1 else self.v2
        entry = log.entry(bundle, bundle.certificate, time=time)
        wanted = version == 2 if stamped is None else stamped
        stamps = [self.tsa.stamp(bundle.signature)] if wanted else []
        return with_evidence(bundle, stamps, [entry])


def _list(listed: Sequence[bytes]) -> bytes:
    inner = b"".join(struct.pack("!H", len(each)) + each for each in listed)
    return der(0x04, struct.pack("!H", len(inner)) + inner)
