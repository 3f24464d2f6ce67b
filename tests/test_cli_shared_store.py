"""The commands on a store in PostgreSQL; what a store does is for the conformance tests."""

from __future__ import annotations

import json
import sys

import pytest
from workshop import CARD, attest, fill, statements

TRAIN = "import pathlib; pathlib.Path('model').mkdir(); pathlib.Path('model/w.safetensors').write_text('w')"


@pytest.fixture
def uri(postgres):
    return postgres.uri(postgres.new_schema())


@pytest.fixture
def project(uri, tmp_path, capfd, monkeypatch):
    root = tmp_path / "project"
    attest(capfd, "init", "--key", "--store", uri, root)
    monkeypatch.chdir(root)
    fill(root / "data", a="1", b="2")
    (root / "card.yaml").write_text(CARD)
    return root


def pipeline(capfd):
    attest(capfd, "dataset", "data", "--card", "card.yaml")
    run = ("run", "--kind", "train", "--dataset", "data", "--output", "model", "--require-known-inputs")
    attest(capfd, *run, "--", sys.executable, "-c", TRAIN)


def test_a_pipeline_works_on_a_shared_store(project, uri, tmp_path, capfd):
    pipeline(capfd)
    assert not list(project.rglob("*.db"))
    assert len(statements(project)) == 3  # what the dataset is, what one may do with it, the step
    out, _ = attest(capfd, "lineage", "model")
    assert out.startswith("model/ ← train ← data/ (dataset")
    attest(capfd, "bundle", "model", "-o", "m.intoto.jsonl", "--name", "m", "--version", "1")
    assert len((project / "m.intoto.jsonl").read_bytes().splitlines()) == 4
    out, _ = attest(capfd, "store", "check", "--json")
    held = {"statements": 4, "bundles": 4, "manifests": 2, "problems": []}
    assert json.loads(out) == held
    assert attest(capfd, "store", "migrate")[0] == "the store is up to date: version 1\n"
    attest(capfd, "store", "export", "-o", tmp_path / "all.jsonl", "--manifests", tmp_path / "manifests")
    assert len((tmp_path / "all.jsonl").read_bytes().splitlines()) == 4
    assert len(list((tmp_path / "manifests").iterdir())) == 2


def test_what_one_project_puts_another_finds(project, uri, tmp_path, capfd, monkeypatch):
    pipeline(capfd)
    other = tmp_path / "other"
    attest(capfd, "init", "--key", "--store", uri, other)
    monkeypatch.chdir(other)
    out, _ = attest(capfd, "store", "check")
    assert out == "3 statements in 3 bundles, 2 manifests: no problems\n"
    _, err = attest(capfd, "lineage", project / "model", code=4)  # found, and not believed
    assert "3 statement(s) are signed by nobody the trust file names" in err


def test_a_bundle_is_imported_into_a_shared_store(project, postgres, capfd):
    pipeline(capfd)
    attest(capfd, "bundle", "model", "-o", "m.intoto.jsonl", "--name", "m", "--version", "1")
    attest(capfd, "trust", "new", "trust.yaml")
    roles = ("--role", "publisher", "--role", "data-owner", "--role", "rights-holder")
    attest(capfd, "trust", "add", "trust.yaml", "us", "--key", "keys/attest.key.pub", *roles)
    second = postgres.uri(postgres.new_schema())
    words = ("import", "-t", "trust.yaml", "m.intoto.jsonl", "--store", second)
    _, err = attest(capfd, *words, code=4)
    assert "there is no store" in err
    attest(capfd, "init", "--store", second, "elsewhere")
    for _ in range(2):
        attest(capfd, *words)
    out, _ = attest(capfd, "store", "check", "--store", second)
    assert out == "4 statements in 4 bundles, 0 manifests: no problems\n"


def test_damage_is_listed(project, uri, postgres, capfd):
    pipeline(capfd)
    schema = uri.partition("schema=")[2]
    postgres.sql(f"UPDATE {schema}.bundle SET raw = raw || '!' WHERE id = 2")  # noqa: S608
    out, _ = attest(capfd, "store", "check", code=1)
    assert "bundle 2: its bytes do not match their digest" in out
    _, err = attest(capfd, "store", "export", "-o", "all.jsonl", code=4)
    assert "`attest store check` lists the damage" in err
    assert not (project / "all.jsonl").exists()


def test_a_password_never_gets_into_the_settings(tmp_path, capfd):
    store = "postgresql://me:s3cret@db.example/provenance"
    for uri in (store, "postgresql://db.example/provenance?password=s3cret"):
        out, err = attest(capfd, "init", "--store", uri, tmp_path / "new", code=2)
        assert "store: a password has no place here" in err
        assert "s3cret" not in out + err
    assert not (tmp_path / "new").exists()
    (tmp_path / "attest.yaml").write_text(f"store: {store}\n")
    out, err = attest(capfd, "store", "check", "--store", "postgresql://me:s3cret@localhost:1/x", code=4)
    assert "postgresql://me@localhost:1/x: cannot be reached" in err
    assert "s3cret" not in out + err
