"""Extremes: max, min and where they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, names, op, write_out
from ..dispatch import apply
from ..errors import refuse
from ..handle import Handle
from ..op import REFUSED
from ..shapes import axes, axis, count
from .arithmetic import maximum, minimum
from .forms import return_type
from .reduce import check_tensor, reduced_axes, spread, total


def _share_ties(g: Any, input: Any, out: Any, shape: Any, dim: Any, keepdim: bool) -> Any:
    """Split the gradient evenly among the elements that attain the extreme."""
    top = spread(out, shape, dim, keepdim)
    ties = (input == top) + (input != input) * (top != top)  # nan attains nan
    return spread(g / total(ties, dim, keepdim), shape, dim, keepdim) * ties


def _extreme(name: str, reduce: Any, onnx: str, word: str) -> Any:
    def kernel(input: Array, dim: Any = None, keepdim: bool = False) -> Any:
        if type(input) is float:
            axes(dim, 0)
            return input
        if count(input.shape, dim) == 0:
            kind = RuntimeError if dim is None or dim == () else IndexError
            raise kind(
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. "
                f"Specify the reduction dim with the 'dim' argument (shape {list(input.shape)})."
            )
        return reduce(input, axis=reduced_axes(input, dim), keepdims=keepdim)

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
        complex_rules=REFUSED,
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
        refuse(name, x, "bc")
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


def _along(name: str, index: Any) -> Any:
    """``max`` or ``min`` along one dimension, with the index that the gradient goes to."""

    def kernel(input: Array, dim: Any, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        refuse(name, x, "c")
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
    {
        "input": lambda g, indices, input_shape, dim, keepdim: place(
            g, indices, input_shape, dim, keepdim
        )
    },
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


def _max_or_min(name: str, whole: Any, along: Any, pair: Any) -> Any:
    kind = return_type(name, "values", "indices")

    def function(
        input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None,
        keepdims: bool = False, other: Any = None, out: Any = None,
    ) -> Any:  # fmt: skip
        check_tensor(name, input)
        other = dim if isinstance(dim, Handle) else other
        dim = axis if dim is None else dim
        if dim is None or isinstance(other, Handle):
            result = pair(input, other) if isinstance(other, Handle) else whole(input)
            return result if out is None else write_out(out, result)
        result = kind(*apply(along.op, (input,), (dim, keepdim or keepdims)))
        return result if out is None else write_out(out, result)

    example = "4." if name == "max" else "1."
    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""The {name}imum of all, along ``dim`` (values, indices), or of two.

    Over all, ties share the gradient evenly; along ``dim`` it goes to the index returned.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, 4.0]))
    tensor({example})
    >>> cr.{name}(cr.tensor([[1.0, 4.0]]), 1).indices
    tensor([{1 if name == "max" else 0}])
    """
    names["torch"][name] = names["tensor"][name] = function
    return function


max = _max_or_min("max", amax, _max_dim, maximum)
min = _max_or_min("min", amin, _min_dim, minimum)
