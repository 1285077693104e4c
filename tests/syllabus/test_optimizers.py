"""Row O: each optimizer by its formula and on one contour; schedules; epochs and batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import data, optim

START = (-2.5, 1.5)


def bowl(p: Any) -> Any:
    """The contour: a long valley, f = ½(x² + 20y²), with its minimum at 0."""
    return 0.5 * (p[0] ** 2 + 20 * p[1] ** 2)


def path(make: Callable[[list[Any]], Any], steps: int = 60) -> Any:
    """The points (steps + 1, 2) that an optimizer visits on the bowl."""
    p = cr.tensor(START, dtype=cr.float64, requires_grad=True)
    optimizer = make([p])
    points = [p.tolist()]

    def closure() -> Any:
        optimizer.zero_grad()
        f = bowl(p)
        if not isinstance(optimizer, optim.Newton):
            f.backward()
        return f

    for _ in range(steps):
        optimizer.step(closure)
        points.append(p.tolist())
    return np.array(points)


def by_hand(update: Callable[[Any, dict[str, Any], int], Any], steps: int = 60) -> Any:
    """The same with an update rule g ↦ Δ written out, which keeps its averages in a dict."""
    p, state = np.array(START), {"m": np.zeros(2), "v": np.zeros(2)}
    points = [p]
    for t in range(1, steps + 1):
        p = p + update(np.array([1.0, 20.0]) * p, state, t)
        points.append(p)
    return np.array(points)


def momentum(g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.9 * s["m"] + g
    return -0.01 * s["m"]


def nesterov(g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.9 * s["m"] + g
    return -0.01 * (g + 0.9 * s["m"])


def adagrad(g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = s["v"] + g**2
    return -0.5 * g / (np.sqrt(s["v"]) + 1e-10)


def adadelta(g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = 0.9 * s["v"] + 0.1 * g**2
    step = -np.sqrt(s["m"] + 1e-6) / np.sqrt(s["v"] + 1e-6) * g
    s["m"] = 0.9 * s["m"] + 0.1 * step**2  # of the steps: their unit cancels
    return 10 * step


def rmsprop(g: Any, s: dict[str, Any], t: int) -> Any:
    s["v"] = 0.99 * s["v"] + 0.01 * g**2
    return -0.05 * g / (np.sqrt(s["v"]) + 1e-8)


def adam(g: Any, s: dict[str, Any], t: int) -> Any:
    s["m"] = 0.9 * s["m"] + 0.1 * g
    s["v"] = 0.999 * s["v"] + 0.001 * g**2
    return -0.2 * (s["m"] / (1 - 0.9**t)) / (np.sqrt(s["v"] / (1 - 0.999**t)) + 1e-8)


# name: the library's, its formula, and the value of f that 60 steps must reach (f starts at 25.6)
ON_THE_CONTOUR: dict[str, tuple[Any, Any, float]] = {
    "gradient descent": (
        lambda ps: optim.SGD(ps, lr=0.04),
        lambda g, s, t: -0.04 * g,
        0.03,
    ),
    "momentum": (lambda ps: optim.SGD(ps, lr=0.01, momentum=0.9), momentum, 0.05),
    "Nesterov": (lambda ps: optim.SGD(ps, 0.01, momentum=0.9, nesterov=True), nesterov, 0.05),
    "AdaGrad": (lambda ps: optim.Adagrad(ps, lr=0.5), adagrad, 0.05),
    "AdaDelta": (lambda ps: optim.Adadelta(ps, lr=10.0), adadelta, 6.0),
    "RMSProp": (lambda ps: optim.RMSprop(ps, lr=0.05), rmsprop, 0.1),
    "Adam": (lambda ps: optim.Adam(ps, lr=0.2), adam, 0.1),
}


@pytest.mark.parametrize("name", list(ON_THE_CONTOUR))
def test_O_formula_and_contour(name: str) -> None:
    make, update, bound = ON_THE_CONTOUR[name]
    found, wanted = path(make), by_hand(update)
    assert np.allclose(found, wanted, rtol=1e-9, atol=1e-12)
    assert bowl(found[-1]) < bound


def test_O_second_order_is_there_at_once() -> None:
    assert bowl(path(lambda ps: optim.Newton(ps), 1)[-1]) < 1e-20  # exact on a quadratic
    assert bowl(path(lambda ps: optim.LBFGS(ps, line_search_fn="strong_wolfe"), 1)[-1]) < 1e-10
    first_order = bowl(path(lambda ps: optim.SGD(ps, lr=0.04), 1)[-1])
    assert first_order > 2


def test_O_momentum_is_an_exponentially_weighted_average() -> None:
    """The lecture's V = βV + (1 − β)g is SGD with momentum β and learning rate lr·(1 − β)."""

    def lecture(g: Any, s: dict[str, Any], t: int) -> Any:
        s["m"] = 0.9 * s["m"] + 0.1 * g
        return -0.1 * s["m"]

    ours = path(lambda ps: optim.SGD(ps, lr=0.1 * (1 - 0.9), momentum=0.9))
    assert np.allclose(ours, by_hand(lecture), rtol=1e-9)


