"""What-if pages in a real browser: what JavaScript computes is what the engine computes."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.autograd.op import registry
from chainrule.viz.javascript import printable
from chainrule.viz.live_page import asset
from chainrule.viz.numbers import format_number

pytestmark = pytest.mark.browser
PageOf = Callable[[str], Path]


def leaf(value: float) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def test_what_if_recomputes_to_the_engine_s_numbers(
    browser: Any, page_of: PageOf, programs: Any
) -> None:
    _, names = programs.network()
    page = browser.open(page_of("what_if_network"))
    picture = viz.what_if(names["loss"], names=names).picture
    key = {n.name: n.key for n in picture.nodes}
    for name, x in (("x1", 1.25), ("w02", -2.0), ("b1", 0.0)):
        page.run(
            f"(() => {{ const f = document.querySelector('[data-leaf=\"{key[name]}\"] .cr-field');"
            f"f.value = '{x}'; f.dispatchEvent(new Event('input')); }})()"
        )
        with cr.no_grad():
            names[name].copy_(cr.tensor(x, dtype=cr.float64))
    fresh = {n: leaf(t.item()) for n, t in names.items() if t.is_leaf}
    hidden = [
        cr.tanh(fresh[f"w{i}1"] * fresh["x1"] + fresh[f"w{i}2"] * fresh["x2"] + fresh[f"b{i}"])
        for i in range(2)
    ]
    loss = (hidden[0] * hidden[1] - 1.0) ** 2
    loss.backward()
    state = page.run("document.querySelector('.cr-live').state")
    assert state["value"][str(key["loss"])] == pytest.approx(loss.item(), rel=1e-12)
    for name, tensor in fresh.items():
        assert state["gradient"][str(key[name])] == pytest.approx(tensor.grad.item(), rel=1e-10)
        assert page.number(key[name], "grad") == format_number(tensor.grad.item())
    assert page.text(".cr-result") == f"loss = {format_number(loss.item())}"
    page.click("[data-do=reset]")
    assert page.number(key["x1"], "value") == "0.5"
    page.clean()


def test_dragging_a_slider(browser: Any, page_of: PageOf) -> None:
    page = browser.open(page_of("what_if"))
    assert page.text('.local[data-edge="3"] .of-local') == " = 5"
    page.run("document.querySelector('[data-leaf=\"1\"] input').focus()")
    page.press("ArrowRight")
    assert page.text(".cr-result") == "f = −20.04"
    assert (page.number(1, "value"), page.number(2, "grad")) == ("3.01", "5.01")
    assert page.text('.local[data-edge="3"] .of-local') == " = 5.01"
    label = page.run("document.querySelector('[data-node=\"3\"]').ariaLabel")
    assert label == "q equals x plus y, value 5.01, gradient minus 4"
    page.run("document.querySelector('[data-node=\"3\"]').focus()")
    page.press("ArrowLeft")
    assert page.run("document.activeElement.dataset.node") == "0"
    page.press("ArrowRight", "ArrowRight")
    assert page.run("document.activeElement.dataset.node") == "4"
    page.clean()


POINTS = {
    1: (-1.7, -0.4, 0.3, 0.9, 2.6),
    2: ((0.7, 1.9), (-1.3, 0.4), (2.5, -0.6)),
    3: ((0.7, 1.9, 0.3),),
}
PARAMS: dict[str, list[tuple[Any, ...]]] = {
    "addcdiv": [(2,)], "addcmul": [(-0.5,)], "bounded": [(1.0,)],
    "clamp": [(-0.5, 1.0), (None, 0.5), (0.0, None)], "elu": [(1.0, 1.0, 1.0), (0.7, 1.1, 1.0)],
    "gelu": [("none",), ("tanh",)], "hardshrink": [(0.5,)], "hardtanh": [(-1.0, 1.0)],
    "huber_loss": [(1.0,)], "leaky_relu": [(0.01,), (0.3,)], "logit": [(None,), (0.2,)],
    "mse_loss": [("sum", 1), ("mean", 1)], "polygamma": [(1,), (2,)], "smooth_l1_loss": [(1.0,)],
    "softplus": [(1.0, 20.0), (2.0, 3.0)], "softshrink": [(0.5,)], "threshold": [(0.5, -1.0)],
    "sum": [(None, False)], "mean": [(None, False)], "prod": [(None, False)],
    "amax": [(None, False)], "amin": [(None, False)], "squeeze": [(None,)],
    "permute": [((),)], "transpose": [(0, 0)], "reshape": [((),)], "expand": [((),)],
    "spread": [((), None, False)],
}  # fmt: skip
INSIDE = {"acos", "asin", "atanh", "erfinv", "logit", "binary_cross_entropy"}  # of (0, 1)
ABOVE = {"acosh": 1.5, "log": 0.0, "log2": 0.0, "log10": 0.0, "log1p": 0.0, "sqrt": 0.0}
ABOVE |= {"rsqrt": 0.0, "pow": 0.0, "xlogy": 0.0, "polygamma": 0.0, "lgamma": 0.0, "digamma": 0.0}
NOT_ALONE = {"where", "convert"}  # below, in programs


def single_operations() -> list[tuple[str, Any, list[Any]]]:
    """Every printable operation on single numbers at several points: name, result, leaves."""
    found = []
    for name in sorted(printable() - NOT_ALONE):
        op = registry[name]
        if not op.differentiable:
            continue
        for point in POINTS[len(op.inputs)]:
            numbers = [point] if isinstance(point, float) else list(point)
            if name in INSIDE:
                numbers = [1 / (1 + math.exp(-v)) for v in numbers]
            if name in ABOVE:
                numbers = [abs(v) + ABOVE[name] for v in numbers]
            for params in PARAMS.get(name, [()]):
                leaves = [leaf(v) for v in numbers]
                found.append((f"{name}{params}{numbers}", op.call(*leaves, *params), leaves))
    return found


def random_programs(count: int) -> list[tuple[str, Any, list[Any]]]:
    """Programs of operations that are smooth everywhere, values shared between them."""
    rng, found = random.Random(7), []
    unary = ["sin", "cos", "tanh", "sigmoid", "erf", "atan", "softplus", "silu", "gelu", "sech2"]
    binary = ["add", "sub", "mul", "maximum", "minimum", "logaddexp", "hypot"]
    for i in range(count):
        leaves = [leaf(rng.uniform(-1.5, 1.5)) for _ in range(3)]
        values = list(leaves)
        for _ in range(rng.randint(2, 14)):
            name = rng.choice(unary + binary)
            picked = [rng.choice(values[-6:]) for _ in range(1 if name in unary else 2)]
            made = registry[name].call(*picked, *PARAMS.get(name, [()])[0])
            values.append(made * 0.5 + rng.choice(leaves))
        found.append((f"program {i}", values[-1], leaves))
    x, y = leaf(0.4), leaf(-0.8)
    with cr.watch():
        found.append(("where", cr.where(x > y, x * y, y / x), [x, y]))
        found.append(("not", cr.where(cr.logical_not(x > y), x * y, y / x), [x, y]))
    found.append(("convert", (x * y).to(cr.float32).to(cr.float64) * x, [x, y]))
    return found


def test_javascript_computes_what_the_engine_computes(browser: Any, tmp_path: Path) -> None:
    """Every operation that is printed, and random programs: values and gradients."""
    cases = single_operations() + random_programs(60)
    calls, wanted = [], []
    for name, y, leaves in cases:
        view = viz.what_if(y, names={f"x{i}": t for i, t in enumerate(leaves)})
        keys = {n.name: n.key for n in view.picture.nodes}
        root = next(n.key for n in view.picture.nodes if n.output)
        values = {n.key: n.value for n in view.picture.nodes if not n.op}
        plain = {k: float(v) for k, v in values.items()}
        calls.append(f"[{view.javascript()},{json.dumps(plain)},{root}]")
        used = [t for i, t in enumerate(leaves) if f"x{i}" in keys]
        grads = cr.autograd.grad(y, used, allow_unused=True)
        there = [keys[f"x{i}"] for i in range(len(leaves)) if f"x{i}" in keys]
        pairs = zip(there, grads, strict=True)
        wanted.append((name, root, y.item(), {k: g.item() for k, g in pairs if g is not None}))
    path = tmp_path / "programs.html"
    script = f"{asset('maths.js')}\n{asset('program.js')}\nconst calls = [{','.join(calls)}];"
    path.write_text(f"<!doctype html><script>{script}</script>", encoding="utf-8")
    page = browser.open(path)
    answers = page.run("calls.map(([p, v, r]) => runProgram(p, v, r))")
    for (name, root, value, grads), answer in zip(wanted, answers, strict=True):
        assert answer["value"][str(root)] == pytest.approx(value, rel=1e-9, abs=1e-12), name
        for key, g in grads.items():
            got = answer["gradient"].get(str(key), 0.0)
            assert got == pytest.approx(g, rel=1e-8, abs=1e-11), name
    assert page.problems() == []
    page.close()


def test_float32_stays_float32(browser: Any, tmp_path: Path) -> None:
    x = cr.tensor(0.1, requires_grad=True)
    y = (x + 1e8) * x
    view = viz.what_if(y, names={"x": x, "y": y})
    page = browser.open(view.save(tmp_path / "single.html"))
    root = view.picture.nodes[-1].key
    value = page.run(f"document.querySelector('.cr-live').state.value[{root}]")
    assert value == y.item() == float(np.float32(1e8) * np.float32(0.1))
    page.clean()


def test_what_if_in_a_notebook(browser: Any, programs: Any, notebook: Callable[..., Path]) -> None:
    """Two figures, one of them twice: a slider moves its own figure only."""
    (f, names), (loss, others) = programs.lecture(), programs.network()
    first, second = viz.what_if(f, names=names), viz.what_if(loss, names=others)
    page = browser.open(notebook(first, second, first))
    results = "[...document.querySelectorAll('.cr-result')].map(r => r.textContent)"
    before = page.run(results)
    assert before == ["f = −20", "loss = 1.088", "f = −20"]
    page.run("document.querySelectorAll('.cr-live')[2].querySelector('input').focus()")
    page.press("ArrowRight")
    assert page.run(results) == ["f = −20", "loss = 1.088", "f = −20.04"]
    page.run("document.querySelectorAll('.cr-live')[1].querySelector('input').focus()")
    page.press("ArrowRight")
    assert page.run(results)[::2] == ["f = −20", "f = −20.04"]
    assert page.run(results)[1] != "loss = 1.088"
    page.clean()
