"""Distributions of vectors, and ``Independent``, which makes vectors of numbers."""

from __future__ import annotations

from typing import Any

from ..autograd import Size
from ..autograd.declare import names
from . import constraints as c
from .distribution import LOG_2PI, Distribution, lazy_property, standard_normal

_t, _linalg = names["torch"], names["linalg"]


class Dirichlet(Distribution):
    """Shares that sum to 1: density ∝ Π xᵢ^(αᵢ−1), α the ``concentration`` along the last dim.

    >>> import chainrule as cr
    >>> cr.distributions.Dirichlet(cr.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": c.independent(c.positive, 1)}
    support: Any = c.simplex
    has_rsample = True

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        shape = concentration.shape
        super().__init__(shape[:-1], shape[-1:], validate_args)

    @property
    def mean(self) -> Any:
        """α/Σα."""
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        """(αᵢ − 1)/Σ(α − 1), the largest alone where all α are below 1."""
        over = (self.concentration - 1).clamp(min=0.0)
        mode = over / over.sum(-1, True)
        small = (self.concentration < 1).all(-1)
        if not bool(small.any()):
            return mode
        count = int(self.concentration.shape[-1])
        corner = names["F"]["one_hot"](self.concentration.argmax(-1), count).to(mode.dtype)
        return _t["where"](small.unsqueeze(-1), corner, mode)

    @property
    def variance(self) -> Any:
        """α(Σα − α)/((Σα)²(Σα + 1))."""
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Gamma draws over their sum; the gradient follows each share's own distribution."""
        shape = self._extended_shape(sample_shape)
        return _t["_sample_dirichlet"](self.concentration.expand(shape))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        self._validate_sample(value)
        a = self.concentration
        return _t["xlogy"](a - 1.0, value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Any:
        """In closed form, by digamma and log-gamma."""
        a, k = self.concentration, self.concentration.shape[-1]
        total = a.sum(-1)
        spread = ((a - 1.0) * a.digamma()).sum(-1)
        return a.lgamma().sum(-1) - total.lgamma() - (k - total) * total.digamma() - spread


class MultivariateNormal(Distribution):
    """The normal distribution of vectors, by covariance, its inverse, or its Cholesky factor.

    Density e^(−½(x−μ)ᵀ Σ⁻¹ (x−μ)) / √((2π)ᵏ det Σ).

    >>> import chainrule as cr
    >>> cr.distributions.MultivariateNormal(cr.zeros(2), cr.eye(2)).entropy()
    tensor(2.8379)
    """

    arg_constraints = {
        "loc": c.real_vector,
        "covariance_matrix": c.positive_definite,
        "precision_matrix": c.positive_definite,
        "scale_tril": c.lower_cholesky,
    }
    support: Any = c.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            "covariance_matrix": covariance_matrix,
            "scale_tril": scale_tril,
            "precision_matrix": precision_matrix,
        }
        known = {k: v for k, v in given.items() if v is not None}
        if len(known) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be "
                "specified."
            )
        ((name, matrix),) = known.items()
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = _t["broadcast_shapes"](matrix.shape[:-2], loc.shape[:-1])
        self.__dict__[name] = matrix.expand(*batch, -1, -1)
        self.loc = loc.expand(*batch, -1)
        super().__init__(batch, self.loc.shape[-1:], validate_args)
        if name == "scale_tril":
            self._factor = matrix
        elif name == "covariance_matrix":
            self._factor = _linalg["cholesky"](matrix)
        else:  # the factor of the inverse, from the flipped factor of the precision
            reverse = _linalg["cholesky"](matrix.flip((-2, -1)))
            inverse = reverse.flip((-2, -1)).mT
            eye = _t["eye"](matrix.shape[-1], dtype=matrix.dtype)
            self._factor = _linalg["solve_triangular"](inverse, eye, upper=False)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = super().expand(batch_shape)
        new._factor = self._factor
        return new

    @lazy_property
    def scale_tril(self) -> Any:
        """The Cholesky factor of the covariance."""
        return self._factor.expand(*self._batch_shape, *self._event_shape, *self._event_shape)

    @lazy_property
    def covariance_matrix(self) -> Any:
        """Σ."""
        n = self._event_shape
        return (self._factor @ self._factor.mT).expand(*self._batch_shape, *n, *n)

    @lazy_property
    def precision_matrix(self) -> Any:
        """Σ⁻¹."""
        n = self._event_shape
        return _t["cholesky_inverse"](self._factor).expand(*self._batch_shape, *n, *n)

    @property
    def mean(self) -> Any:
        """The parameter loc."""
        return self.loc

    @property
    def mode(self) -> Any:
        """The parameter loc."""
        return self.loc

    @property
    def variance(self) -> Any:
        """The diagonal of Σ."""
        whole = self._factor.pow(2).sum(-1)
        return whole.expand(*self._batch_shape, *self._event_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The parameter loc + L ε, L the Cholesky factor."""
        shape = self._extended_shape(sample_shape)
        eps = standard_normal(shape, self.loc.dtype)
        return self.loc + (self._factor @ eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density."""
        self._validate_sample(value)
        away = (value - self.loc).unsqueeze(-1)
        solved = _linalg["solve_triangular"](self._factor, away, upper=False)
        square = solved.squeeze(-1).pow(2).sum(-1)
        k = self._event_shape[0]
        return -0.5 * (k * LOG_2PI + square) - self._half_log_det()

    def _half_log_det(self) -> Any:
        return self._factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def entropy(self) -> Any:
        """(k/2)(1 + ln 2π) + ½ ln det Σ."""
        value = 0.5 * self._event_shape[0] * (1.0 + LOG_2PI) + self._half_log_det()
        return value.expand(*self._batch_shape) if self._batch_shape else value


class Independent(Distribution):
    """Treats the last ``reinterpreted_batch_ndims`` batch dimensions as one event.

    >>> import chainrule as cr
    >>> base = cr.distributions.Normal(cr.zeros(3), cr.ones(3))
    >>> cr.distributions.Independent(base, 1).log_prob(cr.zeros(3))
    tensor(-2.7568)
    """

    def __init__(
        self,
        base_distribution: Any,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        n, batch = reinterpreted_batch_ndims, base_distribution.batch_shape
        if n > len(batch):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), "
                f"actual {n} vs {len(batch)}"
            )
        shape = (*batch, *base_distribution.event_shape)
        cut = len(batch) - n
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, n
        super().__init__(shape[:cut], shape[cut:], validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        inner = (*batch_shape, *self._event_shape[: self.reinterpreted_batch_ndims])
        base = self.base_dist.expand(Size(inner))
        return Independent(base, self.reinterpreted_batch_ndims, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]  # the base's
        """Whether the base has reparametrised samples."""
        return bool(self.base_dist.has_rsample)

    @property
    def has_enumerate_support(self) -> bool:  # type: ignore[override]  # the base's
        """Whether the base's outcomes can be listed (only where nothing is reinterpreted)."""
        return not self.reinterpreted_batch_ndims and self.base_dist.has_enumerate_support

    @property
    def support(self) -> Any:
        """The base's, event by event."""
        n = self.reinterpreted_batch_ndims
        return c.independent(self.base_dist.support, n) if n else self.base_dist.support

    @property
    def mean(self) -> Any:
        """The base's."""
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        """The base's."""
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        """The base's."""
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        """The base's outcomes."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """The base's reparametrised outcomes."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        """The sum of the base's over the event."""
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        """The sum of the base's over the event."""
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def enumerate_support(self, expand: bool = True) -> Any:
        """The base's outcomes."""
        if self.reinterpreted_batch_ndims > 0:
            raise NotImplementedError("Enumeration over cartesian product is not implemented")
        return self.base_dist.enumerate_support(expand=expand)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


def sum_rightmost(value: Any, dims: int) -> Any:
    """The sum over the last ``dims`` dimensions."""
    return value if dims == 0 else value.reshape(*value.shape[: value.dim() - dims], -1).sum(-1)
