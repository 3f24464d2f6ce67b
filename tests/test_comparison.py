"""Several candidates side by side."""

from __future__ import annotations

import re

import pytest
from world import POLICY, good_world

from attest.comparison import compare, render_markdown, render_text


def reports():
    world, release = good_world()
    good = world.report(release)
    lines = world.lines[:-2]
    return good, world.report(release, lines=lines)


def test_a_table_has_a_column_per_candidate_and_a_line_per_rule():
    good, bad = reports()
    table = compare([good, bad])
    assert (
        [each.verdict for each in table.candidates] == [good.verdict, bad.verdict] == ["ACCEPT", "INCOMPLETE"]
    )
    assert [line.rule for line in table.rules] == [row.rule for row in good.rules]
    line = next(line for line in table.rules if line.rule == "contents-complete")
    assert [(cell.result, cell.findings > 0) for cell in line.cells] == [("PASS", False), ("UNKNOWN", True)]
    assert table.candidates[0].asks == []
    assert table.candidates[1].asks
    text = render_text(table)
    assert re.search(r"^contents-complete +PASS +UNKNOWN \(\d+\)$", text, re.MULTILINE)
    assert text.count("whole report:") == 2
    assert "| verdict | ACCEPT | INCOMPLETE |" in render_markdown(table)


def test_hostile_names_stay_in_their_cell():
    good, _ = reports()
    name = "x|<script>\u202e\n# y"
    evil = good.model_copy(update={"delivered": good.delivered.model_copy(update={"name": name})})
    table = compare([evil, good])
    assert "\u202e" not in render_text(table)
    markdown = render_markdown(table)
    assert "<script>" not in markdown
    header = next(line for line in markdown.splitlines() if "script" in line)
    assert header.replace("\\|", "").count("|") == 4


def test_reports_under_different_policies_are_not_compared():
    good, _ = reports()
    world, release = good_world()
    other = world.report(release, POLICY + "\n")
    with pytest.raises(ValueError, match="one policy"):
        compare([good, other])
    with pytest.raises(ValueError, match="one policy"):
        compare([])
