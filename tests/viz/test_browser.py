"""Pages in a real browser: opened from disk with the network off, used by keyboard and mouse."""

from __future__ import annotations

import importlib.util
import json
import math
import random
from collections.abc import Iterator
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

spec = importlib.util.spec_from_file_location("browser", Path(__file__).with_name("browser.py"))
assert spec is not None
assert spec.loader is not None
driver = importlib.util.module_from_spec(spec)
spec.loader.exec_module(driver)

PROGRAM = driver.find_browser()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason=f"no Chromium on the path: {driver.NAMES}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with driver.Browser(PROGRAM) as running:
        yield running


def leaf(value: Any, **more: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True, **more)


def lecture() -> tuple[Any, dict[str, Any]]:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    f = q * z
    return f, {"x": x, "y": y, "z": z, "q": q, "f": f}


def doubled() -> tuple[Any, dict[str, Any]]:
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


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, Path]:
    """One page of each kind."""
    f, names = lecture()
    c, more = doubled()
    loss, others = network()
    views = {
        "draw": viz.draw(f, names=names),
        "explain": viz.explain(f, names["x"], names=names),
        "step": viz.step(f, names=names),
        "doubled": viz.step(c, names=more),
        "network": viz.step(loss, names=others),
        "what_if": viz.what_if(f, names=names),
        "what_if_network": viz.what_if(loss, names=others),
    }
    return {name: view.save(tmp_path / f"{name}.html") for name, view in views.items()}


def node(page: Any, key: int, role: str) -> str:
    text: str = page.text(f'[data-node="{key}"] .of-{role}')
    return text


def clean(page: Any) -> None:
    """No error, no warning, no request."""
    assert page.problems() == []
    assert page.requests() == []
    page.close()


# -- the player -----------------------------------------------------------------------------------


def test_the_player_plays_by_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["step"])
    assert [node(page, k, "value") for k in range(5)] == ["2", "3", "−4", "·", "·"]
    page.press("ArrowRight")
    assert (node(page, 3, "value"), node(page, 3, "grad")) == ("5", "·")
    assert page.text(".cr-sum") == "q = x + y = 2 + 3 = 5"
    page.press("b")
    assert (node(page, 4, "value"), node(page, 4, "grad")) == ("−20", "1")
    page.press("ArrowRight")
    assert (page.text(".cr-sum"), node(page, 3, "grad")) == ("1 × (−4) = −4", "−4")
    assert page.run("[...document.querySelectorAll('.back.on')].map(e => e.dataset.edge)") == ["2"]
    page.press("End")
    assert [node(page, k, "grad") for k in range(5)] == ["−4", "−4", "5", "−4", "1"]
    page.press("ArrowLeft", "ArrowLeft")
    assert [node(page, k, "grad") for k in range(3)] == ["−4", "·", "5"]
    page.press("f")
    assert page.text(".cr-count") == "1 / 8"
    page.press("Home")
    assert [node(page, k, "value") for k in range(5)] == ["2", "3", "−4", "·", "·"]
    clean(page)


def test_every_frame_shows_the_engine_s_numbers(browser: Any, pages: dict[str, Path]) -> None:
    loss, names = network()
    frames = viz.step(loss, names=names).frames
    page = browser.open(pages["network"])
    for i in range(len(frames)):
        assert page.text(".cr-count") == f"{i} / {len(frames) - 1}"
        assert page.text(".cr-sum") == frames[i].sum_text()
        for key, change in frames[i].changes.items():
            for field, number in change.items():
                if page.run(f"!!document.querySelector('[data-node=\"{key}\"] .of-{field}')"):
                    assert node(page, key, field) == format_number(number)
        page.press("ArrowRight")
    clean(page)


def test_space_plays_and_stops(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["step"])
    page.press(" ")
    assert page.run("document.querySelector('[data-do=play]').ariaLabel") == "Pause"
    page.run("new Promise(done => setTimeout(done, 1350))")
    page.press(" ")
    assert page.run("document.querySelector('[data-do=play]').ariaLabel") == "Play"
    assert page.text(".cr-count") == "1 / 8"
    clean(page)


