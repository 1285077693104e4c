"""Invertible transforms, and the distribution of a transformed random variable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ..autograd import Size, modes
from ..autograd.declare import names
from . import constraints as c
from .distribution import Distribution, limits
from .multivariate import sum_rightmost

_t = names["torch"]


class Transform:
    """An invertible map y = t(x) with ln |dy/dx|; ``t.inv`` is its inverse.

    Subclasses define ``_call``, ``_inverse`` and ``log_abs_det_jacobian(x, y)``.

    >>> import chainrule as cr
    >>> t = cr.distributions.ExpTransform()
    >>> x = cr.tensor(0.0); t(x), t.inv(t(x)), t.log_abs_det_jacobian(x, t(x))
    (tensor(1.), tensor(0.), tensor(0.))
    """

    bijective = True
    domain: Any = c.real
    codomain: Any = c.real
    sign: Any = 1

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError("cache_size must be 0 or 1")
        self._cache_size = cache_size
        self._last: tuple[Any, Any] = (None, None)

    @property
    def inv(self) -> Transform:
        """The inverse."""
        return _Inverse(self)

    def __call__(self, x: Any) -> Any:
        if self._cache_size and x is self._last[0]:
            return self._last[1]
        y = self._call(x)
        self._last = (x, y) if self._cache_size else (None, None)
        return y

    def _inv_call(self, y: Any) -> Any:
        if self._cache_size and y is self._last[1]:
            return self._last[0]
        x = self._inverse(y)
        self._last = (x, y) if self._cache_size else (None, None)
        return x

    def _call(self, x: Any) -> Any:
        raise NotImplementedError

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The value ln |dy/dx|, summed over the event."""
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        """The shape of t(x) for x of a shape."""
        return shape

    def inverse_shape(self, shape: Any) -> Any:
        """The shape of x for y of a shape."""
        return shape

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return type(self).__name__ + "()"


class _Inverse(Transform):
    """A transform run backwards."""

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        self._of = transform
        self.domain, self.codomain = transform.codomain, transform.domain
        self.sign = transform.sign

    @property
    def inv(self) -> Transform:
        """The transform itself."""
        return self._of

    def __call__(self, x: Any) -> Any:
        return self._of._inv_call(x)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The transform's, negated."""
        return -self._of.log_abs_det_jacobian(y, x)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._of!r})"


class ExpTransform(Transform):
    """y = eˣ."""

    codomain: Any = c.positive

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The place x itself."""
        return x


class SigmoidTransform(Transform):
    """y = 1/(1 + e^(−x))."""

    codomain: Any = c.unit_interval

    def _call(self, x: Any) -> Any:
        info = limits(x)
        return x.sigmoid().clamp(min=info.tiny, max=1.0 - info.eps)

    def _inverse(self, y: Any) -> Any:
        info = limits(y)
        y = y.clamp(min=info.tiny, max=1.0 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """−softplus(−x) − softplus(x)."""
        softplus = names["F"]["softplus"]
        return -softplus(-x) - softplus(x)


class TanhTransform(Transform):
    """y = tanh x."""

    codomain: Any = c.interval(-1.0, 1.0)

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """2(ln 2 − x − softplus(−2x)), which keeps its digits where 1 − tanh² has none."""
        return 2.0 * (math.log(2.0) - x - names["F"]["softplus"](-2.0 * x))


class AffineTransform(Transform):
    """y = loc + scale·x."""

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self.event_dim = loc, scale, event_dim
        if event_dim:
            self.domain = self.codomain = c.independent(c.real, event_dim)

    @property
    def sign(self) -> Any:
        """Whether it rises or falls."""
        return self.scale.sign() if hasattr(self.scale, "sign") else math.copysign(1, self.scale)

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The value ln |scale|, summed over the event."""
        if hasattr(self.scale, "abs"):
            value = self.scale.abs().log() + x * 0
        else:
            value = _t["full_like"](x, math.log(abs(self.scale)))
        return sum_rightmost(value, self.event_dim)


