"""attest certify: from the impact to a signed certificate, and back through attest verify-deletion."""

from __future__ import annotations

import json
import re

import pytest
from test_cli_order import attest, ordered, project

from attest.bundle import read_lines
from attest.digest import sha256_bytes

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


def test_evidence_is_named_by_files_and_only_digests_leave(filled, ordered, capfd):
    (filled / "wipe.log").write_text("wiped")
    path = filled / "items.yaml"
    text = path.read_text("utf-8")
    path.write_text(text.replace("    method:", "    evidence: [wipe.log]\n    method:", 1), "utf-8")
    attest(capfd, *words(filled), "-o", "certificate.jsonl")
    (bundle,) = read_lines(filled.parent / "certificate.jsonl")
    first, *rest = bundle.statement().predicate["items"]
    assert first["evidence"] == [{"name": "wipe.log", "digest": {"sha256": sha256_bytes(b"wiped")}}]
    assert all("evidence" not in each or each["evidence"] == [] for each in rest)
    assert b"wiped" not in bundle.line
    (filled / "wipe.log").unlink()
    _, err = attest(capfd, *words(filled), code=2)
    assert "items.yaml:" in err
    assert "'wipe.log'" in err


def test_instructions_and_confirmations_are_files_too(project, ordered, capfd):
    attest(capfd, "distribution", "product", "--recipient", "Harbour Access Ltd")
    attest(capfd, "certify", "C-4743", "--templates", "out")
    folder = project / "out"
    done = DONE | {"instructedAt": "2026-11-15T00:00:00Z", "confirmedAt": "2026-11-16T00:00:00Z"}
    for name in ("items.yaml", "declaration.yaml"):
        text = (folder / name).read_text("utf-8")
        (folder / name).write_text(re.sub(r"(\w+): FILL-IN", lambda at: f"{at[1]}: {done[at[1]]}", text))
    for name in ("letter.pdf", "answer.pdf"):
        (folder / name).write_text(name)
    with (folder / "items.yaml").open("a") as file:
        file.write("    instruction: letter.pdf\n    confirmation: answer.pdf\n")
    attest(capfd, *words(folder), "-o", "certificate.jsonl")
    (bundle,) = read_lines(project / "certificate.jsonl")
    (row,) = bundle.statement().predicate["recipients"]
    assert row["instruction"] == {"name": "letter.pdf", "digest": {"sha256": sha256_bytes(b"letter.pdf")}}
    assert row["confirmation"]["digest"] == {"sha256": sha256_bytes(b"answer.pdf")}


def test_an_order_that_asks_for_the_process_of_consent_has_it_in_the_list(project, capfd):
    attest(capfd, "order", "new", "--id", "C-1", "--basis", "voluntary", "--dataset", "data")
    with (project / "order.yaml").open("a") as file:
        file.write("reporting: {recipient: Example Trade Commission, consent: yes}\n")
    attest(capfd, "order", "add", "order.yaml")
    attest(capfd, "certify", "C-1", "--templates", "out")
    text = (project / "out" / "items.yaml").read_text("utf-8")
    assert "consent:\n  process: FILL-IN\n  noticed: FILL-IN" in text
    counts = {"process": "a letter", "noticed": 5, "consented": 1, "declined": 1, "noResponse": 3}
    counts |= {"deletionRequested": 1, "questions": 0}
    for name in ("items.yaml", "declaration.yaml"):
        path = project / "out" / name
        said = DONE | counts
        path.write_text(
            re.sub(r"(\w+): FILL-IN", lambda at, said=said: f"{at[1]}: {said[at[1]]}", path.read_text())
        )
    less = (project / "out" / "items.yaml").read_text()
    (project / "out" / "less.yaml").write_text(less.replace("  noResponse: 3\n", ""))
    given = ("certify", "C-1", "--declaration", "out/declaration.yaml", "--json", "--items")
    said = json.loads(attest(capfd, *given, "out/less.yaml", code=3)[0])
    assert [(each["code"], each["summary"].partition("lacks ")[2]) for each in said["findings"]] == [
        ("consent-missing", "no response")
    ]
    assert json.loads(attest(capfd, *given, "out/items.yaml")[0])["outcome"] == "COMPLETE"


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
    assert "items.yaml:7: still to be filled in: ceasedAt" in err
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


