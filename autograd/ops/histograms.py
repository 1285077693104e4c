"""Counting into bins: histograms, counts of integers, and searches in sorted sequences."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..declare import export, names, write_out
from ..errors import refuse
from ..examples import per_example
from ..handle import Handle, make
from .reduce import check_tensor


def _finite(name: str, low: float, high: float) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{name}: range of [{low}, {high}] is not finite")


@export("torch", "tensor")
@per_example
def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0, *, out: Any = None) -> Any:
    """How many elements fall into each of ``bins`` equal bins between ``min`` and ``max``.

    Where both are equal, the range is that of the data. What lies outside, and nan, is not counted.

    >>> import chainrule as cr
    >>> cr.histc(cr.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    check_tensor("histc", input)
    x = np.asarray(input._data).ravel()
    refuse("histc", x)
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    low, high = x.dtype.type(min), x.dtype.type(max)
    if low == high and x.size:
        low, high = x.min(), x.max()
    _finite("torch.histc", low, high)
    if low == high:
        low, high = low - 1, high + 1
    if not low < high:
        raise RuntimeError(f"torch.histc: max must be larger than min, got {min} and {max}")
    inside = x[(x >= low) & (x <= high)]
    places = ((inside - low) * x.dtype.type(bins) / (high - low)).astype(np.int64)
    counts = np.bincount(np.minimum(places, bins - 1), minlength=bins).astype(x.dtype)
    result = make(counts)
    return result if out is None else write_out(out, result)


class Histogram(NamedTuple):
    """What ``histogram`` returns."""

    hist: Any
    bin_edges: Any


@export("torch", "tensor")
def histogram(
    input: Any, bins: Any = 100, *, range: Any = None, weight: Any = None, density: bool = False,
    out: Any = None,
) -> Any:  # fmt: skip
    """Counts (or weights) in bins, and the bins' edges; ``density`` makes the area 1.

    ``bins`` is their number, over ``range`` or the range of the data, or a tensor of their edges.
    The last bin includes its right edge.

    >>> import chainrule as cr
    >>> cr.histogram(cr.tensor([1.0, 2.0, 1.0]), 2, range=(0.0, 4.0))
    Histogram(hist=tensor([2., 1.]), bin_edges=tensor([0., 2., 4.]))
    """
    check_tensor("histogram", input)
    x = np.asarray(input._data).ravel()
    refuse("histogram", x)
    edges = _edges(x, bins, range, input.dtype)
    weights = None
    if weight is not None:
        weights = np.asarray(weight._data).ravel()
        if weights.dtype != x.dtype or weights.size != x.size:
            raise RuntimeError(
                "torch.histogramdd: if weight tensor is provided, input tensor and weight tensor "
                f"should have the same dtype and size, but got input({input.dtype}, {x.size}) and "
                f"weight({weight.dtype}, {weights.size})"
            )
    n = edges.size - 1
    inside = (x >= edges[0]) & (x <= edges[-1])
    places = np.minimum(np.searchsorted(edges, x[inside], "right") - 1, n - 1)
    counts = np.bincount(places, None if weights is None else weights[inside], n).astype(x.dtype)
    if density:
        counts = counts / (counts.sum() * np.diff(edges))
    result = Histogram(make(counts), make(edges))
    return result if out is None else write_out(out, result)


def _edges(x: Any, bins: Any, range: Any, dtype: Any) -> Any:
    """The edges of the bins, in the dtype of the data."""
    if isinstance(bins, Handle):
        if bins.dtype is not dtype:  # type: ignore[attr-defined]
            raise RuntimeError(
                "torch.histogramdd: input tensor and bins tensors should have the same dtype, but "
                f"got input with dtype {dtype} and bins with dtype {bins.dtype}"  # type: ignore[attr-defined]
            )
        return np.asarray(bins._data).copy()
    if bins <= 0:
        raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
    if range is not None:
        low, high = map(float, range)
    elif x.size:
        low, high = float(x.min()), float(x.max())
    else:
        low, high = 0.0, 1.0
    _finite("torch.histogramdd", low, high)
    if low > high:
        raise RuntimeError(
            f"torch.histogramdd: min should not exceed max, but got min {low} max {high}"
        )
    if low == high:
        low, high = low - 0.5, high + 0.5
    return names["torch"]["linspace"](low, high, bins + 1, dtype=dtype)._data


@export("torch", "tensor")
@per_example
def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each of the integers 0, 1, … occurs, or the sums of their ``weights``.

    ``input`` is 1-D and not negative; the result has max(input) + 1 elements, at least
    ``minlength``. Weights other than float32 give float64.

    >>> import chainrule as cr
    >>> cr.bincount(cr.tensor([1, 2, 2, 4]))
    tensor([0, 1, 2, 0, 1])
    """
    check_tensor("bincount", input)
    x = np.asarray(input._data)
    if x.dtype.kind not in "iu":
        raise NotImplementedError(
            f'"bincount" not implemented for {input.dtype}; convert first: x.long()'
        )
    if minlength < 0:
        raise RuntimeError(f"minlength should be >= 0, got {minlength}")
    if x.ndim == 1 and not x.size:
        return make(np.zeros(minlength, np.int64))
    if x.ndim != 1 or (x.size and x.min() < 0):
        raise RuntimeError(
            "bincount only supports 1-d non-negative integral inputs, got the shape "
            f"{list(x.shape)}"
        )
    if weights is None:
        return make(np.bincount(x.astype(np.int64), minlength=minlength))
    w = np.asarray(weights._data)
    if w.shape != x.shape:
        raise RuntimeError(
            f"weights should be 1-d and have the same length as input, got {list(w.shape)} for "
            f"{list(x.shape)}"
        )
    sums = np.bincount(x.astype(np.int64), w, minlength)
    return make(sums.astype(np.float32) if w.dtype == np.float32 else sums)


def _found(edges: Any, values: Any, right: bool) -> Any:
    """Insertion places; past every element for nan."""
    places = np.searchsorted(edges, values, "right" if right else "left")
    return np.where(np.not_equal(values, values), edges.shape[-1], places)


def _indices(places: Any, out_int32: bool, out: Any) -> Any:
    result = make(np.asarray(places).astype(np.int32 if out_int32 else np.int64)[()])
    return result if out is None else write_out(out, result)


@export("torch")
@per_example
def bucketize(
    input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False, out: Any = None
) -> Any:
    """The bucket of each element: i where boundaries[i−1] < x ≤ boundaries[i].

    With ``right``: boundaries[i−1] ≤ x < boundaries[i]. ``boundaries`` is 1-D and rises.

    >>> import chainrule as cr
    >>> cr.bucketize(cr.tensor([3, 6, 9]), cr.tensor([1, 3, 5, 7, 9]))
    tensor([1, 3, 4])
    """
    check_tensor("bucketize", boundaries)
    edges = np.asarray(boundaries._data)
    if edges.ndim != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({edges.ndim})")
    values = input._data if isinstance(input, Handle) else input
    return _indices(_found(edges, values, right), out_int32, out)


@export("torch")
@per_example
def searchsorted(
    sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False,
    side: str | None = None, sorter: Any = None, out: Any = None,
) -> Any:  # fmt: skip
    """Where to insert ``input`` into each row of ``sorted_sequence`` so that it stays sorted.

    ``side`` "left" finds the first place, "right" (or ``right=True``) the last; ``sorter`` holds
    the indices that sort the sequence. A 1-D sequence takes ``input`` of any shape.

    >>> import chainrule as cr
    >>> cr.searchsorted(cr.tensor([1, 3, 5]), cr.tensor([3, 4]))
    tensor([1, 2])
    """
    check_tensor("searchsorted", sorted_sequence)
    right = _right(side, right)
    edges = np.asarray(sorted_sequence._data)
    if sorter is not None:
        if sorter.dtype is not dtypes.int64:
            raise RuntimeError(
                "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype "
                f"{sorter.dtype}"
            )
        if tuple(sorter.shape) != edges.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got "
                f"{list(edges.shape)} and {list(sorter.shape)}"
            )
        edges = np.take_along_axis(edges, np.asarray(sorter._data), -1)
    values = np.asarray(input._data if isinstance(input, Handle) else input)
    if values.ndim == 0 and edges.ndim != 1:
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor "
            f"dimension is 1, but we got boundaries tensor dim({edges.ndim}) and a scalar"
        )
    if edges.ndim == 1:
        return _indices(_found(edges, values, right), out_int32, out)
    if edges.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
            "dimensions of boundaries tensor and input value tensor must match, but we got "
            f"boundaries tensor {list(edges.shape)} and input value tensor {list(values.shape)}"
        )
    places = np.zeros(values.shape, np.int64)
    for row in np.ndindex(edges.shape[:-1]):
        places[row] = _found(edges[row], values[row], right)
    return _indices(places, out_int32, out)


def _right(side: str | None, right: bool) -> bool:
    if side not in (None, "left", "right"):
        raise RuntimeError(
            f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}"
        )
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left "
            "while right was True"
        )
    return right or side == "right"
