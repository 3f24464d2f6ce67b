"""Verification summary: an auditor's verdict on an artifact (SLSA VSA v1, ``https://slsa.dev/verification_summary/v1``).

Its subject is the artifact that was verified. An ``auditor`` signs it, whom trust names together with the
verifier ids it may use. It stands for evidence the reader does not see: whoever relies on it relies on the
auditor. ``verifiedLevels`` of attest are its own words: ``ATTEST_ACCEPT``, ``ATTEST_PASS:<rule>`` for each
rule that passed, ``ATTEST_EXCEPTION:<rule>:<subject>`` for each finding that was waived.

Example::

    {
      "verifier": {"id": "https://big-audit.example/attest", "version": {"attest": "0.1.0"}},
      "timeVerified": "2026-11-20T10:02:00Z", "resourceUri": "pkg:huggingface/acme/vision-fr@3.2",
      "policy": {"uri": "https://big-audit.example/policies/faces-3.yaml", "digest": {"sha256": "822b…"}},
      "inputAttestations": [{"digest": {"sha256": "77e1…"}}],
      "verificationResult": "PASSED", "verifiedLevels": ["ATTEST_ACCEPT", "ATTEST_PASS:license"]
    }
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Count, Lenient, or_unknown
from attest.model import Timestamp
from attest.predicate import BASE
from attest.predicates._summary import Summary
from attest.resource import ResourceDescriptor

__all__ = ["VerificationSummary", "Verifier"]

ResultWord = Literal["PASSED", "FAILED", "unknown"]


class Verifier(Lenient):
    """Who verified."""

    id: str
    """URI of the verifier; believed only from a signer who may use it."""
    version: dict[str, str] | None = None
    """Versions of its parts."""


class VerificationSummary(Summary):
    """An auditor's verdict, as a SLSA verification summary."""

    TYPE: ClassVar[str] = "https://slsa.dev/verification_summary/v1"

    verifier: Verifier
    """Who verified."""
    time_verified: Timestamp | None = None
    """When."""
    resource_uri: str | None = None
    """What was verified, as a URI; its digest is that of the subject."""
    policy: ResourceDescriptor | None = None
    """By which policy."""
    input_attestations: tuple[ResourceDescriptor, ...] | None = None
    """All statements that were used, by digest; absent: not said."""
    verification_result: Annotated[ResultWord, or_unknown(ResultWord)] = "unknown"
    """Whether the policy is satisfied."""
    verified_levels: tuple[str, ...] = ()
    """What was verified; ``FAILED`` when nothing was."""
    dependency_levels: dict[str, Count] | None = None
    """How many dependencies reach which level."""
    slsa_version: str | None = None
    """Version of SLSA the verifier went by."""
    report: ResourceDescriptor | None = Field(default=None, alias=f"{BASE}report")
    """The report of attest the verdict was taken from, by the digest of its JSON."""

    @property
    def verifier_id(self) -> str:
        """URI of the verifier."""
        return self.verifier.id

    @property
    def verified_at(self) -> datetime | None:
        """``timeVerified``."""
        return self.time_verified

    @property
    def resource(self) -> str | None:
        """``resourceUri``."""
        return self.resource_uri

    @property
    def policy_digests(self) -> tuple[str, ...]:
        """The policy's digest."""
        artifact = self.policy.artifact if self.policy else None
        return (artifact.sha256,) if artifact else ()

    @property
    def passed(self) -> bool | None:
        """``PASSED`` and nothing that says otherwise."""
        if self.verification_result == "unknown" or "verifiedLevels" in self.unreadable_fields:
            return None
        return self.verification_result == "PASSED" and "FAILED" not in self.verified_levels

    @property
    def levels(self) -> tuple[str, ...]:
        """``verifiedLevels``."""
        return self.verified_levels
