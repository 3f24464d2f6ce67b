"""The picture of a lineage, drawn and as text: small ones whole, large ones in counts."""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
import report_samples
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from report_samples import chain, digits, faces, fan, mesh, picture

from attest.condense import condense, counted, levels
from attest.layout import BOX_WIDTH, FOLD_WIDTH, lay_out
from attest.picture import PALETTES, STYLE, describe, svg, text_tree
from attest.report import Edge, Lineage, Node
from attest.width import columns

NAMESPACE = "{http://www.w3.org/2000/svg}"
STATUSES = ("ok", "gap", "opaque", "withdrawn", "untrusted")
SHAPES = {
    "digits": digits(),
    "faces": faces(),
    "chain": chain(40),
    "fan": fan(500),
    "mesh": mesh(5000),
    "narrow-mesh": mesh(60, width=6, inputs=2),
    "one": picture(("model", "model", "gap", 0, [])),
    "none": Lineage(nodes=[], edges=[]),
}


def parse(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - our own, and without any declaration


def lineages(levels):
    kinds = st.sampled_from(["dataset", "model", "code", "step:train", "step:merge", "config"]) | st.text(
        max_size=9
    )

    @st.composite
    def build(draw):
        count = draw(st.integers(0, 25))
        nodes = [
            Node(
                id=number,
                kind=draw(kinds),
                label=draw(st.text(max_size=30)),
                digest=report_samples.digest(str(number)),
                status=draw(st.sampled_from(STATUSES)),
                level=draw(levels),
            )
            for number in range(count)
        ]
        ends = st.integers(0, max(count - 1, 0))
        pairs = draw(st.lists(st.tuples(ends, ends), max_size=40)) if count else []
        return Lineage(nodes=nodes, edges=[Edge(source=a, target=b, role="dataset") for a, b in pairs])

    return build()


def harmless(text: str) -> bool:
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for char in text
    )


# -- the drawing


@pytest.mark.parametrize("name", ["digits", "faces"])
def test_golden(name):
    check_golden(f"reports/lineage-{name}.svg", svg(SHAPES[name], title=f"Lineage of {name}"))
    check_golden(f"reports/lineage-{name}.txt", text_tree(SHAPES[name]))


@pytest.mark.parametrize("name", SHAPES)
def test_is_well_formed_and_names_itself(name):
    root = parse(svg(SHAPES[name], title="Lineage of it"))
    assert root.tag == f"{NAMESPACE}svg"
    assert root.get("role") == "img"
    assert root.find(f"{NAMESPACE}title").text == "Lineage of it"
    assert root.find(f"{NAMESPACE}title").get("id") == root.get("aria-labelledby")
    assert root.find(f"{NAMESPACE}desc").text == describe(SHAPES[name])
    assert root.find(f"{NAMESPACE}desc").get("id") == root.get("aria-describedby")


def test_a_page_brings_the_style():
    inside = svg(digits(), title="x", standalone=False)
    assert "<style>" not in inside
    assert "xmlns" not in inside
    assert f"<style>{STYLE}</style>" in svg(digits(), title="x")


def test_a_small_lineage_is_drawn_whole():
    drawn = svg(digits(), title="x")
    for label in ("digits-int8/", "model-int8.safetensors", "optical-digits/", "train.py", ">quantize<"):
        assert label in drawn
    assert drawn.count("<g><title>") == len(digits().nodes)


def test_each_status_is_said_in_words_and_by_line():
    drawn = svg(faces(), title="x")
    for words in ("✕ gap", "○ opaque", "⊘ withdrawn", "! not trusted"):
        assert words in drawn
    assert drawn.count('class="lin-box lin-gap"') == 1
    assert drawn.count('class="lin-step lin-withdrawn"') == 1
    dashes = re.findall(r"\.lin-(\w+),\.lin-\1-edge\{stroke-dasharray:([\d ]+)\}", STYLE)
    assert {status for status, _ in dashes} == {"opaque", "withdrawn", "untrusted", "refused"}
    assert len({dash for _, dash in dashes}) == 4


def test_a_sound_lineage_has_no_legend():
    assert "gap" not in svg(digits(), title="x", standalone=False)


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "none"])
def test_no_box_covers_another_and_all_are_on_the_canvas(name):
    scene = condense(SHAPES[name])
    layout = lay_out(scene)
    boxes = []
    for number, box in enumerate(scene.boxes):
        place, width = layout.places[number], FOLD_WIDTH if box.fold else BOX_WIDTH
        boxes.append(
            (place.x - width / 2, place.x + width / 2, place.y - place.height / 2, place.y + place.height / 2)
        )
    for left, right, top, bottom in boxes:
        assert 0 <= left < right <= layout.width + 1e-6
        assert 0 <= top < bottom <= layout.height + 1e-6
    for a, b in combinations(boxes, 2):
        assert a[1] <= b[0] + 1e-6 or b[1] <= a[0] + 1e-6 or a[3] <= b[2] or b[3] <= a[2]


