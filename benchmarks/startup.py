"""How long the command line takes to start, beside bare Python and click's own hello.

    python benchmarks/startup.py [--quick]

Medians of alternating rounds, in milliseconds and as a ratio to ``python -c pass`` of the same run; then the
costliest imports of ``attest --help`` and of ``attest verify`` of one small key-signed bundle. The goal is 5
times for ``--help`` of every command.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from goals import goal
from installed import as_installed

from attest.cli import COMMANDS

HELLO = "import click\n@click.command()\ndef hello():\n    'Say hello.'\nhello()\n"


def once(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    as_installed()
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
        verify = small_purchase(Path(folder) / "purchase")
        cases |= {f"attest {name} --help": [script, name, "--help"] for name in COMMANDS}
        cases["attest verify, one key-signed bundle"] = [script, *verify]
        times: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, words in cases.items():
                times[name].append(once(words))
        costly = [*imports("--help"), *imports(*verify)]
    bare = statistics.median(times["python -c pass"])
    print(f"Python {platform.python_version()}, {rounds} rounds\n\n{'':38}{'ms':>8}{'ratio':>8}")
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:38}{median:8.1f}{median / bare:8.2f}")
    print("\n".join(costly))
    helps = [
        statistics.median(each)
        for name, each in times.items()
        if name.startswith("attest") and "--help" in name
    ]
    print()
    goal("slowest --help of a command, against python -c pass", max(helps) / bare, 5, at_most=True)


def small_purchase(folder: Path) -> list[str]:
    """Make a file, one statement about it signed with a key, and a reader; return how it is verified."""
    folder.mkdir()
    script = str(Path(sys.executable).with_name("attest"))

    def attest(*words: str) -> None:
        subprocess.run([script, *words], cwd=folder, check=True, capture_output=True)

    (folder / "data.csv").write_text("x\n")
    write = "open('model.bin', 'wb').write(b'weights')"
    attest("init", "--key", "--builder-id", "https://ci.example.org/train")
    step = ["--kind", "transform", "--dataset", "data.csv", "--output", "model.bin"]
    attest("run", *step, "--", sys.executable, "-c", write)
    attest("bundle", "model.bin")
    pin = hashlib.sha256((folder / "keys/attest.key.pub").read_bytes()).hexdigest()
    (folder / "trust.yaml").write_text(
        f"principals: {{ci: {{key: {{file: keys/attest.key.pub, sha256: {pin}}}}}}}\n"
        "roles: {builder: [{principal: ci, builderIds: ['https://ci.example.org/train']}]}\n"
    )
    model, trust = str(folder / "model.bin"), str(folder / "trust.yaml")
    return ["verify", model, "-t", trust, "-p", "preset:commercial-baseline"]


def imports(*words: str) -> list[str]:
    """Return the costliest imports of a command, in lines to be printed."""
    command = [sys.executable, "-X", "importtime", "-m", "attest", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")][1:]
    rows = [line.removeprefix("import time:").split("|") for line in lines]
    rows.sort(key=lambda row: -int(row[0]))
    head = f"\nattest {words[0]}: {len(rows)} modules; own time of the ten costliest imports (microseconds)"
    return [head, *(f"{int(own):8}  {name.strip()}" for own, _, name in rows[:10])]


if __name__ == "__main__":
    main()
