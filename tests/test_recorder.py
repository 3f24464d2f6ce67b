"""``attest.run`` from Python: what is recorded, what stops it before, and that nothing is lost after."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workshop import attest as command
from workshop import fill, make_project, manifests, model, statements, steps

import attest
from attest.errors import (
    AttestError,
    DigestError,
    LimitError,
    RecordingError,
    SecretError,
    SignatureError,
    SpooledError,
    StoreError,
    UsageError,
)
from attest.predicates.step import unknown_parameters
from attest.recorder import Recorder, RecordingWarning
from attest.redaction import NamedSecretError
from attest.scan import Root
from attest.settings import DEFAULT_BUILDER_ID
from attest.spool import pending
from attest.stores.sqlite import SqliteStore

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def _quiet():
    """That nobody signed a statement about the data is the matter of a few tests only."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RecordingWarning)
        yield


def recorded(root, during=lambda _: None, inputs=(("data", "dataset"),), outputs=("model",), **options):
    """A plain run, recorded; returns its statement and predicate.

    ``during`` is called with the recorder when the model is written and its output named.
    """
    with attest.run("train", **options) as run:
        for path, role in inputs:
            run.input(path, role)
        model(root / "model")
        for path in outputs:
            run.output(path)
        during(run)
    return steps(root)[-1]


def outside(statement):
    return statement.predicate["buildDefinition"]["externalParameters"]


def inside(statement):
    return statement.predicate["buildDefinition"]["internalParameters"]


def fail(error):
    def failing(*_, **__):
        raise error

    return failing


# ── what is recorded ──


def test_a_block_becomes_a_statement(root):
    before = datetime.now(UTC).replace(microsecond=0)
    with attest.run("train", seed=7, exclude=["*.tmp"], environment=["SET", "UNSET"]) as run:
        run.input("data", "dataset", uri="https://u:p@data.example/x")
        run.parameter("lr", 3e-4)
        run.counts(into=10, out=9, removed=1)
        model(root / "model")
        run.output("model")
    statement, step = steps(root)[0]
    assert run.statement_digest == statement.digest
    assert step.kind == "train"
    assert unknown_parameters(step) == []
    assert step.completeness == ("all-inputs-listed", "none")
    assert step.recorded == "during"
    assert step.counts == (10, 9, 1)
    assert outside(statement)["seed"] == 7
    assert outside(statement)["hyperparameters"] == {"lr": 3e-4}
    assert outside(statement)["exclude"] == ["*.tmp"]
    assert outside(statement)["workingDirectory"] == "."
    assert outside(statement)["environment"] == {"SET": None, "UNSET": None}
    assert inside(statement)["python"]["packages"]
    (data,) = step.inputs
    assert (data.role, data.size_bytes, data.descriptor.uri) == ("dataset", 2, "https://data.example/x")
    assert [subject.name for subject in statement.subjects] == [
        "model/config.json",
        "model/model.safetensors",
        "model/tokenizer.json",
        "model/",
    ]
    metadata = step.run_details.metadata
    assert before <= metadata.started_on <= metadata.finished_on <= datetime.now(UTC)
    assert step.run_details.builder.id == DEFAULT_BUILDER_ID
    assert step.run_details.builder.version == {"attest": attest.__version__}
    assert manifests(root) == {run.recorded.outputs[0].measured.artifact.sha256}


def test_only_named_variables_are_recorded(root, monkeypatch):
    monkeypatch.setenv("SHOWN", "visible value")
    monkeypatch.setenv("HIDDEN", "invisible value")
    statement, _ = recorded(root, environment=["SHOWN"])
    assert outside(statement)["environment"] == {"SHOWN": "visible value"}
    assert b"invisible value" not in statement.payload


def test_nothing_of_user_host_or_home_is_recorded(root):
    import getpass
    import socket

    statement, _ = recorded(root)
    text = json.dumps([outside(statement) | {"command": []}, inside(statement) | {"python": 0}])
    assert str(root.parent) not in text
    assert socket.gethostname() not in text
    with suppress(KeyError, OSError):  # a number without a name
        assert f'"{getpass.getuser()}"' not in text


