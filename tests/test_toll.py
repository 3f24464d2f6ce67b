"""What an impact holds: classes, deadlines, recipients, a schema it fits, and always the same bytes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from test_impact import NOTHING, impact_of, make_world, order, random_world, trained
from world import NOW, descriptor

from attest.impact import Impact
from attest.itemclass import item_class
from attest.plan import Plan
from attest.resource import Artifact
from attest.review import review
from attest.toll import LIMITS, impact_report, to_text
from attest.toll_plan import plan_report, plan_table
from attest.toll_sketch import picture_of_impact
from attest.toll_views import table, to_csv

SCHEMAS = Path(__file__).parent.parent / "schemas"


@pytest.fixture
def world():
    return make_world()


def report_of(world, bundle, lines=None):
    reviewed = review(NOTHING, world.lines if lines is None else lines, world.trust, NOW)
    impact = Impact(reviewed.graph, reviewed.orders[bundle.statement_digest])
    return impact_report(impact, reviewed.orders, world.trust.sha256)


def row_of(report, artifact):
    return next(row for row in report.affected if row.artifact == str(artifact))


def test_what_kind_of_thing_each_is(world):
    faces = world.dataset("faces")
    made = {name: world.file(name) for name in ("photos", "cropped", "model", "small", "student")}
    made |= {name: world.file(name) for name in ("adapter", "vectors", "index", "backup", "copy", "log")}
    world.step("collect", [], [made["photos"]])
    world.step("transform", [(faces, "dataset"), (made["photos"], "dataset")], [made["cropped"]])
    world.step("train", [(made["cropped"], "dataset")], [made["model"]])
    world.step("quantize", [(made["model"], "base-model")], [made["small"]], scheme="int8")
    world.step("distill", [(made["model"], "teacher"), (faces, "dataset")], [made["student"]])
    world.step(
        "finetune", [(made["model"], "base-model"), (faces, "dataset")], [made["adapter"]], method="LoRA"
    )
    world.step("embed", [(made["cropped"], "dataset")], [made["vectors"]])
    world.step("index", [(made["vectors"], "retrieval-dataset")], [made["index"]])
    world.step("convert", [(made["model"], "base-model")], [made["backup"]], format="backup")
    world.step("convert", [(made["model"], "base-model")], [made["copy"]], format="gguf")
    impact = impact_of(world, order(world, faces, made["photos"]))
    found = {name: item_class(impact.unknowns, artifact) for name, artifact in made.items()}
    assert found == {
        "photos": "raw-data",
        "cropped": "derived-data",
        "model": "model",
        "small": "quantization",
        "student": "distilled-student",
        "adapter": "adapter",
        "vectors": "embedding",
        "index": "index",
        "backup": "backup",
        "copy": "model",
        "log": "other",
    }
    assert item_class(impact.unknowns, faces) == "raw-data"


def test_a_deadline_goes_by_class_and_one_without_a_class_is_for_the_rest(world):
    faces = world.dataset("faces")
    model = trained(world, "model", faces)
    rows = [{"class": "raw-data", "due": "2026-12-06T23:59:59Z"}, {"due": "2027-02-04T23:59:59Z"}]
    report = report_of(world, order(world, faces, deadlines=rows))
    assert f"{row_of(report, faces).due:%Y-%m-%d}" == "2026-12-06"
    assert f"{row_of(report, model).due:%Y-%m-%d}" == "2027-02-04"


def test_recipients_of_what_is_affected_are_told_believed_or_not(world):
    faces = world.dataset("faces")
    model, other = trained(world, "model", faces), trained(world, "other", world.dataset("songs"))
    sent = {"recipient": {"legalName": "Buyer Ltd", "address": "1 High Street"}, "channel": "download"}
    world.sign("distribution", [descriptor(model, "model")], {**sent, "when": "2026-11-01T00:00:00Z"}, "ci")
    world.sign("distribution", [descriptor(model, "model")], {"recipient": {"legalName": "X"}}, "desk")
    world.sign("distribution", [descriptor(other, "other")], sent, "ci")
    world.sign("distribution", [descriptor(faces, "faces")], {"nobody": "yes"}, "ci")
    package = world.file("package")
    what = [descriptor(model, "model")]
    world.sign("distribution", [descriptor(package, "package")], {**sent, "what": what}, "ci")
    report = report_of(world, order(world, faces))
    rows = [(row.name, row.legal_name, row.nobody, row.believed) for row in report.recipients]
    assert sorted(rows) == [
        ("faces", "", "yes", True),
        ("model", "Buyer Ltd", "unknown", True),
        ("model", "Buyer Ltd", "unknown", True),
        ("model", "X", "unknown", False),
        ("package", "Buyer Ltd", "unknown", True),  # nobody says what it is: possibly affected
    ]
    assert row_of(report, model).recipients == 3
    assert "Buyer Ltd, 1 High Street 2026-11-01 download" in table(report)
    assert "X" in table(report)


def test_a_directory_and_its_weights_are_one_thing(world):
    faces = world.dataset("faces")
    tree = world.tree("model", "model.safetensors", "config.json")
    world.step("train", [(faces, "dataset")], [tree])
    weights = Artifact(tree.digests["model.safetensors"])
    other = world.tree("other", "model.safetensors")
    world.step("train", [(world.dataset("songs"), "dataset")], [other])
    trained(world, "tuned", weights, role="base-model", kind="align")
    report = report_of(world, order(world, faces))
    assert row_of(report, weights).part_of == str(tree.artifact)
    assert row_of(report, tree.artifact).part_of is None
    assert (report.counts["proven"], len(report.affected)) == (3, 4)  # faces, model, tuned
    assert (report.counts["clear"], len(report.clear)) == (2, 3)
    lines = table(report).splitlines()
    at = next(number for number, line in enumerate(lines) if str(tree.artifact) in line)
    said = lines[at + 1].split()
    assert (said[:2], said[-1]) == (["its", "weights"], str(weights))
    assert sum(str(weights) in line for line in lines) == 1
    assert "2 model" in table(report)
    assert "1 model: other/" in table(report)
    rows = {row["artifact"]: row for row in csv.DictReader(io.StringIO(to_csv(report)))}
    assert rows[str(weights)]["part of"] == str(tree.artifact)
    assert str(weights) in {
        f"{node.digest}" for node in picture_of_impact(report).nodes
    }  # tuned is made of it


def test_weights_that_have_a_life_of_their_own_are_no_part(world):
    faces = world.dataset("faces")
    tree = world.tree("model", "model.safetensors")
    world.step("train", [(faces, "dataset")], [tree])
    weights = Artifact(tree.digests["model.safetensors"])

    def part(named=faces):
        impact = impact_of(world, order(world, named))
        world.bundles.pop()
        return impact.part_of(weights)

    assert part() == tree.artifact
    assert part(named=weights) is None
    sent = {"recipient": {"legalName": "Buyer Ltd"}, "what": [descriptor(weights, "model.safetensors")]}
    world.sign("distribution", [descriptor(world.file("package"), "package")], sent, "ci")
    assert part() is None
    world.bundles.pop()
    assert part() == tree.artifact
    world.step("convert", [(tree.artifact, "base-model")], [weights])
    assert part() is None


def test_a_long_path_keeps_its_two_ends(world):
    start = world.dataset("faces")
    last = start
    for number in range(30):
        after = world.file(f"m{number}")
        world.step("transform", [(last, "dataset")], [after])
        last = after
    report = report_of(world, order(world, start))
    path = row_of(report, last).path
    assert len(path) < 12
    assert (path[0], path[-1]) == ("faces", "m29")
    assert "more links" in path[1]


def test_the_table_holds_the_limits_and_what_is_clear(world):
    faces = world.dataset("faces")
    trained(world, "model", faces)
    trained(world, "other", world.dataset("songs"))
    report = report_of(world, order(world, faces))
    shown = " ".join(table(report).split())
    for each in LIMITS:
        assert each in shown
    assert "1 model: other" in shown
    nothing = report_of(world, order(world, {"name": "nobody calls it so"}))
    assert "NOT AFFECTED: nothing of which one may say so" in table(nothing)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**9), data=st.data())
def test_every_document_fits_its_schema_and_is_the_same_for_any_order_of_lines(seed, data):
    world, _, _, bundle = random_world(seed)
    report = report_of(world, bundle)
    text = to_text(report)
    schema = json.loads((SCHEMAS / "impact.schema.json").read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(json.loads(text))) == []
    assert to_text(report_of(world, bundle, data.draw(st.permutations(world.lines)))) == text
    plan = plan_report(Plan(impact_of(world, bundle)), "0" * 64)
    schema = json.loads((SCHEMAS / "plan.schema.json").read_text("utf-8"))
    assert list(Draft202012Validator(schema).iter_errors(json.loads(to_text(plan)))) == []
    assert plan_table(plan).endswith("\n")
    rows = list(csv.reader(io.StringIO(to_csv(report))))
    assert len(rows) == 1 + len(report.affected) + len(report.clear)
    assert {len(row) for row in rows} == {13}
    picture = picture_of_impact(report)
    numbers = {node.id for node in picture.nodes}
    assert numbers == set(range(len(picture.nodes)))
    assert all(edge.source in numbers and edge.target in numbers for edge in picture.edges)


def test_foreign_names_cannot_deceive(world):
    faces = world.file("faces")
    world.dataset("\x1b[2J=1+1\u202e", artifact=faces)
    report = report_of(world, order(world, faces))
    for text in (table(report), to_csv(report), to_text(report)):
        assert "\x1b" not in text
        assert "\u202e" not in text
