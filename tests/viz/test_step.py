"""`step`: the player's frames hold the engine's numbers, in the engine's order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import viz
from chainrule.viz import Absent, Summary
from chainrule.viz.mistakes import Arrival, ask_backward, near
from chainrule.viz.paths import count_routes
from chainrule.viz.wrong_order import naive_visits

Golden = Callable[[str, str], None]
UNARY = ["sin", "cos", "tanh", "sigmoid"]
BINARY = ["add", "sub", "mul", "maximum"]


def leaf(value: Any, **more: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True, **more)


def lecture() -> Any:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    f = q * z
    return viz.step(f, names={"x": x, "y": y, "z": z, "q": q, "f": f})


def doubled() -> tuple[Any, Any]:
    a = leaf(1.0)
    b = a + a
    c = b + b
    return a, viz.step(c, names={"a": a, "b": b, "c": c})


def final(frames: Any, field: str) -> dict[int, Any]:
    """What the frames leave behind at each node."""
    state: dict[int, Any] = {}
    for frame in frames:
        for key, change in frame.changes.items():
            if field in change:
                state[key] = change[field]
    return state


def test_lecture_goldens(golden: Golden) -> None:
    player = lecture()
    golden("lecture_step.txt", player.text())
    golden("lecture_step.svg", player.svg())
    golden("lecture_step.json", player.json())
    golden("lecture_step.html", player.html())


def test_the_walk_of_the_lecture() -> None:
    player = lecture()
    assert [frame.phase for frame in player.frames] == [
        "given", "forward", "forward", "backward", "backward", "backward", "backward", "backward",
        "end",
    ]  # fmt: skip
    assert [f.sum_text() for f in player.frames[1:8]] == [
        "q = x + y = 2 + 3 = 5",
        "f = q·z = 5·(−4) = −20",
        "∂f/∂f = 1",
        "1 × (−4) = −4",
        "1 × 5 = 5",
        "−4 × 1 = −4",
        "−4 × 1 = −4",
    ]
    assert final(player.frames, "value") == {0: 2.0, 1: 3.0, 2: -4.0, 3: 5.0, 4: -20.0}
    assert final(player.frames, "grad") == {0: -4.0, 1: -4.0, 2: 5.0, 3: -4.0, 4: 1.0}


def test_second_arrivals_are_added() -> None:
    x, w = leaf(3.0), leaf(2.0)
    y = x * w - x
    player = viz.step(y, names={"x": x, "w": w, "y": y})
    sums = [f.sum_text() for f in player.frames if f.arrivals.get(0) == (2, 2)]
    assert sums == ["1 × 2 = 2     −1 + 2 → 1"]
    counts = [f.arrivals[0] for f in player.frames if 0 in f.arrivals]
    assert counts == [(1, 2), (2, 2)]


def test_backward_goes_by_creation_latest_first() -> None:
    x = leaf(0.5)
    a = x.sin()
    b = a * x
    c = b + a
    player = viz.step(c * b, names={})
    edges = [player.picture.edges[f.edge].target for f in player.frames if f.edge is not None]
    assert edges == sorted(edges, reverse=True)


def test_every_node_waits_for_all_arrivals() -> None:
    x = leaf(0.5)
    a = x.sin()
    b = a * x
    player = viz.step((b + a) * b + x, names={})
    complete = {key for f in player.frames for key, (n, of) in f.arrivals.items() if n == of}
    waiting: set[int] = set()
    for frame in player.frames:
        if frame.edge is not None:
            assert player.picture.edges[frame.edge].target not in waiting
        for key, (n, of) in frame.arrivals.items():
            (waiting.discard if n == of else waiting.add)(key)
    assert complete == {key for f in player.frames for key in f.arrivals}


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[float], list[tuple[str, int, int]]]:
    leaves = draw(st.lists(st.floats(0.3, 2.0), min_size=1, max_size=3))
    steps = []
    for i in range(draw(st.integers(1, 7))):
        choice = st.integers(0, len(leaves) + i - 1)
        steps.append((draw(st.sampled_from(UNARY + BINARY)), draw(choice), draw(choice)))
    return leaves, steps


def execute(leaves: list[Any], steps: list[tuple[str, int, int]]) -> Any:
    values = list(leaves)
    for name, a, b in steps:
        operands = [values[a]] if name in UNARY else [values[a], values[b]]
        values.append(getattr(cr, name)(*operands))
    return values[-1]


@given(programs())
def test_frames_end_at_the_engine_s_numbers(
    program: tuple[list[float], list[tuple[str, int, int]]],
) -> None:
    numbers, steps = program
    leaves = [leaf(v) for v in numbers]
    y = execute(leaves, steps)
    names = {f"x{i}": t for i, t in enumerate(leaves)}
    player = viz.step(y, names=names)
    grads = final(player.frames, "grad")
    values = final(player.frames, "value")
    keys = {n.name: n.key for n in player.picture.nodes}
    for name, tensor in names.items():
        (engine,) = cr.autograd.grad(y, tensor, allow_unused=True, retain_graph=True)
        if engine is None:
            assert name not in keys
            continue
        assert grads[keys[name]] == pytest.approx(engine.item(), rel=1e-12, abs=1e-15)
    assert values[next(n.key for n in player.picture.nodes if n.output)] == y.item()
    for node in player.picture.nodes:
        assert grads.get(node.key, Absent.NO_ROUTE) == node.grad
    for frame in player.frames:
        if frame.question is None:
            continue
        changed = [q for change in frame.changes.values() for q in change.values()]
        assert frame.question.answer == pytest.approx(changed[0], rel=1e-12, abs=1e-15)
        assert frame.question.judge(frame.question.answer).right
        for mistake in frame.question.mistakes:
            assert not near(mistake.value, frame.question.answer)
            assert frame.question.judge(mistake.value).words == mistake.words
    root = next(n.key for n in player.picture.nodes if n.output)
    visits = naive_visits(player.picture, root)
    carrying = [e for e in player.picture.edges if e.local is not None]
    assert visits == sum(1 if e.target == root else count_routes(player.picture, e.target, root)
                            for e in carrying)  # fmt: skip


# -- mistakes -------------------------------------------------------------------------------------


def arrival(**more: Any) -> Any:
    """The leaf w had 0.5; now 0.42·2 arrives from v = w·x."""
    given: dict[str, Any] = {
        "source": "w",
        "target": "v",
        "of": "f",
        "gradient": 0.42,
        "local": 2.0,
    }
    given |= {"product": 0.84, "rule": "x", "before": 0.5, "siblings": (("x", 0.5),)}
    return ask_backward(Arrival(**{**given, **more}))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (0.84, "what arrives on this route alone"),
        (0.92, "The local derivative is missing"),
        (0.42, "The local derivative is missing"),
        (0.71, "the other operand's derivative, ∂v/∂x = 0.5"),
        (0.21, "the other operand's derivative"),
        (-0.34, "The sign is wrong: (0.42)·(2) = 0.84"),
        (-1.34, "The size is right, the sign is not"),
        (2.5, "the local derivative alone"),
        (2.92, "the factors multiply; only the routes add"),
        (0.5, "That is what w had"),
        (7.77, "Not that. Multiply ∂f/∂v by the local derivative ∂v/∂w"),
    ],
)
def test_mistakes_are_diagnosed(typed: float, words: str) -> None:
    question = arrival()
    assert question.judge(1.34).right
    verdict = question.judge(typed)
    assert not verdict.right
    assert words in verdict.words


def test_the_wrong_point_is_diagnosed() -> None:
    x = leaf(0.5)
    y = cr.tanh(x)
    player = viz.step(y, names={"x": x, "y": y})
    verdict = player.judge(3, 1 - 0.5**2)  # 1 − x² in place of 1 − y²
    assert "taken at the wrong point: take it at y = 0.4621" in verdict.words
    assert player.judge(3, 1 - np.tanh(0.5) ** 2).right


@pytest.mark.parametrize(
    ("typed", "words"),
    [(2.0, "order of the operands"), (2.5, "the sum; the ratio is asked for"), (-0.5, "sign")],
)
def test_forward_mistakes_are_diagnosed(typed: float, words: str) -> None:
    if typed == 2.5:
        typed = 3.0
    x, y = leaf(1.0), leaf(2.0)
    player = viz.step(x / y, names={"x": x, "y": y})
    assert player.judge(1, 0.5).right
    assert words in player.judge(1, typed).words


def test_frames_without_a_question_say_so() -> None:
    with pytest.raises(ValueError, match="asks for no number"):
        lecture().judge(0, 1.0)


# -- the wrong order ------------------------------------------------------------------------------


def test_plain_recursion_gives_the_wrong_total() -> None:
    a, player = doubled()
    last = player.wrong_order[-1]
    assert final(player.frames, "grad")[0] == 4.0
    assert final(player.wrong_order, "grad")[0] == 6.0
    assert last.wrong == {0: 4.0}
    assert last.sum_text() == "a: 6, right is 4"
    (engine,) = cr.autograd.grad(a + a, a)
    assert engine.item() == 2.0


def recursion(picture: Any, key: int, grads: dict[int, float]) -> None:
    """The learner's `_backward`, as it is written in the threads about it."""
    for edge in picture.edges:
        if edge.target == key and edge.local is not None:
            grads[edge.source] = grads.get(edge.source, 0.0) + grads[key] * edge.local.number
            recursion(picture, edge.source, grads)


