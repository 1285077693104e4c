"""Losses: how far predictions are from targets, as one number or one an element."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import modes
from ..batched import peek
from ..declare import Array, export, op
from ..errors import ShapeError
from ..examples import is_batched
from ..handle import Handle, make
from .arithmetic import abs as abs_op
from .compare import where
from .reduce import mean, total
from .shape import movedim, reshape
from .softmax import log_softmax_op


def legacy_reduction(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction meant by PyTorch's old arguments."""
    if size_average is None and reduce is None:
        return reduction
    warnings.warn(
        "size_average and reduce args will be deprecated, please use reduction= instead.",
        UserWarning,
        stacklevel=3,
    )
    if reduce is not None and not reduce:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def reduced(loss: Any, reduction: str) -> Any:
    """A loss an element, its mean, or its sum."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return total(loss)
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss


@op(
    {
        "input": lambda g, input, target, divisor: g * (2 / divisor * (input - target)),
        "target": lambda g, input, target, divisor: g * (2 / divisor * (target - input)),
    },
    name="mse_loss",
    where=(),
    tex=r"\operatorname{{mse}}({0}, {1})",
    samples=lambda s: [(s(3, 2), s(3, 2)), (s(4), s(4), "none", 1), (s(2), s(2), "mean", 2)],
)
def squared_error(input: Array, target: Array, reduction: str = "sum", divisor: int = 1) -> Any:
    """(input − target)², one an element, or summed and divided by ``divisor``."""
    d = np.subtract(input, target)
    if reduction == "none":
        return d * d
    return (np.vdot(d, d) if d.ndim else d * d) / d.dtype.type(divisor)


@export("F")
def mse_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The squared error (input − target)², averaged, summed, or one an element.

    >>> import chainrule as cr
    >>> cr.nn.functional.mse_loss(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(2.)
    """
    _same_size(input, target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input.dtype.category < 2 or weight is not None or input.shape != target.shape:
        loss = (input - target) ** 2
        if weight is not None:
            loss = loss * weight
            if reduction == "mean":
                return total(loss) / total(weight.expand_as(loss))
        return reduced(loss, reduction)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if reduction == "mean" and not input.numel():
        return mean(input - target)
    return squared_error(input, target, reduction, input.numel() if reduction == "mean" else 1)


@export("F")
def l1_loss(
    input: Any,
    target: Any,
    size_average: Any = None,
    reduce: Any = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Any:
    """The absolute error |input − target|, averaged (by ``weight``), summed, or one an element.

    >>> import chainrule as cr
    >>> cr.nn.functional.l1_loss(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(1.)
    """
    _same_size(input, target)
    loss, reduction = abs_op(input - target), legacy_reduction(size_average, reduce, reduction)
    if weight is None:
        return reduced(loss, reduction)
    if weight.shape != input.shape:
        raise ValueError(
            "l1_loss: Weights and input must have the same size, got "
            f"{list(weight.shape)} and {list(input.shape)}"
        )
    loss = loss * weight
    return total(loss) / total(weight) if reduction == "mean" else reduced(loss, reduction)


def _same_size(input: Any, target: Any) -> None:
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
        "input": lambda g, index, weight, input_shape, divisor: picked_back(
            -g / divisor, index, weight, input_shape
        )
    },
    name="nll_loss",
    where=(),
    promote="keep",
    linear_in=("input",),
    onnx="NegativeLogLikelihoodLoss",
    samples=lambda s: [
        (s(4, 3), s.index(4, below=3), np.ones(4)),
        (s(4, 3), s.index(4, below=3), np.arange(4.0), "sum", 6.0),
        (s(0, 3), s.index(0, below=3), np.ones(0)),
    ],
)
def picked_loss(
    input: Array, index: Array, weight: Array, reduction: str = "none", divisor: float = 1.0
) -> Any:
    """−weightᵢ · input[i, indexᵢ] for each row i, or their sum divided by ``divisor``."""
    each = -input[np.arange(len(index)), index]
    if weight is not None:
        each = each * weight
    return each if reduction == "none" else np.add.reduce(each) / each.dtype.type(divisor)


