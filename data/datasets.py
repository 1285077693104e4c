"""Data sets that come with the package, and how to split them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

_DIGITS = Path(__file__).with_name("digits.npz")


def load_digits() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return the 1,797 handwritten UCI digits: images (1797, 8, 8) uint8 and labels (1797,) int64.

    A pixel is a whole number 0..16: how many of the 4×4 dots it stands for are set. The arrays are
    fresh ones at every call. Licence and citation: ``data/DIGITS_LICENSE.txt`` (CC BY 4.0).

    >>> images, labels = load_digits()
    >>> images.shape, images.dtype, int(images.max())
    ((1797, 8, 8), dtype('uint8'), 16)
    >>> labels[:5].tolist()
    [0, 1, 2, 3, 4]
    """
    with np.load(_DIGITS, allow_pickle=False) as archive:
        return archive["images"], archive["labels"].astype(np.int64)


def stratified_split(
    labels: npt.ArrayLike, test: float = 0.25, seed: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return indices ``(train, test)`` that share out every class in the same proportion.

    Of a class with n samples, round(test·n) go to the test part, at least one to each part.
    The same seed gives the same split; both parts come shuffled. Raises ``ValueError`` unless
    ``labels`` is 1-d, 0 < test < 1, and every class has at least two samples.

    >>> train, test = stratified_split([0, 0, 0, 0, 1, 1, 1, 1], test=0.25)
    >>> len(train), len(test)
    (6, 2)
    """
    classes = np.asarray(labels)
    if classes.ndim != 1:
        raise ValueError(
            f"stratified_split: labels must be 1-d, one class a sample, got shape {classes.shape}"
        )
    if not 0 < test < 1:
        raise ValueError(f"stratified_split: test must lie between 0 and 1, got {test}")
    rng = np.random.default_rng(seed)
    parts: tuple[list[npt.NDArray[np.int64]], list[npt.NDArray[np.int64]]] = ([], [])
    for label in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == label))
        if len(members) < 2:
            raise ValueError(
                f"stratified_split: class {label} has a single sample, which cannot stand in both "
                "parts; drop it or merge it with another class"
            )
        cut = min(max(round(test * len(members)), 1), len(members) - 1)
        parts[0].append(members[cut:])
        parts[1].append(members[:cut])
    empty = np.empty(0, np.int64)
    train, held_out = (rng.permutation(np.concatenate([empty, *part])) for part in parts)
    return train, held_out
