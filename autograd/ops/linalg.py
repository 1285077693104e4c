"""Products of matrices, and the linear layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import modes
from ..declare import Array, export, names, op
from ..errors import ShapeError, matmul_mismatch, refuse
from .halves import rounded_once
from .shape import reshape, squeeze, unsqueeze

products = rounded_once(np.matmul)  # two-byte types: sums in float32, rounded at the end


def _check(a: Any, b: Any, name: str) -> None:
    if a.ndim == 0 or b.ndim == 0:
        raise RuntimeError(
            f"both arguments to {name} need to be at least 1D, but they are {a.ndim}D and {b.ndim}D"
        )
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise matmul_mismatch(a.shape, b.shape, name)


@op(
    {"input": lambda g, other: g @ other.mT, "other": lambda g, input: input.mT @ g},
    name="matmul",
    where=(),
    symbol="@",
    tex=r"{0}\,{1}",
    onnx="MatMul",
    samples=lambda s: [
        (s(2, 3), s(3, 4)),
        (s(2, 2, 3), s(2, 3, 2)),
        (s(2, 1, 2, 3), s(2, 3, 2)),
        (s(0, 3), s(3, 2)),
        (s(2, 3), s(2, 3, 2)),
    ],
)
def matmul_op(input: Array, other: Array) -> Any:
    """The product of matrices, the leading dimensions broadcast."""
    _check(input, other, "matmul")
    return np.matmul(input, other) if input.dtype.itemsize != 2 else products(input, other)


@export("torch", "tensor")
def matmul(input: Any, other: Any, *, out: Any = None) -> Any:
    """The matrix product: of matrices, batches of them (broadcast), and vectors.

    Gradients: ḡ·Bᵀ and Aᵀ·ḡ. Raises RuntimeError where the inner sizes differ.

    >>> import chainrule as cr
    >>> cr.tensor([[1.0, 2.0]]) @ cr.tensor([[3.0], [4.0]])
    tensor([[11.]])
    """
    a, b = _tensors(input, other)
    if input.dtype is not other.dtype and modes.local.meet is not None:
        input, other = modes.local.meet(input, other)
    if input.dtype is not other.dtype:
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {input.dtype} != {other.dtype}"
        )
    refuse("matmul", input._data, "b")
    if a > 1 and b > 1:
        result = _folded(input, other, a, b)
    else:
        _check(input, other, "matmul")
        left = input if a > 1 else unsqueeze(input, 0)
        right = other if b > 1 else unsqueeze(other, -1)
        result = matmul_op(left, right)
        if b == 1:
            result = squeeze(result, -1)
        if a == 1:
            result = squeeze(result, -1 if b == 1 else -2)
    if out is None:
        return result
    from ..declare import write_out

    return write_out(out, result)


def _tensors(input: Any, other: Any) -> tuple[int, int]:
    try:
        return input.ndim, other.ndim
    except AttributeError:
        bad = other if hasattr(input, "ndim") else input
        raise TypeError(f"matmul(): argument must be Tensor, not {type(bad).__name__}") from None


def _folded(input: Any, other: Any, a: int, b: int) -> Any:
    """A batch times one matrix is one product of a taller matrix: its gradient one product too."""
    if a > 2 and b == 2 and input.shape[-1] == other.shape[0]:
        lead = tuple(input.shape[:-1])
        flat = matmul_op(reshape(input, (-1, input.shape[-1])), other) if input.numel() else None
        if flat is not None:
            return reshape(flat, (*lead, other.shape[1]))
    return matmul_op(input, other)


def _sized(name: str, left: int, right: int) -> Any:
    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        if input.ndim != left or other.ndim != right:
            raise RuntimeError(
                f"{name}: expected a {left}-D and a {right}-D tensor, got shapes "
                f"{list(input.shape)} and {list(other.shape)}; matmul takes any"
            )
        if name == "bmm" and input.shape[0] != other.shape[0]:
            raise ShapeError(
                f"batch1 and batch2 must have same number of batches, got {input.shape[0]} and "
                f"{other.shape[0]}"
            )
        return matmul(input, other, out=out)

    function.__name__ = function.__qualname__ = name
    function.__module__ = __name__
    function.__doc__ = f"``matmul`` of a {left}-D and a {right}-D tensor."
    names["torch"][name] = names["tensor"][name] = function
    return function


mm, bmm, mv = _sized("mm", 2, 2), _sized("bmm", 3, 3), _sized("mv", 2, 1)
dot = _sized("dot", 1, 1)


def _rows(x: Any) -> Any:
    """The last dimension kept, all others as one."""
    return x if x.ndim == 2 else reshape(x, (-1, x.shape[-1]))


@op(
    {
        "input": lambda g, weight: g @ weight,
        "weight": lambda g, input: _rows(g).mT @ _rows(input),
        "bias": 1,
    },
    name="linear",
    where=(),
    symbol="linear",
    tex=r"{0} {1}^T + {2}",
    onnx="Gemm",
    samples=lambda s: [
        (s(4, 3), s(2, 3), s(2)),
        (s(3), s(2, 3), s(2)),
        (s(2, 2, 3), s(4, 3), s(4)),
        (s(4, 3), s(2, 3)),
        (s(0, 3), s(2, 3), s(2)),
    ],
)
def linear_op(input: Array, weight: Array, bias: Array = None) -> Any:
    """X Wᵀ + b."""
    if input.ndim == 0 or input.shape[-1] != weight.shape[-1]:
        raise matmul_mismatch(
            (int(np.prod(input.shape[:-1])), *input.shape[-1:]), weight.T.shape, "linear"
        )
    if input.dtype.itemsize == 2 and input.dtype.kind not in "iu":
        return rounded_linear(input, weight, bias)
    out = (
        np.matmul(input, weight.T)
        if input.ndim < 3
        else np.matmul(input.reshape(-1, input.shape[-1]), weight.T).reshape(
            *input.shape[:-1], -1 if input.size else weight.shape[0]
        )
    )
    if bias is not None:
        out = (
            out + bias
            if out.ndim == 0 or type(out) is not np.ndarray
            else np.add(out, bias, out=out)
        )
    return out


rounded_linear = rounded_once(linear_op.op.kernel)


@export("F")
def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """``input @ weight.T + bias``: weight (out, in), bias (out,), input (…, in) → (…, out).

    >>> import chainrule as cr
    >>> cr.nn.functional.linear(cr.tensor([1.0, 2.0]), cr.tensor([[3.0, 4.0]]), cr.tensor([0.5]))
    tensor([11.5000])
    """
    if input.dtype is not weight.dtype and modes.local.meet is not None:
        input, weight = modes.local.meet(input, weight)
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {input.dtype} and {weight.dtype}"
        )
    if weight.ndim != 2 or input.ndim == 0:
        if weight.ndim == 1 and input.ndim:
            out = matmul(input, weight)
            return out if bias is None else out + bias
        raise ShapeError(
            "linear: expected an input of at least one dimension and a weight of two, got shapes "
            f"{list(input.shape)} and {list(weight.shape)}"
        )
    return linear_op(input, weight, bias)
