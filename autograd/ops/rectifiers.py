"""Activations made of straight lines: rectifiers, shrinkers and hard versions of smooth ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import random
from ..declare import Array, export, op
from ..errors import refuse
from ..handle import Handle, make
from .activation import leaky_relu
from .activations import finished, publish_twins
from .arithmetic import mul
from .compare import where
from .halves import rounded_once
from .reduce import check_tensor


@op(
    {
        "input": lambda g, input, weight: where(input > 0, g, g * weight),
        "weight": lambda g, input: where(input > 0, 0.0, g * input),
    },
    name="prelu",
    where=(),
    promote="keep",
    tex=r"\operatorname{{prelu}}({0})",
    onnx="PRelu",
    samples=lambda s: [
        (s.distinct(3, 4), s(1, 4)),
        (s.distinct(3, 4), s(1, 1)),
        (s.distinct(2, 3, 2), s(1, 3, 1)),
        (s(), s()),
        (s(0, 2), s(1, 2)),
    ],
)
def prelu_op(input: Array, weight: Array) -> Any:
    """X above 0, ``weight``·x below; ``weight`` broadcasts."""
    refuse("prelu", input)
    out: Any = np.where(np.greater(input, 0), input, np.multiply(weight, input))
    return out[()]


@export("torch", "tensor", "F")
def prelu(input: Any, weight: Any) -> Any:
    """X above 0, w·x below: ``weight`` has one element, or one for each channel (dimension 1).

    Source: He et al., "Delving Deep into Rectifiers", 2015.

    >>> import chainrule as cr
    >>> cr.prelu(cr.tensor([-2.0, 3.0]), cr.tensor([0.25]))
    tensor([-0.5000,  3.0000])
    """
    check_tensor("prelu", input)
    if not isinstance(weight, Handle):
        raise TypeError(f"prelu(): argument 'weight' must be Tensor, not {type(weight).__name__}")
    w: Any = weight
    if w.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {w.ndim}"
        )
    if w.dtype is not input.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {w.dtype}")
    if w.numel() == 1:
        return prelu_op(input, w.reshape((1,) * input.ndim))
    channels = input.shape[1] if input.ndim > 1 else 1
    if w.numel() != channels:
        raise RuntimeError(
            "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{w.numel()} and channel size = {channels}."
        )
    return prelu_op(input, w.reshape((1, -1, *(1,) * (input.ndim - 2))))


prelu_op.op.function = prelu


@export("F")
def rrelu(
    input: Any,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Any:
    """Leaky relu whose slope below 0 is drawn uniformly from [lower, upper] for each element.

    Outside of training the slope is their mean.
    Source: Xu et al., "Empirical Evaluation of Rectified Activations", 2015.

    >>> import chainrule as cr
    >>> cr.nn.functional.rrelu(cr.tensor([-1.0, 2.0]), 0.25, 0.75)
    tensor([-0.5000,  2.0000])
    """
    check_tensor("rrelu", input)
    for word, bound in (("lower", lower), ("upper", upper)):
        if not math.isfinite(bound):
            raise RuntimeError(f"rrelu: {word} bound must be finite, got {bound}")
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if not training:
        return finished(input, leaky_relu(input, (lower + upper) / 2), inplace, "rrelu_")
    refuse("rrelu", input._data)
    x = np.asarray(input._data)
    slopes = np.ones(x.shape, x.dtype)
    below: Any = x <= 0  # only these take a draw, in order
    drawn = random.pick(None).uniform((int(below.sum()),), np.dtype(np.float64), lower, upper)
    slopes[below] = drawn
    return finished(input, mul(input, make(slopes[()])), inplace, "rrelu_")


def _corners(s: Any, *more: Any) -> list[Any]:
    """Sample calls that reach over all corners and hit none."""
    wide = s.distinct(3, 4) * 4.1
    return [(wide, *more), (wide[0],), (s.distinct(2, 1, 3), *more), (s(),), (s(0, 2),)]


@op(
    {
        # 0 at the corners too; nan lets the gradient through
        "input": lambda g, input, min_val, max_val: where(
            (input <= min_val) + (input >= max_val), 0.0, g
        )
    },
    name="hardtanh",
    where=(),
    promote="keep",
    tex=r"\operatorname{{hardtanh}}({0})",
    onnx="Clip",
    samples=lambda s: _corners(s, -0.75, 1.55),
)
@rounded_once
def hardtanh_op(input: Array, min_val: float = -1.0, max_val: float = 1.0) -> Any:
    """``input`` cut off at ``min_val`` and ``max_val``."""
    kind = np.asarray(input).dtype
    if kind.kind == "b":
        raise RuntimeError("Bool inputs not supported for hardtanh; convert first: x.float()")
    if kind.kind in "iu":
        min_val, max_val = int(min_val), int(max_val)
    if kind.kind == "u" and min_val < 0:
        raise RuntimeError(
            f"cannot do hardtanh on an unsigned type ({kind}) with negative limits ({min_val})"
        )
    return np.minimum(np.maximum(input, min_val), max_val)


@export("F")
def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """``input`` cut off at ``min_val`` and ``max_val``; derivative 1 inside, 0 at the corners.

    >>> import chainrule as cr
    >>> cr.nn.functional.hardtanh(cr.tensor([-3.0, 0.5, 3.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    check_tensor("hardtanh", input)
    if min_val > max_val:
        raise ValueError(
            f"min_val cannot be greater than max_val: hardtanh got {min_val} and {max_val}"
        )
    return finished(input, hardtanh_op(input, min_val, max_val), inplace, "hardtanh_")


hardtanh_op.op.function = hardtanh


@export("F")
def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(0, x), 6); derivative 1 inside, 0 at the corners.

    >>> import chainrule as cr
    >>> cr.nn.functional.relu6(cr.tensor([-1.0, 3.0, 9.0]))
    tensor([0., 3., 6.])
    """
    check_tensor("relu6", input)
    return finished(input, hardtanh_op(input, 0.0, 6.0), inplace, "relu6_")


@op(
    {"input": lambda g, input: where((input > -3) * (input < 3), g / 6, 0.0)},
    name="hardsigmoid",
    where=(),
    promote="keep",
    tex=r"\operatorname{{hardsigmoid}}({0})",
    onnx="HardSigmoid",
    samples=_corners,
)
@rounded_once
def hardsigmoid_op(input: Array) -> Any:
    """(x + 3)/6 between 0 and 1."""
    refuse("hardsigmoid", input)
    return np.minimum(np.maximum(np.add(input, 3), 0), 6) / 6


@export("F")
def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """(x + 3)/6, cut off at 0 and 1; derivative 1/6 inside, 0 at the corners.

    >>> import chainrule as cr
    >>> cr.nn.functional.hardsigmoid(cr.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    check_tensor("hardsigmoid", input)
    return finished(input, hardsigmoid_op(input), inplace, "hardsigmoid_")


hardsigmoid_op.op.function = hardsigmoid


@op(
    {"input": lambda g, input: where(input <= -3, 0.0, where(input < 3, g * (input / 3 + 0.5), g))},
    name="hardswish",
    where=(),
    promote="keep",
    tex=r"\operatorname{{hardswish}}({0})",
    onnx="HardSwish",
    samples=_corners,
)
@rounded_once
def hardswish_op(input: Array) -> Any:
    """X·hardsigmoid(x)."""
    refuse("hardswish", input)
    return input * np.minimum(np.maximum(np.add(input, 3), 0), 6) / 6


@export("F")
def hardswish(input: Any, inplace: bool = False) -> Any:
    """x·hardsigmoid(x). Derivative x/3 + ½ between −3 and 3; 0 at −3 and below, 1 from 3 on.

    Source: Howard et al., "Searching for MobileNetV3", 2019.

    >>> import chainrule as cr
    >>> cr.nn.functional.hardswish(cr.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000,  0.6667,  4.0000])
    """
    check_tensor("hardswish", input)
    return finished(input, hardswish_op(input), inplace, "hardswish_")


hardswish_op.op.function = hardswish


@op(
    {"input": lambda g, input, threshold: where(input <= threshold, 0.0, g)},
    name="threshold",
    where=(),
    promote="keep",
    tex=r"\operatorname{{threshold}}({0})",
    samples=lambda s: [
        (s.distinct(3, 4), 0.5, 7.0),
        (s.distinct(5), -0.3, -1),
        (s(), 0.0, 1.0),
        (s(0, 2), 0.0, 1.0),
    ],
)
def threshold_op(input: Array, threshold: float, value: float) -> Any:
    """``input`` where it is above ``threshold``, ``value`` elsewhere."""
    x = np.asarray(input)
    refuse("threshold", x, "b")
    if x.dtype.kind in "iu":
        threshold, value = int(threshold), int(value)
        limits = np.iinfo(x.dtype)
        if not limits.min <= value <= limits.max:
            raise RuntimeError(f"value cannot be converted to type {x.dtype} without overflow")
    return np.where(x <= threshold, x.dtype.type(value), x)[()]


@export("F")
def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """``input`` where it is above ``threshold``, ``value`` elsewhere; derivative 1 and 0.

    >>> import chainrule as cr
    >>> cr.nn.functional.threshold(cr.tensor([-1.0, 0.5, 2.0]), 0.5, 9.0)
    tensor([9., 9., 2.])
    """
    check_tensor("threshold", input)
    return finished(input, threshold_op(input, threshold, value), inplace, "threshold_")


threshold_op.op.function = threshold


def _near(input: Any, width: float) -> Any:
    """Where |x| ≤ ``width``."""
    return (input >= -width) * (input <= width)


@op(
    {"input": lambda g, input, lambd: where(_near(input, lambd), 0.0, g)},
    where=("torch", "tensor", "F"),
    promote="keep",
    tex=r"\operatorname{{hardshrink}}({0})",
    onnx="Shrink",
    samples=lambda s: _corners(s, 0.33),
)
def hardshrink(input: Array, lambd: float = 0.5) -> Any:
    """0 where |x| ≤ λ, x elsewhere; derivative 0 and 1.

    >>> import chainrule as cr
    >>> cr.nn.functional.hardshrink(cr.tensor([-1.0, 0.5, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    refuse("hardshrink", input)
    x = np.asarray(input)
    return np.where(_near(x, lambd), x.dtype.type(0), x)[()]


@op(
    {"input": lambda g, input, lambd: where(_near(input, lambd), 0.0, g)},
    where=("F",),
    promote="keep",
    tex=r"\operatorname{{softshrink}}({0})",
    onnx="Shrink",
    samples=lambda s: _corners(s, 0.33),
)
def softshrink(input: Array, lambd: float = 0.5) -> Any:
    """X moved towards 0 by λ, and 0 where |x| ≤ λ; derivative 1 and 0.

    Raises RuntimeError for a negative λ.

    >>> import chainrule as cr
    >>> cr.nn.functional.softshrink(cr.tensor([-1.0, 0.25, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    refuse("softshrink", input)
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be at least 0, but found {lambd}")
    x = np.asarray(input)
    moved = np.where(x > lambd, x - lambd, np.where(x < -lambd, x + lambd, x * 0))
    return moved.astype(x.dtype)[()]


publish_twins((hardtanh, threshold, rrelu), (threshold, rrelu))


@export("F")
def leaky_relu_(input: Any, negative_slope: float = 0.01) -> Any:
    """``leaky_relu``, written into its argument."""
    return finished(input, leaky_relu(input, negative_slope), True, "leaky_relu_")
