"""The smallest retraining: which recorded steps to run again, from what, and without what is ordered gone.

For each affected artifact that is still wanted, the step that made it is run again. What it read is kept if
it is clear, left out if it must go, and made anew first if it is affected and a recorded step made it.
Nothing is run here, and nothing is guessed: a step that would be left without an input it cannot do without
is said to be impossible, with what is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from attest.graph import SUPPORT_ROLES, StepNode
from attest.impact import Impact
from attest.itemclass import item_class
from attest.predicates.step import REQUIRED_ROLES, Input
from attest.resource import Artifact
from attest.taint import Certainty

__all__ = ["WANTED_CLASSES", "Plan", "PlannedInput", "PlannedStep", "Wanted"]

WANTED_CLASSES = (
    "model",
    "adapter",
    "quantization",
    "distilled-student",
    "embedding",
    "index",
)
"""Classes of affected artifacts that are taken to be wanted unless somebody says which are."""


@dataclass(frozen=True)
class PlannedInput:
    """What becomes of one input of a step that is run again."""

    item: Input
    action: str
    """``keep`` (clear), ``open`` (not explained), ``leave-out`` (ordered gone, or affected and not to be made
    anew), ``remade`` (by an earlier step), ``replaced`` (by what is left of it)."""
    by: int | None = None
    """Number of the step that makes it anew."""
    instead: Artifact | None = None
    """What takes its place, where a step has taken the ordered records out already."""


@dataclass
class PlannedStep:
    """One recorded step to be run again."""

    node: StepNode
    number: int
    """Its place in the order of the plan, from 1; 0 when it cannot be run."""
    inputs: list[PlannedInput]
    missing: str = ""
    """Why it cannot be run again; empty when it can."""
    outputs: list[Artifact] = field(default_factory=list)
    """What it made that is affected: what its new outputs replace."""

    @property
    def command(self) -> list[str]:
        """The recorded command, as the statement has it; empty where none was recorded."""
        words = self.node.step.build_definition.external_parameters.get("command")
        return [word for word in words if isinstance(word, str)] if isinstance(words, list) else []


@dataclass(frozen=True)
class Wanted:
    """An affected artifact that is still wanted."""

    artifact: Artifact
    steps: tuple[int, ...]
    """Numbers of the steps that lead to its replacement, in order; empty when there is no way."""
    restart: tuple[Artifact, ...]
    """The latest clear artifacts it starts from."""
    missing: str
    """Why it cannot be made anew; empty when it can."""


class Plan:
    """What to run again so that the wanted artifacts exist without what an order reaches.

    Args:
        impact: what the order reaches.
        wanted: affected artifacts; ``None``: every affected one of ``WANTED_CLASSES``.
    """

    def __init__(self, impact: Impact, wanted: Iterable[Artifact] | None = None) -> None:
        self.impact = impact
        if wanted is None:
            self._asked = [a for a in sorted(impact.reached) if self._is_model(a)]
        else:
            self._asked = sorted({a for a in wanted if self._must_be_remade(a)})
        self._step_of: dict[Artifact, StepNode] = {}
        self._planned: dict[int, PlannedStep] = {}
        self.steps: list[PlannedStep] = []
        """The steps that can be run again, in order."""
        self._collect()
        self._arrange()
        self.wanted = [self._wanted(artifact) for artifact in self._asked]

    # -- what must be made anew ----------------------------------------------------------------------------

    def _is_model(self, artifact: Artifact) -> bool:
        """Whether it is wanted by default; what is part of an affected directory comes with that."""
        inside = any(tree in self.impact.reached for tree in self.impact.trees_of(artifact))
        kind = item_class(self.impact.unknowns, artifact)
        return self._must_be_remade(artifact) and not inside and kind in WANTED_CLASSES

    def _must_be_remade(self, artifact: Artifact) -> bool:
        """Whether a path leads to it from a target; what is merely unexplained has to be explained."""
        reached = self.impact.reached.get(artifact)
        return reached is not None and reached.descends

    def _maker(self, artifact: Artifact) -> StepNode | None:
        """The recorded step to run again: a believed one, the first by its statement's digest."""
        makers = [
            node
            for node in self.impact.unknowns.makers(artifact)
            if node.evidence.believed and node.read_for(artifact)
        ]
        return min(makers, key=lambda node: node.evidence.digest, default=None)

    def _collect(self) -> None:
        """Find the maker of everything that has to be made anew, back from what is wanted."""
        stack = list(self._asked)
        seen = set(stack)
        while stack:
            artifact = stack.pop()
            node = self._maker(artifact)
            if node is None:
                continue
            self._step_of[artifact] = node
            for item in node.read_for(artifact):
                found = item.artifact
                if found is None or found in seen or found in self.impact.targets:
                    continue
                if self._must_be_remade(found):
                    seen.add(found)
                    stack.append(found)

    def _arrange(self) -> None:
        """Put the steps into an order in which everything is there when it is read."""
        outputs: dict[int, list[Artifact]] = defaultdict(list)
        nodes: dict[int, StepNode] = {}
        for artifact, node in self._step_of.items():
            nodes[id(node)] = node
            outputs[id(node)].append(artifact)
        waiting = {key: self._sources(node) for key, node in nodes.items()}
        readers: dict[int, list[int]] = defaultdict(list)
        for key, sources in waiting.items():
            for source in sources:
                readers[source].append(key)

        def by_digest(keys: Iterable[int]) -> list[int]:
            return sorted(keys, key=lambda key: nodes[key].evidence.digest)

        ready = by_digest(key for key, sources in waiting.items() if not sources)
        while ready:
            key = ready.pop(0)
            self._plan(nodes[key], sorted(outputs[key]))
            for reader in readers[key]:
                waiting[reader].discard(key)
            ready = by_digest({*ready, *(each for each in readers[key] if not waiting[each])})
        for key in by_digest(nodes.keys() - self._planned.keys()):
            self._planned[key] = PlannedStep(nodes[key], 0, [], "it was made of itself", sorted(outputs[key]))

    def _sources(self, node: StepNode) -> set[int]:
        """The steps whose outputs a step reads and which are run again, too."""
        found = {id(self._step_of[a]) for each in node.inputs if (a := each.artifact) in self._step_of}
        return found - {id(node)}

    # -- one step ------------------------------------------------------------------------------------------

    def _plan(self, node: StepNode, outputs: list[Artifact]) -> None:
        inputs = [self._input(item) for item in node.inputs if item.artifact not in node.outputs]
        step = PlannedStep(node, 0, inputs, outputs=outputs)
        left = {each.item.role for each in inputs if each.action != "leave-out"}
        anything = frozenset({each.item.role for each in inputs} - SUPPORT_ROLES)
        needed = REQUIRED_ROLES.get(node.kind, (anything,))
        lacking = [sorted(roles) for roles in needed if not roles & left]
        if lacking:
            step.missing = f"nothing is left to read as {' or '.join(lacking[0]) or 'input'}"
        else:
            step.number = len(self.steps) + 1
            self.steps.append(step)
        self._planned[id(node)] = step

    def _input(self, item: Input) -> PlannedInput:
        artifact = item.artifact
        if artifact is None:
            return PlannedInput(item, "open")
        if artifact in self.impact.records_only and (left := self._left_of(artifact)) is not None:
            return PlannedInput(item, "replaced", instead=left)
        if artifact in self.impact.targets:
            return PlannedInput(item, "leave-out")
        before = self._step_of.get(artifact)
        if before is not None and id(before) in self._planned:
            planned = self._planned[id(before)]
            if planned.number:
                return PlannedInput(item, "remade", planned.number)
        if self._must_be_remade(artifact):
            return PlannedInput(item, "leave-out")
        certainty = self.impact.certainty(artifact)
        return PlannedInput(item, "keep" if certainty is Certainty.CLEAR else "open")

    def _left_of(self, artifact: Artifact) -> Artifact | None:
        """What is left of a dataset once a step has taken the ordered records out, if one has."""
        for output, why in self.impact.clear.items():
            if why.reason == "removed":
                for node in self.impact.unknowns.makers(output):
                    if any(each.artifact == artifact for each in node.inputs):
                        return output
        return None

    # -- one wanted artifact -------------------------------------------------------------------------------

    def _wanted(self, artifact: Artifact) -> Wanted:
        if artifact in self.impact.targets:
            return Wanted(artifact, (), (), "the order names it: it must go itself")
        node = self._step_of.get(artifact)
        if node is None:
            return Wanted(artifact, (), (), "no believed statement says how it was made")
        planned = self._planned[id(node)]
        if not planned.number:
            return Wanted(artifact, (), (), planned.missing)
        numbers = {planned.number}
        stack = [planned]
        restart: set[Artifact] = set()
        while stack:
            for each in stack.pop().inputs:
                if each.by is not None and each.by not in numbers:
                    numbers.add(each.by)
                    stack.append(self.steps[each.by - 1])
                elif each.action in ("keep", "replaced") and each.item.role not in SUPPORT_ROLES:
                    found = each.instead or each.item.artifact
                    restart |= {found} if found else set()
        return Wanted(artifact, tuple(sorted(numbers)), tuple(sorted(restart)), "")
