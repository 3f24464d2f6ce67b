"""Bundles of every version so far are kept, and read for ever as they were read then.

Each folder of ``tests/golden/bundles`` is what a buyer had; ``expected.json`` is what came of it. A folder is
never changed: a new version adds one (``python tests/golden/bundles/keep.py FOLDER NAME``).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from attest.cli import main

FOLDERS = sorted(
    path.parent for path in (Path(__file__).parent / "golden" / "bundles").glob("*/expected.json")
)


def test_there_are_some():
    assert "v0.1" in {folder.name for folder in FOLDERS}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_reads_as_it_did(folder, capsys):
    expected = json.loads((folder / "expected.json").read_text())
    words = [
        "verify",
        folder / expected["delivered"],
        "--bundle",
        folder / "bundle.jsonl",
        "--register",
        folder / "register.jsonl",
        "--trust",
        folder / "trust.yaml",
        "--policy",
        folder / "policy.yaml",
        "--as-of",
        expected["asOf"],
        "--json",
    ]
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    report = json.loads(capsys.readouterr().out)
    assert caught.value.code == expected["exitCode"]
    assert report["verdict"] == expected["verdict"]
    # a later report may count more, and never anything else by the same name
    assert {name: report["chain"][name] for name in expected["chain"]} == expected["chain"]
    assert [each["digest"] for each in report["statements"]] == expected["statements"]
    assert {each["standing"] for each in report["statements"]} == {"granted"}
