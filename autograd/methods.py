"""Tensor's operators and methods, bound from the registry."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._methods import TensorMethods
from .declare import names
from .handle import Handle
from .op import registry
from .ops.shape import PROPERTIES
from .saved import bind_names

# operator method: (operation, operands swapped)
OPERATORS = {
    "__add__": ("add", False),
    "__radd__": ("add", True),
    "__sub__": ("sub", False),
    "__rsub__": ("sub", True),
    "__mul__": ("mul", False),
    "__rmul__": ("mul", True),
    "__truediv__": ("div", False),
    "__rtruediv__": ("div", True),
    "__floordiv__": ("floor_divide", False),
    "__rfloordiv__": ("floor_divide", True),
    "__mod__": ("remainder", False),
    "__rmod__": ("remainder", True),
    "__pow__": ("pow", False),
    "__rpow__": ("pow", True),
    "__eq__": ("eq", False),
    "__ne__": ("ne", False),
    "__lt__": ("lt", False),
    "__le__": ("le", False),
    "__gt__": ("gt", False),
    "__ge__": ("ge", False),
    "__and__": ("bitwise_and", False),
    "__or__": ("bitwise_or", False),
    "__xor__": ("bitwise_xor", False),
    "__neg__": ("neg", False),
    "__abs__": ("abs", False),
    "__invert__": ("bitwise_not", False),
}
IN_PLACE = {"__iadd__": "add_", "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_"}
IN_PLACE |= {"__iand__": "bitwise_and_", "__ior__": "bitwise_or_", "__ixor__": "bitwise_xor_"}
IN_PLACE |= {"__ipow__": "pow_", "__ifloordiv__": "floor_divide_", "__imod__": "remainder_"}


def _swapped(call: Any) -> Any:
    def reflected(self: Any, other: Any) -> Any:
        return call(other, self)

    return reflected


def _comparison(call: Any) -> Any:
    def compare(self: Any, other: Any) -> Any:
        if isinstance(other, (Handle, bool, int, float, complex, np.generic, np.ndarray)):
            return call(self, other)
        return NotImplemented  # x == None is False

    return compare


def bind() -> None:
    """Give Tensor its methods and operators."""
    for name, method in names["tensor"].items():
        setattr(TensorMethods, name, method)
    for name, (operation, swapped) in OPERATORS.items():
        call = registry[operation].call
        setattr(TensorMethods, name, _swapped(call) if swapped else call)
    for name, method_name in IN_PLACE.items():
        setattr(TensorMethods, name, names["tensor"][method_name])
    for name in ("__eq__", "__ne__"):
        setattr(TensorMethods, name, _comparison(getattr(TensorMethods, name)))
    matmul = names["tensor"]["matmul"]
    for name, call in (("__matmul__", matmul), ("__rmatmul__", _swapped(matmul))):
        setattr(TensorMethods, name, call)
    for name, getter in PROPERTIES.items():
        whole = isinstance(getter, property)  # with a setter of its own
        setattr(TensorMethods, name, getter if whole else property(getter))


bind()
bind_names(registry)
