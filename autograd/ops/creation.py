"""Making tensors: from Python and NumPy data, and filled."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import devices, dtypes, views
from ..batched import Batched
from ..declare import export, write_out
from ..dtypes import as_dtype, get_default_dtype
from ..examples import filled, is_batched
from ..handle import Handle, make, scalar_of
from ..shapes import sizes
from .nested import infer_data, python_dtype


def finish(a: Any, dtype: Any, device: Any, requires_grad: bool) -> Any:
    """A Tensor of an array, converted; 0-d data becomes a scalar."""
    devices.check(device)
    if dtype is not None:
        a = a.astype(as_dtype(dtype).np, copy=False)
    dtypes.of(a)
    out = make(scalar_of(a[()]) if a.ndim == 0 and type(a) is not Batched else a)
    return out.requires_grad_() if requires_grad else out


@export("torch")
def tensor(
    data: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    name: str | None = None,
) -> Any:
    """A new tensor with a copy of ``data`` (numbers, nested lists, arrays).

    Python floats become the default dtype (float32), ints int64. ``name`` is what pictures show.

    >>> import chainrule as cr
    >>> cr.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    tensor([[1., 2.],
            [3., 4.]], requires_grad=True)
    """
    kind = type(data)
    if kind is float and (dtype is dtypes.float64 or (dtype is None and _is_double())):
        out = make(data)
        devices.check(device)
        if requires_grad:
            out.requires_grad_()
    else:
        target = as_dtype(dtype) if dtype is not None else None
        out = finish(np.array(infer_data(data, target), order="C"), target, device, requires_grad)
    if name is not None:
        out.name = name
    return out


def _is_double() -> bool:
    return get_default_dtype() is dtypes.float64


@export("torch")
def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """A tensor that shares the memory of ``data`` where it can.

    >>> import chainrule as cr
    >>> cr.as_tensor([1, 2])
    tensor([1, 2])
    """
    devices.check(device)
    if isinstance(data, Handle):
        return data if dtype is None else data.to(dtype)  # type: ignore[attr-defined]
    if isinstance(data, np.ndarray):
        out = from_numpy(data)
        return out if dtype is None else out.to(dtype)
    return tensor(data, dtype=dtype)


@export("torch")
def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None,
    requires_grad: bool = False,
) -> Any:  # fmt: skip
    """``as_tensor``, or with ``copy=True`` a copy."""
    out = tensor(obj, dtype=dtype) if copy else as_tensor(obj, dtype, device)
    return out.requires_grad_() if requires_grad else out


@export("torch")
def from_numpy(ndarray: Any) -> Any:
    """A tensor that shares the memory of a NumPy array, both ways.

    >>> import chainrule as cr, numpy as np
    >>> a = np.zeros(2); t = cr.from_numpy(a); a[0] = 5; t
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    a = np.asarray(ndarray)
    if any(s < 0 for s in a.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative "
            "strides are not currently supported. (You can probably work around this by making a "
            "copy of your array  with array.copy().)"
        )
    if not a.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion "
            "between byte orders is currently not supported."
        )
    dtypes.of(a)
    return make(a)


def legacy(args: tuple[Any, ...]) -> Any:
    """The data of ``Tensor(2, 3)`` (uninitialised) or ``Tensor([1, 2])`` (float)."""
    target = get_default_dtype().np
    if not args:
        return np.zeros((0,), target)
    if all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in args):
        return np.zeros(sizes(args), target)
    if len(args) > 1:
        raise TypeError(f"new(): invalid combination of arguments: {args!r}")
    if isinstance(args[0], tuple) and hasattr(args[0], "numel"):
        return np.zeros(tuple(args[0]), target)
    if isinstance(args[0], Handle):
        return views.as_array(args[0])
    return np.array(infer_data(args[0])).astype(target)


def own(like: Any, made: Any) -> Any:
    """A new tensor; inside ``vmap`` one for each example where ``like`` has that."""
    return make(filled(like, np.asarray(made._data))) if is_batched(like) else made


def _given(out: Any, made: Any) -> Any:
    """``out=`` of a function that makes numbers: they take its type."""
    return made if out is None else write_out(out, made.to(out.dtype))


def _filler(name: str, value: float, doc: str) -> None:
    def function(
        *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
        out: Any = None, layout: Any = None, pin_memory: bool = False, **more: Any,
    ) -> Any:  # fmt: skip
        if "size" in more:
            size = (more.pop("size"),)
        more.pop("names", None), more.pop("memory_format", None)
        if more:
            raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(more))}'")
        if not size:
            raise TypeError(f'{name}() missing 1 required positional arguments: "size"')
        shape = _checked(sizes(size), name)
        target = as_dtype(dtype or get_default_dtype()).np
        a = np.zeros(shape, target) if not value else np.full(shape, value, target)
        return _given(out, finish(a, None, device, requires_grad))

    def like(
        input: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False,
        memory_format: Any = None, layout: Any = None, pin_memory: bool = False,
    ) -> Any:  # fmt: skip
        target = as_dtype(dtype or input.dtype).np
        a = filled(input, np.full(input.shape, value, target))
        return finish(a, None, device, requires_grad)

    def new(
        self: Any, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
        **more: Any,
    ) -> Any:  # fmt: skip
        made = function(*size, dtype=dtype or self.dtype, device=device, **more)
        made = own(self, made)
        return made.requires_grad_() if requires_grad else made

    function.__doc__ = doc
    like.__doc__ = f"``{name}`` in the shape and dtype of ``input``."
    new.__doc__ = f"``{name}`` in the dtype of this tensor."
    for f, label in ((function, name), (like, f"{name}_like"), (new, f"new_{name}")):
        f.__name__ = f.__qualname__ = label
        f.__module__ = __name__
        export("tensor" if label.startswith("new_") else "torch", name=label)(f)


