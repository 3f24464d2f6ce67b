"""Reports are foreign and long: here every string of one is shown safely, and every list is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from attest.text import show

__all__ = ["LONG", "Cut", "cut", "short", "shown_model"]

T_co = TypeVar("T_co", covariant=True)
M = TypeVar("M", bound=BaseModel)

LONG = 800
"""Characters shown of a sentence."""
_LENGTHS = {
    "reproduce": 4000,
    "summary": LONG,
    "expected": LONG,
    "actual": LONG,
    "remedy": LONG,
    "text": LONG,
    "reason": LONG,
    "sentence": LONG,
    "not_proven": LONG,
    "notes": LONG,
    "problems": LONG,
}
"""Field → characters shown of it; 200 for all others."""


@dataclass(frozen=True)
class Cut(Generic[T_co]):
    """The first of many things, and how many there are."""

    items: Sequence[T_co]
    total: int

    @property
    def hidden(self) -> int:
        """How many are not among the items."""
        return self.total - len(self.items)


def _shown(value: object, limit: int) -> object:
    """Return ``value`` with every string in it shown."""
    if isinstance(value, str):
        return show(value, limit)
    if isinstance(value, BaseModel):
        return shown_model(value)
    if isinstance(value, list):
        return [_shown(each, limit) for each in value]
    if isinstance(value, dict):
        return {_shown(key, limit): _shown(each, limit) for key, each in value.items()}
    return value


def shown_model(model: M) -> M:
    """Return a model with every string in it shown, each as long as its field may be."""
    fields = type(model).model_fields
    return model.model_copy(
        update={name: _shown(getattr(model, name), _LENGTHS.get(name, 200)) for name in fields}
    )


def cut(items: Sequence[M], most: int, trim: Callable[[M], M] = lambda each: each) -> Cut[M]:
    """Return the first ``most`` rows, trimmed and shown."""
    return Cut([shown_model(trim(each)) for each in items[:most]], len(items))


def short(values: list[str], most: int) -> list[str]:
    """Return the two ends of a long list, with the number left out between them."""
    if len(values) <= most:
        return values
    half = most // 2
    return [*values[:half], f"… {len(values) - 2 * half:,} more …", *values[-half:]]
