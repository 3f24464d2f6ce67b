"""Read the images, scale them to 0..1, and split them into three sets that share no image."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image


def main(images: Path, out: Path) -> None:
    files = sorted(images.glob("*.png"))
    pixels = np.stack([np.asarray(Image.open(file), dtype=np.float32).ravel() / 240 for file in files])
    labels = np.array([int(file.stem.rpartition("-")[2]) for file in files])
    order = np.random.default_rng(7).permutation(len(files))
    out.mkdir(exist_ok=True)
    for name, part in zip(("train", "tune", "test"), np.split(order, [1100, 1400]), strict=True):
        np.savez(out / f"{name}.npz", pixels=pixels[part], labels=labels[part])
        print(f"{name}: {len(part)} images")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
