"""Distinct elements: unique, unique_consecutive, isin."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op, write_out
from ..examples import per_example
from ..handle import Handle, make
from ..shapes import axis
from .forms import offered, without_gradient


def _lexicographic(rows: Any) -> Any:
    """The order of rows compared element by element, the first first."""
    if not rows.shape[1]:
        return np.arange(len(rows))
    return np.lexsort(rows.T[::-1])


def _runs(rows: Any) -> Any:
    """Where a row differs from the one before it; nan differs from itself."""
    if not len(rows):
        return np.zeros(0, bool)
    first = np.ones(1, bool)
    return np.concatenate([first, (rows[1:] != rows[:-1]).any(1)])


def _groups(rows: Any, order: Any) -> tuple[Any, Any, Any]:
    """For rows taken in ``order``: the first of each run, the run of each row, and run lengths."""
    starts = _runs(rows[order])
    inverse = np.empty(len(rows), np.int64)
    inverse[order] = np.cumsum(starts) - 1
    first = np.nonzero(starts)[0]
    counts = np.diff(np.append(first, len(rows))).astype(np.int64)
    return order[first], inverse, counts


@op(where=(), promote="keep", outputs=3)
def unique_elements(input: Array, dim: Any, ordered: bool) -> Any:
    """The distinct elements or slices, each one's place among them, and how often it occurs.

    ``ordered``: in rising order; else runs of equals count as one, in the order they stand.
    """
    x = np.asarray(input)
    if dim is None:
        rows, shape = x.reshape(-1, 1), x.shape
    else:
        k = axis(dim, x.ndim)
        if not x.ndim:
            raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
        moved = np.moveaxis(x, k, 0)
        if not moved.size and (moved.shape[0] or not x.ndim):
            raise RuntimeError(
                "There are 0 sized dimensions, and they aren't selected, so unique cannot be "
                f"applied (shape {list(x.shape)}, dim {dim})"
            )
        shape = (moved.shape[0],)
        if not moved.size:
            empty = np.zeros(0, np.int64)
            return x.copy(), empty, empty
        rows = moved.reshape(moved.shape[0], -1)
    order = _sorted(rows) if ordered else np.arange(len(rows))
    at, inverse, counts = _groups(rows, order)
    values = rows[at].reshape(-1) if dim is None else np.moveaxis(moved[at], 0, k).copy()
    return values, inverse.reshape(shape)[()], counts


def _sorted(rows: Any) -> Any:
    if rows.shape[1] == 1:
        return np.argsort(rows[:, 0], kind="stable")
    return _lexicographic(rows)


def _asked(input: Any, found: tuple[Any, Any, Any], inverse: bool, counts: bool, name: str) -> Any:
    """The values, and of the rest what was asked for."""
    values, places, times = found
    values = without_gradient(input, values, name)
    if not inverse and not counts:
        return values
    return (values, *([places] if inverse else []), *([times] if counts else []))


@offered("torch", "tensor")
def unique(
    input: Any,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements, or slices along ``dim``, in rising order.

    ``return_inverse``: also the place of each element among them; ``return_counts``: also how often
    each occurs. Every nan is distinct. There is no gradient: backward raises.

    >>> import chainrule as cr
    >>> cr.unique(cr.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    found = unique_elements(input.detach(), dim, True)
    name = "_unique2" if dim is None else "unique_dim"
    return _asked(input, found, return_inverse, return_counts, name)


@offered("torch", "tensor")
def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements, or of equal slices along ``dim``, in the order they stand.

    >>> import chainrule as cr
    >>> cr.unique_consecutive(cr.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    found = unique_elements(input.detach(), dim, False)
    return _asked(input, found, return_inverse, return_counts, "unique_consecutive")


@export("torch")
@per_example
def isin(
    elements: Any,
    test_elements: Any,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    out: Any = None,
) -> Any:
    """Which ``elements`` are among ``test_elements``; one of the two may be a number.

    >>> import chainrule as cr
    >>> cr.isin(cr.tensor([1, 2, 3]), cr.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    if not isinstance(elements, Handle) and not isinstance(test_elements, Handle):
        raise TypeError(
            "isin(): one of elements and test_elements must be Tensor, got "
            f"{type(elements).__name__} and {type(test_elements).__name__}"
        )
    a, b = (np.asarray(t._data if isinstance(t, Handle) else t) for t in (elements, test_elements))
    result = make(np.asarray(np.isin(a, b, assume_unique, invert))[()])
    return result if out is None else write_out(out, result)
