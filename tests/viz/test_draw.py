"""`draw`: pictures of recorded programs show what the engine computed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import viz
from chainrule.viz import Absent, Picture, Summary, graphviz_backend
from chainrule.viz.paths import count_routes, list_routes

Golden = Callable[[str, str], None]


def leaf(value: Any, **more: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True, **more)


def lecture_program() -> tuple[Any, Any, Any, Any, Any]:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    f = q * z
    return x, y, z, q, f


def test_the_lecture_figure_is_the_one_drawn_by_hand(lecture: Picture, golden: Golden) -> None:
    x, y, z, q, f = lecture_program()
    drawing = viz.draw(f)
    assert drawing.picture == lecture
    golden("lecture.svg", drawing.svg())
    golden("lecture.txt", drawing.text())
    golden("lecture.dot", drawing.dot())
    golden("lecture.html", drawing.html())
    assert (x.name, y.name, z.name, q.name) == (None,) * 4  # drawing names nothing for good


def test_drawing_leaves_the_program_alone() -> None:
    x, _, z, _, f = lecture_program()
    before = viz.draw(f, names={})
    assert x.grad is None
    f.backward()
    assert (x.grad.item(), z.grad.item()) == (-4.0, 5.0)
    assert viz.draw(f, names={}).picture == before.picture  # saved values are gone, numbers stay
    assert (x.grad.item(), z.grad.item()) == (-4.0, 5.0)


def test_accumulated_gradients_are_noted() -> None:
    x, _, _, _, f = lecture_program()
    f.backward(retain_graph=True)
    f.backward()
    notes = {n.name: n.notes for n in viz.draw(f).picture.nodes}
    assert notes["x"] == (".grad holds −8: it adds up over backward calls",)
    assert x.grad.item() == -8.0


def test_a_value_used_twice_has_two_edges() -> None:
    x = leaf(3.0)
    y = x * x
    picture = viz.draw(y).picture
    assert [(e.source, e.target, e.slot) for e in picture.edges] == [(0, 1, 0), (0, 1, 1)]
    assert [e.local.number for e in picture.edges if e.local] == [3.0, 3.0]
    assert picture.nodes[0].grad == 6.0


def test_names_come_from_tensors_then_from_the_argument_then_from_variables() -> None:
    x, w = leaf(2.0), leaf(3.0, name="weight")
    several = [leaf(1.0), leaf(5.0)]
    y = x * w + several[1]
    assert {n.name for n in viz.draw(y).picture.nodes} == {"x", "weight", "v1", "several[1]", "y"}
    names = [n.name for n in viz.draw(y, names={"a": x, "result": y}).picture.nodes]
    assert names == ["a", "weight", "v1", "v2", "result"]
    clash = viz.draw(x * w, names={"weight": x}).picture
    assert len({n.name for n in clash.nodes}) == len(clash.nodes)


def test_constants_stand_by_themselves_or_in_the_operator() -> None:
    x = leaf(3.0)
    y = 2 * x - 1
    picture = viz.draw(y).picture
    assert [n.name for n in picture.nodes if n.kind == "constant"] == ["2", "1"]
    folded = viz.draw(y, fold_constants=True).picture
    assert [n.op for n in folded.nodes if n.op] == ["2 ×", "− 1"]
    assert not any(n.kind == "constant" for n in folded.nodes)
    for _ in range(30):
        y = y * 1.01
    assert not any(n.kind == "constant" for n in viz.draw(y).picture.nodes)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_missing_zero_and_broken_gradients_are_told_apart() -> None:
    x, c, z = leaf(0.0), cr.tensor(5.0, dtype=cr.float64), leaf(-2.0)
    y = cr.log(x) + c * cr.relu(z)
    grads = {n.name: n.grad for n in viz.draw(y).picture.nodes}
    assert grads["x"] == math.inf
    assert grads["c"] is Absent.NO_ROUTE
    assert grads["z"] == 0.0
    values = {n.name: n.value for n in viz.draw(y).picture.nodes}
    assert values["y"] == -math.inf


def test_wrt_keeps_the_routes() -> None:
    x, y, z, q, f = lecture_program()
    names = {"x": x, "y": y, "z": z, "q": q, "f": f}
    assert [n.name for n in viz.draw(f, wrt=z, names=names).picture.nodes] == ["z", "q", "f"]
    kinds = {n.name: n.op for n in viz.draw(f, wrt=[z], names=names).picture.nodes}
    assert kinds == {"z": "", "q": "", "f": "×"}
    with pytest.raises(ValueError, match="no tensor in wrt= is part of this graph"):
        viz.draw(f, wrt=leaf(1.0))


def test_several_outputs_and_one_inside_the_other() -> None:
    x = leaf(2.0)
    y = x * 3
    z = y.exp()
    picture = viz.draw(y, z).picture
    assert [n.name for n in picture.nodes if n.output] == ["y", "z"]
    assert picture.of == ""
    assert picture.nodes[0].grad == pytest.approx(3 + 3 * math.exp(6))


def test_arrays_keep_their_sums_when_values_were_let_go() -> None:
    x = cr.tensor(np.arange(12.0).reshape(4, 3) / 7)
    w = cr.tensor(np.linspace(-1, 1, 6).reshape(3, 2), requires_grad=True)
    loss = (cr.tanh(x @ w) ** 2).mean()
    for _ in range(2):  # before and after backward has dropped what was saved
        nodes = {n.name: n for n in viz.draw(loss).picture.nodes}
        hidden = np.tanh(x.numpy() @ w.detach().numpy())
        assert isinstance(nodes["v2"].value, Summary)
        assert nodes["v2"].value.norm == pytest.approx(float(np.linalg.norm(hidden)), rel=1e-6)
        (g,) = cr.autograd.grad(loss, w, retain_graph=True) if w.grad is None else (w.grad,)
        assert isinstance(nodes["w"].grad, Summary)
        assert nodes["w"].grad.norm == pytest.approx(float(np.linalg.norm(g.numpy())), rel=1e-6)
        if w.grad is None:
            loss.backward()


def test_edited_leaves_are_not_shown_with_their_new_value() -> None:
    w = cr.tensor(np.ones(8), requires_grad=True)
    loss = (w * w).sum()
    loss.backward()
    with cr.no_grad():
        w -= 0.1 * w.grad
    node = viz.draw(loss).picture.nodes[0]
    assert node.value is Absent.NOT_KEPT
    assert isinstance(node.grad, Summary)
    assert (node.grad.minimum, node.grad.maximum) == (2.0, 2.0)  # from .grad, and said so:
    assert any("edited in place" in n and "what .grad holds" in n for n in node.notes)
    w.grad = None
    assert viz.draw(loss).picture.nodes[0].grad is Absent.NOT_KEPT


def test_watch_keeps_the_user_s_line() -> None:
    x = leaf(2.0)
    with cr.watch():
        y = cr.sin(x)
    assert "y = cr.sin(x)" in viz.draw(y).picture.nodes[-1].line


def test_results_of_split_show_where_they_come_from() -> None:
    x = leaf([1.0, 2.0, 3.0])
    a, b, _ = x.split(1)
    y = (a * b).sum()
    drawing = viz.draw(y)
    assert "y = Σ(split(x)[0]·split(x)[1])" in drawing.text()
    assert drawing.picture.nodes[0].grad.elements == (2.0, 1.0, 0.0)


def test_functions_of_users_are_drawn() -> None:
    class Cube(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    x = leaf(2.0)
    y = Cube.apply(x) * 2
    picture = viz.draw(y).picture
    assert picture.nodes[0].grad == 24.0
    assert picture.edges[0].local is not None
    assert picture.edges[0].local.number == 12.0


def test_large_graphs_list_but_do_not_draw() -> None:
    x = leaf(0.5)
    y = x
    for _ in range(2500):
        y = cr.sin(y) + 0.1
    drawing = viz.draw(y)
    assert len(drawing.text().splitlines()) > 5000
    with pytest.raises(ValueError, match="Three ways out"):
        drawing.svg()


@pytest.mark.parametrize("suffix", ["svg", "html", "txt", "dot", "json"])
def test_save(tmp_path: Path, suffix: str) -> None:
    x = leaf(2.0)
    drawing = viz.draw(x * x)
    path = drawing.save(tmp_path / f"figure.{suffix}")
    assert path.stat().st_size > 100
    if suffix == "svg":
        assert path.read_text(encoding="utf-8") == drawing.svg()


def test_save_png_through_graphviz(tmp_path: Path) -> None:
    if graphviz_backend.find_program() is None:
        pytest.skip("neither dot nor graphviz-pure is installed")
    x = leaf(2.0)
    assert viz.draw(x * x).save(tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_save_refuses_other_suffixes(tmp_path: Path) -> None:
    x = leaf(2.0)
    with pytest.raises(ValueError, match=r"cannot save as 'figure\.docx'"):
        viz.draw(x * x).save(tmp_path / "figure.docx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"show": ("values",)}, "show knows value, grad, local"),
        ({"theme": "solarized"}, "unknown theme"),
        ({"direction": "up"}, "direction is"),
        ({"layout": "neato"}, "layout is"),
        ({"depth": -1}, "depth is 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], message: str) -> None:
    x = leaf(2.0)
    with pytest.raises(ValueError, match=message):
        viz.draw(x * x, **arguments)


def test_what_cannot_be_drawn_says_so() -> None:
    with pytest.raises(RuntimeError, match="nothing was recorded for this tensor"):
        viz.draw(cr.tensor(2.0) * 3)
    with pytest.raises(TypeError, match="a picture is drawn of tensors, got float"):
        viz.draw(2.0)
    with pytest.raises(TypeError, match="at least one tensor"):
        viz.draw()


def test_import_chainrule_does_not_import_viz() -> None:
    import subprocess
    import sys

    program = "import chainrule, sys; print([m for m in sys.modules if 'chainrule.viz' in m])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout.strip() == b"[]"


# -- random scalar programs ---------------------------------------------------------------------

UNARY = ["sin", "cos", "tanh", "exp", "sigmoid", "square"]
BINARY = ["add", "sub", "mul", "div"]


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[float], list[tuple[str, int, int]]]:
    """Leaf values, and operations on values made before: shared, doubled, left unused."""
    leaves = draw(st.lists(st.floats(0.3, 2.0), min_size=1, max_size=3))
    steps = []
    for i in range(draw(st.integers(1, 8))):
        choice = st.integers(0, len(leaves) + i - 1)
        steps.append((draw(st.sampled_from(UNARY + BINARY)), draw(choice), draw(choice)))
    return leaves, steps


def execute(leaves: list[Any], steps: list[tuple[str, int, int]]) -> Any:
    values = list(leaves)
    for name, a, b in steps:
        if name in UNARY:
            inner = cr.tanh(values[a]) if name in {"exp", "square"} else values[a]
            values.append(getattr(cr, name)(inner))
        else:
            right = values[b] if name != "div" else cr.sigmoid(values[b])
            values.append(getattr(cr, name)(values[a], right))
    return values[-1]


@given(programs())
def test_the_picture_is_right(program: tuple[list[float], list[tuple[str, int, int]]]) -> None:
    numbers, steps = program
    leaves = [leaf(v) for v in numbers]
    y = execute(leaves, steps)
    picture = viz.draw(y, names={f"x{i}": t for i, t in enumerate(leaves)}).picture
    root = next(n for n in picture.nodes if n.output)
    check_structure(picture)
    grads = cr.autograd.grad(y, leaves, allow_unused=True, retain_graph=True)
    for i, engine in enumerate(grads):
        node = next((n for n in picture.nodes if n.name in {f"x{i}", f"x{i}_2"}), None)
        if engine is None:
            assert node is None
            continue
        assert node is not None
        routes = count_routes(picture, node.key, root.key)
        assert node.grad == pytest.approx(engine.item(), rel=1e-9, abs=1e-12)
        if routes <= 200:
            products = [r.product() for r in list_routes(picture, node.key, root.key, 1000)]
            assert len(products) == routes
            total = sum(p for p in products if p is not None)
            assert total == pytest.approx(engine.item(), rel=1e-6, abs=1e-9)


def check_structure(picture: Picture) -> None:
    """Each argument one edge; each local derivative a difference quotient of its operation."""
    nodes = picture.by_key()
    assert len({n.name for n in picture.nodes}) == len(picture.nodes)
    for key, edges in picture.arguments().items():
        node = nodes[key]
        assert [e.slot for e in edges] == list(range(len(edges)))
        two = node.op in {"+", "−", "×", "÷"}
        assert len(edges) == (0 if not node.op else 2 if two else 1)
        for edge in edges:
            assert edge.local is not None
            slope = quotient(node.op, [nodes[e.source].value for e in edges], edge.slot)
            assert edge.local.number == pytest.approx(slope, rel=1e-5, abs=1e-7)


def quotient(op: str, values: list[Any], slot: int) -> float:
    """A central difference of one operation, in plain Python."""
    rules: dict[str, Callable[..., float]] = {
        "+": lambda a, b: a + b,
        "−": lambda a, b: a - b,
        "×": lambda a, b: a * b,
        "÷": lambda a, b: a / b,
        "sin": math.sin,
        "cos": math.cos,
        "tanh": math.tanh,
        "exp": math.exp,
        "σ": lambda a: 1 / (1 + math.exp(-a)),
        "²": lambda a: a * a,
    }
    h = 1e-6 * max(1.0, abs(values[slot]))
    sides = []
    for step in (h, -h):
        moved = list(values)
        moved[slot] += step
        sides.append(rules[op](*moved))
    return (sides[0] - sides[1]) / (2 * h)


@given(programs())
def test_printed_rules_are_the_numbers_beside_them(
    program: tuple[list[float], list[tuple[str, int, int]]],
) -> None:
    numbers, steps = program
    leaves = [leaf(v) for v in numbers]
    picture = viz.draw(execute(leaves, steps), names={}).picture
    values = {n.name: n.value for n in picture.nodes}
    for edge in picture.edges:
        assert edge.local is not None
        assert evaluated(edge.local.rule, values) == pytest.approx(
            edge.local.number, rel=1e-9, abs=1e-12
        )


def evaluated(rule: str, values: dict[str, Any]) -> float:
    """A printed rule, read as Python."""
    python = rule.replace("·", "*").replace("−", "-").replace("²", "**2").replace("^", "**")
    scope = {"sin": math.sin, "cos": math.cos, "tanh": math.tanh, "exp": math.exp}
    return float(eval(python, {"__builtins__": {}}, {**scope, **values}))


@given(programs())
def test_same_program_same_bytes(
    program: tuple[list[float], list[tuple[str, int, int]]],
) -> None:
    numbers, steps = program
    drawn = [viz.draw(execute([leaf(v) for v in numbers], steps), names={}).svg() for _ in range(2)]
    assert drawn[0] == drawn[1]


# -- modules ------------------------------------------------------------------------------------


def test_closing_modules() -> None:
    from chainrule.viz.collapse import collapse

    groups = (viz.Group(0, "net"), viz.Group(1, "0", 0, "Linear(2, 2)"), viz.Group(2, "1", 0))
    nodes = (
        viz.Node(0, "input", "x"),
        viz.Node(1, "parameter", "w", group=1),
        viz.Node(2, "operation", "a", "@", group=1),
        viz.Node(3, "operation", "b", "+", group=1),
        viz.Node(4, "operation", "h", "relu", group=2),
        viz.Node(5, "operation", "loss", "Σ", output=True),
    )
    pairs = [(0, 2, 0), (1, 2, 1), (2, 3, 0), (0, 3, 1), (3, 4, 0), (4, 5, 0)]
    picture = Picture(nodes, tuple(viz.Edge(*pair) for pair in pairs), groups)
    one = collapse(picture, 1)
    assert [n.op for n in one.nodes] == ["", "Linear(2, 2)", "1", "Σ"]
    assert [(e.source, e.target) for e in one.edges] == [(0, 3), (3, 4), (4, 5)]
    assert one.nodes[1].notes == ("0: 2 operations, 1 parameter inside",)
    assert [g.title for g in one.groups] == ["net"]
    none = collapse(picture, 0)
    assert [n.op for n in none.nodes] == ["", "net", "Σ"]
    assert none.groups == ()
    assert collapse(picture, 5) == picture
    for closed, opened in itertools.pairwise([none, one, picture]):
        assert len(closed.nodes) < len(opened.nodes)
