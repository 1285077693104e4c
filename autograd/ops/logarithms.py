"""Other exponentials and logarithms: bases 2 and 10, near 1, of sums, and log-odds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import logit as _logit
from scipy.special import xlogy as _xlogy

from .. import dtypes
from ..declare import Array, elementwise, export, op, write_out
from ..errors import refuse
from ..handle import Handle
from ..views import check_inplace, write
from .activation import sigmoid
from .arithmetic import pow
from .compare import where
from .exponential import exp, log
from .halves import rounded_once
from .samples import reals

LN2, LN10 = math.log(2.0), math.log(10.0)


exp2 = elementwise(
    "exp2",
    np.exp2,
    {"input": lambda out: out * LN2},
    promote="float",
    tex="2^{{{0}}}",
    onnx="Pow",
    samples=reals(),
    doc="""2ˣ. Derivative 2ˣ·ln 2.

    >>> import chainrule as cr
    >>> cr.exp2(cr.tensor([0.0, 3.0]))
    tensor([1., 8.])
    """,
)
expm1 = elementwise(
    "expm1",
    np.expm1,
    # out + 1 would lose every digit of eˣ far below 0
    {"input": lambda input: exp(input)},
    textbook={"input": lambda out: out + 1},
    scalar=math.expm1,
    promote="float",
    symbol="eˣ−1",
    tex="e^{{{0}}} - 1",
    onnx="Sub(Exp)",
    samples=reals(),
    doc="""eˣ − 1, exact near 0. Derivative eˣ.

    >>> import chainrule as cr
    >>> cr.expm1(cr.tensor([1e-6, 1.0]))
    tensor([1.0000e-06, 1.7183e+00])
    """,
)
log1p = elementwise(
    "log1p",
    np.log1p,
    {"input": lambda input: 1 / (1 + input)},
    scalar=math.log1p,
    promote="float",
    symbol="ln(1+x)",
    tex=r"\ln(1 + {0})",
    onnx="Log(Add)",
    samples=reals(-0.7, 3),
    doc="""ln(1 + x), exact near 0; −inf at −1, nan below. Derivative 1/(1 + x).

    >>> import chainrule as cr
    >>> cr.log1p(cr.tensor([1e-6, 1.0]))
    tensor([1.0000e-06, 6.9315e-01])
    """,
)
log2 = elementwise(
    "log2",
    np.log2,
    {"input": lambda input: 1 / (input * LN2)},
    scalar=math.log2,
    promote="float",
    symbol="log₂",
    tex=r"\log_2 {0}",
    onnx="Div(Log)",
    samples=reals(0.2, 4),
    doc="""The logarithm to base 2; −inf at 0, nan below. Derivative 1/(x ln 2).

    >>> import chainrule as cr
    >>> cr.log2(cr.tensor([1.0, 8.0]))
    tensor([0., 3.])
    """,
)


def _log10_kernel(x: Any) -> Any:
    """In double precision: NumPy's log10 of 1000 in float32 is not 3."""
    if x.__class__ is float or x.dtype.itemsize > 4:
        return np.log10(x)
    return np.log10(x, dtype=np.float64).astype(x.dtype)


log10 = elementwise(
    "log10",
    _log10_kernel,
    {"input": lambda input: 1 / (input * LN10)},
    scalar=math.log10,
    promote="float",
    symbol="log₁₀",
    tex=r"\log_{{10}} {0}",
    onnx="Div(Log)",
    samples=reals(0.2, 4),
    doc="""The logarithm to base 10; −inf at 0, nan below. Derivative 1/(x ln 10).

    >>> import chainrule as cr
    >>> cr.log10(cr.tensor([1.0, 1000.0]))
    tensor([0., 3.])
    """,
)


def _logit_slope(input: Any, eps: Any) -> Any:
    """1/(x(1 − x)); outside the interval 0 where it was clamped, nan where not."""
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    outside = (input < low) + (input > high)
    return where(outside, math.nan if eps is None else 0.0, 1 / (input * (1 - input)))


