"""Measure the quantized model on images it never saw, and put it together for delivery."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import network


def main(model: Path, data: Path, out: Path) -> None:
    small = network.load(model)
    weights = {
        name: value * small[f"{name}.scale"] for name, value in small.items() if not name.endswith(".scale")
    }
    measured = network.accuracy(weights, data)
    out.mkdir()
    for name in ("model.safetensors", "config.json"):
        shutil.copyfile(model / name, out / name)
    (out / "README.md").write_text(
        f"# digits-int8\n\nReads 8 x 8 digits; {measured:.1%} right on 397 it never saw.\n"
    )
    print(f"accuracy on the test set: {measured:.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
