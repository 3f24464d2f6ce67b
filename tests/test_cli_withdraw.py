"""attest withdraw: what it signs, what it reaches, and that what was revealed stays revealed."""

from __future__ import annotations

import json

import pytest
from workshop import attest, fill, make_project, statements

from attest.predicate import read_predicate
from attest.predicates.withdrawal import Withdrawal


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    root = make_project(tmp_path / "p", settings="builder: {id: https://vendor.example/ci}\n")
    monkeypatch.chdir(root)
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    script = "mkdir model && echo m > model/model.safetensors"
    attest(
        capfd, "run", "--kind", "train", "--dataset", "data", "--output", "model", "--", "sh", "-c", script
    )
    return root


def step_of(root):
    return next(f"sha256:{each.digest}" for each in statements(root) if "slsa" in each.predicate_type)


def dataset_of(root):
    return next(f"sha256:{each.digest}" for each in statements(root) if "dataset" in each.predicate_type)


def signed(root):
    found = [read_predicate(each) for each in statements(root)]
    return [each for each in found if isinstance(each, Withdrawal)]


def test_one_statement(project, capfd):
    step = step_of(project)
    out, _ = attest(
        capfd, "withdraw", step, "--reason", "false-claim", "--note", "misread", "-o", "w.jsonl", "--json"
    )
    assert json.loads(out)["reaches"] == [step]
    (withdrawal,) = signed(project)
    assert [f"sha256:{each}" for each in withdrawal.withdraws] == [step]
    assert (withdrawal.reason, withdrawal.note, withdrawal.unknown_groups()) == ("false-claim", "misread", [])
    out, _ = attest(capfd, "lineage", "model", "--json")
    assert "withdrawn" in {node["status"] for node in json.loads(out)["lineage"]["nodes"]}
    assert (project / "w.jsonl").exists()


def test_what_it_revealed_still_taints(project, capfd):
    attest(capfd, "order", "new", "--id", "C-1", "--basis", "voluntary", "--dataset", "data")
    attest(capfd, "order", "add", "order.yaml")
    attest(capfd, "withdraw", step_of(project), "--reason", "false-claim")
    out, _ = attest(capfd, "impact", "C-1", "--json")
    names = {row["name"].rstrip("/"): row["certainty"] for row in json.loads(out)["affected"]}
    assert names["model"] == "proven"


def test_a_replacement_is_named(project, capfd):
    fill(project / "more", d="4")
    attest(capfd, "dataset", "more", "--card", "card.yaml")
    old, new = dataset_of(project), f"sha256:{statements(project)[-1].digest}"
    attest(capfd, "withdraw", old, "--reason", "superseded", "--replaced-by", new)
    (withdrawal,) = signed(project)
    assert f"sha256:{withdrawal.replaced_by}" == new
    _, err = attest(capfd, "withdraw", old, "--reason", "superseded", "--replaced-by", old, code=2)
    assert "cannot replace itself" in err
    gone = f"sha256:{'a' * 64}"
    _, err = attest(capfd, "withdraw", old, "--reason", "superseded", "--replaced-by", gone, code=2)
    assert "no such statement in the store" in err


def test_a_window_reaches_everything_that_has_no_trusted_time(project, capfd):
    words = ("withdraw", "--from", "2026-01-01", "--until", "2026-02-01T00:00:00Z")
    before = {f"sha256:{each.digest}" for each in statements(project)}
    out, _ = attest(capfd, *words, "--reason", "key-compromise", "--dry-run", "--json")
    said = json.loads(out)
    assert (set(said["reaches"]), said["withdrawal"]) == (before, None)
    assert signed(project) == []
    out, _ = attest(capfd, *words, "--reason", "key-compromise")
    assert "also what is not in the store" in out
    (withdrawal,) = signed(project)
    assert withdrawal.withdraws == ()
    assert withdrawal.selector.to_json() == {"from": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    out, _ = attest(capfd, "lineage", "model", "--json")
    statuses = {node["status"] for node in json.loads(out)["lineage"]["nodes"]}
    assert "ok" not in statuses


def test_what_cannot_be_withdrawn(project, capfd):
    step = step_of(project)
    for words, message in (
        ((), "name STATEMENTs or a window"),
        ((step, "--from", "2026-01-01"), "name STATEMENTs or a window"),
        ((f"sha256:{'a' * 64}",), "no such statement in the store"),
        (("--from", "yesterday"), "--from"),
        (("--from", "2026-02-01", "--until", "2026-01-01"), "before it begins"),
    ):
        _, err = attest(capfd, "withdraw", *words, "--reason", "withdrawn", code=2)
        assert message in err
    attest(capfd, "withdraw", step, "--reason", "withdrawn")
    last = f"sha256:{statements(project)[-1].digest}"
    _, err = attest(capfd, "withdraw", last, "--reason", "withdrawn", code=2)
    assert "a withdrawal cannot be withdrawn" in err


def test_somebody_elses_statement_is_told(project, capfd, tmp_path):
    attest(capfd, "key", "generate", "other.key")
    step = step_of(project)
    _, err = attest(capfd, "withdraw", step, "--reason", "withdrawn", "--signer", "file:other.key")
    assert "signed by somebody else" in err


def test_a_register_lists_it(project, capfd):
    attest(capfd, "withdraw", step_of(project), "--reason", "withdrawn", "-o", "w.jsonl")
    more = ("--signer", "keys/attest.key")
    uri = "https://registry.example/releases"
    words = ("--next-update", "7 days", "--scope", "withdrawal", "-o", "1")
    attest(capfd, "register", "new", uri, *words, *more)
    attest(capfd, "register", "append", "1", "--withdrawal", "w.jsonl", "-o", "2", *more)
    out, _ = attest(capfd, "register", "show", "2")
    assert f"takes back  statement {step_of(project)}" in out
