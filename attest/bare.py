"""What is signed without a Sigstore bundle around it: bare DSSE envelopes, and link files of in-toto.

A link file is a metablock, ``{"signatures": […], "signed": {…}}``, whose signatures are over what is called
canonical JSON there (OLPC's), or a DSSE envelope. Both may bear several signatures; they are taken apart, one
document per signature, because every signature is checked, and believed, by itself. Nothing here is verified.

Source: in-toto specification 1.0, 4.2 (file formats) and 4.4 (link); DSSE v1.0.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from attest.canonical import canonical_bytes, read_json
from attest.envelope import IN_TOTO
from attest.errors import FormatError, LimitError
from attest.limits import Limits

__all__ = ["ENVELOPE", "METABLOCK", "SIGSTORE", "form_of", "opened", "parts"]

SIGSTORE = "sigstore"
"""A Sigstore bundle."""
ENVELOPE = "envelope"
"""A DSSE envelope by itself."""
METABLOCK = "metablock"
"""A link file of in-toto in its first format."""


def form_of(value: Any) -> str:
    """Return how a signed document is written; what is neither of the others has to be a bundle."""
    if isinstance(value, dict) and "mediaType" not in value:
        if value.keys() >= {"payload", "payloadType", "signatures"}:
            return ENVELOPE
        if value.keys() >= {"signed", "signatures"}:
            return METABLOCK
    return SIGSTORE


def parts(line: bytes, where: str, limits: Limits) -> Sequence[bytes]:
    """Take a line with a document that bears several signatures apart; every other line is its only part.

    Raises:
        LimitError: more signatures than ``limits.bundle_entries``, or what ``read_json`` finds too large.
    """
    # a bundle is parsed once, and not here; those we write say what they are behind their long payload
    if line.rfind(b'"mediaType"') >= 0 or b'"signatures"' not in line:
        return (line,)
    try:
        value = read_json(line, where, limits.for_lines)
        signatures = value["signatures"] if form_of(value) != SIGSTORE else None
        if not isinstance(signatures, list) or len(signatures) < 2:
            return (line,)
        limits.check("bundle_entries", len(signatures), where)
        return [canonical_bytes({**value, "signatures": [each]}) for each in signatures]
    except LimitError:
        raise
    except FormatError:
        return (line,)  # whoever parses it says what is wrong


def opened(value: dict[str, Any], form: str) -> tuple[bytes, str, bytes]:
    """Return payload, payload type and signature of a document with one signature.

    The payload of a metablock is what was signed, in canonical JSON (RFC 8785).

    Raises:
        FormatError: it is no such document, or holds no link.
    """
    unknown = sorted(value.keys() - {"signed", "payload", "payloadType", "signatures"})
    if unknown:
        raise FormatError(f"{form}: unknown field {unknown[0][:100]!r}")
    signatures = value["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1 or not isinstance(signatures[0], dict):
        count = len(signatures) if isinstance(signatures, list) else 0
        raise FormatError(f"{form}: {count} signatures, expected one or more objects")
    signature = signatures[0]
    if "other_headers" in signature:
        raise FormatError(f"{form}: signed with GnuPG, which is not read")
    if signature.keys() - {"keyid", "sig"} or not isinstance(signature.get("sig"), str):
        raise FormatError(f"{form}: expected signatures of keyid and sig")
    if form == ENVELOPE:
        kind = value["payloadType"]
        if not isinstance(kind, str) or not isinstance(value["payload"], str):
            raise FormatError("envelope: expected payload and payloadType in strings")
        return _base64(value["payload"], "payload"), kind, _base64(signature["sig"], "sig")
    signed = value["signed"]
    if not isinstance(signed, dict) or signed.get("_type") != "link":
        got = signed.get("_type") if isinstance(signed, dict) else type(signed).__name__
        raise FormatError(f"metablock: got a {str(got)[:40]!r}, expected a link")
    try:
        return canonical_bytes(signed), IN_TOTO, bytes.fromhex(signature["sig"])
    except ValueError as error:
        raise FormatError("metablock: sig is not hexadecimal") from error


def _base64(text: str, name: str) -> bytes:
    standard = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"envelope: {name} is not base64") from error
