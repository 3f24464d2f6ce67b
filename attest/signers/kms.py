"""Keys that never leave their place: those of a PKCS#11 token or of a cloud's key service.

securesystemslib talks to them; the envelope and the bundle are written here, with no ``keyid``, because
cosign refuses those of securesystemslib. Tests try ``hsm:`` and ``awskms:``; ``gcpkms:``, ``azurekms:`` and
``hv:`` (Vault) are passed on in the same way and were never tried (docs/signing.md).

A URI is ``SCHEME:KEY`` or ``SCHEME:KEY,PUBLIC.pem``; with the public key in a file it is not asked for, and a
service that signs with another key is found out.
"""

from __future__ import annotations

import getpass
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from attest.bundle import Bundle, key_bundle
from attest.envelope import IN_TOTO, pae
from attest.errors import AttestError, SignatureError, UsageError
from attest.keys import PublicKey, check_signing_algorithm, read_key_file
from attest.statement import Statement

if TYPE_CHECKING:
    from securesystemslib.signer import Signer, SSlibKey

__all__ = [
    "SCHEMES",
    "KmsSigner",
    "open_awskms",
    "open_azurekms",
    "open_gcpkms",
    "open_hsm",
    "open_vault",
    "public_key",
]

SCHEMES = {
    "hsm": ("PKCS#11 token", "hsm"),
    "awskms": ("AWS KMS", "aws"),
    "gcpkms": ("Google Cloud KMS", "gcp"),
    "azurekms": ("Azure Key Vault", "azure"),
    "hv": ("Vault", "vault"),
}
"""Scheme → what it is called in messages, and the extra of attest that installs what it needs."""

_TRIAL = b"attest: can this key sign?\n"
"""Signed once when the signer is opened; no envelope's bytes begin like this."""

_PIN_ERRORS = frozenset({"PinExpired", "PinIncorrect", "PinInvalid", "PinLenRange", "PinLocked"})


class _Pin:
    """The PIN or passphrase of a token: from the environment, or typed once; never an argument."""

    def __init__(self, where: str, passphrase: bytes | None) -> None:
        self._where = where
        self._value = passphrase.decode("utf-8", "surrogateescape") if passphrase is not None else None

    def __call__(self, name: str) -> str:
        name = "PIN" if name == "pin" else name
        if self._value is None:
            if sys.stdin is None or not sys.stdin.isatty():
                hint = "set ATTEST_PASSPHRASE, which also keeps it from the command that attest run starts"
                raise SignatureError(f"needs its {name}", self._where, hint, code="kms-pin")
            self._value = getpass.getpass(f"{name} of {self._where}: ")
        return self._value


@dataclass(frozen=True)
class KmsSigner:
    """Signs with a key that only its place can use."""

    public: PublicKey
    where: str
    _sign: Callable[[bytes], bytes] = field(repr=False)

    @property
    def identity(self) -> dict[str, str]:
        """``{"key": "<SHA-256 of the public key's DER>"}``."""
        return {"key": self.public.fingerprint}

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are, as a Sigstore bundle v0.3 with public-key material.

        Raises:
            SignatureError: code ``kms-unavailable``, ``kms-pin``, or ``kms-mismatch`` for a signature that is
                not the public key's.
        """
        return key_bundle(
            statement.payload, self.signature(pae(IN_TOTO, statement.payload)), self.public.hint
        )

    def signature(self, message: bytes) -> bytes:
        """Sign bytes and check the signature, for an alias may have been pointed at another key.

        Raises:
            SignatureError: as of ``sign``.
        """
        with _translated(self.where):
            signature = self._sign(message)
        if not self.public.is_signature(signature, message):
            raise SignatureError(
                f"signed, but not with the key sha256:{self.public.fingerprint}",
                self.where,
                "was the name pointed at another key? open the signer anew",
                code="kms-mismatch",
            )
        return signature


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Make an error of ours of whatever a token's or a cloud's library raises."""
    try:
        yield
    except AttestError:
        raise
    except Exception as error:
        name = type(error).__name__
        scheme = where.partition(":")[0]
        what, extra = SCHEMES[scheme]
        if isinstance(error, ImportError) or name == "UnsupportedLibraryError":
            hint = f"pip install 'attest-provenance[{extra}]'"
            raise SignatureError(f"{what} needs another package", where, hint, code="kms-missing") from error
        if name in _PIN_ERRORS:
            hint = "a token locks itself after a few wrong PINs; it was asked once"
            raise SignatureError(f"{what} refuses the PIN ({name})", where, hint, code="kms-pin") from error
        said = " ".join(str(error).split())[:300] or name
        raise SignatureError(
            f"{what} cannot be used: {said}", where, _hint(scheme), code="kms-unavailable"
        ) from error


def _hint(scheme: str) -> str | None:
    return {
        "hsm": "PYKCS11LIB names the PKCS#11 module; hsm:ID?label=TOKEN, where ID is the key's, a number",
        "awskms": "credentials and region come from where the AWS command line takes them (AWS_REGION, …)",
    }.get(scheme)


