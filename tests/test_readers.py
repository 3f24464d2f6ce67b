"""Processes that read: the same digests as ever, and whatever befalls them, never a wrong one."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from faulty_reader import Faulty
from hypothesis import given, settings
from hypothesis import strategies as st

from attest import hashing, readers, reading, workers
from attest.batch import batches
from attest.errors import DigestError, UsageError
from attest.hashing import hash_file, hash_tree, outcomes_of
from attest.manifest import digest_path
from attest.outcomes import FileDigest, Offender
from attest.readers import Processes, available
from attest.scan import scan_tree
from attest.workers import Serial, Threads

FAULTY = str(Path(__file__).with_name("faulty_reader.py"))
pytestmark = pytest.mark.skipif(not available(), reason="needs a Python to run, and POSIX")


def make(root, count, size=500):
    root.mkdir(exist_ok=True)
    for number in range(count):
        folder = root / f"{number % 7}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}").write_bytes(b"%d" % number * size)
    return root


def expected(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def got(root, **options):
    return {each.path: each.sha256 for each in hash_tree(root, **options)}


def be_faulty(monkeypatch, seed, *faults):
    program = ["-I", "-S", FAULTY, reading.__file__, str(seed), ",".join(faults)]
    monkeypatch.setattr(readers, "PROGRAM", program)


def small_batches(monkeypatch):
    from attest import batch

    monkeypatch.setattr(batch, "BATCH_FILES", 8)


def children():
    """Processes of this one that still are something."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,stat=,args=", "--ppid", str(os.getpid())],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in listed.stdout.splitlines() if "reading.py" in line]


# ── the same whoever reads ──


@pytest.mark.parametrize("workers_", [1, 2, 5])
def test_processes_give_the_digests_that_threads_give(tmp_path, workers_):
    make(tmp_path, 40, 50_000)
    (tmp_path / "empty").touch()
    (tmp_path / "näme \U0001f600").write_bytes(b"abc")
    assert got(tmp_path, executor=Processes(workers_)) == expected(tmp_path)
    assert children() == []


@given(
    st.dictionaries(
        st.text("abé/-. ", min_size=1, max_size=6), st.sampled_from([0, 1, 70_000, 300_000]), max_size=9
    ),
    st.integers(1, 4),
)
@settings(max_examples=12, deadline=None)
def test_the_manifest_is_the_same_to_the_byte(files, number):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "always").write_bytes(b"there")
        for name, size in files.items():
            parts = [part for part in name.split("/") if part.strip(". ")]
            path = root.joinpath("d", *parts[:-1], "f" + (parts or ["x"])[-1])
            if not any(parent.is_file() for parent in path.parents) and not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(name.encode() * size)
        lines = "".join(
            f"{sha}  {path}\n" for path, sha in sorted(expected(root).items(), key=lambda e: e[0].encode())
        )
        for executor in (Serial(), Threads(number), Processes(number), None):
            manifest = digest_path(root, executor=executor).manifest
            assert manifest.data == lines.encode()
            assert manifest.digest == hashlib.sha256(lines.encode()).hexdigest()


def test_many_small_files_go_to_processes_by_themselves(tmp_path, monkeypatch):
    make(tmp_path, 30)
    monkeypatch.setattr(hashing, "cores", lambda: 2)
    work = batches(scan_tree(tmp_path))
    assert isinstance(hashing._executor(work, None), Threads)
    monkeypatch.setattr(hashing, "MANY", 30)
    assert isinstance(hashing._executor(work, None), Processes)
    assert isinstance(hashing._executor(work, 3), Processes)
    assert isinstance(hashing._executor(work, 1), Threads)
    assert got(tmp_path) == expected(tmp_path)


