"""Gathering and scattering along a dimension: one index an element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, op
from ..errors import ShapeError
from ..handle import Handle
from ..shapes import axis
from .forms import integers, offered, twin, within
from .join import narrow


def lined(input: Any, index: Any, dim: int, name: str) -> tuple[Any, Any, int]:
    """Data and index with at least one dimension, checked against each other."""
    x, at = np.asarray(input), integers(name, index)
    k = axis(dim, x.ndim)
    if not at.size:
        return x, at, k
    x, at = np.atleast_1d(x), np.atleast_1d(at)
    if x.ndim != at.ndim:
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as input tensor, got "
            f"shapes {list(at.shape)} and {list(x.shape)}"
        )
    for d in range(x.ndim):
        if d != k and at.shape[d] > x.shape[d]:
            raise ShapeError(
                f"{name}(): Size does not match at dimension {d} expected index {list(at.shape)} "
                f"to be no larger than self {list(x.shape)} apart from dimension {k}"
            )
    within(name, at, k, x.shape[k])
    return x, at, k


def places_of(at: Any, k: int) -> tuple[Any, ...]:
    """The full index of every element: its own place, but ``at`` along dimension ``k``."""
    grid = list(np.indices(at.shape, sparse=True))
    grid[k] = at
    return tuple(grid)


@op(
    {
        "input": lambda g, index, input_shape, dim: gather_back(g, index, input_shape, dim, False),
    },
    name="gather",
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="GatherElements",
    samples=lambda s: [
        (s(3, 4), s.index(2, 4, below=3), 0),
        (s(3, 4), s.index(3, 6, below=4), -1),
        (s(2, 3, 2), s.index(1, 2, 2, below=3), 1),
        (s(), np.zeros(2, np.int64), 0),
        (s(5), s.index(0, below=5), 0),
    ],
)
def gather_op(input: Array, index: Array, dim: int) -> Any:
    """``out[i][j] = input[index[i][j]][j]`` for ``dim=0``, and likewise along any dimension."""
    x, at, k = lined(input, index, dim, "gather")
    if not at.size:
        return np.empty(at.shape, x.dtype)
    part = x[tuple(slice(None) if d == k else slice(n) for d, n in enumerate(at.shape))]
    return np.take_along_axis(part, at, k).reshape(np.shape(index))[()]


@op(
    {"input": lambda g, index, dim: gather_op(g, index, dim)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="scatter",
    samples=lambda s: [
        (s(2, 4), s.index(2, 4, below=3), (3, 4), 0, False),
        (s(4), np.array([2, 0, 3, 1]), (4,), 0, True),
        (s(2), np.zeros(2, np.int64), (), 0, False),
    ],
)
def gather_back(input: Array, index: Array, shape: Any, dim: int, distinct: bool) -> Any:
    """Zeros of ``shape`` with ``input`` added at ``index`` along ``dim``; undoes ``gather``.

    ``distinct``: no place occurs twice, so that a plain assignment (which is faster) will do.
    """
    g, at = np.asarray(input), np.atleast_1d(np.asarray(index))
    out = np.zeros(shape or (1,), g.dtype)
    if at.size:
        places = places_of(at, axis(dim, out.ndim))
        if distinct:
            out[places] = g.reshape(at.shape)
        else:
            np.add.at(out, places, g.reshape(at.shape))
    return out.reshape(shape)[()]


@offered("torch", "tensor")
def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements at ``index`` along ``dim``; the result has the shape of ``index``.

    For ``dim=0``: ``out[i][j] = input[index[i][j]][j]``. The index may be smaller than ``input`` in
    the other dimensions; nothing is broadcast. Raises RuntimeError for an index outside.

    >>> import chainrule as cr
    >>> cr.gather(cr.tensor([[1, 2], [3, 4]]), 1, cr.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    return gather_op(input, index, dim)


gather_op.op.function = gather


def _index(s: Any) -> list[Any]:
    return [
        (s(3, 4), np.array([[0, 2, 1, 0]]), s(1, 4), 0),
        (s(2, 4), np.array([[3, 0], [1, 2]]), s(2, 2), -1),
        (s(3), np.array([1]), s(1), 0),
        (s(), np.zeros((), np.int64), s(), 0),
        (s(3), s.index(0, below=3), s(0), 0),
    ]


def _written(input: Any, index: Any, dim: int, src: Any, name: str, write: Any) -> Any:
    """A copy of ``input`` in which ``write(out, places, src)`` has been at work."""
    x, at, k = lined(input, index, dim, name)
    out = np.array(x)
    if at.size:
        write(out, places_of(at, k), np.asarray(src).reshape(at.shape))
    return out.reshape(np.shape(input))[()]


@op(
    {
        "input": lambda g, index, dim: scatter_value(g, index, dim, 0.0),
        "src": lambda g, index, dim: gather_op(g, index, dim),
    },
    name="scatter",
    where=(),
    promote="keep",
    linear_in=("input", "src"),
    onnx="ScatterElements",
    samples=_index,
)
def scatter_op(input: Array, index: Array, src: Array, dim: int) -> Any:
    """A copy of ``input`` with ``src`` at ``index`` along ``dim``."""
    return _written(input, index, dim, src, "scatter", np.ndarray.__setitem__)


@op(
    {"input": lambda g, index, dim: scatter_value(g, index, dim, 0.0)},
    where=(),
    promote="keep",
    symbol="scatter",
    onnx="ScatterElements",
    samples=lambda s: [
        (s(3, 4), np.array([[0, 2, 1, 1]]), 0, 2.0),
        (s(3), s.index(0, below=3), 0, 1.0),
        (s(2, 4), np.array([[3, 0]]), -1, -1.0),
        (s(), np.zeros(1, np.int64), 0, 0.5),
    ],
)
def scatter_value(input: Array, index: Array, dim: int, value: Any) -> Any:
    """A copy of ``input`` with one number at ``index`` along ``dim``."""
    x, at, k = lined(input, index, dim, "scatter")
    out = np.array(x)
    if at.size:
        out[places_of(at, k)] = np.asarray(value).astype(out.dtype)
    return out.reshape(np.shape(input))[()]


@op(
    {"input": 1, "src": lambda g, index, dim: gather_op(g, index, dim)},
    name="scatter_add",
    where=(),
    promote="keep",
    linear_in=("input", "src"),
    onnx="ScatterElements",
    samples=lambda s: [*_index(s), (s(3, 2), s.index(5, 2, below=3), s(5, 2), 0)],
)
def scatter_add_op(input: Array, index: Array, src: Array, dim: int) -> Any:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``."""
    return _written(input, index, dim, src, "scatter_add", np.add.at)


