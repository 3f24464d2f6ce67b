"""From an artifact in hand and a pile of untrusted lines to its whole lineage, verified.

Pure but for the signatures it checks: bundles, manifests, memory and the time of evaluation are parameters.
The order and the number of copies of lines change nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from attest.absence import NOTHING_SHOWN, Shown
from attest.check import Checked, Line, RawLine, Unverified, check_lines, seldom_collected
from attest.claim import ALL, unreadable
from attest.docket import OrderState, read_orders
from attest.errors import AttestError, FormatError
from attest.graph import Evidence, Graph, Signature
from attest.keeper import RegisterState, Remembered, read_registers
from attest.layouts import Performed
from attest.limits import DEFAULT, Limits
from attest.lineage import Lineage
from attest.matching import Delivery, Match, match
from attest.predicate import Predicate, artifacts_of, predicate_name, read_predicate
from attest.predicates._summary import Summary
from attest.predicates.dataset import Dataset
from attest.predicates.deletion_order import DeletionOrder
from attest.predicates.link import Link, step_of
from attest.predicates.oms import ModelSignature
from attest.predicates.register import Register
from attest.predicates.withdrawal import Selector, Withdrawal
from attest.resource import Artifact
from attest.statement import Statement
from attest.trust import Grant, Trust
from attest.usage import Usage, usages
from attest.verifier import Identity, VerifiedStatement

__all__ = ["Checked", "Line", "RawLine", "Review", "Unverified", "check_lines", "judged", "review", "weigh"]

_ADVERSE = frozenset({"withdrawal", "register", "deletion-order"})
_BESIDE = frozenset({"register", "vsa", "svr"})
"""Kinds of statements whose signers stand beside the chain: they say something about it from outside."""


@dataclass(frozen=True)
class Review:
    """Everything a rule may look at."""

    as_of: datetime
    historical: bool
    trust: Trust
    graph: Graph
    match: Match
    lineage: Lineage
    registers: Mapping[str, RegisterState]
    unverified: tuple[Unverified, ...]
    unknown_lines: tuple[tuple[str, int, str], ...]
    files: Mapping[str, frozenset[str]] = field(default_factory=dict, repr=False)
    """Statement digest → the files it was read from, copies included."""
    shown: Shown = field(default=NOTHING_SHOWN, repr=False)
    """Proofs in hand about records that orders name; whoever has some puts them in."""

    def files_of(self, digest: str) -> list[str]:
        """Return the files a statement was read from, sorted; none where nobody said."""
        return sorted(self.files.get(digest, ()))

    @cached_property
    def orders(self) -> dict[str, OrderState]:
        """Every deletion order in the evidence or in a register, by statement digest."""
        return read_orders(self.graph.evidence, self.registers)

    @cached_property
    def usages(self) -> dict[Artifact, Usage]:
        """Every artifact of the lineage → when, and in what kinds of steps, it was used as data."""
        return usages(self.lineage)

    @property
    def delivery(self) -> Delivery:
        """What was delivered."""
        return self.match.delivery

    def strangers_about(self, artifact: Artifact) -> list[Unverified]:
        """Unverified bundles that claim to be about an artifact."""
        return self._strangers.get(artifact, [])

    @cached_property
    def _strangers(self) -> dict[Artifact, list[Unverified]]:
        found: dict[Artifact, list[Unverified]] = defaultdict(list)
        for each in self.unverified:
            for artifact in dict.fromkeys(each.claims):
                found[artifact].append(each)
        return dict(found)

    def signers(self) -> frozenset[str]:
        """Principals that signed statements of this lineage, keepers of registers and auditors left aside."""
        return frozenset(
            name
            for each in self.lineage.evidence()
            if each.kind not in _BESIDE
            for signature in each.signatures
            for name in signature.principals
        )


def _signatures(verified: Sequence[VerifiedStatement]) -> tuple[Signature, ...]:
    """One signature per signer, with the earliest trusted time of any copy."""
    by_signer: dict[Identity, Signature] = {}
    for each in verified:
        known = by_signer.get(each.signer)
        times = [t for t in (each.trusted_time, known.trusted_time if known else None) if t is not None]
        names = {*each.principals, *(known.principals if known else ())}
        by_signer[each.signer] = Signature(each.signer, tuple(sorted(names)), min(times, default=None))
    return tuple(by_signer[signer] for signer in sorted(by_signer))


def _grant(
    trust: Trust, statement: Statement, predicate: Predicate | None, signatures: Sequence[Signature]
) -> Grant:
    signed = [signature.principals for signature in signatures]
    if predicate is None:
        return Grant(())
    if isinstance(predicate, Withdrawal):  # what it reaches is decided per withdrawn statement
        return Grant(tuple(sorted({name for names in signed for name in names})))
    if isinstance(predicate, DeletionOrder):
        return _grant_order(trust, predicate, signed)
    if isinstance(predicate, Register):
        return trust.grant("keeper", signed, register_id=predicate.register_id)
    step = step_of(predicate)
    builder = step.run_details.builder.id if step is not None else None
    verifier = predicate.verifier_id if isinstance(predicate, Summary) else None
    artifacts = [artifact.sha256 for artifact in artifacts_of(statement, predicate)]
    return trust.grant(
        predicate.TRUST_ROLE, signed, artifacts=artifacts, builder_id=builder, verifier_id=verifier
    )


def _grant_order(trust: Trust, order: DeletionOrder, signed: Sequence[Sequence[str]]) -> Grant:
    """An order is its register's keeper's to transcribe; one that names no register, any keeper's."""
    if order.register_id is not None:
        return trust.grant("keeper", signed, register_id=order.register_id)
    granted = [trust.grant("keeper", signed, register_id=each) for each in (*trust.registers, None)]
    return next((each for each in granted if each.principals), Grant(()))


