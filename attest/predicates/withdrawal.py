"""Withdrawal: statements that must no longer be believed (``withdrawal/v0.1``).

Its subjects are the withdrawn statements, by digest, or the selector's document. The signer of the
withdrawn statements signs it, or a ``revoker`` of the reader's trust file. A withdrawn statement loses what
it grants, never what it restricts or reveals: its edges still taint. A selector reaches only the
withdrawer's own identity unless the trust file says otherwise.

A field this version does not know makes its group UNKNOWN; a selector that is UNKNOWN reaches, for all the
reader can tell, every statement of the withdrawer.

Example::

    {
      "withdraws": ["9c1e…"], "reason": "false-claim",
      "effectiveFrom": "2026-11-01T00:00:00Z", "replacedBy": "0f3a…", "note": "the licence was misread"
    }
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from attest.claim import Group, is_unknown, or_unknown, unknown_groups
from attest.digest import Sha256
from attest.model import Timestamp
from attest.predicate import BASE, Predicate
from attest.resource import ResourceDescriptor

__all__ = ["Selector", "Withdrawal"]

ReasonWord = Literal["key-compromise", "builder-fault", "false-claim", "superseded", "withdrawn", "unknown"]


class Selector(Group):
    """All statements of the withdrawer's own identity, signed in a window of time."""

    from_: Timestamp | None = Field(default=None, alias="from")
    """First moment; absent: from the beginning."""
    until: Timestamp | None = None
    """Last moment; absent: without end."""


class Withdrawal(Predicate, Group):
    """Statements that must no longer be believed."""

    TYPE: ClassVar[str] = f"{BASE}withdrawal/v0.1"
    TRUST_ROLE: ClassVar[str] = "revoker"

    withdraws: tuple[Sha256, ...] = ()
    """Digests of the withdrawn statements; they are the subjects too."""
    selector: Selector | None = None
    """Instead: a window of time."""
    reason: Annotated[ReasonWord, or_unknown(ReasonWord)] = "unknown"
    """Why."""
    effective_from: Timestamp | None = None
    """From when; absent: from the beginning."""
    replaced_by: Sha256 | None = None
    """Digest of the statement to believe instead."""
    note: str | None = None
    """In words."""

    def unknown_groups(self) -> list[str]:
        """Return the dotted names of groups that must be taken as UNKNOWN; ``*`` is the whole record."""
        return unknown_groups(self)

    def is_unknown(self, group: str) -> bool:
        """Tell whether a group (dotted name in JSON) is UNKNOWN, in whole or in part."""
        return is_unknown(self.unknown_groups(), group)

    def statements(self, subjects: Iterable[ResourceDescriptor]) -> frozenset[str]:
        """Return the digests of the statements it withdraws by name.

        Args:
            subjects: those of the withdrawal's own statement; with a selector they are its document.
        """
        named = set(self.withdraws)
        if self.selector is None:
            named |= {item.artifact.sha256 for item in subjects if item.artifact}
        return frozenset(named)
