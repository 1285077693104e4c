"""Masks: filling, selecting and scattering where a boolean tensor holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, op
from ..errors import ShapeError
from ..handle import Handle, cast
from .compare import where
from .forms import offered, twin
from .join import pad_back
from .shape import reshape


def fitting(value: Any, dtype: Any) -> Any:
    """A number as an element of a dtype; raises RuntimeError where it does not fit."""
    d = dtypes.as_dtype(dtype)
    v = value.item() if hasattr(value, "item") else value
    bad = isinstance(v, complex) and not d.is_complex
    if not bad and d.category == 1:
        limits = np.iinfo(d.np)
        bad = not math.isfinite(v) or not limits.min <= int(v) <= limits.max
    elif not bad and d.is_floating_point and not isinstance(v, complex):
        bad = math.isfinite(v) and not np.isfinite(np.asarray(v, np.float64).astype(d.np))
    if bad:
        raise RuntimeError(f"value cannot be converted to type {d.name} without overflow: {v}")
    return cast(v if not isinstance(v, float) or d.category != 1 else int(v), d)


def _boolean(name: str, mask: Any) -> Any:
    m = np.asarray(mask)
    if m.dtype.kind != "b":
        raise RuntimeError(
            f"{name} only supports boolean masks, but got mask with dtype {dtypes.of(m)}; compare "
            "with something, or convert it: mask.bool()"
        )
    return m


@op(
    {
        "input": lambda g, mask: masked_fill(g, mask, 0.0),
        "value": lambda g, mask: where(mask, g, 0.0),
    },
    where=("torch", "tensor", "inplace"),
    promote="keep",
    linear_in=("input", "value"),
    symbol="mask",
    onnx="Where",
    samples=lambda s: [
        (s(2, 3), s.mask(2, 3), s()),
        (s(2, 3), s.mask(3), s()),
        (s(3), s.mask(2, 1), s()),
        (s(), s.mask(), s()),
        (s(0, 2), s.mask(2), s()),
        (s(2, 3), s.mask(2, 3), -1.5),
    ],
)
def masked_fill(input: Array, mask: Array, value: Array) -> Any:
    """``value`` (a number or a 0-d tensor) where ``mask`` holds, ``input`` elsewhere; broadcasts.

    The gradient passes where the mask does not hold. Raises RuntimeError for a mask that is not
    boolean and for a value that the dtype of ``input`` cannot hold.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, -2.0, 3.0])
    >>> x.masked_fill(x < 0, 0.0)
    tensor([1., 0., 3.])
    """
    x, m = np.asarray(input), _boolean("masked_fill_", mask)
    if np.ndim(value):
        raise RuntimeError(
            "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{np.ndim(value)} dimension(s)."
        )
    v = fitting(value, x.dtype)
    if x.ndim >= m.ndim and np.broadcast_shapes(x.shape, m.shape) == x.shape:
        out = x.copy()
        np.copyto(out, v, where=m)
        return out[()]
    return np.where(m, v, x).astype(x.dtype, copy=False)[()]


def _stretched(x: Any, m: Any) -> tuple[Any, Any]:
    """Data and mask broadcast against each other."""
    shape = np.broadcast_shapes(x.shape, m.shape)
    return np.broadcast_to(x, shape), np.broadcast_to(m, shape)


@op(
    {"input": lambda g, mask, input_shape: masked_back(g, mask, input_shape)},
    name="masked_select",
    where=("torch", "tensor"),
    promote="keep",
    linear_in=("input",),
    onnx="Compress",
    samples=lambda s: [
        (s(2, 3), s.mask(2, 3)),
        (s(2, 3), s.mask(3)),
        (s(3), s.mask(2, 1)),
        (s(), np.asarray(True)),
        (s(0, 2), s.mask(2)),
    ],
)
def masked_select(input: Array, mask: Array) -> Any:
    """The elements where ``mask`` (broadcast) holds, in a 1-D tensor.

    >>> import chainrule as cr
    >>> cr.masked_select(cr.tensor([1, 2, 3]), cr.tensor([True, False, True]))
    tensor([1, 3])
    """
    m = _boolean("masked_select", mask)
    x, m = _stretched(np.asarray(input), m)
    return x[m]


@op(
    {"input": lambda g, mask: masked_select(g, mask)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="mask",
    samples=lambda s: [
        (s(2), np.array([True, False, True]), (3,)),
        (s(2), np.array([[True], [False]]), (2,)),
    ],
)
def masked_back(input: Array, mask: Array, shape: Any) -> Any:
    """Zeros of ``shape`` (broadcast with the mask) with ``input`` where the mask holds."""
    g, m = np.asarray(input), np.asarray(mask)
    out = np.zeros(np.broadcast_shapes(shape, m.shape), g.dtype)
    out[np.broadcast_to(m, out.shape)] = g
    return out[()]


def _source_rule(g: Any, mask: Any, source_shape: Any) -> Any:
    """What was taken from the front of the source; the rest got no gradient."""
    taken = masked_select(g, mask)
    n = int(np.prod(source_shape))
    return reshape(pad_back(taken, (n,), 0, 0), source_shape)


@op(
    {
        "input": lambda g, mask: masked_fill(g, mask, 0.0),
        "source": lambda g, mask, source_shape: _source_rule(g, mask, source_shape),
    },
    name="masked_scatter",
    where=(),
    promote="keep",
    linear_in=("input", "source"),
    samples=lambda s: [
        (s(2, 3), s.mask(2, 3), s(7)),
        (s(2, 3), np.array([True, False, True]), s(2, 2)),
        (s(), np.asarray(True), s(1)),
        (s(0), s.mask(0), s(2)),
    ],
)
def masked_scatter_op(input: Array, mask: Array, source: Array) -> Any:
    """``input`` with the elements of ``source``, in order, where the mask holds."""
    m = _boolean("masked_scatter_", mask)
    x, m = _stretched(np.asarray(input), m)
    out, flat = x.copy(), np.ravel(np.asarray(source))
    n = int(np.count_nonzero(m))
    if n > flat.size:
        raise ShapeError(
            "Number of elements of source < number of ones in mask: masked_scatter needs "
            f"{n} elements, the source has {flat.size}"
        )
    out[m] = flat[:n]
    return out[()]


@offered("torch", "tensor")
def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """``input`` with the elements of ``source``, in order, where ``mask`` (broadcast) holds.

    >>> import chainrule as cr
    >>> m = cr.tensor([True, False, True])
    >>> cr.masked_scatter(cr.zeros(3), m, cr.tensor([5.0, 6.0]))
    tensor([5., 0., 6.])
    """
    if not isinstance(source, Handle):
        raise TypeError(f"masked_scatter(): argument 'source' must be Tensor, got {source!r}")
    if source.dtype is not input.dtype:  # type: ignore[attr-defined]  # every Handle is a Tensor
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes but got "
            f"{input.dtype} and {source.dtype}"  # type: ignore[attr-defined]
        )
    return masked_scatter_op(input, mask, source)


masked_scatter_op.op.function = masked_scatter
twin(masked_scatter)
