"""Dataset: what a dataset's bytes are and how they were come by (``dataset/v0.1``).

Its subject is the dataset's tree or single file. A ``data-owner`` signs it. What may be done with the data
is a separate statement (``rights``), because bytes never change and permissions do. Facts of presence are
``yes``, ``no`` or ``unknown``; a word outside a vocabulary reads as ``unknown``. ``derivedFrom`` taints and
restricts and never completes a lineage: only a step does.

Example::

    {
      "name": "faces-consented", "version": "3",
      "issuer": {"legalName": "Example Data GmbH", "uri": "https://data.example"},
      "content": {"modality": ["image"], "fileCount": 120000, "sizeBytes": 5368709120},
      "acquisition": {
        "channel": "licensed-delivery", "counterparty": "Photo Co-op", "relatedParty": "no",
        "agreement": {"name": "agreements/2025-114.pdf", "digest": {"sha256": "0f3a…"}}
      },
      "collection": {"method": ["primary-user-source"], "start": "2024-01-01", "end": "2025-03-31"},
      "personalData": {"presence": "yes", "biometric": "yes", "children": "no", "specialCategory": "unknown"},
      "retention": {"deleteBy": "2030-12-31", "basis": "agreement"}
    }
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from attest.claim import Claimed, Count, Lenient, Token, or_unknown
from attest.commitment import SCHEME, SPACES, Commitment
from attest.digest import DigestSet, Sha256
from attest.model import Date, Presence
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = [
    "Acquisition",
    "Agreement",
    "Check",
    "Collection",
    "Content",
    "Crawl",
    "Dataset",
    "Deidentification",
    "DerivedFrom",
    "IntellectualProperty",
    "Origin",
    "Party",
    "PersonalData",
    "RecordCommitment",
    "Regions",
    "Retention",
    "Synthetic",
    "Zones",
]

Channel = Annotated[str, Token("acquisition-channels")]
Method = Annotated[str, Token("collection-methods")]
Modality = Annotated[str, Token("modalities", unlisted="keep")]
Confidentiality = Annotated[str, Token("confidentiality", unlisted="keep")]
Purpose = Annotated[str, Token("purposes", unlisted="keep")]
ResultWord = Literal["passed", "failed", "unknown"]


class Party(Lenient):
    """A legal or natural person."""

    legal_name: str | None = None
    """Name as in contracts (OASIS DPS issuer.name; 16 CFR orders: "name, address, and phone number")."""
    uri: str | None = None
    """A page that identifies them. Never followed."""
    address: str | None = None
    """Postal address."""
    contact: str | None = None
    """Phone or e-mail."""


class Content(Claimed):
    """What is in it."""

    modality: tuple[Modality, ...] | None = None
    """Kinds of data (SPDX 3.0.1 DatasetType; EU template 1.3; AB 2013 item 4)."""
    media_types: tuple[str, ...] | None = None
    """IANA media types of the files."""
    languages: tuple[str, ...] | None = None
    """BCP 47 tags (EU template 1.3)."""
    record_count: Count | None = None
    """Number of records (AB 2013 item 3)."""
    file_count: Count | None = None
    """Number of files."""
    size_bytes: Count | None = None
    """Size in bytes."""


class Agreement(ResourceDescriptor):
    """The contract a dataset was delivered under: a document by digest; its text stays with the parties."""

    type: str | None = None
    """E.g. licence, data processing agreement, sale."""
    effective: Date | None = None
    """First day in force."""
    expires: Date | None = None
    """Last day in force."""
    deletion_on_end: Presence = "unknown"
    """Whether the data must be deleted when it ends."""


class Crawl(Lenient):
    """How the web was crawled (EU template 2.3)."""

    agents: tuple[str, ...] | None = None
    """User agents."""
    signals_honoured: tuple[str, ...] | None = None
    """Reservation signals that were honoured."""
    start: Date | None = None
    """First day."""
    end: Date | None = None
    """Last day."""
    domains_digest: Sha256 | None = None
    """SHA-256 of the list of domains."""


class Acquisition(Claimed):
    """How the issuer came by it."""

    channel: Channel = "unknown"
    """Vocabulary acquisition-channels (EU template 2.1-2.6; OASIS AISVS 1.1.2)."""
    counterparty: str | None = None
    """Who handed it over (AB 2013 item 1)."""
    agreement: Agreement | None = None
    """The contract, by digest."""
    related_party: Presence = "unknown"
    """Whether the two sides share owners, officers or investors."""
    acquired_at: Date | None = None
    """Day of delivery."""
    crawl: Crawl | None = None
    """For the channel ``crawl``."""


class Collection(Claimed):
    """How and when the data came into being."""

    method: tuple[Method, ...] | None = None
    """Vocabulary collection-methods (OASIS GenerationMethodCode)."""
    start: Date | None = None
    """First day (AB 2013 item 10)."""
    end: Date | None = None
    """Last day."""
    ongoing: Presence = "unknown"
    """Whether collection goes on."""


class Origin(Claimed):
    """Where it comes from."""

    organizations: tuple[str, ...] | None = None
    """Who made it (OASIS DPS provenance.origin)."""
    geography: tuple[str, ...] | None = None
    """Where it was collected, ISO 3166."""
    data_subject_regions: tuple[str, ...] | None = None
    """Where the people in it live, ISO 3166."""


class Deidentification(Lenient):
    """What was done against identification."""

    method: str | None = None
    """E.g. blurring, pseudonyms, k-anonymity (SPDX anonymizationMethodUsed)."""
    tool: ResourceDescriptor | None = None
    """The tool, by digest."""


class PersonalData(Claimed):
    """Whether it is about people."""

    presence: Presence = "unknown"
    """Whether it holds personal data (GDPR Art. 4(1); AB 2013 item 7)."""
    categories: tuple[Confidentiality, ...] | None = None
    """Vocabulary confidentiality (OASIS ConfidentialityCode)."""
    biometric: Presence = "unknown"
    """Biometric identifiers (740 ILCS 14/10; GDPR Art. 4(14))."""
    children: Presence = "unknown"
    """Data of children (16 CFR Part 312)."""
    special_category: Presence = "unknown"
    """Special categories (GDPR Art. 9(1))."""
    ccpa_personal_information: Presence = "unknown"
    """Personal information (Cal. Civ. Code 1798.140(v); AB 2013 item 7)."""
    aggregate_consumer_information: Presence = "unknown"
    """Aggregate consumer information (Cal. Civ. Code 1798.140(b); AB 2013 item 8)."""
    deidentification: Deidentification | None = None
    """What was done against identification."""


class IntellectualProperty(Claimed):
    """Whether it holds protected matter (AB 2013 item 5)."""

    copyright: Presence = "unknown"
    """Works under copyright."""
    trademark: Presence = "unknown"
    """Trademarks."""
    patent: Presence = "unknown"
    """Patented matter."""
    public_domain: Presence = "unknown"
    """Whether all of it is in the public domain."""


class Synthetic(Claimed):
    """Whether programs or models generated it (AB 2013 item 12; EU template 2.5)."""

    presence: Presence = "unknown"
    """Whether it holds generated data."""
    generators: tuple[ResourceDescriptor, ...] | None = None
    """What generated it; a digest makes the generator part of the lineage."""


class Zones(Lenient):
    """Places where something may, and must not, happen; ISO 3166."""

    allowed: tuple[str, ...] | None = None
    """Where it may."""
    forbidden: tuple[str, ...] | None = None
    """Where it must not."""


class Regions(Lenient):
    """Where the data may be kept and used (OASIS DPS use.processing-*, use.storage-*)."""

    processing: Zones | None = None
    """Processing."""
    storage: Zones | None = None
    """Storage."""


class Retention(Lenient):
    """When it must go (740 ILCS 14/15(a); FTC orders' retention schedules)."""

    delete_by: Date | None = None
    """Last day it may be kept."""
    trigger: str | None = None
    """The event that starts deletion."""
    basis: str | None = None
    """Why that day: agreement, law, policy."""
    schedule: str | None = None
    """Where the schedule is published. Never followed."""


class Check(Claimed):
    """What it was examined for, with the report as ``evidence`` (EU template 3.2; CSA AICM DSP-21)."""

    kind: Annotated[str, Token("checks")] = "unknown"
    """Vocabulary checks."""
    result: Annotated[ResultWord, or_unknown(ResultWord)] = "unknown"
    """Whether what was found is tolerable."""
    by: str | None = None
    """Who examined it."""
    tool: str | None = None
    """With what, name and version."""
    checked_at: Date | None = None
    """The day."""


class DerivedFrom(ResourceDescriptor):
    """Another dataset this one was made from, outside any recorded step."""

    relation: str | None = None
    """E.g. subset, cleaned, translated, labelled (PROV wasDerivedFrom)."""


class RecordCommitment(Lenient):
    """A root over all records (docs/formats.md, Record commitment)."""

    scheme: str
    """Name of the tree's construction, ``prefix-tree-8/hmac-sha256/v0.1``."""
    root: Sha256
    """SHA-256 at the top of the tree."""
    count: Count
    """Keys under the root: records, or people, that differ."""
    records: Count | None = None
    """Records that were read, those that are the same counted each time."""
    unit: str | None = None
    """What a record is: ``file`` or ``row``."""
    keying: str | None = None
    """What keys the leaves: ``content`` or ``subject``."""
    secret_digest: DigestSet | None = None
    """SHA-256 of the secret that keys the leaves."""

    def commitment(self) -> Commitment | None:
        """Return what proofs are held against; ``None`` if this version cannot check its kind."""
        secret = (self.secret_digest or {}).get("sha256")
        if not secret or self.scheme != SCHEME or self.keying not in SPACES:
            return None
        return Commitment(bytes.fromhex(self.root), self.count, self.keying, secret)


class Dataset(Predicate, Lenient):
    """What a dataset's bytes are and how they were come by."""

    TYPE: ClassVar[str] = f"{BASE}dataset/v0.1"
    TRUST_ROLE: ClassVar[str] = "data-owner"

    name: str | None = None
    """What people call it (OASIS DPS source.title)."""
    version: str | None = None
    """Version of the name."""
    description: str | None = None
    """What it is, in words."""
    issuer: Party | None = None
    """Who puts it out (OASIS DPS source.issuer; SPDX originatedBy)."""
    content: Content | None = None
    """What is in it."""
    acquisition: Acquisition | None = None
    """How the issuer came by it."""
    collection: Collection | None = None
    """How and when the data came into being."""
    first_used: Date | None = None
    """Day it was first used for a model (AB 2013 item 11)."""
    origin: Origin | None = None
    """Where it comes from."""
    personal_data: PersonalData | None = None
    """Whether it is about people."""
    ip: IntellectualProperty | None = None
    """Whether it holds protected matter."""
    synthetic: Synthetic | None = None
    """Whether it was generated."""
    intended_purposes: tuple[Purpose, ...] | None = None
    """What it was made for (OASIS PurposeCode)."""
    regions: Regions | None = None
    """Where it may be kept and used."""
    retention: Retention | None = None
    """When it must go."""
    confidentiality: tuple[Confidentiality, ...] | None = None
    """Classes of confidential data in it (OASIS ConfidentialityCode)."""
    derived_from: tuple[DerivedFrom, ...] = ()
    """Datasets it was made from, by digest. An empty list asserts nothing."""
    record_commitment: RecordCommitment | None = None
    """A root over its records."""
    subject_commitment: RecordCommitment | None = None
    """A root over the people its records are about, by their ids."""
    checks: tuple[Check, ...] | None = None
    """What it was examined for."""
    descriptors: tuple[ResourceDescriptor, ...] | None = None
    """Croissant, SPDX, OASIS DPS or card files that describe it, by digest."""
    exclude: tuple[str, ...] | None = None
    """Patterns of files that were left out of the digest."""

    def presence(self, group: str, fact: str) -> str:
        """Return ``yes``, ``no`` or ``unknown``; a group that is absent is unknown.

        Args:
            group: ``personal_data``, ``ip`` or ``synthetic``.
            fact: e.g. ``biometric``.
        """
        return str(getattr(getattr(self, group), fact, "unknown"))
