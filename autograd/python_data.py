"""A tensor's data as Python and NumPy know it: numbers, lists, arrays, text."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np

from . import dtypes, views
from .batched import Batched
from .dtypes import get_default_dtype
from .handle import Handle
from .printing import tensor_str


class PythonData(Handle):
    """What Tensor can be turned into; ``Tensor`` inherits it."""

    __slots__ = ()
    ndim: Any
    shape: Any
    dtype: Any
    grad_fn: Any
    numel: Any
    requires_grad: Any
    unbind: Any

    def numpy(self, *, force: bool = False) -> Any:
        """The data as a NumPy array that shares its memory."""
        if self.requires_grad and not force:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() "
                "instead: NumPy would not record what you do with it."
            )
        return views.real_array(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        a = self.numpy()
        return a if dtype is None and not copy else np.array(a, dtype=dtype, copy=copy)

    def item(self) -> Any:
        """The one element as a Python number."""
        d = self._data
        if type(d) is float:
            return d
        if d.size != 1:
            raise RuntimeError(
                f"a Tensor with {d.size} elements cannot be converted to Scalar (shape "
                f"{list(d.shape)}); reduce it first, or use tolist()"
            )
        return d.item() if d.dtype != dtypes.bfloat16.np else float(d.reshape(()))

    def tolist(self) -> Any:
        """The elements as nested Python lists."""
        d = self._data
        return d if type(d) is float else d.tolist()

    def __bool__(self) -> bool:
        d = self._data
        if type(d) is float:
            return bool(d)
        if d.size != 1:
            kind = "no values" if d.size == 0 else "more than one value"
            raise RuntimeError(
                f"Boolean value of Tensor with {kind} is ambiguous: use .any() or .all()"
            )
        return bool(d)

    def _one(self, kind: str) -> Any:
        if self.numel() != 1:
            raise ValueError(f"only one element tensors can be converted to Python {kind}s")
        return self.item()

    def __float__(self) -> float:
        return float(self._one("float"))

    def __int__(self) -> int:
        return int(self._one("int"))

    def __complex__(self) -> complex:
        return complex(self._one("complex"))

    def __index__(self) -> int:
        if self._data.__class__ is float or self._data.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return int(self._data.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, item: Any) -> bool:
        views.real_array(self)
        value = item._data if isinstance(item, Handle) else item
        return bool((self._data == value).any()) if self.ndim else bool(self._data == value)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return text_of(self)

    def _repr_html_(self) -> str | None:
        """The drawn graph of a recorded result, in a notebook; above 60 nodes a line about it."""
        if self.grad_fn is None:
            return None
        shown: str | None = import_module("..viz.notebook", __package__).tensor_html(self)
        return shown

    def __format__(self, spec: str) -> str:
        if self.ndim == 0:  # as the number it holds
            return format(self.item(), spec)
        return object.__format__(self, spec)


def text_of(t: Any, **more: Any) -> str:
    """PyTorch's text of a tensor."""
    node = t.grad_fn
    if type(t._data) is Batched:
        inside = len(t._data.levels)
        values = text_of(type(t)._make(t._data.value), **more).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={inside}, bdim=0, value=\n    {values}\n)"
    default = get_default_dtype()
    unsaid = (dtypes.int64, dtypes.bool_, default, default.to_complex())
    return tensor_str(
        np.asarray(t._data),
        dtype_name=str(t.dtype),
        is_default_dtype=t.dtype in unsaid,
        requires_grad=t.requires_grad,
        grad_fn_name=node.name() if node is not None and node.requires_grad else None,
        **more,
    )
