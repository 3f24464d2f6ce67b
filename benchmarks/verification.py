"""How many bundles are verified in a second, beside what their signatures alone would take, in one run.

    python benchmarks/verification.py
    python benchmarks/verification.py --quick
    python benchmarks/verification.py --only key --rounds 7

Two chains of 10,000 steps (statements of 3.5 kB, ten inputs each): signed with a P-256 key, held against bare
P-256 verifications of ``cryptography`` over the same bytes; and keyless, with a certificate for every hundred
steps and entries in a Rekor v1, held against sigstore-python's library in a loop. Both are measured in a
single process. Contenders alternate round by round; the table gives medians, ratios to the first line, and
the time of all processors: where others keep them busy, that still tells what would be possible.
On two cores the goals are 0.7 of the bare verifications and 1.6 of sigstore-python's library. Machines are
shared: compare within one run only.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import importlib.util
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from goals import goal
from installed import as_installed

from attest.bundle import Bundle, raw_lines, write_lines
from attest.check import RawLine, check_lines
from attest.envelope import IN_TOTO, pae
from attest.keys import PublicKey
from attest.predicate import predicate_type
from attest.predicates.step import BUILD_TYPES
from attest.processes import cores
from attest.resource import ResourceDescriptor
from attest.signers.file import FileSigner
from attest.statement import Statement
from attest.trust import read_trust

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

CORES = cores()
GOALS = {"key": 0.7, "keyless": 1.6}
"""Of the first line, on two cores."""
BUILDER = "https://ci.example.org/builders/train@v1"
PER_CERTIFICATE = 100
LIBRARY = 1000
"""Keyless bundles that sigstore-python's library is given: its rate does not depend on how many."""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def described(name: str, **annotations: Any) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": digest(name)}, "annotations": annotations}


def step(number: int) -> Statement:
    """Make checkpoint ``number`` of a chain: what it read is the one before it and nine files more."""
    inputs = [described(f"checkpoints/{number - 1:06}.safetensors", role="base-model", sizeBytes=1 << 30)]
    inputs += [
        described(f"data/part-{number:06}-{part}.parquet", role="dataset", sizeBytes=123_456_789 + part)
        for part in range(9)
    ]
    output = described(f"checkpoints/{number:06}.safetensors", role="weights")
    command = ["python", "-m", "trainer", "--config", "configs/large.yaml", f"--resume={number - 1:06}"]
    parameters = {"learningRate": "3e-4", "batchSize": 1024, "epochs": 3, "warmupSteps": 2000}
    hosts = {f"library-{each}": f"{each}.{number % 7}.1" for each in range(40)}
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPES["finetune"],
            "externalParameters": {"command": command, "seed": number, "hyperparameters": parameters},
            "internalParameters": {
                "completeness": {"claim": "all-inputs-listed", "enforcedBy": "none"},
                "recorded": "during",
                "libraries": hosts,
            },
            "resolvedDependencies": inputs,
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {
                "invocationId": f"run-{number}",
                "startedOn": "2026-11-20T10:02:00Z",
                "finishedOn": "2026-11-20T11:40:12Z",
            },
        },
    }
    return Statement.build([ResourceDescriptor.from_json(output)], predicate_type("step"), predicate)