def _hides(dataset: Dataset) -> list[str]:
    """Unreadable fields that may hide a source; any other one only leaves its own fact unknown."""
    return [name for name in unreadable(dataset) if name == ALL or name.startswith("derivedFrom")]


def weigh(trust: Trust, verified: Sequence[VerifiedStatement]) -> Evidence:
    """Read the predicate of a statement and decide who is believed for it.

    Args:
        trust: whom the reader believes.
        verified: the statement, once per signature; at least one.
    """
    statement = verified[0].statement
    kind = predicate_name(statement.predicate_type)
    signatures = _signatures(verified)
    names = {name for signature in signatures for name in signature.principals}
    predicate: Predicate | None = None
    reason = "its predicate type is carried and grants nothing" if kind is None else ""
    try:
        predicate = read_predicate(statement)
    except FormatError as error:
        reason = error.what
    grant = _grant(trust, statement, predicate, signatures)
    if isinstance(predicate, Dataset) and (bad := _hides(predicate)):
        grant, reason = Grant(()), f"unreadable: {', '.join(bad)}"
    elif isinstance(predicate, ModelSignature) and (fault := predicate.fault(statement.subjects)):
        grant, reason = Grant(()), f"carried: {fault}"
    elif predicate is not None and not grant.principals:
        what = "say this"
        if (step := step_of(predicate)) is not None:
            what = f"sign as builder {step.run_details.builder.id}"
        elif isinstance(predicate, Summary):
            what = f"sign as verifier {predicate.verifier_id}"
        reason = f"{', '.join(sorted(names))} may not {what} (trust role {predicate.TRUST_ROLE})"
        reason += f": {grant.reason}" if grant.reason else ""
    return Evidence(statement, kind, predicate, signatures, grant.principals, reason, ways=grant.ways)


def _forget_later(evidence: Evidence, as_of: datetime) -> Evidence:
    """As of a time in the past, what was granted later is not there; what was held against it is."""
    time = evidence.trusted_time
    refuses = isinstance(evidence.predicate, Summary) and evidence.predicate.passed is False
    if evidence.kind in _ADVERSE or refuses or time is None or time <= as_of:
        return evidence
    return replace(evidence, granted=(), reason="signed after the time of evaluation")


