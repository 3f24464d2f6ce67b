"""The sections of a deletion order as a person writes them: every key, with the words it takes."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from attest.claim import Count
from attest.digest import ALIASES
from attest.model import Date, StrictModel
from attest.resource import MANIFEST_MEDIA_TYPE
from attest.words import ArtifactName, FileName, Text, YesNo, choice

__all__ = [
    "AuthoritySection",
    "BasisWord",
    "DeadlineRow",
    "Heading",
    "Records",
    "ReportingSection",
    "Target",
    "TargetsSection",
    "ThirdPartiesSection",
    "stated_uri",
]

BasisWord = Literal[
    "regulator",
    "court",
    "data-subject-request",
    "consent-withdrawal",
    "licence-end",
    "contract",
    "voluntary",
]
ClassWord = Literal[
    "raw-data",
    "derived-data",
    "embedding",
    "index",
    "model",
    "adapter",
    "quantization",
    "distilled-student",
    "backup",
    "other",
]
SpaceWord = Literal["content", "subject"]

_KEY = re.compile(r"[0-9a-f]{64}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")


def _any_digest(value: str) -> str:
    """Take ``sha256:…`` with or without the slash of a directory, or another digest by its algorithm."""
    algorithm, _, digest = value.partition(":")
    length = {"sha256": 64, **ALIASES}.get(algorithm)
    plain = digest.removesuffix("/") if algorithm == "sha256" else digest
    if length is None or len(plain) != length or set(plain) - set("0123456789abcdef"):
        known = ", ".join(["sha256", *ALIASES])
        raise ValueError(f"expected ALGORITHM:hex in lowercase, of {known}; a directory's sha256 ends in /")
    return value


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError("expected a record's key: 64 lowercase hex digits")
    return value


def stated_uri(value: str) -> str:
    """Return the URI a person wrote.

    Raises:
        ValueError: it is none.
    """
    if not _URI.fullmatch(value):
        raise ValueError("expected a URI like https://registry.example/orders; nobody will ever fetch it")
    return value


class Heading(StrictModel):
    """What the order is."""

    id: Text
    """What people call it."""
    basis: Annotated[BasisWord, choice(BasisWord)]
    """On whose word."""
    document: FileName | None = None
    """The decision, letter or request as a file; its digest is recorded. Without one, this file is it."""


class AuthoritySection(StrictModel):
    """Who ordered it."""

    name: Text
    """Name of the authority, court or, where that may be published, person."""
    jurisdiction: Text | None = None
    """Where it has force."""
    docket: Text | None = None
    """File number."""
    uri: Text | None = None
    """Where the decision can be read."""


class Target(StrictModel):
    """A dataset or model that must go."""

    name: Text | None = None
    """What it is called; without a digest, everything called so is possibly meant."""
    digest: Annotated[Text, AfterValidator(_any_digest)] | None = None
    """`sha256:…`, with a `/` at the end for a directory; or another digest it is known by."""

    @model_validator(mode="after")
    def _names_something(self) -> Target:
        if self.name is None and self.digest is None:
            raise ValueError("name or digest is needed")
        return self

    def descriptor(self) -> dict[str, Any]:
        """Return it as the predicate has it."""
        found: dict[str, Any] = {"name": self.name} if self.name else {}
        if self.digest is not None:
            algorithm, _, digest = self.digest.partition(":")
            found["digest"] = {algorithm: digest.removesuffix("/")}
            if digest.endswith("/"):
                found["mediaType"] = MANIFEST_MEDIA_TYPE
        return found


class Records(StrictModel):
    """Single records that must go."""

    dataset: ArtifactName | None = None
    """The dataset they are in, whose secret the keys are made with."""
    space: Annotated[SpaceWord, choice(SpaceWord)]
    """`content`: keys of records; `subject`: keys of persons."""
    keys: list[Annotated[Text, AfterValidator(_key)]] = Field(default_factory=list, max_length=10_000)
    """The keys, 64 hex digits each."""
    list_: FileName | None = Field(default=None, alias="list")
    """Instead: a file with a key per line; its digest is recorded, and it stays home."""
    count: Count | None = None
    """How many records are meant."""

    @model_validator(mode="after")
    def _names_something(self) -> Records:
        if not self.keys and self.list_ is None:
            raise ValueError("keys or list is needed")
        return self


class TargetsSection(StrictModel):
    """What must go."""

    datasets: list[Target] = Field(default_factory=list)
    """Datasets."""
    records: list[Records] = Field(default_factory=list)
    """Records of datasets."""
    models: list[Target] = Field(default_factory=list)
    """Models."""

    @model_validator(mode="after")
    def _names_something(self) -> TargetsSection:
        if not (self.datasets or self.records or self.models):
            raise ValueError("an order needs a target: datasets, records or models")
        return self


class DeadlineRow(StrictModel):
    """By when."""

    class_: Annotated[ClassWord, choice(ClassWord)] | None = Field(default=None, alias="class")
    """Of what; without one: of everything no other deadline names."""
    days: Count | None = None
    """Days from `effective`."""
    due: Date | None = None
    """The last day; without one, it is counted from `days`."""

    @model_validator(mode="after")
    def _has_an_end(self) -> DeadlineRow:
        if self.days is None and self.due is None:
            raise ValueError("days or due is needed")
        return self


class ThirdPartiesSection(StrictModel):
    """What is owed to and by whoever received something of it."""

    identify: YesNo = "unknown"
    """Name them."""
    notify: YesNo = "unknown"
    """Tell them."""
    instruct: YesNo = "unknown"
    """Instruct them to delete."""
    confirm: YesNo = "unknown"
    """Demand their confirmation."""
    within_days: Count | None = None
    """Within so many days of `effective`."""
    forward_days: Count | None = None
    """Replies go to the authority within so many days."""
    lookback_days: Count | None = None
    """How far back recipients count."""


class ReportingSection(StrictModel):
    """To whom the deletion is reported."""

    recipient: Text
    """Who receives the certificate."""
    form: Text | None = None
    """The form of the declaration, e.g. 28 U.S.C. § 1746."""
    due: Date | None = None
    """By when."""
    consent: YesNo | None = None
    """`yes`: how consent was asked for is told with it, and how many gave it."""
