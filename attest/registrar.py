"""The keeper's side of a register: the next edition, in which nothing that was listed ever vanishes.

An entry changes its status and nothing else. What follows from a new entry for earlier ones is decided here:
a list of contents takes the place of the one it follows on, a rights record that of the one it names. Where
that is not plain, the keeper has to say it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from attest.errors import FormatError, UsageError, nearest
from attest.model import format_time
from attest.predicate import Predicate, predicate_name, predicate_type, read_predicate
from attest.predicates.contents import Contents
from attest.predicates.deletion_order import DeletionOrder
from attest.predicates.register import ENTRY_STATUSES, Register, appended_only, document_digest
from attest.predicates.rights import Rights
from attest.predicates.withdrawal import Withdrawal
from attest.resource import Artifact, ResourceDescriptor
from attest.statement import Statement

__all__ = ["KINDS", "Edition"]

KINDS = tuple(sorted(ENTRY_STATUSES))
"""Kinds of entries a register may be complete for."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_FRESH = {"contents": "current", "order": "active", "rights": "current", "withdrawal": "active"}
"""Kind of entry → the status it is made with."""
_KIND_OF = {"deletion-order": "order"}
"""Predicate → kind of entry, where they differ."""


class Edition:
    """An edition of a register while it is written; ``first`` and ``after`` make one."""

    def __init__(self, predicate: dict[str, Any], previous: Mapping[str, Any] | None = None) -> None:
        self._predicate = predicate
        self._previous = previous
        self._entries: list[dict[str, Any]] = predicate["entries"]

    @classmethod
    def first(cls, register_id: str, scope: Sequence[str], as_of: datetime, next_update: datetime) -> Edition:
        """Begin a register.

        Args:
            register_id: its URI, which trust files name.
            scope: the kinds of entries it will be complete for.
            as_of: the moment it tells of.
            next_update: by when the next edition is out.

        Raises:
            UsageError: the id is no URI, a kind is unknown, or the times are the wrong way round.
        """
        if not _ID.fullmatch(register_id):
            raise UsageError(
                f"the register's id {register_id[:100]!r} is no URI",
                hint="write one like https://registry.example/releases; nobody will ever fetch it",
            )
        for kind in scope:
            if kind not in ENTRY_STATUSES:
                guess = nearest(kind, KINDS)
                hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(KINDS)}"
                raise UsageError(f"unknown kind of entry {kind[:60]!r}", "--scope", hint)
        if not scope:
            raise UsageError("a register has to be complete for something", "--scope", ", ".join(KINDS))
        return cls(
            {
                "registerId": register_id,
                "sequence": 1,
                **_times(as_of, next_update),
                "scope": sorted(set(scope)),
                "entries": [],
            }
        )

    @classmethod
    def after(cls, previous: Mapping[str, Any], as_of: datetime, next_update: datetime | None) -> Edition:
        """Begin the edition that follows on ``previous``, with every entry of it.

        Args:
            previous: the predicate of the edition before, as it was signed.
            as_of: the moment the new one tells of.
            next_update: by when the one after is out; ``None``: as long after ``as_of`` as last time.

        Raises:
            FormatError: ``previous`` holds something this version does not know, and would drop or misread.
            UsageError: the times are the wrong way round.
        """
        register = _read(previous)
        if as_of < register.as_of:
            raise UsageError(
                f"asOf went back from {format_time(register.as_of)} to {format_time(as_of)}", "--as-of"
            )
        later = next_update or as_of + (register.next_update - register.as_of)
        predicate = {
            **previous,
            "sequence": register.sequence + 1,
            "previous": document_digest(previous),
            **_times(as_of, later),
            "entries": [dict(entry) for entry in previous["entries"]],
        }
        return cls(predicate, previous)

    # -- what changes --------------------------------------------------------------------------------------

    def add(self, statement: Statement, *, keep_others: bool = False) -> list[str]:
        """Enter a statement, and return the digests of those it takes the place of.

        Args:
            statement: contents, rights, a withdrawal or a deletion order.
            keep_others: lists about the same artifacts that it does not follow on stay current: they are
                other publishers'.

        Raises:
            FormatError: it is none of these, or cannot be read.
            UsageError: the register is not kept for that kind, or something newer is current.
        """
        name = predicate_name(statement.predicate_type) or statement.predicate_type[:100]
        kind = _KIND_OF.get(name, name)
        where = f"statement sha256:{statement.digest}"
        if kind not in _FRESH:
            raise FormatError(f"got a {kind} statement, expected {', '.join(_FRESH)}", where)
        if kind not in self._predicate["scope"]:
            scope = ", ".join(self._predicate["scope"])
            raise UsageError(f"this register is kept for {scope}, not for {kind}", where)
        predicate = read_predicate(statement)
        if isinstance(predicate, DeletionOrder):
            self._check_order(predicate, where)
        known = self._find(statement.digest)
        if known is not None and known["status"] != _FRESH[kind]:
            raise UsageError(
                f"is listed already, as {known['status']}",
                where,
                f"if it is {_FRESH[kind]} again, say --status sha256:{statement.digest}={_FRESH[kind]}",
            )
        replaced = self._replaced(statement, predicate, keep_others=keep_others)
        if known is None:
            self._entries.append(self._entry(kind, statement, predicate))
        for entry in replaced:
            self._change(entry, "superseded")
        return [str(_digest(entry)) for entry in replaced]

    def _check_order(self, order: DeletionOrder, where: str) -> None:
        """Refuse an order this version cannot read in full, or that names another register as its own."""
        if unknown := order.unknown_groups():
            raise FormatError(f"holds what this version cannot read: {', '.join(unknown[:5])}", where)
        own = self._predicate["registerId"]
        if order.register_id not in (None, own):
            raise FormatError(f"register: got {order.register_id!r}, expected {own!r}", where)

    def set_status(self, digest: str, status: str) -> None:
        """Change where a statement stands.

        Raises:
            UsageError: it is not listed, or entries of its kind have no such status.
        """
        entry = self._find(digest)
        if entry is None:
            raise UsageError("is not listed in this register", f"sha256:{digest}", "--status changes entries")
        known = ENTRY_STATUSES[entry["kind"]]
        if status not in known:
            guess = nearest(status, known)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(known))}"
            raise UsageError(f"an entry of {entry['kind']} has no status {status[:60]!r}", "--status", hint)
        self._change(entry, status)

    def _change(self, entry: dict[str, Any], status: str) -> None:
        if entry["status"] != status:
            before = {name: entry[name] for name in ("status", "since", "note") if name in entry}
            entry["history"] = [*entry.get("history", ()), before]
            entry.pop("note", None)
            entry["status"] = status
            entry["since"] = self._predicate["asOf"]

    def _find(self, digest: str) -> dict[str, Any] | None:
        return next((each for each in self._entries if _digest(each) == digest), None)

    def _replaced(
        self, statement: Statement, predicate: Predicate | None, *, keep_others: bool
    ) -> list[dict[str, Any]]:
        current = [
            each
            for each in self._entries
            if each["status"] == "current" and _digest(each) != statement.digest
        ]
        if isinstance(predicate, Rights):
            return [each for each in current if _digest(each) == predicate.supersedes]
        if not isinstance(predicate, Contents):
            return []
        mine = {subject.artifact for subject in statement.subjects} - {None}
        others = [each for each in current if each["kind"] == "contents" and mine & _artifacts(each)]
        # a list names the lists before it; one that does not is older, or another publisher's
        follows = {each.digest.sha256 for each in predicate.statements} | {predicate.previous}
        for each in others:
            if _digest(each) not in follows and not keep_others:
                raise UsageError(
                    f"does not follow on the list that is current, sha256:{_digest(each)}",
                    f"statement sha256:{statement.digest}",
                    "is it an older one? if it is another publisher's, say --keep-others",
                )
        return [each for each in others if _digest(each) in follows]

    def _entry(self, kind: str, statement: Statement, predicate: Predicate | None) -> dict[str, Any]:
        since = self._predicate["asOf"]
        entry: dict[str, Any] = {"kind": kind, "statement": {"sha256": statement.digest}}
        entry["status"] = _FRESH[kind]
        if isinstance(predicate, Withdrawal):
            entry["withdraws"] = sorted(predicate.statements(statement.subjects))
            if predicate.effective_from is not None:
                since = format_time(predicate.effective_from)
        elif isinstance(predicate, DeletionOrder):
            entry["artifacts"] = [_short(item) for item in predicate.named]
            if predicate.effective is not None:
                since = format_time(predicate.effective)
        else:
            entry["artifacts"] = [_short(subject) for subject in statement.subjects]
        return {**entry, "since": since}

    # -- what is signed ------------------------------------------------------------------------------------

    def statement(self) -> Statement:
        """Return the edition as a statement about the register's own document.

        Raises:
            FormatError: it would break the rules readers hold registers to.
        """
        register = _read(self._predicate)
        if self._previous is not None:
            problems = appended_only(_read(self._previous), register, document_digest(self._previous))
            if problems:
                raise FormatError(f"would not be append-only: {'; '.join(problems)}")
        digest = document_digest(self._predicate)
        subject = ResourceDescriptor(name=register.register_id, digest={"sha256": digest})
        return Statement.build([subject], predicate_type("register"), self._predicate)


