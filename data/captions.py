"""Pictures with a text: strips of handwritten digits, and shapes with a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .datasets import load_digits

Floats = npt.NDArray[np.float32]
SHAPES = ("square", "disc", "cross", "ring")
SIZES = {"small": 3, "large": 5}
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def digit_strips(
    n: int,
    length: tuple[int, int] = (2, 4),
    indices: Sequence[int] | npt.NDArray[np.int64] | None = None,
    seed: int = 0,
) -> tuple[Floats, list[list[int]]]:
    """``n`` strips (n, 1, 8, width) of real digits side by side, values 0..1, and their labels.

    ``indices`` are the samples of ``load_digits`` to draw from (all by default): give the training
    and the test part of a split, so that no digit is seen in both. Gaps between digits are −1 to 2
    pixels wide (they may touch); width is 10 times the largest length.

    >>> from chainrule.data import captions
    >>> strips, texts = captions.digit_strips(3)
    >>> strips.shape, [len(text) for text in texts]
    ((3, 1, 8, 40), [4, 3, 3])
    """
    images, labels = load_digits()
    pool = np.arange(len(images)) if indices is None else np.asarray(indices)
    rng = np.random.default_rng(seed)
    width = 10 * length[1]
    strips, texts = np.zeros((n, 1, 8, width), np.float32), []
    for strip in strips[:, 0]:
        chosen = rng.choice(pool, rng.integers(length[0], length[1] + 1))
        at = int(rng.integers(0, 3))
        for k in chosen:
            part = strip[:, at : at + 8]
            np.maximum(part, images[k][:, : part.shape[1]] / np.float32(16), out=part)
            at += 8 + int(rng.integers(-1, 3))
        texts.append(labels[chosen].tolist())
    return strips, texts


def captioned_shapes(n: int, seed: int = 0, noise: float = 0.1) -> tuple[Floats, list[str]]:
    """``n`` pictures (n, 1, 24, 24) of one shape each, with noise, and their captions.

    4 shapes × 2 sizes × 9 places make 72 captions such as "a large disc at the top left".

    >>> from chainrule.data import captions
    >>> captions.captioned_shapes(2)[1]
    ['a large ring at the middle left', 'a small square at the top right']
    """
    rng = np.random.default_rng(seed)
    pictures, texts = np.zeros((n, 1, 24, 24), np.float32), []
    for picture in pictures[:, 0]:
        shape, size = str(rng.choice(SHAPES)), str(rng.choice(list(SIZES)))
        row, column = rng.integers(0, 3, 2)
        y, x = 4 + 8 * row + rng.integers(-1, 2), 4 + 8 * column + rng.integers(-1, 2)
        picture += _shape(shape, SIZES[size] / 2 + 0.5, int(y), int(x))
        texts.append(f"a {size} {shape} at the {ROWS[row]} {COLUMNS[column]}")
    pictures += rng.normal(0, noise, pictures.shape).astype(np.float32)
    return pictures, texts


def _shape(shape: str, radius: float, y: int, x: int) -> npt.NDArray[np.bool_]:
    rows, columns = np.ogrid[:24, :24]
    dy, dx = np.abs(rows - y), np.abs(columns - x)
    square: npt.NDArray[np.bool_] = np.maximum(dy, dx) <= radius
    disc: npt.NDArray[np.bool_] = np.hypot(dy, dx) <= radius
    if shape == "square":
        return square
    if shape == "cross":
        square &= np.minimum(dy, dx) < 1
        return square
    if shape == "ring":
        disc &= np.hypot(dy, dx) > radius - 1.5
    return disc
