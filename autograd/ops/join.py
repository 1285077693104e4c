"""Joining and splitting: cat, stack, split, chunk, unbind, narrow, select."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import views
from ..batched import Batched
from ..declare import Array, export, names, op, write_out
from ..dispatch import apply
from ..errors import ShapeError
from ..handle import Handle
from ..shapes import axis
from .shape import _array, reshape


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
                    f"{full[0].shape[d]} but got size {a.shape[d]} for tensor "
                    f"number {n} in the list."
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
        kind = ValueError if name == "cat" else RuntimeError
        raise kind(f"{name}(): expected a non-empty list of Tensors")
    return tuple(tensors)


@export("torch", name="cat")
def cat_function(tensors: Any, dim: int = 0, *, axis: Any = None, out: Any = None) -> Any:
    """Tensors joined along a dimension that they have (see the operation ``cat``)."""
    result = cat(_listed(tensors, "cat"), dim if axis is None else axis)
    return result if out is None else write_out(out, result)


cat.op.function = cat_function
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
    result = stack(_listed(tensors, "stack"), dim if axis is None else axis)
    return result if out is None else write_out(out, result)


stack.op.function = stack_function


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
    """Zeros of ``shape`` with ``input`` from ``start`` along ``dim``; undoes ``narrow``."""
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
    outs = apply(split_lengths.op, (input,), (lengths, dim))
    start = 0
    for out, n in zip(outs, lengths, strict=True):
        views.link(out, input, narrow.op, (dim, start, n), sealed=True)
        start += n
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
            raise RuntimeError(
                f"split expects split_size be non-negative, but got split_size={size}"
            )
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
    if not input.ndim:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor, got a 0-d one")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    n = input.shape[axis(dim, input.ndim)]
    if not n:  # all of the chunks, none with an element
        return tuple(split(input, [0] * chunks, dim))
    pieces: tuple[Any, ...] = split(input, max(-(-n // chunks), 1), dim)
    return pieces


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
    lead = (slice(None),) * axis(dim, a.ndim)
    return [a[(*lead, k, ...)] for k in range(a.shape[len(lead)])]  # ...: 0-d slices share, too


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
    outs = apply(unbind_op.op, (input,), (dim,))
    for k, out in enumerate(outs):
        if type(out._data) in (np.ndarray, Batched):
            views.link(out, input, select.op, (dim, k), sealed=True)
    return tuple(outs)
