"""Bundles signed with a long-lived key, and link files of in-toto, whose RSA signatures are RSASSA-PSS."""

from __future__ import annotations

from attest.bare import METABLOCK, SIGSTORE
from attest.bundle import Bundle
from attest.canonical import read_json
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


def _signed(bundle: Bundle) -> bytes:
    """Return the bytes that were signed: those of a metablock are its payload in another canonical JSON."""
    if bundle.form != METABLOCK:
        return pae(bundle.payload_type, bundle.payload)
    try:
        from securesystemslib.exceptions import FormatError as TheirError
        from securesystemslib.formats import encode_canonical
    except ImportError as error:
        what = "a link file of in-toto is checked with its package: pip install 'attest-provenance[in-toto]'"
        raise UnverifiedError("package-missing", what) from error
    try:
        return str(encode_canonical(read_json(bundle.payload))).encode()
    except TheirError as error:
        raise UnverifiedError("signature-invalid", "a link with numbers that in-toto cannot sign") from error


def verify(bundle: Bundle, key: PublicKey) -> None:
    """Check that ``key`` signed the bundle's envelope. Roles, time and content are the caller's to check.

    Raises:
        UnverifiedError: code ``payload-type`` or ``signature-invalid``; ``package-missing`` for a metablock,
            where in-toto is not installed.
    """
    check_envelope(bundle)
    message = _signed(bundle)
    theirs = bundle.form != SIGSTORE and key.is_pss_signature(bundle.signature, message)
    if not theirs and not key.is_signature(bundle.signature, message):
        raise UnverifiedError(
            "signature-invalid", f"the signature is not that of key sha256:{key.fingerprint}"
        )
