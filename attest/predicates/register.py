"""Register: what is current, withdrawn or ordered deleted, as of a day (``register/v0.1``).

Its subject is the register file: the canonical JSON of this predicate (``document_digest``). The ``keeper``
the reader's trust file names for the ``registerId`` signs it. It is append-only: an entry changes status,
never vanishes. A reader keeps the highest sequence seen; a lower one is rollback, an equal one with another
digest equivocation. Past ``nextUpdate`` it says nothing any more.

A field this version does not know makes its entry, or the whole register, UNKNOWN.

Example::

    {
      "registerId": "https://registry.example/orders", "sequence": 2, "previous": "d15e…",
      "asOf": "2026-11-19T00:00:00Z", "nextUpdate": "2026-11-26T00:00:00Z", "scope": ["order", "withdrawal"],
      "entries": [
        {"kind": "withdrawal", "statement": {"sha256": "3f0c…"}, "status": "active",
         "withdraws": ["9c1e…"], "since": "2026-11-01T00:00:00Z"},
        {"kind": "order", "statement": {"sha256": "91aa…"}, "status": "satisfied",
         "artifacts": [{"name": "faces/", "digest": {"sha256": "77e1…"},
                        "mediaType": "application/vnd.attest.manifest"}],
         "history": [{"status": "active", "since": "2026-11-01T00:00:00Z"}]}
      ]
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from attest.canonical import canonical_bytes
from attest.claim import Group, Positive, is_unknown, or_unknown, unknown_groups
from attest.digest import Sha256, sha256_bytes
from attest.model import Timestamp, format_time
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = [
    "ENTRY_STATUSES",
    "Entry",
    "Register",
    "Standing",
    "StatementName",
    "appended_only",
    "document_digest",
]

KindWord = Literal["order", "withdrawal", "rights", "contents", "unknown"]

ENTRY_STATUSES: dict[str, frozenset[str]] = {
    "order": frozenset({"active", "suspended", "satisfied", "vacated"}),
    "withdrawal": frozenset({"active", "vacated"}),
    "rights": frozenset({"current", "superseded", "suspended", "withdrawn"}),
    "contents": frozenset({"current", "superseded"}),
}
"""Kind of entry → the statuses it can have; any other reads as ``unknown``."""


class StatementName(Group):
    """A statement by its digest."""

    sha256: Sha256 | None = None
    """SHA-256 of the statement's payload bytes."""


class Standing(Group):
    """Where a statement stood, and since when."""

    status: str
    """The status it had."""
    since: Timestamp | None = None
    """When it got it."""
    note: str | None = None
    """What was said of it then."""


class Entry(Group):
    """One statement and where it stands."""

    kind: Annotated[KindWord, or_unknown(KindWord)] = "unknown"
    """What kind of statement it is."""
    statement: StatementName | None = None
    """The statement."""
    status: str = "unknown"
    """Where it stands (docs/formats.md): of an order active, suspended, satisfied, vacated; of a withdrawal
    active, vacated; of rights current, superseded, suspended, withdrawn; of contents current, superseded."""
    artifacts: tuple[ResourceDescriptor, ...] = ()
    """The artifacts it is about."""
    withdraws: tuple[Sha256, ...] = ()
    """For a withdrawal: digests of the statements it withdraws."""
    since: Timestamp | None = None
    """When it got this status."""
    note: str | None = None
    """In words."""
    history: tuple[Standing, ...] | None = None
    """Where it stood before, oldest first."""

    @property
    def state(self) -> str:
        """The status, or ``unknown`` when it is none of its kind's, or the entry cannot be read in full."""
        known = ENTRY_STATUSES.get(self.kind, frozenset())
        return self.status if self.status in known and not unknown_groups(self) else "unknown"

    @property
    def statement_digest(self) -> str | None:
        """SHA-256 of the statement, or ``None`` when the entry names none."""
        return self.statement.sha256 if self.statement else None