class _Scalar:
    shape = ()

    def item(self):
        return 0.5


def test_values_json_cannot_carry_are_tagged(root):
    with attest.run("train") as run:
        run.input("data", "dataset")
        for name, value in {
            "big": 2**63,
            "nan": float("nan"),
            "scalar": _Scalar(),
            "odd": {1},
            "none": None,
        }.items():
            run.parameter(name, value)
        model(root / "model")
        run.output("model")
    assert outside(steps(root)[0][0])["hyperparameters"] == {
        "big": "int:9223372036854775808",
        "nan": "float:nan",
        "scalar": 0.5,
        "odd": "{1}",
        "none": None,
    }


def test_two_outputs_a_file_and_a_byproduct(root):
    with attest.run("transform") as run:
        run.input("data", "dataset")
        fill(root / "a" / "out", x="1")
        fill(root / "b" / "out", x="2")
        fill(root, stats="3", log="4")
        for path in ("a/out", "b/out", "stats.txt"):
            run.output(path)
        run.output("data.txt", name="renamed")
        (root / "data.txt").write_text("5")
        run.byproduct("log.txt")
        run.byproduct("never-written.txt")
    statement, step = steps(root)[0]
    names = [subject.name for subject in statement.subjects]
    assert names == ["out/x.txt", "out/", "out-2/x.txt", "out-2/", "stats.txt", "renamed"]
    assert [each.name for each in step.byproducts] == ["log.txt"]


@pytest.mark.parametrize(("count", "subjects"), [(1023, 1024), (1024, 1), (5000, 1)])
def test_outputs_of_many_files(root, count, subjects):
    with attest.run("transform") as run:
        run.input("data", "dataset")
        fill(root / "out", **{f"{n:05}": str(n) for n in range(count)})
        run.output("out")
    statement, _ = steps(root)[0]
    assert len(statement.subjects) == subjects
    assert statement.subjects[-1].artifact.sha256 in manifests(root)


def test_the_working_directory_is_relative_to_the_project(root, monkeypatch):
    (root / "sub").mkdir()
    monkeypatch.chdir(root / "sub")
    with attest.run("train") as run:
        run.input("../data", "dataset")
        model(root / "model")
        run.output("../model")
    assert outside(steps(root)[0][0])["workingDirectory"] == "sub"
    assert [each.name for each in steps(root)[0][0].subjects][-1] == "model/"


@needs_git
def test_code_and_commit(root):
    for words in (["init", "-q"], ["add", "data"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *words], check=True)
    (root / "train.py").write_text("1")
    (root / ".gitignore").write_text("keys/*.key\n.attest\n")
    with attest.run("train") as run:
        run.input(".", "code")
        run.input("data", "dataset")
        model(root / "model")
        run.output("model")
    statement, step = steps(root)[0]
    code = step.inputs[0]
    assert (code.role, code.descriptor.name) == ("code", "project/")
    assert code.descriptor.annotation("gitCommit") == inside(statement)["git"]["commit"]
    assert code.descriptor.annotation("gitDirty") is inside(statement)["git"]["dirty"] is True
    with SqliteStore(root / ".attest" / "store.db", read_only=True) as store:
        listed = store.manifest(code.artifact.sha256).decode()
    # recorded as they were named: what comes later was there when the code was digested
    assert [line.split("  ")[1] for line in listed.splitlines()] == [
        ".gitignore",
        "attest.yaml",
        "card.yaml",
        "data/a.txt",
        "data/b.txt",
        "keys/attest.key.pub",
        "train.py",
    ]


