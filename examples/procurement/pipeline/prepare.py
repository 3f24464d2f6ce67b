"""Read a folder of portraits into one file of numbers between 0 and 1."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def main(folder: Path, out: Path) -> None:
    files = sorted(folder.glob("*.pgm"))
    pixels = [np.frombuffer(file.read_bytes().partition(b"\n")[2], np.uint8) for file in files]
    bands = [int(file.stem.rpartition("-")[2]) for file in files]
    np.savez(out, pixels=np.stack(pixels).astype(np.float32) / 255, bands=np.array(bands))
    print(f"{out.name}: {len(files)} portraits")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
