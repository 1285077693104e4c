"""The shortest training loop and the share of right answers, for examples and tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn
from ..autograd import modes
from ..autograd.declare import names
from .transfer import train_mode


def fit(
    model: nn.Module,
    inputs: Any,
    targets: Any,
    optimizer: Any,
    epochs: int = 1,
    batch_size: int = 64,
    loss: Callable[[Any, Any], Any] = nn.functional.cross_entropy,
    schedule: Any = None,
) -> list[float]:
    """Train on shuffled batches and return the loss of every step.

    ``inputs`` and ``targets`` are tensors of one length; ``schedule.step()`` is called after each
    batch. Frozen parts stay in evaluation mode (``train_mode``).

    >>> import chainrule as cr
    >>> x = cr.linspace(0, 1, 8).reshape(8, 1)
    >>> line = cr.nn.Linear(1, 1)
    >>> descent = cr.optim.SGD(line.parameters(), lr=0.5)
    >>> losses = cr.models.fit(line, x, 2 * x, descent, 50, loss=cr.nn.functional.mse_loss)
    >>> len(losses), losses[-1] < 0.01
    (50, True)
    """
    train_mode(model)
    losses = []
    for _ in range(epochs):
        order = names["torch"]["randperm"](len(inputs))
        for chosen in order.split(batch_size):
            optimizer.zero_grad()
            value = loss(model(inputs[chosen]), targets[chosen])
            value.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
            losses.append(value.item())
    return losses


def accuracy(model: nn.Module, inputs: Any, labels: Any, batch_size: int = 1000) -> float:
    """The share of samples whose largest score is the label's, in evaluation mode.

    >>> import chainrule as cr
    >>> cr.models.accuracy(cr.nn.Identity(), cr.tensor([[1.0, 2.0], [3.0, 0.0]]), cr.tensor([1, 1]))
    0.5
    """
    before = model.training
    model.eval()
    right = 0
    with modes.no_grad():
        for x, y in zip(inputs.split(batch_size), labels.split(batch_size), strict=True):
            right += int((model(x).argmax(-1) == y).sum().item())
    model.train(before)
    return right / len(labels)
