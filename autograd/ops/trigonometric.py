"""Sine, cosine and the hyperbolic tangent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..declare import elementwise
from .samples import reals

sin: Any = elementwise(
    "sin",
    np.sin,
    {"input": lambda input: cos(input)},
    scalar=math.sin,
    promote="float",
    tex=r"\sin {0}",
    onnx="Sin",
    samples=reals(),
    doc="""The sine. Derivative cos x.

    >>> import chainrule as cr
    >>> cr.sin(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """,
)
cos: Any = elementwise(
    "cos",
    np.cos,
    {"input": lambda input: -sin(input)},
    scalar=math.cos,
    promote="float",
    tex=r"\cos {0}",
    onnx="Cos",
    samples=reals(),
    doc="""The cosine. Derivative −sin x.

    >>> import chainrule as cr
    >>> cr.cos(cr.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """,
)


def _sech2(x: Any) -> Any:
    c = np.cosh(x)
    c *= c
    return 1 / c  # cosh² overflows to inf where the result has left the dtype: 0


def _sech2_scalar(x: float) -> float:
    c = math.cosh(x)  # raises OverflowError from 711 on, where NumPy answers 0
    return 1 / (c * c)


sech2: Any = elementwise(
    "sech2",
    _sech2,
    {"input": lambda input, out: -2 * tanh(input) * out},
    scalar=_sech2_scalar,
    promote="float",
    symbol="sech²",
    tex=r"\operatorname{{sech}}^2 {0}",
    samples=reals(),
    where=(),
    doc="1/cosh² x, the derivative of tanh, exact where 1 − tanh² x would have cancelled to 0.",
)
tanh: Any = elementwise(
    "tanh",
    np.tanh,
    # 1 − tanh² loses every digit in float32 from x = 9; sech² keeps them all.
    {"input": lambda input: sech2(input)},
    scalar=math.tanh,
    promote="float",
    tex=r"\tanh {0}",
    onnx="Tanh",
    samples=reals(),
    textbook={"input": lambda out: 1 - out**2},
    where=("torch", "tensor", "inplace", "F"),
    doc="""The hyperbolic tangent, between −1 and 1. Derivative 1 − tanh² x, at most 1.

    >>> import chainrule as cr
    >>> cr.tanh(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7616])
    """,
)
