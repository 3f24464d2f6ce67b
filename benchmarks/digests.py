"""How fast files are digested, beside OpenSSL, coreutils, plain hashlib and others, in one run.

    python benchmarks/digests.py --quick
    python benchmarks/digests.py --rounds 5 --directory /scratch

Every contender is a process of its own, timed from start to end with what it starts; contenders alternate
round by round, and the table gives medians and ratios to the engine. Machines are shared: compare within one
run only. Data is generated with a fixed seed, one shape at a time (4.3 GB at most), and removed.

The limit is a program in C (``limit.c``) that reads the same files and hashes them with OpenSSL on all cores;
it is compiled for the run. The shape ``million`` measures memory alone: the peak of the process, and of those
it starts, above the same interpreter with the package imported.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from goals import goal
from installed import as_installed

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MIB = 1 << 20
PYTHON = sys.executable
C_LIMIT = f"C over OpenSSL, {CORES} threads"
PEER = "model-signing library"
COMMAND = "attest digest (whole command)"
JUDGED = ("attest", C_LIMIT, PEER, "openssl", "rhash")
"""Whom goals are about."""

ENGINE = """
import sys
from pathlib import Path
from attest.hashing import hash_tree
hash_tree(Path(sys.argv[1]), workers=int(sys.argv[2]) or None)
"""
RECHECK = """
import pickle, sys
from pathlib import Path
from attest.hashing import changed, hash_tree
root, state = Path(sys.argv[1]), Path(sys.argv[2])
if state.exists():
    assert len(changed(root, pickle.loads(state.read_bytes()))) == int(sys.argv[3])
else:
    aged = [each._replace(read_ns=each.read_ns + 10**11) for each in hash_tree(root)]
    state.write_bytes(pickle.dumps(aged))
"""
PLAIN = """
import hashlib, os, sys
stack, found = [sys.argv[1]], []
while stack:
    for entry in os.scandir(stack.pop()):
        (stack if entry.is_dir() else found).append(entry.path)
for path in found:
    with open(path, "rb") as file:
        hashlib.file_digest(file, "sha256").hexdigest()
"""
READ_ONLY = """
import os, sys, threading
stack, found = [sys.argv[1]], []
while stack:
    for entry in os.scandir(stack.pop()):
        (stack if entry.is_dir() else found).append(entry.path)
def read(paths):
    buffer = bytearray(1 << 18)
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        while os.readv(fd, [buffer]):
            pass
        os.close(fd)
