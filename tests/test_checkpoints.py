"""Statements about intermediate checkpoints: signed while the step runs, and never in its way."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import warnings

import pytest
from workshop import attest as command
from workshop import make_project, manifests, model, statements, steps

import attest
import attest.checkpoints
from attest.errors import RecordingError, SignatureError
from attest.recorder import RecordingWarning
from attest.scan import Root
from attest.spool import pending


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    (folder / "checkpoints").mkdir()
    # nobody waits here for files to grow old
    monkeypatch.setattr(attest.checkpoints, "SETTLE_SECONDS", 0.0)
    return folder


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RecordingWarning)
        yield


def write(run, step, size=1000):
    """A checkpoint of two files, through the recorder."""
    folder = f"checkpoints/step-{step}"
    os.mkdir(folder)  # noqa: PTH102
    for name in ("model.safetensors", "optimizer.bin"):
        with run.open_output(f"{folder}/{name}") as file:
            file.write(f"{name} {step}".encode().ljust(size))
    return folder


def train(root, during=lambda run, step: None, count=3, **options):
    with attest.run("train", **options) as run:
        run.input("data", "dataset")
        run.byproduct("checkpoints")
        for step in range(count):
            run.parameter("seen", step)
            run.checkpoint(write(run, step), step=step)
            during(run, step)
        model(root / "model")
        run.output("model")
    return run


def test_each_has_a_statement_of_the_step_as_it_was_by_then(root):
    run = train(root)
    found = steps(root)
    assert len(found) == 4
    for step, (statement, predicate) in enumerate(found[:3]):
        files = {
            name: f"{name} {step}".encode().ljust(1000) for name in ("model.safetensors", "optimizer.bin")
        }
        assert {each.name: each.digest["sha256"] for each in statement.subjects[:2]} == {
            f"step-{step}/{name}": hashlib.sha256(data).hexdigest() for name, data in files.items()
        }
        assert statement.subjects[-1].name == f"step-{step}/"
        assert statement.subjects[-1].digest["sha256"] in manifests(root)
        definition = statement.predicate["buildDefinition"]
        assert definition["externalParameters"]["hyperparameters"] == {"seen": step}
        assert definition["internalParameters"]["intermediateCheckpoint"] == {"step": step}
        assert [each.role for each in predicate.inputs] == ["dataset"]
        assert predicate.run_details.metadata.finished_on is not None
    last, predicate = found[3]
    assert "intermediateCheckpoint" not in last.predicate["buildDefinition"]["internalParameters"]
    assert [each.name for each in predicate.run_details.byproducts] == [
        "checkpoints/",
        "step-0/",
        "step-1/",
        "step-2/",
    ]
    assert [each.statement.digest for each in run.checkpoints] == [each.digest for each, _ in found[:3]]
    assert run.statement_digest == last.digest


def test_a_single_file(root):
    with attest.run("train") as run:
        run.input("data", "dataset")
        with run.open_output("w.pt", byproduct=True) as file:
            file.write(b"w")
        run.checkpoint("w.pt", name="first.pt")
        (root / "model").write_text("m")
        run.output("model")
    (first, _), (_, last) = steps(root)
    assert [(each.name, each.digest["sha256"]) for each in first.subjects] == [
        ("first.pt", hashlib.sha256(b"w").hexdigest())
    ]
    assert [each.name for each in last.run_details.byproducts] == ["w.pt"]


def test_no_byte_is_read_again(root, monkeypatch):
    places = []
    really = Root.open

    def opening(self, place):
        places.append(place)
        return really(self, place)

    monkeypatch.setattr(Root, "open", opening)
    train(root)
    assert [place for place in places if "step" in place or "bin" in place] == []


def test_what_other_software_wrote_is_read_once(root, monkeypatch):
    """It is read when it has been left alone for a while; the folder around it is digested at the end."""
    monkeypatch.setattr(attest.checkpoints, "SETTLE_SECONDS", 2.1)
    places = []
    really = Root.open

    def opening(self, place):
        places.append(place)
        return really(self, place)

    monkeypatch.setattr(Root, "open", opening)
    with attest.run("train") as run:
        run.input("data", "dataset")
        run.byproduct("checkpoints")
        model(root / "checkpoints" / "step-1")
        run.checkpoint("checkpoints/step-1")
        assert run._checkpoints._thread is not None
        while not run.checkpoints:
            run._checkpoints._thread.join(0.1)
        (root / "model").write_text("m")
        run.output("model")
    assert len([place for place in places if place.endswith("config.json")]) == 1


def test_one_that_is_deleted_again_has_its_statement_and_is_a_byproduct(root):
    """Trainers keep the last few checkpoints only."""

    def during(run, step):
        while len(run.checkpoints) <= step:
            run._checkpoints._thread.join(0.01)
        shutil.rmtree(f"checkpoints/step-{step}")
        (root / "checkpoints" / "note").write_text("x")

    train(root, during)
    assert len(steps(root)) == 4
    assert [each.name for each in steps(root)[3][1].run_details.byproducts] == [
        "checkpoints/",
        "step-0/",
        "step-1/",
        "step-2/",
    ]


def test_one_that_is_gone_before_it_was_digested_is_told(root):
    said = []

    def during(run, step):
        if step == 1:
            run._checkpoints.drain()
            run.checkpoint("checkpoints/never")

    train(root, during, tell=said.append)
    assert len(steps(root)) == 4
    assert [text for text in said if "never" in text] == [
        "the checkpoint checkpoints/never: no such file or directory"
    ]


def test_a_run_that_breaks_leaves_its_checkpoints_signed(root):
    def during(run, step):
        if step == 1:
            raise KeyError("the training broke")

    with pytest.raises(KeyError, match="the training broke"):
        train(root, during)
    assert [each.subjects[-1].name for each, _ in steps(root)] == ["step-0/", "step-1/"]


def test_one_that_cannot_be_signed_is_spooled_and_the_run_goes_on(root, monkeypatch, capfd):
    said = []

    def during(run, step):
        run._checkpoints.drain()
        if step == 0:
            monkeypatch.setattr(run.desk, "sign", failing)
        if step == 1:
            monkeypatch.undo()
            monkeypatch.chdir(root)

    def failing(*_):
        raise SignatureError("the token is gone")

    train(root, during, tell=said.append)
    assert len(pending(root / ".attest" / "spool")) == 1
    assert len(steps(root)) == 3
    (told,) = [text for text in said if "token" in text]
    assert "the statement about it could not be signed and stored: the token is gone" in told
    assert "attest sign --pending" in told
    command(capfd, "sign", "--pending")
    assert len(steps(root)) == 4
    (late,) = [each for each, step in steps(root) if step.signed_late]
    assert late.subjects[-1].name == "step-1/"


def test_inputs_that_changed_are_told_and_nothing_is_signed(root):
    said = []

    def during(run, step):
        if step == 0:
            run._checkpoints.drain()
            (root / "data" / "a.txt").write_text("changed")

    with pytest.raises(RecordingError, match="inputs changed"):
        train(root, during, tell=said.append)
    assert len(steps(root)) == 1
    assert len([text for text in said if "inputs changed while the step ran: data: a.txt" in text]) == 2


def test_a_secret_in_it_is_not_signed(root):
    said = []
    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset")
        run.secret("key", "hunter2-hunter2")
        (root / "checkpoints" / "c").mkdir()
        (root / "checkpoints" / "c" / "hunter2-hunter2").write_text("x")
        run.checkpoint("checkpoints/c")
        (root / "model").write_text("m")
        run.output("model")
    assert len(steps(root)) == 1
    assert [text for text in said if "secret" in text]


def test_what_cannot_be_a_checkpoint_is_told(root):
    said = []
    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset")
        run.checkpoint("data/a.txt")
        run.checkpoint("nowhere/at/all")
        run.checkpoint("checkpoints", name="a\nb")
        (root / "model").write_text("m")
        run.output("model")
    assert len(steps(root)) == 1
    assert len([text for text in said if "has no statement" in text]) == 3


def test_before_the_recording_began(root):
    with pytest.raises(RecordingError, match="never begun"):
        attest.run("train").checkpoint("checkpoints")


def test_no_thread_can_be_started(root, monkeypatch):
    said = []

    def starting(self):
        raise RuntimeError("can't start new thread")

    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset")
        model(root / "checkpoints" / "c")
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", starting)
            run.checkpoint("checkpoints/c")
        (root / "model").write_text("m")
        run.output("model")
    assert "the checkpoint checkpoints/c has no statement: can't start new thread" in said
    assert len(steps(root)) == 1


def test_an_error_nobody_thought_of_does_not_end_the_thread(root, monkeypatch):
    said = []
    really = attest.checkpoints.Checkpoints._sign

    def failing(self, checkpoint, product):
        if product.name == "step-0":
            raise ZeroDivisionError
        return really(self, checkpoint, product)

    monkeypatch.setattr(attest.checkpoints.Checkpoints, "_sign", failing)
    train(root, tell=said.append)
    assert len(steps(root)) == 3
    assert [text for text in said if "ZeroDivisionError" in text]


def test_a_fork_does_not_wait_for_a_thread_it_has_not(root):
    def during(run, step):
        if step != 1:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                run._checkpoints.drain()
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    train(root, during)
    assert len(steps(root)) == 4


def test_hundreds_of_checkpoints(root):
    train(root, count=300)
    assert len(statements(root)) == 301
