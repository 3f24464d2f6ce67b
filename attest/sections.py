"""The sections of a dataset card about the data: every key a person may write, with the words it takes.

Strict where predicates are lenient: a word outside its vocabulary, a number where text is meant or a
licence id nobody knows is an error that names what was probably meant.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import model_validator

from attest.claim import Count, Token
from attest.model import Date, StrictModel
from attest.words import (
    ArtifactName,
    FileName,
    Territory,
    Text,
    YesNo,
    choice,
    in_order,
)

__all__ = [
    "Acquisition",
    "Check",
    "Collection",
    "Content",
    "Crawl",
    "DerivedFrom",
    "Generator",
    "IntellectualProperty",
    "Issuer",
    "Naming",
    "Origin",
    "PersonalData",
    "Retention",
    "Synthetic",
]


ResultWord = Literal["passed", "failed", "unknown"]
BackingWord = Literal["measured", "self-asserted", "upstream-signed", "third-party-verified"]


class Naming(StrictModel):
    """What the dataset is called."""

    name: Text
    """What people call it."""
    version: Text
    """Version, in quotes."""
    description: Text | None = None
    """What it is, in words."""


class Issuer(StrictModel):
    """Who puts it out."""

    legal_name: Text
    """Name as in contracts."""
    uri: Text | None = None
    """A page that identifies them."""
    address: Text | None = None
    """Postal address."""
    contact: Text | None = None
    """Phone or e-mail."""


class Content(StrictModel):
    """What is in it; sizes are measured and not written here."""

    modality: list[Annotated[str, Token("modalities", "refuse")]] | None = None
    """Kinds of data."""
    media_types: list[Text] | None = None
    """IANA media types."""
    languages: list[Text] | None = None
    """BCP 47 tags."""
    record_count: Count | None = None
    """Number of records."""


class Crawl(StrictModel):
    """How the web was crawled."""

    agents: list[Text] | None = None
    """User agents."""
    signals_honoured: list[Annotated[str, Token("reservation-methods", "refuse")]] | None = None
    """Reservation signals that were honoured."""
    start: Date | None = None
    """First day."""
    end: Date | None = None
    """Last day."""


class Acquisition(StrictModel):
    """How the issuer came by it."""

    channel: Annotated[str, Token("acquisition-channels", "refuse")]
    """Vocabulary acquisition-channels."""
    counterparty: Text | None = None
    """Who handed it over."""
    agreement: FileName | None = None
    """The contract's file."""
    related_party: YesNo = "unknown"
    """Whether the two sides share owners, officers or investors."""
    acquired_at: Date | None = None
    """Day of delivery."""
    crawl: Crawl | None = None
    """For the channel ``crawl``."""


class Collection(StrictModel):
    """How and when the data came into being."""

    method: list[Annotated[str, Token("collection-methods", "refuse")]] | None = None
    """Vocabulary collection-methods."""
    start: Date | None = None
    """First day."""
    end: Date | None = None
    """Last day."""
    ongoing: YesNo = "unknown"
    """Whether collection goes on."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        in_order(self.start, self.end, "collection ends before it starts")
        return self


class Origin(StrictModel):
    """Where it comes from."""

    organizations: list[Text] | None = None
    """Who made it."""
    geography: list[Territory] | None = None
    """Where it was collected."""
    data_subject_regions: list[Territory] | None = None
    """Where the people in it live."""


class PersonalData(StrictModel):
    """Whether it is about people."""

    presence: YesNo
    """Whether it holds personal data."""
    categories: list[Annotated[str, Token("confidentiality", "refuse")]] | None = None
    """Vocabulary confidentiality."""
    biometric: YesNo = "unknown"
    """Biometric identifiers."""
    children: YesNo = "unknown"
    """Data of children."""
    special_category: YesNo = "unknown"
    """Special categories (GDPR Art. 9)."""
    ccpa_personal_information: YesNo = "unknown"
    """Personal information under California law."""
    aggregate_consumer_information: YesNo = "unknown"
    """Aggregate consumer information under California law."""
    subject_column: Text | None = None
    """Column that holds the stable id of the person a row is about; it is not signed."""

    @model_validator(mode="after")
    def _no_contradiction(self) -> Self:
        for name in ("biometric", "children", "special_category"):
            if self.presence == "no" and getattr(self, name) == "yes":
                raise ValueError(f"presence is no, yet {name.replace('_', ' ')} is yes")
        return self


class IntellectualProperty(StrictModel):
    """Whether it holds protected matter."""

    copyright: YesNo = "unknown"
    """Works under copyright."""
    trademark: YesNo = "unknown"
    """Trademarks."""
    patent: YesNo = "unknown"
    """Patented matter."""
    public_domain: YesNo = "unknown"
    """Whether all of it is in the public domain."""


class Generator(StrictModel):
    """A program or model that generated data."""

    name: Text
    """Its name and version."""
    uri: Text | None = None
    """Where it can be found."""
    digest: ArtifactName | None = None
    """``sha256:…`` of its weights."""


class Synthetic(StrictModel):
    """Whether programs or models generated it."""

    presence: YesNo
    """Whether it holds generated data."""
    generators: list[Generator] | None = None
    """What generated it."""


class Retention(StrictModel):
    """When it must go."""

    delete_by: Date | None = None
    """Last day it may be kept."""
    trigger: Text | None = None
    """The event that starts deletion."""
    basis: Text | None = None
    """Why that day: agreement, law, policy."""
    schedule: Text | None = None
    """Where the schedule is published."""


class Check(StrictModel):
    """What it was examined for."""

    kind: Annotated[str, Token("checks", "refuse")]
    """Vocabulary checks."""
    result: Annotated[ResultWord, choice(ResultWord)]
    """Whether what was found is tolerable."""
    by: Text | None = None
    """Who examined it."""
    tool: Text | None = None
    """With what, name and version."""
    checked_at: Date | None = None
    """The day."""
    claim: Annotated[BackingWord, choice(BackingWord)] | None = None
    """Who stands behind it; ``third-party-verified``: somebody independent."""
    evidence: list[FileName] | None = None
    """The reports' files."""


class DerivedFrom(StrictModel):
    """Another dataset this one was made from, outside any recorded step."""

    name: Text | None = None
    """Its name."""
    digest: ArtifactName
    """``sha256:…``, with a ``/`` at the end for a directory."""
    relation: Text | None = None
    """E.g. subset, cleaned, translated."""
