"""Public keys: the three algorithms every known verifier accepts, and two that are only read.

ECDSA P-256 with SHA-256, Ed25519, and RSA PKCS#1 v1.5 with SHA-256 (2048 to 8192 bits). P-384 with SHA-384
and P-521 with SHA-512, as Sigstore's registry of algorithms pairs them, are verified, because others sign
with them, and never signed with: released versions of cosign and sigstore-js refuse them.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from attest.errors import SignatureError

__all__ = [
    "MAX_KEY_BYTES",
    "RSA_BITS",
    "Algorithm",
    "PublicKey",
    "check_algorithm",
    "check_signing_algorithm",
    "read_key_file",
]

Algorithm = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_SIGNED_WITH = "secp256r1"
"""The one curve attest signs on."""

_CURVES = {
    "secp256r1": ("P-256", ec.ECDSA(hashes.SHA256())),
    "secp384r1": ("P-384", ec.ECDSA(hashes.SHA384())),
    "secp521r1": ("P-521", ec.ECDSA(hashes.SHA512())),
}
"""Curve → its name, and the one hash that goes with it: neither bundle nor reader may choose another."""

RSA_BITS = range(2048, 8193)
"""Modulus sizes that are neither weak nor a way to burn a verifier's time."""

MAX_KEY_BYTES = 64 << 10
"""Bytes of a key file; the largest RSA key in PEM has about 7 kB."""


def check_algorithm(key: object, where: str) -> Algorithm:
    """Return the public key if attest verifies with its algorithm.

    Raises:
        SignatureError: it does not; the message says which ones it does.
    """
    hint = "use ECDSA P-256 (the default), P-384 or P-521, Ed25519 or RSA of 2048 to 8192 bits"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.name not in _CURVES:
            raise SignatureError(f"unsupported curve {key.curve.name}", where, hint)
        return key
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size not in RSA_BITS:
            raise SignatureError(f"unsupported RSA key of {key.key_size} bits", where, hint)
        return key
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise SignatureError(f"unsupported key type {type(key).__name__}", where, hint)


def check_signing_algorithm(key: object, where: str) -> Algorithm:
    """Return the public key if attest signs with its algorithm, which every known verifier accepts.

    Raises:
        SignatureError: it does not; the message says which ones it does.
    """
    found = check_algorithm(key, where)
    if isinstance(found, ec.EllipticCurvePublicKey) and found.curve.name != _SIGNED_WITH:
        raise SignatureError(
            f"unsupported curve {found.curve.name}: it is verified, and not signed with",
            where,
            "use ECDSA P-256 (the default), Ed25519 or RSA of 2048 to 8192 bits",
        )
    return found


def read_key_file(path: Path) -> bytes:
    """Read a key file, bounded.

    Raises:
        SignatureError: it cannot be read or is too large to be a key.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise SignatureError(f"cannot be read: {error.strerror}", str(path)) from error
    if len(data) > MAX_KEY_BYTES:
        raise SignatureError(f"larger than {MAX_KEY_BYTES} bytes: not a key file", str(path))
    return data


@dataclass(frozen=True)
class PublicKey:
    """A public key that may verify bundles."""

    key: Algorithm = field(repr=False)

    @classmethod
    def from_pem(cls, data: bytes, where: str) -> PublicKey:
        """Read a public key in PEM (SubjectPublicKeyInfo).

        Raises:
            SignatureError: not one, a private key, or an algorithm attest does not use.
        """
        if b"PRIVATE KEY" in data:
            raise SignatureError(
                "this is a private key where a public one is expected",
                where,
                "attest key show prints the public half; never hand out the private one",
            )
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SignatureError("not a public key in PEM", where, "attest key show prints one") from error
        return cls(check_algorithm(key, where))

    @cached_property
    def der(self) -> bytes:
        """SubjectPublicKeyInfo in DER."""
        return self.key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM."""
        return self.key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the DER, lowercase hex: the key's identity."""
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def hint(self) -> str:
        """Base64 of the SHA-256 of the DER, as cosign writes it into ``publicKey.hint``."""
        return base64.b64encode(bytes.fromhex(self.fingerprint)).decode()

    @property
    def algorithm(self) -> str:
        """What the key is, in words."""
        if isinstance(self.key, ec.EllipticCurvePublicKey):
            return f"ECDSA {_CURVES[self.key.curve.name][0]}"
        return f"RSA-{self.key.key_size}" if isinstance(self.key, rsa.RSAPublicKey) else "Ed25519"

    @cached_property
    def _ecdsa(self) -> ec.ECDSA:
        """The hash of the key's curve."""
        if not isinstance(self.key, ec.EllipticCurvePublicKey):
            raise TypeError(self.algorithm)
        return _CURVES[self.key.curve.name][1]

    def is_pss_signature(self, signature: bytes, message: bytes) -> bool:
        """Tell whether it is this RSA key's with RSASSA-PSS (SHA-256), which only in-toto's own files use."""
        if not isinstance(self.key, rsa.RSAPublicKey):
            return False
        scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
        try:
            self.key.verify(signature, message, scheme, hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def is_signature(self, signature: bytes, message: bytes) -> bool:
        """Tell whether ``signature`` over ``message`` is this key's."""
        try:
            if isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, message, self._ecdsa)
            elif isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
            else:
                self.key.verify(signature, message)
        except InvalidSignature:
            return False
        return True
