"""The findings as SARIF 2.1.0: what the standard asks for, and what code scanning reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
import report_samples
from golden_files import check_golden

from attest.report import Report
from attest.reports.sarif import MOST_RESULTS, render


def run_of(report: Report) -> dict:
    log = json.loads(render(report))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    return log["runs"][0]


def messages(value):
    """Every message object, wherever it stands."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key in {"message", "shortDescription", "fullDescription", "help"}:
                yield each
            yield from messages(each)
    elif isinstance(value, list):
        for each in value:
            yield from messages(each)


@pytest.mark.parametrize("name", report_samples.KEPT)
def test_golden(name):
    check_golden(f"reports/{name}.sarif", render(report_samples.SAMPLES[name]()))


@pytest.fixture(scope="module")
def official():
    """OASIS's schema, which is no part of this project: sarif-2.1/schema of oasis-tcs/sarif-spec."""
    named = os.environ.get("ATTEST_CORPORA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "corpora"
    file = folder / "sarif" / "sarif-schema-2.1.0.json"
    if not file.is_file():
        pytest.skip(f"no {file}: set ATTEST_CORPORA to hold SARIF against the official schema")
    return jsonschema.Draft4Validator(json.loads(file.read_text("utf-8")))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_the_official_schema_accepts_it(name, official):
    official.validate(json.loads(render(report_samples.SAMPLES[name]())))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_structure(name):
    report = report_samples.SAMPLES[name]()
    run = run_of(report)
    rules = run["tool"]["driver"]["rules"]
    assert len({each["id"] for each in rules}) == len(rules) or name == "hostile"
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note"}
        assert result["kind"] == "fail"  # any other kind must have the level "none"
        (place,) = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert uri
        assert not set(uri) & set(' <>"\\^`{|}:/')
        assert place["physicalLocation"]["region"] == {"startLine": 1}
    for message in messages(run):
        assert set(message) == {"text"}
        assert message["text"]
        assert "](" not in message["text"]
        assert "{" not in message["text"].replace("{{", "")
    assert render(report).isascii()


def test_levels_follow_results():
    run = run_of(report_samples.reject())
    levels = {result["properties"]["result"]: result["level"] for result in run["results"]}
    assert levels == {"FAIL": "error", "UNKNOWN": "warning"}
    places = [result["level"] for result in run["results"]]
    assert places == sorted(places, key=["error", "warning", "note"].index)


def test_a_waived_finding_is_suppressed_with_the_reason_of_the_waiver():
    report = report_samples.with_exceptions()
    found = [each for each in run_of(report)["results"] if each["properties"]["result"] == "EXCEPTION"]
    assert found
    (waiver,) = [row for row in report.exceptions if row.used]
    for result in found:
        (suppression,) = result["suppressions"]
        assert (suppression["kind"], suppression["status"]) == ("external", "accepted")
        assert result["level"] == "note"
    assert any(waiver.approver in each["suppressions"][0].get("justification", "") for each in found)


def test_what_is_not_waived_is_not_suppressed():
    assert not any("suppressions" in each for each in run_of(report_samples.reject())["results"])


def test_fingerprints_name_rule_code_and_subject_and_never_the_words():
    report = report_samples.reject()
    other = report.model_copy(
        update={
            "findings": [each.model_copy(update={"summary": "other words"}) for each in report.findings[::-1]]
        }
    )
    one, two = (
        sorted(each["partialFingerprints"]["attestFinding/v1"] for each in run_of(each)["results"])
        for each in (report, other)
    )
    assert one == two
    assert len(set(one)) == len(report.findings)


def test_findings_alike_in_rule_code_and_subject_are_told_apart():
    row = report_samples.finding("license", "c", "FAIL", "s", "x")
    run = run_of(report_samples.build("REJECT", findings=[row, row]))
    prints = [each["partialFingerprints"]["primaryLocationLineHash"] for each in run["results"]]
    assert [each.rpartition(":")[2] for each in prints] == ["1", "2"]


def test_a_hundred_thousand_findings_are_bounded_and_the_rest_is_told():
    run = run_of(report_samples.many_findings(100_000))
    assert len(run["results"]) == MOST_RESULTS
    assert {each["level"] for each in run["results"]} == {"error"}
    assert run["properties"]["findings"] == 100_000
    (notification,) = [
        each for each in run["invocations"][0]["toolExecutionNotifications"] if each["level"] == "warning"
    ]
    assert notification["message"]["text"] == "95,000 more findings left out; the JSON report has them all."


def test_hostile_strings_are_shown():
    text = render(report_samples.hostile())
    assert len(text) < 300_000
    assert "\\u202e" not in text
    assert "\\\\u{{202e}}" in text
    assert "\\u001b" not in text


def test_the_delivery_is_the_place():
    run = run_of(report_samples.reject())
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == report_samples.reject().delivered.name