def test_the_wrong_order_is_what_recursion_does() -> None:
    x = leaf(0.7)
    a = x * x
    b = a.sin() + a
    player = viz.step(b * a, names={"x": x})
    root = next(n.key for n in player.picture.nodes if n.output)
    grads = {root: 1.0}
    recursion(player.picture, root, grads)
    assert final(player.wrong_order, "grad") == pytest.approx(grads)
    assert not near(grads[0], player.picture.nodes[0].grad)


def test_where_the_order_does_not_matter_there_is_no_replay() -> None:
    assert lecture().wrong_order == ()
    x, w = leaf(0.5), leaf(2.0)
    assert viz.step(x.tanh() * w + x / w).wrong_order == ()  # shared leaves pass nothing on


def test_endless_recursion_is_cut() -> None:
    y = leaf(1.0)
    for _ in range(20):
        y = y + y
    player = viz.step(y)
    assert len(player.wrong_order) < 300
    assert "plain recursion forms 2097150 products, the right order 40" in (
        player.wrong_order[-1].caption
    )


# -- what can be played ---------------------------------------------------------------------------


def test_arrays_are_summed_up() -> None:
    w = leaf(np.linspace(-1, 1, 6).reshape(3, 2))
    x = cr.tensor(np.arange(12.0).reshape(4, 3) / 7)
    h = cr.tanh(x @ w)
    loss = (h * h).mean()
    player = viz.step(loss, names={"w": w, "x": x, "h": h, "loss": loss})
    grads = final(player.frames, "grad")
    key = {n.name: n.key for n in player.picture.nodes}
    (engine,) = cr.autograd.grad(loss, w)
    assert isinstance(grads[key["w"]], Summary)
    assert grads[key["w"]].norm == pytest.approx(float(np.linalg.norm(engine.numpy())))
    assert any("Xᵀ" in f.sum_text() or "xᵀ" in f.sum_text() for f in player.frames)
    assert player.wrong_order == ()
    counts = [f.arrivals[key["h"]] for f in player.frames if key["h"] in f.arrivals]
    assert counts == [(1, 2), (2, 2)]


