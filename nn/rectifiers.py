"""Activations with a corner, or a smooth stand-in for one: the family of ReLU."""

from __future__ import annotations

import warnings
from typing import Any

from ..autograd.declare import names
from . import init as initial
from .declared import Layer, layer
from .module import Module
from .parameter import Parameter

F = names["F"]
_empty = names["torch"]["empty"]


@layer
class ReLU(Layer):
    """max(0, x).

    >>> import chainrule as cr
    >>> cr.nn.ReLU()(cr.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return input.relu_() if self.inplace else input.relu()


@layer
class LeakyReLU(Layer):
    """X above 0, ``negative_slope``·x below.

    >>> import chainrule as cr
    >>> cr.nn.LeakyReLU(0.1)(cr.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    negative_slope: float = 0.01
    inplace: bool = False
    _shown = "negative_slope={negative_slope}"

    def forward(self, input: Any) -> Any:
        return F["leaky_relu"](input, self.negative_slope, self.inplace)


class PReLU(Module):
    """X above 0, a·x below, with learned slopes ``weight``: one, or one a channel (dimension 1).

    They start at ``init``. Source: He et al., "Delving deep into rectifiers", 2015.

    >>> import chainrule as cr
    >>> cr.nn.PReLU()(cr.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters, self.init = num_parameters, init
        self.weight = Parameter(_empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to where they started."""
        initial.constant_(self.weight, self.init)

    def forward(self, input: Any) -> Any:
        return F["prelu"](input, self.weight)

    def extra_repr(self) -> str:
        """How many slopes."""
        return f"num_parameters={self.num_parameters}"


@layer
class RReLU(Layer):
    """X above 0, a·x below: a drawn from [``lower``, ``upper``] in training, else their mean.

    Source: Xu et al., "Empirical evaluation of rectified activations", 2015.

    >>> import chainrule as cr
    >>> cr.nn.RReLU(0.1, 0.3).eval()(cr.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False
    _shown = "lower={lower}, upper={upper}"

    def forward(self, input: Any) -> Any:
        return F["rrelu"](input, self.lower, self.upper, self.training, self.inplace)


@layer
class ELU(Layer):
    """X above 0, α(eˣ − 1) below.

    Source: Clevert et al., "Fast and accurate deep network learning by ELUs", 2015.

    >>> import chainrule as cr
    >>> cr.nn.ELU()(cr.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    alpha: float = 1.0
    inplace: bool = False
    _shown = "alpha={alpha}"

    def forward(self, input: Any) -> Any:
        return F["elu"](input, self.alpha, self.inplace)


@layer
class CELU(Layer):
    """X above 0, α(e^(x/α) − 1) below: an ELU with slope 1 at 0 for every α.

    >>> import chainrule as cr
    >>> cr.nn.CELU(2.0)(cr.tensor([-1.0, 2.0]))
    tensor([-0.7869,  2.0000])
    """

    alpha: float = 1.0
    inplace: bool = False
    _shown = "alpha={alpha}"

    def forward(self, input: Any) -> Any:
        return F["celu"](input, self.alpha, self.inplace)


@layer
class SELU(Layer):
    """λx above 0, λα(eˣ − 1) below, with λ ≈ 1.0507, α ≈ 1.6733: it holds mean 0 and variance 1.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> import chainrule as cr
    >>> cr.nn.SELU()(cr.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return F["selu"](input, self.inplace)


class Hardtanh(Layer):
    """X cut off at ``min_val`` and ``max_val``.

    Raises AssertionError unless min_val < max_val (``min_value``, ``max_value``: their old names).

    >>> import chainrule as cr
    >>> cr.nn.Hardtanh(-2.0, 2.0)(cr.tensor([-3.0, 1.0]))
    tensor([-2.,  1.])
    """

    _shown = "min_val={min_val}, max_val={max_val}"

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, value in (("min", min_value), ("max", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}_value` is deprecated and renamed to `{old}_val`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if not self.max_val > self.min_val:
            raise AssertionError(
                f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})"
            )

    def forward(self, input: Any) -> Any:
        return F["hardtanh"](input, self.min_val, self.max_val, self.inplace)


class ReLU6(Hardtanh):
    """min(max(0, x), 6).

    >>> import chainrule as cr
    >>> cr.nn.ReLU6()(cr.tensor([-3.0, 1.0, 7.0]))
    tensor([0., 1., 6.])
    """

    _shown = ""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)


@layer
class Threshold(Layer):
    """X where it exceeds ``threshold``, ``value`` elsewhere.

    >>> import chainrule as cr
    >>> cr.nn.Threshold(0.5, 20.0)(cr.tensor([0.25, 1.0]))
    tensor([20.,  1.])
    """

    threshold: float
    value: float
    inplace: bool = False
    _shown = "threshold={threshold}, value={value}"

    def forward(self, input: Any) -> Any:
        return F["threshold"](input, self.threshold, self.value, self.inplace)


@layer
class Hardshrink(Layer):
    """X where |x| > λ, 0 elsewhere.

    >>> import chainrule as cr
    >>> cr.nn.Hardshrink()(cr.tensor([-1.0, 0.3]))
    tensor([-1.,  0.])
    """

    lambd: float = 0.5
    _shown = "{lambd}"

    def forward(self, input: Any) -> Any:
        return F["hardshrink"](input, self.lambd)


@layer
class Softshrink(Layer):
    """X moved towards 0 by λ: sign(x)·max(|x| − λ, 0).

    >>> import chainrule as cr
    >>> cr.nn.Softshrink()(cr.tensor([-1.0, 0.3]))
    tensor([-0.5000,  0.0000])
    """

    lambd: float = 0.5
    _shown = "{lambd}"

    def forward(self, input: Any) -> Any:
        return F["softshrink"](input, self.lambd)
