"""A real cluster of Dask on loopback: a scheduler and workers, each a process, some of them killed."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from object_servers import object_store, store_variables
from workshop import attest, make_project, steps

from attest.engine import open_engine, opened
from attest.errors import DigestError, UsageError
from attest.fetching import fetch
from attest.hashing import hash_tree
from attest.manifest import Manifest
from attest.source import Location
from attest.spread import Spread

pytest.importorskip("distributed", reason="dask.distributed is not installed: pip install '.[dask]'")


class Cluster:
    """Processes of a scheduler and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "scheduler.log"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            self.log, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"
        )
        try:
            self.address = self._address()
        except BaseException:
            self.end()
            raise

    def _start(self, log: Path, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *words]
        # the functions of this file have to be there, too
        here = Path(__file__).parent
        paths = [str(here), str(here.parent), os.environ.get("PYTHONPATH", "")]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        with log.open("wb") as out:
            return subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out, env=env)

    def _address(self) -> str:
        end = time.monotonic() + 60
        while time.monotonic() < end and self.scheduler.poll() is None:
            if found := re.search(r"tcp://(127\.0\.0\.1:\d+)", self.log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    @property
    def uri(self) -> str:
        return f"dask://{self.address}"

    def add_worker(self) -> subprocess.Popen[bytes]:
        log = self.folder / f"worker-{len(self.workers)}.log"
        words = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder)]
        self.workers.append(self._start(log, "worker", f"tcp://{self.address}", *words))
        return self.workers[-1]

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@contextmanager
def cluster(folder: Path, workers: int):
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.add_worker()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as made:
        yield made


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    source = random.Random(3)  # noqa: S311 - test data
    root = tmp_path_factory.mktemp("data") / "tree"
    for number in range(2000):
        folder = root / f"d{number % 11}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_bytes(source.randbytes(source.choice([0, 100, 5000, 40_000])))
    for number in range(12):
        (root / f"large{number}").write_bytes(source.randbytes(17 << 20))
    return root


def manifest(digests) -> bytes:
    return Manifest.of((each.sha256, each.path) for each in digests).data


class After:
    """Does something once the first answers are there."""

    def __init__(self, act):
        self.act = act
        self.done = False

    def start(self, files, size):
        pass

    def advance(self, files, size):
        if files and not self.done:
            self.done = True
            self.act()

    def finish(self):
        pass


def test_the_manifest_is_byte_for_byte_that_of_one_machine(shared, tree):
    engine = open_engine(shared.uri)
    try:
        assert manifest(hash_tree(tree, executor=Spread(engine))) == manifest(hash_tree(tree))
    finally:
        engine.close()