def test_nothing_plays_by_itself_and_nothing_moves_for_who_wants_it_still(
    browser: Any, pages: dict[str, Path]
) -> None:
    for still, seconds in ((True, "0s"), (False, "0.15s, 0.15s")):
        page = browser.open(pages["step"], still=still)
        assert page.text(".cr-count") == "0 / 8"
        wire = "getComputedStyle(document.querySelector('.wire')).transitionDuration"
        assert page.run(wire) == seconds
        clean(page)


def test_the_slider_and_the_buttons(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["step"])
    page.click("[data-do=next]")
    assert page.text(".cr-count") == "1 / 8"
    page.run("(() => { const s = document.querySelector('.cr-slide'); s.value = 5;"
             "s.dispatchEvent(new Event('input')); s.focus(); })()")  # fmt: skip
    assert (page.text(".cr-count"), node(page, 2, "grad")) == ("5 / 8", "5")
    page.press("ArrowRight")
    assert page.text(".cr-count") == "6 / 8"  # once, not by the slider and by the player
    clean(page)


def test_arrivals_are_counted(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["doubled"])
    page.press("b", "ArrowRight")
    assert (node(page, 1, "grad"), node(page, 1, "count")) == ("1", "1 of 2 arrivals")
    page.press("ArrowRight")
    assert (node(page, 1, "grad"), node(page, 1, "count")) == ("2", "2 of 2 arrivals")
    assert page.text(".cr-sum") == "1 × 1 = 1     1 + 1 → 2"
    clean(page)


def test_the_wrong_order_shows_the_wrong_total(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["doubled"])
    page.click("[data-do=wrong]")
    page.press("End")
    assert (node(page, 0, "grad"), node(page, 0, "count")) == ("6", "4 of 2 arrivals, right: 4")
    look = page.run("(() => { const s = document.querySelector('[data-node=\"0\"] rect');"
                    "return [s.closest('g').classList.contains('bad'), getComputedStyle(s).fill];"
                    "})()")  # fmt: skip
    assert look[0] is True
    assert "hatch" in look[1]
    assert page.text(".cr-sum") == "a: 6, right is 4"
    page.click("[data-do=wrong]")
    page.press("End")
    assert node(page, 0, "grad") == "4"
    assert page.run("document.querySelectorAll('.bad').length") == 0
    clean(page)


def test_predict_mode_accepts_and_rejects(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["doubled"])
    page.press("b", "ArrowRight")
    page.click("[data-do=predict]")
    assert "c sends its gradient along the edge to b" in page.text(".cr-ask label")

    def answer(text: str) -> str:
        page.run("document.querySelector('.cr-ask .cr-field').value = ''")
        page.run("document.querySelector('.cr-ask .cr-field').focus()")
        page.type(text)
        page.press("Enter")
        said: str = page.text(".cr-ask p")
        return said

    assert "That is what arrives on this route alone" in answer("1")
    assert node(page, 1, "grad") == "1"
    assert "Type a number" in answer("two")
    assert answer("2,0") == "Right: 2."
    assert node(page, 1, "grad") == "2"
    assert "local derivative alone" in answer("1") or "missing" in answer("1")
    assert answer("4/2") == "Right: 2."
    assert answer("4") == "Right: 4."
    assert page.text(".cr-ask label").strip() == "That was the last number."
    assert page.text(".cr-count") == "8 / 8"
    clean(page)


def test_the_page_judges_as_the_library_does(browser: Any, pages: dict[str, Path]) -> None:
    loss, names = network()
    player = viz.step(loss, names=names)
    page = browser.open(pages["network"])
    page.click("[data-do=predict]")
    for i, frame in enumerate(player.frames):
        if frame.question is None or i % 3:
            continue
        for typed in (*[m.value for m in frame.question.mistakes[:4]], 12345.678):
            said = page.run(
                f"(() => {{ const s = document.querySelector('.cr-slide'); s.value = {i - 1};"
                "s.dispatchEvent(new Event('input'));"
                f"document.querySelector('.cr-ask .cr-field').value = '{typed!r}';"
                "document.querySelector('.cr-ask [type=submit]').click();"
                "return document.querySelector('.cr-ask p').textContent; })()"
            )
            assert said == frame.question.judge(typed).words
    clean(page)


