"""Constructors beside those of creation.py: logspace, empty_strided, frombuffer and old forms."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from .. import devices
from ..declare import export, tensor_of, write_out
from ..dtypes import as_dtype, get_default_dtype
from ..shapes import sizes
from .creation import from_numpy
from .creation import tensor as make_tensor


@export("torch")
def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, layout: Any = None,
                  pin_memory: bool = False, requires_grad: bool = False) -> Any:  # fmt: skip
    """A 0-d tensor of the default floating type, or of ``dtype``.

    >>> import chainrule as cr
    >>> cr.scalar_tensor(3)
    tensor(3.)
    """
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    return make_tensor(s, dtype=kind, device=device, requires_grad=requires_grad)


@export("torch", name="range")
def inclusive_range(start: Any = 0, end: Any = None, step: Any = 1.0, *, dtype: Any = None,
                    device: Any = None, layout: Any = None, requires_grad: bool = False,
                    out: Any = None) -> Any:  # fmt: skip
    """start, start + step, … up to and with ``end`` (old; ``arange`` leaves its end out).

    ``cr.range(1, 3)`` is tensor([1., 2., 3.]).
    """
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces "
        "values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    count = math.floor((end - start) / step) + 1
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    values = start + step * np.arange(count, dtype=np.float64)
    made = tensor_of(values.astype(kind.np)).requires_grad_(requires_grad)
    return made if out is None else write_out(out, made)


@export("torch")
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None,
             device: Any = None, layout: Any = None, requires_grad: bool = False,
             out: Any = None) -> Any:  # fmt: skip
    """``steps`` values from base^start to base^end, evenly spaced in the exponent.

    >>> import chainrule as cr
    >>> cr.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    devices.check(device)
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    low, high = (float(t.item()) if hasattr(t, "_data") else t for t in (start, end))
    values = np.power(float(base), np.linspace(low, high, steps))
    made = tensor_of(values.astype(kind.np)).requires_grad_(requires_grad)
    return made if out is None else write_out(out, made)


@export("torch")
def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None,
                  layout: Any = None, requires_grad: bool = False,
                  pin_memory: bool = False) -> Any:  # fmt: skip
    """A tensor with these sizes and steps in memory; its elements are 0.

    >>> import chainrule as cr
    >>> cr.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    devices.check(device)
    kind = get_default_dtype() if dtype is None else as_dtype(dtype)
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"mismatch in length of strides and shape: {list(stride)} for {list(size)}"
        )
    room = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    steps = [s * kind.np.itemsize for s in stride]
    data = np.ndarray(size, kind.np, np.zeros(room, kind.np), 0, steps)
    return tensor_of(data).requires_grad_(requires_grad)


@export("tensor")
def new_empty_strided(self: Any, size: Any, stride: Any, dtype: Any = None, **more: Any) -> Any:
    """``empty_strided`` in the dtype of this tensor."""
    return empty_strided(size, stride, dtype=dtype or self.dtype, **more)


@export("torch")
def empty_permuted(size: Any, physical_layout: Any, **more: Any) -> Any:
    """A tensor whose dimensions lie in memory in the order ``physical_layout``; elements 0.

    >>> import chainrule as cr
    >>> cr.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    steps, step = [0] * len(size), 1
    for d in reversed(list(physical_layout)):
        steps[d], step = step, step * size[d]
    return empty_strided(size, steps, **more)


@export("torch")
def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Any:
    """A 1-d tensor that shares the memory of an object with a buffer (bytes, array, mmap).

    >>> import chainrule as cr
    >>> cr.frombuffer(bytearray([1, 2, 3]), dtype=cr.uint8)
    tensor([1, 2, 3], dtype=torch.uint8)
    """
    kind, n = as_dtype(dtype), len(memoryview(buffer).cast("B"))
    if not n or count == 0:
        raise ValueError(f"both buffer length ({n}) and count ({count}) must not be 0")
    if not 0 <= offset < n:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({n} bytes) minus 1"
        )
    rest = n - offset
    if count < 0 and rest % kind.itemsize:
        raise ValueError(
            f"buffer length ({rest} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({kind.itemsize})"
        )
    if count > 0 and count * kind.itemsize > rest:
        raise ValueError(f"requested buffer length ({count} * {kind.itemsize} bytes) after offset "
                         f"({offset} bytes) must not be greater than actual buffer length ({n} "
                         "bytes)")  # fmt: skip
    data = np.frombuffer(buffer, kind.np, count, offset)
    if data.flags.writeable:
        return from_numpy(data).requires_grad_(requires_grad)
    return tensor_of(data).requires_grad_(requires_grad)


@export("tensor")
def new(self: Any, *args: Any, device: Any = None) -> Any:
    """A tensor of this dtype from sizes or from data (old; use ``new_empty``, ``new_tensor``)."""
    if len(args) == 1 and not isinstance(args[0], int):
        return self.new_tensor(args[0])
    return self.new_zeros(sizes(args)) if args else self.new_zeros(0)
