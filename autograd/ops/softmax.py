"""Softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import Array, export, op
from ..errors import refuse
from ..shapes import axis
from .exponential import exp
from .reduce import total


def _samples(s: Any) -> list[Any]:
    return [(s(3, 4), 1), (s(3, 4), 0), (s(5), -1), (s(2, 3, 2), 1), (s(), 0), (s(0, 3), 1)]


def _shifted(x: Any, dim: int, name: str) -> tuple[Any, int | None]:
    """X minus its maximum along ``dim``, so that no exponential overflows."""
    refuse(name, x)
    x = np.asarray(x)
    k = axis(dim, x.ndim)
    if x.ndim == 0:
        return x - x, None
    if x.size == 0:
        return x, k
    return x - np.maximum.reduce(x, axis=k, keepdims=True), k


@op(
    {"input": lambda g, out, dim: out * (g - total(g * out, dim, True))},
    name="softmax",
    where=(),
    promote="keep",
    tex=r"\operatorname{{softmax}} {0}",
    onnx="Softmax",
    samples=_samples,
)
def softmax_op(input: Array, dim: int) -> Any:
    """eˣ / Σ eˣ along ``dim``; the maximum is taken out first, so nothing overflows."""
    shifted, k = _shifted(input, dim, "softmax")
    e = np.exp(shifted)
    return e / np.add.reduce(e, axis=k, keepdims=True) if k is not None else e[()]


@op(
    {"input": lambda g, out, dim: g - exp(out) * total(g, dim, True)},
    name="log_softmax",
    where=(),
    promote="keep",
    tex=r"\ln \operatorname{{softmax}} {0}",
    onnx="LogSoftmax",
    samples=_samples,
)
def log_softmax_op(input: Array, dim: int) -> Any:
    """X − log Σ eˣ along ``dim``, exact where softmax itself would round to 0."""
    shifted, k = _shifted(input, dim, "log_softmax")
    if k is None:
        return shifted[()]
    return shifted - np.log(np.add.reduce(np.exp(shifted), axis=k, keepdims=True))


def _default_dim(input: Any, dim: int | None) -> int:
    if dim is not None:
        return dim
    return 0 if input.ndim in (0, 1, 3) else 1  # PyTorch's implicit choice


@export("torch", "tensor", "F")
def softmax(
    input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, *, axis: Any = None
) -> Any:
    """Probabilities eˣ / Σ eˣ along ``dim``. Gradient p·(ḡ − Σ ḡ·p).

    >>> import chainrule as cr
    >>> cr.softmax(cr.tensor([1.0, 3.0, 4.0, 7.0]), 0)
    tensor([0.0023, 0.0171, 0.0465, 0.9341])
    """
    if dtype is not None:
        input = input.to(dtype)
    return softmax_op(input, _default_dim(input, dim if axis is None else axis))


@export("torch", "tensor", "F")
def log_softmax(
    input: Any, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None, *, axis: Any = None
) -> Any:
    """Log softmax along ``dim``, computed stably. Gradient ḡ − p·Σ ḡ.

    >>> import chainrule as cr
    >>> cr.log_softmax(cr.tensor([0.0, 1000.0]), 0)
    tensor([-1000.,     0.])
    """
    if dtype is not None:
        input = input.to(dtype)
    return log_softmax_op(input, _default_dim(input, dim if axis is None else axis))
