"""`wiggle`: predicted changes are tangents, true changes are the graph computed again."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz


def lecture() -> tuple[Any, Any, Any, Any]:
    x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    q = x + y
    f = q * z
    return x, q, f, {"x": x, "y": y, "z": z, "q": q, "f": f}


def test_a_linear_route_is_predicted_exactly() -> None:
    x, _, f, names = lecture()
    found = {c.name: c for c in viz.wiggle(f, x, 0.25, names=names).changes}
    assert list(found) == ["x", "q", "f"]  # y and z do not move
    assert [float(c.true) for c in found.values()] == [0.25, 0.25, -1.0]
    assert [float(c.predicted) for c in found.values()] == [0.25, 0.25, -1.0]


def test_the_error_of_a_curved_function_is_of_second_order() -> None:
    x = cr.tensor(0.5, dtype=cr.float64, requires_grad=True)
    y = x.exp().sin() * x
    errors = [viz.wiggle(y, x, h, names={"x": x}).changes[-1].error() for h in (1e-2, 1e-3)]
    assert errors[0] / errors[1] == pytest.approx(100.0, rel=0.1)
    slope = cr.autograd.grad(y, x)[0].item()
    change = viz.wiggle(x.exp().sin() * x, x, 1e-3, names={"x": x}).changes[-1]
    assert float(change.predicted) == pytest.approx(1e-3 * slope, rel=1e-12)
    moved = np.sin(np.exp(0.501)) * 0.501 - np.sin(np.exp(0.5)) * 0.5
    assert float(change.true) == pytest.approx(moved, rel=1e-9)


def test_arrays_move_along_h_and_the_graph_may_be_freed() -> None:
    cr.manual_seed(0)
    model = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.Tanh(), cr.nn.Linear(4, 2))
    weight, x, labels = model[0].weight, cr.randn(5, 3), cr.tensor([0, 1, 1, 0, 1])
    loss = cr.nn.functional.cross_entropy(model(x), labels)
    loss.backward()
    grads = np.asarray(weight.grad, np.float64)
    h = np.zeros((4, 3))
    h[2, 1] = 1e-4
    report = viz.wiggle(loss, weight, h, names={"m": model})
    last = report.changes[-1]
    assert float(last.predicted) == pytest.approx(1e-4 * grads[2, 1], rel=1e-4)
    assert float(last.true) == pytest.approx(float(last.predicted), rel=1e-2)
    every = viz.wiggle(loss, weight, 1e-4, names={"m": model})
    assert float(every.changes[-1].predicted) == pytest.approx(1e-4 * grads.sum(), rel=1e-4)
    assert "each element of 0.weight moves by 1×10⁻⁴" in every.text()
    assert np.array_equal(np.asarray(weight.grad, np.float64), grads)


def test_dropout_keeps_its_draw_and_lost_data_is_said() -> None:
    cr.manual_seed(0)
    model = cr.nn.Sequential(cr.nn.Linear(3, 4), cr.nn.Dropout(), cr.nn.Linear(4, 1))
    loss = model(cr.randn(2, 3)).sum()
    last = viz.wiggle(loss, model[0].bias).changes[-1]
    assert float(last.true) == pytest.approx(float(last.predicted), rel=1e-9)  # it is linear
    loss.backward()
    with pytest.raises(ValueError, match="is needed, but not kept"):
        viz.wiggle(loss, model[0].bias)


def test_operations_with_several_results_and_views() -> None:
    x = cr.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, _ = x.sort()
    y = (values[1:] * cr.tensor([2.0, 5.0])).sum()
    last = viz.wiggle(y, x, cr.tensor([0.1, 0.0, 0.0])).changes[-1]
    assert float(last.true) == pytest.approx(0.5)
    assert float(last.predicted) == pytest.approx(0.5)


def test_a_kink_parts_the_two() -> None:
    x = cr.tensor(0.5, requires_grad=True)
    last = viz.wiggle(x.relu(), x, -2.0).changes[-1]
    assert (float(last.true), float(last.predicted)) == (-0.5, -2.0)


def test_a_small_difference_is_never_shown_as_none() -> None:
    x = cr.tensor(3.0, requires_grad=True)
    report = viz.wiggle(x * x, x, 1e-4, names={"x": x})
    row = report.rows()[-1]
    assert row[3] != row[4]
    assert report.picture.precision == 5  # 6.0001e-4 beside 6e-4


def test_rounding_is_named_and_no_difference_is_hidden() -> None:
    x, w = (cr.tensor(v, requires_grad=True) for v in (0.3, 0.7))
    y = x * w + 0.1
    report = viz.wiggle((y * 3).tanh(), x, 0.1, names={"x": x, "y": y})
    gaps = [row[-1] for row in report.rows()[1:]]
    assert gaps[:-1] == ["≈ 0"] * 4
    assert gaps[-1] == "−0.01409"
    assert all(change.error() < 1e-15 for change in report.changes[:-1])
    assert "≈ 0: the two differ by no more than the rounding of float64" in report.text()
    whole = viz.wiggle(*lecture()[2::-2], 0.25)
    assert "≈" not in whole.text()  # 0 is 0
    tiny = viz.wiggle(x * x, x, 1e-7).rows()[-1]
    assert tiny[-1] != "≈ 0"  # 10⁻¹⁴, a hundred times the rounding


def test_a_captured_program_is_nudged_by_position() -> None:
    graph = cr.capture(lambda a, b: a * b, cr.tensor(2.0), cr.tensor(3.0))
    report = viz.wiggle(graph, 1, 0.5, 2.0, 3.0)
    assert float(report.changes[-1].true) == 1.0


def test_figure_table_files(tmp_path: Path) -> None:
    x, _, f, names = lecture()
    first, second = (viz.wiggle(f, x, names=names) for _ in range(2))
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    ET.fromstring(first.svg())
    for said in ("true change above the wire", "predicted change below", "≈"):
        assert said in first.svg()
    assert "<td>q</td>" in first._repr_html_()
    for suffix in ("svg", "html", "txt", "dot", "json"):
        assert first.save(tmp_path / f"w.{suffix}").stat().st_size > 100


def test_what_cannot_be_nudged_is_said() -> None:
    x, _, f, _ = lecture()
    with pytest.raises(ValueError, match="not part of the graph"):
        viz.wiggle(f, cr.tensor(1.0, requires_grad=True))
    with pytest.raises(ValueError, match=r"h has shape \[2\]"):
        viz.wiggle(f, x, [1.0, 2.0])
    with pytest.raises(ValueError, match="a position among 1 inputs"):
        viz.wiggle(cr.capture(lambda a: a * a, cr.tensor(2.0)), 1, 0.1, 2.0)
