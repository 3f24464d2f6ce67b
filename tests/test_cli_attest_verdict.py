"""attest verify --attest: an auditor's verdict on disk, and the next buyer who relies on it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from test_cli_verify import verify
from world import NOW, good_world, write_world

import attest.cli.verify
from attest.bundle import read_lines
from attest.cli import main

VERIFIER = "https://audit.example/attest"
WHO = ("--verifier-id", VERIFIER, "--resource-uri", "pkg:generic/model@1")


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr(attest.cli.verify, "evaluation_time", lambda as_of: (NOW, as_of is not None))
    monkeypatch.chdir(tmp_path)
    run("key", "generate", "audit.key")
    return write_world(*good_world(), tmp_path)


def run(*words) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


def verdict(path):
    (bundle,) = list(read_lines(path))
    return bundle.statement()


def attesting(files, *more):
    return verify(files, "--attest", "verdict.jsonl", *WHO, "--signer", "file:audit.key", *more, as_of=None)


def test_the_next_buyer_relies_on_the_verdict(files, tmp_path, capsys):
    assert attesting(files) == 0
    assert "signed as PASSED: verdict.jsonl" in capsys.readouterr().err
    statement = verdict(tmp_path / "verdict.jsonl")
    assert statement.predicate_type == "https://slsa.dev/verification_summary/v1"
    policy = json.loads(statement.payload)["predicate"]["policy"]["digest"]["sha256"]
    principal = ("audit", "--key", "audit.key.pub", "--role", "auditor", "--verifier-id", VERIFIER)
    run("trust", "add", "next.yaml", *principal)
    (tmp_path / "next-policy.yaml").write_text(
        f'policy: next\nversion: 1\nrules:\n  - auditor-verdict: {{policies: ["sha256:{policy}"], '
        'levels: [ATTEST_ACCEPT, "ATTEST_PASS:license"], resource: "pkg:generic/model@*"}\n'
    )
    again = ("verify", files["delivered"], "-b", "verdict.jsonl", "-t", "next.yaml", "-p", "next-policy.yaml")
    assert run(*again) == 0
    assert "ACCEPT" in capsys.readouterr().out


def test_a_rejected_delivery_is_written_as_failed_and_stays_rejected(files, tmp_path, capsys):
    (files["delivered"] / "model.safetensors").write_bytes(b"flipped")
    assert attesting(files) == 1
    assert "signed as FAILED" in capsys.readouterr().err
    assert (
        json.loads(verdict(tmp_path / "verdict.jsonl").payload)["predicate"]["verificationResult"] == "FAILED"
    )


def test_no_svr_of_what_did_not_pass(files, tmp_path, capsys):
    (files["delivered"] / "model.safetensors").write_bytes(b"flipped")
    assert attesting(files, "--attest-type", "svr") == 1
    assert "an SVR cannot say that, so none is written" in capsys.readouterr().err
    assert not (tmp_path / "verdict.jsonl").exists()


def test_an_svr(files, tmp_path):
    assert attesting(files, "--attest-type", "svr", "--policy-uri", "https://audit.example/p") == 0
    body = json.loads(verdict(tmp_path / "verdict.jsonl").payload)
    assert body["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert body["predicate"]["verifier"]["policies"][0]["uri"] == "https://audit.example/p"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--attest", "v.jsonl", "--signer", "file:audit.key"),
            "--attest needs --verifier-id and --resource-uri",
        ),
        (("--attest", "v.jsonl", *WHO), "names no signer"),
        (("--attest", "v.jsonl", *WHO, "--signer", "file:absent.key"), "absent.key"),
        (("--attest", "nowhere/v.jsonl", *WHO, "--signer", "file:audit.key"), "there is no folder nowhere"),
        (("--attest", "v.jsonl", "--verifier-id", "me", "--resource-uri", "pkg:x/y"), "expected a URI"),
        (WHO, "--verifier-id is given, and no --attest FILE"),
        (("--pass-exceptions",), "--pass-exceptions is given, and no --attest FILE"),
        (("--signer", "file:audit.key"), "--signer is given, and no --attest FILE"),
        (
            ("--attest", "v.jsonl", *WHO, "--signer", "file:audit.key", "--as-of", "2026-11-20T12:00:00Z"),
            "past time",
        ),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_verified(files, capsys, words, message):
    (files["delivered"] / "model.safetensors").write_bytes(b"flipped")
    assert verify(files, *words, as_of=None) in {2, 4}
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_the_clock_of_the_fixture_is_fixed():
    assert datetime(2026, 11, 20, 12, tzinfo=UTC) == NOW