class Chain:
    """Bundles in a file, and a reader who believes their signer."""

    def __init__(self, folder: Path, bundles: Iterable[Bundle], principal: Any, roots: Any = None) -> None:
        self.bundles = folder / "chain.intoto.jsonl"
        self.trust_file = folder / "trust.yaml"
        write_lines(self.bundles, bundles)
        sizes = [len(line) for _, line in raw_lines(self.bundles)]
        self.count, self.size = len(sizes), statistics.mean(sizes)
        value = {
            "principals": {"ci": principal},
            "roles": {"builder": [{"principal": "ci", "builderIds": [BUILDER]}]},
            "roots": roots or {},
        }
        self.trust_file.write_text(json.dumps(value))
        self.trust = read_trust(self.trust_file)
        self.delivered = folder / "delivered"
        self.delivered.write_bytes(b"nothing that anybody described")

    def check(self, jobs: int) -> int:
        """Verify everything, from the file to verified statements."""
        lines = (RawLine("chain", number, line) for number, line in raw_lines(self.bundles))
        checked = check_lines(lines, self.trust, jobs=jobs)
        if len(checked.statements) != self.count:
            sys.exit(f"verified {len(checked.statements)} bundles, expected {self.count}")
        return self.count

    def command(self) -> int:
        """Run the command of a buyer, with reading predicates, lineage, policy and report."""
        words = [sys.executable, "-m", "attest", "verify", str(self.delivered), "-b", str(self.bundles)]
        words += ["-t", str(self.trust_file), "-p", "preset:commercial-baseline", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        verdict = json.loads(done.stdout)["verdict"] if done.returncode in {0, 1, 3} else done.stderr
        if verdict not in {"REJECT", "INCOMPLETE"}:
            sys.exit(f"attest verify: {verdict}")
        return self.count


def pinned(file: Path, data: bytes) -> dict[str, str]:
    file.write_bytes(data)
    return {"file": file.name, "sha256": hashlib.sha256(data).hexdigest()}


Case = Callable[[], int]
"""Verifies, and says how many."""


def key_cases(folder: Path, count: int) -> tuple[dict[str, Case], float]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = PublicKey(key.public_key())
    signer = FileSigner(public, key)
    bundles = [signer.sign(step(number)) for number in range(1, count + 1)]
    signed = [(bundle.signature, pae(IN_TOTO, bundle.payload)) for bundle in bundles]
    chain = Chain(folder, bundles, {"key": pinned(folder / "ci.pub", public.pem)})

    def bare() -> int:
        algorithm = ec.ECDSA(hashes.SHA256())
        for signature, message in signed:
            public.key.verify(signature, message, algorithm)
        return count

    cases = {
        "cryptography P-256, nothing else": bare,
        "attest, one process": lambda: chain.check(1),
        f"attest, {CORES} processes": lambda: chain.check(CORES),
        "attest verify, the whole command": chain.command,
    }
    return cases, chain.size


def keyless_cases(folder: Path, count: int) -> tuple[dict[str, Case], float]:
    from keyless_instance import ISSUER, REPOSITORY, WORKFLOW, Instance
    from sigstore.models import Bundle as TheirBundle
    from sigstore.models import TrustedRoot
    from sigstore.verify import Verifier, policy

    instance = Instance(folder)
    numbers = iter(range(1, count + 1))
    bundles = []
    while some := list(itertools.islice(numbers, PER_CERTIFICATE)):
        leaf = instance.certificate()
        bundles += [instance.sign(step(number), leaf) for number in some]
    root = pinned(folder / "root.json", instance.trusted_root())
    who = {"issuer": ISSUER, "identity": WORKFLOW, "sourceRepository": REPOSITORY}
    chain = Chain(folder, bundles, {"sigstore": who}, {"sigstore": [root]})

    some_lines = [line for _, line in itertools.islice(raw_lines(chain.bundles), LIBRARY)]

    def library() -> int:
        verifier = Verifier(trusted_root=TrustedRoot.from_file(str(folder / "root.json")))
        identity = policy.Identity(identity=WORKFLOW, issuer=ISSUER)
        for line in some_lines:
            verifier.verify_dsse(TheirBundle.from_json(line), identity)
        return len(some_lines)

    cases = {
        "sigstore-python's library, a loop": library,
        "attest, one process": lambda: chain.check(1),
        f"attest, {CORES} processes": lambda: chain.check(CORES),
    }
    return cases, chain.size


def measure(title: str, cases: dict[str, Case], rounds: int, wanted: float) -> None:
    rates: dict[str, list[float]] = {name: [] for name in cases}
    used: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, run in cases.items():
            start, before = time.perf_counter(), processor_time()
            count = run()
            rates[name].append(count / (time.perf_counter() - start))
            used[name].append((processor_time() - before) / count * 1e6)
    first = statistics.median(next(iter(rates.values())))
    print(f"\n{title:40}{'per second':>12}{'ratio':>8}{'CPU µs each':>14}")
    for name, each in rates.items():
        rate = statistics.median(each)
        busy = statistics.median(used[name])
        print(f"  {name:38}{rate:12.0f}{rate / first:8.2f}{busy:14.1f}", flush=True)
    several = statistics.median(rates[f"attest, {CORES} processes"]) / first
    goal(f"{title.split(' of ', maxsplit=1)[0]} verified, against {next(iter(rates))}", several, wanted)


def processor_time() -> float:
    """Seconds of all processors, of this process and of those it started that have ended."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="2,000 bundles and three rounds")
    parser.add_argument("--count", type=int, help="bundles  [default: 10000, quick 2000]")
    parser.add_argument("--rounds", type=int, help="measured rounds  [default: 5, quick 3]")
    parser.add_argument("--only", choices=("key", "keyless"), help="one chain alone")
    given = parser.parse_args()
    count = given.count or (2_000 if given.quick else 10_000)
    rounds = given.rounds or (3 if given.quick else 5)
    names = ("cryptography", "sigstore") if importlib.util.find_spec("sigstore") else ("cryptography",)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    print(f"{CORES} cores, Python {platform.python_version()}, {versions}; load before: {load()}")
    for kind, make in {"key": key_cases, "keyless": keyless_cases}.items():
        if given.only not in {None, kind}:
            continue
        if kind != "key" and len(names) == 1:
            print("\nkeyless: missing here: sigstore is not installed")
            continue
        with tempfile.TemporaryDirectory(prefix="verification-") as folder:
            cases, size = make(Path(folder), count)
            measure(f"{count:,} {kind} bundles of {size:.0f} bytes", cases, rounds, GOALS[kind])
    print(f"\nload after: {load()}")


if __name__ == "__main__":
    main()
