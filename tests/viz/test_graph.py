"""`graph`: models as boxes inside boxes, in every state of folding; costs against known numbers."""

from __future__ import annotations

import json
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

import chainrule as cr
from chainrule import models, viz
from chainrule.viz.blocks import count_drawn, short_count
from chainrule.viz.costs import Cost, cost_of

nn = cr.nn
Golden = Callable[[str, str], None]


class Residual(nn.Module):
    """Two layers and a way round them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return x + self.second(self.first(x).relu())


class Net(nn.Module):
    """A tower of residual blocks; `width` of the head may be wrong."""

    def __init__(self, blocks: int = 3, head: int = 4) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(Residual(4) for _ in range(blocks)))
        self.head = nn.Linear(head, 2)

    def forward(self, images: Any) -> Any:
        return self.head(self.blocks(images))


def mlp() -> Any:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def drawn(graph: Any) -> list[str]:
    return [node.expression or node.name for node in graph.picture.nodes]


# -- what is drawn --------------------------------------------------------------------------------


def test_goldens_of_a_small_network(golden: Golden) -> None:
    picture = viz.graph(mlp(), cr.zeros(5, 4))
    golden("mlp_graph.svg", picture.svg())
    golden("mlp_graph.txt", picture.text())
    golden("mlp_graph.html", picture.html())
    golden("mlp_graph.dot", picture.dot())


def test_every_state_of_folding_as_data(golden: Golden) -> None:
    """Places of all nodes and frames, for each set of open modules."""
    graph = viz.graph(Net(1), cr.zeros(5, 4))
    keys = [block.key for block in graph.program.blocks]
    states = {}
    for count in range(len(keys) + 1):
        for opened in combinations(keys, count):
            if all(graph.program.blocks[k].parent in {None, *opened} for k in opened):
                place = graph._sheet.place(opened)
                states[str(list(opened))] = {
                    "nodes": {str(k): v for k, v in sorted(place.nodes.items())},
                    "closed": {str(k): v for k, v in sorted(place.closed.items())},
                    "frames": {str(k): v for k, v in sorted(place.frames.items())},
                    "size": [place.width, place.height],
                }
    golden("fold_states.json", json.dumps(states, indent=0) + "\n")


def test_the_same_program_gives_the_same_bytes() -> None:
    first, second = (viz.graph(mlp(), cr.zeros(5, 4)).html() for _ in range(2))
    assert first == second


def test_depth_counts_levels_and_takes_predicates() -> None:
    x = cr.zeros(2, 4)
    assert drawn(viz.graph(Net(2), x, depth=0)) == ["images", "Net", "output"]
    assert drawn(viz.graph(Net(2), x)) == ["images", "Sequential", "Linear(4, 2)", "output"]
    two = viz.graph(Net(2), x, depth=2)
    assert drawn(two) == ["images", "Residual", "Residual", "Linear(4, 2)", "output"]
    chosen = viz.graph(Net(2), x, depth=lambda path, module: path in {"blocks", "blocks.1"})
    assert drawn(chosen)[:2] == ["images", "Residual"]
    assert drawn(chosen).count("Linear(4, 4)") == 2
    opened = viz.graph(Net(2), x, depth=9, fold=["Residual"])
    assert drawn(opened) == drawn(two)
    assert drawn(viz.graph(Net(2), x, depth=9, fold=lambda path, _: path == "blocks")) == drawn(
        viz.graph(Net(2), x)
    )


def test_repeats_are_folded_only_when_asked() -> None:
    x = cr.zeros(2, 4)
    plain, folded = (viz.graph(Net(5), x, depth=2, repeat=r) for r in (False, True))
    assert "×" not in {b.title for b in plain.program.blocks}
    titles = [node.name for node in folded.picture.nodes]
    assert titles == ["images", "0 … 4 × 5", "head", "output"]
    counts = [(b.parameters, b.times) for b in folded.program.blocks if b.times > 1]
    assert counts == [(5 * 40, 5)]
    assert folded.program.title == plain.program.title  # costs count all five


def test_a_module_called_twice_is_two_boxes() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: Any) -> Any:
            return self.layer(self.layer(x).tanh())

    graph = viz.graph(Twice(), cr.zeros(1, 3))
    assert drawn(graph) == [
        "x",
        "layer.weight",
        "layer.bias",
        "Linear(3, 3)",
        "tanh",
        "Linear(3, 3)",
        "output",
    ]


def test_tensors_and_captured_programs() -> None:
    model, x = mlp(), cr.ones(5, 4)
    with cr.watch():
        loss = model(x).square().sum()
    loss.backward()
    graph = viz.graph(loss, show=["shape", "grad"])
    assert drawn(graph)[1:4] == ["Linear(4, 8)", "ReLU", "Linear(8, 2)"]
    assert graph.program.title == "loss"

    def run(t: Any) -> Any:
        return model(t).square().sum()

    captured = viz.graph(cr.capture(run, x))
    assert captured.picture.nodes[0].kind == "input"
    assert captured.svg()
    with pytest.raises(TypeError, match="captured Graph"):
        viz.graph(3)


def test_gradients_of_a_backward_call_inside_are_shown() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1, bias=False)

        def forward(self, x: Any) -> Any:
            loss = self.layer(x).sum()
            loss.backward()
            return loss

    graph = viz.graph(Inner(), cr.tensor([[3.0, 4.0]]), depth=lambda *_: True, show=["grad"])
    weight = next(step for step in graph.program.steps if step.label == "weight")
    assert weight.grad.elements == (3.0, 4.0)
    assert weight.grad.norm == pytest.approx(5.0)
    assert "[[3 4]]" in graph.svg()


def test_draw_shows_the_gradient_that_is_left_when_parameters_have_moved() -> None:
    model = nn.Linear(2, 1, bias=False)
    with cr.watch():
        loss = (model(cr.tensor([[3.0, 4.0]])).square()).sum()
    loss.backward()
    held = model.weight.grad.norm().item()
    cr.optim.SGD(model.parameters(), lr=0.5).step()
    weight = next(n for n in viz.draw(loss).picture.nodes if n.name == "weight")
    assert isinstance(weight.grad, viz.Summary)
    assert weight.grad.norm == pytest.approx(held)


# -- a forward pass that raises -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "op", "shapes"),
    [
        (lambda h, x: h @ x, "matmul", ["5×8", "5×4"]),
        (lambda h, x: h + x, "add", ["5×8", "5×4"]),
        (lambda h, x: cr.cat([h, x], 0), "cat", ["5×8", "5×4"]),
        (lambda h, x: nn.functional.conv2d(h, x), "conv2d", ["5×8", "5×4"]),
    ],
    ids=["matmul", "add", "cat", "conv2d"],
)
def test_the_failing_operation_is_marked(
    f: Callable[[Any, Any], Any], op: str, shapes: list[str]
) -> None:
    class Failing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 8)

        def forward(self, x: Any) -> Any:
            return f(self.layer(x), x)

    graph = viz.graph(Failing(), cr.zeros(5, 4))
    assert graph.failure is not None
    assert graph.failure.op == op
    failed = graph.program.steps[-1]
    sources = [graph.program.steps[k].shape for k in failed.sources]
    assert ["×".join(map(str, s)) for s in sources] == shapes
    assert "test_graph.py" in graph.failure.line
    assert f"{op} failed" in graph.svg()
    assert graph.failure.sentence in graph.text()


def test_a_failure_opens_the_modules_around_it() -> None:
    graph = viz.graph(Net(2, head=7), cr.zeros(5, 4))
    svg = graph.svg()
    assert "linear failed" in svg
    assert "mat1 and mat2 shapes cannot be multiplied" in svg
    assert "the forward pass stopped at linear, called at" in graph.text()


def test_the_models_state_is_left_alone() -> None:
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    cr.manual_seed(3)
    expected = cr.rand(2)
    cr.manual_seed(3)
    viz.graph(model, cr.randn(6, 4) * 9)
    cr.manual_seed(3)
    viz.graph(model, cr.ones(6, 4) * 9)
    assert bool((cr.rand(2) == expected).all())
    assert all(bool((model.state_dict()[k] == v).all()) for k, v in before.items())


# -- places ---------------------------------------------------------------------------------------


def boxes_of(graph: Any, opened: set[int]) -> dict[str, tuple[float, float, float, float]]:
    sheet, place = graph._sheet, graph._sheet.place(opened)
    found = {}
    for marks, places in ((sheet.marks, place.nodes), (sheet.closed, place.closed)):
        for key, (x, y) in places.items():
            box = marks[key].box
            name = f"{'node' if marks is sheet.marks else 'closed'} {key}"
            found[name] = (x - box.low, y, x + box.high, y + box.length)
    return found


@pytest.mark.parametrize("seed", range(6))
def test_nothing_overlaps_in_any_state(seed: int) -> None:
    import random

    rng = random.Random(seed)
    graph = viz.graph(models.resnet18().eval(), cr.zeros(1, 3, 32, 32))
    opened = {b.key for b in graph.program.blocks if rng.random() < 0.5}
    boxes = boxes_of(graph, opened)
    for (a, one), (b, two) in combinations(boxes.items(), 2):
        apart = (
            one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
        )  # fmt: skip
        assert apart, f"{a} and {b} overlap"
    place = graph._sheet.place(opened)
    for x, y, width, height in place.frames.values():
        for box in boxes.values():
            inside = x <= box[0] and box[2] <= x + width and y <= box[1] and box[3] <= y + height
            outside = box[2] <= x or x + width <= box[0] or box[3] <= y or y + height <= box[1]
            assert inside or outside


# -- scale ----------------------------------------------------------------------------------------


def test_resnet_50_and_its_known_cost() -> None:
    model, x = models.resnet50().eval(), cr.zeros(1, 3, 224, 224)
    start = time.perf_counter()
    graph = viz.graph(model, x)
    page = graph.html()
    assert time.perf_counter() - start < 30
    assert "ResNet: 25\u2009557\u2009032 parameters, 4\u2009089\u2009184\u2009256" in page
    assert len(page.encode()) < 1_000_000
    ET.fromstring(graph.svg())
    everything = viz.graph(model, x, depth=lambda *_: True)
    assert 100 < len(everything.picture.nodes) <= 300
    assert len(everything._repr_html_().encode()) < 1_000_000
    assert "were closed to keep the drawing below 300 nodes" in everything.svg()
    assert len(everything.html().encode()) < 1_000_000


def test_a_gpt_of_twelve_blocks() -> None:
    model = models.GPT(n_layer=12, n_head=4, n_embd=32, vocab_size=50, n_positions=64)
    graph = viz.graph(model, cr.zeros(1, 16).long(), depth=2, repeat=True)
    assert any("× 12" in node.name for node in graph.picture.nodes)
    deep = viz.graph(model, cr.zeros(1, 16).long(), depth=9)
    assert count_drawn(deep.program, deep.opened) <= 300
    assert len(deep.html().encode()) < 1_000_000


def test_too_many_nodes_are_refused_with_the_ways_out() -> None:
    x = cr.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5_100):
        y = y * 1.0001
    graph = viz.graph(y)
    with pytest.raises(ValueError, match="Three ways out"):
        graph.svg()
    assert graph.text().count("\n") > 5_100


# -- costs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "shapes", "out", "params", "expected"),
    [
        ("linear", [(32, 784), (100, 784), (100,)], (32, 100), {}, 32 * 784 * 100),
        ("matmul", [(8, 2, 3), (3, 4)], (8, 2, 4), {}, 8 * 2 * 3 * 4),
        ("convolution", [(1, 3, 224, 224), (64, 3, 7, 7)], (1, 64, 112, 112), {}, 118_013_952),
        ("convolution", [(1, 8, 9), (8, 1, 3)], (1, 8, 7), {}, 8 * 7 * 3),  # depthwise
        ("convolution_input", [(2, 4, 5, 5), (4, 6, 3, 3)], (2, 6, 7, 7), {}, 2 * 4 * 25 * 6 * 9),
        ("einsum", [(2, 3), (3, 4)], (2, 4), {"equation": "ij,jk->ik"}, 24),
        (
            "scaled_dot_product_attention",
            [(2, 4, 5, 8), (2, 4, 7, 8), (2, 4, 7, 6)],
            (2, 4, 5, 6),
            {},
            2 * 4 * 5 * 7 * (8 + 6),
        ),
    ],
)
def test_multiply_adds_by_hand(op: str, shapes: Any, out: Any, params: Any, expected: int) -> None:
    assert cost_of(op, shapes, out, params) == Cost(expected, 0)


def test_costs_without_products() -> None:
    assert cost_of("sum", [(4, 5)], (), {}) == Cost(0, 20)
    assert cost_of("add", [(4, 1), (5,)], (4, 5), {}) == Cost(0, 20)
    assert cost_of("reshape", [(4, 5)], (20,), {}) == Cost()
    assert [short_count(n) for n in (999, 61_706, 25_557_032, 4_089_184_256)] == [
        "999", "61\u2009706", "25.6\u00a0M", "4.09\u00a0G",
    ]  # fmt: skip


def test_costs_of_layers_that_are_made_of_operations() -> None:
    """LeNet and a recurrent layer by hand; transposed convolution through its own operation."""

    def total(model: Any, *x: Any) -> int:
        graph = viz.graph(model, *x)
        return sum(step.cost.multiply_adds for step in graph.program.steps)

    first, second = 6 * 28 * 28 * 25, 16 * 10 * 10 * 6 * 25
    dense = 400 * 120 + 120 * 84 + 84 * 10
    assert total(models.lenet(), cr.zeros(1, 1, 28, 28)) == first + second + dense
    steps, batch, inputs, hidden = 5, 3, 4, 8
    lstm = total(nn.LSTM(inputs, hidden), cr.zeros(steps, batch, inputs))
    assert lstm == steps * batch * 4 * hidden * (inputs + hidden)
    up = total(nn.ConvTranspose2d(2, 3, 3, bias=False), cr.zeros(1, 2, 4, 4))
    assert up == 2 * 16 * 3 * 9


def test_functions_and_shared_parameters() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.head.weight = self.table.weight

        def forward(self, numbers: Any) -> Any:
            return self.head(self.table(numbers))

    graph = viz.graph(Tied(), cr.tensor([1, 2]))
    assert drawn(graph)[:2] == ["numbers", "table.weight"]
    assert graph.program.blocks[0].parameters == 15  # counted once

    layer = nn.Linear(3, 2)

    def twice(x: Any) -> Any:
        return layer(x) * 2

    graph = viz.graph(twice, cr.zeros(1, 3))
    assert graph.program.title == "twice: 8 parameters, 6 multiply-adds"
    assert drawn(graph) == ["x", "Linear(3, 2)", "mul", "output"]
