"""The lineage as a picture: what was delivered on top, and below it the steps and inputs it was made from.

The drawing shows every node of a small lineage, and of one of any size a few dozen boxes with counts
(``attest.condense``). Status is said in words and by line style, colour only repeats it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html import escape

from attest.condense import LINEAGE, MEANING, Box, Legend, Scene, condense, counted, plural
from attest.layout import BOX_WIDTH, FOLD_LINE, FOLD_WIDTH, Layout, Place, Route, lay_out
from attest.outline import text_tree
from attest.report import Lineage
from attest.text import show

__all__ = ["PALETTES", "STYLE", "describe", "svg", "text_tree"]

_SIGNS = {"ok": "", "gap": "✕ ", "opaque": "○ ", "withdrawn": "⊘ ", "untrusted": "! ", "refused": "✕ "}
_DASHES = {"gap": "", "opaque": "6 4", "withdrawn": "10 3 2 3", "untrusted": "2 3", "refused": "9 2"}

PALETTES = {
    "light": {
        "paper": "#ffffff",
        "box": "#ffffff",
        "step": "#eef1f4",
        "ink": "#1b1f24",
        "muted": "#565f6a",
        "line": "#7d8792",
        "gap": "#a8201a",
        "gap-box": "#fdf0ef",
        "opaque": "#565f6a",
        "opaque-box": "#f6f7f9",
        "withdrawn": "#86206b",
        "withdrawn-box": "#fbf0f8",
        "untrusted": "#824500",
        "untrusted-box": "#fff5e8",
        "refused": "#a8201a",
        "refused-box": "#fdf0ef",
    },
    "dark": {
        "paper": "#14171a",
        "box": "#1d2125",
        "step": "#2a3037",
        "ink": "#e8eaed",
        "muted": "#a9b1ba",
        "line": "#8b95a0",
        "gap": "#ff9d96",
        "gap-box": "#371a19",
        "opaque": "#a9b1ba",
        "opaque-box": "#1d2125",
        "withdrawn": "#f0a3dc",
        "withdrawn-box": "#34182c",
        "untrusted": "#f2c078",
        "untrusted-box": "#33240f",
        "refused": "#ff9d96",
        "refused-box": "#371a19",
    },
}
"""Colours by scheme; a test holds every text at WCAG 2.2 AA."""


def _rules(colours: dict[str, str]) -> Iterator[str]:
    yield f".lin-paper{{fill:{colours['paper']}}}"
    yield f".lin-box{{fill:{colours['box']};stroke:{colours['line']}}}"
    yield f".lin-step{{fill:{colours['step']};stroke:{colours['line']}}}"
    yield f".lin-root{{stroke:{colours['ink']}}}"
    yield f".lin-ink{{fill:{colours['ink']}}}"
    yield f".lin-muted{{fill:{colours['muted']}}}"
    yield f".lin-icon{{stroke:{colours['muted']}}}"
    yield f".lin-edge{{stroke:{colours['line']}}}"
    yield f".lin-head{{fill:{colours['line']}}}"
    for status in _DASHES:
        yield f".lin-{status}{{fill:{colours[f'{status}-box']};stroke:{colours[status]}}}"
        yield f".lin-{status}-ink{{fill:{colours[status]}}}"
        yield f".lin-{status}-edge{{stroke:{colours[status]}}}"


def _style() -> str:
    shape = (
        ".lin text{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',"
        "'Noto Sans',sans-serif;font-size:13px}"
        ".lin .lin-small{font-size:11.5px}.lin .lin-name{font-size:12.5px;font-weight:600}"
        ".lin-edge,.lin-icon{fill:none}.lin-edge{stroke-width:1.5}.lin-root{stroke-width:2.5}"
        ".lin-fold{stroke-dasharray:1 3}"
        ".lin-icon{stroke-width:1.25;stroke-linecap:round;stroke-linejoin:round}"
    )
    dashes = "".join(
        f".lin-{status}{{stroke-width:2}}.lin-{status}-edge{{stroke-width:2}}"
        + (f".lin-{status},.lin-{status}-edge{{stroke-dasharray:{dash}}}" if dash else "")
        for status, dash in _DASHES.items()
    )
    dark = "".join(_rules(PALETTES["dark"]))
    return (
        shape
        + "".join(_rules(PALETTES["light"]))
        + dashes
        + f"@media screen and (prefers-color-scheme:dark){{{dark}}}"
    )


STYLE = _style()
"""The picture's style sheet; a page that shows the picture without its own puts it into the page's."""

_ICONS = {
    "dataset": "M2 4c0-2.7 12-2.7 12 0v8c0 2.7-12 2.7-12 0zM2 4c0 2.7 12 2.7 12 0M2 8c0 2.7 12 2.7 12 0",
    "model": "M8 1l6 3.5v7L8 15l-6-3.5v-7zM2 4.5L8 8l6-3.5M8 8v7",
    "code": "M5 4L1 8l4 4M11 4l4 4-4 4",
    "config": "M2 4.5h6m3 0h3M2 11.5h2m3 0h7M9.5 3v3M5.5 10v3",
    "tokenizer": "M2 5V2.5h12V5M8 2.5v11M5.5 13.5h5",
    "artifact": "M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3",
}
_MARGIN = 14
_LEGEND = 22

# advance widths in em, taken from the widest of the usual interface fonts, so that no name leaves its box
_NARROW = frozenset("iljtfrI.,:;|!'()[]/\\ -\"*")
_BROAD = frozenset("mwMW@%&—…")


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.42
    if char in _BROAD:
        return 1.0
    if char > "\x7e" and unicodedata.category(char) in {"Mn", "Me"}:
        return 0.0
    if char > "\u02ff":
        return 1.05
    return 0.76 if char.isupper() else 0.65


def _fit(text: str, width: float, size: float) -> str:
    """Return ``text`` cut in its middle so that it takes at most ``width`` pixels in letters of ``size``."""
    room = width / size
    if sum(map(_em, text)) <= room:
        return text
    room -= _em("…")
    head, tail, used = "", "", 0.0
    for index in range(len(text)):
        char = text[index // 2] if index % 2 == 0 else text[-1 - index // 2]
        used += _em(char)
        if used > room:
            break
        head, tail = (head + char, tail) if index % 2 == 0 else (head, char + tail)
    return f"{head}…{tail}"


def _text(x: float, y: float, css: str, text: str, *, middle: bool = False) -> str:
    anchor = ' text-anchor="middle"' if middle else ""
    return f'<text x="{x:g}" y="{y:g}" class="{css}"{anchor}>{escape(text)}</text>'


def _title(box: Box, legend: Legend) -> str:
    """What a pointer resting on a box is told."""
    if box.count > 1 or not box.label:
        name = f"{box.count:,} {plural(show(box.kind, 60), box.count)}"
    else:
        name = f"{show(box.label)} ({plural(show(box.kind, 60), 1)}), {show(box.digest, 80)}"
    return f"{name}: {legend.meaning[box.status]}"


def _said(box: Box, legend: Legend) -> str:
    return _SIGNS[box.status] + legend.words[box.status] if box.status != "ok" else ""


def _names(box: Box, legend: Legend) -> tuple[str, str]:
    """Return an artifact's first line and its second."""
    kind = plural(show(box.kind, 60), box.count)
    if box.count > 1:
        return f"{box.count:,} {kind}", _said(box, legend) or legend.plain
    short = show(box.digest.removeprefix("sha256:")[:8], 20)
    said = _said(box, legend)
    parts = (said, legend.top if box.level == 0 else kind, "" if said else short)
    return show(box.label) or short, " · ".join(filter(None, parts))


