"""Go on training a model on other data."""

from __future__ import annotations

import sys
from pathlib import Path

import network


def main(base: Path, data: Path, out: Path) -> None:
    weights = network.fit(network.load(base), data, epochs=10, rate=0.02, seed=3)
    network.save(weights, out)
    print(f"accuracy on the tuning set: {network.accuracy(weights, data):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
