"""The base of every pydantic model: lowerCamelCase outside, snake_case inside, RFC 3339 times in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from attest.errors import FormatError

__all__ = [
    "Date",
    "Model",
    "Presence",
    "StrictModel",
    "Timestamp",
    "format_time",
    "parse_time",
]

_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time with its offset, or a date (its first second in UTC), as UTC.

    Raises:
        FormatError: it is neither.
    """
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if _RFC3339.fullmatch(text):
            # fromisoformat reads at most six digits of a second
            short = re.sub(r"(\.\d{6})\d+", r"\1", text.upper())
            return datetime.fromisoformat(short).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise FormatError(f"got {text[:60]!r}, expected a time like 2026-11-20T10:02:00Z")


def format_time(time: datetime) -> str:
    """Write a time as RFC 3339 in UTC; fractions of a second appear only where there are some."""
    utc = time.astimezone(UTC)
    fraction = f".{utc.microsecond:06d}".rstrip("0") if utc.microsecond else ""
    return utc.replace(microsecond=0, tzinfo=None).isoformat() + fraction + "Z"


def _read_time(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs an offset from UTC")
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise ValueError("expected an RFC 3339 time in a string")  # noqa: TRY004 - pydantic wants ValueError
    try:
        return parse_time(value)
    except FormatError as error:
        raise ValueError(error.what) from error


def _read_date(value: Any) -> Any:
    if isinstance(value, str) and _DATE.fullmatch(value):
        return date.fromisoformat(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise ValueError("expected a date like 2026-11-20")


def _read_presence(value: Any) -> Any:
    # an unknown enum value reads as unknown: a reader never guesses what a later version meant
    return value if value in ("yes", "no", "unknown") else "unknown"


Timestamp = Annotated[
    datetime,
    BeforeValidator(_read_time),
    PlainSerializer(format_time, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment, in UTC."""

Date = Annotated[date, BeforeValidator(_read_date), WithJsonSchema({"type": "string", "format": "date"})]
"""A calendar day."""

Presence = Annotated[Literal["yes", "no", "unknown"], BeforeValidator(_read_presence)]
"""A fact a vendor may not know; every value that is none of the three reads as ``unknown``."""


class Model(BaseModel):
    """Signed JSON as we read it: unknown fields are ignored (in-toto's rule), nothing changes later."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        strict=False,
    )

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read JSON by its published names alone: ``validUntil``, never our own ``valid_until``.

        Raises:
            ValidationError: it does not fit.
        """
        return cls.model_validate(value, by_alias=True, by_name=False)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object: aliases, RFC 3339 times, no empty optional fields."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class StrictModel(Model):
    """The reader's own documents: a field nobody knows is an error."""

    model_config = ConfigDict(extra="forbid")
