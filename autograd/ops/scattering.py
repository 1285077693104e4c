"""Reducing elements into places: sums, products, means and extremes where several land."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..declare import Array, op, tensor_of
from ..handle import Handle, cast
from ..shapes import axis
from .compare import where
from .forms import offered, twin, underived
from .gather import cropped, gather_op, lined, places_of, scatter_add_op, scatter_value
from .shape import expand, reshape


@op(where=(), promote="keep", symbol="#")
def landings(index: Array, shape: Any, dim: int, start: int) -> Any:
    """How many elements land at each place, counting from ``start``; 1 where none does."""
    at = np.atleast_1d(np.asarray(index))
    out = np.full(shape or (1,), start, np.int64)
    if at.size:
        np.add.at(out, places_of(at, axis(dim, out.ndim)), 1)
    return np.maximum(out, 1).reshape(shape)[()]


@op({"input": 1}, where=(), promote="keep", samples=lambda s: [(s(3), np.array([0, 1, 0]))])
def zeros_checked(input: Array, zeros: Array) -> Any:
    """``input``; raises where two zeros met in one product, whose second derivative is not made."""
    if np.any(np.asarray(zeros) > 1):
        raise RuntimeError(
            "scatter_reduce(): Double backward is unsupported for src when >1 zeros in src are "
            "scattered to the same position in self"
        )
    return input


@op(
    {"input": lambda g, zeros: zeros_checked(g, zeros)},
    where=(),
    promote="keep",
    samples=lambda s: [(s(3), np.array([0, 1, 0]))],
)
def single_zeros(input: Array, zeros: Array) -> Any:
    """``input``, whose own backward needs that no two zeros met in one product."""
    return input


def _self_rule(
    g: Any, input: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    """The gradient of the tensor that was scattered into."""
    if reduce == "mean":
        g = g / landings(index, getattr(input, "shape", ()), dim, int(include_self))
    elif reduce == "prod":
        whole = where(input == 0, 1.0, input)
        g = g * scatter_reduce_op(whole, index, src, dim, reduce, include_self) / whole
    elif reduce != "sum":
        mine, theirs = _attained(input, index, src, out, dim)
        g = mine * (g / scatter_add_op(mine, index, theirs, dim))
    return g if include_self else scatter_value(g, index, dim, 0.0)


def _src_rule(
    g: Any, input: Any, index: Any, src: Any, out: Any, dim: int, reduce: str, include_self: bool
) -> Any:
    """The gradient of the elements that were scattered."""
    if reduce == "sum":
        return gather_op(g, index, dim)
    if reduce == "mean":
        count = landings(index, getattr(input, "shape", ()), dim, int(include_self))
        return gather_op(g / count, index, dim)
    if reduce == "prod":
        none = 0.0 * (input == input)
        zeros = gather_op(scatter_add_op(none, index, 1.0 * (src == 0), dim), index, dim)
        single = (src == 0) * (zeros == 1)
        others = scatter_reduce_op(input, index, where(single, 1.0, src), dim, reduce, include_self)
        there = gather_op(g * others, index, dim)
        rest = gather_op(g * out, index, dim) / where(src == 0, 1.0, src)
        return single_zeros(where(single, there, rest), zeros)
    mine, theirs = _attained(input, index, src, out, dim)
    shared = g / scatter_add_op(mine, index, theirs, dim)
    return theirs * gather_op(shared, index, dim)


def _attained(input: Any, index: Any, src: Any, out: Any, dim: int) -> tuple[Any, Any]:
    """1 where an element attains the extreme of its place, in ``input`` and in ``src``."""
    return 1.0 * (input == out), 1.0 * (src == gather_op(out, index, dim))


_UFUNCS: Any = {"sum": np.add, "mean": np.add, "prod": np.multiply}
_UFUNCS |= {"amax": np.maximum, "amin": np.minimum}


def _identity(reduce: str, dtype: Any) -> Any:
    """The neutral element of a reduction in a dtype."""
    if reduce in ("sum", "mean", "prod"):
        return int(reduce == "prod")
    low = reduce == "amax"
    if dtype.kind == "b":
        return not low
    if dtype.kind in "iu":
        return np.iinfo(dtype).min if low else np.iinfo(dtype).max
    return -np.inf if low else np.inf


@op(
    {"input": _self_rule, "src": _src_rule},
    name="scatter_reduce",
    where=(),
    promote="keep",
    onnx="ScatterElements",
    samples=lambda s: (
        [
            (s(3, 2), s.index(4, 2, below=3), s(4, 2), 0, r, i)
            for r in ("sum", "prod", "mean", "amax", "amin")
            for i in (True, False)
        ]
        + [(s(2, 3), s.index(2, 2, below=3), s(2, 2), -1, "prod", True)]
    ),
)
def scatter_reduce_op(
    input: Array, index: Array, src: Array, dim: int, reduce: str, include_self: bool
) -> Any:
    """A copy of ``input`` in which the elements of ``src`` are reduced into their places."""
    x, at, k = lined(input, index, dim, "scatter_reduce")
    out = np.array(x)
    if not at.size:
        return out[()]
    places = places_of(at, k)
    if not include_self:
        out[places] = _identity(reduce, out.dtype)
    _UFUNCS[reduce].at(out, places, np.asarray(src).reshape(at.shape))
    if reduce == "mean":
        n = landings.op.kernel(at, out.shape, k, int(include_self))
        out = out // n if out.dtype.kind in "iu" else out / n.astype(out.dtype)
    return out.reshape(np.shape(input))[()]


@offered("torch", "tensor")
def scatter_reduce(
    input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """A copy of ``input`` with ``src`` reduced into it at ``index`` along ``dim``.

    ``reduce``: "sum", "prod", "mean", "amax" or "amin"; ``include_self=False`` leaves the old
    values out where anything lands. Ties of an extreme share the gradient evenly.

    >>> import chainrule as cr
    >>> x = cr.tensor([1.0, 2.0])
    >>> x.scatter_reduce(0, cr.tensor([0, 0, 1]), cr.tensor([5.0, 3.0, 9.0]), "amax")
    tensor([5., 9.])
    """
    if reduce not in _UFUNCS:
        raise RuntimeError(
            f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}"
        )
    src = cropped(src, index, input, dim, "scatter_reduce")
    return scatter_reduce_op(input, index, src, dim, reduce, include_self)


scatter_reduce_op.op.function = scatter_reduce
twin(scatter_reduce)


def scatter_with(input: Any, dim: int, index: Any, src: Any, reduce: str) -> Any:
    """``scatter`` with its old ``reduce`` argument."""
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    if isinstance(src, Handle):
        warnings.warn(
            "The reduce argument of torch.scatter with Tensor src is deprecated and will be "
            "removed in a future PyTorch release. Use torch.scatter_reduce instead for more "
            "reduction options.",
            UserWarning,
            stacklevel=4,
        )
        src = cropped(src, index, input, dim, "scatter")
    else:
        src = tensor_of(np.full(tuple(index.shape), cast(src, input.dtype)))
    kind = "sum" if reduce == "add" else "prod"
    result = scatter_reduce_op(input.detach(), index, src.detach(), dim, kind, True)
    flows = next((t for t in (input, src) if t.requires_grad), None)
    return result if flows is None else underived(flows, result, "scatter")


@offered("torch", "tensor")
def index_reduce(
    input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    """A copy of ``input`` with the slices of ``source`` reduced into those at ``index``.

    ``reduce``: "prod", "mean", "amax" or "amin".

    >>> import chainrule as cr
    >>> import warnings; warnings.simplefilter("ignore")
    >>> x, s = cr.tensor([1.0, 2.0]), cr.tensor([5.0, 3.0])
    >>> x.index_reduce(0, cr.tensor([0, 0]), s, "amax")
    tensor([5., 2.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got "
            f"{reduce}."
        )
    warnings.warn(
        "index_reduce() is in beta and the API may change at any time.", UserWarning, stacklevel=3
    )
    k = axis(dim, input.ndim)
    shape = tuple([index.numel() if d == k else 1 for d in range(source.ndim)])
    every = expand(reshape(index, shape), tuple(source.shape))
    return scatter_reduce_op(input, every, source, k, reduce, include_self)


twin(index_reduce)
