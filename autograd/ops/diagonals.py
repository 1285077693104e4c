"""Diagonals: reading them as views, and building matrices from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from ..shapes import axis
from .forms import offered
from .reduce import total
from .shape import flatten


def _pair(name: str, dim1: int, dim2: int, ndim: int) -> tuple[int, int]:
    """Two dimensions of a tensor, checked."""
    a, b = axis(dim1, ndim), axis(dim2, ndim)
    if ndim < 2 or a == b:
        if ndim < 2 and dim1 != dim2:
            axis(max(dim1, dim2, key=abs), ndim)
        raise RuntimeError(f"{name}: diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


def diagonal_view(a: Any, offset: int, dim1: int, dim2: int) -> Any:
    """The diagonal of an array as a writable view; the diagonal's dimension comes last."""
    i, j = _pair("diagonal", dim1, dim2, a.ndim)
    out = np.diagonal(a, offset, i, j)
    if a.flags.writeable:
        out.flags.writeable = True  # NumPy hands it out read-only, out of caution for old programs
    return out


@op(
    {
        "input": lambda g, input_shape, offset, dim1, dim2: diagonal_back(
            g, input_shape, offset, dim1, dim2
        )
    },
    view=True,
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(3, 3),),
        (s(2, 3), 1),
        (s(2, 3, 4), -1, 0, 2),
        (s(2, 3), 5),
        (s(0, 2),),
    ],
)
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal of the matrices in dimensions ``dim1`` and ``dim2``, as the last dimension.

    ``offset`` > 0 is above the main diagonal, < 0 below. A view.

    >>> import chainrule as cr
    >>> cr.diagonal(cr.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    return diagonal_view(np.asarray(input), int(offset), dim1, dim2)


@op(
    {"input": lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="diag",
    samples=lambda s: [(s(2), (2, 3), 0, 0, 1), (s(4, 2), (2, 4, 3), -1, -1, 0)],
)
def diagonal_back(input: Array, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    """Zeros of ``shape`` with ``input`` on a diagonal; undoes ``diagonal``."""
    g = np.asarray(input)
    out = np.zeros(shape, g.dtype)
    diagonal_view(out, int(offset), dim1, dim2)[...] = g
    return out


@op(
    {"input": lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2)},
    where=("torch", "tensor"),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(3),),
        (s(2, 3), 1),
        (s(2, 3), -1, 0, 2),
        (s(2, 2), 0, 1, 0),
        (s(0),),
    ],
)
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices, in dimensions ``dim1`` and ``dim2``, with the last dimension on their diagonal.

    >>> import chainrule as cr
    >>> cr.diag_embed(cr.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    x = np.asarray(input)
    n, offset = x.ndim + 1, int(offset)
    i, j = axis(dim1, n), axis(dim2, n)
    if i == j:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    side = x.shape[-1] + abs(offset)
    shape = list(x.shape[:-1])
    for d in sorted((i, j)):
        shape.insert(d, side)
    out = np.zeros(shape, x.dtype)
    diagonal_view(out, offset, i, j)[...] = x
    return out


@op(
    {"input": lambda g, input_shape, diagonal: _diag_rule(g, input_shape, diagonal)},
    name="diag",
    where=("torch", "tensor"),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(3),), (s(2), -1), (s(2, 3),), (s(3, 2), -1), (s(2, 3), 7), (s(0),)],
)
def diag(input: Array, diagonal: int = 0) -> Any:
    """A matrix with a vector on its diagonal, or the diagonal of a matrix (a copy).

    >>> import chainrule as cr
    >>> cr.diag(cr.tensor([1, 2])), cr.diag(cr.tensor([[1, 2], [3, 4]]))
    (tensor([[1, 0],
            [0, 2]]), tensor([1, 4]))
    """
    x = np.asarray(input)
    if x.ndim not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {x.ndim}D")
    return np.diag(x, int(diagonal)).copy()


def _diag_rule(g: Any, shape: Any, offset: int) -> Any:
    if len(shape) == 1:
        return diagonal(g, offset, 0, 1)
    return diagonal_back(g, shape, offset, 0, 1)


@offered("torch", "tensor")
def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with all elements, in their flat order, on a diagonal.

    >>> import chainrule as cr
    >>> cr.diagflat(cr.tensor([[1, 2]]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    return diag(flatten(input), offset)


@offered("torch", "tensor")
def trace(input: Any) -> Any:
    """The sum of a matrix's diagonal. Its gradient is ḡ on the diagonal.

    >>> import chainrule as cr
    >>> cr.trace(cr.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return total(diagonal(input, 0, 0, 1))


@offered("linalg", name="diagonal")
def linalg_diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonals of matrices (``chainrule.diagonal`` with the last two dimensions).

    >>> import chainrule as cr
    >>> cr.linalg.diagonal(cr.tensor([[[1, 2], [3, 4]]]))
    tensor([[1, 4]])
    """
    return diagonal(A, offset, dim1, dim2)
