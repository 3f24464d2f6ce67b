"""What ``attest run`` says of inputs that a deletion order in force reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from attest.cli.snapshot import Snapshot
    from attest.docket import OrderState
    from attest.errors import AttestError
    from attest.impact import Impact
    from attest.recorder import Recorder
    from attest.resource import Artifact

__all__ = ["check_orders", "path_to"]


def check_orders(recorder: Recorder, snapshot: Callable[[], Snapshot], answering: str | None = None) -> None:
    """Tell of inputs that an order in force reaches; refuse them where the settings say so.

    Nothing is looked at where the store holds neither an order nor a register. Orders the step itself answers
    are passed over: a transform that names one, and the one a step makes something anew for.

    Args:
        recorder: its inputs are known by now.
        snapshot: takes everything in the store.
        answering: statement digest of the order the step makes something anew for.

    Raises:
        UsageError: an order reaches an input, and the settings refuse that.
        AttestError: the settings refuse that, and it cannot be told.
    """
    from attest.cli.steps import warn
    from attest.errors import AttestError, UsageError

    refuse = recorder.desk.project.settings.orders == "refuse"
    try:
        found = _found(recorder, snapshot, answering)
    except AttestError as error:
        if refuse:
            raise
        warn(f"whether a deletion order reaches an input could not be told: {error}")
        return
    for problem in found:
        if refuse:
            raise UsageError(problem.what, problem.where, problem.hint)
        warn(f"{problem.what} ({problem.where})")


def _found(recorder: Recorder, snapshot: Callable[[], Snapshot], answering: str | None) -> list[AttestError]:
    """Return what is to be said of each input that an order reaches."""
    from attest.errors import AttestError
    from attest.impact import Impact
    from attest.predicates.deletion_order import DeletionOrder
    from attest.predicates.register import Register

    with recorder.desk.read() as store:
        if not (store.by_type(DeletionOrder.TYPE) or store.by_type(Register.TYPE)):
            return []
    named = recorder.parameters.chosen("order")
    answered = {answering, named.removeprefix("sha256:") if isinstance(named, str) else None}
    seen = snapshot()
    found = []
    for state in seen.orders.values():
        if not state.binding or state.digest in answered or not _names_anything(seen, state):
            continue
        impact = Impact(seen.graph, state)
        for material in recorder.materials:
            reached = impact.reached.get(material.artifact)
            if reached is not None and reached.descends:
                claimed = "" if state.believed else ", claimed by nobody you trust,"
                what = (
                    f"the deletion order {state.title} ({state.state}){claimed} reaches this {material.role}"
                )
                path = path_to(impact, material.artifact, material.name)
                hint = "leave it out; what must use it all the same says --allow-ordered"
                found.append(AttestError(f"{what}: {path}", str(material.artifact), hint))
    return found


def _names_anything(snapshot: Snapshot, state: OrderState) -> bool:
    """Whether it names an artifact of the snapshot: one that does not is a matter for `attest impact`."""
    from attest.docket import named_artifacts

    return bool(named_artifacts(state, snapshot.graph))


def path_to(impact: Impact, artifact: Artifact, name: str) -> str:
    """Return the way from what an order names to an input, in names; of a long one its beginning."""
    names = [impact.graph.name(hop.source) for hop in impact.path(artifact)]
    return " → ".join([*names[:6], *(["…"] if len(names) > 6 else []), name])
