"""Every benchmark in one command, and one table of what was to be reached.

    python benchmarks/run.py --quick
    python benchmarks/run.py --write docs/performance.md

Each script is run as its docstring says, one after the other, with smaller shapes under ``--quick`` (about
a minute; the full run takes about twenty). What it prints is passed on; lines of goals are gathered at
the end.
A script that fails is shown with its last words, and the others go on. Machines are shared: compare within
one run only, and look at the load in its first lines before you believe a miss.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import sqlite3
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from goals import parsed
from installed import as_installed

HERE = Path(__file__).parent
PACKAGES = (
    "attest-provenance",
    "cryptography",
    "pydantic",
    "sigstore",
    "model-signing",
    "networkx",
    "rustworkx",
    "fsspec",
    "s3fs",
    "distributed",
    "torch",
    "psycopg",
)
"""Whose versions head a run; one that is not there is a peer left out."""


@dataclass(frozen=True)
class Script:
    """One benchmark, and how it is called."""

    name: str
    title: str
    full: str = ""
    quick: str | None = "--quick"
    """``None``: not in a quick run."""


SCRIPTS = (
    Script("startup", "Starting up"),
    Script(
        "digests",
        "Digests of files",
        "--goals --rounds 2 --shape shards --shape files --shape tiny --shape million",
        "--goals --quick --rounds 1 --shape files",
    ),
    Script("cache", "Digests that are remembered", "--rounds 2"),
    Script("dask_workers", "A cluster of two workers", "--rounds 3"),
    Script("objects", "Objects that are not on disk", "--rounds 1", None),
    Script("training", "A training loop that writes checkpoints", "--rounds 0", None),
    Script(
        "verification", "Signatures of a bundle", "--rounds 3", "--quick --only key --count 1000 --rounds 1"
    ),
    Script("verdict", "A verdict and its reports", "--goal", "--statements 100 1000"),
    Script("store", "Keeping statements", "10000 --rounds 1"),
    Script("impact", "What an order reaches", "--statements 10000 --rounds 1"),
    Script("records", "Record commitments", "--rounds 1"),
    Script("reach", "What was made from an artifact", "1000000 --rounds 3"),
)


@dataclass
class Outcome:
    """What a script printed, and how it ended."""

    script: Script
    lines: list[str]
    seconds: float
    code: int

    @property
    def goals(self) -> list[tuple[str, ...]]:
        """Its figures beside their goals."""
        return [row for line in self.lines if (row := parsed(line))]


def machine() -> list[str]:
    """Describe the machine and the software of a run, a line each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return [
        f"{cores} cores ({_processor()}), {_memory()}, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {ssl.OPENSSL_VERSION}, SQLite {sqlite3.sqlite_version}",
        ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        f"load before the run: {load}",
    ]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.machine())


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / (1 << 30):.0f} GiB"
    except (OSError, ValueError):
        return "memory unknown"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def run(script: Script, words: str) -> Outcome:
    """Run a script, pass on what it prints, and keep it."""
    command = [sys.executable, str(HERE / f"{script.name}.py"), *words.split()]
    print(f"\n=== {script.title}: benchmarks/{script.name}.py {words}".rstrip(), flush=True)
    began = time.perf_counter()
    lines = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    seconds = time.perf_counter() - began
    if process.returncode:
        print(f"--- {script.name} ended with exit code {process.returncode}")
    return Outcome(script, lines, seconds, process.returncode)


def summary(outcomes: list[Outcome]) -> list[tuple[str, ...]]:
    """Return the rows of the table of goals, and one for each script that failed."""
    rows = [row for outcome in outcomes for row in outcome.goals]
    rows += [
        (f"benchmarks/{each.script.name}.py", "-", "-", f"failed ({each.code})")
        for each in outcomes
        if each.code
    ]
    return rows


def page(outcomes: list[Outcome], facts: list[str], command: str, out: TextIO) -> None:
    """Write a run as a page: machine, table of goals, and what every script printed."""
    out.write("# Performance\n\n")
    out.write(
        f"One run of `{command}`, as it was printed. Machines are shared and differ: ratios within\n"
        "one run are what counts, not seconds. Run it again on yours. What was tried for figures that were\n"
        "missed, and other runs, are in [benchmarks/README.md](../benchmarks/README.md).\n\n"
    )
    out.writelines(f"- {fact}\n" for fact in facts)
    out.write("\n## What was to be reached\n\n")
    out.write("| work, and what it is held against | measured | goal | |\n|---|---|---|---|\n")
    out.writelines(f"| {' | '.join(row)} |\n" for row in summary(outcomes))
    for each in outcomes:
        out.write(
            f"\n## {each.script.title}\n\n"
            f"`benchmarks/{each.script.name}.py`, {each.seconds:.0f} s.\n\n```text\n"
        )
        out.write("\n".join(line for line in each.lines if not parsed(line)).strip("\n"))
        out.write("\n```\n")


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="smaller shapes, about a minute")
    parser.add_argument(
        "--only", action="append", choices=[each.name for each in SCRIPTS], help="may be repeated"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the run as a page of Markdown, too")
    given = parser.parse_args()
    facts = machine()
    print("\n".join(facts))
    outcomes = []
    began = time.perf_counter()
    command = " ".join(["python", "benchmarks/run.py", *(["--quick"] if given.quick else [])])
    for script in SCRIPTS:
        words = script.quick if given.quick else script.full
        if words is None or (given.only and script.name not in given.only):
            continue
        outcomes.append(run(script, words))
        if given.write:  # after each: a run that is stopped leaves what it had
            with given.write.open("w", encoding="utf-8") as out:
                page(outcomes, facts, command, out)
    print(f"\n=== What was to be reached ({time.perf_counter() - began:.0f} s in all)")
    for row in summary(outcomes):
        print("  " + " | ".join(row))
    sys.exit(any(each.code for each in outcomes))


if __name__ == "__main__":
    main()
