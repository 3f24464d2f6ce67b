"""How fast records are committed to and proven, beside a plain build with lists on one core, in one run.

    python benchmarks/records.py --quick
    python benchmarks/records.py --rounds 5 --large

Records are 32 bytes each and made by counting, so that reading them costs nothing and the figures are those
of keys, sort and tree. Every contender is a process of its own, timed from start to end; contenders alternate
round by round, and the table gives medians and the ratio to the plain build. Memory is the peak of the
process and, of the engine, of all its processes together. Machines are shared: compare within one run only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from goals import goal
from installed import as_installed

from attest.census import take_census
from attest.commitment import Keyer, Proof
from attest.leaves import LeafFile
from attest.record import Batch, Unit
from attest.resource import Artifact

SECRET = bytes(range(32))
BATCH = 1 << 14
UNIT = 1 << 16


class Counted:
    """So many records of 32 bytes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.size = 32 * count
        self.read = read
        self.unit = "row"

    def units(self) -> list[Unit]:  # noqa: D102 - as of attest.record.Records
        starts = range(0, self._count, UNIT)
        return [Unit("counted", "", [], start, min(start + UNIT, self._count)) for start in starts]


def read(unit: Unit) -> Iterator[Batch]:
    for start in range(unit.start, unit.end, BATCH):
        numbers = range(start, min(start + BATCH, unit.end))
        yield Batch([number.to_bytes(32, "big") for number in numbers], None, str)


def naive(count: int) -> None:
    """Keys, sort, leaves, interior, each a list: the build of a first draft."""
    keys = [sha256(number.to_bytes(32, "big")).digest() for number in range(count)]
    keys.sort()
    level = [sha256(b"\0" + key).digest() for key in keys]
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [
            sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)
        ] + odd
    print(json.dumps({"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))


def engine(count: int, path: str, workers: int) -> None:
    take_census(Counted(count), SECRET, Artifact("0" * 64), Path(path), workers=workers)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # the system tells the peak of the largest child alone: all of them count as that
    children = workers * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if workers > 1 else 0
    print(json.dumps({"memory": own + children}))


def timed(*words: str) -> tuple[float, float, int]:
    """Return seconds, seconds of all its processes on a core, and peak memory in KiB."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, __file__, *words], check=True, capture_output=True, text=True)
    took, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return took, cpu, int(json.loads(done.stdout)["memory"])


def proofs(path: Path, count: int) -> dict[str, Any]:
    """Return microseconds and bytes of proofs that keys are there, and that others are not."""
    keyer, chance = Keyer(SECRET), random.Random(7)  # noqa: S311 - which keys are measured is no secret
    numbers = [chance.randrange(count) for _ in range(500)]
    keys = keyer.keys(number.to_bytes(32, "big") for number in (*numbers, *range(count, count + 500)))
    with LeafFile(path) as leaves:
        making, checking, sizes = [], [], []
        for key in keys:
            start = time.perf_counter()
            data = leaves.prove(key).encode()
            making.append(time.perf_counter() - start)
            start = time.perf_counter()
            assert Proof.decode(data).problem(leaves.commitment) is None  # noqa: S101 - that is what is measured
            checking.append(time.perf_counter() - start)
            sizes.append(len(data))
    return {
        "make": statistics.median(making) * 1e6,
        "check": statistics.median(checking) * 1e6,
        "slowest": max(making) * 1e6,
        "bytes": statistics.median(sizes),
        "file": path.stat().st_size / count,
    }


def measure(count: int, rounds: int, folder: Path) -> None:
    path = folder / "leaves"
    contenders = {
        "plain lists, one core": ("naive", str(count)),
        "attest, one process": ("engine", str(count), str(path), "1"),
        "attest, two processes": ("engine", str(count), str(path), "2"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    busy: dict[str, list[float]] = {name: [] for name in contenders}
    memory: dict[str, int] = dict.fromkeys(contenders, 0)
    for _ in range(rounds):
        for name, words in contenders.items():
            took, cpu, peak = timed(*words)
            seconds[name].append(took)
            busy[name].append(cpu)
            memory[name] = max(memory[name], peak)
    plain = statistics.median(seconds["plain lists, one core"])
    for name, all_of_them in seconds.items():
        took = statistics.median(all_of_them)
        print(
            f"{count:>11,}  {name:22}{took:8.2f} s{took / count * 1e6:8.2f} µs each"
            f"{statistics.median(busy[name]):8.2f} s CPU{memory[name] / 1024:7.0f} MB{took / plain:7.2f}"
        )
    if count >= 3_000_000:
        two = statistics.median(seconds["attest, two processes"]) / plain
        goal(f"{count:,} records committed to, against plain lists", two, 0.6, "of its time", at_most=True)
    found = proofs(path, count)
    print(
        f"{'':13}proof: made in {found['make']:.0f} µs (slowest {found['slowest']:.0f}), checked in "
        f"{found['check']:.0f} µs, {found['bytes']:.0f} bytes; leaf file {found['file']:.1f} bytes a record"
    )


def main() -> None:
    as_installed()
    if sys.argv[1:2] == ["naive"]:
        naive(int(sys.argv[2]))
        return
    if sys.argv[1:2] == ["engine"]:
        engine(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="300,000 records, one round")
    parser.add_argument("--large", action="store_true", help="30 million records, too, one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where leaf files are written (default: temporary)")
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} before the start")
    print("    records  contender                  time                          CPU   memory  ratio")
    folder = Path(tempfile.mkdtemp(prefix="attest-records-", dir=given.directory))
    try:
        measure(300_000, 1 if given.quick else given.rounds, folder)
        if not given.quick:
            measure(3_000_000, given.rounds, folder)
        if given.large:
            measure(30_000_000, 1, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
