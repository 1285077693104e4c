"""Order statistics: median, k-th value, mode and quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, op, write_out
from ..dispatch import apply
from ..errors import refuse
from ..handle import Handle, make
from ..shapes import axis as axis_of
from .compare import isnan
from .extreme import place
from .forms import return_type
from .gather import gather_back
from .reduce import check_tensor, total
from .shape import movedim, reshape

KthValue = return_type("kthvalue", "values", "indices")
Mode = return_type("mode", "values", "indices")


def _not_empty(name: str, x: Any, k: int) -> None:
    if x.ndim and x.shape[k] == 0:
        raise IndexError(
            f"{name}(): Expected reduction dim {k} to have non-zero size (shape {list(x.shape)})."
        )


def _at(x: Any, indices: Any, k: int, keepdim: bool) -> Any:
    """Values and indices of one element a line; ``indices`` has size 1 along ``k``."""
    values = np.take_along_axis(x, indices, k)
    indices = indices.astype(np.int64)
    if keepdim:
        return values, indices
    return np.squeeze(values, k)[()], np.squeeze(indices, k)[()]


def _lines(s: Any) -> list[Any]:
    return [
        (s.distinct(3, 4), 0),
        (s.distinct(3, 4), -1, True),
        (s.distinct(2, 3, 2), 1),
        (s.distinct(5), 0),
        (s(), 0),
        (s(0, 3), 1),
    ]


def _middle(x: Any, ignore_nan: bool) -> Any:
    """The position of the lower median among ``x`` sorted along its last dimension."""
    n = np.count_nonzero(x == x, axis=-1, keepdims=True) if ignore_nan else x.shape[-1]
    return np.maximum((np.asarray(n) - 1) // 2, 0)


def _keys(x: Any) -> Any:
    """What NumPy can sort in place of ``x``: it does not know the nan of bfloat16."""
    return x.astype(np.float32) if x.dtype == dtypes.bfloat16.np else x


def _median(name: str, ignore_nan: bool, words: str, shown: str) -> Any:
    """``median`` or ``nanmedian``: of all elements, or along a dimension."""

    def whole(input: Array) -> Any:
        x = np.asarray(input).ravel()
        refuse(name, x, "bc")
        if not x.size:
            return x.dtype.type(np.nan if x.dtype.kind not in "iu" else np.iinfo(x.dtype).min)
        ordered = x[np.argsort(_keys(x))]
        if not ignore_nan and ordered[-1] != ordered[-1]:
            return ordered[-1]
        return ordered[int(_middle(x, ignore_nan).reshape(()))]

    def along(input: Array, dim: int, keepdim: bool = False) -> Any:
        x = np.asarray(input)
        refuse(name, x, "bc")
        k = axis_of(dim, x.ndim)
        if x.ndim == 0:
            return x[()], np.int64(0)
        _not_empty(name, x, k)
        last = np.moveaxis(_keys(x), k, -1)
        order = np.argsort(last, axis=-1, kind="stable")
        middle = np.broadcast_to(_middle(last, ignore_nan), (*last.shape[:-1], 1))
        indices = np.take_along_axis(order, middle, -1)
        if not ignore_nan and last.dtype.kind == "f":
            missing = last != last
            first = np.argmax(missing, axis=-1, keepdims=True)
            indices = np.where(missing.any(-1, keepdims=True), first, indices)
        return _at(x, np.moveaxis(indices, -1, k), k, keepdim)

    whole.__doc__ = f"{words} of all elements; equals share the gradient evenly."
    along.__doc__ = f"{words} along one dimension: values and indices."
    all_op = op(
        {"input": lambda g, input, out: _shared(g, input, out)},
        name=name,
        where=(),
        promote="keep",
        symbol="med",
        samples=lambda s: [
            (s.distinct(3, 4),),
            (s.distinct(5),),
            (s.distinct(2, 3, 2),),
            (s(),),
        ],
    )(whole)
    along_op = op(
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
        symbol="med",
        samples=_lines,
    )(along)

    kind = return_type(name, "values", "indices")

    def function(
        input: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None,
        keepdims: bool = False, out: Any = None,
    ) -> Any:  # fmt: skip
        check_tensor(name, input)
        dim = axis if dim is None else dim
        if dim is None:
            result = all_op(input)
        else:
            result = kind(*apply(along_op.op, (input,), (dim, keepdim or keepdims)))
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""{words}: of all elements, or (values, indices) along ``dim``.

    Of an even number it is the lower of the two in the middle. Over all elements equals share the
    gradient evenly; along ``dim`` it goes to the index returned.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([4.0, 1.0, 3.0, 2.0{", float('nan')" if ignore_nan else ""}]))
    tensor({shown})
    """
    all_op.op.function = along_op.op.function = function
    return export("torch", "tensor")(function)


