"""Losses with a margin: rankings, embeddings, triplets, and classification by several labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..declare import export
from ..errors import ShapeError
from ..examples import per_example
from ..handle import make
from .activations import logsigmoid
from .arithmetic import minimum
from .clip import clamp_op
from .compare import where
from .exponential import sqrt
from .loss import legacy_reduction, reduced
from .losses import tensors
from .normalizations import pairwise_distance
from .pool import flat_pick
from .reduce import total
from .shape import reshape, unsqueeze


def _hinge(x: Any) -> Any:
    """What is above 0, else 0; derivative 1 at 0."""
    return clamp_op(x, 0.0, None)


def _same_ndim(name: str, **given: Any) -> None:
    if len({t.ndim for t in given.values()}) > 1:
        shapes = ", ".join(f"{what}: {list(t.shape)}" for what, t in given.items())
        raise RuntimeError(
            f"{name} : All input tensors should have same dimension but got sizes: {shapes}"
        )


@export("F")
def hinge_embedding_loss(
    input: Any, target: Any, margin: float = 1.0, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """X where the target is 1, max(0, margin − x) where it is −1.

    >>> import chainrule as cr
    >>> x, t = cr.tensor([2.0, 0.25]), cr.tensor([1.0, -1.0])
    >>> cr.nn.functional.hinge_embedding_loss(x, t, reduction="none")
    tensor([2.0000, 0.7500])
    """
    tensors("hinge_embedding_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    near = where(target != -1, input, 0.0)
    far = where(target != 1, _hinge(margin - input), 0.0)
    return reduced(near + far, reduction)


@export("F")
def margin_ranking_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """max(0, −t·(x₁ − x₂) + margin): t = 1 says that x₁ should rank higher, −1 that x₂ should.

    >>> import chainrule as cr
    >>> a, b, t = cr.tensor([1.0, 3.0]), cr.tensor([2.0, 2.0]), cr.tensor([1.0, 1.0])
    >>> cr.nn.functional.margin_ranking_loss(a, b, t, reduction="none")
    tensor([1., 0.])
    """
    tensors("margin_ranking_loss", input1=input1, input2=input2, target=target)
    _same_ndim("margin_ranking_loss", input1=input1, input2=input2, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    return reduced(_hinge(-target * (input1 - input2) + margin), reduction)


@export("F")
def cosine_embedding_loss(
    input1: Any, input2: Any, target: Any, margin: float = 0, size_average: Any = None,
    reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """1 − cos(x₁, x₂) where the target is 1, max(0, cos(x₁, x₂) − margin) where it is −1.

    >>> import chainrule as cr
    >>> a, b = cr.tensor([[1.0, 0.0]]), cr.tensor([[0.0, 1.0]])
    >>> cr.nn.functional.cosine_embedding_loss(a, b, cr.tensor([1]))
    tensor(1.)
    """
    tensors("cosine_embedding_loss", input1=input1, input2=input2, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.ndim not in (0, 1):
        raise RuntimeError(f"0D or 1D target tensor expected, got {list(target.shape)}")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    tiny = 1e-12  # under the root, as PyTorch has it
    squares = total(input1 * input1, -1, False) + tiny, total(input2 * input2, -1, False) + tiny
    cosine = total(input1 * input2, -1, False) / sqrt(squares[0] * squares[1])
    near = where(target == 1, 1 - cosine, 0.0)
    far = where(target == -1, _hinge(cosine - margin), 0.0)
    return reduced(near + far, reduction)


def _classes(name: str, input: Any) -> Any:
    """Scores as (N, C)."""
    if input.ndim not in (1, 2) or input.shape[-1] == 0:
        raise RuntimeError(
            f"{name}: expected scores of shape (C,) or (N, C) with C > 0, got {list(input.shape)}"
        )
    return reshape(input, (1, -1)) if input.ndim == 1 else input


def _targets(name: str, target: Any, shape: tuple[int, ...], low: int, classes: int) -> Any:
    """Class indices of the given shape, as an array."""
    if target.dtype.name != "int64":
        raise RuntimeError(
            f"{name}: expected the target as class indices (int64), got {target.dtype}"
        )
    at = np.asarray(target._data)
    if at.shape != shape:
        raise ShapeError(
            f"{name}: inconsistent target size {list(at.shape)}, expected {list(shape)}"
        )
    if at.size and (at.min() < low or at.max() >= classes):
        raise RuntimeError(
            f"{name}: target out of range: {at.min()} to {at.max()} for {classes} classes"
        )
    return at


@export("F")
@per_example
def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
    size_average: Any = None, reduce: Any = None, reduction: str = "mean",
) -> Any:  # fmt: skip
    """Σ_{i ≠ y} max(0, margin − x_y + x_i)ᵖ / C for the class y of each row of scores (N, C).

    >>> import chainrule as cr
    >>> cr.nn.functional.multi_margin_loss(cr.tensor([[1.0, 2.0]]), cr.tensor([0]))
    tensor(1.)
    """
    tensors("multi_margin_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    x = _classes("multi_margin_loss", input)
    n, classes = x.shape
    shape = tuple(input.shape[:-1]) if input.ndim == 2 or target.ndim == 0 else (1,)
    at = _targets("multi_margin_loss", target, shape, 0, classes).reshape(n, 1)
    others = np.arange(classes) != at
    over = _over(margin - flat_pick(x, make(at), (classes,)) + x)
    over = where(make(others), over if p == 1 else over * over, 0.0)
    if weight is not None:
        if tuple(weight.shape) != (classes,):
            raise ShapeError(
                f"multi_margin_loss: expected a weight for each of {classes} classes, got "
                f"{list(weight.shape)}"
            )
        over = over * make(np.asarray(weight._data)[at])
    loss = total(over, 1, False) / classes
    return reduced(loss if input.ndim == 2 else reshape(loss, ()), reduction)


def _over(x: Any) -> Any:
    """What is above 0, else 0; derivative 0 at 0."""
    return where(x > 0, x, 0.0)


@export("F")
@per_example
def multilabel_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """Σ_j Σ_i max(0, 1 − (x_{y_j} − x_i)) / C over the labels y_j and the classes i that are none.

    ``target`` has the shape of the scores; labels end at the first −1.

    >>> import chainrule as cr
    >>> x, y = cr.tensor([[0.1, 0.2, 0.4, 0.8]]), cr.tensor([[3, 0, -1, 1]])
    >>> cr.nn.functional.multilabel_margin_loss(x, y)
    tensor(0.8500)
    """
    tensors("multilabel_margin_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    x = _classes("multilabel_margin_loss", input)
    n, classes = x.shape
    shape = tuple(input.shape)
    at = _targets("multilabel_margin_loss", target, shape, -1, classes).reshape(n, classes)
    valid = np.logical_and.accumulate(at >= 0, axis=1)
    label = np.zeros((n, classes + 1), bool)
    np.put_along_axis(label, np.where(valid, at, classes), True, 1)
    pairs = valid[:, :, None] & ~label[:, None, :classes]
    chosen = flat_pick(x, make(np.where(valid, at, 0)), (classes,))
    over = _over(1 - (unsqueeze(chosen, 2) - unsqueeze(x, 1)))
    loss = total(where(make(pairs), over, 0.0), (1, 2), False) / classes
    return reduced(loss if input.ndim == 2 else reshape(loss, ()), reduction)


def _triplet(positive: Any, negative: Any, swapped: Any, margin: float, reduction: str) -> Any:
    if swapped is not None:
        negative = minimum(negative, swapped)
    return reduced(_hinge(margin + positive - negative), reduction)


def _check_triplet(margin: float, anchor: Any, positive: Any, negative: Any) -> None:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    tensors("triplet_margin_loss", anchor=anchor, positive=positive, negative=negative)
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )


@export("F")
def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2,
    eps: float = 1e-6, swap: bool = False, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """max(0, margin + d(a, positive) − d(a, negative)), d the ``pairwise_distance``.

    ``swap`` takes d(positive, negative) where that is smaller than d(a, negative).

    >>> import chainrule as cr
    >>> a, b, c = cr.tensor([[0.0]]), cr.tensor([[1.0]]), cr.tensor([[3.0]])
    >>> cr.nn.functional.triplet_margin_loss(a, b, c, margin=3.0)
    tensor(1.)
    """
    _check_triplet(margin, anchor, positive, negative)
    reduction = legacy_reduction(size_average, reduce, reduction)
    swapped = pairwise_distance(positive, negative, p, eps) if swap else None
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    return _triplet(near, far, swapped, margin, reduction)


@export("F")
def triplet_margin_with_distance_loss(
    anchor: Any, positive: Any, negative: Any, *, distance_function: Any = None,
    margin: float = 1.0, swap: bool = False, reduction: str = "mean",
) -> Any:  # fmt: skip
    """``triplet_margin_loss`` with another distance.

    >>> import chainrule as cr
    >>> far = lambda x, y: (x - y).abs().sum(-1)
    >>> a, b, c = cr.tensor([[0.0]]), cr.tensor([[1.0]]), cr.tensor([[3.0]])
    >>> cr.nn.functional.triplet_margin_with_distance_loss(
    ...     a, b, c, distance_function=far, margin=3.0)
    tensor(1.)
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _check_triplet(margin, anchor, positive, negative)
    distance = distance_function or pairwise_distance
    swapped = distance(positive, negative) if swap else None
    return _triplet(
        distance(anchor, positive), distance(anchor, negative), swapped, margin, reduction
    )


@export("F")
def soft_margin_loss(
    input: Any, target: Any, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
) -> Any:
    """log(1 + e^(−t·x)) for targets t = ±1, computed without overflow.

    >>> import chainrule as cr
    >>> cr.nn.functional.soft_margin_loss(cr.tensor([0.0, 2.0]), cr.tensor([1.0, -1.0]))
    tensor(1.4100)
    """
    tensors("soft_margin_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    return reduced(-logsigmoid(target * input), reduction)


@export("F")
def multilabel_soft_margin_loss(
    input: Any, target: Any, weight: Any = None, size_average: Any = None, reduce: Any = None,
    reduction: str = "mean",
) -> Any:  # fmt: skip
    """Binary cross-entropy of logits, averaged over the classes (the last dimension).

    >>> import chainrule as cr
    >>> x, t = cr.tensor([[0.0, 0.0]]), cr.tensor([[1.0, 0.0]])
    >>> cr.nn.functional.multilabel_soft_margin_loss(x, t)
    tensor(0.6931)
    """
    tensors("multilabel_soft_margin_loss", input=input, target=target)
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    loss = loss if weight is None else loss * weight
    return reduced(total(loss, -1, False) / input.shape[-1], reduction)
