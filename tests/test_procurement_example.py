"""The example of a purchase runs: one release is refused by the way of its data, the next is accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workshop import run_example

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "procurement"
WAY = ["agegate-1.0/", "release", "quantize", "finetune", "train", "transform", "faces-2014/"]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Path, str]:
    pytest.importorskip("safetensors", reason="the example extra is not installed: pip install '.[example]'")
    pytest.importorskip("numpy", reason="the example extra is not installed: pip install '.[example]'")
    root = tmp_path_factory.mktemp("procurement") / "out"
    return root / "buyer", run_example(EXAMPLE / "procurement.py", root)


def report(run: tuple[Path, str], version: str) -> dict:
    return json.loads((run[0] / f"report-{version}.json").read_text("utf-8"))


def test_the_first_release_is_refused_for_what_its_faces_lack(run):
    first = report(run, "1.0")
    assert first["verdict"] == "REJECT"
    assert "VERDICT  REJECT  agegate-1.0" in run[1]
    assert {(each["rule"], each["code"], each["result"]) for each in first["findings"]} == {
        ("acquisition", "agreement-missing", "FAIL"),
        ("acquisition", "related-party", "FAIL"),
        ("personal-data", "personal-data-unknown", "FAIL"),
        ("consent", "basis-unknown", "FAIL"),
        ("legal-basis", "basis-missing-there", "FAIL"),
        ("legal-basis", "basis-unknown", "UNKNOWN"),
        ("retention", "retention-unknown", "UNKNOWN"),
    }


def test_every_finding_names_the_way_from_the_faces_to_the_release(run):
    findings = report(run, "1.0")["findings"]
    assert {(each["subjectName"], *each["path"]) for each in findings} == {("faces-2014/", *WAY)}
    assert " ← ".join(WAY) in (EXAMPLE / "README.md").read_text("utf-8")


def test_the_report_says_what_to_ask_for(run):
    asks = report(run, "1.0")["asks"]
    assert any("contract faces-2014/ was delivered under" in json.dumps(each) for each in asks)
    assert any("consent behind it" in json.dumps(each) for each in asks)
    page = (run[0] / "report-1.0.html").read_text("utf-8")
    assert "Rejected" in page
    assert "faces-2014/: no basis" in page


def test_the_release_made_without_them_is_accepted(run):
    second = report(run, "2.0")
    assert second["verdict"] == "ACCEPT"
    assert second["findings"] == []
    assert {each["result"] for each in second["rules"]} == {"PASS"}
    assert sorted(each["name"] for each in second["datasets"]) == ["kiosk-2025", "studio-2025"]
    assert "Accepted" in (run[0] / "report-2.0.html").read_text("utf-8")


def test_ends_by_naming_both_reports(run):
    assert run[1].rstrip().splitlines()[-2:] == [
        f"Refused: {run[0] / 'report-1.0.html'}",
        f"Accepted: {run[0] / 'report-2.0.html'}",
    ]


def test_what_else_was_made_of_the_faces_is_not_in_the_bundle(run):
    for name in ("doorbell", "demographics", "adapter", "lookalikes.npy"):
        assert (run[0].parent / "vendor" / name).exists()
    first = report(run, "1.0")
    named = json.dumps([first["lineage"], first["statements"]])
    assert "faces-2014" in named
    assert not [each for each in ("doorbell", "demographics", "adapter", "lookalikes") if each in named]
