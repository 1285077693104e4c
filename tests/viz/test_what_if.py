"""`what_if`: the engine's rules as JavaScript, and what cannot be written so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import chainrule as cr
from chainrule import viz
from chainrule.autograd.op import registry
from chainrule.autograd.sym import Sym
from chainrule.viz.javascript import javascript, literal, printable

F = cr.nn.functional


def leaf(value: Any, **more: Any) -> Any:
    return cr.tensor(value, dtype=cr.float64, requires_grad=True, **more)


def test_rules_are_printed() -> None:
    x, y, z = leaf(2.0), leaf(3.0), leaf(-4.0)
    q = x + y
    program = viz.what_if(q * z, names={"x": x, "y": y, "z": z, "q": q}).program
    assert program.forward == {3: "(v[0]+v[1])", 4: "(v[3]*v[2])"}
    assert program.local == ["1", "1", "v[2]", "v[3]"]
    assert program.backward == [2, 3, 0, 1]


def test_the_rule_that_runs_comes_before_the_textbook_s() -> None:
    x = leaf(0.5)
    assert viz.what_if(cr.tanh(x)).program.local == ["M.sech2(v[0])"]
    assert viz.what_if(cr.exp(x)).program.local == ["v[1]"]


def test_printing() -> None:
    x, y = Sym("x"), Sym("y")
    assert javascript(-x / (y - 2), {"x": "a", "y": "b"}) == "((-a)/(b-2))"
    assert javascript(x > 0) == "(+(x>0))"
    assert javascript(x**-0.5) == "M.pow(x,(-0.5))"
    assert javascript(Sym("softplus", (x,), (1.0, 20.0))) == "M.softplus(x,1.0,20.0)"
    assert [literal(v) for v in (float("-inf"), float("nan"), -0.0, False)] == [
        "(-Infinity)", "NaN", "(-0.0)", "false",
    ]  # fmt: skip


def test_every_name_printed_is_an_operation_or_a_comparison() -> None:
    assert printable() <= registry.keys()


def test_helpers_stand_in_the_script() -> None:
    from chainrule.viz import javascript as module
    from chainrule.viz.live_page import asset

    listed = asset("maths.js").rpartition("return {")[2]
    for name in module._HELPERS:
        assert f"{name}:" in listed or f"{name}," in listed or f" {name} " in listed, name


def test_arrays_are_refused() -> None:
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match=r"graphs of single numbers: x has the shape \[2\]"):
        viz.what_if((x * x).sum(), names={"x": x})


def test_operations_that_javascript_cannot_say_are_named() -> None:
    x = leaf(0.5)
    with pytest.raises(ValueError, match=r"i0\(x\).*cannot be written in JavaScript"):
        viz.what_if(cr.i0(x) if hasattr(cr, "i0") else cr.special.i0(x), names={"x": x})


def test_decisions_that_were_not_recorded_are_refused() -> None:
    x = leaf(0.5)
    with pytest.raises(ValueError, match=r"run the forward pass under chainrule\.watch"):
        viz.what_if(cr.where(x > 0, x, x * 2), names={"x": x})


def test_functions_of_users_are_refused() -> None:
    class Cube(cr.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    with pytest.raises(ValueError, match="Cube"):
        viz.what_if(Cube.apply(leaf(2.0)))


def test_large_graphs_are_refused() -> None:
    y = leaf(0.5)
    for _ in range(150):
        y = cr.sin(y) * 1.1
    with pytest.raises(ValueError, match="at most 200"):
        viz.what_if(y)


def test_captured_graphs() -> None:
    graph = cr.capture(lambda x: x * x + 1, leaf(2.0))
    assert viz.what_if(graph, 3.0).picture.nodes[0].grad == 6.0


def test_same_program_same_bytes() -> None:
    def page() -> str:
        x = leaf(2.0)
        return viz.what_if(F.softplus(x) * x, names={"x": x}).html()

    assert page() == page()


def test_the_page_needs_nothing_from_outside() -> None:
    page = viz.what_if(leaf(2.0) * 3, names={}).html()
    assert page.replace("http://www.w3.org/2000/svg", "").count("http") == 0
    assert "src=" not in page


@pytest.mark.parametrize("suffix", ["html", "svg", "txt", "json", "dot"])
def test_save(tmp_path: Path, suffix: str) -> None:
    x = leaf(2.0)
    assert viz.what_if(x * x).save(tmp_path / f"live.{suffix}").stat().st_size > 100
