"""The random stream against PyTorch itself: every distribution, many seeds and sizes, the state.

After each draw the two generators' states are compared byte for byte, so that a draw that takes a
word too many is seen even where its numbers agree.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from chainrule.autograd import random as cr_random  # noqa: E402
from chainrule.autograd.random import Generator  # noqa: E402

SEEDS = [0, 1, 42, 2**31, 2**32 + 7, 2**63 + 11, 2**64 - 1, -1, -12345, -(2**63)]
SIZES = [0, 1, 2, 15, 16, 17, 31, 100, 1000, 40_003]
FLOATS = ["float16", "float32", "float64"]
TYPES = [*FLOATS, "uint8", "int8", "int16", "int32", "int64", "bool"]

Ours = Callable[[Generator, int], Any]
Theirs = Callable[[Any, int], Any]


def empty(n: Any, dtype: str) -> Any:
    return torch.empty(n, dtype=getattr(torch, dtype))


def vendor_path() -> bool:
    """Whether PyTorch's bernoulli_ leaves the portable path here: it then takes one word in all."""
    g = torch.Generator().manual_seed(0)
    torch.empty(100).bernoulli_(0.5, generator=g)
    h = torch.Generator().manual_seed(0)
    torch.rand(100, dtype=torch.float64, generator=h)
    return not torch.equal(g.get_state(), h.get_state())


portable = pytest.mark.skipif(
    vendor_path(), reason="PyTorch draws bernoulli_ and exponential_ by a vendor library here"
)


def check(ours: Ours, theirs: Theirs, sizes: list[int] = SIZES, ulps: int = 0) -> None:
    for seed in SEEDS:
        for n in sizes:
            g, t = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
            for _ in range(2):
                got, want = ours(g, n), theirs(t, n).numpy()
                assert (got.dtype, got.shape) == (want.dtype, want.shape)
                if ulps:
                    eps = float(np.finfo(want.dtype).eps)
                    np.testing.assert_allclose(got, want, rtol=ulps * eps, atol=ulps * eps)
                else:
                    np.testing.assert_array_equal(got, want, f"seed {seed}, size {n}")
            same_state(g, t, ulps)


def same_state(g: Generator, t: Any, ulps: int = 0) -> None:
    ours, theirs = g.get_state(), t.get_state().numpy()
    if ulps:  # the second normal is kept as a number; the words before it must still be the same
        second = slice(5024, 5032)
        a, b = ours[second].view(np.float64)[0], theirs[second].view(np.float64)[0]
        assert abs(a - b) <= ulps * 2.0**-52 * max(1.0, abs(b))
        ours[second] = theirs[second]
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [*FLOATS, "complex64", "complex128"])
def test_rand(dtype: str) -> None:
    check(
        lambda g, n: g.uniform(n, dtype),
        lambda t, n: torch.rand(n, dtype=getattr(torch, dtype), generator=t),
    )


@pytest.mark.parametrize("bounds", [(-1.1, 2.3), (0.1, 0.3), (-0.5, 0.5), (1.0, 1 + 2**-20)])
@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform(dtype: str, bounds: tuple[float, float]) -> None:
    check(
        lambda g, n: g.uniform(n, dtype, *bounds),
        lambda t, n: empty(n, dtype).uniform_(*bounds, generator=t),
    )


# float64 beyond 15 numbers uses NumPy's log, cos and sin: within units of the last place.
@pytest.mark.parametrize(
    ("dtype", "ulps"),
    [("float16", 0), ("float32", 0), ("float64", 4), ("complex64", 0), ("complex128", 4)],
)
def test_randn(dtype: str, ulps: int) -> None:
    check(
        lambda g, n: g.normal(n, dtype),
        lambda t, n: torch.randn(n, dtype=getattr(torch, dtype), generator=t),
        ulps=ulps,
    )


@pytest.mark.parametrize(("dtype", "ulps"), [("float16", 0), ("float32", 0), ("float64", 4)])
def test_normal(dtype: str, ulps: int) -> None:
    check(
        lambda g, n: g.normal(n, dtype, 0.3, 1.7),
        lambda t, n: empty(n, dtype).normal_(0.3, 1.7, generator=t),
        ulps=ulps,
    )


