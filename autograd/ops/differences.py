"""Differences between neighbours, and the trapezoidal rule."""

from __future__ import annotations

from typing import Any

from ..declare import export, write_out
from ..shapes import axis as axis_of
from .compare import logical_xor
from .cumulative import cumsum_public
from .join import cat_function, narrow
from .reduce import check_tensor, total
from .shape import reshape


def _neighbours(input: Any, k: int) -> tuple[Any, Any]:
    """All elements but the first along ``k``, and all but the last."""
    n = max(input.shape[k] - 1, 0)
    return narrow(input, k, min(1, input.shape[k]), n), narrow(input, k, 0, n)


@export("torch", "tensor")
def diff(
    input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None,
    *, out: Any = None,
) -> Any:  # fmt: skip
    """Each element minus the one before it along ``dim``, ``n`` times over.

    ``prepend`` and ``append`` are joined on first. Of booleans: where neighbours differ.

    >>> import chainrule as cr
    >>> cr.diff(cr.tensor([1, 4, 9])), cr.diff(cr.tensor([1, 4, 9]), n=2)
    (tensor([3, 5]), tensor([2]))
    """
    check_tensor("diff", input)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    k = axis_of(dim, input.ndim)
    parts = [part for part in (prepend, input, append) if part is not None]
    result = cat_function(parts, k) if len(parts) > 1 else input
    for _ in range(min(n, result.shape[k])):
        above, below = _neighbours(result, k)
        result = logical_xor(above, below) if result.dtype.category == 0 else above - below
    return result if out is None else write_out(out, result)


def _areas(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Any, int]:
    """Twice the areas of the trapezoids between neighbours."""
    check_tensor(name, y)
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    k = axis_of(dim, y.ndim)
    right, left = _neighbours(y, k)
    if x is None:
        return (right + left) * (1 if dx is None else dx), k
    if dx is not None:
        raise TypeError(f"{name}() takes x or dx, not both")
    if x.ndim == 1:
        if x.shape[0] != y.shape[k]:
            raise RuntimeError(
                f"{name}: There must be one `x` value for each sample point, got {x.shape[0]} for "
                f"{y.shape[k]} (shapes {list(x.shape)} and {list(y.shape)})"
            )
        x = reshape(x, (-1, *(1,) * (y.ndim - 1 - k)))
        widths = diff(x, dim=0)
    else:
        widths = diff(x, dim=k - y.ndim)
    return (right + left) * widths, k


@export("torch")
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The integral of samples ``y`` at points ``x`` (or ``dx`` apart) by the trapezoidal rule.

    >>> import chainrule as cr
    >>> cr.trapezoid(cr.tensor([1.0, 5.0, 10.0])), cr.trapezoid(cr.tensor([1.0, 5.0]), dx=2)
    (tensor(10.5000), tensor(6.))
    """
    areas, k = _areas("trapezoid", y, x, dx, dim)
    return total(areas, k, False) / 2


export("torch", name="trapz")(trapezoid)


@export("torch")
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The running integral by the trapezoidal rule, one element shorter than ``y``.

    >>> import chainrule as cr
    >>> cr.cumulative_trapezoid(cr.tensor([1.0, 5.0, 10.0]))
    tensor([ 3.0000, 10.5000])
    """
    areas, k = _areas("cumulative_trapezoid", y, x, dx, dim)
    return cumsum_public(areas, k) / 2
