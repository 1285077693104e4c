"""The typed constructors of early PyTorch: ``FloatTensor(2, 3)``, ``LongTensor([1, 2])``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor, dtypes
from ..autograd.ops.creation import tensor
from ..autograd.shapes import sizes
from ..autograd.views import type_word


class _Typed(type):
    """The type of a legacy class: its instances are the tensors of its dtype."""

    dtype: dtypes.dtype

    def __instancecheck__(cls, obj: object) -> bool:
        return isinstance(obj, Tensor) and obj.dtype is cls.dtype

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        """Sizes give zeros of that shape, a list or an array its elements, a tensor itself."""
        if not args:
            return tensor([], dtype=cls.dtype, device=device)
        first = args[0]
        if isinstance(first, Tensor):
            if first.dtype is not cls.dtype:
                raise TypeError(
                    f"{cls.__name__}(): expected a tensor of {cls.dtype}, got {first.dtype}; "
                    f"convert it with .to({cls.dtype.name})"
                )
            return first.detach()
        shape = hasattr(first, "numel") or all(
            isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in args
        )
        if shape:
            return tensor(np.zeros(sizes(args), cls.dtype.np), device=device)
        if len(args) > 1:
            raise TypeError(f"{cls.__name__}(): expected sizes or one sequence, got {args!r}")
        return tensor(first, device=device).to(cls.dtype)


def _typed(target: dtypes.dtype) -> Any:
    name = f"{type_word(target)}Tensor"
    doc = f"Tensors of {target.name}: a constructor, and a class for ``isinstance``.\n\n"
    doc += f">>> import chainrule as cr\n>>> isinstance(cr.{name}(2), cr.{name})\nTrue\n"
    facts = {"dtype": target, "legacy_dtype": target, "__doc__": doc, "__module__": "torch"}
    return _Typed(name, (), facts)


FloatTensor = _typed(dtypes.float32)
DoubleTensor = _typed(dtypes.float64)
HalfTensor = _typed(dtypes.float16)
BFloat16Tensor = _typed(dtypes.bfloat16)
LongTensor = _typed(dtypes.int64)
IntTensor = _typed(dtypes.int32)
ShortTensor = _typed(dtypes.int16)
CharTensor = _typed(dtypes.int8)
ByteTensor = _typed(dtypes.uint8)
BoolTensor = _typed(dtypes.bool_)
TYPES = (
    FloatTensor, DoubleTensor, HalfTensor, BFloat16Tensor, LongTensor, IntTensor, ShortTensor,
    CharTensor, ByteTensor, BoolTensor,
)  # fmt: skip


def set_default_tensor_type(t: Any) -> None:
    """Choose the dtype that Python floats become, by legacy type or its name.

    Raises TypeError for a type that is not floating.

    >>> import chainrule as cr
    >>> cr.set_default_tensor_type(cr.DoubleTensor); cr.tensor(1.5).dtype
    torch.float64
    >>> cr.set_default_tensor_type("torch.FloatTensor")
    """
    if isinstance(t, str):
        known = {f"torch.{kind.__name__}": kind for kind in TYPES}
        if t not in known:
            raise TypeError(f"invalid type name: {t!r}; the types are {', '.join(known)}")
        t = known[t]
    if not isinstance(t, _Typed):
        raise TypeError(f"invalid type object: {t!r}; pass a type such as FloatTensor")
    if not t.dtype.is_floating_point:
        raise TypeError(
            f"only floating-point types are supported as the default type, got torch.{t.__name__}"
        )
    dtypes.set_default_dtype(t.dtype)
