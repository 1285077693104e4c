"""Rounding, remainders and the parts of floating-point numbers."""

from __future__ import annotations

import numbers
from typing import Any

import ml_dtypes
import numpy as np

from .. import views
from ..declare import Array, elementwise, export, op, write_out
from ..errors import refuse
from .compare import isfinite, isnan, where
from .reduce import check_tensor
from .samples import reals

ZERO = {"input": lambda: 0.0}  # the local derivative of functions that are constant in steps


def _refuse_complex(name: str, x: Any) -> None:
    if getattr(x, "dtype", None) is not None and x.dtype.kind == "c":
        raise NotImplementedError(f"{name} is not supported for complex inputs")


def _step(name: str, rounded: Any, symbol: str, tex: str, onnx: str, words: str, shown: str) -> Any:
    """A function to whole numbers: integers stay as they are, the gradient is 0."""

    def kernel(x: Any) -> Any:
        refuse(name, x, "b")
        _refuse_complex(name, x)
        return rounded(x) if x.__class__ is float or x.dtype.kind not in "iu" else x + 0

    return elementwise(
        name,
        kernel,
        ZERO,
        scalar=lambda x: float(rounded(x)),
        symbol=symbol,
        tex=tex,
        onnx=onnx,
        samples=reals(0.1, 0.9) if name != "round" else reals(0.6, 1.4),
        aliases=("fix",) if name == "trunc" else (),
        where=() if name == "round" else ("torch", "tensor", "inplace"),
        doc=f"""{words}; integers stay as they are. Its gradient is 0.

    Raises NotImplementedError for booleans and complex numbers.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([-1.5, 0.5, 2.7]))
    tensor({shown})
    """,
    )


floor = _step(
    "floor",
    np.floor,
    "⌊·⌋",
    r"\left\lfloor {0} \right\rfloor",
    "Floor",
    "The largest integer that is not above the number",
    "[-2.,  0.,  2.]",
)
ceil = _step(
    "ceil",
    np.ceil,
    "⌈·⌉",
    r"\left\lceil {0} \right\rceil",
    "Ceil",
    "The smallest integer that is not below the number",
    "[-1.,  1.,  3.]",
)
trunc = _step(
    "trunc",
    np.trunc,
    "trunc",
    r"\operatorname{{trunc}} {0}",
    "Mul(Sign, Floor(Abs))",
    "The number without its fraction, rounded towards 0",
    "[-1.,  0.,  2.]",
)
round_op = _step(
    "round",
    np.rint,
    "round",
    r"\operatorname{{round}} {0}",
    "Round",
    "The nearest integer, halves to the even one",
    "[-2.,  0.,  3.]",
)


@op(
    {"input": lambda g: 0.0 * g},
    where=(),
    promote="keep",
    symbol="round",
    samples=lambda s: [(s(2, 3), 1), (s(3), -1), (s(), 2), (s(0), 3)],
)
def round_decimals(input: Array, decimals: int) -> Any:
    """The nearest multiple of 10^−decimals."""
    refuse("round", input)
    tens = 10.0 ** abs(decimals)
    if decimals < 0:
        return np.rint(input / tens) * tens
    return np.rint(input * tens) / tens


