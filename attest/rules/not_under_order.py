"""Nothing that was delivered, and nothing behind it, is named by a deletion order that is in force.

An order counts as soon as it is seen, in the evidence or in a register, and only a register lifts it: it is
in force unless it is suspended or vacated. One that was satisfied still is: what it named was to be gone, and
so was what was made of it. An order names by SHA-256, of a file, a directory, or a file inside one whose list
is in hand, or by another digest that some statement gives the same bytes. That there is no other order is
only shown by a fresh ``register`` whose keeper the reader trusts and that claims to list every order.

An order about single records counts against the whole dataset, until a later step says that it removed them
(``order`` of a transform). A step alone proves no removal: that leaves the answer open, until proofs show
that each record was in the old version and is not in the new one (``attest verify --proof``).

FAIL: an order in force names something of the lineage, or a delivered file. UNKNOWN: no register is named or
in hand, it is too old or not independent where that is asked for, an order names something by its name alone
or cannot be read, or a gap hides what it could name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from attest.absence import NOT_TAKEN_OUT, Fault, faults, holders
from attest.docket import OrderState, named_artifacts
from attest.graph import StepNode
from attest.lineage import Lineage
from attest.manifest import Manifest
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Current, Duration, Rule, about, unseen
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["Held", "NotUnderOrder"]


class NotUnderOrder(Rule):
    """Nothing that was delivered, and nothing behind it, is named by a deletion order that is in force."""

    NAME: ClassVar[str] = "not-under-order"
    OVER: ClassVar[str] = "artifacts of the lineage and delivered files"
    QUANTIFIER: ClassVar[str] = "no"
    WHEN_UNKNOWN: ClassVar[str] = "no fresh register of a keeper you trust lists every order"
    REMEDY: ClassVar[str] = (
        "Ask for the current register, and for a model that was made without what must go."
    )
    QUESTIONS: ClassVar[tuple[int, ...]] = (20,)

    register_id: str | None = Field(default=None, alias="register", description="Id of the register to ask.")
    max_age: Duration | None = Field(default=None, description="How old; absent: until its nextUpdate.")
    independent: bool = Field(default=False, description="Its keeper signs no statement of the chain.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        where = f", as the register {self.register_id} shows" if self.register_id else ""
        return f"No artifact behind the model is named by a deletion order in force{where}."

    def check(self, review: Review) -> Outcome:
        """Look for orders, and for the register that shows there are no others."""
        orders = [each for each in review.orders.values() if each.binding]
        held = Held(review) if orders else None
        findings = [finding for order in orders if held for finding in _order(review, order, held)]
        if self.register_id is None:
            findings.append(
                Finding(
                    "orders-unproven",
                    Result.UNKNOWN,
                    str(review.delivery.artifact),
                    "no register is named that would show whether something is under a deletion order",
                    remedy="Name in the policy a register of deletion orders whose keeper you trust.",
                )
            )
        else:
            asked = Current(register_id=self.register_id, max_age=self.max_age, independent=self.independent)
            findings += asked.ask(review, "order")[1]
        lifted = len(review.orders) - len(orders)
        notes = [f"{len(orders)} order(s) in force, {lifted} suspended or vacated"] if review.orders else []
        return conclude(
            len(review.lineage.ancestors), [*findings, *unseen(review, "what an order could name")], notes
        )


class Held:
    """What an order can name besides artifacts of the lineage: files inside them, and delivered ones."""

    def __init__(self, review: Review) -> None:
        self.inside: dict[str, list[Artifact]] = {}
        """SHA-256 of a file inside a directory of the lineage → the directories it lies in."""
        for artifact in review.lineage.ancestors:
            for sha256 in _files(review, artifact):
                self.inside.setdefault(sha256, []).append(artifact)
        delivered = [review.delivery.artifact, *map(Artifact, review.delivery.files.values())]
        self.delivered = {each.sha256: each for each in delivered if each not in review.lineage.ancestors}
        """SHA-256 of what was delivered and is no artifact of the lineage."""


def _files(review: Review, tree: Artifact) -> set[str]:
    """SHA-256 of the files inside a directory, as far as a step or a manifest in hand lists them."""
    members = review.graph.members.get(tree, {})
    if not members and tree.tree and tree.sha256 in review.graph.manifests:
        manifest = Manifest.parse(review.graph.manifests[tree.sha256], f"manifest sha256:{tree.sha256}")
        return {sha256 for sha256, _ in manifest.entries}
    return {member.sha256 for member in members.values()}


def _order(review: Review, order: OrderState, held: Held) -> Iterator[Finding]:
    """Yield what one order in force means for the delivery."""
    if order.unread:
        yield _about_order(
            order,
            "order-unreadable",
            f"deletion order {order.title} holds what cannot be read: {', '.join(order.unread[:5])}",
            "Use a newer version of attest, or ask its keeper what it names.",
        )
    if order.order is None and not order.named:
        yield _about_order(
            order,
            "order-not-shown",
            f"a register lists deletion order {order.title}, and nothing in hand says what it names",
            "Ask its keeper for the order's statement, and give it with --register.",
        )
    if order.order is not None and any(each.dataset is None for each in order.order.targets.records):
        yield _about_order(
            order,
            "order-unspecific",
            f"deletion order {order.title} names records and no dataset: they may be in any",
            "Ask its keeper which dataset the records are in, and the vendor whether its data holds them.",
        )
    named: dict[Artifact, str] = dict.fromkeys(sorted(holders(review.graph, order, review.shown)), "records")
    named |= named_artifacts(order, review.graph)
    digests = {item.digest.get("sha256", "") for item in order.named}
    for sha256 in sorted(digests & held.inside.keys()):
        named |= dict.fromkeys(held.inside[sha256], "digest")
    for artifact, how in named.items():
        if artifact in review.lineage.ancestors:
            yield from _under(review, order, artifact, how)
    for sha256 in sorted(digests & held.delivered.keys() - held.inside.keys()):
        yield Finding(
            "under-order",
            Result.FAIL,
            str(held.delivered[sha256]),
            f"what was delivered is named by deletion order {order.title} ({order.state})",
            actual=order.title,
            evidence=_evidence(order),
            remedy="Do not use it. Ask the vendor what it must do under the order.",
        )


def _under(review: Review, order: OrderState, artifact: Artifact, how: str) -> Iterator[Finding]:
    name = review.graph.name(artifact)
    unshown: list[Fault] = []
    only = how == "records" or _only_records(order, artifact)
    removed = only and not _exposed(review.lineage, artifact, order.digest)
    if how == "name":
        code, result = "order-names-alike", Result.UNKNOWN
        what = f"goes by a name that deletion order {order.title} gives: it may be what must go"
    elif removed:
        unshown = _unshown(review, order, artifact)
        if not unshown:
            return
        code, result = "order-records-unproven", Result.UNKNOWN
        what = f"holds records that deletion order {order.title} names; a step says that it removed them"
        what += f"; not shown: {unshown[0].summary}"
    elif how == "records":
        code, result = "under-order", Result.FAIL
        what = f"is shown to hold records that deletion order {order.title} ({order.state}) names"
    else:
        code, result = "under-order", Result.FAIL
        what = f"is named by deletion order {order.title} ({order.state})"
    yield about(
        review,
        review.lineage.ancestors[artifact],
        code,
        result,
        f"{name} {what}",
        expected="not named by an order in force",
        actual=f"named by {how}" if how == "digest" else f"named by its {how}",
        evidence=_evidence(order),
        remedy="Ask for the deletion certificate that answers the order, and for proof of the removal."
        if removed
        else f"Ask for a model that was made without {name}, and for the certificate that answers the order.",
    )


def _unshown(review: Review, order: OrderState, artifact: Artifact) -> list[Fault]:
    """Return why the proofs in hand do not show that a dataset's ordered records were taken out."""
    made = {
        output
        for output in review.lineage.ancestors
        for node in review.graph.makers.get(output, ())
        if any(item.artifact == artifact for item in node.inputs) and _answers(node, order.digest)
    }
    if not made:
        return [NOT_TAKEN_OUT]
    return [
        fault for new in sorted(made) for fault in faults(review.graph, order, artifact, new, review.shown)
    ]


