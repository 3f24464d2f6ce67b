"""The report: what was judged, nothing more, the same every time."""

from __future__ import annotations

import pytest
from world import POLICY, World, good_world

from attest.dataset_table import purpose_fit
from attest.predicates.rights import Rights
from attest.report import NOT_PROVEN, RENDERERS
from attest.review import Line


def test_an_accepted_model():
    world, release = good_world()
    report = world.report(release)
    assert report.verdict == "ACCEPT"
    assert report.counts == {"PASS": 8, "FAIL": 0, "UNKNOWN": 0, "EXCEPTION": 0, "NOT_APPLICABLE": 0}
    assert report.asks == []
    assert report.delivered.matched == [f"sha256:{release.artifact.sha256}"]
    assert (report.chain.steps, report.chain.datasets, report.chain.gaps) == (4, 1, 0)
    row = report.datasets[0]
    assert (row.name, row.licence, row.licence_class, row.channel, row.signed_by, row.status) == (
        "digits",
        "CC-BY-4.0",
        "commercial",
        "licensed-delivery",
        ["desk"],
        "ok",
    )
    assert report.registers[0].sequence == 1
    assert report.not_proven[: len(NOT_PROVEN)] == list(NOT_PROVEN)


def test_what_was_made_on_the_way_is_no_base_model():
    world = World()
    data = world.dataset("d")
    base, tuned, small = (world.file(name) for name in ("base", "tuned", "small"))
    world.step("train", [(data, "dataset")], [base])
    world.step("finetune", [(base, "base-model"), (data, "dataset")], [tuned])
    world.step("quantize", [(tuned, "base-model")], [small])
    assert world.report(small).chain.bottom_models == 1
    other = world.file("other")
    mixed = world.file("mixed")
    world.step("merge", [(tuned, "base-model"), (other, "adapter")], [mixed])
    assert world.report(mixed).chain.bottom_models == 2


def test_facts_nobody_stated_read_unknown():
    world = World()
    data, model = world.dataset("d", licence=None, acquisition={}), world.file("m")
    world.step("train", [(data, "dataset")], [model])
    row = world.report(model).datasets[0]
    assert (row.channel, row.licence, row.personal_data, row.basis, row.order) == ("unknown",) * 5


def test_several_statements_about_one_dataset_are_all_shown():
    world = World()
    data, model = world.dataset("d", licence="MIT"), world.file("m")
    world.rights(data, "CC-BY-NC-4.0", sequence=2)
    world.step("train", [(data, "dataset")], [model])
    row = world.report(model).datasets[0]
    assert row.licence == "CC-BY-NC-4.0 | MIT"
    assert row.licence_class == "commercial | noncommercial"


def test_the_picture_has_every_artifact_and_step_and_no_loose_edge():
    world, release = good_world()
    picture = world.report(release).lineage
    assert [node.id for node in picture.nodes] == list(range(len(picture.nodes)))
    assert sorted(node.kind for node in picture.nodes) == [
        "code",
        "dataset",
        "dataset",
        "model",
        "model",
        "model",
        "step:quantize",
        "step:release",
        "step:train",
        "step:transform",
    ]
    ids = {node.id for node in picture.nodes}
    assert all(edge.source in ids and edge.target in ids for edge in picture.edges)
    levels = {node.id: node.level for node in picture.nodes}
    assert all(levels[edge.source] > levels[edge.target] for edge in picture.edges)


def test_asks_are_the_remedies_of_what_is_open_worst_first_each_once():
    world = World()
    first, second, bad = (
        world.file("first"),
        world.file("second"),
        world.dataset("bad", licence="CC-BY-NC-4.0"),
    )
    model = world.file("model")
    world.step("train", [(first, "dataset"), (second, "dataset"), (bad, "dataset")], [model])
    report = world.report(model)
    texts = [ask.text for ask in report.asks]
    assert len(texts) == len(set(texts))
    assert "rights-holder of bad" in texts[0]


def test_standings():
    world, release = good_world()
    world.withdraw(world.bundles[3].statement_digest, by="ci")
    world.step("train", [(world.file("x"), "dataset")], [release], by="stranger")
    world.sign("https://example.com/other/v1", [{"name": "x", "digest": {"sha256": "1" * 64}}], {}, "ci")
    world.sign("dataset", [{"name": "x", "digest": {"sha256": "1" * 64}}], {"derivedFrom": 7}, "desk")
    standings = {each.standing for each in world.report(release).statements}
    assert standings == {"granted", "carried", "withdrawn", "unverified"}


