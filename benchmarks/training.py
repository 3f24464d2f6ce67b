"""What digests of checkpoints cost a training loop: taken while they are written, or read afterwards.

    python benchmarks/training.py [--quick]

A network of 25 million weights is trained on two threads, with PyTorch if it is there and with numpy if not.
A lap writes a checkpoint of 100 MB and goes on training, so that what happens in the background meets the
work it must not disturb. Laps alternate: plain ones, ones that write through ``open_output``, ones that have
a statement signed besides, and ones that read the file before they train on. The number of steps in a lap is
fixed beforehand. Figures are medians over all rounds, each lap against the plain one of its round.

Short laps (3 s, ``--quick`` 0.5) say what a checkpoint costs in seconds: there other work on the machine
disturbs least. Long ones (30 s, not under ``--quick``) are the training of the goal, 2 % longer at most; a
run with fewer than three rounds of them says how much of 30 s the seconds of short laps are.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import platform
import resource
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

from goals import goal
from installed import as_installed

import attest
from attest.recorder import Recorder
from attest.signers.file import generate_key
from attest.store import open_store

EVERY = 30.0
"""Seconds between two checkpoints in the goal."""
ENOUGH = 3
"""Rounds of long laps from which on their median is held against the goal."""
SIDE, LAYERS = 2500, 4
"""Of the network: 25 million weights, 100 MB."""
BATCH = 16
THREADS = 2
WAYS = ("no digests", "open_output", "open_output, and a statement", "digested after writing")


class Torch:
    """A training loop of PyTorch."""

    def __init__(self) -> None:
        import torch

        self.name = f"PyTorch {torch.__version__}"
        torch.set_num_threads(THREADS)
        torch.manual_seed(7)
        layers = [torch.nn.Linear(SIDE, SIDE, bias=False) for _ in range(LAYERS)]
        self._model = torch.nn.Sequential(*layers)
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-4)
        self._data = torch.randn(BATCH, SIDE)

    def step(self) -> None:
        """Train on one batch."""
        self._optimizer.zero_grad()
        loss = (self._model(self._data) - self._data).square().mean()
        loss.backward()
        self._optimizer.step()

    def save(self, file: IO[bytes]) -> None:
        """Write the weights."""
        import torch

        torch.save(self._model.state_dict(), file)


class Numpy:
    """The same without PyTorch."""

    def __init__(self) -> None:
        import numpy as np

        self.name = f"numpy {np.__version__}"
        random = np.random.default_rng(7)
        self._layers = [random.standard_normal((SIDE, SIDE), np.float32) / SIDE for _ in range(LAYERS)]
        self._data = random.standard_normal((BATCH, SIDE), np.float32)

    def step(self) -> None:
        """Train on one batch."""
        seen = [self._data]
        for layer in self._layers:
            seen.append(seen[-1] @ layer)
        slope = (seen[-1] - self._data) * (2 / self._data.size)
        for number in reversed(range(LAYERS)):
            change = seen[number].T @ slope
            slope = slope @ self._layers[number].T
            self._layers[number] -= 1e-4 * change

    def save(self, file: IO[bytes]) -> None:
        """Write the weights."""
        for layer in self._layers:
            file.write(layer.data)


class Lap(NamedTuple):
    """What a lap took, in seconds."""

    wall: float
    write: float
    """Of it, until the training could go on."""
    processor: float


Write = Callable[[Path], None]


def ways(run: Recorder, trainer: Any) -> dict[str, Write]:
    """Return the ways to write a checkpoint."""

    def plain(path: Path) -> None:
        with path.open("wb") as file:
            trainer.save(file)

    def tee(path: Path) -> None:
        with run.open_output(path) as file:
            trainer.save(file)

    def signed(path: Path) -> None:
        tee(path)
        run.checkpoint(path)

    def after(path: Path) -> None:
        plain(path)
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")

    return dict(zip(WAYS, (plain, tee, signed, after), strict=True))


def lap(trainer: Any, write: Write, path: Path, steps: int) -> Lap:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    write(path)
    written = time.perf_counter()
    for _ in range(steps):
        trainer.step()
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Lap(ended - began, written - began, processor)


def steps_for(trainer: Any, seconds: float) -> int:
    """Return how many steps take about so long."""
    trainer.step()
    began = time.perf_counter()
    for _ in range(5):
        trainer.step()
    return max(1, round(seconds / ((time.perf_counter() - began) / 5)))


def project(root: Path) -> None:
    (root / "attest.yaml").write_text("signer: file:attest.key\n")
    generate_key(root / "attest.key")
    open_store(str(root / ".attest" / "store.db"), create=True).close()
    (root / "data").mkdir()
    (root / "data" / "rows").write_bytes(bytes(1000))
    (root / "checkpoints").mkdir()
    os.chdir(root)


def measure(trainer: Any, seconds: float, rounds: int, only: Sequence[str] = ()) -> dict[str, list[Lap]]:
    """Return the laps of each way; the first round warms up and is left out."""
    laps: dict[str, list[Lap]] = {}
    with tempfile.TemporaryDirectory(prefix="training-") as folder:
        project(Path(folder))
        with attest.run("train") as run:
            run.input("data", "dataset")
            run.byproduct("checkpoints")
            run.output("model")
            steps = steps_for(trainer, seconds)
            print(f"{rounds} rounds of laps of {steps} steps", flush=True)
            chosen = {name: write for name, write in ways(run, trainer).items() if name in (only or WAYS)}
            for number in range(rounds + 1):
                for name, write in chosen.items():
                    path = Path("checkpoints", f"{number} {name}")
                    found = lap(trainer, write, path, steps if number else 1)
                    if number:
                        laps.setdefault(name, []).append(found)
                    if number > 1:  # a statement may still be under way about the last one
                        Path("checkpoints", f"{number - 1} {name}").unlink()
            Path("model").write_bytes(b"model")
        os.chdir("/")
    return laps


def report(laps: dict[str, list[Lap]]) -> dict[str, tuple[float, float]]:
    """Print the table; return the seconds each way loses in a lap, and by how much of it it is longer."""
    found = {}
    print(f"  {'':30} {'seconds':>9} {'until it trains on':>19} {'lost':>8} {'longer':>8} {'processor':>10}")
    for name, every in laps.items():
        pairs = list(zip(every, laps[WAYS[0]], strict=True))
        lost = statistics.median(each.wall - plain.wall for each, plain in pairs)
        longer = statistics.median(each.wall / plain.wall - 1 for each, plain in pairs)
        more = statistics.median(each.processor - plain.processor for each, plain in pairs)
        wall = statistics.median(each.wall for each in every)
        write = statistics.median(each.write for each in every)
        print(f"  {name:30} {wall:9.3f} {write:19.3f} {lost:+8.3f} {longer:+8.1%} {more:+10.3f}")
        found[name] = lost, longer
    return found


def main() -> None:
    as_installed()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="short laps only, and few of them")
    parser.add_argument(
        "--rounds", type=int, default=ENOUGH, help=f"of long laps; 0: none  [default: {ENOUGH}]"
    )
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    trainer = Torch() if importlib.util.find_spec("torch") else Numpy()
    load = f"load {os.getloadavg()[0]:.1f} before"
    print(f"{os.cpu_count()} processors, Python {platform.python_version()}, {trainer.name}, {load}")
    lost, _ = report(measure(trainer, 0.5 if given.quick else 3.0, 3 if given.quick else 8))[WAYS[2]]
    longer = lost / EVERY
    if given.rounds and not given.quick:
        _, long = report(measure(trainer, EVERY, given.rounds, [WAYS[0], WAYS[2]]))[WAYS[2]]
        if given.rounds >= ENOUGH:  # one or two differ by more than the goal, whatever is done in them
            longer = long
    print(f"  load {os.getloadavg()[0]:.1f} after")
    what = f"training with a checkpoint of 100 MB every {EVERY:.0f} s, digests while writing and a statement"
    goal(f"{what} each, against the same without", 100 * longer, 2, "% longer", at_most=True)


if __name__ == "__main__":
    main()
