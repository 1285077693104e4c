"""Running sums, products and extremes, and the recurrence that their gradients are made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import views
from ..declare import Array, export, names, op, write_out
from ..dispatch import apply
from ..errors import refuse
from ..shapes import axis as axis_of
from .exponential import exp
from .forms import return_type
from .gather import gather_back
from .halves import rounded_once
from .reduce import check_tensor


def _lines(s: Any) -> list[Any]:
    return [
        (s(3, 4), 0),
        (s(3, 4), -1),
        (s(2, 3, 2), 1),
        (s(5), 0),
        (s(), 0),
        (s(0, 3), 0),
        (s(1), -1),
    ]


def _turned(x: Any, dim: int, reverse: bool) -> Any:
    """A view with ``dim`` in front, from its end where ``reverse`` is set."""
    front = np.moveaxis(x, axis_of(dim, x.ndim), 0)
    return front[::-1] if reverse else front


@op(
    {"input": lambda g, dim, step: shifted(g, dim, -step, 0.0)},
    where=(),
    promote="keep",
    onnx="Pad(Slice)",
    samples=lambda s: [
        (s(3, 4), 0, 1, 0.0),
        (s(2, 3), -1, -1, 0.0),
        (s(4), 0, 2, 0.0),
        (s(), 0, 1, 0.0),
    ],
)
def shifted(input: Array, dim: int, step: int, fill: float) -> Any:
    """``input`` moved on by ``step`` places along ``dim``, with ``fill`` in the places left."""
    x = np.asarray(input)
    out = np.full(x.shape, fill, x.dtype)
    if x.ndim == 0:
        return out[()]
    source, target = _turned(x, dim, step < 0), _turned(out, dim, step < 0)
    target[abs(step) :] = source[: -abs(step)]
    return out


def _after(reverse: bool) -> int:
    """The step that brings the factor of the next element to this one."""
    return 1 if reverse else -1


@op(
    {
        # the way back of a recurrence is the recurrence that runs the other way
        "input": lambda g, factor, dim, reverse: recurrence(
            g, shifted(factor, dim, _after(reverse), 0.0), dim, not reverse
        ),
        "factor": lambda g, out, factor, dim, reverse: (
            recurrence(g, shifted(factor, dim, _after(reverse), 0.0), dim, not reverse)
            * shifted(out, dim, -_after(reverse), 0.0)
        ),
    },
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Scan",
    samples=lambda s: [
        (s(3, 4), s(3, 4), 0, False),
        (s(3, 4), s(3, 4), -1, True),
        (s(5), s(5), 0, True),
        (s(), s(), 0, False),
    ],
)
def recurrence(input: Array, factor: Array, dim: int, reverse: bool = False) -> Any:
    """The solution of yₜ = inputₜ + factorₜ · yₜ₋₁ along ``dim`` (yₜ₊₁ with ``reverse``)."""
    out = np.array(input)
    if out.ndim == 0:
        return out[()]
    y, f = _turned(out, dim, reverse), _turned(np.broadcast_to(factor, out.shape), dim, reverse)
    for t in range(1, len(y)):
        y[t] += f[t] * y[t - 1]
    return out


def _accumulated(ufunc: Any, input: Any, dim: int, reverse: bool) -> Any:
    """A ufunc's running result; booleans and integers as int64."""
    x = np.asarray(input)
    k = axis_of(dim, x.ndim)
    dtype = np.int64 if x.dtype.kind in "biu" else x.dtype
    if x.ndim == 0:
        return x.astype(dtype)[()]
    turned = np.flip(x, k) if reverse else x
    out = ufunc.accumulate(turned, axis=k, dtype=dtype)
    return np.flip(out, k) if reverse else out


