"""Continuous distributions on the positive numbers and on the unit interval."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.declare import names
from . import constraints as c
from .continuous import Cauchy, Normal
from .distribution import Distribution, broadcast_all, limits
from .multivariate import Dirichlet

_t = names["torch"]


class Exponential(Distribution):
    """The exponential distribution: density rate·e^(−rate·x).

    >>> import chainrule as cr
    >>> cr.distributions.Exponential(2.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"rate": c.positive}
    support: Any = c.nonnegative
    has_rsample = True

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """1/rate."""
        return self.rate.reciprocal()

    @property
    def mode(self) -> Any:
        """0."""
        return _t["zeros_like"](self.rate)

    @property
    def stddev(self) -> Any:
        """1/rate."""
        return self.rate.reciprocal()

    @property
    def variance(self) -> Any:
        """1/rate²."""
        return self.rate.pow(-2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """A standard exponential number over the rate."""
        shape = self._extended_shape(sample_shape)
        return _t["empty"](shape, dtype=self.rate.dtype).exponential_() / self.rate

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        self._validate_sample(value)
        return 1 - (-self.rate * value).exp()

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Any:
        """1 − ln rate."""
        return 1.0 - self.rate.log()


class Gamma(Distribution):
    """The gamma distribution: density rateᵅ x^(α−1) e^(−rate·x) / Γ(α), α the ``concentration``.

    >>> import chainrule as cr
    >>> cr.distributions.Gamma(3.0, 2.0).mean
    tensor(1.5000)
    """

    arg_constraints = {"concentration": c.positive, "rate": c.positive}
    support: Any = c.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """α/rate."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Any:
        """(α − 1)/rate, at least 0."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Any:
        """α/rate²."""
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """A standard gamma number over the rate, both differentiable."""
        shape = self._extended_shape(sample_shape)
        value = _t["_standard_gamma"](self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=limits(value).tiny)
        return value

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        value = value if hasattr(value, "dim") else _t["tensor"](value, dtype=self.rate.dtype)
        self._validate_sample(value)
        a, b = self.concentration, self.rate
        return _t["xlogy"](a, b) + _t["xlogy"](a - 1, value) - b * value - a.lgamma()

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        self._validate_sample(value)
        return names["special"]["gammainc"](self.concentration, self.rate * value)

    def entropy(self) -> Any:
        """α − ln rate + ln Γ(α) + (1 − α)ψ(α)."""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()


class Chi2(Gamma):
    """The chi-squared distribution with ``df`` degrees of freedom: Gamma(df/2, 1/2).

    >>> import chainrule as cr
    >>> cr.distributions.Chi2(4.0).mean
    tensor(4.)
    """

    arg_constraints = {"df": c.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args)

    @property
    def df(self) -> Any:
        """The degrees of freedom."""
        return self.concentration * 2

    def _parameters(self) -> list[str]:
        return ["concentration", "rate"]


class Beta(Distribution):
    """The beta distribution on (0, 1): density ∝ x^(a−1) (1−x)^(b−1).

    >>> import chainrule as cr
    >>> cr.distributions.Beta(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": c.positive, "concentration0": c.positive}
    support: Any = c.unit_interval
    has_rsample = True

    def __init__(
        self, concentration1: Any, concentration0: Any, validate_args: bool | None = None
    ) -> None:
        a, b = broadcast_all(concentration1, concentration0)
        self._dirichlet = Dirichlet(_t["stack"]([a, b], -1), validate_args=validate_args)
        super().__init__(self._dirichlet.batch_shape, (), validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        a, b = (v.expand(*batch_shape) for v in (self.concentration1, self.concentration0))
        return Beta(a, b, validate_args=False)

    @property
    def concentration1(self) -> Any:
        """The exponent of x, plus 1."""
        return self._dirichlet.concentration[..., 0]

    @property
    def concentration0(self) -> Any:
        """The exponent of 1 − x, plus 1."""
        return self._dirichlet.concentration[..., 1]

    @property
    def mean(self) -> Any:
        """a/(a + b)."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Any:
        """(a − 1)/(a + b − 2) where both exceed 1."""
        return self._dirichlet.mode[..., 0]

    @property
    def variance(self) -> Any:
        """ab/((a + b)²(a + b + 1))."""
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The first share of a Dirichlet draw."""
        return self._dirichlet.rsample(sample_shape).select(-1, 0)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        self._validate_sample(value)
        return self._dirichlet.log_prob(_t["stack"]([value, 1.0 - value], -1))

    def entropy(self) -> Any:
        """The Dirichlet entropy of two shares."""
        return self._dirichlet.entropy()

    def __repr__(self) -> str:
        both = (self.concentration1, self.concentration0)
        a, b = (v if v.numel() == 1 else v.size() for v in both)
        return f"Beta(concentration1: {a}, concentration0: {b})"


class _Half(Distribution):
    """The absolute value of a distribution that is symmetric about 0."""

    arg_constraints = {"scale": c.positive}
    support: Any = c.nonnegative
    has_rsample = True
    _whole: Any  # the class of the symmetric distribution

    def __init__(self, scale: Any, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_all(scale)
        super().__init__(self.scale.shape, (), validate_args)

    @property
    def _base(self) -> Any:
        return self._whole(0.0, self.scale, validate_args=False)

    @property
    def mode(self) -> Any:
        """0."""
        return _t["zeros_like"](self.scale)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The absolute value of a draw."""
        return self._base.rsample(sample_shape).abs()

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density: twice that of the whole."""
        self._validate_sample(value)
        density = self._base.log_prob(value) + math.log(2)
        return _t["where"](value >= 0, density, -math.inf)

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        self._validate_sample(value)
        return 2 * self._base.cdf(value) - 1

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return self._base.icdf((value + 1) / 2)

    def entropy(self) -> Any:
        """That of the whole less ln 2."""
        return self._base.entropy() - math.log(2)


class HalfNormal(_Half):
    """The absolute value of a normal number of mean 0.

    >>> import chainrule as cr
    >>> cr.distributions.HalfNormal(1.0).mean
    tensor(0.7979)
    """

    _whole = Normal

    @property
    def mean(self) -> Any:
        """scale·√(2/π)."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def variance(self) -> Any:
        """scale²(1 − 2/π)."""
        return self.scale.pow(2) * (1 - 2 / math.pi)


class HalfCauchy(_Half):
    """The absolute value of a Cauchy number about 0.

    >>> import chainrule as cr
    >>> cr.distributions.HalfCauchy(1.0).cdf(cr.tensor(1.0))
    tensor(0.5000)
    """

    _whole = Cauchy

    @property
    def mean(self) -> Any:
        """Infinite."""
        return _t["full_like"](self.scale, math.inf)

    @property
    def variance(self) -> Any:
        """Infinite."""
        return _t["full_like"](self.scale, math.inf)
