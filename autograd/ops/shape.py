"""Shapes and views: the same elements, arranged otherwise; joining and splitting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, names, op
from ..dispatch import apply
from ..errors import ShapeError
from ..handle import Handle
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
        return views.make(views.as_array(self).view(target.np))
    out = reshape(self, sizes(shape))
    if not views.shares(out._data, self._data) and self.numel():
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
            f"expand(torch.FloatTensor{{{list(a.shape)}}}, size={list(shape)}): the number of sizes "
            f"provided ({len(shape)}) must be greater or equal to the number of dimensions in the "
            f"tensor ({a.ndim})"
        )
    wanted = []
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
    pair = (source, destination)
    many = [p if isinstance(p, (tuple, list)) else (p,) for p in pair]
    start, end = ([axis(d, n) for d in p] for p in many)
    order = [d for d in range(n) if d not in start]
    for to, d in sorted(zip(end, start, strict=True)):
        order.insert(to, d)
    return permute(input, tuple(order))


names["torch"]["moveaxis"] = names["tensor"]["moveaxis"] = movedim


def _cat_kernel(tensors: Any, dim: int) -> Any:
    arrays = [_array(a) for a in tensors]
    full = [a for a in arrays if a.shape != (0,)] or arrays[:1]
    if any(a.ndim == 0 for a in full):
        raise RuntimeError(
            f"zero-dimensional tensor (at position {[a.ndim for a in full].index(0)}) cannot be "
            "concatenated"
        )
    k = axis(dim, full[0].ndim)
    for n, a in enumerate(full):
        same = a.ndim == full[0].ndim
        if not same:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {full[0].ndim} and {a.ndim}"
            )
        for d in range(a.ndim):
            if d != k and a.shape[d] != full[0].shape[d]:
                raise ShapeError(
                    f"Sizes of tensors must match except in dimension {k}. Expected size "
                    f"{full[0].shape[d]} but got size {a.shape[d]} for tensor number {n} in the list."
                )
    return np.concatenate(full, axis=k)


def _cat_rule(g: Any, shapes: Any, dim: int) -> Any:
    """The pieces of the gradient, each where its tensor stood."""
    full = [s for s in shapes if s != (0,)] or shapes[:1]
    k = axis(dim, len(full[0]))
    pieces, start = [], 0
    for s in shapes:
        n = 0 if s == (0,) and len(full[0]) != 1 else s[k]
        piece = narrow(g, k, start, n)
        pieces.append(piece if s != (0,) else reshape(narrow(piece, 0, 0, 0), (0,)))
        start += n
    return pieces


@op(
    lambda g, shapes, dim: _cat_rule(g, shapes, dim),
    where=(),
    variadic=True,
    linear_in=("tensors",),
    onnx="Concat",
    samples=lambda s: [([s(2, 3), s(1, 3)],), ([s(2), s(3), s(0)], -1), ([s(2, 1), s(2, 4)], 1)],
)
def cat(tensors: Array, dim: int = 0) -> Any:
    """Tensors joined along a dimension that they have.

    >>> import chainrule as cr
    >>> cr.cat([cr.tensor([1, 2]), cr.tensor([3])])
    tensor([1, 2, 3])
    """
    return _cat_kernel(tensors, dim)


def _listed(tensors: Any, name: str) -> tuple[Any, ...]:
    if isinstance(tensors, Handle) or not isinstance(tensors, (tuple, list)):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not "
            f"{type(tensors).__name__}"
        )
    for k, item in enumerate(tensors):
        if not isinstance(item, Handle):
            raise TypeError(
                f"expected Tensor as element {k} in argument 0, but got {type(item).__name__}"
            )
    if not tensors:
        raise RuntimeError(f"{name}(): expected a non-empty list of Tensors")
    return tuple(tensors)


@export("torch", name="cat")
def cat_function(tensors: Any, dim: int = 0, *, axis: Any = None, out: Any = None) -> Any:
    """Tensors joined along a dimension that they have (see the operation ``cat``)."""
    from ..declare import write_out

    result = cat(_listed(tensors, "cat"), dim if axis is None else axis)
    return result if out is None else write_out(out, result)


cat.op.function = cat_function  # type: ignore[attr-defined]  # set by the builder
names["torch"]["concat"] = names["torch"]["concatenate"] = cat_function


@op(
    lambda g, shapes, dim: [select(g, dim, k) for k in range(len(shapes))],
    where=(),
    variadic=True,
    linear_in=("tensors",),
    onnx="Concat(Unsqueeze)",
    samples=lambda s: [([s(2, 3), s(2, 3)],), ([s(2), s(2)], -1), ([s(), s()],)],
)
def stack(tensors: Array, dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension.

    >>> import chainrule as cr
    >>> cr.stack([cr.tensor([1, 2]), cr.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    arrays = [_array(a) for a in tensors]
    for k, a in enumerate(arrays):
        if a.shape != arrays[0].shape:
            raise ShapeError(
                f"stack expects each tensor to be equal size, but got {list(arrays[0].shape)} at "
                f"entry 0 and {list(a.shape)} at entry {k}"
            )
    return np.stack(arrays, axis(dim, arrays[0].ndim + 1))


@export("torch", name="stack")
def stack_function(tensors: Any, dim: int = 0, *, axis: Any = None, out: Any = None) -> Any:
    """Tensors of one shape joined along a new dimension (see the operation ``stack``)."""
    from ..declare import write_out

    result = stack(_listed(tensors, "stack"), dim if axis is None else axis)
    return result if out is None else write_out(out, result)


stack.op.function = stack_function  # type: ignore[attr-defined]  # set by the builder


def sliced(a: Any, dim: int, start: int, length: int) -> Any:
    """A stretch along one dimension, as a view."""
    return a[(slice(None),) * dim + (slice(start, start + length),)]


@op(
    {"input": lambda g, input_shape, dim, start: pad_back(g, input_shape, dim, start)},
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Slice",
    samples=lambda s: [(s(4, 2), 0, 1, 2), (s(2, 3), -1, 0, 3), (s(3), 0, 1, 0)],
)
def narrow(input: Array, dim: int, start: int, length: int) -> Any:
    """The elements from ``start`` to ``start + length`` along ``dim``; a view.

    >>> import chainrule as cr
    >>> cr.tensor([1, 2, 3, 4]).narrow(0, 1, 2)
    tensor([2, 3])
    """
    a = _array(input)
    if a.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    k = axis(dim, a.ndim)
    n = a.shape[k]
    start = int(start)
    if not -n <= start <= n:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    start += n if start < 0 else 0
    if length < 0 or start + length > n:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return sliced(a, k, start, length)


@op(
    {"input": lambda g, input_shape, dim, start: narrow(g, dim, start, input_shape[dim])},
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Pad",
    samples=lambda s: [(s(2, 3), (4, 3), 0, 1), (s(2), (2,), 0, 0)],
)
def pad_back(input: Array, shape: Any, dim: int, start: int) -> Any:
    """Zeros of ``shape`` with ``input`` from ``start`` along ``dim``: the way back of ``narrow``."""
    a = _array(input)
    k = axis(dim, len(shape))
    if a.shape[k] == shape[k]:
        return a
    out = np.zeros(shape, a.dtype)
    sliced(out, k, start % shape[k] if start < 0 else start, a.shape[k])[...] = a
    return out


@op(
    {"input": lambda g, input_shape, dim, index: select_back(g, input_shape, dim, index)},
    view=True,
    promote="keep",
    linear_in=("input",),
    onnx="Gather",
    samples=lambda s: [(s(4, 2), 0, 1), (s(2, 3), -1, -1), (s(3), 0, 2)],
)
def select(input: Array, dim: int, index: int) -> Any:
    """The slice at ``index`` of ``dim``, which goes; a view.

    >>> import chainrule as cr
    >>> cr.tensor([[1, 2], [3, 4]]).select(1, 0)
    tensor([1, 3])
    """
    a = _array(input)
    if a.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    k = axis(dim, a.ndim)
    n, i = a.shape[k], int(index)
    if not -n <= i < n:
        raise IndexError(
            f"select(): index {i} out of range for tensor of size {list(a.shape)} at dimension {k}"
        )
    return a[(slice(None),) * k + (i, ...)]


@op(
    {"input": lambda g, dim, index: select(g, dim, index)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(3), (2, 3), 0, 1)],
)
def select_back(input: Array, shape: Any, dim: int, index: int) -> Any:
    """Zeros of ``shape`` with ``input`` at ``index`` of ``dim``: the way back of ``select``."""
    a = _array(input)
    out = np.zeros(shape, a.dtype)
    out[(slice(None),) * axis(dim, len(shape)) + (int(index),)] = a
    return out


def _split_kernel(input: Any, lengths: Any, dim: int) -> Any:
    a = _array(input)
    ends = np.cumsum(lengths)
    return [sliced(a, dim, int(e) - n, n) for e, n in zip(ends, lengths, strict=True)]


@op(
    {"input": lambda g, dim: cat(tuple(g), dim)},
    name="split",
    where=(),
    promote="keep",
    outputs=-1,
    linear_in=("input",),
    onnx="Split",
    samples=lambda s: [(s(5, 2), (2, 3), 0), (s(2, 4), (1, 1, 2), 1)],
)
def split_lengths(input: Array, lengths: Any, dim: int) -> Any:
    """Pieces of the given lengths along ``dim``."""
    return _split_kernel(input, lengths, dim)


def _pieces(input: Any, lengths: tuple[int, ...], dim: int) -> tuple[Any, ...]:
    """Split, and note that the pieces are views."""
    views.as_array(input)
    outs = apply(split_lengths.op, (input,), (lengths, dim))  # type: ignore[attr-defined]
    for out in outs:
        views.link(out, input, None, ())
    return tuple(outs)


@export("torch", "tensor")
def split(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of one size (the last may be smaller) or of given sizes along ``dim``; views.

    >>> import chainrule as cr
    >>> cr.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    k = axis(dim, tensor.ndim)
    n = tensor.shape[k]
    if isinstance(split_size_or_sections, (tuple, list)):
        lengths = tuple(int(s) for s in split_size_or_sections)
        if sum(lengths) != n or any(s < 0 for s in lengths):
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size "
                f"at dimension {k}), but got split_sizes={list(lengths)}"
            )
    else:
        size = int(split_size_or_sections)
        if size < 0 or (size == 0 and n):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        count = max(-(-n // size) if size else 1, 1)
        lengths = tuple(min(size, n - i * size) for i in range(count))
    return _pieces(tensor, lengths, k)


@export("torch", "tensor")
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most ``chunks`` pieces of equal size, the last one smaller; views.

    >>> import chainrule as cr
    >>> [len(c) for c in cr.arange(6).chunk(4)]
    [2, 2, 2]
    """
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[axis(dim, input.ndim)]
    return split(input, max(-(-n // chunks), 1), dim)


@op(
    {"input": lambda g, dim: stack(tuple(g), dim)},
    name="unbind",
    where=(),
    promote="keep",
    outputs=-1,
    linear_in=("input",),
    onnx="Split",
    samples=lambda s: [(s(3, 2), 0), (s(2, 3), -1)],
)
def unbind_op(input: Array, dim: int = 0) -> Any:
    """The slices along ``dim``."""
    a = _array(input)
    return list(np.moveaxis(a, axis(dim, a.ndim), 0))


@export("torch", "tensor")
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along ``dim``, which goes; views.

    >>> import chainrule as cr
    >>> cr.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    views.as_array(input)
    outs = apply(unbind_op.op, (input,), (dim,))  # type: ignore[attr-defined]
    for out in outs:
        if type(out._data) is np.ndarray:
            views.link(out, input, None, ())
    return tuple(outs)


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


PROPERTIES = {"T": _full_transpose, "mT": _matrix_transpose}
