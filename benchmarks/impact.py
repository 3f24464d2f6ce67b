"""How long an impact takes over graphs of many statements, beside networkx and rustworkx if they are there.

    python benchmarks/impact.py [STATEMENTS]...

The graph is made in memory, of a hundred datasets and steps that each read two earlier artifacts; signatures
are left aside. networkx and rustworkx answer the plain question alone: what can be reached from the target.
"""

from __future__ import annotations

import importlib
import random
import resource
import sys
import time
from collections.abc import Callable

from attest.digest import sha256_bytes
from attest.docket import OrderState
from attest.graph import Evidence, Graph
from attest.impact import Impact
from attest.predicate import predicate_name, predicate_type, read_predicate
from attest.predicates.step import BUILD_TYPES
from attest.resource import ResourceDescriptor
from attest.statement import Statement
from attest.toll import impact_report, to_text


def evidence(statement: Statement) -> Evidence:
    """Believe a statement."""
    name = predicate_name(statement.predicate_type)
    return Evidence(statement, name, read_predicate(statement), (), ("vendor",))


def world(count: int) -> tuple[list[Evidence], Evidence, list[tuple[str, str]]]:
    """Return statements, an order for the first dataset, and the edges by digest."""
    pick = random.Random(count)  # noqa: S311 - the same graph at every run
    digests = [sha256_bytes(f"d{number}".encode()) for number in range(100)]
    found = [
        Statement.build(
            [ResourceDescriptor(name="data", digest={"sha256": digest})],
            predicate_type("dataset"),
            {"name": "data", "version": "1"},
        )
        for digest in digests
    ]
    edges = []
    for number in range(count - len(found)):
        made = sha256_bytes(f"m{number}".encode())
        read = {pick.choice(digests[-1000:]) if number > 1000 else pick.choice(digests) for _ in range(2)}
        role = {"role": "dataset"}
        inputs = [{"name": "input", "digest": {"sha256": each}, "annotations": role} for each in sorted(read)]
        predicate = {
            "buildDefinition": {
                "buildType": BUILD_TYPES["transform"],
                "externalParameters": {},
                "internalParameters": {"completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"}},
                "resolvedDependencies": inputs,
            },
            "runDetails": {"builder": {"id": "https://vendor.example/ci"}},
        }
        subject = ResourceDescriptor(name="output", digest={"sha256": made})
        found.append(Statement.build([subject], predicate_type("step"), predicate))
        edges += [(each, made) for each in read]
        digests.append(made)
    target = {"targets": {"datasets": [{"name": "data", "digest": {"sha256": digests[0]}}]}}
    subject = ResourceDescriptor(name="order", digest={"sha256": "e" * 64})
    order = Statement.build([subject], predicate_type("deletion-order"), target)
    return [evidence(each) for each in found], evidence(order), edges


def timed(label: str, work: Callable[[], object]) -> object:
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


def main() -> None:
    """Measure each size named on the command line."""
    for count in [int(each) for each in sys.argv[1:]] or [10_000]:
        found, order, edges = world(count)
        print(f"{count:,} statements, {len(edges):,} links")
        graph = timed("join by digest", lambda found=found, order=order: Graph([*found, order]))
        assert isinstance(graph, Graph)  # noqa: S101 - what it returned
        state = OrderState(order.digest, order)
        impact = timed("impact", lambda graph=graph, state=state: Impact(graph, state))
        assert isinstance(impact, Impact)  # noqa: S101 - what it returned
        report = timed("report", lambda impact=impact: to_text(impact_report(impact, {}, "none")))
        print(
            f"  {len(impact.proven):,} proven, {len(impact.clear):,} clear, {len(str(report)) / 1e6:.1f} MB"
        )
        others(edges, next(iter(impact.targets)).sha256)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  peak memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