def cropped(src: Any, index: Any, input: Any, dim: int, name: str) -> Any:
    """``src`` cut to the shape of ``index``, which may be smaller."""
    if not isinstance(src, Handle):
        raise TypeError(f"{name}(): argument 'src' must be Tensor, not {type(src).__name__}")
    s: Any = src
    if s.dtype is not input.dtype:
        raise RuntimeError(
            f"{name}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and "
            f"{s.dtype}; convert src: src.to(x.dtype)"
        )
    if not index.numel():
        return s
    if max(s.ndim, 1) != max(index.ndim, 1):
        raise RuntimeError(
            f"{name}(): Index tensor must have the same number of dimensions as src tensor, got "
            f"shapes {list(index.shape)} and {list(s.shape)}"
        )
    for d, (n, m) in enumerate(zip(index.shape, s.shape, strict=False)):
        if n > m:
            raise ShapeError(
                f"{name}(): Expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {dim} and to be no larger size than src "
                f"{list(s.shape)}"
            )
        if n < m:
            s = narrow(s, d, 0, n)
    return s


@offered("torch", "tensor")
def scatter(
    input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Any:
    """A copy of ``input`` with ``src`` (a tensor or a number) at ``index`` along ``dim``.

    For ``dim=0``: ``out[index[i][j]][j] = src[i][j]``. With ``reduce="add"`` or ``"multiply"`` the
    old values stay and are combined with (no gradient; ``scatter_reduce`` has one).

    >>> import chainrule as cr
    >>> cr.zeros(3).scatter(0, cr.tensor([2, 0]), cr.tensor([5.0, 6.0]))
    tensor([6., 0., 5.])
    """
    given = value if src is None else src
    if reduce is not None:
        from .scattering import scatter_with

        return scatter_with(input, dim, index, given, reduce)
    if isinstance(given, Handle):
        return scatter_op(input, index, cropped(given, index, input, dim, "scatter"), dim)
    return scatter_value(input, index, dim, given)


scatter_op.op.function = scatter


@offered("torch", "tensor")
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """A copy of ``input`` with ``src`` added at ``index`` along ``dim``; repeated places add up.

    >>> import chainrule as cr
    >>> cr.zeros(2).scatter_add(0, cr.tensor([0, 1, 0]), cr.tensor([1.0, 2.0, 3.0]))
    tensor([4., 2.])
    """
    return scatter_add_op(input, index, cropped(src, index, input, dim, "scatter_add"), dim)


scatter_add_op.op.function = scatter_add

for _function in (scatter, scatter_add):
    twin(_function)
