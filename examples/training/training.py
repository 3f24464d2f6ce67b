"""A training breaks, and goes on from a checkpoint whose provenance is signed already.

Every ``$`` line that is printed is a command one can type. Run it with ``bash examples/training/run.sh``.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
CARD = """\
dataset: {name: two-clouds, version: "1"}
issuer: {legalName: Example Data GmbH}
acquisition: {channel: synthetic, relatedParty: no}
personalData: {presence: no, biometric: no, children: no, specialCategory: no}
synthetic: {presence: yes}
rights:
  license: {expression: CC0-1.0, training: permitted}
  prohibitedPurposes: []
"""


def shell(folder: Path, command: str, expect: int = 0) -> str:
    """Run a command and show it; stop if it ends with another exit code."""
    print(f"\n$ {command}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    done = subprocess.run(
        shlex.split(command),
        cwd=folder,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},  # nothing here is large
        capture_output=True,
        text=True,
        check=False,
    )
    print((done.stdout + done.stderr).rstrip())
    if done.returncode != expect:
        sys.exit(f"expected exit code {expect}, got {done.returncode}: {command}")
    return done.stdout


def make_data(folder: Path) -> None:
    """Two clouds of points, the same at every run."""
    folder.mkdir()
    pick = random.Random(7)  # noqa: S311 - no secret
    kinds = [number % 2 for number in range(200)]
    rows = [[pick.gauss(kind * 2.0, 1.0), pick.gauss(-kind * 2.0, 1.0), kind] for kind in kinds]
    (folder / "rows.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))


def example(folder: Path, script: str, ending: str) -> None:
    """Set up a project, train until it breaks, and go on."""
    folder.mkdir(parents=True)
    for name in ("train.py", "train_torch.py"):
        shutil.copy(HERE / name, folder)
    make_data(folder / "data")
    (folder / "card.yaml").write_text(CARD)
    shell(folder, "attest init --key")
    shell(folder, "attest dataset data --card card.yaml")
    shell(folder, f"python {script} data model{ending} --break-at 250", expect=1)
    shell(folder, f"python {script} data model{ending} --from checkpoints/step-200{ending}")
    shell(folder, f"attest lineage model{ending}")


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "out").absolute()
    shutil.rmtree(out, ignore_errors=True)
    example(out / "python", "train.py", ".json")
    if find_spec("torch") is None:
        print("\nwithout PyTorch; `pip install torch` for the other half")
    else:
        example(out / "torch", "train_torch.py", ".pt")


if __name__ == "__main__":
    main()