def test_results_of_split_are_followed() -> None:
    x = leaf([1.0, 2.0, 3.0])
    a, b, _ = x.split(1)
    player = viz.step((a * b).sum(), names={"x": x, "a": a, "b": b})
    assert final(player.frames, "grad")[0].elements == (2.0, 1.0, 0.0)


def test_captured_graphs_and_models_are_played() -> None:
    graph = cr.capture(lambda x, y: x * y + x, leaf(2.0), leaf(3.0))
    player = viz.step(graph, 2.0, leaf(3.0))
    grads = {n.name: final(player.frames, "grad")[n.key] for n in player.picture.nodes}
    assert grads == {"a": 4.0, "b": 2.0, "c": 1.0, "d": 1.0}
    model = cr.nn.Sequential(cr.nn.Linear(2, 1), cr.nn.Tanh())
    assert viz.step(model, cr.ones(1, 2)).frames[-1].phase == "end"
    with pytest.raises(TypeError, match=r"step\(graph, …\) needs the graph's inputs"):
        viz.step(graph, 2.0)
    with pytest.raises(TypeError, match="got float"):
        viz.step(2.0)
    with pytest.raises(TypeError, match="takes one tensor"):
        viz.step(leaf(1.0) * 2, 3.0)


def test_only_the_routes_to_wrt() -> None:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    f = (x + y) * z
    player = viz.step(f, wrt=z, names={"x": x, "y": y, "z": z, "f": f})
    assert final(player.frames, "grad").keys() >= {0}
    assert {n.name for n in player.picture.nodes} == {"z", "v1", "f"}
    assert player.frames[-1].sum_text().count("=") == len(
        [n for n in player.picture.nodes if not n.op and not isinstance(n.grad, Absent)]
    )