def _step_name(box: Box, legend: Legend) -> str:
    """Return a step's one line; what is wrong with it is never cut off."""
    kind = plural(show(box.kind, 60), box.count)
    label = show(box.label)
    bare = show(box.kind.removeprefix("step:"), 60)
    name = f"{box.count:,} {kind}" if box.count > 1 else bare if label in {bare, ""} else f"{bare}: {label}"
    said = f" · {_said(box, legend)}" if _said(box, legend) else ""
    room = BOX_WIDTH - 28 - 13 * sum(map(_em, said))
    return _fit(name, room, 13) + said


def _fold(box: Box, place: Place, legend: Legend) -> Iterator[str]:
    x, y = place.x - FOLD_WIDTH / 2, place.y - place.height / 2
    shape = f'width="{FOLD_WIDTH}" height="{place.height}" rx="6"'
    yield f'<g><rect x="{x:g}" y="{y:g}" {shape} class="lin-step lin-fold"/>'
    yield _text(x + 16, y + 20, "lin-ink lin-name", f"… {box.label} …")
    for number, (status, words) in enumerate(box.fold, 1):
        ink = "lin-muted" if status == "ok" else f"lin-{status}-ink"
        said = "" if status == "ok" else f"{_SIGNS[status]}{legend.words[status]}: "
        line = _fit(said + show(words, 400), FOLD_WIDTH - 32, 11.5)
        yield _text(x + 16, y + 20 + FOLD_LINE * number, f"{ink} lin-small", line)
    yield "</g>"


