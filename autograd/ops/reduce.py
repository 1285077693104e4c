"""Reductions: sums, means, spreads and extremes over dimensions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..declare import Array, export, names, op, write_out
from ..dispatch import apply
from ..shapes import axes, axis, count, kept_shape
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


def _axes(x: Any, dim: Any) -> Any:
    """NumPy's axis argument; None for a 0-d array."""
    found = axes(dim, np.ndim(x))
    return None if np.ndim(x) == 0 else found


@op(
    {"input": lambda g, dim, keepdim: total(g, dim, keepdim)},
    where=(),
    linear_in=("input",),
    symbol="spread",
    onnx="Expand",
    samples=lambda s: [(s(2), (2, 3), 1, False), (s(), (2, 2), None, False), (s(1, 3), (2, 3), 0, True)],
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
    dtype = np.int64 if input.dtype.kind in "biu" else None
    return np.add.reduce(input, axis=_axes(input, dim), dtype=dtype, keepdims=keepdim)


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
    total_ = np.add.reduce(input, axis=_axes(input, dim), keepdims=keepdim)
    return total_ / np.asarray(count(input.shape, dim), input.dtype)[()]


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
        if dtype is not None:
            input = input.to(dtype)
        result = call(input, dim, keepdim) if not numpy_names else call(
            input, **_keywords(dim, keepdim, numpy_names)
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
    found = _axes(x, dim)
    n = max(count(x.shape, dim) - correction, 0)
    centred = x - np.mean(x, axis=found, keepdims=True)
    squares = np.square(np.abs(centred)) if x.dtype.kind == "c" else np.square(centred)
    summed = np.add.reduce(squares, axis=found, keepdims=keepdim)
    return summed / np.asarray(n, summed.dtype)[()]


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
    """The public form of ``var`` and ``std``: ``(unbiased)`` or ``(dim, unbiased)`` or correction."""

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
        if correction is None:
            correction = 1 if unbiased is None or unbiased else 0
        result = call(input, dim, correction, keepdim or keepdims)
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__doc__, function.__module__ = call.__doc__, __name__
    call.op.function = function
    names["torch"][name] = names["tensor"][name] = function
    return function


_spread_measure(var, "var")
_spread_measure(std, "std")


def _share_ties(g: Any, input: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """Split the gradient evenly among the elements that attain the extreme."""
    ties = input == spread(out, shape, dim, keepdim)
    return spread(g / total(ties, dim, keepdim), shape, dim, keepdim) * ties


def _extreme(name: str, reduce: Any, onnx: str, word: str) -> Any:
    def kernel(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
        if type(input) is float:
            axes(dim, 0)
            return input
        if count(input.shape, dim) == 0:
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                f"Specify the reduction dim with the 'dim' argument (shape {list(input.shape)})."
            )
        return reduce(input, axis=_axes(input, dim), keepdims=keepdim)

    kernel.__doc__ = f"""The {word} over ``dim``; nan wins. Ties share the gradient evenly.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([[1.0, 5.0], [3.0, 2.0]]), 1)
    tensor({"[5., 3.]" if name == "amax" else "[1., 2.]"})
    """
    return op(
        {
            "input": lambda g, input, out, input_shape, dim, keepdim: _share_ties(
                g, input, out, input_shape, dim, keepdim
            )
        },
        name=name,
        symbol=name[1:],
        tex=rf"\{name[1:]} {{0}}",
        onnx=onnx,
        samples=lambda s: [
            (s.distinct(3, 4),),
            (s.distinct(3, 4), 0),
            (s.distinct(2, 3, 2), (0, 2), True),
            (s(),),
        ],
    )(kernel)


amax = _extreme("amax", np.maximum.reduce, "ReduceMax", "largest element")
amin = _extreme("amin", np.minimum.reduce, "ReduceMin", "smallest element")


def _first(arg: Any, nan_first: bool = True) -> Any:
    """The index of the extreme: the first of ties, and of nans."""

    def index(x: Any, dim: Any, keepdim: bool = False) -> Any:
        x = np.asarray(x)
        if dim is None:
            return np.int64(arg(x))
        found = axis(dim, x.ndim)
        if x.ndim == 0:
            return np.int64(0)
        if x.shape[found] == 0:
            raise IndexError(
                f"Expected reduction dim {found} to have non-zero size (shape {list(x.shape)})."
            )
        return arg(x, axis=found, keepdims=keepdim).astype(np.int64)

    return index


_argmax, _argmin = _first(np.argmax), _first(np.argmin)


def _arg(name: str, index: Any, word: str) -> Any:
    def kernel(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        if x.size == 0 and dim is None:
            raise IndexError(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0."
            )
        out = index(x, dim, keepdim)
        return np.full((1,) * x.ndim, out) if dim is None and keepdim else out

    kernel.__doc__ = f"""The index of the {word} element (the first of ties), over ``dim`` or all.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, 5.0, 3.0]))
    tensor({1 if name == "argmax" else 0})
    """
    return op(name=name, promote="keep", onnx=name.replace("a", "A", 1))(kernel)


argmax = _arg("argmax", _argmax, "largest")
argmin = _arg("argmin", _argmin, "smallest")


class Extreme(NamedTuple):
    """What ``max(dim)`` and ``min(dim)`` return."""

    values: Any
    indices: Any


def _along(name: str, index: Any) -> Any:
    """``max`` or ``min`` along one dimension, with the index that the gradient goes to."""

    def kernel(input: Array, dim: Any, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        indices = index(x, dim, True)
        if x.ndim == 0:
            return x[()], indices
        found = axis(dim, x.ndim)
        values = np.take_along_axis(x, indices, found)
        if keepdim:
            return values, indices
        return np.squeeze(values, found)[()], np.squeeze(indices, found)[()]

    kernel.__doc__ = f"``{name}`` along one dimension: values and indices."
    return op(
        {
            "input": lambda g, indices, input_shape, dim, keepdim: place(
                g, indices, input_shape, dim, keepdim
            )
        },
        name=f"{name}_dim",
        where=(),
        promote="keep",
        outputs=2,
        aux=("indices",),
        symbol=name,
        onnx=f"Reduce{name.title()}",
        samples=lambda s: [(s.distinct(3, 4), 0), (s.distinct(2, 3, 2), -1, True), (s(), 0)],
    )(kernel)


@op(
    {"input": lambda g, indices, dim, keepdim: picked(g, indices, dim, keepdim)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(4), s.index(4, below=3), (3, 4), 0, False)],
)
def place(input: Array, indices: Array, shape: Any, dim: Any, keepdim: bool) -> Any:
    """Zeros of ``shape`` with ``input`` at ``indices`` along ``dim``: a max's way back."""
    if not shape:
        return input
    found = axis(dim, len(shape))
    value, at = np.asarray(input), np.asarray(indices)
    out = np.zeros(shape, value.dtype)
    if not keepdim:
        value, at = np.expand_dims(value, found), np.expand_dims(at, found)
    np.put_along_axis(out, at, value, found)
    return out


@op(
    {"input": lambda g, indices, input_shape, dim, keepdim: place(g, indices, input_shape, dim, keepdim)},
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(3, 4), s.index(4, below=3), 0, False)],
)
def picked(input: Array, indices: Array, dim: Any, keepdim: bool) -> Any:
    """The elements at ``indices`` along ``dim``, one a line."""
    x, at = np.asarray(input), np.asarray(indices)
    if x.ndim == 0:
        return x[()]
    found = axis(dim, x.ndim)
    out = np.take_along_axis(x, at if keepdim else np.expand_dims(at, found), found)
    return out if keepdim else np.squeeze(out, found)[()]


_max_dim, _min_dim = _along("max", _argmax), _along("min", _argmin)


def _max_or_min(name: str, whole: Any, along: Any, pair: str) -> Any:
    def function(
        input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None,
        keepdims: bool = False, other: Any = None, out: Any = None,
    ) -> Any:  # fmt: skip
        from . import arithmetic
        from ..handle import Handle

        other = dim if isinstance(dim, Handle) and dim.ndim is not None else other  # type: ignore[attr-defined]
        if isinstance(other, Handle):
            return getattr(arithmetic, pair)(input, other)
        dim = axis if dim is None else dim
        if dim is None:
            return whole(input)
        result = Extreme(*apply(along.op, (input,), (dim, keepdim or keepdims)))
        return result if out is None else write_out(out, result)

    example = ("torch.return_types.max(", "4.") if name == "max" else ("", "1.")
    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""The {name}imum of all elements, along ``dim`` (values, indices), or of two tensors.

    Over all, ties share the gradient evenly; along ``dim`` it goes to the index returned.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, 4.0]))
    tensor({example[1]})
    >>> cr.{name}(cr.tensor([[1.0, 4.0]]), 1).indices
    tensor([{1 if name == "max" else 0}])
    """
    names["torch"][name] = names["tensor"][name] = function
    return function


max = _max_or_min("max", amax, _max_dim, "maximum")
min = _max_or_min("min", amin, _min_dim, "minimum")


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
    """log Σ eˣ over ``dim``, without overflow: the maximum is taken out first.

    >>> import chainrule as cr
    >>> cr.logsumexp(cr.tensor([1000.0, 1000.0]), 0)
    tensor(1000.6931)
    """
    x = np.asarray(input)
    found = _axes(x, dim)
    if x.size == 0:
        with np.errstate(divide="ignore"):
            return np.log(np.add.reduce(np.exp(x), axis=found, keepdims=keepdim))
    top = np.maximum.reduce(x, axis=found, keepdims=True)
    top = np.where(np.isfinite(top), top, np.zeros((), x.dtype))
    summed = np.log(np.add.reduce(np.exp(x - top), axis=found, keepdims=True)) + top
    return summed if keepdim or x.ndim == 0 else np.squeeze(summed, found)[()]


def _truth(name: str, reduce: Any, word: str) -> Any:
    def kernel(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        return reduce(x, axis=_axes(x, dim), keepdims=keepdim)

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
