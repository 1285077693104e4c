"""Whole numbers and the bits of floats: gcd, lcm, shifts, ldexp, frexp, nextafter, heaviside."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, elementwise, export, op
from ..errors import refuse
from .arithmetic import PAIR, mul, pow
from .forms import offered, return_type, twin, without_gradient
from .samples import two

FrexpResult = return_type("frexp", "mantissa", "exponent")


def _of_integers(name: str, kernel: Any, doc: str, example: str) -> Any:
    def checked(x: Any, y: Any) -> Any:
        refuse(name, np.asarray(x), "fcb")
        return kernel(x, y)

    return elementwise(
        name,
        checked,
        inputs=PAIR,
        doc=f"{doc} Integers only; no gradient.\n\n>>> import chainrule as cr\n"
        f">>> cr.{name}({example}\n",
    )


gcd = _of_integers(
    "gcd",
    np.gcd,
    "The greatest common divisor, elementwise, never negative.",
    "cr.tensor([12, 7]), cr.tensor([18, 0]))\ntensor([6, 7])",
)
lcm = _of_integers(
    "lcm",
    np.lcm,
    "The least common multiple, elementwise, never negative.",
    "cr.tensor([4, 3]), cr.tensor([6, 0]))\ntensor([12,  0])",
)


def _width(x: Any) -> int:
    return 8 * int(np.asarray(x).dtype.itemsize)


def _shift_left(x: Any, y: Any) -> Any:
    out = np.left_shift(x, np.clip(y, 0, _width(x) - 1))
    return np.where((np.asarray(y) < 0) | (np.asarray(y) >= _width(x)), 0, out)[()].astype(x.dtype)


def _shift_right(x: Any, y: Any) -> Any:
    last = _width(x) - (np.asarray(x).dtype.kind == "i")
    far = (np.asarray(y) < 0) | (np.asarray(y) >= last)
    return np.right_shift(x, np.where(far, _width(x) - 1, y).astype(x.dtype))


bitwise_left_shift = _of_integers(
    "bitwise_left_shift",
    _shift_left,
    "The bits of ``input`` moved up by ``other``: input·2^other.",
    "cr.tensor([1, 3]), 2)\ntensor([ 4, 12])",
)
bitwise_right_shift = _of_integers(
    "bitwise_right_shift",
    _shift_right,
    "The bits of ``input`` moved down by ``other``, the sign kept: ⌊input/2^other⌋.",
    "cr.tensor([4, -3]), 1)\ntensor([ 2, -2])",
)


@op(where=(), promote="keep")
def step(input: Array, values: Array) -> Any:
    """0 below 0, 1 above, ``values`` at 0."""
    x = np.asarray(input)
    out = np.where(x == 0, values, (x > 0).astype(x.dtype))
    return np.where(x != x, x.dtype.type(0), out).astype(x.dtype)[()]


@offered("torch", "tensor")
def heaviside(input: Any, values: Any) -> Any:
    """0 where ``input`` < 0, 1 where it is > 0, and ``values`` where it is 0; broadcasts.

    Raises RuntimeError where the dtypes differ. No gradient.

    >>> import chainrule as cr
    >>> cr.heaviside(cr.tensor([-1.0, 0.0, 2.0]), cr.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    if input.dtype is not values.dtype:
        raise RuntimeError(
            "heaviside is not yet implemented for tensors with different dtypes, got "
            f"{input.dtype} and {values.dtype}"
        )
    refuse("heaviside", input._data, "c")
    result = step(input.detach(), values.detach())
    return without_gradient(values, without_gradient(input, result, "heaviside"), "heaviside")


twin(heaviside, "heaviside_")


@offered("torch", "tensor")
def ldexp(input: Any, other: Any) -> Any:
    """``input`` · 2^other; integers become the default floating type.

    >>> import chainrule as cr
    >>> cr.ldexp(cr.tensor([1.0]), cr.tensor([3]))
    tensor([8.])
    """
    return mul(input, pow(2.0, other))


twin(ldexp, "ldexp_")


@op(
    {"input": lambda g, exponent: mul(g, pow(2.0, -exponent))},
    name="frexp",
    where=(),
    promote="keep",
    outputs=2,
    aux=("exponent",),
    samples=lambda s: [(s(3),), (s(2, 3),), (s(),), (s(0),)],
)
def frexp_op(input: Array) -> Any:
    """The mantissa, of size in [½, 1), and the exponent."""
    x = np.asarray(input)
    mantissa, exponent = np.frexp(x)
    return mantissa, np.asarray(exponent, np.int32)[()]


@offered("torch", "tensor")
def frexp(input: Any) -> Any:
    """mantissa, of size in [½, 1), and exponent (int32) with input = mantissa · 2^exponent.

    Raises RuntimeError for what is no floating type.

    >>> import chainrule as cr
    >>> cr.frexp(cr.tensor([8.0, -3.0])).exponent
    tensor([4, 2], dtype=torch.int32)
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError("torch.frexp() only supports floating-point dtypes")
    return FrexpResult(*frexp_op(input))


def _next(x: Any, y: Any) -> Any:
    refuse("nextafter", np.asarray(x), "biuc")
    return np.nextafter(x, y)


nextafter = elementwise(
    "nextafter",
    _next,
    {"input": 1, "other": lambda: 0.0},
    inputs=PAIR,
    samples=two(),
    doc="""The next floating-point number after ``input`` in the direction of ``other``.

    >>> import chainrule as cr
    >>> (cr.nextafter(cr.tensor(1.0), cr.tensor(2.0)) - 1 == cr.finfo(cr.float32).eps).item()
    True
    """,
)


@export("torch", "tensor")
def positive(input: Any) -> Any:
    """The tensor itself. Raises RuntimeError for booleans.

    >>> import chainrule as cr
    >>> cr.positive(cr.tensor([-1.0]))
    tensor([-1.])
    """
    if input.dtype.name == "bool":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return input


@offered("torch")
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """``other − alpha·input``.

    >>> import chainrule as cr
    >>> cr.rsub(cr.tensor([1.0]), 3)
    tensor([2.])
    """
    return other - (input if alpha == 1 else input * alpha)
