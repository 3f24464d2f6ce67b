"""attest policy: write one to start from, check one."""

from __future__ import annotations

import json

import pytest
from world import good_world, write_world

from attest.cli import main
from attest.policy import read_policy
from attest.policyfile import PRESETS


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


@pytest.fixture
def buyer(tmp_path):
    world, release = good_world()
    return write_world(world, release, tmp_path)


def cases(buyer, *more, **changes):
    entry = {
        "name": "complete",
        "bundle": "model.intoto.jsonl",
        "trust": "trust.yaml",
        "registers": ["register.jsonl"],
        "asOf": "2026-06-01T00:00:00Z",
        "expect": "ACCEPT",
    }
    file = buyer["policy"].with_suffix(".cases.yaml")
    file.write_text(json.dumps({"cases": [entry | changes, *more]}))
    return entry


def test_explain_numbers_every_rule(buyer, capsys):
    assert attest("policy", "explain", buyer["policy"]) == 0
    out = capsys.readouterr().out
    assert "  1. Every delivered file is a file of one attested artifact. [weights-match]" in out
    assert out.count("Unknown when ") == out.count("If it does not hold: Ask ")
    assert "not legal advice" in out
    assert attest("policy", "explain", buyer["policy"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["rules"][0]["rule"] == "weights-match"


def test_lint_ends_with_1_where_something_is_wrong(buyer, capsys):
    assert attest("policy", "lint", buyer["policy"]) == 0
    assert "no problem found" in capsys.readouterr().out
    buyer["policy"].write_text(buyer["policy"].read_text().replace("signed-by", "trusted-time"))
    assert attest("policy", "lint", buyer["policy"]) == 1
    out = capsys.readouterr().out
    assert "missing-rule: there is no rule signed-by" in out
    assert attest("policy", "lint", buyer["policy"], "--json", "-t", buyer["trust"]) == 1
    assert "missing-rule" in [each["code"] for each in json.loads(capsys.readouterr().out)]


def test_cases_that_pass_and_fail_for_their_own_reason(buyer, capsys):
    short = buyer["bundle"].with_name("short.intoto.jsonl")
    lines = buyer["bundle"].read_bytes().splitlines(keepends=True)
    short.write_bytes(b"".join(lines[:1] + lines[2:]))
    good = cases(buyer)
    bad = good | {"name": "one is missing", "bundle": short.name, "expect": "REJECT"}
    wrong = bad | {"findings": ["statement-missing"]}
    cases(buyer, wrong)
    assert attest("policy", "test", buyer["policy"]) == 1
    out = capsys.readouterr().out
    assert "ok      complete: ACCEPT" in out
    assert "not expected: " in out
    codes = out.partition("not expected: ")[2].splitlines()[0].split(", ")
    cases(buyer, bad | {"findings": ["statement-missing", *codes]})
    assert attest("policy", "test", buyer["policy"]) == 0
    assert "2 of 2 cases as expected" in capsys.readouterr().out
    cases(buyer, bad | {"findings": ["statement-missing", "license-denied", *codes]})
    assert attest("policy", "test", buyer["policy"]) == 1
    assert "expected and not found: license-denied" in capsys.readouterr().out


def test_a_case_that_must_not_pass_names_its_reason(buyer, capsys):
    cases(buyer, expect="REJECT")
    assert attest("policy", "test", buyer["policy"]) == 2
    assert "names the findings that keep it from passing" in capsys.readouterr().err


def test_only_one_kind_of_case_is_warned_about(buyer, capsys):
    cases(buyer)
    assert attest("policy", "test", buyer["policy"]) == 0
    assert "no case it has to refuse" in capsys.readouterr().err


def test_a_case_may_measure_what_was_delivered(buyer, capsys):
    cases(buyer, delivered="release")
    assert attest("policy", "test", buyer["policy"]) == 0
    (buyer["delivered"] / "model.safetensors").write_bytes(b"other")
    assert attest("policy", "test", buyer["policy"]) == 1
    assert "weights-differ" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"bundle": "gone.jsonl"}, 4, "gone.jsonl"),
        ({"trust": "gone.yaml"}, 4, "gone.yaml"),
        ({"release": f"sha256:{'0' * 64}"}, 4, "it holds no release"),
        ({"asOf": "yesterday"}, 2, "asOf"),
        ({"expects": "ACCEPT"}, 2, "did you mean 'expect'?"),
    ],
)
def test_cases_that_cannot_be_run_are_no_verdict(buyer, capsys, changes, code, message):
    cases(buyer, **changes)
    assert attest("policy", "test", buyer["policy"]) == code
    assert message in capsys.readouterr().err


def test_try_says_what_a_buyer_would(buyer, capsys):
    words = ["policy", "try", buyer["policy"], "-b", buyer["bundle"], "-t", buyer["trust"]]
    assert attest(*words, "--register", buyer["register"]) == 0
    caught = capsys.readouterr()
    assert caught.out.startswith("PRE-FLIGHT: no file was measured; not a basis for buying.")
    assert "no file was measured" in caught.err
    assert attest(*words) == 3
    assert "--register" not in capsys.readouterr().out.partition("REPRODUCE")[2]
    assert attest(*words, "--register", buyer["register"], "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["preflight"] is True
    assert report["verdict"] == "ACCEPT"


def test_try_compares_bundles(buyer, capsys):
    short = buyer["bundle"].with_name("short.intoto.jsonl")
    short.write_bytes(b"".join(buyer["bundle"].read_bytes().splitlines(keepends=True)[1:]))
    words = ["policy", "try", buyer["policy"], "-b", buyer["bundle"], "-b", short, "-t", buyer["trust"]]
    assert attest(*words, "--register", buyer["register"], "--json") == 1
    table = json.loads(capsys.readouterr().out)
    assert [each["verdict"] for each in table["candidates"]] == ["ACCEPT", "REJECT"]
    assert attest(*words, "--register", buyer["register"]) == 1
    assert "whole report: attest policy try" in capsys.readouterr().out


def test_try_outside_a_project_asks_whom_to_believe(buyer, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert attest("policy", "try", buyer["policy"], "-b", buyer["bundle"]) == 2
    assert "whom would the buyer believe?" in capsys.readouterr().err


def test_try_finds_no_release_of_strangers(buyer, capsys):
    trust = buyer["trust"].read_text()
    empty = buyer["trust"].with_name("empty.yaml")
    head, _, _ = trust.partition("roles:")
    empty.write_text(head.split("  desk:")[0] + "roles: {}\n" if "  desk:" in head else head)
    lines = buyer["bundle"].read_bytes().splitlines(keepends=True)
    only = buyer["bundle"].with_name("only.intoto.jsonl")
    only.write_bytes(lines[0])
    assert attest("policy", "try", buyer["policy"], "-b", only, "-t", empty) in (3, 4)
    assert "release" in "".join(capsys.readouterr())


@pytest.mark.parametrize("name", PRESETS)
def test_the_cases_that_ship_with_a_preset(name, capsys):
    assert attest("policy", "test", f"preset:{name}", "--json") == 0
    verdicts = {each["verdict"] for each in json.loads(capsys.readouterr().out)}
    assert "ACCEPT" in verdicts
    assert verdicts - {"ACCEPT"}


def test_an_unknown_preset_has_no_cases(capsys):
    assert attest("policy", "test", "preset:biometrics") == 2
    assert "did you mean 'biometric'?" in capsys.readouterr().err
