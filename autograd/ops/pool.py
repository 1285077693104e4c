"""The operations behind pooling: maxima and means of windows, unpooling, and their ways back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from . import pool_kernels as kernels
from .halves import rounded_once
from .pool_kernels import Adaptive, Window

_2X2 = (Window(4, 2, 2, 2), Window(5, 2, 2, 2))
_OVER = (Window(4, 4, 3, 1, 1), Window(5, 2, 2, 2, 0, 2))
_FREE = (Adaptive(5, 3), Adaptive(3, 5))
_ONE = (Window(5, 3, 3, 2, 1),)
_ALL = (Window(3, 1, 3, 3), Window(2, 1, 2, 2))


@op(
    {
        "input": lambda g, input, out, axes, sizes: flat_add(
            g, max_pool_index(input, out, axes), sizes
        )
    },
    where=(),
    promote="keep",
    symbol="maxpool",
    onnx="MaxPool",
    samples=lambda s: [
        (s.distinct(2, 4, 5), _2X2, (4, 5)),
        (s.distinct(1, 2, 4, 5), _OVER, (4, 5)),
        (s.distinct(2, 5, 3), _FREE, (5, 3)),
        (s.distinct(3, 5), _ONE, (5,)),
        (s.distinct(2, 3, 2), _ALL, (3, 2)),
        (s(0, 5), _ONE, (5,)),
    ],
)
def max_pool(input: Array, axes: Any, sizes: Any) -> Any:
    """The maximum of every window over the last dimensions ``sizes``; nan wins.

    The gradient goes to the first element that is the maximum.
    """
    return kernels.maxima(np.asarray(input), axes)


@op(where=(), promote="keep", symbol="argmaxpool")
def max_pool_index(input: Array, top: Array, axes: Any) -> Any:
    """The flat position, in the last dimensions, of each window's maximum ``top``; int64."""
    return kernels.positions(np.asarray(input), np.asarray(top), axes)


@op(
    {"input": lambda g, axes, divisor: avg_pool_back(g, axes, divisor)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="avgpool",
    onnx="AveragePool",
    samples=lambda s: [
        (s(2, 4, 5), _2X2),
        (s(1, 2, 4, 5), (Window(4, 4, 3, 1, 1), Window(5, 3, 2, 2)), "padded"),
        (s(3, 5), _ONE, "inside"),
        (s(3, 5), _ONE, 2.5),
        (s(2, 5, 3), _FREE),
        (s(2, 3, 2), _ALL),
        (s(0, 5), _ONE),
    ],
)
@rounded_once
def avg_pool(input: Array, axes: Any, divisor: Any = "inside") -> Any:
    """The sum of every window over the last dimensions, divided.

    By the number of its elements (``"inside"``), that and its padding (``"padded"``), or a number.
    """
    x = np.asarray(input)
    total = kernels.sums(x, axes)
    by = kernels.divisors(axes, divisor, x.dtype)
    if x.dtype.kind == "i":
        return np.trunc(total / by).astype(x.dtype)
    return total / by


@op(
    {"input": lambda g, axes, divisor: avg_pool(g, axes, divisor)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="avgpoolᵀ",
    samples=lambda s: [
        (s(2, 2, 2), _2X2),
        (s(1, 2, 4, 3), (Window(4, 4, 3, 1, 1), Window(5, 3, 2, 2)), "padded"),
        (s(2, 3, 5), _FREE),
        (s(2, 1, 1), _ALL),
    ],
)
@rounded_once
def avg_pool_back(input: Array, axes: Any, divisor: Any = "inside") -> Any:
    """Each element, divided, added to all of its window: ``avg_pool``'s way back."""
    g = np.asarray(input)
    return kernels.spread(g / kernels.divisors(axes, divisor, g.dtype), axes)


def _flat(index: Any, sizes: Any) -> Any:
    """Positions in the last dimensions as positions in memory."""
    lead, size = index.shape[: index.ndim - len(sizes)], int(np.prod(sizes))
    rows = int(np.prod(lead))
    each = index.reshape(rows, -1) if index.size else index.reshape(rows, 0)
    return (each + np.arange(0, rows * size, size)[:, None] if size else each).reshape(-1)


def check_index(index: Any, sizes: Any) -> None:
    """Raise for a position outside the last dimensions ``sizes``."""
    size = int(np.prod(sizes))
    if index.size and (index.min() < 0 or index.max() >= size):
        bad = index.max() if index.max() >= size else index.min()
        raise RuntimeError(
            f"found an invalid index {bad}: positions go from 0 to {size - 1} in {list(sizes)}"
        )


@op(
    {"input": lambda g, index, sizes: flat_pick(g, index, sizes)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="unpool",
    onnx="MaxUnpool",
    samples=lambda s: [
        (s(1, 2, 2), np.array([[[0, 3], [1, 4]]]), (5,)),
        (s(1, 1, 1, 2), np.array([[[[5, 0]]]]), (2, 3)),
        (s(2), np.array([2, 0]), (4,)),
        (s(0, 1, 2), s.index(0, 1, 2, below=3), (3,)),
    ],
)
def unpool(input: Array, index: Array, sizes: Any) -> Any:
    """Zeros with the last dimensions ``sizes``, and values put at flat positions in those."""
    x, at = np.asarray(input), np.asarray(index)
    check_index(at, sizes)
    lead = x.shape[: x.ndim - len(sizes)]
    out = np.zeros((*lead, *sizes), x.dtype)
    out.reshape(-1)[_flat(at, sizes)] = x.reshape(-1)
    return out


@op(
    {"input": lambda g, index, sizes: flat_add(g, index, sizes)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="pick",
    onnx="GatherElements",
    samples=lambda s: [
        (s(2, 2, 6), s.index(2, 2, 3, below=6), (6,)),
        (s(1, 2, 2, 3), s.index(1, 2, 2, 2, below=6), (2, 3)),
        (s(6), s.index(4, below=6), (6,)),
        (s(0, 2, 4), s.index(0, 2, 3, below=4), (4,)),
    ],
)
def flat_pick(input: Array, index: Array, sizes: Any) -> Any:
    """The elements at flat positions of the last dimensions, which are ``sizes``."""
    at = np.asarray(index)
    return np.take(np.asarray(input).reshape(-1), _flat(at, sizes)).reshape(at.shape)


@op(
    {"input": lambda g, index, sizes: flat_pick(g, index, sizes)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="add at",
    onnx="ScatterElements",
    samples=lambda s: [
        (s(2, 2, 3), s.index(2, 2, 3, below=6), (6,)),
        (s(1, 2, 4, 1), s.index(1, 2, 4, 1, below=3), (3, 1)),
        (s(4), s.index(4, below=3), (3,)),
        (s(0, 2, 3), s.index(0, 2, 3, below=4), (4,)),
    ],
)
def flat_add(input: Array, index: Array, sizes: Any) -> Any:
    """Zeros with the last dimensions ``sizes``, and values added at flat positions in those."""
    x = np.asarray(input)
    out = np.zeros((*x.shape[: x.ndim - len(sizes)], *sizes), x.dtype)
    np.add.at(out.reshape(-1), _flat(np.asarray(index), sizes), x.reshape(-1))
    return out
