"""Newton and Levenberg–Marquardt: solutions known in closed form, and hard valleys."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import chainrule as cr


def test_newton_solves_a_quadratic_in_one_step() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(6, 6))
    a = a @ a.T + np.eye(6)
    b = rng.normal(size=6)
    x = cr.zeros(4, dtype=cr.float64, requires_grad=True)
    y = cr.zeros(2, dtype=cr.float64, requires_grad=True)
    optimizer = cr.optim.Newton([x, y])

    def closure() -> Any:
        z = cr.cat([x, y])
        return 0.5 * z @ cr.tensor(a) @ z - cr.tensor(b) @ z

    optimizer.step(closure)
    np.testing.assert_allclose(cr.cat([x, y]).tolist(), np.linalg.solve(a, b), rtol=1e-8)


def test_newton_finds_the_end_of_the_valley() -> None:
    x = cr.tensor([-1.2, 1.0], dtype=cr.float64, requires_grad=True)
    optimizer = cr.optim.Newton([x])
    values = []
    for _ in range(40):
        loss = optimizer.step(lambda: (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2)
        values.append(loss.item())
    assert x.tolist() == pytest.approx([1.0, 1.0], abs=1e-8)
    assert all(b <= a for a, b in itertools.pairwise(values))


def test_newton_goes_down_where_the_loss_curves_down() -> None:
    x = cr.tensor([0.1, 0.5], dtype=cr.float64, requires_grad=True)
    optimizer = cr.optim.Newton([x])
    for _ in range(20):  # a saddle at 0, minima at x₀ = ±1
        optimizer.step(lambda: (x[0] ** 4) / 4 - (x[0] ** 2) / 2 + x[1] ** 2)
    assert x.tolist() == pytest.approx([1.0, 0.0], abs=1e-7)


def curve(p: Any, t: Any, lib: Any) -> Any:
    return p[0] * (-p[1] * t).exp() + p[2]


@pytest.mark.parametrize("damping", [1e-3, 10.0])
def test_levenberg_marquardt_fits_a_curve(damping: float) -> None:
    t = cr.linspace(0, 3, 30, dtype=cr.float64)
    truth = cr.tensor([2.0, 1.3, 0.5], dtype=cr.float64)
    data = curve(truth, t, cr)
    p = cr.tensor([1.0, 0.2, 0.0], dtype=cr.float64, requires_grad=True)
    unused = cr.zeros(2, dtype=cr.float64, requires_grad=True)
    optimizer = cr.optim.LevenbergMarquardt([p, unused], damping=damping)
    values = [optimizer.step(lambda: curve(p, t, cr) - data).item() for _ in range(30)]
    assert p.tolist() == pytest.approx(truth.tolist(), rel=1e-7)
    assert unused.tolist() == [0.0, 0.0]
    assert all(b <= a for a, b in itertools.pairwise(values))


def test_gauss_newton_is_least_squares_where_the_model_is_linear() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(20, 3)), rng.normal(size=20)
    w = cr.zeros(3, dtype=cr.float64, requires_grad=True)
    optimizer = cr.optim.LevenbergMarquardt([w], damping=0)
    optimizer.step(lambda: cr.tensor(a) @ w - cr.tensor(b))
    np.testing.assert_allclose(w.tolist(), np.linalg.lstsq(a, b, rcond=None)[0], rtol=1e-8)


def test_a_network_in_few_steps() -> None:
    cr.manual_seed(0)
    x = cr.linspace(-2, 2, 40, dtype=cr.float64).unsqueeze(1)
    net = cr.nn.Sequential(cr.nn.Linear(1, 8), cr.nn.Tanh(), cr.nn.Linear(8, 1)).double()
    optimizer = cr.optim.LevenbergMarquardt(net.parameters())
    for _ in range(40):
        optimizer.step(lambda: net(x) - x.sin())
    assert (net(x) - x.sin()).abs().max().item() < 1e-3


@pytest.mark.parametrize("name", ["Newton", "LevenbergMarquardt"])
def test_errors(name: str) -> None:
    w = cr.zeros(2, requires_grad=True)
    with pytest.raises(ValueError, match="Invalid damping value: -1"):
        getattr(cr.optim, name)([w], damping=-1)
    with pytest.raises(RuntimeError, match="needs a closure"):
        getattr(cr.optim, name)([w]).step()
