"""RFC 3161 timestamps over a bundle's signature: an upper bound on when it was made.

The reader's root file holds PEM certificates: self-signed ones are roots, the others help to build the
chain. Validity of the authority's certificate is checked at the time the token states (RFC 3161, 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509

from attest.bundle import Bundle
from attest.errors import SignatureError

__all__ = ["TimestampRoot", "trusted_time"]


@dataclass(frozen=True)
class TimestampRoot:
    """Certificates of one timestamp authority, pinned by the reader."""

    roots: tuple[x509.Certificate, ...] = field(repr=False)
    others: tuple[x509.Certificate, ...] = field(repr=False)
    leaf: x509.Certificate | None = field(default=None, repr=False)
    """The one certificate that may stamp, where the reader pinned it; else any under the root that may."""
    start: datetime | None = None
    """When the reader began to rely on it; ``None``: no matter when."""
    end: datetime | None = None
    """When the reader ceased to rely on it, itself included."""

    @classmethod
    def from_pem(cls, data: bytes, where: str) -> TimestampRoot:
        """Read the authority's chain.

        Raises:
            SignatureError: no certificate, or none that is a root.
        """
        try:
            certificates = x509.load_pem_x509_certificates(data)
        except ValueError as error:
            raise SignatureError("not certificates in PEM", where) from error
        roots = tuple(cert for cert in certificates if cert.issuer == cert.subject)
        if not roots:
            raise SignatureError("holds no self-signed root certificate", where, "add the authority's root")
        return cls(roots, tuple(cert for cert in certificates if cert.issuer != cert.subject))


def _time_of(token: bytes, signature: bytes, authority: TimestampRoot) -> datetime | None:
    """Return the token's time if this authority made it over exactly this signature."""
    import rfc3161_client

    try:
        response = rfc3161_client.decode_timestamp_response(token)
        builder = rfc3161_client.VerifierBuilder()
        for root in authority.roots:
            builder = builder.add_root_certificate(root)
        for other in authority.others:
            builder = builder.add_intermediate_certificate(other)
        if authority.leaf is not None:
            builder = builder.tsa_certificate(authority.leaf)
        elif not response.signed_data.certificates:
            leaves = [cert for cert in authority.others if not _is_authority(cert)]
            if len(leaves) != 1:
                return None
            builder = builder.tsa_certificate(leaves[0])
        if not builder.build().verify_message(response, signature):
            return None
    except Exception:  # noqa: BLE001 - whatever a hostile token does to its parser, it is no evidence
        return None
    time = response.tst_info.gen_time
    time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    too_early = authority.start is not None and time < authority.start
    too_late = authority.end is not None and time > authority.end
    return None if too_early or too_late else time


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def trusted_time(bundle: Bundle, authorities: Sequence[TimestampRoot]) -> datetime | None:
    """Return the earliest time a pinned authority shows the signature to have existed at, in UTC.

    A token that does not verify is no evidence and is passed over; ``None`` means no trusted time.
    """
    times = [
        time
        for token in bundle.timestamps
        for authority in authorities
        if (time := _time_of(token, bundle.signature, authority)) is not None
    ]
    return min(times, default=None)
