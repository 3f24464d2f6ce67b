"""Deletion orders in the evidence: which there are, where each stands, and which artifacts it names.

An order is adverse: it counts as soon as it is seen, whether or not the reader believes whoever signed it,
and withdrawing its statement does not end it. Only a register lifts one: the register the order names, or,
of an order that names none, every one that lists it. A register with something wrong about it lifts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from attest.graph import Evidence, Graph
from attest.keeper import RegisterState
from attest.predicates.deletion_order import DeletionOrder
from attest.predicates.register import Entry
from attest.resource import Artifact, ResourceDescriptor

__all__ = ["KIND", "Listing", "OrderState", "named_artifacts", "read_orders", "resolve"]

KIND = "deletion-order"
"""Short name of the predicate; in a register the kind of entry is ``order``."""

_SUREST = ("digest", "alias", "name")
_STRICTEST = ("active", "unknown", "suspended", "satisfied", "vacated")


@dataclass(frozen=True)
class Listing:
    """What one register, signed by its trusted keeper, says of an order."""

    register: RegisterState
    entry: Entry

    @property
    def state(self) -> str:
        """The entry's status; ``unknown`` where a register with problems would lift the order."""
        lifted = self.entry.state not in ("active", "unknown")
        return "unknown" if lifted and self.register.problems else self.entry.state


@dataclass(frozen=True)
class OrderState:
    """One order, as far as the evidence shows it."""

    digest: str
    """Statement digest of the order."""
    evidence: Evidence | None
    """Its statement, signed by a principal of the trust; ``None`` where only a register tells of it."""
    listings: tuple[Listing, ...] = field(default=())
    """The registers that list it, sorted by id."""

    @property
    def order(self) -> DeletionOrder | None:
        """What it says; ``None`` when its statement is not in hand or cannot be read."""
        predicate = self.evidence.predicate if self.evidence else None
        return predicate if isinstance(predicate, DeletionOrder) else None

    @property
    def believed(self) -> bool:
        """Whether a keeper the reader trusts signed it, or lists it; else it is somebody's claim."""
        return bool(self.listings) or bool(self.evidence and self.evidence.granted)

    @property
    def state(self) -> str:
        """``active``, ``suspended``, ``satisfied``, ``vacated`` or ``unknown``; the strictest there is."""
        own = self.order.register_id if self.order else None
        heard = [each for each in self.listings if own in (None, each.register.register_id)]
        states = {each.state for each in heard}
        return next((state for state in _STRICTEST if state in states), "active")

    @property
    def binding(self) -> bool:
        """Whether what it reaches must be gone or stay gone: everything but a suspended or vacated order."""
        return self.state not in ("suspended", "vacated")

    @property
    def derived(self) -> bool:
        """Whether it reaches what was made from its targets; so does one that cannot be read."""
        return self.order is None or self.order.derived

    @property
    def unread(self) -> tuple[str, ...]:
        """What of it cannot be read in full; ``*``: everything. Unknown targets may be anything."""
        if self.evidence is not None and self.order is None:
            return ("*",)
        return tuple(self.order.unknown_groups()) if self.order else ()

    @property
    def title(self) -> str:
        """What to call it: its id, the name of its document, or the beginning of its digest."""
        if self.order is not None and self.order.id:
            return self.order.id
        subjects = self.evidence.statement.subjects if self.evidence else ()
        return next((each.name for each in subjects if each.name), self.digest[:12])

    @cached_property
    def named(self) -> tuple[ResourceDescriptor, ...]:
        """Everything it names, in its own statement or in a register's entry."""
        own = self.order.named if self.order else ()
        return (*own, *(item for each in self.listings for item in each.entry.artifacts))

    def names(self, artifact: Artifact) -> bool:
        """Whether it names that artifact by digest, as a file or as a directory: orders seldom say which."""
        return artifact.sha256 in self._digests

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(a.sha256 for item in self.named if (a := item.artifact) is not None)


def read_orders(
    evidence: Iterable[Evidence], registers: Mapping[str, RegisterState]
) -> dict[str, OrderState]:
    """Return every order somebody signed or a trusted register lists, by statement digest, sorted.

    Args:
        evidence: verified statements, believed or not.
        registers: what ``read_registers`` made of them.
    """
    statements = {each.digest: each for each in evidence if each.kind == KIND}
    listings: dict[str, list[Listing]] = defaultdict(list)
    for _, register in sorted(registers.items()):
        for entry in register.entries:
            if entry.kind == "order" and entry.statement_digest is not None:
                listings[entry.statement_digest].append(Listing(register, entry))
    return {
        digest: OrderState(digest, statements.get(digest), tuple(listings.get(digest, ())))
        for digest in sorted(statements.keys() | listings.keys())
    }


def resolve(item: ResourceDescriptor, graph: Graph) -> dict[Artifact, str]:
    """Return the artifacts of the graph a target names, each with how: ``digest``, ``alias`` or ``name``.

    A digest is certain. An alias is another digest that a statement gives the artifact; of several that
    share it all are meant. A name counts only for a target of which nothing else is known: names link
    nothing, so what is found by one is possible and never proven.
    """
    found = {a: "alias" for pair in item.digest.items() for a in graph.aliased(*pair)}
    found |= dict.fromkeys(graph.with_sha256(item.digest.get("sha256", "")), "digest")
    if not found and item.name:
        found = dict.fromkeys(graph.called(item.name), "name")
    return found


def named_artifacts(order: OrderState, graph: Graph) -> dict[Artifact, str]:
    """Return the artifacts of the graph an order names, sorted, each with how (``resolve``)."""
    found: dict[Artifact, str] = {}
    for item in order.named:
        for artifact, how in resolve(item, graph).items():
            found[artifact] = min(how, found.get(artifact, how), key=_SUREST.index)
    return dict(sorted(found.items()))
