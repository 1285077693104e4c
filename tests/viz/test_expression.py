"""The reader of arithmetic: what it computes, what it refuses and how it says so."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import viz
from chainrule.viz import ExpressionError, read_expression
from chainrule.viz.expression import known_functions


@pytest.mark.parametrize(
    ("source", "values", "result"),
    [
        ("tanh(w*x + b)", {"x": 2, "w": -3, "b": 6.88}, math.tanh(0.88)),
        ("(x + y) * z", {"x": 2, "y": 3, "z": -4}, -20.0),
        ("q = x + y; f = q*z", {"x": 2, "y": 3, "z": -4}, -20.0),
        ("-x ** 2 / 4 + +x", {"x": 6}, -3.0),
        ("2 ** x - 1e1", {"x": 3}, -2.0),
        ("max(x, 0.5) + min(x, 0.5)", {"x": 2}, 2.5),
        ("sin(pi/2) * x + ln(e)", {"x": 3}, 4.0),
        ("e * x", {"e": 10, "x": 2}, 20.0),  # a value given for e comes first
        ("gelu(x) + leaky_relu(-x)", {"x": 0}, 0.0),
        ("größe * 2", {"größe": 4}, 8.0),
    ],
)
def test_values(source: str, values: dict[str, float], result: float) -> None:
    y = read_expression(source).evaluate(values)
    assert y.item() == pytest.approx(result)
    assert y.dtype is cr.float64
    assert y.requires_grad


def test_leaves_are_named_and_draw_as_the_lecture() -> None:
    f = read_expression("q = x + y; f = q*z").evaluate({"x": 2, "y": 3, "z": -4})
    drawing = viz.draw(f)
    assert [n.name for n in drawing.picture.nodes] == ["x", "y", "z", "q", "f"]
    assert [n.grad for n in drawing.picture.nodes] == [-4.0, -4.0, 5.0, -4.0, 1.0]


def test_tensors_may_be_given() -> None:
    x = cr.tensor([1.0, 2.0], dtype=cr.float64, requires_grad=True)
    y = read_expression("x * 2 + 1").evaluate({"x": x})
    assert y.tolist() == [3.0, 5.0]


REFUSED = [
    ("tamh(w*x)", "there is no function 'tamh'", 0, 4, "did you mean tanh?"),
    ("tanh(w*x + b", "'(' was never closed", 4, 5, "a closing parenthesis is missing"),
    ("1 + 2x", "invalid decimal literal", 4, 5, "2x is written 2*x"),
    ("x^2", "this operator is not known", 0, 3, "powers are written **"),
    ("x @ y", "this operator is not known", 0, 5, "multiplied by *"),
    ("__import__('os').system('ls')", "only a function's name can be called", 0, 23, ""),
    ("x.__class__", "only arithmetic and known functions", 0, 11, ""),
    ("eval('1')", "there is no function 'eval'", 0, 4, ""),
    ("[x for x in y]", "only arithmetic and known functions", 0, 14, ""),
    ("lambda: x", "only arithmetic and known functions", 0, 9, ""),
    ("x if y else z", "only arithmetic and known functions", 0, 13, ""),
    ("x == y", "only arithmetic and known functions", 0, 6, "no derivative to draw"),
    ("x[0]", "only arithmetic and known functions", 0, 4, "indices cannot be used"),
    ("x := 3", "invalid syntax", 2, 4, ""),
    ("'text' * 2", "only numbers can stand here", 0, 6, ""),
    ("True + x", "only numbers can stand here", 0, 4, ""),
    ("1j * x", "only numbers can stand here", 0, 2, ""),
    ("not x", "only + and − are known", 0, 5, ""),
    ("max(x)", "max takes 2 arguments, 1 given", 0, 6, ""),
    ("tanh(input=x)", "plain arguments", 0, 13, ""),
    ("tanh(*x)", "only arithmetic and known functions", 5, 7, "stands between two values"),
    ("import os", "this is a program, not an expression", 0, 9, ""),
    ("x.y = 3", "only a plain name can stand left of =", 0, 3, ""),
    ("größe + tamh(x)", "there is no function 'tamh'", 8, 12, "did you mean tanh?"),
    ("", "the expression is empty", 0, 1, ""),
]


@pytest.mark.parametrize(("source", "reason", "start", "end", "hint"), REFUSED)
def test_refused_with_a_caret(source: str, reason: str, start: int, end: int, hint: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        read_expression(source)
    message = str(caught.value)
    assert reason in message.splitlines()[0]
    assert hint in message
    if end:
        assert message.splitlines()[1] == f"    {source}"
        assert message.splitlines()[2] == "    " + " " * start + "^" * (end - start)


def test_values_that_are_missing_or_too_many() -> None:
    with pytest.raises(ExpressionError, match="no value for 'b'") as caught:
        read_expression("w*x + b").evaluate({"w": 1, "x": 2})
    assert str(caught.value).splitlines()[2] == "    " + " " * 6 + "^"
    with pytest.raises(ExpressionError, match="the expression has no q"):
        read_expression("w*x").evaluate({"w": 1, "x": 2, "q": 3})


@pytest.mark.parametrize("source", ["1 + 2", "q = 3; q * 2", "x; 3"])
def test_plain_numbers_have_no_derivative(source: str) -> None:
    values = {"x": 1.0} if "x" in source else {}
    with pytest.raises(ExpressionError, match="nothing to differentiate"):
        read_expression(source).evaluate(values)


@pytest.mark.parametrize("source", ["9**9**9**9 * x", "x * (1/0)", "x * (2 ** 5000.5)"])
def test_arithmetic_that_fails_is_pointed_at(source: str) -> None:
    with pytest.raises(ExpressionError, match="cannot compute this"):
        read_expression(source).evaluate({"x": 1.0})


def test_deep_expressions_do_not_crash() -> None:
    long = " + ".join(["x"] * 200)
    assert read_expression(long).evaluate({"x": 1.0}).item() == 200.0
    for deep in ("(" * 5000 + "x" + ")" * 5000, "-" * 100_000 + "x", "+".join(["x"] * 50_000)):
        with pytest.raises(ExpressionError):
            read_expression(deep).evaluate({"x": 1.0})


@given(st.text(alphabet="xy0129+-*/()., ^e=;[]'\"\\_:@!%\u00e9", max_size=30))
def test_any_text_is_read_or_refused(source: str) -> None:
    try:
        expression = read_expression(source)
        result = expression.evaluate(dict.fromkeys(expression.names, 1.5))
    except ExpressionError as error:
        message = str(error)
    else:
        message = f"{result.item()}^"
    assert "^" in message


def test_known_functions_are_differentiable_and_harmless() -> None:
    known = known_functions()
    assert {"tanh", "exp", "log", "sqrt", "sin", "cos", "sigmoid", "relu", "max"} <= set(known)
    assert not {"eq", "bitwise_and", "cross_entropy", "embedding", "matmul"} & set(known)
    for name in known:
        op = cr.autograd.registry[{"max": "maximum", "min": "minimum", "ln": "log"}.get(name, name)]
        arguments = ", ".join(["x"] * len(op.inputs))
        y = read_expression(f"{name}({arguments})").evaluate({"x": 0.7})
        assert y.requires_grad
