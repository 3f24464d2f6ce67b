"""A private key in a file: PKCS#8 PEM, mode 0600, never printed."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from attest.bundle import Bundle, key_bundle
from attest.envelope import IN_TOTO, pae
from attest.errors import SignatureError, UsageError, nearest
from attest.keys import PublicKey, check_signing_algorithm, read_key_file
from attest.statement import Statement

__all__ = ["ALGORITHMS", "FileSigner", "generate_key", "open_file", "public_key"]

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

ALGORITHMS = ("ecdsa-p256", "ed25519", "rsa-3072", "rsa-4096")
"""What ``generate_key`` makes, the default first."""


def _generate(algorithm: str) -> PrivateKey:
    if algorithm == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    if algorithm == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm in ("rsa-3072", "rsa-4096"):
        return rsa.generate_private_key(public_exponent=65537, key_size=int(algorithm[4:]))
    guess = nearest(algorithm, ALGORITHMS)
    raise UsageError(
        f"unknown key algorithm {algorithm[:60]!r}",
        hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(ALGORITHMS)}",
    )


def generate_key(path: Path, algorithm: str = ALGORITHMS[0], passphrase: bytes | None = None) -> PublicKey:
    """Make a private key in ``path`` (mode 0600) and its public half in ``path`` + ``.pub``.

    Neither file is ever overwritten; the private key is on disk before the public one.

    Raises:
        UsageError: unknown algorithm, or one of the files exists.
        SignatureError: a file cannot be written.
    """
    key = _generate(algorithm)
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    public = PublicKey(check_signing_algorithm(key.public_key(), str(path)))
    public_path = path.with_name(path.name + ".pub")
    if os.path.lexists(public_path):  # also a link that leads nowhere: it may some day
        raise UsageError(
            "exists already; keys are never overwritten", str(public_path), "choose another name"
        )
    _write_new(path, pem, 0o600)
    try:
        _write_new(public_path, public.pem, 0o644)
    except BaseException:
        path.unlink()  # it has signed nothing yet, and would bar the way of the next attempt
        raise
    return public


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    except FileExistsError as error:
        raise UsageError(
            "exists already; keys are never overwritten", str(path), "choose another name"
        ) from error
    except OSError as error:
        raise SignatureError(f"cannot be written: {error.strerror}", str(path)) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SignatureError(f"cannot be written: {error.strerror}", str(path)) from error


def _load(path: Path, passphrase: bytes | None) -> PrivateKey:
    where = str(path)
    data = read_key_file(path)
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SignatureError(
            f"mode {stat.S_IMODE(path.stat().st_mode):04o} lets others read this private key",
            where,
            f"chmod 600 {path}",
        )
    encrypted = b"ENCRYPTED" in data
    if encrypted and passphrase is None:
        raise SignatureError("the key needs its passphrase", where, "set ATTEST_PASSPHRASE")
    try:
        key = serialization.load_pem_private_key(data, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted:
            raise SignatureError("wrong passphrase, or a damaged key file", where) from error
        raise SignatureError("not a private key in PEM", where, "attest key generate makes one") from error
    if not isinstance(key, PrivateKey):
        raise SignatureError(f"unsupported key type {type(key).__name__}", where)
    check_signing_algorithm(key.public_key(), where)
    return key


@dataclass(frozen=True)
class FileSigner:
    """Signs with a private key that was read from a file."""

    public: PublicKey
    _key: PrivateKey = field(repr=False)

    @property
    def identity(self) -> dict[str, str]:
        """``{"key": "<SHA-256 of the public key's DER>"}``."""
        return {"key": self.public.fingerprint}

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are, as a Sigstore bundle v0.3 with public-key material."""
        message = pae(IN_TOTO, statement.payload)
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            signature = self._key.sign(message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(self._key, rsa.RSAPrivateKey):
            signature = self._key.sign(message, padding.PKCS1v15(), hashes.SHA256())
        else:
            signature = self._key.sign(message)
        return key_bundle(statement.payload, signature, self.public.hint)


def open_file(path: str, passphrase: bytes | None = None) -> FileSigner:
    """Open the private key in the file ``path``.

    Raises:
        SignatureError: it cannot be read, others can read it, the passphrase is wrong, or it is no key.
    """
    key = _load(Path(path), passphrase)
    return FileSigner(PublicKey(check_signing_algorithm(key.public_key(), path)), key)


def public_key(path: Path, passphrase: bytes | None = None) -> PublicKey:
    """Return the public key of a file that holds a public or a private key.

    Raises:
        SignatureError: it holds neither, or the passphrase is wrong.
    """
    if b"PRIVATE KEY" in read_key_file(path):
        return open_file(str(path), passphrase).public
    return PublicKey.from_pem(read_key_file(path), str(path))
