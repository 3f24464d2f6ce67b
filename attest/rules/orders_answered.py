"""Every deletion order in force that reaches the model is answered by a complete certificate, in time.

An order is asked about when it names something of the lineage, reaches it from what it names, or may name
anything; and when a step of the lineage says that it made something anew (``replaces``), or took records out
(``order`` of a transform), because of it. Suspended and vacated orders are not asked about.

For each of them an officer whom the reader trusts has to have signed a deletion certificate, which is held
against everything the order reaches by every statement in hand (``attest verify-deletion`` does the same).
A certificate that another one supersedes is passed over; of several that are left each has to be complete.
``allow`` says what is accepted besides: ``retention``, where the order permits it, and ``late``.

It shows that a named person declared it, of named digests, and when. It does not show that bytes are gone.

FAIL: a certificate leaves something out, or says that it was done late, or that something stays. UNKNOWN:
there is no certificate, or none by an officer of the trust file; what the order reaches is not explained,
or no proof in hand shows that records were taken out (``attest verify --proof``); no register is named or in
hand, it is too old or not independent where that is asked for, or a gap hides what an order could reach. Not
applicable: the lineage is complete, the register is fresh, and no order reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from attest.closure import Closure, Gap
from attest.closure import Outcome as Answer
from attest.docket import OrderState, named_artifacts
from attest.graph import Evidence, StepNode
from attest.impact import Impact
from attest.predicates.deletion_certificate import DeletionCertificate
from attest.resource import Artifact
from attest.review import Review
from attest.rule import Current, Duration, Rule, unseen
from attest.rules.not_under_order import Held
from attest.toll import impact_report
from attest.verdict import Finding, Outcome, Result, conclude

__all__ = ["OrdersAnswered"]


class OrdersAnswered(Rule):
    """Every deletion order in force that reaches the model is answered by a complete certificate, in time."""

    NAME: ClassVar[str] = "orders-answered"
    OVER: ClassVar[str] = "deletion orders in force that reach the lineage"
    QUANTIFIER: ClassVar[str] = "every"
    WHEN_UNKNOWN: ClassVar[str] = (
        "an order has no certificate of an officer you trust, or no fresh register lists every order"
    )
    REMEDY: ClassVar[str] = "Ask for the deletion certificate that answers the order, and for what it lacks."
    QUESTIONS: ClassVar[tuple[int, ...]] = (21,)

    allow: list[Literal["retention", "late"]] = Field(
        default=["retention"],
        description="What is accepted besides: what stays as the order permits; what was done late.",
    )
    register_id: str | None = Field(default=None, alias="register", description="Id of the register to ask.")
    max_age: Duration | None = Field(default=None, description="How old; absent: until its nextUpdate.")
    independent: bool = Field(default=False, description="Its keeper signs no statement of the chain.")

    @property
    def sentence(self) -> str:
        """The rule in plain English."""
        when = "in time or late" if "late" in self.allow else "in time"
        kept = "" if "retention" in self.allow else " and keeps nothing back"
        where = f"; the register {self.register_id} shows which there are" if self.register_id else ""
        return (
            f"Every deletion order in force that reaches the model is answered, {when}, by a certificate of "
            f"an officer you trust that leaves nothing out{kept}{where}."
        )

    def check(self, review: Review) -> Outcome:
        """Look for the orders, and hold their certificates against what they reach."""
        findings: list[Finding] = []
        examined = 0
        asked, held = _acted_on(review), Held(review)
        for order in filter(lambda each: each.binding, review.orders.values()):
            trees, loose = _inside(order, held)
            if not (trees or loose or order.digest in asked or _may_reach(review, order)):
                continue
            impact = Impact(review.graph, order, shown=review.shown)
            if trees or loose or order.digest in asked or _reaches(impact, review):
                examined += 1
                findings += self._order(review, impact, trees)
        findings += [
            _not_in_hand(order, asked[order]) for order in sorted(asked.keys() - review.orders.keys())
        ]
        findings += self._register(review)
        findings += unseen(review, "what an order could reach", behind_datasets=True)
        if not examined and not findings and review.lineage.complete:
            return Outcome(Result.NOT_APPLICABLE, len(review.lineage.ancestors))
        return conclude(examined, findings)

    def _register(self, review: Review) -> list[Finding]:
        if self.register_id is not None:
            register = Current(
                register_id=self.register_id, max_age=self.max_age, independent=self.independent
            )
            return register.ask(review, "order")[1]
        return [
            Finding(
                "orders-unproven",
                Result.UNKNOWN,
                str(review.delivery.artifact),
                "no register is named that would show which deletion orders there are",
                remedy="Name in the policy a register of deletion orders whose keeper you trust.",
            )
        ]

    def _order(self, review: Review, impact: Impact, trees: set[Artifact]) -> Iterator[Finding]:
        """Yield what is wrong with the answer to one order."""
        order = impact.order
        if _unseen(order) or trees - impact.reached.keys():
            yield Finding(
                "answer-open",
                Result.UNKNOWN,
                f"sha256:{order.digest}",
                f"what deletion order {order.title} reaches cannot be told from the statements in hand",
                evidence=_evidence(order),
                remedy="Ask for the order, and for signed statements of what it names.",
            )
        certificates, refused = _certificates(review, order)
        if not certificates:
            yield _unanswered(order, refused)
            return
        report = impact_report(impact, review.orders, review.trust.sha256)
        for certificate in certificates:
            for gap in Closure(certificate, impact, report).gaps:
                if (fault := self._fault(gap)) is not None:
                    yield _short(review, order, certificate, gap, *fault)

    def _fault(self, gap: Gap) -> tuple[str, Result] | None:
        """Return the code and result of a gap; nothing where it is accepted, or a remark alone."""
        if gap.outcome is Answer.INCOMPLETE:
            return ("answer-open", Result.UNKNOWN) if gap.undecided else ("answer-incomplete", Result.FAIL)
        if gap.outcome is Answer.LATE and "late" not in self.allow:
            return ("answer-late", Result.FAIL)
        if gap.outcome is Answer.COMPLETE_WITH_RETENTION and "retention" not in self.allow:
            return ("answer-retains", Result.FAIL)
        return None


# -- which orders ------------------------------------------------------------------------------------------


def _acted_on(review: Review) -> dict[str, list[str]]:
    """Digest of each order that a step of the lineage says it acts on → digests of those statements."""
    found: dict[str, list[str]] = {}
    for node in review.lineage.steps:
        for order in _acts_on(node):
            found.setdefault(order.removeprefix("sha256:"), []).append(node.evidence.digest)
    return found


def _acts_on(node: StepNode) -> set[str]:
    """What a step calls the orders because of which it replaced something or took records out."""
    said = node.step.build_definition.external_parameters
    entries = said.get("replaces")
    named = (
        [each.get("order") for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []
    )
    if node.kind == "transform":
        named.append(said.get("order"))
    return {each for each in named if isinstance(each, str)}


def _may_reach(review: Review, order: OrderState) -> bool:
    """Whether it names anything in hand, or may name anything: what it reaches is worked out only then."""
    records = order.order.targets.records if order.order is not None else ()
    vague = order.unread or any(each.dataset is None for each in records)
    vague = vague or any(item.artifact is None for item in order.named) or _unseen(order)
    return bool(vague or named_artifacts(order, review.graph))


def _reaches(impact: Impact, review: Review) -> bool:
    """Whether a path leads from what the order names into the lineage, or it may name anything."""
    if impact.boundless or _unseen(impact.order):
        return True
    reached = (impact.reached.get(artifact) for artifact in review.lineage.ancestors)
    return any(each is not None and each.descends for each in reached)


def _unseen(order: OrderState) -> bool:
    """Whether only a register tells of it, and not of what it names: that may be anything."""
    return order.evidence is None and not order.named


def _inside(order: OrderState, held: Held) -> tuple[set[Artifact], bool]:
    """Return the directories of the lineage in which a file it names lies, and whether one was delivered."""
    digests = {item.digest.get("sha256", "") for item in order.named}
    trees = {tree for sha256 in digests & held.inside.keys() for tree in held.inside[sha256]}
    return trees, bool(digests & held.delivered.keys())


# -- how they were answered --------------------------------------------------------------------------------


def _certificates(review: Review, order: OrderState) -> tuple[list[Evidence], list[Evidence]]:
    """Return the last believed certificates about an order, and those that are not believed."""
    about = [
        each
        for each in review.graph.evidence
        if each.kind == "deletion-certificate" and order.digest in {a.sha256 for a in each.artifacts}
    ]
    believed = [each for each in about if each.believed]
    superseded = {
        each.predicate.supersedes for each in believed if isinstance(each.predicate, DeletionCertificate)
    }
    current = [each for each in believed if each.digest not in superseded]
    return current, [each for each in about if not each.believed]


def _evidence(order: OrderState, *more: str) -> tuple[str, ...]:
    known = (order.digest,) if order.evidence is not None else ()
    registers = {each.register.evidence.digest for each in order.listings if each.register.evidence}
    return (*known, *sorted(registers), *more)


def _unanswered(order: OrderState, refused: list[Evidence]) -> Finding:
    what = f"deletion order {order.title} ({order.state}) reaches this model, and no certificate answers it"
    if refused:
        reason = refused[0].reason or "it was withdrawn"
        what = f"what answers deletion order {order.title} ({order.state}) is not believed: {reason}"
    return Finding(
        "answer-missing",
        Result.UNKNOWN,
        f"sha256:{order.digest}",
        what,
        expected="a deletion certificate of an officer you trust",
        actual=f"{len(refused)} that are not believed" if refused else "none",
        evidence=_evidence(order, *(each.digest for each in refused)),
        remedy="Ask the vendor for the certificate, and pin the officer who signed it (trust role officer).",
    )


def _not_in_hand(order: str, steps: list[str]) -> Finding:
    return Finding(
        "answered-order-missing",
        Result.UNKNOWN,
        f"sha256:{steps[0]}",
        f"a step says that it acts on deletion order {order}, which is not in hand",
        expected="the order, in the evidence or in a register",
        actual=order,
        evidence=tuple(sorted(set(steps))),
        remedy="Ask for the signed order, or the register that lists it.",
    )


def _short(
    review: Review, order: OrderState, certificate: Evidence, gap: Gap, code: str, result: Result
) -> Finding:
    """Return what one gap of a certificate comes to."""
    artifact = Artifact.parse(gap.subject) if gap.subject.startswith("sha256:") else None
    return Finding(
        code,
        result,
        gap.subject if artifact else f"sha256:{certificate.digest}",
        f"the answer to deletion order {order.title}: {gap.subject}: {gap.summary}",
        expected="accounted for in time" if artifact else "a complete certificate",
        actual=gap.code,
        path=review.lineage.path(artifact) if artifact in review.lineage.ancestors else (),
        evidence=_evidence(order, certificate.digest),
        remedy="Ask for the certificate that supersedes it and accounts for this."
        if result is Result.FAIL
        else "Ask for signed statements that explain it, or for the order in a form that can be read.",
    )
