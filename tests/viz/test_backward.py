"""`backward_graph`: the values are the engine's gradients, each node linked to its forward."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz

nn = cr.nn


def lecture() -> tuple[Any, dict[str, Any]]:
    x, y, z = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0, -4.0))
    q = x + y
    f = q * z
    return f, {"x": x, "y": y, "z": z, "q": q, "f": f}


def test_the_lecture_figure_backward() -> None:
    f, names = lecture()
    report = viz.backward_graph(f, names=names)
    values = {n.name: n.value for n in report.picture.nodes}
    assert values == {"z": -4.0, "q": 5.0, "∂f/∂f": 1.0, "∂f/∂q": -4.0, "∂f/∂z": 5.0}
    assert {(link.forward, link.expression, link.order) for link in report.links} == {
        ("f", "q·z", 1)
    }
    assert {k: g.item() for k, g in report.gradients.items()} == {
        "∂f/∂x": -4.0, "∂f/∂y": -4.0, "∂f/∂z": 5.0,
    }  # fmt: skip
    handed_on = next(n for n in report.picture.nodes if n.name == "∂f/∂q")
    assert handed_on.notes == ("also ∂f/∂y, ∂f/∂x",)
    assert [g.title for g in report.picture.groups] == ["backward of f = q·z"]
    assert all(names[k].grad is None for k in "xyz")


def test_every_operation_of_the_backward_stands_in_the_frame_of_its_rule() -> None:
    x = cr.tensor(3.0, requires_grad=True)
    y = x.sin() * x
    report = viz.backward_graph(y, names={"x": x, "y": y})
    titles = {g.key: g.title for g in report.picture.groups}
    frames = {n.op: titles[n.group] for n in report.picture.nodes if n.group is not None}
    assert frames["cos"] == frames["+"] == "backward of v1 = sin(x)"
    assert {link.key for link in report.links} == {n.key for n in report.picture.nodes if n.op}
    shown = {n.name: n.value for n in report.picture.nodes}
    assert shown["∂y/∂x"] == pytest.approx(np.sin(3.0) + 3.0 * np.cos(3.0))
    assert shown["∂y/∂v1"] == 3.0


@pytest.mark.parametrize("order", [1, 2, 3])
def test_higher_orders_are_those_of_the_engine(order: int) -> None:
    x = cr.tensor(0.7, dtype=cr.float64, requires_grad=True)
    y = x.exp() * x.sin()
    report = viz.backward_graph(y, order=order, names={"x": x, "y": y})
    expected = y
    for _ in range(order):
        expected = cr.autograd.grad(expected, x, create_graph=True)[0]
    name = {1: "∂y/∂x", 2: "∂²y/∂x²", 3: "∂³y/∂x³"}[order]
    assert list(report.gradients) == [name]
    shown = next(n for n in report.picture.nodes if n.name == name)
    assert shown.output
    assert shown.value == pytest.approx(expected.item(), rel=1e-12)
    assert {link.order for link in report.links} == set(range(1, order + 1))
    names = [n.name for n in report.picture.nodes if n.kind != "constant"]
    assert len(names) == len(set(names))


def test_arrays_modules_and_several_results() -> None:
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    x, labels = cr.randn(5, 3), cr.tensor([0, 1, 1, 0, 1])
    loss = nn.functional.cross_entropy(model(x), labels)
    report = viz.backward_graph(loss, names={"m": model, "loss": loss})
    loss.backward(retain_graph=True)
    for path, p in model.named_parameters():
        found = report.gradients[f"∂loss/∂{path}"]
        assert np.array_equal(np.asarray(found.detach()), np.asarray(p.grad))
    w = cr.tensor([3.0, 1.0, 2.0], requires_grad=True)
    values, _ = w.sort()
    again = viz.backward_graph((values * values).sum(), wrt=w, names={"w": w})
    assert again.gradients["∂out/∂w"].tolist() == [6.0, 2.0, 4.0]
    part = viz.backward_graph(loss, wrt=model[0].bias, names={"m": model, "loss": loss})
    assert list(part.gradients) == ["∂loss/∂0.bias"]


def test_figure_text_files(tmp_path: Path) -> None:
    f, names = lecture()
    first, second = (viz.backward_graph(f, names=names) for _ in range(2))
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    ET.fromstring(first.svg())
    assert "backward of f = q·z" in first.text()
    for suffix in ("svg", "html", "txt", "dot", "json"):
        assert first.save(tmp_path / f"b.{suffix}").stat().st_size > 100


def test_what_has_no_backward_graph_is_said() -> None:
    x = cr.tensor(2.0, requires_grad=True)
    with pytest.raises(ValueError, match="all gradients of order 1 are constants"):
        viz.backward_graph(x + 1.0, names={"x": x})
    with pytest.raises(ValueError, match="order is 1"):
        viz.backward_graph(x * x, order=0)
    f, names = lecture()
    with pytest.raises(ValueError, match="one tensor: say which"):
        viz.backward_graph(f, order=2, names=names)
    with pytest.raises(ValueError, match="not part of the graph"):
        viz.backward_graph(f, wrt=x, names=names)
    f.backward()
    with pytest.raises(RuntimeError, match="second time"):
        viz.backward_graph(f, names=names)
