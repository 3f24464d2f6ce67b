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
                        "mediaType": "application/vnd.attest.manifest"}]}
      ]
    }
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from attest.canonical import canonical_bytes
from attest.claim import Group, Positive, is_unknown, or_unknown, unknown_groups
from attest.digest import Sha256, sha256_bytes
from attest.model import Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = [
    "ENTRY_STATUSES",
    "Entry",
    "Register",
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


class Entry(Group):
    """One statement and where it stands."""

    kind: Annotated[KindWord, or_unknown(KindWord)] = "unknown"
    """What kind of statement it is."""
    statement: StatementName | None = None
    """The statement."""
    status: str = "unknown"
    """Where it stands (docs/formats.md): of an order active, suspended, satisfied, vacated; of a withdrawal
    active, vacated; of rights current, superseded, suspended, withdrawn; of contents current, superseded."""
    artifacts: tuple[ResourceDescriptor, ...] | None = None
    """The artifacts it is about."""
    withdraws: tuple[Sha256, ...] | None = None
    """For a withdrawal: digests of the statements it withdraws."""
    since: Timestamp | None = None
    """When it got this status."""
    note: str | None = None
    """In words."""

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

    register_id: str | None = None
    """URI of the register; the trust file names one keeper for it. Never followed."""
    sequence: Positive | None = None
    """Number of this edition, from 1."""
    previous: Sha256 | None = None
    """Digest of the edition before (``document_digest``); absent for the first."""
    as_of: Timestamp | None = None
    """The moment it tells of."""
    next_update: Timestamp | None = None
    """The moment by which the next edition is out; after it this one says nothing any more."""
    scope: tuple[Annotated[KindWord, or_unknown(KindWord)], ...] | None = None
    """Kinds of entries it is complete for: what is not listed of these kinds does not exist."""
    entries: tuple[Entry, ...] | None = None
    """Every entry ever made, with its present status."""

    def unknown_groups(self) -> list[str]:
        """Return the dotted names of groups that must be taken as UNKNOWN; ``*`` is the whole register."""
        found = set(unknown_groups(self))
        needed = ("registerId", "sequence", "asOf", "nextUpdate", "scope", "entries")
        values = (self.register_id, self.sequence, self.as_of, self.next_update, self.scope, self.entries)
        found |= {name for name, value in zip(needed, values, strict=True) if value is None}
        found |= {
            f"entries.{number}" for number, entry in enumerate(self.entries or ()) if entry.state == "unknown"
        }
        return sorted(found)

    def is_unknown(self, group: str) -> bool:
        """Tell whether a group (dotted name in JSON) is UNKNOWN, in whole or in part."""
        return is_unknown(self.unknown_groups(), group)

    def covers(self, kind: str) -> bool:
        """Tell whether the register is complete for a kind of entry."""
        return kind in (self.scope or ()) and kind != "unknown"


def document_digest(predicate: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a predicate's canonical bytes (RFC 8785): the subject of a register statement.

    Raises:
        FormatError: it has no canonical form.
    """
    return sha256_bytes(canonical_bytes(dict(predicate)))


def _chain(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[str]:
    """Compare the two editions' own numbers and digests."""
    first, second = Register.from_json(dict(older)), Register.from_json(dict(newer))
    if first.register_id is None or first.register_id != second.register_id:
        return [f"registerId: got {second.register_id!r}, expected {first.register_id!r}"]
    if first.sequence is None or second.sequence is None:
        return ["an edition has no readable sequence"]
    digest, problems = document_digest(older), []
    if second.sequence < first.sequence:
        problems.append(f"sequence went back from {first.sequence} to {second.sequence}")
    elif second.sequence == first.sequence and digest != document_digest(newer):
        problems.append(f"two different editions have the sequence {first.sequence}")
    elif second.sequence == first.sequence + 1 and second.previous != digest:
        problems.append(f"previous: got {second.previous}, expected {digest}")
    if first.as_of and second.as_of and second.as_of < first.as_of:
        problems.append("asOf went back")
    return problems


def appended_only(older: Mapping[str, Any], newer: Mapping[str, Any]) -> list[str]:
    """Return how ``newer`` breaks the append-only rule against ``older``, one sentence each.

    Both are predicates as they were signed. Entries are compared by kind and statement; only ``status``,
    ``since`` and ``note`` may change. The chain of digests is checked where the sequences follow each other.
    """
    problems = _chain(older, newer)
    present = {_key(entry): entry for entry in _entries(newer)}
    for entry in _entries(older):
        kind, statement = _key(entry)
        found = present.get((kind, statement))
        if found is None:
            problems.append(f"the {kind} entry of statement {statement} has vanished")
            continue
        for name in sorted(set(entry) | set(found)):
            if name not in ("status", "since", "note") and entry.get(name) != found.get(name):
                problems.append(f"the {kind} entry of statement {statement}: {name} has changed")
    return problems


def _entries(predicate: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = predicate.get("entries")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _key(entry: Mapping[str, Any]) -> tuple[str, str]:
    statement = entry.get("statement")
    digest = statement.get("sha256") if isinstance(statement, dict) else None
    return str(entry.get("kind")), str(digest)
