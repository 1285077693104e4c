"""check.grad on graphs of single numbers: the right answer, and each usual mistake by its name."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.teach import check


def named(value: float, name: str, dtype: cr.dtype = cr.float32) -> cr.Tensor:
    return cr.tensor(value, requires_grad=True, name=name, dtype=dtype)


class Lecture:
    """f = (x + y)·z at x = −2, y = 5, z = −4."""

    def __init__(self) -> None:
        self.x, self.y, self.z = named(-2.0, "x"), named(5.0, "y"), named(-4.0, "z")
        self.q = self.x + self.y
        self.q.name = "q"
        self.f = self.q * self.z
        self.f.name = "f"


LECTURE = [
    ("q", 4.0, "the right size and the wrong sign"),
    ("q", -8.0, "too large by a factor 2: something was counted twice, or backward ran twice"),
    ("q", -2.0, "too small by a factor ½"),
    ("q", 3.0, "the value of q itself, not a derivative"),
    ("q", 3.0, "the derivative by z was used for q"),
    ("q", 0.0, "Your answer is zero"),
    ("q", 1.0, "The local derivative ∂f/∂q was left out"),
    ("x", 1.0, "the local derivative only: the upstream gradient ∂f/∂q was left out"),
    ("x", -2.0, "the value of x itself"),
    ("x", -3.0, "added: along a route they multiply"),
    ("x", 3.0, "∂f/∂z, the gradient of another value"),
    ("y", 4.0, "the wrong sign"),
    ("z", -4.0, "the value of z itself"),
    ("z", -12.0, "the value of f, not a derivative"),
    ("z", -3.0, "the wrong sign"),
]


@pytest.mark.parametrize(("by", "answer", "words"), LECTURE)
def test_the_lecture_figure(by: str, answer: float, words: str) -> None:
    g = Lecture()
    result = check.grad(answer, of=g.f, wrt=getattr(g, by))
    assert result.verdict == "not right"
    assert words in result.text
    assert result.name == f"∂f/∂{by}"


@pytest.mark.parametrize(("by", "answer"), [("q", -4), ("x", -4.0), ("y", -4.0), ("z", 3.0)])
def test_the_lecture_figure_is_right(by: str, answer: float) -> None:
    g = Lecture()
    result = check.grad(answer, of=g.f, wrt=getattr(g, by))
    assert result
    shown = str(int(answer)).replace("-", "−")
    both = "It agrees with autograd and with finite differences."
    assert result.text == f"✓ right: ∂f/∂{by} = {shown}. {both}"


@pytest.mark.parametrize("form", [float, np.float32, cr.tensor, lambda v: np.array(v), lambda v: v])
def test_any_form_of_a_number_is_read(form) -> None:
    g = Lecture()
    assert check.grad(form(-4), of=g.f, wrt=g.q)
    assert check.grad(lambda: form(-4), of=g.f, wrt=g.q)


def test_names_are_those_of_the_callers_variables() -> None:
    width = cr.tensor(3.0, requires_grad=True)
    area = width * width
    result = check.grad(-6.0, of=area, wrt=width)
    assert result.name == "∂area/∂width"
    result = check.grad(-6.0, of=width * 2, wrt=width)
    assert result.name == "the gradient by width"
    result = check.grad(-6.0, of=area, wrt=width, name="slope")
    assert result.name == "slope"


class Thrice:
    """y = a·x + b with a = x², b = sin x, at x = 0.7."""

    def __init__(self) -> None:
        self.x = named(0.7, "x", cr.float64)
        self.a = self.x * self.x
        self.a.name = "a"
        self.b = cr.sin(self.x)
        self.b.name = "b"
        self.y = self.a * self.x + self.b
        self.y.name = "y"


COS = math.cos(0.7)
THRICE = [
    (3 * 0.49, "without the route through b"),
    (2 * 0.49 + COS, "without the route straight into a·x"),
    (0.49 + COS, "without the route through a"),
    (2 * 0.49 + COS, "without one of the 2 routes through a"),
    (COS, "only the route through b"),
    (3 * 0.49 + 2 * COS, "the route through b was counted twice"),
    (3 * 0.49 - COS, "wrong sign"),
    (3 * 0.49 + math.sin(0.7), "sin was used itself, not its derivative"),
    (-3 * 0.49 - COS, "the wrong sign"),
]


@pytest.mark.parametrize(("answer", "words"), THRICE)
def test_a_value_used_several_times(answer: float, words: str) -> None:
    g = Thrice()
    result = check.grad(answer, of=g.y, wrt=g.x)
    assert result.verdict == "not right"
    assert words in result.text
    assert result.mistake is not None


def test_routes_multiplied_and_averaged() -> None:
    x = named(3.0, "x")
    y = x * 5.0 + x * 7.0
    assert "multiplied: routes add up" in check.grad(35.0, of=y, wrt=x).text
    assert "the mean over the 2 routes" in check.grad(6.0, of=y, wrt=x).text
    assert "without the route through" in check.grad(5.0, of=y, wrt=x).text


def test_a_square_with_one_route_left_out() -> None:
    x = named(3.0, "x")
    y = x * x
    y.name = "y"
    result = check.grad(3.0, of=y, wrt=x)
    assert "without one of the 2 routes through y" in result.text


def test_a_fork_further_up() -> None:
    x = named(0.5, "x", cr.float64)
    h = cr.exp(x)
    h.name = "h"
    u, v = h * 3.0, cr.tanh(h)
    u.name, v.name = "u", "v"
    f = u + v
    f.name = "f"
    e = math.exp(0.5)
    assert "without the route through v" in check.grad(3 * e, of=f, wrt=x).text
    assert (
        "without the route through u" in check.grad((1 - math.tanh(e) ** 2) * e, of=f, wrt=x).text
    )


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def deep() -> tuple[cr.Tensor, cr.Tensor, list[float], list[float]]:
    """σ(1.5·σ(1.5·σ(1.5·x))): the tensors, and what each σ was given and gave."""
    x = named(0.3, "x", cr.float64)
    t, given, gave, v = x, [], [], 0.3
    for _ in range(3):
        t = cr.sigmoid(t * 1.5)
        given.append(1.5 * v)
        v = sigmoid(1.5 * v)
        gave.append(v)
    t.name = "t"
    return x, t, given, gave


def product(points: list[float], slope) -> float:
    return math.prod(1.5 * slope(p) for p in points)


def test_a_deep_chain() -> None:
    x, t, given, gave = deep()
    s = sigmoid
    truth = product(given, lambda a: s(a) * (1 - s(a)))
    assert check.grad(truth, of=t, wrt=x)
    cases = [
        (product(gave, lambda a: s(a) * (1 - s(a))), "at the output instead of the input, at each"),
        (product(given, lambda a: a * (1 - a)), "at the input instead of the output, at each"),
        (truth / 1.5, "left out"),
        (truth / gave[0], "the factor σ is missing"),
        (truth / (1 - gave[2]), "the factor 1 − σ is missing"),
        (1.5, "the local derivative only"),
        (-truth, "the wrong sign"),
        (truth * 8, "too large by a factor 8"),
    ]
    one = truth / (gave[1] * (1 - gave[1])) * s(gave[1]) * (1 - s(gave[1]))
    cases.append((one, "The derivative of σ was evaluated at the output instead of the input"))
    for answer, words in cases:
        result = check.grad(answer, of=t, wrt=x)
        assert result.verdict == "not right", words
        assert words in result.text


LOCAL = [
    (lambda x: cr.sin(x * x), lambda x: 2 * x * math.cos(x), "at x instead of x·x"),
    (lambda x: cr.sin(x**2), lambda x: math.cos(x**2), "The local derivative"),
    (lambda x: cr.tanh(x) * 3, lambda x: 3 * (1 - x**2), "at the input instead of the output"),
    (lambda x: cr.tanh(x), lambda x: 1 - math.tanh(x), "The square is missing"),
    (lambda x: x**3, lambda x: x**2, "The power rule: the factor n is missing"),
    (lambda x: x**3, lambda x: 3 * x**3, "the exponent 3 stays, and must go down by one"),
    (lambda x: cr.exp(2 * x), lambda x: math.exp(2 * x), "The local derivative"),
    (lambda x: cr.exp(x), lambda x: x * math.exp(x - 1), "The power rule is for powers"),
    (lambda x: cr.log(x) * 2, lambda x: 2 * x, "divided by the local derivative"),
    (lambda x: 2.0 / x, lambda x: -2 / x, "the square is missing"),
    (lambda x: 2.0 / x, lambda x: -1 / x**2, "The numerator is missing".lower()),
    (lambda x: cr.sqrt(x), lambda x: 1 / math.sqrt(x), "the factor ½ is missing"),
    (lambda x: x * 3.0 + 1.0, lambda x: x * 1.0, "the derivative by the other operand"),
]


@pytest.mark.parametrize(("f", "wrong", "words"), LOCAL)
def test_wrong_local_derivatives(f, wrong, words: str) -> None:
    x = named(0.6, "x", cr.float64)
    y = f(x)
    y.name = "y"
    result = check.grad(wrong(0.6), of=y, wrt=x)
    assert result.verdict == "not right"
    assert words in result.text


def test_a_lost_minus_sign_inside() -> None:
    a, b = named(2.0, "a"), named(3.0, "b")
    d = a - b
    d.name = "d"
    f = d * d + b
    f.name = "f"
    assert check.grad(3.0, of=f, wrt=b)
    result = check.grad(-1.0, of=f, wrt=b)
    assert "wrong sign" in result.text or "sign of the local derivative ∂d/∂b" in result.text


def test_the_old_gradient_was_added() -> None:
    x = named(3.0, "x")
    (x * x).backward()
    y = 5 * x
    y.backward()
    y = 5 * x
    result = check.grad(x.grad, of=y, wrt=x)
    assert "the old gradient was added" in result.text
    assert "the old gradient was added" in check.grad(11.0, of=y, wrt=x).text
    x.grad = None
    y.backward(retain_graph=True)
    y.backward()
    text = check.grad(x.grad, of=y, wrt=x).text
    assert "backward ran twice" in text
    assert "the old gradient was added" in text
    x.grad = None
    before = 5 * x
    before.backward()
    y = x * x  # the gradient of another function is in .grad: what is added is not there yet
    assert "the old gradient was added" in check.grad(11.0, of=y, wrt=x).text


def test_a_freed_graph_still_answers() -> None:
    g = Lecture()
    g.f.backward()
    assert check.grad(-4.0, of=g.f, wrt=g.x)
    assert "wrong sign" in check.grad(4.0, of=g.f, wrt=g.x).text
    assert float(g.x.grad) == -4.0


def test_no_gradient_is_touched() -> None:
    g = Lecture()
    check.grad(4.0, of=g.f, wrt=g.x)
    assert g.x.grad is None
    assert g.z.grad is None
    g.f.backward()
    assert float(g.x.grad) == -4.0


def test_typed_digits() -> None:
    x = named(0.7, "x", cr.float64)
    y = cr.sin(x)
    y.name = "y"
    assert "right to the digits you gave" in check.grad(0.765, of=y, wrt=x).text
    assert check.grad(0.7648, of=y, wrt=x)
    assert not check.grad(0.764, of=y, wrt=x)
    assert "cut off, not rounded" in check.grad(0.764, of=y, wrt=x).text
    assert "rounded too early" in check.grad(0.76, of=y, wrt=x).text
    assert check.grad(0.76, of=y, wrt=x, tol=0.01)
    assert "wrong sign" in check.grad(-0.765, of=y, wrt=x).text


def test_a_finite_difference_is_right() -> None:
    x = named(0.7, "x", cr.float64)
    y = cr.exp(cr.sin(x))

    def f(v: float) -> float:
        return math.exp(math.sin(v))

    assert check.grad((f(0.7 + 1e-4) - f(0.7 - 1e-4)) / 2e-4, of=y, wrt=x)


def test_a_kink_is_not_said_to_agree_with_differences() -> None:
    x = named(0.0, "x")
    y = cr.relu(x)
    assert check.grad(0.0, of=y, wrt=x).text.endswith("It agrees with autograd.")


def test_not_finite_answers_have_words() -> None:
    g = Lecture()
    assert "Your answer is nan" in check.grad(math.nan, of=g.f, wrt=g.x).text
    assert "Your answer is ∞" in check.grad(math.inf, of=g.f, wrt=g.x).text
    x = named(0.0, "x")
    y = cr.sqrt(x)
    assert check.grad(math.inf, of=y, wrt=x)
    assert not check.grad(1.0, of=y, wrt=x)


def test_several_gradients_in_one_result() -> None:
    g = Lecture()
    assert check.grad([-4, -4, 3], of=g.f, wrt=[g.x, g.y, g.z])
    result = check.grad([-4, 4, 3], of=g.f, wrt=[g.x, g.y, g.z])
    assert "∂f/∂y. Your 4 has the right size and the wrong sign" in result.text
    assert "∂f/∂x" not in result.text
    assert check.grad([-4, ..., 3], of=g.f, wrt=[g.x, g.y, g.z]).verdict == "not yet"
    assert "A list of 3 gradients" in check.grad(-4, of=g.f, wrt=[g.x, g.y, g.z]).text


def test_the_teachers_own_errors_raise() -> None:
    g = Lecture()
    with pytest.raises(TypeError, match="wrt= is a tensor"):
        check.grad(1.0, of=g.f, wrt=3.0)
    with pytest.raises(ValueError, match="carries no gradient"):
        check.grad(1.0, of=g.f, wrt=cr.tensor(1.0))
    with pytest.raises(ValueError, match="not computed from"):
        check.grad(1.0, of=g.f, wrt=named(1.0, "w"))
    vector = cr.ones(3, requires_grad=True) * 2
    with pytest.raises(ValueError, match="reduce it to one number"):
        check.grad(1.0, of=vector, wrt=vector)
    with pytest.raises(ValueError, match="shape of of="):
        check.grad(1.0, of=vector, wrt=vector, grad=[1.0])


@pytest.mark.parametrize("answer", [..., None, [...], lambda: ..., lambda: None, lambda: ... + 1])
def test_open_holes(answer) -> None:
    g = Lecture()
    result = check.grad(answer, of=g.f, wrt=g.x)
    assert result.verdict == "not yet"
    assert result.text.startswith("… not yet: ∂f/∂x. ")
    assert check.grad(1.0, of=..., wrt=g.x).verdict == "not yet"
    assert check.grad(1.0, of=g.f, wrt=None).verdict == "not yet"


class Strange:
    grad = 3.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("−4", "a string"),
        ({"x": 1}, "a dict"),
        (Strange(), "give the number in it (.grad)"),
        (object(), "an object"),
        ([[1.0], [1.0, 2.0]], "no array of numbers"),
        ([1.0, 2.0], "one number is asked for"),
        (lambda: 1 / 0, "Your function raised ZeroDivisionError"),
        (lambda x: x, "Your function raised TypeError"),
    ],
)
def test_strange_answers_have_words(answer, words: str) -> None:
    g = Lecture()
    result = check.grad(answer, of=g.f, wrt=g.x)
    assert result.verdict == "not right"
    assert words in result.text


def test_a_large_graph_is_quick() -> None:
    x = named(0.5, "x", cr.float64)
    t = x
    for _ in range(5000):
        t = t * 0.9999 + 1e-4
    assert check.grad(0.9999**5000, of=t, wrt=x)
    assert "wrong sign" in check.grad(-(0.9999**5000), of=t, wrt=x).text
    assert not check.grad(0.123456, of=t, wrt=x)
