"""On random programs: the right answer is right, a mistake's answer never is, nothing raises."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.teach import check
from chainrule.teach.answers import Answer
from chainrule.teach.case import Case
from chainrule.teach.gradient_guesses import other_shape, same_shape
from chainrule.teach.guesses import Guess
from chainrule.teach.judging import usual
from chainrule.teach.labels import Labels
from chainrule.teach.slips import slips
from chainrule.teach.truth import Truth

UNARY = [cr.sin, cr.tanh, cr.sigmoid, cr.exp, lambda t: t * t, lambda t: t * 0.5 + 1.0, cr.relu]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1.5),
]


@st.composite
def programs(draw: Any) -> tuple[list[cr.Tensor], cr.Tensor]:
    """Inputs, and one number computed from them by a few operations chosen at random."""
    shape = draw(st.sampled_from([(), (), (3,), (2, 3)]))
    dtype = draw(st.sampled_from([cr.float32, cr.float64]))
    rng = np.random.default_rng(draw(st.integers(0, 2**20)))
    inputs = [
        cr.tensor(rng.uniform(-1.5, 1.5, shape), dtype=dtype, requires_grad=True) for _ in range(2)
    ]
    values = list(inputs)
    for _ in range(draw(st.integers(1, 7))):
        a, b = (values[draw(st.integers(0, len(values) - 1))] for _ in range(2))
        if draw(st.booleans()):
            values.append(UNARY[draw(st.integers(0, len(UNARY) - 1))](a))
        else:
            values.append(BINARY[draw(st.integers(0, len(BINARY) - 1))](a, b))
    total = values[-1] + values[-2]
    y = total if not shape else (total.mean() if draw(st.booleans()) else total.sum())
    return inputs, y


def gradient(y: cr.Tensor, x: cr.Tensor) -> np.ndarray | None:
    (g,) = cr.autograd.grad(y, x, retain_graph=True, allow_unused=True)
    return None if g is None else np.asarray(g.numpy(), np.float64)


@settings(max_examples=60, deadline=None)
@given(programs())
def test_the_right_answer_is_right(program: tuple[list[cr.Tensor], cr.Tensor]) -> None:
    inputs, y = program
    for x in inputs:
        g = gradient(y, x)
        if g is not None and np.all(np.isfinite(g)):
            assert check.grad(g, of=y, wrt=x), g
            assert check.grad(g.tolist(), of=y, wrt=x)
            assert check.grad(g * (1 + 1e-5), of=y, wrt=x)


WRONG = [
    lambda g, x: -g,
    lambda g, x: 2 * g,
    lambda g, x: g / 2,
    lambda g, x: g + 0.1 * np.max(np.abs(g)),
    lambda g, x: np.zeros_like(g),
    lambda g, x: x.detach().numpy().astype(np.float64),
    lambda g, x: g + x.detach().numpy(),
    lambda g, x: g * g,
    lambda g, x: g[::-1] if g.ndim else g * 1.02,
]


@settings(max_examples=60, deadline=None)
@given(programs(), st.integers(0, len(WRONG) - 1))
def test_a_mistakes_answer_is_never_right(
    program: tuple[list[cr.Tensor], cr.Tensor], which: int
) -> None:
    inputs, y = program
    for x in inputs:
        g = gradient(y, x)
        if g is None or not np.all(np.isfinite(g)) or np.max(np.abs(g)) < 1e-3:
            continue
        wrong = WRONG[which](g, x)
        if np.max(np.abs(wrong - g)) <= 0.01 * np.max(np.abs(g)):
            continue
        result = check.grad(wrong, of=y, wrt=x)
        assert result.verdict == "not right"
        if which == 0:
            assert "sign" in result.text
        assert result.text.count("Or: ") <= 1


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3)
    | st.just(...) | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner,
                                                               max_size=2),
    max_leaves=5,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(ANSWERS)
def test_no_answer_raises(answer: Any) -> None:
    x = cr.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    verdicts = {"right", "not yet", "not right"}
    for result in (
        check.grad(answer, of=y, wrt=x),
        check.grad(lambda: answer, of=y, wrt=x),
        check.grad(answer, of=y, wrt=[x]),
        check.value(answer, of=2.5),
        check.value(answer, of=[1.0, [2.0, 3.0]]),
        check.value(answer, of="b"),
        check.value(lambda v: answer, of=lambda v: v, at=[1.0, 2.0]),
        check.shape(answer, of=(2, 3)),
        check.order(answer, of=y),
        check.trains(answer),
        check.trains(answer, below=0.5),
    ):
        assert result.verdict in verdicts


def every_guess(y: cr.Tensor, x: cr.Tensor) -> list[Guess]:
    """All guesses at an answer that is none of them."""
    truth = Truth.by(y, x, None)
    answer = Answer(truth.exact + 0.123, np.zeros(truth.exact.shape))
    case = Case(answer, truth.exact, truth.flow, truth.twin, Labels(y, x))
    with np.errstate(all="ignore"):
        return [*same_shape(case), *other_shape(case)]


@settings(max_examples=40, deadline=None)
@given(programs())
def test_every_guess_says_its_words(program: tuple[list[cr.Tensor], cr.Tensor]) -> None:
    inputs, y = program
    for x in inputs:
        if gradient(y, x) is None:
            continue
        found = every_guess(y, x)
        assert len(found) > 10
        for guess in found:
            assert guess.words.casefold() in guess.sentence.casefold()
            assert not guess.sentence.endswith(".")
            assert guess.anyway or guess.value is not None


def test_guesses_at_values_say_their_words() -> None:
    truth = np.array([2.0, -3.0, 0.5])
    for mine in (truth, truth * 7, truth / 7, -truth * 3, truth * 1.37, np.abs(truth)):
        for guess in usual(Answer(mine, np.zeros(3)), truth, [3, 32]):
            assert guess.words.casefold() in guess.sentence.casefold()
    for op in ("tanh", "sigmoid", "exp", "sqrt", "relu", "sin", "cos", "log", "square", "softmax"):
        for slip in slips(op, [truth], truth, 0, truth, ()):
            assert slip.words.casefold() in slip.sentence.casefold()
