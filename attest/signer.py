"""Who signs: one way of signing per file of ``attest.signers``, chosen by the scheme of ``--signer``."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from attest.bundle import Bundle
from attest.keyless import SCHEME as SIGSTORE
from attest.keys import PublicKey
from attest.registry import Registry
from attest.statement import Statement

__all__ = ["SIGNERS", "Around", "Publishing", "Signer", "claims", "open_signer", "threads_of"]

SIGNERS = Registry(
    "signer",
    {
        "awskms": "attest.signers.kms:open_awskms",
        "azurekms": "attest.signers.kms:open_azurekms",
        "certificate": "attest.signers.certificate:open_certificate",
        "file": "attest.signers.file:open_file",
        "gcpkms": "attest.signers.kms:open_gcpkms",
        "hsm": "attest.signers.kms:open_hsm",
        "hv": "attest.signers.kms:open_vault",
        "sigstore": "attest.signers.sigstore:open_sigstore",
    },
    "attest.signers",
)
"""Scheme → ``open(rest, passphrase) -> Signer``."""


class Signer(Protocol):
    """Makes one bundle per statement."""

    @property
    def identity(self) -> dict[str, str]:
        """Whom the bundle will name as its signer, as ``contents`` lists it.

        ``{"key": "<SHA-256>"}``, or ``{"subject": …, "issuer": …}`` where somebody vouches for the signer.
        """

    @property
    def public(self) -> PublicKey | None:
        """The long-lived key its bundles are verified with, or ``None`` if there is no such key."""

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are.

        Raises:
            SignatureError: the key cannot sign.
        """


@dataclass(frozen=True)
class Around:
    """A signer that has another one sign, and adds something to what that makes."""

    inner: Signer

    @property
    def identity(self) -> dict[str, str]:
        """That of the other signer."""
        return self.inner.identity

    @property
    def threads(self) -> int:
        """That of the other signer."""
        return threads_of(self.inner)

    @property
    def public(self) -> PublicKey | None:
        """That of the other signer."""
        return self.inner.public


@runtime_checkable
class Publishing(Protocol):
    """A signer that may make public what it signs, and says so before it does."""

    tell: Callable[[str], None]
    """Is told what will become public, in words."""


def open_signer(
    uri: str, passphrase: bytes | None = None, tell: Callable[[str], None] | None = None
) -> Signer:
    """Open a signer by its URI: ``file:PATH`` or a bare path for a local key, ``certificate:CHAIN,KEY``, ….

    Args:
        uri: scheme and what the signer needs to know.
        passphrase: of the key.
        tell: is told what signing makes public, before it does.

    Raises:
        UsageError: no signer has that scheme.
        SignatureError: the key cannot be read (wrong passphrase, not a key, unsupported algorithm).
    """
    scheme, colon, rest = uri.partition(":")
    if uri == SIGSTORE:  # the one signer that needs nothing more to be said
        colon = ":"
    if not colon or scheme not in SIGNERS:
        # a bare path may hold a colon; a scheme never holds a slash or a dot
        if colon and scheme.isalnum() and not uri.startswith(("/", ".")):
            SIGNERS.load(scheme)
        scheme, rest = "file", uri
    signer: Signer = SIGNERS.load(scheme)(rest, passphrase)
    if tell is not None and isinstance(signer, Publishing):
        signer.tell = tell
    return signer


def threads_of(signer: Signer) -> int:
    """Return how many statements a signer may sign at the same time: one, unless it says otherwise."""
    return int(getattr(signer, "threads", 1))


_ISSUER = "1.3.6.1.4.1.57264.1.1"
"""Extension of a Fulcio certificate: who vouched for the subject."""


def claims(bundle: Bundle, identity: Mapping[str, str]) -> bool:
    """Tell whether a bundle says to be that signer's. Unverified: it finds one's own in one's own store."""
    if "key" in identity:
        return bundle.hint == base64.b64encode(bytes.fromhex(identity["key"])).decode()
    if bundle.certificate is None:
        return False
    from cryptography import x509

    try:
        leaf = x509.load_der_x509_certificate(bundle.certificate)
        subjects, issuers = {leaf.subject.rfc4514_string()}, {leaf.issuer.rfc4514_string()}
        for extension in leaf.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                subjects |= {str(name.value) for name in extension.value}
            elif extension.oid.dotted_string == _ISSUER and isinstance(
                extension.value, x509.UnrecognizedExtension
            ):
                issuers.add(extension.value.value.decode())
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return False
    return identity.get("subject") in subjects and identity.get("issuer") in issuers