def test_several_players_do_not_mix(browser: Any, tmp_path: Path) -> None:
    """As in a notebook: two figures on a page, one of them twice."""
    (f, names), (c, more) = lecture(), doubled()
    first, second = viz.step(f, names=names)._repr_html_(), viz.step(c, names=more)._repr_html_()
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><title>n</title>{first}{second}{first}", encoding="utf-8")
    page = browser.open(path)
    page.run("document.querySelectorAll('[data-do=last]')[1].click()")
    assert page.run("[...document.querySelectorAll('.cr-live')].map(h => h.dataset.at)") == [
        "0", "8", "0",
    ]  # fmt: skip
    page.press("End")  # nobody has the focus: the keys are the notebook's
    assert page.run("document.querySelectorAll('.cr-live')[0].dataset.at") == "0"
    page.run("document.querySelectorAll('[data-do=next]')[2].focus()")
    page.press("End")
    assert page.run("[...document.querySelectorAll('.cr-live')].map(h => h.dataset.at)") == [
        "0", "8", "8",
    ]  # fmt: skip
    clean(page)


# -- what if --------------------------------------------------------------------------------------


def test_what_if_recomputes_to_the_engine_s_numbers(browser: Any, pages: dict[str, Path]) -> None:
    _, names = network()
    page = browser.open(pages["what_if_network"])
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
        assert node(page, key[name], "grad") == format_number(tensor.grad.item())
    assert page.text(".cr-result") == f"loss = {format_number(loss.item())}"
    page.click("[data-do=reset]")
    assert node(page, key["x1"], "value") == "0.5"
    clean(page)


def test_dragging_a_slider(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["what_if"])
    assert page.text('.local[data-edge="3"] .of-local') == " = 5"
    page.run("document.querySelector('[data-leaf=\"1\"] input').focus()")
    page.press("ArrowRight")
    assert page.text(".cr-result") == "f = −20.04"
    assert (node(page, 1, "value"), node(page, 2, "grad")) == ("3.01", "5.01")
    assert page.text('.local[data-edge="3"] .of-local') == " = 5.01"
    label = page.run("document.querySelector('[data-node=\"3\"]').ariaLabel")
    assert label == "q equals x plus y, value 5.01, gradient minus 4"
    page.run("document.querySelector('[data-node=\"3\"]').focus()")
    page.press("ArrowLeft")
    assert page.run("document.activeElement.dataset.node") == "0"
    page.press("ArrowRight", "ArrowRight")
    assert page.run("document.activeElement.dataset.node") == "4"
    clean(page)


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
    clean(page)


def test_numbers_are_written_as_in_python(browser: Any, tmp_path: Path) -> None:
    rng = random.Random(3)
    numbers = [rng.uniform(-1, 1) * 10.0 ** rng.randint(-12, 12) for _ in range(800)]
    numbers += [0.0, -0.0, 1.0, -4.0, 0.5, 1234.5, 1235.5, 99999.99, 1e5, 1e-3, 9.9996e-4, 2 / 3]
    numbers += [1e300, 5e-324, 12345.0, 0.1 + 0.2, 0.125, 2.5e-7, -99995.0, float(np.float32(0.1))]
    path = tmp_path / "numbers.html"
    path.write_text(f"<script>{asset('numbers.js')}</script>", encoding="utf-8")
    page = browser.open(path)
    for precision in (2, 4, 6):
        written = page.run(f"{json.dumps(numbers)}.map(x => formatNumber(x, {precision}))")
        assert written == [format_number(x, precision) for x in numbers]
    assert page.run("[NaN, Infinity, -Infinity].map(x => formatNumber(x))") == ["nan", "∞", "−∞"]
    page.close()


# -- how pages look and read ----------------------------------------------------------------------


def test_dark_mode_changes_colours(browser: Any, pages: dict[str, Path]) -> None:
    colours = {}
    for dark in (False, True):
        page = browser.open(pages["step"], dark=dark)
        colours[dark] = page.run(
            "['body', '.of-value', '.of-grad', '.cr-button', '.op', '.pill'].map(s => {"
            "const c = getComputedStyle(document.querySelector(s));"
            "return s.startsWith('.') && !s.includes('button') ? c.fill : c.backgroundColor; })"
        )
        clean(page)
    assert all(a != b for a, b in zip(colours[False], colours[True], strict=True))
    assert colours[True][0] == "rgb(21, 23, 28)"