def test_a_policy_without_contents_says_what_that_leaves_open():
    world, release = good_world()
    lines = [line for line in POLICY.splitlines() if "contents-complete" not in line]
    report = world.report(release, "\n".join(lines))
    assert any("left out of the bundle" in line for line in report.not_proven)


# -- where statements were read, and purposes


def test_every_file_a_statement_was_read_from_is_named_once_whatever_the_order():
    world, release = good_world()
    lines = [Line("b.jsonl", 1, world.bundles[0]), *world.lines, Line("a.jsonl", 3, world.bundles[0])]
    one, other = (world.report(release, lines=given) for given in (lines, lines[::-1]))
    assert one == other
    files = {row.digest.removeprefix("sha256:"): row.files for row in one.statements}
    assert files[world.bundles[0].statement_digest] == ["a.jsonl", "b.jsonl", "bundle.jsonl"]
    assert files[world.bundles[1].statement_digest] == ["bundle.jsonl"]


def test_the_file_of_a_strangers_statement_is_named():
    world, release = good_world()
    world.step("train", [(world.file("x"), "dataset")], [release], by="stranger")
    rows = [row for row in world.report(release).statements if row.standing == "unverified"]
    assert [row.files for row in rows] == [["bundle.jsonl"]]


@pytest.mark.parametrize(
    ("records", "fit"),
    [
        ([], "unknown: face-recognition, production"),
        ([{}], "unknown: face-recognition, production"),
        ([{"permitted": ["any"], "prohibited": []}], "yes"),
        ([{"permitted": ["any"]}], "unknown: face-recognition, production"),
        ([{"prohibited": []}], "unknown: face-recognition, production"),
        (
            [{"permitted": ["production", "biometric-identification"], "prohibited": []}],
            "no: face-recognition",
        ),
        ([{"permitted": ["any"], "prohibited": ["biometric-identification"]}], "no: face-recognition"),
        (
            [{"permitted": ["any"], "prohibited": ["production", "what-nobody-knows"]}],
            "no: production; unknown: face-recognition",
        ),
        (
            [
                {"permitted": ["any"], "prohibited": []},
                {"permitted": ["any"], "prohibited": ["face-recognition"]},
            ],
            "no: face-recognition",
        ),
        (
            [{"permitted": ["any"], "prohibited": [], "status": "suspended"}],
            "unknown: face-recognition, production",
        ),
    ],
)
def test_purpose_fit_is_that_of_the_strictest_record(records, fit):
    read = [
        Rights.from_json(
            {
                "sequence": 1,
                "status": record.get("status", "active"),
                **{f"{name}Purposes": record[name] for name in ("permitted", "prohibited") if name in record},
            }
        )
        for record in records
    ]
    assert purpose_fit(read, ["face-recognition", "production"]) == fit
    assert purpose_fit(read, []) == "not asked"


def test_the_table_says_whether_a_dataset_fits_the_policys_purpose():
    world = World()
    data, model = world.dataset("d", licence=None), world.file("m")
    world.rights(data, "MIT", permittedPurposes=["research"], prohibitedPurposes=[])
    world.step("train", [(data, "dataset")], [model])
    policy = POLICY.replace("rules:", "purpose: [face-recognition]\nrules:", 1)
    assert world.report(model, policy).datasets[0].purpose_fit == "no: face-recognition"


@pytest.mark.parametrize(
    ("licence", "status"), [("CC-BY-4.0", "ok"), ("CC-BY-NC-4.0", "refused"), ("LicenseRef-x", "open")]
)
def test_a_dataset_that_a_rule_holds_back_does_not_look_fine(licence, status):
    world = World()
    data, model = world.dataset("d", licence=licence), world.file("model")
    world.step("train", [(data, "dataset")], [model])
    report = world.report(model)
    assert [row.status for row in report.datasets] == [status]
    drawn = {node.label: node.status for node in report.lineage.nodes}
    assert drawn["d"] == ("refused" if status == "refused" else "ok")
    assert set(drawn.values()) - {drawn["d"]} <= {"ok"}
    assert ("REFUSED" in RENDERERS.load("text")(report)) == (status == "refused")
    assert ("**refused**" in RENDERERS.load("markdown")(report)) == (status == "refused")
    assert ("a rule of your policy refuses it" in RENDERERS.load("html")(report)) == (status == "refused")