@op(
    {"input": lambda g, index, weight: -picked_loss(g, index, weight)},
    symbol="onehot",
    where=(),
    promote="keep",
    linear_in=("input",),
    samples=lambda s: [
        (s(4), s.index(4, below=3), np.ones(4), (4, 3)),
        (s(), s.index(4, below=3), np.ones(4), (4, 3)),
    ],
)
def picked_back(input: Array, index: Array, weight: Array, shape: Any) -> Any:
    """Zeros of ``shape`` with weightᵢ · inputᵢ at [i, indexᵢ]: the way back of −``picked_loss``."""
    out = np.zeros(shape, getattr(input, "dtype", np.float64))
    out[np.arange(len(index)), index] = input if weight is None else input * weight
    return out


def _rows(input: Any, target: Any, name: str) -> tuple[Any, Any, Any]:
    """Scores as (N, C), targets as (N,), and the shape of a loss an element."""
    if input.ndim == 1:
        if target.ndim != 0:
            raise ShapeError(
                f"{name}: for scores of shape {list(input.shape)} expected one class index, got "
                f"shape {list(target.shape)}"
            )
        return reshape(input, (1, -1)), reshape(target, (1,)), ()
    expected = (input.shape[0], *input.shape[2:])
    if tuple(target.shape) != expected:
        if target.ndim and target.shape[0] != input.shape[0]:
            raise ShapeError(
                f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
                f"({target.shape[0]}): {name} of shapes {list(input.shape)} and "
                f"{list(target.shape)}."
            )
        raise ShapeError(
            f"{name}: expected targets of shape {list(expected)} for scores of shape "
            f"{list(input.shape)}, got {list(target.shape)}"
        )
    if input.ndim == 2:
        return input, target, expected
    return reshape(movedim(input, 1, -1), (-1, input.shape[1])), reshape(target, (-1,)), expected


