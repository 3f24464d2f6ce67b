"""The engine for what is not on disk, over a source that does as a test wants."""

from __future__ import annotations

import hashlib
import itertools
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attest import fetching, objects
from attest.errors import DigestError
from attest.fetching import fetch
from attest.source import CONNECTIONS, RANGE, Location, Object, Patience, SourceError

QUICK = Patience(retries=3, stall=0.3, backoff=0.0001, longest=0.001)
TREE = Location.of("s3://bucket/dir/")
ONE = Location.of("s3://bucket/dir")


class Fake:
    """A source in memory; ``fault`` may spoil an answer."""

    def __init__(self, files, fault=None, *, parts=True, pinned=True):
        self.files = files
        self.fault = fault
        self.parts = parts
        self.pinned = pinned
        self.held = self.most = self.finds = 0
        self.closed = False
        self._lock = threading.Lock()

    def find(self):
        self.finds += 1
        for name, data in self.files.items():
            yield Object(name, len(data), parts=self.parts)

    def read(self, item, start, stop):
        data = self.files[item.path][start:stop]
        with self._lock:
            self.held += len(data)
            self.most = max(self.most, self.held)
        try:
            yield from self.fault(item, start, data) if self.fault else [data]
        finally:
            with self._lock:
                self.held -= len(data)

    def stated(self, item):
        return None

    def close(self):
        self.closed = True


@pytest.fixture
def fake(monkeypatch):
    def make(files, fault=None, **more):
        source = Fake(files, fault, **more)
        monkeypatch.setattr(fetching, "open_source", lambda location, patience: source)
        return source

    return make


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def big(size):
    return hashlib.shake_256(b"x").digest(4096) * (size // 4096) + b"e" * (size % 4096)


@pytest.mark.parametrize("size", [0, 1, RANGE - 1, RANGE, RANGE + 1, 2 * RANGE, 2 * RANGE + 1, 9 * RANGE])
@pytest.mark.parametrize("parts", [True, False])
def test_every_size(fake, size, parts):
    source = fake({"dir": big(size)}, parts=parts)
    assert fetch(ONE, patience=QUICK).sha256 == sha256(big(size))
    assert source.closed
    assert source.finds == 1


def test_memory_is_bounded(fake):
    source = fake({str(number): big(12 * RANGE) for number in range(3)})
    fetch(TREE, patience=QUICK)
    assert source.most <= (CONNECTIONS + objects.LARGE_AT_ONCE) * RANGE


@given(st.data())
@settings(max_examples=60)
def test_a_source_that_breaks_anywhere_gives_the_digest_or_an_error(data):
    """Never a wrong digest: cut, torn into pieces, failed, at any place, as long as tries last."""
    monkey = pytest.MonkeyPatch()
    size = data.draw(st.integers(0, 3 * 64))
    content = hashlib.shake_256(b"y").digest(size)
    faults = data.draw(
        st.lists(st.tuples(st.integers(0, 64), st.sampled_from(["cut", "fail", "more"])), max_size=9)
    )
    queue = iter(faults)
    lock = threading.Lock()

    def fault(item, start, part):
        with lock:
            at, kind = next(queue, (len(part), "good"))
        yield part[: at // 2]
        if kind == "fail":
            raise SourceError("no", temporary=True)
        yield part[at // 2 : at] if kind != "good" else part[at // 2 :]
        if kind == "more":
            yield part[at:] + b"!"

    with monkey.context() as patch:
        patch.setattr(
            fetching, "open_source", lambda *_: Fake({"dir": content}, fault, parts=data.draw(st.booleans()))
        )
        patch.setattr(objects, "RANGE", 64)
        patch.setattr(objects, "LARGE", 64)
        try:
            found = fetch(ONE, patience=QUICK)
        except SourceError:
            found = None
    assert faults if found is None else found.sha256 == sha256(content)


def test_what_drips_is_given_up(fake):
    def drip(item, start, part):
        for number in range(len(part)):
            yield part[number : number + 1]
            time.sleep(0.02)

    fake({"dir": big(5000)}, drip)
    with pytest.raises(SourceError, match=r"stalled: \d+ bytes in 0.3 s \(4 attempts\)"):
        fetch(ONE, patience=QUICK)


def test_what_comes_slowly_but_comes_is_waited_for(fake):
    def slow(item, start, part):
        for number in range(0, len(part), 70_000):
            yield part[number : number + 70_000]
            time.sleep(0.15)

    fake({"dir": big(700_000)}, slow)
    assert fetch(ONE, patience=replace(QUICK, stall=1)).sha256 == sha256(big(700_000))


def test_all_that_cannot_be_had_is_named_at_once(fake):
    def fault(item, start, part):
        if item.path in "bd":
            raise SourceError("refused")
        yield part

    fake(dict.fromkeys("abcd", b"1"), fault)
    with pytest.raises(
        DigestError, match=r'2 paths cannot be digested: "b" .refused., "d" .refused'
    ) as caught:
        fetch(TREE, patience=QUICK)
    assert caught.value.where == "s3://bucket/dir/"


def test_a_source_that_is_gone_is_not_asked_for_every_object(fake):
    asked = itertools.count()

    def fault(item, start, part):
        next(asked)
        raise SourceError("nobody there", temporary=True)
        yield

    fake({f"f{number}": b"1" for number in range(500)}, fault)
    with pytest.raises(SourceError, match=r"nobody there \(4 attempts\)"):
        fetch(TREE, patience=QUICK)
    assert next(asked) < 200


def test_what_nobody_expected_is_an_error_too(fake):
    def fault(item, start, part):
        raise RuntimeError("oh")
        yield

    fake({"dir": b"1"}, fault)
    with pytest.raises(SourceError, match="cannot be read: RuntimeError: oh"):
        fetch(ONE, patience=QUICK)


def test_interrupted_it_stops_at_once(fake):
    class Impatient:
        def start(self, files, size): ...

        def advance(self, files, size):
            raise KeyboardInterrupt

        def finish(self): ...

    over = threading.Event()

    def stuck(item, start, part):
        if item.path != "a":
            over.wait(30)
        yield part

    fake(dict.fromkeys("abc", b"1"), stuck)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fetch(TREE, progress=Impatient())
    over.set()
    assert time.monotonic() - began < 20


def test_a_tree_is_looked_at_again(fake):
    source = fake({"a": b"1"}, pinned=True)
    fetch(TREE, patience=QUICK)
    assert source.finds == 2


def test_what_is_gone_is_said_to_have_changed(fake):
    source = fake({"a": b"1", "b": b"2"})
    found = fetch(TREE, patience=QUICK)

    def gone():
        raise SourceError("no such bucket", gone=True)
        yield

    source.find = gone
    assert found.changed() == ["a", "b"]


def test_what_cannot_be_asked_is_not_said_to_have_changed(fake):
    source = fake({"dir": b"1"})
    found = fetch(ONE, patience=QUICK)

    def refused():
        raise SourceError("refused")
        yield

    source.find = refused
    with pytest.raises(SourceError, match="refused"):
        found.changed()
