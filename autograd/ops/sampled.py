"""Random numbers of counts and proportions: Poisson, binomial, gamma, Dirichlet.

The last two are differentiable in their parameters: a draw moves along its own quantile. With F the
distribution function and f the density, ∂x/∂α = −(∂F/∂α) / f at the drawn x. Source: Figurnov,
Mohamed and Mnih, "Implicit reparameterization gradients", 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

from .. import rejection
from ..declare import Array, export, op
from ..handle import make, scalar_of
from .random import fill_in_place, source
from .reduce import total


def _drawn(g: Any, draw: Callable[..., float], dtype: Any, *arrays: Any) -> Any:
    out = rejection.each(g, draw, *[np.asarray(a) for a in arrays])
    if dtype.kind == "f" and dtype.itemsize < 8:
        out = out.astype(np.float32)
    return out.astype(dtype)


@export("torch")
def poisson(input: Any, generator: Any = None) -> Any:
    """A count for each rate in ``input``, P(k) = λᵏ e^(−λ) / k!; no gradient flows through it.

    Raises RuntimeError for a negative rate.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.poisson(cr.tensor([0.0, 100.0]))
    tensor([ 0., 99.])
    """
    rates = np.asarray(input._data)
    if rates.dtype.kind not in "fV":
        raise NotImplementedError(f'"poisson_cpu" not implemented for {input.dtype}')
    if np.any(rates < 0):
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    return make(_drawn(source(generator), rejection.poisson, rates.dtype, rates))


@export("torch")
def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """The successes in ``count`` trials of probability ``prob``, which broadcast.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr.binomial(cr.tensor([10.0, 100.0]), cr.tensor([0.0, 0.5]))
    tensor([ 0., 49.])
    """
    n, p = np.asarray(count._data), np.asarray(prob._data)
    if n.dtype != p.dtype:
        raise RuntimeError(
            f"binomial: count and prob must have the same dtype, got {count.dtype} and {prob.dtype}"
        )
    n, p = np.broadcast_arrays(n, p)
    return make(_drawn(source(generator), rejection.binomial, n.dtype, n, p))


def _log_normal(g: Any, self: Any, mean: float = 1.0, std: float = 2.0) -> Any:
    return g.log_normal(tuple(self.shape), self.dtype.np, float(mean), float(std))


def _geometric(g: Any, self: Any, p: float) -> Any:
    return g.geometric(tuple(self.shape), self.dtype.np, float(p))


def _cauchy(g: Any, self: Any, median: float = 0.0, sigma: float = 1.0) -> Any:
    return g.cauchy(tuple(self.shape), self.dtype.np, float(median), float(sigma))


fill_in_place("log_normal_", _log_normal, "e to normal draws, in place.")
fill_in_place("geometric_", _geometric, "Trials up to the first success, in place.")
fill_in_place("cauchy_", _cauchy, "Draws median + sigma·tan(π(u − ½)), in place.")


def _in_parameter(f: Callable[[Any], Any], a: Any) -> Any:
    """Df/da of a smooth function by differences of fourth order; about ten digits are right."""
    h = 1e-3 * a
    return (8 * (f(a + h) - f(a - h)) - (f(a + 2 * h) - f(a - 2 * h))) / (12 * h)


def _gamma_slope(alpha: Any, x: Any) -> Any:
    a, x = np.asarray(alpha, np.float64), np.asarray(x, np.float64)
    with np.errstate(all="ignore"):
        low = _in_parameter(lambda v: sp.gammainc(v, x), a)
        high = -_in_parameter(lambda v: sp.gammaincc(v, x), a)
        change = np.where(x < a, low, high)  # the smaller of the two tails has the digits
        density = np.exp((a - 1) * np.log(x) - x - sp.gammaln(a))
        small = x / a * (np.log(x) - sp.digamma(a + 1))  # the limit x → 0: F ∝ xᵃ/Γ(a+1)
        out = np.where(x < 1e-8 * np.minimum(a, 1), -small, -change / density)
        return np.where(x > 0, out, 0.0)


def _beta_slope(a: Any, x: Any, total: Any) -> Any:
    a, x, b = (np.asarray(v, np.float64) for v in (a, x, total - a))
    with np.errstate(all="ignore"):
        low = _in_parameter(lambda v: sp.betainc(v, b, x), a)
        high = -_in_parameter(lambda v: sp.betaincc(v, b, x), a)
        change = np.where(x < a / total, low, high)
        log_density = (a - 1) * np.log(x) + (b - 1) * np.log1p(-x) - sp.betaln(a, b)
        out = -change / np.exp(log_density) / (1 - x)
        return np.where((x > 0) & (x < 1) & np.isfinite(out), out, 0.0)


@op(where=("torch",), onnx=None, name="_standard_gamma_grad", samples=None)
def standard_gamma_grad(input: Array, output: Array) -> Any:
    """∂x/∂α of a gamma draw x = ``output`` at α = ``input``."""
    return _gamma_slope(input, output).astype(np.asarray(output).dtype)[()]


@op(where=("torch",), onnx=None, name="_dirichlet_grad", samples=None)
def dirichlet_grad(x: Array, alpha: Array, total: Array) -> Any:
    """(∂xᵢ/∂αᵢ)/(1 − xᵢ) of a share xᵢ of a Dirichlet draw, a beta draw with αᵢ and Σα − αᵢ.

    The other shares keep their proportions, so xⱼ changes by −xⱼ/(1 − xᵢ) of what xᵢ gains.
    """
    return _beta_slope(alpha, x, total).astype(np.asarray(x).dtype)[()]


@op(
    {"input": lambda g, input, out: g * standard_gamma_grad(input, out)},
    where=(),
    name="standard_gamma",
    onnx=None,
)
def _gamma_of(input: Array, drawn: Any) -> Any:
    """The draw x ~ Gamma(``input``, 1) that was made, tied to its parameter."""
    return drawn


@export("torch")
def _standard_gamma(input: Any, generator: Any = None) -> Any:
    """A draw of Gamma(α, 1) for each α in ``input``, differentiable in α.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr._standard_gamma(cr.tensor([2.0])).shape
    torch.Size([1])
    """
    alpha = np.asarray(input._data)
    drawn = _drawn(source(generator), rejection.gamma, alpha.dtype, alpha)
    drawn = np.maximum(drawn, np.finfo(drawn.dtype).tiny) if drawn.dtype.kind == "f" else drawn
    return _gamma_of(input, scalar_of(drawn[()]) if not drawn.ndim else drawn)


def _dirichlet_rule(g: Any, input: Any, out: Any) -> Any:
    mean = total(g * out, -1, True)
    return dirichlet_grad(out, input, total(input, -1, True) + input * 0) * (g - mean)


@op({"input": _dirichlet_rule}, where=(), name="dirichlet", onnx=None)
def _dirichlet_of(input: Array, drawn: Any) -> Any:
    """The draw of shares ~ Dirichlet(``input``) that was made, tied to its parameter."""
    return drawn


@export("torch")
def _sample_dirichlet(input: Any, generator: Any = None) -> Any:
    """Shares that sum to 1 along the last dimension, differentiable in the concentrations.

    >>> import chainrule as cr
    >>> seed = cr.manual_seed(0); cr._sample_dirichlet(cr.ones(2, 3)).sum(-1)
    tensor([1., 1.])
    """
    alpha = np.asarray(input._data)
    drawn = rejection.each(source(generator), rejection.gamma, alpha)
    share = (drawn / drawn.sum(-1, keepdims=True)).astype(alpha.dtype)
    return _dirichlet_of(input, np.maximum(share, np.finfo(share.dtype).tiny))
