"""Arranging elements anew: flip, roll, rotate, repeat, and the triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, names, op
from ..errors import ShapeError
from ..examples import per_example
from ..handle import Handle, make
from ..shapes import axes, axis, sizes
from .forms import offered
from .indexed import index_select_op
from .reduce import total
from .shape import flatten, reshape, transpose


@op(
    {"input": lambda g, dims: flip_op(g, dims)},
    name="flip",
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(2, 3), (0,)), (s(2, 3, 2), (0, -1)), (s(), (0,)), (s(0, 2), (1,))],
)
def flip_op(input: Array, dims: Any) -> Any:
    """The elements in reverse order along ``dims``; a copy."""
    x = np.asarray(input)
    checked = [axis(d, x.ndim) for d in dims]
    return np.flip(x, axes(tuple(checked), x.ndim) if checked else ()).copy()[()]


@offered("torch")
def flip(input: Any, dims: Any) -> Any:
    """The elements in reverse order along each of ``dims``; a copy.

    >>> import chainrule as cr
    >>> cr.flip(cr.tensor([[1, 2], [3, 4]]), (0, 1))
    tensor([[4, 3],
            [2, 1]])
    """
    if not isinstance(dims, (tuple, list)):
        raise TypeError(
            f"flip(): argument 'dims' (position 2) must be tuple of ints, not {type(dims).__name__}"
        )
    return flip_op(input, sizes((dims,)))


flip_op.op.function = flip


def _method(name: str, call: Any, word: str) -> None:
    """The method form that takes its integers one by one or as one sequence."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = kwargs.get(word, args)
        if not args and word not in kwargs:
            raise TypeError(f'{name}() missing 1 required positional arguments: "{word}"')
        return call(self, sizes(given if word not in kwargs else (given,)))

    method.__name__ = method.__qualname__ = name
    method.__doc__, method.__module__ = call.__doc__, __name__
    names["tensor"][name] = method


_method("flip", flip, "dims")


def _at_least(input: Any, n: int) -> None:
    if input.ndim < n:
        raise RuntimeError(f"Input must be >= {n}-d., got the shape {list(input.shape)}")


@offered("torch", "tensor")
def fliplr(input: Any) -> Any:
    """The columns in reverse order.

    >>> import chainrule as cr
    >>> cr.fliplr(cr.tensor([[1, 2], [3, 4]]))
    tensor([[2, 1],
            [4, 3]])
    """
    _at_least(input, 2)
    return flip_op(input, (1,))


@offered("torch", "tensor")
def flipud(input: Any) -> Any:
    """The rows in reverse order.

    >>> import chainrule as cr
    >>> cr.flipud(cr.tensor([[1, 2], [3, 4]]))
    tensor([[3, 4],
            [1, 2]])
    """
    _at_least(input, 1)
    return flip_op(input, (0,))


@op(
    {"input": lambda g, shifts, dims: roll_op(g, tuple([-n for n in shifts]), dims)},
    name="roll",
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(5), (2,), ()),
        (s(2, 3), (1,), ()),
        (s(2, 3), (-1, 4), (0, 1)),
        (s(), (3,), ()),
        (s(0, 2), (1,), (1,)),
    ],
)
def roll_op(input: Array, shifts: Any, dims: Any) -> Any:
    """The elements moved on by ``shifts`` along ``dims`` (in the flat order without dims)."""
    x = np.asarray(input)
    return (np.roll(x, shifts, dims) if dims else np.roll(x, shifts[0]))[()]


@offered("torch", "tensor")
def roll(input: Any, shifts: Any, dims: Any = ()) -> Any:
    """The elements moved on by ``shifts`` along ``dims``; what leaves at the end enters in front.

    Without ``dims``: in the flat order.

    >>> import chainrule as cr
    >>> cr.roll(cr.tensor([1, 2, 3, 4]), 1)
    tensor([4, 1, 2, 3])
    """
    by = sizes((shifts,) if isinstance(shifts, (tuple, list)) else ((shifts,),))
    along = () if dims is None else dims if isinstance(dims, (tuple, list)) else (dims,)
    if len(by) != len(along) and (along or len(by) != 1):
        raise RuntimeError(
            f"shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}"
        )
    if along and not input.ndim:
        raise IndexError(f"Dimension specified as {along[0]} but tensor has no dimensions")
    return roll_op(input, by, tuple([axis(d, input.ndim) for d in along]))


