"""Open sets: named members, each loaded only when somebody asks for it by name."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from attest.errors import UsageError, nearest

__all__ = ["Registry"]


class Registry:
    """A table of ``name → "module:attribute"``, open to other packages through one entry point group.

    Args:
        kind: what a member is called in messages, e.g. ``"rule"``.
        table: the members that ship with attest.
        group: the entry point group other packages add members through, e.g. ``"attest.rules"``.
            A name of ours cannot be taken over by another package.
    """

    def __init__(self, kind: str, table: Mapping[str, str], group: str) -> None:
        self.kind = kind
        self.group = group
        self._table = dict(table)
        self._foreign: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._foreign is None:
            from importlib.metadata import entry_points  # not paid for by `attest --help`

            points = entry_points(group=self.group)
            self._foreign = {point.name: f"{point.module}:{point.attr}" for point in points}
        return {**self._foreign, **self._table}

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._all()))

    def __contains__(self, name: object) -> bool:
        return name in self._table or name in self._all()

    def load(self, name: str) -> Any:
        """Import and return the member of that name.

        Raises:
            UsageError: there is none (the hint names the nearest one), or it cannot be imported.
        """
        target = self._table.get(name) or self._all().get(name)
        if target is None:
            guess = nearest(name, self)
            raise UsageError(
                f"unknown {self.kind} {name[:200]!r}",
                hint=f"did you mean {guess!r}?" if guess else f"known: {', '.join(self)}",
            )
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UsageError(
                f"{self.kind} {name[:200]!r} cannot be loaded: {error}",
                hint="is the package that provides it installed in full, in a version for this attest?",
            ) from error