@pytest.mark.parametrize("executable", ["", None, "python3", "/usr/sbin/uwsgi", "/nowhere/python3"])
def test_a_program_with_python_inside_is_not_started(monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    assert not available()


def test_a_frozen_program_is_not_started(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert not available()


def test_a_worker_imports_nothing_of_attest_and_no_package():
    code = f"import sys; exec(open({reading.__file__!r}).read(), {{'__name__': 'x'}}); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert not {name for name in loaded if name.startswith("attest")}
    assert not loaded & {"typing", "subprocess", "threading", "pathlib", "site"}


# ── processes that end, or are something else ──


def test_a_worker_that_is_killed_has_its_files_read_by_another(tmp_path, monkeypatch):
    make(tmp_path, 200)
    small_batches(monkeypatch)
    killed = []

    class Watch:
        files = size = 0

        def start(self, files, size):
            self.all = files, size

        def advance(self, files, size):
            self.files += files
            self.size += size
            if len(killed) < 2 and (pids := [int(line.split()[0]) for line in children()]):
                killed.append(pids[0])
                os.kill(pids[0], signal.SIGKILL)

        def finish(self):
            pass

    watch = Watch()
    assert got(tmp_path, executor=Processes(2), progress=watch) == expected(tmp_path)
    assert len(killed) == 2
    assert (watch.files, watch.size) == watch.all


@pytest.mark.parametrize(
    "program",
    [
        ["-c", "pass"],
        ["-c", "import os; os.write(1, b'x' * 100)"],
        ["-c", "import os, sys; os.write(1, b'attest reader 1\\n' + bytes(32)); sys.stdin.read()"],
        ["--no-such-option"],
    ],
)
def test_what_is_no_worker_is_found_out(tmp_path, monkeypatch, program):
    make(tmp_path, 30)
    monkeypatch.setattr(readers, "PROGRAM", program)
    assert got(tmp_path, executor=Processes(2)) == expected(tmp_path)


@pytest.mark.parametrize(
    "answer", ["b''", "bytes(32 * len(places))", "b'x' * 32 * len(places) + b'nonsense'"]
)
def test_an_answer_that_is_none_is_found_out(tmp_path, monkeypatch, answer):
    """No digest is made of zeros, and none is missing."""
    make(tmp_path, 30)
    code = (
        "import importlib.util, sys, os\n"
        f"found = importlib.util.spec_from_file_location('reading', {reading.__file__!r})\n"
        "reading = importlib.util.module_from_spec(found)\nfound.loader.exec_module(reading)\n"
        f"reading._read = lambda root, places, *_: (0, {answer}, [])\n"
        "reading.serve(60.0)\n"
    )
    monkeypatch.setattr(readers, "PROGRAM", ["-I", "-S", "-c", code])
    assert got(tmp_path, executor=Processes(2)) == expected(tmp_path)


def test_no_process_can_be_started(tmp_path, monkeypatch):
    make(tmp_path, 30)

    def refuse(*_, **__):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(readers.subprocess, "Popen", refuse)
    assert got(tmp_path, executor=Processes(2)) == expected(tmp_path)


def test_workers_die_with_who_started_them(tmp_path):
    """Killed without a chance to tidy up, a run leaves nobody behind."""
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 42)
    code = (
        "import sys\nfrom pathlib import Path\nfrom attest.hashing import hash_tree\n"
        "from attest.readers import Processes\nhash_tree(Path(sys.argv[1]), executor=Processes(2))"
    )
    with _session(sys.executable, "-c", code, str(tmp_path)) as parent:
        pids = _wait_for(lambda: _children_of(parent.pid))
        parent.kill()
        parent.wait()
        _wait_for(lambda: not [pid for pid in pids if _lives(pid)])


@pytest.mark.parametrize("many", [0, 20_000])
def test_ctrl_c_stops_the_command_and_leaves_nobody(tmp_path, many):
    """On the real command, with threads and with processes."""
    for number in range(many):
        (tmp_path / f"{number}").touch()
    (tmp_path / "large").touch()
    os.truncate(tmp_path / "large", 1 << 42)  # hours of reading
    with _session(sys.executable, "-m", "attest", "digest", str(tmp_path)) as command:
        if many:
            pids = _wait_for(lambda: _children_of(command.pid))
        else:
            _wait_for(lambda: _reads(command.pid, tmp_path / "large"))
            pids = []
        assert command.poll() is None
        os.killpg(command.pid, signal.SIGINT)  # as a terminal does
        _, said = command.communicate(timeout=30)
        assert command.returncode == 130
        assert b"Traceback" not in said
        _wait_for(lambda: not [pid for pid in pids if _lives(pid)])


@contextmanager
def _session(*words):
    """A process and those it starts, none of whom goes on reading for hours, whatever the test finds."""
    with subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True) as leader:
        try:
            yield leader
        finally:
            with suppress(ProcessLookupError):
                os.killpg(leader.pid, signal.SIGKILL)


def _children_of(pid):
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in listed.stdout.splitlines() if "reading.py" in line]


def _reads(pid, path):
    """Whether a process has a file open; where nobody can tell, it has had the time to."""
    files = Path(f"/proc/{pid}/fd")
    if not files.exists():
        time.sleep(5)
        return True
    with suppress(OSError):  # one that is closed meanwhile
        return any(file.readlink() == path for file in files.iterdir())
    return False


def _lives(pid):
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return bool(listed.stdout.strip()) and not listed.stdout.strip().startswith("Z")


def _wait_for(condition):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not come")


# ── files that give nothing ──


@pytest.fixture
def fifo_instead(tmp_path, monkeypatch):
    """A file whose reads never end, as on a share that went away."""
    make(tmp_path, 20)
    (tmp_path / "3" / "stuck").write_bytes(b"x" * 1001)
    return tmp_path


