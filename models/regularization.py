"""Keeping a model from learning its sample by heart: penalties, early stopping, noise."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names

_torch = names["torch"]
_NORMS = (
    nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm,
    nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d,
)  # fmt: skip


def weights(model: nn.Module) -> Iterator[nn.Parameter]:
    """The parameters that a penalty is meant for: no biases, no scales of norms.

    >>> import chainrule as cr
    >>> net = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.BatchNorm1d(4))
    >>> [p.shape for p in weights(net)]
    [torch.Size([4, 3])]
    """
    seen: set[int] = set()
    for module in model.modules():
        for name, p in module.named_parameters(recurse=False):
            if "bias" not in name and not isinstance(module, _NORMS) and id(p) not in seen:
                seen.add(id(p))
                yield p


def l1_penalty(model: nn.Module) -> Any:
    """Σ|w| over the weights, never the biases.

    >>> import chainrule as cr
    >>> l1_penalty(cr.models.linear.Neuron.of([3.0, -4.0], bias=9.0)).item()
    7.0
    """
    return sum(w.abs().sum() for w in weights(model))


def l2_penalty(model: nn.Module) -> Any:
    """Σw² over the weights, never the biases.

    >>> import chainrule as cr
    >>> l2_penalty(cr.models.linear.Neuron.of([3.0, -4.0], bias=9.0)).item()
    25.0
    """
    return sum((w * w).sum() for w in weights(model))


def elastic_net(model: nn.Module, strength: float, alpha: float = 0.5) -> Any:
    """λ((1 − α)Σ|w| + αΣw²) over the weights: α = 0 is the lasso, α = 1 ridge.

    scikit-learn's ``l1_ratio`` is 1 − α, and it halves the square.
    Source: Zou and Hastie, "Regularization and variable selection via the elastic net", 2005.

    >>> import chainrule as cr
    >>> elastic_net(cr.models.linear.Neuron.of([3.0, -4.0]), 0.25, alpha=0.5).item()
    4.0
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"elastic_net: alpha must lie between 0 (L1) and 1 (L2), got {alpha}")
    return strength * ((1 - alpha) * l1_penalty(model) + alpha * l2_penalty(model))


def soft_threshold_(model: nn.Module, amount: float) -> None:
    """W ← sign(w)·max(0, |w| − amount): the exact step for λΣ|w|, amount = learning rate·λ.

    Called after the optimizer's step on the loss without the penalty, it makes weights exactly 0,
    where the gradient of |w| would swing around it. Source: Beck and Teboulle (ISTA), 2009.

    >>> import chainrule as cr
    >>> neuron = cr.models.linear.Neuron.of([3.0, -0.5])
    >>> soft_threshold_(neuron, 1.0)
    >>> neuron.weight.data
    tensor([2., -0.])
    """
    with modes.no_grad():
        for w in weights(model):
            w.copy_(w.sign() * (w.abs() - amount).clamp(min=0))


class EarlyStopping:
    """Stops when a value has not got better for ``patience`` epochs, and brings the best back.

    ``step(value)`` after each epoch keeps a copy of the weights at a new best, and says whether to
    stop; ``restore()`` loads that copy. ``mode`` "min" for losses, "max" for scores; better means
    by more than ``min_delta``. NaN is never better.

    >>> import chainrule as cr
    >>> net = cr.nn.Linear(1, 1)
    >>> stop = EarlyStopping(net, patience=2)
    >>> [stop.step(loss) for loss in (3.0, 1.0, 2.0, 1.5)]
    [False, False, False, True]
    >>> stop.restore()
    >>> stop.best, stop.best_epoch
    (1.0, 1)
    """

    def __init__(
        self, model: nn.Module, patience: int = 5, min_delta: float = 0.0, mode: str = "min"
    ) -> None:
        if mode not in ("min", "max"):
            raise ValueError(f"EarlyStopping: mode must be 'min' or 'max', got {mode!r}")
        if patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1 epoch, got {patience}")
        self.model, self.patience, self.min_delta = model, patience, min_delta
        self.sign = 1 if mode == "min" else -1
        self.best, self.best_epoch, self.epoch = self.sign * math.inf, -1, -1
        self._kept: Any = None

    def step(self, value: float) -> bool:
        """Take note of an epoch's value; True when it is time to stop."""
        self.epoch += 1
        if self.sign * (self.best - value) > self.min_delta:
            self.best, self.best_epoch = float(value), self.epoch
            self._kept = copy.deepcopy(self.model.state_dict())
        return self.epoch - self.best_epoch >= self.patience

    def restore(self) -> None:
        """Put the best weights back into the model."""
        if self._kept is None:
            raise RuntimeError("EarlyStopping.restore: no epoch has been noted; call step first")
        self.model.load_state_dict(self._kept)


class GaussianNoise(nn.Module):
    """x + ε, ε ~ N(0, std²), while training; x itself in evaluation mode.

    Noise on the inputs of a linear model is on average an L2 penalty std²·‖w‖² on its squared
    error. Source: Bishop, "Training with noise is equivalent to Tikhonov regularization", 1995.

    >>> import chainrule as cr
    >>> GaussianNoise(0.5).eval()(cr.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, std: float = 0.1) -> None:
        super().__init__()
        if std < 0:
            raise ValueError(f"GaussianNoise: std must not be negative, got {std}")
        self.std = std

    def forward(self, x: Any) -> Any:
        return x + self.std * _torch["randn_like"](x) if self.training else x

    def extra_repr(self) -> str:
        """The deviation of the noise."""
        return f"std={self.std}"