def test_a_notebook_s_theme_wins(browser: Any, tmp_path: Path) -> None:
    f, names = lecture()
    shown = viz.step(f, names=names)._repr_html_()
    path = tmp_path / "night.html"
    body = f'<body data-jp-theme-light="false">{shown}</body>'
    path.write_text(f"<!doctype html><title>n</title>{body}", encoding="utf-8")
    page = browser.open(path)
    ink = "getComputedStyle(document.querySelector('.cr-button')).color"
    assert page.run(ink) == "rgb(232, 234, 237)"
    clean(page)


def test_without_scripts_the_figure_is_complete(browser: Any, pages: dict[str, Path]) -> None:
    for name in ("step", "what_if"):
        page = browser.open(pages[name], scripts=False)
        tree = page.send("Accessibility.getFullAXTree")["nodes"]
        said = [n.get("name", {}).get("value", "") for n in tree]
        assert not any(n.get("role", {}).get("value") in {"button", "slider"} for n in tree)
        assert "f = (x + y)·z" in said
        assert page.send("DOM.getDocument")
        clean(page)


def test_nodes_can_be_reached_and_read(browser: Any, pages: dict[str, Path]) -> None:
    page = browser.open(pages["step"])
    page.press("End")
    labels = page.run("[...document.querySelectorAll('[data-node]')].map(n => n.ariaLabel)")
    assert labels == [
        "x, value 2, gradient minus 4",
        "y, value 3, gradient minus 4",
        "z, value minus 4, gradient 5",
        "q equals x plus y, value 5, gradient minus 4",
        "f equals q times z, value minus 20, gradient 1",
    ]
    page.run("document.querySelector('[data-node=\"0\"]').focus()")
    reached = []
    for _ in range(4):
        page.press("Tab")
        reached.append(page.run("document.activeElement.dataset.node"))
    assert reached == ["1", "2", "3", "4"]
    page.press("ArrowUp")
    assert page.run("document.activeElement.dataset.node") == "3"
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    clean(page)


def test_targets_are_large_enough(browser: Any, pages: dict[str, Path]) -> None:
    for name in ("network", "what_if_network"):
        page = browser.open(pages[name])
        page.run("document.querySelector('[data-do=predict]')?.click()")
        small = page.run(
            "const all = document.querySelectorAll('button, input, summary, [tabindex=\"0\"]');"
            "[...all].filter(e => {"
            "const r = e.getBoundingClientRect();"
            "return r.width && (r.width < 24 || r.height < 24);"
            "}).map(e => e.outerHTML.slice(0, 80))"
        )
        assert small == []
        clean(page)


@pytest.mark.skipif(
    importlib.util.find_spec("axe_core_python") is None, reason="axe-core-python is not installed"
)
def test_axe_finds_nothing_serious(browser: Any, pages: dict[str, Path]) -> None:
    found = importlib.util.find_spec("axe_core_python")
    assert found is not None
    assert found.origin is not None
    axe = (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")
    runs = [("draw", False, ""), ("explain", False, ""), ("doubled", False, "predict"),
            ("step", False, "last"), ("what_if", False, ""), ("doubled", True, "predict"),
            ("what_if", True, "")]  # fmt: skip
    for name, dark, action in runs:
        page = browser.open(pages[name], dark=dark)
        page.run(axe + "; 0")
        page.run(f"document.querySelector('[data-do={action or 'none'}]')?.click()")
        only = "runOnly: ['color-contrast']," if dark else ""  # the rest is the same by night
        result = page.run(
            f"axe.run(document, {{{only} resultTypes: ['violations']}}).then(r => [r.passes.length,"
            "r.violations.map(v => [v.impact, v.id, v.nodes.map(n => n.html.slice(0, 120))])])"
        )
        assert result[0] > 0
        assert [v for v in result[1] if v[0] in {"serious", "critical"}] == [], (name, action)
        page.close()
