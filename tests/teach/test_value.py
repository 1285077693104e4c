"""check.value: numbers, arrays, texts, collections and functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.teach import check

RIGHT = [
    (0.25, 0.25),
    (1, 1.0),
    (0.333, 1 / 3),
    (0.3333, 1 / 3),
    (np.float32(1 / 3), 1 / 3),
    ([1.0, 2.0], np.array([1.0, 2.0])),
    ((1, 2), cr.tensor([1.0, 2.0])),
    (cr.tensor([[1.0, 2.0]]), [[1.0, 2.0]]),
    ([0.333, 0.667], [1 / 3, 2 / 3]),
    (True, True),
    (2 + 1j, 2 + 1j),
    ("The Sigmoid ", "the sigmoid"),
    ([1.0, [2.0, 3.0]], [1.0, [2.0, 3.0]]),
    ({"w": [1.0, 2.0], "b": 3}, {"w": [1.0, 2.0], "b": 3.0}),
    (math.inf, math.inf),
    (1e-9, 0.0),
    ([0.1 + 0.2], [0.3]),
]


@pytest.mark.parametrize(("mine", "of"), RIGHT)
def test_right_values(mine, of) -> None:
    assert check.value(mine, of=of)


A = np.array([[1.0, 2.0], [3.0, 5.0]])
V = np.array([1.5, -2.0, 4.0])

WRONG = [
    (-0.25, 0.25, "the right size and the wrong sign"),
    (0.5, 0.25, "factor 2"),
    (0.125, 0.25, "factor ½"),
    (4.0, 0.25, "reciprocal"),
    (0.0625, 0.25, "the square of the right answer"),
    (3.0, 9.0, "the square root of the right answer"),
    (7, 8, "off by one: one too few"),
    (9, 8, "off by one: one too many"),
    (25, 0.25, "×100"),
    (0.0031, 0.31, "×100"),
    (0.33, 1 / 3, "rounded too early"),
    (0.3, 1 / 3, "is off by 0.0333"),
    (0.666, 2 / 3, "cut off, not rounded"),
    (math.log2(5), math.log(5), "the log base is e here (a factor ln 2)"),
    (math.log10(5), math.log(5), "the log base is e here (a factor ln 10)"),
    (math.log(5), math.log2(5), "the log base is 2 here (a factor ln 2)"),
    (math.log(5), math.log10(5), "the log base is 10 here (a factor ln 10)"),
    (math.degrees(0.4), 0.4, "degrees"),
    (0.0, 0.4, "zero"),
    (0.75 * 0.4, 0.4, "is off by 0.1"),
    (5 * 0.37, 0.37, "too large by a factor 5"),
    (0.37 / 5, 0.37, "factor 1/5"),
    (
        -2 * 0.37,
        0.37,
        "the wrong sign, and is too large by a factor 2",
    ),
    (math.nan, 2.0, "Your answer is nan"),
    (A.T, A, "transposed"),
    (V * 3, V, "a sum where the mean is asked for (factor n = 3)"),
    (V / 3, V, "a mean where the sum is asked for (factor n = 3)"),
    (-V, V, "Every element has the right size and the wrong sign"),
    (np.abs(V), V, "1 of 3 elements have the right size and the wrong sign"),
    (
        V + np.array([0, 0, 0.5]),
        V,
        "2 of 3 elements are right. The largest difference is 0.5, at [2]",
    ),
    (V[:2], V, "Your shape is (2,), the right one is (3,)"),
    (V[None], V, "an axis of size 1 too many"),
    (1.0, V, "Your answer is one number"),
    (V, 1.0, "one number is asked for"),
    (A.sum(0), A, "an axis is missing"),
    ("a", "b", "It is not 'a'"),
    (1.0, "b", "A text is asked for"),
    ("1", 1.0, "a string"),
    ([1.0, [2.0, 4.0]], [1.0, [2.0, 3.0]], "Number 2 of 2: 1 of 2 elements are right"),
    ([1.0], [1.0, [2.0, 3.0]], "2 values are asked for"),
    ({"w": [1.0, -2.0], "b": 3}, {"w": [1.0, 2.0], "b": 3.0}, "w: 1 of 2 elements have"),
    ({"w": [1.0, 2.0]}, {"w": [1.0, 2.0], "b": 3.0}, "'b' is missing"),
    (3.0, {"b": 3.0}, "A dict is asked for"),
    (lambda: 3.0, 3.0, "Your answer is a function"),
]


@pytest.mark.parametrize(("mine", "of", "words"), WRONG)
def test_wrong_values_and_the_words(mine, of, words: str) -> None:
    result = check.value(mine, of=of, name="the loss")
    assert result.verdict == "not right"
    assert result.text.startswith("✗ not right: the loss. ")
    assert words in result.text


def test_a_sum_for_a_mean_is_seen_in_what_the_value_came_from() -> None:
    x = cr.arange(7.0, requires_grad=True)
    loss = (x**2).mean()
    result = check.value(91.0, of=loss)
    assert "a sum where the mean is asked for (factor n = 7)" in result.text


def test_tolerance() -> None:
    assert not check.value(1.01, of=1.0)
    assert check.value(1.009, of=1.0, tol=0.01)
    assert check.value(1.00005, of=1.0)
    assert not check.value(1.0005, of=1.0)
    assert not check.value(2e-8, of=1e-8)


def test_the_teachers_own_mistakes_come_first() -> None:
    mistakes = {"forgot the bias": 2.0, "added the bias twice": lambda: 4.0}
    result = check.value(2.0, of=3.0, mistakes=mistakes)
    assert result.text == "✗ not right: the value. Forgot the bias."
    assert result.mistake == "forgot the bias"
    assert "Added the bias twice" in check.value(4.0, of=3.0, mistakes=mistakes).text
    assert check.value(3.0, of=3.0, mistakes=mistakes)


@pytest.mark.parametrize(
    "mine", [..., None, [1.0, ...], {"a": None}, np.array([None, 1.0], dtype=object)]
)
def test_open_holes(mine) -> None:
    assert check.value(mine, of=[1.0, 2.0]).verdict == "not yet"
    assert check.value(1.0, of=mine).verdict == "not yet"
    assert check.value(mine, of=abs, at=[1.0]).verdict == "not yet"


def open_body(x):
    y = ...
    return y * x


def open_call(x):
    return open_return(x) + 1


def open_return(x):
    return ...


def not_written(x):
    raise NotImplementedError


def open_method(x):
    y = ...
    return y.sum()


@pytest.mark.parametrize(
    "mine", [open_body, open_call, open_return, not_written, open_method, lambda x: [x, None]]
)
def test_functions_with_open_holes(mine) -> None:
    assert check.value(mine, of=lambda x: x, at=[1.0, 2.0]).verdict == "not yet"


def test_functions_are_compared_at_arguments() -> None:
    result = check.value(lambda x: x * x, of=lambda x: x**2, at=[1.0, -2.0])
    assert result.text == "✓ right: the value. Compared at 2 arguments."
    assert check.value(lambda a, b: a + b, of=lambda a, b: b + a, at=[(1.0, 2.0)])
    assert check.value(np.cumsum, of=lambda v: np.array([v[0], v[0] + v[1]]), at=[np.ones(2)])


FUNCTIONS = [
    (lambda x: -x, lambda x: x, [1.0, 3.0], "At 1 your function gives −1. Every result has"),
    (
        lambda x: 1 / x,
        lambda x: x,
        [1.0, 4.0],
        "At 4 your function gives 0.25. It is the reciprocal",
    ),
    (lambda x: x if x < 3 else 0, lambda x: x, [1.0, 4.0], "At 4 your function gives 0. Your 0 is"),
    (np.sum, np.mean, [np.arange(1.0, 4), np.ones(3)], "(factor n = 3)"),
    (lambda a: a.T, lambda a: a, [A], "transposed"),
    (lambda x: x / 0, lambda x: x, [1.0], "Your function raised ZeroDivisionError"),
    (lambda: 1.0, lambda x: x, [1.0], "Your function raised TypeError"),
    (3.0, lambda x: x, [1.0], "Your answer is no function"),
    (lambda x: "a", lambda x: x, [1.0], "a string"),
    (lambda x: [x, x], lambda x: x, [1.0], "Your shape is (2,), and one number is asked for"),
]


@pytest.mark.parametrize(("mine", "of", "at", "words"), FUNCTIONS)
def test_wrong_functions_and_the_words(mine, of, at, words: str) -> None:
    result = check.value(mine, of=of, at=at)
    assert result.verdict == "not right"
    assert words in result.text


def test_what_fits_at_one_argument_only_is_not_named() -> None:
    result = check.value(lambda x: x + 2, of=lambda x: 2 * x, at=[1.0, 2.0, 5.0])
    assert result.mistake is None
    assert "At 1 your function gives 3. Your 3 is off by 1" in result.text


def test_own_mistakes_may_be_functions() -> None:
    result = check.value(
        lambda x, h: (x + h) ** 2 - x**2,
        of=lambda x, h: ((x + h) ** 2 - x**2) / h,
        at=[(3.0, 0.5), (2.0, 0.25)],
        mistakes={"not divided by h": lambda x, h: (x + h) ** 2 - x**2},
    )
    assert result.mistake == "not divided by h"


def test_functions_may_use_tensors_and_write_into_arrays() -> None:
    x = cr.tensor(3.0, requires_grad=True)

    def slope(x):
        (x * x).backward()
        return x.grad

    assert check.value(slope, of=slope, at=[x])
    assert x.grad is None
    data = np.ones(3)

    def spoil(v):
        v += 1
        return v.sum()

    assert check.value(spoil, of=spoil, at=[data])
    assert data.sum() == 3


def test_the_teachers_own_errors_raise() -> None:
    with pytest.raises(TypeError, match="no numbers"):
        check.value(1.0, of=object())
    with pytest.raises(TypeError, match="must say where"):
        check.value(1.0, of=abs)
    with pytest.raises(TypeError, match="must be a function"):
        check.value(abs, of=1.0, at=[1.0])
