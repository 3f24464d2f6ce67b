"""A key that a private certificate authority vouches for: its certificate, and no other, is in the bundle.

Intermediates and root are for readers to pin. What readers will refuse (``attest.verifiers.certificate``) is
refused here first: a statement signed with such a certificate would be worth nothing to anybody.

Source: RFC 5280, 4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.12 (extended key usage); RFC 4514
(names in a string).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from attest.bundle import Bundle, certificate_bundle
from attest.errors import SignatureError, UsageError
from attest.keys import PublicKey, check_algorithm, read_key_file
from attest.model import format_time
from attest.signer import open_signer
from attest.statement import Statement

if TYPE_CHECKING:
    from attest.signer import Signer

__all__ = ["CertificateSigner", "open_certificate"]

_HINT = "certificate:CHAIN.pem,KEY, where KEY is a file or another signer such as hsm:2?label=token"

E = TypeVar("E", bound=x509.ExtensionType)


@dataclass(frozen=True)
class CertificateSigner:
    """Signs with a key through another signer, and names the key by its certificate."""

    leaf: x509.Certificate = field(repr=False)
    inner: Signer
    where: str

    @property
    def identity(self) -> dict[str, str]:
        """Subject and issuer (RFC 4514); where the subject is empty, the first alternative name."""
        return {"subject": _subject(self.leaf), "issuer": self.leaf.issuer.rfc4514_string()}

    @property
    def public(self) -> None:
        """No key: the bundle is verified with the certificate in it."""
        return

    def sign(self, statement: Statement) -> Bundle:
        """Sign the statement's bytes as they are, as a Sigstore bundle v0.3 with the leaf certificate.

        Raises:
            SignatureError: code ``certificate-expired`` if it ran out meanwhile; the key cannot sign.
        """
        _check_time(self.leaf, self.where)
        made = self.inner.sign(statement)
        return certificate_bundle(made.payload, made.signature, self.leaf.public_bytes(Encoding.DER))


def open_certificate(rest: str, passphrase: bytes | None = None) -> CertificateSigner:
    """Open ``CHAIN.pem,KEY``, or a PEM file that holds certificate and key.

    CHAIN.pem holds the leaf, and may hold its issuers, in any order: the leaf is the one whose key KEY is.

    Raises:
        UsageError: it names no files, or KEY is no key.
        SignatureError: code ``certificate-`` and ``unreadable``, ``key-mismatch``, ``not-yet-valid``,
            ``expired``, ``authority`` or ``key-usage``; the key cannot be read.
    """
    chain, comma, key = rest.partition(",")
    if not chain or (comma and not key):
        raise UsageError("names no certificate", f"certificate:{rest[:200]}", _HINT)
    inner = open_signer(key or f"file:{chain}", passphrase)
    public = inner.public
    if public is None:
        raise UsageError("is no key that a certificate can be for", key[:200], _HINT)
    leaf = _leaf(_read(Path(chain)), public, chain)
    _check_use(leaf, chain)
    _check_time(leaf, chain)
    return CertificateSigner(leaf, inner, chain)


def _read(path: Path) -> list[x509.Certificate]:
    try:
        found = x509.load_pem_x509_certificates(read_key_file(path))
        _ = [(each.extensions, each.subject, each.issuer) for each in found]
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as error:
        raise SignatureError(
            "holds no certificates in PEM", str(path), _HINT, code="certificate-unreadable"
        ) from error
    return found


def _leaf(certificates: list[x509.Certificate], public: PublicKey, where: str) -> x509.Certificate:
    keys = []
    for each in certificates:
        try:
            keys.append(PublicKey(check_algorithm(each.public_key(), where)).fingerprint)
        except (SignatureError, UnsupportedAlgorithm, ValueError):  # an authority may have any kind of key
            keys.append("")
    found = [each for each, key in zip(certificates, keys, strict=True) if key == public.fingerprint]
    if len(found) == 1:
        return found[0]
    if found:
        what = f"{len(found)} certificates are for this key"
    else:
        others = ", ".join(f"sha256:{key}" for key in keys[:3] if key) or "other kinds of keys"
        what = f"got certificates for {others}, expected one for sha256:{public.fingerprint}"
    raise SignatureError(what, where, "leave in the one to sign with", code="certificate-key-mismatch")


def _check_time(leaf: x509.Certificate, where: str) -> None:
    now = datetime.now(UTC)
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    clock = f"this machine's clock says {format_time(now)}"
    if now < start:
        what = f"the certificate is valid from {format_time(start)}, {clock}"
        raise SignatureError(what, where, "is the clock right?", code="certificate-not-yet-valid")
    if now > end:
        what = f"the certificate was valid until {format_time(end)}, {clock}"
        raise SignatureError(what, where, "have it renewed", code="certificate-expired")


def _check_use(leaf: x509.Certificate, where: str) -> None:
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        what = "the certificate is an authority's, which signs certificates and no statements"
        raise SignatureError(what, where, "have it issue one for signing", code="certificate-authority")
    hint = "readers would refuse it; have one issued with key usage digitalSignature and extended codeSigning"
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        what = "the certificate's key usage is not digitalSignature"
        raise SignatureError(what, where, hint, code="certificate-key-usage")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        what = "the certificate's extended key usage is not codeSigning"
        raise SignatureError(what, where, hint, code="certificate-key-usage")
    if not _subject(leaf):
        what = "the certificate has neither a subject nor an alternative name: it says nobody's name"
        raise SignatureError(what, where, code="certificate-unreadable")


def _extension(leaf: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return leaf.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _subject(leaf: x509.Certificate) -> str:
    names = _extension(leaf, x509.SubjectAlternativeName) or ()
    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    others = (str(name.value) for name in names if isinstance(name, kinds))
    return leaf.subject.rfc4514_string() or next(others, "")
