"""A lineage of any size as a few dozen boxes: what its picture shows where it cannot show every node.

Nodes are gathered by level, kind and status, never across statuses: one gap among 500 datasets stays visible.
The work is linear in nodes and edges.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attest.report import Lineage, Node

__all__ = [
    "LINEAGE",
    "MEANING",
    "STATUS_WORDS",
    "Box",
    "Legend",
    "Link",
    "Row",
    "Scene",
    "condense",
    "counted",
    "levels",
    "plural",
]

STATUS_WORDS = {
    "ok": "explained",
    "gap": "gap",
    "opaque": "opaque",
    "withdrawn": "withdrawn",
    "untrusted": "not trusted",
    "refused": "refused",
}
"""Status of a node → the words the picture uses."""

MEANING = {
    "ok": "a statement you believe explains it",
    "gap": "no statement explains it",
    "opaque": "the vendor declares that what is behind it is not shown",
    "withdrawn": "its statement was taken back by its signer",
    "untrusted": "it is described only by signers your trust file does not name for this",
    "refused": "it is explained, and a rule of your policy refuses it",
}
"""Status of a node → what it means, for somebody who has never seen this before."""


@dataclass(frozen=True)
class Legend:
    """What a picture calls what it shows; the five statuses are five ways to draw a box."""

    words: Mapping[str, str]
    """Status of a node → the words for it; the first is drawn plainly and needs none."""
    meaning: Mapping[str, str]
    """Status of a node → what it means."""
    top: str
    """What stands at the top, of which nothing else is to be said."""
    plain: str
    """What is said of many nodes with nothing to be said of them."""
    nothing: str
    """What is said where there is nothing to draw."""
    subject: str
    """How its description begins."""


LINEAGE = Legend(
    STATUS_WORDS,
    MEANING,
    "delivered",
    "all explained",
    "Nothing is known of what the delivered artifact was made from.",
    "What was delivered and what it was made from",
)
"""The legend of what a delivered artifact was made from."""

_MOST_BOXES = 44
_MOST_LEVELS = 25
_FIRST_LEVELS = 13
_LAST_LEVELS = 8
_CAPS = ((10**9, 10**9), (12, 12), (6, 8), (3, 6), (2, 3), (1, 1))
"""How many (fine, troubled) nodes of one level and kind are drawn one by one, most generous first."""

_NOUNS = {
    "dataset": "datasets",
    "model": "models",
    "tokenizer": "tokenizers",
    "code": "code inputs",
    "config": "configs",
    "environment": "environments",
    "artifact": "artifacts",
}


def plural(kind: str, count: int) -> str:
    """Return a kind of node in words: ``train step``, ``datasets``; foreign kinds as they are."""
    if kind.startswith("step:"):
        return f"{kind[5:]} step{'' if count == 1 else 's'}".lstrip()
    return kind if count == 1 else _NOUNS.get(kind, kind)


def counted(nodes: Iterable[Node], most: int = 6) -> str:
    """Return nodes as counts by kind, ``12 train steps, 3 datasets``: ``most`` kinds, the rest added up."""
    kinds = Counter(node.kind for node in nodes).most_common()
    parts = [f"{count:,} {plural(kind, count)}" for kind, count in kinds[:most]]
    rest = sum(count for _, count in kinds[most:])
    return ", ".join([*parts, *([f"{rest:,} of other kinds"] if rest else [])])


@dataclass(frozen=True)
class Box:
    """One box of the picture: a node, or ``count`` nodes of one kind and status."""

    kind: str
    label: str
    digest: str
    status: str
    level: int
    count: int = 1
    fold: tuple[tuple[str, str], ...] = ()
    """Of a box that stands for several levels: (status, what is in it) per status; empty for all others."""


@dataclass(frozen=True)
class Link:
    """An arrow between boxes, by their places in ``Scene.boxes``; ``count`` edges of the lineage."""

    source: int
    target: int
    roles: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Scene:
    """What the picture draws."""

    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    nodes: int
    """Nodes of the lineage it was made from."""

    @property
    def condensed(self) -> bool:
        """Whether some box stands for several nodes."""
        return len(self.boxes) < self.nodes


@dataclass(frozen=True)
class Row:
    """The nodes of one level, or of ``levels`` that were folded into one."""

    nodes: list[Node]
    levels: int = 1


def levels(nodes: list[Node]) -> list[Row]:
    """Return nodes by level; a lineage deeper than 25 levels keeps its two ends and folds its middle."""
    by_level: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        by_level[node.level].append(node)
    rows = [Row(by_level[level]) for level in sorted(by_level)]
    if len(rows) <= _MOST_LEVELS:
        return rows
    middle = rows[_FIRST_LEVELS:-_LAST_LEVELS]
    folded = Row([node for row in middle for node in row.nodes], len(middle))
    return [*rows[:_FIRST_LEVELS], folded, *rows[-_LAST_LEVELS:]]


def _boxes(rows: list[Row], fine: int, troubled: int) -> tuple[list[Box], dict[int, int]]:
    """Return boxes and the box of every node, drawing up to ``fine`` and ``troubled`` nodes one by one."""
    boxes: list[Box] = []
    place: dict[int, int] = {}
    for number, row in enumerate(rows):
        groups: dict[tuple[str, str], list[Node]] = defaultdict(list)
        for node in row.nodes:
            # the last resort, reached only with very many kinds, puts all kinds of a level together
            groups[node.kind if troubled > 1 else _coarse(node.kind), node.status].append(node)
        if row.levels > 1:
            place |= dict.fromkeys((node.id for node in row.nodes), len(boxes))
            boxes.append(_folded(row, number))
            continue
        for (kind, status), group in groups.items():
            if len(group) == 1 or len(group) <= (fine if status == "ok" else troubled):
                for node in group:
                    place[node.id] = len(boxes)
                    boxes.append(Box(node.kind, node.label, node.digest, status, number))
            else:
                place |= dict.fromkeys((node.id for node in group), len(boxes))
                kinds = {node.kind for node in group}
                boxes.append(
                    Box(kinds.pop() if len(kinds) == 1 else kind, "", "", status, number, len(group))
                )
    return boxes, place


def _folded(row: Row, number: int) -> Box:
    """Return the one box in which the middle levels of a deep lineage are drawn."""
    parts: list[tuple[str, str]] = []
    for status in MEANING:
        found = [node for node in row.nodes if node.status == status]
        if found:
            names = (
                f": {', '.join(node.label or node.digest for node in found[:3])}" if status != "ok" else ""
            )
            parts.append(
                (
                    status,
                    counted(found, 4 if status == "ok" else 2)
                    + names
                    + (", …" if names and len(found) > 3 else ""),
                )
            )
    return Box("", f"{row.levels:,} levels further back", "", "ok", number, len(row.nodes), tuple(parts))


def _coarse(kind: str) -> str:
    return "step:" if kind.startswith("step:") else kind if kind in _NOUNS else "artifact"


def condense(lineage: Lineage) -> Scene:
    """Return the boxes and arrows to draw; every node of the lineage is in exactly one box."""
    rows = levels(lineage.nodes)
    boxes, place = _boxes(rows, *_CAPS[0])
    for fine, troubled in _CAPS[1:]:
        if len(boxes) <= _MOST_BOXES:
            break
        boxes, place = _boxes(rows, fine, troubled)
    joined: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for edge in lineage.edges:
        if edge.source in place and edge.target in place:
            source, target = place[edge.source], place[edge.target]
            if source != target:
                joined[source, target][edge.role] += 1
    links = tuple(
        Link(source, target, tuple(sorted(roles)), roles.total())
        for (source, target), roles in sorted(joined.items())
    )
    return Scene(tuple(boxes), links, len(lineage.nodes))
