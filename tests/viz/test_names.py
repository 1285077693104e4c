"""Names in a picture: what the program itself calls a value, and never anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import viz

nn = cr.nn


def leaf(value: Any) -> Any:
    return cr.tensor(value, requires_grad=True)


def names(shown: Any) -> list[str]:
    return [n.name for n in shown.picture.nodes if n.kind != "constant"]


def test_variables_of_a_function_loops_and_tuples() -> None:
    x = leaf(2.0)
    for _ in range(3):
        h = x * 2.0
    a, (b, c) = h.exp(), (h.sin(), h + 1.0)
    f = a * b * c
    assert names(viz.draw(f)) == ["x", "h", "a", "b", "c", "v1", "f"]


WEIGHT = leaf(3.0)


def test_globals_and_outer_variables() -> None:
    x = leaf(2.0)

    def inner() -> list[str]:
        y = WEIGHT * x
        return names(viz.draw(y * outside))

    outside = x + 1.0
    assert names(viz.draw(WEIGHT * x)) == ["WEIGHT", "x", "out"]
    assert inner() == ["WEIGHT", "x", "outside", "y", "out"]


def helper(t: Any) -> list[str]:
    return names(viz.draw(t))


def test_the_frames_around_a_helper_give_names_too() -> None:
    x, y = leaf(2.0), leaf(3.0)
    q = x * y
    assert helper(q.exp()) == ["x", "y", "q", "t"]


def test_inner_variables_hide_outer_ones_of_the_same_name() -> None:
    t = leaf(2.0)
    assert helper(t * 3.0) == ["v1", "t"]  # t of the helper is the product
    assert names(viz.draw(t * 3.0)) == ["t", "out"]


class Neuron:
    """A model of the reader's own making, without Module."""

    def __init__(self) -> None:
        self.w = [leaf(1.0), leaf(2.0)]
        self.bias = leaf(0.5)
        self._hidden = leaf(1.0)

    def __call__(self, x: Any) -> Any:
        return self.w[0] * x + self.w[1] * self.bias + self._hidden

    def shown(self, x: Any) -> Any:
        return viz.draw(self(x))


def test_attributes_items_and_keys() -> None:
    net, x = {"first": Neuron()}, leaf(1.0)
    neuron = net["first"]
    found = names(viz.draw(neuron(x)))
    assert {"net['first'].w[0]", "net['first'].bias", "x", "v1"} < set(found)
    assert not [name for name in found if "hidden" in name]
    assert {"self.w[0]", "self.w[1]", "self.bias"} < set(names(neuron.shown(x)))


def test_parameters_by_their_path() -> None:
    model, loss_fn = nn.Sequential(nn.Linear(2, 2), nn.Tanh()), nn.MSELoss()
    inner = model[0]
    loss = loss_fn(model(cr.ones(1, 2)), cr.zeros(1, 2))
    assert {"0.weight", "0.bias", "loss"} < set(names(viz.draw(loss)))
    assert inner.weight is model[0].weight
    other = nn.Linear(2, 2)
    both = (model(cr.ones(1, 2)) + other(cr.ones(1, 2))).sum()
    assert {"model.0.weight", "other.weight"} < set(names(viz.draw(both)))


def test_a_model_that_is_no_variable_and_its_input() -> None:
    shown = viz.draw(nn.Sequential(nn.Linear(2, 1)), cr.ones(3, 2))
    assert {"input", "0.weight", "0.bias", "out"} == set(names(shown))


def test_own_names_come_first_and_names_can_be_given() -> None:
    x, y = cr.tensor(2.0, requires_grad=True, name="mass"), leaf(3.0)
    f = x * y
    assert names(viz.draw(f)) == ["mass", "y", "f"]
    assert names(viz.draw(f, names={"p": y, "q": f})) == ["mass", "p", "q"]
    assert names(viz.draw(f, names=[x])) == ["mass", "v1", "out"]
    assert names(viz.draw(f, names={})) == ["mass", "v1", "out"]
    for wrong in ({x: "x"}, ["x"]):
        with pytest.raises(TypeError, match="maps names to tensors"):
            viz.draw(f, names=wrong)  # type: ignore[arg-type]


def test_no_name_is_given_twice() -> None:
    xs = [cr.tensor(1.0, requires_grad=True, name="x") for _ in range(3)]
    total = xs[0] * xs[1] * xs[2]
    assert names(viz.draw(total)) == ["x", "x_2", "x_3", "v1", "total"]


def test_assignments_under_watch_name_what_is_no_variable_any_more() -> None:
    class Net:
        def __call__(self, x: Any) -> Any:
            self.h = x.exp()
            q = x + 1.0
            q = q * 2.0
            r, s = q.sin(), q.cos()
            r += s
            k: Any = -r
            self.h = None
            return cr.relu(k) * 1.0

    x = leaf(2.0)
    with cr.watch():
        y = Net()(x)
    assert names(viz.draw(y)) == ["x", "q", "q_2", "v1", "v2", "r", "k", "v3", "y"]
    assert names(viz.draw(y, names={"x": x})) == ["x", *[f"v{i}" for i in range(1, 8)], "out"]


def test_a_line_that_leaves_a_doubt_names_nothing() -> None:
    x = leaf(2.0)
    with cr.watch():
        total = 1.0
        total = total + (x + 3.0).item()
        kept = [x * 2.0]
        number = float((x * 5.0) * 2.0)
        pair = (x.exp(), x.sin())[0]
    del pair
    assert (total, number) == (6.0, 20.0)
    assert names(viz.draw(kept[0])) == ["x", "kept[0]"]


PROGRAM = """
import chainrule as cr
from chainrule import viz
x, y = cr.tensor(2.0, requires_grad=True), cr.tensor(3.0, requires_grad=True)
q = x + y
f = q * x
print([n.name for n in viz.draw(f).picture.nodes])
print(viz.why(x, q.detach() * y).reason)
"""


def run(*command: str, text: str = "") -> str:
    home = str(Path(cr.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, *command], input=text, capture_output=True, text=True, timeout=120,
        check=True, env={**os.environ, "PYTHONPATH": home, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    return done.stdout


def test_python_dash_c_and_standard_input() -> None:
    for out in (run("-c", PROGRAM), run("-", text=PROGRAM)):
        assert out.splitlines()[0] == "['x', 'y', 'q', 'f']"


def test_the_shell_of_notebooks(capsys: Any) -> None:
    shell_of = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    shell = shell_of()
    shell.run_cell("import chainrule as cr")
    shell.run_cell("x, y = (cr.tensor(v, requires_grad=True) for v in (2.0, 3.0))\nq = x + y")
    show = "get_ipython().display_formatter.format(q)[0]['text/html']"
    html = shell.run_cell(f"if True:\n    html = {show}\nhtml").result
    assert "<title>q = x + y</title>" in html
    assert "<title>x: input" in html
    found = shell.run_cell("[n.name for n in cr.viz.draw(q * x).picture.nodes]").result
    assert found == ["x", "y", "q", "out"]
    shell.run_cell("loss = q.detach() * y\nanswer = cr.viz.why(x, loss)")
    assert shell.user_ns["answer"].reason == "detach"
    assert "cell:" in shell.user_ns["answer"].text()
    capsys.readouterr()
