"""What kinds of words a person can write in a document: text, choices, files, licences, territories.

Each is a pydantic annotation that refuses what does not fit and names what was probably meant.
"""

from __future__ import annotations

import datetime as dt
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator

from attest.claim import Token
from attest.errors import FormatError, nearest
from attest.license import parse, unknown_ids
from attest.territory import known
from attest.vocabulary import load

__all__ = [
    "ArtifactName",
    "FileName",
    "LicenseText",
    "Purpose",
    "Territory",
    "Text",
    "YesNo",
    "choice",
    "in_order",
]


def _text(value: Any) -> Any:
    """Take text alone: ``version: 1.10`` would silently become 1.1."""
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, (bool, int, float)):
        raise ValueError(f"expected text: put {value!r} in quotes")  # noqa: TRY004 - pydantic wants ValueError
    raise ValueError("expected text")


def choice(choices: Any) -> BeforeValidator:
    """Take one of a ``Literal``'s values, and name the nearest of them otherwise."""
    known = get_args(choices)

    def read(value: Any) -> Any:
        if isinstance(value, str) and value in known:
            return value
        if isinstance(value, bool) and "yes" in known:
            value = "yes" if value else "no"
        guess = nearest(str(value), known)
        tail = f"; did you mean {guess!r}?" if guess else ""
        raise ValueError(f"expected one of {', '.join(known)}{tail}")

    return BeforeValidator(read)


def _territory(value: str) -> str:
    """Take a territory, or a subdivision of a country (ISO 3166-2)."""
    if known(value):
        return value
    guess = load("territories").nearest(value.upper())
    tail = f"did you mean {guess!r}?" if guess else "ISO 3166 codes, EU, EEA or worldwide"
    raise ValueError(f"got {value[:40]!r}, which is no territory; {tail}")


def _file(value: str) -> str:
    if PurePosixPath(value).is_absolute() or "\\" in value or "\0" in value:
        raise ValueError("write the file's path relative to the card, with /")
    return value


def _expression(value: str) -> str:
    try:
        parse(value)
    except FormatError as error:
        raise ValueError(error.what) from error
    if unknown := unknown_ids(value):
        guess = load("licence-classes").nearest(unknown[0])
        tail = f"did you mean {guess!r}? " if guess else ""
        raise ValueError(f"{unknown[0]!r} is no SPDX id; {tail}A licence of your own is LicenseRef-NAME")
    return value


def _artifact(value: str) -> str:
    digest = value.removeprefix("sha256:").removesuffix("/")
    if not value.startswith("sha256:") or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("expected sha256: and 64 lowercase hex digits, with a / at the end for a directory")
    return value


Text = Annotated[str, BeforeValidator(_text)]
"""Text that is not blank; a number must stand in quotes."""

YesNo = Annotated[Literal["yes", "no", "unknown"], choice(Literal["yes", "no", "unknown"])]
"""``yes``, ``no`` or ``unknown``."""

FileName = Annotated[Text, AfterValidator(_file)]
"""A file of the author's, relative to the document."""

Territory = Annotated[Text, AfterValidator(_territory)]
"""Vocabulary territories, or a subdivision such as US-IL."""

ArtifactName = Annotated[Text, AfterValidator(_artifact)]
"""``sha256:`` and 64 hex digits, with a ``/`` at the end for a directory."""

LicenseText = Annotated[Text, AfterValidator(_expression)]
"""An SPDX licence expression of known ids and LicenseRef-s."""

Purpose = Annotated[str, Token("purposes", "refuse")]
"""Vocabulary purposes."""


def in_order(start: dt.date | None, end: dt.date | None, message: str) -> None:
    """Raise ``ValueError`` with the message if both days are given and the end comes first."""
    if start is not None and end is not None and end < start:
        raise ValueError(f"{message}: {start} to {end}")