@pytest.mark.parametrize("name", ["digits", "faces", "chain", "narrow-mesh"])
def test_arrows_lead_up_to_what_was_delivered(name):
    layout = lay_out(condense(SHAPES[name]))
    assert layout.routes
    assert layout.backward == ()
    assert all(route.lower.y > route.upper.y for route in layout.routes)


def test_no_line_runs_through_a_box():
    """A bend is a gap in a row: lines that pass a row pass beside its boxes."""
    scene = condense(SHAPES["narrow-mesh"])
    layout = lay_out(scene)
    for route in layout.routes:
        if route.bend:
            for place in layout.places.values():
                if place.y == route.lower.y:
                    assert abs(place.x - route.lower.x) >= BOX_WIDTH / 2


def test_a_chain_is_straight():
    layout = lay_out(condense(digits()))
    assert len({round(layout.places[number].x, 6) for number in range(6)}) == 1


def test_a_cycle_is_drawn_and_does_not_hang():
    lineage = Lineage(
        nodes=[Node(id=n, kind="model", label=f"m{n}", digest="", status="ok", level=n) for n in range(3)],
        edges=[Edge(source=a, target=b, role="x") for a, b in [(1, 0), (2, 1), (0, 2), (1, 1)]],
    )
    layout = lay_out(condense(lineage))
    assert [(link.source, link.target) for link in layout.backward] == [(0, 2)]
    assert svg(lineage, title="x").count("lin-gap-edge") > STYLE.count("lin-gap-edge")
    assert text_tree(lineage).splitlines()[0] == "m0 ← m1 ← m2"


# -- condensing


@pytest.mark.parametrize("name", SHAPES)
def test_every_node_is_in_one_box(name):
    scene = condense(SHAPES[name])
    assert sum(box.count for box in scene.boxes) == len(SHAPES[name].nodes) == scene.nodes


@pytest.mark.parametrize("name", ["chain", "fan", "mesh", "faces"])
def test_trouble_never_hides_among_what_is_sound(name):
    """The statuses of a condensed picture are those of the lineage: one gap in 5,000 nodes stays visible."""
    lineage, scene = SHAPES[name], condense(SHAPES[name])
    present = {box.status for box in scene.boxes} | {status for box in scene.boxes for status, _ in box.fold}
    assert present >= {node.status for node in lineage.nodes}


@pytest.mark.parametrize(("name", "most"), [("fan", 44), ("mesh", 80), ("chain", 60), ("narrow-mesh", 44)])
def test_large_lineages_become_few_boxes(name, most):
    scene = condense(SHAPES[name])
    assert scene.condensed
    assert len(scene.boxes) <= most


