"""``--log URL`` in the commands that sign: said before it is done, never a setting; nothing is lost by it."""

from __future__ import annotations

import json
import sys

import pytest
from loopback import Answer, Loopback
from test_rekor_entry import log_of
from tlog import TestLog

from attest import service
from attest.bundle import read_lines
from attest.cli import main
from attest.settings import find_settings

STEP = (
    *("--kind", "transform", "--dataset", "data", "--output", "out"),
    *("--", sys.executable, "-c", "open('out', 'w').write('x')"),
)
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
    "predicateType": "https://example.org/any/v1",
    "predicate": {},
}
CARD = """\
dataset: {name: d, version: "1"}
issuer: {legalName: Example Data GmbH}
acquisition: {channel: licensed-delivery}
personalData: {presence: no}
"""


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service, "sleep", lambda _: None)


@pytest.fixture
def log():
    with log_of(TestLog()) as server:
        yield server


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    attest("init", "--key")
    (tmp_path / "data").write_text("1")
    (tmp_path / "card.yaml").write_text(CARD)
    (tmp_path / "statement.json").write_text(json.dumps(STATEMENT))
    capfd.readouterr()
    return tmp_path


def attest(*words, code=0):
    with pytest.raises(SystemExit) as end:
        main([*map(str, words)])
    assert end.value.code == code


def logged(project):
    with find_settings(project).open_store(read_only=True) as store:
        return [len(bundle.log_entries) for bundle in store.bundles()]


@pytest.mark.parametrize(
    "words",
    [
        ("sign", "--log", "URL", "statement.json"),
        ("dataset", "--log", "URL", "data", "--card", "card.yaml"),
        ("record", "--log", "URL", "--kind", "transform", "--dataset", "data", "--output", "card.yaml"),
        ("run", "--log", "URL", *STEP),
    ],
    ids=lambda words: words[0],
)
def test_every_command_that_signs(project, log, capfd, words):
    attest(*(log.url if word == "URL" else word for word in words))
    assert logged(project) == [1]
    said = capfd.readouterr().err
    assert f"publishes in the log {log.url}, for ever" in said
    assert len(log.asked) == 1


NEW = ("new", "https://registry.example/orders", "--next-update", "30 days", "--scope", "contents")


def read(path):
    (bundle,) = read_lines(path)
    return bundle


def test_a_register(project, log, capfd):
    attest("register", *NEW, "-o", "1.jsonl", "--log", log.url)
    assert f"publishes in the log {log.url}, for ever" in capfd.readouterr().err
    attest("register", "append", "1.jsonl", "-o", "2.jsonl", "--log", log.url)
    assert f"publishes in the log {log.url}, for ever" in capfd.readouterr().err
    assert [len(read(project / name).log_entries) for name in ("1.jsonl", "2.jsonl")] == [1, 1]
    assert len(log.asked) == 2


def test_a_register_is_not_written_without_what_was_asked_for(project, capfd):
    with Loopback(lambda _: Answer(503)) as down:
        attest("register", *NEW, "-o", "1.jsonl", "--log", down.url, code=4)
    assert "[log-status]" in capfd.readouterr().err
    assert not (project / "1.jsonl").exists()


def test_a_bundle(project, log, capfd):
    attest("dataset", "data", "--card", "card.yaml")
    capfd.readouterr()
    attest("bundle", "data", "--log", log.url)
    assert f"publishes in the log {log.url}, for ever" in capfd.readouterr().err
    assert len(log.asked) == 1
    assert sorted(len(each.log_entries) for each in read_lines(project / "data.intoto.jsonl")) == [0, 1]


def test_nobody_publishes_unasked(project, log, capfd):
    attest("sign", "statement.json")
    assert (logged(project), log.asked) == ([0], [])
    assert "publishes" not in capfd.readouterr().err
    with (project / "attest.yaml").open("a") as file:
        file.write(f"log: {log.url}\n")
    attest("sign", "statement.json", code=2)
    assert "log" in capfd.readouterr().err
    assert log.asked == []


def test_a_log_that_is_down_costs_no_run(project, log):
    with Loopback(lambda _: Answer(503)) as down:
        attest("run", "--log", down.url, *STEP, code=75)
    assert logged(project) == []
    attest("sign", "--pending", "--log", log.url)
    assert logged(project) == [1]


def test_what_waited_for_a_log_can_be_signed_without_it(project, log):
    with Loopback(lambda _: Answer(503)) as down:
        attest("run", "--log", down.url, *STEP, code=75)
    attest("sign", "--pending")
    assert (logged(project), log.asked) == ([0], [])


def test_what_is_no_url_runs_nothing(project, capfd):
    attest("run", "--log", "log.example", *STEP, code=2)
    assert "is no URL of a service" in capfd.readouterr().err
    assert not (project / "out").exists()
