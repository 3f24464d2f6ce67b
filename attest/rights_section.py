"""The section ``rights`` of a dataset card: licence, reservations, consent, what one may do with the data.

As strict as ``attest.sections``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from attest.claim import Count, Token
from attest.model import Date, StrictModel
from attest.words import (
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
    "Approver",
    "Basis",
    "Consent",
    "ConsentCounts",
    "ConsentWithdrawal",
    "License",
    "LicenseClass",
    "Obligation",
    "ReservationCheck",
    "RightsSection",
]

UseWord = Literal["commercial", "noncommercial", "academic", "unspecified"]
TrainingWord = Literal["permitted", "prohibited", "silent", "exception-relied"]
ReleaseWord = Literal["permitted", "prohibited", "silent"]
CheckWord = Literal["reserved", "not-reserved", "partly-reserved", "unknown"]
StatusWord = Literal["active", "suspended", "withdrawn", "expired", "invalidated"]


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
