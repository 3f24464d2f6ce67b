"""Digests taken over: for inputs only, only where asked for, and marked wherever they stand."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time

import pytest
from workshop import CARD, attest, make_project, steps

from attest.adopter import Claim
from attest.adopters.git_lfs import GitLfs
from attest.adoption import adopt
from attest.digest_cache import DigestCache
from attest.errors import DigestError, FormatError
from attest.fetching import Fetched
from attest.manifest import Manifest, digest_path
from attest.manner import Manner
from attest.materials import Source
from attest.source import Object

OID = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize 12345\n"
ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "d").mkdir(parents=True)
    (root / "d" / "weights").write_text(POINTER)
    (root / "a").write_bytes(b"abc")
    return root


def test_a_tree_is_partly_measured(tree):
    found = adopt(tree)
    assert found.measured.manifest == Manifest.of([(ABC, "a"), (OID, "d/weights")])
    assert found.measured.sha256 == found.measured.manifest.digest
    assert found.measured.size == 12348
    assert (found.sources, found.source) == ({"d/weights": "git-lfs"}, "git-lfs")


def test_a_file(tree):
    found = adopt(tree / "d" / "weights")
    assert (found.measured.sha256, found.measured.size, found.measured.manifest) == (OID, 12345, None)
    assert found.source == "git-lfs"
    measured = adopt(tree / "a")
    assert (measured.measured.sha256, measured.source) == (ABC, None)


def test_what_nobody_knows_is_measured_as_ever(tree):
    (tree / "d" / "weights").unlink()
    (tree / "skip").write_bytes(b"?")
    found = adopt(tree, exclude=["skip"])
    assert found.source is None
    assert found.measured.sha256 == digest_path(tree, exclude=["skip"]).sha256
    assert found.measured.excluded == (("skip",), 1)


def test_a_snapshot_of_a_hub_is_one_tree(tmp_path):
    repository = tmp_path / "models--acme--resnet"
    (repository / "blobs").mkdir(parents=True)
    (repository / "blobs" / OID).write_bytes(b"never read")
    (repository / "blobs" / ("0" * 40)).write_bytes(b"abc")
    snapshot = repository / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    (snapshot / "model").symlink_to(f"../../blobs/{OID}")
    (snapshot / "config").symlink_to("../../blobs/" + "0" * 40)
    found = adopt(snapshot)
    assert found.measured.manifest == Manifest.of([(ABC, "config"), (OID, "model")])
    assert found.sources == {"model": "huggingface"}
    assert found.changed() == []
    with pytest.raises(DigestError, match="a symbolic link"):
        digest_path(snapshot)
    (snapshot / "evil").symlink_to("/etc/passwd")
    with pytest.raises(DigestError, match='"evil" \\(a symbolic link\\)'):
        adopt(snapshot)


def test_two_sources_must_agree(tree, monkeypatch):
    description = {
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "distribution": [{"@type": "cr:FileObject", "contentUrl": "a", "sha256": ABC}],
    }
    (tree / "croissant.json").write_text(json.dumps(description))
    assert adopt(tree).source == "croissant, git-lfs"
    monkeypatch.setattr(GitLfs, "claims", lambda _self, _scan: {"a": Claim(OID, 3)})
    with pytest.raises(FormatError, match=f"croissant says sha256:{ABC}, git-lfs says sha256:{OID}"):
        adopt(tree)


def test_trees_that_cannot_be_digested(tree):
    (tree / "link").symlink_to("a")
    with pytest.raises(DigestError, match="a symbolic link"):
        adopt(tree)
    assert adopt(tree, symlinks=True).measured.manifest.entries[2] == (ABC, "link")
    with pytest.raises(DigestError, match="no file to digest"):
        adopt(tree, exclude=["**"])


@pytest.mark.parametrize("fresh", [False, True])
def test_changes_are_found(tree, monkeypatch, fresh):
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 10**15 if fresh else -(10**15))
    found = adopt(tree)
    assert found.changed() == []
    (tree / "a").write_bytes(b"abd")
    assert found.changed() == ["a"]
    (tree / "d" / "weights").write_text(POINTER + " ")
    (tree / "new").write_bytes(b"")
    assert found.changed() == ["a", "d/weights", "new"]
    (tree / "d" / "weights").unlink()
    assert found.changed() == ["a", "d/weights", "new"]
    single = adopt(tree / "a")
    (tree / "a").unlink()
    assert single.changed() == ["a"]


def test_what_is_measured_may_be_remembered(tree, tmp_path, monkeypatch):
    monkeypatch.setattr("attest.outcomes.SETTLED_NS", 20_000_000)
    time.sleep(0.05)
    for recalled in (0, 1):
        cache = DigestCache(tmp_path / "tables", least=0)
        assert adopt(tree, cache=cache).measured.sha256 == adopt(tree).measured.sha256
        assert cache.recalled == recalled


def test_a_tree_that_changes_meanwhile_is_refused(tree, monkeypatch):
    claims = GitLfs.claims

    def slow(self, scan):
        found = claims(self, scan)
        (tree / "late").write_bytes(b"")
        return found

    monkeypatch.setattr(GitLfs, "claims", slow)
    with pytest.raises(DigestError, match='"late" \\(appeared'):
        adopt(tree)


# --- as inputs of a step -----------------------------------------------------------------------------------


def test_a_source_says_what_was_taken_over(tree):
    for path, notes, said in (
        (tree, {"adoptedFiles": 1}, "1 of 2 digests were taken over (git-lfs) and not measured"),
        (tree / "d" / "weights", {}, "its digest was taken over (git-lfs) and not measured"),
    ):
        source = Source.of(path, "base-model")
        assert list(source.measure(Manner(adopt=True), ())) == [f"{path}: {said}"]
        material = source.material()
        assert (material.digest_source, dict(material.notes)) == ("git-lfs", notes)
        assert source.changed() == []


def test_code_and_what_nobody_asked_for_is_measured(tree):
    for role, manner in (("code", Manner(adopt=True)), ("dataset", Manner())):
        source = Source.of(tree, role)
        assert not [each for each in source.measure(manner, ()) if "taken over" in each]
        assert source.material().digest_source is None
        assert source.artifact == digest_path(tree).artifact


def test_what_a_provider_states_is_taken_over(monkeypatch):
    asked = []

    def fetch(location, **how):
        asked.append(how["stated"])
        return Fetched(location, ABC, 3, [Object("key", 3)], None, stated=1)

    monkeypatch.setattr("attest.manner.fetch", fetch)
    source = Source.of("s3://bucket/key", "dataset")
    (said,) = source.measure(Manner(adopt=True), ())
    assert asked == [True]
    assert said.endswith("its digest was taken over (s3-checksum) and not measured")
    assert source.digest_source == "s3-checksum"


WRITE = "import os; os.makedirs('model'); open('model/model.safetensors', 'w').write('w')"


@pytest.fixture
def project(tmp_path, monkeypatch):
    root = make_project(tmp_path / "project")
    (root / "data" / "large.bin").write_text(POINTER)
    monkeypatch.chdir(root)
    return root


def train(capfd, *options, code=0, command=WRITE):
    words = ("run", "--kind", "train", "--dataset", "data", "--output", "model", *options)
    return attest(capfd, *words, "--", sys.executable, "-c", command, code=code)


def test_a_run_takes_digests_over_only_when_told(project, capfd):
    err = train(capfd, "--adopt-digests")[1]
    assert "data: 1 of 3 digests were taken over (git-lfs) and not measured" in err
    (dataset,) = steps(project)[-1][1].inputs
    assert dataset.digest_source == "git-lfs"
    assert dataset.descriptor.annotations["adoptedFiles"] == 1
    assert dataset.size_bytes == 12345 + 2
    os.rename(project / "model", project / "before")  # noqa: PTH104
    assert "taken over" not in train(capfd)[1]
    (measured,) = steps(project)[-1][1].inputs
    assert measured.digest_source is None
    assert measured.artifact == digest_path(project / "data").artifact != dataset.artifact


def test_an_output_is_always_measured(project, capfd):
    train(capfd, "--adopt-digests", command=f"{WRITE}; open('model/lfs', 'w').write({POINTER!r})")
    statement = steps(project)[-1][0]
    assert OID not in statement.payload.decode().partition('"predicate"')[0]
    tree = next(each for each in statement.subjects if each.name == "model/")
    assert tree.digest["sha256"] == digest_path(project / "model").sha256


def test_a_bad_pointer_stops_the_run_before_it_begins(project, capfd):
    (project / "data" / "large.bin").write_text(POINTER.replace("sha256", "md5"))
    err = train(capfd, "--adopt-digests", code=125)[1]
    assert "large.bin: begins like a Git LFS pointer and is none" in err
    assert not (project / "model").exists()
    train(capfd)


def test_datasets_are_never_described_by_digests_taken_over(project, capfd):
    (project / "card.yaml").write_text(CARD)
    attest(capfd, "dataset", "data", "--card", "card.yaml", "--adopt-digests", code=2)
