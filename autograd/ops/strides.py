"""Strided views: windows that slide along a dimension, memory seen with other strides, resizing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, op
from ..handle import Handle, make
from ..shapes import axis, sizes
from .forms import offered
from .shape import reshape


def _flat(a: Any) -> Any:
    """The memory that an array looks into, as one line; None where it is not in one piece."""
    owner = views.owner_of(a)
    flat = owner.ravel(order="K")
    shared = not owner.size or np.may_share_memory(flat, owner)
    return flat if shared and flat.dtype == a.dtype else None


def strided(a: Any, shape: Any, steps: Any, offset: int) -> Any:
    """A view of the memory behind ``a``: ``steps`` and ``offset`` (from its front) in elements."""
    flat, size = _flat(a), a.itemsize
    if flat is None:
        raise RuntimeError(
            f"as_strided: the memory of this tensor (shape {list(a.shape)}) is not in one piece; "
            "make it contiguous first: x.contiguous()"
        )
    last = offset + sum([(n - 1) * s for n, s in zip(shape, steps, strict=True)])
    if 0 not in shape and (offset < 0 or last >= flat.size):
        raise RuntimeError(
            f"setStorage: sizes {list(shape)}, strides {list(steps)}, storage offset {offset}, and "
            f"itemsize {size} requiring a storage size of {(last + 1) * size} are out of bounds "
            f"for storage of size {flat.size * size}"
        )
    start = 0 if 0 in shape else offset * size
    out = np.ndarray(shape, a.dtype, flat, start, [s * size for s in steps])
    if not a.flags.writeable:
        out.flags.writeable = False
    return out


def _offset(a: Any) -> int:
    """Where an array begins in the memory behind it, in elements."""
    first, here = (int(x.__array_interface__["data"][0]) for x in (views.owner_of(a), a))
    return (here - first) // int(a.itemsize)


@op(
    {
        "input": lambda g, input_shape, dimension, size, step: unfold_back(
            g, input_shape, dimension, size, step
        )
    },
    name="unfold",
    where=("tensor",),
    view=True,
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(5), 0, 2, 1),
        (s(2, 7), -1, 3, 2),
        (s(4, 2), 0, 4, 1),
        (s(2, 3), 1, 0, 1),
        (s(), 0, 1, 1),
    ],
)
def unfold(input: Array, dimension: int, size: int, step: int) -> Any:
    """All windows of ``size`` elements, ``step`` apart, along ``dimension``; a view.

    The windows' elements become a new last dimension.

    >>> import chainrule as cr
    >>> cr.tensor([1, 2, 3, 4]).unfold(0, 2, 1)
    tensor([[1, 2],
            [2, 3],
            [3, 4]])
    """
    a = np.asarray(input)
    k = axis(dimension, a.ndim)
    n = a.shape[k] if a.ndim else 1
    if size < 0:
        raise RuntimeError(f"size is {size} but must be >= 0")
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {k} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"step is {step} but must be > 0")
    if not a.ndim:
        return a.reshape(1)[:size]
    count = (n - size) // step + 1
    shape = (*a.shape[:k], count, *a.shape[k + 1 :], size)
    if not a.size or not size:
        return np.empty(shape, a.dtype)
    if _flat(a) is None:  # foreign memory: the windows are copied
        return np.moveaxis(
            np.lib.stride_tricks.sliding_window_view(a, size, k)[_every(k, step)], -1, -1
        ).copy()
    steps = [s // a.itemsize for s in a.strides]
    steps = [*steps[:k], steps[k] * step, *steps[k + 1 :], steps[k]]
    return strided(a, shape, steps, _offset(a))


def _every(k: int, step: int) -> tuple[Any, ...]:
    return (*(slice(None),) * k, slice(None, None, step))


@op(
    {"input": lambda g, dimension, size, step: unfold(g, dimension, size, step)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="fold",
    samples=lambda s: [
        (s(4, 2), (5,), 0, 2, 1),
        (s(2, 2, 3), (2, 6), 1, 3, 2),
        (s(1), (), 0, 1, 1),
    ],
)
def unfold_back(input: Array, shape: Any, dimension: int, size: int, step: int) -> Any:
    """Zeros of ``shape`` with every window added where it was taken from; undoes ``unfold``."""
    g = np.asarray(input)
    if not shape:
        return np.add.reduce(g)
    k = axis(dimension, len(shape))
    out = np.zeros(shape, g.dtype)
    count = g.shape[k]
    for j in range(size):
        out[(*(slice(None),) * k, slice(j, j + (count - 1) * step + 1, step))] += g[..., j]
    return out


@op(
    {
        "input": lambda g, input_shape, size, stride, offset: strided_back(
            g, input_shape, size, stride, offset
        )
    },
    name="as_strided",
    where=(),
    view=True,
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(6), (2, 2), (1, 2), 0),
        (s(2, 3), (3, 2), (1, 1), 1),
        (s(4), (2, 3), (0, 1), 1),
        (s(4), (0,), (1,), 0),
    ],
)
def as_strided_op(input: Array, size: Any, stride: Any, offset: int) -> Any:
    """The memory of a tensor seen with other strides; ``offset`` counts from its first element."""
    a = np.asarray(input)
    if not a.flags.c_contiguous:
        a = np.ascontiguousarray(a)
    return strided(a, size, stride, _offset(a) + offset)


def _numbers(size: Any, stride: Any, offset: int, n: int) -> tuple[Any, Any]:
    """The flat place of every element of a strided view, and which lie inside ``n`` elements."""
    at = np.asarray(offset)
    for d, (m, s) in enumerate(zip(size, stride, strict=True)):
        at = at + (np.arange(m) * s).reshape(-1, *(1,) * (len(size) - d - 1))
    return at, (at >= 0) & (at < n)


@op(
    {"input": lambda g, size, stride, offset: strided_read(g, size, stride, offset)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(2, 2), (6,), (2, 2), (1, 2), 0), (s(2, 3), (2, 2), (2, 3), (0, 1), 1)],
)
def strided_back(input: Array, shape: Any, size: Any, stride: Any, offset: int) -> Any:
    """Zeros of ``shape`` with every element of a strided view added where it was taken from."""
    g = np.asarray(input)
    out = np.zeros(int(np.prod(shape)), g.dtype)
    at, inside = _numbers(size, stride, offset, out.size)
    np.add.at(out, at[inside], np.broadcast_to(g, at.shape)[inside])
    return out.reshape(shape)[()]


@op(
    {
        "input": lambda g, input_shape, size, stride, offset: strided_back(
            g, input_shape, size, stride, offset
        )
    },
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(6), (2, 2), (1, 2), 0), (s(2, 2), (2, 3), (0, 1), 1)],
)
def strided_read(input: Array, size: Any, stride: Any, offset: int) -> Any:
    """The elements that a strided view of a contiguous tensor shows; 0 outside of it."""
    flat = np.ravel(np.asarray(input))
    at, inside = _numbers(size, stride, offset, flat.size)
    out = np.zeros(at.shape, flat.dtype)
    out[inside] = flat[at[inside]]
    return out[()]


@offered("torch", "tensor")
def as_strided(input: Any, size: Any, stride: Any, storage_offset: int | None = None) -> Any:
    """A view of the tensor's memory with the given sizes and strides (in elements).

    ``storage_offset`` counts from where the memory begins (default: where the tensor begins).
    Raises RuntimeError where the view would leave the memory. A tensor that requires grad must be
    contiguous.

    >>> import chainrule as cr
    >>> cr.as_strided(cr.arange(4), (2, 2), (1, 2))
    tensor([[0, 2],
            [1, 3]])
    """
    shape, steps = sizes((size,)), sizes((stride,))
    if len(shape) != len(steps):
        raise RuntimeError("mismatch in length of strides and shape")
    if any([s < 0 for s in steps]):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: "
            f"{list(steps)}"
        )
    data = views.as_array(input)
    data = getattr(data, "value", data)  # under capture: the values themselves
    begins = _offset(data)
    start = begins if storage_offset is None else int(storage_offset)
    if data.flags.c_contiguous:
        return views.view_call(as_strided_op.op, input, (shape, steps, start - begins))
    if input.requires_grad:
        raise NotImplementedError(
            "as_strided: gradients need a contiguous tensor; call it on x.contiguous()"
        )
    return make(strided(data, shape, steps, start))


as_strided_op.op.function = as_strided


@export("tensor")
def resize_(self: Any, *sizes_: Any, memory_format: Any = None) -> Any:
    """Another size for this tensor, in place; elements keep their order in memory.

    Where it grows beyond its memory it gets new memory, whose new elements are 0. Raises
    RuntimeError where it requires grad.

    >>> import chainrule as cr
    >>> cr.tensor([1, 2, 3]).resize_(2)
    tensor([1, 2])
    """
    shape = sizes(sizes_)
    if self.requires_grad:
        raise RuntimeError("cannot resize variables that require grad")
    data = views.as_array(self)
    n, begins, flat = int(np.prod(shape)), _offset(data), _flat(data)
    if flat is None:
        flat, begins = np.ravel(data).copy(), 0
    room = flat[begins:]
    if n > room.size:
        room = np.concatenate([room, np.zeros(n - room.size, data.dtype)])
    views.set_data(self, room[:n].reshape(shape))
    return self


@export("tensor")
def resize_as_(self: Any, other: Any, memory_format: Any = None) -> Any:
    """``resize_`` to the size of another tensor."""
    return resize_(self, tuple(other.shape))


@export("tensor")
def resize(self: Any, *sizes_: Any) -> Any:
    """Another shape for the same elements (old name; use ``reshape``)."""
    warnings.warn("non-inplace resize is deprecated", UserWarning, stacklevel=2)
    shape = sizes(sizes_)
    if int(np.prod(shape)) != self.numel():
        raise RuntimeError(
            f"requested resize to {shape} ({int(np.prod(shape))} elements in total), but the given "
            f"tensor has a size of {list(self.shape)} ({self.numel()} elements). autograd's resize "
            "can only change the shape of a given tensor, while preserving the number of elements."
        )
    return reshape(self, shape)


@export("tensor")
def resize_as(self: Any, tensor: Any) -> Any:
    """``resize`` to the shape of another tensor (old name; use ``reshape_as``)."""
    if not isinstance(tensor, Handle):
        raise TypeError(f"resize_as(): expected a Tensor, got {type(tensor).__name__}")
    return resize(self, tuple(tensor.shape))  # type: ignore[attr-defined]
