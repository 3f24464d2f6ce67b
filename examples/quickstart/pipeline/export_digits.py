"""Write scikit-learn's handwritten digits out as image files: a real dataset that ships inside a package.

1,797 scans of digits written by 13 people, 8 x 8 pixels in 17 shades: the test set of UCI's Optical
Recognition of Handwritten Digits (E. Alpaydin and C. Kaynak, 1998; CC BY 4.0). One PNG per scan, its digit in
the file name.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def main(folder: Path) -> None:
    digits = load_digits()
    folder.mkdir(parents=True)
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        image = Image.fromarray((pixels * 15).astype(np.uint8))  # 0..16 becomes 0..240, exactly
        image.save(folder / f"{number:04d}-{label}.png")
    print(f"wrote {len(digits.target)} images to {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
