"""No statement of the lineage was withdrawn.

A withdrawal counts as soon as it is seen, in the evidence or in a register: the statement loses what it
grants, while what it reveals still counts. That none was withdrawn is only shown by a fresh ``register``
whose keeper the reader trusts and that claims to list every withdrawal.

FAIL: a statement about an artifact of the lineage was withdrawn. UNKNOWN: no register is named or in hand, it
is too old, or a withdrawal cannot be read.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attest.predicates.withdrawal import Withdrawal
from attest.review import Review
from attest.rule import Current, Duration, Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["NoWithdrawnStatement"]


class NoWithdrawnStatement(Rule):
    """No statement of the lineage was withdrawn."""

    NAME: ClassVar[str] = "no-withdrawn-statement"
    OVER: ClassVar[str] = "statements"
    QUANTIFIER: ClassVar[str] = "no"
    WHEN_UNKNOWN: ClassVar[str] = "no fresh register of a keeper you trust lists every withdrawal"
    REMEDY: ClassVar[str] = "Ask for the current register, and for what replaces the withdrawn statement."
    QUESTIONS: ClassVar[tuple[int, ...]] = (2, 19)

    register_id: str | None = Field(default=None, alias="register", description="Id of the register to ask.")
    max_age: Duration | None = Field(default=None, description="How old; absent: until its nextUpdate.")
    independent: bool = Field(default=False, description="Its keeper signs no statement of the chain.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        where = f", as the register {self.register_id} shows" if self.register_id else ""
        return f"No statement of the lineage was withdrawn{where}."

    def check(self, review: Review) -> Outcome:
        """Look for withdrawals, and for the register that shows there are no others."""
        statements = review.lineage.evidence()
        findings = [
            Finding(
                "statement-withdrawn",
                Result.FAIL,
                f"sha256:{each.digest}",
                f"this {each.kind} statement was withdrawn",
                evidence=(each.digest, *each.withdrawn_by),
                remedy="Ask why it was withdrawn, and for what replaces it.",
            )
            for each in statements
            if each.withdrawn_by and each.granted
        ]
        findings += _unreadable(review)
        if self.register_id is None:
            findings.append(
                Finding(
                    "withdrawals-unproven",
                    Result.UNKNOWN,
                    str(review.delivery.artifact),
                    "no register is named that would show whether a statement was withdrawn since",
                    remedy="Name in the policy a register of withdrawals whose keeper you trust.",
                )
            )
        else:
            asked = Current(register_id=self.register_id, max_age=self.max_age, independent=self.independent)
            findings += asked.ask(review, "withdrawal")[1]
        return conclude(len(statements), [*findings, *unseen(review, "statements")])


def _unreadable(review: Review) -> list[Finding]:
    """A withdrawal that cannot be read in full may reach anything its signer said."""
    return [
        Finding(
            "withdrawal-unreadable",
            Result.UNKNOWN,
            f"sha256:{each.digest}",
            "a withdrawal holds what this version cannot read: "
            + ", ".join(each.predicate.unknown_groups()[:5]),
            evidence=(each.digest,),
            remedy="Use a newer version of attest, or ask its signer what it withdraws.",
        )
        for each in review.graph.evidence
        if isinstance(each.predicate, Withdrawal) and each.predicate.unknown_groups()
    ]
