"""`draw`: pictures of recorded programs show what the engine computed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz import Absent, Picture, Summary, graphviz_backend

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


# -- rules on edges -------------------------------------------------------------------------------


def local_rules(y: Any) -> list[str]:
    edges = viz.draw(y, names={}).picture.edges
    return [edge.local.rule if edge.local else "" for edge in edges]


def test_arguments_given_as_a_list_show_their_rules() -> None:
    a, b = leaf(2.0), leaf([[1.0, 2.0]])
    assert local_rules(cr.stack([a, a * 2])) == ["2", "", "select(∂out)", "select(∂out)"]
    assert local_rules(cr.cat([b, b, cr.zeros(1, 2)])) == ["narrow(∂out)", "narrow(∂out)", ""]
    assert viz.explain(cr.cat([b, b]).sum(), b).picture.edges[0].local is not None


def test_results_of_several_say_which_part_they_are() -> None:
    first, second = leaf([1.0, 2.0]).split(1)
    assert local_rules(first) == ["cat(∂out, 0)"]
    assert local_rules(second) == ["cat(0, ∂out)"]


def test_what_cannot_be_read_is_the_transposed_jacobian() -> None:
    q = cr.linalg.qr(leaf([[1.0, 2.0], [3.0, 5.0]])).Q
    assert local_rules(q) == ["Jᵀ ∂out"]


def test_an_array_has_no_single_number_as_its_local_derivative() -> None:
    x, w = leaf(2.0), leaf([1.0, 3.0])
    edge = viz.draw((x * w).sum(), names={}).picture.edges[0]
    assert edge.local is not None
    assert (edge.local.rule, edge.local.number) == ("Σ ∂v3·v2", Absent.NOT_COMPUTED)


@pytest.mark.parametrize(
    ("shape", "rule", "axes"),
    [
        ((4,), "Σ₀ ∂z", (0,)),
        ((3, 1), "Σ₁ ∂z", (1,)),
        ((1, 1), "Σ ∂z", (0, 1)),
        ((), "Σ ∂z", (0, 1)),
        ((3, 4), "1", None),
    ],
)
def test_where_an_argument_was_broadcast_the_rule_sums(
    shape: tuple[int, ...], rule: str, axes: tuple[int, ...] | None
) -> None:
    x, b = cr.ones(3, 4).requires_grad_(), cr.ones(shape).requires_grad_()
    z = x + b
    drawn = viz.draw(z.sum(), names={"x": x, "b": b, "zz": z})
    local = drawn.picture.edges[1].local
    assert local is not None
    rule = rule.replace("∂z", "∂zz")
    assert (local.rule, local.summed) == (rule, axes)
    assert ("Σ: summed where an argument was broadcast" in drawn.svg()) == (axes is not None)
    assert ("axes along which its argument was broadcast" in drawn.text()) == (axes is not None)
    said = "" if axes is None else f"axes {axes[0]}, {axes[1]}" if axes[1:] else f"axis {axes[0]}"
    explained = viz.explain(z.sum(), b, names={"b": b}).text()
    played = viz.step(z.sum(), names={"b": b}).html()
    for text in (explained, played):
        assert (f"summed over {said}: b was broadcast" in text) == (axes is not None)


def test_a_bias_and_a_batch_of_products_are_summed() -> None:
    x, w, b = cr.ones(5, 3), leaf(np.ones((2, 3))), leaf(np.ones(2))
    assert local_rules(cr.nn.functional.linear(x.double(), w, b)) == [
        "",
        "∂outᵀ v3",
        "Σ₀ ∂out",
    ]
    batch, shared = leaf(np.ones((6, 2, 3))), leaf(np.ones((1, 3, 4)))
    assert local_rules(batch @ shared) == ["∂out v2ᵀ", "Σ₀ v1ᵀ ∂out"]


def test_arguments_that_were_not_given_are_not_written() -> None:
    scores, target = leaf(np.zeros((2, 3))), cr.tensor([0, 2])
    loss = cr.nn.functional.nll_loss(scores, target)
    picture = viz.draw(loss, names={"x": scores, "t": target, "L": loss}).picture
    assert picture.title == "L = nll_loss(x, t)"
    assert [e.local.rule for e in picture.edges if e.local] == ["onehot(−L̄/2, t)"]
    plain = cr.nn.functional.linear(cr.ones(4, 3), leaf(np.ones((2, 3))).float())
    node = viz.draw(plain, names={}).picture.nodes[-1]
    assert (node.expression.count(","), node.tex.count("+")) == (1, 0)


def test_at_a_tie_the_rule_that_runs_is_shown() -> None:
    x = leaf(2.0)
    assert local_rules(cr.maximum(x, x * 0.5))[-1] == "[v2 > v1]"
    tied = viz.draw(cr.maximum(x, x.clone()), names={}).picture.edges[-1].local
    assert tied is not None
    assert tied.number == 0.5
    assert "0.5" in tied.rule


# -- edits ----------------------------------------------------------------------------------------


def test_edited_numbers_keep_the_value_that_was_used() -> None:
    x = leaf(3.0)
    a = x * 2
    b = a + 1
    a.mul_(10)
    values = {n.name: n.value for n in viz.draw(a, b, names={"a": a, "b": b}).picture.nodes}
    assert (values["a"], values["b"]) == (60.0, 7.0)
    assert 6.0 in values.values()


def test_an_edit_through_a_view_is_drawn() -> None:
    x = leaf(3.0)
    a = x * 2
    a.view(1)[0] = x
    assert viz.draw(a, names={}).picture.nodes[-1].value == 3.0
    a.T.mul_(0.5)
    assert viz.draw(a, names={}).picture.nodes[-1].value == 1.5


def test_watch_sees_an_indexed_assignment_after_it_was_made() -> None:
    with cr.watch():
        a = leaf([1.0, 2.0]) * 1
        a[0] = 5.0
    value = viz.draw(a, names={}).picture.nodes[-1].value
    assert isinstance(value, Summary)
    assert value.elements == (5.0, 2.0)


def test_numbers_read_from_an_array_are_kept() -> None:
    data, w = cr.tensor([0.5, 1.5], dtype=cr.float64), leaf(2.0)
    loss = w * data[0] + w * data[1]
    values = [n.value for n in viz.draw(loss, names={}).picture.nodes]
    assert 0.5 in values
    assert 1.5 in values


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


def test_backward_arrows_on_request() -> None:
    _, _, _, _, f = lecture_program()
    plain, both = viz.draw(f), viz.draw(f, show=("value", "grad", "local", "backward"))
    assert (plain.svg().count('class="dash"'), both.svg().count('class="dash"')) == (0, 4)
    assert "dashed: the way back" in both.svg()
    assert both.dot().count("style=dashed") == 4
    assert both.text() == plain.text()
    assert 'class="dash"' in viz.draw(f, show="backward", direction="TB").svg()


def test_models_and_captured_programs_are_run_and_drawn() -> None:
    model, data = cr.nn.Sequential(cr.nn.Linear(3, 2), cr.nn.Tanh()), cr.ones(4, 3)
    state = cr.get_rng_state()
    drawing = viz.draw(model, data)
    assert [group.title for group in drawing.picture.groups] == ["0", "1"]
    assert {n.name for n in drawing.picture.nodes} == {"data", "0.weight", "0.bias", "v1", "out"}
    assert model[0].weight.grad is None
    assert bool((cr.get_rng_state() == state).all())
    graph = cr.capture(lambda a, b: (a * b, a.exp()), cr.tensor(2.0), cr.tensor(3.0))
    nodes = viz.draw(graph, cr.tensor(2.0), cr.tensor(3.0)).picture.nodes
    assert [(n.name, n.output) for n in nodes] == [
        ("a", False), ("b", False), ("c", True), ("d", True)
    ]  # fmt: skip
    assert nodes[0].grad == pytest.approx(3.0 + math.exp(2.0))


def test_complex_and_mapped_values_show_no_wrong_number() -> None:
    z = cr.tensor(1 + 2j, requires_grad=True)
    w = (z * z.conj()).real
    numbers = [e.local.number for e in viz.draw(w).picture.edges if e.local is not None]
    assert numbers == [Absent.NOT_COMPUTED] * 4
    assert "1+2i" in viz.draw(w).text()
    x = cr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = cr.func.vmap(lambda t: t * t)(x).sum()
    nodes = viz.draw(y).picture.nodes
    inside = next(n for n in nodes if n.op == "×")
    assert isinstance(inside.value, Summary)
    assert inside.value.elements == (1.0, 4.0, 9.0)
    assert isinstance(nodes[0].grad, Summary)
    assert nodes[0].grad.elements == (2.0, 4.0, 6.0)


def test_a_closed_module_called_twice_shows_two_calls() -> None:
    relu, first, second = cr.nn.ReLU(), cr.nn.Linear(2, 2), cr.nn.Linear(2, 2)

    class Net(cr.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu, self.first, self.second = relu, first, second

        def forward(self, x: Any) -> Any:
            return self.relu(self.second(self.relu(self.first(x))))

    net = Net()
    with cr.watch():
        y = net(cr.ones(1, 2))
    picture = viz.draw(y, depth=0).picture
    order = [node.op for node in picture.nodes if node.op]
    assert order == ["Linear(2, 2)", "ReLU", "Linear(2, 2)", "ReLU"]
    chain = [key for key, node in picture.by_key().items() if node.op]
    pairs = [(e.source, e.target) for e in picture.edges if e.source in chain]
    assert pairs == list(itertools.pairwise(chain))


def test_what_a_module_makes_for_itself_stands_inside_it() -> None:
    net = cr.nn.Sequential(cr.nn.Linear(4, 4), cr.nn.Dropout(0.5))

    class Halves(cr.nn.Module):
        def forward(self, x: Any) -> Any:
            a, b = x.split(2, 1)
            return a * b

    net.append(Halves())
    x = cr.ones(1, 4)
    with cr.watch():
        y = net(x)
    picture = viz.draw(y).picture
    outside = [node.name for node in picture.nodes if node.group is None]
    assert outside == ["x"]
    assert all("split(2, 1)" in n.line for n in picture.nodes if n.op.startswith("split"))
