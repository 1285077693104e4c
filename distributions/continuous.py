"""Continuous distributions of one number."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.declare import names
from . import constraints as c
from .distribution import LOG_2PI, Distribution, broadcast_all, limits, standard_normal

_t = names["torch"]
EULER = 0.57721566490153286060651209008


class _LocScale(Distribution):
    """``loc`` shifts and ``scale`` stretches a standard form."""

    arg_constraints = {"loc": c.real, "scale": c.positive}
    support: Any = c.real
    has_rsample = True
    loc: Any
    scale: Any

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """The expected outcome."""
        return self.loc

    @property
    def mode(self) -> Any:
        """The most probable outcome."""
        return self.loc

    def _standard(self, value: Any) -> Any:
        self._validate_sample(value)
        return (value - self.loc) / self.scale


class Normal(_LocScale):
    """The normal distribution: density e^(−(x−loc)²/(2 scale²)) / (scale·√(2π)).

    >>> import chainrule as cr
    >>> cr.distributions.Normal(0.0, 1.0).log_prob(cr.tensor(0.0))
    tensor(-0.9189)
    """

    @property
    def stddev(self) -> Any:
        """The square root of the variance."""
        return self.scale

    @property
    def variance(self) -> Any:
        """scale²."""
        return self.scale.pow(2)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Outcomes without gradient."""
        shape = self._extended_shape(sample_shape)
        loc, scale = self.loc.detach().expand(shape), self.scale.detach().expand(shape)
        return _t["normal"](loc, scale)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The parameter loc + scale·ε."""
        shape = self._extended_shape(sample_shape)
        return self.loc + standard_normal(shape, self.loc.dtype) * self.scale

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        z = self._standard(value)
        return -(z**2) / 2 - self.scale.log() - LOG_2PI / 2

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        return 0.5 * (1 + (self._standard(value) / math.sqrt(2)).erf())

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return self.loc + self.scale * (2 * value - 1).erfinv() * math.sqrt(2)

    def entropy(self) -> Any:
        """½ + ½ ln 2π + ln scale."""
        return 0.5 + 0.5 * LOG_2PI + self.scale.log()


class Laplace(_LocScale):
    """The Laplace distribution: density e^(−|x−loc|/scale) / (2 scale).

    >>> import chainrule as cr
    >>> cr.distributions.Laplace(0.0, 1.0).cdf(cr.tensor(0.0))
    tensor(0.5000)
    """

    @property
    def variance(self) -> Any:
        """2 scale²."""
        return 2 * self.scale.pow(2)

    @property
    def stddev(self) -> Any:
        """√2·scale."""
        return math.sqrt(2) * self.scale

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Through the inverse of the distribution function."""
        shape = self._extended_shape(sample_shape)
        eps = limits(self.loc).eps
        u = _t["empty"](shape, dtype=self.loc.dtype).uniform_(eps - 1, 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        return -(2 * self.scale).log() - self._standard(value).abs()

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        z = self._standard(value)
        return 0.5 - 0.5 * z.sign() * (-z.abs()).expm1()

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Any:
        """1 + ln(2 scale)."""
        return 1 + (2 * self.scale).log()


class Cauchy(_LocScale):
    """The Cauchy distribution, the ratio of two normal numbers; it has no mean.

    >>> import chainrule as cr
    >>> cr.distributions.Cauchy(0.0, 1.0).cdf(cr.tensor(1.0))
    tensor(0.7500)
    """

    @property
    def mean(self) -> Any:
        """Nan: there is none."""
        return _t["full"](self._extended_shape(), math.nan, dtype=self.loc.dtype)

    @property
    def variance(self) -> Any:
        """Infinite."""
        return _t["full"](self._extended_shape(), math.inf, dtype=self.loc.dtype)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The parameter loc + scale·tan(π(u − ½))."""
        shape = self._extended_shape(sample_shape)
        return self.loc + _t["empty"](shape, dtype=self.loc.dtype).cauchy_() * self.scale

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        return -math.log(math.pi) - self.scale.log() - (self._standard(value) ** 2).log1p()

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        return self._standard(value).atan() / math.pi + 0.5

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Any:
        """ln(4π·scale)."""
        return math.log(4 * math.pi) + self.scale.log()


class Gumbel(_LocScale):
    """The Gumbel distribution of the largest of many: F(x) = e^(−e^(−(x−loc)/scale)).

    >>> import chainrule as cr
    >>> cr.distributions.Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    @property
    def mean(self) -> Any:
        """The parameter loc + γ·scale, γ being Euler's constant."""
        return self.loc + self.scale * EULER

    @property
    def variance(self) -> Any:
        """(π²/6)·scale²."""
        return (math.pi / math.sqrt(6) * self.scale).pow(2)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The parameter loc − scale·ln(−ln u)."""
        shape = self._extended_shape(sample_shape)
        info = limits(self.loc)
        u = _t["rand"](shape, dtype=self.loc.dtype).clamp(info.tiny, 1 - info.eps / 2)
        return self.loc - self.scale * (-u.log()).log()

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        y = -self._standard(value)
        return y - y.exp() - self.scale.log()

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        return (-(-self._standard(value)).exp()).exp()

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Any:
        """The value ln scale + 1 + γ."""
        return self.scale.log() + (1 + EULER)


class Uniform(Distribution):
    """Equal density 1/(high − low) between ``low`` (included) and ``high``.

    >>> import chainrule as cr
    >>> cr.distributions.Uniform(0.0, 2.0).log_prob(cr.tensor(1.0))
    tensor(-0.6931)
    """

    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = broadcast_all(low, high)
        super().__init__(self.low.shape, (), validate_args)

    @property
    def arg_constraints(self) -> Any:  # type: ignore[override]  # each bounds the other
        """What each bound must satisfy."""
        return {"low": c.less_than(self.high), "high": c.greater_than(self.low)}

    @property
    def support(self) -> Any:
        """Numbers from low to high."""
        return c.interval(self.low, self.high)

    @property
    def mean(self) -> Any:
        """The middle."""
        return (self.high + self.low) / 2

    @property
    def mode(self) -> Any:
        """Nan: no outcome is more probable than another."""
        return math.nan * self.high

    @property
    def variance(self) -> Any:
        """(high − low)²/12."""
        return (self.high - self.low).pow(2) / 12

    @property
    def stddev(self) -> Any:
        """(high − low)/√12."""
        return (self.high - self.low) / math.sqrt(12)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The value low + u·(high − low)."""
        shape = self._extended_shape(sample_shape)
        u = _t["rand"](shape, dtype=self.low.dtype)
        return self.low + u * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        """−ln(high − low) inside, −inf outside."""
        self._validate_sample(value)
        inside = self.low.le(value) & self.high.gt(value)
        return inside.to(self.low.dtype).log() - (self.high - self.low).log()

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        self._validate_sample(value)
        return ((value - self.low) / (self.high - self.low)).clamp(min=0, max=1)

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        return value * (self.high - self.low) + self.low

    def entropy(self) -> Any:
        """ln(high − low)."""
        return (self.high - self.low).log()


class StudentT(Distribution):
    """Student's t with ``df`` degrees of freedom, shifted by ``loc`` and stretched by ``scale``.

    >>> import chainrule as cr
    >>> cr.distributions.StudentT(1.0).log_prob(cr.tensor(0.0))
    tensor(-1.1447)
    """

    arg_constraints = {"df": c.positive, "loc": c.real, "scale": c.positive}
    support: Any = c.real
    has_rsample = True

    def __init__(
        self, df: Any, loc: Any = 0.0, scale: Any = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(self.df.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """The parameter loc; nan for df ≤ 1."""
        return _t["where"](self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Any:
        """The parameter loc."""
        return self.loc

    @property
    def variance(self) -> Any:
        """scale²·df/(df − 2); infinite for df ≤ 2, nan for df ≤ 1."""
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        wide = _t["where"](self.df > 2, finite, math.inf)
        return _t["where"](self.df > 1, wide, math.nan)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """A normal number over the root of a chi-squared one."""
        shape = self._extended_shape(sample_shape)
        x = standard_normal(shape, self.df.dtype)
        z = _t["_standard_gamma"]((self.df / 2).expand(shape)) / 0.5
        return self.loc + self.scale * x * _t["rsqrt"](z / self.df)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        self._validate_sample(value)
        y = (value - self.loc) / self.scale
        half = 0.5 * self.df
        norm = self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi)
        norm = norm + half.lgamma() - (half + 0.5).lgamma()
        return -0.5 * (self.df + 1) * (y**2 / self.df).log1p() - norm

    def entropy(self) -> Any:
        """In closed form, by digamma and log-gamma."""
        half = 0.5 * self.df
        log_beta = half.lgamma() + math.lgamma(0.5) - (half + 0.5).lgamma()
        spread = (half + 0.5) * ((half + 0.5).digamma() - half.digamma())
        return self.scale.log() + spread + 0.5 * self.df.log() + log_beta