def test_large_graphs_are_refused_with_the_ways_out() -> None:
    y = leaf(0.5)
    for _ in range(200):
        y = cr.sin(y) * 1.1
    with pytest.raises(ValueError, match=r"Three ways out: step\(…, wrt=x\)"):
        viz.step(y)


def test_stepping_leaves_the_program_alone() -> None:
    x = leaf(3.0)
    y = x * x
    viz.step(y, names={})
    assert x.grad is None
    y.backward()
    assert viz.step(y, names={}).text() == viz.step(y, names={}).text()
    assert x.grad.item() == 6.0


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_not_finite_is_not_asked_for() -> None:
    x = leaf(0.0)
    player = viz.step(cr.log(x), names={"x": x})
    assert [f.question for f in player.frames if f.phase == "forward"] == [None]
    assert "NaN" not in player.html().partition("stepPlayer(host, {")[2]


# -- forms ----------------------------------------------------------------------------------------


def test_same_program_same_bytes() -> None:
    first, second = doubled()[1], doubled()[1]
    assert first.html() == second.html()
    assert first.svg() == second.svg()
    assert first.json() == second.json()


def test_the_page_needs_nothing_from_outside() -> None:
    page = lecture().html()
    assert "http://www.w3.org/2000/svg" in page
    assert page.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    assert "src=" not in page
    assert "@import" not in page


def test_without_scripts_all_is_there() -> None:
    page = doubled()[1].html()
    static = page.partition("<script>")[0]
    assert "2 of 2 arrivals" in static
    assert "2 of 2" in page.partition("The same as text")[2]
    for part in ("cr-bar", "cr-say", "cr-ask"):
        assert "hidden>" in page.partition(f'class="{part}"')[2].partition("\n")[0]


def test_names_cannot_break_out_of_the_script() -> None:
    x = leaf(1.0, name="</script><b>")
    page = viz.step(x * 2, names={}).html()
    assert page.count("</script>") == 1
    assert "<b>" not in page


@pytest.mark.parametrize("suffix", ["html", "svg", "txt", "json", "dot"])
def test_save(tmp_path: Path, suffix: str) -> None:
    path = lecture().save(tmp_path / f"walk.{suffix}")
    assert path.stat().st_size > 100
    if suffix == "json":
        frames = json.loads(path.read_text(encoding="utf-8"))["frames"]
        assert frames[4]["arrivals"] == {"3": [1, 1]}
        assert frames[4]["changes"] == {"3": {"grad": -4.0}}


def test_the_notebook_gets_the_player() -> None:
    shown = lecture()._repr_html_()
    assert shown.startswith('<div class="cr-live cr-step')
    assert 'data-page="1"' not in shown
