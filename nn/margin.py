"""Losses that ask for a margin: between classes, between pairs, between distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from .declared import layer
from .loss import _Loss, _WeightedLoss
from .shapes import PairwiseDistance

F = names["F"]


@layer
class HingeEmbeddingLoss(_Loss):
    """The distance x where the target is 1, max(0, margin − x) where it is −1.

    >>> import chainrule as cr
    >>> loss = cr.nn.HingeEmbeddingLoss(reduction="none")
    >>> loss(cr.tensor([0.25, 0.25]), cr.tensor([1.0, -1.0]))
    tensor([0.2500, 0.7500])
    """

    margin: float = 1.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["hinge_embedding_loss"](
            input, target, margin=self.margin, reduction=self.reduction
        )


class SoftMarginLoss(_Loss):
    """log(1 + e^(−t·x)) for targets t of ±1.

    >>> import chainrule as cr
    >>> cr.nn.SoftMarginLoss()(cr.tensor([0.0]), cr.tensor([1.0]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["soft_margin_loss"](input, target, reduction=self.reduction)


@layer
class MultiMarginLoss(_WeightedLoss):
    """Σ max(0, margin − x[target] + x[j])ᵖ/C over the other classes j, scores (N, C): an SVM's.

    >>> import chainrule as cr
    >>> cr.nn.MultiMarginLoss()(cr.tensor([[0.1, 0.2, 0.4, 0.8]]), cr.tensor([3]))
    tensor(0.3250)
    """

    p: int = 1
    margin: float = 1.0
    weight: InitVar[Tensor | None] = None
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def __post_init__(
        self, weight: Any = None, size_average: Any = None, reduce: Any = None, *_: Any
    ) -> None:
        super().__post_init__(weight, size_average, reduce)
        if self.p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(
                "MultiMarginLoss: expected weight to be None or 1D tensor, got "
                f"{weight.dim()}D instead"
            )

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["multi_margin_loss"](
            input,
            target,
            p=self.p,
            margin=self.margin,
            weight=self._buffers["weight"],
            reduction=self.reduction,
        )


class MultiLabelMarginLoss(_Loss):
    """Σ max(0, 1 − (x[i] − x[j]))/C over labels i and other classes j; −1 ends the labels.

    >>> import chainrule as cr
    >>> cr.nn.MultiLabelMarginLoss()(cr.tensor([[0.1, 0.2, 0.4, 0.8]]), cr.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["multilabel_margin_loss"](input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The binary cross-entropy of σ(x) averaged over the classes, scores and targets (N, C).

    >>> import chainrule as cr
    >>> cr.nn.MultiLabelSoftMarginLoss()(cr.zeros(1, 2), cr.tensor([[1.0, 0.0]]))
    tensor(0.6931)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return F["multilabel_soft_margin_loss"](
            input, target, weight=self._buffers["weight"], reduction=self.reduction
        )


@layer
class CosineEmbeddingLoss(_Loss):
    """1 − cos(x₁, x₂) where the target is 1, max(0, cos − margin) where it is −1.

    >>> import chainrule as cr
    >>> a, b = cr.tensor([[1.0, 0.0]]), cr.tensor([[0.0, 1.0]])
    >>> cr.nn.CosineEmbeddingLoss()(a, b, cr.tensor([1]))
    tensor(1.)
    """

    margin: float = 0.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        return F["cosine_embedding_loss"](
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


@layer
class MarginRankingLoss(_Loss):
    """max(0, −t·(x₁ − x₂) + margin): t = 1 wants the first ranked higher, −1 the second.

    >>> import chainrule as cr
    >>> cr.nn.MarginRankingLoss()(cr.tensor([1.0]), cr.tensor([3.0]), cr.tensor([1.0]))
    tensor(2.)
    """

    margin: float = 0.0
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Any:
        return F["margin_ranking_loss"](
            input1, input2, target, margin=self.margin, reduction=self.reduction
        )


def _check_margin(loss: Any) -> None:
    if loss.margin <= 0:
        raise ValueError(
            f"{type(loss).__name__}: expected margin to be greater than 0, got {loss.margin} "
            "instead"
        )


@layer
class TripletMarginLoss(_Loss):
    """max(0, ‖a − p‖ − ‖a − n‖ + margin) of anchors, positives and negatives (N, D).

    ``swap`` takes ‖p − n‖ where it is the smaller distance to the negative. Raises ValueError
    unless margin > 0. Source: Schroff et al., "FaceNet", 2015.

    >>> import chainrule as cr
    >>> a, p, n = cr.zeros(1, 2), cr.tensor([[3.0, 4.0]]), cr.tensor([[0.0, 2.0]])
    >>> cr.nn.TripletMarginLoss()(a, p, n)
    tensor(4.0000)
    """

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: InitVar[bool | None] = None
    reduce: InitVar[bool | None] = None
    reduction: str = "mean"

    def __post_init__(self, *old: Any) -> None:
        super().__post_init__(*old)
        _check_margin(self)

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Any:
        return F["triplet_margin_loss"](
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """``TripletMarginLoss`` with a distance of the user's own; the Euclidean one if None.

    >>> import chainrule as cr
    >>> loss = cr.nn.TripletMarginWithDistanceLoss(distance_function=lambda x, y: abs(x - y).sum(1))
    >>> loss(cr.zeros(1, 2), cr.ones(1, 2), cr.zeros(1, 2))
    tensor(3.)
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.margin, self.swap = margin, swap
        _check_margin(self)
        self.distance_function = (
            PairwiseDistance() if distance_function is None else distance_function
        )

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Any:
        return F["triplet_margin_with_distance_loss"](
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
