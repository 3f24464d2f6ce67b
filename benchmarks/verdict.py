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
import itertools
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goals import goal
from installed import as_installed

if TYPE_CHECKING:
    from attest.statement import Statement

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


def key_hand(folder: Path) -> tuple[Callable[[Statement], bytes], dict[str, str], dict[str, Any]]:
    """Return what signs with a key, whom it signs as, and what the trust file says of both."""
    from cryptography.hazmat.primitives.asymmetric import ec

    from attest.keys import PublicKey
    from attest.signers.file import FileSigner

    key = ec.derive_private_key(7, ec.SECP256R1())
    signer = FileSigner(PublicKey(key.public_key()), key)
    (folder / "key.pub").write_bytes(signer.public.pem)
    pin = hashlib.sha256(signer.public.pem).hexdigest()
    principal = {"key": {"file": "key.pub", "sha256": pin}}
    return lambda made: signer.sign(made).line, signer.identity, {"principals": {"vendor": principal}}


def keyless_hand(folder: Path) -> tuple[Callable[[Statement], bytes], dict[str, str], dict[str, Any]]:
    """The same, keyless: a certificate for every hundred statements, entries in a Rekor v1."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance

    instance = Instance(folder)
    used = itertools.count()
    leaves: list[Any] = []

    def sign(made: Statement) -> bytes:
        if next(used) % 100 == 0:
            leaves[:] = [instance.certificate()]
        return instance.sign(made, leaves[0]).line

    root = instance.trusted_root()
    (folder / "root.json").write_bytes(root)
    pin = {"file": "root.json", "sha256": hashlib.sha256(root).hexdigest()}
    who = {"issuer": ISSUER, "identity": WORKFLOW, "sourceRepository": REPOSITORY}
    trusted = {"principals": {"vendor": {"sigstore": who}}, "roots": {"sigstore": [pin]}}
    return sign, {"subject": WORKFLOW, "issuer": ISSUER}, trusted


def make(folder: Path, shape: str, steps: int, datasets: int, *, keyless: bool = False) -> None:
    """Write a delivery, its bundle, a register, a trust file and the policies."""
    from attest.policyfile import preset
    from attest.predicate import predicate_type
    from attest.predicates.register import document_digest
    from attest.resource import ResourceDescriptor
    from attest.rule import RULES
    from attest.statement import Statement

    sign, identity, trusted = (keyless_hand if keyless else key_hand)(folder)
    model = b"model"
    (folder / "model").write_bytes(model)
    bundle, listed = (folder / "model.intoto.jsonl").open("wb"), []

    def write(name: str, kind: str, predicate: dict[str, Any], sha256: str = "") -> Statement:
        subject = ResourceDescriptor(name=name, digest={"sha256": sha256 or digest(name)})
        made = Statement.build([subject], predicate_type(kind), predicate)
        bundle.write(sign(made) + b"\n")
        listed.append((made.digest, made.predicate_type))
        return made

    with bundle:
        for name, kind, predicate in {"tree": tree, "chain": chain}[shape](steps, datasets):
            write(name, kind, predicate)
        rows = [
            {"digest": {"sha256": each}, "predicateType": kind, "signer": identity}
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
    everything = {
        "builder": [{"principal": "vendor", "builderIds": [BUILDER]}],
        "data-owner": [{"principal": "vendor"}],
        "rights-holder": [{"principal": "vendor"}],
        "publisher": [{"principal": "vendor"}],
        "keeper": [{"principal": "vendor", "register": REGISTER}],
    }
    (folder / "trust.yaml").write_text(json.dumps(trusted | {"roles": everything}))
    (folder / "high-assurance.yaml").write_bytes(preset("high-assurance"))
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


def measure(
    folder: Path, policy_name: str, clock: Callable[[], float], as_of: datetime = AS_OF
) -> dict[str, Any]:
    """Verify what lies in a folder, phase by phase."""
    from attest.cli.delivered import measure as measure_delivery
    from attest.cli.delivered import raw_evidence
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
        checked = check_lines(lines, trust, DEFAULT, as_of, jobs=CORES)
    del lines
    with phase("graph"):
        reviewed = review(delivery, checked, trust, as_of)
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
        keyless = [each for each in options if each == "--keyless"]
        subprocess.run([*base, *keyless, "--make", str(steps), str(datasets)], check=True)
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
    as_installed()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--statements", type=int, nargs="+", default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--shape", choices=["tree", "chain"], default="tree")
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 statements")
    parser.add_argument("--goal", action="store_true", help="5,000 steps and 500 datasets")
    parser.add_argument("--keyless", action="store_true", help="signed keyless, not with a key")
    parser.add_argument("--policy", default="", help="every-rule or high-assurance, as written for it")
    parser.add_argument("--cpu", action="store_true", help="processor time of all processes, not wall time")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--make", type=int, nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.make:
        make(given.folder, given.shape, *given.make, keyless=given.keyless)
        return
    if given.folder:
        policy = f"{given.policy}.yaml" if given.policy else "policy.yaml"
        clock_of = cpu_time if given.cpu else time.perf_counter
        as_of = datetime.now(UTC) + timedelta(minutes=1) if given.keyless else AS_OF
        print(json.dumps(measure(given.folder, policy, clock_of, as_of)))
        return
    load, clock = os.getloadavg()[0], "CPU" if given.cpu else "wall"
    print(f"Python {platform.python_version()}, {CORES} cores, load {load:.1f}; {clock} seconds\n")
    sizes = [(max(1, count * 10 // 12), max(1, count // 12)) for count in given.statements]
    if given.quick:
        sizes = sizes[:2]
    if given.goal:
        sizes = [(5000, 500)]
        given.policy = given.policy or "high-assurance"
    options = [f"--{name}" for name in ("cpu", "keyless") if getattr(given, name)]
    options += ["--policy", given.policy] if given.policy else []
    rows = [run(given.shape, steps, datasets, options) for steps, datasets in sizes]
    show(rows)
    if given.goal:
        what = f"verdict and all reports over {rows[0]['statements']:,} statements, "
        what += "keyless" if given.keyless else "key-signed"
        goal(what, sum(rows[0]["spent"].values()), 30 if given.keyless else 15, "s", at_most=True)


if __name__ == "__main__":
    main()
