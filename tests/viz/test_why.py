"""`why`: every reason for a missing or odd gradient is made to happen, and named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz

nn = cr.nn


def leaf(value: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True)


def told(answer: viz.Why) -> tuple[str, str]:
    return answer.reason, answer.text()


def test_detach_is_found_in_the_callers_source_with_its_line() -> None:
    x = leaf([1.0, 2.0])
    w = leaf([3.0, 4.0])
    doubled = x * 2
    frozen = doubled.detach()
    loss = (frozen * w).sum()
    loss.backward()
    answer = viz.why(x, loss)
    assert answer.reason == "detach"
    assert "as far as doubled; at frozen it is cut: detach() cuts the graph" in answer.text()
    assert answer.line.endswith("frozen = doubled.detach()")
    assert "test_why.py" in answer.line


def test_no_grad_is_found_around_the_assignment() -> None:
    x, w = leaf(2.0), leaf(3.0)
    with cr.no_grad():
        h = x * x
    loss = h * w
    reason, text = told(viz.why(x, loss))
    assert reason == "no_grad"
    assert "as far as x; at h it is cut" in text
    assert "h = x * x" in text


def test_a_result_made_wholly_under_no_grad() -> None:
    x = leaf(2.0)

    def run() -> Any:
        with cr.no_grad():
            return x * x

    reason, text = told(viz.why(x, run()))
    assert reason == "no_grad"
    assert "has no history" in text


@pytest.mark.parametrize(
    ("cast", "reason"),
    [
        (lambda t: t.long(), "integer"),
        (lambda t: t > 1.5, "comparison"),
        (lambda t: t.argmax(), "integer"),
    ],
    ids=["long", "greater", "argmax"],
)
def test_casts_and_comparisons_in_a_watched_graph(cast: Callable[[Any], Any], reason: str) -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    with cr.watch():
        h = cast(x)
        loss = (h.double() * w).sum()
    answer = viz.why(x, loss)
    assert answer.reason == reason
    assert "test_why.py" in answer.line


def test_a_comparison_without_watch() -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    right = x > 1.5
    loss = (right * w).sum()
    answer = viz.why(x, loss)
    assert answer.reason == "comparison"
    assert answer.line.endswith("right = x > 1.5")


def test_a_cast_without_watch() -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    whole = x.int()
    loss = (whole * w).sum()
    answer = viz.why(x, loss)
    assert answer.reason == "integer"
    assert "int32" in answer.text()


def test_a_round_trip_through_numpy() -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    h = x * 3
    back = cr.tensor(np.log(h.detach().numpy()))
    loss = (back * w).sum()
    reason, text = told(viz.why(x, loss))
    assert reason in {"detach", "numpy"}
    assert "as far as h; at back it is cut" in text


def test_numpy_alone() -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)
    values = x.tolist()
    loss = (cr.tensor(values, dtype=cr.float64) * w).sum()
    reason, text = told(viz.why(x, loss))
    assert reason == "number"
    assert "tolist() gives Python numbers" in text


def test_shared_memory_betrays_a_detach_that_no_line_shows() -> None:
    x, w = leaf([1.0, 2.0]), leaf(2.0)

    def loss_of(t: Any) -> Any:
        return (t.detach() * w).sum()

    loss = loss_of(x)
    frozen_view = x.detach()  # keeps nothing alive: the graph holds the detached data weakly
    reason, text = told(viz.why(x, loss))
    assert frozen_view is not None
    assert reason == "detach"
    assert "shares memory" in text


def test_another_input() -> None:
    x, w = leaf(1.0), leaf(2.0)
    loss = w * w
    reason, text = told(viz.why(x, loss))
    assert reason == "apart"
    assert "computed from w, not from x" in text


def test_not_a_leaf() -> None:
    x = leaf(1.0)
    h = x * 2
    loss = h * h
    loss.backward()
    reason, text = told(viz.why(h, loss))
    assert reason == "not kept"
    assert "h.retain_grad()" in text


def test_backward_has_not_run() -> None:
    x = leaf(1.0)
    loss = x * 2
    assert told(viz.why(x, loss))[0] == "backward"
    reason, text = told(viz.why(x))  # the result is found among the variables
    assert reason == "backward"
    assert "Call loss.backward()" in text


def test_no_gradient_for_integers_and_for_what_asks_for_none() -> None:
    n, c = cr.tensor([1, 2]), cr.tensor([1.0])
    assert told(viz.why(n))[0] == "integer"
    assert told(viz.why(c))[0] == "requires_grad"
    with pytest.raises(TypeError, match="float"):
        viz.why(1.0)  # type: ignore[arg-type]


ZEROS: list[tuple[str, Callable[[Any], Any], list[float], str]] = [
    ("relu", lambda x: x.relu(), [-1.0, -2.0], "relu is closed: all of its 2 inputs"),
    ("max", lambda x: cr.maximum(x, cr.tensor([5.0, 5.0])), [1.0, 2.0], "chose another"),
    ("clip", lambda x: x.clamp(-1.0, 1.0), [3.0, 4.0], "clips: all of its 2 inputs"),
    ("mask", lambda x: x.masked_fill(cr.tensor([True, True]), 0.0), [3.0, 4.0], "masks it out"),
    ("where", lambda x: cr.where(x > 9, x, x.detach()), [3.0, 4.0], "masks it out"),
    ("times zero", lambda x: x * cr.zeros(2), [3.0, 4.0], "multiplies by zero"),
    ("staircase", lambda x: x.floor(), [3.5, 4.5], "staircase"),
    ("tanh", lambda x: x.tanh(), [1000.0, 1000.0], "saturated"),
]


@pytest.mark.parametrize(("name", "f", "at", "said"), ZEROS, ids=[z[0] for z in ZEROS])
def test_exact_zeros_name_the_operation(
    name: str, f: Callable[[Any], Any], at: list[float], said: str
) -> None:
    x = leaf(at)
    with cr.watch():
        loss = f(x * 1.5).sum() + 3.0
    loss.backward()
    answer = viz.why(x, loss)
    assert answer.reason == "zero"
    assert said in answer.text()
    assert "test_why.py" in answer.line
    assert answer.heading == "Why is the gradient of x zero?"


def test_zeros_on_one_route_only_are_an_ordinary_gradient() -> None:
    x = leaf([-1.0, 2.0])
    loss = x.relu().sum()
    loss.backward()
    reason, text = told(viz.why(x, loss))
    assert reason == "ordinary"
    assert "50 % of its elements are exactly 0" in text


def test_tiny_gradients_come_with_a_factor_for_each_layer() -> None:
    cr.manual_seed(0)
    layers: list[Any] = []
    for _ in range(12):
        layers += [nn.Linear(8, 8), nn.Sigmoid()]
    model = nn.Sequential(*layers)
    with cr.watch():
        loss = model(cr.randn(4, 8)).sum()
    loss.backward()
    weight = model[0].weight
    answer = viz.why(weight, loss)
    assert answer.reason == "tiny"
    assert "factors on the way back make it shrink" in answer.text()
    assert "… 14 more" in answer.text()
    assert "below 1, typically" in answer.text()


def test_the_factors_multiply_to_the_gradient() -> None:
    from chainrule.autograd.graph import ancestors
    from chainrule.viz.replay import Values
    from chainrule.viz.sensitivity import gradients
    from chainrule.viz.why_numbers import main_route

    x = leaf(0.5)
    y = ((x * 3.0).sin() * 7.0).exp()
    order = ancestors([y._node])
    values = Values(order)
    grads = gradients([y._node], order, values)
    factors = main_route(x._node, order, grads, values)
    assert [f.op for f in factors] == ["exp", "mul", "sin", "mul"]
    y.backward()
    assert np.prod([f.factor for f in factors]) == pytest.approx(abs(x.grad.item()), rel=1e-12)


def test_huge_gradients() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(10):
        y = y * 10.0
    y.backward()
    reason, text = told(viz.why(x, y))
    assert reason == "huge"
    assert "10 factors on the way back make it grow" in text
    assert "mul × 10" in text


def test_the_first_nan_of_the_forward_pass() -> None:
    x = leaf([1.0, -1.0])
    with cr.watch():
        shifted = x - 0.0
        y = shifted.sqrt()
        loss = (y * 2).sum()
    loss.backward()
    answer = viz.why(x, loss)
    assert answer.reason == "nan"
    assert "sqrt made nan (1 of 2 elements) of −1" in answer.text()
    assert answer.line.endswith("y = shifted.sqrt()")


def test_a_nan_that_only_the_backward_makes() -> None:
    x = leaf([0.0, 1.0])
    with cr.watch():
        loss = (x.sqrt() * cr.tensor([0.0, 1.0], dtype=cr.float64)).sum()
    loss.backward()
    answer = viz.why(x, loss)
    assert answer.reason == "nan"
    assert "the backward pass breaks" in answer.text()
    assert "sqrt" in answer.text()
    assert "its input there is 0" in answer.text()


def test_infinity_that_came_in_as_data() -> None:
    x, data = leaf(1.0), cr.tensor(float("inf"), dtype=cr.float64)
    y = x * data
    y.backward()
    assert "data holds ∞ (its only element), before any operation" in viz.why(x, y).text()


def test_why_leaves_the_gradient_alone_and_saves(tmp_path: Path) -> None:
    x = leaf(3.0)
    y = x * x
    y.backward()
    answer = viz.why(x, y)
    assert x.grad.item() == 6.0
    assert answer.reason == "ordinary"
    assert answer.save(tmp_path / "a.txt").read_text(encoding="utf-8") == answer.text()
    page = answer.save(tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<h1>Why is the gradient of x what it is?</h1>" in page
    assert "cr-report" in answer._repr_html_()
    with pytest.raises(ValueError, match="an answer in words, not a graph"):
        answer.save(tmp_path / "a.dot")


def test_gradients_that_cancel_are_no_zeros_on_the_way() -> None:
    x = leaf(2.0)
    y = x * 3.0 - x * 3.0
    y.backward()
    reason, text = told(viz.why(x, y))
    assert reason == "cancel"
    assert "2 gradients arrive at x and cancel: 3 + (−3) = 0" in text
    v = leaf([1.0, 2.0])
    both = (v - v).sum()
    both.backward()
    assert "cancel each other" in viz.why(v, both).text()


ODD_POINTS: list[tuple[str, Callable[[Any], Any], Any, str, str]] = [
    ("square at 0", lambda x: x * x, 0.0, "zero", "the other factor (x) is exactly 0"),
    ("norm at 0", lambda x: x.norm(), [0.0, 0.0], "zero", "norm has a corner at 0"),
    ("abs at 0", lambda x: x.abs(), 0.0, "zero", "abs has a corner at 0"),
    ("saturated", lambda x: x.tanh(), 15.0, "tiny", "tanh is saturated: its input is 15"),
    ("root of 0", lambda x: (x * x).sum().sqrt(), [0.0, 0.0], "nan",
     "mul makes nan: its input there is 0, and the gradient that arrives ∞"),
    ("log of 0", lambda x: x.log().sum(), [0.0, 1.0], "nan", "log made −∞ (1 of 2 elements) of 0"),
    ("exp", lambda x: x.exp().sum(), [1000.0, 0.0], "nan", "exp made ∞ (1 of 2 elements) of 1"),
    ("not picked", lambda x: x[1:].sum() * 0.0 + x[:0].sum(), [1.0, 2.0], "zero",
     "multiplies by zero"),
    ("max of several", lambda x: x.reshape(2, 2).max(1)[0].sum() * 0, [1.0, 2.0, 3.0, 4.0], "zero",
     "multiplies by zero"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "at", "reason", "said"), ODD_POINTS,
                         ids=[p[0] for p in ODD_POINTS])  # fmt: skip
def test_odd_points(name: str, f: Callable[[Any], Any], at: Any, reason: str, said: str) -> None:
    x = leaf(at)
    loss = f(x)
    loss.backward(retain_graph=True)
    answer = viz.why(x, loss)
    assert (answer.reason, said in answer.text()) == (reason, True), answer.text()


def test_one_of_several_results_is_followed() -> None:
    x = leaf([[-1.0, -2.0], [-3.0, -4.0]])
    loss = x.relu().max(1)[0].sum()
    loss.backward(retain_graph=True)
    reason, text = told(viz.why(x, loss))
    assert reason == "zero"
    assert "relu is closed: all of its 4 inputs" in text


def test_an_edit_in_place_is_named_before_backward_fails() -> None:
    x = leaf([1.0, 2.0])
    with cr.watch():
        y = x.exp()
        y.add_(1.0)
    loss = y.sum()
    reason, text = told(viz.why(x, loss))
    assert reason == "in-place"
    assert "backward() cannot go from loss back to x" in text
    assert "exp saved its result" in text
    assert "add_" in text
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_frozen_and_unused_parameters() -> None:
    model, extra = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1)), nn.Linear(2, 2)
    model[0].requires_grad_(False)
    loss = model(cr.ones(1, 2)).sum()
    loss.backward()
    frozen, unused = viz.why(model[0].weight, loss), viz.why(extra.weight, loss)
    assert frozen.reason == "frozen"
    assert "model.0.weight is a frozen parameter" in frozen.text()
    assert unused.reason == "unused"
    assert "extra.weight is a parameter that this forward pass did not use" in unused.text()
    assert viz.why(extra.weight).reason == "backward"


def test_a_leaf_that_was_made_and_changed_in_one_line() -> None:
    w = cr.randn(3, requires_grad=True) * 0.1
    loss = w.sum()
    loss.backward()
    reason, text = told(viz.why(w, loss))
    assert reason == "not kept"
    assert "the leaf that it was made from is not among your variables" in text.lower()


def test_a_copy_of_the_numbers_and_a_function_that_pauses() -> None:
    x, w = leaf(2.0), leaf(3.0)
    h = cr.tensor(x * 2)
    loss = h * w
    answer = viz.why(x, loss)
    assert answer.reason == "copy"
    assert "tensor() copies the numbers into a new tensor" in answer.text()

    @cr.no_grad()
    def paused(t: Any) -> Any:
        return t * 2

    k = paused(x)
    loss = k * w
    assert "what it returns has no history" in viz.why(x, loss).text()


def ask(*tensors: Any) -> viz.Why:
    return viz.why(*tensors)


def test_the_source_around_a_helper_is_read() -> None:
    x, w = leaf(2.0), leaf(3.0)
    h = x.detach() * 2.0
    loss = h * w
    answer = ask(x, loss)
    assert answer.reason == "detach"
    assert answer.line.endswith("h = x.detach() * 2.0")
    assert (
        answer.text().splitlines()[-1].startswith("  at test_why.py:")
    )  # no folder of this machine


def test_a_module_answers_for_each_parameter() -> None:
    cr.manual_seed(0)
    model, data = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), cr.ones(4, 2)
    assert viz.why(model).reason == "backward"
    model[0].bias.data.fill_(-100.0)
    model[2].weight.requires_grad_(False)
    with cr.watch():
        loss = model(data).sum()
    loss.backward()
    answer = viz.why(model, loss)
    reasons = {name: part.reason for name, part in answer.parts.items()}
    assert reasons == {
        "0.weight": "zero", "0.bias": "zero", "2.weight": "frozen", "2.bias": "ordinary"
    }  # fmt: skip
    assert answer.reason == "several"
    text = answer.text()
    assert "0.weight, 0.bias: zero. Every route from loss back to it carries an exact zero" in text
    assert "2.bias: ordinary." in text
    assert viz.why(model).text() == text  # the result is found among the variables
    assert viz.why(nn.ReLU()).sentences == ("It has no parameters.",)


def test_a_captured_program_and_a_model_that_is_run_for_the_answer() -> None:
    graph = cr.capture(lambda a, b: (a.relu() * b).sum(), cr.ones(3), cr.ones(3))
    answer = viz.why(graph, -cr.ones(3), cr.ones(3))
    assert {name: part.reason for name, part in answer.parts.items()} == {"a": "zero", "b": "zero"}
    assert "the other factor (c) is exactly 0" in viz.why(1, graph, -cr.ones(3), cr.ones(3)).text()
    model = nn.Linear(2, 1)
    before = model.weight.grad
    assert viz.why(model.weight, model, cr.ones(4, 2)).reason == "ordinary"
    assert model.weight.grad is before
    with pytest.raises(ValueError, match="position of a tensor among the inputs"):
        viz.why(7, graph, -cr.ones(3), cr.ones(3))


def test_what_was_let_go_is_named() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    model[0].bias.data.fill_(-100.0)
    loss = model(cr.ones(4, 2)).sum()
    loss.backward()
    reason, text = told(viz.why(model[0].weight, loss))
    assert reason == "not kept"
    assert "a tensor of shape [4, 2] was not kept" in text
    assert "retain_graph=True" in text


def test_a_computed_tensor_whose_result_has_gone() -> None:
    a = cr.tensor(2.0, requires_grad=True) * 0.1
    (a * 3).backward()
    answer = viz.why(a)
    assert answer.reason == "not kept"
    assert answer.sentences[0] == "a was computed (mul): only leaves keep their gradient."
