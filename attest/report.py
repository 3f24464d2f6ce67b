"""What a report holds: one versioned JSON document that every rendering shows and nothing adds to.

Building it from a review and a judgement is pure: the same evidence, policy, trust and ``asOf`` give the
same bytes.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from attest.model import Model, Timestamp
from attest.registry import Registry

__all__ = [
    "NOT_PROVEN",
    "RENDERERS",
    "REPORT_VERSION",
    "Ask",
    "ChainFacts",
    "DatasetRow",
    "Delivered",
    "Edge",
    "ExceptionRow",
    "FindingRow",
    "Lineage",
    "Node",
    "PinnedDocument",
    "PolicyFacts",
    "RegisterRow",
    "Report",
    "ResultWord",
    "RootRow",
    "RuleRow",
    "Standing",
    "StatementRow",
    "UnknownLineRow",
]

REPORT_VERSION = "v0.1"

RENDERERS = Registry(
    "report format",
    {
        "text": "attest.reports.text:render",
        "json": "attest.reports.json:render",
        "html": "attest.reports.html:render",
        "markdown": "attest.reports.markdown:render",
        "sarif": "attest.reports.sarif:render",
    },
    "attest.reports",
)
"""Format → ``render(report: Report) -> str``."""

NOT_PROVEN = (
    "That the list of training inputs is complete: nothing prevents training on data that nobody listed.",
    "That the roles of inputs (dataset, base model, code, …) are true.",
    "That declared facts (source, licence, consent, personal data, results of checks) are true.",
    "That a legal basis, a consent or a claim of fair use is valid in law.",
    "That the model has not memorised, or has forgotten, anything.",
    "That near-duplicates or re-encoded copies of removed records are absent.",
    "How the model behaves, and whether it is safe.",
    "That signers are honest and keep their keys, beyond the identities named here.",
    "Anything that happened after the time of evaluation.",
    "That other buyers were shown the same bundle: contents stop third parties and replay, not a vendor.",
    "That the vendor listed every statement it ever made.",
    "That whoever keeps the registers keeps them well.",
    "Digests that were taken over from elsewhere and not measured.",
    "That inputs were not swapped between being digested and being read.",
    "Records that a committed dataset never listed.",
)
"""Printed with every verdict: what it does not prove (docs/threat-model.md)."""

ResultWord = Literal["PASS", "FAIL", "UNKNOWN", "EXCEPTION", "NOT_APPLICABLE"]
Standing = Literal["granted", "carried", "withdrawn", "unverified", "unreadable"]


class PinnedDocument(Model):
    """A document of the reader's, by digest."""

    name: str
    sha256: str = Field(description="SHA-256 of the file's bytes, lowercase hex.")


class PolicyFacts(PinnedDocument):
    """The policy the verdict was reached under."""

    version: str
    purpose: list[str] = Field(description="What the reader will do with the model.")
    territories: list[str] = Field(description="Where; ISO 3166 codes or EU.")


class Delivered(Model):
    """What was delivered and measured."""

    name: str
    kind: Literal["file", "tree"]
    digest: str = Field(description="sha256:… of the file or of the tree's manifest.")
    files: int
    size_bytes: int
    matched: list[str] = Field(
        description="Digests of the attested artifacts the delivery is, or is part of."
    )
    extras: list[str] = Field(description="Delivered files outside the attested tree that the policy allows.")


class ChainFacts(Model):
    """The lineage in numbers."""

    steps: int
    artifacts: int
    datasets: int
    base_models: int = Field(description="Base models, adapters and teachers, those made on the way too.")
    bottom_models: int = Field(
        default=0, description="Those of them that no believed step made out of another model."
    )
    gaps: int = Field(description="Artifacts that need a statement and have none that is believed.")
    opaque: int = Field(description="Base models, adapters, teachers or tokenizers declared opaque.")
    statements: int = Field(description="Statements in the evidence.")
    verified: int = Field(description="Statements whose signature is that of a principal of the trust file.")
    timestamped: int = Field(description="Verified statements with a trusted time.")
    unverified: int
    unknown_lines: int


class RuleRow(Model):
    """One rule of the policy and its outcome."""

    rule: str
    result: ResultWord
    sentence: str = Field(description="The rule in plain English, with its quantifier.")
    examined: int
    notes: list[str]


class FindingRow(Model):
    """One finding (docs/findings.md)."""

    rule: str
    code: str
    result: ResultWord
    severity: Literal["high", "medium", "info"]
    subject: str
    subject_name: str = Field(description="The name the evidence gives the subject, or empty.")
    summary: str
    expected: str
    actual: str
    path: list[str] = Field(description="From the delivered artifact back to the subject.")
    evidence: list[str] = Field(description="Statement digests, sha256:….")
    remedy: str


