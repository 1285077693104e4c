"""Row A: activations, their values, derivatives and ranges, and the output they belong to."""

from __future__ import annotations

import math
from typing import Any

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.nn import functional as F

POINTS = [-3.0, -1.0, -0.2, 0.3, 1.0, 2.5]

# name: the function, its value and its derivative by hand
BY_HAND: dict[str, tuple[Any, Any, Any]] = {
    "sigmoid": (
        cr.sigmoid,
        lambda x: 1 / (1 + math.exp(-x)),
        lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2,
    ),
    "tanh": (cr.tanh, math.tanh, lambda x: 1 - math.tanh(x) ** 2),
    "relu": (F.relu, lambda x: max(0.0, x), lambda x: float(x > 0)),
    "leaky_relu .01": (
        F.leaky_relu,
        lambda x: max(x, 0.01 * x),
        lambda x: 1.0 if x > 0 else 0.01,
    ),
    "leaky_relu .1": (
        lambda t: F.leaky_relu(t, 0.1),
        lambda x: max(x, 0.1 * x),
        lambda x: 1.0 if x > 0 else 0.1,
    ),
    "elu": (
        F.elu,
        lambda x: x if x > 0 else math.exp(x) - 1,
        lambda x: 1.0 if x > 0 else math.exp(x),
    ),
    "linear": (nn.Identity(), lambda x: x, lambda x: 1.0),
    "hardtanh": (
        F.hardtanh,
        lambda x: min(1.0, max(-1.0, x)),
        lambda x: float(-1 < x < 1),
    ),
}


@pytest.mark.parametrize("name", list(BY_HAND))
def test_A_value_and_derivative(name: str) -> None:
    function, value, slope = BY_HAND[name]
    x = cr.tensor(POINTS, dtype=cr.float64, requires_grad=True)
    out = function(x)
    assert out.tolist() == pytest.approx([value(p) for p in POINTS], rel=1e-13)
    out.sum().backward()
    assert x.grad.tolist() == pytest.approx([slope(p) for p in POINTS], rel=1e-12, abs=1e-15)


def test_A_ranges() -> None:
    x = cr.linspace(-30, 30, 2001, dtype=cr.float64, requires_grad=True)
    s, t = x.sigmoid(), x.tanh()
    assert 0 < s.min().item() < 1e-12
    assert 1 - 1e-12 < s.max().item() < 1
    assert (t.min().item(), t.max().item()) == pytest.approx((-1, 1))
    assert cr.autograd.grad(s.sum(), x)[0].max().item() <= 0.25
    assert cr.autograd.grad(t.sum(), x)[0].max().item() <= 1


@pytest.mark.parametrize(
    ("scores", "rounded"),
    [
        ([1.0, 3, 4, 7], [0.002, 0.017, 0.047, 0.934]),
        ([3.2, 1.3, 0.2, 0.8], [0.775, 0.116, 0.039, 0.070]),
        ([5.0, 0.3, 2.1], [0.94, 0.01, 0.05]),
    ],
)
def test_A_softmax_numbers(scores: list[float], rounded: list[float]) -> None:
    places = len(str(rounded[0]).split(".")[1])
    p = cr.tensor(scores, dtype=cr.float64).softmax(0)
    assert p.tolist() == pytest.approx(rounded, abs=0.5001 * 10**-places)
    assert p.sum().item() == pytest.approx(1)


def test_A_softmax_derivative() -> None:
    z = cr.tensor([1.0, 3, 4, 7], dtype=cr.float64)
    p = z.softmax(0)
    by_hand = cr.diag(p) - p.outer(p)  # ∂p_i/∂z_j = p_i([i = j] − p_j)
    assert cr.autograd.functional.jacobian(lambda z: z.softmax(0), z).allclose(by_hand)


def test_A_sigmoid_is_softmax_for_two_classes() -> None:
    z = cr.linspace(-9, 9, 19, dtype=cr.float64)
    pair = cr.stack([z, cr.zeros_like(z)], 1).softmax(1)
    assert pair[:, 0].allclose(z.sigmoid(), rtol=1e-13)


def test_A_prelu_learns_a_slope_per_channel() -> None:
    x = cr.tensor([[-2.0, -3.0], [1.0, -1.0]])
    layer = nn.PReLU(2)
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-2.0, -4.0]  # the sum of the negative inputs of each
    wanted = cr.tensor([0.5, 0.1])
    descent = cr.optim.SGD(layer.parameters(), lr=0.04)  # 2·Σx² = 20 is the curvature
    for _ in range(100):
        descent.zero_grad()
        ((layer(x) - cr.where(x > 0, x, wanted * x)) ** 2).sum().backward()
        descent.step()
    assert layer.weight.tolist() == pytest.approx(wanted.tolist(), abs=1e-4)


def test_A_prelu_holds_relu_and_leaky_relu() -> None:
    x = cr.tensor(POINTS)
    assert F.prelu(x, cr.tensor([0.0])).tolist() == F.relu(x).tolist()
    assert F.prelu(x, cr.tensor([0.01])).tolist() == F.leaky_relu(x).tolist()


def test_A_a_dead_relu_learns_nothing_and_a_leaky_one_does() -> None:
    x = cr.rand(50, 1)

    def slope_of(activation: Any) -> float:
        w, b = cr.tensor([[1.0]], requires_grad=True), cr.tensor([-5.0], requires_grad=True)
        ((activation(x @ w + b) - 1) ** 2).mean().backward()
        return float(w.grad.abs().sum())

    assert slope_of(F.relu) == 0  # every pre-activation is negative
    assert slope_of(F.leaky_relu) > 0


def test_A_which_output_for_which_task() -> None:
    z, n = cr.randn(6, 3, dtype=cr.float64), cr.arange(6) % 3
    # regression: linear output, any of these; all are 0 at the target
    for loss in (nn.MSELoss(), nn.L1Loss(), nn.HuberLoss(), nn.course_losses.RMSELoss()):
        assert loss(z, z).item() == 0
        assert loss(z, z + 2).item() > 0
    # two classes: a sigmoid and binary cross-entropy, or both in one on the logits
    t = (z > 0).double()
    assert nn.BCELoss()(z.sigmoid(), t).allclose(nn.BCEWithLogitsLoss()(z, t))
    # several: a softmax and cross-entropy, with one-hot targets or class indices
    onehot = F.one_hot(n, 3).double()
    by_hand = -(onehot * z.softmax(1).log()).sum(1).mean()
    assert F.cross_entropy(z, n).allclose(by_hand)
    assert F.cross_entropy(z, onehot).allclose(by_hand)
