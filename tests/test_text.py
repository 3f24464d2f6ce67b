"""Foreign strings on their way to a reader's eyes."""

from __future__ import annotations

import json
import re
import unicodedata
from html import unescape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from attest.text import show, show_csv, show_json, show_markdown

HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
ANY = st.text(st.characters(categories=None)) | st.text(
    st.sampled_from("a\\\x1b\u202e\u200b\u0301\ud800\n\"'<=|")
)

SHOWN = {
    "plain": ("model.safetensors", "model.safetensors"),
    "letters of any script": ("Müller 数据 данные", "Müller 数据 данные"),
    "escape sequence": ("\x1b[2Jok", "\\u{1b}[2Jok"),
    "C1 control": ("\x9b2J", "\\u{9b}2J"),
    "delete": ("a\x7f", "a\\u{7f}"),
    "line feed": ("a\nb", "a\\u{a}b"),
    "carriage return": ("a\rb", "a\\u{d}b"),
    "line separator": ("a\u2028b", "a\\u{2028}b"),
    "right-to-left override": ("x\u202egnp.exe", "x\\u{202e}gnp.exe"),
    "isolate": ("\u2066x\u2069", "\\u{2066}x\\u{2069}"),
    "zero width": ("a\u200b\u200d\ufeffb", "a\\u{200b}\\u{200d}\\u{feff}b"),
    "soft hyphen": ("a\u00adb", "a\\u{ad}b"),
    "no-break space": ("a\u00a0b", "a\\u{a0}b"),
    "variation selector": ("a\ufe0f", "a\\u{fe0f}"),
    "smuggled by variation selectors": ("a\U000e0149", "a\\u{e0149}"),
    "smuggled by tags": ("a\U000e0041", "a\\u{e0041}"),
    "blank letter": ("\u3164\u2800\u180f", "\\u{3164}\\u{2800}\\u{180f}"),
    "surrogate": ("\ud800", "\\u{d800}"),
    "private use": ("\ue000", "\\u{e000}"),
    "unassigned": ("\U0003ffff", "\\u{3ffff}"),
    "backslash, so that escapes cannot be forged": ("\\u{a}", "\\\\u{a}"),
    "accents": ("e\u0301o\u0302\u0301", "e\u0301o\u0302\u0301"),
    "flood of accents": ("e" + "\u0301" * 5, "e\u0301\u0301\u0301\\u{301}\\u{301}"),
    "flood of enclosing marks": ("e" + "\u20dd" * 5, "e\u20dd\u20dd\u20dd\\u{20dd}\\u{20dd}"),
    "Burmese, which needs three marks": ("\u1000\u102d\u102f\u1037", "\u1000\u102d\u102f\u1037"),
}


@pytest.mark.parametrize(("text", "shown"), SHOWN.values(), ids=SHOWN)
def test_shown(text, shown):
    assert show(text) == shown


@given(ANY, st.integers(0, 30))
@example("\u0301" * 40, 30)
def test_nothing_hidden_nothing_second_line_and_bounded(text, limit):
    shown = show(text, limit)
    assert {unicodedata.category(char) for char in shown} & HIDDEN == set()
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= 10 * limit + len("… (+000 characters)")
    marks = 0
    for char in shown:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        assert marks <= 3


@given(ANY, ANY)
def test_what_differs_is_shown_differently(one, other):
    assert (show(one, 1000) == show(other, 1000)) == (one == other)


def test_what_is_cut_is_counted():
    assert show("x" * 250) == "x" * 200 + "… (+50 characters)"
    assert show("abc", limit=3) == "abc"


@pytest.mark.parametrize("value", [None, 7, ["\x1b"], ValueError("\x1b")], ids=repr)
def test_any_object_is_shown_by_its_string(value):
    assert "\x1b" not in show(value)


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "  =1", "＝1", "＋1", "－1", "＠SUM(A1)", "=\t1"]
)
def test_csv_holds_no_formula(text):
    assert show_csv(text) == f"'{show(text)}"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1"])
def test_csv_with_white_space_in_front_begins_with_an_escape(text):
    assert show_csv(text).startswith("\\u{")


@given(ANY)
def test_csv_never_begins_like_a_formula(text):
    assert not show_csv(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert show_csv("a" + text) == show("a" + text)


def test_markdown_has_no_markup():
    hostile = "[x](javascript:1) <img src=x onerror=1> `a` **b** | # | ![y](z) @me ~~c~~ https://e.vil &lt;"
    shown = show_markdown(hostile)
    plain = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").replace("<!-- -->", "")
    for mark in "`*_{}[]()#+-.!|~@:":
        assert plain.count(mark) == plain.count(f"\\{mark}"), mark
    assert not set("<>") & set(plain)


def test_markdown_mentions_nobody_and_links_nothing():
    text = "@octocat me@evil.example #12 GH-12 https://evil.example www.evil.example :tada: WWW.x.y acme/x#3"
    html = MarkdownIt("gfm-like", {"linkify": False}).render(show_markdown(text))
    plain = html.replace("<!-- -->", "\0")
    for magic in (r"@\w", r"#\d", r"GH-\d", r"://", r"(?i)www\.", r":tada:"):
        assert re.search(magic, plain) is None, magic
    assert re.sub("<.*?>", "", html).strip() == text


@given(ANY)
def test_markdown_reads_as_what_was_shown(text):
    html = MarkdownIt("gfm-like", {"linkify": False}).render("x" + show_markdown(text) + "x")
    read = unescape(re.sub("<[^>]*>", "", html)).strip()
    assert read == f"x{show(text)}x"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | ANY,
        lambda inner: st.lists(inner) | st.dictionaries(ANY, inner),
    )
)
def test_json_is_shown_whole_and_harmless(value):
    shown = show_json(value)
    assert json.loads(shown) == value
    assert {unicodedata.category(char) for char in shown.replace("\n", "")} & HIDDEN == set()


def test_json_keeps_what_is_harmless_readable():
    assert show_json({"name": 'Müller "x"', "é\u202e": ["\\", "\x7f"]}) == (
        '{\n  "name": "Müller \\"x\\"",\n  "\\u00e9\\u202e": [\n    "\\\\",\n    "\\u007f"\n  ]\n}'
    )
