"""Bundles signed with a certificate of a private authority: the leaf in the bundle, its issuers pinned.

The reader's root file holds PEM certificates: self-signed ones are roots, the others intermediates. The
checks are explicit, because cryptography's own verifier knows the profiles of the web alone: it refuses
Ed25519 leaves and leaves without a subject alternative name (docs/adr/0012). Every certificate of the path is
judged at a time the caller gives, a trusted one or now, and never at dates of its own.

Source: RFC 5280, 6.1 (paths), 4.2.1.3 (key usage), 4.2.1.9 (basic constraints), 4.2.1.12 (extended key
usage); RFC 4514 (names in a string).
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from attest.bundle import Bundle
from attest.envelope import pae
from attest.errors import SignatureError
from attest.keys import RSA_BITS, PublicKey, check_algorithm
from attest.model import format_time
from attest.trustfile import matches
from attest.verifier import Identity, UnverifiedError

__all__ = [
    "Authority",
    "alternative_names",
    "identity_of",
    "is_name",
    "is_subject",
    "is_subject_name",
    "leaf_key",
    "read_leaf",
    "subject_of",
]

_DEEPEST = 8
"""Certificates of the longest path, leaf and root included."""
_STEPS = 1000
"""Issuers looked at for one leaf: cross-signed authorities make many paths."""

_LARGEST = 64 << 10
"""Bytes of a certificate; keyless ones have about 2 kB."""

_UNDERSTOOD = frozenset(
    {
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    }
)
"""Extensions that may be critical; a critical one we do not process makes a certificate unusable (4.2)."""

_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})

E = TypeVar("E", bound=x509.ExtensionType)

Path = tuple[x509.Certificate, ...]
"""From a leaf to a root."""


@lru_cache(maxsize=1024)
@lru_cache(maxsize=128)  # one certificate signs many statements
def read_leaf(der: bytes) -> x509.Certificate:
    """Read the certificate of a bundle.

    Raises:
        UnverifiedError: code ``certificate-invalid``.
    """
    if len(der) > _LARGEST:
        raise UnverifiedError("certificate-invalid", f"its certificate is larger than {_LARGEST} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what the parser still takes and means to refuse
            leaf = x509.load_der_x509_certificate(der)
        _ = leaf.extensions, leaf.issuer.rfc4514_string(), subject_of(leaf), leaf.not_valid_after_utc
    except Exception as error:  # whatever hostile bytes do to the parser, this is no certificate
        raise UnverifiedError("certificate-invalid", "its certificate cannot be read") from error
    if leaf.version is not x509.Version.v3:
        raise UnverifiedError("certificate-invalid", "its certificate is not of version 3 (X.509)")
    return leaf


def leaf_key(leaf: x509.Certificate) -> PublicKey:
    """Return the key a certificate is for.

    Raises:
        UnverifiedError: code ``certificate-key``: no algorithm attest verifies (``attest.keys``).
    """
    try:
        return PublicKey(check_algorithm(leaf.public_key(), "certificate"))
    except SignatureError as error:
        raise UnverifiedError("certificate-key", f"the key of its certificate: {error.what}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UnverifiedError("certificate-key", "the key of its certificate cannot be read") from error


def subject_of(leaf: x509.Certificate) -> str:
    """Return the subject (RFC 4514), or the first alternative name where the subject is empty."""
    return leaf.subject.rfc4514_string() or next(iter(alternative_names(leaf)), "")


def alternative_names(leaf: x509.Certificate) -> tuple[str, ...]:
    """Return the e-mail addresses, URIs and DNS names a certificate is for."""
    names = _extension(leaf, x509.SubjectAlternativeName)
    kinds = (x509.RFC822Name, x509.UniformResourceIdentifier, x509.DNSName)
    return tuple(str(name.value) for name in names or () if isinstance(name, kinds))


def is_name(pattern: str) -> bool:
    """Tell whether a trust file's ``subject`` is a whole subject, as ``CN=…`` is, or an alternative name."""
    return re.match(r"[A-Za-z0-9.]+=", pattern) is not None


