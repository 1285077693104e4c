"""Probability distributions: samples, densities, entropies, divergences, with gradients."""

from __future__ import annotations

import sys
from types import ModuleType

from . import constraints, kl, transforms
from .choices import Categorical, Multinomial, OneHotCategorical
from .continuous import Cauchy, Gumbel, Laplace, Normal, StudentT, Uniform
from .discrete import Bernoulli, Binomial, Geometric, Poisson
from .distribution import Distribution
from .kl import kl_divergence, register_kl
from .multivariate import Dirichlet, Independent, MultivariateNormal
from .positive import Beta, Chi2, Exponential, Gamma, HalfCauchy, HalfNormal
from .transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    LogNormal,
    PowerTransform,
    SigmoidTransform,
    TanhTransform,
    Transform,
    TransformedDistribution,
)

# PyTorch has a module for each: ``from chainrule.distributions.normal import Normal`` works too.
_MODULES = {
    "bernoulli": Bernoulli, "beta": Beta, "binomial": Binomial, "categorical": Categorical,
    "cauchy": Cauchy, "chi2": Chi2, "dirichlet": Dirichlet, "exponential": Exponential,
    "gamma": Gamma, "geometric": Geometric, "gumbel": Gumbel, "half_cauchy": HalfCauchy,
    "half_normal": HalfNormal, "independent": Independent, "laplace": Laplace,
    "log_normal": LogNormal, "multinomial": Multinomial,
    "multivariate_normal": MultivariateNormal, "normal": Normal,
    "one_hot_categorical": OneHotCategorical, "poisson": Poisson, "studentT": StudentT,
    "transformed_distribution": TransformedDistribution, "uniform": Uniform,
}  # fmt: skip
for _name, _class in _MODULES.items():
    _module = ModuleType(f"{__name__}.{_name}", _class.__doc__)
    _module.__dict__[_class.__name__] = _class
    sys.modules[_module.__name__] = _module
    globals()[_name] = _module

__all__ = [
    "AffineTransform", "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2",
    "ComposeTransform", "Dirichlet", "Distribution", "ExpTransform", "Exponential", "Gamma",
    "Geometric", "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "Laplace", "LogNormal",
    "Multinomial", "MultivariateNormal", "Normal", "OneHotCategorical", "Poisson",
    "PowerTransform", "SigmoidTransform", "StudentT", "TanhTransform", "Transform",
    "TransformedDistribution", "Uniform", "constraints", "kl", "kl_divergence", "register_kl",
    "transforms",
]  # fmt: skip
