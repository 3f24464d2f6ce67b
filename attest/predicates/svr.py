"""Simple verification result: what an auditor verified of an artifact (in-toto ``https://in-toto.io/attestation/svr/v0.2``).

Its subject is the artifact. An ``auditor`` signs it, whom trust names together with the verifier ids it may
use. It lists properties that hold and cannot say that anything failed, so its absence says nothing, and what
it does not list was not shown. Version 0.1, whose verifier named no policies, is read as well.

Example::

    {
      "verifier": {
        "id": "https://big-audit.example/attest",
        "policies": [{"uri": "https://big-audit.example/faces-3.yaml", "digest": {"sha256": "822b…"}}]
      },
      "timeCreated": "2026-11-20T10:02:00Z",
      "properties": ["ATTEST_ACCEPT", "ATTEST_PASS:license", "ATTEST_PASS:weights-match"]
    }
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from attest.claim import Lenient
from attest.model import Timestamp
from attest.predicates._summary import Summary
from attest.resource import ResourceDescriptor

__all__ = ["ResultVerifier", "VerificationResult"]


class ResultVerifier(Lenient):
    """Who verified, and by which policies."""

    id: str
    """URI of the verifier; believed only from a signer who may use it."""
    policies: tuple[ResourceDescriptor, ...] = ()
    """The policies; empty where none can be named."""


class VerificationResult(Summary):
    """An auditor's verdict, as an in-toto simple verification result."""

    TYPE: ClassVar[str] = "https://in-toto.io/attestation/svr/v0.2"

    verifier: ResultVerifier
    """Who verified."""
    time_created: Timestamp | None = None
    """When."""
    properties: tuple[str, ...] = ()
    """What was verified and holds."""

    @property
    def verifier_id(self) -> str:
        """URI of the verifier."""
        return self.verifier.id

    @property
    def verified_at(self) -> datetime | None:
        """``timeCreated``."""
        return self.time_created

    @property
    def resource(self) -> str | None:
        """An SVR names its artifact by digest alone."""
        return None

    @property
    def policy_digests(self) -> tuple[str, ...]:
        """Digests of the policies."""
        return tuple(found.sha256 for each in self.verifier.policies if (found := each.artifact))

    @property
    def passed(self) -> bool | None:
        """An SVR that lists a property says that it passed; an empty one says nothing."""
        return True if self.properties else None

    @property
    def levels(self) -> tuple[str, ...]:
        """``properties``."""
        return self.properties
