"""The tangent, the hyperbolic functions, their inverses, angles and sinc."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..declare import Array, elementwise, op
from ..errors import refuse
from .compare import where
from .complexes import conj
from .exponential import sqrt
from .halves import rounded_once
from .samples import reals
from .trigonometric import cos

PI2 = math.pi**2

tan = elementwise(
    "tan",
    np.tan,
    {"input": lambda out: 1 + out**2},
    scalar=math.tan,
    promote="float",
    tex=r"\tan {0}",
    onnx="Tan",
    samples=reals(-1.3, 1.3),
    doc="""The tangent. Derivative 1 + tan² x.

    >>> import chainrule as cr
    >>> cr.tan(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5574])
    """,
)
sinh: Any = elementwise(
    "sinh",
    np.sinh,
    {"input": lambda input: cosh(input)},
    scalar=math.sinh,
    promote="float",
    tex=r"\sinh {0}",
    onnx="Sinh",
    samples=reals(),
    doc="""The hyperbolic sine (eˣ − e⁻ˣ)/2. Derivative cosh x.

    >>> import chainrule as cr
    >>> cr.sinh(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 1.1752])
    """,
)
cosh: Any = elementwise(
    "cosh",
    np.cosh,
    {"input": lambda input: sinh(input)},
    scalar=math.cosh,
    promote="float",
    tex=r"\cosh {0}",
    onnx="Cosh",
    samples=reals(),
    doc="""The hyperbolic cosine (eˣ + e⁻ˣ)/2. Derivative sinh x.

    >>> import chainrule as cr
    >>> cr.cosh(cr.tensor([0.0, 1.0]))
    tensor([1.0000, 1.5431])
    """,
)
asin = elementwise(
    "asin",
    np.arcsin,
    # (1 − x)(1 + x) is exact near ±1, where 1 − x² has cancelled
    {"input": lambda input: 1 / sqrt((1 - input) * (1 + input))},
    textbook={"input": lambda input: 1 / sqrt(1 - input**2)},
    scalar=math.asin,
    promote="float",
    symbol="arcsin",
    tex=r"\arcsin {0}",
    onnx="Asin",
    samples=reals(-0.9, 0.9),
    aliases=("arcsin",),
    doc="""The inverse sine, in [−π/2, π/2]; nan outside [−1, 1]. Derivative 1/√(1 − x²).

    >>> import chainrule as cr
    >>> cr.asin(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 1.5708])
    """,
)
acos = elementwise(
    "acos",
    np.arccos,
    {"input": lambda input: -1 / sqrt((1 - input) * (1 + input))},
    textbook={"input": lambda input: -1 / sqrt(1 - input**2)},
    scalar=math.acos,
    promote="float",
    symbol="arccos",
    tex=r"\arccos {0}",
    onnx="Acos",
    samples=reals(-0.9, 0.9),
    aliases=("arccos",),
    doc="""The inverse cosine, in [0, π]; nan outside [−1, 1]. Derivative −1/√(1 − x²).

    >>> import chainrule as cr
    >>> cr.acos(cr.tensor([1.0, 0.0]))
    tensor([0.0000, 1.5708])
    """,
)
atan = elementwise(
    "atan",
    np.arctan,
    {"input": lambda input: 1 / (1 + input**2)},
    scalar=math.atan,
    promote="float",
    symbol="arctan",
    tex=r"\arctan {0}",
    onnx="Atan",
    samples=reals(),
    aliases=("arctan",),
    doc="""The inverse tangent, in (−π/2, π/2). Derivative 1/(1 + x²).

    >>> import chainrule as cr
    >>> cr.atan(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7854])
    """,
)
asinh = elementwise(
    "asinh",
    np.arcsinh,
    {"input": lambda input: 1 / sqrt(1 + input**2)},
    scalar=math.asinh,
    promote="float",
    symbol="arsinh",
    tex=r"\operatorname{{arsinh}} {0}",
    onnx="Asinh",
    samples=reals(),
    aliases=("arcsinh",),
    doc="""The inverse hyperbolic sine ln(x + √(x² + 1)). Derivative 1/√(1 + x²).

    >>> import chainrule as cr
    >>> cr.asinh(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8814])
    """,
)
acosh = elementwise(
    "acosh",
    np.arccosh,
    # (x − 1)(x + 1) is exact near 1, where x² − 1 has cancelled; + 0 is for the zero at −1
    {"input": lambda input: 1 / sqrt((input - 1) * (input + 1) + 0.0)},
    # of complex numbers two roots: the root of the product lies on the other branch left of 0
    complex_rules={"input": lambda g, input: g / conj(sqrt(input - 1) * sqrt(input + 1))},
    textbook={"input": lambda input: 1 / sqrt(input**2 - 1)},
    scalar=math.acosh,
    promote="float",
    symbol="arcosh",
    tex=r"\operatorname{{arcosh}} {0}",
    onnx="Acosh",
    samples=reals(1.2, 4),
    aliases=("arccosh",),
    doc="""The inverse hyperbolic cosine ln(x + √(x² − 1)); nan below 1. Derivative 1/√(x² − 1).

    >>> import chainrule as cr
    >>> cr.acosh(cr.tensor([1.0, 2.0]))
    tensor([0.0000, 1.3170])
    """,
)
atanh = elementwise(
    "atanh",
    np.arctanh,
    {"input": lambda input: 1 / ((1 - input) * (1 + input))},
    textbook={"input": lambda input: 1 / (1 - input**2)},
    scalar=math.atanh,
    promote="float",
    symbol="artanh",
    tex=r"\operatorname{{artanh}} {0}",
    onnx="Atanh",
    samples=reals(-0.9, 0.9),
    aliases=("arctanh",),
    doc="""The inverse hyperbolic tangent ½ ln((1 + x)/(1 − x)); ±inf at ±1, nan outside.

    Derivative 1/(1 − x²).

    >>> import chainrule as cr
    >>> cr.atanh(cr.tensor([0.0, 0.5]))
    tensor([0.0000, 0.5493])
    """,
)


def _pairs(s: Any) -> list[Any]:
    shapes: list[Any] = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0, 3), (3,))]
    return [(s(*a), s(*b)) for a, b in shapes]


@op(
    {
        "input": lambda input, out: input / out,
        "other": lambda other, out: other / out,
    },
    partial=True,
    where=("torch", "tensor", "inplace"),
    tex=r"\sqrt{{{0}^2 + {1}^2}}",
    onnx="Sqrt(Add(Mul, Mul))",
    samples=_pairs,
)
def hypot(input: Array, other: Array) -> Any:
    """√(input² + other²), without overflow of the squares. Derivatives input/out, other/out.

    >>> import chainrule as cr
    >>> cr.hypot(cr.tensor([3.0]), cr.tensor([4.0]))
    tensor([5.])
    """
    refuse("hypot", input)
    return np.hypot(input, other)


def _radius(input: Any, other: Any) -> Any:
    """The distance from the origin, 1 at the origin itself (where the gradient is to be 0)."""
    radius = hypot(input, other)
    return radius + (radius == 0)


@op(
    {
        # one division after the other: the square of a small or large radius has no room
        "input": lambda input, other: other / _radius(input, other) / _radius(input, other),
        "other": lambda input, other: -input / _radius(input, other) / _radius(input, other),
    },
    textbook={
        "input": lambda input, other: other / (input**2 + other**2),
        "other": lambda input, other: -input / (input**2 + other**2),
    },
    partial=True,
    promote="float",
    where=("torch", "tensor", "inplace"),
    aliases=("arctan2",),
    tex=r"\operatorname{{atan2}}({0}, {1})",
    samples=_pairs,
)
def atan2(input: Array, other: Array) -> Any:
    """The angle of the point (x, y) = (other, input), in (−π, π].

    Derivatives other/r² and −input/r² with r² = input² + other²; both 0 at the origin.

    >>> import chainrule as cr
    >>> cr.atan2(cr.tensor([1.0, -1.0]), cr.tensor([-1.0, 1.0]))
    tensor([ 2.3562, -0.7854])
    """
    return np.arctan2(input, other)


def _scaling(name: str, factor: float, tex: str, words: str, shown: str) -> Any:
    def kernel(x: Any) -> Any:
        return x * (factor if type(x) is float else x.dtype.type(factor))

    return elementwise(
        name,
        kernel,
        {"input": lambda: factor},
        scalar=lambda x: x * factor,
        promote="float",
        linear_in=("input",),
        tex=tex,
        samples=reals(),
        doc=f"""{words}.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, 180.0]))
    tensor({shown})
    """,
    )


deg2rad = _scaling(
    "deg2rad",
    math.pi / 180,
    r"\tfrac{{\pi}}{{180}} {0}",
    "Degrees as radians: x·π/180",
    "[0.0175, 3.1416]",
)
rad2deg = _scaling(
    "rad2deg",
    180 / math.pi,
    r"\tfrac{{180}}{{\pi}} {0}",
    "Radians as degrees: x·180/π",
    "[   57.2958, 10313.2402]",
)


# sin(z)/z has the derivative −z/3 + z³/30 − z⁵/840 + …; the coefficients by rising power of z²
_SERIES = (-1 / 3, 1 / 30, -1 / 840, 1 / 45360, -1 / 3991680)


def _sinc_slope_kernel(x: Any) -> Any:
    a = np.asarray(x)
    z = np.pi * a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)
    near = np.abs(z) < 0.25
    safe = np.where(near, 1.0, z)
    far = (np.cos(safe) - np.sin(safe) / safe) / safe
    square = np.where(near, z, 0.0) ** 2
    series = z * np.polynomial.polynomial.polyval(square, _SERIES)
    return (np.pi * np.where(near, series, far)).astype(a.dtype)[()]


sinc_slope: Any = elementwise(
    "sinc_slope",
    _sinc_slope_kernel,
    # x f'' + 2 f' + π² x f = 0 for f = sinc, and f''(0) = −π²/3
    {"input": lambda input, out: where(
        input == 0, -PI2 / 3, -PI2 * sinc(input) - 2 * out / input
    )},
    promote="float",
    symbol="sinc′",
    tex=r"\operatorname{{sinc}}' {0}",
    samples=lambda s: [(s(3),), (s(2, 2, low=0.01, high=0.2),), (s(),), (s(0),)],
    where=(),
    doc="(cos πx − sinc x)/x, the derivative of sinc, by its series where that would cancel.",
)  # fmt: skip
sinc: Any = elementwise(
    "sinc",
    rounded_once(np.sinc),
    {"input": lambda input: sinc_slope(input)},
    textbook={"input": lambda input, out: (cos(math.pi * input) - out) / input},
    promote="float",
    tex=r"\operatorname{{sinc}} {0}",
    samples=reals(0.2, 3),
    doc="""sin(πx)/(πx), 1 at 0. Derivative (cos πx − sinc x)/x.

    >>> import chainrule as cr
    >>> cr.sinc(cr.tensor([0.0, 0.5]))
    tensor([1.0000, 0.6366])
    """,
)