@export("torch", "tensor")
def round(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    """The nearest number with so many decimals (0: integer; negative: tens, hundreds, …).

    Halves go to the even neighbour. Its gradient is 0. Booleans raise NotImplementedError, and so
    do integers with ``decimals``.

    >>> import chainrule as cr
    >>> cr.round(cr.tensor([0.5, 1.5, -2.5])), cr.round(cr.tensor([3.14159]), decimals=2)
    (tensor([ 0.,  2., -2.]), tensor([3.1400]))
    """
    check_tensor("round", input)
    if not isinstance(decimals, numbers.Integral):
        raise TypeError(f"round(): decimals must be int, not {type(decimals).__name__}")
    result = round_decimals(input, decimals) if decimals else round_op(input)
    return result if out is None else write_out(out, result)


@export("tensor")
def round_(self: Any, *, decimals: int = 0) -> Any:
    """``round``, written into the tensor itself."""
    views.check_inplace(self)
    return views.write(self, round(self, decimals=decimals), "round_")


round_op.op.function = round


def _frac_kernel(x: Any) -> Any:
    refuse("frac", x)
    return x - np.trunc(x)


frac = elementwise(
    "frac",
    _frac_kernel,
    {"input": 1},
    tex=r"\operatorname{{frac}} {0}",
    samples=reals(0.1, 0.9),
    doc="""The fraction x − trunc(x), with the sign of x; nan for ±inf. Derivative 1.

    >>> import chainrule as cr
    >>> cr.frac(cr.tensor([1.5, -1.25]))
    tensor([ 0.5000, -0.2500])
    """,
)


def _fmod_kernel(x: Any, y: Any) -> Any:
    refuse("fmod", x, "b")
    if np.asarray(x).dtype.kind in "iu" and not np.all(y):
        raise RuntimeError("ZeroDivisionError: integer division by zero")
    return np.fmod(x, y)


fmod = elementwise(
    "fmod",
    _fmod_kernel,
    {"input": 1, "other": lambda input, other: -trunc(input / other)},
    inputs=("input", "other"),
    scalar=lambda x, y: type(x)(np.fmod(x, y)),
    symbol="fmod",
    tex=r"\operatorname{{fmod}}({0}, {1})",
    onnx="Mod",
    samples=reals(-3, 3, (0.7, 1.9)),
    doc="""``input − other · trunc(input / other)``: the sign is that of ``input``, as C's fmod.

    Integers raise RuntimeError on division by zero; floats give nan. (``%`` follows ``other``.)

    >>> import chainrule as cr
    >>> cr.fmod(cr.tensor([5.0, -5.0]), 3)
    tensor([ 2., -2.])
    """,
)


def _signbit_kernel(x: Any) -> Any:
    _refuse_complex("signbit", x)
    x = np.asarray(x)
    return (np.signbit(x) if x.dtype.kind not in "biu" else np.less(x, 0))[()]


signbit = elementwise(
    "signbit",
    _signbit_kernel,
    where=("torch", "tensor"),
    doc="""Which elements carry a minus sign, −0 among them.

    >>> import chainrule as cr
    >>> cr.signbit(cr.tensor([1.0, -0.0, -2.0]))
    tensor([False,  True,  True])
    """,
)
copysign = elementwise(
    "copysign",
    np.copysign,
    {
        # ±1, and 0 at 0
        "input": lambda input, out: where(input == 0, 0.0, out / input),
        "other": lambda: 0.0,
    },
    inputs=("input", "other"),
    scalar=lambda x, y: type(x)(np.copysign(x, y)),
    promote="float",
    tex=r"\operatorname{{copysign}}({0}, {1})",
    samples=reals(0.3, 3, (-3, -0.3)),
    doc="""|``input``| with the sign of ``other`` (that of −0 is minus).

    Derivative ±1, 0 where ``input`` is 0; that of ``other`` is 0.

    >>> import chainrule as cr
    >>> cr.copysign(cr.tensor([1.0, -2.0]), cr.tensor([-3.0, 0.0]))
    tensor([-1.,  2.])
    """,
)


@op(
    {"input": lambda g, input: g * isfinite(input)},
    where=("torch", "tensor", "inplace"),
    promote="keep",
    samples=lambda s: [(s(2, 3),), (s(4), 0.5, 2.0, -2.0), (s(),), (s(0, 2), 1.0)],
)
def nan_to_num(input: Array, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    """``input`` with nan, inf and −inf replaced: by 0 and the dtype's largest and least numbers.

    The gradient is that of the identity, and 0 where something was replaced.

    >>> import chainrule as cr
    >>> cr.nan_to_num(cr.tensor([1.0, float("nan"), float("inf")]), posinf=9.0)
    tensor([1., 0., 9.])
    """
    x = np.asarray(input)
    if x.dtype.kind in "biu":
        return x.copy()[()]
    limits = ml_dtypes.finfo(x.dtype)  # type: ignore[no-untyped-call]
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf

    def finite(part: Any) -> Any:
        out = np.where(np.isnan(part), part.dtype.type(0.0 if nan is None else nan), part)
        out = np.where(part == np.inf, part.dtype.type(high), out)
        return np.where(part == -np.inf, part.dtype.type(low), out)

    if x.dtype.kind == "c":
        return (finite(x.real) + 1j * finite(x.imag)).astype(x.dtype)[()]
    return finite(x)[()]


def _infinite(name: str, sign: float, shown: str) -> Any:
    def kernel(x: Any) -> Any:
        if np.asarray(x).dtype.kind == "c":
            raise RuntimeError(f"{name} does not support complex inputs.")
        return np.equal(x, sign * np.inf) if np.asarray(x).dtype.kind not in "biu" else x != x

    return elementwise(
        name,
        kernel,
        where=("torch", "tensor"),
        doc=f"""Which elements are {"+" if sign > 0 else "−"}inf.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([float("inf"), float("-inf"), 1.0]))
    tensor({shown})
    """,
    )


isposinf = _infinite("isposinf", 1.0, "[ True, False, False]")
isneginf = _infinite("isneginf", -1.0, "[False,  True, False]")
isreal = elementwise(
    "isreal",
    lambda x: np.equal(np.imag(x), 0),
    where=("torch", "tensor"),
    doc="""Which elements have no imaginary part: all of them where the dtype is not complex.

    >>> import chainrule as cr
    >>> cr.isreal(cr.tensor([1.0, 2.0]))
    tensor([True, True])
    """,
)


def _ignoring_nan(name: str, pick: Any, word: str, takes: Any, shown: str) -> Any:
    """``fmax`` or ``fmin``: of a number and nan the number."""

    def kernel(input: Array, other: Array) -> Any:
        return pick(input, other)

    kernel.__doc__ = f"""The {word} of two tensors, elementwise; nan only where both are.

    Equals give the whole gradient to ``input``.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, float("nan")]), cr.tensor([3.0, 2.0]))
    tensor({shown})
    """
    return op(
        {"input": takes, "other": lambda input, other: 1 - 1 * takes(input, other)},
        name=name,
        partial=True,
        symbol=name,
        tex=rf"\operatorname{{{{{name}}}}}({{0}}, {{1}})",
        samples=lambda s: [
            (s(3), s(3)),
            (s(2, 3), s(3)),
            (s(), s()),
            (s(2, 1), s(1, 3)),
            (s(0), s()),
        ],
    )(kernel)


fmax = _ignoring_nan(
    "fmax", np.fmax, "larger", lambda input, other: (input >= other) + isnan(other), "[3., 2.]"
)
fmin = _ignoring_nan(
    "fmin", np.fmin, "smaller", lambda input, other: (input <= other) + isnan(other), "[1., 2.]"
)
