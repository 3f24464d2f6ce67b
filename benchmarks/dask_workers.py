"""How much faster two workers of a Dask cluster digest than one, beside this machine alone.

    python benchmarks/dask_workers.py
    python benchmarks/dask_workers.py --quick

Workers are processes of one thread each on this machine; a cluster is started before it is timed. What is
timed is the digest of a tree of large files, from the walk to the sorted digests. The goal for two workers
against one is 1.6 for files of 256 MiB. Machines are shared: compare within one run only.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from goals import goal
from installed import as_installed

from attest.hashing import hash_tree
from attest.workers import cores

MIB = 1 << 20


def make(root: Path, files: int, size: int) -> None:
    """Write files of random bytes; the same ones every time."""
    source = random.Random("dask")  # noqa: S311 (benchmark data, no secret)
    block = source.randbytes(MIB)
    root.mkdir()
    for number in range(files):
        with (root / f"shard-{number:03}.bin").open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            file.write(block[8:])
            for _ in range(size // MIB - 1):
                file.write(block)


def contenders(root: Path, stack: ExitStack) -> dict[str, Callable[[], object]]:
    from distributed import LocalCluster

    from attest.engine import open_engine
    from attest.spread import Spread

    cases: dict[str, Callable[[], object]] = {}
    for workers in (1, 2):
        size = {"n_workers": workers, "threads_per_worker": 1, "processes": True}
        cluster = stack.enter_context(LocalCluster(**size, dashboard_address="127.0.0.1:0"))
        engine = open_engine(cluster.scheduler_address.replace("tcp://", "dask://"))
        stack.callback(engine.close)
        cases[f"Dask, {workers} worker{'s' * (workers > 1)}"] = lambda engine=engine: hash_tree(
            root, executor=Spread(engine)
        )
    cases["this process, one thread"] = lambda: hash_tree(root, workers=1)
    cases[f"this machine, {cores()} cores"] = lambda: hash_tree(root)
    return cases


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="4 files and one round")
    parser.add_argument("--files", type=int, help="files  [default: 8, quick 4]")
    parser.add_argument("--mib", type=int, default=256, help="MiB of each")
    parser.add_argument("--rounds", type=int, help="measured rounds  [default: 5, quick 1]")
    parser.add_argument("--directory", help="where to generate data  [default: the temporary directory]")
    given = parser.parse_args()
    if importlib.util.find_spec("distributed") is None:
        print("missing here: dask.distributed is not installed")
        return
    files = given.files or (4 if given.quick else 8)
    rounds = given.rounds or (1 if given.quick else 5)
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {cores()} cores, load {load:.1f} before; {rounds} rounds")
    with tempfile.TemporaryDirectory(dir=given.directory) as folder, ExitStack() as stack:
        root = Path(folder, "tree")
        make(root, files, given.mib * MIB)
        cases = contenders(root, stack)
        seconds: dict[str, list[float]] = {name: [] for name in cases}
        for number in range(rounds + 1):
            for name, run in cases.items():
                began = time.perf_counter()
                run()
                if number:  # the first time, for all alike, warms the page cache and the workers
                    seconds[name].append(time.perf_counter() - began)
    total = files * given.mib * MIB
    print(f"\n  {f'{files} x {given.mib} MiB':32}{'seconds':>9}{'GB/s':>8}{'x one worker':>14}")
    one = statistics.median(seconds["Dask, 1 worker"])
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"  {name:32}{median:9.2f}{total / median / 1e9:8.2f}{one / median:14.2f}")
    two = one / statistics.median(seconds["Dask, 2 workers"])
    goal(f"two Dask workers over files of {given.mib} MiB, against one", two, 1.6)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # Dask's own threads take their time
