"""`memory`: the engine's saved arrays, each buffer once, and how the walk back lets them go."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import viz
from chainrule.autograd.graph import ancestors, toposort
from chainrule.viz.saved_bytes import buffers_of, saved_by

nn = cr.nn


def net() -> tuple[Any, Any, Any]:
    cr.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    x, labels = cr.randn(16, 6), cr.randint(0, 3, (16,))
    return model, x, labels


def test_bytes_are_those_of_the_engine_with_every_buffer_once() -> None:
    model, x, labels = net()
    loss = nn.functional.cross_entropy(model(x), labels)
    report = viz.memory(loss, names={"x": x, "labels": labels})
    order = ancestors([loss._node])
    measured = saved_by(order, buffers_of(model.parameters()))
    assert report.bytes == sum(measured.values())
    by_op: dict[str, int] = {}
    for node, size in measured.items():
        by_op[node.plan.op.name] = by_op.get(node.plan.op.name, 0) + size
    assert {who: size for who, _, size, _ in report.rows("op")} == by_op
    assert report.shared == sum(4 * p.numel() for p in model.parameters())
    assert "x" in {k.what for k in report.kept}


def test_a_buffer_that_two_operations_keep_counts_once() -> None:
    x = cr.ones(10, requires_grad=True)
    h = x.exp()  # keeps its result, as sin does
    y = (h.sin() * h).sum()
    report = viz.memory(y, names={"h": h})
    shared = next(k for k in report.kept if k.what == "h")
    assert (shared.bytes, shared.op, shared.users) == (40, "exp", 3)
    assert report.bytes == 80  # h and sin(h)


def test_the_walk_back_lets_go_what_the_engine_lets_go() -> None:
    model, x, labels = net()
    loss = nn.functional.cross_entropy(model(x), labels)
    report = viz.memory(loss)
    order, apart = ancestors([loss._node]), buffers_of(model.parameters())
    seen: list[int] = []

    def look(_: Any) -> None:
        seen.append(sum(saved_by(order, apart).values()))

    nodes = [node for node in toposort([loss._node]) if node.plan is not None]
    for node in nodes:
        node.register_prehook(look)
    loss.backward()
    assert seen == [moment.kept for moment in report.moments]
    assert report.moments[0].kept == report.bytes


def test_gradients_under_way_have_the_sizes_of_their_values() -> None:
    x = cr.ones(4, requires_grad=True)
    y = (x * 2.0).sin().sum()
    report = viz.memory(y)
    assert [m.gradients for m in report.moments] == [4 + 16, 16 + 16, 16 + 16]
    assert report.peak == report.moments[1]  # the first of equal ones
    assert sum(size for _, size in report.owners()) == report.moments[1].total


def test_lines_and_modules_are_those_of_the_user() -> None:
    model, x, labels = net()
    report = viz.memory(lambda a: nn.functional.cross_entropy(model(a), labels), x, by="module")
    assert {who for who, *_ in report.rows()} >= {"0", "1", "3", "outside of modules"}
    assert sum(size for _, _, size, _ in report.rows("line")) == report.bytes
    assert all("test_memory.py:" in who for who, *_ in report.rows("line"))
    with cr.watch():
        loss = model(x).sum()
    watched = viz.memory(loss, by="line")
    assert "test_memory.py:" in watched.text()
    assert "watch()" not in watched.text()
    blind = viz.memory(model(x).sum(), by="line").text()
    assert "line not recorded" in blind
    assert "watch()" in blind


def test_checkpointing_shows_its_effect() -> None:
    model, x, _ = net()
    plain = viz.memory(model(x).sum()).bytes
    checkpoint = cr.utils.checkpoint.checkpoint
    saved = viz.memory(checkpoint(model, x, use_reentrant=False).sum()).bytes
    assert saved < plain


def test_several_results_and_freed_graphs() -> None:
    x = cr.randn(5, 5, requires_grad=True)
    q, r = cr.linalg.qr(x)
    y = (q * r).sum()
    report = viz.memory(y)
    assert report.bytes == sum(saved_by(ancestors([y._node]), buffers_of([x])).values())
    assert report.bytes > 0
    y.backward()
    after = viz.memory(y)
    assert after.bytes == 0
    assert after.freed > 0
    assert after.peak is None
    assert "retain_graph=True" in after.text()
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        viz.memory(cr.ones(2))
    with pytest.raises(ValueError, match="by= is one of"):
        viz.memory((x * x).sum(), by="size")  # type: ignore[arg-type]


def test_figure_table_files(tmp_path: Path) -> None:
    model, x, _ = net()
    first, second = (viz.memory(model(x).sum()) for _ in range(2))
    assert first.svg() == second.svg()
    assert first.html() == second.html()
    root = ET.fromstring(first.svg())
    assert root.get("role") == "img"
    assert "<table" in first._repr_html_()
    for suffix in ("svg", "html", "txt"):
        assert first.save(tmp_path / f"m.{suffix}").stat().st_size > 100
    assert np.isclose(sum(float(r[3].removesuffix(" %")) for r in first._table()[1:]), 100, atol=1)
