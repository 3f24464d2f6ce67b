"""Train from scratch, or go on training a model: train.py DATA OUT EPOCHS [BASE]."""

from __future__ import annotations

import sys
from pathlib import Path

import network


def main(data: Path, out: Path, epochs: int, base: Path | None) -> None:
    weights = network.fit(network.load(base) if base else network.fresh(), data, epochs)
    network.save(weights, out)
    print(f"accuracy on what it learned from: {network.accuracy(weights, data):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]) if sys.argv[4:] else None)
