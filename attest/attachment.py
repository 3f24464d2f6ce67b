"""Files a person names in a document: their digests are signed, and they stay home."""

from __future__ import annotations

from pathlib import Path

from attest.errors import DigestError, UsageError
from attest.hashing import hash_file

__all__ = ["digest_named"]


def digest_named(folder: Path, name: str, where: str | None, hint: str) -> str:
    """Return the SHA-256 of a file somebody named, lowercase hex.

    Args:
        folder: what its name is relative to.
        name: as the document has it.
        where: line of the document.
        hint: what names are relative to, in words.

    Raises:
        UsageError: it cannot be read; with the line that names it.
    """
    try:
        return hash_file(folder / name).sha256
    except (DigestError, OSError) as error:
        reason = error.what if isinstance(error, DigestError) else str(error.strerror)
        raise UsageError(f"{name[:200]!r}: {reason}", where, hint) from error
