"""Deletion certificate: what became of everything an order reaches (``deletion-certificate/v0.1``).

Its subject is the order's statement. The ``officer`` whom the reader's trust file names signs it. It does not
prove that bytes are gone: a named person declares it, of named digests in named places, with evidence.
`attest verify-deletion` computes anew what the order reaches and holds the certificate against it.

Source: the statements the FTC's deletion orders ask for (Everalbum V.D, Ring II.A, Rite Aid, WW), and the
certificate of sanitization of NIST SP 800-88.

Example::

    {
      "items": [
        {"artifact": {"name": "model/", "digest": {"sha256": "9c1e…"},
                      "mediaType": "application/vnd.attest.manifest"},
         "class": "model", "location": "s3://models/9c1e", "disposition": "destroyed",
         "method": "cryptographic erase", "finished": "2026-11-20T10:00:00Z"},
        {"artifact": {"digest": {"sha256": "77e1…"}}, "class": "backup", "disposition": "retained",
         "retention": {"obligation": "litigation hold, case 1:26-cv-1", "custodian": "Example Archive Ltd",
                       "until": "2027-06-30T00:00:00Z", "followUp": "2027-07-30T00:00:00Z"}}
      ],
      "recipients": [{"legalName": "Example Buyer Ltd", "instructedAt": "2026-11-15T00:00:00Z",
                      "confirmedAt": "2026-11-18T00:00:00Z"}],
      "ceasedAt": "2026-11-12T00:00:00Z", "snapshot": "d15e…",
      "declaration": {"text": "I declare under penalty of perjury …", "form": "28 U.S.C. § 1746",
                      "signatory": "Jane Doe", "title": "Chief Executive",
                      "executedOn": "2026-11-20T12:00:00Z"}
    }
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Count, Lenient, or_unknown
from attest.digest import Sha256
from attest.model import Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = [
    "CertifiedItem",
    "ConsentProcess",
    "Declaration",
    "DeletionCertificate",
    "Infeasibility",
    "InformedRecipient",
    "Retention",
]

Disposition = Literal[
    "destroyed", "retrained-replaced", "records-removed", "retained", "infeasible", "unknown"
]


class Retention(Lenient):
    """Why something stays, and until when."""

    obligation: str | None = None
    """The specific law, order or agency that obliges to keep it."""
    custodian: str | None = None
    """Who keeps it."""
    access_limits: str | None = None
    """Who may reach it, and for what alone."""
    until: Timestamp | None = None
    """When the obligation is expected to end."""
    follow_up: Timestamp | None = None
    """By when its deletion will be certified."""


class Infeasibility(Lenient):
    """Why something cannot be done, in an officer's words."""

    explanation: str | None = None
    """Why."""
    officer: str | None = None
    """Who certifies that."""
    knowledge: str | None = None
    """From whose knowledge: one's own, or that of named experts."""


class CertifiedItem(Lenient):
    """One artifact in one place, and what became of it."""

    artifact: ResourceDescriptor
    """What."""
    item_class: str | None = Field(default=None, alias="class")
    """What kind of thing it is, as the impact names it."""
    location: str | None = None
    """Where it was."""
    disposition: Annotated[Disposition, or_unknown(Disposition)] = "unknown"
    """What became of it."""
    method: str | None = None
    """How, with tool and version."""
    operator: str | None = None
    """Who did it."""
    finished: Timestamp | None = None
    """When it was done."""
    verification: str | None = None
    """How and by whom it was checked."""
    evidence: tuple[ResourceDescriptor, ...] = ()
    """Documents, by digest."""
    replaced_by: ResourceDescriptor | None = None
    """What was trained anew in its place."""
    retention: Retention | None = None
    """For what stays."""
    infeasibility: Infeasibility | None = None
    """For what cannot be done."""


class InformedRecipient(Lenient):
    """Somebody who had received something of it."""

    legal_name: str
    """Name as in contracts."""
    address: str | None = None
    """Postal address."""
    contact: str | None = None
    """Phone or e-mail."""
    artifacts: tuple[ResourceDescriptor, ...] = ()
    """What was sent."""
    instructed_at: Timestamp | None = None
    """When they were instructed to delete."""
    instruction: ResourceDescriptor | None = None
    """The instruction, by digest."""
    confirmed_at: Timestamp | None = None
    """When they confirmed in writing."""
    confirmation: ResourceDescriptor | None = None
    """The confirmation, by digest."""


class ConsentProcess(Lenient):
    """How people were asked, how many, and what they said."""

    process: str | None = None
    """How they were given notice and asked, in words."""
    noticed: Count | None = None
    """Accounts that were given notice."""
    consented: Count | None = None
    """Those that agreed."""
    declined: Count | None = None
    """Those that did not."""
    no_response: Count | None = None
    """Those that did not answer."""
    deletion_requested: Count | None = None
    """Those that asked for deletion."""
    questions: Count | None = None
    """Those that had questions."""
    authorised_by_school: Count | None = None
    """Those for which a school agreed."""


class Declaration(Lenient):
    """The officer's declaration."""

    text: str | None = None
    """Its words."""
    form: str | None = None
    """Under what law, e.g. ``28 U.S.C. § 1746``."""
    signatory: str | None = None
    """Full name."""
    title: str | None = None
    """Office held."""
    place: str | None = None
    """Where it was made."""
    executed_on: Timestamp | None = None
    """When."""
    not_checked: str | None = None
    """What was not checked."""


class DeletionCertificate(Predicate, Lenient):
    """What became of everything an order reaches."""

    TYPE: ClassVar[str] = f"{BASE}deletion-certificate/v0.1"
    TRUST_ROLE: ClassVar[str] = "officer"

    items: tuple[CertifiedItem, ...]
    """Every affected artifact, once per place it was in."""
    recipients: tuple[InformedRecipient, ...] = ()
    """Everybody who had received something affected."""
    ceased_at: Timestamp | None = None
    """Since when nothing affected is disclosed, used or benefitted from."""
    consent: ConsentProcess | None = None
    """The process of asking for consent, where the order demands one."""
    snapshot: Sha256 | None = None
    """Digest of the snapshot the impact was computed from."""
    declaration: Declaration | None = None
    """The officer's declaration."""
    supersedes: Sha256 | None = None
    """Statement digest of the certificate this one takes the place of."""
    note: str | None = None
    """In words."""
