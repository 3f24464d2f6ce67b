"""attest distribution: who received an artifact is signed, and an order's impact names them."""

from __future__ import annotations

import json

import pytest
from test_cli_order import ordered, project
from workshop import attest, make_project, statements

from attest.digest import sha256_bytes
from attest.manifest import digest_path
from attest.predicate import predicate_name, read_predicate

__all__ = ["ordered", "project"]


def sent(root):
    found = [each for each in statements(root) if predicate_name(each.predicate_type) == "distribution"]
    return [(each, read_predicate(each)) for each in found]


@pytest.fixture
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


def test_everything_that_is_said_is_signed(root, capfd):
    (root / "contract.pdf").write_bytes(b"%PDF")
    (root / "package.zip").write_bytes(b"PK")
    words = ("--recipient", "Harbour Access Ltd", "--address", "1 Quay", "--contact", "+44 1")
    words += ("--when", "2026-11-02", "--channel", "download", "--agreement", "contract.pdf")
    words += ("--restriction", "no resale", "--not-public", "--what", "data", "-o", "sent.jsonl", "--json")
    out, err = attest(capfd, "distribution", "package.zip", *words)
    ((statement, _),) = sent(root)
    assert json.loads(out)["statement"] == f"sha256:{statement.digest}"
    assert (root / "sent.jsonl").exists()
    assert err == ""
    (subject,) = statement.subjects
    assert (subject.name, subject.digest["sha256"]) == ("package.zip", sha256_bytes(b"PK"))
    data = digest_path(root / "data").artifact
    assert statement.predicate == {
        "recipient": {"legalName": "Harbour Access Ltd", "address": "1 Quay", "contact": "+44 1"},
        "nobody": "unknown",
        "public": "no",
        "when": "2026-11-02T00:00:00Z",
        "channel": "download",
        "agreement": {"name": "contract.pdf", "digest": {"sha256": sha256_bytes(b"%PDF")}},
        "restrictions": ["no resale"],
        "what": [
            {
                "name": "data/",
                "digest": {"sha256": data.sha256},
                "mediaType": "application/vnd.attest.manifest",
            }
        ],
    }


def test_nobody_and_everybody_are_claims_too(root, capfd):
    attest(capfd, "distribution", "data", "--nobody")
    artifact = digest_path(root / "data").artifact
    attest(capfd, "distribution", str(artifact), "--public", "--channel", "https://data.example")
    nobody, public = (each for _, each in sent(root))
    assert (nobody.nobody, nobody.public, nobody.recipient) == ("yes", "unknown", None)
    assert nobody.when is not None
    assert (public.nobody, public.public) == ("unknown", "yes")
    assert {subject.artifact for each, _ in sent(root) for subject in each.subjects} == {artifact}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "it does not say who received it"),
        (("--not-public",), "it does not say who received it"),
        (("--nobody", "--recipient", "A Ltd"), "somebody received it, or nobody did"),
        (("--nobody", "--public"), "somebody received it, or nobody did"),
        (("--recipient", " "), "a recipient without a name"),
        (("--nobody", "--address", "1 Quay"), "belong to a recipient"),
        (("--recipient", "A Ltd", "--when", "yesterday"), "--when"),
    ],
)
def test_what_contradicts_itself_or_says_nothing_is_refused(root, capfd, words, message):
    _, err = attest(capfd, "distribution", "data", *words, code=2)
    assert message in err
    assert statements(root) == []


def test_a_missing_file_and_a_secret_stop_it(root, capfd):
    words = ("distribution", "data", "--recipient", "A Ltd")
    attest(capfd, "distribution", "gone", "--nobody", code=2)
    attest(capfd, *words, "--agreement", "gone.pdf", code=4)
    token = "ghp_" + "a1B2" * 9
    _, err = attest(capfd, *words, "--channel", token, code=4)
    assert "channel" in err
    assert token not in err
    assert statements(root) == []
    attest(capfd, *words, "--channel", token, "--not-secret", token)
    assert len(sent(root)) == 1


def test_what_no_statement_knows_is_told(root, capfd):
    _, err = attest(capfd, "distribution", "data", "--recipient", "A Ltd")
    assert f"no statement in the store is about {digest_path(root / 'data').artifact}" in err
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    _, err = attest(capfd, "distribution", "data", "--recipient", "B Ltd")
    assert err == ""


def test_an_order_finds_the_recipients_of_what_was_made(project, ordered, capfd):
    attest(capfd, "distribution", "product", "--recipient", "Harbour Access Ltd", "--channel", "courier")
    attest(capfd, "distribution", "songs-model", "--recipient", "Somebody Else Ltd")
    said = json.loads(attest(capfd, "impact", "C-4743", "--json")[0])
    (row,) = said["recipients"]
    assert (row["name"], row["legalName"], row["channel"], row["believed"]) == (
        "product/",
        "Harbour Access Ltd",
        "courier",
        True,
    )


def test_a_signer_that_is_gone_leaves_it_to_be_signed_later(root, capfd, monkeypatch):
    from attest.errors import SignatureError
    from attest.signers.file import FileSigner

    monkeypatch.setattr(
        FileSigner, "sign", lambda self, statement: (_ for _ in ()).throw(SignatureError("gone"))
    )
    attest(capfd, "distribution", "data", "--recipient", "A Ltd", code=75)
    monkeypatch.undo()
    monkeypatch.chdir(root)
    attest(capfd, "sign", "--pending")
    assert len(sent(root)) == 1
