"""What every store does with bundles on their way in and out, whatever keeps the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

from attest.bundle import Bundle, parse_bundle
from attest.digest import is_sha256
from attest.envelope import IN_TOTO
from attest.errors import FormatError, LimitError, StoreError
from attest.limits import Limits
from attest.links import Links, links_of
from attest.resource import Artifact
from attest.statement import Statement

__all__ = ["CHECK_HINT", "INPUT", "SUBJECT", "Entry", "blob", "bundle_of", "entry_of", "listed_rows", "take"]

SUBJECT, INPUT = 1, 2
"""Bits of what a statement lists an artifact as."""

CHECK_HINT = "`attest store check` lists the damage; what is lost can be imported again"
"""What to do about a damaged store."""

_HEAD_ENTRIES, _HEAD_BYTES = 1000, 16 << 20


class Entry(NamedTuple):
    """A bundle made ready to be written."""

    line: bytes
    statement: Statement
    links: Links


def entry_of(bundle: Bundle, limits: Limits) -> Entry:
    """Parse what will be kept, so that nothing is kept that cannot be read back.

    Raises:
        FormatError: it does not hold an in-toto statement.
    """
    where = f"statement sha256:{bundle.statement_digest}"
    kept = parse_bundle(bundle.line, where, limits)
    if kept.payload_type != IN_TOTO:
        raise FormatError(f"payloadType: got {kept.payload_type[:100]!r}, expected {IN_TOTO!r}", where)
    statement = kept.statement(where, limits)
    return Entry(bundle.line, statement, links_of(statement, limits))


def take(entries: Iterator[Entry]) -> list[Entry]:
    """Take the next entries: all of a short put, what fits into a bounded memory of a long one."""
    taken: list[Entry] = []
    size = 0
    for entry in entries:
        taken.append(entry)
        size += len(entry.line) + len(entry.statement.payload)
        if len(taken) == _HEAD_ENTRIES or size >= _HEAD_BYTES:
            break
    return taken


def listed_rows(links: Links) -> tuple[dict[Artifact, int], dict[Artifact, int]]:
    """Return the sources and the products, each with what the statement has it as (column ``listed``).

    The same bits stand wherever an artifact stands: so it makes no difference whether weights are known from
    the beginning or come later, with their manifest.
    """

    def bits(artifact: Artifact) -> int:
        return SUBJECT * (artifact in links.subjects) | INPUT * (artifact in links.inputs)

    return {each: bits(each) for each in links.sources}, {each: bits(each) for each in links.products}


def bundle_of(
    digest: object, raw: object, statement_digest: str | None, where: str, limits: Limits
) -> Bundle:
    """Return the bundle a row holds.

    Args:
        digest: SHA-256 of the row's bytes, as it stands in the row.
        raw: the row's bytes.
        statement_digest: of the statement that was asked for, if one was.
        where: the store and the row.
        limits: for the bundle.

    Raises:
        LimitError: it is larger than the reader allows.
        StoreError: it is not what was put in.
    """
    if not isinstance(raw, bytes) or hashlib.sha256(raw).digest() != digest:
        raise StoreError("is damaged: its bytes do not match their digest", where, CHECK_HINT)
    try:
        bundle = parse_bundle(raw, where, limits)
    except LimitError:
        raise
    except FormatError as error:
        raise StoreError(f"is damaged: {error.what}", where, CHECK_HINT) from error
    if statement_digest not in (None, bundle.statement_digest):
        what = f"is damaged: got statement {bundle.statement_digest}, expected {statement_digest}"
        raise StoreError(what, where, CHECK_HINT)
    return bundle


def blob(sha256: str) -> bytes:
    """Return the bytes of a digest somebody asks for.

    Raises:
        FormatError: it is none, or in another spelling.
    """
    if not is_sha256(sha256):
        raise FormatError(f"got {str(sha256)[:100]!r}, expected a SHA-256 in 64 lowercase hex digits")
    return bytes.fromhex(sha256)