@pytest.mark.parametrize(("dtype", "ulps"), [("float32", 1), ("float64", 8)])
def test_normal_of_a_tensor_that_is_not_contiguous(dtype: str, ulps: int) -> None:
    check(
        lambda g, n: g.normal(n, dtype, 0.3, 1.7, block=n < 16),
        lambda t, n: empty((n, 2), dtype)[:, 0].normal_(0.3, 1.7, generator=t),
        sizes=SIZES[2:],
        ulps=ulps,
    )


def test_bfloat16() -> None:
    import ml_dtypes

    for seed in SEEDS:
        for n in SIZES:
            for ours, theirs in (
                (lambda g, n: g.uniform(n, ml_dtypes.bfloat16, -1.1, 2.3),
                 lambda t, n: empty(n, "bfloat16").uniform_(-1.1, 2.3, generator=t)),
                (lambda g, n: g.normal(n, ml_dtypes.bfloat16),
                 lambda t, n: torch.randn(n, dtype=torch.bfloat16, generator=t)),
            ):  # fmt: skip
                g, t = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
                got, want = ours(g, n).astype(np.float32), theirs(t, n).float().numpy()
                np.testing.assert_array_equal(got, want, f"seed {seed}, size {n}")
                same_state(g, t, ulps=4)


@pytest.mark.parametrize(
    "bounds",
    [(0, 2), (-5, 1000), (0, 2**28 - 1), (0, 2**28), (0, 2**32 + 5), (-(2**40), 2**41),
     (0, 2**63 - 1), (-(2**63), 2**63 - 1)],
)  # fmt: skip
def test_randint(bounds: tuple[int, int]) -> None:
    check(
        lambda g, n: g.randint(*bounds, n),
        lambda t, n: torch.randint(*bounds, (n,), generator=t),
    )


@pytest.mark.parametrize("dtype", TYPES)
def test_random(dtype: str) -> None:
    check(lambda g, n: g.random(n, dtype), lambda t, n: empty(n, dtype).random_(generator=t))
    check(
        lambda g, n: g.random(n, dtype, 1),
        lambda t, n: empty(n, dtype).random_(1, None, generator=t),
    )
    high = 2 if dtype == "bool" else 100
    check(
        lambda g, n: g.random(n, dtype, high=high),
        lambda t, n: empty(n, dtype).random_(high, generator=t),
    )


def test_randperm() -> None:
    check(lambda g, n: g.permutation(n), lambda t, n: torch.randperm(n, generator=t))


@pytest.mark.parametrize("dtype", FLOATS)
def test_bernoulli_of_probabilities(dtype: str) -> None:
    def p(n: int) -> Any:
        return np.linspace(0, 1, n).astype(dtype)

    check(
        lambda g, n: g.bernoulli_array(p(n)).astype(dtype),
        lambda t, n: torch.bernoulli(torch.from_numpy(p(n)), generator=t),
    )


@portable
@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_bernoulli(dtype: str, p: float) -> None:
    check(
        lambda g, n: g.bernoulli(p, n).astype(dtype),
        lambda t, n: empty(n, dtype).bernoulli_(p, generator=t),
    )


@portable
@pytest.mark.parametrize(("dtype", "ulps"), [("float16", 1), ("float32", 1), ("float64", 4)])
def test_exponential(dtype: str, ulps: int) -> None:
    check(
        lambda g, n: g.exponential(n, dtype, 0.7),
        lambda t, n: empty(n, dtype).exponential_(0.7, generator=t),
        ulps=ulps,
    )