def test_the_command_prints_the_same_with_an_engine(shared, tree, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    alone, _ = attest(capfd, "digest", str(tree), "--manifest", "alone")
    together, _ = attest(capfd, "digest", str(tree), "--manifest", "together", "--engine", shared.uri)
    assert together == alone
    assert Path("together").read_bytes() == Path("alone").read_bytes()


def test_the_inputs_of_a_step_are_read_by_an_engine(shared, tree, tmp_path, monkeypatch, capfd):
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    copy = ["--", sys.executable, "-c", "open('model', 'w').write('weights')"]
    words = ["--kind", "transform", "--dataset", str(tree), "--output", "model"]
    attest(capfd, "run", *words, "--engine", shared.uri, *copy)
    [(_, step)] = steps(root)
    [found] = [each.artifact.sha256 for each in step.inputs if each.role == "dataset"]
    assert found == hashlib.sha256(manifest(hash_tree(tree))).hexdigest()


def test_a_step_does_not_begin_without_its_engine(tmp_path, monkeypatch, capfd):
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setattr("attest.engines.dask.CONNECT_SECONDS", 1.0)
    words = ["--kind", "transform", "--dataset", "data", "--output", "model"]
    for uri, code in (("ray://host", 2), ("dask://127.0.0.1:1", 125)):
        make = ["--", sys.executable, "-c", "open('model', 'w')"]
        attest(capfd, "run", *words, "--engine", uri, *make, code=code)
        assert not (root / "model").exists()


def test_objects_are_read_by_the_workers(tmp_path, tree, monkeypatch):
    monkeypatch.setattr("attest.fetching.TASK_OBJECTS", 20)
    boto3 = pytest.importorskip("boto3")
    with object_store() as port:
        for name, value in store_variables(port).items():
            monkeypatch.setenv(name, value)  # the workers inherit them
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        files = sorted((tree / "d1").iterdir())[:150]
        for file in files:
            client.put_object(Bucket="bucket", Key=f"data/{file.name}", Body=file.read_bytes())
        with cluster(tmp_path, 2) as made:
            found = fetch(Location.of("s3://bucket/data/"), engine=None)
            with opened(made.uri) as engine:
                assert fetch(Location.of("s3://bucket/data/"), engine=engine) == found
        expected = sorted((hashlib.sha256(each.read_bytes()).hexdigest(), each.name) for each in files)
        assert found.manifest is not None
        assert found.manifest.digest == Manifest.of(sorted(expected, key=lambda each: each[1])).digest


def test_a_worker_killed_in_mid_run_costs_only_its_work(tmp_path, tree, monkeypatch):
    monkeypatch.setattr("attest.spread.GROUP_BATCHES", 2)
    with cluster(tmp_path, 3) as made:
        engine = open_engine(made.uri)
        engine._client.wait_for_workers(3, timeout=60)
        kill = After(made.workers[0].kill)
        try:
            assert manifest(hash_tree(tree, executor=Spread(engine), progress=kill)) == manifest(
                hash_tree(tree)
            )
        finally:
            engine.close()
        assert kill.done
        assert made.workers[0].poll() == -signal.SIGKILL


def test_a_scheduler_that_goes_away_is_an_error_and_no_digest(tmp_path, tree, monkeypatch):
    monkeypatch.setattr("attest.spread.GROUP_BATCHES", 1)
    monkeypatch.setattr("attest.engines.dask.LOST_SECONDS", 1.0)
    with cluster(tmp_path, 1) as made:
        engine = open_engine(made.uri)
        try:
            with pytest.raises(DigestError, match="the scheduler went away") as caught:
                hash_tree(tree, executor=Spread(engine), progress=After(made.scheduler.kill))
        finally:
            engine.close()
        assert made.uri in str(caught.value)


def test_a_cluster_that_gives_nothing_is_given_up(tmp_path, tree, monkeypatch):
    monkeypatch.setattr("attest.spread.GROUP_BATCHES", 1)
    monkeypatch.setenv("ATTEST_READ_TIMEOUT", "2")
    with cluster(tmp_path, 1) as made:
        engine = open_engine(made.uri)
        stop = After(lambda: made.workers[0].send_signal(signal.SIGSTOP))
        try:
            with pytest.raises(DigestError, match="has given nothing for 2 seconds"):
                hash_tree(tree, executor=Spread(engine), progress=stop)
        finally:
            engine.close()


def test_what_workers_raise_is_told_in_their_words(shared, tmp_path):
    engine = open_engine(shared.uri)
    try:
        with pytest.raises(DigestError, match="ValueError: expected a point"):
            list(engine.run(_fails, [[1]], max))
        with pytest.raises(UsageError, match="two words"):
            list(engine.run(_refuses, [[1]], max))
        with pytest.raises(DigestError, match="cannot do this work: No module named 'nowhere'") as caught:
            list(engine.run(_lacks, [[1]], max))
        assert "install attest-provenance" in caught.value.hint
    finally:
        engine.close()


def test_a_cluster_without_attest_is_told_from_one_that_fails(shared, monkeypatch):
    monkeypatch.setattr(_same, "__module__", "nowhere_else")
    monkeypatch.setitem(sys.modules, "nowhere_else", sys.modules[__name__])
    engine = open_engine(shared.uri)
    try:
        with pytest.raises(DigestError, match="cannot do this work") as caught:
            list(engine.run(_same, [[1]], max))
        assert "install attest-provenance" in caught.value.hint
    finally:
        engine.close()


def test_work_is_handed_out_as_there_is_room_and_called_off_when_nobody_wants_it(shared):
    taken = []

    def groups():
        for number in range(10_000):
            taken.append(number)
            yield [number]

    engine = open_engine(shared.uri)
    try:
        running = engine.run(_same, groups(), max)
        next(running)
        running.close()
    finally:
        engine.close()
    assert len(taken) < 100


def test_no_scheduler_and_no_workers(tmp_path, monkeypatch):
    monkeypatch.setattr("attest.engines.dask.CONNECT_SECONDS", 1.5)
    with pytest.raises(DigestError, match="there is no scheduler"):
        open_engine("dask://127.0.0.1:1")
    with cluster(tmp_path, 0) as made, pytest.raises(DigestError, match="has no workers"):
        open_engine(made.uri)


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("dask://", "expected dask://HOST:PORT"),
        ("dask://host:notaport", "no address"),
        ("dask://host:1/path", "expected dask://HOST:PORT"),
        ("dask://user:secret@host:1", "expected dask://HOST:PORT"),
        ("ray://host", "expected the URI of an engine"),
        ("host:8786", "expected the URI of an engine"),
    ],
)
def test_what_names_no_engine(uri, reason):
    with pytest.raises(UsageError, match=reason):
        open_engine(uri)


def test_without_dask_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught:
        open_engine("dask://127.0.0.1:1")
    assert "attest-provenance[dask]" in caught.value.hint


def _same(value):
    return value


def _fails(value):
    raise ValueError("expected a point")


def _lacks(value):
    raise ModuleNotFoundError("No module named 'nowhere'")


def _refuses(value):
    raise UsageError("two words")
