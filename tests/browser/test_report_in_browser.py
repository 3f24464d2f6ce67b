"""The HTML report opened in a real browser: wide and narrow, light and dark, and printed."""

from __future__ import annotations

import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
import report_samples

from attest.picture import svg
from attest.reports.html import render

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: the report is not opened in a browser"
)

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SAMPLES = {
    **report_samples.SAMPLES,
    "nodes": report_samples.many_nodes,
    "datasets": report_samples.many_datasets,
    "findings": lambda: report_samples.many_findings(2000),
}
WIDTHS = (390, 1280)

# what a reader sees: every piece of text with the colours behind and in it, composed as the browser did
CONTRAST = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const color = rgb(getComputedStyle(e).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
      if (color[3] !== 0) return null;
    }
    return [255, 255, 255];
  };
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest('svg')) continue;
    if (!element.checkVisibility()) continue;
    const a = luminance(rgb(getComputedStyle(element).color)), b = luminance(ground(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push([walker.currentNode.data.slice(0, 40), ratio]);
  }
  return low;
}"""
ESCAPING_TEXT = """() => [...document.querySelectorAll('svg.lin g > g > text')].filter(text => {
  const box = text.parentElement.querySelector('rect').getBBox(), own = text.getBBox();
  return own.x < box.x || own.x + own.width > box.x + box.width;
}).map(text => text.textContent)"""
HEADINGS = """() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]
  .filter(each => each.checkVisibility()).map(each => Number(each.tagName[1]))"""
SMALL_TARGETS = """() => [...document.querySelectorAll('summary, .contents a, .asks a')]
  .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 24)
  .map(each => each.textContent)"""


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    path = chromium()
    if path is None:
        pytest.skip("there is no chromium: the report is not opened in a browser (apt-get install chromium)")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    paths = {}
    for name, sample in SAMPLES.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render(sample()), encoding="utf-8")
    return paths


class Visit:
    """One page, opened, with everything it complained about or asked for."""

    def __init__(self, browser, path: Path, *, width: int = 1280, scheme: str = "light") -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(f"dialog {dialog.message}"))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())
        self.url = path.as_uri()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SAMPLES)
def test_opens_without_a_word_or_a_request_and_fits(browser, files, name, scheme, width):
    with Visit(browser, files[name], width=width, scheme=scheme) as visit:
        page = visit.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        assert page.evaluate(SMALL_TARGETS) == []
        # the style sheet is the one the policy names, or the page would be bare
        assert page.evaluate("getComputedStyle(document.querySelector('.banner')).borderTopStyle") == "solid"
        assert [url for url in visit.asked if not url.startswith("data:")] == [visit.url]
        assert visit.said == []


@pytest.mark.parametrize("name", SAMPLES)
def test_structure_as_the_browser_sees_it(browser, files, name):
    with Visit(browser, files[name]) as visit:
        levels = visit.page.evaluate(HEADINGS)
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert visit.page.evaluate("[...document.querySelectorAll('table')].every(each => each.caption)")
        assert visit.page.evaluate(ESCAPING_TEXT) == []
        lineage = visit.page.get_by_role("img", name="Lineage of the delivery")
        assert lineage.count() == 1


def test_hostile_strings_do_nothing(browser, files):
    with Visit(browser, files["hostile"]) as visit:
        page = visit.page
        assert page.title() == "Rejected: " + page.evaluate(
            "document.querySelector('h1 bdi').textContent"
        ) + (" – provenance report")
        assert (
            page.evaluate("document.querySelectorAll('script, img, iframe, [onerror], [onmouseover]').length")
            == 0
        )
        assert visit.said == []


def test_a_script_put_into_the_page_is_stopped_by_its_policy(browser, files, tmp_path):
    """The policy is not for show: with a script and a style smuggled in, neither is used."""
    path = tmp_path / "smuggled.html"
    text = files["accept"].read_text(encoding="utf-8")
    path.write_text(
        text.replace(
            "<body>",
            "<body><script>document.title = 'owned'</script><img src=x onerror=\"document.title = 'owned'\">"
            "<style>body { display: none }</style><p style='color: red'>x</p>",
        ),
        encoding="utf-8",
    )
    with Visit(browser, path) as visit:
        assert "owned" not in visit.page.title()
        assert visit.page.evaluate("getComputedStyle(document.body).display") == "block"
        assert len(visit.said) >= 4


def test_the_keyboard_reaches_what_matters(browser, files):
    with Visit(browser, files["reject"]) as visit:
        page = visit.page
        page.keyboard.press("Tab")
        skip = page.evaluate("document.activeElement.textContent")
        assert skip == "Skip to the report"
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "report"
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.tagName") == "SUMMARY":
                break
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.parentElement.open") is True
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_table_stays_one_for_a_screen_reader_when_it_becomes_cards(browser, files):
    with Visit(browser, files["reject"], width=390) as visit:
        table = visit.page.get_by_role("table").nth(1)
        assert table.get_by_role("row").count() == 6
        assert table.get_by_role("columnheader").count() == 7
        assert table.get_by_role("cell", name="partner-transfer").count() == 1


@pytest.mark.parametrize("name", ["accept", "exceptions", "incomplete", "reject", "nodes", "hostile"])
def test_prints_on_a4_with_everything_opened(browser, files, tmp_path, name):
    for tool in ("pdftotext", "pdfinfo"):
        if shutil.which(tool) is None:
            pytest.skip(
                f"{tool} is not installed: the printed report is not read (apt-get install poppler-utils)"
            )
    target = tmp_path / "report.pdf"
    with Visit(browser, files[name], scheme="dark") as visit:
        visit.page.emulate_media(media="print", color_scheme="dark")
        assert visit.page.evaluate("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"
        visit.page.pdf(path=target, prefer_css_page_size=True, print_background=True)
        assert visit.said == []
    facts = subprocess.run(["pdfinfo", target], capture_output=True, text=True, check=True).stdout
    assert "A4" in facts
    words = ["pdftotext", "-layout", target, "-"]
    pages = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\f")
    assert len(pages) < 40
    # the first page is for who reads no other
    for heading in ("Why", "What is missing", "What to ask the vendor for"):
        assert name == "hostile" or heading in pages[0]
    assert name != "reject" or "6.   Ask the vendor for" in pages[0]
    whole = "\n".join(pages)
    assert "See the findings" not in whole
    assert "The same as text" in whole  # lies closed on the screen, opened on paper
    assert "←" in whole.partition("The same as text")[2]
    assert "Trusted time" in whole


@pytest.mark.parametrize("name", ["reject", "nodes"])
def test_the_picture_alone_opens(browser, tmp_path, name):
    path = tmp_path / "lineage.html"
    drawn = svg(SAMPLES[name]().lineage, title="Lineage")
    (tmp_path / "lineage.svg").write_text(drawn, encoding="utf-8")
    path.write_text('<img alt="" src="lineage.svg">', encoding="utf-8")
    with Visit(browser, path) as visit:
        assert visit.page.evaluate("document.images[0].naturalWidth") > 500
        assert len(visit.asked) == 2
        assert visit.said == []
