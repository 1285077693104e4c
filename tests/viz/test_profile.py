"""`profile`: what ran, once each, forward and backward, and times that add up."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import viz
from chainrule.viz.profile_view import Cost, Profile

nn = cr.nn


def net() -> tuple[Any, Any]:
    cr.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), cr.randn(16, 6)


def by_hand() -> Profile:
    costs = (
        Cost("linear", "a/train.py:3: h = fc(x)", "fc", False, 4_000, 96),
        Cost("tanh", "a/train.py:4: y = h.tanh()", "", False, 1_500),
        Cost("tanh", "a/train.py:4: y = h.tanh()", "", True, 500),
        Cost("linear", "a/train.py:3: h = fc(x)", "fc", True, 2_000),
    )
    return Profile(costs, 10_000)


def test_every_operation_is_counted_forward_and_backward() -> None:
    model, x = net()
    report = viz.profile(lambda x: model(x).square().sum(), x)
    rows = {row[0]: row for row in report.rows("op")}
    assert {who: row[1] for who, row in rows.items()} == {
        "linear": 2, "relu": 1, "square": 1, "sum": 1,
    }  # fmt: skip
    back = [cost.op for cost in report.costs if cost.backward]
    assert back == ["sum", "square", "linear", "relu", "linear"]
    assert rows["linear"][4] == 2 * 16 * 8 * 6 + 2 * 16 * 3 * 8
    assert all(p.grad is None for p in model.parameters())


def test_own_times_and_the_rest_make_the_whole() -> None:
    model, x = net()
    report = viz.profile(model, x)
    assert report.python > 0
    assert all(cost.ns >= 0 for cost in report.costs)
    for by in ("op", "line", "module"):
        spent = sum(row[2] + row[3] for row in report.rows(by))  # type: ignore[arg-type]
        assert spent + report.python == report.wall


def test_a_model_is_left_as_it_was() -> None:
    model, x = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout()), cr.randn(8, 6)
    before, state = model[0].running_mean.clone(), cr.get_rng_state()
    for _ in range(2):
        viz.profile(model, x)
        viz.memory(model, x)
    assert cr.equal(model[0].running_mean, before)
    assert model[0].num_batches_tracked.item() == 0
    assert cr.equal(cr.get_rng_state(), state)


def test_lines_and_modules_hold_for_the_way_back_too() -> None:
    model, x = net()
    report = viz.profile(lambda x: model(x).sum(), x, by="module")
    rows = {row[0]: row for row in report.rows()}
    assert set(rows) == {"0", "1", "2", "outside of modules"}
    assert all(row[2] > 0 and row[3] > 0 for row in rows.values())
    assert all("test_profile.py:" in row[0] for row in report.rows("line"))
    assert "test_profile.py:" in viz.profile(model, x, by="line").text()


def test_a_step_that_goes_backward_itself_is_timed_as_it_is() -> None:
    model, x = net()

    def step() -> Any:
        loss = model(x).sum()
        loss.backward()
        return loss

    report = viz.profile(step, warmup=0)
    assert sum(cost.backward for cost in report.costs) == 4
    alone = viz.profile(model, x, backward=False)
    assert not any(cost.backward for cost in alone.costs)


def test_a_recorded_backward_counts_as_backward() -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)

    def slope() -> Any:
        return cr.autograd.grad(x.exp().sum(), x, create_graph=True)[0]

    report = viz.profile(slope, backward=False)
    ran = [(cost.op, cost.backward) for cost in report.costs]
    assert ran == [("exp", False), ("sum", False), ("sum", True), ("exp", True)]


def test_the_table_of_known_times() -> None:
    lines = by_hand().text().splitlines()
    assert lines[0] == "10 µs for 2 operations"
    assert lines[2].split() == ["op", "calls", "forward", "backward", "together", "share", "flops"]
    assert lines[3].split() == ["linear", "1", "4", "µs", "2", "µs", "6", "µs", "60", "%", "96"]
    assert lines[4].split() == ["tanh", "1", "1.5", "µs", "500", "ns", "2", "µs", "20", "%"]
    assert lines[5].split() == ["between", "operations", "2", "µs", "20", "%"]
    named = Profile(by_hand().costs, 10_000, "line").text()
    assert "train.py:3: h = fc(x)" in named
    assert "a/train.py" not in named


def test_the_same_times_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = by_hand(), by_hand()
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    ET.fromstring(first.svg())
    for suffix in ("svg", "html", "txt"):
        assert first.save(tmp_path / f"p.{suffix}").stat().st_size > 100


def test_the_drawing_carries_the_times_where_it_is_small() -> None:
    x = cr.tensor(2.0, requires_grad=True)
    report = viz.profile(lambda x: x.exp() * x, x)
    drawn = report.drawing()
    ET.fromstring(drawn)
    assert "forward time above the wire" in drawn
    assert report.picture is not None
    leaf = report.picture.nodes[0]
    assert leaf.value is leaf.grad is viz.Absent.NOT_COMPUTED
    times = {n.op: (n.value, n.grad) for n in report.picture.nodes if n.op}
    rows = {row[0]: row for row in report.rows()}
    assert times["exp"] == (rows["exp"][2] / 1000, rows["exp"][3] / 1000)
    assert times["×"] == (rows["mul"][2] / 1000, rows["mul"][3] / 1000)
    assert drawn in report.html()

    def long(x: Any) -> Any:
        for _ in range(70):
            x = x.sin()
        return x

    with pytest.raises(ValueError, match="there is no drawing"):
        viz.profile(long, x).drawing()


def test_what_cannot_be_timed_is_said() -> None:
    with pytest.raises(TypeError, match="a function or model to call"):
        viz.profile(2.0)
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        viz.profile(cr.ones(2))
    with pytest.raises(ValueError, match="by= is one of"):
        viz.profile(lambda: None, by="size")  # type: ignore[arg-type]
    assert viz.profile(lambda: 3).rows() == []
