"""Large graphs: networks as they are used, and ten thousand operations on numbers."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

import chainrule as cr
from chainrule import models, viz
from chainrule.viz import Picture
from chainrule.viz.figure import measure
from chainrule.viz.paths import count_routes

MEGABYTE = 1_000_000


def drawn_loss(model: Any, *inputs: Any) -> Any:
    """A network's output under `watch()`, summed."""
    with cr.watch():
        out = model(*inputs)
    return out.sum()


def check_drawing(drawing: Any, most: int = 300) -> Picture:
    """The drawing is complete, can be parsed, is small, and its gradients are the network's."""
    picture: Picture = drawing.picture
    assert len(picture.nodes) <= most
    root = ET.fromstring(drawing.svg())
    assert float(root.get("width", 0)) > 100
    assert len(drawing.html().encode()) < MEGABYTE
    assert len(json.loads(drawing.json())["nodes"]) == len(picture.nodes)
    lines = drawing.text().splitlines()
    assert all(any(node.name in line for line in lines) for node in picture.nodes)
    return picture


def check_gradients(picture: Picture, model: Any, loss: Any) -> None:
    """Every parameter in the picture shows the norm of the gradient that backward leaves."""
    loss.backward()
    shown = {node.name: node.grad for node in picture.nodes if node.kind == "parameter"}
    assert shown
    for name, parameter in model.named_parameters():
        summary = next((g for path, g in shown.items() if path.endswith(name)), None)
        if summary is not None:
            assert isinstance(summary, viz.Summary)
            norm = float((parameter.grad.double() ** 2).sum()) ** 0.5
            assert summary.norm == pytest.approx(norm, rel=1e-3, abs=1e-6)


def test_mlp() -> None:
    cr.manual_seed(0)
    mlp = models.MLP(8, 16, 16, 4)
    loss = drawn_loss(mlp, cr.randn(5, 8))
    picture = check_drawing(viz.draw(loss))
    check_gradients(picture, mlp, loss)


def test_lenet() -> None:
    cr.manual_seed(0)
    lenet = models.LeNet()
    loss = drawn_loss(lenet, cr.randn(2, 1, 28, 28))
    picture = check_drawing(viz.draw(loss))
    parameters = [node for node in picture.nodes if node.kind == "parameter"]
    assert len(parameters) == 10
    check_gradients(picture, lenet, loss)


def test_resnet_50_closes_its_modules_and_says_what_is_inside() -> None:
    cr.manual_seed(0)
    resnet = models.resnet50()
    loss = drawn_loss(resnet, cr.randn(1, 3, 64, 64))
    drawing = viz.draw(loss)
    picture = check_drawing(drawing)
    operators = [node.op for node in picture.nodes]
    assert operators.count("ReLU") == 16 * 3
    assert operators.count("BatchNorm2d(64)") == 6
    # one module called three times is three boxes in a row: each hangs on the one before only
    relus = {node.key for node in picture.nodes if node.op == "ReLU"}
    assert all(len(picture.arguments()[key]) == 1 for key in relus)
    inside = [note for node in picture.nodes for note in node.notes if " inside" in note]
    assert "conv1: 1 operation, 1 parameter inside" in inside
    layout = measure(picture).layout
    assert layout.height > 10 * layout.width  # one straight line of blocks
    check_gradients(picture, resnet, loss)


def test_twelve_blocks_of_gpt_fold_by_depth() -> None:
    cr.manual_seed(0)
    gpt = models.GPT(n_layer=12, n_head=4, n_embd=32, vocab_size=50, n_positions=64)
    loss = drawn_loss(gpt, cr.randint(0, 50, (1, 8)))
    whole = viz.draw(loss)
    check_drawing(whole)
    counts = [len(viz.draw(loss, depth=depth).picture.nodes) for depth in range(5)]
    assert counts == sorted(counts)
    assert counts[1] < 20
    assert counts[4] > 300
    blocks = viz.draw(loss, depth=3).picture
    assert sum(node.op == "CausalSelfAttention" for node in blocks.nodes) == 12
    assert sum(node.op == "MLP" for node in blocks.nodes) == 12
    check_drawing(viz.draw(loss, depth=3))


# -- ten thousand operations ----------------------------------------------------------------------

ROUNDS = 3_333


@pytest.fixture(scope="module")
def long_program() -> tuple[Any, Any]:
    """About 10,000 operations on numbers, with two ways through every round."""
    x = cr.tensor(0.5, dtype=cr.float64, requires_grad=True)
    y = x
    for _ in range(ROUNDS):
        y = y * 0.5 + cr.sin(y)
    return x, y


@pytest.fixture(scope="module")
def long_drawing(long_program: tuple[Any, Any]) -> Any:
    x, y = long_program
    return viz.draw(y, names={"x": x, "y": y})


def test_ten_thousand_operations_are_listed_and_their_routes_counted(
    long_program: tuple[Any, Any], long_drawing: Any
) -> None:
    x, y = long_program
    picture = long_drawing.picture
    assert sum(bool(node.op) for node in picture.nodes) == 3 * ROUNDS
    assert len(long_drawing.text().splitlines()) >= 3 * ROUNDS
    first, last = picture.nodes[0], picture.nodes[-1]
    assert count_routes(picture, first.key, last.key) == 2**ROUNDS
    (expected,) = cr.autograd.grad(y, x, retain_graph=True)
    assert first.grad == pytest.approx(expected.item(), rel=1e-9)


def test_ten_thousand_operations_are_explained_by_their_last_step(
    long_program: tuple[Any, Any],
) -> None:
    x, y = long_program
    text = viz.explain(y, x).text()
    assert f"{2**ROUNDS:,}".replace(",", "\u2009") in text
    assert len(text) < 5_000


@pytest.mark.parametrize("form", ["svg", "html"])
def test_drawing_ten_thousand_operations_names_the_ways_out(long_drawing: Any, form: str) -> None:
    with pytest.raises(ValueError, match="Three ways out") as refusal:
        getattr(long_drawing, form)()
    for way in ("wrt=", "depth=", "module", ".text()"):
        assert way in str(refusal.value)


def test_a_notebook_shows_the_tensor_in_words(long_program: tuple[Any, Any]) -> None:
    shown = long_program[1]._repr_html_()
    assert "9\u2009999 operations" in shown
    assert "<svg" not in shown


def test_a_way_out_draws(long_program: tuple[Any, Any]) -> None:
    """An intermediate tensor with few operations behind it, and only the routes to one leaf."""
    x, _ = long_program
    w = cr.tensor(2.0, dtype=cr.float64, requires_grad=True)
    y = x
    for _ in range(6_000):
        y = cr.sin(y)
    z = (y * w).exp()
    with pytest.raises(ValueError, match="Three ways out"):
        viz.draw(z).svg()
    few = viz.draw(z, wrt=w)
    assert len(few.picture.nodes) == 4
    ET.fromstring(few.svg())


def test_a_page_of_300_nodes_is_below_a_megabyte() -> None:
    before, last = (cr.tensor(v, dtype=cr.float64, requires_grad=True) for v in (0.5, -1.0))
    for i in range(298):
        before, last = last, (cr.atan2 if i % 3 else cr.mul)(last, before)
    drawing = viz.draw(last, names={})
    assert len(drawing.picture.nodes) == 300
    page = drawing.html()
    assert len(page.encode()) < MEGABYTE
    assert len(re.findall(r'<g id="[^"]*-n\d+"', page)) == 300
