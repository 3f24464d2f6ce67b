"""What a step reads and where it writes: apart in place, and unchanged meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from workshop import fill, model

from attest.apart import check_places, check_unchanged
from attest.errors import RecordingError, UsageError
from attest.manner import Manner
from attest.materials import Source
from attest.places import label
from attest.targets import Target


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    fill(folder / "data", a="1")
    monkeypatch.chdir(folder)
    return folder


def source(path, role="dataset", **settings):
    found = Source.of(path, role, **settings)
    remarks = list(found.measure(Manner(), []))
    return found, remarks


def check(*, inputs=(), outputs=(), byproducts=(), own=()):
    sources = [Source.of(path, role) for path, role in inputs]
    targets = [[Target(Path(path), label(Path(path))) for path in each] for each in (outputs, byproducts)]
    check_places(sources, *targets, [os.path.realpath(path) for path in own])


@pytest.mark.parametrize(
    ("places", "match"),
    [
        ({"outputs": ["no/folder"]}, "no folder to write"),
        ({"byproducts": ["no/folder"]}, "no folder to write"),
        ({"outputs": ["data/a.txt/x"]}, "no folder to write"),
        ({"outputs": ["m", "./m"]}, "the same output as m"),
        ({"outputs": ["m"], "byproducts": ["m"]}, "the same output as m"),
        ({"inputs": [("data", "dataset")], "outputs": ["data"]}, "this output lies in the dataset data"),
        ({"inputs": [("data", "dataset")], "outputs": ["data/m"]}, "this output lies in the dataset data"),
        (
            {"inputs": [("data", "base-model")], "byproducts": ["data/log"]},
            "this output lies in the base-model",
        ),
        (
            {"inputs": [("data/a.txt", "dataset")], "outputs": ["data"]},
            "this dataset lies in the output data",
        ),
        ({"inputs": [(".", "code")], "outputs": ["."]}, "this code lies in the output"),
        ({"inputs": [("data/a.txt", "config")], "outputs": ["."]}, "this config lies in the output"),
        ({"inputs": [("data", "dataset")], "own": ["data/a.txt"]}, "attest itself writes .* in this dataset"),
        ({"outputs": ["data"], "own": ["data/a.txt"]}, "attest itself writes .* in this output"),
    ],
)
def test_a_place_that_cannot_be_is_refused(places, match):
    with pytest.raises(UsageError, match=match):
        check(**places)


@pytest.mark.parametrize(
    "places",
    [
        {"inputs": [("data", "dataset")], "outputs": ["data-2", "m"], "byproducts": ["log"]},
        {"inputs": [(".", "code")], "outputs": ["m"], "byproducts": ["log"], "own": ["data/a.txt"]},
        {"inputs": [("data", "dataset"), ("data", "evaluation-dataset"), ("data/a.txt", "config")]},
        {"outputs": ["m"], "byproducts": ["data/log"]},
    ],
)
def test_a_place_that_can_be_is_taken(places):
    check(**places)


def test_links_do_not_hide_where_a_place_is(here):
    (here / "link").symlink_to("data", target_is_directory=True)
    with pytest.raises(UsageError, match="this output lies in the dataset data"):
        check(inputs=[("data", "dataset")], outputs=["link/m"])


def test_unchanged_inputs_are_fine(here):
    found = [source("data")[0], source("data/a.txt", "config")[0]]
    (here / "data" / "a.txt").write_text("1")  # written again, with the same bytes
    check_unchanged(found, [])


@pytest.mark.parametrize("change", ["bytes", "more", "gone", "folder"])
def test_changed_inputs_are_named(here, change):
    found = [source("data")[0]]
    if change == "bytes":
        (here / "data" / "a.txt").write_text("2")
    elif change == "more":
        fill(here / "data", b="2")
    else:
        (here / "data" / "a.txt").unlink()
        if change == "folder":
            (here / "data").rmdir()
    expected = {"more": r"data: b\.txt", "folder": "data"}.get(change, r"data: a\.txt")
    with pytest.raises(RecordingError, match=f"inputs changed while the step ran: {expected}$"):
        check_unchanged(found, [])


def test_a_changed_file_is_named_once(here):
    found = [source("data/a.txt")[0]]
    (here / "data" / "a.txt").write_text("2")
    with pytest.raises(RecordingError, match=r"step ran: data/a\.txt$"):
        check_unchanged(found, [])


def test_many_changed_inputs_are_counted(here):
    fill(here / "data", **{f"f{n:02}": "1" for n in range(20)})
    found = [source("data")[0]]
    fill(here / "data", **{f"f{n:02}": "2" for n in range(20)})
    with pytest.raises(RecordingError, match=r"data: f09\.txt, and 10 more"):
        check_unchanged(found, [])


def test_outputs_of_an_earlier_run_inside_the_code_are_not_code_that_changed(here):
    (here / "train.py").write_text("1")
    model(here / "model")
    found = [source(".", "code")[0]]
    model(here / "model", "other")
    check_unchanged(found, [Target(here / "model", "model")])
    with pytest.raises(RecordingError, match=r"\.: model/model\.safetensors"):
        check_unchanged(found, [])
