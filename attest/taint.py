"""How an artifact stands to a deletion order, how that came to it, and why: the words of an impact."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from attest.resource import Artifact

__all__ = ["Certainty", "Hop", "Reached", "Why"]


class Certainty(StrEnum):
    """How an artifact stands to an order."""

    PROVEN = "proven"
    POSSIBLE = "possible"
    CLEAR = "clear"


class Hop(NamedTuple):
    """How taint came to an artifact from the one before."""

    source: Artifact
    how: str
    """The role it was read in, ``derivedFrom``, ``part`` (its weights are in the tree) or ``holds``."""
    kind: str
    """Kind of the step, or empty."""
    statement: str
    """Digest of the statement that says so; empty where a manifest does."""


@dataclass(frozen=True)
class Reached:
    """An artifact that an order reaches or may reach."""

    artifact: Artifact
    certainty: Certainty
    reason: str
    """``target`` and ``descends``; of possible ones ``name``, ``claimed``, ``shares``, ``removal`` (a step
    says it took the ordered records out, and nothing shows it), ``unknown`` (something behind it is
    unexplained), ``cycle`` or ``order`` (the order cannot be read in full)."""
    hop: Hop | None
    """The last link of one witness path; ``None`` at its beginning."""
    distance: int
    """Links from the beginning of that path."""
    origin: Artifact
    """Where that path begins."""

    @property
    def descends(self) -> bool:
        """Whether a path leads to it from a target; else something about it, or the order, is not known."""
        return self.reason not in ("removal", "unknown", "cycle", "order")


@dataclass(frozen=True)
class Why:
    """Why an artifact is clear."""

    reason: str
    """``origin``: a believed dataset statement, and no target; ``made``: every step that made it lists all
    its inputs, and they are clear; ``removed``: so, but for inputs whose ordered records are shown to be out;
    ``support``: small code, configuration or environment; ``named-only``: the order reaches nothing else."""
    statements: tuple[str, ...]
    """Digests of the statements that say so."""
    proofs: tuple[str, ...] = ()
    """What shows that the records are out: SHA-256 of files of proofs, roots of leaf files."""
