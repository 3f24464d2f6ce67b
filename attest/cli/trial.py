"""Judging a bundle where no delivered file is at hand: the vendor's pre-flight, and the cases of a policy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from attest.graph import Graph
    from attest.limits import Limits
    from attest.policyfile import CaseEntry, CasesFile
    from attest.resource import Artifact
    from attest.review import Review
    from attest.trust import Trust

__all__ = ["CaseResult", "as_released", "read_cases", "run_case"]


def as_released(
    bundle: Path,
    registers: Sequence[Path],
    trust: Trust,
    as_of: datetime,
    limits: Limits,
    *,
    historical: bool = False,
    release: str | None = None,
) -> list[Review]:
    """Review a bundle as if what it was made for had been delivered, file by file as attested.

    A bundle is made for the artifacts its contents statements are about; without one, for what some step made
    and none read.

    Args:
        bundle: the attestation bundle.
        registers: register files.
        trust: whom the reader believes.
        as_of: time of evaluation, in UTC.
        limits: the reader's limits.
        historical: ``as_of`` was chosen and is not the clock.
        release: only this one of several, ``sha256:…``.

    Raises:
        AttestError: there is nothing in it that was released, or not the release asked for.
    """
    from attest.cli.delivered import manifests_beside, read_evidence
    from attest.errors import AttestError
    from attest.lineage import Lineage
    from attest.matching import Delivery, as_attested, match
    from attest.resource import Artifact
    from attest.review import review

    lines = read_evidence((bundle, *registers), limits)
    manifests = manifests_beside([bundle], None, limits)
    nothing = Delivery("", Artifact("0" * 64, tree=False), 0, {})
    reviewed = review(nothing, lines, trust, as_of, historical=historical, manifests=manifests, limits=limits)
    released = _released(reviewed.graph)
    if release is not None:
        released = [each for each in released if str(each).removesuffix("/") == release.removesuffix("/")]
    if not released:
        unverified = len(reviewed.unverified)
        raise AttestError(
            "no verified statement is about a release"
            if release is None
            else f"it holds no release {release}",
            str(bundle),
            f"{unverified} statement(s) are by nobody the trust file names" if unverified else None,
        )
    found = []
    for artifact in released:
        matched = match(as_attested(artifact, reviewed.graph), reviewed.graph)
        found.append(replace(reviewed, match=matched, lineage=Lineage(reviewed.graph, matched.roots)))
    return found


def _released(graph: Graph) -> list[Artifact]:
    listed = [each for each in graph.about["contents"] if graph.makers.get(each)]
    if listed:
        return sorted(listed)
    read = {item.artifact for node in graph.steps for item in node.inputs}
    return sorted(each for each in graph.makers if each not in read)


@dataclass(frozen=True)
class CaseResult:
    """What a policy said of one of its cases."""

    name: str
    passed: bool
    expected: str
    verdict: str
    missing: tuple[str, ...]
    """Codes of findings that were expected and did not come."""
    unexpected: tuple[str, ...]
    """Codes of findings that came and were not expected."""


def read_cases(path: Path, limits: Limits) -> CasesFile:
    """Read the cases of a policy.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it does not fit, with its line.
    """
    from attest.document import read_file
    from attest.errors import UsageError
    from attest.policyfile import CasesFile

    document = read_file(path, limits)
    cases = document.validate(CasesFile)
    names = [case.name for case in cases.cases]
    for number, name in enumerate(names):
        if name in names[:number]:
            where = document.where(("cases", number, "name"))
            raise UsageError(f"a second case is called {name[:80]!r}", where, "give each its own name")
    return cases


def run_case(case: CaseEntry, folder: Path, policy: str, limits: Limits) -> CaseResult:
    """Judge one case.

    Args:
        case: what to judge, and what is expected.
        folder: what its paths are relative to.
        policy: the policy, a path or ``preset:NAME``.
        limits: the reader's limits.

    Raises:
        AttestError: a file of the case cannot be read: that is no verdict.
    """
    from attest.cli.delivered import manifests_beside, measure, read_evidence
    from attest.errors import UsageError
    from attest.policy import evaluate, read_policy
    from attest.review import review
    from attest.trust import read_trust
    from attest.verdict import Result

    bundle, trust = folder / case.bundle, read_trust(folder / case.trust, limits)
    registers = [folder / each for each in case.registers]
    if case.delivered is not None:
        reviewed = review(
            measure(folder / case.delivered),
            read_evidence((bundle, *registers), limits),
            trust,
            case.as_of,
            historical=True,
            manifests=manifests_beside([bundle], None, limits),
            limits=limits,
        )
    else:
        all_released = as_released(
            bundle, registers, trust, case.as_of, limits, historical=True, release=case.release
        )
        if len(all_released) > 1:
            digests = ", ".join(str(each.delivery.artifact) for each in all_released)
            raise UsageError(f"the bundle was made for {digests}", case.name, "name one as `release`")
        reviewed = all_released[0]
    judgement = evaluate(read_policy(policy, limits), reviewed)
    kept_from = {
        finding.code
        for judged in judgement.judged
        for finding in judged.outcome.findings
        if finding.result in (Result.FAIL, Result.UNKNOWN)
    }
    missing = tuple(sorted(set(case.findings) - kept_from))
    unexpected = tuple(sorted(kept_from - set(case.findings)))
    verdict = judgement.verdict.value
    passed = verdict == case.expect and not missing and not unexpected
    return CaseResult(case.name, passed, case.expect, verdict, missing, unexpected)
