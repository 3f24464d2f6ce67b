"""What an officer writes in YAML for a certificate: what became of each item, and the declaration.

Strict, like every document people write: a key nobody knows, a word that is none, or a field that is still to
be filled in is an error with its line. Both are written by the command first, with what is known filled in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from attest.attachment import digest_named
from attest.claim import Count
from attest.document import UNFILLED, Document, check_filled, read_file
from attest.limits import DEFAULT, Limits
from attest.model import Date, StrictModel, Timestamp
from attest.resource import MANIFEST_MEDIA_TYPE
from attest.words import ArtifactName, FileName, Text, choice

__all__ = [
    "CertifiedRow",
    "ConsentSection",
    "DeclarationFile",
    "InfeasibilitySection",
    "ItemsFile",
    "RecipientRow",
    "RetentionSection",
    "declaration_template",
    "items_template",
    "read_declaration",
    "read_items",
]

DispositionWord = Literal["destroyed", "retrained-replaced", "records-removed", "retained", "infeasible"]


class RetentionSection(StrictModel):
    """Why something stays, and until when."""

    obligation: Text
    """The specific law, order or agency that obliges to keep it."""
    follow_up: Timestamp
    """By when its deletion will be certified."""
    custodian: Text | None = None
    """Who keeps it."""
    access_limits: Text | None = None
    """Who may reach it, and for what alone."""
    until: Timestamp | None = None
    """When the obligation is expected to end."""


class InfeasibilitySection(StrictModel):
    """Why something cannot be done."""

    explanation: Text
    """Why."""
    officer: Text
    """Who certifies that."""
    knowledge: Text | None = None
    """From whose knowledge."""


class CertifiedRow(StrictModel):
    """One artifact in one place, and what became of it."""

    artifact: ArtifactName
    """What: `sha256:…`, with a `/` at the end for a directory."""
    name: Text | None = None
    """What it is called."""
    item_class: Text | None = Field(default=None, alias="class")
    """What kind of thing it is."""
    location: Text | None = None
    """Where it was."""
    disposition: Annotated[DispositionWord, choice(DispositionWord)]
    """What became of it."""
    method: Text | None = None
    """How, with tool and version."""
    operator: Text | None = None
    """Who did it."""
    finished: Timestamp | None = None
    """When it was done."""
    verification: Text | None = None
    """How and by whom it was checked."""
    evidence: list[FileName] = Field(default_factory=list)
    """Documents that show it, as files; their digests are signed, and they stay home."""
    replaced_by: ArtifactName | None = None
    """What was trained anew in its place."""
    retention: RetentionSection | None = None
    """For what is retained."""
    infeasibility: InfeasibilitySection | None = None
    """For what is infeasible."""


class RecipientRow(StrictModel):
    """Somebody who had received something of it."""

    legal_name: Text
    """Name as in contracts."""
    address: Text | None = None
    """Postal address."""
    contact: Text | None = None
    """Phone or e-mail."""
    instructed_at: Timestamp | None = None
    """When they were instructed to delete."""
    confirmed_at: Timestamp | None = None
    """When they confirmed in writing."""
    instruction: FileName | None = None
    """The instruction, as a file."""
    confirmation: FileName | None = None
    """Their confirmation, as a file."""


class ConsentSection(StrictModel):
    """How people were asked, how many, and what they said."""

    process: Text | None = None
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


class ItemsFile(StrictModel):
    """What became of everything an order reaches."""

    items: list[CertifiedRow]
    """Every affected artifact, once per place it was in."""
    recipients: list[RecipientRow] = Field(default_factory=list)
    """Everybody who had received something affected."""
    ceased_at: Timestamp
    """Since when nothing affected is disclosed, used or benefitted from."""
    consent: ConsentSection | None = None
    """The process of asking for consent, where the order demands one."""
    note: Text | None = None
    """In words."""

    _document: Document | None = PrivateAttr(default=None)
    _folder: Path = PrivateAttr(default=Path())

    def predicate(self, declaration: DeclarationFile, snapshot: str) -> dict[str, Any]:
        """Return what is signed.

        Args:
            declaration: the officer's.
            snapshot: digest of the statements it was computed from.

        Raises:
            UsageError: a file it names cannot be read; with the line.
        """
        said = self.to_json()
        for number, item in enumerate(said["items"]):
            item["artifact"] = _descriptor(item["artifact"], item.pop("name", None))
            if "replacedBy" in item:
                item["replacedBy"] = _descriptor(item["replacedBy"], None)
            place = ("items", number, "evidence")
            item["evidence"] = [
                self._attached(name, (*place, at)) for at, name in enumerate(item["evidence"])
            ]
        for number, row in enumerate(said["recipients"]):
            for name in ("instruction", "confirmation"):
                if name in row:
                    row[name] = self._attached(row[name], ("recipients", number, name))
        return {**said, "snapshot": snapshot, "declaration": declaration.to_json()}

    def _attached(self, name: str, place: tuple[str | int, ...]) -> dict[str, Any]:
        where = self._document.where(place) if self._document else None
        hint = "paths are relative to the list; only the digest leaves, not the file"
        return {"name": name, "digest": {"sha256": digest_named(self._folder, name, where, hint)}}


class DeclarationFile(StrictModel):
    """The officer's declaration."""

    text: Text
    """Its words."""
    form: Text | None = None
    """Under what law, e.g. 28 U.S.C. § 1746."""
    signatory: Text
    """Full name."""
    title: Text
    """Office held."""
    place: Text | None = None
    """Where it is made."""
    executed_on: Date
    """Day it is made."""
    not_checked: Text | None = None
    """What was not checked."""