def _withdrawn(
    trust: Trust, evidence: Sequence[Evidence], registers: Iterable[RegisterState]
) -> list[Evidence]:
    """Mark what a withdrawal or a trusted register reaches. A withdrawal itself cannot be withdrawn."""
    hit: dict[str, set[str]] = defaultdict(set)
    by_digest = {each.digest: each for each in evidence}
    for each in evidence:
        withdrawal = each.said(Withdrawal)
        if withdrawal is None or not each.granted:
            continue
        for digest in _reached(each, withdrawal, by_digest):
            if _may_withdraw(trust, each, by_digest[digest]):
                hit[digest].add(each.digest)
    for state in registers:
        if state.evidence is None:
            continue
        for entry in state.entries:
            if entry.kind == "withdrawal" and entry.state != "vacated":
                for digest in entry.withdraws or ():
                    hit[digest].add(state.evidence.digest)
    return [
        replace(each, withdrawn_by=tuple(sorted(hit[each.digest])))
        if each.digest in hit and each.kind != "withdrawal"
        else each
        for each in evidence
    ]


def _reached(evidence: Evidence, withdrawal: Withdrawal, known: Mapping[str, Evidence]) -> set[str]:
    reached = set(withdrawal.statements(evidence.statement.subjects)) & known.keys()
    selector = withdrawal.selector
    if "selector" in withdrawal.unreadable_fields:
        selector = Selector()  # a window nobody can read is open at both ends
    if selector is not None:
        own = {signature.signer for signature in evidence.signatures}
        for digest, each in known.items():
            times = [signature.trusted_time for signature in each.signatures if signature.signer in own]
            # without a trusted time nobody can show that it was signed before the window
            if any(time is None or selector.from_ is None or time >= selector.from_ for time in times):
                reached.add(digest)
    return reached


def _may_withdraw(trust: Trust, withdrawal: Evidence, target: Evidence) -> bool:
    own = {signature.signer for signature in withdrawal.signatures}
    if own & {signature.signer for signature in target.signatures}:
        return True
    names = {name for signature in target.signatures for name in signature.principals}
    return trust.may_revoke([signature.principals for signature in withdrawal.signatures], names)


def _laid_out(trust: Trust, evidence: Sequence[Evidence], as_of: datetime) -> list[Evidence]:
    """Believe links only as parts of runs that a pinned layout describes, where the reader pinned any."""
    if not trust.layouts:
        return list(evidence)
    links = [performed for each in evidence if each.believed and (performed := _performed(each)) is not None]
    judged = [layout.judge(links, as_of) for layout in trust.layouts]
    vouched = {digest for digests, _ in judged for digest in digests}
    reason = "; ".join(reason for _, reason in judged)
    return [
        replace(each, granted=(), ways=(), reason=reason)
        if each.granted and each.kind == "link" and each.predicate is not None and each.digest not in vouched
        else each
        for each in evidence
    ]


def _performed(evidence: Evidence) -> Performed | None:
    """Return a link as a layout looks at it, or nothing where two artifacts have one name."""
    link = evidence.predicate if evidence.kind == "link" else None
    if not isinstance(link, Link):
        return None
    materials = {each.name or "": each.digest for each in link.materials}
    products = {each.name or "": each.digest for each in evidence.statement.subjects}
    if len(materials) != len(link.materials) or len(products) != len(evidence.statement.subjects):
        return None
    keys = frozenset(each.signer.subject for each in evidence.signatures if each.signer.kind == "key")
    return Performed(evidence.digest, link.name, materials, products, keys)


def _check_clock(evidence: Iterable[Evidence], as_of: datetime) -> None:
    newest = max(
        ((s.trusted_time, each.digest) for each in evidence for s in each.signatures if s.trusted_time),
        default=None,
    )
    if newest is not None and newest[0] > as_of:
        raise AttestError(
            f"the time of evaluation {as_of:%Y-%m-%dT%H:%M:%SZ} is earlier than the trusted time "
            f"{newest[0]:%Y-%m-%dT%H:%M:%SZ} of a statement in the evidence",
            f"sha256:{newest[1]}",
            "is the clock set back? --as-of TIME evaluates a past time on purpose",
        )


