"""Discrete distributions of choices: one of K, and how often each."""

from __future__ import annotations

import math
from typing import Any

from ..autograd.declare import names
from . import constraints as c
from .discrete import Binomial, Odds
from .distribution import Distribution, broadcast_all, limits

_t = names["torch"]


class Categorical(Odds):
    """One of K choices, the probabilities (or unnormalised ``logits``) along the last dimension.

    >>> import chainrule as cr
    >>> choice = cr.distributions.Categorical(cr.tensor([0.25, 0.25, 0.5]))
    >>> choice.log_prob(cr.tensor(2)), choice.entropy()
    (tensor(-0.6931), tensor(1.0397))
    """

    arg_constraints = {"probs": c.simplex, "logits": c.real_vector}
    has_enumerate_support = True
    _binary = False

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        if probs is not None:
            if probs.dim() < 1:
                raise ValueError("`probs` parameter must be at least one-dimensional.")
            self.__dict__["probs"] = probs / probs.sum(-1, keepdim=True)
        else:
            if logits.dim() < 1:
                raise ValueError("`logits` parameter must be at least one-dimensional.")
            self.__dict__["logits"] = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._param = probs if probs is not None else logits
        self._num_events = int(self._param.shape[-1])
        super().__init__(self._param.shape[:-1], (), validate_args)

    @property
    def param_shape(self) -> Any:
        """The shape of ``probs``."""
        return self._param.shape

    @property
    def support(self) -> Any:
        """0 to K − 1."""
        return c.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Any:
        """Nan: choices have no mean."""
        return _t["full"](self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def variance(self) -> Any:
        """Nan: choices have no variance."""
        return _t["full"](self._extended_shape(), math.nan, dtype=self.probs.dtype)

    @property
    def mode(self) -> Any:
        """The most probable choice."""
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Indices, int64."""
        count = math.prod(tuple(sample_shape))
        rows = self.probs.detach().reshape(-1, self._num_events)
        drawn = _t["multinomial"](rows, count, True).T
        return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the choice's probability."""
        self._validate_sample(value)
        value = value.long().unsqueeze(-1)
        value, log_pmf = _t["broadcast_tensors"](value, self.logits)
        return log_pmf.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        """−Σ p ln p."""
        smallest = limits(self.logits).min
        return -(self.logits.clamp(min=smallest) * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Any:
        """0 to K − 1."""
        return self._enumerated(_t["arange"](self._num_events), expand)


class _Choices(Distribution):
    """Vectors over K choices, whose parameters a Categorical holds."""

    arg_constraints = {"probs": c.simplex, "logits": c.real_vector}

    def __init__(self, probs: Any, logits: Any, validate_args: bool | None) -> None:
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape)
        new._categorical = self._categorical.expand(batch_shape)
        return new

    @property
    def probs(self) -> Any:
        """Probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Any:
        """Log-probabilities."""
        return self._categorical.logits

    def _vectors(self, index: Any) -> Any:
        return names["F"]["one_hot"](index, self._event_shape[0]).to(self.probs.dtype)


class OneHotCategorical(_Choices):
    """One of K choices as a vector with a 1 at the choice.

    >>> import chainrule as cr
    >>> cr.distributions.OneHotCategorical(cr.tensor([0.0, 1.0])).sample()
    tensor([0., 1.])
    """

    support: Any = c.one_hot
    has_enumerate_support = True

    def __init__(
        self, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(probs, logits, validate_args)

    @property
    def mean(self) -> Any:
        """The parameter probs."""
        return self.probs

    @property
    def mode(self) -> Any:
        """The vector of the most probable choice."""
        return self._vectors(self.probs.argmax(-1))

    @property
    def variance(self) -> Any:
        """p(1 − p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Vectors with one 1."""
        return self._vectors(self._categorical.sample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the choice's probability."""
        self._validate_sample(value)
        return self._categorical.log_prob(value.argmax(-1))

    def entropy(self) -> Any:
        """−Σ p ln p."""
        return self._categorical.entropy()

    def enumerate_support(self, expand: bool = True) -> Any:
        """The K vectors."""
        k = self._event_shape[0]
        values = _t["eye"](k, dtype=self.probs.dtype)
        values = values.reshape(k, *(1,) * len(self._batch_shape), k)
        return values.expand(k, *self._batch_shape, k) if expand else values


class Multinomial(_Choices):
    """How often each of K choices comes in ``total_count`` draws.

    >>> import chainrule as cr
    >>> dice = cr.distributions.Multinomial(6, cr.ones(6))
    >>> dice.mean
    tensor([1., 1., 1., 1., 1., 1.])
    """

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None,
        validate_args: bool | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        super().__init__(probs, logits, validate_args)

    @property
    def support(self) -> Any:
        """Counts that sum to total_count."""
        return c.multinomial(self.total_count)

    @property
    def mean(self) -> Any:
        """The value n·p."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        """The value n·p(1 − p)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        """Counts of the choices drawn."""
        drawn = self._categorical.sample((self.total_count, *tuple(sample_shape)))
        return self._vectors(drawn).sum(0)

    def log_prob(self, value: Any) -> Any:
        """The value ln n! − Σ ln kᵢ! + Σ kᵢ ln pᵢ."""
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = _t["where"]((value == 0) & (logits == -math.inf), 0.0, logits)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Any:
        """In closed form, by the binomial counts of each choice."""
        n = _t["tensor"](float(self.total_count), dtype=self.probs.dtype)
        one = self._categorical.entropy()
        binomial = Binomial(self.total_count, probs=self.probs, validate_args=False)
        support = binomial.enumerate_support(expand=False)[1:]
        weight = (binomial.log_prob(support).exp() * (support + 1).lgamma()).sum((0, -1))
        return n * one - (n + 1).lgamma() + weight
