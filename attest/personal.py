"""Personal data: what dataset statements say about it, and rules that ask more only where it is there.

Of several statements about one dataset any ``yes`` counts, withdrawn or not; ``no`` needs one the reader
believes, and no other that leaves it open. Where there is no personal data there is none that is biometric,
of children or of a special category: ``presence: no`` answers for these, unless it is contradicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from attest.claim import is_unknown, unreadable
from attest.model import StrictModel
from attest.predicates.dataset import Dataset, PersonalData
from attest.resource import Artifact
from attest.review import Review
from attest.words import YesNo

__all__ = ["FACTS", "SENSITIVE", "Fact", "When", "facts", "label", "stated"]

Fact = Literal["presence", "biometric", "children", "special_category"]

FACTS: tuple[Fact, ...] = ("presence", "biometric", "children", "special_category")
"""Facts about personal data that rules ask for."""

SENSITIVE: tuple[Fact, ...] = ("biometric", "special_category")
"""Those for which the GDPR asks for more (Art. 9(1))."""

_LABELS = {
    "presence": "personal data",
    "biometric": "biometric data",
    "children": "data of children",
    "special_category": "special categories of personal data",
}


def label(fact: str) -> str:
    """Return a fact in words."""
    return _LABELS[fact]


def facts(review: Review, artifact: Artifact, fact: Fact) -> frozenset[str]:
    """Return what statements about a dataset say of a fact: ``yes``, ``no``, ``unknown``, or several.

    ``unknown`` is among them where no statement the reader believes says anything.
    """
    statements = [each for each in review.graph.datasets(artifact) if each.granted]
    said = {stated(each.predicate, fact) for each in statements if isinstance(each.predicate, Dataset)}
    return frozenset(said if any(each.believed for each in statements) else said | {"unknown"})


def stated(dataset: Dataset, fact: Fact) -> str:
    """Return what one statement says of a fact."""
    data = dataset.personal_data
    if data is None:
        return "unknown"
    value = str(getattr(data, fact))
    if value == "yes" or is_unknown(unreadable(dataset), "personalData"):
        return value if value == "yes" else "unknown"
    return "no" if data.presence == "no" and not _any(data) else value


def _any(data: PersonalData) -> bool:
    """Whether a statement says yes to some kind of personal data: then its ``presence: no`` is no answer."""
    return "yes" in (data.biometric, data.children, data.special_category)


class When(StrictModel):
    """Datasets a rule asks something of: those with one of these facts. Without any: every dataset."""

    presence: list[YesNo] | None = Field(default=None, description="Personal data of any kind.")
    biometric: list[YesNo] | None = Field(default=None, description="Biometric data.")
    children: list[YesNo] | None = Field(default=None, description="Data of children.")
    special_category: list[YesNo] | None = Field(default=None, description="Special categories.")

    @property
    def words(self) -> str:
        """Which datasets, as the end of a sentence that begins "every dataset"."""
        parts = [
            f"with {label(name)}" + (" (or where nobody knows)" if "unknown" in asked else "")
            if "yes" in asked
            else f"of which nobody knows whether it holds {label(name)}"
            if "unknown" in asked
            else f"without {label(name)}"
            for name, asked in self._asked()
        ]
        return f" {', or '.join(parts)}" if parts else ""

    def _asked(self) -> Iterator[tuple[Fact, list[YesNo]]]:
        for name in FACTS:
            asked = getattr(self, name)
            if asked is not None:
                yield name, asked

    def meets(self, review: Review, artifacts: Iterable[Artifact]) -> bool | None:
        """Tell whether a dataset is one of them; ``None`` where a fact it depends on is not known.

        Args:
            review: what was examined.
            artifacts: the dataset, and those whose rights a record about it stands in for.
        """
        asked = list(self._asked())
        if not asked:
            return True
        doubt = False
        for name, wanted in asked:
            said = {value for artifact in artifacts for value in facts(review, artifact, name)}
            if said & set(wanted):
                return True
            doubt = doubt or "unknown" in said
        return None if doubt else False
