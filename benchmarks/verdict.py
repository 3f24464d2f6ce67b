"""Where the time of ``attest verify`` goes: read, signatures, graph, rules, report and each rendering.

    python benchmarks/verdict.py --quick
    python benchmarks/verdict.py --statements 100 1000 10000 100000
    python benchmarks/verdict.py --goal

Vendors' bundles are made with a fixed seed and real signatures: one dataset with its rights for every ten
steps, the steps of a dataset in a row, all rows joined tenfold until one model is left (``--shape tree``), or
one step after the other (``--shape chain``). Every size is a process of its own. Machines are shared: compare
within one run only, or with ``--cpu``; the last column says by how much the time per statement grew from the
size before.

``--goal`` is a purchase: 5,000 steps and 500 datasets, under every rule there is, with all reports. Most of
the facts that the other rules ask for are not stated, so each of them has hundreds of findings.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
BUILDER = "https://vendor.example/ci"
REGISTER = "https://registry.example/releases"
AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
FORMATS = ("text", "json", "html", "markdown", "sarif")
POLICY = f"""
policy: benchmark
version: 1
purpose: [production]
territories: [EU]
rules:
  - weights-match
  - complete-lineage
  - signed-by
  - builder-id
  - contents-complete: {{current: {{register: "{REGISTER}"}}}}
  - no-withdrawn-statement: {{register: "{REGISTER}"}}
  - license: {{use: commercial}}
  - digest-conflict
"""


def digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def dataset(number: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield subject, type and predicate of a dataset's two statements."""
    name = f"data-{number}"
    channel = {"channel": "licensed-delivery", "counterparty": "Example Data GmbH"}
    personal = {"presence": "no"}
    yield name, "dataset", {"name": name, "version": "1", "acquisition": channel, "personalData": personal}
    rights = {"sequence": 1, "status": "active", "license": {"expression": "CC-BY-4.0"}}
    yield name, "rights", rights | {"permittedPurposes": ["any"], "prohibitedPurposes": []}


def step(kind: str, inputs: list[tuple[str, str]], output: str) -> tuple[str, str, dict[str, Any]]:
    from attest.predicates.step import BUILD_TYPES

    dependencies = [
        {"name": name, "digest": {"sha256": digest(name)}, "annotations": {"role": role, "sizeBytes": 100}}
        for name, role in inputs
    ]
    return (
        output,
        "step",
        {
            "buildDefinition": {
                "buildType": BUILD_TYPES[kind],
                "externalParameters": {"seed": 7},
                "internalParameters": {"completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"}},
                "resolvedDependencies": dependencies,
            },
            "runDetails": {"builder": {"id": BUILDER}},
        },
    )


