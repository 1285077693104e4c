"""Arithmetic: + − × ÷ and powers, with broadcasting and PyTorch's promotion."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ..declare import elementwise, names, public
from ..declare import in_place as twin
from ..errors import refuse
from ..handle import Handle
from ..op import REFUSED
from .compare import select
from .complexes import real_part
from .exponential import log
from .phases import sgn, sign_kernel
from .samples import reals, two

PAIR = ("input", "other")
STEPS = {"input": lambda: 0.0, "other": lambda: 0.0}  # of functions that are constant in steps


def _pow_kernel(x: Any, y: Any) -> Any:
    refuse("pow", x, "b")
    whole_power = isinstance(y, np.ndarray) and y.dtype.kind in "iu" and np.any(y < 0)
    if whole_power and np.result_type(x, y).kind in "iu":
        whole = np.power(x, np.maximum(y, 0))  # 1/xⁿ of an integer is 0, except of 1 and −1
        return np.where(y < 0, np.where(x == 1, 1, np.where(x == -1, 1 - 2 * (y % 2), 0)), whole)
    return x**y if isinstance(x, np.ndarray) else np.power(x, y)


def _pow_scalar(x: Any, y: Any) -> float:
    try:
        out = math.pow(x, y)
    except (ArithmeticError, ValueError):  # NumPy answers inf or nan instead
        out = float(np.power(np.float64(x), y))
    return out


def _divide(x: Any, y: Any) -> Any:
    return np.true_divide(x, y)


add = elementwise(
    "add",
    np.add,
    {"input": 1, "other": 1},
    inputs=PAIR,
    scalar=operator.add,
    linear_in=PAIR,
    symbol="+",
    tex="{0} + {1}",
    onnx="Add",
    samples=two(),
    where=(),
    doc="""``input + other``, elementwise with broadcasting.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0]) + cr.tensor(10.0)
    tensor([11., 12.])
    """,
)
sub = elementwise(
    "sub",
    np.subtract,
    {"input": 1, "other": -1},
    inputs=PAIR,
    scalar=operator.sub,
    linear_in=PAIR,
    symbol="−",
    tex="{0} - {1}",
    onnx="Sub",
    samples=two(),
    where=(),
    doc="""``input − other``, elementwise with broadcasting.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0]) - 1
    tensor([0., 1.])
    """,
)
mul = elementwise(
    "mul",
    np.multiply,
    {"input": lambda other: other, "other": lambda input: input},
    inputs=PAIR,
    scalar=operator.mul,
    symbol="×",
    tex=r"{0} \cdot {1}",
    onnx="Mul",
    samples=two(),
    aliases=("multiply",),
    doc="""``input · other``, elementwise with broadcasting.

    >>> import chainrule as cr
    >>> cr.mul(cr.tensor([1.0, 2.0]), 3)
    tensor([3., 6.])
    """,
)
true_divide = elementwise(
    "div",
    _divide,
    # names input, not out: the result may then be edited in place, as in PyTorch
    {"input": lambda other: 1 / other, "other": lambda input, other: -(input / other) / other},
    inputs=PAIR,
    scalar=operator.truediv,
    promote="float",
    symbol="÷",
    tex=r"\frac{{{0}}}{{{1}}}",
    onnx="Div",
    samples=reals(-3, 3, (0.5, 3)),
    textbook={"other": lambda input, other: -input / other**2},
    where=(),
    doc="""``input / other``, true division, elementwise with broadcasting.

    Division by zero gives ±inf or nan. Integers divide to the default floating type.
    The rule for ``other`` divides twice, which does not overflow as other² would.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0]) / 4
    tensor([0.2500, 0.5000])
    """,
)
pow = elementwise(
    "pow",
    _pow_kernel,
    {
        # x⁰ has derivative 0 at x = 0 too: the exponent −1 is lifted to 0 where other is 0.
        "input": lambda input, other: other * input ** (other - 1 + (other == 0)),
        "other": lambda input, other, out: out * _log_base(input, other),
    },
    inputs=PAIR,
    scalar=_pow_scalar,
    symbol="^",
    tex="{0}^{{{1}}}",
    onnx="Pow",
    samples=reals(0.3, 3, (-2, 2)),
    textbook={
        "input": lambda input, other: other * input ** (other - 1),
        "other": lambda input, other: input**other * log(input),
    },
    doc="""``input`` to the power ``other``.

    Derivatives: other·input^(other−1) and out·log(input); both 0 at 0⁰, as PyTorch has it.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0, 3.0]) ** 2
    tensor([1., 4., 9.])
    """,
)
neg = elementwise(
    "neg",
    np.negative,
    {"input": -1},
    scalar=operator.neg,
    linear_in=("input",),
    symbol="−",
    tex="-{0}",
    onnx="Neg",
    samples=reals(),
    aliases=("negative",),
    doc="""``−input``.

    >>> import chainrule as cr
    >>> -cr.tensor([1.0, -2.0])
    tensor([-1.,  2.])
    """,
)


def _sign_kernel(x: Any) -> Any:
    if np.asarray(x).dtype.kind == "c":
        raise RuntimeError(
            "Unlike NumPy, torch.sign doesn't return the sign of complex numbers; use sgn"
        )
    return sign_kernel(x)


def _sign_scalar(x: Any) -> float:
    return float(x > 0) - float(x < 0)


sign = elementwise(
    "sign",
    _sign_kernel,
    {"input": lambda: 0.0},
    scalar=_sign_scalar,
    symbol="sign",
    tex=r"\operatorname{{sign}}({0})",
    onnx="Sign",
    samples=reals(0.5, 3),
    doc="""−1, 0 or 1 by the sign of each element; 0 for nan. Its gradient is 0.

    >>> import chainrule as cr
    >>> cr.sign(cr.tensor([-3.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """,
)
abs = elementwise(
    "abs",
    np.abs,
    {"input": lambda input: sign(input)},
    complex_rules={"input": lambda g, input: g * sgn(input)},
    scalar=operator.abs,
    symbol="|·|",
    tex=r"\left|{0}\right|",
    onnx="Abs",
    samples=reals(0.5, 3),
    aliases=("absolute",),
    doc="""The absolute value; its derivative at 0 is 0.

    >>> import chainrule as cr
    >>> abs(cr.tensor([-1.0, 2.0]))
    tensor([1., 2.])
    """,
)


def _larger(x: Any, y: Any) -> Any:
    return y if y > x or y != y else x


def _smaller(x: Any, y: Any) -> Any:
    return y if y < x or y != y else x


maximum = elementwise(
    "maximum",
    np.maximum,
    {
        # the larger takes the gradient; equals take half each, and beside nan both take it all
        "input": lambda input, other: 1 - (input <= other) + 0.5 * (input == other),
        "other": lambda input, other: 1 - (other <= input) + 0.5 * (input == other),
    },
    textbook={
        "input": lambda input, other: input > other,
        "other": lambda input, other: other > input,
    },
    inputs=PAIR,
    select=select,
    complex_rules=REFUSED,
    scalar=_larger,
    symbol="max",
    tex=r"\max({0}, {1})",
    onnx="Max",
    samples=two(),
    where=("torch", "tensor"),
    doc="""The larger of two, elementwise; nan wins. Equals take half the gradient each.

    >>> import chainrule as cr
    >>> cr.maximum(cr.tensor([1.0, 5.0]), cr.tensor([3.0, 2.0]))
    tensor([3., 5.])
    """,
)
minimum = elementwise(
    "minimum",
    np.minimum,
    {
        "input": lambda input, other: 1 - (input >= other) + 0.5 * (input == other),
        "other": lambda input, other: 1 - (other >= input) + 0.5 * (input == other),
    },
    textbook={
        "input": lambda input, other: input < other,
        "other": lambda input, other: other < input,
    },
    inputs=PAIR,
    select=select,
    complex_rules=REFUSED,
    scalar=_smaller,
    symbol="min",
    tex=r"\min({0}, {1})",
    onnx="Min",
    samples=two(),
    where=("torch", "tensor"),
    doc="""The smaller of two, elementwise; nan wins. Equals take half the gradient each.

    >>> import chainrule as cr
    >>> cr.minimum(cr.tensor([1.0, 5.0]), cr.tensor([3.0, 2.0]))
    tensor([1., 2.])
    """,
)


def _log_base(input: Any, other: Any) -> Any:
    """log(input), and 0 where 0^other is constant in other (other ≥ 0)."""
    if isinstance(input, (int, float)) and input > 0:  # a plain number: exact in any dtype
        return math.log(input)
    at_zero = (input == 0) * (real_part(other) >= 0)
    return log(input + at_zero)


def _weighed(input: Any, other: Any, alpha: Any) -> Any:
    """``alpha * other``, where the types allow it."""
    both = [t.dtype for t in (input, other) if isinstance(t, Handle)]  # type: ignore[attr-defined]
    if isinstance(alpha, float) and not any(d.is_floating_point or d.is_complex for d in both):
        raise RuntimeError(
            "For integral input tensors, argument alpha must not be a floating point number: "
            f"got alpha = {alpha}"
        )
    return mul(other, alpha)


def _scaled(name: str, call: Any) -> Any:
    """``add`` and ``sub`` as users call them, with ``alpha``."""
    plain = public(call.op)

    def function(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
        return plain(input, other if alpha == 1 else _weighed(input, other, alpha), out=out)

    def in_place(self: Any, other: Any, *, alpha: Any = 1) -> Any:
        return edit(self, other if alpha == 1 else _weighed(self, other, alpha))

    edit = twin(call.op, name + "_")
    function.__name__, function.__doc__ = name, call.__doc__
    in_place.__name__ = name + "_"
    in_place.__doc__ = f"``{name}``, written into the tensor itself."
    return function, in_place


for _name, _call, _alias in (("add", add, None), ("sub", sub, "subtract")):
    _function, _in_place = _scaled(_name, _call)
    _call.op.function = _function
    for _n in filter(None, (_name, _alias)):
        names["torch"][_n] = names["tensor"][_n] = _function
        names["tensor"][_n + "_"] = _in_place
