"""Layers that compute x Wᵀ + b."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Tensor
from ..autograd.declare import names
from . import init
from .module import Module
from .parameter import Parameter

_empty = names["torch"]["empty"]
_linear, _bilinear = names["F"]["linear"], names["F"]["bilinear"]


class Identity(Module):
    """Gives back its input; takes any arguments and ignores them.

    >>> import chainrule as cr
    >>> cr.nn.Identity(54, unused=True)(cr.tensor([1.0]))
    tensor([1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input``."""
        return input


class Linear(Module):
    """y = x Wᵀ + b: ``weight`` (out, in), ``bias`` (out,), input (…, in) → output (…, out).

    Both start uniform on ±1/√in. Raises RuntimeError where sizes or dtypes do not fit.

    >>> import chainrule as cr
    >>> layer = cr.nn.Linear(20, 30)
    >>> layer, layer(cr.zeros(128, 20)).shape
    (Linear(in_features=20, out_features=30, bias=True), torch.Size([128, 30]))
    """

    in_features: int
    out_features: int
    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        kind = {"device": device, "dtype": dtype}
        self.weight = Parameter(_empty(out_features, in_features, **kind))
        if bias:
            self.bias = Parameter(_empty(out_features, **kind))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        # kaiming_uniform_ with a = √5 has the bound √(2/6)·√3/√in = 1/√in
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Any:
        """Return x Wᵀ + b."""
        own = self._parameters
        try:
            weight, bias = own["weight"], own["bias"]
        except KeyError:  # a plain tensor stands in its place, as with dual tensors
            weight, bias = self.weight, self.bias
        return _linear(input, weight, bias)

    def extra_repr(self) -> str:
        """The sizes, and whether there is a bias."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Bilinear(Module):
    """y_o = x₁ᵀ W_o x₂ + b_o: inputs (…, in1) and (…, in2), ``weight`` (out, in1, in2).

    Both parameters start uniform on ±1/√in1. Raises ValueError unless in1 > 0.

    >>> import chainrule as cr
    >>> cr.nn.Bilinear(20, 30, 40)(cr.zeros(128, 20), cr.zeros(128, 30)).shape
    torch.Size([128, 40])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.in1_features, self.in2_features = in1_features, in2_features
        self.out_features = out_features
        kind = {"device": device, "dtype": dtype}
        self.weight = Parameter(_empty(out_features, in1_features, in2_features, **kind))
        if bias:
            self.bias = Parameter(_empty(out_features, **kind))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters again."""
        if self.in1_features <= 0:
            raise ValueError(
                f"in1_features must be > 0, but got (in1_features={self.in1_features})"
            )
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Any:
        """Return x₁ᵀ W x₂ + b."""
        return _bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes, and whether there is a bias."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
