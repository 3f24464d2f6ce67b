"""Where the boxes and arrows of a lineage picture go: layers from the delivered artifact down to its origins.

A layered drawing (Sugiyama, Tagawa and Toda 1981): rows by level, bends where an arrow passes a row, order by
barycentres, positions by isotonic regression. Deterministic, and bounded because its input is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attest.condense import Link, Scene

__all__ = ["BOX_WIDTH", "FOLD_LINE", "FOLD_WIDTH", "Layout", "Place", "Route", "lay_out"]

BOX_WIDTH = 228
FOLD_WIDTH = 520
FOLD_LINE = 18
_BOX_HEIGHT = 48
_STEP_HEIGHT = 30
_PER_ROW = 4
_GAP = 16
_BEND = 18
_ROW_GAP = 42
_SWEEPS = 8


@dataclass(frozen=True)
class Place:
    """Where a box or a bend is: its centre and its height, in pixels."""

    x: float
    y: float
    height: int


@dataclass(frozen=True)
class Route:
    """A piece of arrow, from a box or bend to one in the row above; arrows into one box share the last."""

    lower: Place
    upper: Place
    bend: bool
    """Whether ``lower`` is a bend: the piece then begins at its foot and goes straight through it."""
    head: bool
    """Whether it ends at a box, with an arrow's head."""
    status: str
    """The status of every box it comes from, ``ok`` if they differ."""


@dataclass(frozen=True)
class Layout:
    """A drawing of a scene."""

    places: Mapping[int, Place]
    routes: tuple[Route, ...]
    backward: tuple[Link, ...]
    """Links that do not lead towards the delivered artifact: parts of a cycle."""
    width: float
    height: float


