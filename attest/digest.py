"""Digest algorithms and digest sets.

``sha256`` is the only digest that links two statements; the others are aliases that may be checked but
never join anything (docs/formats.md).
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from attest.errors import FormatError

__all__ = ["ALIASES", "DigestSet", "Sha256", "is_alias", "is_sha256", "parse_digest", "sha256_bytes"]

_HEX = re.compile(r"[0-9a-f]*")
_HEX64 = re.compile(r"[0-9a-f]{64}")

ALIASES = {
    "sha224": 56,
    "sha384": 96,
    "sha512": 128,
    "sha3_224": 56,
    "sha3_256": 64,
    "sha3_384": 96,
    "sha3_512": 128,
}
"""Digests that are checked for agreement where they stand beside a sha256, with their hex lengths."""


def is_sha256(value: object) -> bool:
    """Tell whether ``value`` is a SHA-256 in lowercase hex."""
    return isinstance(value, str) and _HEX64.fullmatch(value) is not None


def is_alias(algorithm: str, value: object) -> bool:
    """Tell whether ``value`` is a digest in lowercase hex of one of the algorithms in ``ALIASES``."""
    length = ALIASES.get(algorithm)
    return isinstance(value, str) and len(value) == length and _HEX.fullmatch(value) is not None


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of bytes in memory, lowercase hex. Files are read by ``attest.hashing`` alone."""
    return hashlib.sha256(data).hexdigest()


def parse_digest(text: str) -> str:
    """Read ``sha256:<hex>`` or bare hex and return the lowercase hex.

    Raises:
        FormatError: it is neither.
    """
    value = text.removeprefix("sha256:")
    if not is_sha256(value):
        raise FormatError(f"got {text[:100]!r}, expected sha256: and 64 lowercase hex digits")
    return value


def _sha256(value: str) -> str:
    if not is_sha256(value):
        raise ValueError("expected a SHA-256 in 64 lowercase hex digits")
    return value


def _digest_set(value: dict[str, str]) -> dict[str, str]:
    if "sha256" in value and _HEX64.fullmatch(value["sha256"]) is None:
        raise ValueError("sha256: expected 64 lowercase hex digits")
    return value


Sha256 = Annotated[str, AfterValidator(_sha256), Field(json_schema_extra={"pattern": "^[0-9a-f]{64}$"})]
"""A SHA-256 in lowercase hex, 64 characters."""

DigestSet = Annotated[dict[str, str], AfterValidator(_digest_set)]
"""in-toto DigestSet: algorithm name → hex digest (in-toto attestation spec v1, field types)."""
