"""What is said beside the first diagnosis, and what is left out because it says the same."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.nn import functional as F
from chainrule.teach import check


def leaf(value: float, name: str) -> cr.Tensor:
    return cr.tensor(value, requires_grad=True, name=name, dtype=cr.float64)


def text(mine, of: cr.Tensor, wrt: cr.Tensor) -> str:
    result = check.grad(mine, of=of, wrt=wrt)
    assert result.verdict == "not right"
    return result.text


class Network:
    """Two routes lead from w1 to L: they bring −36 and +24."""

    def __init__(self) -> None:
        self.w1, self.w2, self.w3 = leaf(1.0, "w1"), leaf(3.0, "w2"), leaf(1.0, "w3")
        self.w4, self.w5 = leaf(1.0, "w4"), leaf(-2.0, "w5")
        self.a = self.w1 * 2.0
        self.h1, self.h2 = cr.relu(self.w2 * self.a), cr.relu(self.w3 * self.a)
        self.o = self.w4 * self.h1 + self.w5 * self.h2
        self.L = (self.o - 5.0) ** 2
        for name in ("a", "h1", "h2", "o", "L"):
            getattr(self, name).name = name


def chain() -> tuple[cr.Tensor, ...]:
    x = leaf(2.0, "x")
    y = x**2
    m = y**2
    z = m**2 - 1
    y.name, m.name, z.name = "y", "m", "z"
    return x, y, m, z


def test_a_factor_left_out_is_named_once() -> None:
    x, q = leaf(2.0, "x"), leaf(-4.0, "q")
    f = (x + 3.0) * q
    assert text(1.0, f, x).count("left out") == 1
    x, _, m, z = chain()
    assert text(1.0, z, m).count("left out") == 1
    assert text(256.0, z, x).count("∂z/∂y") <= 1


def test_beside_a_wrong_sign_no_factor_is_looked_for() -> None:
    z = cr.tensor(np.log([2.0, 3.0, 5.0]), dtype=cr.float64, requires_grad=True)
    e = cr.exp(z)
    P = e / e.sum()
    L = -cr.log(P[0])
    said = text([5.0, 0.0, 0.0], L, P)
    assert "the wrong sign" in said
    assert "left out" not in said
    assert "Or:" not in said


def test_an_index_is_written_as_it_was_typed() -> None:
    P = cr.tensor([0.2, 0.3, 0.5], dtype=cr.float64, requires_grad=True, name="P")
    said = text([-0.2, 0.0, 0.0], -cr.log(P[0]), P)
    assert "∂(log(P[0]))/∂(P[0])" in said


def test_local_derivatives_that_were_added() -> None:
    x, _, _, z = chain()
    assert "added: along a route they multiply" in text(32 + 8 + 4, z, x)


FURTHER_ON = [
    (-6.0, "the mean over the 2 routes from a"),
    (-36.0 * 24, "What arrives on the routes from a was multiplied"),
    (-60.0, "the route from a through h2 has the wrong sign"),
    (-36.0, "without the route through h2"),
]


@pytest.mark.parametrize(("mine", "words"), FURTHER_ON)
def test_routes_that_part_further_on(mine: float, words: str) -> None:
    g = Network()
    said = text(mine, g.L, g.w1)
    assert words in said
    assert said.count("without the route") <= 1


def test_values_with_names_stand_for_those_that_get_the_same_gradient() -> None:
    a, b = leaf(3.0, "a"), leaf(1.0, "b")
    x = a**2 + 7 * b
    z = 4 * x
    x.name, z.name = "x", "z"
    assert "the upstream gradient ∂z/∂x was left out" in text(6.0, z, a)


def test_a_change_that_was_not_divided_and_a_value_too_many() -> None:
    x, y, z = leaf(2.0, "x"), leaf(3.0, "y"), leaf(-4.0, "z")
    f = (x + y) * z
    assert "divide the change by the step" in text(-0.04, f, x)
    assert "multiplied by the value of y once too often" in text(-12.0, f, x)


POWERS = [
    (2 * 5.0**2, "the factor is the exponent 3 itself"),
    (3 * 5.0**4, "goes up, and must go down by one"),
    (5.0**3, "was used itself, not its derivative"),
    (3.0, "x is missing"),
]


@pytest.mark.parametrize(("mine", "words"), POWERS)
def test_the_power_rule(mine: float, words: str) -> None:
    x = leaf(5.0, "x")
    assert words in text(mine, x**3, x)


def test_a_factor_two_is_no_batch_mean_of_two_features() -> None:
    X = cr.tensor(np.arange(8.0).reshape(4, 2))
    W = cr.ones(2, 3, dtype=cr.float64, requires_grad=True)
    L = ((X @ W) ** 2).sum()
    (g,) = cr.autograd.grad(L, W, retain_graph=True)
    assert "batch mean" not in text(g / 2, L, W)
    assert "factor 2 was left out" in text(g / 2, L, W)
    assert "It is 4 times too large: the division by 4 is missing" in text(4 * g, L, W)
    assert "missing (the batch mean), and the sign is wrong" in text(-4 * g, L, W)


def test_a_softmax_along_the_wrong_axis_or_none() -> None:
    cr.manual_seed(3)
    Z = cr.randn(4, 3, dtype=cr.float64, requires_grad=True)
    Y = F.one_hot(cr.tensor([0, 2, 1, 2]), 3).double()
    L = F.cross_entropy(Z, cr.tensor([0, 2, 1, 2]))
    assert "along axis 0 instead of axis 1" in text((F.softmax(Z, dim=0) - Y) / 4, L, Z)
    assert "The softmax was left out" in text((Z - Y) / 4, L, Z)


def test_a_batch_normalisation_with_a_part_left_out() -> None:
    cr.manual_seed(4)
    X = cr.randn(8, 3, dtype=cr.float64, requires_grad=True)
    gamma = cr.randn(3, dtype=cr.float64, requires_grad=True)
    G = cr.randn(8, 3, dtype=cr.float64)
    L = (G * F.batch_norm(X, None, None, gamma, None, training=True)).sum()
    s = cr.sqrt(X.var(0, correction=0) + 1e-5)
    xhat, g = (X - X.mean(0)) / s, G * gamma
    shift, stretch = g.mean(0), xhat * (g * xhat).mean(0)
    right = (g - shift - stretch) / s
    assert check.grad(right, of=L, wrt=X)
    assert "the part along x̂ was not removed" in text((g - shift) / s, L, X)
    assert "the mean of the gradient was not removed" in text((g - stretch) / s, L, X)
    assert "neither the mean nor the part along x̂" in text(g / s, L, X)
    assert "the division by s was left out" in text(right * s, L, X)
    assert "the factor γ was left out" in text(right / gamma, L, X)


def test_a_local_derivative_that_was_used_twice() -> None:
    cr.manual_seed(5)
    Z = cr.randn(4, 3, dtype=cr.float64, requires_grad=True)
    Z.name = "Z"
    A = cr.sigmoid(Z)
    L = (A**2).sum()
    assert "∂A/∂Z was multiplied in twice" in text(2 * A * (A * (1 - A)) ** 2, L, Z)


def test_large_factors_of_single_numbers_are_chance() -> None:
    assert "factor" not in check.value(0.114, of=3.75e-6).text
    assert "factor" not in check.value(1, of=-20).text
    assert "factor 10" in check.value(3.75e-5, of=3.75e-6).text
    assert "factor 3" in check.value(21, of=7).text


def program(x):
    return x


def test_functions_and_arguments_have_names() -> None:
    result = check.value(lambda f, x: -f(x), of=lambda f, x: f(x), at=[(program, 2.0)])
    assert "At f = program, x = 2 your function gives −2." in result.text


def test_of_arrays_the_largest_difference_is_said() -> None:
    big = np.arange(8.0).reshape(4, 2)
    result = check.value(lambda a: a + (a == 3), of=lambda a: a, at=[big])
    assert "an array of shape" not in result.text
    assert "7 of 8 elements are right. The largest difference is 1, at [1, 1]" in result.text
    result = check.value(lambda a: -a, of=lambda a: a, at=[big])
    assert "the wrong sign" in result.text
    assert "The largest difference is 14, at [3, 1]" in result.text


def test_a_function_that_returns_nothing_or_meets_none() -> None:
    result = check.value(lambda x: None, of=lambda x: x, at=[1.0])
    assert result.verdict == "not yet"
    assert "write its return" in result.text
    result = check.value(lambda x: x * None, of=lambda x: x, at=[1.0])
    assert result.verdict == "not yet"
    assert result.text.endswith("a return missing, or a gradient None?")
