"""Rounding, trigonometry, logarithms, special functions, activations and statistics.

Each text is run with both libraries (``m``; ``F`` is nn.functional): results, types, first and
second gradients agree, or both raise. The names of tensors are in ``INPUTS``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from parity_families import own_file  # noqa: E402

import chainrule as cr  # noqa: E402
from chainrule.autograd.declare import family_of, names  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:chainrule")

MODULES = [
    "rounding",
    "inverse_trigonometric",
    "logarithms",
    "interpolation",
    "special",
    "activations",
    "rectifiers",
    "cumulative",
    "differences",
    "statistics",
    "order",
    "norms",
    "histograms",
]
MINE = {f"chainrule.autograd.ops.{name}" for name in MODULES}
INF, NAN = float("inf"), float("nan")
_RNG = np.random.default_rng(3)
INPUTS: dict[str, Any] = {
    "x": _RNG.normal(size=(3, 4)) * 2,
    "w": _RNG.normal(size=(3, 4)),
    "p": _RNG.uniform(0.2, 0.9, (3, 4)),  # inside (0, 1)
    "v": _RNG.normal(size=4),
    "u": _RNG.normal(size=3),
    "s": np.asarray(1.3),
    "c": _RNG.normal(size=(4, 3)).T,  # not contiguous
    "t": _RNG.normal(size=(2, 3, 4)),
    "e": np.zeros((0, 3)),
    "zeros": np.array([[2.0, 0.0, 3.0], [0.0, 1.0, 0.0], [1.0, 2.0, 4.0]]),
    "ties": np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]),
    "nans": np.array([[1.0, NAN, -2.0, 4.0], [NAN, 3.0, 3.5, 0.0], [INF, -INF, 0.0, 2.0]]),
    "edge": np.array([INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 3.0, -3.0, 6.0, 19.0, 20.1,
                      100.0, -100.0, 1e-8, -1e-8]),
    "i": _RNG.integers(-4, 5, (3, 4)),
    "k": np.array([2, 0, 1, 2, 5]),
    "h": np.array([-7, 7, 3], np.int32),
    "y": np.array([1, 2, 200], np.uint8),
    "b": _RNG.random((3, 4)) < 0.5,
    "z": np.zeros(0, np.int64),
}  # fmt: skip

TEXTS = """
m.floor(x)
m.ceil(x)
m.trunc(x)
m.fix(x)
m.round(x)
m.round(x, decimals=1)
m.round(x * 100, decimals=-1)
x.round(decimals=2)
m.round(i)
m.round(i, decimals=1)
m.round(b)
m.round(x, 1)
m.round(2.5)
m.floor(i)
m.floor(b)
m.floor(2.5)
m.frac(x)
m.frac(i)
m.fmod(x, 1.3)
m.fmod(x, w)
m.fmod(i, 3)
m.fmod(i, 0)
m.fmod(x, 0)
m.fmod(i, 2.5)
m.fmod(b, b)
m.fmod(x, u)
m.signbit(x)
m.signbit(i)
m.signbit(b)
m.copysign(x, w)
m.copysign(x, -1)
m.copysign(x, -0.0)
m.copysign(i, -2)
m.copysign(b, b)
m.nan_to_num(nans)
m.nan_to_num(nans, 1.0, 2.0, -2.0)
m.nan_to_num(nans, posinf=5)
m.nan_to_num(i, nan=1.0)
m.nan_to_num(b)
m.isneginf(nans)
m.isposinf(nans)
m.isneginf(i)
m.isposinf(b)
m.isreal(x)
m.isreal(i)
m.fmax(x, w)
m.fmax(nans, x)
m.fmax(x, 2)
m.fmax(i, x)
m.fmin(x, v)
m.fmin(nans, x)
m.fmin(b, b)
m.fmin(x, u)
m.tan(x)
m.tan(i)
m.sinh(x)
m.cosh(x)
m.asin(p)
m.arcsin(p)
m.acos(p)
m.arccos(x)
m.atan(x)
m.arctan(x)
m.asinh(x)
m.arcsinh(x)
m.acosh(p + 1)
m.arccosh(p + 1)
m.atanh(p)
m.arctanh(p)
m.acos(i)
m.acos(b)
m.hypot(x, w)
m.hypot(x, v)
m.hypot(x, 2)
m.hypot(i, i)
m.atan2(x, w)
m.arctan2(x, v)
m.atan2(i, i)
m.atan2(b, b)
m.atan2(x, 2)
m.atan2(zeros, zeros)
m.deg2rad(x)
m.rad2deg(x)
m.deg2rad(i)
m.rad2deg(b)
m.sinc(x)
m.sinc(i)
m.sinc(b)
m.exp2(x)
m.exp2(i)
m.expm1(x)
m.log1p(p)
m.log2(p)
m.log10(p)
m.log10(m.tensor([1.0, 10.0, 1000.0]))
m.log2(b)
m.logit(p)
m.logit(p, 0.3)
m.logit(x, eps=0.2)
m.logit(x)
m.logit(i)
m.logaddexp(x, w)
m.logaddexp(x, v)
m.logaddexp(x, 2)
m.logaddexp(i, i)
m.logaddexp(b, b)
m.logaddexp2(x, w)
m.logaddexp2(i, i)
m.xlogy(x, p)
m.xlogy(x.detach(), 2)
m.xlogy(2, p)
m.xlogy(i, 2)
m.xlogy(b, b)
m.xlogy(zeros, zeros)
m.float_power(p, 2)
m.float_power(p, v)
m.float_power(2, p)
m.float_power(i, -1)
m.float_power(2, 2)
m.lerp(x, w, 0.3)
m.lerp(x, w, 0.8)
m.lerp(x, w, p)
m.lerp(x, v, s)
m.lerp(x, 2.0, 0.5)
m.lerp(i, i, 0.5)
m.lerp(x, i, 0.5)
m.lerp(x, w, i)
m.lerp(x, u, 0.5)
m.addcmul(x, w, v)
m.addcmul(x, w, p, value=0.5)
m.addcmul(i, i, i, value=2)
m.addcmul(i, i, i, value=2.5)
m.addcmul(i, i, x)
m.addcmul(s, x, w)
m.addcmul(b, b, b)
m.addcmul(y, y, y, value=-1)
m.addcmul(x, 2, w)
m.addcdiv(x, w, p)
m.addcdiv(x, w, p, value=-2)
m.addcdiv(x, i, p)
m.addcdiv(x, i, i)
m.addcdiv(i, i, i)
m.erfc(x)
m.erfc(i)
m.erfinv(p)
m.erfinv(x)
m.lgamma(p)
m.lgamma(x)
m.lgamma(i)
m.digamma(p)
m.digamma(x)
m.polygamma(0, p)
m.polygamma(1, p)
m.polygamma(3, p)
m.polygamma(-1, p)
p.polygamma(2)
F.elu(x)
F.elu(x, 2.0)
F.elu(x, alpha=0.5)
F.elu(i)
F.selu(x)
F.selu(i)
F.celu(x)
F.celu(x, 2.0)
F.celu(x, 0)
m.celu(x, 1.5)
m.selu(x)
F.softplus(x)
F.softplus(x, 2.0, 1.0)
F.softplus(x, -1.5)
F.softplus(x, beta=0.5, threshold=1)
F.softplus(i)
F.logsigmoid(x)
F.logsigmoid(b)
F.silu(x)
F.silu(i)
F.mish(x)
F.mish(i)
F.softsign(x)
F.softsign(i)
F.tanhshrink(x)
F.tanhshrink(i)
F.glu(x)
F.glu(x, 1)
F.glu(x, 0)
F.glu(s)
F.glu(i)
F.glu(x, 2)
F.softmin(x, 1)
F.softmin(x, dim=0)
F.softmin(i, 0)
F.prelu(x, v)
F.prelu(x, s)
F.prelu(x, v[:1])
m.prelu(t, u)
F.prelu(x, u)
F.prelu(x, w)
F.prelu(i, v)
F.prelu(x, 0.1)
x.prelu(v)
F.rrelu(x)
F.rrelu(x, 0.1, 0.5)
F.rrelu(x, 0.5, 0.1)
F.rrelu(i)
m.rrelu(x)
(m.manual_seed(3), F.rrelu(x, training=True))[1]
(m.manual_seed(3), F.rrelu(x, 0.2, 0.9, True))[1]
(m.manual_seed(3), F.gumbel_softmax(x))[1]
(m.manual_seed(3), F.gumbel_softmax(x, 0.5, hard=True, dim=0))[1]
F.hardtanh(x)
F.hardtanh(x, -0.5, 2.0)
F.hardtanh(x, 2, 1)
F.hardtanh(i)
F.hardtanh(i, -1.5, 1.5)
F.hardtanh(b)
F.hardtanh(y)
F.relu6(x)
F.relu6(i)
F.relu6(b)
F.hardsigmoid(i)
F.hardswish(x)
F.hardswish(i)
F.threshold(x, 0.3, 7.0)
F.threshold(i, 1, 2)
F.threshold(i, 1.5, 2.5)
F.threshold(b, 1, 2)
m.threshold(x, 0.3, 7.0)
F.hardshrink(x)
F.hardshrink(x, 1.0)
m.hardshrink(x, lambd=0.2)
x.hardshrink(0.2)
F.hardshrink(i)
F.softshrink(x)
F.softshrink(x, 1.0)
F.softshrink(x, -1.0)
F.softshrink(i)
m.cumsum(x, 0)
m.cumsum(x, dim=-1)
x.cumsum(axis=1)
m.cumsum(x, 0, dtype=m.float64)
m.cumsum(i, 1)
m.cumsum(b, 0)
m.cumsum(s, 0)
m.cumsum(e, 1)
m.cumsum(x, 2)
m.cumsum(x)
m.cumprod(x, 1)
m.cumprod(zeros, 0)
m.cumprod(zeros, 1)
m.cumprod(i, 0)
m.cumprod(b, 0)
m.cumprod(x, 0, dtype=m.float64)
m.cumprod(s, 0)
m.logcumsumexp(x, 1)
m.logcumsumexp((x * 400).detach(), 0)
m.logcumsumexp(i, 0)
m.logcumsumexp(s, 0)
m.cummax(x, 1)
m.cummax(ties, 1)
m.cummax(nans, 1)
m.cummax(i, 0)
m.cummax(b, 1)
m.cummax(s, 0)
m.cummin(x, 0)
m.cummin(ties, 1)
m.cummin(nans, 0)
m.cummin(i, axis=1)
m.cummin(x)
m.diff(x)
m.diff(x, 2)
m.diff(x, n=9)
m.diff(x, n=0)
m.diff(x, dim=0, prepend=v[None], append=w)
m.diff(i)
m.diff(b)
m.diff(y)
m.diff(s)
m.diff(x, -1)
m.trapezoid(x)
m.trapezoid(x, dx=0.5)
m.trapezoid(x, v)
m.trapezoid(x, u, dim=0)
m.trapezoid(x, w)
m.trapezoid(i)
m.trapezoid(s)
m.trapezoid(x, u)
m.trapz(x, v)
m.cumulative_trapezoid(x)
m.cumulative_trapezoid(x, v)
m.cumulative_trapezoid(t, dx=2, dim=1)
m.prod(x)
m.prod(zeros)
m.prod(zeros, 0)
m.prod(zeros, 1, True)
m.prod(zeros[0], 0)
m.prod(x, dim=1, keepdim=True)
m.prod(x, axis=0, keepdims=True)
m.prod(i)
m.prod(b)
m.prod(i, dtype=m.float32)
m.prod(e)
m.prod(e, 0)
m.prod(s)
m.prod(x, dim=(0, 1))
m.prod(x, 2)
m.nansum(nans)
m.nansum(nans, 0)
m.nansum(nans, (0, 1), True)
m.nansum(i)
m.nansum(b, 1)
m.nansum(x, dim=1, dtype=m.float64)
m.nanmean(nans)
m.nanmean(nans, 1)
m.nanmean(nans, dim=0, keepdim=True)
m.nanmean(x, (0, 1))
m.nanmean(i)
m.count_nonzero(zeros)
m.count_nonzero(zeros, 0)
m.count_nonzero(t, dim=(0, 2))
m.count_nonzero(i)
m.count_nonzero(b, 1)
m.count_nonzero(e, 1)
m.std_mean(x)
m.std_mean(x, 0)
m.std_mean(x, dim=(0, 1), keepdim=True)
m.std_mean(x, 0, False)
m.std_mean(x, False)
m.var_mean(x, 1, correction=2)
m.var_mean(x, 0, unbiased=False)
m.var_mean(s)
m.var_mean(i)
m.aminmax(x)
m.aminmax(x, dim=1)
m.aminmax(x, dim=0, keepdim=True)
m.aminmax(ties, dim=1)
m.aminmax(nans.detach())
m.aminmax(i)
m.aminmax(b)
m.aminmax(e)
m.aminmax(e, dim=0)
m.aminmax(x, 0)
m.cov(x)
m.cov(v)
m.cov(s)
m.cov(x, correction=0)
m.cov(x, fweights=m.tensor([1, 2, 3, 1]))
m.cov(x, aweights=v.abs())
m.cov(x, fweights=m.tensor([1, 2, 3, 1]), aweights=v.abs(), correction=0)
m.cov(x, fweights=v)
m.cov(x, aweights=u)
m.cov(i)
m.cov(b)
m.cov(t)
m.corrcoef(x)
m.corrcoef(v)
m.corrcoef(i)
m.corrcoef(t)
m.median(x)
m.median(nans)
m.median(ties)
m.nanmedian(ties)
m.median(ties[1])
m.median(x, 0)
m.median(x, dim=1, keepdim=True)
m.median(nans, 1)
m.median(i)
m.median(b)
m.median(z)
m.median(e)
m.median(e, 0)
m.median(e, 1)
m.median(s, 0)
m.nanmedian(nans)
m.nanmedian(nans, 1)
m.nanmedian(x, axis=0)
m.nanmedian(z)
m.kthvalue(x, 2)
m.kthvalue(x, 1, 0, True)
m.kthvalue(nans[0], 4)
m.kthvalue(x, 5)
m.kthvalue(x, 0)
m.kthvalue(e, 1, 0)
m.kthvalue(b, 1)
m.mode(ties)
m.mode(i)
m.mode(i, 0, True)
m.mode(x, 1)
m.mode(b, 1)
m.mode(s)
m.mode(e)
m.mode(e, 0)
m.quantile(x, 0.3)
m.quantile(x, 0.3, 1)
m.quantile(x, 0.3, dim=0, keepdim=True)
m.quantile(x, 0.5, keepdim=True)
m.quantile(x, x.new_tensor([0.1, 0.5, 0.77]), dim=1)
m.quantile(x, x.new_tensor([0.1, 1.0]), dim=0, keepdim=True)
m.quantile(t, x.new_tensor([0.0, 0.6]), 1)
m.quantile(x, 0.37, 1, interpolation="lower")
m.quantile(x, 0.37, 1, interpolation="higher")
m.quantile(x, 0.37, 1, interpolation="nearest")
m.quantile(x, 0.37, 1, interpolation="midpoint")
m.quantile(x, 0.37, 1, interpolation="middle")
m.quantile(nans, 0.5, 1)
m.quantile(s, 0.5)
m.quantile(s, 0.5, 0)
m.quantile(x, 1.5)
m.quantile(x, x.new_zeros(2, 2))
m.quantile(x, x.new_tensor([2.0]))
m.quantile(x, m.tensor(0.5, dtype=m.float16))
m.quantile(e, 0.5)
m.quantile(i, 0.5)
m.nanquantile(nans, 0.4)
m.nanquantile(nans, x.new_tensor([0.3, 0.6]), dim=1)
m.nanquantile(nans * NAN, 0.4, 1)
m.norm(x)
m.norm(x, 1)
m.norm(x, p=3, dim=0)
m.norm(x, 2, dim=1, keepdim=True)
m.norm(x, 0.5, 1)
m.norm(x, 1.5)
m.norm(x, -2.0)
m.norm(x, INF)
m.norm(ties, INF, 1)
m.norm(ties, -INF, 0)
m.norm(x, "fro")
m.norm(x, "fro", dim=1)
m.norm(x, None)
m.norm(x, "abc")
m.norm(t, "fro", dim=(0, 1, 2))
m.norm(t, 2, (0, 2))
m.norm(x, dtype=m.float64)
m.norm(i)
m.norm(s)
m.norm(e)
m.norm(e, INF)
m.norm(e, INF, 0)
m.norm(e, 2, 1)
m.dist(x, w)
m.dist(x, v, 1)
m.dist(x, w, INF)
m.dist(i, i)
m.histc(x)
m.histc(x, 5, -3, 3)
m.histc(x, bins=4)
m.histc(zeros, 3)
m.histc(x * 0 + 1, 4)
m.histc(e, 3)
m.histc(x, 0)
m.histc(x, 3, 2, 1)
m.histc(nans, 3)
m.histc(nans, 3, -2, 2)
m.histc(i)
m.histogram(x.detach(), 4)
m.histogram(x.detach(), 4, range=(-1.0, 2.0))
m.histogram(x.detach(), 5, density=True)
m.histogram(x.detach(), x.new_tensor([-2.0, 0.0, 0.5, 3.0]))
m.histogram(x.detach(), 3, weight=w.detach().abs(), density=True)
m.histogram(zeros.detach(), 4)
m.histogram(e.detach(), 2)
m.histogram(x.detach() * 0, 3)
m.histogram(x.detach(), 0)
m.histogram(x.detach(), 2, range=(2.0, 1.0))
m.histogram(nans.detach(), 2)
m.histogram(i, 2)
m.bincount(k)
m.bincount(k, minlength=9)
m.bincount(k, m.tensor([0.5, 1.0, 2.0, 1.0, 1.0]))
m.bincount(k, weights=k)
m.bincount(z, minlength=2)
m.bincount(y)
m.bincount(x)
m.bincount(i)
m.bincount(h)
m.bincount(b)
m.bincount(k, v.detach())
m.bincount(k, minlength=-1)
m.bucketize(x, x.new_tensor([-1.0, 0.0, 1.0]))
m.bucketize(i, m.tensor([-1, 0, 2]), right=True)
m.bucketize(i, m.tensor([-1, 0, 2]), out_int32=True)
m.bucketize(2, m.tensor([-1, 0, 2]))
m.bucketize(nans, x.new_tensor([-1.0, 0.0, 1.0]))
m.bucketize(x, w)
m.bucketize(s, x.new_tensor([]))
m.searchsorted(m.tensor([-1, 0, 2]), i)
m.searchsorted(m.tensor([-1, 0, 2]), i, right=True)
m.searchsorted(m.tensor([-1, 0, 2]), i, side="right")
m.searchsorted(m.tensor([-1, 0, 2]), i, side="middle")
m.searchsorted(m.tensor([-1, 0, 2]), i, side="left", right=True)
m.searchsorted(m.tensor([2, -1, 0]), i, sorter=m.tensor([1, 2, 0]))
m.searchsorted(m.tensor([[1, 3], [2, 4]]), m.tensor([[1, 2, 9], [2, 3, 0]]))
m.searchsorted(m.tensor([[1, 3], [2, 4]]), m.tensor([1, 2, 3]))
m.searchsorted(m.tensor([[1, 3], [2, 4]]), 2)
m.searchsorted(m.tensor([1, 3]), 2)
""".strip().splitlines()
# Values, types and gradients at nan, ±inf, ±0, corners, tiny and large numbers.
TEXTS += [
    f"F.{f}" for f in (
        "elu(edge)", "elu(edge, 2.0)", "selu(edge)", "celu(edge, 2.0)", "softplus(edge)",
        "logsigmoid(edge)", "silu(edge)", "hardtanh(edge)", "relu6(edge)", "hardswish(edge)",
        "threshold(edge, 0.5, 7.0)", "hardshrink(edge)", "softshrink(edge)", "softsign(edge)",
        "tanhshrink(edge)", "prelu(edge[4:], s)", "mish(edge[2:13])",
    )
]  # fmt: skip
TEXTS += [f"m.{f}(edge[:, None], edge)" for f in ("fmax", "fmin", "hypot")]
TEXTS += ["m.logit(edge)", "m.logit(edge, 0.1)", "m.nan_to_num(edge)", "m.erfinv(edge)"]
TEXTS += ["m.atan2(edge[:-2, None], edge[:-2])", "m.xlogy(edge[:, None], edge)"]
# Half precision: computed in float32 and rounded once.
ONE = [
    "floor",
    "ceil",
    "trunc",
    "round",
    "frac",
    "tan",
    "sinh",
    "cosh",
    "asin",
    "acos",
    "atan",
    "asinh",
    "acosh",
    "atanh",
    "exp2",
    "expm1",
    "log1p",
    "log2",
    "log10",
    "logit",
    "erfc",
    "erfinv",
    "lgamma",
    "digamma",
    "sinc",
    "deg2rad",
    "rad2deg",
    "nan_to_num",
]
SMOOTH = [
    "elu",
    "selu",
    "celu",
    "softplus",
    "logsigmoid",
    "silu",
    "mish",
    "hardtanh",
    "relu6",
    "hardsigmoid",
    "hardswish",
    "hardshrink",
    "softshrink",
    "softsign",
]
HALVES = [f"m.{f}(p.detach().{{}}())" for f in ONE]
HALVES += [f"F.{f}(x.detach().{{}}())" for f in SMOOTH]
HALVES += [
    f"m.{f}" for f in (
        "fmod(x.detach().{}(), 0.7)", "hypot(x.detach().{0}(), w.detach().{0}())",
        "atan2(x.detach().{0}(), w.detach().{0}())", "lerp(x.detach().{0}(), w.detach().{0}(), .3)",
        "cumsum(x.detach().{}(), 1)", "cumprod(x.detach().{}(), 1)", "prod(x.detach().{}(), 1)",
        "norm(x.detach().{}(), dim=1)", "logcumsumexp(x.detach().{}(), 1)",
        "cummax(x.detach().{}(), 1)", "median(x.detach().{}(), 1)", "mode(x.detach().{}(), 1)",
    )
]  # fmt: skip
TEXTS += [text.format(kind) for text in HALVES for kind in ("half", "bfloat16")]


def _evaluate(text: str, m: Any, given: dict[str, Any]) -> Any:
    F = m.nn.functional
    return eval(text, {"m": m, "F": F, "INF": INF, "NAN": NAN}, dict(given))


def _inputs(text: str, dtype: str) -> dict[str, Any]:
    used = [n for n in INPUTS if re.search(rf"(?<![.\w]){n}\b(?!=)", text)]
    arrays = {n: np.asarray(INPUTS[n]) for n in used}
    return {n: a.astype(dtype) if a.dtype.kind == "f" else a for n, a in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", TEXTS)
def test_text(peers: Any, text: str, dtype: str) -> None:
    peers.agree(lambda m, given: _evaluate(text, m, given), _inputs(text, dtype))


# Of nan the values only: whether its gradient is nan differs within PyTorch, between its vector
# code and its scalar code.
NAN_TEXTS = [f"F.{f}(nans.detach())" for f in SMOOTH if f not in ("silu", "mish", "hardswish")]
NAN_TEXTS += ["F.threshold(nans.detach(), 0.5, 7.0)", "F.prelu(nans.detach(), s)"]
NAN_TEXTS += [f"m.{f}(nans.detach()[:, None], nans.detach())" for f in ("hypot", "logaddexp")]


@pytest.mark.parametrize("text", NAN_TEXTS)
def test_nan(peers: Any, text: str) -> None:
    peers.agree(lambda m, given: _evaluate(text, m, given), _inputs(text, "float64"), order=0)


def test_first_order(peers: Any) -> None:
    """The gradient of a norm at 0 is 0, not nan; logaddexp does not overflow.

    PyTorch's own second derivatives are nan there.
    """
    for text in ("m.logaddexp(edge[:, None], edge)", "m.logaddexp2(edge[:, None], edge)",
                 "m.norm(zeros * 0)", "m.norm(zeros * 0, 3)", "m.norm(zeros * 0, INF)",
                 "m.dist(x, x)", "m.norm(zeros * 0, 1.5, 1)"):  # fmt: skip
        peers.agree(
            lambda m, given, text=text: _evaluate(text, m, given), _inputs(text, "float64"), order=1
        )


# PyTorch multiplies by 1/6 in float32, whatever the dtype: equal to seven digits only.
def test_hardsigmoid(peers: Any) -> None:
    edge = INPUTS["edge"].astype(np.float32)
    peers.agree(lambda m, given: m.nn.functional.hardsigmoid(given["x"]), {"x": edge})


EDITS = """
x.floor_()
x.ceil_()
x.trunc_()
x.fix_()
x.round_()
x.round_(decimals=1)
i.floor_()
x.frac_()
x.fmod_(1.3)
i.fmod_(2.5)
x.copysign_(w)
nans.nan_to_num_()
x.tan_()
x.sinh_()
x.cosh_()
p.asin_()
p.arcsin_()
p.acos_()
p.arccos_()
x.atan_()
x.arctan_()
x.hypot_(w)
x.atan2_(w)
x.arctan2_(w)
x.deg2rad_()
x.rad2deg_()
x.sinc_()
x.exp2_()
x.expm1_()
p.log1p_()
p.log2_()
p.log10_()
p.logit_()
p.logit_(0.3)
x.xlogy_(p)
i.xlogy_(p)
p.float_power_(2)
x.lerp_(w, 0.3)
x.addcmul_(w, v, value=2)
x.addcdiv_(w, p)
x.erfc_()
p.erfinv_()
p.lgamma_()
p.digamma_()
x.cumsum_(0)
x.cumprod_(1)
i.cumsum_(1)
F.elu_(x)
F.elu(x, 2.0, True)
F.elu(x, inplace=True)
F.selu_(x)
F.celu_(x, 2.0)
F.silu(x, True)
F.mish(x, inplace=True)
F.hardtanh_(x)
F.relu6(x, True)
F.hardswish(x, True)
F.hardsigmoid(i, True)
F.leaky_relu_(x, 0.2)
F.threshold_(x, 0.3, 2.0)
F.rrelu_(x)
(m.manual_seed(1), F.rrelu_(x, training=True))[1]
m.selu_(x)
m.celu_(x)
m.rrelu_(x)
m.threshold_(x, 0.1, 0.0)
""".strip().splitlines()
# PyTorch does not differentiate these in place.
EDITS_OF_CONSTANTS = [
    "x.asinh_()",
    "x.arcsinh_()",
    "x.acosh_()",
    "x.arccosh_()",
    "p.atanh_()",
    "p.arctanh_()",
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("text", [*EDITS, *EDITS_OF_CONSTANTS])
def test_edit(peers: Any, text: str, dtype: str) -> None:
    first = re.search(r"\b(nans|x|p|i)\b", text)
    assert first is not None

    def program(m: Any, given: dict[str, Any]) -> Any:
        scope = {k: t.clone() for k, t in given.items()}
        edited = scope[first[0]]
        assert _evaluate(text, m, scope) is edited
        return edited, edited._version

    order = 0 if text in EDITS_OF_CONSTANTS else 2
    peers.agree(program, _inputs(text, dtype), order=order)


def test_special_names() -> None:
    """What torch.special offers of these families is listed under the same names."""
    for name, function in names["special"].items():
        if own_file(function) != "test_mathematics_parity":
            continue
        theirs = getattr(torch.special, name)
        if name == "polygamma":
            ours, expected = function(1, cr.tensor(0.4)), theirs(1, torch.tensor(0.4))
        elif name in ("softmax", "log_softmax", "logsumexp"):
            ours, expected = function(cr.tensor([0.4]), 0), theirs(torch.tensor([0.4]), 0)
        elif name == "xlogy":
            ours, expected = function(cr.tensor(0.4), 0.7), theirs(torch.tensor(0.4), 0.7)
        else:
            ours, expected = function(cr.tensor(0.4)), theirs(torch.tensor(0.4))
        assert ours.item() == pytest.approx(expected.item(), rel=1e-5), name


def test_every_public_name_is_here() -> None:
    text = "\n".join([*TEXTS, *EDITS, *EDITS_OF_CONSTANTS, "F.hardsigmoid("])
    missing = [
        f"{space}.{name}"
        for space in ("torch", "tensor", "F")
        for name, function in names[space].items()
        if family_of(function) in MINE and not re.search(rf"[.]{re.escape(name)}\(", text)
    ]
    assert not missing
