"""Digests that others already know: what a source of them is, and the table of those there are.

A digest that is taken over was not measured: whoever wrote it down is believed. That is only done where the
user asks for it, for inputs alone, and the statement says so (docs/digests.md). MD5 and Git's SHA-1 are never
a digest of anything here.
"""

from __future__ import annotations

import os
from typing import NamedTuple, Protocol

from attest.errors import DigestError
from attest.registry import Registry
from attest.scan import Found, Root, Scan, reason_of, status_of

__all__ = ["ADOPTERS", "Adopter", "Claim", "read_found"]

ADOPTERS = Registry(
    "source of digests",
    {
        "croissant": "attest.adopters.croissant:Croissant",
        "git-lfs": "attest.adopters.git_lfs:GitLfs",
        "huggingface": "attest.adopters.huggingface:HuggingFace",
        "oci": "attest.adopters.oci:OciLayout",
    },
    "attest.adopters",
)
"""Name of a source, as it stands in ``digestSource`` → its class."""


class Claim(NamedTuple):
    """What a source says of a file."""

    sha256: str
    """Lowercase hex."""
    size: int
    """Bytes of what has this digest: not of a pointer to it."""


class Adopter(Protocol):
    """A source of digests. It reads the bytes of descriptions and pointers only, never those described."""

    def prepare(self, scan: Scan) -> Scan:
        """Take files in that a plain scan refuses, if this source knows what they are.

        Raises:
            OSError: something cannot be looked at.
        """

    def claims(self, scan: Scan) -> dict[str, Claim]:
        """Return what is known of files of a scan, by their paths there.

        Raises:
            FormatError: a description or pointer is not well-formed, or disagrees with the file.
            DigestError: it cannot be read, or changed since the scan.
            OSError: something cannot be looked at.
        """


def read_found(root: Root, found: Found) -> bytes:
    """Read a small file that was found.

    Raises:
        DigestError: it cannot be read, or is not what was found.
    """
    try:
        fd = root.open(found.place)
        try:
            data = b""
            while len(data) <= found.size and (more := os.read(fd, found.size + 1 - len(data))):
                data += more
            same = status_of(os.fstat(fd)) == found.status
        finally:
            os.close(fd)
    except OSError as error:
        raise DigestError(reason_of(error), found.path) from error
    if not same or len(data) != found.size:
        raise DigestError("changed while it was read", found.path)
    return data