def test_a_model_nobody_knows_anything_about(root):
    digest = "sha256:" + "0f" * 32
    with attest.run("finetune") as run:
        run.input("data", "dataset")
        run.input(digest, "base-model", name="closed-1", opaque="the vendor gives none")
        model(root / "model")
        run.output("model")
    _, step = steps(root)[0]
    assert (step.inputs[1].opaque, step.inputs[1].reason) == (True, "the vendor gives none")
    assert step.inputs[1].digest_source == "declared"


def test_partial_is_said(root):
    assert recorded(root, completeness="partial")[1].completeness.claim == "partial"


def test_a_required_input_that_was_never_named_makes_the_list_partial(root):
    with pytest.warns(RecordingWarning, match="a train step reads a dataset, and none is named"):
        _, step = recorded(root, inputs=())
    assert step.completeness.claim == "partial"


def test_an_input_nobody_explains_is_remarked(root):
    with pytest.warns(
        RecordingWarning, match=r"no statement in the store explains the dataset data \(sha256:"
    ):
        recorded(root)


@pytest.mark.parametrize(
    ("options", "environ", "yaml", "expected"),
    [
        ({}, {}, "", DEFAULT_BUILDER_ID),
        ({}, {}, "https://from.settings", "https://from.settings"),
        ({"builder_id": "https://asked.for"}, {"GITHUB_ACTIONS": "true"}, "https://from.settings", "https://asked.for"),
        ({}, {"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW_REF": "a/b/w.yml@refs/heads/m"}, "", "https://github.com/a/b/w.yml@refs/heads/m"),
        ({}, {"GITHUB_ACTIONS": "true", "GITHUB_WORKFLOW_REF": "a/b/w.yml@r"}, "https://from.settings", "https://from.settings"),
    ],
)  # fmt: skip
def test_who_the_builder_is(root, monkeypatch, options, environ, yaml, expected):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    if yaml:
        (root / "attest.yaml").write_text(
            f"signer: file:keys/attest.key\nbuilder: {{id: '{yaml}', version: {{x: '1'}}}}\n"
        )
    statement, step = recorded(root, **options)
    assert step.run_details.builder.id == expected
    assert ("ci" in inside(statement)) is bool(environ)
    assert step.run_details.builder.version.get("x") == ("1" if yaml else None)


# ── what stops it before anything ran ──


def refuse(error, match, kind="train", **options):
    """The block is never entered."""
    with pytest.raises(error, match=match) as caught, attest.run(kind, **options):
        pytest.fail("it ran")
    return caught.value


def test_an_unknown_kind(root):
    assert refuse(UsageError, "unknown kind", "trian").hint == "did you mean 'train'?"


def test_an_exclusion_that_cannot_be_read(root):
    refuse(UsageError, "no path relative to the directory", exclude=["/abs"])


def test_words_longer_than_others_read(root):
    refuse(UsageError, "cannot be written down as JSON", command=["python", "x" * 70_000])


def test_an_unknown_option(root):
    with pytest.raises(TypeError, match="unexpected argument 'exclud', did you mean 'exclude'"):
        attest.run("train", exclud=["x"])


def test_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refuse(UsageError, r"no attest\.yaml here or above")


def test_no_signer(root):
    (root / "attest.yaml").write_text("store: .attest/store.db\n")
    refuse(UsageError, "names no signer")


def test_a_key_that_is_not_there(root):
    (root / "keys" / "attest.key").unlink()
    refuse(SignatureError, "cannot be read")


@pytest.mark.parametrize("given", [None, "wrong"])
def test_a_wrong_passphrase(tmp_path, monkeypatch, given):
    monkeypatch.chdir(make_project(tmp_path / "locked", passphrase=b"right"))
    if given:
        monkeypatch.setenv("ATTEST_PASSPHRASE", given)
    refuse(SignatureError, "needs its passphrase" if given is None else "wrong passphrase")
    monkeypatch.setenv("ATTEST_PASSPHRASE", "right")
    assert recorded(tmp_path / "locked")
    assert recorded(tmp_path / "locked", passphrase=b"right")


def test_no_store(root):
    (root / ".attest" / "store.db").unlink()
    assert refuse(StoreError, "there is no store").hint == "`attest init` makes one"


