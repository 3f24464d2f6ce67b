"""What was made from an artifact, asked of a store of many statements, beside graphs in memory, in one run.

    python benchmarks/reach.py
    python benchmarks/reach.py --quick
    python benchmarks/reach.py 1000000 --rounds 5 --folder /scratch
    python benchmarks/reach.py 100000 --store postgresql://USER@HOST/DATABASE

Each step of the lineage reads about four artifacts and writes one or two. Asked are three artifacts: one that
most others come from, and one each with about a hundredth and a thousandth of these. Contenders are processes
of their own that answer in turn, round by round: the store's walk (``Store.reach``), one recursive query over
the same file, and networkx and rustworkx, which hold the graph in memory by integers. Their load is printed,
and excluded from the ratios; ``cold`` is the first answer, with nothing of the file in memory. The goal over
10^6 statements is at most 1.5 times networkx, and a tenth of its memory.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import itertools
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lineages
from goals import goal
from installed import as_installed

from attest.resource import Artifact
from attest.store import compact_store, open_store

PART = 50_000
"""Statements put at a time."""
GOAL_COUNT = 1_000_000
"""Statements from which on the goals are meant."""
SLOW = 5.0
"""Seconds above which a contender is asked once."""
NAMES = {
    "store": "attest, SQLite",
    "shared": "attest, the store of --store",
    "recursive": "one recursive query",
    "networkx": "networkx",
    "rustworkx": "rustworkx",
}


# ── the contenders: each answers how many artifacts one leads to ──


def store(path: str, _: int) -> Callable[[int], int]:
    opened = open_store(path, read_only=True)
    return lambda artifact: opened.reach([Artifact(lineages.digest(artifact))]).artifact_count - 1


shared = store


def recursive(path: str, _: int) -> Callable[[int], int]:
    """Ask what anybody would write first; a cache as large as the file's indexes."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.execute("PRAGMA cache_size=-262144")
    query = """
        WITH RECURSIVE reached (id) AS (
          SELECT id FROM artifact WHERE sha256 = ?
          UNION
          SELECT product.artifact_id FROM reached
            JOIN source ON source.artifact_id = reached.id JOIN product USING (statement_id)
        )
        SELECT count(*) FROM reached"""
    return lambda artifact: (
        int(connection.execute(query, (bytes.fromhex(lineages.digest(artifact)),)).fetchone()[0]) - 1
    )


def networkx(_: str, count: int) -> Callable[[int], int]:
    library = importlib.import_module("networkx")
    graph = library.DiGraph()
    graph.add_edges_from(edges(count))
    return lambda artifact: len(library.descendants(graph, artifact))


def rustworkx(_: str, count: int) -> Callable[[int], int]:
    library = importlib.import_module("rustworkx")
    graph = library.PyDiGraph(multigraph=False)
    graph.extend_from_edge_list(list(edges(count)))
    return lambda artifact: len(library.descendants(graph, artifact))


def edges(count: int) -> Iterator[tuple[int, int]]:
    for made in lineages.steps(count):
        yield from itertools.product(made.inputs, made.outputs)


