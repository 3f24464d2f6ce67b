"""Files read by many machines: digests as of one machine, and only answers that were asked for."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attest.errors import DigestError
from attest.hashing import hash_tree
from attest.reading import STATUS, status_of
from attest.spread import Part, Spread, Task, join_parts, read_task


class Here:
    """An engine of one machine that answers in another order, and joins in a tree of its own shape."""

    def __init__(self, seed=0, change=lambda part: part):
        self.random = random.Random(seed)  # noqa: S311 - test data
        self.change = change
        self.closed = False

    def run(self, work, groups, join):
        waiting = list(groups)
        self.random.shuffle(waiting)
        try:
            for group in waiting:
                level = [work(task) for task in group]
                while len(level) > 1:
                    count = self.random.randint(2, max(2, len(level)))
                    level = [join(level[first : first + count]) for first in range(0, len(level), count)]
                yield self.change(level[0])
        finally:
            self.closed = True

    def close(self):
        pass


@pytest.fixture
def tree(tmp_path) -> Path:
    source = random.Random(7)  # noqa: S311 - test data
    root = tmp_path / "tree"
    for number in range(900):
        folder = root / f"d{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_bytes(source.randbytes(source.choice([0, 10, 20_000, 70_000])))
    (root / "large").write_bytes(source.randbytes(17 << 20))
    return root


def plain(digests) -> list[tuple[str, str]]:
    return [(each.path, each.sha256) for each in digests]


@pytest.mark.parametrize("seed", range(5))
def test_the_digests_are_those_of_one_machine(tree, seed, monkeypatch):
    monkeypatch.setattr("attest.spread.GROUP_BATCHES", 1 + seed)
    engine = Here(seed)
    assert plain(hash_tree(tree, executor=Spread(engine))) == plain(hash_tree(tree, workers=1))
    assert engine.closed


def test_a_file_that_changed_since_it_was_found_is_named(tree):
    class Late(Here):
        def run(self, work, groups, join):
            waiting = list(groups)
            (tree / "d1" / "f1").write_bytes(b"another size")
            os.utime(tree / "d2" / "f2", ns=(1, 1))
            (tree / "d3" / "f3").unlink()
            yield from super().run(work, waiting, join)

    with pytest.raises(DigestError) as caught:
        hash_tree(tree, executor=Spread(Late()))
    assert "d1/f1" in str(caught.value)
    assert "d2/f2" in str(caught.value)
    assert "d3/f3" in str(caught.value)


def test_other_numbers_of_device_and_inode_are_no_change(tree):
    path = tree / "d1" / "f1"
    device, inode, *rest = status_of(path.stat())
    elsewhere = STATUS.pack(device + 5, inode + 9, *rest)
    part = read_task(Task(str(tree), range(1), [b"d1/f1"], elsewhere))
    assert part.failures == []
    [only] = [each for each in hash_tree(tree) if each.path == "d1/f1"]
    assert part.runs == [(0, bytes.fromhex(only.sha256))]


def test_a_tree_that_not_every_machine_has_is_named(tree):
    status = STATUS.pack(1, 2, 3, 4, 5)
    part = read_task(Task("/nowhere/at/all", range(4, 6), [b"a", b"b"], status * 2))
    assert [number for number, _ in part.failures] == [4, 5]
    assert "not there on every machine" in part.failures[0][1]


@pytest.mark.parametrize(
    "lie",
    [
        lambda part: part._replace(runs=[(10**6, bytes(32))]),
        lambda part: part._replace(runs=[(-1, bytes(32))]),
        lambda part: part._replace(runs=[(0, bytes(31))]),
        lambda part: part._replace(runs=[]),
        lambda part: part._replace(runs=part.runs * 2),
    ],
    ids=["beyond", "before", "half a digest", "nothing", "twice"],
)
def test_an_answer_that_was_not_asked_for_is_refused(tree, lie):
    with pytest.raises(DigestError):
        hash_tree(tree, executor=Spread(Here(change=lie)))


def test_nobody_is_asked_where_nothing_is_to_be_read():
    assert list(Spread(Here()).run([])) == []


def parts(numbers: list[int], cuts: list[int]) -> Iterator[Part]:
    """Cut files into parts, each file with a digest that tells its number."""
    edges = sorted({0, len(numbers), *(cut % (len(numbers) + 1) for cut in cuts)})
    for first, last in pairwise(edges):
        some = sorted(numbers[first:last])
        runs = [(number, number.to_bytes(32, "big")) for number in some]
        yield Part(runs, [(number, "gone") for number in some if number % 5 == 0], len(some))


@given(st.lists(st.integers(0, 300), unique=True, min_size=1), st.lists(st.integers(0, 300)), st.randoms())
def test_joining_sorts_whatever_the_tree(numbers, cuts, shuffled):
    level = list(parts(numbers, cuts))
    shuffled.shuffle(level)
    while len(level) > 1:
        count = shuffled.randint(2, len(level))
        level = [join_parts(level[first : first + count]) for first in range(0, len(level), count)]
    [part] = level if len(level) == 1 else [join_parts(level)]
    part = join_parts([part])
    flat = [
        (first + at, digests[32 * at : 32 * at + 32])
        for first, digests in part.runs
        for at in range(len(digests) // 32)
    ]
    assert flat == [(number, number.to_bytes(32, "big")) for number in sorted(numbers)]
    assert part.size == len(numbers)
    assert [number for number, _ in part.failures] == sorted(n for n in numbers if n % 5 == 0)
    ends = [first + len(digests) // 32 for first, digests in part.runs]
    assert all(end < first for end, (first, _) in zip(ends, part.runs[1:], strict=False))
