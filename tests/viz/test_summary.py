"""`summary`: the table's numbers, against known models and against the engine's own arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import models, viz
from chainrule.__main__ import main

nn = cr.nn


class Exp(nn.Module):
    """exp(x), whose backward keeps the result."""

    def forward(self, x: Any) -> Any:
        return x.exp()


def test_lenet_by_hand() -> None:
    table = viz.summary(models.lenet(), input_size=(2, 1, 28, 28))
    totals = table.totals
    assert totals.parameters == totals.trainable == 61_706
    assert totals.mult_adds == 2 * (6 * 784 * 25 + 16 * 100 * 150 + 48_000 + 10_080 + 840)
    by_name = {f"{row.kind}{row.outputs}": row for row in table.rows}
    conv = by_name["Conv2d((2, 16, 10, 10),)"]
    assert (conv.parameters, conv.mult_adds) == (16 * 6 * 25 + 16, 2 * 16 * 100 * 150)
    assert sum(row.parameters for row in table.rows) == totals.parameters
    assert sum(row.mult_adds for row in table.rows) == totals.mult_adds
    assert sum(row.saved for row in table.rows) == totals.saved


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_rows_add_up_at_every_depth(depth: int) -> None:
    table = viz.summary(models.resnet18(), input_size=(2, 3, 32, 32), depth=depth)
    assert max(row.level for row in table.rows) == depth
    assert sum(row.parameters for row in table.rows) == table.totals.parameters == 11_689_512
    assert sum(row.mult_adds for row in table.rows) == table.totals.mult_adds
    assert sum(row.saved for row in table.rows) == table.totals.saved > 0


def test_saved_bytes_are_those_of_the_arrays_each_once() -> None:
    """The slope of tanh needs its input, a layer its own; exp and the next layer share one."""
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    table = viz.summary(model, cr.zeros(5, 4))
    assert [row.saved for row in table.rows] == [0, 5 * 4 * 4, 5 * 8 * 4, 5 * 8 * 4]
    shared = viz.summary(nn.Sequential(nn.Linear(4, 8), Exp(), nn.Linear(8, 2)), cr.zeros(5, 4))
    assert [row.saved for row in shared.rows] == [0, 5 * 4 * 4, 5 * 8 * 4, 0]
    frozen = nn.Sequential(nn.Linear(4, 8), nn.Tanh()).requires_grad_(False)
    nothing = viz.summary(frozen, cr.zeros(5, 4))
    assert nothing.totals.saved == 0
    assert "nothing requires grad" in nothing.text()


def test_saved_bytes_agree_with_memory_that_is_freed() -> None:
    """Backward drops what was saved: the bytes that tracemalloc sees go are the table's."""
    import tracemalloc

    model = nn.Sequential(*(m for _ in range(6) for m in (nn.Linear(64, 64), nn.Tanh())))
    x = cr.randn(512, 64)
    measured = viz.summary(model, x).totals.saved - x.numel() * 4
    out = model(x)
    total = out.sum()
    del out
    tracemalloc.start()
    try:
        fresh = model(x).sum()
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    del total, fresh
    assert held == pytest.approx(measured, rel=0.02)


def test_columns_inputs_and_errors() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(12, 2))
    names = ["kernel_size", "input_size", "num_params", "params_percent", "trainable"]
    model[0].bias.requires_grad_(False)
    table = viz.summary(model, input_size=(1, 2, 6), col_names=names)  # type: ignore[arg-type]
    lines = table.text().splitlines()
    assert lines[0].split() == ["layer", "kernel", "input", "parameters", "share", "trainable"]
    assert lines[3].split() == ["├─", "0", "(Conv1d)", "3", "1×2×6", "21", "44.7", "%", "partly"]
    assert "└─ 2 (Linear)" in table.text()
    assert "3 not)" in table.text()
    with pytest.raises(ValueError, match="col_names knows"):
        viz.summary(model, input_size=(1, 2, 6), col_names=["size"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="needs an input"):
        viz.summary(model)
    with pytest.raises(ValueError, match="not both"):
        viz.summary(model, cr.zeros(1, 2, 6), input_size=(1, 2, 6))
    with pytest.raises(RuntimeError, match=r"stopped at linear.*viz.graph"):
        viz.summary(model, input_size=(1, 2, 9))


class Odd(nn.Module):
    """Calls one layer twice, never calls another, takes two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(3, 3), nn.Linear(7, 7)

    def forward(self, a: Any, b: Any) -> Any:
        return self.used(a) + self.used(b)


def test_modules_called_twice_or_never() -> None:
    table = viz.summary(Odd(), input_size=[(2, 3), (2, 3)])
    rows = [(row.name, row.parameters, row.again, row.called) for row in table.rows]
    assert rows == [
        ("Odd", 0, False, True),
        ("used", 12, False, True),
        ("used", 0, True, True),
        ("unused", 56, False, False),
    ]
    assert table.totals.parameters == 68
    assert table.totals.mult_adds == 2 * 2 * 9
    assert "not called" in table.text()
    assert "(counted above)" in table.text()


def test_forms_and_files(tmp_path: Path) -> None:
    table = viz.summary(nn.Linear(2, 2), cr.zeros(1, 2))
    assert str(table) == table.text()
    assert "<table" in table.html()
    assert table._repr_html_().count("<tr>") == 2
    assert table.save(tmp_path / "t.html").read_text(encoding="utf-8") == table.html()


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "chainrule.models:LeNet", "--input", "1,1,28,28"]) == 0
    assert "61\u2009706" in capsys.readouterr().out
    assert main(["summary", "chainrule.nn:Linear(3, 2)", "--input", "1,3", "--depth", "0"]) == 0
    assert "Linear" in capsys.readouterr().out
    assert main(["summary", "chainrule.models:NoSuch", "--input", "1"]) == 2
    assert "has no" in capsys.readouterr().err
    assert main(["summary", "chainrule.models", "--input", "1"]) == 2
    assert "module:Class" in capsys.readouterr().err
    assert main(["summary", "chainrule.models:LeNet", "--input", "1,a"]) == 2


def test_the_result_of_the_model_is_the_same_afterwards() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    before = {k: np.array(v) for k, v in model.state_dict().items()}
    viz.summary(model, cr.randn(8, 3))
    for key, value in model.state_dict().items():
        assert np.array_equal(before[key], np.array(value))