def test_a_store_that_cannot_be_written(root, monkeypatch):
    monkeypatch.setattr(SqliteStore, "put", fail(StoreError("is read-only")))
    refuse(StoreError, "is read-only")


def test_a_builder_id_that_is_none(root):
    refuse(UsageError, "the builder id 'me' is no URI", builder_id="me")


def test_a_secret_in_the_command_line(root):
    refuse(SecretError, "looks like a secret", command=["python", "--password", "hunter22"])
    refuse(UsageError, "cannot be written down as JSON", command=["python", "\udcff"])
    assert recorded(root, command=["python", "--password", "hunter22"], secrets=["password"])
    assert recorded(root, command=["python", "--password", "hunter23"], not_secret=["hunter23"])
    assert b"hunter22" not in b"".join(each.payload for each in statements(root))


@pytest.mark.parametrize(
    ("action", "error", "match"),
    [
        (lambda run: run.input("nowhere", "dataset"), UsageError, "no such dataset"),
        (lambda run: run.input("data", "datset"), UsageError, "unknown role"),
        (lambda run: run.input("sha256:" + "0f" * 32, "base-model"), UsageError, "not on this disk"),
        (lambda run: run.input("empty", "dataset"), DigestError, "no file to digest"),
        (
            lambda run: run.input("card.yaml", "dataset", uri="https://h/?token=abcdefgh1"),
            SecretError,
            "credential in a URL",
        ),
        (lambda run: run.output("data/x"), UsageError, "lies in the dataset data"),
        (lambda run: run.output("a\nb"), UsageError, "cannot be named"),
        (lambda run: run.output("m", name="a/b"), UsageError, "cannot be the name"),
        (lambda run: run.output("m", name=".."), UsageError, "cannot be"),
        (lambda run: run.output("no/where"), UsageError, "no folder"),
        (lambda run: run.output("hf_" + "a1" * 20), SecretError, "Hugging Face"),
        (lambda run: run.parameter("api_key", "hunter22"), SecretError, "the value of 'api_key'"),
        (lambda run: run.counts(into=-1), UsageError, "count in: got '-1'"),
        (lambda run: run.counts(out=True), UsageError, "count out: got 'True'"),
        (
            lambda run: run.parameters.set("scheme", "int8"),
            UsageError,
            "a train step has no parameter 'scheme'",
        ),
        (lambda run: run.opaque("nothing", "why"), UsageError, "no input is named like this"),
        (lambda run: run.opaque("data", "why"), UsageError, "a dataset cannot be opaque"),
    ],
)
def test_what_cannot_be_recorded_is_said_at_once(root, action, error, match):
    """And the step can go on without it."""
    (root / "empty").mkdir()
    with attest.run("train") as run:
        run.input("data", "dataset")
        with pytest.raises(error, match=match):
            action(run)
        model(root / "model")
        run.output("model")
    statement, step = steps(root)[0]
    assert [each.role for each in step.inputs] == ["dataset"]
    assert len(statement.subjects) == 4


def test_known_inputs_can_be_required(root, capfd):
    with attest.run("train", require_known_inputs=True) as run:
        with pytest.raises(RecordingError, match=r"no statement explains this dataset, sha256:.*/") as caught:
            run.input("data", "dataset")
        assert "attest dataset" in caught.value.hint
        command(capfd, "dataset", "data", "--card", "card.yaml")
        run.input("data", "dataset")
        run.input("attest.yaml", "config")  # small support needs no statement
        model(root / "model")
        run.output("model")
    with attest.run("finetune", require_known_inputs=True) as run:
        run.input("data", "dataset")
        run.input("model/model.safetensors", "base-model")  # weights of a tree that a step made
        with pytest.raises(RecordingError, match="no statement explains this tokenizer"):
            run.input("model/tokenizer.json", "tokenizer")
        model(root / "tuned", "tuned")
        run.output("tuned")