@pytest.mark.parametrize("number", [1, 2])
def test_threads_give_up_a_file_that_stalls(fifo_instead, monkeypatch, number):
    monkeypatch.setenv("ATTEST_READ_TIMEOUT", "0.6")
    free = []

    def read(fd, count):
        if os.fstat(fd).st_size == 1001:
            while not free:
                time.sleep(0.05)
        return os.read(fd, count)

    monkeypatch.setattr(reading.DISK, "read", read)
    try:
        with pytest.raises(DigestError, match=r'"3/stuck" gave nothing for 0.6 seconds') as caught:
            hash_tree(fifo_instead, workers=number)
        assert caught.value.where == str(fifo_instead)
        with pytest.raises(DigestError, match=r'"stuck" gave nothing'):
            hash_file(fifo_instead / "3" / "stuck")
    finally:
        free.append(True)


def test_processes_give_up_a_file_that_stalls(tmp_path, monkeypatch):
    make(tmp_path, 20)
    be_faulty(monkeypatch, 1, "stall")
    monkeypatch.setenv("ATTEST_READ_TIMEOUT", "0.5")
    make(tmp_path, 300)
    with pytest.raises(DigestError, match=r'"./\d+" gave nothing for 0.5 seconds'):
        hash_tree(tmp_path, executor=Processes(2))
    assert children() == []


def test_a_process_that_was_stopped_is_given_up(tmp_path, monkeypatch):
    make(tmp_path, 30)
    monkeypatch.setenv("ATTEST_READ_TIMEOUT", "0.2")
    monkeypatch.setattr(readers, "GRACE", 0.2)
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    monkeypatch.setattr(readers, "PROGRAM", ["-c", code])
    assert got(tmp_path, executor=Processes(1)) == expected(tmp_path)


@pytest.mark.parametrize("said", ["soon", "0", "-1", "inf", "nan"])
def test_a_timeout_that_is_none(tmp_path, monkeypatch, said):
    make(tmp_path, 1)
    monkeypatch.setenv("ATTEST_READ_TIMEOUT", said)
    with pytest.raises(UsageError, match="expected seconds above 0"):
        hash_tree(tmp_path)


# ── every fault there is ──

ALL = ["short", "truncated", "changed", "flipped", "eio", "eacces"]
REASONS = {reading.CHANGED, "input/output error", "permission denied"}


def never_wrong(root, executor):
    """Return how many files have a digest, which is the right one, and how many an error, which is named."""
    right = expected(root)
    outcomes = list(outcomes_of(scan_tree(root), executor=executor))
    assert [each.path for each in outcomes] == sorted(right, key=str.encode)
    for each in outcomes:
        if isinstance(each, FileDigest):
            assert each.sha256 == right[each.path]
        else:
            assert each.reason in REASONS
    bad = sum(isinstance(each, Offender) for each in outcomes)
    return len(outcomes) - bad, bad


@pytest.mark.parametrize("faults", [ALL, *([fault] for fault in ALL)])
def test_threads_over_a_faulty_disk(tmp_path, monkeypatch, faults):
    make(tmp_path, 60)
    make(tmp_path / "large", 8, 80_000)
    good = bad = 0
    for seed in range(5):
        monkeypatch.setattr(reading, "DISK", Faulty(reading.Disk(), seed, faults, rate=0.1))
        more = never_wrong(tmp_path, Threads(3) if seed % 2 else Serial())
        good, bad = good + more[0], bad + more[1]
    assert good
    assert bad or faults == ["short"]  # what is short is read on


@pytest.mark.parametrize("faults", [[*ALL, "death"], ["death"], ["flipped"]])
def test_processes_over_a_faulty_disk(tmp_path, monkeypatch, faults):
    make(tmp_path, 300)
    make(tmp_path / "large", 8, 80_000)
    small_batches(monkeypatch)
    good = bad = 0
    for seed in range(4):  # which process reads what is chance: one round may meet nothing but deaths
        be_faulty(monkeypatch, seed, *faults)
        more = never_wrong(tmp_path, Processes(2))
        good, bad = good + more[0], bad + more[1]
    assert good
    assert bad or faults == ["death"]


def test_one_error_names_all_that_cannot_be_read_and_there_is_no_digest(tmp_path, monkeypatch):
    make(tmp_path, 1200)  # two in a hundred are refused, by chance
    be_faulty(monkeypatch, 7, "eacces")
    with pytest.raises(
        DigestError, match=r"\d+ paths cannot be digested: .*\(permission denied\).*\(permission denied\)"
    ):
        digest_path(tmp_path, executor=Processes(2))


def test_the_timeout_is_generous_by_default(monkeypatch):
    monkeypatch.delenv("ATTEST_READ_TIMEOUT", raising=False)
    assert workers.read_timeout() == 600