def _box(box: Box, place: Place, legend: Legend) -> Iterator[str]:
    if box.fold:
        yield from _fold(box, place, legend)
        return
    step = box.kind.startswith("step:")
    x, y = place.x - BOX_WIDTH / 2, place.y - place.height / 2
    css = "lin-step" if step else "lin-box"
    css += f" lin-{box.status}" if box.status != "ok" else " lin-root" if box.level == 0 else ""
    ink = "lin-ink" if box.status == "ok" else f"lin-{box.status}-ink"
    shape = f'width="{BOX_WIDTH}" height="{place.height}" rx="{place.height // 2 if step else 6}"'
    yield f"<g><title>{escape(_title(box, legend))}</title>"
    if box.count > 1:  # a second sheet behind the first: a pile
        yield f'<rect x="{x + 4:g}" y="{y + 4:g}" {shape} class="{css}"/>'
    yield f'<rect x="{x:g}" y="{y:g}" {shape} class="{css}"/>'
    if step:
        yield _text(place.x, place.y + 4.5, ink, _step_name(box, legend), middle=True)
    else:
        first, second = _names(box, legend)
        icon = _ICONS.get(box.kind, _ICONS["artifact"])
        yield f'<path transform="translate({x + 12:g} {y + 16:g})" class="lin-icon" d="{icon}"/>'
        yield _text(x + 38, y + 20, "lin-ink lin-name", _fit(first, BOX_WIDTH - 48, 13.5))
        small = "lin-muted" if box.status == "ok" else ink
        yield _text(x + 38, y + 37, f"{small} lin-small", _fit(second, BOX_WIDTH - 48, 11.5))
    yield "</g>"


def _edge(route: Route) -> str:
    lower, upper = route.lower, route.upper
    x1, y1 = lower.x, lower.y - lower.height / 2
    x2, y2 = upper.x, upper.y + upper.height / 2
    half = (y1 + y2) / 2
    css = f"lin-edge lin-{route.status}-edge" if route.status != "ok" else "lin-edge"
    start = f"M{x1:g} {y1 + lower.height:g}V{y1:g}" if route.bend else f"M{x1:g} {y1:g}"
    stop = y2 + (7 if route.head else 0)
    line = f'<path class="{css}" d="{start}C{x1:g} {half:g} {x2:g} {half:g} {x2:g} {stop:g}"/>'
    if not route.head:
        return line
    css = f"lin-{route.status}-ink" if route.status != "ok" else "lin-head"
    return f'{line}<path class="{css}" d="M{x2:g} {y2:g}l-4.5 8.5h9z"/>'


