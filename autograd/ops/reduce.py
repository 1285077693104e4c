"""Reductions: sums, means, spreads and extremes over dimensions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, names, op, write_out
from ..handle import Handle
from ..shapes import axes, count, kept_shape
from .compare import where
from .exponential import exp


def _reductions(s: Any) -> list[Any]:
    return [
        (s(3, 4),),
        (s(3, 4), 0),
        (s(3, 4), -1, True),
        (s(2, 3, 2), (0, 2)),
        (s(),),
        (s(), -1),
        (s(0, 3), 1),
        (s(2, 1, 3), {"axis": 1, "keepdims": True}),
    ]


def _no_empty(s: Any) -> list[Any]:
    return [c for c in _reductions(s) if c[0].size]


_add: Any = np.add.reduce


def reduced_axes(x: Any, dim: Any) -> Any:
    """NumPy's axis argument; None for a 0-d array."""
    found = axes(dim, np.ndim(x))
    return None if np.ndim(x) == 0 else found


@op(
    {"input": lambda g, dim, keepdim: total(g, dim, keepdim)},
    where=(),
    linear_in=("input",),
    symbol="spread",
    onnx="Expand",
    samples=lambda s: [
        (s(2), (2, 3), 1, False),
        (s(), (2, 2), None, False),
        (s(1, 3), (2, 3), 0, True),
    ],
)
def spread(input: Array, shape: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The inverse of a sum's shape change: repeat along the dimensions that were summed."""
    if not shape:
        return input
    a = np.asarray(input)
    return np.broadcast_to(a if keepdim else a.reshape(kept_shape(shape, dim)), shape)


@op(
    {"input": lambda g, input_shape, dim, keepdim: spread(g, input_shape, dim, keepdim)},
    name="sum",
    where=(),
    linear_in=("input",),
    symbol="Σ",
    tex=r"\sum {0}",
    onnx="ReduceSum",
    samples=_reductions,
)
def total(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
    """Σ input over ``dim`` (all dimensions by default).

    Booleans and integers are summed as int64.

    >>> import chainrule as cr
    >>> cr.tensor([[1.0, 2.0], [3.0, 4.0]]).sum(0)
    tensor([4., 6.])
    """
    if type(input) is float:
        axes(dim, 0)
        return input
    try:
        dtype = np.int64 if input.dtype.kind in "biu" else None
    except AttributeError:  # a plain number inside a rule
        return input
    return _add(input, axis=reduced_axes(input, dim), dtype=dtype, keepdims=keepdim)


def _float_input(name: str, input: Any) -> None:
    d = dtypes.of(input)
    if d.category < 2:
        raise RuntimeError(
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point "
            f"or complex dtype. Got: {d}; convert first: x.float()"
        )


@op(
    {
        "input": lambda g, input_shape, dim, keepdim: (
            spread(g, input_shape, dim, keepdim) / count(input_shape, dim)
        )
    },
    where=(),
    promote="keep",
    linear_in=("input",),
    tex=r"\operatorname{{mean}} {0}",
    onnx="ReduceMean",
    samples=_no_empty,
)
def mean(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
    """The arithmetic mean over ``dim`` (all dimensions by default); nan of nothing.

    Raises RuntimeError for integers.

    >>> import chainrule as cr
    >>> cr.tensor([[1.0, 2.0], [3.0, 4.0]]).mean(1)
    tensor([1.5000, 3.5000])
    """
    _float_input("mean", input)
    if type(input) is float:
        axes(dim, 0)
        return input
    total_ = _add(input, axis=reduced_axes(input, dim), keepdims=keepdim)
    return total_ / np.asarray(count(input.shape, dim), input.dtype)[()]


def check_tensor(name: str, input: Any) -> None:
    """Raise for an argument that is no tensor."""
    if not isinstance(input, Handle):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
        )


def with_dtype(call: Any, name: str) -> Any:
    """The public form of ``sum`` and ``mean``: ``dtype=`` converts first."""

    def function(
        input: Any,
        dim: Any = None,
        keepdim: bool = False,
        *,
        dtype: Any = None,
        out: Any = None,
        **numpy_names: Any,
    ) -> Any:
        check_tensor(name, input)
        if dtype is not None:
            input = input.to(dtype)
        result = (
            call(input, dim, keepdim)
            if not numpy_names
            else call(input, **_keywords(dim, keepdim, numpy_names))
        )
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = call.__doc__, __name__
    function.op = call.op  # type: ignore[attr-defined]  # as the builders do
    call.op.function = function
    names["torch"][name] = names["tensor"][name] = function
    return function


def _keywords(dim: Any, keepdim: bool, more: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {} if dim is None else {"dim": dim}
    return {**given, **({"keepdim": True} if keepdim else {}), **more}


with_dtype(total, "sum")
with_dtype(mean, "mean")


def _var_kernel(x: Any, dim: Any, correction: Any, keepdim: bool) -> Any:
    x = np.asarray(x)
    found = reduced_axes(x, dim)
    n = max(count(x.shape, dim) - correction, 0)
    middle = np.mean(x, axis=found, keepdims=True)
    centred = x - middle
    if x.dtype.kind == "c":
        squares = np.square(np.abs(centred))
    else:
        squares = np.square(centred)
        _level(x, squares, middle, found)
    summed = _add(squares, axis=found, keepdims=keepdim)
    return summed / np.asarray(n, summed.dtype)[()]


def _level(x: Any, squares: Any, middle: Any, dims: Any) -> None:
    """Values that are all equal have no spread at all, whatever rounding did to their mean."""
    if not x.size or x.dtype.kind != "f" or not dims:
        return
    first = squares[tuple([slice(0, 1) if k in dims else slice(None) for k in range(x.ndim)])]
    noise = np.square(middle * (4 * np.finfo(x.dtype).eps))
    if np.any((first > 0) & (first <= noise)):
        low, high = x.min(axis=dims, keepdims=True), x.max(axis=dims, keepdims=True)
        squares[np.broadcast_to(low == high, squares.shape)] = 0


def _centred(input: Any, dim: Any) -> Any:
    return input - mean(input, dim, True)


def _var_samples(s: Any) -> list[Any]:
    return [
        (s(3, 4),),
        (s(3, 4), 0),
        (s(3, 4), -1, 0, True),
        (s(2, 3, 2), (0, 2), 1, False),
        (s(5), None, 2),
    ]


@op(
    {
        "input": lambda g, input, input_shape, dim, correction, keepdim: (
            spread(g, input_shape, dim, keepdim)
            * _centred(input, dim)
            * (2 / _dof(input_shape, dim, correction))
        )
    },
    where=(),
    promote="keep",
    tex=r"\operatorname{{Var}} {0}",
    samples=_var_samples,
)
def var(input: Array, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The variance Σ(x − mean)²/(n − correction) over ``dim``; nan where n ≤ correction.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0, 3.0, 4.0]).var()
    tensor(1.6667)
    """
    _float_input("var", input)
    return _var_kernel(input, dim, correction, keepdim)


def _dof(shape: Any, dim: Any, correction: Any) -> float:
    """Degrees of freedom n − correction; 0 counts as nan, whose gradient is nan too."""
    n = count(shape, dim) - correction
    return float(n) if n > 0 else float("nan")


@op(
    {
        "input": lambda g, input, out, input_shape, dim, correction, keepdim: (
            # 0 where the spread is 0, as PyTorch has it
            spread(where(out == 0, 0.0, g / out), input_shape, dim, keepdim)
            * _centred(input, dim)
            * (1 / _dof(input_shape, dim, correction))
        )
    },
    where=(),
    promote="keep",
    tex=r"\operatorname{{std}} {0}",
    samples=_var_samples,
)
def std(input: Array, dim: Any = None, correction: Any = 1, keepdim: bool = False) -> Any:
    """The standard deviation, √ of ``var``; its gradient at 0 is 0.

    >>> import chainrule as cr
    >>> cr.tensor([1.0, 2.0, 3.0, 4.0]).std()
    tensor(1.2910)
    """
    _float_input("std", input)
    return np.sqrt(_var_kernel(input, dim, correction, keepdim))


def _spread_measure(call: Any, name: str) -> Any:
    """The public form of ``var`` and ``std``: unbiased or correction, dim first or not."""

    def function(
        input: Any,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: Any = None,
        axis: Any = None,
        keepdims: bool = False,
        out: Any = None,
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        dim = axis if dim is None else dim
        check_tensor(name, input)
        if correction is None:
            correction = 1 if unbiased is None or unbiased else 0
        if count(input.shape, dim) <= correction:
            warnings.warn(
                f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than "
                "the reduction factor (input numel divided by output numel).",
                UserWarning,
                stacklevel=2,
            )
        result = call(input, dim, correction, keepdim or keepdims)
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = call.__doc__, __name__
    call.op.function = function
    names["torch"][name] = names["tensor"][name] = function
    return function


_spread_measure(var, "var")
_spread_measure(std, "std")


@op(
    {
        "input": lambda g, input, out, input_shape, dim, keepdim: (
            spread(g, input_shape, dim, keepdim)
            * exp(input - spread(out, input_shape, dim, keepdim))
        )
    },
    promote="float",
    tex=r"\operatorname{{logsumexp}} {0}",
    onnx="ReduceLogSumExp",
    samples=lambda s: [(s(3, 4), 0), (s(3, 4), (0, 1), True), (s(5), -1), (s(2, 3, 2), (0, 2))],
)
def logsumexp(input: Array, dim: Any, keepdim: bool = False) -> Any:
    """Log Σ eˣ over ``dim``, without overflow: the maximum is taken out first.

    >>> import chainrule as cr
    >>> cr.logsumexp(cr.tensor([1000.0, 1000.0]), 0)
    tensor(1000.6932)
    """
    x = np.asarray(input)
    found = reduced_axes(x, dim)
    if x.size == 0:
        with np.errstate(divide="ignore"):
            return np.log(_add(np.exp(x), axis=found, keepdims=keepdim))
    top = np.maximum.reduce(x, axis=found, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), x.dtype))
    summed = np.log(_add(np.exp(x - top), axis=found, keepdims=True)) + top
    return summed if keepdim or x.ndim == 0 else np.squeeze(summed, found)[()]


def _truth(name: str, reduce: Any, word: str) -> Any:
    def kernel(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        truth = reduce(x, axis=reduced_axes(x, dim), keepdims=keepdim)
        return truth.astype(np.uint8) if x.dtype == np.uint8 else truth  # as PyTorch has it

    kernel.__doc__ = f"""Whether {word} elements are true (not 0), over ``dim`` or all.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([True, False]))
    tensor({"True" if name == "any" else "False"})
    """
    return op(name=name, promote="keep")(kernel)


all = _truth("all", np.all, "all")
any = _truth("any", np.any, "any")


@export("torch", "tensor")
def numel(input: Any) -> int:
    """The number of elements.

    >>> import chainrule as cr
    >>> cr.numel(cr.zeros(2, 3))
    6
    """
    return int(input.numel())
