"""How long the command line takes to start, beside bare Python and click's own hello.

    python benchmarks/startup.py [--quick]

Medians of alternating rounds, in milliseconds and as a ratio to ``python -c pass`` of the same run; then the
costliest imports of ``attest --help``. The goal is 5 times for ``--help`` of every command.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from attest.cli import COMMANDS

HELLO = "import click\n@click.command()\ndef hello():\n    'Say hello.'\nhello()\n"


def once(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 5 if parser.parse_args().quick else 21
    with tempfile.TemporaryDirectory() as folder:
        hello = Path(folder) / "hello.py"
        hello.write_text(HELLO)
        script = str(Path(sys.executable).with_name("attest"))
        cases = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "click hello --help": [sys.executable, str(hello), "--help"],
            "attest --help": [script, "--help"],
        }
        cases |= {f"attest {name} --help": [script, name, "--help"] for name in COMMANDS}
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, words in cases.items():
                times[name].append(once(words))
    bare = statistics.median(times["python -c pass"])
    print(f"Python {platform.python_version()}, {rounds} rounds\n\n{'':32}{'ms':>8}{'ratio':>8}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:32}{median:8.1f}{median / bare:8.2f}")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "attest", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.removeprefix("import time:").split("|") for line in done.stderr.splitlines()[1:]]
    rows.sort(key=lambda row: -int(row[0]))
    print("\nown time of the ten costliest imports (microseconds)")
    for own, _, name in rows[:10]:
        print(f"{int(own):8}  {name.strip()}")


if __name__ == "__main__":
    main()
