"""Kullback–Leibler divergences KL(p ‖ q) = E_p[ln p − ln q] in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..autograd.declare import names
from .choices import Categorical, OneHotCategorical
from .continuous import Gumbel, Laplace, Normal, Uniform
from .discrete import Bernoulli, Binomial, Geometric, Poisson
from .multivariate import Dirichlet, Independent, MultivariateNormal, sum_rightmost
from .positive import Beta, Exponential, Gamma, HalfNormal
from .transforms import LogNormal

_t, _linalg = names["torch"], names["linalg"]
_table: dict[tuple[type, type], Callable[[Any, Any], Any]] = {}


def register_kl(type_p: type, type_q: type) -> Callable[[Any], Any]:
    """Register a function of (p, q) for two classes of distributions; a decorator.

    >>> import chainrule as cr
    >>> class Mine(cr.distributions.Normal): pass
    >>> @cr.distributions.register_kl(Mine, Mine)
    ... def _(p, q): return cr.tensor(7.0)
    >>> cr.distributions.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0))
    tensor(7.)
    """

    def register(function: Any) -> Any:
        _table[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Any, q: Any) -> Any:
    """KL(p ‖ q), one number for each element of the batch.

    Raises NotImplementedError for a pair of classes that has no closed form here.

    >>> import chainrule as cr
    >>> Normal = cr.distributions.Normal
    >>> cr.distributions.kl_divergence(Normal(1.0, 1.0), Normal(0.0, 1.0))
    tensor(0.5000)
    """
    matches = [
        (type(p).__mro__.index(a) + type(q).__mro__.index(b), f)
        for (a, b), f in _table.items()
        if isinstance(p, a) and isinstance(q, b)
    ]
    if not matches:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
            f"{type(q).__name__}"
        )
    return min(matches, key=lambda m: m[0])[1](p, q)


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(LogNormal, LogNormal)
def _log_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p._base, q._base)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    ratio, away = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + away / q.scale + ratio * (-away / p.scale).exp() - 1


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    shift, scaled = q.loc / q.scale, p.loc / q.scale
    rest = (shift + (1 + ratio).lgamma() - scaled).exp()
    return -ratio.log() - shift + scaled + ratio * 0.57721566490153286 + rest - 1.57721566490153286


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return _t["where"]((q.low > p.low) | (q.high < p.high), math.inf, result)


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width, middle = p.high - p.low, (p.high + p.low - 2 * q.loc) / 2
    entropy = (math.sqrt(2 * math.pi) * q.scale / width).log()
    return entropy + (width.pow(2) / 12 + middle.pow(2)) / (2 * q.scale.pow(2))


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma()
        + (a - b) * a.digamma() + (q.rate - p.rate) * (a / p.rate)
    )  # fmt: skip


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    ratio, b = q.rate / p.rate, q.concentration
    return -b * ratio.log() + ratio + b.lgamma() + b * 0.57721566490153286 - 1.57721566490153286


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    return _dirichlet(p._dirichlet, q._dirichlet)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    spread = ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(-1)
    return total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + spread


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: Any, q: Any) -> Any:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be "
            f"computed: {list(p.event_shape)} and {list(q.event_shape)}"
        )
    solve = _linalg["solve_triangular"]
    trace = solve(q._factor, p._factor, upper=False).pow(2).sum((-2, -1))
    away = solve(q._factor, (q.loc - p.loc).unsqueeze(-1), upper=False).pow(2).sum((-2, -1))
    half_logs = q._half_log_det() - p._half_log_det()
    return half_logs + 0.5 * (trace + away - p.event_shape[0])


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    softplus = names["F"]["softplus"]
    yes = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    yes = _t["where"](q.probs == 0, math.inf, yes)
    yes = _t["where"](p.probs == 0, 0.0, yes)
    no = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    no = _t["where"](q.probs == 1, math.inf, no)
    return yes + _t["where"](p.probs == 1, 0.0, no)


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError(
            "KL between Binomials where q.total_count > p.total_count is not implemented"
        )
    one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    return _t["where"](p.total_count > q.total_count, math.inf, p.total_count * one)


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    terms = _t["where"]((q.probs == 0).expand_as(terms), math.inf, terms)
    return _t["where"]((p.probs == 0).expand_as(terms), 0.0, terms).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError("Independents that reinterpret different numbers of dimensions")
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
