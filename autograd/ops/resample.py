"""Resampling along dimensions: every output is a weighted sum of a few inputs.

``Taps`` says which inputs and with which weights, for each output along one dimension; an image is
resampled along one dimension after the other. Nearest, linear and cubic interpolation differ only
in their taps.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..declare import Array, op
from .halves import rounded_once

CUBIC = -0.75  # the sharpness of cubic interpolation
DENSE = 1 << 18  # elements of a matrix that still pays
SOFT_CUBIC = -0.5  # ... when it is antialiased
REACH = {"bilinear": 1.0, "bicubic": 2.0, "lanczos": 3.0}  # of the antialiased kernels


@dataclass(frozen=True, repr=False)
class Taps:
    """For the outputs along one dimension of ``size`` inputs: indices and weights, a row a tap."""

    size: int
    index: tuple[tuple[int, ...], ...]
    weight: tuple[tuple[float, ...], ...] | None = None  # None: one tap of weight 1

    @property
    def count(self) -> int:
        """The number of outputs."""
        return len(self.index[0])

    def __repr__(self) -> str:
        return f"Taps({self.size} to {self.count}, {len(self.index)} each)"


def taps_of(size: int, index: Any, weight: Any = None) -> Taps:
    """Taps from arrays (taps, outputs); indices outside are brought to the edge."""
    rows = np.clip(index, 0, size - 1).astype(np.int64)
    kept = None if weight is None else tuple(map(tuple, np.asarray(weight).tolist()))
    return Taps(size, tuple(map(tuple, rows.tolist())), kept)


def sources(size: int, count: int, scale: float, align: bool) -> Any:
    """Where each output looks, in elements: the corners aligned, or the centres of pixels."""
    k = np.arange(count)
    if align:
        return k * ((size - 1) / (count - 1) if count > 1 else 0.0)
    return (k + 0.5) * scale - 0.5


@functools.lru_cache(256)
def nearest(size: int, count: int, scale: float, exact: bool) -> Taps:
    """The element at ⌊k·scale⌋, or at the centre of the pixel (``exact``)."""
    ratio = np.float32(scale)  # as PyTorch computes it, whatever the data's type
    shift = np.float32(0.5 if exact else 0.0)
    at = np.floor((np.arange(count, dtype=np.float32) + shift) * ratio)
    return taps_of(size, at[None].astype(np.int64))


@functools.lru_cache(256)
def linear(size: int, count: int, scale: float, align: bool) -> Taps:
    """Two neighbours, weighted by nearness."""
    at = np.maximum(sources(size, count, scale, align), 0.0)
    low = np.minimum(np.floor(at), size - 1)
    part = at - low
    return taps_of(size, np.stack([low, low + 1]), np.stack([1 - part, part]))


def _cubic_near(t: Any, a: float) -> Any:
    return ((a + 2) * t - (a + 3)) * t * t + 1


def _cubic_far(t: Any, a: float) -> Any:
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a


def cubic_weights(part: Any) -> list[Any]:
    """The weights of four neighbours at the distance ``part`` past the second."""
    return [
        _cubic_far(part + 1, CUBIC),
        _cubic_near(part, CUBIC),
        _cubic_near(1 - part, CUBIC),
        _cubic_far(2 - part, CUBIC),
    ]


@functools.lru_cache(256)
def cubic(size: int, count: int, scale: float, align: bool) -> Taps:
    """Four neighbours by cubic convolution (Keys, 1981; a = −0.75)."""
    at = sources(size, count, scale, align)
    low = np.floor(at)
    weights = cubic_weights(at - low)
    return taps_of(size, np.stack([low + k for k in (-1, 0, 1, 2)]), np.stack(weights))


@functools.lru_cache(256)
def smooth(size: int, count: int, scale: float, align: bool, mode: str) -> Taps:
    """Antialiased taps: the kernel stretched over ``scale`` inputs when it shrinks."""
    if align:
        scale = (size - 1) / (count - 1) if count > 1 else 0.0
    reach = REACH[mode] * max(scale, 1.0)
    squeeze = 1.0 / max(scale, 1.0)
    centre = scale * (np.arange(count) + 0.5)
    low = np.maximum((centre - reach + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + reach + 0.5).astype(np.int64), size)
    width = max(math.ceil(reach) * 2 + 1, 1)
    index = low + np.arange(width)[:, None]
    t = np.abs((index - centre + 0.5) * squeeze)
    if mode == "bicubic":
        near, far = _cubic_near(t, SOFT_CUBIC), _cubic_far(t, SOFT_CUBIC)
        weight = np.where(t < 1, near, np.where(t < 2, far, 0.0))
    elif mode == "lanczos":
        weight = np.where(t < 3, np.sinc(t) * np.sinc(t / 3), 0.0)
    else:
        weight = np.maximum(1 - t, 0.0)
    weight = np.where(index < high, weight, 0.0)
    total = weight.sum(0)
    return taps_of(size, index, weight / np.where(total == 0, 1.0, total))


def _gather(x: Any, taps: Taps, dim: int) -> Any:
    """One dimension resampled."""
    if taps.weight is None:
        return np.take(x, taps.index[0], dim)
    shape = [1] * x.ndim
    shape[dim] = taps.count
    out = None
    for row, weight in zip(taps.index, taps.weight, strict=True):
        w = np.asarray(weight, x.dtype)
        if not w.any():
            continue
        part = np.take(x, row, dim)
        part *= w.reshape(shape)
        out = part if out is None else np.add(out, part, out=out)
    return np.zeros_like(np.take(x, taps.index[0], dim)) if out is None else out


@functools.lru_cache(64)
def _matrix(taps: Taps) -> Any:
    """The taps as a matrix (inputs, outputs)."""
    out = np.zeros((taps.size, taps.count))
    for k, row in enumerate(taps.index):
        weight = 1.0 if taps.weight is None else np.asarray(taps.weight[k])
        np.add.at(out, (np.asarray(row), np.arange(taps.count)), weight)
    return out


def _scatter(g: Any, taps: Taps, dim: int) -> Any:
    """The adjoint of ``_gather``: a matrix product, or stretches added up where that is too big."""
    lead, rest = g.shape[:dim], g.shape[dim + 1 :]
    if taps.weight is not None and taps.size * taps.count <= DENSE:
        matrix = _matrix(taps).astype(g.dtype)
        if not rest:
            return g @ matrix.T
        columns = g.reshape(int(np.prod(lead)), taps.count, int(np.prod(rest)))
        return np.matmul(matrix, columns).reshape(*lead, taps.size, *rest)
    shape = [1] * g.ndim
    shape[dim] = taps.count
    out = np.zeros((*lead, taps.size, *rest), g.dtype)
    for k, row in enumerate(taps.index):
        part = g
        if taps.weight is not None:
            part = g * np.asarray(taps.weight[k], g.dtype).reshape(shape)
        at = np.asarray(row)  # rising: every input's share is one stretch
        starts = np.flatnonzero(np.diff(at, prepend=-1))
        if len(starts):
            out[(slice(None),) * dim + (at[starts],)] += np.add.reduceat(part, starts, dim)
    return out


@op(
    {"input": lambda g, taps: resample_back(g, taps)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="resample",
    onnx="Resize",
    samples=lambda s: [
        (s(2, 3), (linear(3, 5, 0.6, False),)),
        (s(1, 4, 3), (cubic(4, 6, 4 / 6, True), nearest(3, 2, 1.5, False))),
        (s(2, 6), (smooth(6, 2, 3.0, False, "bilinear"),)),
        (s(1, 2, 5), (linear(2, 4, 0.5, True), smooth(5, 3, 5 / 3, False, "bicubic"))),
        (s(0, 3), (linear(3, 2, 1.5, False),)),
    ],
)
@rounded_once
def resample(input: Array, taps: Any) -> Any:
    """The last dimensions resampled, each by its ``Taps``."""
    x = np.asarray(input)
    if x.dtype == np.uint8 and any(t.weight is not None for t in taps):
        return _image(x, taps)
    for k, each in enumerate(taps):
        x = _gather(x, each, x.ndim - len(taps) + k)
    return x


def _image(x: Any, taps: Any) -> Any:
    """Bytes: a whole number after each dimension, the last one first, as PyTorch has it."""
    for k in reversed(range(len(taps))):
        wide = _gather(x.astype(np.float32), taps[k], x.ndim - len(taps) + k)
        x = np.clip(np.floor(wide + 0.5), 0, 255).astype(np.uint8)
    return x


@op(
    {"input": lambda g, taps: resample(g, taps)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="resampleᵀ",
    samples=lambda s: [
        (s(2, 5), (linear(3, 5, 0.6, False),)),
        (s(1, 6, 2), (cubic(4, 6, 4 / 6, True), nearest(3, 2, 1.5, False))),
        (s(2, 2), (smooth(6, 2, 3.0, False, "bilinear"),)),
        (s(0, 2), (linear(3, 2, 1.5, False),)),
        (s(3, 4, 1), (nearest(2, 4, 0.5, True), linear(3, 1, 3.0, True))),
    ],
)
@rounded_once
def resample_back(input: Array, taps: Any) -> Any:
    """Each element added, weighted, to the inputs that it was made of: ``resample``'s way back."""
    g = np.asarray(input)
    for k, each in enumerate(taps):
        g = _scatter(g, each, g.ndim - len(taps) + k)
    return g
