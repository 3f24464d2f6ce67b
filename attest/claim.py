"""How claims are read: one unreadable field never hides the rest, and one nobody knows never passes unseen.

``Lenient`` is the base of predicates and their parts. A field that cannot be read is left out and named;
the others stay. ``Group`` adds the rule for rights, orders, withdrawals and registers: a field this version
does not know makes its group UNKNOWN instead of being ignored. ``unknown_groups`` lists both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

from attest.canonical import MAX_SAFE_INTEGER
from attest.errors import FormatError
from attest.model import Model
from attest.resource import ResourceDescriptor
from attest.vocabulary import load

__all__ = [
    "ALL",
    "Claimed",
    "Count",
    "Group",
    "Lenient",
    "Positive",
    "Token",
    "is_unknown",
    "or_unknown",
    "unknown_groups",
    "unreadable",
]

ALL = "*"
"""The name of the outermost group: a field nobody knows there makes the whole record UNKNOWN."""


def _whole(value: Any) -> Any:
    """Take 3 and 3.0 (protobuf Struct knows no integers), not true and not "3"."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("expected a whole number")


Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER), BeforeValidator(_whole)]
"""A whole number, 0 or more, that JSON carries exactly."""

Positive = Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER), BeforeValidator(_whole)]
"""A whole number, 1 or more, that JSON carries exactly."""


def or_unknown(choices: Any) -> BeforeValidator:
    """Read every value that is none of a ``Literal``'s as ``"unknown"``."""
    values = frozenset(get_args(choices))

    def read(value: Any) -> Any:
        return value if isinstance(value, str) and value in values else "unknown"

    return BeforeValidator(read)


@dataclass(frozen=True)
class Token:
    """A word of one vocabulary, as pydantic metadata: ``Annotated[str, Token("purposes")]``.

    Args:
        vocabulary: its name.
        unlisted: what happens to a word that is not in it: ``unknown`` reads it as ``"unknown"``, ``keep``
            keeps it (a list of prohibitions must show what it could not understand), ``refuse`` is an
            error with the nearest token (documents people write).
    """

    vocabulary: str
    unlisted: Literal["unknown", "keep", "refuse"] = "unknown"

    def read(self, value: Any) -> Any:
        """Apply the rule for words outside the vocabulary."""
        known = load(self.vocabulary)
        if self.unlisted == "keep" or (isinstance(value, str) and value in known):
            return value
        if self.unlisted == "unknown":
            return "unknown"
        if not isinstance(value, str):
            raise ValueError(f"expected one of the {known.title.lower()}")  # noqa: TRY004 - pydantic wants ValueError
        guess = known.nearest(value)
        tail = f"did you mean {guess!r}?" if guess else f"known: {', '.join(known)}"
        raise ValueError(f"got {value[:60]!r}, which is none of the {known.title.lower()}; {tail}")

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "enum": list(load(self.vocabulary))}


class Lenient(Model):
    """Claims of a signer, read as far as they can be read."""

    _unreadable: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_what_can_be_read(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if isinstance(value, Mapping):
                kept, bad = _without(value, error)
            else:
                kept, bad = {}, (ALL,)
            try:
                model = handler(kept)
            except ValidationError:  # a required field cannot be left out
                raise error from None
            model._unreadable = bad  # noqa: SLF001 - of this very class
            return model

    @property
    def unreadable_fields(self) -> tuple[str, ...]:
        """Fields that were there and could not be read, sorted; ``*`` when it was no object at all."""
        return self._unreadable

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """Fields this version does not know, sorted. Only a ``Group`` keeps them."""
        return tuple(sorted(self.model_extra or ()))

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object.

        Raises:
            FormatError: something in it could not be read, or is not known to this version of attest:
                writing it again could say something else.
        """
        if bad := unknown_groups(self):
            raise FormatError(f"cannot be written: {', '.join(bad)} could not be read in full")
        return super().to_json()


class Group(Lenient):
    """Claims that restrict: a field nobody knows is kept, and makes the group UNKNOWN."""

    model_config = ConfigDict(extra="allow")


Backing = Literal["measured", "self-asserted", "upstream-signed", "third-party-verified", "unknown"]


class Claimed(Lenient):
    """A group of claims that may say who stands behind it."""

    claim: Annotated[Backing, or_unknown(Backing)] | None = None
    """Who stands behind the group: measured by the recorder, self-asserted, upstream-signed or
    third-party-verified (docs/formats.md)."""
    evidence: tuple[ResourceDescriptor, ...] | None = None
    """Documents that support the group, by digest."""


def _without(value: Mapping[str, Any], error: ValidationError) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return ``value`` without the fields, or items of lists, that pydantic complained about."""
    fields: dict[str, set[int] | None] = {}
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = problem["loc"]
        if problem["type"] == "missing" and len(place) == 1:
            continue
        name = str(place[0]) if place else ALL
        items = fields.setdefault(name, set())
        if len(place) > 1 and isinstance(place[1], int) and isinstance(value.get(name), (list, tuple)):
            if items is not None:
                items.add(place[1])
        else:
            fields[name] = None
    kept: dict[str, Any] = {}
    for name, content in value.items():
        items = fields.get(name, set())
        if items is None:
            continue
        kept[name] = content
        if items:
            kept[name] = [item for number, item in enumerate(content) if number not in items]
    return kept, tuple(sorted(fields))


def _parts(model: Model, name: str = "") -> Iterator[tuple[str, Model]]:
    """Yield the model and every part of it with its dotted name; descriptors have no lenient parts."""
    yield name, model
    for field, info in type(model).model_fields.items():
        value = getattr(model, field)
        several = isinstance(value, tuple)
        for number, part in enumerate(value if several else (value,)):
            if isinstance(part, Model) and not isinstance(part, ResourceDescriptor):
                dotted = f"{name}.{info.alias or field}".removeprefix(".")
                yield from _parts(part, f"{dotted}.{number}" if several else dotted)


def unreadable(model: Model) -> list[str]:
    """Return the dotted names of all fields, at any depth, that could not be read."""
    return sorted(
        name if field == ALL and name else f"{name}.{field}".removeprefix(".")
        for name, part in _parts(model)
        if isinstance(part, Lenient)
        for field in part.unreadable_fields
    )


def unknown_groups(model: Model) -> list[str]:
    """Return the dotted names of the groups that hold something we could not read or do not know.

    A top-level field that cannot be read is a group of its own; one nobody knows makes everything unknown,
    which is named ``*``.
    """
    found: set[str] = set()
    for name, part in _parts(model):
        if isinstance(part, Lenient):
            found |= {name or field for field in part.unreadable_fields}
            if part.unknown_fields:
                found.add(name or ALL)
    return sorted(found)


def is_unknown(groups: list[str], name: str) -> bool:
    """Tell whether the group ``name`` is one of ``groups``, lies inside one, or holds one."""
    return any(
        group in (ALL, name) or group.startswith(f"{name}.") or name.startswith(f"{group}.")
        for group in groups
    )
