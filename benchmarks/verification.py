"""How many bundles per second are verified, beside bare signature checks over the same bytes.

    python benchmarks/verification.py [--quick] [--keyless FILE.jsonl --trusted-root ROOT.json --identity ID
                                       --issuer URL]

Signs statements of a step (3.5 kB, ten inputs) with a P-256 key and prints bundles per second, medians of
alternating rounds, each with its ratio to ``cryptography``'s P-256 verification in a single process. The goal
for whole bundles (parsed, verified, read as evidence) on two cores is a ratio of 0.7. Keyless bundles go
through sigstore-python's library in a loop if it is importable and a file of them is given.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from attest.bundle import parse_bundle, raw_lines, write_lines
from attest.envelope import IN_TOTO, pae
from attest.keys import PublicKey
from attest.predicate import predicate_type
from attest.predicates.step import BUILD_TYPES
from attest.resource import ResourceDescriptor
from attest.review import RawLine, check_lines, weigh
from attest.signers.file import FileSigner
from attest.statement import Statement
from attest.trust import Trust, read_trust

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
BUILDER = "https://ci.example.org/builders/train@v1"


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


class World:
    """The bundles, in memory and on disk, and a reader who believes their signer."""

    def __init__(self, folder: Path, count: int) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self.key = key.public_key()
        public = PublicKey(self.key)
        signer = FileSigner(public, key)
        bundles = [signer.sign(step(number)) for number in range(1, count + 1)]
        self.raw = [bundle.raw for bundle in bundles]
        self.signed = [(bundle.signature, pae(IN_TOTO, bundle.payload)) for bundle in bundles]
        self.size = statistics.mean(len(bundle.payload) for bundle in bundles)
        self.bundle, self.trust_file = folder / "chain.intoto.jsonl", folder / "trust.yaml"
        self.delivered = folder / "delivered"
        write_lines(self.bundle, bundles)
        (folder / "ci.pub").write_bytes(public.pem)
        pin = hashlib.sha256(public.pem).hexdigest()
        self.trust_file.write_text(
            f"principals:\n  ci: {{key: {{file: ci.pub, sha256: {pin}}}}}\n"
            f"roles:\n  builder: [{{principal: ci, builderIds: ['{BUILDER}']}}]\n"
        )
        self.delivered.write_bytes(b"nothing that anybody described")
        self.trust: Trust = read_trust(self.trust_file)


def bare(world: World) -> None:
    algorithm = ec.ECDSA(hashes.SHA256())
    for signature, message in world.signed:
        world.key.verify(signature, message, algorithm)


def parse(world: World) -> None:
    for raw in world.raw:
        parse_bundle(raw)


def parse_and_verify(world: World) -> None:
    for raw in world.raw:
        world.trust.verify(parse_bundle(raw))


def expect(got: int, wanted: int) -> None:
    if got != wanted:
        sys.exit(f"verified {got} bundles, expected {wanted}")


def _lines(world: World) -> Any:
    return (RawLine("chain", number, each) for number, each in raw_lines(world.bundle))


def whole(world: World) -> None:
    checked = check_lines(_lines(world), world.trust)
    expect(len(checked.statements), len(world.raw))


def whole_shared(world: World) -> None:
    checked = check_lines(_lines(world), world.trust, jobs=CORES)
    expect(len(checked.statements), len(world.raw))


def whole_weighed(world: World) -> None:
    checked = check_lines(_lines(world), world.trust, jobs=CORES)
    evidence = [weigh(world.trust, each) for each in checked.statements.values()]
    expect(sum(bool(each.granted) for each in evidence), len(world.raw))


def command(world: World) -> None:
    words = [sys.executable, "-m", "attest", "verify", str(world.delivered), "-b", str(world.bundle)]
    words += ["-t", str(world.trust_file), "-p", "preset:commercial-baseline", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    verdict = json.loads(done.stdout)["verdict"] if done.returncode in {0, 1, 3} else done.stderr
    if verdict not in {"REJECT", "INCOMPLETE"}:
        sys.exit(f"attest verify: {verdict}")


def keyless(options: argparse.Namespace) -> tuple[Callable[[World], None], int] | str:
    """Return sigstore-python's library in a loop over the given bundles, or why that is missing."""
    if not options.keyless:
        return "no --keyless bundles given"
    try:
        from sigstore.models import Bundle, TrustedRoot
        from sigstore.verify import Verifier, policy
    except ImportError:
        return "sigstore is not installed"
    lines = [line for line in Path(options.keyless).read_bytes().splitlines() if line.strip()]
    verifier = Verifier(trusted_root=TrustedRoot.from_file(options.trusted_root))
    identity = policy.Identity(identity=options.identity, issuer=options.issuer)

    def run(_: World) -> None:
        for line in lines:
            verifier.verify_dsse(Bundle.from_json(line), identity)

    return run, len(lines)


def measure(world: World, options: argparse.Namespace) -> None:
    count = len(world.raw)
    cases: dict[str, tuple[Callable[[World], None], int]] = {
        name: (run, count)
        for name, run in {
            "cryptography P-256, nothing else": bare,
            "parse_bundle": parse,
            "parse_bundle and Trust.verify": parse_and_verify,
            "check_lines": whole,
            f"check_lines, {CORES} processes": whole_shared,
            f"check_lines, {CORES} processes, and weigh": whole_weighed,
            "attest verify, the whole command": command,
        }.items()
    }
    library = keyless(options)
    if not isinstance(library, str):
        cases["sigstore-python's library, keyless"] = library
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(options.rounds):
        for name, (run, _) in cases.items():
            start = time.perf_counter()
            run(world)
            times[name].append(time.perf_counter() - start)
    rates = {name: cases[name][1] / statistics.median(each) for name, each in times.items()}
    reference = rates["cryptography P-256, nothing else"]
    print(f"\n{'':42}{'bundles/s':>10}{'ratio':>7}")
    for name, rate in rates.items():
        print(f"{name:42}{rate:10.0f}{rate / reference:7.2f}")
    if isinstance(library, str):
        print(f"missing here: sigstore-python's library ({library})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="3,000 bundles and three rounds")
    parser.add_argument("--count", type=int, help="bundles  [default: 10000, quick 3000]")
    parser.add_argument("--rounds", type=int, help="measured rounds  [default: 5, quick 3]")
    parser.add_argument("--keyless", help="a JSON Lines file of keyless bundles for sigstore-python")
    parser.add_argument("--trusted-root", help="trusted_root.json of the instance that signed them")
    parser.add_argument("--identity", help="who signed them")
    parser.add_argument("--issuer", help="the OIDC issuer that vouched for it")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), options.count or (3_000 if options.quick else 10_000))
        version = importlib.metadata.version("cryptography")
        print(f"Python {platform.python_version()}, cryptography {version}, {CORES} cores")
        print(f"{len(world.raw):,} bundles, statements of {world.size:.0f} bytes, {options.rounds} rounds")
        measure(world, options)


if __name__ == "__main__":
    main()
