"""Rights: what one may do with a dataset, and until when (``rights/v0.1``).

Its subject is the dataset (for a part of it, ``scope.subsetRoot`` says which). The dataset's
``rights-holder`` signs it. All records in hand apply together, the strictest per field; a later record that
relaxes an earlier one counts only if the rights-holder's fresh register names it current.

Nothing is ignored here: a field this version does not know, a value it cannot read, or a word outside the
vocabulary in a list of prohibitions makes that group UNKNOWN (``Rights.unknown_groups``). An absent list
is unknown, an empty one means none.

Example::

    {
      "sequence": 1, "status": "active", "validUntil": "2030-12-31T23:59:59Z",
      "license": {
        "expression": "LicenseRef-PhotoCoop-Train-1", "training": "permitted",
        "text": {"name": "licenses/photocoop.txt", "digest": {"sha256": "5b77…"}},
        "class": {"use": "commercial", "attribution": "unknown", "shareAlike": "no"}
      },
      "personalDataBasis": [
        {"jurisdiction": "EU", "basis": "explicit-consent",
         "consent": {"status": "given", "covers": ["training", "biometric", "third-party-transfer"]}}
      ],
      "prohibitedPurposes": ["surveillance", "emotion-recognition"], "territories": ["EU", "US"]
    }
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Count, Group, Positive, Token, is_unknown, or_unknown, unknown_groups
from attest.digest import Sha256
from attest.model import Presence, Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor
from attest.vocabulary import load

__all__ = [
    "Approver",
    "BasisOfData",
    "Consent",
    "ConsentCounts",
    "ConsentWithdrawal",
    "License",
    "LicenseClass",
    "Obligation",
    "ReservationCheck",
    "Rights",
    "Scope",
]

UseWord = Literal["commercial", "noncommercial", "academic", "unspecified", "unknown"]
TrainingWord = Literal["permitted", "prohibited", "silent", "exception-relied", "unknown"]
ReleaseWord = Literal["permitted", "prohibited", "silent", "unknown"]
StatusWord = Literal["active", "suspended", "withdrawn", "expired", "invalidated", "unknown"]
CheckWord = Literal["reserved", "not-reserved", "partly-reserved", "unknown"]

Purpose = Annotated[str, Token("purposes", unlisted="keep")]
Territory = Annotated[str, Field(min_length=1)]


class LicenseClass(Group):
    """What a licence allows, in three facts (after the Data Provenance Initiative's licence classes)."""

    use: Annotated[UseWord, or_unknown(UseWord)] = "unknown"
    """``commercial``: every use; ``noncommercial``, ``academic``: only those; ``unspecified``: silent."""
    attribution: Presence = "unknown"
    """Whether it demands attribution."""
    share_alike: Presence = "unknown"
    """Whether it demands that derived works carry the same licence."""


class License(Group):
    """The licence. For ids on the SPDX list attest's own table decides and ``class`` can only narrow it."""

    expression: str | None = None
    """SPDX licence expression (SPDX 3.0.1, Annex B); ids of ours start with ``LicenseRef-``."""
    text: ResourceDescriptor | None = None
    """The licence text as it was agreed to, by digest."""
    url: str | None = None
    """Where it was published. Never followed."""
    class_: LicenseClass | None = Field(default=None, alias="class")
    """What it allows."""
    training: Annotated[TrainingWord, or_unknown(TrainingWord)] = "unknown"
    """What it says of training models."""
    derived_model_distribution: Annotated[ReleaseWord, or_unknown(ReleaseWord)] = "unknown"
    """What it says of distributing models trained on it."""
    verified_by: str | None = None
    """Who read the licence."""


class ReservationCheck(Group):
    """Whether text and data mining was reserved (Directive (EU) 2019/790, Art. 4(3))."""

    methods: tuple[Annotated[str, Token("reservation-methods", unlisted="keep")], ...] | None = None
    """Vocabulary reservation-methods: where one looked."""
    result: Annotated[CheckWord, or_unknown(CheckWord)] = "unknown"
    """What one found."""
    checked_at: Timestamp | None = None
    """When one looked."""
    evidence: tuple[ResourceDescriptor, ...] | None = None
    """The files found, by digest."""


class ConsentWithdrawal(Group):
    """How a person takes consent back (GDPR Art. 7(3))."""

    channel: str | None = None
    """Where."""
    sla_days: Count | None = None
    """Days until it takes effect."""


class ConsentCounts(Group):
    """How many people answered what (FTC orders, WW/Kurbo II.A)."""

    noticed: Count | None = None
    """People or accounts that got the notice."""
    consented: Count | None = None
    """Of these, agreed."""
    declined: Count | None = None
    """Of these, declined."""
    no_response: Count | None = None
    """Of these, did not answer."""
    withdrawn: Count | None = None
    """Agreed and took it back."""


class Consent(Group):
    """The consent behind a basis (ISO/IEC TS 27560:2023; DPV 2.2)."""

    type: Annotated[str, Token("consent-types")] = "unknown"
    """Vocabulary consent-types."""
    status: Annotated[str, Token("consent-statuses")] = "unknown"
    """Vocabulary consent-statuses; ``given`` and ``renewed`` are valid for processing."""
    covers: tuple[Annotated[str, Token("consent-covers", unlisted="keep")], ...] | None = None
    """Vocabulary consent-covers: what the notice named and people agreed to."""
    purposes: tuple[Purpose, ...] | None = None
    """Purposes the notice named."""
    recipients: tuple[str, ...] | None = None
    """Recipients the notice named."""
    notice: ResourceDescriptor | None = None
    """The notice, by digest."""
    separate_from_terms: Presence = "unknown"
    """Whether it was separate from terms of service (FTC: affirmative express consent)."""
    record_schema: str | None = None
    """Schema of the consent records, e.g. ISO/IEC TS 27560:2023."""
    withdrawal: ConsentWithdrawal | None = None
    """How it is taken back."""
    counts: ConsentCounts | None = None
    """How many people answered what."""

    @property
    def valid(self) -> bool:
        """Whether DPV lists the status as valid for processing."""
        return bool(load("consent-statuses").tokens.get(self.status, {}).get("valid", False))


class BasisOfData(Group):
    """On what ground personal data is used in one jurisdiction."""

    jurisdiction: str | None = None
    """ISO 3166 code, ``EU`` or ``EEA``."""
    basis: Annotated[str, Token("legal-bases")] = "unknown"
    """Vocabulary legal-bases."""
    special_condition: Annotated[str, Token("special-conditions")] | None = None
    """Vocabulary special-conditions (GDPR Art. 9(2))."""
    consent: Consent | None = None
    """For bases that rest on consent."""
    assessment: ResourceDescriptor | None = None
    """Legitimate-interest or impact assessment, by digest."""


class Obligation(Group):
    """Something whoever uses the data must do."""

    kind: Annotated[str, Token("obligations")] = "unknown"
    """Vocabulary obligations; a word outside it makes the obligation UNKNOWN."""
    text: str | None = None
    """In words, e.g. the attribution line."""


class Approver(Group):
    """Who in the rights-holder's house approved the record."""

    name: str | None = None
    """Full name."""
    role: str | None = None
    """E.g. data governance officer."""


class Scope(Group):
    """Which part of the dataset the record is about; absent: all of it."""

    subset_root: Sha256 | None = None
    """Root of the record commitment over the part."""
    description: str | None = None
    """The part in words."""


class Rights(Predicate, Group):
    """What one may do with a dataset, and until when."""

    TYPE: ClassVar[str] = f"{BASE}rights/v0.1"
    TRUST_ROLE: ClassVar[str] = "rights-holder"

    sequence: Positive | None = None
    """Number of the record among those of this rights-holder about this dataset, from 1."""
    supersedes: Sha256 | None = None
    """Statement digest of the record it replaces; of a record about something derived, the record about
    its source that it stands in for (docs/adr/0024)."""
    status: Annotated[StatusWord, or_unknown(StatusWord)] = "unknown"
    """Only ``active`` grants."""
    scope: Scope | None = None
    """Which part of the dataset."""
    license: License | None = None
    """The licence."""
    copyright_basis: Annotated[str, Token("copyright-bases")] | None = None
    """Vocabulary copyright-bases (Regulation (EU) 2024/1689, Art. 53(1)(c))."""
    reservation_check: ReservationCheck | None = None
    """Whether mining was reserved."""
    personal_data_basis: tuple[BasisOfData, ...] | None = None
    """One per jurisdiction."""
    permitted_purposes: tuple[Purpose, ...] | None = None
    """Vocabulary purposes: what it may be used for."""
    prohibited_purposes: tuple[Purpose, ...] | None = None
    """Vocabulary purposes: what it must not be used for. A word outside it makes the list UNKNOWN."""
    territories: tuple[Territory, ...] | None = None
    """Vocabulary territories: where it may be used."""
    recipients: tuple[str, ...] | None = None
    """Who may receive it; absent: not restricted by name."""
    obligations: tuple[Obligation, ...] | None = None
    """What its user must do."""
    approver: Approver | None = None
    """Who approved the record."""
    valid_from: Timestamp | None = None
    """The first moment it holds."""
    valid_until: Timestamp | None = None
    """The last moment it holds."""
    register_: str | None = Field(default=None, alias="register")
    """Id of the register that says which record is current."""

    def unknown_groups(self) -> list[str]:
        """Return the dotted names of groups that must be taken as UNKNOWN; ``*`` is the whole record."""
        return list(self.doubtful)

    @cached_property
    def doubtful(self) -> tuple[str, ...]:
        """What ``unknown_groups`` returns, worked out once."""
        found = set(unknown_groups(self))
        if any(purpose not in load("purposes") for purpose in self.prohibited_purposes or ()):
            found.add("prohibitedPurposes")
        for number, obligation in enumerate(self.obligations or ()):
            if obligation.kind == "unknown":
                found.add(f"obligations.{number}")
        return tuple(sorted(found))

    def is_unknown(self, group: str) -> bool:
        """Tell whether a group (dotted name in JSON) is UNKNOWN, in whole or in part."""
        return is_unknown(self.unknown_groups(), group)
