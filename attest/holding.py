"""Which datasets hold a record, as far as commitments and proofs against them show: no file is read here.

An order may name single records by their keys. What it reaches begins with the datasets that hold them, and
goes on from there as from any dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from attest.commitment import Commitment, Proof
from attest.resource import Artifact

__all__ = ["Holding", "Wanted", "datasets_holding"]


class Wanted(NamedTuple):
    """A record, or a person, that is looked for."""

    key: bytes
    space: str
    """One of ``attest.commitment.SPACES``."""
    secret_digest: str | None = None
    """SHA-256 of the secret the key was made with; ``None``: nobody said."""


class Holding(NamedTuple):
    """Whether a dataset holds a record."""

    dataset: Artifact
    wanted: Wanted
    holds: bool | None
    """``None``: nothing in hand tells."""


def datasets_holding(
    wanted: Iterable[Wanted],
    commitments: Mapping[Artifact, Sequence[Commitment]],
    proofs: Iterable[Proof],
) -> list[Holding]:
    """Tell which datasets hold which records.

    A key that is in a dataset is in it whatever secret it was made with. That it is not in it says something
    only if it was made with the dataset's own secret: a key of another one is in no other dataset anyway.

    Args:
        wanted: what is looked for.
        commitments: of each dataset, from its signed statements; several must all exclude a record.
        proofs: those in hand, of whatever origin: each counts only where it verifies.

    Returns:
        One answer for each dataset and each record, in the order of the datasets, then of the records.
    """
    asked = list(wanted)
    known: dict[tuple[bytes, bytes], list[Proof]] = {}
    for proof in proofs:
        known.setdefault((proof.root, proof.key), []).append(proof)
    return [
        Holding(dataset, each, _holds(each, every, known))
        for dataset, every in commitments.items()
        for each in asked
    ]


def _holds(
    wanted: Wanted, commitments: Sequence[Commitment], known: Mapping[tuple[bytes, bytes], list[Proof]]
) -> bool | None:
    answers: list[bool | None] = []
    for commitment in commitments:
        if commitment.space != wanted.space:
            continue
        valid = [
            proof.included
            for proof in known.get((commitment.root, wanted.key), ())
            if proof.problem(commitment) is None
        ]
        same = wanted.secret_digest == commitment.secret_digest
        answers.append(True if any(valid) else False if valid and same else None)
    if True in answers:
        return True
    return False if answers and None not in answers else None
