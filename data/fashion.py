"""Fashion-MNIST: 28×28 pictures of clothes in ten classes, 6,000 bundled, all 70,000 from files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .idx import read_idx

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)  # fmt: skip
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_BUNDLED = Path(__file__).with_name("fashion.npz")
_FILES = {"train": "train", "test": "t10k"}
Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def fashion_mnist(which: str = "subset", folder: str | os.PathLike[str] | None = None) -> Arrays:
    """Return Fashion-MNIST: images (n, 28, 28) uint8, 0 to 255, and labels (n,) int64, 0 to 9.

    ``which``: "subset", the bundled 6,000: 5,000 of the training images, then 1,000 of the test
    images, each part balanced (500 and 100 a class, the first ones of their class); "train", the
    60,000; "test", the 10,000; "all", both in this order. The last three are read from
    ``folder``, which holds the four IDX files (gzipped or not); None is the folder of Debian's
    package dataset-fashion-mnist. ``fashion.CLASSES`` has the names.
    Raises FileNotFoundError where a file is missing, ValueError where one is damaged.

    Source: Xiao et al., "Fashion-MNIST: a novel image dataset for benchmarking machine learning
    algorithms", 2017. Licence: ``data/FASHION_LICENSE.txt`` (MIT).

    >>> images, labels = fashion_mnist()
    >>> images.shape, images.dtype, np.bincount(labels[:5000]).tolist() == [500] * 10
    ((6000, 28, 28), dtype('uint8'), True)
    >>> CLASSES[labels[0]]
    'Ankle boot'
    """
    if which == "subset":
        with np.load(_BUNDLED, allow_pickle=False) as archive:
            return archive["images"], archive["labels"].astype(np.int64)
    parts = list(_FILES) if which == "all" else [which]
    if parts[0] not in _FILES:
        raise ValueError(
            f"fashion_mnist: which must be 'subset', 'train', 'test' or 'all', got {which!r}"
        )
    place = DEBIAN if folder is None else Path(folder)
    found = [_part(place, _FILES[part]) for part in parts]
    return np.concatenate([x for x, _ in found]), np.concatenate([y for _, y in found])


def _part(folder: Path, stem: str) -> Arrays:
    """The images and labels of one part, which must fit each other."""
    images = read_idx(_file(folder, f"{stem}-images-idx3-ubyte"))
    labels = read_idx(_file(folder, f"{stem}-labels-idx1-ubyte"))
    if images.shape != (len(labels), 28, 28) or images.dtype != np.uint8 or labels.ndim != 1:
        raise ValueError(
            f"fashion_mnist: the files {stem}-* in {folder} do not fit: images of shape "
            f"{images.shape} ({images.dtype}), labels of shape {labels.shape}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise ValueError(f"fashion_mnist: a label in {stem}-labels-idx1-ubyte is not from 0 to 9")
    return images, labels.astype(np.int64)


def _file(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.exists():
            return path
    raise FileNotFoundError(
        f"fashion_mnist: {folder} has no {name} or {name}.gz. On Debian and Ubuntu: apt install "
        "dataset-fashion-mnist; elsewhere pass the folder with the four files, or take 'subset'"
    )
