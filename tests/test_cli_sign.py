"""``attest sign``: exactly the bytes of the file, and nothing that readers could not read."""

from __future__ import annotations

import json

import pytest
from stores.samples import entry, sha, statement
from workshop import attest, make_project, model, statements

from attest.bundle import parse_bundle, read_lines
from attest.canonical import canonical_bytes
from attest.envelope import IN_TOTO, pae
from attest.keys import PublicKey
from attest.manifest import digest_path
from attest.predicate import predicate_type
from attest.provenance import Product, Provenance
from attest.spool import pending, spool


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def file(root):
    path = root / "statement.json"
    path.write_bytes(statement([entry("x")]).payload)
    return path


def key(root):
    return PublicKey.from_pem((root / "keys" / "attest.key.pub").read_bytes(), "key")


def is_signed(root, bundle):
    return key(root).is_signature(bundle.signature, pae(IN_TOTO, bundle.payload))


def test_a_statement_is_signed_into_the_store(root, capfd, file):
    out, _ = attest(capfd, "sign", file)
    (found,) = statements(root)
    assert out == f"sha256:{found.digest}\n"
    assert found.payload == file.read_bytes()


@pytest.mark.parametrize("text", ["{0}\n", " {0}", "{1}", "{1}\r\n"])
def test_the_bytes_of_the_file_are_signed_as_they_are(root, capfd, file, text):
    compact = file.read_bytes().decode()
    data = text.format(compact, json.dumps(json.loads(compact), indent=1)).encode()
    file.write_bytes(data)
    attest(capfd, "sign", file, "-o", "out.jsonl")
    (bundle,) = read_lines(root / "out.jsonl")
    assert bundle.payload == data
    assert is_signed(root, bundle)
    assert statements(root) == []


def test_to_standard_output(root, capfd, file):
    out, _ = attest(capfd, "sign", file, "-o", "-")
    assert is_signed(root, parse_bundle(out.encode().strip()))


def test_to_a_file_and_the_store(root, capfd, file):
    out, _ = attest(capfd, "sign", file, "-o", "out.jsonl", "--store", ".attest/store.db", "--json")
    assert json.loads(out) == {
        "statement": f"sha256:{statements(root)[0].digest}",
        "predicateType": "https://example.org/any/v1",
        "stored": True,
        "output": "out.jsonl",
    }
    assert (root / "out.jsonl").exists()


def test_a_file_needs_no_project(root, capfd, file, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    attest(capfd, "sign", file, "-o", "out.jsonl", "--signer", "project/keys/attest.key")
    (bundle,) = read_lines(tmp_path / "out.jsonl")
    assert is_signed(root, bundle)
    _, err = attest(capfd, "sign", file, "--signer", "project/keys/attest.key", code=2)
    assert "no attest.yaml here or above" in err


def changed(value=None, **changes):
    base = json.loads(statement([entry("x")]).payload)
    return canonical_bytes(value if value is not None else {**base, **changes})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not UTF-8"),
        (changed([]), "_type: got 'list'"),
        (
            changed(_type="https://in-toto.io/Statement/v0.1"),
            "_type: got 'https://in-toto.io/Statement/v0.1'",
        ),
        (changed(subject=[]), "at least one subject"),
        (changed(subject=[{"name": "x", "digest": {"sha512": "0f"}}]), "subject 1 has no digest.sha256"),
        (changed(subject=[{"digest": {"sha256": sha("x")}}]), "subject 1 has no name"),
        (changed(predicateType=""), "predicateType is missing"),
        (changed().replace(b'"_type"', b'"_type":1,"_type"'), "duplicate key '_type'"),
        (b"[" * 10_000, "json depth|not JSON"),
        (changed(predicateType=predicate_type("step")), "readers could not read it either"),
    ],
)
def test_what_is_no_statement_is_not_signed(root, capfd, file, data, said):
    import re

    file.write_bytes(data)
    _, err = attest(capfd, "sign", file, code=4)
    assert re.search(said, err)
    assert "statement.json" in err
    assert statements(root) == []


def test_a_file_that_is_not_there(capfd):
    assert "nowhere.json: cannot be read" in attest(capfd, "sign", "nowhere.json", code=4)[1]


def test_a_secret_is_not_signed_unless_it_is_none(root, capfd, file):
    file.write_bytes(changed(predicate={"a": {"password": "hunter22"}}))
    _, err = attest(capfd, "sign", file, code=4)
    assert "statement.json: /predicate/a/password: looks like a secret" in err
    assert "hunter22" not in err
    assert statements(root) == []
    attest(capfd, "sign", file, "--not-secret", "hunter22")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give either a STATEMENT or --pending"),
        (["statement.json", "--pending"], "give either a STATEMENT or --pending"),
        (["--pending", "-o", "x"], "--pending signs into the store"),
    ],
)
def test_words_that_contradict_each_other(capfd, file, words, said):
    assert said in attest(capfd, "sign", *words, code=2)[1]


def test_a_wrong_passphrase(tmp_path, capfd, monkeypatch, file):
    monkeypatch.chdir(make_project(tmp_path / "locked", passphrase=b"right"))
    assert "set ATTEST_PASSPHRASE" in attest(capfd, "sign", file, code=4)[1]
    monkeypatch.setenv("ATTEST_PASSPHRASE", "wrong")
    assert "wrong passphrase" in attest(capfd, "sign", file, "-o", "x", code=4)[1]


def test_a_file_that_cannot_be_written(capfd, file):
    assert "cannot be written" in attest(capfd, "sign", file, "-o", "no/where", code=4)[1]


# ── what waits ──


def wait(root, name):
    product = Product(name, digest_path(model(root / name, name)))
    found = Provenance("train", {"seed": 1}, {}, [], "https://b.example", {}).statement([product])
    return spool(root / ".attest" / "spool", found, [product.measured], [])


def test_nothing_waits(capfd):
    out, err = attest(capfd, "sign", "--pending")
    assert (out, err) == ("", "attest: nothing waits to be signed\n")
    assert json.loads(attest(capfd, "sign", "--pending", "--json")[0]) == {"signed": [], "waiting": []}


def test_what_waits_is_signed(root, capfd):
    digests = sorted(wait(root, name).digest for name in ("m1", "m2"))
    out, _ = attest(capfd, "sign", "--pending")
    assert out.splitlines() == [f"sha256:{digest}" for digest in digests]
    assert sorted(each.digest for each in statements(root)) == digests
    assert pending(root / ".attest" / "spool") == []


def test_one_that_is_no_longer_true_keeps_no_other_waiting(root, capfd):
    good, bad = wait(root, "m1"), wait(root, "m2")
    (root / "m2" / "model.safetensors").write_text("other")
    out, err = attest(capfd, "sign", "--pending", code=4)
    assert out == f"sha256:{good.digest}\n"
    assert f"still waits: sha256:{bad.digest}" in err
    assert "the output changed since the step ran" in err
    out, _ = attest(capfd, "sign", "--pending", "--json", code=4)
    (waiting,) = json.loads(out)["waiting"]
    assert waiting["statement"] == f"sha256:{bad.digest}"
    assert "got sha256:" in waiting["error"]


def test_a_file_that_waits_can_be_signed_by_somebody_who_looked(root, capfd):
    entry = wait(root, "m1")
    attest(capfd, "sign", entry.path)
    assert statements(root)[0].digest == entry.digest
