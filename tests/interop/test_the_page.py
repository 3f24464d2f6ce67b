"""The page docs/interop.md is what the tests of this folder saw; it comes after them in the alphabet."""

from __future__ import annotations

import os

import pytest
from interop_page import PAGE, page, tables, versions

pytestmark = pytest.mark.interop


@pytest.mark.stack
@pytest.mark.usefixtures("bench")
def test_the_page_is_of_these_versions():
    text = page(versions())
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(text, "utf-8")
    assert PAGE.read_text("utf-8") == text


def test_the_page_holds_the_tables():
    """Without any client: nobody edits them by hand."""
    text = PAGE.read_text("utf-8")
    for table in tables():
        assert table in text, "UPDATE_DOCS=1 pytest -m '' tests/interop writes it"