def test_O_weights_of_the_average() -> None:
    a1, a2, a3 = np.random.default_rng(0).standard_normal(3)
    V1 = a1  # the average starts at the first value
    V2 = 0.95 * V1 + 0.05 * a2
    V3 = 0.95 * V2 + 0.05 * a3
    assert pytest.approx(0.95 * a1 + 0.05 * a2) == V2
    assert pytest.approx(0.9025 * a1 + 0.0475 * a2 + 0.05 * a3) == V3
    averaged = optim.swa_utils.get_ema_multi_avg_fn(0.95)
    v = [cr.tensor(a1, dtype=cr.float64)]
    for a in (a2, a3):
        averaged(v, [cr.tensor(a, dtype=cr.float64)], 1)
    assert v[0].item() == pytest.approx(V3)


def test_O_the_lectures_forms_differ_as_said() -> None:
    def adagrad_lecture(g: Any, s: dict[str, Any], t: int) -> Any:
        s["v"] = s["v"] + g**2
        return -0.5 * g / np.sqrt(s["v"] + 1e-10)  # ε inside the root

    def adam_lecture(g: Any, s: dict[str, Any], t: int) -> Any:
        s["m"] = 0.9 * s["m"] + 0.1 * g
        s["v"] = 0.999 * s["v"] + 0.001 * g**2
        return -0.2 * s["m"] / (np.sqrt(s["v"]) + 1e-8)  # no bias correction

    def adadelta_lecture(g: Any, s: dict[str, Any], t: int) -> Any:
        s["v"] = 0.99 * s["v"] + 0.01 * g**2
        return -0.05 * g / (np.sqrt(s["v"]) + 1e-8)

    assert np.allclose(by_hand(adagrad_lecture), by_hand(adagrad), atol=1e-6)
    first = by_hand(adam_lecture, 1) - by_hand(adam, 1)
    # without the correction the first step is (1 − β₁)/√(1 − β₂) = √10 times as long
    step = by_hand(adam, 1)[1] - np.array(START)
    assert np.allclose(first[1] + step, step * 0.1 / np.sqrt(0.001), rtol=1e-6)
    assert np.allclose(by_hand(adadelta_lecture), by_hand(rmsprop))


def test_O_learning_rate_too_small_right_too_large() -> None:
    def reached(lr: float) -> float:
        return float(bowl(path(lambda ps: optim.SGD(ps, lr=lr))[-1]))

    start = float(bowl(np.array(START)))
    assert start / 4 < 4 * reached(0.001) < 2 * start  # hardly moved
    assert reached(0.09) < 1e-3
    assert reached(0.11) > 100 * start  # beyond 2/20, the curvature's limit, it flies off


def test_O_decay() -> None:
    p = cr.zeros(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.2)
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda k: 1 / (1 + 1 * (k + 1)))
    rates = []
    for _ in range(4):  # epochs 1 to 4
        rates.append(optimizer.param_groups[0]["lr"])
        p.grad = cr.zeros(1)
        optimizer.step()
        schedule.step()
    assert [round(rate, 3) for rate in rates] == [0.1, 0.067, 0.05, 0.04]


@pytest.mark.parametrize(("records", "batch"), [(1000, 10), (1_000_000, 1000)])
def test_O_iterations_of_an_epoch(records: int, batch: int) -> None:
    loader: Any = data.DataLoader(range(records), batch_size=batch)
    assert len(loader) == records // batch
    if records == 1000:
        assert sum(1 for _ in loader) == 100


def test_O_batch_stochastic_and_mini_batch() -> None:
    x = cr.randn(256, 3, dtype=cr.float64)
    truth = cr.tensor([1.0, -2.0, 0.5], dtype=cr.float64)
    y = x @ truth + 0.1 * cr.randn(256, dtype=cr.float64)

    def trained(batch: int, epochs: int) -> tuple[Any, int]:
        w = cr.zeros(3, dtype=cr.float64, requires_grad=True)
        optimizer, steps = optim.SGD([w], lr=0.05), 0
        for _ in range(epochs):
            for chosen in cr.randperm(256).split(batch):
                optimizer.zero_grad()
                ((x[chosen] @ w - y[chosen]) ** 2).mean().backward()
                optimizer.step()
                steps += 1
        return w.detach(), steps

    whole, few = trained(256, 60)
    mini, more = trained(32, 8)
    single, most = trained(1, 1)
    assert (few, more, most) == (60, 64, 256)
    exact = cr.linalg.lstsq(x, y[:, None]).solution[:, 0]
    assert (whole - exact).norm().item() < 0.02
    assert (mini - exact).norm().item() < 0.05
    assert (single - exact).norm().item() < 0.2
    # the mini-batch gradients average to the batch gradient
    w = cr.zeros(3, dtype=cr.float64, requires_grad=True)
    parts = [
        cr.autograd.grad(((x[c] @ w - y[c]) ** 2).mean(), w)[0] for c in cr.arange(256).split(32)
    ]
    (full,) = cr.autograd.grad(((x @ w - y) ** 2).mean(), w)
    assert cr.stack(parts).mean(0).allclose(full)
