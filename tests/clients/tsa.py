"""A timestamp authority out of OpenSSL: real RFC 3161 tokens without a server and without a network."""

from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from clients.cache import tool

__all__ = ["TimestampAuthority"]

_CONFIG = """
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "test"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(**true: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    names += ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: true.get(name, False) for name in names})


class TimestampAuthority:
    """A root, a leaf that may only stamp, and a folder to work in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.openssl = tool("openssl")
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
        root_key, leaf_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self._certificate("timestamp root", root_key, root_key, authority=True)
        self.leaf = self._certificate("timestamp authority", leaf_key, root_key, authority=False)
        (folder / "leaf.pem").write_bytes(self.leaf.public_bytes(serialization.Encoding.PEM))
        (folder / "leaf.key").write_bytes(
            leaf_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (folder / "tsa.cnf").write_text(_CONFIG)
        (folder / "serial").write_text("01\n")

    def _certificate(
        self,
        name: str,
        key: ec.EllipticCurvePrivateKey,
        issuer_key: ec.EllipticCurvePrivateKey,
        *,
        authority: bool,
    ) -> x509.Certificate:
        usage = _usage(key_cert_sign=True, crl_sign=True) if authority else _usage(digital_signature=True)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name("timestamp root"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.start + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if not authority:
            issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
            only_stamps = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            builder = builder.add_extension(issuer, critical=False).add_extension(only_stamps, critical=True)
        return builder.sign(issuer_key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Leaf and root in PEM, as a reader pins them."""
        chain = (self.leaf, self.root)
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain)

    def trusted_root(self) -> Path:
        """Return a Sigstore trusted root that holds this authority and nothing else."""
        chain = [
            {"rawBytes": base64.b64encode(each.public_bytes(serialization.Encoding.DER)).decode()}
            for each in (self.leaf, self.root)
        ]
        authority = {
            "subject": {"organization": "test", "commonName": "timestamp authority"},
            "uri": "https://tsa.test",
            "certChain": {"certificates": chain},
            "validFor": {"start": self.start.isoformat().replace("+00:00", "Z")},
        }
        kind = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
        path = self.folder / "trusted_root.json"
        path.write_text(json.dumps({"mediaType": kind, "timestampAuthorities": [authority]}))
        return path

    def stamp(self, data: bytes, digest: str = "sha256") -> bytes:
        """Return an RFC 3161 response (DER) that ``data`` exists now; digests but SHA-256 are refused."""
        (self.folder / "data").write_bytes(data)
        self._openssl("-query", "-data", "data", f"-{digest}", "-cert", "-out", "query")
        return self.answer((self.folder / "query").read_bytes())

    def answer(self, query: bytes) -> bytes:
        """Return the response (DER) to a request (DER), as a server would."""
        (self.folder / "query").write_bytes(query)
        self._openssl(
            *("-reply", "-config", "tsa.cnf", "-queryfile", "query"),
            *("-signer", "leaf.pem", "-inkey", "leaf.key", "-out", "reply"),
        )
        return (self.folder / "reply").read_bytes()

    def accepts(self, token: bytes, data: bytes) -> bool:
        """Tell whether OpenSSL verifies a response over ``data`` with this authority's root."""
        for name, content in (("token", token), ("data", data), ("chain.pem", self.pem)):
            (self.folder / name).write_bytes(content)
        words = ("-verify", "-data", "data", "-in", "token", "-CAfile", "chain.pem")
        return self._openssl(*words, check=False).returncode == 0

    def _openssl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [self.openssl, "ts", *words], cwd=self.folder, check=check, capture_output=True, timeout=30
        )
