"""What a Fulcio certificate says of its holder, and whether that is whom a trust file names.

Nothing here checks a signature: ``attest.verifiers.sigstore`` has that done for the very same certificate.

Source: sigstore/fulcio ``oid-info.md``. Extensions 1 to 6 hold bare text, later ones a DER UTF8String.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509

from attest.trustfile import CONDITIONS, SigstoreIdentity, matches
from attest.verifier import UnverifiedError

__all__ = ["BASE_OID", "Claims", "read_claims", "unmet"]

BASE_OID = "1.3.6.1.4.1.57264.1."
"""Fulcio's extensions are its children."""

_ISSUER, _ISSUER_V2, _OTHER_NAME = "1", "8", "7"
_BARE = frozenset("123456")


@dataclass(frozen=True)
class Claims:
    """Who holds a keyless certificate, as its authority wrote it down."""

    issuer: str
    """Who vouched for the identity (OIDC)."""
    identity: str
    """The one subject alternative name: an e-mail address, a URI or a name."""
    extensions: Mapping[str, str]
    """Every extension of Fulcio's by its full OID."""


def _text(der: bytes) -> str | None:
    """Return what a DER UTF8String holds, ``None`` for anything else."""
    if len(der) < 2 or der[0] != 0x0C:
        return None
    length, start = der[1], 2
    if length & 0x80:
        width = length & 0x7F
        length, start = int.from_bytes(der[2 : 2 + width], "big"), 2 + width
        if width not in (1, 2, 3) or length < 0x80 or length >> 8 * (width - 1) == 0:
            return None
    if len(der) != start + length:
        return None
    try:
        return der[start:].decode()
    except UnicodeDecodeError:
        return None


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    found = []
    for name in names:
        if isinstance(name, x509.OtherName):
            text = _text(name.value) if name.type_id.dotted_string == BASE_OID + _OTHER_NAME else None
            found.append(text or "")
        else:
            found.append(str(name.value))
    return found


@lru_cache(maxsize=1024)
@lru_cache(maxsize=128)  # one certificate signs many statements
def read_claims(leaf: x509.Certificate) -> Claims | None:
    """Return what a certificate claims, or nothing where Fulcio did not write it.

    Raises:
        UnverifiedError: code ``certificate-invalid``: it contradicts itself, or names no one identity.
    """
    extensions: dict[str, str] = {}
    for extension in leaf.extensions:
        oid = extension.oid.dotted_string
        if not oid.startswith(BASE_OID) or not isinstance(extension.value, x509.UnrecognizedExtension):
            continue
        raw = extension.value.value
        bare = raw.decode("utf-8", "replace") if oid.removeprefix(BASE_OID) in _BARE else _text(raw)
        if bare is not None:  # what is no text meets no condition
            extensions[oid] = bare
        elif oid == BASE_OID + _ISSUER_V2:
            raise UnverifiedError("certificate-invalid", "its certificate: the issuer is no text")
    issuers = {extensions[BASE_OID + n] for n in (_ISSUER, _ISSUER_V2) if BASE_OID + n in extensions}
    if not issuers:
        return None
    names = _names(leaf)
    if len(issuers) != 1 or len(names) != 1 or not names[0]:
        raise UnverifiedError(
            "certificate-invalid",
            f"its certificate names {len(issuers)} issuers and {len(names)} identities, expected one of each",
        )
    return Claims(issuers.pop(), names[0], extensions)


def unmet(wanted: SigstoreIdentity, claims: Claims) -> str | None:
    """Return the first condition a certificate does not meet, ``""`` if it is another identity's altogether.

    ``None`` says that it is whom the trust file names.
    """
    if claims.issuer != wanted.issuer or not matches(wanted.identity, claims.identity):
        return ""
    conditions = {
        BASE_OID + number: (SigstoreIdentity.model_fields[name].alias or name, str(value))
        for name, number in CONDITIONS.items()
        if (value := getattr(wanted, name)) is not None
    }
    conditions |= {oid: (oid, value) for oid, value in wanted.extensions.items()}
    for oid, (name, pattern) in conditions.items():
        value = claims.extensions.get(oid)
        if value is None or not matches(pattern, value):
            return f"{name}: got {'none' if value is None else repr(value[:200])}, expected {pattern!r}"
    return None
