"""Comparisons, logic and ``where``."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes, views
from ..declare import Array, elementwise, export, names, op, write_out
from ..errors import refuse
from ..handle import Handle, make
from ..op import REFUSED
from .samples import two

PAIR = ("input", "other")


def _comparison(name: str, kernel: Any, symbol: str, tex: str, onnx: str, example: str) -> Any:
    return elementwise(
        name,
        kernel,
        complex_rules=None if name in ("eq", "ne") else REFUSED,
        inputs=PAIR,
        symbol=symbol,
        tex=f"[{{0}} {tex} {{1}}]",
        onnx=onnx,
        samples=two(),
        doc=f"Where ``input {symbol} other``, as booleans; broadcasts. It has no gradient.\n\n"
        f">>> import chainrule as cr\n>>> cr.{name}(cr.tensor([1.0, 2.0]), 2)\n{example}\n",
    )


eq = _comparison("eq", np.equal, "=", "=", "Equal", "tensor([False,  True])")
ne = _comparison("ne", np.not_equal, "≠", r"\ne", "Not(Equal)", "tensor([ True, False])")
lt = _comparison("lt", np.less, "<", "<", "Less", "tensor([ True, False])")
le = _comparison("le", np.less_equal, "≤", r"\le", "LessOrEqual", "tensor([True, True])")
gt = _comparison("gt", np.greater, ">", ">", "Greater", "tensor([False, False])")
ge = _comparison("ge", np.greater_equal, "≥", r"\ge", "GreaterOrEqual", "tensor([False,  True])")
for _new, _old in (("not_equal", ne), ("less", lt), ("less_equal", le)):
    names["torch"][_new], names["tensor"][_new] = _old.op.function, _old
for _new, _old in (("greater", gt), ("greater_equal", ge)):
    names["torch"][_new], names["tensor"][_new] = _old.op.function, _old


def _logical(name: str, kernel: Any, symbol: str, inputs: tuple[str, ...] = PAIR) -> Any:
    args = "cr.tensor([True, False])" + (", cr.tensor([True, True])" if len(inputs) == 2 else "")
    result = {"logical_and": "[ True, False]", "logical_or": "[True, True]"}
    result |= {"logical_xor": "[False,  True]", "logical_not": "[False,  True]"}
    return elementwise(
        name,
        kernel,
        inputs=inputs,
        symbol=symbol,
        samples=None,
        doc=f"{symbol} of truth values (anything not 0 is true).\n\n"
        f">>> import chainrule as cr\n>>> cr.{name}({args})\ntensor({result[name]})\n",
    )


logical_and = _logical("logical_and", np.logical_and, "and")
logical_or = _logical("logical_or", np.logical_or, "or")
logical_xor = _logical("logical_xor", np.logical_xor, "xor")
logical_not = _logical("logical_not", np.logical_not, "not", ("input",))


def _bitwise(name: str, kernel: Any, symbol: str, inputs: tuple[str, ...] = PAIR) -> Any:
    args = "cr.tensor([6, 3])" + (", 5" if len(inputs) == 2 else "")
    result = {"bitwise_and": "[4, 1]", "bitwise_or": "[7, 7]", "bitwise_xor": "[3, 6]"}
    result |= {"bitwise_not": "[-7, -4]"}

    def whole(*args: Any) -> Any:
        refuse(name, args[0], "fc")
        return kernel(*args)

    return elementwise(
        name,
        whole,
        inputs=inputs,
        symbol=symbol,
        doc=f"Bit by bit {symbol} of integers, or of booleans.\n\n"
        f">>> import chainrule as cr\n>>> cr.{name}({args})\ntensor({result[name]})\n",
    )


bitwise_and = _bitwise("bitwise_and", np.bitwise_and, "and")
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, "or")
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, "exclusive or")
bitwise_not = _bitwise("bitwise_not", np.bitwise_not, "not", ("input",))


def _test(name: str, kernel: Any, doc: str, example: str) -> Any:
    return elementwise(
        name,
        kernel,
        where=("torch", "tensor"),
        doc=f"{doc}\n\n>>> import chainrule as cr\n"
        f">>> cr.{name}(cr.tensor([1.0, float('inf'), float('nan')]))\n{example}\n",
    )


isnan = _test("isnan", np.isnan, "Which elements are nan.", "tensor([False, False,  True])")
isinf = _test("isinf", np.isinf, "Which elements are ±inf.", "tensor([False,  True, False])")
isfinite = _test(
    "isfinite", np.isfinite, "Which elements are numbers.", "tensor([ True, False, False])"
)


def _where_kernel(condition: Any, input: Any, other: Any) -> Any:
    if isinstance(condition, (bool, int, np.bool_)) and type(input) is type(other) is float:
        return input if condition else other
    return np.where(condition, input, other)


@op(
    {
        "input": lambda g, condition: where(condition, g, 0.0),
        "other": lambda g, condition: where(condition, 0.0, g),
    },
    where=(),
    untyped=("condition",),
    numbers=True,
    linear_in=("input", "other"),
    tex=r"\begin{{cases}} {1} & {0} \\ {2} \end{{cases}}",
    onnx="Where",
    samples=lambda s: [
        (s.mask(2, 3), s(2, 3), s(2, 3)),
        (s.mask(3), s(2, 3), s(2, 1)),
        (s.mask(2, 1), s(), s(3)),
        (s.mask(0), s(0), s()),
    ],
)
def where(condition: Array, input: Array, other: Array) -> Any:
    """``input`` where ``condition`` holds, ``other`` elsewhere; broadcasts.

    The branch not taken gets gradient 0. With ``condition`` alone: the indices where it holds.

    >>> import chainrule as cr
    >>> cr.where(cr.tensor([True, False]), cr.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    """
    single = not isinstance(condition, np.ndarray) and type(other) is float
    if single and type(input) in (float, np.float32):
        return input if condition else type(input)(other)
    return np.where(condition, input, other)


def select(g: Any, partial: Any) -> Any:
    """``g · partial``, and 0 where ``partial`` is 0, whatever ``g`` is: a way not taken."""
    return where(partial != 0, g * partial, 0.0)


@export("torch", name="where")
def where_public(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """``input`` where ``condition`` holds, ``other`` elsewhere (see the operation ``where``)."""
    if input is None and other is None:
        from .index import nonzero

        return nonzero(condition, as_tuple=True)
    if not isinstance(condition, Handle):
        raise TypeError(
            "where(): argument 'condition' (position 1) must be Tensor, not "
            f"{type(condition).__name__}"
        )
    if dtypes.of(condition._data).name not in ("bool", "uint8"):
        raise RuntimeError(
            "where expected condition to be a boolean tensor, but got a tensor with dtype "
            f"{dtypes.of(condition._data)}"
        )
    result = where(condition, input, other)
    return result if out is None else write_out(out, result)


@export("tensor", name="where")
def where_method(self: Any, condition: Any, other: Any) -> Any:
    """``self`` where ``condition`` holds, ``other`` elsewhere."""
    return where_public(condition, self, other)


where.op.function = where_public


@export("torch", "tensor")
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and elements, as a Python bool.

    >>> import chainrule as cr
    >>> cr.equal(cr.tensor([1, 2]), cr.tensor([1, 2]))
    True
    """
    a, b = views.real_array(input), views.real_array(other)
    return bool(a.shape == b.shape and np.all(np.equal(a, b)))


@export("torch", "tensor")
def isclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Any:
    """Where |input − other| ≤ atol + rtol·|other|.

    >>> import chainrule as cr
    >>> cr.isclose(cr.tensor([1.0, 2.0]), cr.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    if input.dtype is not other.dtype:
        raise RuntimeError(f"{input.dtype} did not match {other.dtype}")
    return make(np.isclose(input._data, other._data, rtol, atol, equal_nan))


@export("torch", "tensor")
def allclose(
    input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether every element is close (see ``isclose``), as a Python bool.

    >>> import chainrule as cr
    >>> cr.allclose(cr.tensor([1.0]), cr.tensor([1.0 + 1e-7]))
    True
    """
    return bool(np.all(isclose(input, other, rtol, atol, equal_nan)._data))
