"""Everybody who received the model is named, or nobody did.

The delivered artifact, and with ``over`` every origin dataset, needs a distribution statement by its
publisher that names a recipient, says that anybody could get it, or says that nobody did. All statements in
hand count together. Names in ``deny`` must not be among the recipients; names are compared without case and
identify nobody. That all recipients are named is the publisher's word.

FAIL: a recipient of ``deny``, or publication where ``public: denied``. UNKNOWN: there is no statement, it
names nobody and does not say so, it says both, anybody could get it and some must not, or it cannot be read.
A statement that was withdrawn still counts against, and grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.declared import said, same
from attest.graph import Evidence
from attest.predicates.distribution import Distribution as Statement
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Rule, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["Distribution"]

_Sent = tuple[Evidence, Statement]


class Distribution(Rule):
    """Everybody who received the model is named, or nobody did."""

    NAME: ClassVar[str] = "distribution"
    OVER: ClassVar[str] = "delivered artifacts and datasets"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "nobody signed who received it, or that nobody did"
    REMEDY: ClassVar[str] = "Ask the publisher for a signed statement of who received it, or that nobody did."
    QUESTIONS: ClassVar[tuple[int, ...]] = (27,)

    over: list[Literal["model", "datasets"]] = Field(
        default=["model"], min_length=1, description="What it is asked of."
    )
    deny: list[str] = Field(default_factory=list, description="Recipients that are never acceptable.")
    public: Literal["allowed", "denied"] = Field(
        default="allowed", description="Whether it may have been published to all."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        what = " and of every origin dataset" if "datasets" in self.over else ""
        of = f"the model{what}" if "model" in self.over else "every origin dataset"
        never = [*([f"{', '.join(self.deny)} never among them"] if self.deny else [])]
        never += ["not published to all"] if self.public == "denied" else []
        return f"Every recipient of {of} is named, or nobody received it{''.join(f', {n}' for n in never)}."

    def check(self, review: Review) -> Outcome:
        """Look at every statement about who received what."""
        lineage = review.lineage
        targets = list(lineage.roots or (review.delivery.artifact,)) if "model" in self.over else []
        hidden: list[Finding] = []
        if "datasets" in self.over:
            datasets = [each.artifact for each in lineage.datasets() if lineage.is_origin(each.artifact)]
            targets += [each for each in datasets if each not in targets]
            hidden = unseen(review, "datasets")
        sent = _by_artifact(review)
        findings = [
            finding for each in targets for finding in self._artifact(review, each, sent.get(each, []))
        ]
        return conclude(len(targets), [*findings, *hidden])

    def _artifact(self, review: Review, artifact: Artifact, statements: list[_Sent]) -> Iterator[Finding]:
        name = review.graph.name(artifact)
        if not any(each.believed for each, _ in statements):
            others = review.graph.about["distribution"].get(artifact, [])
            reason = "; ".join(sorted({each.reason for each in others if each.reason}))
            yield _finding(
                review,
                artifact,
                "distribution-missing",
                Result.UNKNOWN,
                f"nobody you believe signed who received {name}{f': {reason}' if reason else ''}",
                tuple(each.digest for each in others),
            )
        for evidence, statement in statements:
            yield from self._statement(review, artifact, evidence, statement)
        alone = [(each, s) for each, s in statements if s.nobody == "yes"]
        for evidence, statement in alone:
            yield from _contradicted(review, artifact, evidence, statement, statements)

    def _statement(
        self, review: Review, artifact: Artifact, evidence: Evidence, statement: Statement
    ) -> Iterator[Finding]:
        name = review.graph.name(artifact)
        recipient = said(statement.recipient.legal_name) if statement.recipient else None
        public = statement.public == "yes"
        found = []
        if bad := evidence.unreadable:
            found.append(
                ("distribution-unreadable", Result.UNKNOWN, f"cannot be read in full: {', '.join(bad)}", "")
            )
        if recipient is None and statement.nobody != "yes" and not public:
            found.append(("recipient-unnamed", Result.UNKNOWN, "names no recipient, and not nobody", ""))
        if recipient and same(recipient, self.deny):
            found.append(
                ("recipient-denied", Result.FAIL, f"says that {recipient} received {name}", recipient)
            )
        if public and self.public == "denied":
            found.append(
                ("distribution-public", Result.FAIL, f"says that anybody could get {name}", "public")
            )
        elif public and self.deny:
            found.append(
                ("recipient-possible", Result.UNKNOWN, f"says that anybody could get {name}", "public")
            )
        for code, result, what, actual in found:
            yield _finding(
                review,
                artifact,
                code,
                result,
                f"the distribution statement of {name} {what}",
                (evidence.digest,),
                actual=actual,
                expected=f"not {', '.join(self.deny)}" if self.deny else "every recipient, or nobody",
            )


def _by_artifact(review: Review) -> dict[Artifact, list[_Sent]]:
    """Statements by a publisher, by every artifact they are about or name among what was sent."""
    found: dict[Artifact, list[_Sent]] = {}
    for each in review.graph.evidence:
        if isinstance(each.predicate, Statement) and each.granted:
            sent = [artifact for item in each.predicate.what or () if (artifact := item.artifact)]
            for artifact in dict.fromkeys((*each.artifacts, *sent)):
                found.setdefault(artifact, []).append((each, each.predicate))
    return found


def _contradicted(
    review: Review,
    artifact: Artifact,
    evidence: Evidence,
    nobody: Statement,
    statements: list[_Sent],
) -> Iterator[Finding]:
    """Nobody had it up to a day: a recipient of before, or of a day that is not stated, contradicts that."""
    for other, statement in statements:
        if statement.recipient is None and statement.public != "yes":
            continue
        if nobody.when is not None and statement.when is not None and statement.when > nobody.when:
            continue
        yield _finding(
            review,
            artifact,
            "distribution-disagrees",
            Result.UNKNOWN,
            f"one statement says that nobody received {review.graph.name(artifact)}, another names somebody",
            tuple(sorted({evidence.digest, other.digest})),
        )


def _finding(
    review: Review,
    artifact: Artifact,
    code: str,
    result: Result,
    summary: str,
    evidence: tuple[str, ...],
    *,
    expected: str = "",
    actual: str = "",
) -> Finding:
    return Finding(
        code,
        result,
        str(artifact),
        summary,
        expected,
        actual,
        review.lineage.path(artifact),
        evidence,
        "Ask the publisher who received it, in a signed distribution statement.",
    )
