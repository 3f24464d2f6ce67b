"""Deletion order: something must go, and what was made from it (``deletion-order/v0.1``).

Its subject is the order's document: the decision, letter or request as a file; of a voluntary order, the
order as it was written. Regulators sign no statements, so the ``keeper`` of the register it is listed in
signs it as a transcription. Where it stands (active, suspended, satisfied, vacated) is for that register to
say; an order no register speaks of is active.

Targets are named by digest; by alias, which is another digest or the name they go by; or, for single
records, by their keys under a dataset's secret. An order restricts, so nothing is ignored here: a field this
version does not know makes its group UNKNOWN, and an unknown group of targets may name anything.

Source: the clauses of the FTC's deletion orders from Cambridge Analytica (2019) to Gravy Analytics (2025).

Example::

    {
      "id": "C-4743", "basis": "regulator",
      "authority": {"name": "Example Trade Commission", "jurisdiction": "US", "docket": "C-4743"},
      "register": "https://registry.example/orders",
      "issued": "2026-11-01T00:00:00Z", "effective": "2026-11-06T00:00:00Z",
      "targets": {
        "datasets": [{"name": "faces/", "digest": {"sha256": "77e1…"},
                      "mediaType": "application/vnd.attest.manifest"}],
        "records": [{"dataset": {"digest": {"sha256": "5b77…"}}, "space": "subject", "keys": ["0f3a…"]}]
      },
      "reach": "in-whole-or-in-part",
      "deadlines": [{"class": "raw-data", "days": 30, "due": "2026-12-06T23:59:59Z"}],
      "thirdParties": {"identify": "yes", "instruct": "yes", "confirm": "yes"},
      "permittedExceptions": [{"kind": "legal-retention"}]
    }
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from attest.claim import Count, Group, is_unknown, or_unknown, unknown_groups
from attest.digest import Sha256
from attest.model import Presence, Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = [
    "Authority",
    "Basis",
    "Deadline",
    "DeletionOrder",
    "ItemClass",
    "PermittedException",
    "RecordTarget",
    "Reporting",
    "Targets",
    "ThirdParties",
]

Basis = Literal[
    "regulator",
    "court",
    "data-subject-request",
    "consent-withdrawal",
    "licence-end",
    "contract",
    "voluntary",
    "unknown",
]
"""On whose word something must go."""

ItemClass = Literal[
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
"""What kind of thing is reached; deadlines go by it."""

ReachWord = Literal["in-whole-or-in-part", "named-only"]
SpaceWord = Literal["content", "subject", "unknown"]
ExceptionWord = Literal["legal-retention", "technical-infeasibility", "unknown"]
ClassWord = Literal[ItemClass, "unknown"]


def _widest(value: object) -> object:
    """Read every other reach as the widest: a word nobody knows never makes an order smaller."""
    return value if value == "named-only" else "in-whole-or-in-part"


class Authority(Group):
    """Who ordered it."""

    name: str | None = None
    """Name of the authority, court or person; of a person only what may be published."""
    jurisdiction: str | None = None
    """Where it has force: ISO 3166 code."""
    docket: str | None = None
    """File number."""
    uri: str | None = None
    """Where the decision can be read. Never followed."""


class RecordTarget(Group):
    """Single records of a dataset, by their keys."""

    dataset: ResourceDescriptor | None = None
    """The dataset whose secret the keys are made with; absent: any."""
    space: Annotated[SpaceWord, or_unknown(SpaceWord)] = "unknown"
    """Whether the keys are of contents or of persons (docs/formats.md, Record commitment)."""
    keys: tuple[Sha256, ...] = ()
    """The keys, lowercase hex."""
    list_: ResourceDescriptor | None = Field(default=None, alias="list")
    """Instead: a file of keys, by digest."""
    count: Count | None = None
    """How many records are meant."""


class Targets(Group):
    """What must go."""

    datasets: tuple[ResourceDescriptor, ...] = ()
    """Datasets by digest or alias."""
    records: tuple[RecordTarget, ...] = ()
    """Records by key."""
    models: tuple[ResourceDescriptor, ...] = ()
    """Models by digest or alias."""


class Deadline(Group):
    """By when a kind of thing must be gone."""

    class_: Annotated[ClassWord, or_unknown(ClassWord)] | None = Field(default=None, alias="class")
    """What; absent: everything no other deadline names."""
    days: Count | None = None
    """Days from when the order takes effect."""
    due: Timestamp | None = None
    """The last moment."""


class ThirdParties(Group):
    """What is owed to and by whoever received something of it."""

    identify: Presence = "unknown"
    """Name everybody who received it."""
    notify: Presence = "unknown"
    """Tell them of the order."""
    instruct: Presence = "unknown"
    """Instruct them to delete."""
    confirm: Presence = "unknown"
    """Demand their written confirmation."""
    within_days: Count | None = None
    """Days from when the order takes effect."""
    forward_days: Count | None = None
    """Days within which replies are forwarded to the authority."""
    lookback_days: Count | None = None
    """How far back recipients count; absent: without end."""


class PermittedException(Group):
    """What may stay, and on what ground."""

    kind: Annotated[ExceptionWord, or_unknown(ExceptionWord)] = "unknown"
    """``legal-retention``: another law or order obliges to keep it; ``technical-infeasibility``: an officer
    declares why it cannot be done."""
    note: str | None = None
    """Its conditions, in words."""


class Reporting(Group):
    """To whom the deletion is reported."""

    recipient: str | None = None
    """Who receives the certificate."""
    form: str | None = None
    """The form of the declaration, e.g. ``28 U.S.C. § 1746``."""
    due: Timestamp | None = None
    """By when."""
    consent: Presence | None = None
    """Whether the certificate tells how consent was asked for, and how many gave it; absent: it does not
    say."""


class DeletionOrder(Predicate, Group):
    """Something must go, and what was made from it."""

    TYPE: ClassVar[str] = f"{BASE}deletion-order/v0.1"
    TRUST_ROLE: ClassVar[str] = "keeper"

    id: str | None = None
    """What people call the order, e.g. its docket."""
    basis: Annotated[Basis, or_unknown(Basis)] = "unknown"
    """On whose word."""
    authority: Authority | None = None
    """Who ordered it; absent for a voluntary one."""
    register_id: str | None = Field(default=None, alias="register")
    """URI of the register it is listed in, whose keeper signs it. Never followed."""
    issued: Timestamp | None = None
    """When it was made."""
    effective: Timestamp | None = None
    """When it took effect; days are counted from here."""
    received: Timestamp | None = None
    """When whoever must obey received it."""
    transcribed_by: str | None = None
    """Who made this statement of the document."""
    targets: Targets
    """What must go."""
    reach: Annotated[ReachWord, BeforeValidator(_widest)] = "in-whole-or-in-part"
    """``in-whole-or-in-part``: and everything developed from it, in whole or in part; ``named-only``: the
    targets alone."""
    deadlines: tuple[Deadline, ...] = ()
    """By when, by class."""
    third_parties: ThirdParties | None = None
    """What is owed to and by recipients."""
    permitted_exceptions: tuple[PermittedException, ...] = ()
    """What may stay; empty: nothing."""
    reporting: Reporting | None = None
    """To whom it is reported."""
    replaces: Sha256 | None = None
    """Statement digest of an order this one amends; both hold until a register says otherwise."""
    note: str | None = None
    """In words."""

    def unknown_groups(self) -> list[str]:
        """Return the dotted names of groups that must be taken as UNKNOWN; ``*`` is the whole order."""
        return unknown_groups(self)

    def is_unknown(self, group: str) -> bool:
        """Tell whether a group (dotted name in JSON) is UNKNOWN, in whole or in part."""
        return is_unknown(self.unknown_groups(), group)

    @property
    def named(self) -> tuple[ResourceDescriptor, ...]:
        """Everything it names: datasets, models, and the datasets records are to go from."""
        of_records = (each.dataset for each in self.targets.records if each.dataset is not None)
        return (*self.targets.datasets, *self.targets.models, *of_records)

    @property
    def derived(self) -> bool:
        """Whether it reaches what was made from its targets."""
        return self.reach != "named-only"
