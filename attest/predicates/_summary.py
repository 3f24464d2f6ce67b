"""What verdicts of auditors have in common, whichever predicate carries them."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar

from attest.claim import Lenient
from attest.predicate import Predicate

__all__ = ["ACCEPTED", "EXCEPTION", "PASSED_RULE", "Summary"]

ACCEPTED = "ATTEST_ACCEPT"
"""The level of a verdict of ours that accepts, with or without exceptions."""
PASSED_RULE = "ATTEST_PASS:"
"""How the level of one passed rule begins; its name follows."""
EXCEPTION = "ATTEST_EXCEPTION:"
"""How the level of one waived finding begins; rule and subject follow."""


class Summary(Predicate, Lenient):
    """An auditor's verdict: who checked what when, by which policies, and what it came to."""

    TRUST_ROLE: ClassVar[str] = "auditor"

    @property
    @abstractmethod
    def verifier_id(self) -> str:
        """URI of who, or what, verified."""

    @property
    @abstractmethod
    def verified_at(self) -> datetime | None:
        """When, as its signer says."""

    @property
    @abstractmethod
    def resource(self) -> str | None:
        """URI of what was verified, where the predicate carries one."""

    @property
    @abstractmethod
    def policy_digests(self) -> tuple[str, ...]:
        """SHA-256 of the policies it was checked against, lowercase hex."""

    @property
    @abstractmethod
    def passed(self) -> bool | None:
        """Whether it passed; ``None`` where it does not say."""

    @property
    @abstractmethod
    def levels(self) -> tuple[str, ...]:
        """What was verified, in words of the verifier."""

    @property
    def exceptions(self) -> tuple[str, ...]:
        """Levels that name a waiver."""
        return tuple(each for each in self.levels if each.startswith(EXCEPTION))
