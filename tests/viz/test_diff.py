"""`diff`: nodes brought together, what differs, and where values and gradients part first."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz

nn = cr.nn


def net() -> tuple[Any, Any]:
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))
    return model, cr.randn(5, 3)


def test_the_same_program_has_no_difference() -> None:
    model, x = net()
    report = viz.diff(model, copy.deepcopy(model), x)  # dropout draws the same for both
    assert not report
    assert "nothing differs" in report.text()
    a = model[0](x).sum()
    assert not viz.diff(a, a)


def test_the_first_value_that_parts_is_named() -> None:
    model, x = net()
    model.eval()
    other = copy.deepcopy(model)
    with cr.no_grad():
        other[3].weight[1, 2] += 0.25
    report = viz.diff(model, other, x, names={"m": model, "x": x})
    first = report.first_value
    assert first is not None
    assert first.name == "3.weight"
    assert first.gap == pytest.approx(0.25)
    out = report.of_kind("value")[-1]
    gap = np.abs(np.asarray(model(x).detach()) - np.asarray(other(x).detach())).max()
    assert out.gap == pytest.approx(float(gap))
    assert not report.of_kind("added") + report.of_kind("removed")


def test_the_operation_that_makes_the_difference_is_blamed() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    report = viz.diff(lambda x: x.exp().sum(), lambda x: (x.exp() * 1.0).sum(), x, names={"x": x})
    assert [d.kind for d in report.differences] == ["added"]
    mean = viz.diff(lambda x: (x * 2.0).exp(), lambda x: (x * 3.0).exp(), x, names={"x": x})
    assert mean.first_value is not None
    assert mean.first_value.made_by == "x·2"
    assert mean.inputs_agree
    assert mean.of_kind("operation")[0].b == "x·3"
    assert "the operation is the difference" in mean.text()


def test_gradients_part_first_going_back() -> None:
    x = cr.tensor(0.5, requires_grad=True)
    a = (x.exp() * 2.0).sin()
    b = (x.exp() * 2.0).detach().sin() * 0.0 + (x.exp() * 2.0).sin()
    assert not viz.diff(a, (x.exp() * 2.0).sin(), names={"x": x})

    class Wrong(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any) -> Any:
            return t * 1.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 3.0

    class Right(Wrong):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 1.0

    Right.__name__ = "Wrong"
    report = viz.diff(Wrong.apply(x.exp()).sin(), Right.apply(x.exp()).sin(), names={"x": x})
    assert not report.of_kind("value")
    wrong = report.first_gradient
    assert wrong is not None
    assert wrong.made_by == "exp(x)"  # its gradient comes out of the wrong rule
    assert viz.diff(a, b, names={"x": x}).of_kind("added")


def test_shape_dtype_and_removed_nodes() -> None:
    x = cr.ones(2, 3, requires_grad=True)
    report = viz.diff(x.sum(0).exp(), x.sum(1).exp(), names={"x": x})
    kinds = [d.kind for d in report.differences]
    assert kinds.count("shape") == 2
    assert report.of_kind("shape")[0].a == "3"
    wide = viz.diff(x.exp(), x.double().exp(), names={"x": x})
    assert {d.kind for d in wide.differences} == {"added", "dtype"}
    gone = viz.diff(x.exp().tanh().sin(), x.exp().sin(), names={"x": x})
    assert [d.made_by for d in gone.of_kind("removed")] == ["tanh(v1)"]
    assert gone.picture is not None
    assert any("not in b" in n.notes for n in gone.picture.nodes)


def test_modules_of_other_names_are_matched_by_order() -> None:
    cr.manual_seed(0)
    first = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))

    class Mine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.down = first[0], first[2]

        def forward(self, x: Any) -> Any:
            return self.down(cr.relu(self.up(x)))

    assert not viz.diff(first, Mine(), cr.randn(2, 3))


def test_tolerance_nan_and_infinity() -> None:
    x = cr.tensor([0.0, -1.0], requires_grad=True)
    assert not viz.diff(x.log(), x.log(), names={"x": x})  # −∞ and nan at the same places
    y = cr.tensor([0.0, -1.0 + 1e-4], requires_grad=True)
    assert viz.diff(x * 2.0, y * 2.0)
    assert not viz.diff(x * 2.0, y * 2.0, tol=1e-3)
    assert viz.diff(x * 2.0, (x * 2.0).log() * 2.0)
    with pytest.raises(ValueError, match="tol is 0 or more"):
        viz.diff(x * 2.0, y * 2.0, tol=-1.0)


def test_numbers_that_differ_are_never_shown_as_equal() -> None:
    a = cr.tensor(1.0, dtype=cr.float64, requires_grad=True)
    b = cr.tensor(1.0 + 1e-9, dtype=cr.float64, requires_grad=True)
    report = viz.diff(a * 2.0, b * 2.0, tol=0.0)
    assert all(d.a != d.b for d in report.of_kind("value"))
    wide = viz.diff(a.expand(9) * 2.0, b.expand(9) * 2.0, tol=0.0)
    assert wide.of_kind("value")[-1].gap == pytest.approx(2e-9, rel=1e-3)
    assert "2×10⁻⁹" in wide.text()


def test_two_captured_programs_run_on_the_same_inputs() -> None:
    one = cr.capture(lambda a: a * a + 1.0, cr.tensor(2.0))
    two = cr.capture(lambda a: a * a + 2.0, cr.tensor(2.0))
    report = viz.diff(one, two, 3.0)
    assert report.first_value is not None
    assert (report.first_value.a, report.first_value.b) == ("10", "11")


def test_figure_table_files(tmp_path: Path) -> None:
    model, x = net()
    other = nn.Sequential(model[0], nn.ReLU(), model[3])
    first, second = (viz.diff(model, other, x, names={"m": model}) for _ in range(2))
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    ET.fromstring(first.svg())
    assert "value in a above" in first.svg() or "value in a right" in first.svg()
    for suffix in ("svg", "html", "txt"):
        assert first.save(tmp_path / f"d.{suffix}").stat().st_size > 100


def test_long_graphs_are_compared_quickly() -> None:
    x = cr.tensor(0.1, requires_grad=True)

    def chain(skip: int) -> Any:
        t = x
        for k in range(1500):
            t = t.sin() if k != skip else t.cos()
        return t

    report = viz.diff(chain(-1), chain(700))
    assert report.matched == 1500
    assert len(report.of_kind("added")) == 1
    with pytest.raises(ValueError, match="draws graphs of up to"):
        report.svg()
