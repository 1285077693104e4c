"""Activation functions as layers."""

from __future__ import annotations

from typing import Any

from ..autograd.declare import names
from .module import Module

F = names["F"]


class ReLU(Module):
    """max(0, x).

    >>> import chainrule as cr
    >>> cr.nn.ReLU()(cr.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Any) -> Any:
        """Return max(0, x)."""
        return input.relu_() if self.inplace else input.relu()

    def extra_repr(self) -> str:
        """Whether it writes into its input."""
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """X above 0, ``negative_slope``·x below.

    >>> import chainrule as cr
    >>> cr.nn.LeakyReLU(0.1)(cr.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Any:
        """Return max(0, x) + slope·min(0, x)."""
        return F["leaky_relu"](input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The slope, and whether it writes into its input."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class GELU(Module):
    """x·Φ(x), Φ the normal distribution function; ``approximate="tanh"`` is the usual stand-in.

    >>> import chainrule as cr
    >>> cr.nn.GELU()(cr.tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Return x·Φ(x)."""
        return F["gelu"](input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Which form is computed."""
        return f"approximate={self.approximate!r}"


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ).

    >>> import chainrule as cr
    >>> cr.nn.Sigmoid()(cr.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, input: Any) -> Any:
        """Return 1 / (1 + e⁻ˣ)."""
        return input.sigmoid()


class Tanh(Module):
    """tanh x.

    >>> import chainrule as cr
    >>> cr.nn.Tanh()(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 0.9640])
    """

    def forward(self, input: Any) -> Any:
        """Return tanh x."""
        return input.tanh()


class Softmax(Module):
    """eˣ / Σ eˣ along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.Softmax(dim=1)(cr.tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Return eˣ / Σ eˣ."""
        return F["softmax"](input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """Log softmax along ``dim``, without overflow.

    >>> import chainrule as cr
    >>> cr.nn.LogSoftmax(dim=0)(cr.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Return x − log Σ eˣ."""
        return F["log_softmax"](input, self.dim, _stacklevel=5)

    def extra_repr(self) -> str:
        """The dimension."""
        return f"dim={self.dim}"
