"""Rows G1 to G11: computational graphs and gradients, with the lecture's numbers."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models, nn, optim, viz
from chainrule.data.tables import houses, noise_columns
from chainrule.nn import functional as F


def leaves(*values: float) -> list[Any]:
    return [cr.tensor(v, dtype=cr.float64, requires_grad=True) for v in values]


def randn(*shape: int, grad: bool = True) -> Any:
    return cr.randn(*shape, dtype=cr.float64, requires_grad=grad)


def close(a: Any, b: Any, tolerance: float = 1e-12) -> bool:
    return bool(cr.allclose(cr.as_tensor(a), cr.as_tensor(b), rtol=tolerance, atol=tolerance))


def test_G1_the_lecture_figure() -> None:
    x, y, z = leaves(2.0, 3.0, -4.0)
    q = x + y
    f = q * z
    for t in (q, f):
        t.retain_grad()
    f.backward()
    assert (q.item(), f.item()) == (5, -20)
    assert (f.grad.item(), z.grad.item(), q.grad.item()) == (1, 5, -4)
    assert (x.grad.item(), y.grad.item()) == (-4, -4)
    dq = cr.autograd.grad(x + y, (x, y))
    assert [g.item() for g in dq] == [1, 1]


def test_G1_the_figure_is_drawn_with_values_and_gradients() -> None:
    x, y, z = leaves(2.0, 3.0, -4.0)
    q = x + y
    f = q * z
    names = {"x": x, "y": y, "z": z, "q": q, "f": f}
    rows = [line.split() for line in viz.draw(f, names=names).text().splitlines()]
    for row in (["x", "input", "2", "−4"], ["y", "input", "3", "−4"], ["z", "input", "−4", "5"]):
        assert row in rows
    assert ["q", "x", "+", "y", "5", "−4"] in [row[:6] for row in rows]
    assert ["f", "q·z", "−20", "1"] in [row[:4] for row in rows]
    text = viz.draw(f, names=names).text()
    for local in ("∂f/∂q = z = −4", "∂f/∂z = q = 5", "∂q/∂x = 1", "∂q/∂y = 1"):
        assert local in text
    assert "(−4)·(1) = −4" in viz.explain(f, x, names=names).text()


def test_G1_the_second_copy() -> None:
    x, y, z = leaves(1.0, 3.0, -3.0)
    p = x + y
    p.retain_grad()
    g = p * z
    g.backward()
    assert (p.item(), g.item()) == (4, -12)
    assert (z.grad.item(), p.grad.item(), x.grad.item(), y.grad.item()) == (4, -3, -3, -3)


def test_G2_chain_rule_by_hand() -> None:
    a, b = leaves(1.5, -2.0)
    x = a**2 + 7 * b
    x.retain_grad()
    (4 * x).backward()
    assert x.grad.item() == 4
    assert cr.autograd.grad(a**2 + 7 * b, (a, b)) == (2 * a.item(), 7)
    assert (a.grad.item(), b.grad.item()) == (8 * 1.5, 28)


@pytest.mark.parametrize("at", [2.0, 1.0, -0.5])
def test_G2_power_chain(at: float) -> None:
    (x,) = leaves(at)
    y = x**2
    m = y**2
    z = m**2 - 1
    z.backward()
    assert z.item() == at**8 - 1
    assert x.grad.item() == pytest.approx(8 * at**7, rel=1e-15)
    if at == 2:
        assert x.grad.item() == 1024


def test_G3_gradients_over_several_paths_add() -> None:
    # w1 -> a1 -> (h1, h2) -> o -> L: the factors of both paths, each with its number
    x, w1, w2, w3, w4, w5, y = 0.5, 0.8, 0.3, -0.6, 0.9, 0.4, 1.0
    v1, v2, v3, v4, v5 = leaves(w1, w2, w3, w4, w5)
    a1 = (v1 * x).tanh()
    h1, h2 = (v2 * a1).tanh(), (v3 * a1).tanh()
    loss = 0.5 * (v4 * h1 + v5 * h2 - y) ** 2
    loss.backward()
    A1 = math.tanh(w1 * x)
    H1, H2 = math.tanh(w2 * A1), math.tanh(w3 * A1)
    dL_do = w4 * H1 + w5 * H2 - y
    da1_dw1 = (1 - A1**2) * x
    through_h1 = dL_do * w4 * (1 - H1**2) * w2 * da1_dw1
    through_h2 = dL_do * w5 * (1 - H2**2) * w3 * da1_dw1
    assert through_h1 * through_h2 < 0  # the paths pull in opposite directions here
    assert v1.grad.item() == pytest.approx(through_h1 + through_h2, rel=1e-14)


def test_G3_shared_weights_add_never_average() -> None:
    (w,) = leaves(3.0)
    (w * 2 + w * 5 + w * w).backward()
    assert w.grad.item() == 2 + 5 + 2 * 3
    layer = nn.Linear(2, 2, bias=False).double()
    x = randn(4, 2, grad=False)
    layer(layer(x)).sum().backward()
    first, second = (nn.Linear(2, 2, bias=False).double() for _ in range(2))
    for copy in (first, second):
        copy.load_state_dict(layer.state_dict())
    second(first(x)).sum().backward()
    assert close(layer.weight.grad, first.weight.grad + second.weight.grad)


def test_G4_one_neuron() -> None:
    x, w, b, y = 1.5, 0.7, -0.2, 0.0
    W, B = leaves(w, b)
    z = W * x + B
    a = z.sigmoid()
    ((a - y) ** 2).backward()
    A = 1 / (1 + math.exp(-(w * x + b)))
    dC_da, da_dz, dz_dw, dz_db = 2 * (A - y), A * (1 - A), x, 1
    assert W.grad.item() == pytest.approx(dC_da * da_dz * dz_dw, rel=1e-14)
    assert B.grad.item() == pytest.approx(dC_da * da_dz * dz_db, rel=1e-14)


def test_G4_four_layers_of_deltas() -> None:
    sizes = [3, 5, 4, 4, 2]
    W = [randn(m, n) for n, m in pairwise(sizes)]
    B = [randn(m) for m in sizes[1:]]
    x, y = randn(sizes[0], grad=False), randn(sizes[-1], grad=False)
    zs, activations = [], [x]
    for weight, bias in zip(W, B, strict=True):
        z = weight @ activations[-1] + bias
        z.retain_grad()
        zs.append(z)
        activations.append(z.sigmoid())
    (0.5 * (activations[-1] - y) ** 2).sum().backward()
    with cr.no_grad():
        outs = [a.detach() for a in activations]
        delta = (outs[-1] - y) * outs[-1] * (1 - outs[-1])  # δ = ∂C/∂z of the last layer
        for k in reversed(range(4)):
            assert close(zs[k].grad, delta)
            assert close(W[k].grad, delta.outer(outs[k]))
            assert close(B[k].grad, delta)
            delta = (W[k].T @ delta) * outs[k] * (1 - outs[k])


def test_G5_partial_derivatives_of_a_price() -> None:
    table = houses(50)
    x = cr.tensor(table.x, dtype=cr.float64, requires_grad=True)
    price = x[:, 0] ** 3 + x[:, 1] ** 2
    assert close(price, cr.tensor(table.y, dtype=cr.float64), 1e-6)
    price.sum().backward()
    assert close(x.grad[:, 0], 3 * x[:, 0].detach() ** 2)
    assert close(x.grad[:, 1], 2 * x[:, 1].detach())


def test_G6_second_derivative_of_a_cubic() -> None:
    def cubic(x: Any) -> Any:
        return x**3 - 3 * x

    def derivatives(at: float) -> tuple[float, float]:
        (x,) = leaves(at)
        (first,) = cr.autograd.grad(cubic(x), x, create_graph=True)
        (second,) = cr.autograd.grad(first, x)
        return first.item(), second.item()

    assert derivatives(-1.0) == (0, -6)  # a maximum: f″ < 0
    assert derivatives(1.0) == (0, 6)  # a minimum: f″ > 0
    assert derivatives(0.0) == (-3, 0)  # an inflection: f″ = 0 and its sign changes
    assert derivatives(-0.1)[1] < 0 < derivatives(0.1)[1]
    assert cubic(-1.0) > max(cubic(-1.1), cubic(-0.9))
    assert cubic(1.0) < min(cubic(0.9), cubic(1.1))


def test_G6_hessian() -> None:
    def f(v: Any) -> Any:
        return v[0] ** 2 * v[1] + v[1] ** 3

    at = cr.tensor([1.5, -2.0], dtype=cr.float64)
    x, y = at.tolist()
    by_hand = cr.tensor([[2 * y, 2 * x], [2 * x, 6 * y]], dtype=cr.float64)
    assert close(cr.autograd.functional.hessian(f, at), by_hand)


def test_G7_collapse_of_a_linear_network() -> None:
    w1, w2, w3, w4, w5, w6, b1, b2, b3 = np.random.default_rng(0).standard_normal(9).tolist()
    net = models.DeepLinear(2, 2, 1).double()
    values = [[[w1, w2], [w3, w4]], [b1, b2], [[w5, w6]], [b3]]
    with cr.no_grad():
        for p, value in zip(net.parameters(), values, strict=True):
            p.copy_(cr.tensor(value, dtype=cr.float64))
    A, B = w5 * w1 + w6 * w3, w5 * w2 + w6 * w4
    C = w5 * b1 + w6 * b2 + b3
    x = randn(20, 2, grad=False)
    assert close(net(x).squeeze(1), A * x[:, 0] + B * x[:, 1] + C)
    one = net.collapse()
    assert close(one.weight, cr.tensor([[A, B]], dtype=cr.float64))
    assert close(one.bias, cr.tensor([C], dtype=cr.float64))


def test_G7_any_depth_collapses() -> None:
    net = models.DeepLinear(5, 7, 6, 4, 3).double()
    x = randn(10, 5, grad=False)
    assert close(net(x), net.collapse()(x))


def test_G8_softmax_with_log_loss() -> None:
    P = cr.tensor([[0.2, 0.3, 0.5]], dtype=cr.float64)
    z = P.log().requires_grad_()  # softmax(log P) = P
    F.cross_entropy(z, cr.tensor([0])).backward()
    assert close(z.grad, cr.tensor([[-0.8, 0.3, 0.5]], dtype=cr.float64))


def test_G8_gradients_of_a_layer() -> None:
    X, W, b = randn(300, 2, grad=False), randn(2, 3), randn(1, 3)
    y = cr.arange(300) % 3
    Z = X @ W + b
    Z.retain_grad()
    F.cross_entropy(Z, y, reduction="sum").backward()
    dZ = Z.detach().softmax(1) - F.one_hot(y, 3)
    assert close(Z.grad, dZ)
    assert close(W.grad, X.T @ dZ)
    assert b.grad.shape == (1, 3)  # summed over the rows that b was broadcast to
    assert close(b.grad, dZ.sum(0, keepdim=True), 1e-10)


def test_G9_the_product_of_small_derivatives() -> None:
    assert math.prod([0.25, 0.15, 0.10, 0.05, 0.02]) == pytest.approx(3.75e-6)
    x = cr.linspace(-8, 8, 1601, dtype=cr.float64, requires_grad=True)
    (slope,) = cr.autograd.grad(x.sigmoid().sum(), x)
    assert slope.max().item() == pytest.approx(0.25)
    (slope,) = cr.autograd.grad(x.tanh().sum(), x)
    assert slope.max().item() == pytest.approx(1.0)
    # the five factors from real pre-activations: σ′ = s gives σ = (1 + √(1 − 4s))/2
    product = 1.0
    for s in (0.25, 0.15, 0.10, 0.05, 0.02):
        out = (1 + math.sqrt(1 - 4 * s)) / 2
        (z,) = leaves(math.log(out / (1 - out)) if s < 0.25 else 0.0)
        product *= cr.autograd.grad(z.sigmoid(), z)[0].item()
    assert product == pytest.approx(3.75e-6, rel=1e-9)


def first_layer_gradient(activation: Any, scale: float, depth: int = 12) -> float:
    cr.manual_seed(0)
    net = models.MLP(*[16] * depth, 1, activation=activation).double()
    with cr.no_grad():
        for layer in net.layers:
            if isinstance(layer, nn.Linear):
                layer.weight.normal_(0, scale / 4)
                layer.bias.zero_()
    net(randn(32, 16, grad=False)).mean().backward()
    return float(net.layers[0].weight.grad.norm())


def test_G9_vanishing_and_exploding() -> None:
    kept = first_layer_gradient(nn.ReLU, math.sqrt(2))  # He's variance
    assert 1e-2 < kept < 10
    assert first_layer_gradient(nn.Sigmoid, 1.0) < 1e-6 * kept  # each layer takes a factor ≤ ¼
    assert first_layer_gradient(nn.ReLU, 5 * math.sqrt(2)) > 1e6 * kept  # large weights explode


def test_G10_clipping_by_norm_and_by_value() -> None:
    p = cr.zeros(2, requires_grad=True)
    p.grad = cr.tensor([30.0, -40.0])
    before = nn.utils.clip_grad_norm_([p], 5.0)
    assert before.item() == 50
    assert p.grad.norm().item() == pytest.approx(5.0, rel=1e-5)
    assert p.grad.tolist() == pytest.approx([3.0, -4.0], rel=1e-5)  # the direction stays
    p.grad = cr.tensor([30.0, -0.5])
    nn.utils.clip_grad_value_([p], 1.0)
    assert p.grad.tolist() == [1.0, -0.5]  # the direction changes
    p.grad = cr.tensor([0.3, -0.4])
    assert nn.utils.clip_grad_norm_([p], 5.0).item() == pytest.approx(0.5)
    assert p.grad.tolist() == pytest.approx([0.3, -0.4])  # short ones are left alone


def test_G11_saliency_of_one_input() -> None:
    net = models.MLP(4, 8, 3, activation=nn.Tanh).double()
    x = randn(1, 4, grad=False)
    found = models.saliency.saliency(net, x, cr.tensor([2]))[0]
    for i in range(4):  # against finite differences
        step = cr.zeros(1, 4, dtype=cr.float64)
        step[0, i] = 1e-6
        slope = (net(x + step) - net(x - step))[0, 2].item() / 2e-6
        assert found[i].item() == pytest.approx(abs(slope), rel=1e-5)


def test_G11_saliency_ranks_the_informative_columns_first() -> None:
    table, matter = noise_columns(rows=600)
    x, y = cr.from_numpy(table.x), cr.from_numpy(table.y)
    net = models.MLP(10, 24, 2, activation=nn.Tanh)
    descent = optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
    models.fit(net, x, y, descent, epochs=25, batch_size=32)
    assert models.accuracy(net, x, y) > 0.93
    ranking = models.feature_ranking(net, x, y)
    assert sorted(ranking.order[:3]) == matter.tolist()
    top, rest = ranking.totals[ranking.order[2]].item(), ranking.totals[ranking.order[3]].item()
    assert top > 1.5 * rest  # with a clear step between what matters and noise
