"""Whole outputs kept in tests/golden/: read them when one changes; UPDATE_GOLDEN=1 writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def check_golden(name: str, text: str) -> None:
    """Fail unless ``text`` is, byte for byte, what tests/golden/``name`` holds."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    assert path.is_file(), f"{path} is missing: UPDATE_GOLDEN=1 writes it"
    assert path.read_bytes().decode() == text, (
        f"{path} differs: read both, then UPDATE_GOLDEN=1 writes it anew"
    )
