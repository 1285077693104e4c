"""Conversions between dtypes and devices, and edits that fill or copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import devices, dtypes, modes, views
from ..declare import Array, export, names, op
from ..dtypes import as_dtype
from ..errors import ShapeError
from ..examples import is_batched
from ..handle import Handle, cast, make
from .arithmetic import mul
from .shape import expand


@op(
    {"input": 1},  # the walker brings the gradient back to the input's dtype
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="to",
    onnx="Cast",
)
def convert(input: Array, dtype: Any) -> Any:
    """The same values in another dtype; floats are cut off towards 0 for integers."""
    return cast(input, dtype)


@export("tensor")
def to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor in another dtype or on another device: itself where nothing changes.

    >>> import chainrule as cr
    >>> cr.tensor([1.7]).to(cr.int64)
    tensor([1])
    """
    target, copy = None, bool(kwargs.get("copy", False))
    places = [kwargs["device"]] if kwargs.get("device") is not None else []
    if kwargs.get("dtype") is not None:
        target = as_dtype(kwargs["dtype"])
    for k in kwargs:
        if k not in ("dtype", "device", "copy", "non_blocking", "memory_format", "other"):
            raise TypeError(f"to() got an unexpected keyword argument '{k}'")
    for a in (*args, *([kwargs["other"]] if "other" in kwargs else [])):
        if isinstance(a, (dtypes.dtype, type)):
            target = as_dtype(a)
        elif isinstance(a, Handle):
            target = a.dtype  # type: ignore[attr-defined]
        elif isinstance(a, (str, devices.device)):
            places.append(a)
    for p in places:
        devices.check(p)
    if target is None or target is self.dtype:
        return self.clone() if copy else self
    return convert(self, target)


def _conversion(name: str, target: dtypes.dtype) -> None:
    def method(self: Any, memory_format: Any = None) -> Any:
        return self if self.dtype is target else convert(self, target)

    method.__name__ = method.__qualname__ = name
    method.__doc__, method.__module__ = f"The tensor as {target.name}.", __name__
    names["tensor"][name] = method


for _name, _target in {**dtypes.ALIASES, "bfloat16": dtypes.bfloat16, "byte": dtypes.uint8,
                       "char": dtypes.int8}.items():  # fmt: skip
    _conversion(_name, _target)


@export("tensor")
def cpu(self: Any, memory_format: Any = None) -> Any:
    """The tensor in main memory, where it is."""
    return self


@export("tensor")
def cuda(self: Any, device: Any = None, non_blocking: bool = False) -> Any:
    """Raises: there is no such device."""
    devices.check("cuda" if device is None else device)
    return self


@export("tensor", name="type")
def legacy_type(self: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of its legacy type, or the tensor converted to one."""
    if dtype is None:
        return f"torch.{views.type_word(self.dtype)}Tensor"
    if isinstance(dtype, str):
        word = dtype.removeprefix("torch.").removesuffix("Tensor")
        dtype = next(d for d in dtypes.ALL if views.type_word(d) == word)
    return to(self, getattr(dtype, "legacy_dtype", dtype))


@export("tensor")
def type_as(self: Any, other: Any) -> Any:
    """Converted to the dtype of another tensor."""
    return to(self, other.dtype)


def _fill(self: Any, value: Any, name: str) -> Any:
    """Write one value, or a tensor's, into every element."""
    views.check_inplace(self)
    source = value if isinstance(value, Handle) else make(np.asarray(value))
    if (modes.tracing and modes.local.capture is not None) or is_batched(self, source):
        return views.write(self, expand(to(source, self.dtype), tuple(self.shape)), name)
    if self.requires_grad or (isinstance(value, Handle) and value.requires_grad):  # type: ignore[attr-defined]
        result = mul(self, 0) + to(source, self.dtype)
        result._data = np.broadcast_to(source._data, self.shape)
        return views.write(self, to(result, self.dtype), name)
    data = np.broadcast_to(source._data, self.shape).astype(self.dtype.np)
    return views.write(self, make(data), name)


@export("tensor")
def fill_(self: Any, value: Any) -> Any:
    """Every element becomes ``value``, in place.

    >>> import chainrule as cr
    >>> cr.zeros(2).fill_(3)
    tensor([3., 3.])
    """
    if isinstance(value, Handle) and value.ndim:  # type: ignore[attr-defined]
        raise RuntimeError(
            "fill_ only supports 0-dimension value tensor but got tensor with "
            f"{value.ndim} dimensions."  # type: ignore[attr-defined]
        )
    return _fill(self, value, "fill_")


@export("tensor")
def zero_(self: Any) -> Any:
    """Every element becomes 0, in place."""
    return _fill(self, 0, "zero_")


@export("tensor")
def copy_(self: Any, src: Any, non_blocking: bool = False) -> Any:
    """Take the elements of ``src`` (broadcast, converted), in place; gradient flows to ``src``.

    >>> import chainrule as cr
    >>> cr.zeros(2).copy_(cr.tensor([1, 2]))
    tensor([1., 2.])
    """
    try:
        np.broadcast_to(np.empty(src.shape, np.int8), self.shape)
    except ValueError:
        raise ShapeError(
            f"The size of tensor a {list(self.shape)} must match the size of tensor b "
            f"{list(src.shape)}: copy_ cannot broadcast the second to the first"
        ) from None
    return _fill(self, src, "copy_")