@portable
@pytest.mark.parametrize("samples", [1, 2, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_multinomial_without_replacement(dtype: str, samples: int) -> None:
    check_multinomial(dtype, samples, False)


@pytest.mark.parametrize("samples", [2, 77])
@pytest.mark.parametrize("dtype", FLOATS)
def test_multinomial_with_replacement(dtype: str, samples: int) -> None:
    check_multinomial(dtype, samples, True)


def check_multinomial(dtype: str, samples: int, replacement: bool) -> None:
    def weights(shape: tuple[int, ...]) -> Any:
        return np.random.default_rng(0).random(shape).astype(dtype)

    def ours(shape: tuple[int, ...]) -> Ours:
        return lambda g, n: g.multinomial(weights(shape), n, replacement)

    def theirs(shape: tuple[int, ...]) -> Theirs:
        return lambda t, n: torch.multinomial(
            torch.from_numpy(weights(shape)), n, replacement, generator=t
        )

    for shape in ((10,), (3, 10), (3, 1000)):
        check(ours(shape), theirs(shape), sizes=[samples])


@pytest.mark.parametrize("dtype", [*FLOATS, "int64"])
def test_geometric(dtype: str) -> None:
    check(
        lambda g, n: g.geometric(n, dtype, 0.3),
        lambda t, n: empty(n, dtype).geometric_(0.3, generator=t),
    )


# tan and exp are NumPy's here: within units of the last place of float64.
@pytest.mark.parametrize(("dtype", "ulps"), [("float16", 1), ("float32", 1), ("float64", 32)])
def test_cauchy_and_log_normal(dtype: str, ulps: int) -> None:
    check(
        lambda g, n: g.cauchy(n, dtype, 1.0, 2.0),
        lambda t, n: empty(n, dtype).cauchy_(1.0, 2.0, generator=t),
        ulps=ulps,
    )
    check(
        lambda g, n: g.log_normal(n, dtype, 0.5, 0.7),
        lambda t, n: empty(n, dtype).log_normal_(0.5, 0.7, generator=t),
        ulps=ulps,
    )


MIXED: dict[str, tuple[Ours, Theirs]] = {
    "rand": (lambda g, n: g.uniform(n, "float32"), lambda t, n: torch.rand(n, generator=t)),
    "rand64": (
        lambda g, n: g.uniform(n, "float64"),
        lambda t, n: torch.rand(n, dtype=torch.float64, generator=t),
    ),
    "randn": (lambda g, n: g.normal(n, "float32"), lambda t, n: torch.randn(n, generator=t)),
    "randn half": (
        lambda g, n: g.normal(n, "float16"),
        lambda t, n: torch.randn(n, dtype=torch.float16, generator=t),
    ),
    "randint": (
        lambda g, n: g.randint(-3, 9, n),
        lambda t, n: torch.randint(-3, 9, (n,), generator=t),
    ),
    "randperm": (lambda g, n: g.permutation(n), lambda t, n: torch.randperm(n, generator=t)),
    "random": (
        lambda g, n: g.random(n, "int64"),
        lambda t, n: empty(n, "int64").random_(generator=t),
    ),
    "log_normal": (
        lambda g, n: g.log_normal(n, "float16"),
        lambda t, n: empty(n, "float16").log_normal_(generator=t),
    ),
}


@given(
    seed=st.integers(-(2**63), 2**64 - 1),
    calls=st.lists(st.tuples(st.sampled_from(sorted(MIXED)), st.integers(0, 40)), max_size=12),
)
def test_calls_in_any_order(seed: int, calls: list[tuple[str, int]]) -> None:
    g, t = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    assert g.initial_seed() == t.initial_seed()
    for name, n in calls:
        ours, theirs = MIXED[name]
        np.testing.assert_array_equal(ours(g, n), theirs(t, n).numpy())
    same_state(g, t, ulps=4)


def test_states_go_both_ways() -> None:
    g, t = Generator(), torch.Generator().manual_seed(9)
    torch.randn(701, generator=t)
    torch.randn(3, generator=t)
    g.set_state(t.get_state().numpy())
    np.testing.assert_array_equal(g.normal(4, "float32"), torch.randn(4, generator=t).numpy())
    g.normal(7, "float32")
    t.set_state(torch.from_numpy(g.get_state()))
    np.testing.assert_array_equal(g.normal(20, "float32"), torch.randn(20, generator=t).numpy())


def test_the_default_generators_start_alike() -> None:
    assert Generator().initial_seed() == torch.Generator().initial_seed()
    state = torch.get_rng_state()
    try:
        torch.manual_seed(-3)
        cr_random.manual_seed(-3)
        assert cr_random.initial_seed() == torch.initial_seed()
        got = cr_random.default_generator.normal(33, "float32")
        np.testing.assert_array_equal(got, torch.randn(33).numpy())
    finally:
        torch.set_rng_state(state)
