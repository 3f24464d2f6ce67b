"""A verdict as a statement others can rely on: SLSA VSA v1 or in-toto SVR v0.2, out of a report.

REJECT and INCOMPLETE are FAILED. ACCEPT_WITH_EXCEPTIONS is PASSED only when asked for, and then every waived
finding stands among the levels: an auditor's waiver is not the next reader's. An SVR cannot say FAILED, so
there is none of a verdict that does not accept.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from attest.digest import sha256_bytes
from attest.errors import UsageError
from attest.predicate import Predicate
from attest.predicates._summary import ACCEPTED, EXCEPTION, PASSED_RULE
from attest.predicates.svr import ResultVerifier, VerificationResult
from attest.predicates.vsa import VerificationSummary, Verifier
from attest.report import RENDERERS, Report
from attest.resource import MANIFEST_MEDIA_TYPE, ResourceDescriptor
from attest.statement import Statement

__all__ = ["KINDS", "SummaryTerms", "passes", "summarize"]

KINDS = ("vsa", "svr")
"""Predicates a verdict can be written as."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#$&-;=?-Z\[\]_a-z~%]+")
"""RFC 3986, section 2: a scheme and characters a URI may hold."""


@dataclass(frozen=True)
class SummaryTerms:
    """What a report does not say and a verdict for others must."""

    verifier_id: str
    """URI of who verifies; readers trust a signer for it."""
    resource: str
    """URI of what was verified."""
    policy_uri: str | None = None
    """Where the policy can be had; absent: its digest as a URI (RFC 6920)."""
    pass_exceptions: bool = False
    """Whether ACCEPT_WITH_EXCEPTIONS is PASSED."""

    def __post_init__(self) -> None:
        for name, value in (
            ("--verifier-id", self.verifier_id),
            ("--resource-uri", self.resource),
            ("--policy-uri", self.policy_uri),
        ):
            if value is not None and not _URI.fullmatch(value):
                raise UsageError(f"got {value[:100]!r}, expected a URI", name, "like https://… or pkg:…")


def passes(report: Report, terms: SummaryTerms) -> bool:
    """Whether the verdict is PASSED for others."""
    return report.verdict == "ACCEPT" or (
        report.verdict == "ACCEPT_WITH_EXCEPTIONS" and terms.pass_exceptions
    )


def summarize(report: Report, terms: SummaryTerms, kind: Literal["vsa", "svr"] = "vsa") -> Statement:
    """Return the verdict of a report as a statement about the delivery, ready to be signed.

    Raises:
        UsageError: a historical report, which is no basis for relying on it today; an SVR of a verdict that
            did not pass.
        LimitError: the evidence is too large for one statement.
    """
    if report.historical:
        raise UsageError("a verdict as of a past time is not for others to rely on", "--attest")
    make: Callable[[Report, SummaryTerms], Predicate] = {"vsa": _vsa, "svr": _svr}[kind]
    predicate = make(report, terms)
    return Statement.build([_subject(report)], predicate.TYPE, predicate.to_json())


def _subject(report: Report) -> ResourceDescriptor:
    tree = report.delivered.kind == "tree"
    return ResourceDescriptor(
        name=report.delivered.name + ("/" if tree else ""),
        digest={"sha256": report.delivered.digest.removeprefix("sha256:")},
        media_type=MANIFEST_MEDIA_TYPE if tree else None,
    )


def _policy(report: Report, terms: SummaryTerms) -> ResourceDescriptor:
    digest = base64.urlsafe_b64encode(bytes.fromhex(report.policy.sha256)).decode().rstrip("=")
    return ResourceDescriptor(
        uri=terms.policy_uri or f"ni:///sha-256;{digest}", digest={"sha256": report.policy.sha256}
    )


def _levels(report: Report) -> tuple[str, ...]:
    passed = [f"{PASSED_RULE}{row.rule}" for row in report.rules if row.result == "PASS"]
    waived = sorted(
        {
            f"{EXCEPTION}{finding.rule}:{finding.subject}"
            for finding in report.findings
            if finding.result == "EXCEPTION"
        }
    )
    return (ACCEPTED, *passed, *waived)


def _vsa(report: Report, terms: SummaryTerms) -> VerificationSummary:
    passed = passes(report, terms)
    used = [row.digest.removeprefix("sha256:") for row in report.statements if row.standing != "unverified"]
    name, _, version = report.tool.partition(" ")
    rendered: str = RENDERERS.load("json")(report)
    return VerificationSummary(
        verifier=Verifier(id=terms.verifier_id, version={name: version}),
        time_verified=report.as_of,
        resource_uri=terms.resource,
        policy=_policy(report, terms),
        input_attestations=tuple(ResourceDescriptor(digest={"sha256": each}) for each in sorted(used)),
        verification_result="PASSED" if passed else "FAILED",
        verified_levels=_levels(report) if passed else ("FAILED",),
        report=ResourceDescriptor(name="report.json", digest={"sha256": sha256_bytes(rendered.encode())}),
    )


def _svr(report: Report, terms: SummaryTerms) -> VerificationResult:
    if not passes(report, terms):
        raise UsageError(
            f"an SVR lists what holds and cannot say that the verdict is {report.verdict}",
            "--attest-type",
            "a VSA says FAILED: --attest-type vsa",
        )
    return VerificationResult(
        verifier=ResultVerifier(id=terms.verifier_id, policies=(_policy(report, terms),)),
        time_created=report.as_of,
        properties=_levels(report),
    )
