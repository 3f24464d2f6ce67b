"""Contents: these are all the statements of a release (``contents/v0.1``).

Its subject is the release's artifacts. The ``publisher`` signs it. It closes a bundle: without it nobody
can tell a complete set of statements from one that had an order or a withdrawal taken out. All contents of
one publisher and release must be satisfied together; which is current needs the register. It stops third
parties and replay, not a vendor who never listed a statement.

Example::

    {
      "sequence": 2, "previous": "4f0c…", "visibility": "full",
      "release": {"name": "vision-fr", "version": "3.2"},
      "statements": [
        {"digest": {"sha256": "77e1…"}, "predicateType": "https://slsa.dev/provenance/v1",
         "signer": {"issuer": "https://token.actions.githubusercontent.com",
                    "subject": "https://github.com/acme/vision/.github/workflows/train.yml@refs/tags/v3"}},
        {"digest": {"sha256": "9c1e…"}, "predicateType": "https://w3id.org/attest/dataset/v0.1",
         "signer": {"key": "b0d1…"}}
      ]
    }
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from attest.claim import Positive, or_unknown
from attest.digest import Sha256
from attest.model import Model
from attest.predicate import BASE, Predicate

__all__ = ["Contents", "Release", "Signer", "StatementDigest", "StatementRef"]

VisibilityWord = Literal["full", "unknown"]


class Release(Model):
    """What is released."""

    name: str
    """Name of the model or dataset."""
    version: str | None = None
    """Its version."""


class StatementDigest(Model):
    """A statement by its digest."""

    sha256: Sha256
    """SHA-256 of the statement's payload bytes."""


class Signer(Model):
    """Who signed a statement: a key, or a certificate's identity."""

    key: Sha256 | None = None
    """SHA-256 of the public key's DER (SubjectPublicKeyInfo)."""
    subject: str | None = None
    """The identity a certificate names."""
    issuer: str | None = None
    """Who vouched for that identity."""


class StatementRef(Model):
    """A statement the release consists of."""

    digest: StatementDigest
    """The statement."""
    predicate_type: str
    """What kind of statement it is."""
    signer: Signer
    """Who signed it."""


class Contents(Predicate):
    """All the statements of a release."""

    TYPE: ClassVar[str] = f"{BASE}contents/v0.1"
    TRUST_ROLE: ClassVar[str] = "publisher"

    sequence: Positive
    """Number of this list among those of the release, from 1."""
    previous: Sha256 | None = None
    """Statement digest of the list before; absent for the first."""
    visibility: Annotated[VisibilityWord, or_unknown(VisibilityWord)]
    """``full``: every statement is listed and handed over. Other values are reserved and read as unknown."""
    release: Release
    """What is released."""
    statements: tuple[StatementRef, ...]
    """Every statement, in the order of their digests."""