# ── what it costs if the step fails ──


def test_if_the_block_raises_nothing_is_signed(root):
    with pytest.raises(ZeroDivisionError), attest.run("train") as run:  # noqa: PT012
        run.input("data", "dataset")
        model(root / "model")
        run.output("model")
        _ = 1 // 0
    assert statements(root) == []
    assert pending(root / ".attest" / "spool") == []
    with pytest.raises(RecordingError, match="nothing is signed yet"):
        _ = run.statement_digest


@pytest.mark.parametrize("change", ["data/a.txt", "data/new.txt"])
def test_if_an_input_changes_nothing_is_signed(root, change):
    with pytest.raises(RecordingError, match=f"inputs changed while the step ran: data: {change[5:]}"):
        recorded(root, lambda _: (root / change).write_text("changed"))
    assert statements(root) == []
    assert pending(root / ".attest" / "spool") == []


@pytest.mark.parametrize(
    ("names", "match"), [((), "the step has no output"), (("m",), "output: no such file")]
)
def test_without_an_output_nothing_is_signed(root, names, match):
    with pytest.raises(RecordingError, match=match):
        recorded(root, outputs=names)
    assert statements(root) == []


def test_a_step_that_never_began_cannot_end():
    with pytest.raises(RecordingError, match="never begun"):
        Recorder("train").finish()


def test_hostile_names_stop_the_signing(root):
    with pytest.raises(RecordingError, match=r"(?s)1 path cannot be digested: .*a line feed"):
        recorded(root, lambda _: fill(root / "model", **{"a\nb": "1"}))
    assert statements(root) == []


@pytest.mark.parametrize("name", ["a\u202eb", "<b>&", "=1+1", "a\x1b[31m", "%2e", "😀", "é", "e\u0301"])
def test_strange_names_are_kept_as_they_are(root, name):
    with attest.run("train") as run:
        run.input("data", "dataset")
        fill(root / name, **{name: "1"})
        run.output(name)
    assert [each.name for each in steps(root)[0][0].subjects] == [f"{name}/{name}.txt", f"{name}/"]


# ── nothing is lost once it has run ──


def run_and_break(root, monkeypatch, where, error):
    runs = []

    def during(run):
        runs.append(run)
        monkeypatch.setattr(*where, fail(error))

    with pytest.raises(RecordingError) as caught:
        recorded(root, during)
    return runs[0], caught.value


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ((SqliteStore, "put"), StoreError("the disk is full"), "the disk is full"),
        ((SqliteStore, "put"), OSError(5, "Input/output error"), "Input/output error"),
        (("attest.desk.Desk.open",), SignatureError("the token was taken out"), "the token was taken out"),
        (("attest.desk.Desk.sign",), RuntimeError(), "RuntimeError"),
        (("attest.desk.Desk.sign",), KeyboardInterrupt(), "KeyboardInterrupt"),
        (("attest.desk.Desk.sign",), MemoryError(), "MemoryError"),
    ],
)
def test_a_statement_that_cannot_be_stored_waits(root, monkeypatch, capfd, where, error, said):
    with monkeypatch.context() as patch:
        run, raised = run_and_break(root, patch, where, error)
    assert isinstance(raised, SpooledError)
    assert raised.exit_code == 75
    assert f"the step ran, but could not be signed and stored: {said}" in raised.what
    assert statements(root) == []
    (entry,) = pending(root / ".attest" / "spool")
    assert raised.where == str(entry.path)
    assert run.recorded is None
    out, _ = command(capfd, "sign", "--pending")
    assert out == f"sha256:{entry.digest}\n"
    assert [each.digest for each in statements(root)] == [entry.digest]
    assert pending(root / ".attest" / "spool") == []


