"""The sections of a dataset card: every key a person may write, with the words it takes.

Strict where predicates are lenient: a word outside its vocabulary, a number where text is meant or a
licence id nobody knows is an error that names what was probably meant.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.claim import Count, Token
from attest.model import Date, StrictModel
from attest.words import (
    ArtifactName,
    FileName,
    LicenseText,
    Purpose,
    Territory,
    Text,
    YesNo,
    choice,
    in_order,
)

__all__ = [
    "Acquisition",
    "Approver",
    "Basis",
    "Check",
    "Collection",
    "Consent",
    "ConsentCounts",
    "ConsentWithdrawal",
    "Content",
    "Crawl",
    "DerivedFrom",
    "Generator",
    "IntellectualProperty",
    "Issuer",
    "License",
    "LicenseClass",
    "Naming",
    "Obligation",
    "Origin",
    "PersonalData",
    "ReservationCheck",
    "Retention",
    "RightsSection",
    "Synthetic",
]


UseWord = Literal["commercial", "noncommercial", "academic", "unspecified"]
TrainingWord = Literal["permitted", "prohibited", "silent", "exception-relied"]
ReleaseWord = Literal["permitted", "prohibited", "silent"]
CheckWord = Literal["reserved", "not-reserved", "partly-reserved", "unknown"]
StatusWord = Literal["active", "suspended", "withdrawn", "expired", "invalidated"]
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


class LicenseClass(StrictModel):
    """What a licence allows."""

    use: Annotated[UseWord, choice(UseWord)] | None = None
    """Who may use it for what."""
    attribution: YesNo = "unknown"
    """Whether it demands attribution."""
    share_alike: YesNo = "unknown"
    """Whether it demands that derived works carry the same licence."""


class License(StrictModel):
    """The licence."""

    expression: LicenseText
    """SPDX expression, or LicenseRef-NAME."""
    text: FileName | None = None
    """The licence text's file."""
    url: Text | None = None
    """Where it was published."""
    class_: LicenseClass | None = Field(default=None, alias="class")
    """What it allows; needed for a licence of your own."""
    training: Annotated[TrainingWord, choice(TrainingWord)] | None = None
    """What it says of training models."""
    derived_model_distribution: Annotated[ReleaseWord, choice(ReleaseWord)] | None = None
    """What it says of distributing models trained on it."""
    verified_by: Text | None = None
    """Who read the licence."""


class ReservationCheck(StrictModel):
    """Whether text and data mining was reserved."""

    methods: list[Annotated[str, Token("reservation-methods", "refuse")]]
    """Where one looked."""
    result: Annotated[CheckWord, choice(CheckWord)]
    """What one found."""
    checked_at: Date
    """When one looked."""
    evidence: list[FileName] | None = None
    """The files found."""


class ConsentCounts(StrictModel):
    """How many people answered what."""

    noticed: Count | None = None
    """Got the notice."""
    consented: Count | None = None
    """Agreed."""
    declined: Count | None = None
    """Declined."""
    no_response: Count | None = None
    """Did not answer."""
    withdrawn: Count | None = None
    """Took it back."""


class ConsentWithdrawal(StrictModel):
    """How a person takes consent back."""

    channel: Text
    """Where."""
    sla_days: Count | None = None
    """Days until it takes effect."""


class Consent(StrictModel):
    """The consent behind a basis."""

    status: Annotated[str, Token("consent-statuses", "refuse")]
    """Vocabulary consent-statuses."""
    type: Annotated[str, Token("consent-types", "refuse")] | None = None
    """Vocabulary consent-types."""
    covers: list[Annotated[str, Token("consent-covers", "refuse")]] | None = None
    """Vocabulary consent-covers."""
    purposes: list[Purpose] | None = None
    """Purposes the notice named."""
    recipients: list[Text] | None = None
    """Recipients the notice named."""
    notice: FileName | None = None
    """The notice's file."""
    separate_from_terms: YesNo = "unknown"
    """Whether it was separate from terms of service."""
    record_schema: Text | None = None
    """Schema of the consent records."""
    withdrawal: ConsentWithdrawal | None = None
    """How it is taken back."""
    counts: ConsentCounts | None = None
    """How many people answered what."""


class Basis(StrictModel):
    """On what ground personal data is used in one jurisdiction."""

    jurisdiction: Territory
    """ISO 3166 code, EU or EEA."""
    basis: Annotated[str, Token("legal-bases", "refuse")]
    """Vocabulary legal-bases."""
    special_condition: Annotated[str, Token("special-conditions", "refuse")] | None = None
    """Vocabulary special-conditions."""
    consent: Consent | None = None
    """For bases that rest on consent."""
    assessment: FileName | None = None
    """The assessment's file."""


class Obligation(StrictModel):
    """Something whoever uses the data must do."""

    kind: Annotated[str, Token("obligations", "refuse")]
    """Vocabulary obligations."""
    text: Text | None = None
    """In words."""


class Approver(StrictModel):
    """Who approved the record."""

    name: Text
    """Full name."""
    role: Text | None = None
    """E.g. data governance officer."""


class RightsSection(StrictModel):
    """What one may do with it, and until when. An absent list is unknown, an empty one means none."""

    status: Annotated[StatusWord, choice(StatusWord)] = "active"
    """Only ``active`` grants."""
    license: License | None = None
    """The licence."""
    copyright_basis: Annotated[str, Token("copyright-bases", "refuse")] | None = None
    """Vocabulary copyright-bases."""
    reservation_check: ReservationCheck | None = None
    """Whether mining was reserved."""
    personal_data_basis: list[Basis] | None = None
    """One per jurisdiction."""
    permitted_purposes: list[Purpose] | None = None
    """What it may be used for."""
    prohibited_purposes: list[Purpose] | None = None
    """What it must not be used for."""
    territories: list[Territory] | None = None
    """Where it may be used."""
    recipients: list[Text] | None = None
    """Who may receive it."""
    obligations: list[Obligation] | None = None
    """What its user must do."""
    approver: Approver | None = None
    """Who approved the record."""
    valid_from: Date | None = None
    """First day it holds, UTC."""
    valid_until: Date | None = None
    """Last day it holds, UTC."""
    register_: Text | None = Field(default=None, alias="register")
    """Id of the register that says which record is current."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        in_order(self.valid_from, self.valid_until, "the rights end before they begin")
        return self
