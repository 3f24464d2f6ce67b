"""Every dataset was come by through a channel the reader accepts, under a contract where one is due.

The channel (vocabulary acquisition-channels) must be stated, be none of ``deny`` and, if ``channels`` lists
any, one of these. Data that a counterparty delivered under a contract (``licensed-delivery``, ``purchased``,
``partner-transfer``, ``customer-supplied``) must name that contract by its SHA-256, and say whether the two
sides share owners, officers or investors; with ``relatedParty: no`` they must not. A contract that has ended
and demands deletion leaves nothing to use.

FAIL: a channel that is not accepted, a related party where none may be, or an ended contract that demands
deletion. UNKNOWN: the channel, the contract or the relation is not stated, a contract has ended and does not
say what then, or the dataset has no statement by its owner. A statement that was withdrawn still counts
against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.declared import Channel, DatasetRule, Declared, handed_over
from attest.verdict import Finding, Result

__all__ = ["Acquisition"]


class Acquisition(DatasetRule):
    """Every dataset was come by through a channel the reader accepts, under a contract where one is due."""

    NAME: ClassVar[str] = "acquisition"
    READS: ClassVar[tuple[str, ...]] = ("acquisition",)
    WHEN_UNKNOWN: ClassVar[str] = (
        "a dataset does not say how it was come by, under which contract, or whether from a related party"
    )
    REMEDY: ClassVar[str] = (
        "Ask how the data was come by, and for the contract's digest in a signed statement."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (10,)

    channels: list[Channel] = Field(
        default_factory=list, description="Channels that are acceptable; empty: every known one."
    )
    deny: list[Channel] = Field(default_factory=list, description="Channels that are never acceptable.")
    agreement: Literal["required", "optional"] = Field(
        default="required", description="Whether data delivered under a contract must name it by digest."
    )
    related_party: Literal["stated", "no", "optional"] = Field(
        default="stated", description="Whether the two sides must say if they are related, or must not be."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        which = f"one of the channels {', '.join(self.channels)}" if self.channels else "a known channel"
        without = f", never by {', '.join(self.deny)}" if self.deny else ""
        asks = [
            *(["names the contract by digest"] if self.agreement == "required" else []),
            *(["says whether the two sides are related"] if self.related_party == "stated" else []),
            *(["came from no related party"] if self.related_party == "no" else []),
        ]
        contract = f"; what was delivered under a contract {' and '.join(asks)}" if asks else ""
        return f"Every dataset was come by through {which}{without}{contract}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield what is wrong with, or missing from, how the dataset was come by."""
        channel = declared.channel
        if channel == "unknown":
            yield declared.finding(
                "acquisition-unknown",
                Result.UNKNOWN,
                "does not say through which channel it was come by",
                remedy=f"Ask how {declared.name} was acquired, in a signed dataset statement.",
            )
        elif channel in self.deny or (self.channels and channel not in self.channels):
            yield declared.finding(
                "channel-denied",
                Result.FAIL,
                f"was come by through the channel {channel}",
                expected=", ".join(self.channels) or f"not {', '.join(self.deny)}",
                actual=channel,
                remedy="Ask for a model that was made without this dataset.",
            )
        yield from self._contract(declared)
        yield from self._relation(declared)

    def _contract(self, declared: Declared) -> Iterator[Finding]:
        agreement = declared.facts.acquisition.agreement if declared.facts.acquisition else None
        due = self.agreement == "required" and handed_over(declared.channel) == "contract"
        if due and (agreement is None or "sha256" not in agreement.digest):
            yield declared.finding(
                "agreement-missing",
                Result.UNKNOWN,
                "names no contract by digest under which it was delivered",
                expected="a contract with its sha256",
                actual=(agreement.name or "") if agreement else "none",
                remedy=f"Ask for the contract {declared.name} was delivered under, and for its digest.",
            )
        if (
            agreement is None
            or agreement.expires is None
            or declared.review.as_of.date() <= agreement.expires
        ):
            return
        if agreement.deletion_on_end != "no":
            ended = f"was delivered under a contract that ended on {agreement.expires}"
            must = agreement.deletion_on_end == "yes"
            yield declared.finding(
                "agreement-ended",
                Result.FAIL if must else Result.UNKNOWN,
                f"{ended} and demands deletion" if must else f"{ended} and does not say what then",
                expected="a contract in force",
                actual=str(agreement.expires),
                remedy="Ask for the contract that replaces it, or for a model made without this dataset.",
            )

    def _relation(self, declared: Declared) -> Iterator[Finding]:
        related = declared.facts.acquisition.related_party if declared.facts.acquisition else "unknown"
        if related == "yes" and self.related_party == "no":
            yield declared.finding(
                "related-party",
                Result.FAIL,
                "came from a related party",
                expected="no",
                actual="yes",
                remedy="Ask what the two sides share, and whether the people in the data were told.",
            )
        contract = handed_over(declared.channel) == "contract"
        if related == "unknown" and contract and self.related_party != "optional":
            yield declared.finding(
                "related-party-unknown",
                Result.UNKNOWN,
                "does not say whether it came from a related party",
                expected="no" if self.related_party == "no" else "yes or no",
                actual="unknown",
                remedy="Ask whether the two sides share owners, officers or investors.",
            )
