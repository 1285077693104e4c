"""Linear interpolation, and products and quotients added to a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, op, write_out
from ..errors import refuse
from ..handle import Handle
from .halves import rounded_once
from .reduce import check_tensor


def _three(s: Any) -> list[Any]:
    return [
        (s(3), s(3), s(3, low=0.4, high=2.0)),
        (s(2, 3), s(3), s(1, low=0.4, high=2.0)),
        (s(), s(), s(low=0.4, high=2.0)),
        (s(3), s(2, 1), s(low=0.4, high=2.0)),
        (s(0), s(0), s(0)),
    ]


@op(
    {
        "input": lambda g, weight: g * (1 - weight),
        "end": lambda g, weight: g * weight,
        "weight": lambda g, input, end: g * (end - input),
    },
    name="lerp",
    where=(),
    promote="keep",  # the public function has seen to it that all have one dtype
    tex=r"{0} + {2} \left({1} - {0}\right)",
    onnx="Add(Mul(Sub))",
    samples=lambda s: [*_three(s), (s(3), s(3), 0.25), (s(2, 2), s(2), 0.75)],
)
@rounded_once
def lerp_op(input: Array, end: Array, weight: Array) -> Any:
    """``input + weight·(end − input)``, taken from the nearer end, so that both ends are exact."""
    refuse("lerp", input)
    step = np.subtract(end, input)
    near = np.less(np.abs(weight), 0.5)
    return np.where(near, input + weight * step, end - step * (1 - weight))[()]


@export("torch", "tensor")
def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Any:
    """``input + weight·(end − input)``: linear interpolation, ``weight`` a number or a tensor.

    Derivatives 1 − weight, weight and end − input. All three have one dtype (RuntimeError).

    >>> import chainrule as cr
    >>> cr.lerp(cr.tensor([0.0, 1.0]), cr.tensor([10.0, 2.0]), 0.25)
    tensor([2.5000, 1.2500])
    """
    check_tensor("lerp", input)
    if not isinstance(end, Handle):
        raise TypeError(f"lerp(): argument 'end' must be Tensor, not {type(end).__name__}")
    for name, other in (("end", end), ("weight", weight)):
        if isinstance(other, Handle) and other.dtype is not input.dtype:  # type: ignore[attr-defined]
            raise RuntimeError(
                f"expected dtype {input.dtype} for `{name}` but got dtype {other.dtype}"  # type: ignore[attr-defined]
            )
    result = lerp_op(input, end, weight)
    return result if out is None else write_out(out, result)


@export("tensor")
def lerp_(self: Any, end: Any, weight: Any) -> Any:
    """``lerp``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, lerp(self, end, weight), "lerp_")


lerp_op.op.function = lerp


def _number(value: Any, like: Any) -> Any:
    """``value`` as a number of the type of ``like``: cut to its range as C cuts it."""
    kind = np.asarray(like).dtype
    return np.asarray(int(value)).astype(kind)[()] if kind.kind in "iu" else value


@op(
    {
        "input": 1,
        "tensor1": lambda g, tensor2, value: g * (tensor2 * value),
        "tensor2": lambda g, tensor1, value: g * (tensor1 * value),
    },
    name="addcmul",
    where=(),
    linear_in=("input",),
    tex=r"{0} + v\,{1}\,{2}",
    onnx="Add(Mul)",
    samples=lambda s: [*_three(s), (s(3), s(3), s(3), 0.5), (s(2, 3), s(2, 1), s(3), -2)],
)
@rounded_once
def addcmul_op(input: Array, tensor1: Array, tensor2: Array, value: Any = 1) -> Any:
    """``input + value · tensor1 · tensor2``."""
    refuse("addcmul", input, "b")
    return input + _number(value, input) * tensor1 * tensor2


@op(
    {
        "input": 1,
        "tensor1": lambda g, tensor2, value: g * (value / tensor2),
        # two divisions: the square of tensor2 may overflow
        "tensor2": lambda g, tensor1, tensor2, value: -g * (value * (tensor1 / tensor2) / tensor2),
    },
    name="addcdiv",
    where=(),
    linear_in=("input",),
    tex=r"{0} + v\,\frac{{{1}}}{{{2}}}",
    onnx="Add(Div)",
    samples=lambda s: [*_three(s), (s(3), s(3), s(3, low=1.0), 0.5), (s(2, 2), s(2), s(), -2)],
)
@rounded_once
def addcdiv_op(input: Array, tensor1: Array, tensor2: Array, value: Any = 1) -> Any:
    """``input + value · tensor1 / tensor2``."""
    if np.asarray(input).dtype.kind in "biu":
        raise _integers("integers")
    return input + np.true_divide(value * tensor1, tensor2)


def _integers(what: str) -> RuntimeError:
    return RuntimeError(
        f"Integer division with addcdiv is no longer supported: got {what}; convert one of them "
        "first: x.float()"
    )


def _tensors(name: str, **given: Any) -> None:
    for key, value in given.items():
        if not isinstance(value, Handle):
            raise TypeError(
                f"{name}(): argument '{key}' must be Tensor, not {type(value).__name__}"
            )


@export("torch", "tensor")
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """``input + value · tensor1 · tensor2``, elementwise with broadcasting.

    >>> import chainrule as cr
    >>> cr.addcmul(cr.tensor([1.0]), cr.tensor([2.0, 3.0]), cr.tensor([4.0]), value=0.5)
    tensor([5., 7.])
    """
    _tensors("addcmul", input=input, tensor1=tensor1, tensor2=tensor2)
    result = addcmul_op(input, tensor1, tensor2, value)
    return result if out is None else write_out(out, result)


@export("torch", "tensor")
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """``input + value · tensor1 / tensor2``, elementwise with broadcasting.

    Raises RuntimeError where both ``tensor1`` and ``tensor2`` are integers.

    >>> import chainrule as cr
    >>> cr.addcdiv(cr.tensor([1.0]), cr.tensor([2.0, 3.0]), cr.tensor([4.0]))
    tensor([1.5000, 1.7500])
    """
    _tensors("addcdiv", input=input, tensor1=tensor1, tensor2=tensor2)
    if tensor1.dtype.category < 2 and tensor2.dtype.category < 2:
        raise _integers(f"{tensor1.dtype} and {tensor2.dtype}")
    result = addcdiv_op(input, tensor1, tensor2, value)
    return result if out is None else write_out(out, result)


@export("tensor")
def addcmul_(self: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``addcmul``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, addcmul(self, tensor1, tensor2, value=value), "addcmul_")


@export("tensor")
def addcdiv_(self: Any, tensor1: Any, tensor2: Any, *, value: Any = 1) -> Any:
    """``addcdiv``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, addcdiv(self, tensor1, tensor2, value=value), "addcdiv_")


addcmul_op.op.function, addcdiv_op.op.function = addcmul, addcdiv