def _split(scheme: str, rest: str) -> tuple[str, str, Path | None]:
    """Return where a key is, as messages name it, its URI and the file of its public half."""
    key, comma, file = rest.partition(",")
    if (not key and scheme != "hsm") or (comma and not file):
        raise UsageError(
            "names no key", f"{scheme}:{rest[:200]}", f"expected {scheme}:KEY or {scheme}:KEY,PUBLIC.pem"
        )
    return f"{scheme}:{key[:200]}", f"{scheme}:{key}", Path(file) if comma else None


def public_key(uri: str, passphrase: bytes | None = None) -> PublicKey:
    """Return the public key of a URI, without signing anything.

    Raises:
        UsageError: the URI names no key.
        SignatureError: it cannot be had, or has an algorithm attest does not sign with.
    """
    scheme, _, rest = uri.partition(":")
    where, uri, file = _split(scheme, rest)
    return _public(uri, file, where, _Pin(where, passphrase))


def _public(uri: str, file: Path | None, where: str, pin: _Pin) -> PublicKey:
    public = _read_public(uri, file, where, pin)
    check_signing_algorithm(public.key, str(file) if file is not None else where)
    return public


def _read_public(uri: str, file: Path | None, where: str, pin: _Pin) -> PublicKey:
    if file is not None:
        return PublicKey.from_pem(read_key_file(file), str(file))
    scheme, _, key = uri.partition(":")
    with _translated(where):
        from securesystemslib.signer import AWSSigner, HSMSigner

        if scheme == "awskms":
            _, found = AWSSigner.import_(key)
        elif scheme == "hsm":
            number, _, query = key.partition("?")
            if number and not (number.isascii() and number.isdigit()):
                raise UsageError(f"got {number[:60]!r}, expected the key's number", where, _hint(scheme))
            label = dict(parse_qsl(query)).get("label")
            _, found = HSMSigner.import_(int(number) if number else None, label, pin)
        else:
            hint = f"write {scheme}:KEY,PUBLIC.pem"
            raise UsageError("its public key is read from a file, which is not named", where, hint)
        pem = str(found.keyval["public"]).encode()
    return PublicKey.from_pem(pem, where)


def _described(public: PublicKey) -> SSlibKey:
    """Describe a key to securesystemslib, with the one algorithm of its kind that attest uses."""
    from securesystemslib.signer import SSlibKey

    scheme = "ed25519"
    if isinstance(public.key, ec.EllipticCurvePublicKey):
        scheme = "ecdsa-sha2-nistp256"
    elif isinstance(public.key, rsa.RSAPublicKey):
        scheme = "rsa-pkcs1v15-sha256"
    return SSlibKey.from_crypto(public.key, public.fingerprint, scheme)


def _open(scheme: str, rest: str, passphrase: bytes | None) -> KmsSigner:
    """Open a key and let it sign once: a wrong PIN or a missing right is found before anything runs."""
    # its signers log what they raise as well, and nobody wants to read it twice
    logging.getLogger("securesystemslib").addHandler(logging.NullHandler())
    where, uri, file = _split(scheme, rest)
    pin = _Pin(where, passphrase)
    public = _public(uri, file, where, pin)
    with _translated(where):
        from securesystemslib.signer import Signer

        signer: Signer = Signer.from_priv_key_uri(uri, _described(public), pin)
    made = KmsSigner(public, where, lambda message: bytes.fromhex(signer.sign(message).signature))
    made.signature(_TRIAL)
    return made


def open_hsm(rest: str, passphrase: bytes | None = None) -> KmsSigner:
    """Open ``hsm:[ID][?label=TOKEN]``: a P-256 key on a PKCS#11 token; the module is that of ``PYKCS11LIB``.

    Raises:
        UsageError: the URI names no key.
        SignatureError: code ``kms-missing``, ``kms-pin``, ``kms-unavailable`` or ``kms-mismatch``.
    """
    return _open("hsm", rest, passphrase)


def open_awskms(rest: str, passphrase: bytes | None = None) -> KmsSigner:
    """Open ``awskms:KEY``: id, ARN, or ``alias/NAME``; P-256 or RSA. Raises as ``open_hsm``."""
    return _open("awskms", rest, passphrase)


def open_gcpkms(rest: str, passphrase: bytes | None = None) -> KmsSigner:
    """Open ``gcpkms:projects/…/cryptoKeyVersions/N,PUBLIC.pem``. Raises as ``open_hsm``."""
    return _open("gcpkms", rest, passphrase)


def open_azurekms(rest: str, passphrase: bytes | None = None) -> KmsSigner:
    """Open ``azurekms://VAULT.vault.azure.net/keys/NAME/VERSION,PUBLIC.pem``. Raises as ``open_hsm``."""
    return _open("azurekms", rest, passphrase)


def open_vault(rest: str, passphrase: bytes | None = None) -> KmsSigner:
    """Open ``hv:NAME/VERSION,PUBLIC.pem``: an Ed25519 key in Vault. Raises as ``open_hsm``."""
    return _open("hv", rest, passphrase)
