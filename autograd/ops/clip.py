"""Clamping between bounds."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, names, op, write_out
from ..errors import refuse
from ..handle import Handle
from .compare import gt, isnan, logical_or, lt, where


@op(
    # selected, not multiplied: an infinite gradient outside the bounds is 0, not nan
    {"input": lambda g, input, min, max: where(_inside(input, min, max), g, 0.0)},
    name="clamp",
    where=(),
    promote="keep",
    tex=r"\operatorname{{clamp}} {0}",
    onnx="Clip",
    samples=lambda s: [
        (s.distinct(3, 2), -0.5, 0.5),
        (s.distinct(4), None, 0.1),
        (s.distinct(4), -0.1),
        (s.distinct(), 0.0, 1.0),
        (s(0), -1.0, 1.0),
    ],
)
def clamp_op(input: Array, min: Any = None, max: Any = None) -> Any:
    """``input`` cut off below ``min`` and above ``max``."""
    refuse("clamp", input, "c")
    out = input
    if min is not None:
        out = np.maximum(out, min)
    if max is not None:
        out = np.minimum(out, max)  # min > max gives max
    half = getattr(input, "dtype", None) is not None and input.dtype.itemsize == 2
    return out.astype(input.dtype) if half else out  # bfloat16 and a number make float32 in NumPy


def _inside(input: Any, low: Any, high: Any) -> Any:
    """1 from bound to bound, both included; 0 outside."""
    if low is None:
        return 1 * (input <= high)
    if high is None:
        return 1 * (input >= low)
    return (input >= low) * (input <= high)


@export("torch", "tensor", "F", name="clamp")
def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """``input`` between ``min`` and ``max`` (numbers or tensors; either may be left out).

    Derivative 1 inside and at the bounds, 0 outside; min > max gives max everywhere.

    >>> import chainrule as cr
    >>> cr.clamp(cr.tensor([-2.0, 0.5, 2.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if isinstance(min, Handle) or isinstance(max, Handle):
        for bound in (min, max):
            if bound is not None and not isinstance(bound, Handle):
                raise TypeError(
                    "clamp(): min and max are both numbers or both tensors, got "
                    f"{type(min).__name__} and {type(max).__name__}"
                )
        # not maximum and minimum: a bound that is met exactly takes no gradient, a nan wins
        result = input
        if min is not None:
            result = where(logical_or(lt(result, min), isnan(min)), min, result)
        if max is not None:
            result = where(logical_or(gt(result, max), isnan(max)), max, result)
    else:
        min, max = (b.item() if isinstance(b, np.generic) else b for b in (min, max))
        bounds = [b for b in (min, max) if b is not None]
        if not input.is_floating_point() and any(isinstance(b, float) for b in bounds):
            input = input.to(float)
        result = clamp_op(input, min, max)
    return result if out is None else write_out(out, result)


@export("torch", "tensor", name="clamp_min")
def clamp_min(input: Any, min: Any) -> Any:
    """``input`` cut off below ``min``."""
    return clamp(input, min)


@export("torch", "tensor", name="clamp_max")
def clamp_max(input: Any, max: Any) -> Any:
    """``input`` cut off above ``max``."""
    return clamp(input, None, max)


def _in_place(self: Any, min: Any = None, max: Any = None) -> Any:
    """``clamp``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, clamp(self, min, max), "clamp_")


names["torch"]["clip"] = names["tensor"]["clip"] = clamp
names["tensor"]["clamp_"] = names["tensor"]["clip_"] = _in_place
clamp_op.op.function = clamp
