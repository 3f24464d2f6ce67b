"""Train the network from scratch."""

from __future__ import annotations

import sys
from pathlib import Path

import network


def main(data: Path, out: Path, epochs: int, rate: float) -> None:
    weights = network.fit(network.fresh(seed=1), data, epochs, rate, seed=2)
    network.save(weights, out)
    print(f"accuracy on its own training set: {network.accuracy(weights, data):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
