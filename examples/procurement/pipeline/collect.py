"""Draw a folder of small portraits: they stand in for photographs, and show nobody.

One PGM file of 12 x 12 pixels per picture, its age band (0, 1 or 2) in the file name: what a real dataset
would have as demographics.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

SIZE = 12


def portrait(random: np.random.Generator, band: int) -> np.ndarray:
    """A head, two eyes and a mouth; the head is the longer and the darker, the higher the band."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] - (SIZE - 1) / 2
    head = (columns / 4.2) ** 2 + (rows / (3.6 + band)) ** 2 < 1
    picture = np.where(head, 210 - 30 * band, 40).astype(float)
    picture[4, [4, 7]] = 20
    picture[8, 4:8] = 90
    return np.clip(picture + random.normal(0, 18, picture.shape), 0, 255).astype(np.uint8)


def main(folder: Path, number: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    folder.mkdir()
    for each in range(number):
        band = int(random.integers(3))
        header = f"P5 {SIZE} {SIZE} 255\n".encode()
        (folder / f"{each:04d}-{band}.pgm").write_bytes(header + portrait(random, band).tobytes())
    print(f"{number} portraits in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