def _evidence(order: OrderState) -> tuple[str, ...]:
    registers = (each.register.evidence for each in order.listings)
    return (order.digest, *sorted({each.digest for each in registers if each is not None}))


def _about_order(order: OrderState, code: str, summary: str, remedy: str) -> Finding:
    subject = f"sha256:{order.digest}"
    return Finding(code, Result.UNKNOWN, subject, summary, evidence=_evidence(order), remedy=remedy)


def _only_records(order: OrderState, artifact: Artifact) -> bool:
    """Whether the order names the dataset for some of its records alone."""
    if order.order is None:
        return False
    targets = order.order.targets
    whole = {a.sha256 for item in (*targets.datasets, *targets.models) if (a := item.artifact)}
    part = {a.sha256 for each in targets.records if each.dataset and (a := each.dataset.artifact)}
    return artifact.sha256 in part - whole


def _exposed(lineage: Lineage, target: Artifact, order: str) -> bool:
    """Whether the target reaches a root on a way where no believed step says that it answered the order."""
    seen = set(lineage.roots)
    stack = list(lineage.roots)
    while stack:
        artifact = stack.pop()
        if artifact == target:
            return True
        reading = [
            node
            for node in lineage.graph.makers.get(artifact, [])
            if any(item.artifact == target for item in node.inputs)
        ]
        answered = bool(reading) and all(_answers(node, order) for node in reading)
        for parent in lineage.ancestors[artifact].parents:
            if parent not in seen and not (parent == target and answered):
                seen.add(parent)
                stack.append(parent)
    return False


def _answers(node: StepNode, order: str) -> bool:
    """Whether a believed step says that it removed what the order names from what it read."""
    said = node.step.build_definition.external_parameters.get("order")
    believed = node.evidence.believed and node.kind == "transform"
    return believed and isinstance(said, str) and said.removeprefix("sha256:") == order
