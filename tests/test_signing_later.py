"""A signer that cannot sign costs nothing: what it was asked for waits, and says so if that matters."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest
from workshop import CARD

from attest.cli import main
from attest.desk import spool_folder
from attest.errors import SignatureError, StoreError
from attest.predicate import read_predicate
from attest.resource import ResourceDescriptor
from attest.settings import find_settings
from attest.signer import open_signer
from attest.signers.file import FileSigner, generate_key
from attest.spool import pending, settle_all, signed_late, spool_given
from attest.statement import Statement
from attest.stores.sqlite import SqliteStore

STEP = "https://slsa.dev/provenance/v1"
DOWN = SignatureError("transparency log: cannot be reached", code="rekor-unreachable")
REFUSED = SignatureError("transparency log: answered with status 413", code="rekor-refused")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "attest.yaml").write_text("signer: file:key")
    generate_key(tmp_path / "key")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("1")
    (tmp_path / "card.yaml").write_text(CARD)
    monkeypatch.chdir(tmp_path)
    found = find_settings(tmp_path)
    found.open_store(create=True).close()
    return found


@contextmanager
def broken(error, after=0):
    """Make the signer fail with an error, from its n-th statement on."""
    real, count = FileSigner.sign, iter(range(10**6))

    def sign(self, statement):
        if next(count) >= after:
            raise error
        return real(self, statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FileSigner, "sign", sign)
        yield


def attest(capfd, *words, code=0):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    captured = capfd.readouterr()
    assert ended.value.code == code, captured.err
    return captured.out, captured.err


def run(capfd, code=0, output="model"):
    words = ("run", "--kind", "train", "--dataset", "data", "--output", output)
    return attest(capfd, *words, "--", "cp", "data/a.txt", output, code=code)


def stored(project):
    with project.open_store(read_only=True) as store:
        return [bundle.statement() for bundle in store.bundles()]


def waiting(project):
    return pending(spool_folder(project))


def test_a_step_that_waited_says_so(project, capfd):
    with broken(DOWN):
        _, err = run(capfd, code=75)
    assert "the step ran, but could not be signed and stored: transparency log: cannot be reached" in err
    (entry,) = waiting(project)
    out, _ = attest(capfd, "sign", "--pending")
    assert out == f"sha256:{entry.digest}\n"
    (statement,) = stored(project)
    assert statement.digest == entry.digest
    assert statement.predicate["buildDefinition"]["internalParameters"]["signedLate"] is True
    assert read_predicate(statement).signed_late
    assert waiting(project) == []


def test_a_step_signed_in_time_does_not(project, capfd):
    run(capfd)
    (statement,) = stored(project)
    assert "signedLate" not in statement.predicate["buildDefinition"]["internalParameters"]
    assert not read_predicate(statement).signed_late


@pytest.mark.parametrize(("value", "late"), [(True, True), ("no", True), (1, True), (False, False)])
def test_what_is_not_plainly_no_is_late(project, capfd, value, late):
    run(capfd)
    found = json.loads(stored(project)[0].payload)
    found["predicate"]["buildDefinition"]["internalParameters"]["signedLate"] = value
    assert read_predicate(Statement.parse(json.dumps(found).encode())).signed_late is late


@pytest.mark.parametrize(
    "predicate",
    [
        {},
        {"buildDefinition": 1},
        {"buildDefinition": {"buildType": "https://ci.example/build/v1", "internalParameters": {}}},
    ],
)
def test_the_words_of_others_stay_as_they_are(predicate):
    subject = ResourceDescriptor(name="m", digest={"sha256": "0" * 64})
    for kind in (STEP, "https://example.com/made-up/v1"):
        statement = Statement.build([subject], kind, predicate)
        assert signed_late(statement) is statement


def test_an_output_that_changed_meanwhile_is_not_signed(project, capfd):
    with broken(DOWN):
        run(capfd, code=75)
    (project.root / "model").write_text("other")
    _, err = attest(capfd, "sign", "--pending", code=4)
    assert "the output changed since the step ran" in err
    assert (len(waiting(project)), stored(project)) == (1, [])


def test_a_record_waits_too(project, capfd):
    (project.root / "model").write_text("m")
    words = ("record", "--kind", "train", "--dataset", "data", "--output", "model")
    with broken(DOWN):
        _, err = attest(capfd, *words, code=75)
    assert "attest sign --pending" in err
    attest(capfd, "sign", "--pending")
    step = read_predicate(stored(project)[0])
    assert (step.recorded, step.signed_late) == ("after-the-fact", True)


@pytest.mark.parametrize("after", [0, 1])
def test_what_is_said_about_data_waits_and_what_is_signed_is_kept(project, capfd, after):
    with broken(DOWN, after):
        _, err = attest(capfd, "dataset", "data", "--card", "card.yaml", code=75)
    assert "a statement about the data could not be signed and stored" in err
    assert (len(stored(project)), len(waiting(project))) == (after, 2 - after)
    attest(capfd, "sign", "--pending")
    kinds = {each.predicate_type.rpartition("/")[0].rpartition("/")[2] for each in stored(project)}
    assert kinds == {"dataset", "rights"}
    with project.open_store(read_only=True) as store:
        assert store.check().problems == ()
    # and a second time there is nothing to do
    out, _ = attest(capfd, "dataset", "data", "--card", "card.yaml", "--json")
    assert json.loads(out)["new"] == []


def test_any_statement_waits_as_it_is(project, capfd):
    payload = (
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/x",\n "subject":'
    )
    payload += b'[{"name":"gone","digest":{"sha256":"' + b"0" * 64 + b'"}}],"predicate":{}}'
    (project.root / "s.json").write_bytes(payload)
    with broken(REFUSED):
        _, err = attest(capfd, "sign", "s.json", code=75)
    assert "the statement could not be signed: transparency log: answered with status 413" in err
    attest(capfd, "sign", "--pending")
    assert stored(project)[0].payload == payload


def test_a_statement_for_a_file_alone_does_not_wait(project, capfd):
    """Nobody asked for it to be kept in the project."""
    (project.root / "s.json").write_bytes(
        Statement.build(
            [ResourceDescriptor(name="m", digest={"sha256": "0" * 64})], "https://x/y", {}
        ).payload
    )
    with broken(DOWN):
        attest(capfd, "sign", "s.json", "-o", "out.json", code=4)
    assert waiting(project) == []


def test_a_full_disk_is_no_reason_for_a_given_statement_to_wait(project, capfd, monkeypatch):
    (project.root / "s.json").write_bytes(
        Statement.build(
            [ResourceDescriptor(name="m", digest={"sha256": "0" * 64})], "https://x/y", {}
        ).payload
    )

    def full(self, bundles, manifests=()):
        if bundles:
            raise StoreError("the disk is full")

    monkeypatch.setattr(SqliteStore, "put", full)
    _, err = attest(capfd, "sign", "s.json", code=4)
    assert "the disk is full" in err
    assert waiting(project) == []


# several at once


def given(project, count):
    subject = ResourceDescriptor(name="m", digest={"sha256": "0" * 64})
    for number in range(count):
        spool_given(spool_folder(project), Statement.build([subject], "https://x/y", {"n": number}))


def test_a_service_that_is_down_is_asked_once(project, capfd, monkeypatch):
    given(project, 5)
    asked = []

    def sign(self, statement):
        asked.append(statement)
        raise DOWN

    monkeypatch.setattr(FileSigner, "sign", sign)
    out, _ = attest(capfd, "sign", "--pending", "--json", code=75)
    answer = json.loads(out)
    assert (len(asked), answer["signed"], len(answer["waiting"])) == (1, [], 5)
    assert answer["waiting"][4]["error"] == "not tried: transparency log: cannot be reached"
    assert len(waiting(project)) == 5


def test_one_that_is_refused_keeps_no_other_waiting(project, capfd, monkeypatch):
    given(project, 5)
    real = FileSigner.sign

    def sign(self, statement):
        if statement.predicate["n"] == 2:
            raise REFUSED
        return real(self, statement)

    monkeypatch.setattr(FileSigner, "sign", sign)
    out, _ = attest(capfd, "sign", "--pending", "--json", code=4)
    assert len(json.loads(out)["signed"]) == 4
    assert [json.loads(each.path.read_bytes())["predicate"]["n"] for each in waiting(project)] == [2]


def test_a_signer_that_can_signs_several_at_the_same_time(project, monkeypatch):
    given(project, 20)
    real, barrier = FileSigner.sign, threading.Barrier(4)

    def sign(self, statement):
        barrier.wait(20)  # goes on only when four threads are here
        return real(self, statement)

    monkeypatch.setattr(FileSigner, "sign", sign)
    entries = waiting(project)
    with project.open_store() as store:
        signer = open_signer(project.signer_uri)
        found = list(settle_all(entries, signer, store, threads=4))
    assert [entry for entry, _ in found] == entries
    assert all(isinstance(each, Statement) for _, each in found)
    assert {each.digest for each in stored(project)} == {each.digest for each in entries}
    assert waiting(project) == []


def test_an_interruption_keeps_what_was_not_signed(project, monkeypatch):
    given(project, 6)
    real = FileSigner.sign
    monkeypatch.setattr(FileSigner, "sign", lambda self, statement: time.sleep(0.01) or real(self, statement))
    with project.open_store() as store:
        for number, _ in enumerate(settle_all(waiting(project), open_signer(project.signer_uri), store)):
            if number == 1:
                break
    assert len(stored(project)) == 2
    assert len(waiting(project)) == 4
