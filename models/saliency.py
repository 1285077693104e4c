"""What a model looked at: gradients with respect to its inputs; and scores by group.

Models map (N, …) to scores (N, C), or (N,) or (N, 1) for a single output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor, modes
from ..autograd.declare import names
from ..autograd.gradients import grad
from ..nn.metrics import Array, accuracy

Model = Callable[[Any], Any]
_torch = names["torch"]


def _chosen(scores: Any, target: Any) -> tuple[Any, Any]:
    """The scores (N,) of the targets, by default of the largest; and those targets."""
    if scores.dim() == 1 or scores.shape[1] == 1:
        return scores.reshape(-1), None
    if target is None:
        target = scores.argmax(1)
    return scores.gather(1, target.reshape(-1, 1)).squeeze(1), target


def input_gradient(model: Model, x: Any, target: Any = None) -> Any:
    """∂o_t/∂x for each sample (N, …), o_t the score of its target, by default of its largest.

    Samples must not depend on each other: set batch norm to evaluation mode.

    >>> import chainrule as cr
    >>> input_gradient(lambda x: x**2, cr.tensor([[3.0]]))
    tensor([[6.]])
    """
    with modes.enable_grad():
        leaf = x.detach().clone().requires_grad_()
        scores, _ = _chosen(model(leaf), target)
        return grad(scores.sum(), leaf)[0]


def saliency(model: Model, x: Any, target: Any = None) -> Any:
    """|∂o_t/∂x| (N, …): how much a small change of each input would move the target's score.

    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013.

    >>> import chainrule as cr
    >>> saliency(lambda x: x @ cr.tensor([[1.0, 0.0], [-2.0, 0.0]]), cr.tensor([[5.0, 1.0]]))
    tensor([[1., 2.]])
    """
    return input_gradient(model, x, target).abs()


class Ranking(NamedTuple):
    """Columns from the most to the least salient, and the summed saliency of each column."""

    order: list[int]
    totals: Any


def feature_ranking(model: Model, x: Any, y: Any) -> Ranking:
    """Columns of a table by Σ|∂o_y/∂x_i| over the correctly classified samples: x (N, D), y (N,).

    For one output the decision is o > 0. Columns are comparable if they have one scale. Raises
    ValueError where no sample is classified correctly.

    >>> import chainrule as cr
    >>> model = lambda x: x @ cr.tensor([0.5, 0.0, -3.0])
    >>> feature_ranking(model, cr.tensor([[1.0, 1.0, -1.0]]), cr.tensor([1])).order
    [2, 0, 1]
    """
    with modes.no_grad():
        scores = model(x)
    single = scores.dim() == 1 or scores.shape[1] == 1
    said = scores.reshape(-1) > 0 if single else scores.argmax(1)
    right = said.to(y.dtype) == y
    if not right.any():
        raise ValueError(
            "feature_ranking: no sample is classified correctly, so there is nothing to sum over; "
            "train the model first"
        )
    totals = saliency(model, x[right], None if single else y[right]).sum(0)
    return Ranking(totals.argsort(descending=True).tolist(), totals)


def integrated_gradients(
    model: Model, x: Any, target: Any = None, baseline: Any = None, steps: int = 50
) -> Any:
    """(x − x₀)·∫₀¹ ∂o_t/∂x(x₀ + s(x − x₀)) ds (N, …): what each input added to the score.

    The parts of a sample sum to o_t(x) − o_t(x₀), up to the midpoint rule with ``steps`` points.
    ``baseline`` x₀ is zero by default. Source: Sundararajan, Taly and Yan, 2017.

    >>> import chainrule as cr
    >>> parts = integrated_gradients(lambda x: (x**2).sum(1), cr.tensor([[1.0, 3.0]]))
    >>> parts.round(decimals=3)
    tensor([[1., 9.]])
    """
    start = _torch["zeros_like"](x) if baseline is None else baseline
    if target is None:
        with modes.no_grad():
            _, target = _chosen(model(x), None)
    total = _torch["zeros_like"](x)
    for k in range(steps):
        total = total + input_gradient(model, start + (k + 0.5) / steps * (x - start), target)
    return (x - start) * total / steps


# -- fairness -------------------------------------------------------------------------------------


class GroupScores(NamedTuple):
    """Scores of one group's records; a rate is nan where there is nothing to take it of."""

    records: int
    accuracy: float
    positive_rate: float
    true_positive_rate: float
    false_positive_rate: float


def _array(values: Any) -> Array:
    return values.numpy() if isinstance(values, Tensor) else np.asarray(values)


def _rate(said: Array) -> float:
    return float(said.mean()) if len(said) else float("nan")


def scores_by_group(truth: Any, predicted: Any, group: Any) -> dict[Any, GroupScores]:
    """Accuracy, share called positive, and true and false positive rate of every group.

    All (N,), truth and predictions 0 or 1. Equal positive rates are demographic parity, equal true
    positive rates equal opportunity, both rates equal: equalised odds.
    Source: Hardt, Price and Srebro, "Equality of opportunity in supervised learning", 2016.

    >>> scores = scores_by_group([1, 0, 1, 0], [1, 0, 0, 0], ["a", "a", "b", "b"])
    >>> scores["b"].accuracy, scores["b"].true_positive_rate
    (0.5, 0.0)
    """
    t, p, g = _array(truth), _array(predicted), _array(group)
    if not t.shape == p.shape == g.shape:
        raise ValueError(
            f"scores_by_group: truth {t.shape}, predictions {p.shape} and groups {g.shape} must "
            "have one length"
        )
    scores = {}
    for name in np.unique(g).tolist():
        true, said = t[g == name], p[g == name]
        scores[name] = GroupScores(
            records=len(true),
            accuracy=accuracy(true, said),
            positive_rate=_rate(said),
            true_positive_rate=_rate(said[true == 1]),
            false_positive_rate=_rate(said[true == 0]),
        )
    return scores


def gaps(scores: dict[Any, GroupScores]) -> GroupScores:
    """The largest difference between groups of every score; 0 throughout is even-handed.

    >>> gaps(scores_by_group([1, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 1])).positive_rate
    0.5
    """
    columns = zip(*scores.values(), strict=True)
    return GroupScores(*[max(column) - min(column) for column in columns])