@op(
    {"input": lambda g, input, eps: g * _logit_slope(input, eps)},
    where=("torch", "tensor", "inplace"),
    promote="float",
    tex=r"\operatorname{{logit}} {0}",
    onnx="Log(Div)",
    samples=lambda s: [
        (s(3, low=0.1, high=0.9),),
        (s(2, 3, low=0.1, high=0.9), 0.05),
        (s(4, low=-0.5, high=1.5), 0.2),
        (s(low=0.2, high=0.8),),
        (s(0, 2),),
    ],
)
@rounded_once
def logit(input: Array, eps: float | None = None) -> Any:
    """The log-odds ln(x/(1 − x)), the inverse of sigmoid; nan outside [0, 1].

    With ``eps`` the input is first clamped to [eps, 1 − eps]. Derivative 1/(x(1 − x)).

    >>> import chainrule as cr
    >>> cr.logit(cr.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    return _logit(input if eps is None else np.clip(input, eps, 1 - eps))


@op(
    {
        "input": lambda input, other: sigmoid(input - other),
        "other": lambda input, other: sigmoid(other - input),
    },
    textbook={
        "input": lambda input, other: exp(input) / (exp(input) + exp(other)),
        "other": lambda input, other: exp(other) / (exp(input) + exp(other)),
    },
    partial=True,
    tex=r"\ln(e^{{{0}}} + e^{{{1}}})",
    samples=lambda s: [(s(3), s(3)), (s(2, 3), s(3)), (s(), s()), (s(2, 1), s(1, 3)), (s(0), s())],
)
def logaddexp(input: Array, other: Array) -> Any:
    """Log(e^input + e^other), without overflow. Derivatives σ(input − other), σ(other − input).

    >>> import chainrule as cr
    >>> cr.logaddexp(cr.tensor([1000.0]), cr.tensor([1000.0]))
    tensor([1000.6932])
    """
    refuse("logaddexp", input)
    return np.logaddexp(input, other)


@op(
    {
        "input": lambda input, other: sigmoid((input - other) * LN2),
        "other": lambda input, other: sigmoid((other - input) * LN2),
    },
    partial=True,
    tex=r"\log_2(2^{{{0}}} + 2^{{{1}}})",
    samples=lambda s: [(s(3), s(3)), (s(2, 3), s(3)), (s(), s()), (s(2, 1), s(1, 3)), (s(0), s())],
)
def logaddexp2(input: Array, other: Array) -> Any:
    """log₂(2^input + 2^other), without overflow.

    >>> import chainrule as cr
    >>> cr.logaddexp2(cr.tensor([3.0]), cr.tensor([3.0]))
    tensor([4.])
    """
    refuse("logaddexp2", input)
    return np.logaddexp2(input, other)


@rounded_once
def _xlogy_kernel(x: Any, y: Any) -> Any:
    return _xlogy(x, y).astype(np.result_type(x, y))  # SciPy takes numbers for float64


def _log_of(other: Any) -> Any:
    """log(other); of a plain number a plain number, exact in any dtype."""
    if isinstance(other, (int, float)):
        return math.log(other) if other > 0 else -math.inf if other == 0 else math.nan
    return log(other)


xlogy = elementwise(
    "xlogy",
    _xlogy_kernel,
    {
        "input": lambda input, other: where((input == 0) * (other <= 0), 0.0, _log_of(other)),
        "other": lambda input, other: input / other,
    },
    textbook={"input": lambda other: log(other)},
    inputs=("input", "other"),
    scalar=lambda x, y: type(x)(_xlogy(x, y)),
    promote="float",
    symbol="x ln y",
    tex=r"{0} \ln {1}",
    samples=lambda s: [
        (s(3), s(3, low=0.3, high=3.0)),
        (s(2, 3), s(3, low=0.3, high=3.0)),
        (s(), s(low=0.3, high=3.0)),
        (s(2, 1), s(1, 3, low=0.3, high=3.0)),
        (s(0), s(low=0.3)),
    ],
    doc="""``input · ln(other)``, and 0 where ``input`` is 0 (nan where ``other`` is nan).

    Derivatives ln(other) and input/other.

    >>> import chainrule as cr
    >>> cr.xlogy(cr.tensor([0.0, 2.0]), cr.tensor([0.0, 3.0]))
    tensor([0.0000, 2.1972])
    """,
)


def _wide(value: Any) -> Any:
    """A tensor in double precision; numbers as they are."""
    if not isinstance(value, Handle):
        return value
    complex_ = dtypes.of(value._data).is_complex
    return value.to(dtypes.complex128 if complex_ else dtypes.float64)  # type: ignore[attr-defined]


@export("torch", "tensor")
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """``input`` to the power ``exponent``, computed in float64 (complex128 for complex numbers).

    >>> import chainrule as cr
    >>> cr.float_power(cr.tensor([1, 2, 4]), -2)
    tensor([1.0000, 0.2500, 0.0625], dtype=torch.float64)
    """
    if not isinstance(input, Handle) and not isinstance(exponent, Handle):
        raise TypeError(
            "float_power(): expected a Tensor as input or exponent, got "
            f"{type(input).__name__} and {type(exponent).__name__}"
        )
    result = pow(_wide(input), _wide(exponent))
    return result if out is None else write_out(out, result)


@export("tensor")
def float_power_(self: Any, exponent: Any) -> Any:
    """``float_power``, written into the tensor itself, which must be in double precision."""
    if self.dtype not in (dtypes.float64, dtypes.complex128):
        raise RuntimeError(
            f"the base given to float_power_ has dtype {self.dtype} but the operation's result "
            "requires dtype torch.float64; use the out-of-place form"
        )
    check_inplace(self)
    return write(self, float_power(self, exponent), "float_power_")
