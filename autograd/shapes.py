"""Axis and shape helpers: pure functions of integers, allowed inside rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .errors import ShapeError, dim_out_of_range


def axis(dim: Any, ndim: int) -> int:
    """A dimension as an index from the front; a 0-d tensor has dimensions 0 and -1."""
    if dim is True or dim is False:
        raise TypeError(f"argument 'dim' must be int, not bool (got {dim})")
    d = int(dim.__index__())
    n = max(ndim, 1)
    if not -n <= d < n:
        raise dim_out_of_range(d, ndim)
    return d % n


def axes(dim: Any, ndim: int) -> tuple[int, ...]:
    """Dimensions (None or empty: all) as indices from the front, each once."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list)):
        return (axis(dim, ndim),) if ndim else _none(dim)
    if not dim:
        return tuple(range(ndim))
    found = tuple(axis(d, ndim) for d in dim)
    if len(set(found)) != len(found):
        repeated = next(d for d in found if found.count(d) > 1)
        raise RuntimeError(f"dim {repeated} appears multiple times in the list of dims")
    return found if ndim else ()


def _none(dim: Any) -> tuple[int, ...]:
    axis(dim, 0)
    return ()


def count(shape: Sequence[int], dim: Any = None) -> int:
    """How many elements are reduced over ``dim``."""
    n = 1
    for d in axes(dim, len(shape)):
        n *= shape[d]
    return n


def kept_shape(shape: Sequence[int], dim: Any) -> tuple[int, ...]:
    """The shape after a reduction that keeps its dimensions as 1."""
    gone = axes(dim, len(shape))
    return tuple(1 if k in gone else n for k, n in enumerate(shape))


def sizes(args: Sequence[Any]) -> tuple[int, ...]:
    """A shape given as separate integers or as one sequence."""
    if len(args) == 1 and isinstance(args[0], (tuple, list)):
        args = args[0]
    return tuple(int(n.__index__()) for n in args)


def infer(shape: Sequence[int], numel: int) -> tuple[int, ...]:
    """A shape with its one -1 replaced by what is left of ``numel`` elements."""
    known = 1
    for n in shape:
        known *= n if n != -1 else 1
    unknown = [k for k, n in enumerate(shape) if n == -1]
    if any(n < -1 for n in shape):
        raise RuntimeError(f"invalid shape dimension {min(shape)}")
    if len(unknown) > 1:
        raise RuntimeError("only one dimension can be inferred")
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"cannot reshape tensor of {numel} elements into shape {list(shape)} because the "
                "unspecified dimension size -1 can be any value and is ambiguous"
            )
        if numel % known == 0:
            k = unknown[0]
            return (*shape[:k], numel // known, *shape[k + 1 :])
    if unknown or known != numel:
        raise ShapeError(f"shape '{list(shape)}' is invalid for input of size {numel}")
    return tuple(shape)


def permuted(dims: Sequence[int], ndim: int) -> tuple[int, ...]:
    """A permutation of the dimensions, checked."""
    if len(dims) != ndim:
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {ndim} is not equal "
            f"to len(dims) = {len(dims)}"
        )
    order = tuple(axis(d, ndim) for d in dims)
    if len(set(order)) != ndim:
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return order


def inverse(order: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes ``order``."""
    back = [0] * len(order)
    for k, d in enumerate(order):
        back[d] = k
    return tuple(back)
