"""Sorting: sort, argsort, topk. The gradient goes to where each value came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from ..dtypes import BY_NAME
from ..shapes import axis
from .forms import offered, return_type
from .gather import gather_back

SortResult = return_type("sort", "values", "indices")
TopkResult = return_type("topk", "values", "indices")
BFLOAT16 = BY_NAME["bfloat16"].np
WIDE = 4096  # from here on, lines of which little is wanted are partitioned first


def ascending(x: Any, k: int) -> Any:
    """Indices that sort along ``k``: stable, nan last."""
    if x.dtype.kind == "c":
        raise RuntimeError("Sort does not support complex dtypes on CPU")
    return np.argsort(x.astype(np.float32) if x.dtype == BFLOAT16 else x, k, "stable")


def order_of(x: Any, k: int, descending: bool) -> Any:
    """Indices that sort along ``k``; equals keep their order both ways, nan counts as largest."""
    if not descending:
        return ascending(x, k)
    back = np.flip(ascending(np.flip(x, k), k), k)
    return x.shape[k] - 1 - back


@op(
    {"input": lambda g, indices, input_shape, dim: gather_back(g, indices, input_shape, dim, True)},
    name="sort",
    where=(),
    promote="keep",
    outputs=2,
    aux=("indices",),
    onnx="TopK",
    samples=lambda s: [
        (s.distinct(3, 4),),
        (s.distinct(3, 4), 0, True),
        (s.distinct(2, 3, 2), 1),
        (s(),),
        (s(0, 3), 0),
    ],
)
def sort_op(input: Array, dim: int = -1, descending: bool = False) -> Any:
    """The elements in order along ``dim``, and the indices they had."""
    x = np.asarray(input)
    k = axis(dim, x.ndim)
    if not x.ndim:
        return x[()], np.int64(0)
    indices = order_of(x, k, descending)
    return np.take_along_axis(x, indices, k), indices


@offered("torch", "tensor")
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The elements in rising (or falling) order along ``dim``, and the indices they had.

    Equals keep their order always; nan counts as the largest. The gradient of each value goes to
    where it came from.

    >>> import chainrule as cr
    >>> cr.sort(cr.tensor([3.0, 1.0, 2.0]))
    torch.return_types.sort(
    values=tensor([1., 2., 3.]),
    indices=tensor([1, 2, 0]))
    """
    if isinstance(dim, bool):
        raise TypeError("sort(): argument 'dim' (position 2) must be int, not bool")
    return SortResult(*sort_op(input, dim, bool(descending)))


sort_op.op.function = sort


@offered("torch", "tensor")
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort along ``dim``; equals keep their order.

    >>> import chainrule as cr
    >>> cr.argsort(cr.tensor([3.0, 1.0, 2.0]), descending=True)
    tensor([0, 2, 1])
    """
    return sort(input.detach(), dim, descending)[1]


@offered("torch", "tensor")
def msort(input: Any) -> Any:
    """The elements in rising order along the first dimension.

    >>> import chainrule as cr
    >>> cr.msort(cr.tensor([[3, 1], [2, 4]]))
    tensor([[2, 1],
            [3, 4]])
    """
    return sort(input, 0)[0]


def _best(x: Any, k: int, largest: bool) -> Any:
    """Indices of the ``k`` best of each line (the last dimension), best first; first of equals."""
    n = x.shape[-1]
    if n < WIDE or k * 4 > n or x.dtype == BFLOAT16 or (x.dtype.kind == "f" and np.isnan(x).any()):
        return order_of(x, x.ndim - 1, largest)[..., :k]
    return _partitioned(x, k, largest)


def _partitioned(x: Any, k: int, largest: bool) -> Any:
    """The same in linear time: the k-th best by partition, then what is better, then its equals."""
    lines = x.reshape(-1, x.shape[-1])
    at = x.shape[-1] - k if largest else k - 1
    edge = np.partition(lines, at, -1)[:, at, None]
    better = lines > edge if largest else lines < edge
    equal = lines == edge
    room = k - better.sum(-1, keepdims=True)
    chosen = better | (equal & (np.cumsum(equal, -1) <= room))
    found = np.nonzero(chosen)[1].reshape(-1, k)
    ranks = order_of(np.take_along_axis(lines, found, 1), 1, largest)
    return np.take_along_axis(found, ranks, 1).reshape(*x.shape[:-1], k)


@op(
    {"input": lambda g, indices, input_shape, dim: gather_back(g, indices, input_shape, dim, True)},
    name="topk",
    where=(),
    promote="keep",
    outputs=2,
    aux=("indices",),
    onnx="TopK",
    samples=lambda s: [
        (s.distinct(3, 4), 2, -1, True),
        (s.distinct(3, 4), 1, 0, False),
        (s.distinct(2, 3, 2), 3, 1, True),
        (s(), 1, 0, True),
        (s(3), 0, 0, True),
    ],
)
def topk_op(input: Array, k: int, dim: int, largest: bool) -> Any:
    """The ``k`` best elements along ``dim``, best first, and the indices they had."""
    x = np.asarray(input)
    d, k = axis(dim, x.ndim), int(k)
    n = x.shape[d] if x.ndim else 1
    if not 0 <= k <= n:
        raise RuntimeError(
            f"selected index k out of range: topk of k={k}, dimension {d} has {n} elements"
        )
    if x.dtype.kind == "b":
        raise RuntimeError("topk does not support bool dtypes on CPU")
    if not x.ndim:
        return x[()], np.int64(0)
    if not k:
        shape = (*x.shape[:d], 0, *x.shape[d + 1 :])
        return np.empty(shape, x.dtype), np.empty(shape, np.int64)
    indices = np.moveaxis(_best(np.moveaxis(x, d, -1), k, largest), -1, d)
    return np.take_along_axis(x, indices, d), indices


@offered("torch", "tensor")
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The ``k`` largest (or smallest) elements along ``dim`` in order, and their indices.

    Of equals the first are taken; nan counts as the largest. The gradient of each value goes to
    where it came from. Raises RuntimeError where ``k`` is more than there are.

    >>> import chainrule as cr
    >>> cr.topk(cr.tensor([1.0, 4.0, 2.0, 3.0]), 2)
    torch.return_types.topk(
    values=tensor([4., 3.]),
    indices=tensor([1, 3]))
    """
    return TopkResult(*topk_op(input, k, dim, bool(largest)))


topk_op.op.function = topk
