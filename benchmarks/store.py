"""What it takes to keep many statements: verifying them, putting them, finding them again, in one run.

    python benchmarks/store.py
    python benchmarks/store.py --quick
    python benchmarks/store.py 1000000 --folder /scratch

An attestation bundle of synthetic steps, signed with a P-256 key, goes into a SQLite store by ``attest
import``, which verifies it in all processes first; and without any check by ``Store.put``, beside what
anybody would write: one table of lines in SQLite with an index over their digests, in one transaction. Each
is a process of its own; memory is its peak without the processes that verify. Questions are asked of the full
store, one statement or artifact at a time, in no order.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import itertools
import json
import os
import platform
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lineages
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from installed import as_installed
from reach import peak

from attest.bundle import parse_bundle, raw_lines
from attest.check import RawLine, examined
from attest.envelope import IN_TOTO, pae
from attest.keys import PublicKey
from attest.limits import Limits
from attest.processes import cores
from attest.store import Store, open_store
from attest.trust import read_trust

LIMITS = Limits(statements=10_000_000)
ASKED = 2000
"""Questions of each kind."""


def write_signed(folder: Path, count: int) -> None:
    """Write an attestation bundle, and a trust file that believes who signed it."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = PublicKey(key.public_key())
    (folder / "ci.pub").write_bytes(public.pem)
    pinned = {"file": "ci.pub", "sha256": hashlib.sha256(public.pem).hexdigest()}
    roles = {"builder": [{"principal": "ci", "builderIds": ["https://vendor.example/ci"]}]}
    (folder / "trust.yaml").write_text(json.dumps({"principals": {"ci": {"key": pinned}}, "roles": roles}))
    algorithm = ec.ECDSA(hashes.SHA256())
    with (folder / "all.jsonl").open("wb") as stream:
        for line in lineages.lines(count):
            value = json.loads(line)
            payload = base64.b64decode(value["dsseEnvelope"]["payload"])
            signature = key.sign(pae(IN_TOTO, payload), algorithm)
            value["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(signature).decode()
            value["verificationMaterial"]["publicKey"]["hint"] = public.hint
            stream.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")


# ── the contenders: each runs in a process of its own ──


def verify(folder: Path, jobs: int) -> None:
    trust = read_trust(folder / "trust.yaml")
    lines = (RawLine("all", *line) for line in raw_lines(folder / "all.jsonl", LIMITS))
    with contextlib.closing(examined(lines, trust, LIMITS, jobs=jobs)) as found:
        refused = sum(isinstance(what, str) or not hasattr(what, "signer") for *_, what in found)
    if refused:
        sys.exit(f"{refused} lines were refused")


def verify_one(folder: Path) -> None:
    verify(folder, 1)


def verify_all(folder: Path) -> None:
    verify(folder, cores())


def put(folder: Path) -> None:
    source = (parse_bundle(line) for _, line in raw_lines(folder / "all.jsonl", LIMITS))
    with open_store(str(folder / "put.db"), create=True) as store:
        while store.put(itertools.islice(source, 10_000)):
            pass


def lines_alone(folder: Path) -> None:
    connection = sqlite3.connect(folder / "lines.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE line (id INTEGER PRIMARY KEY, sha256 BLOB UNIQUE, raw BLOB)")
    rows = ((hashlib.sha256(line).digest(), line) for _, line in raw_lines(folder / "all.jsonl", LIMITS))
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO line (sha256, raw) VALUES (?, ?)", rows)
    connection.execute("COMMIT")
    connection.close()


def take_in(folder: Path) -> None:
    from attest.cli import main

    words = [str(folder / "all.jsonl"), "-t", str(folder / "trust.yaml"), "--store", str(folder / "store.db")]
    open_store(str(folder / "store.db"), create=True).close()
    sys.stdout = sys.stderr
    main(["import", *words, "--limit", f"statements={LIMITS.statements}", "--json"])


def serve(name: str, folder: Path) -> None:
    """Run a contender; print its seconds, those of the processor, and its peak memory."""
    start = time.perf_counter()
    try:
        globals()[name](folder)
    except SystemExit as ended:
        if ended.code:
            raise
    done = os.times()
    spent = done.user + done.system + done.children_user + done.children_system
    print(time.perf_counter() - start, spent, peak(), file=sys.__stdout__)


def contend(name: str, folder: Path) -> list[float]:
    command = [sys.executable, __file__, "--serve", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    return [float(each) for each in done.stdout.split()]


# ── the measurement ──

CASES = {
    "verify_one": "signatures, one process",
    "verify_all": f"signatures, {cores()} processes",
    "lines_alone": "SQLite, lines alone",
    "put": "attest, put unchecked",
    "take_in": "attest import",
}


def measure(folder: Path, count: int, rounds: int) -> None:
    write_signed(folder, count)
    size = (folder / "all.jsonl").stat().st_size
    print(f"\n{count:,} statements, {size / count:,.0f} bytes each\n")
    print("| | µs each | of these CPU | peak MB | bytes on disk each |\n|---|---|---|---|---|")
    results: dict[str, list[list[float]]] = {}
    for name in [*CASES] * rounds:
        for old in ("put.db", "lines.db", "store.db"):
            (folder / old).unlink(missing_ok=True)
        results.setdefault(name, []).append(contend(name, folder))
        file = {"put": "put.db", "lines_alone": "lines.db", "take_in": "store.db"}.get(name)
        results[name][-1].append((folder / file).stat().st_size / count if file else 0)
        if name == "take_in":
            results.setdefault("again", []).append([*contend(name, folder), 0])
    for name, found in results.items():
        seconds, spent, memory, disk = (statistics.median(column) for column in zip(*found, strict=True))
        row = f"{seconds / count * 1e6:,.0f} | {spent / count * 1e6:,.0f} | {memory:,.0f}"
        print(
            f"| {CASES.get(name, 'the same import again')} | {row} | {f'{disk:,.0f}' if disk else ''} |",
            flush=True,
        )
    with open_store(str(folder / "store.db"), read_only=True) as store:
        ask(store, count, (folder / "all.jsonl"))


def ask(store: Store, count: int, file: Path) -> None:
    """Print how long questions take: the first time, and once everything they need was read."""
    pick = random.Random(1)  # noqa: S311 - the same questions at every run
    digests = [lineages.digest(pick.randrange(count)) for _ in range(ASKED)]
    statements = list(itertools.islice(store.statements(), count))
    wanted = [pick.choice(statements) for _ in range(ASKED)]
    lines = [line for _, line in itertools.islice(raw_lines(file, LIMITS), ASKED)]
    questions: dict[str, tuple[Callable[..., object], list[str] | list[bytes]]] = {
        "by_subject": (store.by_subject, digests),
        "by_input": (store.by_input, digests),
        "kept_as": (store.kept_as, lines),
        "bundles of a statement": (lambda digest: list(store.bundles(digest)), wanted),
    }
    print("\n| question | µs, first | µs, warm |\n|---|---|---|")
    for name, (question, arguments) in questions.items():
        times = []
        for _ in range(3):
            start = time.perf_counter()
            for each in arguments:
                question(each)
            times.append((time.perf_counter() - start) / len(arguments) * 1e6)
        print(f"| {name} | {times[0]:,.0f} | {min(times[1:]):,.0f} |")


def main() -> None:
    as_installed()
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "statements", nargs="*", type=int, help="sizes; default: 10,000, 100,000 and 1,000,000"
    )
    parser.add_argument("--quick", action="store_true", help="2,000 statements, one round")
    parser.add_argument("--rounds", type=int, default=3, help="of all sizes but the largest")
    parser.add_argument("--folder", type=Path, help="for scratch files; 12 GB for a million")
    words = parser.parse_args()
    parts = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}", f"{cores()} cores"]
    print(f"{', '.join(parts)}, load {os.getloadavg()[0]:.1f}")
    for count in words.statements or ([2000] if words.quick else [10_000, 100_000, 1_000_000]):
        with tempfile.TemporaryDirectory(dir=words.folder) as folder:
            measure(Path(folder), count, 1 if words.quick or count >= 1_000_000 else words.rounds)
    print(f"\nload at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
