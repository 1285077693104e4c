"""Distribution: what all of them share, parameters as declared in ``arg_constraints``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import ml_dtypes

from ..autograd import Size, Tensor, modes
from ..autograd.declare import names
from ..autograd.dtypes import get_default_dtype
from .constraints import Constraint, is_dependent

_t = names["torch"]


def broadcast_all(*values: Any) -> tuple[Any, ...]:
    """Numbers and tensors as tensors of one shape; numbers take the tensors' dtype."""
    if not all(isinstance(v, (Tensor, int, float, bool)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing "
            "__torch_function__."
        )
    kinds = [v.dtype for v in values if isinstance(v, Tensor)]
    dtype = kinds[0] if kinds else get_default_dtype()
    made = [v if isinstance(v, Tensor) else _t["tensor"](v, dtype=dtype) for v in values]
    return tuple(_t["broadcast_tensors"](*made))


class Limits(NamedTuple):
    """A floating type's smallest normal number, the gap after 1, and its least number."""

    tiny: float
    eps: float
    min: float


def limits(x: Any) -> Limits:
    """The limits of a tensor's floating type."""
    facts: Any = ml_dtypes.finfo(x.dtype.np)  # type: ignore[no-untyped-call]
    return Limits(float(facts.tiny), float(facts.eps), float(facts.min))


def clamp_probs(probs: Any) -> Any:
    """Probabilities kept away from 0 and 1 by the type's precision."""
    eps = limits(probs).eps
    return probs.clamp(min=eps, max=1 - eps)


def standard_normal(shape: Any, dtype: Any) -> Any:
    """Numbers from N(0, 1): each element its own draw, as PyTorch's ``normal`` of two tensors."""
    return _t["normal"](_t["zeros"](shape, dtype=dtype), _t["ones"](shape, dtype=dtype))


def logits_to_probs(logits: Any, is_binary: bool = False) -> Any:
    """Log-odds, or unnormalised log-probabilities, as probabilities."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Any, is_binary: bool = False) -> Any:
    """The inverse of ``logits_to_probs``."""
    held = clamp_probs(probs)
    return held.log() - (-held).log1p() if is_binary else held.log()


class Distribution:
    """Base of all distributions: a batch of random variables, each with events of one shape.

    Subclasses name their parameters in ``arg_constraints`` and define ``rsample`` or ``sample``,
    ``log_prob``, and what else is known in closed form. Raises ValueError for parameters and
    outcomes outside their constraints (``validate_args=False`` skips the check).
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {}
    has_rsample = False
    has_enumerate_support = False
    _validate_args: bool = __debug__

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Switch the checks of parameters and outcomes on or off for all distributions."""
        if value not in (True, False):
            raise ValueError(f"expected True or False, got {value!r}")
        Distribution._validate_args = value

    def _validate_parameters(self) -> None:
        for name, constraint in self.arg_constraints.items():
            if is_dependent(constraint) or name not in self.__dict__:
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape "
                    f"{tuple(value.shape)}) of distribution {self!r} to satisfy the constraint "
                    f"{constraint!r}, but found invalid values:\n{value}"
                )

    @property
    def batch_shape(self) -> Size:
        """The shape over which parameters are batched."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one outcome."""
        return self._event_shape

    @property
    def support(self) -> Any:
        """The constraint that outcomes satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Any:
        """The expected outcome."""
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most probable outcome."""
        raise NotImplementedError(f"{type(self)} does not implement mode")

    @property
    def variance(self) -> Any:
        """The expected squared distance from the mean."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The square root of the variance."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with its parameters expanded to ``batch_shape``."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__)
        new._batch_shape = Size(batch_shape)
        count = len(self._batch_shape)
        for name in self._parameters():
            value = getattr(self, name)
            new.__dict__[name] = value.expand(*new._batch_shape, *value.shape[count:])
        return new

    def _parameters(self) -> list[str]:
        return [n for n in self.arg_constraints if isinstance(self.__dict__.get(n), Tensor)]

    def _extended_shape(self, sample_shape: Any = ()) -> Size:
        return Size((*tuple(sample_shape), *self._batch_shape, *self._event_shape))

    def sample(self, sample_shape: Any = ()) -> Any:
        """Outcomes of shape ``sample_shape + batch_shape + event_shape``, without gradient."""
        with modes.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Outcomes through which gradients flow to the parameters."""
        raise NotImplementedError(
            f"{type(self).__name__} has no reparametrised samples: use sample() and log_prob()"
        )

    def sample_n(self, n: int) -> Any:
        """``sample((n,))``, an older name."""
        return self.sample((n,))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density or probability at ``value``."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of an outcome up to ``value``."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The outcome up to which the probability is ``value``."""
        raise NotImplementedError

    def entropy(self) -> Any:
        """The expected −log_prob, in nats."""
        raise NotImplementedError

    def perplexity(self) -> Any:
        """The number e to the entropy."""
        return self.entropy().exp()

    def enumerate_support(self, expand: bool = True) -> Any:
        """All outcomes of a discrete distribution, along a new first dimension."""
        raise NotImplementedError

    def _enumerated(self, values: Any, expand: bool) -> Any:
        values = values.reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values

    def _validate_sample(self, value: Any) -> None:
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        count = len(self._event_shape)
        if value.dim() < count or tuple(value.shape[value.dim() - count :]) != self._event_shape:
            raise ValueError(
                "The right-most size of value must match event_shape: "
                f"{list(value.shape)} vs {list(self._event_shape)}."
            )
        expected = (*self._batch_shape, *self._event_shape)
        for have, want in zip(reversed(value.shape), reversed(expected), strict=False):
            if have not in (1, want) and want != 1:
                raise ValueError(
                    "Value is not broadcastable with batch_shape+event_shape: "
                    f"{list(value.shape)} vs {list(expected)}."
                )
        try:
            support = self.support
        except NotImplementedError:
            return
        if is_dependent(support):
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) "
                f"to be within the support ({support!r}) of the distribution {self!r}, but found "
                f"invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        parts = []
        for name in self.arg_constraints:
            value = self.__dict__.get(name)
            if value is not None:
                single = not isinstance(value, Tensor) or value.numel() == 1
                parts.append(f"{name}: {value if single else value.size()}")
        return f"{type(self).__name__}({', '.join(parts)})"


LOG_2PI = math.log(2 * math.pi)


class lazy_property:
    """An attribute that is computed when first read, and kept; gradients flow through it."""

    def __init__(self, function: Any) -> None:
        self.function, self.name = function, function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with modes.enable_grad():
            value = self.function(instance)
        instance.__dict__[self.name] = value
        return value