def test_a_certificate_takes_the_place_of_an_earlier_one_that_it_names(filled, ordered, capfd):
    path = filled / "items.yaml"
    whole = path.read_text("utf-8")
    head, *rows = whole.split("  - artifact:")
    path.write_text("  - artifact:".join([head, *rows[:-1]]) + "recipients: []\n", "utf-8")
    out, _ = attest(capfd, *words(filled), "--interim", "-o", "1.jsonl", "--json")
    interim = json.loads(out)["certificate"]
    path.write_text(whole, "utf-8")
    _, err = attest(capfd, *words(filled), "-o", "2.jsonl")
    assert f"an earlier certificate for this order counts beside this one: --supersedes {interim}" in err
    both = filled.parent / "both.jsonl"
    both.write_bytes((filled.parent / "1.jsonl").read_bytes() + (filled.parent / "2.jsonl").read_bytes())
    _, err = attest(capfd, "verify-deletion", both, "--order", "C-4743", code=2)
    assert "holds 2 certificates for this order" in err
    out, err = attest(capfd, *words(filled), "--supersedes", interim, "-o", "3.jsonl", "--json")
    assert interim not in err  # the second one still stays
    (bundle,) = read_lines(filled.parent / "3.jsonl")
    assert f"sha256:{bundle.statement().predicate['supersedes']}" == interim
    both.write_bytes((filled.parent / "1.jsonl").read_bytes() + (filled.parent / "3.jsonl").read_bytes())
    out, _ = attest(capfd, "verify-deletion", both, "--order", "C-4743", "--json")
    assert json.loads(out)["certificate"] == f"sha256:{bundle.statement_digest}"


def test_what_is_no_certificate_for_the_order_is_not_superseded(filled, ordered, capfd):
    for given in ("sha256:" + "1" * 64, "nonsense"):
        _, err = attest(capfd, *words(filled), "--supersedes", given, code=2)
        assert f"--supersedes {given}: is no certificate for this order in the store" in err


@pytest.mark.parametrize(
    "given", [("impact", "C-4743", "--plan", "--want", "m1"), ("certify", "C-4743", "--found-in", "m1")]
)
def test_an_artifact_is_named_by_its_digest(filled, ordered, capfd, given):
    more = ("--templates", "elsewhere") if given[0] == "certify" else ()
    _, err = attest(capfd, *given, *more, code=2)
    assert f"{given[-2]}: got 'm1', expected sha256:" in err
    assert "`attest digest PATH` tells it" in err


def test_templates_are_told_as_json_and_sign_nothing(filled, ordered, capfd):
    out, _ = attest(capfd, "certify", "C-4743", "--templates", "more", "--json")
    assert json.loads(out) == {"written": ["more/items.yaml", "more/declaration.yaml"]}
    _, err = attest(capfd, *words(filled), "--templates", "other", code=2)
    assert "--templates signs nothing" in err


def test_an_order_that_reaches_nothing_known_has_an_empty_list_and_stays_open(project, ordered, capfd):
    target = f"targets: {{datasets: [{{name: ghost, digest: 'sha256:{'1' * 64}/'}}]}}"
    (project / "ghost.yaml").write_text(f"order: {{id: G-1, basis: voluntary}}\n{target}\n")
    attest(capfd, "order", "add", "ghost.yaml")
    attest(capfd, "certify", "G-1", "--templates", "ghost")
    for name in ("items.yaml", "declaration.yaml"):
        path = project / "ghost" / name
        path.write_text(re.sub(r"(\w+): FILL-IN", lambda at: f"{at[1]}: {DONE[at[1]]}", path.read_text()))
    given = ("--items", "ghost/items.yaml", "--declaration", "ghost/declaration.yaml", "--json")
    said = json.loads(attest(capfd, "certify", "G-1", *given, code=3)[0])
    assert [each["code"] for each in said["findings"]] == ["order-open"]
