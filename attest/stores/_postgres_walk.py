"""Walks along the links of a store in PostgreSQL, answered by one query over integer ids."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from attest.errors import StoreError
from attest.resource import Artifact
from attest.stores._postgres_link import Link
from attest.stores._rows import CHECK_HINT, SUBJECT, blob

__all__ = ["PostgresReach", "digest_of", "statements_about", "walk"]

_CHUNK = 1000
"""Rows asked for at once where answers are looked up by their ids or digests."""

_WALK = """WITH RECURSIVE start AS (
    SELECT id FROM @artifact JOIN unnest(%b::bytea[], %b::boolean[]) AS wanted (sha256, tree)
      USING (sha256, tree)
  ), reached (statement, id) AS (
    SELECT false, id FROM start
    UNION
    SELECT NOT statement, next.id FROM reached CROSS JOIN LATERAL (
      SELECT statement_id FROM @{first} WHERE NOT statement AND artifact_id = reached.id
      UNION ALL SELECT artifact_id FROM @{second} WHERE statement AND statement_id = reached.id
    ) AS next (id)
  )
  SELECT string_agg(int4send(id), '') FILTER (WHERE NOT statement),
    string_agg(int4send(id), '') FILTER (WHERE statement) FROM reached"""
_ARTIFACTS = "SELECT sha256, tree FROM @artifact WHERE id = ANY(%b::integer[]) ORDER BY id"
_STATEMENTS = "SELECT sha256 FROM @statement WHERE id = ANY(%b::integer[]) ORDER BY id"
_ABOUT = """WITH found AS (
    SELECT id FROM @artifact JOIN unnest(%b::bytea[], %b::boolean[]) AS wanted (sha256, tree)
      USING (sha256, tree)
  ) SELECT id, sha256 FROM @statement WHERE id IN (
    SELECT statement_id FROM found JOIN @product ON artifact_id = found.id {which}
    UNION SELECT statement_id FROM found JOIN @source ON artifact_id = found.id {which}
  ) ORDER BY id"""


class PostgresReach:
    """Where a walk came to: ids, four bytes each. ``attest.store.Reach`` says what its methods promise."""

    def __init__(self, link: Link, artifacts: array[int], statements: array[int]) -> None:
        self._link = link
        self._artifacts = artifacts
        self._statements = statements

    @property
    def artifact_count(self) -> int:
        """How many artifacts it came to."""
        return len(self._artifacts)

    @property
    def statement_count(self) -> int:
        """How many statements it went through."""
        return len(self._statements)

    def artifacts(self) -> Iterator[Artifact]:
        """Yield the artifacts it came to, each once."""
        for digest, tree in self._rows(_ARTIFACTS, self._artifacts):
            yield Artifact(digest_of(digest, self._link), bool(tree))

    def statements(self) -> Iterator[str]:
        """Yield the digests of the statements it went through, oldest first."""
        for (digest,) in self._rows(_STATEMENTS, self._statements):
            yield digest_of(digest, self._link)

    def _rows(self, query: str, ids: array[int]) -> Iterator[tuple[object, ...]]:
        for start in range(0, len(ids), _CHUNK):
            yield from self._link.ask(query, ids[start : start + _CHUNK].tolist())


def walk(link: Link, artifacts: Iterable[Artifact], *, backwards: bool) -> PostgresReach:
    """Walk from artifacts along the links, in one query and so over one state of the store.

    Raises:
        FormatError: an artifact's digest is none.
        StoreError: it cannot be read.
    """
    first, second = ("product", "source") if backwards else ("source", "product")
    query = _WALK.format(first=first, second=second)
    ((found, through),) = link.ask(query, *_columns(list(artifacts)))
    return PostgresReach(link, _ids(found), _ids(through))


def statements_about(link: Link, artifacts: Iterable[Artifact], *, anyhow: bool = False) -> Iterator[str]:
    """Yield digests of the statements that have one of the artifacts as a subject, each once.

    Args:
        link: to the store.
        artifacts: consumed as a stream.
        anyhow: those too that have one as anything else.
    """
    query = _ABOUT.format(which="" if anyhow else f"WHERE listed & {SUBJECT} <> 0")
    seen: set[int] = set()
    stream = iter(artifacts)
    while some := list(islice(stream, _CHUNK)):
        for number, digest in link.ask(query, *_columns(some)):
            if number not in seen:
                seen.add(number)
                yield digest_of(digest, link)


def digest_of(digest: object, link: Link) -> str:
    """Return a digest out of a row.

    Raises:
        StoreError: it is none.
    """
    if not isinstance(digest, bytes) or len(digest) != 32:
        raise StoreError("is damaged: a digest is not 32 bytes long", link.place.where, CHECK_HINT)
    return digest.hex()


def _columns(artifacts: Sequence[Artifact]) -> tuple[list[bytes], list[bool]]:
    return [blob(each.sha256) for each in artifacts], [each.tree for each in artifacts]


def _ids(sent: bytes | None) -> array[int]:
    """Return the numbers in what ``int4send`` made of them, in order."""
    found = array("i", sent or b"")
    if sys.byteorder == "little":
        found.byteswap()
    return array("i", sorted(found))
