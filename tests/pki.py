"""A certificate authority in memory: roots, intermediates and leaves with one thing wrong at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from attest.bundle import Bundle, certificate_bundle
from attest.envelope import IN_TOTO, pae
from attest.statement import Statement

__all__ = ["DAY", "Holder", "authority", "pem"]

DAY = timedelta(days=1)
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
CODE_SIGNING = (ExtendedKeyUsageOID.CODE_SIGNING,)


def new_key(kind: str = "p256") -> Any:
    return {
        "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


@dataclass
class Holder:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: Any = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def issue(
        self,
        name: str = "CN=provenance",
        *,
        authority: bool = False,
        key: Any = None,
        days: tuple[float, float] = (-1, 30),
        usages: tuple[str, ...] | None = None,
        purposes: tuple[x509.ObjectIdentifier, ...] | None = CODE_SIGNING,
        alternatives: tuple[x509.GeneralName, ...] = (),
        path_length: int | None = None,
        constraints: bool = True,
        extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
        digest: hashes.HashAlgorithm | None = None,
        now: datetime | None = None,
        serial: int | None = None,
    ) -> Holder:
        """Issue a certificate; ``days`` are counted from now, the rest says what stands in it."""
        key = key or new_key()
        now = now or datetime.now(UTC).replace(microsecond=0)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name.from_rfc4514_string(name))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
        )
        if constraints:
            limits = x509.BasicConstraints(ca=authority, path_length=path_length)
            builder = builder.add_extension(limits, critical=True)
        wanted = (
            usages if usages is not None else (("key_cert_sign",) if authority else ("digital_signature",))
        )
        if wanted:
            usage = x509.KeyUsage(**{each: each in wanted for each in _USAGES})
            builder = builder.add_extension(usage, critical=True)
        if purposes is not None and not authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=not name)
        own, issuers = key.public_key(), self.key.public_key()
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers), critical=False
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        hashed = None if isinstance(self.key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
        return Holder(builder.sign(self.key, hashed), key)

    def signature(self, data: bytes) -> bytes:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        hashed = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        return self.key.sign(data, ec.ECDSA(hashed[self.key.key_size]))

    def sign(self, statement: Statement, *timestamps: bytes) -> Bundle:
        payload = statement.payload
        return certificate_bundle(payload, self.signature(pae(IN_TOTO, payload)), self.der, timestamps)


def authority(name: str = "CN=Coop Root,O=Photo Co-op", *, key: Any = None, **more: Any) -> Holder:
    """A self-signed root."""
    key = key or new_key()
    now = datetime.now(UTC).replace(microsecond=0)
    blank = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(name))
        .issuer_name(x509.Name.from_rfc4514_string(name))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now)
    )
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    seed = Holder(blank.sign(key, hashed), key)
    return seed.issue(name, authority=True, key=key, **{"days": (-100, 3650), **more})