def tree(steps: int, datasets: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield statements: rows of transforms, joined tenfold; the last output is ``model``."""
    joins, level = 0, datasets
    while level > 1:
        level = -(-level // 10)
        joins += level
    rows, heads = max(datasets, steps - joins), []
    for number in range(datasets):
        yield from dataset(number)
        head = f"data-{number}"
        for place in range(rows // datasets + (number < rows % datasets)):
            yield step("transform", [(head, "dataset")], f"row-{number}-{place}")
            head = f"row-{number}-{place}"
        heads.append(head)
    depth = 0
    while len(heads) > 1 or depth == 0:
        groups = [heads[start : start + 10] for start in range(0, len(heads), 10)]
        kind, role = ("train", "dataset") if depth == 0 else ("merge", "base-model")
        names = [f"model-{depth}-{place}" for place in range(len(groups))] if len(groups) > 1 else ["model"]
        for group, name in zip(groups, names, strict=True):
            yield step(kind, [(each, role) for each in group], name)
        heads, depth = names, depth + 1


def chain(steps: int, datasets: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield statements: one fine-tuning after the other, each tenth with a new dataset."""
    head = ""
    for number in range(steps):
        if number < datasets:
            yield from dataset(number)
        base = [(head, "base-model")] if head else []
        name = "model" if number == steps - 1 else f"model-{number}"
        yield step(
            "finetune" if head else "train", [*base, (f"data-{min(number, datasets - 1)}", "dataset")], name
        )
        head = name


def make(folder: Path, shape: str, steps: int, datasets: int) -> None:
    """Write a delivery, its bundle, a register, a trust file and the policy."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from attest.keys import PublicKey
    from attest.predicate import predicate_type
    from attest.predicates.register import document_digest
    from attest.resource import ResourceDescriptor
    from attest.rule import RULES
    from attest.signers.file import FileSigner
    from attest.statement import Statement

    key = ec.derive_private_key(7, ec.SECP256R1())
    signer = FileSigner(PublicKey(key.public_key()), key)
    model = b"model"
    (folder / "model").write_bytes(model)
    bundle, listed = (folder / "model.intoto.jsonl").open("wb"), []

    def write(name: str, kind: str, predicate: dict[str, Any], sha256: str = "") -> Statement:
        subject = ResourceDescriptor(name=name, digest={"sha256": sha256 or digest(name)})
        made = Statement.build([subject], predicate_type(kind), predicate)
        bundle.write(signer.sign(made).line + b"\n")
        listed.append((made.digest, made.predicate_type))
        return made

    with bundle:
        for name, kind, predicate in {"tree": tree, "chain": chain}[shape](steps, datasets):
            write(name, kind, predicate)
        rows = [
            {"digest": {"sha256": each}, "predicateType": kind, "signer": signer.identity}
            for each, kind in sorted(listed)
        ]
        release = {"name": "model", "version": "1"}
        contents = write(
            "model", "contents", {"sequence": 1, "visibility": "full", "release": release, "statements": rows}
        )
        subject = ResourceDescriptor(name="model", digest={"sha256": digest("model")})
        entry = {
            "kind": "contents",
            "statement": {"sha256": contents.digest},
            "status": "current",
            "artifacts": [subject.to_json()],
        }
        register = _register(entry)
        write(REGISTER, "register", register, document_digest(register))
    (folder / "key.pub").write_bytes(signer.public.pem)
    pin = hashlib.sha256(signer.public.pem).hexdigest()
    everything = {
        "builder": [{"principal": "vendor", "builderIds": [BUILDER]}],
        "data-owner": [{"principal": "vendor"}],
        "rights-holder": [{"principal": "vendor"}],
        "publisher": [{"principal": "vendor"}],
        "keeper": [{"principal": "vendor", "register": REGISTER}],
    }
    principals = {"vendor": {"key": {"file": "key.pub", "sha256": pin}}}
    (folder / "trust.yaml").write_text(json.dumps({"principals": principals, "roles": everything}))
    (folder / "policy.yaml").write_text(POLICY)
    others = [name for name in RULES if f"- {name}" not in POLICY]
    (folder / "every-rule.yaml").write_text(POLICY + "".join(f"  - {name}\n" for name in others))


def _register(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "registerId": REGISTER,
        "sequence": 1,
        "asOf": "2026-11-20T11:00:00Z",
        "nextUpdate": "2026-12-20T11:00:00Z",
        "scope": ["contents", "withdrawal", "rights", "order"],
        "entries": [entry],
    }


def cpu_time() -> float:
    """Return the processor time of this process and of those it waited for, in seconds."""
    return sum(os.times()[:4])


def measure(folder: Path, policy_name: str, clock: Callable[[], float]) -> dict[str, Any]:
    """Verify what lies in a folder, phase by phase."""
    from attest.cli.verify import measure as measure_delivery
    from attest.cli.verify import raw_evidence
    from attest.limits import DEFAULT
    from attest.policy import evaluate, read_policy
    from attest.report import RENDERERS
    from attest.reporting import make_report
    from attest.review import check_lines, review
    from attest.trust import read_trust

    spent: dict[str, float] = {}

    @contextlib.contextmanager
    def phase(name: str) -> Iterator[None]:
        start = clock()
        yield
        spent[name] = clock() - start

    trust = read_trust(folder / "trust.yaml")
    policy = read_policy(str(folder / policy_name))
    delivery = measure_delivery(folder / "model")
    with phase("read"):
        lines = list(raw_evidence([folder / "model.intoto.jsonl"], DEFAULT))
    with phase("signatures"):  # parsing stands with them: it happens in the same processes
        checked = check_lines(lines, trust, DEFAULT, AS_OF, jobs=CORES)
    del lines
    with phase("graph"):
        reviewed = review(delivery, checked, trust, AS_OF)
    with phase("rules"):
        judgement = evaluate(policy, reviewed)
    with phase("report"):
        report = make_report(reviewed, policy, judgement, "attest verify")
    sizes = {}
    for name in FORMATS:
        render = RENDERERS.load(name)
        with phase(name):
            sizes[name] = len(render(report))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"statements": report.chain.statements, "verdict": report.verdict, "peak_mib": peak}
    return found | {"spent": spent, "sizes": sizes}


def run(shape: str, steps: int, datasets: int, options: list[str]) -> dict[str, Any]:
    """Make and measure one size, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        base = [sys.executable, __file__, "--folder", folder, "--shape", shape]
        subprocess.run([*base, "--make", str(steps), str(datasets)], check=True)
        done = subprocess.run([*base, *options], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(rows: list[dict[str, Any]]) -> None:
    phases = list(rows[0]["spent"])
    heads = ["statements", "verdict", *phases, "all", "µs/statement", "peak MiB", "growth"]
    print("| " + " | ".join(heads) + " |")
    print("|" + " --- |" * len(heads))
    before = None
    for row in rows:
        whole = sum(row["spent"].values())
        each = whole / row["statements"] * 1e6
        growth = f"{each / before:.2f}" if before else ""
        before = each
        cells = [f"{row['statements']:,}", row["verdict"], *(f"{row['spent'][name]:.2f}" for name in phases)]
        print(
            "| "
            + " | ".join([*cells, f"{whole:.2f}", f"{each:.0f}", f"{row['peak_mib']:.0f}", growth])
            + " |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--shape", choices=["tree", "chain"], default="tree")
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 statements")
    parser.add_argument("--goal", action="store_true", help="5,000 steps and 500 datasets")
    parser.add_argument("--cpu", action="store_true", help="processor time of all processes, not wall time")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.folder, given.shape, *given.make)
        return
    if given.folder:
        policy = "every-rule.yaml" if given.goal else "policy.yaml"
        print(json.dumps(measure(given.folder, policy, cpu_time if given.cpu else time.perf_counter)))
        return
    load, clock = os.getloadavg()[0], "CPU" if given.cpu else "wall"
    print(f"Python {platform.python_version()}, {CORES} cores, load {load:.1f}; {clock} seconds\n")
    sizes = [(max(1, count * 10 // 12), max(1, count // 12)) for count in given.statements]
    if given.quick:
        sizes = sizes[:2]
    if given.goal:
        sizes = [(5000, 500)]
    options = [f"--{name}" for name in ("cpu", "goal") if getattr(given, name)]
    show([run(given.shape, steps, datasets, options) for steps, datasets in sizes])


if __name__ == "__main__":
    main()
