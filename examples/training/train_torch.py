"""The same training with PyTorch: a checkpoint now and then, each with a statement of its own.

python train_torch.py DATA MODEL [--from CHECKPOINT] [--break-at STEP]
"""

from __future__ import annotations

import csv
from pathlib import Path

import torch
from train import EVERY, RATE, STEPS, arguments

import attest
from attest.integrations.torch import save


def main() -> None:
    given = arguments()
    with (given.data / "rows.csv").open() as file:
        rows = torch.tensor([[float(each) for each in row] for row in csv.reader(file)])
    values, answers = rows[:, :-1], rows[:, -1:]
    model = torch.nn.Linear(values.shape[1], 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    begin = 0
    if given.checkpoint:
        state = torch.load(given.checkpoint)
        model.load_state_dict(state["model"])
        begin = state["step"]
    Path("checkpoints").mkdir(exist_ok=True)
    with attest.run("finetune" if given.checkpoint else "train") as run:
        run.input(given.data, "dataset")
        if given.checkpoint:
            run.input(given.checkpoint, "base-model")
        run.parameter("rate", RATE)
        for step in range(begin + 1, STEPS + 1):
            optimizer.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(model(values), answers).backward()
            optimizer.step()
            if step % EVERY == 0 and step < STEPS:
                path = Path("checkpoints", f"step-{step}.pt")
                save(run, {"step": step, "model": model.state_dict()}, path, byproduct=True, atomic=True)
                run.checkpoint(path, step=step)
            if step == given.break_at:
                raise SystemExit(f"broke at step {step}")
        save(run, model.state_dict(), given.model, atomic=True)
    right = ((model(values) > 0) == (answers == 1)).float().mean()
    print(f"{right:.0%} of the rows are told apart")


if __name__ == "__main__":
    main()
