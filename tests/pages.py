"""The pages of the documentation, as the tests of it read them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(DOCS.rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in PAGES}
every_page = pytest.mark.parametrize("name", TEXT)

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(text, *languages):
    """Return the blocks of code in one of these languages."""
    return [body for language, body in FENCE.findall(text) if language in languages]


def section(page, title):
    """Return what stands below a heading of a page of docs, up to the next one."""
    below = TEXT[f"docs/{page}"].partition(f"# {title}\n")[2]
    return re.split(r"^#+ ", below, maxsplit=1, flags=re.MULTILINE)[0]