def is_subject_name(pattern: str, subject: str) -> bool:
    """Match a whole subject as RFC 4514 writes it, the most specific part first.

    ``*`` matches within one value and never crosses ``,``, ``+``, ``=``, ``/`` or ``@``.
    """
    parts = re.split(r"(\*)", pattern)
    regex = "".join(r"[^,+=/@\\]*" if part == "*" else re.escape(part) for part in parts)
    return re.fullmatch(regex, subject) is not None


def is_subject(pattern: str, leaf: x509.Certificate) -> bool:
    """Tell whether a trust file's ``subject`` is this certificate's, or one of its alternative names."""
    if is_name(pattern):
        return is_subject_name(pattern, leaf.subject.rfc4514_string())
    return any(matches(pattern, name) for name in alternative_names(leaf))


def _extension(certificate: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate) -> str:
    return subject_of(certificate)[:200] or f"serial {certificate.serial_number:x}"


@dataclass(frozen=True)
class Authority:
    """Certificates of one private authority, pinned by the reader."""

    roots: tuple[x509.Certificate, ...] = field(repr=False)
    others: tuple[x509.Certificate, ...] = field(repr=False)

    @classmethod
    def from_pem(cls, data: bytes, where: str) -> Authority:
        """Read the authority's root and whatever intermediates it has.

        Raises:
            SignatureError: no certificate, or none that is a root.
        """
        try:
            certificates = x509.load_pem_x509_certificates(data)
            roots = tuple(each for each in certificates if _issued(each, each))
            _ = [each.extensions for each in certificates]
        except (
            ValueError,
            x509.DuplicateExtension,
            x509.InvalidVersion,
            x509.UnsupportedGeneralNameType,
        ) as error:
            raise SignatureError("not certificates in PEM", where) from error
        if not roots:
            raise SignatureError("holds no self-signed root certificate", where, "add the authority's root")
        return cls(roots, tuple(each for each in certificates if each not in roots))

    def is_called(self, name: str) -> bool:
        """Tell whether one of its certificates has that subject (RFC 4514)."""
        return any(each.subject.rfc4514_string() == name for each in (*self.roots, *self.others))

    def paths(self, leaf: x509.Certificate) -> list[Path]:
        """Return every path from the leaf to a root by names and signatures, the shortest first."""
        found: list[Path] = []
        waiting: list[Path] = [(leaf,)]
        steps = 0
        while waiting:
            path = waiting.pop(0)
            for issuer in (*self.roots, *self.others):
                if issuer.subject != path[-1].issuer or issuer in path:
                    continue
                steps += 1
                if steps > _STEPS:
                    return found
                if not _issued(path[-1], issuer):
                    continue
                if issuer in self.roots:
                    found.append((*path, issuer))
                elif len(path) < _DEEPEST - 1:
                    waiting.append((*path, issuer))
        return found

    def verify(
        self, bundle: Bundle, leaf: x509.Certificate, paths: Sequence[Path], at: datetime | None
    ) -> Identity:
        """Check that this authority vouches for the leaf at a time, and that the leaf's key signed.

        Whether its subject is anybody the reader trusts is the caller's to check.

        Args:
            bundle: whose envelope was signed.
            leaf: the certificate in the bundle.
            paths: what ``paths`` found for it.
            at: a trusted time or, where there is none, the time of evaluation.

        Raises:
            UnverifiedError: codes ``certificate-untrusted``, ``certificate-is-authority``, ``key-usage``,
                ``extended-key-usage``, ``critical-extension``, ``certificate-key``, ``time-unknown``,
                ``certificate-expired``, ``certificate-not-yet-valid``, ``signature-invalid``.
        """
        _check_leaf(leaf)
        if at is None:
            raise UnverifiedError(
                "time-unknown", "no trusted time and no time of evaluation to check its certificate at"
            )
        path = _first_good(paths, at)
        key = leaf_key(leaf)
        if not key.is_signature(bundle.signature, pae(bundle.payload_type, bundle.payload)):
            raise UnverifiedError(
                "signature-invalid", f"the signature is not that of the certificate's key ({_name(leaf)})"
            )
        return identity_of(leaf, path[-1])


