"""Small pictures of arrays as plain data: histograms, and heat maps of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, sqrt
from typing import Any

import numpy as np

from .model import HeatMap, Histogram

SIDE = 64  # cells along an axis of a heat map; beyond, elements are pooled
BINS = 24
_LEAST_BINS = 6
_NEAR = 0.25
_CORNER = 8  # rows and columns of the numbers that a reader can look at
_OUTLIERS = 0.995  # the share of cells within the limits of a heat map
_FAR = 1.5  # how many times that limit the largest must be for cells to be clipped
_MIDDLE, _STEPS = 128, 254  # levels are 1 … 255


def thumbnail(array: Any, *, around_zero: bool = False) -> Histogram | HeatMap | None:
    """A heat map of a matrix (axes of size 1 aside), a histogram of any other array.

    `around_zero` asks for colours about 0 even where nothing is negative. None where all finite
    elements are equal: there is nothing to see. Complex numbers show their magnitudes.

    >>> import numpy as np
    >>> thumbnail(np.array([0.0, 1.0, 1.0, 4.0, 4.0]))
    Histogram(counts=(1, 2, 0, 0, 0, 2), low=0.0, high=4.0)
    """
    real = np.abs(array) if array.dtype.kind == "c" else array
    while real.ndim > 2 and 1 in real.shape:
        real = real.squeeze(real.shape.index(1))
    if real.ndim == 2:
        return heat_map(real, around_zero=around_zero)
    return histogram(real)


def histogram(array: Any) -> Histogram | None:
    """Count the finite elements in 24 bins, fewer of few; of whole numbers, a bin for each.

    The range goes on to 0 where that is near.
    """
    flat = array.astype(np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size or flat.min() == flat.max():
        return None
    low, high = float(flat.min()), float(flat.max())
    if 0 < low < high * _NEAR:
        low = 0.0
    elif 0 > high > low * _NEAR:
        high = 0.0
    bins = min(BINS, max(_LEAST_BINS, ceil(2 * sqrt(flat.size))))
    if array.dtype.kind in "biu" and high - low < BINS:
        low, high, bins = low - 0.5, high + 0.5, int(high - low) + 1
    size = max(abs(low), abs(high))  # high − low may be too large or too small for a float
    place = ((flat / size - low / size) / (high / size - low / size) * bins).astype(np.intp)
    counts = np.bincount(np.minimum(place, bins - 1), minlength=bins)
    return Histogram(tuple(counts.tolist()), low, high)


def heat_map(matrix: Any, *, around_zero: bool = False) -> HeatMap | None:
    """Up to 64×64 cells, larger matrices max pooled; limits symmetric about 0, or from 0 on.

    Beyond the 99.5th percentile of the cells' magnitudes they are clipped where the largest is 1.5
    times that or more.
    """
    cells, pooled = _pooled(matrix)
    cells = cells.astype(np.float64)
    finite = np.isfinite(cells)
    seen = cells if finite.all() else cells[finite]
    if not seen.size or seen.min() == seen.max():
        return None
    size = np.abs(seen)
    diverging = around_zero or bool(seen.min() < 0)
    high = _limit(size)
    least = float(seen.min())
    low = -high if diverging else least if high / 2 < least < high else 0.0
    clipped = int(np.count_nonzero(size > high))
    shares = (cells / high - low / high) / (1.0 - low / high)  # high − low may be too large
    levels = np.rint(np.clip(np.nan_to_num(shares), 0.0, 1.0) * _STEPS) + 1
    levels = np.where(finite, levels, 0).astype(np.uint8)
    rows, columns = levels.shape
    return HeatMap(rows, columns, low, high, diverging, levels.tobytes(), pooled, clipped)


def _limit(size: Any) -> float:
    """The largest magnitude, or the 99.5th percentile (rounded up) where some are far beyond."""
    largest = float(size.max())
    place = ceil(_OUTLIERS * (size.size - 1))
    usual = float(np.partition(size.ravel(), place)[place])
    return usual if 0 < usual * _FAR <= largest else largest


def _pooled(matrix: Any) -> tuple[Any, tuple[int, int]]:
    """A matrix of at most 64×64 cells, each the element of its block that is farthest from 0."""
    block = (ceil(matrix.shape[0] / SIDE), ceil(matrix.shape[1] / SIDE))
    if block == (1, 1):
        return matrix, block
    if matrix.dtype.kind == "b":
        matrix = matrix.astype(np.uint8)
    high, low = (_reduced(pick, matrix, block) for pick in (np.maximum, np.minimum))
    return np.where(high.astype(np.float64) >= -low.astype(np.float64), high, low), block


def _reduced(pick: Any, matrix: Any, block: tuple[int, int]) -> Any:
    """Reduce blocks of rows, then of columns; the last ones may be smaller."""
    for axis, size in enumerate(block):
        if size == 1:
            continue
        turned = np.moveaxis(matrix, axis, 0)
        found = turned[::size].copy()
        for k in range(1, size):  # one pass over the array in all, ten times as fast as reduceat
            part = turned[k::size]
            pick(found[: len(part)], part, out=found[: len(part)])
        matrix = np.moveaxis(found, 0, axis)
    return matrix


def corner(array: Any) -> tuple[tuple[float, ...], ...] | None:
    """The first 8×8 numbers of the last two axes (8 of a vector); None of complex numbers."""
    if array.dtype.kind == "c":
        return None
    part = array[(0,) * max(array.ndim - 2, 0)]
    part = part[(slice(_CORNER),) * part.ndim].astype(np.float64)
    return tuple(map(tuple, _rows(part)))


def _rows(part: Any) -> Iterator[list[float]]:
    yield from np.atleast_2d(part).tolist()


def pooled_levels(heat: HeatMap) -> HeatMap:
    """A heat map with blocks of 2×2 cells in one; a cell that is not finite stays to be seen."""
    levels = np.frombuffer(heat.levels, np.uint8).reshape(heat.rows, heat.columns)
    block = (1 + (heat.rows > 1), 1 + (heat.columns > 1))
    away = levels.astype(np.int16) - (_MIDDLE if heat.diverging else 1)
    away[levels == 0] = 2 * _STEPS
    high, low = (_reduced(pick, away, block) for pick in (np.maximum, np.minimum))
    cells = np.where(high >= -low, high, low)
    found = np.where(cells > _STEPS, 0, cells + (_MIDDLE if heat.diverging else 1)).astype(np.uint8)
    pooled = (heat.pooled[0] * block[0], heat.pooled[1] * block[1])
    return replace(
        heat, rows=found.shape[0], columns=found.shape[1], levels=found.tobytes(), pooled=pooled
    )
