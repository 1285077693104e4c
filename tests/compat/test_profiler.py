"""The profiler: what is counted, the table, the trace, the schedule, and that it costs nothing."""

from __future__ import annotations

import gzip
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import nn
from chainrule.autograd import modes
from chainrule.profiler import (
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)


def step() -> None:
    w = cr.ones(3, 3, requires_grad=True)
    (w @ w).relu().sum().backward()


def test_forward_and_backward_are_counted() -> None:
    with profile(activities=[ProfilerActivity.CPU]) as prof:
        step()
        step()
    counts = {row.key: row.count for row in prof.key_averages()}
    for name in ("matmul", "relu", "sum", "MmBackward0", "ReluBackward0", "SumBackward0"):
        assert counts[name] == 2, name


def test_the_short_ways_are_seen() -> None:
    x, n = cr.ones(3, requires_grad=True), cr.tensor(2.0, dtype=cr.float64, requires_grad=True)
    with profile() as prof:
        y = (x * x + 1).exp().sum() + (n * n).tanh()
        z = cr.ones(3)
        z.add_(1).mul_(2)
        y.backward()
    keys = {row.key for row in prof.key_averages()}
    assert {"mul", "add", "exp", "sum", "tanh", "MulBackward0", "ExpBackward0"} <= keys
    assert y.requires_grad
    assert x.grad is not None


def test_numbers_do_not_change() -> None:
    x = cr.rand(4, 3, requires_grad=True)
    layer = nn.Linear(3, 2)

    def gradients() -> list[Any]:
        layer.zero_grad()
        x.grad = None
        loss = nn.functional.cross_entropy(layer(x), cr.tensor([0, 1, 0, 1]))
        (g,) = cr.autograd.grad(loss, x, create_graph=True)
        g.square().sum().backward()
        return [loss.item(), x.grad.tolist(), layer.weight.grad.tolist()]

    plain = gradients()
    with profile(record_shapes=True, with_stack=True, profile_memory=True, with_flops=True):
        profiled = gradients()
    assert profiled == plain


def test_nothing_is_left_behind() -> None:
    with pytest.raises(ZeroDivisionError), profile(), record_function("broken"):
        _ = 1 / 0
    assert (modes.watching, modes.local.around, modes.local.timing) == (0, None, None)


def test_times_add_up() -> None:
    with profile() as prof, record_function("outer"):
        time.sleep(0.01)
        with record_function("inner"):
            time.sleep(0.02)
        step()
    rows = {row.key: row for row in prof.key_averages()}
    outer, inner = rows["outer"], rows["inner"]
    assert inner.cpu_time_total >= 20_000
    assert outer.cpu_time_total >= outer.self_cpu_time_total + inner.cpu_time_total - 1
    assert outer.self_cpu_time_total >= 10_000
    total = prof.events().self_cpu_time_total
    assert total == pytest.approx(sum(row.self_cpu_time_total for row in rows.values()))
    assert total == pytest.approx(outer.cpu_time_total)


def test_table() -> None:
    with profile(record_shapes=True, profile_memory=True) as prof:
        a = cr.ones(20, 20) @ cr.ones(20, 20)
        b = a + 1
        assert (b + 1).T.shape == (20, 20)
    table = prof.key_averages(group_by_input_shape=True).table(sort_by="count", row_limit=2)
    lines = table.splitlines()
    heads = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg",
             "CPU Mem", "Self CPU Mem", "# of Calls", "Input Shapes"]  # fmt: skip
    assert [h.strip() for h in lines[1].split("  ") if h.strip()] == heads
    assert lines[3].split()[0] == "add"
    assert "[[20, 20], []]" in lines[3]
    assert len({len(line) for line in lines[:-1]}) == 1
    assert len(lines) == 7
    assert lines[-1].startswith("Self CPU time total: ")
    row = next(r for r in prof.key_averages() if r.key == "matmul")
    assert row.self_cpu_memory_usage == 20 * 20 * 4
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="nonsense")


