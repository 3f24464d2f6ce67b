"""No dataset was supplied by a customer of the vendor.

A dataset whose channel is ``customer-supplied`` is one, unless its counterparty is named in ``customers``,
for instance the reader's own house. Names are compared without case; they are words and identify nobody.

FAIL: a dataset was supplied by a customer that is not named there. UNKNOWN: a dataset does not say through
which channel, or from which customer, it was come by, or has no statement by its owner. A statement that was
withdrawn still counts against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from attest.declared import DatasetRule, Declared, same
from attest.verdict import Finding, Result

__all__ = ["CustomerData"]


class CustomerData(DatasetRule):
    """No dataset was supplied by a customer of the vendor."""

    NAME: ClassVar[str] = "customer-data"
    QUANTIFIER: ClassVar[str] = "no"
    READS: ClassVar[tuple[str, ...]] = ("acquisition",)
    WHEN_UNKNOWN: ClassVar[str] = "a dataset does not say how, or from which customer, it was come by"
    REMEDY: ClassVar[str] = "Ask for a model that was made without customers' data, or for their consent."
    QUESTIONS: ClassVar[tuple[int, ...]] = (28,)

    customers: list[str] = Field(
        default_factory=list, description="Customers whose data may be used, by the name they are given."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        but = f", but for {', '.join(self.customers)}" if self.customers else ""
        return f"No dataset was supplied by a customer of the vendor{but}."

    def look(self, declared: Declared) -> Iterator[Finding]:
        """Yield data of customers, and data that may be."""
        customer = declared.counterparty
        if declared.channel == "unknown":
            yield declared.finding(
                "acquisition-unknown",
                Result.UNKNOWN,
                "does not say through which channel it was come by: it may be a customer's",
                remedy=f"Ask how {declared.name} was acquired, in a signed dataset statement.",
            )
        elif declared.channel == "customer-supplied" and self.customers and customer is None:
            yield declared.finding(
                "customer-unnamed",
                Result.UNKNOWN,
                "was supplied by a customer who is not named",
                expected=", ".join(self.customers),
                remedy=f"Ask which customer supplied {declared.name}.",
            )
        elif declared.channel == "customer-supplied" and not same(customer or "", self.customers):
            yield declared.finding(
                "customer-supplied-data",
                Result.FAIL,
                f"was supplied by a customer of the vendor ({customer or 'not named'})",
                expected=", ".join(self.customers) or "no customer's data",
                actual=customer or "not named",
                remedy="Ask for a model that was made without this dataset.",
            )
