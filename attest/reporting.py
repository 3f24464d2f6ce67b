"""From a review and a judgement to the report: pure, and nothing is judged here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from attest import __version__
from attest.alias import note
from attest.check import seldom_collected
from attest.dataset_table import dataset_row
from attest.graph import Evidence
from attest.keeper import RegisterState
from attest.policy import Judgement, Policy
from attest.report import (
    NOT_PROVEN,
    Ask,
    ChainFacts,
    DatasetRow,
    Delivered,
    ExceptionRow,
    FindingRow,
    Lineage,
    PinnedDocument,
    PolicyFacts,
    RegisterRow,
    Report,
    RootRow,
    RuleRow,
    StatementRow,
    UnknownLineRow,
)
from attest.resource import Artifact
from attest.review import Review
from attest.sketch import picture_of
from attest.verdict import Finding, Result

__all__ = ["make_report"]


@seldom_collected()
def make_report(review: Review, policy: Policy, judgement: Judgement, reproduce: str) -> Report:
    """Write down a judgement.

    Args:
        review: what was examined.
        policy: the policy it was judged by.
        judgement: what the policy says of it.
        reproduce: the command that reproduces the report.
    """
    findings = [
        _finding(review, judged.rule, finding)
        for judged in judgement.judged
        for finding in judged.outcome.findings
    ]
    datasets = _datasets(review, policy, findings)
    results = [judged.outcome.result.value for judged in judgement.judged]
    return Report(
        verdict=judgement.verdict.value,
        as_of=review.as_of,
        historical=review.historical,
        preflight=None if review.delivery.measured else True,
        tool=f"attest {__version__}",
        policy=PolicyFacts(
            name=policy.file.policy,
            version=str(policy.file.version),
            sha256=policy.sha256,
            purpose=policy.file.purpose,
            territories=policy.file.territories,
        ),
        trust=PinnedDocument(name=review.trust.name, sha256=review.trust.sha256),
        roots=_roots(review),
        delivered=_delivered(review),
        counts={result.value: results.count(result.value) for result in Result},
        chain=_chain(review),
        rules=[
            RuleRow(
                rule=judged.rule,
                result=judged.outcome.result.value,
                sentence=judged.sentence,
                examined=judged.outcome.examined,
                notes=list(judged.outcome.notes),
            )
            for judged in judgement.judged
        ],
        findings=findings,
        asks=_asks(findings),
        datasets=datasets,
        lineage=_pictured(review, datasets),
        exceptions=_exceptions(policy, judgement, review.as_of),
        registers=_registers(review),
        statements=_statements(review),
        unknown_lines=[UnknownLineRow(file=f, line=n, reason=r) for f, n, r in review.unknown_lines],
        not_proven=[*NOT_PROVEN, *_computed_limits(review, policy)],
        reproduce=reproduce,
    )


def _roots(review: Review) -> list[RootRow] | None:
    rows = [
        RootRow.model_validate(
            {
                "kind": kind,
                "file": each.file,
                "sha256": each.sha256,
                "ageDays": (review.as_of.date() - each.fetched).days if each.fetched else None,
            }
        )
        for kind, each in review.trust.pinned_roots()
    ]
    return rows or None


def _datasets(review: Review, policy: Policy, findings: list[FindingRow]) -> list[DatasetRow]:
    """Return the dataset table; what a rule holds against an explained dataset stands in its status."""
    held: dict[str, str] = {}
    for each in findings:
        if each.result in ("FAIL", "UNKNOWN") and held.get(each.subject.removesuffix("/")) != "refused":
            held[each.subject.removesuffix("/")] = "refused" if each.result == "FAIL" else "open"
    rows = [dataset_row(review, each, policy.file.purpose) for each in review.lineage.datasets()]
    return [
        row.model_copy(update={"status": held[row.digest]})
        if row.status == "ok" and row.digest in held
        else row
        for row in rows
    ]


def _pictured(review: Review, datasets: list[DatasetRow]) -> Lineage:
    """Return the picture of the lineage, with the datasets marked that a rule refuses."""
    refused = {row.digest for row in datasets if row.status == "refused"}
    picture = picture_of(review)
    nodes = [
        node.model_copy(update={"status": "refused"})
        if node.status == "ok" and node.kind == "dataset" and node.digest in refused
        else node
        for node in picture.nodes
    ]
    return picture.model_copy(update={"nodes": nodes})


def _delivered(review: Review) -> Delivered:
    delivery = review.delivery
    return Delivered(
        name=delivery.name,
        kind="tree" if delivery.artifact.tree else "file",
        digest=f"sha256:{delivery.artifact.sha256}",
        files=len(delivery.files),
        size_bytes=delivery.size,
        matched=[f"sha256:{root.sha256}" for root in review.match.roots],
        extras=list(review.match.extras),
    )


def _chain(review: Review) -> ChainFacts:
    lineage = review.lineage
    verified = review.graph.evidence
    return ChainFacts(
        steps=len(lineage.steps),
        artifacts=len(lineage.ancestors),
        datasets=len(lineage.datasets()),
        base_models=len(lineage.base_models()),
        bottom_models=len(lineage.bottom_models()),
        gaps=len(lineage.gaps()) + len(lineage.unlinked),
        opaque=len(lineage.opaque()),
        statements=len(verified) + len(review.unverified),
        verified=len(verified),
        timestamped=sum(1 for each in verified if any(s.trusted_time for s in each.signatures)),
        unverified=len(review.unverified),
        unknown_lines=len(review.unknown_lines),
    )


def _finding(review: Review, rule: str, finding: Finding) -> FindingRow:
    severity = {Result.FAIL: "high", Result.UNKNOWN: "medium"}.get(finding.result, "info")
    return FindingRow.model_validate(
        {
            "rule": rule,
            "code": finding.code,
            "result": finding.result.value,
            "severity": severity,
            "subject": finding.subject,
            "subjectName": _name_of(review, finding.subject),
            "summary": finding.summary,
            "expected": finding.expected,
            "actual": finding.actual,
            "path": list(finding.path),
            "evidence": [f"sha256:{digest}" for digest in finding.evidence],
            "remedy": finding.remedy,
        }
    )


def _name_of(review: Review, subject: str) -> str:
    digest = subject.removeprefix("sha256:").removesuffix("/")
    for tree in (True, False):
        if Artifact(digest, tree) in review.graph.names:
            return review.graph.names[Artifact(digest, tree)]
    evidence = review.graph.by_digest.get(digest)
    if evidence is not None:
        return f"{evidence.kind or evidence.statement.predicate_type} statement"
    return ""


def _asks(findings: Iterable[FindingRow]) -> list[Ask]:
    """What to ask the vendor for, worst first, each thing once."""
    order = {"FAIL": 0, "UNKNOWN": 1}
    counted: dict[str, int] = {}
    for finding in sorted(findings, key=lambda each: order.get(each.result, 2)):
        if finding.remedy and finding.result in order:
            counted[finding.remedy] = counted.get(finding.remedy, 0) + 1
    return [Ask(text=text, findings=count) for text, count in counted.items()]


# -- the rest ------------------------------------------------------------------------------------------


def _exceptions(policy: Policy, judgement: Judgement, as_of: datetime) -> list[ExceptionRow]:
    return [
        ExceptionRow(
            rule=entry.rule,
            subject=entry.subject,
            reason=entry.reason,
            approver=entry.approver,
            expires=entry.expires.isoformat(),
            used=number in judgement.used,
            expired=not entry.holds(as_of),
        )
        for number, entry in enumerate(policy.file.exceptions)
    ]


def _registers(review: Review) -> list[RegisterRow]:
    chain = review.signers()
    return [
        RegisterRow(
            register_id=state.register_id,
            sequence=state.register.sequence,
            as_of=state.register.as_of,
            next_update=state.register.next_update,
            keeper=list(state.keepers),
            self_kept=bool(set(state.keepers) & chain),
            problems=[problem.summary for problem in state.problems],
        )
        for state in review.registers.values()
        if state.register is not None
    ]


def _standing(evidence: Evidence) -> str:
    if evidence.kind is not None and evidence.predicate is None:
        return "unreadable"
    if not evidence.granted:
        return "carried"
    return "withdrawn" if evidence.withdrawn_by else "granted"


def _statements(review: Review) -> list[StatementRow]:
    rows = []
    for each in review.graph.evidence:
        times = [s.trusted_time for s in each.signatures if s.trusted_time]
        withdrawn = ", ".join(f"sha256:{digest}" for digest in each.withdrawn_by)
        rows.append(
            StatementRow.model_validate(
                {
                    "digest": f"sha256:{each.digest}",
                    "type": each.statement.predicate_type,
                    "files": review.files_of(each.digest),
                    "subjects": [subject.name or "" for subject in each.statement.subjects[:20]],
                    "signers": [str(signature.signer) for signature in each.signatures],
                    "principals": sorted({n for signature in each.signatures for n in signature.principals}),
                    "trustedTime": min(times, default=None),
                    "standing": _standing(each),
                    "reason": f"withdrawn by {withdrawn}" if withdrawn else each.reason,
                    "note": note(review, each),
                }
            )
        )
    rows += [
        StatementRow(
            digest=f"sha256:{each.digest}",
            type=each.predicate_type,
            files=review.files_of(each.digest),
            subjects=[str(artifact) for artifact in each.claims[:20]],
            signers=[],
            principals=[],
            standing="unverified",
            reason=each.reason,
        )
        for each in review.unverified
    ]
    return rows


def _computed_limits(review: Review, policy: Policy) -> list[str]:
    """What this verdict in particular does not prove."""
    found = []
    adopted = sum(
        1 for node in review.lineage.steps for item in node.inputs if item.digest_source is not None
    )
    if adopted:
        found.append(
            f"{adopted} input digest(s) of this lineage were taken over and not measured by the builder."
        )
    if remembered := review.delivery.remembered:
        found.append(
            f"{remembered} delivered file(s) were not read: their digests were remembered (--cache)."
        )
    past = sum(1 for node in review.lineage.steps if node.step.recorded == "after-the-fact")
    if past:
        found.append(f"{past} step(s) of this lineage were recorded after the fact.")
    self_kept: list[RegisterState] = [
        state for state in review.registers.values() if set(state.keepers) & review.signers()
    ]
    found += [
        f"Register {state.register_id} is self-kept: its keeper signed statements of this lineage."
        for state in self_kept
    ]
    if not any(rule.NAME == "contents-complete" for rule in policy.rules):
        found.append(
            "That no statement was left out of the bundle: the policy asks for no contents statement."
        )
    return found
