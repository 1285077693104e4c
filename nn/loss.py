"""Losses as layers: how far predictions are from targets."""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.ops.loss import legacy_reduction
from .module import Module

F = names["F"]


class _Loss(Module):
    reduction: str

    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """The squared error (input − target)²: its mean, its sum, or one an element ("none").

    >>> import chainrule as cr
    >>> cr.nn.MSELoss()(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the squared error."""
        return F["mse_loss"](input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The absolute error |input − target|: its mean, its sum, or one an element ("none").

    >>> import chainrule as cr
    >>> cr.nn.L1Loss(reduction="sum")(cr.tensor([1.0, 2.0]), cr.tensor([3.0, 2.0]))
    tensor(2.)
    """

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the absolute error."""
        return F["l1_loss"](input, target, reduction=self.reduction)


class NLLLoss(_WeightedLoss):
    """−input[i, targetᵢ] of log-probabilities (N, C, …) and class indices (N, …).

    ``weight`` (C,) weighs the classes; targets equal to ``ignore_index`` count for nothing.

    >>> import chainrule as cr
    >>> cr.nn.NLLLoss()(cr.log(cr.tensor([[0.2, 0.7, 0.1]])), cr.tensor([1]))
    tensor(0.3567)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the negative log-likelihood."""
        return F["nll_loss"](
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class CrossEntropyLoss(_WeightedLoss):
    """−log softmax(input)[target] of scores (N, C, …) and class indices, or probabilities.

    Gradient of the mean: (softmax − one-hot)/N. ``label_smoothing`` ε mixes the target with ε/C
    of every class; ``weight`` and ``ignore_index`` are as in NLLLoss.

    >>> import chainrule as cr
    >>> cr.nn.CrossEntropyLoss()(cr.tensor([[1.0, 2.0, 3.0]]), cr.tensor([2]))
    tensor(0.4076)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Any:
        """Return the cross-entropy."""
        return F["cross_entropy"](
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
