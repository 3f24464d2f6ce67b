"""ResourceDescriptor: how a statement names bytes (in-toto attestation framework v1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import Field

from attest.digest import DigestSet, parse_digest
from attest.model import Model

__all__ = ["MANIFEST_MEDIA_TYPE", "Artifact", "ResourceDescriptor"]

MANIFEST_MEDIA_TYPE = "application/vnd.attest.manifest"
"""Media type of a directory's manifest: marks a digest as that of a tree."""


class Artifact(NamedTuple):
    """Bytes named by a digest: a node of the lineage.

    A tree never matches a file, nor its manifest taken as a file, so the kind is part of the identity.
    """

    sha256: str
    """SHA-256 of the file, or of the tree's manifest, lowercase hex."""
    tree: bool = False
    """Whether the digest is a directory's (of its manifest)."""

    def __str__(self) -> str:
        return f"sha256:{self.sha256}" + ("/" if self.tree else "")

    @classmethod
    def parse(cls, text: str) -> Artifact:
        """Read what ``str`` writes: ``sha256:<hex>`` of a file, with ``/`` at its end of a directory.

        Raises:
            FormatError: it is neither.
        """
        return cls(parse_digest(text.removesuffix("/")), text.endswith("/"))


class ResourceDescriptor(Model):
    """A named set of digests, with where it came from and what part it plays."""

    name: str | None = None
    """What the step or the statement calls it. Never a link."""
    uri: str | None = None
    """What it is known by elsewhere. Never followed."""
    digest: DigestSet = Field(default_factory=dict)
    """Algorithm → hex digest; `sha256` alone links."""
    media_type: str | None = None
    """IANA media type; that of a manifest marks a directory."""
    download_location: str | None = None
    """Where it can be had. Never followed."""
    content: str | None = None
    """The bytes themselves, base64."""
    annotations: dict[str, Any] | None = None
    """Further facts, e.g. the role of an input."""

    @property
    def artifact(self) -> Artifact | None:
        """The artifact it names, or ``None`` without a SHA-256: other digests never link."""
        sha256 = self.digest.get("sha256")
        return Artifact(sha256, self.media_type == MANIFEST_MEDIA_TYPE) if sha256 else None

    def annotation(self, name: str) -> Any:
        """The annotation of that name, or ``None``."""
        return (self.annotations or {}).get(name)
