"""check.grad on modules and on hard kinds of graphs: right all the same, nothing disturbed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.teach import check


def norm() -> tuple[cr.Tensor, cr.Tensor]:
    layer = nn.BatchNorm1d(3)
    return (layer(cr.randn(8, 3)) ** 3).sum(), layer.weight


def lstm() -> tuple[cr.Tensor, cr.Tensor]:
    layer = nn.LSTM(3, 4)
    out, _ = layer(cr.randn(5, 2, 3))
    return (out**2).sum(), layer.weight_hh_l0


def convolution() -> tuple[cr.Tensor, cr.Tensor]:
    layer = nn.Conv2d(1, 2, 3)
    return (layer(cr.randn(2, 1, 6, 6)) ** 2).mean(), layer.weight


def embedding() -> tuple[cr.Tensor, cr.Tensor]:
    layer = nn.Embedding(5, 3)
    return (layer(cr.tensor([1, 2, 1])) ** 2).sum(), layer.weight


def attention() -> tuple[cr.Tensor, cr.Tensor]:
    layer = nn.MultiheadAttention(4, 2)
    q = cr.randn(3, 1, 4)
    out, _ = layer(q, q, q)
    return (out**2).sum(), layer.in_proj_weight


def in_place() -> tuple[cr.Tensor, cr.Tensor]:
    a = cr.randn(4, requires_grad=True)
    b = a * 2
    b[0] = b[1] * 3
    b += a
    return (b * b).sum() + (a * 5).sum(), a


def views() -> tuple[cr.Tensor, cr.Tensor]:
    a = cr.randn(4, 3, requires_grad=True)
    b = a.T.reshape(2, 6)[:, ::2]
    return (b.expand(5, 2, 3) ** 2).sum(), a


MAKERS = [norm, lstm, convolution, embedding, attention, in_place, views]


@pytest.mark.parametrize("make", MAKERS)
def test_the_engines_gradient_is_right_and_others_are_not(
    make: Callable[[], tuple[cr.Tensor, cr.Tensor]],
) -> None:
    cr.manual_seed(0)
    y, x = make()
    (g,) = cr.autograd.grad(y, x, retain_graph=True)
    result = check.grad(g, of=y, wrt=x)
    assert result.text.endswith("It agrees with autograd and with finite differences.")
    assert "the wrong sign" in check.grad(-g, of=y, wrt=x).text
    assert check.grad(1.37 * g, of=y, wrt=x).verdict == "not right"
    assert x.grad is None


def test_running_statistics_are_not_touched() -> None:
    layer = nn.BatchNorm1d(3)
    x = cr.randn(8, 3, requires_grad=True)
    y = (layer(x) ** 3).sum()
    before = layer.running_mean.clone()
    check.grad(np.ones((8, 3)), of=y, wrt=x)
    assert bool((layer.running_mean == before).all())
    assert int(layer.num_batches_tracked) == 1


def test_complex_numbers() -> None:
    z = cr.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    y = (z * z.conj()).real.sum()
    (g,) = cr.autograd.grad(y, z, retain_graph=True)
    assert check.grad(g, of=y, wrt=z)
    assert "wrong sign" in check.grad(-g, of=y, wrt=z).text
    assert "0 of 2 elements are right" in check.grad(g * (1 + 1j), of=y, wrt=z).text


def test_low_precision() -> None:
    h = cr.tensor([1.0, 2.0, 3.0], dtype=cr.bfloat16, requires_grad=True)
    y = (h * h).sum()
    assert check.grad([2.0, 4.0, 6.0], of=y, wrt=h)
    assert "without one of the 2 routes" in check.grad([1.0, 2.0, 3.0], of=y, wrt=h).text


@pytest.mark.parametrize("mode", [cr.no_grad, cr.watch, cr.enable_grad])
def test_under_any_mode(mode: Any) -> None:
    with cr.watch():
        x = cr.tensor(2.0, requires_grad=True)
        y = x * x
    with mode():
        assert check.grad(4, of=y, wrt=x)
        assert not check.grad(2, of=y, wrt=x)


def test_a_hook_counts_as_autograd_has_it() -> None:
    x = cr.ones(3, requires_grad=True)
    x.register_hook(lambda g: g * 2)
    y = (x * 3).sum()
    assert check.grad([6.0, 6.0, 6.0], of=y, wrt=x).text.endswith("It agrees with autograd.")
    assert not check.grad([3.0, 3.0, 3.0], of=y, wrt=x)


def test_detached_routes_carry_nothing() -> None:
    x = cr.tensor(3.0, requires_grad=True)
    y = x * x.detach()
    assert check.grad(3.0, of=y, wrt=x)
    assert not check.grad(6.0, of=y, wrt=x)


def test_a_gradients_gradient() -> None:
    x = cr.tensor(2.0, requires_grad=True)
    y = x**3
    (slope,) = cr.autograd.grad(y, x, create_graph=True)
    assert check.grad(12.0, of=slope, wrt=x)
    assert not check.grad(6.0, of=slope, wrt=x)
