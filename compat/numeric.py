"""What the number types can hold, and small questions about tensors and types."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ..autograd import Tensor, dtypes
from ..autograd.dtypes import as_dtype


class finfo:
    """The limits of a floating-point type (of its parts, for a complex one).

    ``max``, ``min``, ``eps`` (the step above 1), ``tiny`` = ``smallest_normal``, ``resolution``,
    ``bits``, ``dtype`` (a name). Raises TypeError for integers, which have ``iinfo``.

    >>> import chainrule as cr
    >>> cr.finfo(cr.float16)
    finfo(resolution=0.001, min=-65504, max=65504, eps=0.000976562, ..., dtype=float16)
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: Any = None) -> None:
        d = (dtypes.get_default_dtype() if type is None else as_dtype(type)).to_real()
        if not d.is_floating_point:
            raise TypeError(
                f"finfo() requires a floating point input type, got {d}. Use iinfo to handle "
                "integers"
            )
        facts: Any = ml_dtypes.finfo(d.np)  # type: ignore[no-untyped-call]
        self.bits, self.dtype = d.itemsize * 8, d.name
        self.max, self.min, self.eps = float(facts.max), float(facts.min), float(facts.eps)
        self.smallest_normal = self.tiny = float(facts.smallest_normal)
        self.resolution = 10.0 ** -int(facts.precision)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, finfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("finfo", self.dtype))

    def __repr__(self) -> str:
        keys = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        numbers = ", ".join(f"{key}={getattr(self, key):g}" for key in keys)
        return f"finfo({numbers}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer type: ``min``, ``max``, ``bits``, ``dtype`` (a name).

    Raises TypeError for floating types, which have ``finfo``, and for bool.

    >>> import chainrule as cr
    >>> cr.iinfo(cr.int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: Any) -> None:
        d = as_dtype(type)
        if d.category > 1:
            raise TypeError(
                f"iinfo() requires an integer input type, got {d}. Use finfo to handle real numbers"
            )
        if d is dtypes.bool_:
            raise TypeError("torch.bool is not supported by iinfo")
        facts = np.iinfo(d.np)
        self.bits, self.dtype = d.itemsize * 8, d.name
        self.min, self.max = int(facts.min), int(facts.max)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, iinfo) and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash(("iinfo", self.dtype))

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """The dtype of an operation on two tensors or numbers.

    A tensor with dimensions decides before a 0-d tensor, and that before a number.

    >>> import chainrule as cr
    >>> cr.result_type(cr.tensor([1, 2], dtype=cr.int8), 1.5)
    torch.float32
    """
    tensors, numbers = [], []
    for value in (tensor1, tensor2):
        if isinstance(value, Tensor):
            tensors.append(value._data)
        elif type(value) in dtypes.PYTHON:
            numbers.append(value)
        else:
            raise TypeError(
                f"result_type(): expected Tensors or numbers, got {type(value).__name__}"
            )
    return dtypes.result_type(tensors, numbers)


def _tensor(name: str, value: Any) -> Any:
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}"
        )
    return value


def is_floating_point(input: Tensor) -> bool:
    """Whether a tensor's dtype is a floating type.

    >>> import chainrule as cr
    >>> cr.is_floating_point(cr.zeros(1)), cr.is_floating_point(cr.tensor(1))
    (True, False)
    """
    return bool(_tensor("is_floating_point", input).is_floating_point())


def is_complex(input: Tensor) -> bool:
    """Whether a tensor's dtype is complex.

    >>> import chainrule as cr
    >>> cr.is_complex(cr.zeros(1))
    False
    """
    return bool(_tensor("is_complex", input).is_complex())


def is_signed(input: Tensor) -> bool:
    """Whether a tensor's dtype holds negative numbers.

    >>> import chainrule as cr
    >>> cr.is_signed(cr.zeros(1)), cr.is_signed(cr.zeros(1, dtype=cr.uint8))
    (True, False)
    """
    return _tensor("is_signed", input).dtype.is_signed  # type: ignore[no-any-return]


def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero; RuntimeError for any other size.

    >>> import chainrule as cr
    >>> cr.is_nonzero(cr.tensor([0.5]))
    True
    """
    return bool(_tensor("is_nonzero", input))


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape.

    >>> import chainrule as cr
    >>> cr.is_same_size(cr.zeros(2), cr.ones(2))
    True
    """
    return bool(_tensor("is_same_size", input).shape == _tensor("is_same_size", other).shape)


def is_inference(input: Tensor) -> bool:
    """False: tensors made under ``inference_mode`` are ordinary tensors without history.

    >>> import chainrule as cr
    >>> cr.is_inference(cr.zeros(1))
    False
    """
    _tensor("is_inference", input)
    return False


def is_storage(obj: Any) -> bool:
    """False: memory is NumPy's, and there is no storage class.

    >>> import chainrule as cr
    >>> cr.is_storage(cr.zeros(1))
    False
    """
    return False


def numel(input: Tensor) -> int:
    """The number of elements.

    >>> import chainrule as cr
    >>> cr.numel(cr.zeros(2, 3))
    6
    """
    return int(_tensor("numel", input).numel())


def is_tensor(obj: Any) -> bool:
    """Whether ``obj`` is a Tensor.

    >>> import chainrule as cr
    >>> cr.is_tensor(cr.zeros(1))
    True
    """
    return isinstance(obj, Tensor)


def typename(obj: Any) -> str:
    """The name of an object's type; of a tensor's, its legacy type.

    >>> import chainrule as cr
    >>> cr.typename(cr.zeros(1)), cr.typename(3)
    ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if isinstance(obj, type) else type(obj)
    module = kind.__module__
    return kind.__qualname__ if module in ("builtins", "") else f"{module}.{kind.__qualname__}"
