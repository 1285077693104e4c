"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import erf as _erf
from scipy.special import expit

from ..declare import Array, elementwise, export, names, op
from ..errors import refuse
from ..views import check_inplace, write
from .compare import select, where
from .exponential import exp
from .samples import reals

EVERYWHERE = ("torch", "tensor", "inplace", "F")
ROOT2, ROOT2PI = math.sqrt(2.0), math.sqrt(2 * math.pi)


def _sigmoid_scalar(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _typed(out: Any, x: Any) -> Any:
    """In the type of the argument: SciPy widens the half types, a Python float bfloat16."""
    return out if out.dtype is getattr(x, "dtype", out.dtype) else out.astype(x.dtype)


def _sigmoid_kernel(x: Any) -> Any:
    if getattr(x, "dtype", None) is not None and x.dtype.kind == "c":
        return 1 / (1 + np.exp(-x))
    return _typed(expit(x), x)


sigmoid = elementwise(
    "sigmoid",
    _sigmoid_kernel,
    {"input": lambda out: out * (1 - out)},
    scalar=_sigmoid_scalar,
    promote="float",
    symbol="σ",
    tex=r"\sigma({0})",
    onnx="Sigmoid",
    samples=reals(),
    where=EVERYWHERE,
    doc="""σ(x) = 1 / (1 + e⁻ˣ), between 0 and 1. Derivative σ(1 − σ), at most ¼.

    >>> import chainrule as cr
    >>> cr.sigmoid(cr.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """,
)


def _relu_kernel(x: Any) -> Any:
    if x.__class__ is not float and x.dtype.kind == "b":
        raise RuntimeError("Boolean inputs not supported for relu; convert first: x.float()")
    return np.maximum(x, 0)


relu = elementwise(
    "relu",
    _relu_kernel,
    {"input": lambda out: out != 0},  # 1 for nan, which PyTorch lets through
    textbook={"input": lambda input: input > 0},
    scalar=lambda x: x if x > 0 or x != x else 0.0,
    select=select,  # √relu(x) has gradient 0 below 0, not inf · 0
    symbol="relu",
    tex=r"\operatorname{{relu}}({0})",
    onnx="Relu",
    samples=reals(0.2, 3),
    where=("torch", "tensor", "inplace"),
    doc="""max(0, x). Derivative 1 above 0, and 0 at 0 and below.

    >>> import chainrule as cr
    >>> cr.relu(cr.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """,
)


@op(
    {"input": lambda g, input, negative_slope: where(input > 0, g, g * negative_slope)},
    where=(),
    promote="keep",
    symbol="leaky relu",
    tex=r"\operatorname{{lrelu}}({0})",
    onnx="LeakyRelu",
    samples=lambda s: [(s.distinct(3, 2),), (s.distinct(4), 0.1), (s(0),), (s.distinct(), 0.2)],
)
def leaky_relu(input: Array, negative_slope: float = 0.01) -> Any:
    """X above 0, ``negative_slope``·x below; the slope at 0 is ``negative_slope``.

    >>> import chainrule as cr
    >>> cr.nn.functional.leaky_relu(cr.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    refuse("leaky_relu", input)
    out = np.where(np.greater(input, 0), input, np.multiply(input, negative_slope))
    return _typed(out, input)


erf = elementwise(
    "erf",
    lambda x: _typed(_erf(x), x),
    {"input": lambda input: (2 / math.sqrt(math.pi)) * exp(-(input**2))},
    scalar=math.erf,
    promote="float",
    tex=r"\operatorname{{erf}} {0}",
    onnx="Erf",
    samples=reals(),
    doc="""The error function 2/√π ∫₀ˣ e^(−t²) dt. Derivative 2/√π · e^(−x²).

    >>> import chainrule as cr
    >>> cr.erf(cr.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """,
)


@op(
    {"input": lambda g, input, approximate: g * _gelu_slope(input, approximate)},
    where=(),
    promote="keep",
    tex=r"\operatorname{{gelu}}({0})",
    onnx="Gelu",
    samples=lambda s: [(s(3, 2),), (s(4), "tanh"), (s(),), (s(0, 2), "none")],
)
def gelu(input: Array, approximate: str = "none") -> Any:
    """x·Φ(x), Φ the normal distribution function; ``approximate="tanh"`` is its usual stand-in.

    Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.

    >>> import chainrule as cr
    >>> cr.nn.functional.gelu(cr.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    refuse("gelu", input)
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * np.power(input, 3))
        return _typed(0.5 * input * (1 + np.tanh(inner)), input)
    if approximate != "none":
        raise RuntimeError("approximate argument must be either none or tanh.")
    return _typed(0.5 * input * (1 + _erf(input / ROOT2)), input)


def _gelu_slope(input: Any, approximate: str) -> Any:
    from .trigonometric import sech2, tanh

    if approximate == "tanh":
        root = math.sqrt(2 / math.pi)
        inner = root * (input + 0.044715 * input**3)
        slope = root * (1 + 3 * 0.044715 * input**2)
        return 0.5 * (1 + tanh(inner)) + 0.5 * input * sech2(inner) * slope
    density = exp(-0.5 * input**2) * (1 / ROOT2PI)
    return 0.5 * (1 + erf(input * (1 / ROOT2))) + input * density


def _switchable(function: Any, name: str) -> Any:
    """The form of nn.functional, with ``inplace``."""

    def switched(input: Any, *args: Any, inplace: bool = False, **kwargs: Any) -> Any:
        if args and isinstance(args[-1], bool):
            args, inplace = args[:-1], args[-1]
        if inplace:
            check_inplace(input)
            return write(input, function(input, *args, **kwargs), name + "_")
        return function(input, *args, **kwargs)

    switched.__name__ = switched.__qualname__ = name
    switched.__doc__ = function.__doc__
    return switched


names["F"]["relu"] = _switchable(relu.op.function, "relu")
names["F"]["leaky_relu"] = _switchable(leaky_relu.op.function, "leaky_relu")
names["F"]["gelu"] = gelu.op.function


@export("F")
def relu_(input: Any) -> Any:
    """``relu``, written into its argument."""
    return names["tensor"]["relu_"](input)
