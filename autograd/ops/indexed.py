"""Reading and writing whole slices by a vector of indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, op
from ..errors import ShapeError
from ..handle import Handle
from ..shapes import axis
from .forms import OutOfRange, integers, offered, twin, within
from .masks import masked_fill


def _vector(name: str, index: Any, size: int, dim: int, kind: Any = RuntimeError) -> Any:
    """An index vector, checked; a 0-d index counts as one of length 1."""
    at = integers(name, index)
    if at.ndim > 1:
        raise IndexError(
            f"{name}(): Index is supposed to be a vector, got the shape {list(at.shape)}"
        )
    within(name, at, dim, size, kind)
    return np.atleast_1d(at)


def _slices(at: Any, dim: int) -> tuple[Any, ...]:
    return (*(slice(None),) * dim, at)


@op(
    {"input": lambda g, index, input_shape, dim: index_back(g, index, input_shape, dim)},
    name="index_select",
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Gather",
    samples=lambda s: [
        (s(3, 4), np.array([2, 0, 2]), 0),
        (s(3, 4), np.array([1]), -1),
        (s(2, 3, 2), np.array([0, 2]), 1),
        (s(), np.array([0]), 0),
        (s(3), s.index(0, below=3), 0),
    ],
)
def index_select_op(input: Array, index: Array, dim: int) -> Any:
    """The slices of ``input`` at ``index`` along ``dim``."""
    x = np.asarray(input)
    k = axis(dim, x.ndim)
    at = _vector("index_select", index, x.shape[k] if x.ndim else 1, k, OutOfRange)
    if not x.ndim:
        if at.size != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {at.size} value(s)"
            )
        return x[()]
    return np.take(x, at, k)


@op(
    {"input": lambda g, index, dim: index_select_op(g, index, dim)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="scatter",
    samples=lambda s: [
        (s(3, 4), np.array([2, 0, 2]), (3, 4), 0),
        (s(2, 3), np.array([1, 1, 0]), (2, 2), -1),
        (s(), np.array([0]), (), 0),
    ],
)
def index_back(input: Array, index: Array, shape: Any, dim: int) -> Any:
    """Zeros of ``shape`` with the slices of ``input`` added at ``index``."""
    g = np.asarray(input)
    if not shape:
        return g[()]
    out = np.zeros(shape, g.dtype)
    np.add.at(out, _slices(np.atleast_1d(np.asarray(index)), axis(dim, len(shape))), g)
    return out


@offered("torch", "tensor")
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices at ``index`` (a vector of integers) along ``dim``; a copy.

    >>> import chainrule as cr
    >>> cr.tensor([[1, 2, 3], [4, 5, 6]]).index_select(1, cr.tensor([2, 0]))
    tensor([[3, 1],
            [6, 4]])
    """
    return index_select_op(input, index, dim)


index_select_op.op.function = index_select


def _sources(name: str, x: Any, source: Any, k: int, n: int, kind: Any) -> Any:
    """The source of an indexed write, checked against where it goes."""
    s = np.asarray(source)
    if s.dtype != x.dtype:
        raise RuntimeError(
            f"{name}(): self and source expected to have the same dtype, but got (self) "
            f"{dtypes.of(x)} and (source) {dtypes.of(s)}"
        )
    if (s.shape[k] if s.ndim > k else 1) != n:
        raise kind(
            f"{name}(): Number of indices ({n}) should be equal to source.size(dim): "
            f"({s.shape[k] if s.ndim > k else 1}), for dim: {k}"
        )
    if x.ndim and s.ndim == x.ndim:
        rest = [a.shape[:k] + a.shape[k + 1 :] for a in (x, s)]
        if rest[0] != rest[1]:
            raise ShapeError(
                f"{name}(): source tensor shape must match self tensor shape, excluding the "
                f"specified dimension. Got self.shape = {list(x.shape)} source.shape = "
                f"{list(s.shape)}"
            )
    elif s.ndim != x.ndim and not (s.size == 1 and x.ndim <= 1):
        raise kind(
            f"{name}(): When source and destination are not scalars, their dimensionality must "
            f"match. Source dimensionality ({s.ndim}), destination dimensionality ({x.ndim})"
        )
    return s


def _writes(s: Any) -> list[Any]:
    return [
        (s(3, 4), np.array([2, 0]), s(2, 4), 0),
        (s(3, 4), np.array([1]), s(3, 1), -1),
        (s(4), np.array([3, 1, 0]), s(3), 0),
        (s(2, 3), s.index(0, below=3), s(2, 0), 1),
    ]