class Register(Predicate, Group):
    """What is current, withdrawn or ordered deleted."""

    TYPE: ClassVar[str] = f"{BASE}register/v0.1"
    TRUST_ROLE: ClassVar[str] = "keeper"

    register_id: str
    """URI of the register; the trust file names one keeper for it. Never followed."""
    sequence: Positive
    """Number of this edition, from 1."""
    previous: Sha256 | None = None
    """Digest of the edition before (``document_digest``); absent for the first."""
    as_of: Timestamp
    """The moment it tells of."""
    next_update: Timestamp
    """The moment by which the next edition is out; after it this one says nothing any more."""
    scope: tuple[Annotated[KindWord, or_unknown(KindWord)], ...]
    """Kinds of entries it is complete for: what is not listed of these kinds does not exist."""
    entries: tuple[Entry, ...]
    """Every entry ever made, with its present status."""

    def unknown_groups(self) -> list[str]:
        """Return the dotted names of groups that must be taken as UNKNOWN; ``*`` is the whole register."""
        states = enumerate(entry.state for entry in self.entries)
        found = {f"entries.{number}" for number, state in states if state == "unknown"}
        return sorted(found | set(unknown_groups(self)))

    def is_unknown(self, group: str) -> bool:
        """Tell whether a group (dotted name in JSON) is UNKNOWN, in whole or in part."""
        return is_unknown(self.unknown_groups(), group)

    def covers(self, kind: str) -> bool:
        """Tell whether the register is complete for a kind of entry."""
        return kind in self.scope and kind != "unknown"


def document_digest(predicate: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a predicate's canonical bytes (RFC 8785): the subject of a register statement.

    Args:
        predicate: as it was, or will be, signed.

    Raises:
        FormatError: it has no canonical form.
    """
    return sha256_bytes(canonical_bytes(dict(predicate)))


def _chain(older: Register, newer: Register, older_digest: str | None) -> list[str]:
    """Compare the numbers and digests of two editions."""
    if older.register_id != newer.register_id:
        return [f"registerId: got {newer.register_id!r}, expected {older.register_id!r}"]
    problems = []
    if newer.sequence < older.sequence:
        problems.append(f"sequence went back from {older.sequence} to {newer.sequence}")
    elif newer.sequence == older.sequence and newer != older:
        problems.append(f"two different editions have the sequence {older.sequence}")
    elif newer.sequence == older.sequence + 1 and older_digest not in (None, newer.previous):
        problems.append(f"previous: got {newer.previous}, expected {older_digest}")
    if newer.as_of < older.as_of:
        problems.append(f"asOf went back from {format_time(older.as_of)} to {format_time(newer.as_of)}")
    return problems


def _fixed(entry: Entry) -> dict[str, Any]:
    """What of an entry may never change."""
    return entry.model_dump(mode="json", by_alias=True, exclude={"status", "since", "note", "history"})


def appended_only(older: Register, newer: Register, older_digest: str | None = None) -> list[str]:
    """Return how ``newer`` breaks the append-only rule against ``older``, one sentence each.

    Entries are compared by kind and statement; only ``status``, ``since`` and ``note`` may change, and
    ``history`` may grow at its end.

    Args:
        older: the edition with the lower sequence.
        newer: the edition with the higher sequence.
        older_digest: ``document_digest`` of ``older`` as it was signed; with it the chain of ``previous``
            is checked where the sequences follow each other.
    """
    problems = _chain(older, newer, older_digest)
    present = {(entry.kind, entry.statement_digest): entry for entry in newer.entries}
    for entry in older.entries:
        found = present.get((entry.kind, entry.statement_digest))
        which = f"the {entry.kind} entry of statement {entry.statement_digest}"
        if found is None:
            problems.append(f"{which} has vanished")
        elif (was := _fixed(entry)) != (now := _fixed(found)):
            names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
            problems.append(f"{which}: {', '.join(names)} changed")
        elif (entry.history or ()) != (found.history or ())[: len(entry.history or ())]:
            problems.append(f"{which}: its history changed")
    return problems