def test_where_the_project_cannot_be_written_it_waits_among_temporary_files(
    root, monkeypatch, tmp_path, capfd
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (root / ".attest" / "spool").write_text("in the way")
    with monkeypatch.context() as patch:
        _, raised = run_and_break(root, patch, (SqliteStore, "put"), StoreError("x"))
    folder = next(tmp_path.glob("attest-spool-*"))
    assert raised.exit_code == 75
    assert f"attest sign --pending --spool {folder}" in raised.hint
    command(capfd, "sign", "--pending", "--spool", folder)
    assert len(statements(root)) == 1


def test_what_cannot_even_be_kept_is_handed_out(root, monkeypatch):
    monkeypatch.setattr("attest.desk.spool", fail(AttestError("No space left on device")))
    run, raised = run_and_break(root, monkeypatch, (SqliteStore, "put"), StoreError("the disk is full"))
    assert raised.exit_code == 125
    assert "could not be kept either" in raised.what
    assert run.desk.unsaved.predicate_type == "https://slsa.dev/provenance/v1"


def test_a_secret_in_the_name_of_an_output_is_held_back(root, capfd):
    def during(run):
        run.secret("token", "hunter22")
        fill(root / "model", **{"for-hunter22": "1"})

    with pytest.raises(SpooledError, match="the secret parameter 'token' stands here"):
        recorded(root, during)
    out, err = command(capfd, "sign", "--pending", code=4)
    assert out == ""
    assert "held back" in err
    assert "hunter22" not in err
    assert statements(root) == []


def test_a_record_of_the_past_is_not_spooled(root, monkeypatch):
    model(root / "model")
    run = Recorder("train", past=True)
    run.input("data", "dataset")
    run.output("model")
    run.begin()
    monkeypatch.setattr(SqliteStore, "put", fail(StoreError("the disk is full")))
    with pytest.raises(StoreError, match="the disk is full"):
        run.finish()
    assert pending(root / ".attest" / "spool") == []


def test_killed_at_any_moment_the_store_is_whole(root, tmp_path):
    """Either the whole statement is there, or nothing of it."""
    script = """
import os, sys, attest, random, threading, time, warnings
warnings.simplefilter("ignore")
def kill(): time.sleep(float(sys.argv[1])); os.kill(os.getpid(), 9)
with attest.run("train") as run:
    run.input("data", "dataset")
    os.makedirs("model", exist_ok=True)
    open("model/model.safetensors", "w").write(sys.argv[1])
    run.output("model")
    threading.Thread(target=kill, daemon=True).start()
print(run.statement_digest)
"""
    done = 0
    for number in range(12):
        words = [sys.executable, "-c", script, str(number * 0.002)]
        result = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
        found = [each.digest for each in statements(root)]
        assert len(found) in {done, done + 1}
        if result.stdout:  # acknowledged
            assert found[-1] == result.stdout.strip()
        done = len(found)
        with SqliteStore(root / ".attest" / "store.db", read_only=True) as store:
            assert store.check().problems == ()
        for entry in pending(root / ".attest" / "spool"):
            assert entry.beside("outputs").exists()


# ── secrets ──


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=24)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts, st.lists(texts, max_size=2), st.booleans())
def test_no_secret_value_is_ever_in_a_statement(root, secret, others, joined):
    words = ["python", *others, *([f"--key={secret}"] if joined else ["--key", secret]), secret, f"x{secret}"]
    run = Recorder("train", secrets=["key"], command=words, not_secret=[secret, *others])
    shutil.rmtree(root / "model", ignore_errors=True)
    try:
        with run:
            run.input("data", "dataset", uri=f"https://data.example/{secret}")
            run.parameter("key", secret)
            run.parameter("other", [secret, {"deep": f"{secret}{secret}"}])
            model(root / "model")
            run.output("model")
    except (NamedSecretError, UsageError):
        return  # a secret that is a word of every statement cannot be kept out, and nothing is signed
    except SecretError:
        return  # the other words look like a secret themselves
    payload = run.recorded.statement.payload
    assert json.dumps(secret, ensure_ascii=False)[1:-1].encode() not in payload
    assert outside(run.recorded.statement)["secretParameters"] == ["key"]


