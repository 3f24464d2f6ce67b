"""The order a person writes in YAML: what must go, on whose word, by when. It becomes ``deletion-order``.

It is strict: a key nobody knows, a word that is none, or a field that is still to be filled in is an error
with its line. The order's own document stays home; its digest is what the statement is about.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, field_validator

from attest.attachment import digest_named
from attest.document import UNFILLED, Document, check_filled, read_file
from attest.errors import FormatError, UsageError
from attest.keylist import read_keys
from attest.limits import DEFAULT, Limits
from attest.model import Date, StrictModel, format_time
from attest.order_sections import (
    AuthoritySection,
    DeadlineRow,
    Heading,
    Records,
    ReportingSection,
    Target,
    TargetsSection,
    ThirdPartiesSection,
    stated_uri,
)
from attest.predicates.deletion_order import DeletionOrder
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.words import Text, choice

__all__ = [
    "OrderFile",
    "order_template",
    "read_order",
]


ReachWord = Literal["in-whole-or-in-part", "named-only"]
ExceptionWord = Literal["legal-retention", "technical-infeasibility"]


class OrderFile(StrictModel):
    """A deletion order as it is written; ``read_order`` gives one that knows its file."""

    order: Heading
    """What the order is."""
    authority: AuthoritySection | None = None
    """Who ordered it; not for a voluntary one."""
    register_id: Annotated[Text, AfterValidator(stated_uri)] | None = Field(default=None, alias="register")
    """URI of the register it is listed in: only that register lifts it."""
    issued: Date | None = None
    """Day it was made."""
    effective: Date | None = None
    """Day it took effect; deadlines in days are counted from it."""
    received: Date | None = None
    """Day it was received."""
    transcribed_by: Text | None = None
    """Who wrote this down."""
    targets: TargetsSection
    """What must go."""
    reach: Annotated[ReachWord, choice(ReachWord)] = "in-whole-or-in-part"
    """`in-whole-or-in-part`: and all that was made from it, in whole or in part; `named-only`."""
    deadlines: list[DeadlineRow] = Field(default_factory=list)
    """By when, by class."""
    third_parties: ThirdPartiesSection | None = None
    """What is owed to and by recipients."""
    permitted_exceptions: list[Annotated[ExceptionWord, choice(ExceptionWord)]] = Field(default_factory=list)
    """What may stay; empty: nothing."""
    reporting: ReportingSection | None = None
    """To whom it is reported."""
    note: Text | None = None
    """In words."""

    _document: Document | None = PrivateAttr(default=None)
    _folder: Path = PrivateAttr(default=Path())

    @field_validator("deadlines")
    @classmethod
    def _one_per_class(cls, rows: list[DeadlineRow]) -> list[DeadlineRow]:
        classes = [row.class_ for row in rows]
        twice = [each or "the rest" for each in classes if classes.count(each) > 1]
        if twice:
            raise ValueError(f"two deadlines for {twice[0]}")
        return rows

    def statement(self) -> Statement:
        """Return the order as a statement about its document.

        Raises:
            UsageError: a file it names cannot be read, or a deadline counts days from an unknown one; with
                the line.
        """
        name = self.order.document or Path(self._document.name if self._document else "order.yaml").name
        digest = self._digest(name, ("order", "document"))
        subject = ResourceDescriptor(name=name, digest={"sha256": digest})
        return Statement.build([subject], DeletionOrder.TYPE, self.predicate().to_json())

    def predicate(self) -> DeletionOrder:
        """Return what is signed.

        Raises:
            UsageError: as ``statement``.
        """
        said = self.to_json()
        heading = said.pop("order")
        said |= {"id": heading["id"], "basis": heading["basis"]}
        said["targets"] = {
            "datasets": [each.descriptor() for each in self.targets.datasets],
            "records": [self._records(number, each) for number, each in enumerate(self.targets.records)],
            "models": [each.descriptor() for each in self.targets.models],
        }
        said["deadlines"] = [self._deadline(number, row) for number, row in enumerate(self.deadlines)]
        said["permittedExceptions"] = [{"kind": kind} for kind in self.permitted_exceptions]
        for field in ("issued", "effective", "received"):
            if field in said:
                said[field] += "T00:00:00Z"
        if self.reporting is not None and self.reporting.due is not None:
            said["reporting"]["due"] = _end_of(self.reporting.due)
        return DeletionOrder.from_json(said)

    def _records(self, number: int, records: Records) -> dict[str, Any]:
        said: dict[str, Any] = {"space": records.space, "keys": sorted(set(records.keys))}
        if records.count is not None:
            said["count"] = records.count
        if records.dataset is not None:
            said["dataset"] = Target(digest=records.dataset).descriptor()
        if records.list_ is not None:
            place = ("targets", "records", number, "list")
            digest = self._keys(self._folder / records.list_, place)
            said["list"] = {"name": records.list_, "digest": {"sha256": digest}}
        return said

    def _deadline(self, number: int, row: DeadlineRow) -> dict[str, Any]:
        due = row.due
        if due is None:
            if self.effective is None:
                where = self._document.where(("deadlines", number)) if self._document else None
                raise UsageError("days are counted from effective, which is missing", where)
            due = self.effective + timedelta(days=row.days or 0)
        said: dict[str, Any] = {"due": _end_of(due)}
        if row.class_ is not None:
            said["class"] = row.class_
        if row.days is not None:
            said["days"] = row.days
        return said

    def _digest(self, name: str, place: tuple[str | int, ...]) -> str:
        where = self._document.where(place) if self._document else None
        return digest_named(self._folder, name, where, "paths are relative to the order")

    def _keys(self, path: Path, place: tuple[str | int, ...]) -> str:
        """Return the digest of a list of keys that can be read."""
        try:
            return read_keys(path).sha256
        except FormatError as error:
            where = self._document.where(place) if self._document else None
            raise UsageError(f"{error.where}: {error.what}", where, error.hint) from error

    def remarks(self) -> list[str]:
        """Return what a reader will miss in the order, one sentence each; none of it is an error."""
        found = []
        if self.register_id is None:
            found.append("it names no register: every register that lists it can lift it")
        if self.order.basis != "voluntary" and self.authority is None:
            found.append("authority is missing, and the order is not voluntary")
        if self.order.basis != "voluntary" and self.order.document is None:
            found.append("order.document is missing: only this file stands for what was ordered")
        if not self.deadlines:
            found.append("it sets no deadline")
        bare = [each.name for each in (*self.targets.datasets, *self.targets.models) if each.digest is None]
        found += [f"target {name!r} has no digest: what is called so is possibly affected" for name in bare]
        return found


def _end_of(day: Any) -> str:
    """Return the last second of a day: it counts to its end."""
    return format_time(datetime.combine(day, time(23, 59, 59), UTC))


def read_order(path: Path, limits: Limits = DEFAULT) -> OrderFile:
    """Read an order.

    Raises:
        FormatError: the file cannot be read.
        UsageError: it is no order; the message names the line, and the nearest valid key or word.
    """
    document = read_file(path, limits)
    check_filled(document)
    order = document.validate(OrderFile)
    order._document = document  # noqa: SLF001 - its own module
    order._folder = path.parent  # noqa: SLF001 - its own module
    return order


_TEMPLATE = Path(__file__).parent / "presets" / "order.yaml"


def order_template(
    *,
    order_id: str | None = None,
    basis: str | None = None,
    document: str | None = None,
    register: str | None = None,
    targets: tuple[tuple[str, str], ...] = (),
) -> str:
    """Return the text of a new order, with what is known filled in and ``UNFILLED`` where one must write.

    Args:
        order_id: what to call it.
        basis: on whose word.
        document: its file, relative to the order.
        register: id of the register it will be listed in.
        targets: name and digest (``sha256:…``) of the datasets that must go.
    """
    lines = []
    for name, digest in targets:
        lines.append(f"    - {{name: {_quoted(name)}, digest: {_quoted(digest)}}}")
    known = {
        "id": _quoted(order_id) if order_id else UNFILLED,
        "basis": basis or UNFILLED,
        "document": f"document: {_quoted(document)}" if document else "# document: order.pdf",
        "register": f"register: {_quoted(register)}"
        if register
        else "# register: https://registry.example/orders",
        "datasets": "\n".join(lines) or f"    - {{name: {UNFILLED}, digest: {UNFILLED}}}",
    }
    text = _TEMPLATE.read_text("utf-8")
    return re.sub(r"\{\{([a-z]+)\}\}", lambda match: known[match[1]], text)


def _quoted(text: str) -> str:
    """Write text as a YAML scalar that reads back as itself: JSON's strings are YAML's."""
    return json.dumps(text, ensure_ascii=True)
