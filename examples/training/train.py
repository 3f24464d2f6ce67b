"""A training that writes checkpoints, each with a statement of its own; it may break, and go on from one.

    python train.py DATA MODEL [--from CHECKPOINT] [--break-at STEP]

A logistic regression in pure Python, so that it runs everywhere; ``train_torch.py`` does it with PyTorch.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from pathlib import Path

import attest
from attest.recorder import Recorder

STEPS, EVERY, RATE = 400, 100, 0.5


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--from", dest="checkpoint", type=Path)
    parser.add_argument("--break-at", type=int)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    with (given.data / "rows.csv").open() as file:
        rows = [[float(each) for each in row] for row in csv.reader(file)]
    weights, begin = [0.0] * len(rows[0]), 0
    if given.checkpoint:
        state = json.loads(given.checkpoint.read_text())
        weights, begin = state["weights"], state["step"]
    Path("checkpoints").mkdir(exist_ok=True)
    with attest.run("finetune" if given.checkpoint else "train") as run:
        run.input(given.data, "dataset")
        if given.checkpoint:
            run.input(given.checkpoint, "base-model")
        run.parameter("rate", RATE)
        for step in range(begin + 1, STEPS + 1):
            train(weights, rows)
            if step % EVERY == 0 and step < STEPS:
                path = Path("checkpoints", f"step-{step}.json")
                save(run, {"step": step, "weights": weights}, path, byproduct=True)
                run.checkpoint(path, step=step)
            if step == given.break_at:
                raise SystemExit(f"broke at step {step}")
        save(run, {"step": STEPS, "weights": weights}, given.model)
    print(f"{correct(weights, rows):.0%} of the rows are told apart")


def save(run: Recorder, state: dict[str, object], path: Path, **options: bool) -> None:
    """Write a state, and take its digest meanwhile."""
    with run.open_output(path, atomic=True, **options) as file:
        file.write(json.dumps(state).encode())


def guess(weights: list[float], row: list[float]) -> float:
    """Return how likely a row is of the second kind; its last column is the answer."""
    given = weights[-1] + sum(weight * value for weight, value in zip(weights, row[:-1], strict=False))
    return 1 / (1 + math.exp(-given))


def train(weights: list[float], rows: list[list[float]]) -> None:
    """Go one step down the slope."""
    slope = [0.0] * len(weights)
    for row in rows:
        miss = guess(weights, row) - row[-1]
        for number, value in enumerate([*row[:-1], 1.0]):
            slope[number] += miss * value / len(rows)
    for number, value in enumerate(slope):
        weights[number] -= RATE * value


def correct(weights: list[float], rows: list[list[float]]) -> float:
    """Return the share of rows that are told right."""
    return sum((guess(weights, row) > 0.5) == (row[-1] == 1) for row in rows) / len(rows)


if __name__ == "__main__":
    main()