roll_op.op.function = roll


@offered("torch", "tensor")
def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turned by 90 degrees ``k`` times, from the first of ``dims`` towards the second.

    >>> import chainrule as cr
    >>> cr.rot90(cr.tensor([[1, 2], [3, 4]]))
    tensor([[2, 4],
            [1, 3]])
    """
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = (axis(d, input.ndim) for d in dims)
    if a == b:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    turns = k % 4
    if turns in (0, 2):
        return flip_op(input, (a, b)) if turns else input.clone()
    return flip_op(transpose(input, a, b), (a if turns == 1 else b,))


def _folded(g: Any, shape: Any, repeats: Any) -> Any:
    """The gradient of a repetition: the copies summed."""
    lead = (1,) * (len(repeats) - len(shape))
    pairs = [n for pair in zip(repeats, (*lead, *shape), strict=True) for n in pair]
    return reshape(total(reshape(g, tuple(pairs)), tuple(range(0, len(pairs), 2))), shape)


@op(
    {"input": lambda g, input_shape, repeats: _folded(g, input_shape, repeats)},
    name="repeat",
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="Tile",
    samples=lambda s: [
        (s(3), (2,)),
        (s(2, 3), (2, 1, 3)),
        (s(), (2, 2)),
        (s(2), (0, 1)),
        (s(0, 2), (3, 2)),
    ],
)
def repeat_op(input: Array, repeats: Any) -> Any:
    """The tensor laid out ``repeats`` times along each dimension."""
    x = np.asarray(input)
    if len(repeats) < x.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
            f"tensor: {len(repeats)} repeats for the shape {list(x.shape)}"
        )
    if any([n < 0 for n in repeats]):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeats {repeats}")
    return np.tile(x, repeats)


@offered("tensor")
def repeat(self: Any, *repeats: Any) -> Any:
    """The tensor laid out ``repeats`` times along each dimension; a copy.

    More repeats than dimensions add dimensions in front. ``repeat_interleave`` repeats the elements
    one by one instead.

    >>> import chainrule as cr
    >>> cr.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    if not repeats:
        raise TypeError('repeat() missing 1 required positional arguments: "repeats"')
    return repeat_op(self, sizes(repeats))


repeat_op.op.function = repeat


@offered("torch")
def tile(input: Any, dims: Any) -> Any:
    """The tensor laid out ``dims`` times, the last of which belongs to the last dimension.

    >>> import chainrule as cr
    >>> cr.tile(cr.tensor([[1, 2]]), (2,))
    tensor([[1, 2, 1, 2]])
    """
    times = sizes((dims,))
    return repeat_op(input, (1,) * (input.ndim - len(times)) + times)


_method("tile", tile, "dims")


def _summed_copies(g: Any, shape: Any, repeats: int, dim: int) -> Any:
    return total(reshape(g, (*shape[: dim + 1], repeats, *shape[dim + 1 :])), dim + 1)


@op(
    {"input": lambda g, input_shape, repeats, dim: _summed_copies(g, input_shape, repeats, dim)},
    name="repeat_interleave",
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [(s(3), 2, 0), (s(2, 3), 3, 1), (s(2), 0, 0), (s(0, 2), 2, 1)],
)
def repeat_each(input: Array, repeats: int, dim: int) -> Any:
    """Every slice along ``dim`` the same number of times in a row."""
    return np.repeat(np.asarray(input), repeats, dim)


@offered("torch", "tensor")
@per_example
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Any:
    """Each element (flat), or each slice along ``dim``, ``repeats`` times in a row.

    ``repeats`` is an integer, or a tensor with one a slice. Given alone, it repeats the indices
    0, 1, 2, …

    >>> import chainrule as cr
    >>> cr.repeat_interleave(cr.tensor([7, 8]), cr.tensor([1, 2]))
    tensor([7, 8, 8])
    """
    alone = repeats is None
    counts = input if alone else repeats
    if isinstance(counts, bool) or not isinstance(counts, (int, Handle)):
        raise TypeError(
            f"repeat_interleave(): repeats must be Tensor or int, not {type(counts).__name__}"
        )
    if dim is None and not alone:
        input, dim = flatten(input), 0
    if isinstance(counts, int):
        if counts < 0:
            raise RuntimeError("Repeats must be non-negative")
        if not input.ndim:
            raise IndexError("Dimension out of range: a 0-d tensor has none to repeat along")
        return repeat_each(input, counts, axis(dim, input.ndim))
    times = _counts(counts, output_size)
    if alone:
        return make(np.repeat(np.arange(times.size, dtype=times.dtype), times))
    k = axis(dim, input.ndim)
    n = input.shape[k]
    if times.size == 1:
        times = np.broadcast_to(times, (n,))
    elif times.size != n:
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{times.size} and input.size({k}) = {n}"
        )
    return index_select_op(input, make(np.repeat(np.arange(n), times)), k)


