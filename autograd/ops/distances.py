"""Distances between all pairs of rows of two matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..declare import Array, op
from ..errors import ShapeError
from .arithmetic import abs as abs_op
from .arithmetic import sign
from .compare import where
from .forms import offered
from .reduce import total
from .shape import expand, unsqueeze

METRICS = {0.0: "hamming", 1.0: "cityblock", 2.0: "euclidean", math.inf: "chebyshev"}


def _pull(g: Any, x1: Any, x2: Any, out: Any, p: float) -> Any:
    """The gradient of every difference x1ᵢ − x2ⱼ; 0 where a distance is 0."""
    d = unsqueeze(x1, -2) - unsqueeze(x2, -3)
    weight, norm = unsqueeze(g, -1), unsqueeze(out, -1)
    if p == 0:
        return 0.0 * weight * d
    if p == 1:
        return weight * sign(d)
    if math.isinf(p):
        return weight * sign(d) * (abs_op(d) == norm)
    share = where(norm == 0, 0.0, weight / where(norm == 0, 1.0, norm) ** (p - 1))
    if p == 2:
        return share * d
    return share * sign(d) * where(d == 0, 0.0, abs_op(where(d == 0, 1.0, d)) ** (p - 1))


def _first(g: Any, x1: Any, x2: Any, out: Any, p: float) -> Any:
    """The gradient of x1; for p = 2 by one product of matrices, without all differences."""
    if p == 2:
        share = where(out == 0, 0.0, g / where(out == 0, 1.0, out))
        return x1 * total(share, -1, True) - share @ x2
    return total(_pull(g, x1, x2, out, p), -2)


def _second(g: Any, x1: Any, x2: Any, out: Any, p: float) -> Any:
    if p == 2:
        share = where(out == 0, 0.0, g / where(out == 0, 1.0, out)).mT
        return x2 * total(share, -1, True) - share @ x1
    return -total(_pull(g, x1, x2, out, p), -3)


@op(
    {
        "x1": lambda g, x1, x2, out, p: _first(g, x1, x2, out, p),
        "x2": lambda g, x1, x2, out, p: _second(g, x1, x2, out, p),
    },
    name="cdist",
    where=(),
    promote="keep",
    symbol="‖·−·‖",
    samples=lambda s: [
        (s(3, 4), s(2, 4), 2.0),
        (s(2, 3, 2), s(2, 2, 2), 2.0),
        (s.distinct(3, 2), 0.013 + s.distinct(2, 2), 1.0),
        (s(3, 2), s(2, 2), 3.0),
        (s(3, 2), s(2, 2), 1.5),
        (s(2, 3), s(2, 3), math.inf),
        (s(0, 3), s(2, 3), 2.0),
    ],
)
def cdist_op(x1: Array, x2: Array, p: float) -> Any:
    """The p-norm of the difference of every row of one matrix and every row of another."""
    from scipy.spatial.distance import cdist as pairs

    out = np.zeros((*x1.shape[:-1], x2.shape[-2]), x1.dtype)
    if not x1.shape[-1] or not out.size:
        return out
    metric = METRICS.get(p, "minkowski")
    more = {"p": p} if metric == "minkowski" else {}
    for at in np.ndindex(*x1.shape[:-2]):
        found = pairs(x1[at].astype(np.float64), x2[at].astype(np.float64), metric, **more)
        out[at] = found * x1.shape[-1] if p == 0 else found
    return out


@offered("torch")
def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Any:
    """The p-norm distances between the rows of x1 (…, n, d) and of x2 (…, m, d): (…, n, m).

    Computed from the differences in float64 (``compute_mode`` is taken and changes nothing). The
    gradient is 0 where a distance is 0.

    >>> import chainrule as cr
    >>> cr.cdist(cr.tensor([[0.0, 0.0], [3.0, 4.0]]), cr.tensor([[0.0, 0.0]]))
    tensor([[0.],
            [5.]])
    """
    for word, x in (("X1", x1), ("X2", x2)):
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, {word} got: {x.ndim}D")
        if x.dtype.category != 2:
            raise RuntimeError(f"cdist only supports floating-point dtypes, {word} got: {x.dtype}")
    if x1.dtype is not x2.dtype:
        raise RuntimeError(f"expected scalar type {x1.dtype} but found {x2.dtype}")
    if x1.shape[-1] != x2.shape[-1]:
        raise ShapeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    lead = np.broadcast_shapes(tuple(x1.shape[:-2]), tuple(x2.shape[:-2]))
    a, b = (expand(x, (*lead, *x.shape[-2:])) if lead else x for x in (x1, x2))
    return cdist_op(a, b, float(p))


cdist_op.op.function = cdist
