"""Exponentials, logarithms and roots."""

from __future__ import annotations

import math

import numpy as np

from ..declare import elementwise
from .samples import reals

exp = elementwise(
    "exp",
    np.exp,
    {"input": lambda out: out},
    scalar=math.exp,
    promote="float",
    tex="e^{{{0}}}",
    onnx="Exp",
    samples=reals(),
    doc="""eˣ; its own derivative.

    >>> import chainrule as cr
    >>> cr.exp(cr.tensor([0.0, 1.0]))
    tensor([1.0000, 2.7183])
    """,
)
log = elementwise(
    "log",
    np.log,
    {"input": lambda input: 1 / input},
    scalar=math.log,
    promote="float",
    tex=r"\ln {0}",
    onnx="Log",
    samples=reals(0.2, 4),
    doc="""The natural logarithm; −inf at 0, nan below. Derivative 1/x.

    >>> import chainrule as cr
    >>> cr.log(cr.tensor([1.0, 10.0]))
    tensor([0.0000, 2.3026])
    """,
)
sqrt = elementwise(
    "sqrt",
    np.sqrt,
    {"input": lambda out: 1 / (2 * out)},
    scalar=math.sqrt,
    promote="float",
    symbol="√",
    tex=r"\sqrt{{{0}}}",
    onnx="Sqrt",
    samples=reals(0.2, 4),
    doc="""The square root; nan below 0. Derivative 1/(2√x), infinite at 0.

    >>> import chainrule as cr
    >>> cr.sqrt(cr.tensor([4.0, 9.0]))
    tensor([2., 3.])
    """,
)
rsqrt = elementwise(
    "rsqrt",
    lambda x: 1 / np.sqrt(x),
    {"input": lambda out: -0.5 * out**3},
    promote="float",
    symbol="1/√",
    tex=r"\frac{{1}}{{\sqrt{{{0}}}}}",
    samples=reals(0.3, 4),
    doc="""1/√x. Derivative −½·x^(−3/2).

    >>> import chainrule as cr
    >>> cr.rsqrt(cr.tensor([4.0]))
    tensor([0.5000])
    """,
)
square = elementwise(
    "square",
    lambda x: np.square(x if x.__class__ is float or x.dtype.kind != "b" else x.astype(np.int64)),
    {"input": lambda input: 2 * input},
    scalar=lambda x: x * x,
    symbol="²",
    tex="{0}^2",
    samples=reals(),
    doc="""x². Derivative 2x.

    >>> import chainrule as cr
    >>> cr.square(cr.tensor([-3.0]))
    tensor([9.])
    """,
)
reciprocal = elementwise(
    "reciprocal",
    np.reciprocal,
    {"input": lambda out: -(out**2)},
    scalar=lambda x: 1 / x,
    promote="float",
    symbol="1/x",
    tex=r"\frac{{1}}{{{0}}}",
    onnx="Reciprocal",
    samples=reals(0.4, 3),
    doc="""1/x; ±inf at ±0. Derivative −1/x².

    >>> import chainrule as cr
    >>> cr.reciprocal(cr.tensor([4.0]))
    tensor([0.2500])
    """,
)
