"""Shapes and views: the same elements, arranged otherwise; joining and splitting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, names, op
from ..errors import ShapeError
from ..handle import make
from ..shapes import axis, infer, inverse, permuted, sizes


def _array(x: Any) -> Any:
    return x if type(x) is np.ndarray else np.asarray(x)


@op(
    {"input": lambda g, input_shape: reshape(g, input_shape)},
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Reshape",
    samples=lambda s: [(s(2, 3), (3, 2)), (s(4), (2, -1)), (s(), (1, 1)), (s(0, 2), (2, 0))],
)
def reshape(input: Array, shape: Any) -> Any:
    """The same elements in another shape; one size may be −1. A view where it can be.

    >>> import chainrule as cr
    >>> cr.tensor([1, 2, 3, 4]).reshape(2, -1)
    tensor([[1, 2],
            [3, 4]])
    """
    a = _array(input)
    return a.reshape(infer(shape, a.size))


def varargs(call: Any, name: str) -> Any:
    """The method form that takes a shape as integers or as one sequence."""

    def method(self: Any, *shape: Any) -> Any:
        return call(self, sizes(shape))

    method.__name__ = method.__qualname__ = name
    method.__doc__, method.__module__ = call.__doc__, __name__
    names["tensor"][name] = method
    return method


varargs(reshape, "reshape")


@export("torch", name="reshape")
def reshape_function(input: Any, shape: Any) -> Any:
    """The same elements in another shape (see ``Tensor.reshape``)."""
    return reshape(input, sizes((shape,)))


@export("tensor")
def view(self: Any, *shape: Any, dtype: Any = None) -> Any:
    """The same memory in another shape; raises where only a copy could have it.

    >>> import chainrule as cr
    >>> cr.zeros(2, 3).view(-1).shape
    torch.Size([6])
    """
    from ..dtypes import dtype as dtype_class

    if dtype is not None or (len(shape) == 1 and isinstance(shape[0], dtype_class)):
        target = dtype or shape[0]
        return make(views.as_array(self).view(target.np))
    out = reshape(self, sizes(shape))
    if not views.shares(out._data, self._data) and out._view is None and self.numel():
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one "
            "dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        )
    return out


@export("tensor")
def view_as(self: Any, other: Any) -> Any:
    """``view`` in the shape of another tensor."""
    return view(self, other.shape)


@export("tensor")
def reshape_as(self: Any, other: Any) -> Any:
    """``reshape`` to the shape of another tensor."""
    return reshape(self, other.shape)


@op(
    {"input": lambda g, dims: permute(g, inverse_of(dims))},
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Transpose",
    samples=lambda s: [(s(2, 3), (1, 0)), (s(2, 3, 4), (-1, 0, 1)), (s(), ()), (s(0, 2), (1, 0))],
)
def permute(input: Array, dims: Any) -> Any:
    """The dimensions in another order; a view.

    >>> import chainrule as cr
    >>> cr.zeros(2, 3, 4).permute(2, 0, 1).shape
    torch.Size([4, 2, 3])
    """
    a = _array(input)
    return a.transpose(permuted(dims, a.ndim))


def inverse_of(dims: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``dims``."""
    return inverse([axis(d, len(dims)) for d in dims])


varargs(permute, "permute")


@export("torch", name="permute")
def permute_function(input: Any, dims: Any) -> Any:
    """The dimensions in another order (see ``Tensor.permute``)."""
    return permute(input, sizes((dims,)))


@op(
    {"input": lambda g, dim0, dim1: transpose(g, dim0, dim1)},
    view=True,
    promote="keep",
    aliases=("swapaxes", "swapdims"),
    linear_in=("input",),
    symbol="ᵀ",
    tex="{0}^T",
    onnx="Transpose",
    samples=lambda s: [(s(2, 3), 0, 1), (s(2, 3, 4), -1, 0), (s(), 0, -1)],
)
def transpose(input: Array, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged; a view.

    >>> import chainrule as cr
    >>> cr.zeros(2, 3, 4).transpose(0, 2).shape
    torch.Size([4, 3, 2])
    """
    a = _array(input)
    i, j = axis(dim0, a.ndim), axis(dim1, a.ndim)
    return a.swapaxes(i, j) if a.ndim else a.view()


@export("torch", "tensor")
def t(input: Any) -> Any:
    """The transpose of a matrix; tensors of fewer dimensions as they are.

    >>> import chainrule as cr
    >>> cr.t(cr.zeros(2, 3)).shape
    torch.Size([3, 2])
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D (shape "
            f"{list(input.shape)}); use transpose or mT"
        )
    return transpose(input, 0, 1) if input.ndim == 2 else permute(input, tuple(range(input.ndim)))


@op(
    {"input": lambda g: g},
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Expand",
    samples=lambda s: [(s(1, 3), (2, 3)), (s(), (2, 2)), (s(3), (2, -1)), (s(1), (0,))],
)
def expand(input: Array, shape: Any) -> Any:
    """Dimensions of size 1 repeated without copying; −1 keeps a size. Its gradient sums back.

    >>> import chainrule as cr
    >>> cr.tensor([[1.0], [2.0]]).expand(2, 3)
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    """
    a = _array(input)
    lead = len(shape) - a.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand(torch.FloatTensor{{{list(a.shape)}}}, size={list(shape)}): the number of "
            f"sizes provided ({len(shape)}) must be greater or equal to the number of dimensions "
            f"in the tensor ({a.ndim})"
        )
    wanted: list[Any] = []
    for k, n in enumerate(shape):
        have = a.shape[k - lead] if k >= lead else None
        if n == -1 and have is None:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing "
                f"dimension {k}"
            )
        if have is not None and have != 1 and n not in (-1, have):
            raise ShapeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({have}) at "
                f"non-singleton dimension {k}.  Target sizes: {list(shape)}.  Tensor sizes: "
                f"{list(a.shape)}"
            )
        wanted.append(have if n == -1 else n)
    return np.broadcast_to(a, tuple(wanted), subok=False)


