"""Small programs that several files of tests draw: their numbers are exact on every machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import chainrule as cr
from chainrule import viz
from chainrule.viz.profile_view import Cost, Profile

nn = cr.nn


def leaf(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def lecture() -> tuple[Any, dict[str, Any]]:
    """The lecture: f = (x + y)·z at x = 2, y = 3, z = −4."""
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    f = q * z
    return f, {"x": x, "y": y, "z": z, "q": q, "f": f}


def doubled() -> tuple[Any, dict[str, Any]]:
    """The counter-example to a backward pass by plain recursion."""
    a = leaf(1.0)
    b = a + a
    c = b + b
    return c, {"a": a, "b": b, "c": c}


def network() -> tuple[Any, dict[str, Any]]:
    """Two inputs, two hidden units: 30 nodes and shared ones among them."""
    names: dict[str, Any] = {"x1": leaf(0.5), "x2": leaf(-1.5)}
    hidden = []
    for i in range(2):
        w = [leaf(0.3 * (i + 1)), leaf(-0.7 + i)]
        b = leaf(0.1)
        names |= {f"w{i}1": w[0], f"w{i}2": w[1], f"b{i}": b}
        hidden.append(cr.tanh(w[0] * names["x1"] + w[1] * names["x2"] + b))
    loss = (hidden[0] * hidden[1] - 1.0) ** 2
    return loss, {**names, "loss": loss}


def layers(last: float = 0.5) -> tuple[Any, Any]:
    """Linear, ReLU, linear, and a batch: all numbers are small multiples of powers of two."""
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    with cr.no_grad():
        model[0].weight.copy_(cr.tensor([[1.0, 0.5, 0.0], [0.0, -1.0, 2.0], [-0.5, 0.0, 1.0],
                                         [0.25, 0.5, -1.0]]))  # fmt: skip
        model[0].bias.copy_(cr.tensor([0.5, 0.0, -0.25, 0.0]))
        model[2].weight.copy_(cr.tensor([[1.0, -0.5, 0.25, 2.0], [0.0, last, 1.0, -1.0]]))
        model[2].bias.copy_(cr.tensor([0.0, 0.125]))
    return model, cr.tensor([[1.0, 2.0, -1.0], [0.5, -0.5, 1.0]])


def from_a_file(line: str, **names: Any) -> Any:
    """The value of a line that stands in net.py: pictures name that line, not one of a test."""
    return eval(compile(line, "net.py", "eval"), {"cr": cr, "viz": viz, **names})


def views() -> dict[str, Callable[[], Any]]:
    """One view of each kind, and some that are out of the ordinary."""
    (f, names), (c, more), (loss, others) = lecture(), doubled(), network()
    (model, x), (other, _) = layers(), layers(last=0.75)
    x3 = leaf(2.0)
    cube = x3 * x3 * x3

    def arrays() -> Any:
        result = (model(x) ** 2).sum()
        return result, {"m": model, "x": x, "result": result}

    def drawn(draw: Callable[..., Any], *more: Any) -> Any:
        result, known = arrays()
        return draw(result, *more, names=known)

    def training() -> Any:
        optimizer = cr.optim.SGD(model.parameters(), lr=2.0**-6)
        with viz.FlowHistory(model, optimizer) as history:
            for _ in range(3):
                optimizer.zero_grad()
                model(x).sum().backward()
                optimizer.step()
        return viz.flow(model, history=history)

    def closed() -> Any:
        inputs = leaf([-1.0, -2.0])
        result = inputs.relu().sum()
        result.backward()
        return viz.why(inputs, result)

    return {
        "draw": lambda: viz.draw(f, names=names),
        "explain": lambda: viz.explain(f, names["x"], names=names),
        "step": lambda: viz.step(f, names=names),
        "what_if": lambda: viz.what_if(f, names=names),
        "graph": lambda: viz.graph(towers(), cr.zeros(1, 4)),
        "flow": lambda: viz.flow(model, x, lr=0.125),
        "why": closed,
        "backward_graph": lambda: viz.backward_graph(f, names=names),
        "memory": lambda: drawn(viz.memory),
        "diff": lambda: viz.diff(model, other, x),
        "wiggle": lambda: viz.wiggle(f, names["x"], 0.25, names=names),
        "profile": lambda: viz.profile(model, x),
        "summary": lambda: viz.summary(model, x),
        "draw_arrays": lambda: drawn(viz.draw),
        "explain_arrays": lambda: drawn(viz.explain, model[0].weight),
        "step_arrays": lambda: drawn(viz.step),
        "step_doubled": lambda: viz.step(c, names=more),
        "step_network": lambda: viz.step(loss, names=others),
        "what_if_network": lambda: viz.what_if(loss, names=others),
        "graph_failed": lambda: viz.graph(too_narrow(), cr.zeros(1, 4)),
        "flow_training": training,
        "backward_graph_arrays": lambda: drawn(viz.backward_graph),
        "second_order": lambda: viz.backward_graph(cube, order=2, names={"x": x3, "cube": cube}),
    }


def towers(depth: int = 2, blocks: int = 3) -> Any:
    """Sequentials inside Sequentials, around linear layers of size 4."""
    if depth == 0:
        return nn.Linear(4, 4)
    return nn.Sequential(*(towers(depth - 1, blocks) for _ in range(blocks)))


def too_narrow() -> Any:
    """A network whose second layer does not fit its first."""
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(9, 2))


def times() -> Profile:
    """A profile with times set by hand, and a picture that carries them."""
    _, names = lecture()
    drawn = viz.profile(lambda: (names["x"] + names["y"]) * names["z"], names=names).picture
    costs = (
        Cost("add", "train.py:3: q = x + y", "fc", False, 4_000, 1),
        Cost("mul", "train.py:4: f = q * z", "", False, 1_500, 1),
        Cost("mul", "train.py:4: f = q * z", "", True, 2_500),
        Cost("add", "train.py:3: q = x + y", "fc", True, 500),
    )
    assert drawn is not None
    measured = {"add": (4.0, 0.5), "mul": (1.5, 2.5)}
    signs = {"+": "add", "×": "mul"}
    nodes = tuple(
        replace(node, value=measured[signs[node.op]][0], grad=measured[signs[node.op]][1])
        if node.op in signs
        else node
        for node in drawn.nodes
    )
    return Profile(costs, 10_000, picture=replace(drawn, nodes=nodes))