def test_many_kinds_become_few_boxes():
    rows = [(f"n{n}", f"kind-{n % 97}", "ok", n // 400, []) for n in range(4000)]
    assert len(condense(picture(*rows)).boxes) <= 10


@pytest.mark.parametrize(
    "lineage",
    [mesh(5000), mesh(20_000, width=2000), chain(2000), fan(5000)],
    ids=["mesh", "wide", "chain", "fan"],
)
def test_the_drawing_of_thousands_is_small(lineage):
    assert len(svg(lineage, title="x")) < 200_000
    assert text_tree(lineage).count("\n") < 200


def test_a_deep_lineage_keeps_its_ends():
    rows = levels(chain(500).nodes)
    assert len(rows) == 22
    assert [row.levels for row in rows].count(1) == 21
    assert rows[13].levels == 1001 - 21
    drawn = svg(chain(500), title="x")
    assert "980 levels further back" in drawn
    assert "✕ gap: 1 dataset: shard-250" in drawn


def test_counts_are_in_words():
    nodes = [*fan(3).nodes, *chain(2).nodes]
    assert counted(nodes) == "5 datasets, 4 models, 3 train steps"
    assert counted(nodes, 1) == "5 datasets, 7 of other kinds"


def test_described_for_those_who_do_not_see_it():
    assert describe(digits()).startswith("What was delivered and what it was made from: 4 models, 2 datasets")
    assert "Gap (no statement explains it): demographics.parquet." in describe(faces())
    assert "and 1 more." in describe(fan(500))
    assert describe(SHAPES["none"]) == "Nothing is known of what the delivered artifact was made from."


# -- as text


def test_a_chain_is_one_line():
    rows = [("release", "model", "ok", 0, [])]
    for number, step in enumerate(["release", "quantize", "train"]):
        rows.append((step, f"step:{step}", "ok", 2 * number + 1, [(2 * number, "output")]))
        rows.append((f"in-{number}", "dataset", "ok", 2 * number + 2, [(2 * number + 1, "dataset")]))
    tree = text_tree(picture(*rows))
    assert tree.startswith('"release" ← release ← in-0 ← quantize ← in-1 ← train ← in-2 (dataset ')
    assert tree.count("\n") == 1


def test_a_shared_node_is_drawn_once():
    tree = text_tree(digits())
    assert tree.count("← split (transform) ←") == 1
    assert tree.count("digits-normalised/ (see above)") == 1


def test_marks_are_explained_and_their_nodes_named():
    tree = text_tree(faces())
    assert "demographics.parquet (dataset b195cbefbfe8) [GAP]" in tree
    assert "\n[GAP] no statement explains it: demographics.parquet\n" in tree
    assert '\n[OPAQUE] the vendor declares that what is behind it is not shown: "vit-large (hub)"\n' in tree


def test_many_inputs_alike_are_counted_and_the_others_named():
    tree = text_tree(fan(500))
    assert "├─ 492 datasets: shard-00000, shard-00001, shard-00002, shard-00003, …\n" in tree
    assert "├─ shard-00005 (dataset d70271bfa6cf) [GAP]\n" in tree


def test_a_long_chain_keeps_its_ends():
    rows = [("m0", "model", "ok", 0, [])]
    rows += [(f"m{n}", "model", "gap" if n == 3000 else "ok", n, [(n - 1, "x")]) for n in range(1, 6000)]
    tree = text_tree(picture(*rows))
    assert "m6 ← … 5,986 models (1 [GAP]) … ← m5993" in tree
    assert "[GAP] no statement explains it: m3000" in tree


def test_what_is_too_large_for_a_tree_is_told_by_level():
    tree = text_tree(mesh(5000))
    assert tree.startswith("release/\n← 40 transform steps\n← 14 tokenizers, 13 datasets, 13 models\n")
    assert re.search(r"\n← \(105 levels\) 2,1\d\d transform steps, ", tree)


def test_what_is_behind_a_deep_branch_is_counted():
    tree = text_tree(chain(30))
    assert "… 1 dataset, 1 model, and what is behind" in tree
    assert "… not drawn here: 15 train steps, 15 datasets, 15 models (1 [GAP])" in tree


@pytest.mark.parametrize("name", SHAPES)
def test_text_fits(name):
    for width in (60, 100):
        assert max(map(columns, text_tree(SHAPES[name], width=width).splitlines())) <= width


def test_nothing_known():
    assert text_tree(SHAPES["none"]) == "nothing is known of what it was made from\n"


# -- strings from outside


def test_a_name_cannot_pose_as_a_chain():
    lineage = picture(
        ("x ← train ← digits [OK]", "model", "ok", 0, []), ('a" ← b', "dataset", "gap", 1, [(0, "x")])
    )
    line = text_tree(lineage).splitlines()[0]
    assert line.startswith('"x ← train ← digits [OK]" ← "a\\" ← b" (dataset ')


def test_hostile_names_are_text():
    drawn = svg(report_samples.hostile().lineage, title=report_samples.HOSTILE[0])
    root = parse(drawn)
    tags = {element.tag.removeprefix(NAMESPACE) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "path", "text"}
    names = {name for element in root.iter() for name in element.attrib}
    assert not any(name.startswith("on") or "href" in name for name in names)
    assert harmless(drawn)
    assert len(drawn) < 100_000


@settings(max_examples=150)
@given(lineages(st.integers(0, 12)))
def test_any_lineage_can_be_drawn(lineage):
    drawn, tree = svg(lineage, title="x"), text_tree(lineage)
    parse(drawn)
    assert harmless(drawn)
    assert harmless(tree)
    assert max(map(columns, tree.splitlines())) <= 100
    assert svg(lineage, title="x") == drawn
    scene = condense(lineage)
    assert sum(box.count for box in scene.boxes) == len(lineage.nodes)


@settings(max_examples=30)
@given(lineages(st.integers(0, 400)))
def test_any_depth_can_be_drawn(lineage):
    parse(svg(lineage, title="x"))
    assert max(map(columns, text_tree(lineage).splitlines())) <= 100


# -- colours


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", PALETTES)
def test_contrast_reaches_aa(scheme):
    colours = PALETTES[scheme]
    for ground in ("paper", "box", "step"):
        assert contrast(colours["ink"], colours[ground]) >= 4.5
        assert contrast(colours["muted"], colours[ground]) >= 4.5
        assert contrast(colours["line"], colours[ground]) >= 3
    for status in STATUSES[1:]:
        assert contrast(colours[status], colours[f"{status}-box"]) >= 4.5
        assert contrast(colours[status], colours["paper"]) >= 4.5
        assert contrast(colours[status], colours["step"]) >= 4.5  # in the box of a folded middle
        assert contrast(colours["ink"], colours[f"{status}-box"]) >= 4.5
        assert contrast(colours["muted"], colours[f"{status}-box"]) >= 3  # icons