def identity_of(leaf: x509.Certificate, root: x509.Certificate) -> Identity:
    """Return who a certificate says its holder is; the root keeps authorities of one name apart."""
    anchor = hashlib.sha256(root.public_bytes(Encoding.DER)).hexdigest()
    return Identity("certificate", subject_of(leaf), leaf.issuer.rfc4514_string(), anchor)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether ``issuer``'s key signed the certificate, with an algorithm of today."""
    try:
        if not _is_strong(issuer):
            return False
        algorithm = certificate.signature_hash_algorithm
        if algorithm is not None and not isinstance(algorithm, _HASHES):
            return False
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _is_strong(issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name in _CURVES
    return isinstance(key, ed25519.Ed25519PublicKey)


def _first_good(paths: Sequence[Path], at: datetime) -> Path:
    """Return the first path whose issuers may issue and whose certificates are all valid at that time.

    Raises:
        UnverifiedError: none is; the reason is that of the first.
    """
    first: UnverifiedError | None = None
    for path in paths:
        try:
            for depth, issuer in enumerate(path[1:]):
                _check_issuer(issuer, depth)
            for certificate in path:
                _check_time(certificate, at)
        except UnverifiedError as error:
            first = first or error
        else:
            return path
    raise first or UnverifiedError("certificate-untrusted", "no path to a pinned root")


def _check_leaf(leaf: x509.Certificate) -> None:
    _check_critical(leaf)
    constraints = _extension(leaf, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise UnverifiedError(
            "certificate-is-authority",
            f"its certificate ({_name(leaf)}) is an authority's and signs no statements",
        )
    usage = _extension(leaf, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise UnverifiedError("key-usage", f"its certificate ({_name(leaf)}) is not for digital signatures")
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is None or ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        raise UnverifiedError(
            "extended-key-usage", f"its certificate ({_name(leaf)}) is not for code signing"
        )


def _check_issuer(issuer: x509.Certificate, below: int) -> None:
    """Check that a certificate may issue certificates, with ``below`` intermediates under it.

    Raises:
        UnverifiedError: codes ``certificate-untrusted`` or ``critical-extension``.
    """
    _check_critical(issuer)
    constraints = _extension(issuer, x509.BasicConstraints)
    usage = _extension(issuer, x509.KeyUsage)
    purposes = _extension(issuer, x509.ExtendedKeyUsage)
    why = ""
    if constraints is None or not constraints.ca:
        why = "it is no authority"
    elif constraints.path_length is not None and constraints.path_length < below:
        why = f"it allows {constraints.path_length} intermediates under it, got {below}"
    elif usage is None or not usage.key_cert_sign:
        why = "its key is not for signing certificates"
    elif purposes is not None and not _CODE & set(purposes):
        why = "it does not issue certificates for code signing"
    elif _extension(issuer, x509.NameConstraints) is not None:
        why = "it has name constraints, which this version does not apply"
    if why:
        raise UnverifiedError("certificate-untrusted", f"issuer {_name(issuer)}: {why}")


_CODE = {ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}


def _check_critical(certificate: x509.Certificate) -> None:
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise UnverifiedError(
                "critical-extension",
                f"certificate {_name(certificate)}: unknown critical extension {extension.oid.dotted_string}",
            )


def _check_time(certificate: x509.Certificate, at: datetime) -> None:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if at < start:
        raise UnverifiedError(
            "certificate-not-yet-valid",
            f"certificate {_name(certificate)}: valid from {format_time(start)}, judged at {format_time(at)}",
        )
    if at > end:
        raise UnverifiedError(
            "certificate-expired",
            f"certificate {_name(certificate)}: valid until {format_time(end)}, judged at {format_time(at)}",
        )
