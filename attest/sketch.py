"""The lineage of a review as the nodes and edges of a report: what every picture of it is drawn from."""

from __future__ import annotations

from collections.abc import Sequence

from attest.graph import DATASET_ROLES, Evidence, StepNode
from attest.lineage import Ancestor, Status
from attest.report import Edge, Lineage, Node
from attest.resource import Artifact
from attest.review import Review

__all__ = ["picture_of"]


def _kind(review: Review, ancestor: Ancestor) -> str:
    roles = set(ancestor.roles)
    if roles & DATASET_ROLES or review.graph.datasets(ancestor.artifact):
        return "dataset"
    if roles & {"base-model", "adapter", "teacher"} or (
        ancestor.via is None and review.graph.makers.get(ancestor.artifact)
    ):
        return "model"
    return next(
        (role for role in ("tokenizer", "code", "config", "environment") if role in roles), "artifact"
    )


def _step_status(evidence: Evidence) -> Status:
    if evidence.withdrawn_by:
        return Status.WITHDRAWN
    return Status.OK if evidence.believed else Status.UNTRUSTED


def picture_of(review: Review) -> Lineage:
    """Return the lineage as nodes and edges, nearest to the delivery first, in an order of digests."""
    lineage = review.lineage
    ancestors = sorted(lineage.ancestors.values(), key=lambda each: (each.level, each.artifact))
    ids = {each.artifact: number for number, each in enumerate(ancestors)}
    nodes = [
        Node(
            id=number,
            kind=_kind(review, each),
            label=review.graph.name(each.artifact),
            digest=f"sha256:{each.artifact.sha256}",
            status=each.status.value,
            level=2 * each.level,
        )
        for number, each in enumerate(ancestors)
    ]
    edges: list[Edge] = []
    steps = sorted(lineage.steps, key=lambda node: node.evidence.digest)
    for number, node in enumerate(steps, len(nodes)):
        outputs = [output for output in node.outputs if output in ids]
        level = 2 * max(lineage.ancestors[output].level for output in outputs) + 1
        nodes.append(
            Node(
                id=number,
                kind=f"step:{node.kind}",
                label=node.kind,
                digest=f"sha256:{node.evidence.digest}",
                status=_step_status(node.evidence).value,
                level=level,
            )
        )
        edges += _edges(node, number, outputs, ids)
    for each in ancestors:
        if each.via is not None and each.via[1] == "derivedFrom":
            edges.append(Edge(source=ids[each.artifact], target=ids[each.via[0]], role="derivedFrom"))
    return Lineage(nodes=nodes, edges=edges)


def _edges(node: StepNode, number: int, outputs: Sequence[Artifact], ids: dict[Artifact, int]) -> list[Edge]:
    read = sorted(
        {
            (ids[item.artifact], item.role, item.digest_source or "")
            for item in node.inputs
            if item.artifact in ids
        }
    )
    written = sorted({ids[output] for output in outputs})
    return [
        Edge(source=source, target=number, role=role, digest_source=taken or None)
        for source, role, taken in read
    ] + [Edge(source=number, target=target, role="output") for target in written]
