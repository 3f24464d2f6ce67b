"""What a step reads and where it writes, checked before anything runs."""

from __future__ import annotations

import os

import pytest
from workshop import fill, model

from attest.digest_cache import DigestCache
from attest.errors import RecordingError, UsageError
from attest.materials import (
    SUPPORT_BYTES,
    Manner,
    Source,
    Target,
    check_places,
    check_unchanged,
    label,
    within,
)
from attest.resource import Artifact

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX names are bytes")
DIGEST = "sha256:" + "0f" * 32


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
    targets = [
        [Target(here_path(path), label(here_path(path))) for path in each] for each in (outputs, byproducts)
    ]
    check_places(sources, *targets, [os.path.realpath(path) for path in own])


def here_path(path):
    from pathlib import Path

    return Path(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("data", "data"),
        ("data/", "data"),
        ("a/b.txt", "b.txt"),
        (".", "here"),
        ("..", None),
        ("./data/..", None),
    ],
)
def test_things_are_called_by_the_last_part_of_their_path(path, expected, here):
    expected = expected or (here.parent.name if path == ".." else "here")
    assert label(here_path(path)) == expected


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\rb", pytest.param(os.fsdecode(b"\xff"), marks=posix)])
def test_a_name_that_cannot_stand_in_a_statement_is_refused(name):
    with pytest.raises(UsageError, match="cannot be named in a statement"):
        label(here_path(name))


def test_an_input_is_described_with_digest_size_and_role():
    found, remarks = source("data")
    material = found.material()
    assert remarks == []
    assert (material.name, material.role, material.size) == ("data", "dataset", 1)
    assert material.artifact == found.measured.artifact
    assert material.digest_source is None


def test_what_was_left_out_is_counted(here):
    fill(here / "data", b="2")
    found = Source.of("data", "dataset")
    list(found.measure(Manner(("b.txt",)), []))
    assert found.material().notes == {"excludedFiles": 1}


@pytest.mark.parametrize("size", [SUPPORT_BYTES, SUPPORT_BYTES + 1])
@pytest.mark.parametrize("role", ["code", "config", "environment", "dataset"])
def test_large_support_is_remarked(here, size, role):
    (here / "big").write_bytes(b"x" * size)
    _, remarks = source("big", role)
    assert bool(remarks) is (size > SUPPORT_BYTES and role != "dataset")
    if remarks:
        assert "1,048,577 bytes" in remarks[0]


@pytest.mark.parametrize(
    ("role", "hint"), [("datset", "did you mean 'dataset'?"), ("zzz", "known: dataset, ")]
)
def test_an_unknown_role_is_refused(role, hint):
    with pytest.raises(UsageError, match="unknown role") as caught:
        Source.of("data", role)
    assert caught.value.hint.startswith(hint)


def test_an_input_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="nowhere: no such dataset"):
        Source.of("nowhere", "dataset")


@pytest.mark.parametrize("tree", [True, False])
def test_a_model_may_be_given_by_its_digest_alone(tree):
    found = Source.of(DIGEST + "/" * tree, "base-model", opaque="from a closed vendor")
    found.check_reason()
    assert list(found.measure(Manner(), [])) == []
    assert found.changed() == []
    material = found.material()
    assert material.artifact == Artifact("0f" * 32, tree)
    assert (material.size, material.digest_source, material.opaque) == (
        None,
        "declared",
        "from a closed vendor",
    )


def test_a_digest_without_a_reason_is_refused():
    with pytest.raises(UsageError, match="this base-model is not on this disk") as caught:
        Source.of(DIGEST, "base-model").check_reason()
    assert "--opaque" in caught.value.hint


@pytest.mark.parametrize(
    "text", ["sha256:", "sha256:0f", DIGEST.upper().replace("SHA", "sha"), DIGEST + "//"]
)
def test_a_digest_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="expected sha256: and 64 lowercase hex digits"):
        Source.of(text, "base-model", opaque="x")


def test_a_file_called_like_a_digest_is_a_file(here):
    (here / DIGEST).write_text("x")
    assert Source.of(DIGEST, "dataset").path == here_path(DIGEST)


@pytest.mark.parametrize("role", ["dataset", "code", "retrieval-dataset"])
def test_only_models_can_be_opaque_or_elsewhere(role):
    with pytest.raises(UsageError, match=f"a {role} cannot be opaque"):
        Source.of("data", role, opaque="x")
    with pytest.raises(UsageError, match=f"digest alone, not a {role}"):
        Source.of(DIGEST, role)


def test_a_reason_cannot_be_empty():
    with pytest.raises(UsageError, match="needs the reason"):
        Source.of("data", "base-model", opaque=" ")


# ── places ──


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


@pytest.mark.parametrize(
    ("path", "folder", "expected"),
    [
        ("/a/b", "/a", True),
        ("/a", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/", True),
        ("/a", "/a/b", False),
    ],
)
def test_within(path, folder, expected):
    assert within(path, folder) is expected


# ── afterwards ──


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


def test_nothing_is_remembered_inside_of_what_is_read_or_written(tmp_path):
    cache = DigestCache(tmp_path / "project" / ".attest" / "digests")
    manner = Manner(cache=cache)
    assert manner.without_cache_in([str(tmp_path / "project" / "data"), str(tmp_path / "data")]) is manner
    assert manner.without_cache_in([str(tmp_path / "data"), str(tmp_path / "project")]).cache is None
    assert Manner().without_cache_in([str(tmp_path)]) == Manner()
