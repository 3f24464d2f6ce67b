"""Distribution: who received an artifact, or nobody (``distribution/v0.1``).

Its subject is the artifact. The ``publisher`` signs it. Deletion orders ask for everybody the data or what
was derived from it was shared with; "we shared it with nobody" is a claim too, and is signed as one.

Example::

    {
      "recipient": {"legalName": "Example Buyer Ltd", "address": "1 High Street, London", "contact": "+44 …"},
      "what": [{"name": "model.safetensors", "digest": {"sha256": "9c1e…"}}],
      "when": "2026-11-20T10:02:00Z", "channel": "download", "public": "no",
      "agreement": {"name": "contract-88.pdf", "digest": {"sha256": "0f3a…"}}
    }
"""

from __future__ import annotations

from typing import ClassVar

from attest.claim import Lenient
from attest.model import Presence, Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = ["Distribution", "Recipient"]


class Recipient(Lenient):
    """Who received it (FTC orders: "name, address, and phone number")."""

    legal_name: str | None = None
    """Name as in contracts."""
    address: str | None = None
    """Postal address."""
    contact: str | None = None
    """Phone or e-mail."""


class Distribution(Predicate, Lenient):
    """Who received an artifact, or nobody."""

    TYPE: ClassVar[str] = f"{BASE}distribution/v0.1"
    TRUST_ROLE: ClassVar[str] = "publisher"

    recipient: Recipient | None = None
    """Who received it."""
    nobody: Presence = "unknown"
    """``yes``: up to ``when`` nobody received it."""
    what: tuple[ResourceDescriptor, ...] | None = None
    """What was sent, by digest; absent: the subject."""
    when: Timestamp | None = None
    """When it was sent, or until when nobody had it."""
    channel: str | None = None
    """How: download, courier, interface."""
    agreement: ResourceDescriptor | None = None
    """Under what contract, by digest."""
    restrictions: tuple[str, ...] | None = None
    """What the recipient must not do, in words."""
    public: Presence = "unknown"
    """Whether anybody could get it."""
