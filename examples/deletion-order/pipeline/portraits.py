"""What the vendor runs on single files: portraits, one of each person, and a model of what they share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from learn import save

SIDE, KEPT = 16, 8


def collect(out: Path, seed: int, count: int) -> None:
    """Write a dataset: grey pictures (PGM), a file for each, drawn at random; nobody stands behind them."""
    random = np.random.default_rng(seed)
    out.mkdir(parents=True)
    for number in range(count):
        pixels = random.integers(256, size=SIDE * SIDE, dtype=np.uint8)
        (out / f"p-{number:03}.pgm").write_bytes(b"P5 %d %d 255\n" % (SIDE, SIDE) + pixels.tobytes())


def read(folder: Path) -> np.ndarray:
    files = [path.read_bytes()[-SIDE * SIDE :] for path in sorted(folder.glob("*.pgm"))]
    return np.stack([np.frombuffer(each, dtype=np.uint8) for each in files]).astype(np.float32) / 255


def train(out: Path, data: Path) -> None:
    """Keep the mean picture and the directions in which the pictures differ most."""
    pixels = read(data)
    mean = pixels.mean(axis=0)
    directions = np.linalg.svd(pixels - mean, full_matrices=False)[2][:KEPT]
    save(out, {"mean": mean, "directions": directions})


if __name__ == "__main__":
    train(*map(Path, sys.argv[1:]))