class PowerTransform(Transform):
    """y = x to the ``exponent``, on positive numbers."""

    domain: Any = c.positive
    codomain: Any = c.positive

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The value ln |exponent·y/x|."""
        return (self.exponent * y / x).abs().log()


class ComposeTransform(Transform):
    """Several transforms one after the other."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = list(parts)
        if self.parts:
            self.domain, self.codomain = self.parts[0].domain, self.parts[-1].codomain

    def _call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part.inv(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """The sum over the parts."""
        if not self.parts:
            return _t["zeros_like"](x)
        widest = max(p.domain.event_dim for p in self.parts)
        total: Any = 0
        for part in self.parts:
            out = part(x)
            term = part.log_abs_det_jacobian(x, out)
            total = total + sum_rightmost(term, widest - part.domain.event_dim)
            x = out
        return total


class TransformedDistribution(Distribution):
    """The distribution of t(x) for x from ``base_distribution``, t one transform or a list.

    >>> import chainrule as cr
    >>> d = cr.distributions
    >>> d.TransformedDistribution(d.Normal(0.0, 1.0), d.ExpTransform()).log_prob(cr.tensor(1.0))
    tensor(-0.9189)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, base_distribution: Any, transforms: Any, validate_args: bool | None = None
    ) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        if not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(
                f"transforms must be a Transform or a list of Transforms, but was {transforms}"
            )
        self.base_dist = base_distribution
        shape = Size((*base_distribution.batch_shape, *base_distribution.event_shape))
        events = [len(base_distribution.event_shape)]
        for t in self.transforms:
            shape = t.forward_shape(shape)
            events.append(max(t.codomain.event_dim, events[-1]))
        cut = len(shape) - events[-1]
        super().__init__(shape[:cut], shape[cut:], validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # the base's
        """Whether the base has reparametrised samples."""
        return bool(self.base_dist.has_rsample)

    @property
    def support(self) -> Any:
        """Where the last transform leads."""
        return self.transforms[-1].codomain if self.transforms else self.base_dist.support

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new.base_dist = self.base_dist.expand(batch_shape)
        new._batch_shape = Size(batch_shape)
        return new

    def sample(self, sample_shape: Any = ()) -> Any:
        """The base's outcomes, transformed."""
        with modes.no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The base's reparametrised outcomes, transformed."""
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Any) -> Any:
        for t in self.transforms:
            x = t(x)
        return x

    def log_prob(self, value: Any) -> Any:
        """The base's at the original less ln |dy/dx|."""
        self._validate_sample(value)
        count, total = len(self._event_shape), 0.0
        for t in reversed(self.transforms):
            x = t.inv(value)
            term = t.log_abs_det_jacobian(x, value)
            total = total - sum_rightmost(term, count - t.codomain.event_dim)
            value = x
        base = self.base_dist.log_prob(value)
        return total + sum_rightmost(base, count - len(self.base_dist.event_shape))

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        sign: Any = 1
        for t in reversed(self.transforms):
            value, sign = t.inv(value), sign * t.sign
        value = self.base_dist.cdf(value)
        return sign * (value - 0.5) + 0.5

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        sign: Any = 1
        for t in self.transforms:
            sign = sign * t.sign
        return self._forward(self.base_dist.icdf(sign * (value - 0.5) + 0.5))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class LogNormal(TransformedDistribution):
    """e to a normal number.

    >>> import chainrule as cr
    >>> cr.distributions.LogNormal(0.0, 1.0).mean
    tensor(1.6487)
    """

    arg_constraints: ClassVar[dict[str, Any]] = {"loc": c.real, "scale": c.positive}

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        from .continuous import Normal

        super().__init__(Normal(loc, scale, validate_args), ExpTransform(), validate_args)

    @property
    def loc(self) -> Any:
        """The mean of the logarithm."""
        return self.base_dist.loc

    @property
    def scale(self) -> Any:
        """The standard deviation of the logarithm."""
        return self.base_dist.scale

    @property
    def mean(self) -> Any:
        """e^(loc + scale²/2)."""
        return (self.loc + self.scale.pow(2) / 2).exp()

    @property
    def mode(self) -> Any:
        """e^(loc − scale²)."""
        return (self.loc - self.scale.square()).exp()

    @property
    def variance(self) -> Any:
        """(e^(scale²) − 1) e^(2 loc + scale²)."""
        square = self.scale.pow(2)
        return square.expm1() * (2 * self.loc + square).exp()

    def entropy(self) -> Any:
        """The normal's plus loc."""
        return self.base_dist.entropy() + self.loc