def _times(as_of: datetime, next_update: datetime) -> dict[str, str]:
    if next_update <= as_of:
        raise UsageError(
            f"the next update, {format_time(next_update)}, is not after {format_time(as_of)}", "--next-update"
        )
    return {"asOf": format_time(as_of), "nextUpdate": format_time(next_update)}


def _read(predicate: Mapping[str, Any]) -> Register:
    """Read a register whole or not at all: what is not understood cannot be carried on."""
    try:
        register = Register.from_json(dict(predicate))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FormatError(f"register: {place}: {first['msg']}") from error
    if unknown := register.unknown_groups():
        raise FormatError(
            f"the register holds what this version cannot read: {', '.join(unknown[:5])}",
            hint="was it written by a later version of attest?",
        )
    return register


def _digest(entry: Mapping[str, Any]) -> str | None:
    named = entry.get("statement")
    return named.get("sha256") if isinstance(named, dict) else None


def _artifacts(entry: Mapping[str, Any]) -> set[Artifact | None]:
    described: Iterable[Any] = entry.get("artifacts") or ()
    return {ResourceDescriptor.from_json(each).artifact for each in described} - {None}


def _short(subject: ResourceDescriptor) -> dict[str, Any]:
    return ResourceDescriptor(
        name=subject.name, digest=subject.digest, media_type=subject.media_type
    ).to_json()
