"""Products, sums without nan, counts, and statistics of one and of two variables."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from .. import dtypes
from ..batched import peek
from ..declare import Array, export, names, op, write_out
from ..handle import Handle, make
from ..shapes import axis as axis_of
from ..shapes import count
from .clip import clamp_op
from .compare import isnan, where
from .cumulative import cumprod, shifted
from .exponential import sqrt
from .extreme import amax, amin
from .halves import rounded_once
from .linalg import matmul_op
from .reduce import check_tensor, reduced_axes, spread, total
from .shape import reshape, transpose


def _others(input: Any, shape: Any, dim: Any) -> Any:
    """For each element the product of the others: those before it times those after it."""
    if dim is None:
        return reshape(_others(reshape(input, (-1,)), None, 0), shape)
    before = cumprod(shifted(input, dim, 1, 1.0), dim, False)
    return before * cumprod(shifted(input, dim, -1, 1.0), dim, True)


@op(
    {
        # g · out / input would divide by the zeros, where this is exact
        "input": lambda g, input, input_shape, dim, keepdim: (
            spread(g, input_shape, dim, keepdim) * _others(input, input_shape, dim)
        )
    },
    name="prod",
    where=(),
    promote="keep",
    symbol="Π",
    tex=r"\prod {0}",
    onnx="ReduceProd",
    samples=lambda s: [
        (s(3, 4),),
        (s(3, 4), 0),
        (s(3, 4), -1, True),
        (s(2, 3, 2), 1),
        (np.array([2.0, 0.0, 3.0]), 0),
        (np.array([[0.0, 5.0], [2.0, 0.0]]),),
        (s(),),
        (s(), 0),
        (s(0, 3), 0),
    ],
)
@rounded_once
def prod_op(input: Array, dim: Any = None, keepdim: Any = False) -> Any:
    """Π input over ``dim`` (all dimensions by default); booleans and integers as int64."""
    x = np.asarray(input)
    dtype: Any = np.int64 if x.dtype.kind in "biu" else None
    return np.multiply.reduce(x, axis=reduced_axes(x, dim), dtype=dtype, keepdims=keepdim)


@export("torch", "tensor")
def prod(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None,
    axis: Any = None, keepdims: bool = False,
) -> Any:  # fmt: skip
    """The product of all elements, or along one dimension.

    Booleans and integers are multiplied as int64. The gradient is exact through zeros.

    >>> import chainrule as cr
    >>> x = cr.tensor([2.0, 0.0, 4.0], requires_grad=True)
    >>> x.prod().backward(); x.grad
    tensor([0., 8., 0.])
    """
    check_tensor("prod", input)
    dim = axis if dim is None else dim
    if isinstance(dim, (tuple, list)):
        raise TypeError(f"prod(): argument 'dim' must be int, not {type(dim).__name__}")
    result = prod_op(input if dtype is None else input.to(dtype), dim, keepdim or keepdims)
    return result if out is None else write_out(out, result)


prod_op.op.function = prod


def _number(input: Any) -> bool:
    return bool(input.dtype.category >= 2)


@export("torch", "tensor")
def nansum(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None,
    axis: Any = None, keepdims: bool = False,
) -> Any:  # fmt: skip
    """``sum`` in which nan counts as 0.

    >>> import chainrule as cr
    >>> cr.nansum(cr.tensor([1.0, float("nan"), 2.0]))
    tensor(3.)
    """
    check_tensor("nansum", input)
    if dtype is not None:
        input = input.to(dtype)
    kept = where(isnan(input), 0.0, input) if _number(input) else input
    result = total(kept, axis if dim is None else dim, keepdim or keepdims)
    return result if out is None else write_out(out, result)


@export("torch", "tensor")
def nanmean(
    input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, out: Any = None,
    axis: Any = None, keepdims: bool = False,
) -> Any:  # fmt: skip
    """``mean`` of the elements that are not nan; nan where there are none.

    >>> import chainrule as cr
    >>> cr.nanmean(cr.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    check_tensor("nanmean", input)
    if not _number(input):
        raise RuntimeError(
            "nanmean(): expected input to have floating point or complex dtype but got "
            f"{input.dtype}; convert first: x.float()"
        )
    dim, keepdim = axis if dim is None else dim, keepdim or keepdims
    there = 1 - isnan(input).to(input.dtype if dtype is None else dtype)
    result = nansum(input, dim, keepdim, dtype=dtype) / total(there, dim, keepdim)
    return result if out is None else write_out(out, result)


@op(where=("torch", "tensor"), promote="keep", samples=lambda s: [
    (s.mask(3, 4) * s(3, 4),), (s.mask(3, 4) * s(3, 4), 0), (s(2, 3, 2), (0, -1)), (s(),),
    (s(0, 3), 1),
])  # fmt: skip
def count_nonzero(input: Array, dim: Any = None) -> Any:
    """How many elements are not 0, over ``dim`` or all.

    >>> import chainrule as cr
    >>> cr.count_nonzero(cr.tensor([[0, 1], [2, 3]])), cr.count_nonzero(cr.tensor([[0, 1]]), 1)
    (tensor(3), tensor([1]))
    """
    x = np.asarray(input)
    found = reduced_axes(x, dim)
    return np.asarray(np.add.reduce(x != 0, axis=found, dtype=np.int64))[()]


def _with_mean(name: str, words: str, shown: str) -> Any:
    """``std_mean`` and ``var_mean``."""

    def function(
        input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
        correction: Any = None, out: Any = None,
    ) -> Any:  # fmt: skip
        check_tensor(name + "_mean", input)
        if not _number(input):
            raise RuntimeError(
                f"{name}_mean only support floating point and complex dtypes, got {input.dtype}"
            )
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        spread_of = names["torch"][name](input, dim, unbiased, keepdim, correction=correction)
        result = (spread_of, names["torch"]["mean"](input, dim, keepdim))
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name + "_mean"
    function.__module__ = __name__
    function.__doc__ = f"""The {words} and the mean, as a pair.

    >>> import chainrule as cr
    >>> cr.{name}_mean(cr.tensor([1.0, 3.0]))
    {shown}
    """
    return export("torch")(function)


std_mean = _with_mean("std", "standard deviation", "(tensor(1.4142), tensor(2.))")
var_mean = _with_mean("var", "variance", "(tensor(2.), tensor(2.))")


class MinMax(NamedTuple):
    """What ``aminmax`` returns."""

    min: Any
    max: Any


@export("torch", "tensor")
def aminmax(input: Any, *, dim: Any = None, keepdim: bool = False, out: Any = None) -> Any:
    """The smallest and the largest element, over all or along ``dim``; ties share the gradient.

    >>> import chainrule as cr
    >>> cr.aminmax(cr.tensor([1.0, -3.0, 5.0]))
    MinMax(min=tensor(-3.), max=tensor(5.))
    """
    check_tensor("aminmax", input)
    if count(input.shape, dim) == 0:
        if dim is None:
            raise RuntimeError(
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has "
                f"no identity (shape {list(input.shape)})."
            )
        k = axis_of(dim, input.ndim)
        raise IndexError(f"aminmax: Expected reduction dim {k} to have non-zero size.")
    result = MinMax(amin(input, dim, keepdim), amax(input, dim, keepdim))
    return result if out is None else write_out(out, result)


def _weights(name: str, weights: Any, n: int, whole: bool) -> Any:
    """Checked weights of the observations."""
    if weights.ndim > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {weights.ndim}"
        )
    if (weights.dtype.category < 2) != whole:
        kind = "integral" if whole else "floating point"
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {weights.dtype}")
    if weights.numel() != n:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the "
            f"input but got {weights.numel()} != {n}"
        )
    if np.any(peek(weights._data) < 0):
        raise RuntimeError(f"cov(): {name} cannot be negative")
    return weights


