"""Discrete distributions: counts, choices and waiting times."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Tensor, modes
from ..autograd.declare import names
from . import constraints as c
from .distribution import (
    Distribution,
    broadcast_all,
    lazy_property,
    limits,
    logits_to_probs,
    probs_to_logits,
)

_t = names["torch"]


class Odds(Distribution):
    """Given by ``probs`` or by ``logits``, the other computed when first asked for."""

    _binary = True

    def _take(self, probs: Any, logits: Any, *others: Any) -> tuple[Any, ...]:
        """Note the one that is given, broadcast with the other parameters."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        name, value = ("probs", probs) if logits is None else ("logits", logits)
        *rest, value = broadcast_all(*others, value)
        self.__dict__[name] = value
        self._param = value
        return tuple(rest)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape)
        new._param = new.__dict__.get("probs", new.__dict__.get("logits"))
        return new

    @lazy_property
    def probs(self) -> Any:
        """Probabilities."""
        return logits_to_probs(self.logits, self._binary)

    @lazy_property
    def logits(self) -> Any:
        """Log-odds, or log-probabilities."""
        return probs_to_logits(self.probs, self._binary)

    def _cross_entropy(self, logits: Any, value: Any) -> Any:
        loss = names["F"]["binary_cross_entropy_with_logits"]
        return loss(*broadcast_all(logits, value), reduction="none")


class Bernoulli(Odds):
    """1 with probability ``probs``, else 0.

    >>> import chainrule as cr
    >>> cr.distributions.Bernoulli(0.25).log_prob(cr.tensor(1.0))
    tensor(-1.3863)
    """

    arg_constraints = {"probs": c.unit_interval, "logits": c.real}
    support: Any = c.boolean
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """The parameter probs."""
        return self.probs

    @property
    def mode(self) -> Any:
        """1 where probs > ½, 0 below, nan at ½."""
        mode = (self.probs >= 0.5).to(self.probs.dtype)
        return _t["where"](self.probs == 0.5, math.nan, mode)

    @property
    def variance(self) -> Any:
        """p(1 − p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Outcomes 0 and 1."""
        with modes.no_grad():
            return _t["bernoulli"](self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability."""
        self._validate_sample(value)
        return -self._cross_entropy(self.logits, value)

    def entropy(self) -> Any:
        """−p ln p − (1 − p) ln(1 − p)."""
        return self._cross_entropy(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 and 1."""
        return self._enumerated(_t["arange"](2, dtype=self._param.dtype), expand)


class Geometric(Odds):
    """The failures before the first success of probability ``probs``: (1 − p)ᵏ p.

    >>> import chainrule as cr
    >>> cr.distributions.Geometric(0.25).mean
    tensor(3.)
    """

    arg_constraints = {"probs": c.unit_interval, "logits": c.real}
    support: Any = c.nonnegative_integer

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        self._take(probs, logits)
        super().__init__(self._param.shape, (), validate_args)
        if self._validate_args and probs is not None and not bool((self.probs > 0).all()):
            raise ValueError(
                f"Expected parameter probs ({type(self.probs).__name__} of shape "
                f"{tuple(self.probs.shape)}) of distribution {self!r} to be positive but found "
                f"invalid values:\n{self.probs}"
            )

    @property
    def mean(self) -> Any:
        """1/p − 1."""
        return 1.0 / self.probs - 1.0

    @property
    def mode(self) -> Any:
        """0."""
        return _t["zeros_like"](self.probs)

    @property
    def variance(self) -> Any:
        """(1/p − 1)/p."""
        return (1.0 / self.probs - 1.0) / self.probs

    def sample(self, sample_shape: Any = ()) -> Any:
        """⌊ln u / ln(1 − p)⌋."""
        with modes.no_grad():
            u = _t["rand"](self._extended_shape(sample_shape), dtype=self.probs.dtype)
            u = u.clamp(min=limits(u).tiny)
            return (u.log() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Any) -> Any:
        """The value k ln(1 − p) + ln p."""
        self._validate_sample(value)
        value, probs = broadcast_all(value, self.probs)
        probs = _t["where"]((probs == 1) & (value == 0), 0.0, probs)
        return value * (-probs).log1p() + self.probs.log()

    def entropy(self) -> Any:
        """That of one trial over p."""
        return self._cross_entropy(self.logits, self.probs) / self.probs


class Poisson(Distribution):
    """A count of mean ``rate``: λᵏ e^(−λ) / k!.

    >>> import chainrule as cr
    >>> cr.distributions.Poisson(2.0).log_prob(cr.tensor(0.0))
    tensor(-2.)
    """

    arg_constraints = {"rate": c.nonnegative}
    support: Any = c.nonnegative_integer

    def __init__(self, rate: Any, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_all(rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Any:
        """The parameter rate."""
        return self.rate

    @property
    def mode(self) -> Any:
        """⌊rate⌋."""
        return self.rate.floor()

    @property
    def variance(self) -> Any:
        """The parameter rate."""
        return self.rate

    def sample(self, sample_shape: Any = ()) -> Any:
        """Counts."""
        with modes.no_grad():
            return _t["poisson"](self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        """The value k ln λ − λ − ln k!."""
        self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return _t["xlogy"](value, rate) - rate - (value + 1).lgamma()


class Binomial(Odds):
    """The successes in ``total_count`` trials of probability ``probs``.

    >>> import chainrule as cr
    >>> cr.distributions.Binomial(4, probs=cr.tensor(0.5)).log_prob(cr.tensor(2.0)).exp()
    tensor(0.3750)
    """

    arg_constraints = {
        "total_count": c.nonnegative_integer, "probs": c.unit_interval, "logits": c.real
    }  # fmt: skip
    has_enumerate_support = True

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        count = total_count if isinstance(total_count, Tensor) else float(total_count)
        (self.total_count,) = self._take(probs, logits, count)
        self.total_count = self.total_count.type_as(self._param)
        super().__init__(self._param.shape, (), validate_args)

    @property
    def support(self) -> Any:
        """0 to total_count."""
        return c.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        """The value n·p."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        """⌊(n + 1)p⌋, at most n."""
        return _t["minimum"](((self.total_count + 1) * self.probs).floor(), self.total_count)

    @property
    def variance(self) -> Any:
        """The value n·p(1 − p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Counts."""
        shape = self._extended_shape(sample_shape)
        with modes.no_grad():
            return _t["binomial"](self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        """The value ln C(n, k) + k ln p + (n − k) ln(1 − p)."""
        self._validate_sample(value)
        n = self.total_count
        choices = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        # ln(1 + e^l) without overflow
        logits = self.logits
        soft = logits.clamp(min=0) + (-logits.abs()).exp().log1p()
        return value * logits - n * soft + choices

    def entropy(self) -> Any:
        """−Σ p ln p over the outcomes, where all counts are equal."""
        count = self._same_count("Inhomogeneous total count not supported by `entropy`.")
        values = self._enumerated(_t["arange"](1 + count, dtype=self._param.dtype), False)
        log_prob = self.log_prob(values)
        return -(log_prob.exp() * log_prob).sum(0)

    def _same_count(self, message: str) -> int:
        count = int(self.total_count.max().item())
        if not bool((self.total_count == count).all()):
            raise NotImplementedError(message)
        return count

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 to total_count, where all counts are equal."""
        count = self._same_count("Inhomogeneous total count not supported by `enumerate_support`.")
        return self._enumerated(_t["arange"](1 + count, dtype=self._param.dtype), expand)