@op(
    {"input": lambda g, dim, reverse: cumsum(g, dim, not reverse)},
    where=(),
    promote="keep",
    linear_in=("input",),
    symbol="cumsum",
    onnx="CumSum",
    samples=lambda s: [*_lines(s), (s(3, 2), 0, True)],
)
@rounded_once
def cumsum(input: Array, dim: int, reverse: bool = False) -> Any:
    """The running sum along ``dim``: yₜ = x₁ + … + xₜ.

    Booleans and integers are summed as int64. Its gradient is the running sum from the end.

    >>> import chainrule as cr
    >>> cr.cumsum(cr.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    return _accumulated(np.add, input, dim, reverse)


@op(
    {
        # Σ over k ≥ t of ḡₖ ∏ of the other factors: nothing is divided by, so zeros do no harm
        "input": lambda g, input, dim, reverse: (
            cumprod(shifted(input, dim, -_after(reverse), 1.0), dim, reverse)
            * recurrence(g, shifted(input, dim, _after(reverse), 0.0), dim, not reverse)
        )
    },
    where=(),
    promote="keep",
    symbol="cumprod",
    samples=lambda s: [*_lines(s), (s(3, 2), 0, True), (np.array([2.0, 0.0, 3.0, 0.0, 4.0]), 0)],
)
@rounded_once
def cumprod(input: Array, dim: int, reverse: bool = False) -> Any:
    """The running product along ``dim``: yₜ = x₁ · … · xₜ.

    Booleans and integers are multiplied as int64. The gradient is exact through zeros.

    >>> import chainrule as cr
    >>> cr.cumprod(cr.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return _accumulated(np.multiply, input, dim, reverse)


@op(
    {
        # every factor is at most 1: e^(yₜ − yₜ₊₁) within the recurrence, e^(xₜ − yₜ) outside
        "input": lambda g, input, out, dim: (
            exp(input - out) * recurrence(g, exp(out - shifted(out, dim, -1, math.inf)), dim, True)
        )
    },
    where=(),
    promote="keep",
    symbol="logcumsumexp",
    samples=_lines,
)
@rounded_once
def logcumsumexp(input: Array, dim: int) -> Any:
    """The logarithm of the running sum of eˣ along ``dim``, without overflow.

    >>> import chainrule as cr
    >>> cr.logcumsumexp(cr.tensor([1000.0, 1000.0]), 0)
    tensor([1000.0000, 1000.6932])
    """
    refuse("logcumsumexp", input)
    x = np.asarray(input)
    k = axis_of(dim, x.ndim)
    return np.logaddexp.accumulate(x, axis=k) if x.ndim else x[()]


def _running(call: Any, name: str, converts: bool) -> Any:
    """The public form: ``dim`` (or ``axis``), ``dtype=`` and ``out=``; and the in-place twin."""

    def function(
        input: Any, dim: Any = None, *, dtype: Any = None, axis: Any = None, out: Any = None
    ) -> Any:
        check_tensor(name, input)
        dim = axis if dim is None else dim
        if dim is None:
            raise TypeError(f'{name}() missing 1 required positional arguments: "dim"')
        if dtype is not None:
            if not converts:
                raise TypeError(f"{name}() got an unexpected keyword argument 'dtype'")
            input = input.to(dtype)
        result = call(input, dim)
        return result if out is None else write_out(out, result)

    def in_place(self: Any, dim: Any, *, dtype: Any = None) -> Any:
        views.check_inplace(self)
        return views.write(self, function(self, dim, dtype=dtype), name + "_")

    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = call.__doc__, __name__
    in_place.__name__, in_place.__module__ = name + "_", __name__
    in_place.__doc__ = f"``{name}``, written into the tensor itself."
    call.op.function = function
    names["torch"][name] = names["tensor"][name] = function
    if converts:
        names["tensor"][name + "_"] = in_place
    return function


cumsum_public = _running(cumsum, "cumsum", True)
cumprod_public = _running(cumprod, "cumprod", True)
_running(logcumsumexp, "logcumsumexp", False)


def _running_extreme(name: str, ufunc: Any, word: str, shown: tuple[str, str]) -> Any:
    def kernel(input: Array, dim: int) -> Any:
        x = np.asarray(input)
        refuse(name, x, "c")
        k = axis_of(dim, x.ndim)
        if x.ndim == 0:
            return x[()], np.int64(0)
        values = ufunc.accumulate(x, axis=k)
        shape = [-1 if d == k else 1 for d in range(x.ndim)]
        places = np.arange(x.shape[k]).reshape(shape)
        reached = (x == values) | (x != x)  # also where it equals the extreme so far, or is nan
        return values, np.maximum.accumulate(np.where(reached, places, 0), axis=k)

    kernel.__doc__ = f"The {word} element so far along ``dim``, and its index."
    call = op(
        {
            "input": lambda g, indices, input_shape, dim: gather_back(
                g, indices, input_shape, dim, False
            )
        },
        name=name,
        where=(),
        promote="keep",
        outputs=2,
        aux=("indices",),
        samples=lambda s: [
            (s.distinct(3, 4), 0),
            (s.distinct(3, 4), -1),
            (s.distinct(2, 3, 2), 1),
            (s.distinct(5), 0),
            (s(), 0),
            (s(0, 3), 0),
        ],
    )(kernel)

    kind = return_type(name, "values", "indices")

    def function(input: Any, dim: Any = None, *, axis: Any = None, out: Any = None) -> Any:
        check_tensor(name, input)
        dim = axis if dim is None else dim
        if dim is None:
            raise TypeError(f'{name}() missing 1 required positional arguments: "dim"')
        result = kind(*apply(call.op, (input,), (dim,)))
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""The {word} element so far along ``dim``: (values, indices).

    Of equal elements the last one counts and takes the gradient; nan stays once it was met.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([2.0, 3.0, 1.0]), 0)
    torch.return_types.{name}(
    values=tensor({shown[0]}),
    indices=tensor({shown[1]}))
    """
    call.op.function = function
    return export("torch", "tensor")(function)


cummax = _running_extreme("cummax", np.maximum, "largest", ("[2., 3., 3.]", "[0, 1, 1]"))
cummin = _running_extreme("cummin", np.minimum, "smallest", ("[2., 2., 1.]", "[0, 0, 2]"))
