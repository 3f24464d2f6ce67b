"""How long ``attest impact`` takes over stores of many statements, and the same question in memory.

    python benchmarks/impact.py --quick
    python benchmarks/impact.py --statements 10000 100000
    python benchmarks/impact.py --statements 1000000 --reached-only

A store is filled with signed statements: clusters of a thousand, each twenty datasets with their rights and
steps that read four of the last two hundred artifacts and one script that every step of the store reads. An
order names a dataset of the first cluster, so it reaches about a thousand artifacts whatever the size. Then
the whole command is run, once for everything and once for ``--reached``, each in a process of its own: cold
after dropping the page cache where that is permitted (else the first run), then warm.

Beside it, over a graph of the same size in which everything hangs together: the impact without signatures or
store, and the plain question what can be reached, by networkx and rustworkx if they are installed. Machines
are shared: compare within one run only.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from installed import as_installed

from attest.bundle import Bundle, parse_bundle
from attest.docket import OrderState
from attest.graph import Evidence, Graph
from attest.impact import Impact
from attest.predicate import predicate_name, predicate_type, read_predicate
from attest.predicates.step import BUILD_TYPES
from attest.processes import cores, in_processes
from attest.resource import ResourceDescriptor
from attest.signer import open_signer
from attest.statement import Statement
from attest.store import open_store
from attest.toll import impact_report, to_text

CLUSTER, DATASETS = 1000, 20
BUILDER = "https://w3id.org/attest/builders/local/v0.1"
KIB = 1024
PAGE_CACHE = Path("/proc/sys/vm/drop_caches")


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def step(inputs: list[str], kind: str = "transform", **more: Any) -> dict[str, Any]:
    """Return the predicate of a step that read these digests."""
    read = [
        {"name": each[:12], "digest": {"sha256": each}, "annotations": {"role": "dataset", "sizeBytes": 100}}
        for each in inputs
    ]
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPES[kind],
            "externalParameters": {"command": ["python", "train.py"], "hyperparameters": {"lr": "3e-4"}},
            "internalParameters": {
                "completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"},
                **more,
            },
            "resolvedDependencies": read,
        },
        "runDetails": {"builder": {"id": BUILDER}},
    }


# -- a store, and the whole command over it ---------------------------------------------------------------


def cluster(number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, kind and predicate of a thousand statements; the same at every run."""
    pick = random.Random(number)  # noqa: S311 - the same graph at every run
    made = [f"{number}/data-{each}" for each in range(DATASETS)]
    for name in made:
        yield name, "dataset", {"name": name, "version": "1", "personalData": {"presence": "no"}}
        terms = {"sequence": 1, "status": "active", "license": {"expression": "CC-BY-4.0"}}
        yield name, "rights", {**terms, "permittedPurposes": ["any"], "prohibitedPurposes": []}
    script = {"name": "train.py", "digest": {"sha256": digest("train.py")}}
    script["annotations"] = {"role": "code", "sizeBytes": 2000}
    libraries = {f"library-{each}": f"{each}.0.1" for each in range(20)}
    for place in range(CLUSTER - 2 * DATASETS):
        read = sorted({digest(pick.choice(made[-200:])) for _ in range(4)})
        predicate = step(read, "transform" if place % 4 else "train", libraries=libraries)
        predicate["buildDefinition"]["resolvedDependencies"].append(script)
        made.append(f"{number}/made-{place}")
        yield made[-1], "step", predicate


def signed_cluster(key: str, number: int) -> list[bytes]:
    """Return the bundles of a cluster, a line each."""
    signer = open_signer(key)
    return [
        signer.sign(Statement.build([described(name)], predicate_type(kind), predicate)).line
        for name, kind, predicate in cluster(number)
    ]


def described(name: str, sha256: str = "") -> ResourceDescriptor:
    return ResourceDescriptor(name=name, digest={"sha256": sha256 or digest(name)})