@export("torch", "tensor")
def cov(input: Any, *, correction: Any = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance matrix of variables (rows) over observations (columns).

    ``fweights`` are integer counts of the observations, ``aweights`` their relative weights; the
    divisor is the sum of the weights minus ``correction``.

    >>> import chainrule as cr
    >>> cr.cov(cr.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    check_tensor("cov", input)
    if input.ndim > 2:
        raise RuntimeError(
            "cov(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"
        )
    if input.dtype.category == 0:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = reshape(input, (1, -1)) if input.ndim < 2 else input
    x = x if _number(x) else x.to(dtypes.get_default_dtype())
    n = x.shape[1]
    w: Any = None
    if fweights is not None:
        w = _weights("fweights", fweights, n, True).to(x.dtype)
    if aweights is not None:
        given = _weights("aweights", aweights, n, False)
        w = given if w is None else w * given
    weight_sum = float(n) if w is None else total(w)
    if w is not None and float(weight_sum) == 0:
        raise RuntimeError("cov(): weights sum to zero, can't be normalized")
    divisor = weight_sum - correction
    if w is not None and aweights is not None and correction != 0:
        divisor = weight_sum - correction * total(w * aweights) / weight_sum
    if float(divisor) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number "
            "of observations.",
            UserWarning,
            stacklevel=2,
        )
        divisor = make(np.zeros((), x.dtype.np)[()])
    average = total(x if w is None else x * w, 1, True) / (
        weight_sum if isinstance(weight_sum, Handle) else make(x.dtype.np.type(weight_sum))
    )
    centred = x - average
    product = matmul_op(centred, transpose(centred if w is None else centred * w, 0, 1))
    return (product / divisor).squeeze()


@export("torch", "tensor")
def corrcoef(input: Any) -> Any:
    """The correlations of variables (rows) over observations (columns), between −1 and 1.

    >>> import chainrule as cr
    >>> cr.corrcoef(cr.tensor([[0.0, 1.0, 2.0], [4.0, 2.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if isinstance(input, Handle) and input.ndim > 2:  # type: ignore[attr-defined]
        raise RuntimeError(
            "corrcoef(): expected input to have two or fewer dimensions but got an input with "
            f"{input.ndim} dimensions"  # type: ignore[attr-defined]
        )
    c = cov(input)
    if c.ndim == 0:
        return c / c
    at = list(range(c.shape[0]))
    deviation = sqrt(c[at, at])
    scaled = c / reshape(deviation, (-1, 1)) / reshape(deviation, (1, -1))
    return clamp_op(scaled, -1.0, 1.0)
