"""Store every weight as int8 with one scale per tensor."""

from __future__ import annotations

import sys
from pathlib import Path

import network
import numpy as np


def main(source: Path, out: Path) -> None:
    small: network.Weights = {}
    for name, value in network.load(source).items():
        scale = np.float32(np.abs(value).max() / 127 or 1)
        small[name] = np.round(value / scale).astype(np.int8)
        small[f"{name}.scale"] = np.array([scale])
    network.save(small, out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
