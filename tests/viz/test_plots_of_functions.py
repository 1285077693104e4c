"""Plots of functions: contours, paths and derivatives are those of the function."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, viz
from chainrule.nn import functional as F
from chainrule.viz.plot_surface import random_directions

pytest.importorskip("matplotlib")


def mlp(outputs: int) -> Any:
    cr.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, outputs))


# loss_surface


@pytest.mark.parametrize("how", ["grid", "numbers", "vector", "grid, wrongly"])
def test_levels_are_the_functions(how: str) -> None:
    def bowl(a: Any, b: Any) -> Any:
        return a**2 + 3 * b**2 + a * b

    def once(a: Any, b: Any) -> Any:
        if a.dim() and how == "numbers":
            raise TypeError("numbers only")
        return a @ a + 3 * b**2 + a * b if a.dim() and how == "grid, wrongly" else bowl(a, b)

    f: Any = (lambda w: bowl(w[0], w[1])) if how == "vector" else once
    plot = viz.loss_surface(f, range_x=(-2, 2), range_y=(-1, 1), steps=31)
    a, b = np.meshgrid(np.linspace(-2, 2, 31), np.linspace(-1, 1, 31))
    assert np.allclose(plot.data["z"], bowl(a, b))
    lines = next(
        c for c in plot.axes.collections if type(c).__name__ == "QuadContourSet" and not c.filled
    )
    checked = 0
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        if len(path.vertices):
            assert np.allclose(bowl(*path.vertices.T), level, atol=0.02)
            checked += len(path.vertices)
    assert checked > 100


def test_levels_of_ones_own() -> None:
    plot = viz.loss_surface(lambda a, b: a * b, levels=[1, -1, 0], steps=11)
    assert plot.data["levels"].tolist() == [-1, 0, 1]


def test_paths_are_drawn_from_start_to_end() -> None:
    path = [cr.tensor([2.0 - k, 0.5 * k]) for k in range(4)]
    plot = viz.loss_surface(lambda a, b: a**2 + b**2, paths={"SGD": path}, steps=11)
    line, start, end = plot.axes.lines
    assert np.array_equal(line.get_xydata(), np.array([[2, 0], [1, 0.5], [0, 1], [-1, 1.5]]))
    assert line.get_label() == "SGD"
    assert start.get_xydata().tolist() == [[2, 0]]
    assert end.get_xydata().tolist() == [[-1, 1.5]]
    assert "SGD: 4 positions from (2, 0) to (−1, 1.5)" in plot.text()
    with pytest.raises(ValueError, match=r"'SGD' must have shape \(n, 2\), got \(3,\)"):
        viz.loss_surface(lambda a, b: a, paths={"SGD": [1, 2, 3]}, steps=5)


def test_the_surface_around_a_model_is_its_loss() -> None:
    model = mlp(1).eval()
    x, y = (
        cr.tensor(np.random.default_rng(0).normal(0, 1, (9, 2)).astype(np.float32)),
        cr.ones(9, 1),
    )
    directions = random_directions(model, seed=3)

    def loss(m: Any) -> Any:
        return F.mse_loss(m(x), y)

    plot = viz.loss_surface(loss, model=model, seed=3, range_x=(-1, 1), range_y=(-2, 2), steps=5)
    assert plot.data["z"][2, 2] == pytest.approx(loss(model).item(), rel=1e-6)
    with cr.no_grad():
        for name, p in model.named_parameters():
            step = [d.get(name, 0.0) for d in directions]
            p += cr.tensor(np.asarray(0.5 * step[0] - 2 * step[1], dtype=np.float32))
    assert plot.data["z"][0, 3] == pytest.approx(loss(model).item(), rel=1e-5)


def test_surface_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="one number a point"):
        viz.loss_surface(lambda a, b: cr.stack([a, b]), steps=3)
    with pytest.raises(ValueError, match="no value on this range is finite"):
        viz.loss_surface(lambda a, b: cr.log(-(a**2) - b**2 - 1), steps=3)
    with pytest.raises(ValueError, match="no parameter nowhere"):
        viz.loss_surface(lambda m: 0, model=mlp(1), directions=({"nowhere": 1}, {}), steps=3)


# activation


@pytest.mark.parametrize("f", ["tanh", F.softplus, nn.GELU(), lambda x: x.sin() * x])
def test_value_and_derivative_are_the_functions(f: Any) -> None:
    plot = viz.activation(f, -3, 3, points=61)
    x = plot.data["x"]
    call = getattr(cr, f) if isinstance(f, str) else f

    def at(shift: float) -> Any:
        return call(cr.tensor(x + shift)).detach().numpy()

    assert np.allclose(plot.data["value"], at(0.0))
    assert np.allclose(plot.data["derivative"], (at(1e-5) - at(-1e-5)) / 2e-5, atol=1e-6)
    lines = {line.get_label(): line for line in plot.axes.lines}
    assert np.array_equal(lines["derivative"].get_ydata(), plot.data["derivative"])


def test_where_it_is_flat_the_ground_is_marked() -> None:
    plot = viz.activation("sigmoid", -8, 8)
    (left, right) = plot.axes.patches
    edge = np.log((1 + np.sqrt(1 - 4 * 0.05)) / (1 - np.sqrt(1 - 4 * 0.05)))  # σ′(x) = 0.05
    ends = [left.get_x(), left.get_x() + left.get_width(), right.get_x()]
    assert np.allclose(ends, [-8, -edge, edge], atol=0.05)
    assert "|derivative| < 0.05 from −8 to " in plot.text()


def test_a_jump_of_the_derivative_is_no_line() -> None:
    slope = viz.activation("relu").axes.lines[-1]
    y = slope.get_ydata()
    assert set(y[~np.isnan(y)]) == {0.0, 1.0}
    assert np.isnan(y).sum() == 1
    assert "derivative: 401 points in 2 pieces" in viz.activation(nn.ReLU()).text()


def test_activation_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="no function 'tahn'"):
        viz.activation("tahn")
    with pytest.raises(ValueError, match="element by element"):
        viz.activation(lambda x: x.sum())
    with pytest.raises(ValueError, match="lo < hi"):
        viz.activation("tanh", 1, 1)
