"""The random stream: numbers recorded from PyTorch 2.13 on a CPU, state, errors, statistics."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.autograd import random as cr_random
from chainrule.autograd.random import Generator

Draw = Callable[[Generator], Any]

# (seed, draw, PyTorch's numbers); float32 prints the shortest digits that give the same number.
EXACT: dict[str, tuple[int, Draw, list[float]]] = {
    "rand": (
        0,
        lambda g: g.uniform(4, np.float32),
        [0.4962566, 0.7682218, 0.08847743, 0.13203049],
    ),
    "rand64": (
        0,
        lambda g: g.uniform(3, np.float64),
        [0.9700530018065531, 0.707819864399788, 0.45938294312745087],
    ),
    "uniform": (
        3,
        lambda g: g.uniform(4, np.float32, -1.1, 2.3),
        [-1.085504, -0.7410642, -0.12813558, -1.0083536],
    ),
    "randn5": (
        0,
        lambda g: g.normal(5, np.float32),
        [1.5409961, -0.2934289, -2.1787894, 0.56843126, -1.0845224],
    ),
    "randn16": (
        0,
        lambda g: g.normal(16, np.float32),
        [-1.1258398, -1.1523602, -0.25057858, -0.4338788, 0.84871036, 0.69200915, -0.31601277,
         -2.1152194, 0.32227492, -1.2633348, 0.3499832, 0.30813393, 0.11984151, 1.2376579,
         1.1167772, -0.24727815],
    ),
    "randn17": (
        42,
        lambda g: g.normal(17, np.float32),
        [1.9269153, -0.15959747, -0.49739754, 0.43958926, -0.75813115, 1.0783176, 0.80080056,
         1.6806206, 0.3558599, 1.2964228, 0.6104665, 1.3347378, -0.23162432, 0.04175949,
         -0.2515753, 0.8598585, -0.30972677],
    ),
    "randn18 half": (
        1,
        lambda g: g.normal(18, np.float16),
        [-1.525, -0.75, -0.697, -1.161, 0.6997, 0.1991, 0.8657, 0.2444, -0.663, 0.807, 1.102,
         -0.1759, -2.246, -1.446, 0.06116, -0.6177, -0.798, -0.1316],
    ),
    "normal": (
        2,
        lambda g: g.normal(16, np.float32, 0.3, 1.7),
        [-1.469362, 1.8582271, -1.9171237, -1.5864533, -1.7719228, 2.284907, -1.4975667,
         0.09797307, -1.2433277, 0.88687783, -0.6712676, -0.09968518, 2.012929, -0.9798985,
         -0.08249865, -0.43556625],
    ),
    "randint": (0, lambda g: g.randint(-5, 10, 8), [9, 4, 3, -5, 8, 4, 2, 8]),
    "randint wide": (
        0,
        lambda g: g.randint(0, 2**40, 3),
        [741280623151, 506137267392, 291447657211],
    ),
    "random int64": (
        0,
        lambda g: g.random(3, np.int64),
        [900450186894289455, 3969543146641149120, 1895649597198586619],
    ),
    "random uint8": (0, lambda g: g.random(5, np.uint8), [172, 47, 117, 192, 67]),
    "randperm": (0, lambda g: g.permutation(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]),
    "bernoulli": (0, lambda g: g.bernoulli(0.5, 12), [0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1]),
    "bernoulli of p": (
        0,
        lambda g: g.bernoulli_array(np.full(12, 0.5, np.float32)),
        [1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1],
    ),
    "geometric": (0, lambda g: g.geometric(8, np.float32, 0.2), [1, 2, 4, 1, 2, 2, 8, 5]),
    "multinomial with replacement": (
        0,
        lambda g: g.multinomial(np.array([0.1, 0.2, 0.3, 0.4], np.float32), 10, True),
        [3, 3, 2, 3, 3, 3, 1, 2, 2, 1],
    ),
    "multinomial": (
        0,
        lambda g: g.multinomial(np.array([0.1, 0.2, 0.3, 0.4], np.float32), 3),
        [2, 1, 3],
    ),
    "seed -1": (-1, lambda g: g.uniform(2, np.float32), [0.9937994, 0.57130635]),
    "seed 2**32 is seed 0": (2**32, lambda g: g.uniform(2, np.float32), [0.4962566, 0.7682218]),
    "seed beyond int64": (
        2**63 + 11,
        lambda g: g.uniform(2, np.float32),
        [0.14904171, 0.48655313],
    ),
}  # fmt: skip

# These go through the C library's or NumPy's functions in float64: the last digit may differ.
CLOSE: dict[str, tuple[int, Draw, list[float]]] = {
    "randn18 float64": (
        1,
        lambda g: g.normal(18, np.float64),
        [-0.31128955419003207, -0.7130302768401124, 0.5739008402091161, 1.5697184649359581,
         0.8734455849426772, -3.704663800207429, -1.8141539905872015, -1.8425712793844078,
         0.09412786590968454, 0.5119431551289874, 1.052307808929565, -0.15636439667930063,
         -2.1010054062092243, 1.5797411191469026, 1.0833573008638342, 0.8896745158287568,
         -1.928583354008078, -0.27100795326519517],
    ),
    "exponential": (
        0,
        lambda g: g.exponential(4, np.float32, 2.0),
        [1.7541631, 0.61519235, 0.30752206, 1.2675593],
    ),
    "cauchy": (
        0,
        lambda g: g.cauchy(4, np.float32, 1.0, 2.0),
        [22.19546, 2.5295346, 0.7434013, 8.866147],
    ),
    "log_normal": (
        0,
        lambda g: g.log_normal(3, np.float32, 0.5, 0.7),
        [4.848635, 1.3425889, 0.35874173],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXACT)
def test_numbers_are_pytorchs(case: str) -> None:
    seed, draw, want = EXACT[case]
    got = draw(Generator().manual_seed(seed))
    np.testing.assert_array_equal(got, np.array(want, got.dtype))


@pytest.mark.parametrize("case", CLOSE)
def test_numbers_are_pytorchs_but_for_the_last_digit(case: str) -> None:
    seed, draw, want = CLOSE[case]
    got = draw(Generator().manual_seed(seed))
    np.testing.assert_allclose(got, np.array(want, got.dtype), rtol=4 * np.finfo(got.dtype).eps)


def test_a_sequence_of_calls_keeps_the_second_normal() -> None:
    g, f = Generator().manual_seed(7), np.float32
    got = [*g.normal(3, f), *g.uniform(2, f), *g.normal(2, f), *g.randint(0, 9, 2)]
    got += [*g.normal(16, f)[:2], *g.permutation(3), *g.normal(1, f)]
    want = [-0.1467951, 0.7861413, 0.94682163, 0.36531615, 0.85126835, -1.114344, 0.4457424]
    want += [2, 4, -1.5826646, -0.32456663, 0, 2, 1, -0.70683247]
    np.testing.assert_array_equal(np.array(got, f), np.array(want, f))


DRAWS: dict[str, Draw] = {
    "uniform24": lambda g: g.uniform((3, 5), np.float32),
    "uniform53": lambda g: g.uniform(40000, np.float64),
    "short normal": lambda g: g.normal(5, np.float32),
    "long normal": lambda g: g.normal((7, 9), np.float32),
    "pairs": lambda g: g.normal(33, np.float64, block=False),
    "randint": lambda g: g.randint(0, 2**40, 7),
    "permutation": lambda g: g.permutation(11),
    "bernoulli": lambda g: g.bernoulli(0.3, 9),
}


@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    before=st.lists(st.sampled_from(sorted(DRAWS)), max_size=5),
    after=st.lists(st.sampled_from(sorted(DRAWS)), min_size=1, max_size=5),
)
def test_state_round_trips_anywhere(seed: int, before: list[str], after: list[str]) -> None:
    g = Generator().manual_seed(seed)
    for name in before:
        DRAWS[name](g)
    state = g.get_state()
    assert state.dtype == np.uint8
    assert state.shape == (5056,)
    others = [Generator(), g.clone_state(), copy.deepcopy(g), pickle.loads(pickle.dumps(g))]
    others[0].set_state(state)
    for name in after:
        want = DRAWS[name](g)
        for other in others:
            np.testing.assert_array_equal(DRAWS[name](other), want)
    for other in others:
        np.testing.assert_array_equal(other.get_state(), g.get_state())
        assert other.initial_seed() == seed % 2**64


def test_one_large_draw_is_many_small_ones() -> None:
    g, h = Generator().manual_seed(1), Generator().manual_seed(1)
    np.testing.assert_array_equal(
        g.uniform(100_003, np.float32),
        np.concatenate([h.uniform(n, np.float32) for n in (1, 0, 50_001, 50_001)]),
    )
    np.testing.assert_array_equal(
        g.uniform(70_001, np.float64),
        np.concatenate([h.uniform(n, np.float64) for n in (35_000, 35_001)]),
    )
    np.testing.assert_array_equal(
        g.normal(160_000, np.float32),
        np.concatenate([h.normal(n, np.float32) for n in (80_000, 79_984, 16)]),
    )


def test_reseeding_forgets_the_second_normal() -> None:
    g = Generator().manual_seed(5)
    first = g.normal(1, np.float32)
    np.testing.assert_array_equal(g.manual_seed(5).normal(1, np.float32), first)


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (4, 2, 3), 5])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_shapes_and_dtypes(shape: Any, dtype: str) -> None:
    g = Generator()
    want = np.empty(shape).shape
    for got in (g.uniform(shape, dtype), g.normal(shape, dtype)):
        assert isinstance(got, np.ndarray)
        assert (got.shape, got.dtype) == (want, np.dtype(dtype))


def test_bfloat16() -> None:
    g = Generator()
    for got in (g.uniform(40, ml_dtypes.bfloat16), g.normal(40, ml_dtypes.bfloat16)):
        assert got.dtype == ml_dtypes.bfloat16


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_uniform_never_returns_the_upper_end(dtype: Any) -> None:
    low, high = 1.0, 1.0 + 4 * float(ml_dtypes.finfo(dtype).eps)
    got = Generator().uniform(20_000, dtype, low, high).astype(np.float64)
    assert got.min() == low
    assert got.max() < high


# Each bound is five standard deviations of the statistic for its number of draws.
N = 200_000


@pytest.mark.parametrize(
    ("draw", "mean", "variance"),
    [
        (lambda g: g.uniform(N, np.float32), 1 / 2, 1 / 12),
        (lambda g: g.normal(N, np.float32), 0, 1),
        (lambda g: g.normal(N, np.float64, block=False), 0, 1),
        (lambda g: g.exponential(N, np.float64, 2.0), 1 / 2, 1 / 4),
        (lambda g: g.geometric(N, np.int64, 0.25), 4, 12),
        (lambda g: g.bernoulli(0.2, N), 0.2, 0.16),
        (lambda g: g.bernoulli_array(np.full(N, 0.2)), 0.2, 0.16),
        (lambda g: g.randint(0, 5, N), 2, 2),
        (lambda g: g.log_normal(N, np.float64, 0.0, 0.5), math.exp(1 / 8),
         (math.exp(1 / 4) - 1) * math.exp(1 / 4)),
        (lambda g: g.cauchy(N, np.float64) > 1, 0.25, 0.1875),
        (lambda g: g.multinomial(np.array([1.0, 2.0, 1.0]), N, True), 1, 0.5),
        (lambda g: g.multinomial(np.ones((N, 4)), 1), 1.5, 1.25),
    ],
)  # fmt: skip
def test_means(draw: Draw, mean: float, variance: float) -> None:
    got = draw(Generator().manual_seed(0)).astype(np.float64)
    assert abs(got.mean() - mean) < 5 * math.sqrt(variance / N)


@given(n=st.integers(0, 200), seed=st.integers(0, 100))
def test_permutation_holds_each_number_once(n: int, seed: int) -> None:
    got = Generator().manual_seed(seed).permutation(n)
    assert got.dtype == np.int64
    np.testing.assert_array_equal(np.sort(got), np.arange(n))


def test_multinomial_without_replacement_repeats_nothing_and_avoids_zero() -> None:
    p = np.tile(np.array([0.0, 1.0, 5.0, 0.0, 2.0]), (500, 1))
    got = Generator().multinomial(p, 3)
    np.testing.assert_array_equal(np.sort(got, axis=1), np.tile([1, 2, 4], (500, 1)))


def test_threads_share_the_stream_without_loss() -> None:
    g = Generator().manual_seed(3)
    parts: list[Any] = []

    def work() -> None:
        parts.extend(g.uniform(1000, np.float64) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    want = Generator().manual_seed(3).uniform(200_000, np.float64).reshape(-1, 1000)
    order = sorted(range(len(parts)), key=lambda i: float(parts[i][0]))
    np.testing.assert_array_equal(np.array([parts[i] for i in order]), want[np.argsort(want[:, 0])])


ERRORS: list[tuple[Draw, type[Exception], str]] = [
    (lambda g: g.manual_seed(2**64), ValueError, "does not fit 64 bits"),
    (lambda g: g.manual_seed(-(2**63) - 1), ValueError, "does not fit 64 bits"),
    (lambda g: g.manual_seed(1.5), RuntimeError, "expected a long, but got float"),
    (lambda g: g.set_state(np.zeros(10, np.uint8)), RuntimeError, "5056 bytes of uint8"),
    (lambda g: g.set_state(np.zeros(5056, np.int64)), RuntimeError, "got int64"),
    (lambda g: g.set_state(np.full(5056, 255, np.uint8)), RuntimeError, "not a generator state"),
    (lambda g: g.uniform(2, "int64"), NotImplementedError, "int64 holds none"),
    (lambda g: g.uniform(2, "float32", 2, 1), RuntimeError, "found from=2 > to=1"),
    (lambda g: g.normal(2, "float32", 0, -1), RuntimeError, "std >= 0.0, but found std -1"),
    (lambda g: g.randint(5, 3, 2), RuntimeError, "got from=5 >= to=3"),
    (lambda g: g.randint(0, 300, 2, np.uint8), RuntimeError, "to - 1 is out of bounds for uint8"),
    (lambda g: g.randint(-1, 3, 2, np.uint8), RuntimeError, "from is out of bounds for uint8"),
    (lambda g: g.permutation(-1), RuntimeError, "negative dimension -1"),
    (lambda g: g.bernoulli(1.5, 2), RuntimeError, "got p=1.5"),
    (lambda g: g.bernoulli(math.nan, 2), RuntimeError, "got p=nan"),
    (lambda g: g.bernoulli_array(np.array([0.5, 2.0])), RuntimeError, "in \\[0, 1\\]"),
    (lambda g: g.exponential(2, "float32", 0), RuntimeError, "lambda > 0.0, but found lambda=0"),
    (lambda g: g.geometric(2, "float32", 1), RuntimeError, "got p=1"),
    (lambda g: g.cauchy(2, "float32", 0, -1), RuntimeError, "found sigma=-1"),
    (lambda g: g.log_normal(2, "float32", 0, 0), RuntimeError, "found std=0"),
    (lambda g: g.multinomial(np.ones((2, 2, 2)), 1), RuntimeError, "must be 1 or 2 dim"),
    (lambda g: g.multinomial(np.ones(2), 0), RuntimeError, "n_sample <= 0"),
    (lambda g: g.multinomial(np.ones(2), 3), RuntimeError, "3 of 2"),
    (lambda g: g.multinomial(np.ones(2, np.int64), 1), RuntimeError, "got: int64"),
    (lambda g: g.multinomial(np.array([1.0, -1.0]), 1), RuntimeError, "element < 0"),
    (lambda g: g.multinomial(np.array([1.0, np.nan]), 1), RuntimeError, "`nan`"),
    (lambda g: g.multinomial(np.zeros(2), 1), RuntimeError, "sum of probabilities <= 0"),
    (lambda g: Generator("cuda"), RuntimeError, "device cuda"),
    (lambda g: cr_random.pick(3), TypeError, "expected a Generator or None, got int"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("draw", "error", "message"), ERRORS)
def test_errors(draw: Draw, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw(Generator())


def test_a_refused_call_draws_nothing() -> None:
    g = Generator().manual_seed(3)
    for draw, error, _ in ERRORS[6:-2]:
        with pytest.raises(error):
            draw(g)
    np.testing.assert_array_equal(g.get_state(), Generator().manual_seed(3).get_state())


def test_the_default_generator() -> None:
    assert Generator().initial_seed() == 67280421310721
    assert cr_random.manual_seed(4) is cr_random.default_generator
    assert cr_random.initial_seed() == 4
    assert cr_random.pick(None) is cr_random.default_generator
    own = Generator()
    assert cr_random.pick(own) is own
    first, second = cr_random.seed(), cr_random.seed()
    assert first != second
    assert cr_random.initial_seed() == second
    assert 0 <= second < 2**64
