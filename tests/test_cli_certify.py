"""attest certify: from the impact to a signed certificate, and back through attest verify-deletion."""

from __future__ import annotations

import json
import re

import pytest
from test_cli_order import attest, ordered, project

__all__ = ["ordered", "project"]

DONE = {
    "ceasedAt": "2026-11-12T00:00:00Z",
    "location": "disk 1",
    "disposition": "destroyed",
    "method": "shred 9.1",
    "finished": "2026-11-18T00:00:00Z",
    "signatory": "Jane Doe",
    "title": "Chief Executive",
    "executedOn": "2026-11-20",
}


@pytest.fixture
def filled(project, ordered, capfd):
    """The templates, filled in."""
    attest(capfd, "certify", "C-4743", "--templates", "out")
    for name in ("items.yaml", "declaration.yaml"):
        path = project / "out" / name
        text = re.sub(
            r"(\w+): FILL-IN", lambda match: f"{match[1]}: {DONE[match[1]]}", path.read_text("utf-8")
        )
        path.write_text(text, "utf-8")
    return project / "out"


def words(folder):
    return (
        "certify",
        "C-4743",
        "--items",
        folder / "items.yaml",
        "--declaration",
        folder / "declaration.yaml",
    )


def test_a_certificate_accounts_for_everything_and_is_verified(filled, ordered, capfd):
    out, _ = attest(capfd, *words(filled), "-o", "certificate.jsonl", "--json")
    said = json.loads(out)
    assert (said["outcome"], said["findings"]) == ("COMPLETE", [])
    out, _ = attest(capfd, "verify-deletion", "certificate.jsonl", "--order", "C-4743", "--json")
    checked = json.loads(out)
    assert (checked["outcome"], checked["certificate"]) == ("COMPLETE", said["certificate"])
    assert checked["sameSnapshot"]


def test_what_leaves_something_out_is_refused_and_names_it(filled, ordered, capfd):
    text = (filled / "items.yaml").read_text("utf-8")
    entries = text.split("  - artifact:")
    artifact = json.loads(entries[-1].splitlines()[0])
    tail = entries[-1][entries[-1].index("recipients:") :]
    (filled / "items.yaml").write_text("  - artifact:".join(entries[:-1]) + tail, "utf-8")
    out, _ = attest(capfd, *words(filled), "--json", code=3)
    said = json.loads(out)
    assert (said["outcome"], said["certificate"]) == ("INCOMPLETE", None)
    assert [(each["code"], each["subject"]) for each in said["findings"]] == [("item-missing", artifact)]
    out, _ = attest(capfd, *words(filled), "--interim", "-o", "interim.jsonl")
    assert out.startswith("INCOMPLETE  sha256:")
    attest(capfd, "verify-deletion", "interim.jsonl", "--order", "C-4743", code=3)


def test_what_is_not_filled_in_or_misspelt_is_refused_with_its_line(filled, ordered, capfd):
    attest(capfd, "certify", "C-4743", "--templates", "fresh")
    _, err = attest(capfd, *words(filled.parent / "fresh"), code=2)
    assert "items.yaml:6: still to be filled in: ceasedAt" in err
    path = filled / "items.yaml"
    path.write_text(
        path.read_text("utf-8").replace("    disposition: destroyed", "    disposition: destroid", 1), "utf-8"
    )
    _, err = attest(capfd, *words(filled), code=2)
    assert "did you mean 'destroyed'?" in err
    _, err = attest(capfd, "certify", "C-4743", code=2)
    assert "give --items and --declaration" in err
    _, err = attest(capfd, "certify", "C-4743", "--templates", "fresh", code=2)
    assert "not overwritten" in err
