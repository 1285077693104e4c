"""Losses an element at a time: binary cross-entropy, robust errors, likelihoods, divergences."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ..batched import peek
from ..declare import Array, export, op
from ..errors import ShapeError, broadcast_clash, refuse
from ..handle import Handle, make
from .activation import sigmoid
from .activations import logsigmoid
from .arithmetic import abs as abs_op
from .clip import clamp_op
from .compare import where
from .exponential import exp, log
from .halves import rounded_once
from .logarithms import xlogy
from .loss import l1_loss, legacy_reduction, reduced
from .reduce import total
from .shape import expand, unsqueeze


def together(name: str, *tensors: Any) -> list[Any]:
    """Tensors broadcast to one shape."""
    shapes = [tuple(t.shape) for t in tensors]
    clash = broadcast_clash(shapes)
    if clash is not None:
        dim, n, m = clash
        raise ShapeError(
            f"The size of tensor a ({n}) must match the size of tensor b ({m}) at non-singleton "
            f"dimension {dim}: {name} of shapes {' and '.join(str(list(s)) for s in shapes)}"
        )
    shape = np.broadcast_shapes(*shapes)
    return [t if tuple(t.shape) == shape else expand(t, shape) for t in tensors]


def tensors(name: str, **given: Any) -> None:
    """Raise for an argument that is no tensor."""
    for k, (what, t) in enumerate(given.items()):
        if not isinstance(t, Handle):
            raise TypeError(
                f"{name}(): argument '{what}' (position {k + 1}) must be Tensor, not "
                f"{type(t).__name__}"
            )


def _warn_sizes(input: Any, target: Any) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            UserWarning,
            stacklevel=3,
        )


@op(
    {
        "input": lambda g, input, target: (
            g * (input - target) / clamp_op((1 - input) * input, 1e-12, None)
        ),
        "target": lambda g, input: g * (log(1 - input) - log(input)),
    },
    name="binary_cross_entropy",
    where=(),
    tex=r"\operatorname{{bce}}({0}, {1})",
    samples=lambda s: [
        (s(3, 2, low=0.1, high=0.9), s(3, 2, low=0.0, high=1.0)),
        (s(low=0.1, high=0.9), s(low=0.0, high=1.0)),
        (s(4, low=0.1, high=0.9), s(4, low=0.0, high=1.0)),
        (s(0, low=0.1, high=0.9), s(0, low=0.0, high=1.0)),
    ],
)
@rounded_once
def cross_entropy_of(input: Array, target: Array) -> Any:
    """−t·log x − (1 − t)·log(1 − x), the logarithms not below −100."""
    refuse("binary_cross_entropy", input)
    with np.errstate(divide="ignore"):
        yes, no = np.log(input), np.log1p(np.negative(input))
    return (target - 1) * np.maximum(no, -100) - target * np.maximum(yes, -100)


@export("F")
def binary_cross_entropy(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """−t·log x − (1 − t)·log(1 − x) of probabilities x, each logarithm not below −100.

    Raises RuntimeError for an x outside [0, 1], ValueError for other shapes.

    >>> import chainrule as cr
    >>> cr.nn.functional.binary_cross_entropy(cr.tensor([0.5, 0.9]), cr.tensor([1.0, 1.0]))
    tensor(0.3993)
    """
    tensors("binary_cross_entropy", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}) is deprecated. Please ensure they have the same size."
        )
    if input.dtype is not target.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    x = peek(input._data)
    if x.size and not ((x >= 0) & (x <= 1)).all():
        raise RuntimeError("all elements of input should be between 0 and 1")
    loss = cross_entropy_of(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@op(
    {
        "input": lambda g, input, target: g * (sigmoid(input) - target),
        "target": lambda g, input: -g * input,
    },
    where=(),
    tex=r"\operatorname{{bce}}(\sigma({0}), {1})",
    samples=lambda s: [
        (s(3, 2), s(3, 2, low=0.0, high=1.0)),
        (s(), s(low=0.0, high=1.0)),
        (30 * s(4), s(4, low=0.0, high=1.0)),
        (s(0, 2), s(0, 2)),
    ],
)
@rounded_once
def logistic_loss(input: Array, target: Array) -> Any:
    """Binary cross-entropy of logits, max(x, 0) − t·x + log(1 + e^(−|x|)): cannot overflow."""
    refuse("binary_cross_entropy_with_logits", input)
    share = np.where(np.greater(input, 0), np.subtract(1, target), -np.asarray(target))
    return share * input + np.log1p(np.exp(-np.abs(input)))  # no inf − inf where x is inf


@export("F")
def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", pos_weight: Any = None,
) -> Any:  # fmt: skip
    """Binary cross-entropy of σ(x), computed from x without overflow; gradient σ(x) − t.

    ``pos_weight`` multiplies the term of the positive class. Raises ValueError for other shapes.

    >>> import chainrule as cr
    >>> f = cr.nn.functional.binary_cross_entropy_with_logits
    >>> f(cr.tensor([0.0, 1000.0]), cr.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    tensors("binary_cross_entropy_with_logits", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({target.shape}) must be the same as input size ({input.shape})"
        )
    if pos_weight is None:
        loss = logistic_loss(input, target)
    else:
        together("binary_cross_entropy_with_logits", pos_weight, target)
        loss = (1 - target) * input - ((pos_weight - 1) * target + 1) * logsigmoid(input)
    return reduced(loss if weight is None else loss * weight, reduction)


@op(
    {
        "input": lambda g, input, target, beta: g * _slope(input - target, beta, 1 / beta),
        "target": lambda g, input, target, beta: g * _slope(target - input, beta, 1 / beta),
    },
    name="smooth_l1_loss",
    where=(),
    symbol="smooth_l1",
    samples=lambda s: [
        (3 * s.distinct(3, 2), s(3, 2) * 0),
        (s.distinct(4), s(4) * 0, 0.31),
        (s.distinct(), s() * 0, 2.0),
        (s(0), s(0)),
    ],
)
@rounded_once
def smooth_l1(input: Array, target: Array, beta: float = 1.0) -> Any:
    """(x − t)²/(2·beta) nearer than ``beta``, |x − t| − beta/2 farther."""
    refuse("smooth_l1_loss", input)
    d = np.abs(np.subtract(input, target))
    near = np.minimum(d, beta)
    return near * (d - 0.5 * near) / beta


@op(
    {"input": lambda g, input, edge: g * (abs_op(input) < edge)},
    where=(),
    promote="keep",
    samples=lambda s: [
        (3 * s.distinct(3, 2), 1.0),
        (s.distinct(4), 0.3),
        (s.distinct(), 2.0),
        (s(0), 1.0),
    ],
)
def bounded(input: Array, edge: float) -> Any:
    """``input`` cut off at ±``edge``; derivative 0 from there on."""
    return np.minimum(np.maximum(input, -edge), edge)


def _slope(d: Any, edge: float, inner: float) -> Any:
    """``inner``·d nearer than ``edge`` and ±``inner``·edge farther: the slope of both losses."""
    return bounded(d, edge) * inner


@export("F")
def smooth_l1_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", beta: float = 1.0,
) -> Any:  # fmt: skip
    """Squared error near the target, absolute error from ``beta`` on; |x − t| − beta/2 there.

    Source: Girshick, "Fast R-CNN", 2015.

    >>> import chainrule as cr
    >>> cr.nn.functional.smooth_l1_loss(cr.tensor([0.5, 3.0]), cr.zeros(2), reduction="none")
    tensor([0.1250, 2.5000])
    """
    tensors("smooth_l1_loss", input=input, target=target)
    _warn_sizes(input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    x, t = together("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    if beta == 0:
        return l1_loss(x, t, reduction=reduction)
    return reduced(smooth_l1(x, t, float(beta)), reduction)


@op(
    {
        "input": lambda g, input, target, delta: g * _slope(input - target, delta, 1.0),
        "target": lambda g, input, target, delta: g * _slope(target - input, delta, 1.0),
    },
    name="huber_loss",
    where=(),
    symbol="huber",
    samples=lambda s: [
        (3 * s.distinct(3, 2), s(3, 2) * 0),
        (s.distinct(4), s(4) * 0, 0.31),
        (s.distinct(), s() * 0, 2.0),
        (s(0), s(0)),
    ],
)
@rounded_once
def huber(input: Array, target: Array, delta: float = 1.0) -> Any:
    """(x − t)²/2 up to ``delta``, delta·(|x − t| − delta/2) beyond."""
    refuse("huber_loss", input)
    d = np.abs(np.subtract(input, target))
    near = np.minimum(d, delta)
    return near * (d - 0.5 * near)


@export("F")
def huber_loss(
    input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None
) -> Any:
    """Half the squared error up to ``delta``, delta·(|x − t| − delta/2) beyond.

    Source: Huber, "Robust Estimation of a Location Parameter", 1964.

    >>> import chainrule as cr
    >>> cr.nn.functional.huber_loss(cr.tensor([0.5, 3.0]), cr.zeros(2), "none", 2.0)
    tensor([0.1250, 4.0000])
    """
    tensors("huber_loss", input=input, target=target)
    _warn_sizes(input, target)
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta, got {delta}"
        )
    x, t = together("huber_loss", input, target)
    loss = huber(x, t, float(delta))
    if weight is not None:
        if weight.shape != input.shape:
            raise ValueError("Weights and input must have the same size.")
        loss = loss * weight
    return reduced(loss, reduction)


@export("F")
def kl_div(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean", log_target: bool = False,
) -> Any:  # fmt: skip
    """t·(log t − x) for log-probabilities x: summed, the Kullback–Leibler divergence.

    ``reduction='batchmean'`` divides the sum by the batch size, ``'mean'`` by all elements; with
    ``log_target`` the target too is a logarithm.

    >>> import chainrule as cr
    >>> x, t = cr.log(cr.tensor([[0.5, 0.5]])), cr.tensor([[1.0, 0.0]])
    >>> cr.nn.functional.kl_div(x, t, reduction="batchmean")
    tensor(0.6931)
    """
    tensors("kl_div", input=input, target=target)
    if size_average is None and reduce is None and reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition. 'mean' will be changed to behave the same as 'batchmean' in the next "
            "major release.",
            UserWarning,
            stacklevel=2,
        )
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return total(loss) / input.shape[0] if input.ndim else total(loss)
    return reduced(loss, reduction)


