"""The shape of a step's statement: what the judging half reads out of it must be in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from workshop import fill, model

from attest.errors import LimitError, UsageError
from attest.known import made_by
from attest.manifest import Manifest, Measured, digest_path
from attest.predicate import read_predicate
from attest.predicates.step import KINDS, unknown_parameters
from attest.provenance import (
    MAX_WEIGHTS,
    Material,
    Product,
    Provenance,
    check_external,
    check_kind,
    subjects_of,
    unique_name,
)
from attest.resource import MANIFEST_MEDIA_TYPE, Artifact

SHA = "0f" * 32


def product(name, path):
    return Product(name, digest_path(path))


def many(folder, count, suffix=".txt"):
    """A tree of that many files, as if it had been measured."""
    manifest = Manifest.of((f"{n:064x}", f"part-{n:06}{suffix}") for n in range(count))
    return Measured(folder, manifest.digest, count, [None] * count, manifest)  # type: ignore[list-item]


def provenance(**changes):
    settings = {
        "kind": "train",
        "external": {"seed": 7},
        "internal": {
            "completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"},
            "recorded": "during",
        },
        "materials": [Material("data", "dataset", Artifact(SHA, tree=True), 12)],
        "builder_id": "https://b.example",
        "builder_version": {"attest": "1"},
        "started": datetime(2026, 11, 20, 10, 2, 0, 999, tzinfo=UTC),
        "finished": datetime(2026, 11, 20, 10, 3, tzinfo=UTC),
    }
    return Provenance(**{**settings, **changes})


def test_subjects_are_files_with_their_roles_and_the_tree(tmp_path):
    tree = product("model", model(tmp_path / "m"))
    (tmp_path / "log.txt").write_text("x")
    file = product("log.txt", tmp_path / "log.txt")
    subjects = subjects_of([tree, file])
    assert [(each.name, each.annotation("role"), each.media_type) for each in subjects] == [
        ("model/config.json", "config", None),
        ("model/model.safetensors", "weights", None),
        ("model/tokenizer.json", "tokenizer", None),
        ("model/", None, MANIFEST_MEDIA_TYPE),
        ("log.txt", "other", None),
    ]
    assert subjects[3].artifact == tree.measured.artifact
    assert subjects[4].artifact == file.measured.artifact


@pytest.mark.parametrize(("count", "expected"), [(1, 2), (1023, 1024), (1024, 1), (5000, 1)])
def test_a_large_tree_is_one_subject(tmp_path, count, expected):
    subjects = subjects_of([Product("data", many(tmp_path, count))])
    assert len(subjects) == expected
    assert subjects[-1].name == "data/"


def test_all_outputs_share_the_limit(tmp_path):
    first, second = Product("a", many(tmp_path, 600)), Product("b", many(tmp_path, 422))
    assert len(subjects_of([first, second])) == 1024
    third = Product("c", digest_path(fill(tmp_path / "c", x="1") / "x.txt"))
    assert [each.name for each in subjects_of([first, second, third])] == ["a/", "b/", "c"]


def test_a_large_tree_lists_its_weights(tmp_path):
    (tree,) = subjects_of([Product("model", many(tmp_path, 1024, ".safetensors"))])
    assert len(tree.annotation("weights")) == 1024
    (plain,) = subjects_of([Product("data", many(tmp_path, 1024))])
    assert plain.annotations is None
    (over,) = subjects_of([Product("data", many(tmp_path, MAX_WEIGHTS + 1, ".npy"))])
    assert over.annotations is None


def test_the_predicate_is_read_back_as_it_was_meant(tmp_path):
    base = Material(
        "base", "base-model", Artifact(SHA), None, "https://x.example/b", "closed", "declared", {"n": 1}
    )
    small = provenance(kind="finetune", invocation_id="https://ci.example/1")
    full = Provenance(**{**small.__dict__, "materials": [*small.materials, base]})
    tree, log = (
        product("model", model(tmp_path / "m")),
        product("log.txt", fill(tmp_path / "l", log="x") / "log.txt"),
    )
    statement = full.statement([tree], [log])
    step = read_predicate(statement)
    assert step.kind == "finetune"
    assert unknown_parameters(step) == []
    assert step.completeness == ("all-inputs-listed", "none")
    assert step.recorded == "during"
    data, model_input = step.inputs
    assert (data.role, data.artifact, data.size_bytes, data.opaque) == (
        "dataset",
        Artifact(SHA, tree=True),
        12,
        False,
    )
    assert (model_input.role, model_input.opaque, model_input.reason) == ("base-model", True, "closed")
    assert (model_input.digest_source, model_input.size_bytes) == ("declared", None)
    assert model_input.descriptor.uri == "https://x.example/b"
    assert model_input.descriptor.annotation("n") == 1
    assert step.byproducts[0].annotation("sizeBytes") == 1
    assert statement.predicate["runDetails"]["metadata"] == {
        "invocationId": "https://ci.example/1",
        "startedOn": "2026-11-20T10:02:00Z",
        "finishedOn": "2026-11-20T10:03:00Z",
    }
    made = set(made_by(statement, step, lambda _: None))
    weights = next(file.sha256 for file in tree.measured.files if file.path == "model.safetensors")
    assert made == {tree.measured.artifact, log.measured.artifact, Artifact(weights)}


def test_the_same_step_gives_the_same_bytes(tmp_path):
    tree = product("model", model(tmp_path / "m"))
    assert provenance().statement([tree]).payload == provenance().statement([tree]).payload


def test_without_times_there_is_no_metadata():
    assert "metadata" not in provenance(started=None, finished=None).predicate()["runDetails"]


def test_more_outputs_than_subjects_may_be_are_refused(tmp_path):
    file = digest_path(fill(tmp_path / "x", a="1") / "a.txt")
    with pytest.raises(LimitError, match="subjects: 1025 is above the limit of 1024"):
        provenance().statement([Product(f"n{n}", file) for n in range(1025)])


@pytest.mark.parametrize(
    ("taken", "expected"), [([], "m"), (["m"], "m-2"), (["m", "m-2"], "m-3"), (["m-2"], "m")]
)
def test_names_are_made_unique(taken, expected):
    assert unique_name("m", taken) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_one(kind):
    assert check_kind(kind) == kind


@pytest.mark.parametrize(
    ("kind", "hint"), [("trian", "did you mean 'train'?"), ("zzz", "known: collect, transform")]
)
def test_another_kind_is_refused(kind, hint):
    with pytest.raises(UsageError, match="unknown kind of step") as caught:
        check_kind(kind)
    assert caught.value.hint.startswith(hint)


def test_parameters_of_a_kind_are_closed():
    check_external("quantize", "scheme")
    with pytest.raises(UsageError, match="no parameter 'schema'") as caught:
        check_external("quantize", "schema")
    assert caught.value.hint == "did you mean 'scheme'?"
    for name in ("command", "seed", "hyperparameters", "secretParameters"):  # these have options of their own
        with pytest.raises(UsageError):
            check_external("train", name)
