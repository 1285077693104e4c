"""Row I: zeros, Xavier, LeCun, He, and what each does to the activations layer by layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import chainrule as cr
from chainrule import models, nn, optim
from chainrule.nn import functional as F
from chainrule.nn import init

WIDTH, DEPTH = 128, 10


def lecun_normal_(w: Any) -> Any:
    """N(0, 1/fan_in): Kaiming's with the gain of a linear unit."""
    return init.kaiming_normal_(w, nonlinearity="linear")


def deviations(start: Callable[[Any], Any], activation: Callable[[Any], Any]) -> list[float]:
    """The root mean square of the activations after each of ten layers."""
    a = cr.randn(256, WIDTH)
    found = []
    for _ in range(DEPTH):
        w = cr.empty(WIDTH, WIDTH)
        start(w)
        a = activation(a @ w.T)
        found.append(a.square().mean().sqrt().item())
    return found


def test_I_variances_of_the_weights() -> None:
    w = cr.empty(300, 200)  # fan_out, fan_in
    for start, wanted in (
        (init.xavier_normal_, 2 / 500),
        (init.xavier_uniform_, 2 / 500),
        (lecun_normal_, 1 / 200),
        (lambda w: init.kaiming_normal_(w, nonlinearity="relu"), 2 / 200),
        (lambda w: init.kaiming_uniform_(w, nonlinearity="relu"), 2 / 200),
        (lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), 2 / 300),
    ):
        start(w)
        assert w.var().item() == pytest.approx(wanted, rel=0.03)
    init.zeros_(w)
    assert w.abs().sum().item() == 0


def test_I_he_keeps_the_variance_through_relu() -> None:
    he = deviations(lambda w: init.kaiming_normal_(w, nonlinearity="relu"), F.relu)
    xavier = deviations(init.xavier_normal_, F.relu)
    assert 0.5 < he[-1] / he[0] < 2
    # Xavier's variance loses a factor 2 in each ReLU: √2 of the root mean square
    assert xavier[-1] / xavier[0] == pytest.approx(math.sqrt(2) ** -(DEPTH - 1), rel=0.5)


def test_I_xavier_and_lecun_suit_tanh_and_linear() -> None:
    for start in (init.xavier_normal_, lecun_normal_):
        assert 0.6 < deviations(start, lambda z: z)[-1] < 1.6
        assert deviations(start, cr.tanh)[-1] > 0.2
    assert 0.5 < deviations(lecun_normal_, F.selu)[-1] < 2  # LeCun is SELU's


def test_I_too_small_and_too_large() -> None:
    assert deviations(lambda w: w.normal_(0, 0.01), cr.tanh)[-1] < 1e-8  # everything dies
    large = deviations(lambda w: w.normal_(0, 1.0), cr.tanh)
    assert large[-1] > 0.9  # everything saturates
    assert deviations(init.zeros_, cr.tanh)[-1] == 0


def constant_net(value: float) -> Any:
    net = models.MLP(2, 4, 1, activation=nn.Tanh)
    for p in net.parameters():
        init.constant_(p, value)
    return net


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_I_equal_weights_never_part(value: float) -> None:
    x = cr.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = cr.tensor([[0.0], [1.0], [1.0], [0.0]])
    net = constant_net(value)
    descent = optim.Adam(net.parameters(), lr=0.05)
    for _ in range(300):
        descent.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        descent.step()
    hidden = net.layers[0].weight
    assert (hidden - hidden[0]).abs().max().item() == 0  # all units are still one unit
    assert loss.item() > 0.1  # and one unit can't do XOR


def test_I_zero_weights_get_no_gradient() -> None:
    net = constant_net(0.0)
    F.mse_loss(net(cr.randn(8, 2)), cr.ones(8, 1)).backward()
    assert net.layers[0].weight.grad.abs().sum().item() == 0  # the way back leads through zeros
    assert net.layers[2].weight.grad.abs().sum().item() == 0  # as does the way forward
    assert net.layers[2].bias.grad.item() != 0