def test_source_lines() -> None:
    with profile(with_stack=True) as prof:
        cr.ones(2) * 3
    (row,) = prof.key_averages(group_by_stack_n=1)
    assert "test_profiler.py" in row.stack[0]
    assert "cr.ones(2) * 3" in row.stack[0]


def test_modules_and_flops() -> None:
    model = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))
    with profile(with_modules=True, with_flops=True) as prof:
        model(cr.rand(3, 4))
    assert [e.module for e in prof.events()] == ["0", "1"]
    assert [e.flops for e in prof.events()] == [2 * 3 * 4 * 5, 2 * 3 * 5 * 2]


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_chrome_trace(name: str, tmp_path: Path) -> None:
    with profile(record_shapes=True) as prof, record_function("all"):
        step()
    prof.add_metadata_json("run", '{"seed": 1}')
    prof.export_chrome_trace(tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    trace = json.loads(gzip.decompress(raw) if name.endswith("gz") else raw)
    assert trace["run"] == {"seed": 1}
    events = {e["name"]: e for e in trace["traceEvents"] if e["ph"] == "X"}
    outer = events["all"]
    assert outer["cat"] == "user_annotation"
    assert events["matmul"]["args"]["Input Dims"] == [[3, 3], [3, 3]]
    for e in events.values():
        assert e["dur"] >= 0
        assert outer["ts"] <= e["ts"]
        assert e["ts"] + e["dur"] <= outer["ts"] + outer["dur"] + 1e-3


def test_schedule() -> None:
    ready = []
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    with profile(schedule=plan, on_trace_ready=lambda p: ready.append((p.step_num, p))) as prof:
        for _ in range(12):
            cr.ones(2) + 1
            prof.step()
    assert [number for number, _ in ready] == [5, 9]
    names = [e.name for e in prof.events()]
    assert names == ["ProfilerStep#7", "add", "ProfilerStep#8", "add"]
    with pytest.raises(AssertionError):
        schedule(wait=-1, warmup=0, active=1)


def test_trace_files(tmp_path: Path) -> None:
    handler = tensorboard_trace_handler(str(tmp_path / "log"), worker_name="me")
    with profile(on_trace_ready=handler):
        step()
    (file,) = (tmp_path / "log").iterdir()
    assert file.name.startswith("me.")
    assert file.name.endswith(".pt.trace.json")
    assert json.loads(file.read_text())["traceEvents"]


def test_as_decorators() -> None:
    @record_function("named")
    def f(x: cr.Tensor) -> cr.Tensor:
        return x + 1

    prof = profile()

    @prof
    def g() -> None:
        f(cr.ones(1))

    g()
    assert [e.name for e in prof.events()] == ["named", "add"]


def test_other_threads_are_not_recorded() -> None:
    with profile() as prof:
        thread = threading.Thread(target=step)
        thread.start()
        thread.join()
    assert list(prof.events()) == []


def test_old_form() -> None:
    old = cr.autograd.profiler
    with old.profile(record_shapes=True) as prof, old.record_function("range"):
        step()
    assert "range" in str(prof)
    assert prof.total_average().count == len(prof.function_events)
    with cr.autograd.profiler.profile(enabled=False) as prof:
        step()
    assert list(prof.function_events) == []


def test_together_with_autocast_and_watch() -> None:
    with profile() as prof, cr.autocast("cpu"), cr.watch():
        y = cr.ones(2, 2, requires_grad=True) @ cr.ones(2, 2)
        assert y.grad_fn.value is not None
    assert [e.name for e in prof.events()].count("matmul") == 1
    assert y.dtype is cr.bfloat16


def test_stacks_file(tmp_path: Path) -> None:
    with profile(with_stack=True) as prof:
        cr.ones(2) * 3
    prof.export_stacks(tmp_path / "stacks.txt")
    text = (tmp_path / "stacks.txt").read_text()
    assert text.rsplit(" ", 1)[0].endswith(";mul")


def test_unfinished() -> None:
    with profile() as prof, pytest.raises(AssertionError, match="not complete"):
        prof.events()