def _counts(repeats: Any, output_size: int | None) -> Any:
    times = np.asarray(repeats._data)
    if times.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if times.dtype.name not in ("int64", "int32"):
        raise NotImplementedError(
            f'"repeat_interleave_cpu" not implemented for {dtypes.of(times)}: repeats are integers'
        )
    if times.size and times.min() < 0:
        raise RuntimeError("repeats can not be negative")
    if output_size is not None and times.size > 1 and times.sum() != output_size:
        raise RuntimeError("allocated size does not match required size")
    return np.atleast_1d(times)


def _triangle(name: str, cut: Any, words: str, shown: str) -> Any:
    def kernel(input: Array, diagonal: int = 0) -> Any:
        x = np.asarray(input)
        if x.ndim < 2:
            raise RuntimeError(f"{name}: input tensor must have at least 2 dimensions")
        return cut(x, int(diagonal))

    kernel.__doc__ = f"""The matrix (or batch) with zeros {words} the diagonal of that number.

    >>> import chainrule as cr
    >>> cr.{name}(cr.tensor([[1, 2], [3, 4]]))
    {shown}
    """
    made: Any = op(
        {"input": lambda g, diagonal: made(g, diagonal)},
        name=name,
        where=("torch", "tensor", "inplace"),
        promote="keep",
        linear_in=("input",),
        onnx="Trilu",
        samples=lambda s: [(s(3, 3),), (s(2, 3), 1), (s(2, 3, 2), -1), (s(0, 3),)],
    )(kernel)
    return made


tril = _triangle("tril", np.tril, "above", "tensor([[1, 0],\n            [3, 4]])")
triu = _triangle("triu", np.triu, "below", "tensor([[1, 2],\n            [0, 4]])")


def _triangle_indices(name: str, find: Any, shown: str) -> Any:
    def function(
        row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None,
        layout: Any = None,
    ) -> Any:  # fmt: skip
        for word, n in (("row", row), ("col", col)):
            if n < 0:
                raise RuntimeError(f"{word} must be non-negative, got {n}")
        target = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
        if target.category != 1:
            raise NotImplementedError(f'"{name}" not implemented for {target}: indices are ints')
        return make(np.stack(find(row, offset, col)).astype(target.np))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The indices of a triangle of a matrix, row by row: (2, N) integers.

    >>> import chainrule as cr
    >>> cr.{name}(2, 2)
    {shown}
    """
    return export("torch")(function)


tril_indices = _triangle_indices(
    "tril_indices", np.tril_indices, "tensor([[0, 1, 1],\n            [0, 0, 1]])"
)
triu_indices = _triangle_indices(
    "triu_indices", np.triu_indices, "tensor([[0, 0, 1],\n            [0, 1, 1]])"
)


@offered("torch", "tensor")
def unflatten(input: Any, dim: int, sizes: Any) -> Any:
    """One dimension as several of the given sizes (one may be −1); a view.

    >>> import chainrule as cr
    >>> cr.zeros(2, 6).unflatten(1, (2, -1)).shape
    torch.Size([2, 2, 3])
    """
    wanted = tuple([int(n) for n in sizes])
    if not wanted:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if not input.ndim:
        raise RuntimeError("unflatten: Dimension specified as 0 but tensor has no dimensions")
    k = axis(dim, input.ndim)
    n, shape = input.shape[k], tuple(input.shape)
    known = int(np.prod([w for w in wanted if w != -1]))
    free = wanted.count(-1)
    if free > 1 or (n % known if free and known else known != n):
        raise ShapeError(
            f"unflatten: Provided sizes {list(wanted)} don't multiply up to the size of dim {k} "
            f"({n}) in the input tensor"
        )
    filled = tuple([n // known if w == -1 else w for w in wanted])
    return reshape(input, (*shape[:k], *filled, *shape[k + 1 :]))
