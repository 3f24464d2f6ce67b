"""The report as text: the verdict first, 100 columns, no surprise for the terminal."""

from __future__ import annotations

import re
import shlex
import unicodedata

import pytest
import report_samples
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st

from attest.reports.text import render
from attest.width import columns

HEADINGS = [
    "WHY",
    "WHAT IS MISSING",
    "WHAT TO ASK THE VENDOR FOR",
    "FACTS",
    "RULES",
    "DATASETS",
    "LINEAGE",
    "FINDINGS",
    "EXCEPTIONS",
    "REGISTERS",
    "WHAT THIS DOES NOT PROVE",
    "EVIDENCE",
    "REPRODUCE",
]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def section(text: str, heading: str) -> str:
    """The lines below a heading."""
    found = re.search(rf"^{heading}\n((?:  .*\n)*)", text, re.MULTILINE)
    return found[1] if found else ""


def harmless(text: str) -> bool:
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for char in text
    )


@pytest.mark.parametrize("name", report_samples.KEPT)
def test_golden(name):
    check_golden(f"reports/{name}.txt", render(report_samples.SAMPLES[name]()))


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("accept", "VERDICT  ACCEPT  digits-int8/"),
        ("exceptions", "VERDICT  ACCEPT WITH 1 EXCEPTION  digits-int8/"),
        ("incomplete", "VERDICT  INCOMPLETE  digits-int8/"),
        ("reject", "VERDICT  REJECT  vision-fr-3.2/"),
        ("historical", "HISTORICAL: evaluated as of 2025-02-01 00:00:00 UTC; not a basis for buying today."),
    ],
)
def test_the_first_line_is_the_answer(name, first):
    assert render(report_samples.SAMPLES[name]()).splitlines()[0] == first


def test_a_historical_verdict_says_so_beside_the_verdict():
    assert "VERDICT  ACCEPT AS OF 2025-02-01  digits-int8/" in render(report_samples.historical())


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_sections_come_in_the_order_a_reader_needs_them(name):
    text = render(report_samples.SAMPLES[name]())
    found = [line for line in text.splitlines() if line in HEADINGS]
    assert found == [heading for heading in HEADINGS if heading in found]
    assert found[:3] == HEADINGS[:3]
    assert {"RULES", "WHAT THIS DOES NOT PROVE", "EVIDENCE", "REPRODUCE"} <= set(found)


def test_why_tells_every_failing_rule_once():
    why = section(render(report_samples.reject()), "WHY")
    rules = ["complete-lineage", "signed-by", "no-withdrawn-statement", "license"]
    assert re.findall(r"^  FAIL (\S+)$", why, re.MULTILINE) == rules
    assert "'street-scenes' is under CC-BY-NC-4.0, which does not allow commercial use." in why
    assert "UNKNOWN" not in why


def test_missing_is_told_by_what_it_is_about():
    text = render(report_samples.incomplete())
    assert "  No rule is broken" in section(text, "WHY")
    missing = section(text, "WHAT IS MISSING")
    assert "UNKNOWN optical-digits/normalised (needed by license)" in missing
    assert "UNKNOWN digest-conflict\n    It found nothing to examine" in missing
    assert "Not refused, but something you require could not be shown." in text


def test_one_cause_that_several_rules_meet_is_told_once():
    report = report_samples.incomplete()
    other = report.findings[1].model_copy(update={"rule": "signed-by"})
    text = render(report.model_copy(update={"findings": [*report.findings, other]}))
    missing = section(text, "WHAT IS MISSING")
    assert missing.count("optical-digits/normalised (needed by license, signed-by)") == 1
    assert missing.count("Nobody you believe states a licence") == 1


def test_nothing_missing_is_said():
    text = render(report_samples.accept())
    assert section(text, "WHAT IS MISSING") == "  Nothing that your policy requires.\n"
    assert section(text, "WHAT TO ASK THE VENDOR FOR") == "  Nothing.\n"


def test_no_rules_is_no_reason_to_accept():
    report = report_samples.accept().model_copy(update={"verdict": "INCOMPLETE", "rules": [], "counts": {}})
    assert "No rule of the policy applied, so nothing was shown." in section(render(report), "WHY")


def test_unmatched_weights_are_said():
    report = report_samples.reject()
    delivered = report.delivered.model_copy(update={"matched": []})
    facts = section(render(report.model_copy(update={"delivered": delivered})), "FACTS")
    assert "do NOT match anything that was signed" in facts


def test_facts_name_signers_and_counts():
    facts = section(render(report_samples.reject()), "FACTS")
    assert "vendor-ci (3 statements), data-desk (1 statement), photo-coop (1 statement)" in facts
    assert "10 of 12 statements signed by somebody you trust · trusted time on 9" in facts
    assert "FAIL 4 · UNKNOWN 0 · EXCEPTION 0 · PASS 5 · N/A 0" in facts
    assert "3 steps, 10 artifacts, 5 datasets, 1 base model, 2 gaps, 1 opaque" in facts