class Ask(Model):
    """One thing to ask the vendor for, with the findings it would settle."""

    text: str
    findings: int


class DatasetRow(Model):
    """One dataset of the lineage. Facts nobody stated read ``unknown``; several are joined by `` | ``."""

    digest: str
    name: str
    version: str
    source: str = Field(description="Counterparty or issuer.")
    channel: str
    licence: str
    licence_class: str
    personal_data: str
    basis: str
    purpose_fit: str = Field(
        description="Whether its rights allow what the policy says the model is for: yes; no or unknown, "
        "with the purposes; or not asked."
    )
    valid_until: str
    order: str
    signed_by: list[str] = Field(description="Principals whose statements about it are believed.")
    status: Literal["ok", "gap", "withdrawn", "untrusted", "refused", "open"] = Field(
        description="refused, open: it is explained, but a rule fails or misses a fact about it."
    )
    statements: list[str]


class Node(Model):
    """A node of the lineage picture: an artifact or a step."""

    id: int
    kind: str = Field(description="dataset, model, tokenizer, code, artifact, or step:<build kind>.")
    label: str
    digest: str = Field(description="sha256:… of the artifact, or of the step's statement.")
    status: Literal["ok", "gap", "opaque", "withdrawn", "untrusted", "refused"] = Field(
        description="refused: a dataset that is explained, and that a rule of the policy refuses."
    )
    level: int = Field(description="Longest distance from a delivered artifact, 0 for the artifact itself.")


class Edge(Model):
    """An arrow of the lineage picture, from what was read to what it went into."""

    source: int
    target: int
    role: str = Field(description="Role of an input; output; member; derivedFrom.")
    digest_source: str | None = Field(
        default=None, description="Where the step took the digest over from; absent: it was measured."
    )


class Lineage(Model):
    """The picture behind the delivered artifact: nodes in a stable order, origins last."""

    nodes: list[Node]
    edges: list[Edge]


class ExceptionRow(Model):
    """A dated waiver of the policy."""

    rule: str
    subject: str
    reason: str
    approver: str
    expires: str
    used: bool
    expired: bool


class RegisterRow(Model):
    """A register that was read."""

    register_id: str
    sequence: int
    as_of: Timestamp
    next_update: Timestamp
    keeper: list[str]
    self_kept: bool = Field(description="Its keeper also signed statements of this lineage.")
    problems: list[str]


class RootRow(Model):
    """A file of roots that signatures and times were held against."""

    kind: Literal["sigstore", "timestamp", "certificate"]
    file: str
    sha256: str = Field(description="SHA-256 of the file's bytes, lowercase hex.")
    age_days: int | None = Field(
        default=None, description="Days from when it was fetched to the time of evaluation; absent: not said."
    )


class StatementRow(Model):
    """One statement of the evidence."""

    digest: str
    type: str
    files: list[str] = Field(description="The files it was read from, sorted.")
    subjects: list[str]
    signers: list[str]
    principals: list[str]
    trusted_time: Timestamp | None = None
    standing: Standing
    reason: str = Field(description="Why it is not believed; empty when it is.")
    note: str | None = Field(
        default=None, description="What it adds beside the lineage, e.g. that these files were also signed."
    )


class UnknownLineRow(Model):
    """A line that was carried and is no evidence."""

    file: str
    line: int
    reason: str


class Report(Model):
    """The whole report."""

    report_version: Literal["v0.1"] = "v0.1"
    verdict: Literal["REJECT", "INCOMPLETE", "ACCEPT_WITH_EXCEPTIONS", "ACCEPT"]
    as_of: Timestamp
    historical: bool = Field(description="Evaluated as of a chosen time: not a basis for buying today.")
    preflight: bool | None = Field(
        default=None,
        description="True: no file was measured; what was released is taken as delivered. Else absent.",
    )
    tool: str = Field(description="Name and version of the software.")
    policy: PolicyFacts
    trust: PinnedDocument
    roots: list[RootRow] | None = Field(default=None, description="Pinned by the trust file; absent: none.")
    delivered: Delivered
    counts: dict[ResultWord, int] = Field(description="Rules by result.")
    chain: ChainFacts
    rules: list[RuleRow]
    findings: list[FindingRow]
    asks: list[Ask]
    datasets: list[DatasetRow]
    lineage: Lineage
    exceptions: list[ExceptionRow]
    registers: list[RegisterRow]
    statements: list[StatementRow]
    unknown_lines: list[UnknownLineRow]
    not_proven: list[str]
    reproduce: str = Field(description="The command that reproduces this report.")