@export("F")
def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
) -> Any:
    """−input[i, targetᵢ], the negative log-likelihood of log-probabilities (N, C, …).

    ``weight`` (C,) weighs the classes, and the mean divides by the sum of the targets' weights;
    targets equal to ``ignore_index`` count for nothing. Raises IndexError for a class outside.

    >>> import chainrule as cr
    >>> logp = cr.log(cr.tensor([[0.2, 0.7, 0.1]]))
    >>> cr.nn.functional.nll_loss(logp, cr.tensor([1]))
    tensor(0.3567)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not isinstance(target, Handle):
        raise TypeError(f"nll_loss(): target must be Tensor, not {type(target).__name__}")
    rows, flat, shape = _rows(input, target, "nll_loss")
    return _picked(rows, flat, shape, weight, ignore_index, reduction)


def _picked(rows: Any, flat: Any, shape: Any, weight: Any, ignore: int, reduction: str) -> Any:
    classes = rows.shape[1]
    index = peek(flat._data)
    if flat.dtype.name not in ("int64", "uint8"):
        raise RuntimeError(
            f"expected scalar type Long but found {flat.dtype}: class targets are int64 indices"
        )
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if weight is None and index.size:
        low, high = int(index.min()), int(index.max())
        if low >= 0 and high < classes and not low <= ignore <= high:  # every target counts once
            n = float(rows.shape[0]) if reduction == "mean" else 1.0
            loss = picked_loss(rows, flat, None, reduction, n)
            return reshape(loss, tuple(shape)) if reduction == "none" else loss
    if modes.batching and is_batched(flat, weight):
        return _picked_each(rows, flat, shape, weight, ignore, reduction)
    kept = index != ignore
    if np.any(kept & ((index < 0) | (index >= classes))):
        bad = index[kept & ((index < 0) | (index >= classes))][0]
        raise IndexError(f"Target {bad} is out of bounds: there are {classes} classes.")
    safe = np.where(kept, index, 0) if not kept.all() else index
    each = kept.astype(rows.dtype.np)
    if weight is not None:
        each = each * weight._data[safe]
    if reduction == "none":
        return reshape(picked_loss(rows, make(safe), make(each)), tuple(shape))
    if reduction == "sum" or each.any():
        divisor = float(each.sum()) if reduction == "mean" else 1.0
        return picked_loss(rows, make(safe), make(each), reduction, divisor)
    # nothing counts: the mean of nothing is nan, and its gradient 0
    return picked_loss(rows, make(safe), make(each), "sum", 1.0) + float("nan")


def _picked_each(rows: Any, flat: Any, shape: Any, weight: Any, ignore: int, reduction: str) -> Any:
    """``_picked`` inside ``vmap``, where each example has its own targets: in operations alone."""
    classes, kept = rows.shape[1], flat != ignore
    bad = peek(flat._data)[peek((kept & ((flat < 0) | (flat >= classes)))._data)]
    if bad.size:
        raise IndexError(f"Target {bad[0]} is out of bounds: there are {classes} classes.")
    safe = where(kept, flat, 0)
    each = kept.to(rows.dtype)
    if weight is not None:
        each = each * weight.gather(0, safe)
    loss = -reshape(rows.gather(1, reshape(safe, (-1, 1))), (-1,)) * each
    if reduction == "none":
        return reshape(loss, tuple(shape))
    return total(loss) / total(each) if reduction == "mean" else total(loss)


@export("F")
def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: Any = None,
    ignore_index: int = -100,
    reduce: Any = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """−log softmax(input)[target]: scores (N, C, …) against class indices or probabilities.

    Gradient of the mean with respect to the scores: (softmax − one-hot)/N. ``weight``,
    ``ignore_index`` and the mean are as in ``nll_loss``; ``label_smoothing`` ε mixes the target
    with ε/C of every class.

    >>> import chainrule as cr
    >>> scores = cr.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    >>> loss = cr.nn.functional.cross_entropy(scores, cr.tensor([2])); loss.backward(); scores.grad
    tensor([[ 0.0900,  0.2447, -0.3348]])
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if not isinstance(target, Handle):
        raise TypeError(f"cross_entropy(): target must be Tensor, not {type(target).__name__}")
    probabilities = target.dtype.is_floating_point  # type: ignore[attr-defined]
    if input.ndim == 0:
        raise RuntimeError("cross_entropy: expected scores of at least one dimension, got a scalar")
    logp = log_softmax_op(input, 0 if input.ndim == 1 else 1)
    if probabilities:
        return _against_probabilities(logp, target, weight, reduction, label_smoothing)
    rows, flat, shape = _rows(logp, target, "cross_entropy")
    hard = _picked(rows, flat, shape, weight, ignore_index, reduction)
    if not label_smoothing:
        return hard
    kept = (flat != ignore_index).to(rows.dtype)
    classes = rows.shape[1]
    smooth = -total(rows if weight is None else rows * weight, 1) * kept
    if reduction == "mean":
        each = kept if weight is None else weight[where(kept > 0, flat, 0)] * kept
        smooth = total(smooth) / total(each.detach())
    else:
        smooth = total(smooth) if reduction == "sum" else reshape(smooth, tuple(shape))
    return (1 - label_smoothing) * hard + smooth * (label_smoothing / classes)


def _against_probabilities(
    logp: Any, target: Any, weight: Any, reduction: str, smoothing: float
) -> Any:
    if target.shape != logp.shape:
        raise ShapeError(
            f"cross_entropy: expected class probabilities of shape {list(logp.shape)}, got "
            f"{list(target.shape)}"
        )
    dim = 0 if logp.ndim == 1 else 1
    if smoothing:
        target = target * (1 - smoothing) + smoothing / logp.shape[dim]
    product = logp * target
    if weight is not None:
        product = product * reshape(weight, (-1, *(1,) * (logp.ndim - 1 - dim)))
    loss = -total(product, dim)
    if reduction == "mean":
        return total(loss) / max(loss.numel(), 1) if loss.numel() else total(loss) * float("nan")
    return reduced(loss, reduction)
