"""What a deletion order reaches: proven, possible, or clear, each with why one may say so.

Taint follows every edge there is, whoever signed it and whether or not it was withdrawn: every role of an
input, byproducts, ``derivedFrom``, and files of role ``weights`` in the tree they belong to. An artifact is

- **proven** affected when statements of somebody the reader trusts for them lead to it from a target;
- **possible** when a link is only claimed, or when something behind it is not explained;
- **clear** only when everything behind it is explained by statements that are believed and list all inputs,
  down to origins that are no targets. What somebody says to be without ordered records counts only where
  proofs show it (``attest.answering``), and is possible until then. That is built from the origins up, so
  what is made of itself is never clear, and taking a statement or a proof away leaves something open rather
  than clear. Two things bound that: small code, configuration and environments need no statement, and of two
  statements about the making of one artifact a missing one is noticed only where a list of contents names it.

Pure: no clock, no I/O, no recursion, and the order of the evidence changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from attest.absence import NOTHING_SHOWN, Shown, holders
from attest.answering import Answering, Removal
from attest.digest import sha256_bytes
from attest.docket import OrderState, named_artifacts, resolve
from attest.graph import Graph
from attest.predicates.distribution import Distribution
from attest.resource import Artifact, ResourceDescriptor
from attest.taint import Certainty, Hop, Reached, Why
from attest.unexplained import Unknown, Unknowns
from attest.waits import Waits

__all__ = ["Impact", "snapshot_digest"]


def snapshot_digest(graph: Graph, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of the sorted statement digests, a line each: what an impact was computed from.

    Args:
        graph: the statements.
        without: digests to pass over: a certificate is not among the statements it was made from.
    """
    digests = (each.digest for each in graph.evidence if each.digest not in without)
    return sha256_bytes("".join(f"{each}\n" for each in digests).encode())


class _Edge(NamedTuple):
    target: Artifact
    hop: Hop
    granted: bool


