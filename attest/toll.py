"""What an impact holds: one versioned JSON document that its table, CSV and picture show and nothing adds to.

The same statements, order and trust give the same bytes; no clock is read. ``snapshot`` names the statements
it was computed from.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from pydantic import Field

from attest.docket import OrderState, named_artifacts
from attest.graph import Evidence
from attest.impact import Impact, snapshot_digest
from attest.itemclass import item_class
from attest.model import Model, Timestamp
from attest.predicates.deletion_order import DeletionOrder, ItemClass
from attest.predicates.distribution import Distribution
from attest.resource import Artifact
from attest.toll_removals import RemovalRow, removal_rows
from attest.unexplained import PROBLEMS

__all__ = [
    "LIMITS",
    "AffectedRow",
    "ClearRow",
    "ImpactReport",
    "OrderFacts",
    "OtherOrder",
    "RecipientRow",
    "SnapshotFacts",
    "TargetRow",
    "UnknownRow",
    "Via",
    "impact_report",
    "snapshot_facts",
    "to_text",
]

IMPACT_VERSION = "v0.1"

LIMITS = (
    "That the statements list every input: nothing prevents training on data that nobody listed.",
    "Anything about statements that are not in this snapshot: what nobody shows may reach further.",
    "That the roles of inputs are true; small code, configuration and environments need no statement.",
    "That near-duplicates or re-encoded copies of what is ordered gone are absent elsewhere.",
    "That a model has forgotten anything, or that what descends from a target still holds any of it.",
    "Copies of the same bytes in other places: a digest says what they are, never where.",
    "That every recipient was recorded.",
    "That nothing else changed where records were taken out: a proof is about the records it names.",
    "Records that a committed dataset never listed.",
    "What the order means in law: whether something is reached, excepted or late is for people to decide.",
)
"""Printed with every impact: what it does not prove."""

REACHED_LIMITS = (
    "Anything about what the targets do not lead to: it was not looked at and may be affected all the same.",
    *LIMITS,
)
"""Printed instead of ``LIMITS`` where only what the targets lead to was looked at."""

_LONGEST_PATH = 12


class TargetRow(Model):
    """One thing the order names."""

    described: str = Field(description="Name and digests as the order has them.")
    found: list[str] = Field(description="Artifacts of the snapshot it names; empty: none.")
    how: Literal["digest", "alias", "name", "records", "none"] = Field(description="What they were found by.")


class OtherOrder(Model):
    """Another order that names some of the same artifacts."""

    statement: str
    id: str
    state: str
    targets: list[str] = Field(description="Artifacts both name.")
    differs: list[str] = Field(description="In what the two differ; where they do, the stricter one binds.")


class OrderFacts(Model):
    """The order and where it stands."""

    statement: str = Field(description="Statement digest, sha256:….")
    id: str
    state: str = Field(description="active, suspended, satisfied, vacated or unknown.")
    believed: bool = Field(description="A keeper of the trust file signed it or lists it.")
    reach: Literal["in-whole-or-in-part", "named-only"]
    targets: list[TargetRow]
    unread: list[str] = Field(description="Parts of it this version cannot read.")
    others: list[OtherOrder]


class SnapshotFacts(Model):
    """What the impact was computed from."""

    digest: str = Field(description="SHA-256 over the sorted statement digests, a line each.")
    statements: int
    unverified: int = Field(description="Statements nobody is granted: what they say makes possible at most.")
    trust: str = Field(description="SHA-256 of the trust file, or what stands for none.")


class Via(Model):
    """The last link of a witness path."""

    artifact: str = Field(description="What it came from.")
    how: str = Field(description="The role it was read in; derivedFrom; part; holds.")
    kind: str = Field(description="Kind of the step, or empty.")
    statement: str = Field(description="sha256:… of the statement that says so, or empty.")


class AffectedRow(Model):
    """An artifact the order reaches or may reach."""

    artifact: str = Field(description="sha256:…, with a / at its end for a directory.")
    name: str
    item_class: ItemClass = Field(alias="class", description="What kind of thing it is.")
    certainty: Literal["proven", "possible"]
    reason: str = Field(
        description="target or descends; of possible ones name, claimed, shares, removal, unknown, cycle or "
        "order."
    )
    part_of: str | None = Field(
        default=None, description="The directory whose weights it is, and nothing else: counted with it."
    )
    path: list[str] = Field(description="One witness path, in names; a long one keeps its two ends.")
    via: Via | None = Field(default=None, description="Its last link; absent where the path begins.")
    distance: int = Field(description="Links of the witness path.")
    due: Timestamp | None = Field(default=None, description="The order's deadline for its class.")
    recipients: int = Field(description="Distribution records about it; 0 says nothing of who has it.")


class RecipientRow(Model):
    """Somebody who received something affected, or the claim that nobody did."""

    artifact: str
    name: str
    legal_name: str
    address: str
    contact: str
    when: Timestamp | None = None
    channel: str
    public: Literal["yes", "no", "unknown"]
    nobody: Literal["yes", "no", "unknown"]
    statement: str
    believed: bool


class UnknownRow(Model):
    """Something that is not explained: what the vendor must explain."""

    artifact: str
    name: str
    problem: str
    summary: str
    detail: str = Field(description="Of an input without digest its name; of an opaque one the reason given.")
    statements: list[str]
    used_by: list[str] = Field(description="Statements of the first steps that read it, at most ten.")


class ClearRow(Model):
    """An artifact the order does not reach, and why one may say so."""

    artifact: str
    name: str
    item_class: ItemClass = Field(alias="class")
    part_of: str | None = Field(
        default=None, description="The directory whose weights it is, and nothing else: counted with it."
    )
    why: Literal["origin", "made", "removed", "support", "named-only"]
    statements: list[str]
    proofs: list[str] = Field(
        default_factory=list,
        description="Of removed: what shows it; sha256:… of files of proofs, roots of leaf files.",
    )


class ImpactReport(Model):
    """Everything an order reaches."""

    impact_version: Literal["v0.1"] = "v0.1"
    scope: Literal["reached"] | None = Field(
        default=None,
        description="reached: only what the targets lead to was looked at, and nothing is said of the rest; "
        "absent: everything.",
    )
    order: OrderFacts
    snapshot: SnapshotFacts
    counts: dict[str, int] = Field(
        description="proven, possible, clear, each without weights that are part of a directory; unknown. "
        "The last two of everything only."
    )
    affected: list[AffectedRow]
    recipients: list[RecipientRow]
    unknown: list[UnknownRow]
    clear: list[ClearRow]
    removals: list[RemovalRow] = Field(
        default_factory=list, description="Ordered records that steps say they took out of something."
    )
    warnings: list[str]
    not_proven: list[str]


def to_text(report: Model) -> str:
    """Return the document as JSON: sorted keys, two spaces of indentation, ASCII only."""
    return json.dumps(report.to_json(), indent=2, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def impact_report(
    impact: Impact, orders: Mapping[str, OrderState], trust: str, *, reached: bool = False
) -> ImpactReport:
    """Write down an impact.

    Args:
        impact: what was computed.
        orders: every order of the snapshot, to tell which speak of the same things.
        trust: SHA-256 of the trust file.
        reached: it is an excerpt (``attest.excerpt``): only what the targets lead to is written down.
    """
    rows = impact.followed if reached else sorted(impact.reached)
    recipients = _recipients(impact, frozenset(rows))
    counts: dict[str, int] = defaultdict(int)
    for row in recipients:
        counts[row.artifact] += 1
    affected = [_affected(impact, artifact, counts) for artifact in rows]
    affected.sort(key=lambda row: (row.certainty != "proven", row.distance, row.artifact))
    clear = [] if reached else _clear(impact)
    unknown = [] if reached else _unknown(impact)
    snapshot = snapshot_facts(impact, trust)
    order = _order(impact, orders)
    whole = [row.certainty for row in affected if row.part_of is None]
    numbers = {name: whole.count(name) for name in ("proven", "possible")}
    return ImpactReport(
        scope="reached" if reached else None,
        order=order,
        snapshot=snapshot,
        counts=numbers
        if reached
        else {
            **numbers,
            "clear": sum(row.part_of is None for row in clear),
            "unknown": len(unknown),
        },
        affected=affected,
        recipients=recipients,
        unknown=unknown,
        clear=clear,
        removals=removal_rows(impact),
        warnings=_warnings(impact, order, snapshot),
        not_proven=list(REACHED_LIMITS if reached else LIMITS),
    )


def snapshot_facts(impact: Impact, trust: str) -> SnapshotFacts:
    """Return what an impact was computed from."""
    evidence = impact.graph.evidence
    return SnapshotFacts(
        digest=snapshot_digest(impact.graph),
        statements=len(evidence),
        unverified=sum(not each.granted for each in evidence),
        trust=trust,
    )


def _prefixed(digests: Iterable[str]) -> list[str]:
    return [f"sha256:{digest}" for digest in digests]


# -- rows ----------------------------------------------------------------------------------------------------


def _affected(impact: Impact, artifact: Artifact, recipients: Mapping[str, int]) -> AffectedRow:
    reached = impact.reached[artifact]
    kind = item_class(impact.unknowns, artifact)
    hop = reached.hop
    via = None
    if hop is not None:
        statement = f"sha256:{hop.statement}" if hop.statement else ""
        via = Via(artifact=str(hop.source), how=hop.how, kind=hop.kind, statement=statement)
    return AffectedRow(
        artifact=str(artifact),
        name=impact.graph.name(artifact),
        item_class=kind,
        certainty=reached.certainty.value,
        reason=reached.reason,
        part_of=_part_of(impact, artifact),
        path=_path(impact, artifact),
        via=via,
        distance=reached.distance,
        due=_due(impact.order.order, kind),
        recipients=recipients.get(str(artifact), 0),
    )


def _part_of(impact: Impact, artifact: Artifact) -> str | None:
    tree = impact.part_of(artifact)
    return str(tree) if tree is not None else None


def _path(impact: Impact, artifact: Artifact) -> list[str]:
    """Return the witness path in names and kinds of links; of a long one only its ends are walked to."""
    name = impact.graph.name
    reached = impact.reached[artifact]
    half = _LONGEST_PATH // 2
    if 2 * reached.distance + 1 <= _LONGEST_PATH:
        hops = impact.path(artifact)
        return [label for hop in hops for label in (name(hop.source), hop.kind or hop.how)] + [name(artifact)]
    tail = [name(artifact)]
    while len(tail) < half and reached.hop is not None:
        tail += [reached.hop.kind or reached.hop.how, name(reached.hop.source)]
        reached = impact.reached[reached.hop.source]
    return [name(reached.origin), f"… {reached.distance} more links …", *tail[::-1]]


def _due(order: DeletionOrder | None, kind: str) -> Timestamp | None:
    rows = {row.class_: row.due for row in (order.deadlines if order else ())}
    return rows[kind] if kind in rows else rows.get(None)


def _clear(impact: Impact) -> list[ClearRow]:
    return [
        ClearRow(
            artifact=str(artifact),
            name=impact.graph.name(artifact),
            item_class=item_class(impact.unknowns, artifact),
            part_of=_part_of(impact, artifact),
            why=why.reason,
            statements=_prefixed(why.statements),
            proofs=list(why.proofs),
        )
        for artifact, why in impact.clear.items()
    ]


def _recipients(impact: Impact, rows: Collection[Artifact]) -> list[RecipientRow]:
    """Distribution records about anything affected, believed or not: what was revealed counts."""
    found: dict[tuple[str, str], RecipientRow] = {}
    for evidence in impact.graph.evidence:
        if distribution := evidence.said(Distribution):
            sent = {a for item in distribution.what or () if (a := item.artifact) is not None}
            for artifact in sorted({*evidence.artifacts, *sent}.intersection(rows)):
                row = _recipient(impact, artifact, evidence, distribution)
                found[row.artifact, row.statement] = row
    return [found[key] for key in sorted(found)]


def _recipient(
    impact: Impact, artifact: Artifact, evidence: Evidence, distribution: Distribution
) -> RecipientRow:
    who = distribution.recipient
    return RecipientRow(
        artifact=str(artifact),
        name=impact.graph.name(artifact),
        legal_name=(who and who.legal_name) or "",
        address=(who and who.address) or "",
        contact=(who and who.contact) or "",
        when=distribution.when,
        channel=distribution.channel or "",
        public=distribution.public,
        nobody=distribution.nobody,
        statement=f"sha256:{evidence.digest}",
        believed=evidence.believed,
    )


def _unknown(impact: Impact) -> list[UnknownRow]:
    return [
        UnknownRow(
            artifact=str(each.artifact),
            name=impact.graph.name(each.artifact),
            problem=each.problem,
            summary=PROBLEMS[each.problem],
            detail=each.name,
            statements=_prefixed(each.statements),
            used_by=_prefixed(
                sorted({node.evidence.digest for node, _ in impact.unknowns.readers.get(each.artifact, ())})[
                    :10
                ]
            ),
        )
        for each in impact.unknown
    ]


# -- the order -----------------------------------------------------------------------------------------------


def _order(impact: Impact, orders: Mapping[str, OrderState]) -> OrderFacts:
    state = impact.order
    return OrderFacts(
        statement=f"sha256:{state.digest}",
        id=state.title,
        state=state.state,
        believed=state.believed,
        reach="in-whole-or-in-part" if state.derived else "named-only",
        targets=_targets(impact),
        unread=list(state.unread),
        others=[
            row for digest, each in orders.items() if digest != state.digest and (row := _other(impact, each))
        ],
    )


def _targets(impact: Impact) -> list[TargetRow]:
    rows = []
    for item in impact.order.named:
        digests = ", ".join(f"{name}:{value}" for name, value in sorted(item.digest.items()))
        one = impact.resolve(item)
        rows.append(
            TargetRow(
                described=" ".join(filter(None, (item.name, digests))),
                found=[str(artifact) for artifact in sorted(one)],
                how=min(one.values(), default="none"),
            )
        )
    found = sorted(str(artifact) for artifact, how in impact.targets.items() if how == "records")
    if found:
        rows.append(TargetRow(described="records by key", found=found, how="records"))
    unique = {row.model_dump_json(): row for row in rows}
    return [unique[key] for key in sorted(unique)]


def _other(impact: Impact, other: OrderState) -> OtherOrder | None:
    """Return what another order says of the same artifacts, or ``None`` if it names none of them."""
    shared = sorted(named_artifacts(other, impact.graph).keys() & impact.targets.keys())
    if not shared:
        return None
    own = impact.order
    differs = []
    if own.derived != other.derived:
        differs.append("reach")
    if own.state != other.state:
        differs.append("state")
    if own.order is not None and other.order is not None:
        differs += [
            name.replace("_", " ")
            for name in ("deadlines", "permitted_exceptions", "third_parties")
            if getattr(own.order, name) != getattr(other.order, name)
        ]
    return OtherOrder(
        statement=f"sha256:{other.digest}",
        id=other.title,
        state=other.state,
        targets=[str(artifact) for artifact in shared],
        differs=differs,
    )


def _warnings(impact: Impact, order: OrderFacts, snapshot: SnapshotFacts) -> list[str]:
    found = [
        f"the snapshot knows nothing of this target, which is kept: {each}" for each in impact.unresolved
    ]
    if impact.boundless:
        found.append(
            "the order may name anything, because not all of it can be read or found: nothing is clear"
        )
    if not order.believed:
        found.append("the order is believed from nobody: no keeper you trust signed it or lists it")
    if order.state in ("suspended", "vacated"):
        found.append(f"the order is {order.state}: this is what it would reach")
    by_name = sum(how == "name" for how in impact.targets.values())
    if by_name:
        found.append(
            f"{by_name} target(s) were found by name alone: they are possible, and names link nothing"
        )
    unshown = {each.new for each in impact.removals if each.faults}
    if unshown:
        found.append(
            f"{len(unshown)} artifact(s) are said to be without the ordered records, and nothing shows it: "
            "they, and what was made of them, are possible until proofs do"
        )
    differing = sum(bool(each.differs) for each in order.others)
    if differing:
        found.append(
            f"{differing} other order(s) about the same targets say otherwise: the stricter one binds"
        )
    if snapshot.unverified:
        found.append(
            f"{snapshot.unverified} statement(s) are believed from nobody: they make possible at most"
        )
    return found