def test_a_finding_has_all_its_parts():
    findings = section(render(report_samples.reject()), "FINDINGS")
    for part in ("subject  ", "expected ", "found  ", "path  ", "evidence ", "remedy  ", "[license-denied]"):
        assert part in findings
    assert report_samples.digest("rights street-scenes") in findings
    assert "vision-fr-3.2/ ← release ← vision-fr.safetensors ← finetune ←" in findings


def test_datasets_with_a_problem_come_first():
    lines = section(render(report_samples.reject()), "DATASETS").splitlines()
    rows = [line.split()[0] for line in lines[1:] if line[2] != " "]
    assert rows == ["NOT", "GAP", "ok", "ok", "ok"]


def test_every_statement_that_is_not_believed_is_listed():
    evidence = section(render(report_samples.reject()), "EVIDENCE")
    assert "8 statements: 5 believed, 3 not." in evidence
    for kind in ("step finetune", "dataset faces-partner-2014", "rights faces-partner-2014"):
        assert report_samples.digest(kind) in evidence
    assert "vision-fr-3.2.intoto.jsonl, line 7: not a Sigstore bundle" in evidence


def test_the_command_can_be_pasted_back():
    report = report_samples.accept()
    assert shlex.split(section(render(report), "REPRODUCE").replace("\\\n", "")) == shlex.split(
        report.reproduce
    )


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_lines_fit_a_hundred_columns(name):
    text = render(report_samples.SAMPLES[name]())
    told, _, _ = text.partition("\nREPRODUCE\n")
    assert max(map(columns, told.splitlines())) <= 100


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_colour_adds_nothing_but_colour(name):
    report = report_samples.SAMPLES[name]()
    coloured = render(report, color=True)
    assert ANSI.search(coloured)
    assert ANSI.sub("", coloured) == render(report)
    assert "\x1b" not in render(report)


def test_many_findings_are_cut_and_counted():
    text = render(report_samples.many_findings(30_000))
    assert "FAIL license: 10,000 findings" in text
    assert text.count("… and 9,980 more findings of this rule; the JSON report has them all") == 3
    assert len(text) < 100_000


def test_many_of_everything_stays_readable():
    report = report_samples.many_datasets(5000)
    row = report_samples.statement("step", "x", "", 3, standing="unverified", reason="no principal")
    report = report.model_copy(update={"statements": [row] * 5000, "lineage": report_samples.mesh(5000)})
    text = render(report)
    assert "… and 4,940 more datasets; the JSON report has them all" in text
    assert "… and 4,940 more statements; the JSON report has them all" in text
    assert text.count("\n") < 1000


def test_hostile_strings_are_shown_not_obeyed():
    text = render(report_samples.hostile())
    assert harmless(text)
    assert "\\u{202e}" in text
    assert "\\u{1b}[2J" in text
    assert "(+999200 characters)" in text


def test_a_name_cannot_pose_as_a_chain():
    report = report_samples.fill(report_samples.reject(), ("x ← train ← digits",))
    assert '"x ← train ← digits"' in section(render(report), "LINEAGE")
    assert '"x ← train ← digits" ← "x ← train ← digits"' in section(render(report), "FINDINGS")


@settings(max_examples=40)
@given(st.lists(st.text(), min_size=1, max_size=12), st.sampled_from(sorted(report_samples.SAMPLES)))
def test_no_string_breaks_a_line_or_the_terminal(texts, name):
    if name == "hostile":
        name = "reject"
    report = report_samples.SAMPLES[name]()
    text = render(report_samples.fill(report, tuple(texts)))
    assert harmless(text)
    told, _, _ = text.partition("\nREPRODUCE\n")
    assert max(map(columns, told.splitlines())) <= 100
    # every line is a heading of ours, stands indented, or is one of the first two
    for line in text.splitlines()[2:]:
        assert not line or line.startswith("  ") or line in HEADINGS


WAY = "vision-fr-3.2/ ← release ← vision-fr.safetensors ← finetune"


def test_why_shows_the_way_to_what_refused_it_each_way_once():
    why = " ".join(section(render(report_samples.SAMPLES["reject"]()), "WHY").split())
    ways = re.findall(rf"path ({WAY}.*?)(?= FAIL |$)", why)
    assert f"{WAY} ← backbone.safetensors ← train ← faces-partner-2014" in ways
    assert len(ways) == len(set(ways)) == 4


def test_a_long_way_keeps_its_two_ends():
    report = report_samples.SAMPLES["reject"]()
    long = [f"hop{number}" for number in range(40)]
    rows = [each.model_copy(update={"path": long}) for each in report.findings]
    why = section(render(report.model_copy(update={"findings": rows})), "WHY")
    assert 'hop5 ← "… 28 more …" ← hop34' in " ".join(why.split())
    assert why.count("hop0 ") == 1
