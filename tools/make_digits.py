"""Write data/digits.npz from scikit-learn's copy of the UCI digits.

Needs scikit-learn, and is run once: python tools/make_digits.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).resolve().parents[1] / "data" / "digits.npz"


def main() -> None:
    """Store the images as bytes: their values are whole numbers 0..16."""
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)
    labels = bunch.target.astype(np.uint8)
    if images.shape != (1797, 8, 8) or not np.array_equal(images, bunch.images):
        raise ValueError(f"unexpected digits: shape {images.shape}, or values that are no bytes")
    np.savez_compressed(TARGET, images=images, labels=labels)
    print(f"{TARGET.name}: {len(images)} images, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
