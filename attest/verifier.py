"""How a signature is checked: one kind of signer per file of ``attest.verifiers``.

A ``VerifiedStatement`` is the only thing the judging half of attest accepts. Only ``attest.trust`` and the
members of ``attest.verifiers`` make one (a test holds that).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from attest.bundle import Bundle
from attest.errors import AttestError
from attest.statement import Statement

__all__ = ["UNDECIDED", "Identity", "UnverifiedError", "VerifiedStatement", "count_principals"]

UNDECIDED = frozenset({"package-missing", "root-missing", "time-unknown"})
"""Codes that say the reader lacks what a check needs, not that a check failed."""


class UnverifiedError(AttestError):
    """A bundle whose signature was not shown to be anybody's the reader trusts.

    Args:
        code: a stable reason, e.g. ``signature-invalid`` or ``signer-unknown``.
        what: the reason in words.
    """

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code

    def __reduce__(self) -> tuple[type[UnverifiedError], tuple[str, str]]:
        """Let it cross to another process: an exception is made anew from all it was made of."""
        return type(self), (self.code, self.what)


@dataclass(frozen=True, order=True)
class Identity:
    """Who signed, as the signature proves it: a key, or what a certificate authority vouched for."""

    kind: str
    """``key`` (subject is the SHA-256 of the public key's DER), ``sigstore`` or ``certificate``."""
    subject: str
    issuer: str = ""
    root: str = ""
    """SHA-256 of the pinned root that vouches for it: two authorities may give out the same names."""

    def __str__(self) -> str:
        if self.kind == "key":
            return f"key sha256:{self.subject}"
        return f"{self.subject} ({self.issuer})"

    def to_json(self) -> dict[str, str]:
        """Return the form ``contents`` and reports use."""
        if self.kind == "key":
            return {"key": self.subject}
        return {"subject": self.subject, "issuer": self.issuer}


@dataclass(frozen=True)
class VerifiedStatement:
    """A statement one identity is shown to have signed. It says nothing yet about whether to believe it."""

    statement: Statement
    signer: Identity
    principals: tuple[str, ...]
    """Names the reader's trust file gives this signer, sorted; never empty."""
    trusted_time: datetime | None
    """Upper bound from a trusted timestamp: it was signed before then. ``None``: no trusted time."""
    bundle: Bundle | None = field(repr=False)
    """Where it stood; ``None`` where that is not kept."""


def count_principals(signatures: Iterable[Collection[str]], among: Collection[str]) -> int:
    """Return how many principals signed, each by a signature of its own.

    One key may be several principals', and one principal may have several keys. Neither counts twice: it is
    the size of the largest matching of signatures with principals.

    Args:
        signatures: the principals each signature could be of.
        among: the principals that count.
    """
    signer_of: dict[str, int] = {}
    options = [sorted(set(names) & set(among)) for names in signatures]

    def place(number: int, tried: set[str]) -> bool:
        for name in options[number]:
            if name in tried:
                continue
            tried.add(name)
            if name not in signer_of or place(signer_of[name], tried):
                signer_of[name] = number
                return True
        return False

    return sum(place(number, set()) for number in range(len(options)))
