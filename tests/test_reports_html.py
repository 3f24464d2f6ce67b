"""The report as one page: understood by who has never seen one, and no string of a vendor's does anything."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from html.parser import HTMLParser
from itertools import pairwise

import pytest
import report_samples
from golden_files import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from test_picture import contrast

from attest.report import Report
from attest.reports.html import render

VOID = {"meta", "link", "col", "br", "img", "input"}
SVG_LEAVES = {"path", "rect", "circle"}


class Page(HTMLParser):
    """A page as a browser's parser would see it: elements, attributes, text and what was never closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.stray: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        if tag not in VOID:
            self.open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        assert tag in SVG_LEAVES

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.stray.append(tag)

    def handle_data(self, data):
        for tag in set(self.open):
            self.texts[tag][-1] += data

    def handle_comment(self, data):
        self.stray.append(f"comment {data[:30]}")

    def unknown_decl(self, data):
        self.stray.append(f"declaration {data[:30]}")

    def handle_pi(self, data):
        self.stray.append(f"instruction {data[:30]}")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", self.texts["main"][0])

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def page(report: Report) -> Page:
    return Page(render(report))


def skeleton(text: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements and names of attributes: what no string may change."""
    return [(tag, tuple(attributes)) for tag, attributes in Page(text).elements]


def harmless(text: str) -> bool:
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        for char in text
    )


def section(text: str, identifier: str) -> str:
    """The words of one section."""
    found = re.search(rf'<section[^>]* aria-labelledby="{identifier}">(.*?)</section>', text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1]))


# -- whole pages


@pytest.mark.parametrize("name", report_samples.KEPT)
def test_golden(name):
    check_golden(f"reports/{name}.html", render(report_samples.SAMPLES[name]()))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_every_element_is_closed(name):
    seen = page(report_samples.SAMPLES[name]())
    assert (seen.open, seen.stray) == ([], [])


# -- nothing runs, nothing is loaded


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_only_our_style_is_allowed_and_it_is_the_one_in_the_page(name):
    seen = page(report_samples.SAMPLES[name]())
    (policy,) = [
        each["content"] for each in seen.all("meta") if each.get("http-equiv") == "Content-Security-Policy"
    ]
    (style,) = seen.texts["style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    # a policy holds only for what follows it
    tags = [tag for tag, _ in seen.elements]
    assert tags.index("style") > tags.index("meta")


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_no_script_no_handler_no_inline_style_no_address(name):
    seen = page(report_samples.SAMPLES[name]())
    tags = {tag for tag, _ in seen.elements}
    assert not tags & {
        "script",
        "iframe",
        "img",
        "object",
        "embed",
        "form",
        "base",
        "audio",
        "video",
        "use",
        "image",
    }
    for _, attributes in seen.elements:
        assert not any(
            each.startswith("on") or each in {"style", "src", "srcset", "action"} for each in attributes
        )
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    assert "url(" not in seen.texts["style"][0]
    assert "@import" not in seen.texts["style"][0]


# -- strings from outside


def test_hostile_strings_are_text():
    text = render(report_samples.hostile())
    assert harmless(text)
    assert "&lt;script&gt;document.title=" in text
    assert "\\u{202e}" in text
    assert "(+999800 characters)" in text
    assert len(text) < 300_000


def test_no_string_adds_an_element_or_an_attribute():
    strange = tuple(text or "-" for text in report_samples.HOSTILE)
    plain = tuple(f"plain {number}" for number in range(len(strange)))
    for sample in (report_samples.reject, report_samples.incomplete, report_samples.with_exceptions):
        one, other = (render(report_samples.fill(sample(), texts)) for texts in (strange, plain))
        assert skeleton(one) == skeleton(other)


@settings(max_examples=60)
@given(
    st.lists(
        st.text(min_size=1) | st.text(alphabet="<>\"'&/=! abconscriptsvg\x00\x1b\u202e\u200b", min_size=1),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_no_string_adds_an_element_or_an_attribute_whatever_it_is(texts):
    # quoted, so that none equals a word the page treats in its own way
    strange = tuple(f"«{text}»" for text in texts)
    plain = tuple(f"plain {number}" for number in range(len(strange)))
    report = report_samples.reject()
    text = render(report_samples.fill(report, strange))
    assert harmless(text)
    assert skeleton(text) == skeleton(render(report_samples.fill(report, plain)))


def test_templates_in_names_are_not_evaluated():
    text = render(report_samples.fill(report_samples.accept(), ("{{ 7 * 7 }}",)))
    assert "{{ 7 * 7 }}" in text
    assert ">49<" not in text


# -- for people


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accept", "Accepted Signed statements that were checked satisfy every rule of your policy."),
        ("exceptions", "Accepted with 1 exception Every rule of your policy is satisfied, or waived"),
        ("incomplete", "Incomplete Not refused, but something you require could not be shown."),
        ("reject", "Rejected At least one rule of your policy is broken."),
        ("historical", "Accepted as of 2025-02-01 Signed statements"),
    ],
)
def test_the_verdict_is_in_plain_words(name, words):
    report = report_samples.SAMPLES[name]()
    seen = page(report)
    assert f"Verdict on {report.delivered.name} {words}".replace(" ", "") in seen.text.replace(" ", "")
    assert seen.texts["title"][0].endswith(f": {report.delivered.name} – provenance report")


def test_a_historical_report_says_so_first():
    assert page(report_samples.historical()).text.startswith(" Historical: not a basis for buying today.")
    assert "Historical" not in page(report_samples.accept()).text


def test_never_says_compliant():
    for sample in report_samples.SAMPLES.values():
        assert "complian" not in page(sample()).text.lower()


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_sections_come_in_the_order_a_reader_needs_them(name):
    text = render(report_samples.SAMPLES[name]())
    assert re.findall(r'<section[^>]* aria-labelledby="(\w+)">\n<h2 id="\1">', text) == [
        *("why", "missing", "ask", "facts", "rules", "datasets", "lineage", "findings", "exceptions"),
        *("registers", "limits", "evidence", "again", "glossary"),
    ]


def test_why_missing_and_ask():
    text = render(report_samples.reject())
    why, missing, ask = (section(text, each) for each in ("why", "missing", "ask"))
    assert "4 rules of your policy are broken." in why
    assert why.count("✕ failed") == 4
    assert "&#39;street-scenes&#39; is under CC-BY-NC-4.0, which does not allow commercial use." in why
    assert "unknown" not in why
    assert "faces-partner-2014 needed by license" in missing
    assert ask.count("Ask the vendor") == 6


def test_why_shows_the_way_to_what_refused_it():
    why = section(render(report_samples.reject()), "why")
    assert "From the delivery to it: vision-fr-3.2/ release vision-fr.safetensors finetune" in why


def test_an_incomplete_report_says_what_that_means():
    why = section(render(report_samples.incomplete()), "why")
    assert "No rule of your policy is broken. But a rule only passes when evidence shows that it holds" in why
    assert "for 3 rules it does not" in why


def test_datasets_say_unknown_in_words():
    text = section(render(report_samples.reject()), "datasets")
    assert text.index("faces-partner-2014") < text.index("faces-consented")
    assert "? unknown" in text
    assert "✕ gap no statement explains it" in text
    assert "! not trusted" in text


def test_delivery_that_matches_nothing():
    report = report_samples.reject()
    delivered = report.delivered.model_copy(update={"matched": []})
    empty = report.model_copy(
        update={"delivered": delivered, "lineage": report_samples.picture(), "datasets": []}
    )
    text = render(empty)
    assert "No: nothing that was signed has the delivered bytes." in text
    assert "Nothing is known of what the delivered artifact was made from." in text
    assert "No dataset is known behind this delivery." in text


def test_every_statement_stands_with_signer_time_and_full_digest():
    report = report_samples.reject()
    text = render(report)
    for row in report.statements:
        assert f'title="{row.digest}">{row.digest}</code>' in text
    evidence = section(text, "evidence")
    assert "8 statements: 5 believed, 3 not." in evidence
    assert "2026-11-03 08:12:44 UTC" in evidence
    assert "⊘ withdrawn withdrawn by its signer on 2026-11-10" in evidence.replace("  ", " ")
    assert evidence.index("⊘ withdrawn") < evidence.index("✓ believed")


def test_everything_not_proven_is_there():
    report = report_samples.accept()
    text = page(report).text
    assert all(line in text for line in report.not_proven)


def test_few_findings_lie_open_many_closed():
    few, many = render(report_samples.reject()), render(report_samples.many_findings(300))
    assert len(re.findall(r'<details class="finding [\w-]+" open>', few)) == 6
    assert len(re.findall(r'<details class="finding [\w-]+">', many)) == 300


# -- large


def test_many_findings_are_cut_and_counted():
    text = render(report_samples.many_findings(30_000))
    assert text.count('<details class="finding') == 600
    assert (
        text.count("And 9,800 more findings of this rule. The JSON form of this report holds all 10,000.")
        == 3
    )
    assert len(text) < 2_000_000


def test_500_datasets_all_stand_in_the_table():
    text = render(report_samples.many_datasets(500))
    assert len(re.findall(r"<bdi>shard-\d{5}</bdi><span", text)) == 500
    assert len(text) < 1_500_000


def test_5000_nodes():
    text = render(report_samples.many_nodes(5000))
    assert len(text) < 200_000
    assert "Too many to draw one by one" in text


def test_asks_beyond_ten_are_folded_away():
    report = report_samples.many_findings(60)
    asks = [report_samples.Ask(text=f"question {number}", findings=2) for number in range(5000)]
    text = render(report.model_copy(update={"asks": asks}))
    assert "<summary>4,990 more questions</summary>" in text
    assert "And 3,000 more questions." in text


# -- structure


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_headings_are_in_order(name):
    levels = [
        int(tag[1])
        for tag, _ in page(report_samples.SAMPLES[name]()).elements
        if re.fullmatch(r"h[1-6]", tag)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_tables_have_captions_and_scopes(name):
    seen = page(report_samples.SAMPLES[name]())
    tags = [tag for tag, _ in seen.elements]
    assert tags.count("table") == tags.count("caption") >= 3
    assert all(seen.texts["caption"])
    assert all(tags[place + 1] == "caption" for place, tag in enumerate(tags) if tag == "table")
    assert all(each.get("scope") in {"col", "row"} for each in seen.all("th"))


@pytest.mark.parametrize("name", report_samples.SAMPLES)
def test_landmarks_language_and_references(name):
    seen = page(report_samples.SAMPLES[name]())
    assert seen.all("html") == [{"lang": "en"}]
    for landmark in ("header", "main", "nav", "footer"):
        assert len(seen.all(landmark)) == 1
    assert seen.all("a")[0] == {"class": "skip", "href": "#report"}
    ids = [attributes["id"] for _, attributes in seen.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    for _, attributes in seen.elements:
        for name_of in ("aria-labelledby", "aria-describedby"):
            assert attributes.get(name_of, ids[0]) in ids
        if (attributes.get("href") or "").startswith("#"):
            assert attributes["href"][1:] in ids
    (drawing,) = [each for each in seen.all("svg") if each.get("role") == "img"]
    assert drawing["aria-labelledby"] == "lin-title"


def test_what_scrolls_can_be_reached_with_the_keyboard():
    for attributes in page(report_samples.reject()).all("div"):
        if attributes.get("class") == "scroll":
            assert (attributes["tabindex"], attributes["role"]) == ("0", "region")
            assert attributes["aria-label"]


# -- colours


def variables(style: str) -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{([^}]*)\}", style)[:2]
    schemes = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for name, block in (("light", light), ("dark", dark))
    }
    assert schemes["light"].keys() == schemes["dark"].keys()
    return schemes


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_reaches_aa(scheme):
    colours = variables(page(report_samples.accept()).texts["style"][0])[scheme]
    for ground in ("paper", "panel", *(name for name in colours if name.endswith("-soft"))):
        for ink in ("ink", "muted", "link"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["edge"], colours[ground]) >= 3, ground
    for tone in ("fail", "unknown", "exception", "pass", "none"):
        for ground in ("paper", "panel", f"{tone}-soft"):
            assert contrast(colours[tone], colours[ground]) >= 4.5, (tone, ground)
        # the tally of all results stands in the banner of any verdict
        for other in ("fail", "unknown", "exception", "pass"):
            assert contrast(colours[tone], colours[f"{other}-soft"]) >= 4.5, (tone, other)
