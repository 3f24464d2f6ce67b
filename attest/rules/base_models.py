"""Every model this one was built upon is known, or declared unknown, and acceptable.

Base models, adapters and teachers, at any depth, need a step the reader believes that made them, or must be
declared opaque with a reason, of which ``opaque`` allows so many. ``allow`` lists what may lie at the bottom:
each base model that no believed step made out of another model must be one of them, by SHA-256. ``deny``
lists what must not be anywhere behind the delivery, as a whole or as a file inside a directory. ``atMost``
caps how many base models lie at the bottom. Names link nothing and are not asked.

FAIL: a model of ``deny``, one at the bottom that is not of ``allow``, more at the bottom than ``atMost``, or
more declared opaque than ``opaque``. UNKNOWN: no statement the reader believes explains a base model, or a
gap may hide some. It does not apply where the whole lineage is known and no model was built upon.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attest.lineage import Ancestor, Status
from attest.review import Review
from attest.rule import Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude
from attest.words import ArtifactName

__all__ = ["BaseModels"]


class BaseModels(Rule):
    """Every model this one was built upon is known, or declared unknown, and acceptable."""

    NAME: ClassVar[str] = "base-models"
    OVER: ClassVar[str] = "base models, adapters and teachers"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = "a base model has no statement you believe and is not declared opaque"
    REMEDY: ClassVar[str] = "Ask what the model was built upon, and for the signed lineage of each of these."
    QUESTIONS: ClassVar[tuple[int, ...]] = (7,)

    opaque: int = Field(default=0, ge=0, description="How many may be declared opaque, with a reason.")
    allow: list[ArtifactName] = Field(
        default_factory=list, description="sha256:… of models that may lie at the bottom; empty: any."
    )
    deny: list[ArtifactName] = Field(
        default_factory=list, description="sha256:… of models or their files that must not lie behind it."
    )
    at_most: int | None = Field(
        default=None, ge=0, description="How many models may lie at the bottom; absent: any number."
    )

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        more = [
            *([f"at most {self.opaque} of them declared opaque"] if self.opaque else []),
            *([f"each at the bottom one of {len(self.allow)} that are listed"] if self.allow else []),
            *([f"none of {len(self.deny)} that are denied"] if self.deny else []),
            *([f"at most {self.at_most} at the bottom"] if self.at_most is not None else []),
        ]
        return f"Every model this one was built upon is explained{''.join(f', {each}' for each in more)}."

    def check(self, review: Review) -> Outcome:
        """Look at every base model, and at what is denied anywhere in the lineage."""
        lineage = review.lineage
        models = lineage.base_models()
        findings = [_unexplained(review, each) for each in models if each.status not in _EXPLAINED]
        findings += self._opaque(review, models)
        findings += self._bottom(review, lineage.bottom_models())
        findings += self._denied(review)
        findings += unseen(review, "base models")
        if not models and not findings and lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, len(lineage.ancestors))
        return conclude(len(models), findings)

    def _opaque(self, review: Review, models: list[Ancestor]) -> list[Finding]:
        opaque = [each for each in models if each.status is Status.OPAQUE]
        if len(opaque) <= self.opaque:
            return []
        return [
            _finding(
                review,
                each,
                "opaque-base-model",
                Result.FAIL,
                f"is declared opaque: {each.opaque_reason}",
                expected=f"at most {self.opaque}",
                actual=str(len(opaque)),
                remedy="Ask for the lineage of this model, or for an auditor's verdict on it.",
            )
            for each in opaque
        ]

    def _bottom(self, review: Review, bottom: list[Ancestor]) -> list[Finding]:
        allowed = _digests(self.allow)
        found = [
            _finding(
                review,
                each,
                "base-model-denied",
                Result.FAIL,
                "lies at the bottom and is none of the models the policy allows",
                expected="a model of `allow`",
                actual=str(each.artifact),
                remedy="Ask for a model that was built upon one you allow, or decide to allow this one.",
            )
            for each in bottom
            if allowed and each.artifact.sha256 not in allowed
        ]
        if self.at_most is not None and len(bottom) > self.at_most:
            found += [
                _finding(
                    review,
                    each,
                    "too-many-base-models",
                    Result.FAIL,
                    "is one of more base models than the policy allows",
                    expected=f"at most {self.at_most}",
                    actual=str(len(bottom)),
                    remedy="Ask why the model was built upon so many others.",
                )
                for each in bottom
            ]
        return found

    def _denied(self, review: Review) -> list[Finding]:
        denied = _digests(self.deny)
        found = []
        for artifact, ancestor in review.lineage.ancestors.items() if denied else ():
            inside = {member.sha256 for member in review.graph.members.get(artifact, {}).values()}
            if hit := denied & {artifact.sha256, *inside}:
                found.append(
                    _finding(
                        review,
                        ancestor,
                        "base-model-denied",
                        Result.FAIL,
                        "is, or holds, a model the policy denies",
                        expected="no model of `deny`",
                        actual=f"sha256:{min(hit)}",
                        remedy="Ask for a model that was built without it.",
                    )
                )
        return found


_EXPLAINED = frozenset({Status.OK, Status.OPAQUE})


def _digests(names: list[ArtifactName]) -> frozenset[str]:
    return frozenset(name.removeprefix("sha256:").removesuffix("/") for name in names)


def _unexplained(review: Review, ancestor: Ancestor) -> Finding:
    return _finding(
        review,
        ancestor,
        "base-model-unexplained",
        Result.UNKNOWN,
        "was built upon, and no statement you believe explains it",
        expected="a step that made it, or a reason why it is opaque",
        actual=ancestor.status.value,
        remedy=f"Ask for the signed step that made {ancestor.artifact}.",
    )


def _finding(
    review: Review, ancestor: Ancestor, code: str, result: Result, what: str, **more: str
) -> Finding:
    readers = tuple(sorted({node.evidence.digest for node, _ in ancestor.uses if node}))
    summary = f"{review.graph.name(ancestor.artifact)} {what}"
    return about(review, ancestor, code, result, summary, evidence=readers, **more)
