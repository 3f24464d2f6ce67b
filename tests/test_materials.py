"""What a step reads, checked before anything runs, and measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from workshop import fill

from attest.errors import UsageError
from attest.manner import Manner
from attest.materials import SUPPORT_BYTES, Source
from attest.resource import Artifact

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
    assert Source.of(DIGEST, "dataset").path == Path(DIGEST)


@pytest.mark.parametrize("role", ["dataset", "code", "retrieval-dataset"])
def test_only_models_can_be_opaque_or_elsewhere(role):
    with pytest.raises(UsageError, match=f"a {role} cannot be opaque"):
        Source.of("data", role, opaque="x")
    with pytest.raises(UsageError, match=f"digest alone, not a {role}"):
        Source.of(DIGEST, role)


def test_a_reason_cannot_be_empty():
    with pytest.raises(UsageError, match="needs the reason"):
        Source.of("data", "base-model", opaque=" ")
