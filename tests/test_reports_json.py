"""The report as JSON: everything, exactly, and nothing that a terminal would act on."""

from __future__ import annotations

import json

import jsonschema
import pytest
import report_samples
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st

from attest.report import Report
from attest.reports.json import render


@pytest.mark.parametrize("name", report_samples.KEPT)
def test_golden(name):
    check_golden(f"reports/{name}.json", render(report_samples.SAMPLES[name]()))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_reads_back_as_the_same_report(name):
    report = report_samples.SAMPLES[name]()
    assert Report.model_validate_json(render(report)) == report


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_fits_its_schema(name):
    schema = Report.model_json_schema(by_alias=True, mode="serialization")
    jsonschema.Draft202012Validator(schema).validate(json.loads(render(report_samples.SAMPLES[name]())))


def test_keys_are_sorted_and_the_last_line_ends():
    text = render(report_samples.reject())
    document = json.loads(text)
    assert list(document) == sorted(document)
    assert list(document["chain"]) == sorted(document["chain"])
    assert text.endswith("}\n")
    assert text.startswith('{\n  "asOf": "2026-11-20T10:02:00Z",\n')


def test_leaves_nothing_out():
    report = report_samples.many_findings(5000)
    assert len(json.loads(render(report))["findings"]) == 5000
    name = "n" * 100_000
    delivered = report.delivered.model_copy(update={"name": name})
    assert json.loads(render(report.model_copy(update={"delivered": delivered})))["delivered"]["name"] == name


@settings(max_examples=40)
@given(st.lists(st.text(), min_size=1, max_size=8))
def test_any_string_is_kept_and_none_reaches_a_terminal(texts):
    report = report_samples.fill(report_samples.incomplete(), tuple(texts))
    text = render(report)
    assert set(text) <= {"\n", *map(chr, range(0x20, 0x7F))}
    assert Report.model_validate_json(text) == report


def test_delete_is_escaped():
    report = report_samples.fill(report_samples.accept(), ("\x7f",))
    assert "\x7f" not in render(report)
    assert "\\u007f" in render(report)