def fill(folder: Path, count: int) -> None:
    """Make a project with a key, and a store of about ``count`` statements signed with it."""
    command = [sys.executable, "-m", "attest", "init", "--key"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    key = f"file:{folder / 'keys' / 'attest.key'}"
    target = {"id": "C-1", "targets": {"datasets": [described("0/data-0").to_json()]}}
    order = Statement.build([described("order")], predicate_type("deletion-order"), target)
    first = open_signer(key).sign(order)

    def bundles() -> Iterator[Bundle]:
        yield first
        clusters = range(max(1, count // CLUSTER))
        with closing(in_processes(signed_cluster, key, clusters, cores())) as results:
            for _, lines in results:
                yield from map(parse_bundle, lines)

    with open_store(f"sqlite:{folder / '.attest' / 'store.db'}") as store:
        store.put(bundles())


LAUNCHER = """
import resource, subprocess, sys
code = subprocess.run([sys.executable, "-m", "attest", *sys.argv[1:]]).returncode
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""
"""Starts the command from a small process: to its peak counts what it was started from."""


def child(words: list[str], folder: Path) -> tuple[float, float, str]:
    """Run the command; return seconds, peak MiB and what it printed."""
    start = time.perf_counter()
    command = [sys.executable, "-c", LAUNCHER, *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    spent = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"attest {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return spent, int(done.stderr.split()[-1]) / KIB, done.stdout


def drop_cache() -> bool:
    """Forget what is cached of files; return whether that was permitted."""
    try:
        os.sync()
        PAGE_CACHE.write_text("3")
    except OSError:
        return False
    return True


def whole_command(count: int, rounds: int, *, reached_only: bool) -> None:
    """Fill a store, run both commands in turn, and print a row for each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        fill(folder, count)
        spent = time.perf_counter() - start
        size = (folder / ".attest" / "store.db").stat().st_size / 1e6
        print(f"\nstore of {count:,} statements, {size:,.0f} MB, filled in {spent:.0f} s")
        print(f"  {'':24}{'cold s':>9}{'warm s':>9}{'peak MiB':>10}{'looked at':>12}{'listed':>9}")
        modes = [["--reached"], *([] if reached_only else [[]])]
        runs: list[list[tuple[float, float]]] = [[] for _ in modes]
        shown: list[tuple[int, int]] = []
        cold = "the first run"
        for turn in range(rounds + 1):  # A B A B
            for mode, own in zip(modes, runs, strict=True):
                if turn == 0 and drop_cache():
                    cold = "after dropping the page cache"
                seconds, peak, text = child(["impact", "C-1", "--json", *mode], folder)
                own.append((seconds, peak))
                if turn == 0:
                    report = json.loads(text)
                    shown.append((report["snapshot"]["statements"], len(report["affected"])))
        for mode, own, (looked, listed) in zip(modes, runs, shown, strict=True):
            warm = statistics.median(seconds for seconds, _ in own[1:])
            label, peak = " ".join(["attest impact", *mode]), max(peak for _, peak in own)
            print(f"  {label:24}{own[0][0]:9.2f}{warm:9.2f}{peak:10,.0f}{looked:12,}{listed:9,}", flush=True)
        print(f"  cold: {cold}")


# -- a graph in memory ------------------------------------------------------------------------------------


def evidence(statement: Statement) -> Evidence:
    """Believe a statement."""
    name = predicate_name(statement.predicate_type)
    return Evidence(statement, name, read_predicate(statement), (), ("vendor",))


def tangle(count: int) -> tuple[list[Evidence], Evidence, list[tuple[str, str]]]:
    """Return statements, an order for the first dataset, and the edges by digest; all hangs together."""
    pick = random.Random(count)  # noqa: S311 - the same graph at every run
    digests = [digest(f"d{number}") for number in range(100)]
    found = [
        Statement.build(
            [described("data", each)], predicate_type("dataset"), {"name": "data", "version": "1"}
        )
        for each in digests
    ]
    edges = []
    for number in range(count - len(found)):
        made = digest(f"m{number}")
        read = {pick.choice(digests[-1000:]) if number > 1000 else pick.choice(digests) for _ in range(2)}
        found.append(Statement.build([described("output", made)], predicate_type("step"), step(sorted(read))))
        edges += [(each, made) for each in read]
        digests.append(made)
    target = {"targets": {"datasets": [described("data", digests[0]).to_json()]}}
    order = Statement.build([described("order", "e" * 64)], predicate_type("deletion-order"), target)
    return [evidence(each) for each in found], evidence(order), edges


def timed(label: str, work: Callable[[], Any]) -> Any:
    """Run something and print how long it took."""
    start = time.perf_counter()
    result = work()
    print(f"  {label:28} {time.perf_counter() - start:8.2f} s", flush=True)
    return result


def others(edges: list[tuple[str, str]], target: str) -> None:
    """Ask the graph libraries that are installed what can be reached."""
    try:
        networkx = importlib.import_module("networkx")
        plain = networkx.DiGraph(edges)
        timed("networkx, reachable alone", lambda: networkx.descendants(plain, target))
    except ImportError:
        print("  networkx is not installed")
    try:
        rustworkx = importlib.import_module("rustworkx")
    except ImportError:
        print("  rustworkx is not installed")
        return
    graph = rustworkx.PyDiGraph()
    numbers: dict[str, int] = {}
    for pair in edges:
        for each in pair:
            if each not in numbers:
                numbers[each] = graph.add_node(each)
    graph.add_edges_from_no_data([(numbers[a], numbers[b]) for a, b in edges])
    timed("rustworkx, reachable alone", lambda: rustworkx.descendants(graph, numbers[target]))


def in_memory(count: int) -> None:
    """Compute an impact over statements in memory, and print how long each part took."""
    found, order, edges = tangle(count)
    print(f"\n{count:,} statements in memory, {len(edges):,} links")
    graph = timed("join by digest", lambda: Graph([*found, order]))
    impact = timed("impact", lambda: Impact(graph, OrderState(order.digest, order)))
    text = timed("report", lambda: to_text(impact_report(impact, {}, "none")))
    print(f"  {len(impact.proven):,} proven, {len(impact.clear):,} clear, {len(text) / 1e6:.1f} MB")
    others(edges, next(iter(impact.targets)).sha256)


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=3, help="warm runs of each command")
    parser.add_argument("--quick", action="store_true", help="3,000 statements, one warm run")
    parser.add_argument("--reached-only", action="store_true", help="leave the answer from everything out")
    given = parser.parse_args()
    if given.quick:
        given.statements, given.rounds = [3000], 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"Python {platform.python_version()}, {cores()} cores, load {load:.1f}")
    for count in given.statements:
        whole_command(count, given.rounds, reached_only=given.reached_only)
        if not given.reached_only:
            in_memory(count)


if __name__ == "__main__":
    main()
