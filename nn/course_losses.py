"""Losses that the lecture notes name and PyTorch has not under a name of their own.

Hinge losses ask for a margin of 1 between scores; RMSE is MSE in the unit of the target.
"""

from __future__ import annotations

from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from .declared import layer
from .loss import _Loss

F = names["F"]


def _reduced(losses: Any, reduction: str) -> Any:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")  # PyTorch's words
    return losses if reduction == "none" else getattr(losses, reduction)()


def hinge_loss(
    input: Tensor, target: Tensor, *, squared: bool = False, reduction: str = "mean"
) -> Any:
    """max(0, 1 − t·s), or its square: scores s and targets t of ±1, of one shape.

    >>> import chainrule as cr
    >>> s, t = cr.tensor([0.5, 2.0, 1.0]), cr.tensor([1.0, 1.0, -1.0])
    >>> hinge_loss(s, t, reduction="none"), hinge_loss(s, t, squared=True, reduction="none")
    (tensor([0.5000, 0.0000, 2.0000]), tensor([0.2500, 0.0000, 4.0000]))
    """
    if input.shape != target.shape:
        raise ValueError(
            f"hinge_loss: scores {tuple(input.shape)} and targets {tuple(target.shape)} must have "
            "one shape; the targets are 1 and -1"
        )
    losses = F["relu"](1 - target * input)
    return _reduced(losses**2 if squared else losses, reduction)


def weston_watkins_loss(
    input: Tensor, target: Tensor, *, squared: bool = False, reduction: str = "mean"
) -> Any:
    """Σ_{j≠y} max(0, s_j − s_y + 1), or of squares: scores (N, C) and class indices (N,).

    PyTorch's ``multi_margin_loss`` divides this sum by the number of classes.
    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition", 1999.

    >>> import chainrule as cr
    >>> weston_watkins_loss(cr.tensor([[3.0, 2.5, 1.0]]), cr.tensor([0]))
    tensor(0.5000)
    """
    losses = F["multi_margin_loss"](input, target, p=2 if squared else 1, reduction="none")
    return _reduced(input.shape[-1] * losses, reduction)


def rmse_loss(input: Tensor, target: Tensor) -> Any:
    """√(Σ(ŷ − y)²/n), in the unit of y; its gradient is infinite where all errors are 0.

    >>> import chainrule as cr
    >>> rmse_loss(cr.tensor([1.0, 7.0]), cr.zeros(2))
    tensor(5.)
    """
    return F["mse_loss"](input, target).sqrt()


@layer
class HingeLoss(_Loss):
    """max(0, 1 − t·s) for scores and targets of ±1; ``squared`` for the smoother square.

    >>> import chainrule as cr
    >>> HingeLoss(squared=True)(cr.tensor([0.5]), cr.tensor([1.0]))
    tensor(0.2500)
    """

    squared: bool = False
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return hinge_loss(input, target, squared=self.squared, reduction=self.reduction)


@layer
class WestonWatkinsLoss(_Loss):
    """Σ_{j≠y} max(0, s_j − s_y + 1): the multi-class support vector machine's loss.

    >>> import chainrule as cr
    >>> WestonWatkinsLoss()(cr.tensor([[3.0, 2.5, 1.0]]), cr.tensor([0]))
    tensor(0.5000)
    """

    squared: bool = False
    reduction: str = "mean"

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return weston_watkins_loss(input, target, squared=self.squared, reduction=self.reduction)


class RMSELoss(_Loss):
    """√(mean squared error), in the unit of the target.

    >>> import chainrule as cr
    >>> RMSELoss()(cr.tensor([1.0, 7.0]), cr.zeros(2))
    tensor(5.)
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, input: Tensor, target: Tensor) -> Any:
        return rmse_loss(input, target)