cores = int(sys.argv[2])
threads = [threading.Thread(target=read, args=(found[n::cores],)) for n in range(cores)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
MEMORY = """
import os, resource, sys
from pathlib import Path
import attest.cli.digest, attest.manifest, attest.readers
def peak(pid):
    try:
        with open(f"/proc/{pid}/status" if pid == "self" else f"/proc/{pid}/smaps_rollup") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(("VmHWM", "Pss:"))), 0)
    except OSError:
        return 0
class Watch:
    def __init__(self):
        self.peaks, self.steps = {}, 0
    def start(self, files, size): pass
    def finish(self): pass
    def advance(self, files, size):
        self.steps += 1
        if self.steps % 16 == 0:
            with open(f"/proc/self/task/{os.getpid()}/children") as file:
                for pid in file.read().split():  # what processes share counts once, in shares
                    self.peaks[pid] = max(self.peaks.get(pid, 0), peak(pid))
before, watch = peak("self"), Watch()
attest.manifest.digest_path(Path(sys.argv[1]), progress=watch)
print(before, peak("self"), sum(watch.peaks.values()), len(watch.peaks))
"""
MODEL_SIGNING = "import sys; from model_signing import hashing; hashing.hash(sys.argv[1])"


@dataclass(frozen=True)
class Shape:
    """A tree to digest."""

    name: str
    files: int
    size: int
    depth: int = 1
    per_directory: int = 500

    def make(self, root: Path) -> None:
        """Write the files; the same bytes every time."""
        source = random.Random(self.name)  # noqa: S311 (benchmark data, no secret)
        block = source.randbytes(min(self.size, MIB))
        for number in range(self.files):
            directory = root.joinpath(f"d{number // self.per_directory:04}")
            if self.depth > 1:
                directory = root.joinpath(*["d"] * (1 + number * self.depth // self.files))
            directory.mkdir(parents=True, exist_ok=True)
            with (directory / f"f{number:06}.bin").open("wb") as file:
                file.write(number.to_bytes(8, "big")[: self.size])
                for written in range(8, self.size, len(block)):
                    file.write(block[: self.size - written])


@dataclass
class Contender:
    """A command that reads a tree, and how it did."""

    name: str
    command: list[str]
    seconds: list[float] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    """Processor seconds, of all its processes: what to look at where others keep the cores busy."""
    memory: int = 0
    """Peak resident set, bytes, of the largest process."""
    failure: str = ""
    """Last words of a run that failed; it is not asked again."""

    def run(self) -> None:
        """Run it once and note its time and memory."""
        if self.failure:
            return
        began = time.perf_counter()
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds.append(time.perf_counter() - began)
        self.work.append(usage.ru_utime + usage.ru_stime)
        assert process.stderr is not None  # noqa: S101 (it was asked for)
        said = process.stderr.read().decode(errors="replace")
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            self.failure = said.strip().rpartition("\n")[2] or f"exit code {process.returncode}"
        self.memory = max(self.memory, usage.ru_maxrss * 1024)

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)


def shapes(*, quick: bool) -> list[Shape]:
    part = 20 if quick else 1
    return [
        Shape("shards", 8, 512 * MIB // (2 * part if quick else 1)),
        Shape("one", 1, 4096 * MIB // part),
        Shape("files", 20_000 // part, 50 << 10),
        Shape("tiny", 200_000 // part, 2 << 10),
        Shape("deep", 20_000 // part, 2 << 10, depth=1000 // part),
        Shape("million", 1_000_000 // part, 8),
    ]


def piped(root: Path, shape: Shape, tool: str) -> list[str]:
    """Return a command that gives a tool the files in batches, on every core."""
    batch = max(1, min(256, shape.files // (2 * CORES)))
    return ["sh", "-c", f'find "$0" -type f -print0 | xargs -0 -P{CORES} -n{batch} {tool}', str(root)]


def compiled(folder: Path) -> Path | None:
    """Return the program that reads and hashes in C, or ``None`` if it cannot be made here."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    program = folder / "limit"
    source = Path(__file__).with_name("limit.c")
    words = [compiler, "-O2", "-o", program, source, "-lcrypto", "-lpthread"]
    done = subprocess.run(words, capture_output=True, check=False)
    return program if done.returncode == 0 else None


def contenders(
    root: Path, shape: Shape, peers_python: str, program: Path | None
) -> tuple[list[Contender], list[str]]:
    """Return who takes part, the engine first, and the names of who is missing."""
    found = [
        Contender("attest engine", [PYTHON, "-c", ENGINE, str(root), "0"]),
        Contender("attest engine, one thread", [PYTHON, "-c", ENGINE, str(root), "1"]),
        Contender(COMMAND, [PYTHON, "-m", "attest", "digest", str(root)]),
        Contender("hashlib.file_digest loop", [PYTHON, "-c", PLAIN, str(root)]),
        Contender(f"read only, {CORES} threads", [PYTHON, "-c", READ_ONLY, str(root), str(CORES)]),
    ]
    missing = []
    if program is None:
        missing.append("a C compiler with OpenSSL's headers")
    else:
        command = f'find "$0" -type f -print0 | {program} {CORES}'
        found.append(Contender(C_LIMIT, ["sh", "-c", command, str(root)]))
    for tool, words, label in [
        ("openssl", "openssl dgst -sha256", f"openssl dgst, xargs -P{CORES}"),
        ("sha256sum", "sha256sum", f"coreutils sha256sum, xargs -P{CORES}"),
        ("rhash", "rhash --sha256", f"rhash, xargs -P{CORES}"),
        ("b3sum", "b3sum --num-threads 1", f"b3sum (another digest), xargs -P{CORES}"),
    ]:
        if shutil.which(tool):
            found.append(Contender(label, piped(root, shape, words)))
        else:
            missing.append(tool)
    if _has_model_signing(peers_python):
        found.append(Contender(PEER, [peers_python, "-c", MODEL_SIGNING, str(root)]))
    else:
        missing.append("model-signing")
    return found, missing


def _has_model_signing(python: str) -> bool:
    if python == PYTHON:
        return importlib.util.find_spec("model_signing") is not None
    done = subprocess.run([python, "-c", "import model_signing.hashing"], capture_output=True, check=False)
    return done.returncode == 0


def alternate(running: list[Contender], rounds: int) -> None:
    """Run everybody once unmeasured, then in turns, so that a busy minute hits all alike."""
    for contender in running:
        contender.run()
        contender.seconds.clear()
        contender.work.clear()
    for _ in range(rounds):
        for contender in running:
            contender.run()


def table(shape: Shape, running: list[Contender]) -> None:
    """Print medians and ratios to the first contender."""
    total = shape.files * shape.size
    print(f"\n{shape.name}: {shape.files:,} x {shape.size:,} bytes")
    print(f"  {'':<42}{'seconds':>9}{'cpu s':>8}{'GB/s':>8}{'us/file':>11}{'ratio':>8}{'MiB':>7}")
    for each in running:
        if each.failure:
            print(f"  {each.name:<42}failed: {each.failure[:70]}")
            continue
        print(
            f"  {each.name:<42}{each.median:>9.3f}{statistics.median(each.work):>8.2f}"
            f"{total / each.median / 1e9:>8.2f}"
            f"{each.median / shape.files * 1e6:>11,.1f}{each.median / running[0].median:>8.2f}"
            f"{each.memory / MIB:>7.0f}"
        )


def goals(shape: Shape, running: list[Contender]) -> None:
    """Print what was to be reached, and whether it was."""
    by_name = {each.name: each for each in running if each.seconds and not each.failure}
    engine, command = running[0], by_name[COMMAND]
    limit, peer = by_name.get(C_LIMIT), by_name.get(PEER)
    size = f"{shape.files:,} x {shape.size:,} bytes"
    if shape.name == "shards" and limit:
        goal(f"{size}, engine, of {C_LIMIT}", limit.median / engine.median * 100, 93, "%")
    if shape.name in {"shards", "files", "tiny"} and peer:
        wanted = {"shards": 1.3, "files": 7.0, "tiny": 15.0}[shape.name]
        goal(f"{size}, engine, against {PEER}", peer.median / engine.median, wanted)
        goal(f"{size}, whole command, against {PEER}", peer.median / command.median, wanted)
    tools = [each for name, each in by_name.items() if name.startswith(("openssl", "rhash"))]
    if shape.name == "tiny" and tools:
        best = min(tools, key=lambda each: each.median)
        goal(f"{size}, engine, against {best.name}", best.median / engine.median, 0.9)


def memory(shape: Shape, root: Path) -> None:
    """Measure how much memory a run of many files takes."""
    done = subprocess.run([PYTHON, "-c", MEMORY, str(root)], capture_output=True, text=True, check=True)
    before, after, others, number = map(int, done.stdout.split())
    print(f"\n{shape.name}: {shape.files:,} x {shape.size:,} bytes, peak memory")
    print(f"  package imported {before / 1024:.0f} MiB, after the run {after / 1024:.0f} MiB,", end=" ")
    print(f"{number} processes {others / 1024:.0f} MiB together")
    goal(
        f"{shape.files:,} files, peak memory above the import",
        (after - before + others) / 1024,
        150,
        "MiB",
        at_most=True,
    )


def recheck(root: Path, shape: Shape, rounds: int) -> list[Contender]:
    """Measure looking again at a tree that is unchanged, and at one of which one file in 100 changed."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    touched = paths[:: max(1, len(paths) // max(1, shape.files // 100))]
    measured = []
    for name, changes in [("recheck, unchanged", []), ("recheck, 1 % changed", touched)]:
        state = root.with_name("state")
        take = [PYTHON, "-c", RECHECK, str(root), str(state)]
        subprocess.run([*take, "0"], check=True)
        for path in changes:
            with path.open("r+b") as file:
                file.write(b"changed!")
        each = Contender(name, [*take, str(len(changes))])
        alternate([each], rounds)
        measured.append(each)
        state.unlink()
    return measured


def limit() -> float:
    """Return the bytes per second that SHA-256 of one buffer reaches on every core."""
    data = bytes(256 << 10)

    def work() -> None:
        for _ in range(2000):
            sha256(data)

    began = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(CORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return CORES * 2000 * len(data) / (time.perf_counter() - began)


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return f"{command[0]} missing"
    return done.stdout.splitlines()[0] if done.stdout else command[0]


def measure(shape: Shape, options: argparse.Namespace) -> None:
    """Make a shape, let everybody read it, print, and remove it."""
    with tempfile.TemporaryDirectory(dir=options.directory) as folder:
        root = Path(folder, shape.name)
        shape.make(root)
        try:
            if shape.name == "million":
                memory(shape, root)
                return
            program = compiled(Path(folder))
            running, missing = contenders(root, shape, options.peers_python, program)
            if options.goals:
                running = [each for each in running if each.name.startswith(JUDGED)]
            alternate(running, options.rounds)
            if shape.name in {"files", "tiny"} and not options.goals:
                running += recheck(root, shape, options.rounds)
            if running[0].failure:
                raise SystemExit(f"{running[0].name} failed: {running[0].failure}")
            table(shape, running)
            if not options.quick:  # what takes milliseconds is mostly the start of a Python
                goals(shape, running)
            if missing:
                print(f"  missing here: {', '.join(missing)}")
        finally:
            if shutil.which("rm"):  # shutil.rmtree recurses
                subprocess.run(["rm", "-rf", root], check=False)


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small shapes, two rounds: some seconds")
    parser.add_argument("--goals", action="store_true", help="only those whom goals are about")
    parser.add_argument("--rounds", type=int, help="measured rounds  [default: 5, quick 2]")
    parser.add_argument("--shape", action="append", help="only this shape; may be repeated")
    parser.add_argument("--directory", help="where to generate data  [default: the temporary directory]")
    parser.add_argument(
        "--peers-python", default=PYTHON, help="the Python that model-signing is installed in"
    )
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    print(f"Python {platform.python_version()}, {_version(['openssl', 'version'])}, {CORES} cores")
    print(f"{_version(['sha256sum', '--version'])}, {options.rounds} rounds")
    rates = [limit() / 1e9 for _ in range(3)]
    start = Contender("start", [PYTHON, "-c", "pass"])
    alternate([start], 5)
    print(f"starting Python and nothing else: {start.median:.3f} s, part of each figure of a Python")
    print(f"limit: SHA-256 of one buffer on {CORES} cores: {statistics.median(rates):.2f} GB/s")
    for shape in shapes(quick=options.quick):
        if not options.shape or shape.name in options.shape:
            measure(shape, options)


if __name__ == "__main__":
    main()
