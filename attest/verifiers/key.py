"""Bundles signed with a long-lived key."""

from __future__ import annotations

from attest.bundle import Bundle
from attest.envelope import IN_TOTO, pae
from attest.keys import PublicKey
from attest.verifier import UnverifiedError

__all__ = ["check_envelope", "verify"]


def check_envelope(bundle: Bundle) -> None:
    """Refuse an envelope whose payload is not an in-toto statement by its own type.

    Raises:
        UnverifiedError: code ``payload-type``.
    """
    if bundle.payload_type != IN_TOTO:
        raise UnverifiedError(
            "payload-type", f"payload type: got {bundle.payload_type[:100]!r}, expected {IN_TOTO!r}"
        )


def verify(bundle: Bundle, key: PublicKey) -> None:
    """Check that ``key`` signed the bundle's envelope. Roles, time and content are the caller's to check.

    Raises:
        UnverifiedError: code ``payload-type`` or ``signature-invalid``.
    """
    check_envelope(bundle)
    if not key.is_signature(bundle.signature, pae(bundle.payload_type, bundle.payload)):
        raise UnverifiedError(
            "signature-invalid", f"the signature is not that of key sha256:{key.fingerprint}"
        )
