"""``policy.yaml`` and its cases as they are written, and the presets that ship with attest."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from attest.digest import Sha256
from attest.document import Document, read_document, read_file
from attest.errors import UsageError, nearest
from attest.limits import DEFAULT, Limits
from attest.model import Date, StrictModel, Timestamp

__all__ = [
    "PRESETS",
    "BasePolicy",
    "CaseEntry",
    "CasesFile",
    "ExceptionEntry",
    "PolicyFile",
    "PolicyLimits",
    "beside",
    "preset",
    "preset_cases",
    "read_source",
]

PRESETS = ("commercial-baseline", "biometric", "high-assurance")
"""Policies that ship with attest: ordinary documents to start from."""

_PRESET_FOLDER = Path(__file__).parent / "presets"


class BasePolicy(StrictModel):
    """The policy this one extends, pinned: another version of it is an error, never a silent change."""

    policy: str = Field(description="Its file, relative to this one, or preset:NAME.")
    sha256: Sha256 = Field(description="SHA-256 of its bytes; `attest policy check` prints it.")


class ExceptionEntry(StrictModel):
    """A dated waiver of one rule for one subject."""

    rule: str
    subject: str = Field(description="sha256:… of an artifact or statement, or a delivered path.")
    reason: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    expires: Date = Field(description="The last day it holds, in UTC.")

    def holds(self, as_of: datetime) -> bool:
        """Whether it still holds at that time."""
        return as_of < datetime.combine(self.expires, time(), UTC) + timedelta(days=1)


class PolicyLimits(StrictModel):
    """How much may be tolerated over all rules; absent: no limit of its own."""

    opaque_base_models: int | None = Field(default=None, ge=0)
    unknowns: int | None = Field(default=None, ge=0, description="UNKNOWN findings, waived ones included.")
    exceptions: int | None = Field(default=None, ge=0, description="Exceptions that were used.")


class PolicyFile(StrictModel):
    """``policy.yaml`` as it is written."""

    policy: str = Field(min_length=1, description="Name of the policy.")
    version: int | str = Field(description="Version of the policy.")
    extends: BasePolicy | None = Field(
        default=None,
        description="A policy whose rules, limits and exceptions hold here, too; where both name a rule, "
        "this one's counts.",
    )
    purpose: list[str] = Field(default_factory=list, description="What the model will be used for.")
    territories: list[str] = Field(default_factory=list, description="Where it will be used.")
    rules: list[str | dict[str, dict[str, Any] | None]] = Field(
        default_factory=list, description="The rules, in order."
    )
    unknown: Literal["reject", "incomplete"] = Field(
        default="incomplete", description="What a missing fact means for rules that do not say."
    )
    limits: PolicyLimits = Field(default_factory=PolicyLimits)
    exceptions: list[ExceptionEntry] = Field(default_factory=list)

    @field_validator("rules")
    @classmethod
    def _one_name_each(cls, value: list[Any]) -> list[Any]:
        for entry in value:
            if isinstance(entry, dict) and len(entry) != 1:
                raise ValueError("each entry is one rule: a name, or a name with its parameters")
        return value


class CaseEntry(StrictModel):
    """One case a policy is tested with: evidence, and what the policy has to say of it."""

    name: str = Field(min_length=1)
    bundle: str = Field(description="Attestation bundle, relative to this file.")
    trust: str = Field(description="The trust file to judge it under, relative to this file.")
    registers: list[str] = Field(default_factory=list, description="Registers, relative to this file.")
    delivered: str | None = Field(
        default=None,
        description="The delivered file or folder; absent: exactly what the bundle was made for.",
    )
    release: str | None = Field(
        default=None, description="sha256:… of which release, where the bundle was made for several."
    )
    as_of: Timestamp = Field(description="Time of evaluation.")
    expect: Literal["ACCEPT", "ACCEPT_WITH_EXCEPTIONS", "INCOMPLETE", "REJECT"]
    findings: list[str] = Field(
        default_factory=list,
        description="Codes of the findings that keep it from passing: all of them and no other.",
    )

    @model_validator(mode="after")
    def _has_its_reason(self) -> CaseEntry:
        if self.expect in ("INCOMPLETE", "REJECT") and not self.findings:
            raise ValueError("a case that must not pass names the findings that keep it from passing")
        return self


class CasesFile(StrictModel):
    """``policy.cases.yaml``: what a policy must accept and what it must not."""

    cases: list[CaseEntry] = Field(min_length=1)


def preset(name: str) -> bytes:
    """Return the text of a policy that ships with attest.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in PRESETS:
        guess = nearest(name, PRESETS)
        raise UsageError(
            f"unknown preset {name[:80]!r}",
            hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(PRESETS)}",
        )
    return (_PRESET_FOLDER / f"{name}.yaml").read_bytes()


def preset_cases(name: str) -> Path:
    """Return the file of the cases that ship with a preset.

    Raises:
        UsageError: there is no preset of that name.
    """
    preset(name)
    return _PRESET_FOLDER / "cases" / f"{name}.cases.yaml"


def beside(document: str, name: str) -> str:
    """Return the path of a file that a document of the reader's names; presets stay what they are."""
    return name if name.startswith("preset:") else str(Path(document).parent / name)


def read_source(source: str, limits: Limits = DEFAULT) -> Document:
    """Read the document of a policy: a file, or a preset by ``preset:NAME``.

    Raises:
        FormatError: the file cannot be read.
        UsageError: not YAML, or there is no preset of that name.
        LimitError: beyond the limits.
    """
    if source.startswith("preset:"):
        return read_document(preset(source.removeprefix("preset:")), source, limits)
    return read_file(Path(source), limits)