varargs(expand, "expand")


@export("tensor")
def expand_as(self: Any, other: Any) -> Any:
    """``expand`` to the shape of another tensor."""
    return expand(self, tuple(other.shape))


@export("torch")
def broadcast_to(input: Any, size: Any) -> Any:
    """``expand`` as a function.

    >>> import chainrule as cr
    >>> cr.broadcast_to(cr.tensor([1, 2]), (2, 2)).shape
    torch.Size([2, 2])
    """
    return expand(input, sizes((size,)))


@op(
    {"input": lambda g, input_shape: reshape(g, input_shape)},
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Squeeze",
    samples=lambda s: [(s(1, 3, 1),), (s(1, 3), 0), (s(2, 1, 1), (-1, 1)), (s(), 0)],
)
def squeeze(input: Array, dim: Any = None) -> Any:
    """Without its dimensions of size 1 (all, or those in ``dim``); a view.

    >>> import chainrule as cr
    >>> cr.zeros(1, 3, 1).squeeze().shape
    torch.Size([3])
    """
    a = _array(input)
    chosen = range(a.ndim) if dim is None else dim if isinstance(dim, (tuple, list)) else (dim,)
    gone = {axis(d, a.ndim) for d in chosen}
    return a.reshape([n for k, n in enumerate(a.shape) if k not in gone or n != 1])


@op(
    {"input": lambda g, input_shape: reshape(g, input_shape)},
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Unsqueeze",
    samples=lambda s: [(s(3), 0), (s(3), -1), (s(2, 3), 1), (s(), 0)],
)
def unsqueeze(input: Array, dim: int) -> Any:
    """With a dimension of size 1 put in at ``dim``; a view.

    >>> import chainrule as cr
    >>> cr.zeros(3).unsqueeze(0).shape
    torch.Size([1, 3])
    """
    a = _array(input)
    k = axis(dim, a.ndim + 1)
    return a.reshape((*a.shape[:k], 1, *a.shape[k:]))


@export("torch", "tensor")
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The dimensions from ``start_dim`` to ``end_dim`` as one.

    >>> import chainrule as cr
    >>> cr.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    n = input.ndim
    i, j = axis(start_dim, n), axis(end_dim, n)
    if i > j:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = tuple(input.shape)
    merged = int(np.prod(shape[i : j + 1])) if n else 1
    return reshape(input, (*shape[:i], merged, *shape[j + 1 :]))


@export("torch", "tensor")
def ravel(input: Any) -> Any:
    """All elements in one dimension."""
    return flatten(input)


@export("torch", "tensor")
def movedim(input: Any, source: Any, destination: Any) -> Any:
    """Dimensions moved to other places; a view.

    >>> import chainrule as cr
    >>> cr.zeros(2, 3, 4).movedim(0, -1).shape
    torch.Size([3, 4, 2])
    """
    n = input.ndim
    if not n:
        axis(source if not isinstance(source, (tuple, list)) else 0, 0)
        return permute(input, ())
    pair = (source, destination)
    many = [p if isinstance(p, (tuple, list)) else (p,) for p in pair]
    start, end = ([axis(d, n) for d in p] for p in many)
    order = [d for d in range(n) if d not in start]
    for to, d in sorted(zip(end, start, strict=True)):
        order.insert(to, d)
    return permute(input, tuple(order))


names["torch"]["moveaxis"] = names["tensor"]["moveaxis"] = movedim


@op(
    {"input": 1},
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Identity",
    samples=lambda s: [(s(2, 3),), (s(),)],
)
def clone(input: Array) -> Any:
    """A copy that gradient flows through.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0]); y = x.clone(); y[0] = 9; x
    tensor([1., 2.])
    """
    return input.copy() if type(input) is np.ndarray else input


@export("torch", "tensor", name="clone")
def clone_function(input: Any, *, memory_format: Any = None) -> Any:
    """A copy that gradient flows through (see the operation ``clone``)."""
    return clone(input)


@export("tensor")
def contiguous(self: Any, memory_format: Any = None) -> Any:
    """The tensor with its elements in row order in memory: itself where they are."""
    if self.is_contiguous():
        return self
    return clone(self)


def _matrix_transpose(self: Any) -> Any:
    if self.ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D "
            "tensor."
        )
    return transpose(self, -2, -1)


def _full_transpose(self: Any) -> Any:
    return permute(self, tuple(range(self.ndim))[::-1])


PROPERTIES: dict[str, Any] = {"T": _full_transpose, "mT": _matrix_transpose}
