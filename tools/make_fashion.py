"""Write data/fashion.npz, a balanced tenth of Fashion-MNIST, from the four IDX files.

Takes the first 500 training images and the first 100 test images of each class, each part in its
old order. Run once, after `apt install dataset-fashion-mnist`: python tools/make_fashion.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.data.fashion import fashion_mnist

TARGET = Path(__file__).resolve().parents[1] / "data" / "fashion.npz"


def main() -> None:
    """Choose, join, compress."""
    parts = []
    for which, each in (("train", 500), ("test", 100)):
        images, labels = fashion_mnist(which)
        chosen = [np.flatnonzero(labels == c)[:each] for c in range(10)]
        rows = np.sort(np.concatenate(chosen))
        parts.append((images[rows], labels[rows].astype(np.uint8)))
    images, labels = (np.concatenate(p) for p in zip(*parts, strict=True))
    np.savez_compressed(TARGET, images=images, labels=labels)
    print(f"{TARGET.name}: {len(images)} images, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
