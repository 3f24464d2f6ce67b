"""Where the cases are; without them these tests say so and are skipped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder ``bundle-verify`` of sigstore-conformance."""
    beside = Path(__file__).parents[3] / "shared/corpora"
    folder = Path(os.environ.get("ATTEST_CORPORA") or beside) / "sigstore-conformance/bundle-verify"
    if not folder.is_dir():
        pytest.skip(f"no sigstore-conformance data in {folder}: set ATTEST_CORPORA")
    return folder
