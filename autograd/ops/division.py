"""Division with rounding: div, floor_divide, remainder."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import views
from ..declare import elementwise, export, names, public, write_out
from ..declare import in_place as twin
from ..errors import refuse
from .arithmetic import PAIR, STEPS, true_divide
from .samples import reals


@export("torch", "tensor", name="div")
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """``input / other``; ``rounding_mode`` ``"trunc"`` or ``"floor"`` rounds the quotient.

    >>> import chainrule as cr
    >>> cr.div(cr.tensor([7.0, -7.0]), 2, rounding_mode="floor")
    tensor([ 3., -4.])
    """
    if rounding_mode is None:
        return _divide_public(input, other, out=out)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found "
            f"'{rounding_mode}'"
        )
    result = (floor_divide if rounding_mode == "floor" else _truncated)(input, other)
    return result if out is None else write_out(out, result)


_divide_public = public(true_divide.op)
for _n in ("true_divide", "divide"):
    names["torch"][_n] = names["tensor"][_n] = div
_divide_in_place = twin(true_divide.op, "div_")


def _div_in_place(self: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """``div``, written into the tensor itself."""
    if rounding_mode is None:
        return _divide_in_place(self, other)
    views.check_inplace(self)
    return views.write(self, div(self, other, rounding_mode=rounding_mode), "div_")


names["tensor"]["div_"] = _div_in_place
names["tensor"]["true_divide_"] = names["tensor"]["divide_"] = names["tensor"]["div_"]


def _trunc_scalar(x: Any, y: Any) -> Any:
    return type(x)(np.trunc(x / y))


def _trunc_kernel(x: Any, y: Any) -> Any:
    if np.result_type(x, y).kind == "f":
        return np.trunc(np.true_divide(x, y))
    quotient = np.floor_divide(x, y)
    return quotient + ((np.remainder(x, y) != 0) & (quotient < 0))


def _integer_zero(kernel: Any) -> Any:
    def checked(x: Any, y: Any) -> Any:
        refuse("div", x, "b")
        if np.asarray(y).dtype.kind in "iu" and np.asarray(x).dtype.kind in "iu" and not np.all(y):
            raise RuntimeError("ZeroDivisionError: integer division by zero")
        return kernel(x, y)

    return checked


floor_divide = elementwise(
    "floor_divide",
    _integer_zero(lambda x, y: np.floor_divide(x, y)),
    STEPS,
    inputs=PAIR,
    scalar=operator.floordiv,
    symbol="//",
    tex=r"\left\lfloor {0} / {1} \right\rfloor",
    samples=reals(-3, 3, (0.7, 1.9)),
    doc="""The quotient rounded down, as Python's ``//``; its gradient is 0.

    Integers raise RuntimeError on division by zero; floats give inf or nan.

    >>> import chainrule as cr
    >>> cr.tensor([7, -7]) // 2
    tensor([ 3, -4])
    """,
)
_truncated = elementwise(
    "trunc_divide",
    _integer_zero(_trunc_kernel),
    STEPS,
    inputs=PAIR,
    scalar=_trunc_scalar,
    where=(),
    symbol="÷ trunc",
    samples=reals(-3, 3, (0.7, 1.9)),
    doc="The quotient rounded towards zero; its gradient is 0.",
)
remainder = elementwise(
    "remainder",
    _integer_zero(lambda x, y: np.remainder(x, y)),
    {"input": 1, "other": lambda input, other: -floor_divide(input, other)},
    inputs=PAIR,
    scalar=operator.mod,
    symbol="mod",
    tex=r"{0} \bmod {1}",
    onnx="Mod",
    samples=reals(-3, 3, (0.7, 1.9)),
    doc="""``input − other · floor(input / other)``: the sign is that of ``other``, as Python's %.

    >>> import chainrule as cr
    >>> cr.tensor([5.0, -5.0]) % 3
    tensor([2., 1.])
    """,
)
