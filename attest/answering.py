"""Steps that say they took the records out which an order names, and whether anything shows it.

A step that says so shows nothing by saying so: what it made counts as rid of the records only where proofs
show that each of them was in what they were taken from, and is not in what was made (``attest.absence``).
Until then nobody can tell whether it is affected, nor what was made of it.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from attest.absence import Fault, Shown, faults, shown_by
from attest.docket import OrderState
from attest.graph import Graph, StepNode
from attest.resource import Artifact

__all__ = ["Answering", "Removal"]


class Removal(NamedTuple):
    """What ordered records are in, and what a believed step says it made without them."""

    old: Artifact
    new: Artifact
    statement: str
    """Digest of the step's statement."""
    faults: tuple[Fault, ...]
    """Why it is not shown; none: it is."""


class Answering:
    """The steps that answer an order about records.

    Args:
        graph: the statements.
        order: the order.
        records: targets of which only records must go; without any, no step answers.
        shown: proofs, leaf files and lists of keys in hand.
    """

    def __init__(self, graph: Graph, order: OrderState, records: Collection[Artifact], shown: Shown) -> None:
        self._graph, self._order, self._shown = graph, order, shown
        self.steps = [node for node in graph.steps if _answers(node, order.digest)] if records else []
        """Believed transforms that name the order, in the order of digests."""
        self._by_statement = {node.evidence.digest: node for node in self.steps}
        self._faults: dict[tuple[Artifact, Artifact], tuple[Fault, ...]] = {}
        self._rid: dict[tuple[str, Artifact], frozenset[Artifact]] = {}
        self._unshown: set[tuple[str, Artifact]] = set()
        self.removals: list[Removal] = []
        """Everything these steps say they took records out of, and made of it, sorted."""

    def says(self, statement: str) -> bool:
        """Whether the step of that statement says it took the records out."""
        return statement in self._by_statement

    def faults(self, old: Artifact, new: Artifact) -> tuple[Fault, ...]:
        """Return why it is not shown that the records of one are out of the other; none: it is."""
        if (old, new) not in self._faults:
            found = faults(self._graph, self._order, old, new, self._shown)
            self._faults[old, new] = tuple(found)
        return self._faults[old, new]

    def leaves_behind(self, statement: str, old: Artifact, output: Artifact) -> bool:
        """Whether the step of that statement is shown to have left the records of ``old`` behind."""
        node = self._by_statement.get(statement)
        return node is not None and not self.faults(old, self._whole(node, output))

    def weigh(self, carried: Mapping[Artifact, Collection[Artifact]]) -> None:
        """Tell for every output of these steps whether it is rid of the records of all that was read.

        Args:
            carried: target → what holds its records, or was made of it, before they are shown to be out.
        """
        for node in self.steps:
            inputs = {each.artifact for each in node.inputs if each.artifact is not None}
            holding = {old: inputs.intersection(those) for old, those in carried.items()}
            olds = sorted(old for old, read in holding.items() if read)
            digest = node.evidence.digest
            for output in node.outputs if olds else ():
                whole = self._whole(node, output)
                if all(not self.faults(old, whole) for old in olds):
                    self._rid[digest, output] = frozenset().union(*holding.values())
                else:
                    self._unshown.add((digest, output))
                if whole == output:
                    self.removals += [Removal(old, output, digest, self.faults(old, output)) for old in olds]
        self.removals.sort()

    def _whole(self, node: StepNode, output: Artifact) -> Artifact:
        """Return the directory an output is the weights of, where the step made that; else itself."""
        made = set(node.outputs)
        trees = (tree for tree in made if tree != output and self._holds(tree, output))
        return min(trees, default=output)

    def _holds(self, tree: Artifact, file: Artifact) -> bool:
        members = self._graph.members.get(tree, {}).values()
        return any(each.sha256 == file.sha256 and each.role == "weights" for each in members)

    def rid_of(self, statement: str, output: Artifact) -> frozenset[Artifact]:
        """Return inputs whose ordered records are shown to be out of an output; none where that is open."""
        return self._rid.get((statement, output), frozenset())

    def unshown(self, statement: str, output: Artifact) -> bool:
        """Whether the step of that statement says an output is without the records, and nothing shows it."""
        return (statement, output) in self._unshown

    def shown_by(self, removal: Removal) -> tuple[str, ...]:
        """Return what shows a removal, sorted: digests of files of proofs, roots of leaf files."""
        return shown_by(self._graph, self._order, removal.old, removal.new, self._shown)


def _answers(node: StepNode, order: str) -> bool:
    """Whether a step says that it took the records out: a believed transform that names the order."""
    said = node.said.get("order", "").removeprefix("sha256:")
    return node.evidence.believed and node.kind == "transform" and said == order