def test_the_front_door_opens_the_recorder():
    assert attest.run("train").kind == "train"
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        _ = attest.walk
    assert os.environ.get("ATTEST_PASSPHRASE") is None


def test_others_can_read_what_is_recorded(root):
    """in-toto's own messages, strictly, and the JSON Schema that ships with attest."""
    import jsonschema
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.v1 import statement_pb2

    from attest.schema import schemas

    (root / "log.txt").write_text("x")
    statement, _ = recorded(
        root, lambda run: (run.parameter("lr", 0.1), run.byproduct("log.txt")), seed=7, environment=["A"]
    )
    message = json_format.Parse(statement.payload, statement_pb2.Statement())
    assert [each.name for each in message.subject] == [each.name for each in statement.subjects]
    provenance = json_format.ParseDict(dict(statement.predicate), provenance_pb2.Provenance())
    assert json_format.MessageToDict(provenance) == dict(statement.predicate)
    name = next(name for name in schemas() if "step" in name)
    jsonschema.validate(dict(statement.predicate), schemas()[name])


# ── files whose digests are taken while they are written ──


def test_what_is_written_through_the_recorder_is_not_read_again(root, monkeypatch):
    places = []
    really = Root.open
    monkeypatch.setattr(Root, "open", lambda self, place: places.append(place) or really(self, place))
    with attest.run("train") as run:
        run.input("data", "dataset")
        (root / "model").mkdir()
        run.output("model")
        places.clear()
        for name in ("model.safetensors", "config.json"):
            with run.open_output(root / "model" / name) as file:
                file.write(name.encode())
    assert [place for place in places if not place.endswith(".txt")] == []
    statement, _ = steps(root)[0]
    assert [(each.name, each.digest["sha256"]) for each in statement.subjects[:2]] == [
        (f"model/{name}", hashlib.sha256(name.encode()).hexdigest())
        for name in ("config.json", "model.safetensors")
    ]


def test_a_file_in_no_output_becomes_one(root):
    with attest.run("train") as run:
        run.input("data", "dataset")
        for byproduct in (False, True):
            with run.open_output("model.safetensors", byproduct=byproduct) as file:
                file.write(b"w")
        with run.open_output("train.log", "ab", byproduct=True) as file:
            file.write(b"done")
        with run.open_output("train.log", "ab", byproduct=True) as file:
            file.write(b"!")
    statement, step = steps(root)[0]
    assert [each.name for each in statement.subjects] == ["model.safetensors"]
    (log,) = step.run_details.byproducts
    assert (log.name, log.digest["sha256"]) == ("train.log", hashlib.sha256(b"done!").hexdigest())


def test_where_no_output_can_be_it_is_told_and_written(root):
    said = []
    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset", name="d")
        with run.open_output(root / "data" / "index") as file:
            file.write(b"i")
        (root / "data" / "index").unlink()
        with run.open_output("model") as file:
            file.write(b"w")
    assert [text for text in said if "index" in text] == [
        f"{root}/data/index is written and not recorded: this output lies in the dataset data"
    ]
    assert [each.name for each in steps(root)[0][0].subjects] == ["model"]


def test_a_file_that_is_still_open_at_the_end_is_told(root):
    said = []
    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset", name="d")
        file = run.open_output("model")
        file.write(b"w")
        file.flush()
    file.close()
    assert [text for text in said if "open" in text] == [
        "model is still open: its digest is of what is in it by now"
    ]
    assert steps(root)[0][0].subjects[0].digest["sha256"] == hashlib.sha256(b"w").hexdigest()


def test_more_outputs_than_a_statement_can_have_are_refused_when_they_are_named(root):
    run = attest.run("train")
    for number in range(1024):
        run.output(f"m{number}")
    with pytest.raises(LimitError, match="subjects"):
        run.output("one-more")
    said = []
    run._tell = said.append
    run.open_output("another").close()
    assert "subjects: 1025 is above the limit" in said[0]