def _backward(layout: Layout) -> Iterator[str]:
    """Draw what leads away from the delivered artifact, a part of a cycle, as a bow on the right."""
    for link in layout.backward:
        start, end = layout.places[link.source], layout.places[link.target]
        x1, x2 = start.x + BOX_WIDTH / 2, end.x + BOX_WIDTH / 2
        far = max(x1, x2) + 24
        curve = f"M{x1:g} {start.y:g}C{far:g} {start.y:g} {far:g} {end.y:g} {x2 + 8:g} {end.y:g}"
        yield f'<path class="lin-edge lin-gap-edge" d="{curve}"/>'
        yield f'<path class="lin-gap-ink" d="M{x2:g} {end.y:g}l8.5 -4.5v9z"/>'


def _present(scene: Scene) -> list[str]:
    """Return the statuses, ``ok`` left aside, that some box shows."""
    shown = {status for box in scene.boxes for status in (box.status, *(part[0] for part in box.fold))}
    return [status for status in MEANING if status in shown and status != "ok"]


def _legend(present: list[str], y: float, legend: Legend) -> Iterator[str]:
    for number, status in enumerate(present):
        line = y + _LEGEND * number
        yield f'<rect x="1" y="{line - 11:g}" width="22" height="13" rx="3" class="lin-{status}"/>'
        words = f"{_SIGNS[status]}{legend.words[status]}: {legend.meaning[status]}"
        yield _text(32, line, f"lin-{status}-ink lin-small", words)


def describe(lineage: Lineage, legend: Legend = LINEAGE) -> str:
    """Return the picture in one or two sentences, for those who do not see it."""
    if not lineage.nodes:
        return legend.nothing
    said = f"{legend.subject}: {_counted(lineage)}."
    for status in MEANING:
        found = [node for node in lineage.nodes if node.status == status]
        if status != "ok" and found:
            names = ", ".join(show(node.label, 60) or show(node.digest, 80) for node in found[:5])
            more = f" and {len(found) - 5:,} more" if len(found) > 5 else ""
            said += f" {legend.words[status].capitalize()} ({legend.meaning[status]}): {names}{more}."
    return said


def _counted(lineage: Lineage) -> str:
    return show(counted(lineage.nodes), 400)


def svg(lineage: Lineage, *, title: str, standalone: bool = True, legend: Legend = LINEAGE) -> str:
    """Return the picture as one SVG element, at most a few hundred kilobytes whatever the lineage's size.

    Args:
        lineage: nodes and edges, strings as the evidence has them.
        title: accessible name of the picture; shown as a tool tip by browsers.
        standalone: for a file of its own, with its style sheet; a page puts ``STYLE`` into its own.
        legend: what the statuses are called.
    """
    scene = condense(lineage)
    layout = lay_out(scene)
    present = _present(scene)
    bow = 26 if layout.backward else 0
    width = max(layout.width + bow, 520 if present or not scene.boxes else 0) + 2 * _MARGIN
    below = max(layout.height, 20) + (34 if present else 0)
    height = below + _LEGEND * max(len(present) - 1, 0) + 2 * _MARGIN + 4
    space = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    size = f'width="{width:g}" height="{height:g}"'
    parts = [
        f'<svg{space} class="lin" role="img" aria-labelledby="lin-title" aria-describedby="lin-desc" {size} ',
        f'viewBox="0 0 {width:g} {height:g}"><title id="lin-title">{escape(show(title))}</title>',
        f'<desc id="lin-desc">{escape(describe(lineage, legend))}</desc>',
        f"<style>{STYLE}</style>" if standalone else "",
        f'<rect class="lin-paper" {size}/>',
        f'<g transform="translate({_MARGIN} {_MARGIN})">',
        *map(_edge, sorted(layout.routes, key=lambda route: route.status != "ok")),
        *_backward(layout),
    ]
    for number, box in enumerate(scene.boxes):
        parts += _box(box, layout.places[number], legend)
    parts += _legend(present, below, legend)
    if not scene.boxes:
        parts.append(_text(0, 16, "lin-ink", legend.nothing))
    return "".join([*parts, "</g></svg>"]) + ("\n" if standalone else "")
