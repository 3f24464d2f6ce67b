"""The lineage has no gaps: a statement the reader believes explains everything that went into the model.

Every dataset, base model, adapter, teacher and tokenizer behind the delivery needs a statement: a step that
made it out of something explained, or, for an origin, a dataset statement by its data-owner. Code,
configuration and environment need none up to 1 MiB; above that, or of unknown size, they count as
datasets, and so does an input of unknown role. A base model, adapter, teacher or tokenizer may be declared
opaque with a reason; it is counted.

FAIL: more opaque base models than ``opaqueBaseModels`` allows, or a lineage that runs in a circle.
UNKNOWN: an unexplained input beyond ``unknownInputs``, a step that lists no input of a kind it must have
read, one that says its list is partial or does not say, one with parameters its build type does not know, or
two believed statements that make one artifact of different things.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from attest.graph import SUPPORT_ROLES, StepNode
from attest.limits import DEFAULT
from attest.lineage import Ancestor, Status
from attest.predicates.step import missing_roles, unknown_parameters
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Rule, about
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["CompleteLineage"]


class CompleteLineage(Rule):
    """The lineage has no gaps."""

    NAME: ClassVar[str] = "complete-lineage"
    OVER: ClassVar[str] = "artifacts and steps"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "an input has no statement you believe, or a step does not say that it lists all of its inputs"
    )
    REMEDY: ClassVar[str] = "Ask for the signed statement of each unexplained input."
    QUESTIONS: ClassVar[tuple[int, ...]] = (5, 7, 8, 29)

    opaque_base_models: int = Field(default=0, ge=0, description="How many may be declared opaque.")
    unknown_inputs: int = Field(default=0, ge=0, description="How many inputs may stay unexplained.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        but = f", but for at most {self.unknown_inputs}" if self.unknown_inputs else ""
        opaque = f"at most {self.opaque_base_models} are" if self.opaque_base_models else "none is"
        return (
            "A statement you believe explains every dataset, base model, adapter, teacher and tokenizer "
            f"behind the model{but}; {opaque} declared opaque."
        )

    @property
    def flaws(self) -> tuple[str, ...]:
        """What allows as much as there can be asks for nothing."""
        most = DEFAULT.step_inputs
        return (f"allows {most} unexplained inputs or more: no gap can break it",) * (
            self.unknown_inputs >= most
        ) + (f"allows {most} opaque base models or more: none can break it",) * (
            self.opaque_base_models >= most
        )

    def check(self, review: Review) -> Outcome:
        """Walk the whole ancestry."""
        lineage = review.lineage
        findings = [*_cycles(review), *self._opaque(review), *self._gaps(review)]
        for node in lineage.steps:
            if node.evidence.believed:
                findings += _step(node)
        for artifact in lineage.ancestors:
            findings += _disagreement(review, artifact)
        return conclude(len(lineage.ancestors) + len(lineage.steps), findings)

    def _gaps(self, review: Review) -> list[Finding]:
        gaps = review.lineage.gaps()
        found = [_gap(review, ancestor) for ancestor in gaps]
        found += [_no_digest(node, item.descriptor.name or "") for node, item in review.lineage.unlinked]
        return found if len(found) > self.unknown_inputs else []

    def _opaque(self, review: Review) -> list[Finding]:
        opaque = review.lineage.opaque()
        if len(opaque) <= self.opaque_base_models:
            return []
        return [
            about(
                review,
                ancestor,
                "opaque-base-model",
                Result.FAIL,
                f"{review.graph.name(ancestor.artifact)} is declared opaque: {ancestor.opaque_reason}",
                expected=f"at most {self.opaque_base_models}",
                actual=str(len(opaque)),
                evidence=tuple(node.evidence.digest for node, _ in ancestor.uses if node),
                remedy="Ask for the lineage of this model, or for an auditor's verdict on it.",
            )
            for ancestor in opaque
        ]


_WHY = {
    Status.GAP: ("unknown-input", "no statement in the evidence explains {name}"),
    Status.UNTRUSTED: (
        "untrusted-input",
        "{name} is explained only by statements you do not believe: {reason}",
    ),
    Status.WITHDRAWN: ("withdrawn-input", "the statement that explained {name} was withdrawn"),
}


def _gap(review: Review, ancestor: Ancestor) -> Finding:
    artifact = ancestor.artifact
    evidence = [*review.graph.datasets(artifact)]
    evidence += [node.evidence for node in review.graph.makers.get(artifact, [])]
    reasons = "; ".join(sorted({each.reason for each in evidence if each.reason}))
    strangers = review.strangers_about(artifact)
    if ancestor.status is Status.GAP and strangers:
        reasons = strangers[0].reason
    code, text = _WHY[ancestor.status]
    if ancestor.status is Status.GAP and strangers:
        text = "{name} is explained only by somebody you do not know: {reason}"
    readers = tuple(node.evidence.digest for node, _ in ancestor.uses if node)
    roles = ", ".join(ancestor.roles) or "delivered artifact"
    wanted = "dataset statement by its owner" if review.lineage.is_dataset(artifact) else "step that made it"
    return about(
        review,
        ancestor,
        code,
        Result.UNKNOWN,
        text.format(name=f"{review.graph.name(artifact)} ({roles})", reason=reasons or "not granted"),
        evidence=tuple(
            sorted({*readers, *(each.digest for each in evidence), *(s.digest for s in strangers)})
        ),
        remedy=f"Ask for the signed {wanted}, for {artifact}.",
    )


def _no_digest(node: StepNode, name: str) -> Finding:
    return Finding(
        "input-without-digest",
        Result.UNKNOWN,
        f"sha256:{node.evidence.digest}",
        f"{node.kind} lists the input {name or '(no name)'} without a sha256: it links to nothing",
        evidence=(node.evidence.digest,),
        remedy="Ask for the step with the sha256 of every input.",
    )


def _step(node: StepNode) -> list[Finding]:
    """What a believed step leaves open about its own inputs."""
    found = []

    def unknown(code: str, summary: str, remedy: str) -> None:
        subject = f"sha256:{node.evidence.digest}"
        found.append(
            Finding(code, Result.UNKNOWN, subject, summary, evidence=(node.evidence.digest,), remedy=remedy)
        )

    for roles in missing_roles(node.step):
        wanted = " or ".join(sorted(roles))
        unknown(
            "required-input-missing",
            f"a {node.kind} step must have read a {wanted}, and lists none",
            f"Ask which {wanted} this step read, and for its digest.",
        )
    claim = node.step.completeness.claim
    if claim != "all-inputs-listed":
        said = (
            "says that its list of inputs is partial"
            if claim == "partial"
            else "does not say that it lists all inputs"
        )
        unknown("inputs-partial", f"a {node.kind} step {said}", "Ask for a recording that lists every input.")
    for name in unknown_parameters(node.step):
        unknown(
            "unknown-external-parameter",
            f"a {node.kind} step has the parameter {name!r}, which its build type does not know",
            "Ask what the parameter does, or use a newer version of attest.",
        )
    return found


def _disagreement(review: Review, artifact: Artifact) -> list[Finding]:
    """Two believed steps that make one artifact of different things cannot both be the whole truth."""
    makers = review.lineage.makers(artifact)
    sets = {
        frozenset(
            (item.artifact, item.role) for item in node.read_for(artifact) if item.role not in SUPPORT_ROLES
        )
        for node in makers
    }
    if len(sets) < 2:
        return []
    return [
        about(
            review,
            review.lineage.ancestors[artifact],
            "steps-disagree",
            Result.UNKNOWN,
            f"{len(makers)} steps say they made {review.graph.name(artifact)}, out of different inputs",
            evidence=tuple(sorted(node.evidence.digest for node in makers)),
            remedy="Ask which step is true, and for the withdrawal of the other.",
        )
    ]


def _cycles(review: Review) -> list[Finding]:
    cyclic = review.lineage.cyclic
    if not cyclic:
        return []
    names = ", ".join(review.graph.name(artifact) for artifact in cyclic[:5])
    evidence = sorted({n.evidence.digest for a in cyclic for n in review.graph.makers.get(a, [])})
    return [
        Finding(
            "lineage-cycle",
            Result.FAIL,
            str(cyclic[0]),
            f"{len(cyclic)} artifact(s) are their own ancestors: {names}",
            evidence=tuple(evidence[:50]),
            remedy="Nothing can be made of itself: ask which of these statements is false.",
        )
    ]
