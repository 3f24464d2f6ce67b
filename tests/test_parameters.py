"""What a step was told, without what is secret of it."""

from __future__ import annotations

import sys

import pytest

from attest.errors import SecretError, UsageError
from attest.parameters import Options, Parameters, own_command
from attest.predicates.step import EXTERNAL_PARAMETERS, KINDS


def parameters(kind="train", command=("python", "train.py"), **settings):
    return Parameters(kind, command, **settings)


def test_only_what_is_known_stands_in_the_statement(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parameters(command=()).external(None) == {}
    assert parameters().external(tmp_path) == {"command": ["python", "train.py"], "workingDirectory": "."}
    assert parameters().external(tmp_path / "other") == {"command": ["python", "train.py"]}


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_can_stand_there_is_known_to_the_kind(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = parameters(kind, exclude=["*"], environment={"A": "1"})
    told.seed(2**60)
    told.add("lr", 0.1)
    told.secret("x")
    for name in EXTERNAL_PARAMETERS[kind] - EXTERNAL_PARAMETERS["collect"]:
        told.set(name, "value")
    found = told.external(tmp_path)
    assert found.keys() <= EXTERNAL_PARAMETERS[kind]
    assert {"seed", "hyperparameters", "secretParameters", "environment", "exclude"} <= found.keys()
    assert found["seed"] == f"int:{2**60}"


def test_a_secret_is_found_wherever_it_was_handed_over(tmp_path):
    told = parameters(
        command=["x", "--key", "from-argv1"], environment={"KEY": "from-env22", "B": "from-argv1"}
    )
    told.add("note", "from-env22 and from-param")
    told.add("key", "from-param")
    told.secret("key")
    told.secret("KEY")
    found = told.external(tmp_path)
    assert found["command"] == ["x", "--key", "<secret:key>"]
    assert found["environment"] == {"KEY": "<secret:KEY>", "B": "<secret:key>"}
    assert found["hyperparameters"] == {"note": "<secret:key> and <secret:key>", "key": "<secret:key>"}


def test_a_parameter_that_looks_like_a_secret_is_not_taken(tmp_path):
    told = parameters()
    with pytest.raises(SecretError, match="the value of 'password'"):
        told.add("password", "hunter22")
    with pytest.raises(SecretError):
        told.set("model", "https://u:hun/ter22@h")
    assert told.external(tmp_path) == parameters().external(tmp_path)
    assert told.is_secret("password") is False
    allowed = parameters(not_secret=["hunter22"])
    allowed.add("password", "hunter22")


def test_what_others_could_not_read_is_refused(tmp_path):
    told = parameters()
    deep = []
    for _ in range(5000):
        deep = [deep]
    for value in (deep, "x" * 70_000, "\udcff", {"a": {"b": "\ud800"}}):
        with pytest.raises(UsageError, match="cannot be written down"):
            told.add("p", value)
        with pytest.raises(UsageError, match="cannot be written down"):
            told.set("model", value)
    assert told.external(tmp_path) == parameters().external(tmp_path)


def test_counts_are_whole_numbers():
    told = parameters()
    told.count("in", 0)
    told.count("removed", 2**60)
    assert told.counts == {"in": 0, "removed": f"int:{2**60}"}
    for name, number in [("into", 1), ("in", -1), ("in", 1.0), ("in", True), ("in", "1"), ("in", None)]:
        with pytest.raises(UsageError):
            told.count(name, number)


def test_the_words_of_this_program():
    assert own_command()[1:] == sys.orig_argv[1:]


def test_a_notebook_has_no_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert own_command() == []


def test_every_option_is_described():
    import ast
    from pathlib import Path

    import attest.parameters

    tree = ast.parse(Path(attest.parameters.__file__).read_text())
    body = next(node for node in tree.body if getattr(node, "name", "") == "Options").body[1:]
    fields = [node.target.id for node in body if isinstance(node, ast.AnnAssign)]
    assert fields == list(Options.__annotations__)
    assert sum(isinstance(node, ast.Expr) for node in body) == len(fields)
