"""Extreme values: elementwise functions and fused losses at ±0, tiny, huge, ±inf, nan, near kinks.

Two judges. PyTorch says what comes of what is not finite, and which zero. Mpmath, with fifty
digits, says how many units in the last place a finite result is off (``exact.py``): no more than
``BOUNDS``, wherever PyTorch is as near; where PyTorch itself is far off, not farther.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
mp = pytest.importorskip("mpmath")

from exact import FUNCTIONS, exact_of, points, ulps  # noqa: E402

import chainrule as cr  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
INF, NAN = float("inf"), float("nan")

# Units in the last place: value in float64 and float32, derivative in float64 and float32. Twice
# what was measured, since processors differ in their exponentials. None: far off in PyTorch too.
BOUNDS: dict[str, tuple[int | None, int | None, int | None, int | None]] = {
    "exp": (2, 3, 2, 3),
    "exp2": (2, 2, 3, 3),
    "expm1": (1, 5, 2, 3),
    "log": (1, 4, 1, 1),
    "log2": (1, 2, 3, 3),
    "log10": (1, 1, None, None),
    "log1p": (2, 3, 3, 3),
    "sqrt": (1, 1, 3, 3),
    "rsqrt": (3, 3, 7, 7),
    "reciprocal": (1, 1, 3, 4),
    "square": (1, 1, 1, 1),
    "sin": (1, 2, 1, 2),
    "cos": (1, 2, 1, 2),
    "tan": (2, 2, 2, 3),
    "asin": (2, 3, 3, 2),
    "acos": (2, 3, 3, 2),
    "atan": (1, 2, 3, 2),
    "sinh": (2, 3, 2, 3),
    "cosh": (2, 3, 2, 3),
    "tanh": (2, 3, 8, None),
    "asinh": (1, 2, None, None),
    "acosh": (1, 2, None, None),
    "atanh": (1, 2, 3, 2),
    "sigmoid": (4, 3, None, None),
    "erf": (4, 1, None, None),
    "erfc": (6, 1, None, None),
    "lgamma": (6, 1, 4, 1),
    "digamma": (4, 1, 7, 1),
    "logit": (2, 2, 3, 3),
    "softplus": (None, 4, None, 3),
    "logsigmoid": (3, 4, 4, 3),
    "silu": (None, None, None, None),
    "mish": (None, None, None, None),
    "gelu": (None, None, None, None),
    "elu": (1, 3, 2, 3),
    "softsign": (3, 3, None, None),
    "tanhshrink": (None, None, None, None),
}
# Where chainrule keeps its bound and PyTorch is more than a hundred units off.
NEARER = {
    ("expm1", "float64", "gradient"),
    ("expm1", "float32", "gradient"),
    ("tanh", "float64", "gradient"),
    ("lgamma", "float32", "gradient"),
    ("digamma", "float64", "gradient"),
    ("digamma", "float32", "value"),
}


def computed(m: Any, name: str, at: Any) -> tuple[Any, Any]:
    """Values and derivatives at the points of an array."""
    function = getattr(m if FUNCTIONS[name][0] == "m" else m.nn.functional, name)
    x = m.from_numpy(at.copy()).requires_grad_()
    y = function(x)
    (g,) = m.autograd.grad(y.sum(), x)
    return y.detach().numpy(), g.numpy()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_digits(name: str, dtype: str) -> None:
    at = points(name, dtype)
    with np.errstate(all="ignore"):
        ours, theirs = computed(cr, name, at), computed(torch, name, at)
    bounds = BOUNDS[name][dtype == "float32" :: 2]
    for k, word in enumerate(("value", "gradient")):
        exact = exact_of(name, at, dtype)[k]
        error, other = ulps(ours[k], exact, dtype), ulps(theirs[k], exact, dtype)
        bound, worst = bounds[k], int(np.argmax(error))
        where = f"{word} at {at[worst]!r}: {ours[k][worst]!r}, exactly {exact[worst]}"
        if bound is not None:
            assert error.max() <= bound, where
            if (name, dtype, word) in NEARER:
                assert other.max() > 100
        else:
            assert error.max() <= 2 * other.max(), where


SPECIAL = [0.0, -0.0, INF, -INF, NAN, 5e-324, -5e-324, 1e-310, 1.0, -1.0, 2.0, -2.0, -3.0, 3.0, 6.0,
           0.5, -0.5, 1e308, -1e308]  # fmt: skip
KINKED = {  # and functions with corners, at them
    "relu": (), "relu6": (), "leaky_relu": (0.1,), "hardtanh": (),
    "hardswish": (), "hardshrink": (), "softshrink": (), "threshold": (0.5, 7.0), "elu": (),
    "selu": (), "celu": (2.0,), "softplus": (), "logsigmoid": (), "mish": (), "silu": (),
    "gelu": (), "softsign": (), "tanhshrink": (), "prelu": None,
}  # fmt: skip
# Differ within PyTorch, between its vector code and its scalar code.
UNSETTLED = {
    "relu6": {NAN}, "hardtanh": {NAN}, "hardshrink": {NAN}, "softshrink": {NAN},
    "elu": {NAN}, "selu": {NAN}, "celu": {NAN},
    "gelu": {INF, -INF, NAN, 1e308, -1e308}, "silu": {NAN}, "mish": {NAN},
    "hardswish": {NAN, 3.0}, "hardsigmoid": {NAN},
}  # fmt: skip


@pytest.mark.parametrize("name", KINKED)
def test_kinks(peers: Any, name: str) -> None:
    """One value at a time, and all in one array: values, first and second derivatives."""
    more = KINKED[name]
    kept = [v for v in SPECIAL if not _among(v, UNSETTLED.get(name, set()))]
    for at in (np.array(kept), *[np.array([v]) for v in kept]):

        def program(m: Any, given: dict[str, Any]) -> Any:
            rest = (m.tensor([0.25], dtype=m.float64),) if more is None else more
            return getattr(m.nn.functional, name)(given["x"], *rest)

        with np.errstate(all="ignore"):
            assert peers.agree(program, {"x": at}, order=1) == "agreed"


def _among(value: float, several: set[float]) -> bool:
    return any(value == v or (value != value and v != v) for v in several)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if FUNCTIONS[n][0] == "m"])
def test_what_is_not_finite(peers: Any, name: str) -> None:
    at = np.array(SPECIAL)
    if name == "digamma":  # PyTorch's trigamma has nine digits, and large numbers at the poles
        at = np.array([0.0, -0.0, INF, -INF, NAN, 1e308])
    with np.errstate(all="ignore"):
        assert peers.agree(lambda m, g: getattr(m, name)(g["x"]), {"x": at}, order=1) == "agreed"


# -- losses and what is fused ---------------------------------------------------------------------

LOGITS = [0.0, -0.0, 1e-320, 1.0, -1.0, 40.0, -40.0, 800.0, -800.0, 1e308, -1e308]
BEYOND = [INF, -INF, NAN]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("target", [0.0, 0.25, 1.0])
def test_bce_with_logits(peers: Any, target: float, dtype: str) -> None:
    at = np.array([*LOGITS, INF, NAN]).astype(dtype)
    at = at[at != -INF]  # of which PyTorch makes nan

    def program(m: Any, given: dict[str, Any]) -> Any:
        y = m.full_like(given["x"].detach(), target)
        return m.nn.functional.binary_cross_entropy_with_logits(given["x"], y, reduction="none")

    with np.errstate(all="ignore"):
        peers.agree(program, {"x": at}, order=1)
    exact = [max(x, 0) - x * target + mp.log1p(mp.exp(-abs(x))) for x in map(mp.mpf, LOGITS[:9])]
    loss = program(cr, {"x": cr.tensor(LOGITS[:9], dtype=cr.float64)}).numpy()
    assert ulps(loss, exact, "float64").max() <= 3


def _subnormal(at: Any) -> Any:
    return (at != 0) & (np.abs(at) < np.finfo(at.dtype).tiny)


# Where PyTorch overflows, or adds logarithms of gradients: these numbers are left out.
OFF = {
    "soft_margin_loss": (-800.0, -1e308, -INF),
    "logcumsumexp": (40.0, -40.0, 800.0, -800.0, 1e308, -1e308),
}
PAIRS = [(a, b) for a in [*LOGITS, *BEYOND] for b in [*LOGITS, *BEYOND]]
FUSED = {
    "log_softmax": lambda m, x: m.log_softmax(x, 1),
    "softmax": lambda m, x: m.softmax(x, 1),
    "logsumexp": lambda m, x: m.logsumexp(x, 1),
    "logaddexp": lambda m, x: m.logaddexp(x[:, 0], x[:, 1]),
    "logcumsumexp": lambda m, x: m.logcumsumexp(x, 1),
    "cross_entropy": lambda m, x: m.nn.functional.cross_entropy(
        x, m.zeros(len(x), dtype=m.int64), reduction="none"
    ),
    "cross_entropy of probabilities": lambda m, x: m.nn.functional.cross_entropy(
        x, m.full_like(x.detach(), 0.5), reduction="none"
    ),
    "multilabel_soft_margin_loss": lambda m, x: m.nn.functional.multilabel_soft_margin_loss(
        x, m.ones_like(x.detach()), reduction="none"
    ),
    "glu": lambda m, x: m.nn.functional.glu(x, 1),
    "kl_div": lambda m, x: m.nn.functional.kl_div(x, x.detach(), reduction="none", log_target=True),
    "poisson_nll_loss": lambda m, x: m.nn.functional.poisson_nll_loss(
        x[:, 0], x[:, 1].detach(), reduction="none"
    ),
    "soft_margin_loss": lambda m, x: m.nn.functional.soft_margin_loss(
        x[:, 0], m.ones_like(x[:, 0].detach()), reduction="none"
    ),
    "smooth_l1_loss": lambda m, x: m.nn.functional.smooth_l1_loss(
        x[:, 0], x[:, 1], reduction="none"
    ),
    "huber_loss": lambda m, x: m.nn.functional.huber_loss(x[:, 0], x[:, 1], reduction="none"),
    "hypot": lambda m, x: m.hypot(x[:, 0], x[:, 1]),
    "xlogy": lambda m, x: m.xlogy(x[:, 0], x[:, 1].abs()),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FUSED)
def test_fused(peers: Any, name: str, dtype: str) -> None:
    """Pairs of extreme values, values and gradients, against PyTorch."""
    at = np.array(PAIRS).astype(dtype)
    at = at[~(np.isin(at, OFF.get(name, ())) | _subnormal(at)).any(1)]
    with np.errstate(all="ignore"):
        agreed = peers.agree(lambda m, given: FUSED[name](m, given["x"]), {"x": at}, order=1)
    assert agreed == "agreed"


def test_soft_margin_loss_of_large_scores() -> None:
    """Log(1 + e^x) of 800 is 800; PyTorch's overflows."""
    x = cr.tensor([-800.0], requires_grad=True)
    loss = cr.nn.functional.soft_margin_loss(x, cr.ones(1))
    loss.backward()
    assert (loss.item(), x.grad.item()) == (800.0, -1.0)


def test_logsumexp_exactly() -> None:
    at = [(a, b) for a in LOGITS[:9] for b in LOGITS[:9]]
    x = cr.tensor(at, dtype=cr.float64)
    exact = [mp.log(mp.exp(mp.mpf(a)) + mp.exp(mp.mpf(b))) for a, b in at]
    for y in (cr.logsumexp(x, 1), cr.logaddexp(x[:, 0], x[:, 1])):
        error = np.abs(y.numpy() - np.array([float(e) for e in exact]))
        assert np.all(error <= 4 * np.spacing(np.abs([float(e) for e in exact])) + 2e-16)
