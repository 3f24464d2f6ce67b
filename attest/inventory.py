"""What a step is told to read and to write: each thing once, and none where it cannot be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from attest.apart import check_places
from attest.errors import AttestError, UsageError
from attest.limits import DEFAULT
from attest.manner import Manner
from attest.materials import Source
from attest.parameters import Parameters
from attest.places import label, within
from attest.predicates.step import REQUIRED_ROLES
from attest.provenance import Material, unique_name
from attest.shards import Shards
from attest.source import Location, is_location
from attest.targets import Target

__all__ = ["Inventory"]


class Inventory:
    """Inputs, outputs and byproducts of one step.

    Args:
        kind: what the step does.
        parameters: which of its values are secrets: no name of anything may hold one.
        own: tells the real paths that attest itself writes while it records.
    """

    def __init__(self, kind: str, parameters: Parameters, own: Callable[[], Sequence[str]]) -> None:
        self.sources: list[Source] = []
        self.outputs: list[Target] = []
        self.byproducts: list[Target] = []
        self._kind = kind
        self._parameters = parameters
        self._own = own
        self._named: set[tuple[str, str]] = set()

    @property
    def targets(self) -> list[Target]:
        """Everything the step writes."""
        return [*self.outputs, *self.byproducts]

    @property
    def materials(self) -> list[Material]:
        """The inputs as the statement describes them."""
        return [each.material() for each in self.sources]

    @property
    def code(self) -> Source | None:
        """The first input of code that is on this disk."""
        return next((each for each in self.sources if each.role == "code" and each.path), None)

    # ── naming things ──

    def has(self, source: Source) -> bool:
        """Tell whether the same thing is an input in that role already."""
        return bool(source.key) and (source.key, source.role) in self._named

    @contextmanager
    def adding(self, source: Source) -> Iterator[None]:
        """Add an input, and take it back if the block finds something against it.

        Raises:
            SecretError: its name or URI looks like a secret.
        """
        self.sources.append(source)
        try:
            shown = self._parameters.hide(source.material().descriptor().to_json())
            self._parameters.guard({"input": shown})
            yield
        except BaseException:
            self.sources.pop()
            raise
        self._named.add((source.key, source.role))

    def opaque(self, given: str, reason: str) -> None:
        """Say why nothing is known of how an input was made that was named before.

        Raises:
            UsageError: no such input, or one that cannot be opaque.
        """
        found = [each for each in self.sources if each.is_called(given)]
        if not found:
            where = Location.of(given).shown if is_location(given) else given
            raise UsageError("no input is named like this", where, "name it with its role, too")
        for source in found:
            replace(source, opaque=reason).check_opaque()
            source.opaque = reason

    def target(
        self,
        path: str | os.PathLike[str],
        name: str | None,
        shards: Shards | None,
        others: Sequence[Target] = (),
    ) -> Target:
        """Return something to be written, called like none of the others; it is not added.

        Raises:
            UsageError: it is not on this disk, or cannot be called like that.
        """
        if is_location(os.fspath(path)):
            hint = "write it into a folder, and name that; upload it afterwards"
            raise UsageError("a step's output is on this disk", Location.of(os.fspath(path)).shown, hint)
        if name is not None and ("/" in name or label(Path(name)) != name):
            raise UsageError(f"{name[:100]!r} cannot be the name of an output", os.fspath(path))
        taken = [each.name for each in others]
        return Target(Path(path), unique_name(name or label(Path(path)), taken), shards)

    def add_output(self, path: str | os.PathLike[str], name: str | None, shards: Shards | None) -> None:
        """Add something the step makes.

        Raises:
            UsageError: it cannot be written there, or lies in an input.
            LimitError: there are too many.
            SecretError: its name looks like a secret.
        """
        self._add(self.outputs, path, name, shards)

    def add_byproduct(self, path: str | os.PathLike[str], name: str | None, shards: Shards | None) -> None:
        """Add something the step leaves behind; errors are those of an output."""
        self._add(self.byproducts, path, name, shards)

    def _add(
        self,
        targets: list[Target],
        path: str | os.PathLike[str],
        name: str | None,
        shards: Shards | None,
    ) -> None:
        targets.append(self.target(path, name, shards, self.targets))
        try:
            DEFAULT.check("subjects", len(self.outputs))
            self._parameters.guard({"output": targets[-1].name})
            self.check_places()
        except AttestError:
            targets.pop()
            raise

    # ── what holds of all of them ──

    def check_places(self) -> None:
        """Refuse places that cannot be what they are said to be.

        Raises:
            UsageError: as of ``attest.apart.check_places``.
        """
        check_places(self.sources, self.outputs, self.byproducts, self._own())

    def check_whole(self) -> None:
        """Refuse a step without an output, or without an input that its kind must have.

        Raises:
            UsageError: it is one.
        """
        if not self.outputs:
            raise UsageError("the step has no output", hint="name what it writes with --output PATH")
        if missing := self.missing_roles():
            options = " or ".join(f"--{role} PATH" for role in missing)
            what = f"a {self._kind} step reads a {' or a '.join(missing)}, and none is named"
            raise UsageError(what, hint=f"name it with {options}")

    def missing_roles(self) -> list[str]:
        """Return the roles of which the kind of step needs one and has none."""
        have = {source.role for source in self.sources}
        return next((sorted(needed) for needed in REQUIRED_ROLES[self._kind] if not needed & have), [])

    def check_sizes(self) -> None:
        """Refuse more inputs or outputs than readers take.

        Raises:
            LimitError: there are more.
        """
        DEFAULT.check("step_inputs", len(self.sources) + len(self.byproducts))
        DEFAULT.check("subjects", len(self.outputs))

    def writes(self, real: str) -> bool:
        """Tell whether a real path is, or lies in, something the step writes."""
        return any(within(real, target.real) for target in self.targets)

    def reading(self, manner: Manner) -> Manner:
        """Return how files are digested: nothing is remembered inside of what is read or written."""
        real = [each.real for each in self.sources if each.role != "code"]
        real += [each.real for each in self.targets]
        return manner.without_cache_in([each for each in real if each])

    def no_code(self, but: Source | None = None) -> list[Path]:
        """Return what is no code in a folder of code: outputs, other inputs, and what is attest's own."""
        others = [each.real for each in self.sources if each is not but and each.real]
        targets = [each.real for each in self.targets]
        return [Path(place) for place in (*others, *targets, *self._own())]
