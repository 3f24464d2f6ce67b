"""Transparency logs in memory, Rekor v1 and v2: trees by RFC 6962's recursion, entries for bundles."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from attest.bundle import Bundle
from attest.canonical import canonical_bytes
from attest.envelope import pae
from attest.model import format_time

__all__ = ["TestLog", "audit_path", "tree_hash", "trusted_root"]


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*audit_path(index, leaves[:split]), tree_hash(leaves[split:])]
    return [*audit_path(index - split, leaves[split:]), tree_hash(leaves[:split])]


@dataclass
class TestLog:
    """A log with entries of others in it, whose key signs checkpoints."""

    __test__ = False

    version: int = 2
    origin: str = "log.test"
    leaves: list[bytes] = field(default_factory=lambda: [b"one", b"two", b"three"])
    later: tuple[bytes, ...] = (b"later",)
    """What the log takes in before it answers."""
    start: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=365))
    end: datetime | None = None

    def __post_init__(self) -> None:
        self.key: Any = (
            ed25519.Ed25519PrivateKey.generate()
            if self.version == 2
            else ec.generate_private_key(ec.SECP256R1())
        )

    @property
    def der(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def key_id(self) -> bytes:
        if self.version == 1:
            return hashlib.sha256(self.der).digest()
        raw = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(self.origin.encode() + b"\n\x01" + raw).digest()

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data) if self.version == 2 else self.key.sign(data, ec.ECDSA(hashes.SHA256()))

    def checkpoint(self, root: bytes, size: int) -> str:
        origin = self.origin if self.version == 2 else f"{self.origin} - 1193050959916656506"
        text = f"{origin}\n{size}\n{b64(root)}\n"
        return f"{text}\n\u2014 {self.origin} {b64(self.key_id[:4] + self.sign(text.encode()))}\n"

    def entry(self, bundle: Bundle, verifier: bytes, *, time: datetime | None = None) -> dict[str, Any]:
        """Take a bundle's signature in, and return what its bundle holds of that."""
        body = self.body(bundle, verifier)
        return self.take(body, time)

    def take(self, body: dict[str, Any], time: datetime | None = None) -> dict[str, Any]:
        data = canonical_bytes(body)
        leaves = [*self.leaves, data, *self.later]
        index = len(self.leaves)
        value: dict[str, Any] = {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.key_id)},
            "kindVersion": {"kind": body["kind"], "version": body["apiVersion"]},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(tree_hash(leaves)),
                "treeSize": str(len(leaves)),
                "hashes": [b64(each) for each in audit_path(index, leaves)],
                "checkpoint": {"envelope": self.checkpoint(tree_hash(leaves), len(leaves))},
            },
            "canonicalizedBody": b64(data),
        }
        if self.version == 1:
            seconds = int((time or datetime.now(UTC)).timestamp())
            value["integratedTime"] = str(seconds)
            promised = {
                "body": b64(data),
                "integratedTime": seconds,
                "logID": self.key_id.hex(),
                "logIndex": index,
            }
            value["inclusionPromise"] = {"signedEntryTimestamp": b64(self.sign(canonical_bytes(promised)))}
        return value

    def body(self, bundle: Bundle, verifier: bytes) -> dict[str, Any]:
        certificate = bundle.certificate is not None
        if self.version == 1:
            kind = "CERTIFICATE" if certificate else "PUBLIC KEY"
            text = b64(verifier)
            lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
            pem = f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n"
            return {
                "apiVersion": "0.0.1",
                "kind": "dsse",
                "spec": {
                    "envelopeHash": {"algorithm": "sha256", "value": "0" * 64},
                    "payloadHash": {"algorithm": "sha256", "value": bundle.statement_digest},
                    "signatures": [{"signature": b64(bundle.signature), "verifier": b64(pem.encode())}],
                },
            }
        digest = hashlib.sha256(pae(bundle.payload_type, bundle.payload)).digest()
        kind = "x509Certificate" if certificate else "publicKey"
        return {
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {
                "hashedRekordV002": {
                    "data": {"algorithm": "SHA2_256", "digest": b64(digest)},
                    "signature": {
                        "content": b64(bundle.signature),
                        "verifier": {
                            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                            kind: {"rawBytes": b64(verifier)},
                        },
                    },
                }
            },
        }

    def to_json(self) -> dict[str, Any]:
        """What a trusted root says of it."""
        period = {"start": format_time(self.start)}
        if self.end is not None:
            period["end"] = format_time(self.end)
        details = "PKIX_ED25519" if self.version == 2 else "PKIX_ECDSA_P256_SHA_256"
        return {
            "baseUrl": f"https://{self.origin}",
            "hashAlgorithm": "SHA2_256",
            "publicKey": {"rawBytes": b64(self.der), "keyDetails": details, "validFor": period},
            "logId": {"keyId": b64(self.key_id)},
        }


def trusted_root(*logs: TestLog, **more: Any) -> bytes:
    kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
    return json.dumps({"mediaType": kind, "tlogs": [each.to_json() for each in logs], **more}).encode()
