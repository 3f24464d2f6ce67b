"""Lines of evidence come out of many processes as they come out of one: to the byte, and to the error."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
from dataclasses import fields, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance
from pki import authority, pem
from world import good_world, signer

from attest import check as module
from attest import processes
from attest.bundle import parse_line, with_evidence
from attest.check import Line, RawLine, check_lines
from attest.digest import sha256_bytes
from attest.errors import AttestError, FormatError, LimitError
from attest.limits import DEFAULT
from attest.trust import Trust, read_trust

WORLD, _ = good_world()
GOOD = [each.raw for each in WORLD.bundles]
STRANGER = signer("stranger").sign(WORLD.bundles[0].statement()).raw
SECOND = signer("desk").sign(WORLD.bundles[3].statement()).raw
SIGNATURE = b'"sig":"'
TAMPERED = [
    each[: (at := each.index(SIGNATURE) + 30)]
    + (b"A" if each[at : at + 1] != b"A" else b"B")
    + each[at + 1 :]
    for each in GOOD
]
UNKNOWN = [b"{}", b"[1]", b'{"mediaType":"text/plain"}']


class DeadlyTrust(Trust):
    """Kills the process it is asked in, unless that is the first."""

    target = b""
    """The line it is deadly to be asked about; it goes with the trust to a process that shares no memory."""

    def verify(self, bundle, where=None, limits=DEFAULT, as_of=None):
        if multiprocessing.parent_process() is not None and bundle.raw == self.target:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().verify(bundle, where, limits, as_of)


@pytest.fixture
def few(monkeypatch):
    """Three lines are many, and go two by two."""
    monkeypatch.setattr(module, "MANY", 3)
    monkeypatch.setattr(module, "_BATCH_LINES", 2)


def numbered(raw):
    return [RawLine(f"{number % 2}.jsonl", number, each) for number, each in enumerate(raw, 1)]


def told(lines, workers, limits=DEFAULT, trust=WORLD.trust):
    """What came out, down to the bytes; or what went wrong and where."""
    try:
        checked = check_lines(iter(lines), trust, limits, jobs=workers)
    except AttestError as error:
        return type(error), error.what, error.where, error.hint
    statements = [
        (digest, [(one, one.statement.subjects, one.statement.predicate, one.bundle.line) for one in each])
        for digest, each in checked.statements.items()
    ]
    return statements, checked.unverified, checked.unknown_lines, checked.files


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.sampled_from([*GOOD, *TAMPERED, STRANGER, SECOND, *UNKNOWN, b"{not json", GOOD[0][:-1]]),
        min_size=3,
        max_size=30,
    )
)
def test_workers_change_nothing(few, lines):
    assert told(numbered(lines), 2) == told(numbered(lines), 1)


def test_every_kind_of_line_comes_through_workers(few):
    lines = [*GOOD, *TAMPERED, STRANGER, SECOND, *UNKNOWN, *GOOD]
    statements, unverified, unknown, files = told(numbered(lines), 2)
    assert [digest for digest, _ in statements] == [each.statement_digest for each in WORLD.bundles]
    assert {each.code for each in unverified} == {"signer-unknown", "signature-invalid"}
    assert len(unverified) == len(TAMPERED) + 1
    assert len(unknown) == len(UNKNOWN)
    assert files[WORLD.bundles[0].statement_digest] == {"0.jsonl", "1.jsonl"}
    assert (statements, unverified, unknown, files) == told(numbered(lines), 1)


def test_the_first_error_is_told_with_its_line(few):
    lines = numbered([*GOOD, b"{", b"{also"])
    assert told(lines, 2) == told(lines, 1)
    assert told(lines, 2)[0] is FormatError
    assert told(lines, 2)[2] == f"{(len(GOOD) + 1) % 2}.jsonl:{len(GOOD) + 1}"
    tight = replace(DEFAULT, statements=4)
    assert told(lines, 2, tight)[0] is LimitError
    assert told(lines, 2, tight) == told(lines, 1, tight)


def test_an_error_of_the_reader_waits_for_the_lines_before(few):
    def reading(good):
        yield from numbered(good)
        raise FormatError("cannot be read", "a.jsonl")

    for before in ([], GOOD[:1], GOOD, [*GOOD, b"{"]):
        assert told(reading(before), 2) == told(reading(before), 1)
    assert told(reading(GOOD), 2)[1] == "cannot be read"
    assert "not JSON" in told(reading([*GOOD, b"{"]), 2)[1]


def test_no_line_is_missing_when_a_process_is_killed(few):
    deadly = DeadlyTrust(**{each.name: getattr(WORLD.trust, each.name) for each in fields(Trust)})
    deadly.__dict__["target"] = GOOD[-1]
    assert told(numbered(GOOD), 1, trust=deadly) == told(numbered(GOOD), 1)
    kind, what, _, hint = told(numbered(GOOD), 2, trust=deadly)
    assert (kind, "ended unexpectedly" in what) == (AttestError, True)
    assert "--jobs 1" in hint


def test_lines_that_were_parsed_come_through_workers_too(few):
    lines = [*GOOD, *TAMPERED, *UNKNOWN]
    parsed = [Line(each.source, each.number, parse_line(each.content, 1, "")) for each in numbered(lines)]
    assert told(parsed, 2) == told(numbered(lines), 1)


def test_processes_that_share_no_memory_find_the_same(few, monkeypatch):
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.setattr(processes, "_context", lambda: spawn)
    lines = numbered([*GOOD, *TAMPERED, STRANGER, *UNKNOWN])
    assert told(lines, 2) == told(lines, 1)


def test_few_lines_start_no_process(monkeypatch):
    def refuse(*_):
        raise AssertionError("a process for a few lines")

    monkeypatch.setattr(module, "in_processes", refuse)
    assert told(numbered(GOOD), 8) == told(numbered(GOOD), 1)
    with pytest.raises(AssertionError, match="for a few lines"):
        told(numbered(GOOD[:1] * module.MANY), 8)


def test_the_collector_is_left_as_it_was():
    before = gc.get_threshold()
    told(numbered([*GOOD, b"{"]), 1)
    assert gc.get_threshold() == before


@pytest.fixture
def everything(tmp_path):
    """A trust of every kind, and a line by each."""
    pytest.importorskip("sigstore", reason="sigstore-python is not installed")
    instance = Instance(tmp_path / "instance")
    private = authority("CN=coop")
    pinned = {}
    for name, data in {
        "root.json": instance.trusted_root(),
        "coop.pem": pem(private.certificate),
        "tsa.pem": instance.tsa.pem,
        "desk.pub": signer("desk").public.pem,
    }.items():
        (tmp_path / name).write_bytes(data)
        pinned[name] = {"file": name, "sha256": sha256_bytes(data)}
    coop = {"root": "coop.pem", "sha256": pinned["coop.pem"]["sha256"], "subject": "CN=provenance"}
    ci = {"issuer": ISSUER, "identity": WORKFLOW, "sourceRepository": REPOSITORY}
    value = {
        "principals": {
            "ci": {"sigstore": ci},
            "coop": {"certificate": coop},
            "desk": {"key": pinned["desk.pub"]},
        },
        "roots": {"sigstore": [pinned["root.json"]], "timestamp": [pinned["tsa.pem"]]},
    }
    (tmp_path / "trust.yaml").write_text(json.dumps(value))
    statement = WORLD.bundles[0].statement()
    holder = private.issue("CN=provenance")
    by_holder = holder.sign(statement)
    by_key = signer("desk").sign(statement)
    bundles = [
        instance.sign(statement),
        instance.sign(statement, version=2, stamped=True),
        with_evidence(by_holder, [instance.tsa.stamp(by_holder.signature)]),
        with_evidence(by_key, [instance.tsa.stamp(by_key.signature)]),
    ]
    return read_trust(tmp_path / "trust.yaml"), [each.raw for each in bundles]


def test_a_trust_of_every_kind_reaches_a_process_that_shares_no_memory(few, everything, monkeypatch):
    trust, lines = everything
    alone = told(numbered(lines), 1, trust=trust)
    signers = [one.signer.kind for _, each in alone[0] for one, *_ in each]
    assert sorted(signers) == ["certificate", "key", "sigstore", "sigstore"]
    assert told(numbered(lines), 2, trust=trust) == alone
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.setattr(processes, "_context", lambda: spawn)
    assert told(numbered(lines), 2, trust=trust) == alone