def _shared(g: Any, input: Any, out: Any) -> Any:
    """The gradient split evenly among the elements equal to ``out`` (or nan as it is)."""
    ties = (input == out) + isnan(input) * isnan(out)
    return g / total(ties, None, False) * ties


median = _median("median", False, "The median", "2.")
nanmedian = _median("nanmedian", True, "The median of what is not nan", "2.")


def _ranked(s: Any) -> list[Any]:
    """Sample calls of ``kthvalue``: values that stay apart when they are rounded."""
    return [(5 * a + 20, min(2, a.size), *rest) for a, *rest in _lines(s) if a.size]


def _chosen(name: str, call: Any) -> Any:
    """``place`` the gradient at the index that was returned."""
    return op(
        {
            "input": lambda g, indices, input_shape, dim, keepdim: place(
                g, indices, input_shape, dim, keepdim
            )
        },
        name=name,
        where=(),
        promote="keep",
        outputs=2,
        aux=("indices",),
        samples=_lines if name == "mode" else _ranked,
    )(call)


def _kth_kernel(input: Array, k: int, dim: int, keepdim: bool = False) -> Any:
    """The ``k``-th smallest element along one dimension: values and indices."""
    x = np.asarray(input)
    d = axis_of(dim, x.ndim)
    _not_empty("kthvalue", x, d)
    if not 1 <= k <= (x.shape[d] if x.ndim else 1):
        raise RuntimeError(
            f"kthvalue(): selected number k out of range for dimension {d}: k is {k}, the shape "
            f"{list(x.shape)}"
        )
    if x.ndim == 0:
        return x[()], np.int64(0)
    refuse("kthvalue", x, "bc")
    order = np.argsort(_keys(x), axis=d, kind="stable")
    return _at(x, np.take(order, [k - 1], axis=d), d, keepdim)


kth_op = _chosen("kthvalue", _kth_kernel)


