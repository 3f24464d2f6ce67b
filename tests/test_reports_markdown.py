"""The report as Markdown: bounded, and no string of a vendor's makes markup, mentions or links."""

from __future__ import annotations

import re
import unicodedata

import pytest
import report_samples
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from attest.report import Report
from attest.reports.markdown import MOST_CHARACTERS, render

READER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
PLAIN = re.compile(r"[\w./:…-]+")
LEFT_OUT = "The rest does not fit into a comment"


def skeleton(text: str) -> list[tuple]:
    """Kinds of blocks and spans, and the tags among them: what no string may change."""
    found: list[tuple] = []
    for token in READER.parse(text):
        unmarked = {"text", "text_special", "code_inline"}
        assert all(
            PLAIN.fullmatch(each.content) for each in token.children or () if each.type == "code_inline"
        )
        kinds = [each.type for each in token.children or () if each.type not in unmarked]
        comments = [
            re.sub("<!-- -->", "", each.content)
            for each in token.children or ()
            if each.type == "html_inline"
        ]
        found.append(
            (
                token.type,
                token.tag,
                [kind for kind in kinds if kind != "html_inline"],
                [each for each in comments if each],
                token.content if token.type == "html_block" else None,
            )
        )
    return found


def harmless(text: str) -> bool:
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return all(char == "\n" or unicodedata.category(char) not in hidden for char in text)


@pytest.mark.parametrize("name", report_samples.KEPT)
def test_golden(name):
    check_golden(f"reports/{name}.md", render(report_samples.SAMPLES[name]()))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_sections_come_in_the_order_a_reader_needs_them(name):
    text = render(report_samples.SAMPLES[name]())
    assert re.findall("^### (.*)$", text, re.MULTILINE) == [
        "Why",
        "What is missing",
        "What to ask the vendor for",
        "Facts",
    ]
    folds = re.findall(r"<summary>(\w+)", text)
    order = ["Rules", "Datasets", "Lineage", "Findings", "Exceptions", "Registers", "What", "Evidence", "Run"]
    assert folds == [each for each in order if each in folds]
    assert text.count("<details>") == text.count("</details>")


def test_why_missing_and_ask():
    text = render(report_samples.reject())
    assert text.startswith("## ❌ Rejected: vision\\-fr\\-3\\.2/\n")
    why = text[text.index("### Why") : text.index("### What is missing")]
    assert why.count("- ❌") == 4
    assert "street\\-scenes' is under CC\\-BY\\-NC\\-4\\.0" in why
    assert "from the delivery to it: vision\\-fr\\-3\\.2/ ← release ←" in why
    assert "attest verify vision-fr-3.2 --bundle" in text
    assert "no\\: face\\-recognition" in text


def test_a_historical_report_says_so():
    assert "no basis for buying today" in render(report_samples.historical())


def plain(count: int) -> tuple[str, ...]:
    return tuple(f"plain {number}" for number in range(count))


@pytest.mark.parametrize("sample", [report_samples.reject, report_samples.incomplete])
def test_no_string_makes_markup(sample):
    strange = tuple(f"x{text}x" for text in report_samples.HOSTILE)
    text = render(report_samples.fill(sample(), strange))
    assert harmless(text)
    assert skeleton(text) == skeleton(render(report_samples.fill(sample(), plain(len(strange)))))


MARKS = "`*_{}[]()#+-.!|~@:$<>&\"'\\/= \nax1\u202e"


@settings(max_examples=60)
@given(
    st.lists(
        st.text(MARKS, min_size=1, max_size=30) | st.text(min_size=1), min_size=1, max_size=8, unique=True
    )
)
def test_no_string_makes_markup_whatever_it_is(texts):
    strange = tuple(f"« {text} »" for text in texts)
    text = render(report_samples.fill(report_samples.reject(), strange))
    assert harmless(text)
    expected = render(report_samples.fill(report_samples.reject(), plain(len(strange))))
    assert skeleton(text) == skeleton(expected)


def test_nobody_is_mentioned_and_nothing_is_linked():
    bait = ("@octocat", "acme/vision#12", "https://evil.example/x", "www.evil.example", ":white_check_mark:")
    text = render(report_samples.fill(report_samples.reject(), bait))
    outside = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", READER.render(text).replace("<!-- -->", "\0"))
    outside = re.sub(r"(?s)<pre>.*?</pre>|<code>.*?</code>", "", outside)
    for magic in (r"@\w", r"#\d", "https?://", r"www\.", ":white_check_mark:"):
        assert re.search(magic, outside) is None, magic


@pytest.mark.parametrize(
    "report",
    [
        report_samples.hostile,
        report_samples.many_findings,
        report_samples.many_datasets,
        report_samples.many_nodes,
        lambda: report_samples.fill(report_samples.reject(), ("\u202e" * 1000,)),
        lambda: report_samples.fill(report_samples.many_findings(900), ("\U0010ffff" * 5000, "`|" * 900)),
    ],
)
def test_it_fits_into_a_comment(report):
    text = render(report())
    assert len(text) <= MOST_CHARACTERS
    assert text.count("<details>") == text.count("</details>")


def test_what_is_left_out_is_said():
    assert "the JSON report has them all" in render(report_samples.many_findings())
    report = report_samples.many_findings(300)
    rules = [report_samples.rule(f"r{n}", "FAIL", "\u202e" * 500, 1) for n in range(40)]
    findings = [
        report_samples.finding(f"r{n % 40}", "c", "FAIL", f"s{n}", "\u202e" * 700) for n in range(300)
    ]
    huge: Report = report.model_copy(update={"rules": rules, "findings": findings})
    assert LEFT_OUT in render(huge)
    assert len(render(huge)) <= MOST_CHARACTERS
