"""What an order reaches as the nodes and edges of a picture: the targets below, and above them what descends.

Every affected artifact is drawn with the last link of its witness path; what is clear is left out, and so are
weights that are part of a directory, unless something was made of them by themselves.
"""

from __future__ import annotations

from attest.condense import Legend
from attest.report import Edge, Lineage, Node
from attest.toll import AffectedRow, ImpactReport

__all__ = ["LEGEND", "picture_of_impact"]

LEGEND = Legend(
    {
        "ok": "step",
        "gap": "ordered gone",
        "opaque": "possible",
        "withdrawn": "step",
        "untrusted": "affected",
    },
    {
        "ok": "a recorded step",
        "gap": "the order names it",
        "opaque": "a link is only claimed, or something behind it is not explained",
        "withdrawn": "a recorded step",
        "untrusted": "statements you believe lead to it from what the order names",
    },
    "",
    "",
    "The order reaches nothing that any statement speaks of.",
    "What the order reaches",
)
"""What the picture of an impact calls what it shows."""

_KINDS = {"raw-data": "dataset", "derived-data": "dataset", "other": "artifact", "backup": "artifact"}


def _status(row: AffectedRow) -> str:
    if row.certainty == "possible":
        return "opaque"
    return "gap" if row.reason == "target" else "untrusted"


def picture_of_impact(report: ImpactReport) -> Lineage:
    """Return what is affected as nodes and edges, in the order of the document."""
    sources = {row.via.artifact for row in report.affected if row.via is not None}
    affected = [row for row in report.affected if row.part_of is None or row.artifact in sources]
    deepest = max((row.distance for row in affected), default=0)
    ids = {row.artifact: number for number, row in enumerate(affected)}
    nodes = [
        Node.model_validate(
            {
                "id": ids[row.artifact],
                "kind": _KINDS.get(row.item_class, "model"),
                "label": row.name,
                "digest": row.artifact.removesuffix("/"),
                "status": _status(row),
                "level": 2 * (deepest - row.distance),
            }
        )
        for row in affected
    ]
    edges: list[Edge] = []
    steps: dict[tuple[str, int], int] = {}
    for row in affected:
        if row.via is None:
            continue
        key = (row.via.statement or row.artifact, row.distance)
        if key not in steps:
            steps[key] = len(nodes)
            kind = row.via.kind or row.via.how
            level = 2 * (deepest - row.distance) + 1
            nodes.append(
                Node(id=steps[key], kind=f"step:{kind}", label=kind, digest=key[0], status="ok", level=level)
            )
        edge = Edge(source=ids[row.via.artifact], target=steps[key], role=row.via.how)
        edges += [edge] if edge not in edges[-8:] else []
        edges.append(Edge(source=steps[key], target=ids[row.artifact], role="output"))
    return Lineage(nodes=nodes, edges=edges)