def _checked(shape: tuple[int, ...], name: str) -> tuple[int, ...]:
    if any(n < 0 for n in shape):
        raise RuntimeError(
            f"Trying to create tensor with negative dimension {min(shape)}: {list(shape)} ({name})"
        )
    return shape


_filler(
    "zeros",
    0,
    "A tensor of zeros; sizes as integers or as one sequence.\n\n"
    ">>> import chainrule as cr\n>>> cr.zeros(2, 2)\ntensor([[0., 0.],\n        [0., 0.]])\n",
)
_filler(
    "ones",
    1,
    "A tensor of ones; sizes as integers or as one sequence.\n\n"
    ">>> import chainrule as cr\n>>> cr.ones(2)\ntensor([1., 1.])\n",
)
_filler("empty", 0, "A tensor whose values mean nothing yet (here: zeros).\n\n"
        ">>> import chainrule as cr\n>>> cr.empty(2, 3).shape\ntorch.Size([2, 3])\n")  # fmt: skip


def _value_dtype(value: Any) -> dtypes.dtype:
    value = value.item() if isinstance(value, (Handle, np.generic)) else value  # type: ignore[union-attr]
    return python_dtype(type(value)) if type(value) in dtypes.PYTHON else as_dtype(type(value))


@export("torch")
def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, layout: Any = None,
) -> Any:  # fmt: skip
    """A tensor filled with one value; the dtype follows the value.

    >>> import chainrule as cr
    >>> cr.full((2,), 7)
    tensor([7, 7])
    """
    if isinstance(size, int):
        raise TypeError("full(): argument 'size' (position 1) must be tuple of ints, not int")
    value = fill_value.item() if isinstance(fill_value, Handle) else fill_value  # type: ignore[attr-defined]
    target = as_dtype(dtype) if dtype is not None else _value_dtype(value)
    a = np.full(_checked(sizes((size,)), "full"), value, target.np)
    return _given(out, finish(a, None, device, requires_grad))


@export("torch")
def full_like(input: Any, fill_value: Any, *, dtype: Any = None, **more: Any) -> Any:
    """``full`` in the shape and dtype of ``input``."""
    more.pop("memory_format", None)
    return own(input, full(tuple(input.shape), fill_value, dtype=dtype or input.dtype, **more))


@export("tensor")
def new_full(self: Any, size: Any, fill_value: Any, *, dtype: Any = None, **more: Any) -> Any:
    """``full`` in the dtype of this tensor."""
    return own(self, full(size, fill_value, dtype=dtype or self.dtype, **more))


@export("tensor")
def new_tensor(self: Any, data: Any, *, dtype: Any = None, **more: Any) -> Any:
    """``tensor`` in the dtype of this one."""
    return tensor(data, dtype=dtype or self.dtype, **more)


@export("torch")
def arange(
    *args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False,
    out: Any = None, layout: Any = None, **named: Any,
) -> Any:  # fmt: skip
    """start, start + step, … below end; int64 for integers, else the default floating type.

    >>> import chainrule as cr
    >>> cr.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    given = [a.item() if isinstance(a, Handle) else a for a in args]  # type: ignore[attr-defined]
    start, end, step = (0, *given, 1) if len(given) == 1 else (*given, 1, 1)[:3] if given else (
        named.get("start", 0), named["end"], named.get("step", 1)
    )  # fmt: skip
    start, end, step = named.get("start", start), named.get("end", end), named.get("step", step)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError(
            "upper bound and lower bound inconsistent with step sign: "
            f"arange({start}, {end}, {step})"
        )
    if not all(math.isfinite(v) for v in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    whole = all(isinstance(v, (int, np.integer)) for v in (start, end, step))
    target = (
        as_dtype(dtype) if dtype is not None else dtypes.int64 if whole else get_default_dtype()
    )
    n = max(math.ceil((end - start) / step), 0)
    if target.category == 1 or (whole and target.category < 2):
        a = (int(start) + int(step) * np.arange(n)).astype(target.np)
    else:
        a = (start + step * np.arange(n, dtype=np.float64)).astype(target.np)
    return _given(out, finish(a, None, device, requires_grad))


@export("torch")
def linspace(
    start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None,
) -> Any:  # fmt: skip
    """``steps`` evenly spaced values from ``start`` to ``end``, both included.

    >>> import chainrule as cr
    >>> cr.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    lo, hi = (float(v) for v in (start, end))
    target = as_dtype(dtype or get_default_dtype())
    k = np.arange(steps, dtype=np.float64)
    if target is dtypes.float32:  # PyTorch's steps are float32 numbers, its sums exact until stored
        lo, hi = (float(np.float32(v)) for v in (lo, hi))
        step = float(np.float32(np.float32(hi - lo) / np.float32(max(steps - 1, 1))))
    else:
        step = (hi - lo) / max(steps - 1, 1)
    a = np.where(k < steps / 2, lo + k * step, hi - (steps - 1 - k) * step)
    return _given(out, finish(a.astype(target.np), None, device, requires_grad))


@export("torch")
def eye(
    n: int, m: int | None = None, *, dtype: Any = None, device: Any = None,
    requires_grad: bool = False, out: Any = None, layout: Any = None,
) -> Any:  # fmt: skip
    """The identity matrix, n × m.

    >>> import chainrule as cr
    >>> cr.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    a = np.eye(n, m, dtype=as_dtype(dtype or get_default_dtype()).np)
    return _given(out, finish(a, None, device, requires_grad))
