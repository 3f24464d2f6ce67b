"""An auditor you trust verified it: a fresh verdict, signed as a VSA or SVR, says that it passed.

For the delivery (`over: delivery`) or for every opaque base model (`over: opaque-base-models`), whose own
lineage the vendor does not show, some verdict must be there that passed, by a signer your trust file names as
auditor for its verifier id, no older than `maxAge`, by one of `policies`, with all `levels`. Policies are
named by digest: with the auditor's policy in hand you know what was asked. A verdict under exceptions of the
auditor's own counts only with `exceptions: allow`. An SVR cannot say that everything passed, so without
`levels` it counts only if it lists `ATTEST_ACCEPT`.

FAIL: an auditor you trust says FAILED of it, whatever another one says; a later PASSED of the same verifier
by the same policy takes that back. UNKNOWN: no such verdict, or one that cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from attest.digest import is_sha256
from attest.graph import Evidence
from attest.lineage import Ancestor
from attest.model import format_time
from attest.predicates._summary import ACCEPTED, Summary
from attest.predicates.svr import VerificationResult
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Duration, Rule, unseen
from attest.trust import matches
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["AuditorVerdict"]


class AuditorVerdict(Rule):
    """An auditor you trust verified it."""

    NAME: ClassVar[str] = "auditor-verdict"
    OVER: ClassVar[str] = "verdicts of auditors on the delivery, or on each opaque base model"
    QUANTIFIER: ClassVar[str] = "some"
    WHEN_UNKNOWN: ClassVar[str] = "no fresh verdict of an auditor you trust says that it passed"
    REMEDY: ClassVar[str] = "Ask for a verdict (VSA or SVR) of an auditor you trust, by a policy you accept."
    QUESTIONS: ClassVar[tuple[int, ...]] = (31,)

    over: Literal["delivery", "opaque-base-models"] = Field(
        default="delivery", description="What must have been verified."
    )
    policies: list[str] = Field(
        default_factory=list, description="SHA-256 of the policies you accept; empty: any of the auditor's."
    )
    levels: list[str] = Field(default_factory=list, description="Levels or properties it must list, all.")
    max_age: Duration = Field(default="180 days", validate_default=True, description="How old it may be.")
    resource: str | None = Field(
        default=None, description="What resourceUri must be, exactly or with an anchored `*`."
    )
    exceptions: Literal["refuse", "allow"] = Field(
        default="refuse", description="Whether a verdict may rest on exceptions of the auditor's."
    )

    @field_validator("policies")
    @classmethod
    def _digests(cls, value: list[str]) -> list[str]:
        for text in value:
            if not is_sha256(text.removeprefix("sha256:")):
                raise ValueError(f"got {text[:80]!r}, expected sha256: and 64 lowercase hex digits")
        return [text.removeprefix("sha256:") for text in value]

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        days = self.max_age.days
        age = f"{days:,} day{'' if days == 1 else 's'}" if days else f"{self.max_age}"
        what = "the delivery" if self.over == "delivery" else "every opaque base model"
        by = f" by one of {len(self.policies)} named policies" if self.policies else ""
        levels = f", with {' and '.join(self.levels)}" if self.levels else ""
        said = f"Some auditor you trust said within {age} that {what} passed{by}{levels}"
        return f"{said}, and none that it failed."

    def check(self, review: Review) -> Outcome:
        """Look for a verdict on each thing that must have one."""
        if self.over == "delivery":
            artifacts = {review.delivery.artifact, *review.match.roots}
            subject = str(review.delivery.artifact)
            return conclude(1, self._about(review, subject, review.delivery.name, artifacts, ()))
        opaque = review.lineage.opaque()
        if not opaque and review.lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, 0)
        findings = [finding for each in opaque for finding in self._model(review, each)]
        return conclude(len(opaque), [*findings, *unseen(review, "base models")])

    def _model(self, review: Review, model: Ancestor) -> list[Finding]:
        name = review.graph.name(model.artifact)
        path = review.lineage.path(model.artifact)
        return self._about(review, str(model.artifact), name, {model.artifact}, path)

    def _about(
        self,
        review: Review,
        subject: str,
        name: str,
        artifacts: Iterable[Artifact],
        path: tuple[str, ...],
    ) -> list[Finding]:
        """Return what keeps one thing from being verified; nothing where a verdict is good."""
        verdicts = _verdicts(review, artifacts)
        findings = _unreadable(verdicts, subject, path)
        believed = [
            (each, each.predicate)
            for each in verdicts
            if each.granted and isinstance(each.predicate, Summary)
        ]
        findings += [
            _failed(evidence, summary, subject, name, path)
            for evidence, summary in believed
            if summary.passed is False and not _taken_back(evidence, summary, believed)
        ]
        reasons = {evidence.digest: self._lacks(review, evidence, summary) for evidence, summary in believed}
        if not any(reason == "" for reason in reasons.values()):
            findings.append(self._open(subject, name, path, reasons, verdicts))
        return findings

    def _lacks(self, review: Review, evidence: Evidence, summary: Summary) -> str:
        """Return what keeps a verdict from being the one asked for, or nothing."""
        at = summary.verified_at
        needed = self.levels or ([ACCEPTED] if isinstance(summary, VerificationResult) else [])
        missing = [level for level in needed if level not in summary.levels]
        reasons = {
            "it was withdrawn": bool(evidence.withdrawn_by),
            "it does not say that it passed": summary.passed is not True,
            "it does not say when": at is None,
            "it is dated after the time of evaluation": at is not None and at > review.as_of,
            f"it is from {format_time(at) if at else '?'}": at is not None
            and review.as_of - at > self.max_age,
            "it went by another policy": bool(self.policies)
            and not set(self.policies) & set(summary.policy_digests),
            f"it does not list {', '.join(missing)}": bool(missing),
            f"it is about {summary.resource or 'no resource that is named'}": self.resource is not None
            and not matches(self.resource, summary.resource or ""),
            f"it rests on {len(summary.exceptions)} exceptions of the auditor's": self.exceptions == "refuse"
            and bool(summary.exceptions),
        }
        return "; ".join(reason for reason, holds in reasons.items() if holds)

    def _open(
        self,
        subject: str,
        name: str,
        path: tuple[str, ...],
        reasons: dict[str, str],
        verdicts: list[Evidence],
    ) -> Finding:
        strangers = sorted({each.reason for each in verdicts if not each.granted and each.reason})
        why = "; ".join(sorted(set(reasons.values()))) or "; ".join(strangers)
        return Finding(
            "verdict-not-accepted" if reasons else "verdict-missing",
            Result.UNKNOWN,
            subject,
            f"no verdict you accept says that {name} passed" + (f": {why}" if why else ""),
            expected=self.sentence,
            actual=why or "no verdict of an auditor you trust",
            path=path,
            evidence=tuple(sorted(reasons)),
            remedy=self.REMEDY,
        )


def _verdicts(review: Review, artifacts: Iterable[Artifact]) -> list[Evidence]:
    """Return every verified verdict on any of the artifacts, by digest."""
    found = {
        each.digest: each
        for kind in ("vsa", "svr")
        for artifact in artifacts
        for each in review.graph.about[kind].get(artifact, ())
    }
    return [found[digest] for digest in sorted(found)]


def _unreadable(verdicts: Iterable[Evidence], subject: str, path: tuple[str, ...]) -> list[Finding]:
    """A verdict that cannot be read may say FAILED."""
    return [
        Finding(
            "verdict-unreadable",
            Result.UNKNOWN,
            subject,
            f"a verdict on it cannot be read: {each.reason or 'it does not say whether it passed'}",
            path=path,
            evidence=(each.digest,),
            remedy="Ask the auditor for the verdict in a form that follows its specification.",
        )
        for each in verdicts
        if each.predicate is None
        or (each.granted and isinstance(each.predicate, Summary) and each.predicate.unreadable_fields)
    ]


def _taken_back(failed: Evidence, old: Summary, verdicts: Iterable[tuple[Evidence, Summary]]) -> bool:
    """Whether the same verifier, by the same policy, said later that it passed."""
    return any(
        new.passed
        and not evidence.withdrawn_by
        and new.verifier_id == old.verifier_id
        and set(evidence.granted) & set(failed.granted)
        and set(old.policy_digests) <= set(new.policy_digests)
        and old.verified_at is not None
        and new.verified_at is not None
        and new.verified_at > old.verified_at
        for evidence, new in verdicts
    )


def _failed(evidence: Evidence, summary: Summary, subject: str, name: str, path: tuple[str, ...]) -> Finding:
    return Finding(
        "verdict-failed",
        Result.FAIL,
        subject,
        f"{', '.join(evidence.granted)}, an auditor you trust, says that {name} failed",
        expected="no verdict that says FAILED",
        actual=f"FAILED, by {summary.verifier_id}",
        path=path,
        evidence=(evidence.digest,),
        remedy="Ask the auditor what failed, and for a newer verdict once that is settled.",
    )