def serve(name: str, path: str, count: int) -> None:
    """Load a contender, then answer one artifact a line: how many, in how many seconds."""
    with contextlib.suppress(OSError, AttributeError), open(path, "rb") as file:  # noqa: PTH123
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    start = time.perf_counter()
    try:
        ask = globals()[name](path, count)
    except ImportError:
        print("missing", flush=True)
        return
    print(time.perf_counter() - start, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        found = ask(int(line))
        taken = time.perf_counter() - start
        print(found, taken, peak(), flush=True)


def peak() -> float:
    """Return this process's peak memory in MB; ``ru_maxrss`` would count the one it was forked from."""
    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Contender:
    """A process that answers."""

    def __init__(self, name: str, path: Path | str, count: int) -> None:
        command = [sys.executable, __file__, "--serve", name, str(path), str(count)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = NAMES[name]
        self.times: dict[int, list[float]] = {}
        self.peak = 0.0
        first = self._line()
        self.load = None if first == "missing" else float(first)

    def _line(self) -> str:
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        return self.process.stdout.readline().strip()

    def ask(self, artifact: int) -> int:
        """Ask once, and note the time."""
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        print(artifact, file=self.process.stdin, flush=True)
        found, seconds, peak = self._line().split()
        self.times.setdefault(artifact, []).append(float(seconds))
        self.peak = float(peak)
        return int(found)

    def slow(self, artifact: int) -> bool:
        """Tell whether it takes too long to be asked again."""
        return max(self.times.get(artifact, [0.0])) > SLOW

    def warm(self, artifact: int) -> float:
        """Return the median of all times but the first."""
        return statistics.median(self.times[artifact][1:] or self.times[artifact])

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()


# ── the measurement ──


def build(path: Path, count: int) -> None:
    taken = "made before" if path.exists() else f"put in {fill(str(path), count):,.0f} s"
    print(f"\n{count:,} statements: {path.stat().st_size / 1e6:,.0f} MB, {taken}", flush=True)


def fill(uri: str, count: int) -> float:
    """Put the statements into a store, and return how many seconds it took."""
    start = time.perf_counter()
    source = lineages.bundles(count)
    with open_store(uri, create=True) as made:
        while made.put(itertools.islice(source, PART)):
            pass
    return time.perf_counter() - start


def targets(path: Path, count: int) -> list[int]:
    """Return artifacts that lead to most others, to about a hundredth and to a thousandth of these."""
    last = sum(len(made.outputs) for made in lineages.steps(count)) + max(10, count // 100) - 1
    with open_store(str(path), read_only=True) as opened:

        def size(artifact: int) -> int:
            return opened.reach([Artifact(lineages.digest(artifact))]).artifact_count - 1

        most = size(5)
        found = {5: most}
        back = 8
        while back < last:
            found[last - back] = size(last - back)
            if found[last - back] > most / 20:
                break
            back = back * 9 // 8
    return [5, *(min(found, key=lambda each: abs(found[each] - most / part)) for part in (100, 1000))]


def measure(path: Path, count: int, rounds: int, uri: str | None) -> None:
    asked = targets(path, count)
    names = [name for name in NAMES if name != "shared" or uri]
    contenders = [Contender(name, (uri if name == "shared" else None) or path, count) for name in names]
    there = [each for each in contenders if each.load is not None]
    sizes: dict[int, int] = {}
    try:
        for _ in range(rounds + 1):  # the first round is the cold one
            for each, artifact in itertools.product(there, asked):
                if each.slow(artifact):
                    continue
                found = each.ask(artifact)
                if sizes.setdefault(artifact, found) != found:
                    sys.exit(f"{each.name} found {found}, {there[0].name} found {sizes[artifact]}")
    finally:
        for each in contenders:
            each.end()
    table(contenders, sizes)
    if count >= GOAL_COUNT:
        goals(contenders, sizes, count)


def goals(contenders: list[Contender], sizes: dict[int, int], count: int) -> None:
    """Hold the store's walk against networkx."""
    by_name = {each.name: each for each in contenders if each.load is not None}
    ours, peer = by_name.get(NAMES["store"]), by_name.get("networkx")
    if ours is None or peer is None:
        return
    print()
    for artifact, size in sizes.items():
        ratio = ours.warm(artifact) / peer.warm(artifact)
        goal(f"{size:,} results out of {count:,} statements, time of networkx", ratio, 1.5, at_most=True)
    goal(f"the same, memory of networkx over {count:,} statements", ours.peak / peer.peak, 0.1, at_most=True)


def table(contenders: list[Contender], sizes: dict[int, int]) -> None:
    peer = next((each for each in contenders if each.name == "networkx" and each.load is not None), None)
    print(
        "| | load s | peak MB | "
        + " | ".join(f"{size:,} results: cold, warm ms" for size in sizes.values())
        + " |"
    )
    print("|---|---|---|" + "---|" * len(sizes))
    for each in contenders:
        if each.load is None:
            print(f"| {each.name} is not installed |")
            continue
        cells = []
        for artifact in sizes:
            ratio = f" ({each.warm(artifact) / peer.warm(artifact):.2f})" if peer else ""
            cells.append(f"{each.times[artifact][0] * 1e3:,.1f}, {each.warm(artifact) * 1e3:,.1f}{ratio}")
        share = f" ({each.peak / peer.peak:.2f})" if peer else ""
        print(f"| {each.name} | {each.load:.1f} | {each.peak:,.0f}{share} | " + " | ".join(cells) + " |")


def versions() -> str:
    parts = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    for name in ("networkx", "rustworkx"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            parts.append(f"{name} {importlib.metadata.version(name)}")
    return f"{', '.join(parts)}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    as_installed()
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "statements", nargs="*", type=int, help="sizes; default: 10,000, 100,000 and 1,000,000"
    )
    parser.add_argument("--quick", action="store_true", help="5,000 statements, three rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="make the stores here, and keep them; 3 GB for a million")
    parser.add_argument("--store", metavar="URI", help="ask this store, too: an empty one, for one size")
    words = parser.parse_args()
    sizes = words.statements or ([5000] if words.quick else [10_000, 100_000, 1_000_000])
    if words.store and len(sizes) > 1:
        parser.error("--store: one size at a time")
    print(versions())
    for count in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = (words.folder or Path(folder)) / f"lineage-{count}.db"
            build(path, count)
            if words.store:
                print(f"the store of --store: put in {fill(words.store, count):,.0f} s", flush=True)
                compact_store(words.store)  # counts what a server plans its queries by
            measure(path, count, 3 if words.quick else words.rounds, words.store)
    print(f"\nratios to networkx, warm; load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