def _read(trust: Trust, verified: Sequence[VerifiedStatement], limits: Limits, *, at_rest: bool) -> Evidence:
    if at_rest:  # what is read now is not to stay where the statements are kept
        verified = [replace(each, statement=each.statement.at_rest(limits)) for each in verified]
    evidence = weigh(trust, verified)
    if (step := step_of(evidence.predicate)) is not None:
        limits.check("step_inputs", len(step.inputs), f"statement sha256:{evidence.digest}")
    return evidence.at_rest(limits) if at_rest else evidence


@seldom_collected()
def judged(
    checked: Checked,
    trust: Trust,
    as_of: datetime,
    *,
    historical: bool = False,
    memory: Mapping[str, Remembered] | None = None,
    limits: Limits = DEFAULT,
    at_rest: bool = False,
) -> tuple[list[Evidence], dict[str, RegisterState]]:
    """Decide who is believed for which statement: the second to the fourth thing ``review`` does.

    Args:
        checked: lines whose signatures were checked.
        trust: whom the reader believes.
        as_of: time of evaluation, in UTC.
        historical: ``as_of`` was chosen and is not the clock.
        memory: what the reader saw last of each register.
        limits: the reader's limits.
        at_rest: return evidence that is ``at_rest``: for very many statements.

    Returns:
        The evidence in the order of digests, and what the registers among it say.

    Raises:
        AttestError: the clock is earlier than a trusted time in the evidence.
        LimitError: beyond the reader's limits.
    """
    verified = checked.statements
    evidence = [_read(trust, verified[digest], limits, at_rest=at_rest) for digest in sorted(verified)]
    if historical:
        evidence = [_forget_later(each, as_of) for each in evidence]
    else:
        _check_clock(evidence, as_of)
    registers = read_registers(evidence, memory or {})
    evidence = _laid_out(trust, _withdrawn(trust, evidence, registers.values()), as_of)
    if at_rest:
        evidence = [each if each.rests else each.at_rest(limits) for each in evidence]
    return evidence, registers


@seldom_collected()
def review(
    delivery: Delivery,
    lines: Iterable[Line | RawLine] | Checked,
    trust: Trust,
    as_of: datetime,
    *,
    historical: bool = False,
    memory: Mapping[str, Remembered] | None = None,
    manifests: Mapping[str, bytes] | None = None,
    limits: Limits = DEFAULT,
) -> Review:
    """Verify every line, join the statements by digest, and walk the ancestry of what was delivered.

    1. Check every signature; what is not a principal's is set aside.
    2. Group the signatures by statement; read it; decide who is believed for it.
    3. Check the clock against the newest trusted time, or forget what came after a chosen past.
    4. Read the registers against the reader's memory; mark what was withdrawn.
    5. Build the graph, find what the delivery is, and walk everything behind it.

    Args:
        delivery: what was delivered and measured.
        lines: the evidence, in any order, or what ``check_lines`` made of it under the same trust.
        trust: whom the reader believes.
        as_of: time of evaluation, in UTC.
        historical: ``as_of`` was chosen and is not the clock.
        memory: what the reader saw last of each register.
        manifests: manifests in hand by their own digest.
        limits: the reader's limits.

    Raises:
        AttestError: the clock is earlier than a trusted time in the evidence.
        LimitError: beyond the reader's limits.
    """
    checked = lines if isinstance(lines, Checked) else check_lines(lines, trust, limits, as_of)
    evidence, registers = judged(checked, trust, as_of, historical=historical, memory=memory, limits=limits)
    graph = Graph(evidence, manifests)
    matched = match(delivery, graph)
    return Review(
        as_of,
        historical,
        trust,
        graph,
        matched,
        Lineage(graph, matched.roots),
        registers,
        tuple(each for each in checked.unverified if each.digest not in checked.statements),
        checked.unknown_lines,
        checked.files,
    )
