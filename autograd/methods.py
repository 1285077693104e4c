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
    "__lshift__": ("bitwise_left_shift", False),
    "__rlshift__": ("bitwise_left_shift", True),
    "__rshift__": ("bitwise_right_shift", False),
    "__rrshift__": ("bitwise_right_shift", True),
    "__neg__": ("neg", False),
    "__abs__": ("abs", False),
    "__invert__": ("bitwise_not", False),
}
IN_PLACE = {"__iadd__": "add_", "__isub__": "sub_", "__imul__": "mul_", "__itruediv__": "div_"}
IN_PLACE |= {"__iand__": "bitwise_and_", "__ior__": "bitwise_or_", "__ixor__": "bitwise_xor_"}
IN_PLACE |= {"__ilshift__": "bitwise_left_shift_", "__irshift__": "bitwise_right_shift_"}
IN_PLACE |= {"__ipow__": "pow_", "__ifloordiv__": "floor_divide_", "__imod__": "remainder_"}


# In-place twins that are functions of the package too, as in PyTorch.
FUNCTIONS = """
    abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ as_strided_
    asin_ asinh_ atan_ atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ cos_ cosh_ deg2rad_
    erf_ erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_
    log10_ log1p_ log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_
    resize_as_ round_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_
    xlogy_ zero_
"""
RENAMED = {"greater_": "gt_", "greater_equal_": "ge_", "less_": "lt_", "less_equal_": "le_"}
RENAMED |= {"not_equal_": "ne_"}


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
    names["tensor"].update({new: names["tensor"][old] for new, old in RENAMED.items()})
    names["torch"].update({name: names["tensor"][name] for name in FUNCTIONS.split()})
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
