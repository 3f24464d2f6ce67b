"""attest policy: write one to start from, check one."""

from __future__ import annotations

import json

import pytest

from attest.cli import main
from attest.policy import read_policy


def attest(*words: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    return caught.value.code


def test_new_writes_the_preset(tmp_path, capsys):
    path = tmp_path / "policy.yaml"
    assert attest("policy", "new", "--preset", "commercial-baseline", "-o", path) == 0
    assert "wrote" in capsys.readouterr().out
    assert read_policy(str(path)).file.policy == "commercial-baseline"
    assert attest("policy", "new", "-o", path) == 2


@pytest.mark.parametrize("register", ["https://r.example/x", 'odd "quotes" }, and: yaml', "\u202e#"])
def test_new_with_a_register_asks_it(tmp_path, register):
    path = tmp_path / "policy.yaml"
    assert attest("policy", "new", "-o", path, "--register", register) == 0
    rules = {rule.NAME: rule for rule in read_policy(str(path)).rules}
    assert rules["contents-complete"].current.register_id == register
    assert rules["no-withdrawn-statement"].register_id == register


def test_check_prints_sentences(tmp_path, capsys):
    assert attest("policy", "check", "preset:commercial-baseline") == 0
    out = capsys.readouterr().out
    assert "1. Every delivered file is a file of one attested artifact" in out
    assert attest("policy", "check", "preset:commercial-baseline", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["rules"]) == 7


def test_check_tells_the_line(tmp_path, capsys):
    path = tmp_path / "policy.yaml"
    path.write_text("policy: x\nversion: 1\nrules:\n  - licence: {}\n")
    assert attest("policy", "check", path) == 2
    err = capsys.readouterr().err
    assert "policy.yaml:4" in err
    assert "did you mean 'license'?" in err


def test_unknown_preset(capsys):
    assert attest("policy", "new", "--preset", "comercial", "-o", "/nowhere") == 2
    assert "did you mean" in capsys.readouterr().err
