"""A directory that several processes write: the digests are theirs, and rank 0 believes what it sees."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import threading
import time
import warnings

import pytest
from workshop import make_project, steps

import attest
import attest.scan
from attest.errors import AttestError, FormatError, RecordingError, UsageError
from attest.manifest import digest_path
from attest.recorder import RecordingWarning
from attest.scan import scan_tree
from attest.shards import RankDigests, ShardDigests, Shards, rank_folder
from attest.written import Written

MIB = 1 << 20


def rank(root, number, ranks=2, names=("a", "b"), folder=None):
    """What one rank does."""
    shards = ShardDigests(root, number, ranks, folder)
    for name in names:
        with shards.open(f"{name}-{number}") as file:
            file.write(f"{name} {number}".encode() * 1000)
    return shards


def elsewhere(part):
    """The same, as a rank on another host would give it: the device and last time are not what we see."""
    part = json.loads(json.dumps(part))
    part["host"] = "0" * 64
    for file in part["files"]:
        file["status"][0] = "99"
        file["status"][4] = "12"
    return part


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    return folder


def two(root):
    return [rank(root, number).digests() for number in range(2)]


def test_joined_by_what_was_sent(root, reads):
    parts = two(root)
    (root / ".metadata").write_text("m")
    written = Written()
    joined = Shards(2, parts).join(root, written)
    assert joined.to_json() == {"ranks": 2, "files": 4, "readAgain": 0}
    measured = written.measure(root)
    assert reads == [".metadata"]
    assert measured.manifest == digest_path(root).manifest


def test_joined_by_what_was_left(root, reads):
    for number in range(2):
        left = rank(root, number).write()
        assert left.parent == rank_folder(root) == root.parent / ".checkpoint.ranks"
        assert left.stat().st_mode & 0o777 == 0o600
    written, shards = Written(), Shards(2, timeout=0)
    for _ in range(2):
        shards.join(root, written)
        assert not rank_folder(root).exists()
    assert written.measure(root).manifest == digest_path(root).manifest


def test_what_a_rank_left_before_is_not_taken_for_what_it_leaves_now(root):
    rank(root, 1).write()
    rank(root, 0).write()
    rank(root, 1)
    with pytest.raises(RecordingError, match="no digests of rank 1, of 2 ranks"):
        Shards(2, timeout=0).join(root, Written())


def test_a_rank_that_is_late_is_waited_for(root):
    rank(root, 0).write()
    late = rank(root, 1)
    threading.Timer(0.3, late.write_soon).start()
    written = Written()
    Shards(2, timeout=30).join(root, written)
    late.wait()
    assert late.failed is None
    assert written.measure(root).manifest == digest_path(root).manifest


def test_files_of_other_software_and_those_that_are_renamed(root):
    shards = ShardDigests(root, 0, 1)
    (root / "model.safetensors").write_bytes(b"w" * 1000)
    shards.wrote(root / "model.safetensors")
    with shards.open("metadata.tmp") as file:
        file.write(b"m")
    (root / "metadata.tmp").rename(root / "metadata")
    with shards.open("odd") as file:
        file.write(b"head")
        file.write(b"body")
        file.seek(0)
        file.write(b"HEAD")
    parts = [shards.digests()]
    assert [file["path"] for file in parts[0]["files"]] == ["model.safetensors", "odd"]
    written = Written()
    assert Shards(1, parts).join(root, written).read == 0
    assert written.measure(root).manifest == digest_path(root).manifest


# ── what is seen from another host ──


@pytest.mark.parametrize(("recheck", "count"), [("none", 0), ("sample", 1), ("all", 2)])
def test_files_of_another_host_are_read_as_far_as_asked(root, reads, recheck, count):
    here, there = two(root)
    written = Written()
    joined = Shards(2, [here, elsewhere(there)], recheck=recheck).join(root, written)
    assert (joined.read, len(reads)) == (count, count)
    assert all(place.endswith("-1") for place in reads)
    assert written.measure(root).manifest == digest_path(root).manifest


def test_a_host_that_reads_other_bytes(root):
    """Same size, same time, other bytes: found by whoever reads all, and by a sample that hits it."""
    here, there = two(root)
    found = (root / "a-1").stat()
    (root / "a-1").write_bytes(b"X" * found.st_size)
    os.utime(root / "a-1", ns=(found.st_atime_ns, found.st_mtime_ns))
    with pytest.raises(RecordingError, match="as its rank digested it"):
        Shards(2, [here, elsewhere(there)], recheck="all").join(root, Written())


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("size", [1000, 3000, 5000])
def test_a_file_that_changed_since_is_read_and_refused(root, there, size):
    parts = two(root)
    (root / "a-1").write_bytes(b"x" * size)
    parts = [elsewhere(each) if there else each for each in parts]
    with pytest.raises(RecordingError, match=r"a-1: got sha256:[0-9a-f]{64}, expected sha256:"):
        Shards(2, parts, recheck="none").join(root, Written())


@pytest.mark.parametrize("there", [False, True])
def test_a_file_that_was_touched_is_read(root, reads, there):
    parts = two(root)
    os.utime(root / "a-1")
    parts = [elsewhere(each) if there else each for each in parts]
    assert Shards(2, parts, recheck="none").join(root, Written()).read == 1
    assert reads == ["a-1"]


def test_a_rank_whose_file_times_are_coarse_is_not_taken_at_its_word(root, reads, monkeypatch):
    monkeypatch.setattr("attest.tee.STAMPS_NS", ())
    parts = two(root)
    reads.clear()
    assert Shards(2, parts).join(root, Written()).read == 4
    assert sorted(reads) == ["a-0", "a-1", "b-0", "b-1"]


def test_a_file_that_changes_after_it_was_joined_is_read(root):
    parts, written = two(root), Written()
    Shards(2, parts).join(root, written)
    (root / "a-0").write_bytes(b"z" * 3000)
    assert written.measure(root).manifest == digest_path(root).manifest


# ── what does not hold ──


def test_a_rank_that_is_missing(root):
    parts = [rank(root, number, 20).digests() for number in range(3)]
    with pytest.raises(RecordingError, match=r"rank 3, 4, .*, 12, and 7 more, of 20 ranks"):
        Shards(20, parts).join(root, Written())


def test_a_rank_twice(root):
    here, there = two(root)
    with pytest.raises(RecordingError, match="rank 0 has given its digests twice"):
        Shards(2, [here, here, there]).join(root, Written())


def test_another_number_of_ranks(root):
    with pytest.raises(RecordingError, match="rank 0: got digests of 2 ranks, expected 3"):
        Shards(3, two(root)).join(root, Written())


def test_two_digests_of_one_path(root):
    here, there = two(root)
    there["files"].append({**here["files"][0], "sha256": "0" * 64})
    with pytest.raises(
        RecordingError, match=r"two digests of a-0: sha256:.* by rank 0, sha256:0{64} by rank 1"
    ):
        Shards(2, [here, there]).join(root, Written())


def test_one_digest_of_one_path_by_two_ranks(root):
    here, there = two(root)
    there["files"].append(here["files"][0])
    assert Shards(2, [here, there]).join(root, Written()).files == 4


def test_a_file_that_is_gone(root):
    parts = two(root)
    (root / "a-0").unlink()
    with pytest.raises(RecordingError, match="written by a rank and not there: a-0"):
        Shards(2, parts).join(root, Written())
    with pytest.raises(RecordingError, match="not there: a-0, b-0, b-1"):
        Shards(2, parts).join(root, Written(), exclude=["b-*"])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rank": 2}, "got rank 2, expected one below 2"),
        ({"rank": -1}, "rank: "),
        ({"ranks": 0}, "ranks: "),
        ({"host": "here"}, "host: "),
        ({"files": 7}, "files: "),
        ({"files": [{"path": "a"}]}, r"files\.0\.sha256: "),
        ({"more": 1}, "more: "),
    ],
)
def test_what_is_no_digests_of_a_rank(root, change, says):
    with pytest.raises(FormatError, match=says):
        Shards(2, [{**rank(root, 0).digests(), **change}]).join(root, Written())


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "a\nb", "", "."])
def test_a_path_that_leads_out(root, path):
    part = rank(root, 0).digests()
    part["files"][0]["path"] = path
    with pytest.raises(FormatError, match=r"part in the path|absolute|line feed"):
        Shards(2, [part]).join(root, Written())
    with pytest.raises(UsageError, match="not a file of"):
        ShardDigests(root, 0, 2).open("../x")


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"rank": 0}', b"\xff", b'{"rank":0,"rank":0}'])
def test_what_is_left_may_be_anything(root, data):
    left = rank(root, 0, 1).write()
    left.write_bytes(data)
    with pytest.raises(FormatError):
        Shards(1).join(root, Written())


def test_what_others_may_write_is_not_used(root):
    left = rank(root, 0, 1).write()
    left.chmod(0o666)
    with pytest.raises(AttestError, match="others may write it"):
        Shards(1).join(root, Written())


def test_too_large(root, monkeypatch):
    left = rank(root, 0, 1).write()
    with left.open("ab") as file:
        file.truncate(17 * MIB)
    with pytest.raises(AttestError, match="more than 16777216 bytes"):
        Shards(1).join(root, Written())


def test_no_such_rank(root):
    for number in (-1, 2):
        with pytest.raises(UsageError, match="expected one from 0 to 1"):
            ShardDigests(root, number, 2)


def test_nowhere_to_leave_them(root):
    rank_folder(root).write_text("a file")
    shards = ShardDigests.__new__(ShardDigests)
    with pytest.raises(AttestError, match="cannot be removed"):
        shards.__init__(root, 0, 1)
    rank_folder(root).unlink()
    shards = rank(root, 0, 1)
    rank_folder(root).write_text("a file")
    shards.write_soon()
    shards.wait()
    assert "cannot be made" in shards.failed.what


def test_it_is_read_back_as_it_was_written(root):
    part = rank(root, 0).digests()
    assert RankDigests.read(json.loads(json.dumps(part))).to_json() == part
    assert [int(each) for each in part["files"][0]["status"]] == list(scan_tree(root).found[0].status)


# ── in a run ──


def _write(root, number, ranks):
    rank(root, number, ranks).write()


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = make_project(tmp_path / "project")
    monkeypatch.chdir(folder)
    (folder / "step-1").mkdir()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RecordingWarning)
        yield folder


def test_several_processes_and_one_statement(project, reads):
    ranks = 4
    with attest.run("train") as run:
        run.input("data", "dataset")
        reads.clear()
        context = multiprocessing.get_context("spawn")
        others = [
            context.Process(target=_write, args=(project / "step-1", n, ranks)) for n in range(1, ranks)
        ]
        for each in others:
            each.start()
        _write(project / "step-1", 0, ranks)
        shards = Shards(ranks)
        run.checkpoint("step-1", step=1, shards=shards)
        for each in others:
            each.join()
            assert each.exitcode == 0
        run.output("step-1", name="last", shards=shards)
    assert [place for place in reads if not place.endswith(".txt")] == []
    (first, _), (last, _) = steps(project)
    sums = [
        (f"{name}-{n}", hashlib.sha256(f"{name} {n}".encode() * 1000).hexdigest())
        for name in "ab"
        for n in range(ranks)
    ]
    for statement, name in ((first, "step-1"), (last, "last")):
        assert [(each.name, each.digest["sha256"]) for each in statement.subjects[:-1]] == [
            (f"{name}/{path}", sha256) for path, sha256 in sums
        ]
        facts = statement.predicate["buildDefinition"]["internalParameters"]["shards"]
        assert facts[name] == {"ranks": 4, "files": 8, "readAgain": 0}


def test_a_rank_that_died_leaves_no_checkpoint_and_costs_no_run(project):
    said = []
    with attest.run("train", tell=said.append) as run:
        run.input("data", "dataset")
        began = time.monotonic()
        rank(project / "step-1", 0).write()
        run.checkpoint("step-1", shards=Shards(2, timeout=0.2))
        run.byproduct("step-1", shards=Shards(2, timeout=0.2))
        assert time.monotonic() - began < 60
        (project / "model").write_text("m")
        run.output("model")
    assert len(steps(project)) == 1
    assert steps(project)[0][1].run_details.byproducts is None
    (checkpoint, byproduct) = [text for text in said if "rank" in text]
    assert checkpoint == (
        "the checkpoint step-1: no digests of rank 1, of 2 ranks "
        "(did every rank write, and leave its digests?)"
    )
    assert byproduct == "the byproduct step-1 is left out: no digests of rank 1, of 2 ranks"


def test_an_output_of_which_a_rank_gave_no_digests_is_not_signed(project):
    with pytest.raises(RecordingError, match="no digests of rank 1"), attest.run("train") as run:  # noqa: PT012
        run.input("data", "dataset")
        run.output("step-1", shards=Shards(2, [rank(project / "step-1", 0).digests()]))
    assert steps(project) == []
