"""The hub's cache: names of blobs are digests if they are SHA-256, and links lead to blobs or nowhere."""

from __future__ import annotations

import hashlib

import pytest

from attest.adopter import Claim
from attest.adopters.huggingface import HuggingFace
from attest.scan import scan_file, scan_tree

WEIGHTS = hashlib.sha256(b"weights").hexdigest()
SHA1 = "0123456789" * 4


@pytest.fixture
def snapshot(tmp_path):
    """A cached model: one large file, one small, in a snapshot with a folder."""
    repository = tmp_path / "hub" / "models--acme--resnet"
    folder = repository / "snapshots" / ("c" * 40)
    (folder / "onnx").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / WEIGHTS).write_bytes(b"weights")
    (repository / "blobs" / SHA1).write_bytes(b"{}")
    (folder / "model.safetensors").symlink_to(f"../../blobs/{WEIGHTS}")
    (folder / "onnx" / "model.onnx").symlink_to(f"../../../blobs/{WEIGHTS}")
    (folder / "config.json").symlink_to(f"../../blobs/{SHA1}")
    return folder


def prepared(root):
    return HuggingFace().prepare(scan_tree(root))


def test_a_snapshot_is_read_through_its_links(snapshot):
    scan = prepared(snapshot)
    assert [found.path for found in scan.found] == ["config.json", "model.safetensors", "onnx/model.onnx"]
    assert scan.offenders == []
    taken = Claim(WEIGHTS, 7)
    assert HuggingFace().claims(scan) == {"model.safetensors": taken, "onnx/model.onnx": taken}


def test_a_file_or_folder_of_a_snapshot(snapshot):
    assert HuggingFace().claims(scan_file(snapshot / "model.safetensors")) == {
        "model.safetensors": Claim(WEIGHTS, 7)
    }
    assert HuggingFace().claims(scan_file(snapshot / "config.json")) == {}
    assert HuggingFace().claims(prepared(snapshot / "onnx")) == {"model.onnx": Claim(WEIGHTS, 7)}


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../../../outside",
        "../../../models--acme--other/blobs/" + WEIGHTS,
        "../../blobs/../../../outside",
        "../../blobs/nobody",
        "../../blobs",
        "../../blobs/sub/" + WEIGHTS,
        "evil",
    ],
)
def test_a_link_to_anywhere_else_stays_refused(snapshot, target):
    hub = snapshot.parents[2]
    (hub.parent / "outside").write_bytes(b"secret")
    (hub / "outside").write_bytes(b"secret")
    other = hub / "models--acme--other" / "blobs"
    other.mkdir(parents=True)
    (other / WEIGHTS).write_bytes(b"weights")
    sub = snapshot.parents[1] / "blobs" / "sub"
    sub.mkdir()
    (sub / WEIGHTS).write_bytes(b"weights")
    (snapshot / "evil").symlink_to(target)
    scan = prepared(snapshot)
    assert [each.path for each in scan.offenders] == ["evil"]
    assert "evil" not in HuggingFace().claims(scan)


def test_a_link_to_a_link_counts_where_it_ends(snapshot):
    blobs = snapshot.parents[1] / "blobs"
    (blobs / ("d" * 64)).symlink_to("/etc/passwd")
    (snapshot / "evil").symlink_to("../../blobs/" + "d" * 64)
    assert [each.path for each in prepared(snapshot).offenders] == ["evil"]


@pytest.mark.parametrize("name", ["z" * 64, WEIGHTS.upper(), WEIGHTS + ".incomplete", WEIGHTS[:63], SHA1])
def test_a_blob_that_is_not_named_by_its_sha256_is_measured(snapshot, name):
    (snapshot.parents[1] / "blobs" / name).write_bytes(b"?")
    (snapshot / "other").symlink_to(f"../../blobs/{name}")
    scan = prepared(snapshot)
    assert "other" in [found.path for found in scan.found]
    assert "other" not in HuggingFace().claims(scan)


def test_other_trees_are_left_alone(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / WEIGHTS).write_bytes(b"weights")
    (tmp_path / "link").symlink_to(f"blobs/{WEIGHTS}")
    scan = prepared(tmp_path)
    assert [each.path for each in scan.offenders] == ["link"]
    assert HuggingFace().claims(scan) == {}
    (tmp_path / "blobs").rename(tmp_path / "models--a--b")
    assert HuggingFace().claims(prepared(tmp_path)) == {}
