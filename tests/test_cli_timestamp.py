"""``--timestamp``, and ``timestamp`` of attest.yaml, in every command that signs; nothing is lost for it."""

from __future__ import annotations

import json
import shutil
import sys

import pytest
from clients.tsa import TimestampAuthority
from loopback import Answer, Loopback

from attest import service
from attest.bundle import parse_bundle, read_lines
from attest.cli import main
from attest.settings import find_settings
from attest.verifiers.timestamp import TimestampRoot, trusted_time

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(service, "sleep", lambda _: None)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture
def server(authority):
    with Loopback(lambda it: Answer(200, authority.answer(it.body), "application/timestamp-reply")) as found:
        yield found


@pytest.fixture
def down():
    with Loopback(lambda _: Answer(503)) as found:
        yield found


@pytest.fixture
def project(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    attest("init", "--key")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one").write_text("1")
    (tmp_path / "statement.json").write_text(
        json.dumps(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "a", "digest": {"sha256": "0" * 64}}],
                "predicateType": "https://example.org/any/v1",
                "predicate": {},
            }
        )
    )
    capfd.readouterr()
    return tmp_path


def attest(*words, code=0):
    with pytest.raises(SystemExit) as end:
        main([*map(str, words)])
    assert end.value.code == code


def settings(project, text):
    with (project / "attest.yaml").open("a") as file:
        file.write(text)


def bundles(project):
    with find_settings(project).open_store(read_only=True) as store:
        return list(store.bundles())


def stamped(authority, *found):
    root = TimestampRoot.from_pem(authority.pem, "tsa.pem")
    return [trusted_time(bundle, [root]) is not None for bundle in found]


STEP = (
    *("--kind", "transform", "--dataset", "data", "--output", "out"),
    *("--", sys.executable, "-c", "open('out', 'w').write('x')"),
)


def test_run(project, authority, server):
    attest("run", "--timestamp", server.url, *STEP)
    assert stamped(authority, *bundles(project)) == [True]


def test_record(project, authority, server):
    (project / "out").write_text("x")
    attest("record", "--kind", "transform", "--dataset", "data", "--output", "out", "--timestamp", server.url)
    assert stamped(authority, *bundles(project)) == [True]


CARD = """\
dataset: {name: d, version: "1"}
issuer: {legalName: Example Data GmbH}
acquisition: {channel: licensed-delivery}
personalData: {presence: no}
"""


def test_dataset(project, authority, server):
    (project / "card.yaml").write_text(CARD)
    attest("dataset", "data", "--card", "card.yaml", "--timestamp", server.url)
    assert stamped(authority, *bundles(project)) == [True]


def test_a_register(project, authority, server, down, capfd):
    words = ("https://registry.example/orders", "--next-update", "30 days", "--scope", "contents")
    attest("register", "new", *words, "-o", "1.jsonl", "--timestamp", server.url)
    attest("register", "append", "1.jsonl", "-o", "2.jsonl", "--timestamp", server.url)
    editions = [bundle for name in ("1.jsonl", "2.jsonl") for bundle in read_lines(project / name)]
    assert stamped(authority, *editions) == [True, True]
    attest("register", "append", "2.jsonl", "-o", "3.jsonl", "--timestamp", down.url, code=4)
    assert "[timestamp-status]" in capfd.readouterr().err
    assert not (project / "3.jsonl").exists()


def test_sign_into_the_store_and_into_a_file(project, authority, server):
    attest("sign", "statement.json", "--timestamp", server.url)
    attest("sign", "statement.json", "--timestamp", server.url, "-o", "file.json")
    in_file = parse_bundle((project / "file.json").read_bytes().strip())
    assert stamped(authority, *bundles(project), in_file) == [True, True]


def test_the_settings_name_one_or_several(project, authority, server):
    settings(project, f"timestamp: {server.url}\n")
    attest("sign", "statement.json", "-o", "one.json")
    assert find_settings(project).timestamps == (server.url,)
    (project / "attest.yaml").write_text(
        f"signer: file:keys/attest.key\ntimestamp: [{server.url}, {server.url}]\n"
    )
    attest("sign", "statement.json", "-o", "two.json")
    one, two = (parse_bundle((project / f"{name}.json").read_bytes().strip()) for name in ("one", "two"))
    assert (len(one.timestamps), len(two.timestamps)) == (1, 2)
    assert stamped(authority, one, two) == [True, True]


def test_the_option_stands_in_place_of_the_settings(project, authority, server, down):
    settings(project, f"timestamp: {down.url}\n")
    attest("sign", "statement.json", "--timestamp", server.url)
    assert stamped(authority, *bundles(project)) == [True]
    assert down.asked == []


def test_without_either_nobody_is_asked(project, server):
    attest("sign", "statement.json")
    assert bundles(project)[0].timestamps == ()
    assert server.asked == []


def test_an_authority_that_is_down_costs_no_run(project, authority, server, down, capfd):
    attest("run", "--timestamp", down.url, *STEP, code=75)
    said = capfd.readouterr().err
    assert "timestamp authority: answered with status 503 (3 attempts) [timestamp-status]" in said
    assert bundles(project) == []
    attest("sign", "--pending", "--timestamp", down.url, code=75)
    assert "still waits" in capfd.readouterr().err
    attest("sign", "--pending", "--timestamp", server.url)
    assert stamped(authority, *bundles(project)) == [True]
    attest("sign", "--pending")
    assert "nothing waits" in capfd.readouterr().err


def test_an_authority_that_is_down_lets_sign_wait(project, authority, server, down, capfd):
    attest("sign", "statement.json", "--timestamp", down.url, code=75)
    assert "answered with status 503" in capfd.readouterr().err
    assert bundles(project) == []
    attest("sign", "--pending", "--timestamp", server.url)
    assert stamped(authority, *bundles(project)) == [True]


@pytest.mark.parametrize("url", ["tsa.example", "https://me:secret@tsa.example"])
def test_a_url_that_is_none_is_found_before_anything_runs(project, url, capfd):
    attest("run", "--timestamp", url, *STEP, code=2)
    assert "secret@" not in capfd.readouterr().err
    assert not (project / "out").exists()
    settings(project, f"timestamp: {url}\n")
    attest("sign", "statement.json", code=2)
    said = capfd.readouterr().err
    assert "attest.yaml:" in said
    assert "secret@" not in said