@export("F")
def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, size_average: Any = None,
    eps: float = 1e-8, reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """eˣ − t·x for a logarithmic rate x, or x − t·log(x + eps): Poisson's likelihood of counts t.

    ``full`` adds Stirling's t·log t − t + ½·log(2πt) where t > 1.

    >>> import chainrule as cr
    >>> cr.nn.functional.poisson_nll_loss(cr.tensor([0.0, 1.0]), cr.tensor([1.0, 2.0]))
    tensor(0.8591)
    """
    tensors("poisson_nll_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        stirling = target * log(target) - target + 0.5 * log(2 * math.pi * target)
        loss = loss + where(target <= 1, 0.0, stirling)
    return reduced(loss, reduction)


def _variance(input: Any, var: Any) -> Any:
    """The variance as a tensor that broadcasts against the input."""
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        return make(np.full(tuple(input.shape), var, input.dtype.np))
    if np.any(peek(var._data) < 0):
        raise ValueError("var has negative entry/entries")
    if var.shape == input.shape:
        return var
    if tuple(input.shape[:-1]) == tuple(var.shape):
        return unsqueeze(var, -1)
    differ = [m for n, m in zip(input.shape, var.shape, strict=False) if n != m]
    if input.ndim == var.ndim and sum(differ) == 1:
        return var
    raise ValueError(
        f"var is of incorrect size: {list(var.shape)} for an input of {list(input.shape)}"
    )


@export("F")
def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """½·(log v + (x − t)²/v) with the variance v at least ``eps``: a normal's likelihood.

    ``full`` adds ½·log 2π. Raises ValueError for a negative variance.

    >>> import chainrule as cr
    >>> x, t, v = cr.tensor([1.0]), cr.tensor([3.0]), cr.tensor([4.0])
    >>> cr.nn.functional.gaussian_nll_loss(x, t, v)
    tensor(1.1931)
    """
    tensors("gaussian_nll_loss", input=input, target=target)
    var = _variance(input, var)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    if (peek(var._data) < eps).any():  # the gradient goes through as if nothing was cut off
        var = var + clamp_op(eps - var.detach(), 0.0, None)
    loss = 0.5 * (log(var) + (input - target) ** 2 / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)
