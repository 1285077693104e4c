"""`flow`: sizes of activations, gradients and updates, by layer and over training."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz

nn = cr.nn
loss_fn = nn.functional.cross_entropy


def rms(t: Any) -> float:
    return float(np.sqrt(np.mean(np.square(np.asarray(t, dtype=np.float64)))))


def data() -> tuple[Any, Any]:
    cr.manual_seed(0)
    return cr.randn(32, 6), cr.randint(0, 3, (32,))


def test_the_numbers_are_those_of_the_engine() -> None:
    x, y = data()
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    report = viz.flow(model, x, y, loss_fn=loss_fn, lr=0.1)
    assert all(p.grad is None for p in model.parameters())  # left alone
    hidden = model[1](model[0](x))
    hidden.retain_grad()
    loss_fn(model[2](hidden), y).backward()
    rows = {row.name: row for row in report.rows if row.level == 0}
    assert rows["1"].size == pytest.approx(rms(hidden.detach()), rel=1e-6)
    assert rows["1"].gradient == pytest.approx(rms(hidden.grad), rel=1e-6)
    names = [(row.name, row.level) for row in report.rows]
    assert names == [
        ("0", 0), ("weight", 1), ("bias", 1), ("1", 0), ("2", 0), ("weight", 1), ("bias", 1),
    ]  # fmt: skip
    first = report.rows[1]
    grad = rms(model[0].weight.grad)
    assert first.gradient == pytest.approx(grad, rel=1e-6)
    assert first.update == pytest.approx(0.1 * grad / rms(model[0].weight.detach()), rel=1e-6)


def test_saturated_and_dead_shares() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Tanh(), nn.Linear(2, 4), nn.ReLU())
    with cr.no_grad():
        model[0].weight.copy_(cr.tensor([[100.0, 0.0], [0.0, 1e-3]]))
        model[2].weight.zero_()
        model[2].bias.copy_(cr.tensor([-1.0, 1.0, -1.0, -1.0]))
    report = viz.flow(model, cr.ones(3, 2))
    rows = {row.name: row for row in report.rows if row.level == 0}
    assert rows["1"].saturated == 0.5
    assert rows["3"].dead == 0.75
    assert rows["0"].saturated is None
    assert "3: 75 % of the units were 0 for the whole batch" in report.text()


def test_channels_are_the_units_of_images() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU())
    with cr.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.copy_(cr.tensor([-9.0, 1.0]))
    report = viz.flow(model, cr.ones(2, 1, 3, 3))
    assert [row.dead for row in report.rows if row.kind == "ReLU"] == [0.5]


def test_a_fall_of_the_gradient_is_marked_where_it_happens() -> None:
    model = nn.Sequential(
        nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    )
    with cr.no_grad():
        for layer, scale in zip(model, (1.0, 1.0, 0.001), strict=True):
            layer.weight.copy_(cr.eye(4) * scale)
    report = viz.flow(model, cr.ones(2, 4))
    falls = {row.name: row.fall for row in report.rows if row.fall}
    assert list(falls) == ["1"]
    assert falls["1"] == pytest.approx(1000.0)
    assert "▼ 1 000×" in report.text().replace("\u2009", " ")
    assert "the gradient falls" in report.svg()


def test_a_history_measures_updates_of_any_optimizer() -> None:
    x, y = data()
    model = nn.Linear(6, 3)
    optimizer = cr.optim.Adam(model.parameters(), lr=0.01)
    with viz.FlowHistory(model, optimizer) as history:
        for _ in range(4):
            before = model.weight.detach().clone()
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
    model(x)  # after the with: not watched any more
    assert len(history.steps) == 4
    report = viz.flow(model, history=history)
    weight = next(row for row in report.rows if row.name == "weight")
    moved = rms(model.weight.detach() - before)
    assert weight.update == pytest.approx(moved / rms(before), rel=1e-5)
    assert len(weight.update_course) == 4
    assert report.svg().count('class="line ') == 5  # layer, weight, bias; two of them updates
    every = viz.FlowHistory(model, optimizer, every=2)
    with every:
        for _ in range(4):
            loss_fn(model(x), y).backward()
            optimizer.step()
    assert len(every.steps) == 2


def test_without_a_batch_the_gradients_in_grad_are_shown() -> None:
    model = nn.Linear(2, 1)
    model(cr.ones(3, 2)).sum().backward()
    report = viz.flow(model, lr=1.0)
    assert [(row.name, row.gradient) for row in report.rows] == [("weight", 3.0), ("bias", 3.0)]
    model.zero_grad()
    assert [row.gradient for row in viz.flow(model).rows] == [None, None]


def test_zero_none_and_nan_are_told_apart() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    with cr.no_grad():
        model[0].weight.fill_(-1.0)
        model[0].bias.fill_(-1.0)
    model[2].bias.requires_grad_(False)
    svg = viz.flow(model, cr.ones(1, 1)).svg()
    assert ">0</text>" in svg
    assert ">—</text>" in svg
    with cr.no_grad():
        model[2].weight.fill_(float("nan"))
    assert 'class="badge small"' in viz.flow(model, cr.ones(1, 1)).svg()


def test_forms_and_errors() -> None:
    x, y = data()
    report = viz.flow(nn.Linear(6, 3), x, y, loss_fn=loss_fn)
    ET.fromstring(report.svg())
    assert report.svg() in report.html()
    assert report.text() == str(report)
    with pytest.raises(ValueError, match="holds no step"):
        viz.flow(nn.Linear(1, 1), history=viz.FlowHistory(nn.Linear(1, 1)))
    with pytest.raises(ValueError, match="every is 1"):
        viz.FlowHistory(nn.Linear(1, 1), every=0)
    assert viz.flow(nn.Linear(6, 3), x, theme="dark").svg() != report.svg()


def test_running_statistics_stay_as_they_are() -> None:
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2))
    before = model[0].running_mean.clone()
    viz.flow(model, cr.randn(16, 6) * 5)
    assert bool((model[0].running_mean == before).all())


def test_on_a_narrow_page_the_chart_scrolls_and_does_not_shrink_to_nothing() -> None:
    report = viz.flow(nn.Linear(2, 1), cr.ones(3, 2))
    width = float(ET.fromstring(report.svg()).attrib["width"])
    least = float(report.svg().partition("{min-width:")[2].partition("px")[0])
    assert 0.8 * width < least <= 0.85 * width
    box, _, inside = report._repr_html_().partition(">")
    assert "overflow-x:auto" in box
    assert report.svg() in inside