@export("torch", "tensor")
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The ``k``-th smallest element along ``dim`` (1 is the smallest): (values, indices).

    nan counts as the largest; of equals the index is that in a stable sort. Raises RuntimeError
    where there is no ``k``-th.

    >>> import chainrule as cr
    >>> cr.kthvalue(cr.tensor([4.0, 1.0, 3.0]), 2).values
    tensor(3.)
    """
    check_tensor("kthvalue", input)
    result = KthValue(*apply(kth_op.op, (input,), (int(k), dim, keepdim)))
    return result if out is None else write_out(out, result)


def _mode_kernel(input: Array, dim: int, keepdim: bool = False) -> Any:
    """The most frequent element along one dimension: values and indices."""
    x = np.asarray(input)
    k = axis_of(dim, x.ndim)
    _not_empty("mode", x, k)
    if x.ndim == 0:
        return x[()], np.int64(0)
    last = np.moveaxis(x, k, -1)
    order = np.argsort(last, axis=-1, kind="stable")
    ordered = np.take_along_axis(last, order, -1)
    places = np.broadcast_to(np.arange(ordered.shape[-1]), ordered.shape)
    new = np.ones(ordered.shape, bool)  # where a run of equals begins
    new[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    length = places - np.maximum.accumulate(np.where(new, places, 0), axis=-1)
    longest = np.argmax(length, axis=-1, keepdims=True)  # the first: the smallest value
    return _at(x, np.moveaxis(np.take_along_axis(order, longest, -1), -1, k), k, keepdim)


mode_op = _chosen("mode", _mode_kernel)


@export("torch", "tensor")
def mode(input: Any, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Any:
    """The most frequent element along ``dim``, the smallest of several: (values, indices).

    The index is that of its last occurrence, which takes the gradient.

    >>> import chainrule as cr
    >>> cr.mode(cr.tensor([3, 1, 1, 3, 2])).values
    tensor(1)
    """
    check_tensor("mode", input)
    result = Mode(*apply(mode_op.op, (input,), (dim, keepdim)))
    return result if out is None else write_out(out, result)


kth_op.op.function, mode_op.op.function = kthvalue, mode
INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


@op(
    {
        "input": lambda g, below, above, weight, input_shape: (
            gather_back(g * (1 - weight), below, input_shape, -1, False)
            + gather_back(g * weight, above, input_shape, -1, False)
        )
    },
    name="quantile",
    where=(),
    promote="keep",
    outputs=4,
    aux=("below", "above", "weight"),
    samples=lambda s: [
        (s.distinct(3, 5), np.array([0.1, 0.5, 0.77])),
        (s.distinct(6), np.array([0.25]), "midpoint"),
        (s.distinct(2, 4), np.array([0.3]), "lower"),
        (s.distinct(2, 4), np.array([0.3]), "higher"),
        (s.distinct(2, 4), np.array([0.3]), "nearest", True),
    ],
)
def quantile_op(
    input: Array, q: Array, interpolation: str = "linear", ignore_nan: bool = False
) -> Any:
    """Quantiles along the last dimension: values, the two elements they lie between, weights."""
    x, ranks = np.asarray(input), np.asarray(q)
    order = np.argsort(x, axis=-1, kind="stable")
    missing = np.count_nonzero(x != x, axis=-1, keepdims=True)
    if ignore_nan:
        last = np.maximum(x.shape[-1] - missing - 1, 0)
        rank = ranks * last.astype(x.dtype)
    else:  # nan sorts last: every quantile of a line with nan is its last element
        rank = np.where(missing > 0, x.dtype.type(x.shape[-1] - 1), ranks * (x.shape[-1] - 1))
    rank = np.broadcast_to(rank, (*x.shape[:-1], ranks.size)).astype(x.dtype)
    if interpolation in ("lower", "higher", "nearest"):
        cut = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}[interpolation]
        rank = cut(rank)
    low = np.floor(rank)
    weight = rank - low
    if interpolation == "midpoint":
        weight = np.full_like(weight, 0.5)
    below = np.take_along_axis(order, low.astype(np.int64), -1)
    above = np.take_along_axis(order, np.ceil(rank).astype(np.int64), -1)
    a, b = np.take_along_axis(x, below, -1), np.take_along_axis(x, above, -1)
    near = weight < 0.5
    step = b - a
    return np.where(near, a + weight * step, b - step * (1 - weight)), below, above, weight


def _checked(name: str, input: Any, q: Any, interpolation: str) -> Any:
    """The quantiles wanted as an array of the input's dtype, after PyTorch's checks."""
    check_tensor(name, input)
    if not input.numel():
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(
            f"{name}() input tensor must be either float or double dtype, got {input.dtype}"
        )
    if interpolation not in INTERPOLATIONS:
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            f"but got {interpolation}"
        )
    if not isinstance(q, Handle):
        if not 0 <= q <= 1:
            raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
        return np.asarray(q, input.dtype.np)
    wanted = np.asarray(q._data)
    if wanted.ndim > 1:
        raise RuntimeError(
            f"{name}() q must be a scalar or 1D tensor, got the shape {list(wanted.shape)}"
        )
    if wanted.dtype != input.dtype.np:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if not np.all((wanted >= 0) & (wanted <= 1)):
        raise RuntimeError(f"{name}() q values must be in the range [0, 1]")
    return wanted


def _quantile(name: str, ignore_nan: bool, words: str) -> Any:
    def function(
        input: Any, q: Any, dim: Any = None, keepdim: bool = False, *,
        interpolation: str = "linear", axis: Any = None, out: Any = None,
    ) -> Any:  # fmt: skip
        wanted = _checked(name, input, q, interpolation)
        dim = axis if dim is None else dim
        if dim is None:
            lines, kept = reshape(input, (-1,)), (1,) * input.ndim
        else:
            k = axis_of(dim, input.ndim)
            lines = movedim(input, k, -1) if input.ndim else reshape(input, (1,))
            kept = tuple(1 if d == k else n for d, n in enumerate(input.shape))
        flat = make(np.atleast_1d(wanted))
        result = movedim(
            apply(quantile_op.op, (lines, flat), (interpolation, ignore_nan))[0], -1, 0
        )
        if keepdim:
            result = reshape(result, (wanted.size, *kept))
        if wanted.ndim == 0:
            result = reshape(result, tuple(result.shape)[1:])
        return result if out is None else write_out(out, result)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"""{words} over all elements or along ``dim``; ``q`` from 0 to 1.

    A 1-D tensor of several ``q`` puts them in a new first dimension. Between two elements the
    value is interpolated: "linear", "lower", "higher", "midpoint" or "nearest".

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([1.0, 2.0, 4.0]), cr.tensor([0.25, 0.5]))
    tensor([1.5000, 2.0000])
    """
    return export("torch", "tensor")(function)


quantile = _quantile("quantile", False, "The quantiles (nan where there is a nan)")
nanquantile = _quantile("nanquantile", True, "The quantiles of what is not nan")
quantile_op.op.function = quantile