@op(
    {"input": 1, "source": lambda g, index, dim, alpha: index_select_op(g, index, dim) * alpha},
    name="index_add",
    where=(),
    promote="keep",
    linear_in=("input", "source"),
    samples=lambda s: [
        *[(*call, 1) for call in _writes(s)],
        (s(2, 3), np.array([1, 1, 1]), s(3, 3), 0, 2.5),
    ],
)
def index_add_op(input: Array, index: Array, source: Array, dim: int, alpha: Any) -> Any:
    """A copy of ``input`` with ``alpha`` · ``source`` added to the slices at ``index``."""
    x = np.asarray(input)
    k = axis(dim, x.ndim)
    at = _vector("index_add", index, x.shape[k] if x.ndim else 1, k)
    s = _sources("index_add", x, source, k, at.size, RuntimeError)
    out = np.array(x)
    s = s if alpha == 1 else s * np.asarray(alpha).astype(s.dtype)
    np.add.at(np.atleast_1d(out), _slices(at, k), np.atleast_1d(s))
    return out[()]


@offered("torch", "tensor")
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: Any = 1) -> Any:
    """A copy of ``input`` with ``alpha`` · ``source`` added to the slices at ``index``.

    An index that stands twice is added to twice.

    >>> import chainrule as cr
    >>> cr.zeros(3).index_add(0, cr.tensor([0, 0, 2]), cr.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    return index_add_op(input, index, source, dim, alpha)


@op(
    {
        "input": lambda g, index, dim, input_shape: masked_fill(
            g, touched(index, input_shape, dim), 0.0
        ),
        "source": lambda g, index, dim: index_select_op(g, index, dim),
    },
    name="index_copy",
    where=(),
    promote="keep",
    linear_in=("input", "source"),
    samples=_writes,
)
def index_copy_op(input: Array, index: Array, source: Array, dim: int) -> Any:
    """A copy of ``input`` with the slices at ``index`` replaced by those of ``source``."""
    x = np.asarray(input)
    k = axis(dim, x.ndim)
    at = _vector("index_copy", index, x.shape[k] if x.ndim else 1, k, IndexError)
    s = _sources("index_copy", x, source, k, at.size, IndexError)
    out = np.array(x)
    np.atleast_1d(out)[_slices(at, k)] = np.atleast_1d(s)
    return out[()]


@offered("torch", "tensor")
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """A copy of ``input`` with the slices at ``index`` replaced by those of ``source``.

    >>> import chainrule as cr
    >>> cr.zeros(3).index_copy(0, cr.tensor([2, 0]), cr.tensor([5.0, 6.0]))
    tensor([6., 0., 5.])
    """
    return index_copy_op(input, index, source, dim)


@op(where=(), promote="keep", symbol="∋")
def touched(index: Array, shape: Any, dim: Any) -> Any:
    """Which places an index vector meets: along ``dim``, or in the flat order for None."""
    at = np.asarray(index)
    if dim is None:
        out = np.zeros(int(np.prod(shape)), np.bool_)
        out[at] = True
        return out.reshape(shape)[()]
    k = axis(dim, len(shape))
    out = np.zeros([n if d == k else 1 for d, n in enumerate(shape)] or [1], np.bool_)
    n, at = out.shape[k], np.atleast_1d(integers("index_fill", at))
    if at.size and (at.min() < -n or at.max() >= n):
        bad = at.min() if at.min() < -n else at.max()
        raise IndexError(f"index {bad} is out of bounds for dimension {k} with size {n}")
    out[_slices(at, k)] = True
    return out if shape else out.reshape(())[()]


@offered("torch", "tensor")
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """A copy of ``input`` with one value (a number or a 0-d tensor) in the slices at ``index``.

    >>> import chainrule as cr
    >>> cr.zeros(3).index_fill(0, cr.tensor([0, -1]), 7)
    tensor([7., 0., 7.])
    """
    if isinstance(value, Handle) and value.ndim:  # type: ignore[attr-defined]
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value.ndim} dimension(s)."  # type: ignore[attr-defined]
        )
    return masked_fill(input, touched(index, tuple(input.shape), dim), value)


for _call, _function in ((index_add_op, index_add), (index_copy_op, index_copy)):
    _call.op.function = _function
for _function in (index_add, index_copy, index_fill):
    twin(_function)
