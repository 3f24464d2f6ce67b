"""What a step writes, measured when it has ended."""

from __future__ import annotations

import pytest
from workshop import fill, model

from attest.errors import RecordingError
from attest.manner import Manner
from attest.targets import Target


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    fill(folder / "data", a="1")
    monkeypatch.chdir(folder)
    return folder


def test_an_output_is_measured(here):
    target = Target(here / "model", "m")
    assert target.look() is False
    model(here / "model")
    product, left = target.made(Manner(), past=False)
    assert (product.name, len(product.measured.files), left) == ("m", 3, 0)


def test_a_missing_output_is_refused(here):
    with pytest.raises(RecordingError, match="output: no such file or directory") as caught:
        Target(here / "model", "m").made(Manner(), past=False)
    assert caught.value.hint == "did the step write somewhere else?"


def test_an_output_nobody_touched_is_refused(here):
    target = Target(model(here / "model"), "m")
    assert target.look() is True
    with pytest.raises(RecordingError, match="exactly as it was before"):
        target.made(Manner(), past=False)
    assert target.made(Manner(), past=True)[1] == 0


def test_files_that_were_left_are_counted(here):
    target = Target(model(here / "model"), "m")
    target.look()
    (here / "model" / "model.safetensors").write_text("new")
    assert target.made(Manner(), past=False)[1] == 2


def test_a_file_output_nobody_touched_is_refused(here):
    (here / "m.bin").write_text("x")
    target = Target(here / "m.bin", "m")
    target.look()
    with pytest.raises(RecordingError, match="exactly as it was before"):
        target.made(Manner(), past=False)
    (here / "m.bin").write_text("x")  # the same bytes, but written
    assert target.made(Manner(), past=False)[1] == 0