@dataclass
class _Drawing:
    """Items are boxes (0 and up, as in the scene) and bends (from ``len(boxes)`` up)."""

    scene: Scene
    rows: list[list[int]] = field(default_factory=list)
    row_of: dict[int, int] = field(default_factory=dict)
    above: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    below: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    carried: dict[tuple[int, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    """(lower item, upper item) → boxes whose arrows pass."""

    def is_box(self, item: int) -> bool:
        return item < len(self.scene.boxes)


def lay_out(scene: Scene) -> Layout:
    """Place every box of ``scene`` and route every link."""
    if not scene.boxes:
        return Layout({}, (), (), 0, 0)
    drawing = _Drawing(scene)
    _fill_rows(drawing)
    backward = _route(drawing)
    _order(drawing)
    return _measure(drawing, _positions(drawing), backward)


def _fill_rows(drawing: _Drawing) -> None:
    """Put the boxes of a level into rows of at most ``_PER_ROW``, what nothing lies behind first."""
    scene = drawing.scene
    has_inputs = {link.target for link in scene.links}
    by_level: dict[int, list[int]] = defaultdict(list)
    for number, box in enumerate(scene.boxes):
        by_level[box.level].append(number)
    for level in sorted(by_level):
        boxes = sorted(by_level[level], key=lambda number: number in has_inputs)
        count = -(-len(boxes) // _PER_ROW)
        size = -(-len(boxes) // count)
        drawing.rows += [boxes[start : start + size] for start in range(0, len(boxes), size)]
    drawing.row_of = {box: number for number, row in enumerate(drawing.rows) for box in row}


def _route(drawing: _Drawing) -> tuple[Link, ...]:
    """Lead every link upwards, row by row; links into one box share bends. Return those that lead down."""
    bends: dict[tuple[int, int], int] = {}
    backward: list[Link] = []
    boxes = drawing.scene.boxes
    for link in drawing.scene.links:
        start, end = drawing.row_of[link.source], drawing.row_of[link.target]
        if start <= end:
            backward.append(link)
            continue
        item = link.source
        for row in range(start - 1, end - 1, -1):
            upper = link.target
            if row > end:
                fresh = len(boxes) + len(bends)
                upper = bends.setdefault((link.target, row), fresh)
                if upper == fresh:
                    drawing.rows[row].append(upper)
                    drawing.row_of[upper] = row
            if upper not in drawing.above[item]:
                drawing.above[item].append(upper)
                drawing.below[upper].append(item)
            drawing.carried[item, upper].add(link.source)
            item = upper
    return tuple(backward)


def _crossings(drawing: _Drawing) -> int:
    total = 0
    spot = {item: place for row in drawing.rows for place, item in enumerate(row)}
    for row in drawing.rows[1:]:
        pairs = [(spot[item], spot[upper]) for item in row for upper in drawing.above[item]]
        total += sum(
            (a - c) * (b - d) < 0 for index, (a, b) in enumerate(pairs) for c, d in pairs[index + 1 :]
        )
    return total


def _order(drawing: _Drawing) -> None:
    """Order every row by the mean place of its neighbours, down and up in turn; keep the best order seen."""
    best = [list(row) for row in drawing.rows]
    fewest = _crossings(drawing)
    for sweep in range(_SWEEPS):
        if fewest == 0:
            break
        down = sweep % 2 == 0
        neighbours = drawing.above if down else drawing.below
        numbers = range(1, len(drawing.rows)) if down else range(len(drawing.rows) - 2, -1, -1)
        for number in numbers:
            beside = drawing.rows[number - 1 if down else number + 1]
            _sort_row(
                drawing.rows[number],
                neighbours,
                {item: (place + 0.5) / len(beside) for place, item in enumerate(beside)},
            )
        crossings = _crossings(drawing)
        if crossings < fewest:
            fewest, best = crossings, [list(row) for row in drawing.rows]
    drawing.rows = best


def _sort_row(row: list[int], neighbours: Mapping[int, list[int]], spot: Mapping[int, float]) -> None:
    mean: dict[int, float] = {}
    for place, item in enumerate(row):
        places = [spot[each] for each in neighbours.get(item, []) if each in spot]
        mean[item] = sum(places) / len(places) if places else (place + 0.5) / len(row)
    row.sort(key=lambda item: mean[item])


def _half(drawing: _Drawing, item: int) -> float:
    if not drawing.is_box(item):
        return _BEND / 2
    return ((FOLD_WIDTH if drawing.scene.boxes[item].fold else BOX_WIDTH) + _GAP) / 2


def _positions(drawing: _Drawing) -> dict[int, float]:
    """Return the x of every item's centre: near its neighbours, never closer to another than allowed."""
    width = max(sum(2 * _half(drawing, item) for item in row) for row in drawing.rows)
    x: dict[int, float] = {}
    for row in drawing.rows:
        room = sum(2 * _half(drawing, item) for item in row)
        left = (width - room) / 2
        for item in row:
            x[item] = left + _half(drawing, item)
            left += 2 * _half(drawing, item)
    for _ in range(_SWEEPS):
        for row in drawing.rows:
            _settle(drawing, row, drawing.above, x, width)
        # ending here puts everything right above what it was made from
        for row in reversed(drawing.rows):
            _settle(drawing, row, drawing.below, x, width)
    return x


def _settle(
    drawing: _Drawing,
    row: Sequence[int],
    neighbours: Mapping[int, list[int]],
    x: dict[int, float],
    width: float,
) -> None:
    """Move one row as near to its neighbours' centres as the distances allow (least squares)."""
    offsets: list[float] = []
    wishes: list[float] = []
    weights: list[float] = []
    used = 0.0
    for item in row:
        near = [x[each] for each in neighbours.get(item, [])]
        wish = sum(near) / len(near) if near else x[item]
        offsets.append(used + _half(drawing, item))
        used += 2 * _half(drawing, item)
        wishes.append(wish - offsets[-1])
        weights.append(1.0 if drawing.is_box(item) else 2.0)  # straight lines matter more than centred boxes
    for item, value, offset in zip(row, _isotonic(wishes, weights), offsets, strict=True):
        x[item] = min(max(value, 0.0), width - used) + offset


def _isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the non-decreasing sequence nearest to ``values`` (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        mean, heavy, size = value, weight, 1
        while blocks and blocks[-1][0] > mean:
            before, load, count = blocks.pop()
            mean = (before * load + mean * heavy) / (load + heavy)
            heavy, size = heavy + load, size + count
        blocks.append((mean, heavy, size))
    return [mean for mean, _, size in blocks for _ in range(size)]


def _measure(drawing: _Drawing, x: Mapping[int, float], backward: tuple[Link, ...]) -> Layout:
    """Give rows their heights and turn items into places and routes."""
    boxes = drawing.scene.boxes
    left = min(centre - _half(drawing, item) for item, centre in x.items())
    right = max(centre + _half(drawing, item) for item, centre in x.items())
    places: dict[int, Place] = {}
    y = 0.0
    for row in drawing.rows:
        heights = [_height(drawing, item) for item in row]
        tall = max(heights)
        for item, height in zip(row, heights, strict=True):
            places[item] = Place(x[item] - left, y + tall / 2, height or tall)
        y += tall + _ROW_GAP
    routes: list[Route] = []
    for (lower, upper), sources in drawing.carried.items():
        statuses = {boxes[source].status for source in sources}
        routes.append(
            Route(
                places[lower],
                places[upper],
                not drawing.is_box(lower),
                drawing.is_box(upper),
                statuses.pop() if len(statuses) == 1 else "ok",
            )
        )
    kept = {item: place for item, place in places.items() if drawing.is_box(item)}
    return Layout(kept, tuple(routes), backward, right - left, y - _ROW_GAP)


def _height(drawing: _Drawing, item: int) -> int:
    """Return the height of a box; 0 for a bend, which is as high as its row."""
    if not drawing.is_box(item):
        return 0
    box = drawing.scene.boxes[item]
    if box.fold:
        return _STEP_HEIGHT + FOLD_LINE * len(box.fold)
    return _STEP_HEIGHT if box.kind.startswith("step:") else _BOX_HEIGHT
