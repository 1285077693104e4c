"""Reading and writing single elements: by flat indices, by one index a dimension, along one."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, views
from ..declare import Array, op
from ..examples import per_example
from ..handle import Handle
from ..shapes import axis
from .forms import offered
from .gather import gather
from .index import assign, parse, scatter_index
from .indexed import touched
from .masks import masked_fill
from .shape import expand, flatten, reshape


def _indices(indices: Any, name: str) -> tuple[Any, ...]:
    if isinstance(indices, Handle) or not isinstance(indices, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'indices' (position 1) must be tuple of Tensors, not "
            f"{type(indices).__name__}"
        )
    for k, i in enumerate(indices):
        if not isinstance(i, Handle):
            raise TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(i).__name__}"
            )
    return tuple(indices)


def _same_type(input: Any, values: Any) -> None:
    if values.dtype is not input.dtype:
        raise RuntimeError(
            "Index put requires the source and destination dtypes match, got "
            f"{input.dtype} for the destination and {values.dtype} for the source."
        )


@offered("tensor")
def index_put_(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """Write ``values`` (broadcast) at ``indices``, one index tensor a dimension, in place.

    >>> import chainrule as cr
    >>> cr.zeros(3).index_put_((cr.tensor([0, 0]),), cr.tensor([1.0, 2.0]), accumulate=True)
    tensor([3., 0., 0.])
    """
    parsed = parse(_indices(indices, "index_put_"), tuple(input.shape))
    _same_type(input, values)
    if accumulate:
        views.check_inplace(input)
        return views.write(input, index_put(input, indices, values, True), "index_put_")
    views.as_array(input)
    assign(input, parsed, values)
    return input


@offered("torch", "tensor")
@per_example
def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``values`` (broadcast) at ``indices``, or added there.

    >>> import chainrule as cr
    >>> cr.index_put(cr.zeros(3), (cr.tensor([2]),), cr.tensor(5.0))
    tensor([0., 0., 5.])
    """
    parsed = parse(_indices(indices, "index_put"), tuple(input.shape))
    _same_type(input, values)
    if accumulate:
        shape = parsed.read(np.broadcast_to(np.int8(0), tuple(input.shape))).shape
        added = scatter_index(expand(values, shape), tuple(input.shape), parsed)
        return input + added
    return index_put_(input.clone(), indices, values)


def _flat(name: str, index: Any, size: int) -> Any:
    at = np.asarray(index)
    if at.dtype != np.int64:
        raise RuntimeError(
            f"{name}(): Expected a long tensor for index, but got {dtypes.of(at)}; convert it: "
            "index.long()"
        )
    if at.size and not size:
        raise IndexError(f"{name}(): tried to take from an empty tensor")
    if at.size and (at.min() < -size or at.max() >= size):
        bad = at.min() if at.min() < -size else at.max()
        raise IndexError(
            f"out of range: tried to access index {bad} on a tensor of {size} elements."
        )
    return at


@op(
    {"input": lambda g, index, input_shape: take_back(g, index, input_shape)},
    where=("torch", "tensor"),
    promote="keep",
    linear_in=("input",),
    onnx="Gather(Reshape)",
    samples=lambda s: [
        (s(2, 3), np.array([[0, -1], [2, 2]])),
        (s(), np.array([0, 0])),
        (s(3), np.asarray(1)),
        (s(2), s.index(0, below=2)),
    ],
)
def take(input: Array, index: Array) -> Any:
    """The elements at ``index`` in the flat order; the result has the shape of ``index``.

    >>> import chainrule as cr
    >>> cr.take(cr.tensor([[4, 3], [2, 1]]), cr.tensor([0, 3, -1]))
    tensor([4, 1, 1])
    """
    flat = np.ravel(np.asarray(input))
    return flat[_flat("take", index, flat.size)]


@op(
    {"input": lambda g, index: take(g, index)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="scatter",
    samples=lambda s: [(s(3), np.array([0, -1, 0]), (2, 3)), (s(), np.asarray(0), ())],
)
def take_back(input: Array, index: Array, shape: Any) -> Any:
    """Zeros of ``shape`` with ``input`` added at flat indices."""
    g = np.asarray(input)
    out = np.zeros(int(np.prod(shape)), g.dtype)
    np.add.at(out, np.asarray(index), g)
    return out.reshape(shape)[()]


@op(
    {
        "input": lambda g, index, input_shape, accumulate: (
            g if accumulate else masked_fill(g, touched(index, input_shape, None), 0.0)
        ),
        "source": lambda g, index, source_shape: reshape(take(g, index), source_shape),
    },
    where=("torch", "tensor", "inplace"),
    promote="keep",
    linear_in=("input", "source"),
    samples=lambda s: [
        (s(2, 3), np.array([0, -1]), s(2)),
        (s(2, 3), np.array([1, 1]), s(2), True),
        (s(3), np.asarray(1), s(1)),
        (s(), np.array([0]), s(1)),
        (s(2), s.index(0, below=2), s(0)),
    ],
)
def put(input: Array, index: Array, source: Array, accumulate: bool = False) -> Any:
    """A copy of ``input`` with ``source`` at ``index`` in the flat order, or added there.

    >>> import chainrule as cr
    >>> cr.put(cr.zeros(2, 2), cr.tensor([0, -1]), cr.tensor([5.0, 6.0]))
    tensor([[5., 0.],
            [0., 6.]])
    """
    x, s = np.asarray(input), np.asarray(source)
    if x.dtype != s.dtype:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{x.dtype} and source.dtype = {s.dtype}"
        )
    at = _flat("put_", index, x.size)
    if s.size != at.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got "
            f"source.numel() = {s.size}, index.numel() = {at.size}"
        )
    out = np.ravel(np.array(x, order="C"))
    if accumulate:
        np.add.at(out, at.ravel(), s.ravel())
    else:
        out[at.ravel()] = s.ravel()
    return out.reshape(x.shape)[()]


@offered("torch", "tensor")
def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """The elements at ``indices`` along ``dim``, broadcast in the others; flat without ``dim``.

    >>> import chainrule as cr
    >>> x = cr.tensor([[3, 1], [2, 4]])
    >>> cr.take_along_dim(x, x.argmax(1, keepdim=True), 1)
    tensor([[3],
            [4]])
    """
    if dim is None:
        return gather(flatten(input), 0, flatten(indices))
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    k = axis(dim, input.ndim)
    if not input.ndim:
        raise IndexError("take_along_dim(): Dimension specified as 0 but tensor has no dimensions")
    pairs = enumerate(zip(input.shape, indices.shape, strict=True))
    both = [(n, m) if d == k else (int(np.broadcast_shapes((n,), (m,))[0]),) * 2
            for d, (n, m) in pairs]  # fmt: skip
    wrapped = indices + (indices < 0) * input.shape[k] if input.ndim else indices
    at = expand(wrapped, tuple([m for _, m in both]))
    return gather(expand(input, tuple([n for n, _ in both])), k, at)
