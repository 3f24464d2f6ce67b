"""Keys and certificates of the servers, and what a client trusts of them, before any server runs.

Everything is a file with a fixed name in one folder, so that a server that starts again is the same server.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

__all__ = ["ORIGIN_1", "ORIGIN_2", "client_trust", "make_keys", "signing_config", "trusted_root"]

ORIGIN_1 = "rekor1.local"
ORIGIN_2 = "rekor2.local"
"""Names the logs sign their checkpoints with; sigstore-js wants them within the log's ``baseUrl``."""

_CLIENT = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_SIGNING = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_ROOT = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def make_keys(folder: Path) -> None:
    """Make every key, an issuing authority below a root, and a timestamp authority below another."""
    for name in ("rekor1", "ctlog"):
        _write_key(folder / f"{name}.key", ec.generate_private_key(ec.SECP256R1()))
    _write_key(folder / "rekor2.key", ed25519.Ed25519PrivateKey.generate())
    for name, purpose in (
        ("fulcio", ExtendedKeyUsageOID.CODE_SIGNING),
        ("timestamp", ExtendedKeyUsageOID.TIME_STAMPING),
    ):
        root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        root = _certificate(f"{name} root", root_key, f"{name} root", root_key, depth=1)
        depth = 0 if name == "fulcio" else None
        issued = _certificate(name, key, f"{name} root", root_key, depth=depth, purpose=purpose)
        _write_key(folder / f"{name}.key", key)
        pem = [each.public_bytes(serialization.Encoding.PEM) for each in (issued, root)]
        (folder / f"{name}.pem").write_bytes(b"".join(pem))


def _write_key(path: Path, key: PrivateKey) -> None:
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form))
    path.chmod(0o600)


def _certificate(
    name: str,
    key: PrivateKey,
    issuer: str,
    issuer_key: PrivateKey,
    *,
    depth: int | None,
    purpose: ObjectIdentifier | None = None,
) -> x509.Certificate:
    """Issue a certificate; ``depth``: how many authorities may follow, ``None`` for what is none itself."""
    now = datetime.now(UTC)
    usage = {"digital_signature": depth is None, "key_cert_sign": depth is not None}
    rest = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    usage |= {"crl_sign": depth is not None, "decipher_only": False, **dict.fromkeys(rest, False)}
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)]) for each in (name, issuer)]
    builder = (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=30))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=depth is not None, path_length=depth), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if purpose is not None:  # RFC 3161 wants a timestamp authority's to be critical
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=depth is None)
    return builder.sign(issuer_key, hashes.SHA256())


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _start() -> dict[str, str]:
    # before the certificates begin, or nothing they sign is ever in time
    return {"start": (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}


def _log(key_file: Path, url: str, origin: str | None = None) -> dict[str, Any]:
    """Describe a log. The id of Rekor v2 is that of a signed note's key (C2SP), else a key's digest."""
    key = serialization.load_pem_private_key(key_file.read_bytes(), None).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    log_id, details = hashlib.sha256(der), "PKIX_ECDSA_P256_SHA_256"
    if isinstance(key, ed25519.Ed25519PublicKey):
        log_id = hashlib.sha256(f"{origin}\n".encode() + b"\x01" + key.public_bytes_raw())
        details = "PKIX_ED25519"
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {"rawBytes": _b64(der), "keyDetails": details, "validFor": _start()},
        "logId": {"keyId": _b64(log_id.digest())},
    }


def _authority(chain: Path, url: str) -> dict[str, Any]:
    certificates = x509.load_pem_x509_certificates(chain.read_bytes())
    raw = [{"rawBytes": _b64(each.public_bytes(serialization.Encoding.DER))} for each in certificates]
    return {
        "subject": {"organization": "local", "commonName": "local"},
        "uri": url,
        "certChain": {"certificates": raw},
        "validFor": _start(),
    }


def trusted_root(folder: Path, urls: Mapping[str, str]) -> dict[str, Any]:
    """Return Sigstore's ``TrustedRoot``: the keys of all logs and the chains of both authorities."""
    return {
        "mediaType": _ROOT,
        "tlogs": [
            _log(folder / "rekor1.key", f"http://{ORIGIN_1}"),
            _log(folder / "rekor2.key", f"http://{ORIGIN_2}", ORIGIN_2),
        ],
        "ctlogs": [_log(folder / "ctlog.key", urls["ctlog"])],
        "certificateAuthorities": [_authority(folder / "fulcio.pem", urls["fulcio"])],
        "timestampAuthorities": [_authority(folder / "timestamp.pem", urls["timestamp"])],
    }


def signing_config(urls: Mapping[str, str], rekor: int) -> dict[str, Any]:
    """Return Sigstore's ``SigningConfig``: where to sign, with which version of Rekor."""

    def service(name: str, version: int = 1) -> Sequence[dict[str, Any]]:
        return [{"url": urls[name], "majorApiVersion": version, "validFor": _start(), "operator": "local"}]

    return {
        "mediaType": _SIGNING,
        "caUrls": service("fulcio"),
        "oidcUrls": service("oidc"),
        "rekorTlogUrls": service(f"rekor{rekor}", rekor),
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaUrls": service("timestamp"),
        "tsaConfig": {"selector": "ANY"},
    }


def client_trust(root: Mapping[str, Any], signing: Mapping[str, Any]) -> str:
    """Return Sigstore's ``ClientTrustConfig`` as JSON."""
    return json.dumps({"mediaType": _CLIENT, "trustedRoot": root, "signingConfig": signing}, indent=1)
