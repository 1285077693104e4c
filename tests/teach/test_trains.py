"""check.trains: on training that works, and on training with each usual mistake."""

from __future__ import annotations

import math

import pytest

import chainrule as cr
from chainrule import nn, optim
from chainrule.nn import functional as F
from chainrule.teach import check


def train(
    lr: float = 1.0, steps: int = 200, step: bool = True, sign: int = 1, zero_late: bool = False
) -> tuple[list[float], nn.Module]:
    """A small network on XOR of signs: the losses and the model."""
    cr.manual_seed(0)
    x = cr.randn(64, 2)
    t = ((x[:, 0] * x[:, 1]) > 0).float()
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = optim.SGD(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        loss = F.binary_cross_entropy_with_logits(model(x)[:, 0], t)
        optimizer.zero_grad()
        (sign * loss).backward()
        if zero_late:
            optimizer.zero_grad(set_to_none=False)
        if step:
            optimizer.step()
        losses.append(loss.item())
    return losses, model


def regress(lr: float = 0.1, steps: int = 40, zero: bool = True) -> list[cr.Tensor]:
    """A line fitted by hand: the losses, as tensors."""
    x = cr.linspace(-1, 1, 20)
    y = 3 * x + 1
    w = cr.zeros(1, requires_grad=True)
    b = cr.zeros(1, requires_grad=True)
    losses = []
    for _ in range(steps):
        loss = ((w * x + b - y) ** 2).mean()
        if zero:
            w.grad = b.grad = None
        loss.backward()
        with cr.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
        losses.append(loss)
    return losses


def test_training_that_works() -> None:
    losses, model = train()
    result = check.trains(losses, below=0.3, model=model, name="XOR")
    assert result
    assert result.text.startswith("✓ right: XOR. The loss falls from 0.6985 to ")
    assert check.trains(regress(), below=0.1)
    assert check.trains(regress)
    assert check.trains([3, 2, 1])


def test_training_that_does_not_move() -> None:
    losses, model = train(step=False, steps=5)
    result = check.trains(losses, below=0.3, model=model)
    assert "does not move" in result.text
    assert "call step() after backward(), with a learning rate that is not zero" in result.text
    losses, model = train(zero_late=True, steps=5)
    assert "All gradients are zero" in check.trains(losses, model=model).text
    fresh = nn.Linear(2, 1)
    assert "All gradients are None" in check.trains([1.0, 1.0, 1.0], model=fresh).text
    assert "Is there a step()" in check.trains([1.0, 1.0, 1.0]).text


TRAINING = [
    (lambda: train(sign=-1, lr=0.1)[0], "It rises faster and faster: the step goes up the slope"),
    (lambda: train(lr=1e-5)[0], "hardly falls"),
    (lambda: train(lr=100.0)[0], "diverged: the learning rate is too large"),
    (lambda: train(steps=60)[0], "still falling: train longer"),
    (lambda: regress(lr=20.0), "It diverged: loss number"),
    (lambda: regress(lr=1.05), "diverged: the learning rate is too large"),
    (lambda: regress(lr=0.1, zero=False), "gradients not zeroed"),
    (lambda: regress(lr=0.02, steps=200, zero=False), "gradients not zeroed"),
    (lambda: regress(lr=0.3, zero=False), "gradients not zeroed"),
    (lambda: regress(lr=1.0), "It stops above that"),
]


@pytest.mark.parametrize(("losses", "words"), TRAINING)
def test_training_with_a_mistake(losses, words: str) -> None:
    result = check.trains(losses, below=0.05)
    assert result.verdict == "not right"
    assert words in result.text
    assert result.mistake is not None


LISTS = [
    ([math.nan] * 4, "not finite: look at the data"),
    ([1.0, 2.0, math.inf], "loss number 3 is ∞"),
    ([1.0, 1.5, 0.9, 1.6, 0.9, 1.7, 1.2], "zig-zag"),
    ([1.0, 0.99, 0.98, 0.97], "hardly falls"),
    ([1.0, 2.0, 3.0, 4.0], "rises at every step"),
    ([1.0, 0.5], "There are 2 losses"),
    ([], "There are 0 losses"),
    ([[1.0, 2.0], [1.0, 2.0], [0.5, 1.0]], "Each loss must be one number"),
    ("falling", "A list of losses is asked for"),
    (3.0, "A list of losses is asked for"),
    (lambda: 1 / 0, "Your function raised ZeroDivisionError"),
]


@pytest.mark.parametrize(("losses", "words"), LISTS)
def test_lists_that_do_not_fall(losses, words: str) -> None:
    result = check.trains(losses)
    assert result.verdict == "not right"
    assert words in result.text


@pytest.mark.parametrize("losses", [..., None, [1.0, ...], lambda: ..., lambda: [None, None]])
def test_open_training(losses) -> None:
    assert check.trains(losses).verdict == "not yet"


@pytest.mark.parametrize("losses", [[1.0, -3.0, -90.0], [2.0, -1.0, float("-inf")]])
def test_a_loss_below_zero_is_no_success(losses: list[float]) -> None:
    said = check.trains(losses, below=0.05)
    assert said.verdict == "not right"
    assert "below zero" in said.text
    assert check.trains([*losses[:2], -3.5]).verdict == "right"  # without a bound it may be one
