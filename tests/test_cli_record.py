"""``attest record``: the past, said to be the past."""

from __future__ import annotations

import json
import sys

import pytest
from workshop import attest, fill, make_project, manifests, model, statements, steps

from attest.errors import StoreError
from attest.spool import pending
from attest.stores.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    model(folder / "model")
    monkeypatch.chdir(folder)
    return folder


BASE = ("record", "--kind", "train", "--dataset", "data", "--output", "model")


def test_a_step_of_the_past(root, capfd, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")  # today's job says nothing about the past
    monkeypatch.setenv("GITHUB_WORKFLOW_REF", "a/b/w.yml@refs/heads/m")
    out, err = attest(
        capfd,
        *BASE,
        "--param",
        "lr=0.1",
        "--started",
        "2024-05-01",
        "--finished",
        "2024-05-02T03:04:05+02:00",
    )
    statement, step = steps(root)[0]
    assert out == ""
    assert f"signed statement sha256:{statement.digest}" in err
    assert step.recorded == "after-the-fact"
    assert step.completeness == ("partial", "none")
    definition = statement.predicate["buildDefinition"]
    assert definition["internalParameters"] == {
        "completeness": {"claim": "partial", "enforcedBy": "none"},
        "recorded": "after-the-fact",
    }
    assert definition["externalParameters"] == {"hyperparameters": {"lr": 0.1}}
    assert statement.predicate["runDetails"]["metadata"] == {
        "startedOn": "2024-05-01T00:00:00Z",
        "finishedOn": "2024-05-02T01:04:05Z",
    }
    assert "github.com" not in step.run_details.builder.id
    assert len(statement.subjects) == 4
    assert manifests(root) == {statement.subjects[-1].artifact.sha256}


def test_nothing_is_run_and_the_command_is_what_ran_then(root, capfd):
    attest(capfd, *BASE, "--", sys.executable, "-c", "open('ran', 'w')")
    assert not (root / "ran").exists()
    statement, _ = steps(root)[0]
    assert statement.predicate["buildDefinition"]["externalParameters"]["command"][1] == "-c"
    assert "metadata" not in statement.predicate["runDetails"]


def test_the_answer_as_json(root, capfd):
    out, _ = attest(capfd, *BASE, "--json")
    assert json.loads(out)["statement"] == f"sha256:{statements(root)[0].digest}"
    assert json.loads(out)["outputs"][0]["files"] == 3


def test_outputs_that_are_there_are_no_surprise(root, capfd):
    _, err = attest(capfd, *BASE)
    assert "there already" not in err
    assert "were there before" not in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--started", "yesterday"], 2, "--started: got 'yesterday', expected a time"),
        (["--started", "2024-02-02", "--finished", "2024-02-01"], 2, "it ended (2024-02-01) before it began"),
        (["--kind", "trian"], 2, "did you mean 'train'?"),
        (["--kind", "distill"], 2, "a distill step reads a teacher"),
        (["--dataset", "nowhere"], 2, "no such dataset"),
        (["--output", "nowhere"], 4, "output: no such file or directory"),
        (["--param", "token=hunter22"], 4, "looks like a secret"),
        (["--completeness", "all"], 2, "No such option"),
        (["--env", "X"], 2, "No such option"),
    ],
)
def test_what_is_wrong_is_said(root, capfd, words, code, said):
    _, err = attest(capfd, *BASE, *words, code=code)
    assert said in err
    assert statements(root) == []


def test_a_store_that_fails_is_an_error_and_nothing_waits(root, capfd, monkeypatch):
    put = SqliteStore.put

    def full(self, bundles, manifests=()):
        if list(bundles):
            raise StoreError("the disk is full")
        return put(self, [], manifests)

    monkeypatch.setattr(SqliteStore, "put", full)
    _, err = attest(capfd, *BASE, code=4)
    assert "the disk is full" in err
    assert pending(root / ".attest" / "spool") == []


def test_help_says_that_the_list_is_partial(capfd):
    out, _ = attest(capfd, "record", "--help")
    assert "partial" in out
    assert "after the fact" in " ".join(out.split())


def test_exclusions_are_written_down(root, capfd):
    fill(root / "data", skipped="x")
    attest(capfd, *BASE, "--exclude", "skipped.txt")
    statement, step = steps(root)[0]
    assert statement.predicate["buildDefinition"]["externalParameters"]["exclude"] == ["skipped.txt"]
    assert step.inputs[0].descriptor.annotation("excludedFiles") == 1