class Impact:
    """Everything an order reaches.

    Args:
        graph: verified statements, and unverified ones as evidence nobody is granted.
        order: the order.
        found: datasets in which the order's records were found by other means than its own naming them, or
            than by ``shown``.
        shown: proofs about records, leaf files that were looked through, and lists of keys.
    """

    def __init__(
        self,
        graph: Graph,
        order: OrderState,
        found: Iterable[Artifact] = (),
        shown: Shown = NOTHING_SHOWN,
    ) -> None:
        self.graph = graph
        self.order = order
        self.unknowns = Unknowns(graph)
        holding = {*found, *holders(graph, order, shown)}
        self.targets: dict[Artifact, str] = {**dict.fromkeys(sorted(holding), "records")}
        self.targets |= named_artifacts(order, graph)
        self.records_only = self._records_only()
        self.artifacts = frozenset(self.unknowns.artifacts | set(self.targets))
        self._nodes = {id(node): number for number, node in enumerate(graph.steps)}
        self._weights_in = self._containers()
        self.answering = Answering(graph, order, self.records_only, shown)
        if self.answering.steps:
            self.answering.weigh({target: self._carried(target) for target in sorted(self.records_only)})
        self.reached: dict[Artifact, Reached] = {}
        self.clear: dict[Artifact, Why] = {}
        if order.derived:
            self._follow()
        else:
            self._named_only()

    # -- what is asked of it -------------------------------------------------------------------------------

    def certainty(self, artifact: Artifact) -> Certainty:
        """Return how an artifact stands; one that no statement speaks of is possibly affected."""
        if artifact in self.reached:
            return self.reached[artifact].certainty
        return Certainty.CLEAR if artifact in self.clear else Certainty.POSSIBLE

    @property
    def proven(self) -> list[Artifact]:
        """What is proven to be affected, sorted."""
        return sorted(a for a, each in self.reached.items() if each.certainty is Certainty.PROVEN)

    @property
    def possible(self) -> list[Artifact]:
        """What may be affected, sorted."""
        return sorted(a for a, each in self.reached.items() if each.certainty is Certainty.POSSIBLE)

    @property
    def followed(self) -> list[Artifact]:
        """What a target leads to, sorted: proven, or possible by a link or a name that is in doubt."""
        return sorted(a for a, each in self.reached.items() if each.descends)

    def path(self, artifact: Artifact) -> list[Hop]:
        """Return the links of the witness path, from its beginning to ``artifact``."""
        hops: list[Hop] = []
        while (reached := self.reached.get(artifact)) is not None and reached.hop is not None:
            hops.append(reached.hop)
            artifact = reached.hop.source
        return hops[::-1]

    def trees_of(self, artifact: Artifact) -> list[Artifact]:
        """Return the directories it is the weights of, sorted."""
        return [tree for tree, weights in self._weights_in.get(artifact, ()) if weights]

    def part_of(self, artifact: Artifact) -> Artifact | None:
        """Return the directory of which an artifact is nothing but the weights; ``None``: it is by itself.

        Such a file has no life of its own: every step that made it made it inside a directory, no statement
        is about it alone, the order does not name it, and that directory stands to the order as it does. Of
        several directories the first is returned: each of them is reached or clear by itself.
        """
        group = self.reached if artifact in self.reached else self.clear
        trees = set(self.trees_of(artifact))
        if artifact in self.targets or artifact in self._spoken_of or not trees:
            return None
        if not all(trees & set(node.outputs) for node in self.graph.makers.get(artifact, ())):
            return None
        return min(trees & group.keys(), default=None)

    @cached_property
    def _spoken_of(self) -> set[Artifact]:
        """Artifacts a statement other than a step is about, and what was sent to somebody."""
        found = {artifact for about in self.graph.about.values() for artifact in about}
        for each in self.graph.evidence:
            if distribution := each.said(Distribution):
                found.update(a for item in distribution.what or () if (a := item.artifact) is not None)
        return found

    def resolve(self, item: ResourceDescriptor) -> dict[Artifact, str]:
        """Return the artifacts one target of the order names, each with what it was found by."""
        return resolve(item, self.graph)

    @cached_property
    def unresolved(self) -> list[str]:
        """Targets the snapshot knows nothing of, as the order describes them; they are kept in mind."""
        found = []
        for item in self.order.named:
            if not self.resolve(item):
                digest = ", ".join(f"{name}:{value}" for name, value in sorted(item.digest.items()))
                found.append(" ".join(filter(None, (item.name, digest))) or "a target without name or digest")
        if self._homeless_records:
            found.append("records of no dataset the order names")
        return sorted(set(found))

    # -- what the order means ------------------------------------------------------------------------------

    @cached_property
    def _homeless_records(self) -> bool:
        """Whether records are named without a dataset, and none was found to hold them."""
        order = self.order.order
        homeless = order is not None and any(each.dataset is None for each in order.targets.records)
        return homeless and "records" not in self.targets.values()

    @cached_property
    def boundless(self) -> bool:
        """Whether the order may name anything: it cannot be read, or a target has no sha256 and no match."""
        unread = any(name == "*" or name.split(".")[0] in ("targets", "reach") for name in self.order.unread)
        if unread or self._homeless_records:
            return True
        return any(item.artifact is None and not self.resolve(item) for item in self.order.named)

    def _records_only(self) -> frozenset[Artifact]:
        """Targets of which only records must go."""
        order = self.order.order
        if order is None:
            return frozenset()
        whole = {
            a.sha256 for item in (*order.targets.datasets, *order.targets.models) if (a := item.artifact)
        }
        of_records = {
            a.sha256
            for each in order.targets.records
            if each.dataset is not None and (a := each.dataset.artifact) is not None
        }
        return frozenset(
            artifact
            for artifact, how in self.targets.items()
            if artifact.sha256 not in whole and (how == "records" or artifact.sha256 in of_records)
        )

    @cached_property
    def removals(self) -> list[Removal]:
        """What believed steps say they took ordered records out of, sorted, each with what keeps it open.

        Of an output that is affected for another reason it does not matter, and it is not among them.
        """

        def otherwise(artifact: Artifact) -> bool:
            known = self.reached.get(artifact)
            return known is not None and known.descends and artifact not in self.records_only

        return [each for each in self.answering.removals if not otherwise(each.new)]

    def _carried(self, target: Artifact) -> set[Artifact]:
        """Return what holds a target's records, or was made of it, before they are shown to be out."""
        seen, stack = {target}, [target]
        done: set[int] = set()
        while stack:
            for edge in self._edges(stack.pop(), done):
                if edge.target in seen or self.answering.leaves_behind(
                    edge.hop.statement, target, edge.target
                ):
                    continue
                seen.add(edge.target)
                stack.append(edge.target)
        return seen

    # -- the edges -----------------------------------------------------------------------------------------

    def _containers(self) -> dict[Artifact, list[tuple[Artifact, bool]]]:
        """Artifact → trees that hold it, with whether as weights: of targets every file counts."""
        wanted = {artifact.sha256 for artifact in self.targets if not artifact.tree}
        found: dict[Artifact, list[tuple[Artifact, bool]]] = defaultdict(list)
        for tree in sorted(self.graph.members):
            for sha256, weights in {
                (member.sha256, member.role == "weights") for member in self.graph.members[tree].values()
            }:
                if weights or sha256 in wanted:
                    found[Artifact(sha256)].append((tree, weights))
        return found

    def _edges(self, artifact: Artifact, done: set[int]) -> Iterator[_Edge]:
        """Yield what an artifact went into; a step that was followed before leads nowhere new."""
        for node, item in self.unknowns.readers.get(artifact, ()):
            number = self._nodes[id(node)]
            if number in done:
                continue
            done.add(number)
            hop = Hop(artifact, item.role, node.kind, node.evidence.digest)
            granted = bool(node.evidence.granted)
            yield from (_Edge(output, hop, granted) for output in sorted(node.outputs) if output != artifact)
        for evidence in self.unknowns.derived.get(artifact, ()):
            hop = Hop(artifact, "derivedFrom", "", evidence.digest)
            for subject in evidence.artifacts:
                if subject != artifact:
                    yield _Edge(subject, hop, bool(evidence.granted))
        for tree, _ in self._weights_in.get(artifact, ()):
            yield _Edge(tree, Hop(artifact, "part", "", ""), granted=True)
        if artifact.tree and artifact in self.targets:
            yield from self._held_by(artifact)

    def _held_by(self, tree: Artifact) -> Iterator[_Edge]:
        """Files of a target that statements speak of by themselves; a licence or tokenizer joins nothing."""
        for member in sorted(set(self.graph.members.get(tree, {}).values()), key=lambda each: each.sha256):
            artifact = Artifact(member.sha256)
            if artifact in self.artifacts and member.role not in ("tokenizer", "config"):
                yield _Edge(artifact, Hop(tree, "holds", "", ""), granted=member.role == "weights")

    # -- the walks -----------------------------------------------------------------------------------------

    def _follow(self) -> None:
        certain = [a for a, how in self.targets.items() if how != "name"]
        records = [a for a in certain if a in self.records_only]
        self._spread([a for a in certain if a not in self.records_only], Certainty.PROVEN, "target")
        self._spread(records, Certainty.PROVEN, "target", records=True)
        self._find_clear()
        named = [a for a, how in self.targets.items() if how == "name"]
        self._spread(named, Certainty.POSSIBLE, "name")
        self._spread(sorted(self.reached), Certainty.POSSIBLE, "claimed")
        self._spread(sorted(self.unknowns.doubted), Certainty.POSSIBLE, "unknown")
        rest = self.artifacts - self.reached.keys() - self.clear.keys()
        self._spread(sorted(rest), Certainty.POSSIBLE, "order" if self.boundless else "cycle")

    def _spread(
        self, sources: Iterable[Artifact], certainty: Certainty, reason: str, *, records: bool = False
    ) -> None:
        """Walk breadth first from the sources; what was reached or is clear stays what it is.

        ``records``: not over steps that say they took them out.
        """
        proven = certainty is Certainty.PROVEN

        def follow(edge: _Edge) -> bool:
            answered = records and self.answering.says(edge.hop.statement)
            return (edge.granted or not proven) and not answered

        level: list[Artifact] = []
        for source in sources:
            if source not in self.reached and source not in self.clear:
                self.reached[source] = Reached(source, certainty, reason, None, 0, source)
            if source in self.reached:
                level.append(source)
        done: set[int] = set()
        while level:
            fresh: set[Artifact] = set()
            for artifact in sorted(level):
                for edge in self._edges(artifact, done):
                    if edge.target in self.reached or edge.target in self.clear or not follow(edge):
                        continue
                    said = "descends" if proven else self._said(edge, reason)
                    before = self.reached[artifact]
                    self.reached[edge.target] = Reached(
                        edge.target, certainty, said, edge.hop, before.distance + 1, before.origin
                    )
                    fresh.add(edge.target)
            level = list(fresh)

    def _said(self, edge: _Edge, reason: str) -> str:
        before = self.reached[edge.hop.source]
        if before.certainty is Certainty.POSSIBLE:
            return before.reason
        if self.answering.unshown(edge.hop.statement, edge.target):
            return "removal"
        return "shares" if edge.hop.how == "holds" else reason

    def _find_clear(self) -> None:
        """Build up what is clear from the origins; with records, what but for them would be clear counts."""
        if self.boundless:
            return
        clean = self._clear_without(set(self.targets) - self.records_only, frozenset())
        if self.records_only:
            clean = self._clear_without(set(self.targets), frozenset(clean))
        self.clear = {artifact: self._why(artifact) for artifact in sorted(clean - self.reached.keys())}

    def _clear_without(self, targets: set[Artifact], forgiven: frozenset[Artifact]) -> set[Artifact]:
        """Return what is clear of ``targets``; what is rid of its records may be ``forgiven``."""
        waits = Waits()
        for number, node in enumerate(self.graph.steps):
            own = set(node.outputs)
            inputs = {a for each in node.inputs if (a := each.artifact) is not None}
            rid = bool(forgiven) and self.answering.says(node.evidence.digest)
            waits.add_all(number, () if rid else inputs - own)
            for output in own:
                waits.add_all(output, {number, *((inputs & own) - {output})})
                if rid:
                    without = self.answering.rid_of(node.evidence.digest, output)
                    waits.add_all(output, inputs - own - (forgiven & without))
        for source, described in self.unknowns.derived.items():
            for subject in {a for each in described for a in each.artifacts} - {source}:
                waits.add_all(subject, {source})
        for artifact, trees in self._weights_in.items():
            for tree, weights in trees:
                if artifact in targets or (weights and artifact in self.artifacts):
                    waits.add_all(tree, {artifact})
        held = {edge.target for tree in targets if tree.tree for edge in self._held_by(tree)}
        never = targets | held | self.unknowns.doubted
        return waits.settle({*self.artifacts, *range(len(self.graph.steps))}, never) & self.artifacts

    def _named_only(self) -> None:
        """Reach the targets alone; what the order may mean besides is possible."""
        for artifact, how in self.targets.items():
            certainty = Certainty.POSSIBLE if how == "name" else Certainty.PROVEN
            reason = "name" if how == "name" else "target"
            self.reached[artifact] = Reached(artifact, certainty, reason, None, 0, artifact)
        for artifact in sorted(self.artifacts - self.reached.keys()):
            if self.boundless:
                self.reached[artifact] = Reached(artifact, Certainty.POSSIBLE, "order", None, 0, artifact)
            else:
                self.clear[artifact] = Why("named-only", (self.order.digest,))

    def _why(self, artifact: Artifact) -> Why:
        makers = [node for node in self.unknowns.makers(artifact) if node.evidence.believed]
        if makers:
            digests = tuple(sorted({node.evidence.digest for node in makers}))
            if any(self.answering.rid_of(digest, artifact) for digest in digests):
                return Why("removed", digests, self._shown_by(artifact))
            return Why("made", digests)
        described = sorted(each.digest for each in self.graph.datasets(artifact) if each.believed)
        return Why("origin", tuple(described)) if described else Why("support", ())

    def _shown_by(self, artifact: Artifact) -> tuple[str, ...]:
        """Return what shows that the records are out of an artifact, or of the directory it is part of."""
        whole = {artifact, *self.trees_of(artifact)}
        those = (each for each in self.answering.removals if each.new in whole)
        return tuple(sorted({by for each in those for by in self.answering.shown_by(each)}))

    # -- what the vendor must explain ----------------------------------------------------------------------

    @property
    def unknown(self) -> list[Unknown]:
        """Everything unexplained, whatever it leads to: what the vendor has to explain."""
        return self.unknowns.all
