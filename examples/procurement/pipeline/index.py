"""An index of the portraits, as a model sees them, for finding the nearest: index.py MODEL DATA OUT."""

from __future__ import annotations

import sys
from pathlib import Path

import network
import numpy as np


def main(model: Path, data: Path, out: Path) -> None:
    pixels, _ = network.load_data(data)
    seen = network.guess(network.load(model), pixels)
    with out.open("wb") as stream:
        np.save(stream, seen.astype(np.float32), allow_pickle=False)
    print(f"{len(seen)} portraits in the index")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
