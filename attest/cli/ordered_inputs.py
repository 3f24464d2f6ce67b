"""What ``attest run`` says of inputs that a deletion order in force reaches."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from attest.cli.options import warn

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from attest.cli.snapshot import Snapshot
    from attest.docket import OrderState
    from attest.errors import AttestError
    from attest.impact import Impact
    from attest.provenance import Material
    from attest.recorder import Recorder
    from attest.resource import Artifact

__all__ = ["InStore", "check_orders", "path_to"]


_HINT = "leave it out; what must use it all the same says --allow-ordered"


@dataclass(frozen=True)
class InStore:
    """What the project's store says, looked up when it is asked for."""

    trust: Path | None
    """A trust file, or the project's own."""
    store_uri: str | None
    """A store, or the project's own."""

    @cached_property
    def snapshot(self) -> Snapshot:
        """Everything in it, read once."""
        from attest.cli.snapshot import take_snapshot
        from attest.limits import DEFAULT

        return take_snapshot((), (), self.trust, self.store_uri, DEFAULT)

    def impacts(self, besides: Collection[str | None]) -> list[Impact]:
        """Return what orders in force reach: by the store's indexes, or from everything where need be."""
        from attest.cli.snapshot import impacts_in_force
        from attest.errors import AttestError
        from attest.limits import DEFAULT

        try:
            return impacts_in_force(besides, self.trust, self.store_uri, DEFAULT)
        except AttestError:
            orders = self.snapshot.orders.values()
            return [self.impact(each) for each in orders if each.binding and each.digest not in besides]

    def impact(self, order: OrderState) -> Impact:
        """Return what an order reaches; what shows that records are out are this project's leaf files."""
        from attest.cli.ordered_records import OrderedRecords
        from attest.impact import Impact
        from attest.limits import DEFAULT

        own = OrderedRecords(find_records=_names_records(order))
        return Impact(self.snapshot.graph, order, *own.read(order, DEFAULT))


def _names_records(state: OrderState) -> bool:
    return state.order is not None and bool(state.order.targets.records)


def check_orders(recorder: Recorder, stored: InStore, answering: str | None = None) -> None:
    """Tell of inputs that an order in force reaches; refuse them where the settings say so.

    Nothing is looked at where the store holds neither an order nor a register. Orders the step itself answers
    are passed over: a transform that names one, and the one a step makes something anew for.

    Args:
        recorder: its inputs are known by now.
        stored: what the store says.
        answering: statement digest of the order the step makes something anew for.

    Raises:
        UsageError: an order reaches an input, and the settings refuse that.
        AttestError: the settings refuse that, and it cannot be told.
    """
    from attest.errors import AttestError, UsageError

    refuse = recorder.desk.project.settings.orders == "refuse"
    try:
        found = _found(recorder, stored, answering)
    except AttestError as error:
        if refuse:
            raise
        warn(f"whether a deletion order reaches an input could not be told: {error}")
        return
    for problem in found:
        if refuse:
            raise UsageError(problem.what, problem.where, problem.hint)
        warn(f"{problem.what} ({problem.where})")


def _found(recorder: Recorder, stored: InStore, answering: str | None) -> list[AttestError]:
    """Return what is to be said of each input that an order reaches."""
    from attest.errors import AttestError
    from attest.predicates.deletion_order import DeletionOrder
    from attest.predicates.register import Register

    with recorder.desk.read() as store:
        if not (store.by_type(DeletionOrder.TYPE) or store.by_type(Register.TYPE)):
            return []
    named = recorder.parameters.chosen("order")
    answered = {answering, named.removeprefix("sha256:") if isinstance(named, str) else None}
    return [
        AttestError(_said(impact, material), str(material.artifact), _HINT)
        for impact in stored.impacts(answered)
        for material in recorder.materials
        if (reached := impact.reached.get(material.artifact)) is not None
        and (reached.descends or reached.reason == "removal")
    ]


def _said(impact: Impact, material: Material) -> str:
    state = impact.order
    claimed = "" if state.believed else ", claimed by nobody you trust,"
    what = f"the deletion order {state.title} ({state.state}){claimed} reaches this {material.role}"
    if impact.reached[material.artifact].reason == "removal":
        what += ", unless the records are out as a step says, which no leaf file of this project shows"
    return f"{what}: {path_to(impact, material.artifact, material.name)}"


def path_to(impact: Impact, artifact: Artifact, name: str) -> str:
    """Return the way from what an order names to an input, in names; of a long one its beginning."""
    names = [impact.graph.name(hop.source) for hop in impact.path(artifact)]
    return " → ".join([*names[:6], *(["…"] if len(names) > 6 else []), name])