def _descriptor(artifact: str, name: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name} if name else {}
    found["digest"] = {"sha256": artifact.removeprefix("sha256:").removesuffix("/")}
    if artifact.endswith("/"):
        found["mediaType"] = MANIFEST_MEDIA_TYPE
    return found


def read_items(path: Path, limits: Limits = DEFAULT) -> ItemsFile:
    """Read what became of the items.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it is not what it should be; the message names the line.
    """
    document = read_file(path, limits)
    check_filled(document)
    items = document.validate(ItemsFile)
    items._document = document  # noqa: SLF001 - its own module
    items._folder = path.parent  # noqa: SLF001 - its own module
    return items


def read_declaration(path: Path, limits: Limits = DEFAULT) -> DeclarationFile:
    """Read an officer's declaration.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it is not what it should be; the message names the line.
    """
    document = read_file(path, limits)
    check_filled(document)
    return document.validate(DeclarationFile)


def items_template(
    items: Sequence[tuple[str, str, str, str]], recipients: Sequence[str], *, consent: bool = False
) -> str:
    """Return the text of a new list of items.

    Args:
        items: artifact, name, class and, where the order sets one, day of the deadline of each.
        recipients: their legal names.
        consent: whether the order asks how consent was asked for.
    """
    lines = [
        "# What became of everything the order reaches. Replace every FILL-IN.",
        "# Times are written 2026-11-20T10:00:00Z.",
        "# disposition: destroyed, retrained-replaced (with replacedBy), records-removed,",
        "#   retained (with retention: {obligation, followUp}),",
        "#   infeasible (with infeasibility: {explanation, officer})",
        "# evidence: [FILE, …] names documents that show it; only their digests are signed.",
        f"ceasedAt: {UNFILLED}   # since when nothing of it is disclosed, used or benefitted from",
        "items:" if items else "items: []   # the order reaches nothing that is known",
    ]
    for artifact, name, kind, due in items:
        lines += [
            f"  - artifact: {json.dumps(artifact)}",
            f"    name: {json.dumps(name)}",
            f"    class: {kind}" + (f"   # due {due}" if due else ""),
            f"    location: {UNFILLED}",
            f"    disposition: {UNFILLED}",
            f"    method: {UNFILLED}",
            f"    finished: {UNFILLED}",
        ]
    lines += ["recipients:" if recipients else "recipients: []"]
    for who in recipients:
        lines += [
            f"  - legalName: {json.dumps(who)}",
            f"    instructedAt: {UNFILLED}",
            f"    confirmedAt: {UNFILLED}",
        ]
    if consent:
        names = (
            "process",
            "noticed",
            "consented",
            "declined",
            "noResponse",
            "deletionRequested",
            "questions",
        )
        lines += ["consent:", *(f"  {name}: {UNFILLED}" for name in names)]
    return "\n".join(lines) + "\n"


def declaration_template() -> str:
    """Return the text of a new declaration."""
    return (
        "# The officer's declaration. Replace every FILL-IN.\n"
        "text: I declare under penalty of perjury that the foregoing is true and correct.\n"
        "form: 28 U.S.C. § 1746\n"
        f"signatory: {UNFILLED}\n"
        f"title: {UNFILLED}\n"
        f"executedOn: {UNFILLED}\n"
        "# place: where it is made\n"
        "# notChecked: what was not checked\n"
    )
