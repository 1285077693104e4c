"""The p-norm of a tensor, and the distance between two."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import dtypes
from ..declare import Array, export, names, op, write_out
from ..shapes import axes, count
from .arithmetic import abs as abs_op
from .compare import isnan, where
from .halves import rounded_once
from .phases import sgn
from .reduce import check_tensor, reduced_axes, spread, total


def _norm_back(g: Any, input: Any, out: Any, shape: Any, p: float, dim: Any, keepdim: bool) -> Any:
    """d‖x‖ₚ/dx = sgn(x)·(|x|/‖x‖)^(p−1); 0 where the norm is 0."""
    if p == 0:
        return 0.0 * spread(g, shape, dim, keepdim) * sgn(input)
    if p == 1:
        return spread(g, shape, dim, keepdim) * sgn(input)
    if p == 2:
        return spread(where(out == 0, 0.0, g / out), shape, dim, keepdim) * input
    if math.isinf(p):
        norm = spread(out, shape, dim, keepdim)
        ties = (abs_op(input) == norm) + isnan(input) * isnan(norm)
        share = spread(g / total(ties, dim, keepdim), shape, dim, keepdim)
        return share * ties * sgn(input)
    scale = spread(where(out == 0, 0.0, g / out ** (p - 1)), shape, dim, keepdim)
    return scale * where(input == 0, 0.0, sgn(input) * abs_op(input) ** (p - 1))


def _refuse_integers(data: Any) -> None:
    if dtypes.of(data).category < 2:
        raise RuntimeError(
            "linalg.vector_norm: Expected a floating point or complex tensor as input. Got "
            f"{dtypes.of(data)}; convert first: x.float()"
        )


@op(
    {
        "input": lambda g, input, out, input_shape, p, dim, keepdim: _norm_back(
            g, input, out, input_shape, p, dim, keepdim
        )
    },
    name="norm",
    where=(),
    promote="keep",
    symbol="‖·‖",
    tex=r"\left\| {0} \right\|",
    onnx="ReduceL2",
    samples=lambda s: [
        (s.distinct(3, 4),),
        (s.distinct(3, 4), 1, 0),
        (s.distinct(3, 4), 2.0, -1, True),
        (s.distinct(2, 3, 2), 3, (0, 2)),
        (s.distinct(5), 0.5),
        (s.distinct(2, 3), 1.5, 1),
        (s.distinct(2, 3), math.inf, 1),
        (s.distinct(5), -math.inf),
        (s.distinct(5), -2.0),
        (s(),),
        (s(0, 3), 2.0, 1),
    ],
)
@rounded_once
def norm_op(input: Array, p: float = 2.0, dim: Any = None, keepdim: Any = False) -> Any:
    """(Σ |x|ᵖ)^(1/p) over ``dim``; the largest or smallest |x| for p = ±inf, a count for p = 0."""
    x = np.asarray(input)
    _refuse_integers(x)
    found = reduced_axes(x, dim)
    if p == 2 and x.dtype.kind == "f":
        return np.sqrt(np.add.reduce(np.square(x), axis=found, keepdims=keepdim))
    size = np.abs(x)
    if math.isinf(p):
        if count(x.shape, dim) == 0 and (x.size == 0):
            empty = [d for d in axes(dim, x.ndim) if x.shape[d] == 0]
            raise RuntimeError(
                f"linalg.vector_norm cannot compute the {p} norm on the dimension {empty[0]} "
                f"because this dimension is empty and the operation does not have an identity "
                f"(shape {list(x.shape)})"
            )
        reduce = np.maximum.reduce if p > 0 else np.minimum.reduce
        return reduce(size, axis=found, keepdims=keepdim)
    if p == 0:
        return np.add.reduce((size != 0).astype(size.dtype), axis=found, keepdims=keepdim)
    if p == 1:
        return np.add.reduce(size, axis=found, keepdims=keepdim)
    return np.add.reduce(size**p, axis=found, keepdims=keepdim) ** (1 / p)


@export("torch", "tensor")
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None,
    dtype: Any = None,
) -> Any:  # fmt: skip
    """The p-norm (Σ |x|ᵖ)^(1/p) of all elements, or over ``dim``.

    ``p`` is a number, ±inf, "fro" (2) or "nuc" (the sum of a matrix's singular values). The
    gradient is 0 where the norm is 0; ties of the infinity norm share it evenly.

    >>> import chainrule as cr
    >>> cr.norm(cr.tensor([3.0, 4.0])), cr.norm(cr.tensor([[3.0, -4.0]]), 1, dim=1)
    (tensor(5.), tensor([7.]))
    """
    check_tensor("norm", input)
    _refuse_integers(input._data)
    if dtype is not None:
        input = input.to(dtype)
    if isinstance(p, str):
        result = _matrix_norm(input, p, dim, keepdim)
    else:
        result = norm_op(input, 2.0 if p is None else float(p), dim, keepdim)
    return result if out is None else write_out(out, result)


def _matrix_norm(input: Any, p: str, dim: Any, keepdim: bool) -> Any:
    """The norms that go by a name."""
    if p not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.matrix_norm: Order {p} not supported.")
    dims = axes(dim, input.ndim)
    if p == "fro" and (dim is None or len(dims) <= 2):
        return norm_op(input, 2.0, dim, keepdim)
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dims}")
    return names["linalg"]["matrix_norm"](input, "nuc", dims, keepdim)  # declared in a later file


norm_op.op.function = norm


@export("torch", "tensor")
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of ``input − other``, over all elements.

    >>> import chainrule as cr
    >>> cr.dist(cr.tensor([1.0, 1.0]), cr.tensor([4.0, 5.0]))
    tensor(5.)
    """
    check_tensor("dist", input)
    return norm(input - other, float(p))
