"""Golden files of the views: small programs in exact numbers, the same bytes on any machine."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chainrule as cr
from chainrule import viz

Golden = Callable[[str, str], None]
LIKE_ON_ANY_MACHINE = ("0x", "/home", "\\Users", "site-packages")


def save(golden: Golden, name: str, view: Any, *forms: str) -> None:
    """Compare these forms of a view; each has nothing in it of this machine or of this run."""
    for form in forms:
        text = getattr(view, {"txt": "text"}.get(form, form))()
        if form == "svg":
            ET.fromstring(text)
        for word in LIKE_ON_ANY_MACHINE:
            assert word not in text
        golden(f"{name}.{form}", text if text.endswith("\n") else text + "\n")


def test_flow(golden: Golden, programs: Any) -> None:
    model, x = programs.layers()
    view = viz.flow(model, x, cr.zeros(2, 2), loss_fn=lambda y, t: ((y - t) ** 2).sum(), lr=0.125)
    save(golden, "layers_flow", view, "svg", "txt")


def test_flow_over_training(golden: Golden, programs: Any) -> None:
    model, x = programs.layers()
    optimizer = cr.optim.SGD(model.parameters(), lr=2.0**-6)
    with viz.FlowHistory(model, optimizer) as history:
        for _ in range(3):
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
    save(golden, "layers_training", viz.flow(model, history=history), "svg", "txt")


def test_why(golden: Golden, programs: Any) -> None:
    x = programs.leaf([-1.0, -2.0, -0.5])
    loss = (x.relu() * 3.0).sum()
    loss.backward()
    save(golden, "closed_why", viz.why(x, loss), "txt", "html")


def test_backward_graph(golden: Golden, programs: Any) -> None:
    f, names = programs.lecture()
    save(golden, "lecture_backward", viz.backward_graph(f, names=names), "svg", "txt", "dot")


def test_second_order(golden: Golden, programs: Any) -> None:
    x = programs.leaf(2.0)
    y = x * x * x
    view = viz.backward_graph(y, order=2, names={"x": x, "y": y})
    assert view.gradients["∂²y/∂x²"].item() == 12.0
    save(golden, "cube_second_order", view, "svg", "txt")


def test_memory(golden: Golden, programs: Any) -> None:
    model, x = programs.layers()
    loss = (model(x) ** 2).sum()
    save(golden, "layers_memory", viz.memory(loss, names={"x": x, "loss": loss}), "svg", "txt")


def test_diff(golden: Golden, programs: Any) -> None:
    (one, x), (other, _) = programs.layers(), programs.layers(last=0.75)
    view = programs.from_a_file("viz.diff(one, other, x)", one=one, other=other, x=x)
    assert view.first_value is not None
    assert view.first_value.name == "2.weight"
    save(golden, "layers_diff", view, "svg", "txt", "html")


def test_wiggle(golden: Golden, programs: Any) -> None:
    x = programs.leaf(3.0)
    q = x * x
    f = q - 2.0 * x
    view = viz.wiggle(f, x, 0.5, names={"x": x, "q": q, "f": f})
    assert [float(c.true) for c in view.changes] == [0.5, 3.25, 1.0, 2.25]
    save(golden, "square_wiggle", view, "svg", "txt", "html")


def test_profile_with_known_times(golden: Golden, programs: Any) -> None:
    view = programs.times()
    save(golden, "lecture_profile", view, "svg", "txt", "html")
    golden("lecture_times.svg", view.drawing())


def test_what_if(golden: Golden, programs: Any) -> None:
    f, names = programs.lecture()
    view = viz.what_if(f, names=names)
    save(golden, "lecture_what_if", view, "svg", "html")
    golden("lecture_what_if.js", view.javascript() + "\n")


def test_summary(golden: Golden, programs: Any) -> None:
    model, x = programs.layers()
    save(golden, "layers_summary", viz.summary(model, x), "txt", "html")


def test_explain_of_an_array(golden: Golden, programs: Any) -> None:
    model, x = programs.layers()
    loss = model(x).sum()
    view = viz.explain(loss, model[0].weight, names={"m": model, "x": x, "loss": loss})
    lines = view.text().splitlines()
    assert "agrees" in lines[-1]  # its digits are rounding
    golden("layers_explain.txt", "\n".join(lines[:-1]) + "\n")


def test_a_model_graph_that_failed(golden: Golden, programs: Any) -> None:
    view = viz.graph(programs.too_narrow(), cr.zeros(1, 4))
    assert view.failure is not None
    save(golden, "failed_graph", view, "svg", "txt")


def test_repeated_blocks(golden: Golden, programs: Any) -> None:
    view = viz.graph(programs.towers(), cr.zeros(1, 4), depth=2, repeat=True)
    save(golden, "towers_graph", view, "svg", "txt")


def test_there_are_goldens_of_every_view() -> None:
    """Each public function of viz that gives a view has a golden file, and none lies unused."""
    files = sorted(p.name for p in (Path(__file__).parent / "goldens").iterdir())
    words = {"backward_graph": "backward", "draw": "lecture.svg"}
    for view in ("draw", "explain", "step", "graph", "flow", "why", "backward_graph", "memory",
                 "diff", "wiggle", "profile", "what_if", "summary"):  # fmt: skip
        assert view in viz.__all__
        assert any(words.get(view, view) in name for name in files), view
    tests = "".join(p.read_text(encoding="utf-8") for p in Path(__file__).parent.glob("test_*.py"))
    loose = [n for n in files if n not in tests and n.rpartition(".")[0] not in tests]
    assert loose == []
    json.loads((Path(__file__).parent / "goldens" / "lecture.json").read_text(encoding="utf-8"))
