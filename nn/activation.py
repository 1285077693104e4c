"""Activations that are smooth or saturate, and those over a whole dimension."""

from __future__ import annotations

from typing import Any

from ..autograd.declare import names
from .declared import Layer, layer

F = names["F"]


class Sigmoid(Layer):
    """1 / (1 + e⁻ˣ).

    >>> import chainrule as cr
    >>> cr.nn.Sigmoid()(cr.tensor([0.0, 2.0]))
    tensor([0.5000, 0.8808])
    """

    def forward(self, input: Any) -> Any:
        return input.sigmoid()


class Tanh(Layer):
    """tanh x.

    >>> import chainrule as cr
    >>> cr.nn.Tanh()(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 0.9640])
    """

    def forward(self, input: Any) -> Any:
        return input.tanh()


class LogSigmoid(Layer):
    """log(1 / (1 + e⁻ˣ)), without overflow.

    >>> import chainrule as cr
    >>> cr.nn.LogSigmoid()(cr.tensor([0.0, -1000.0]))
    tensor([-6.9315e-01, -1.0000e+03])
    """

    def forward(self, input: Any) -> Any:
        return F["logsigmoid"](input)


class Softsign(Layer):
    """x / (1 + |x|).

    >>> import chainrule as cr
    >>> cr.nn.Softsign()(cr.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    def forward(self, input: Any) -> Any:
        return F["softsign"](input)


class Tanhshrink(Layer):
    """X − tanh x.

    >>> import chainrule as cr
    >>> cr.nn.Tanhshrink()(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 1.0360])
    """

    def forward(self, input: Any) -> Any:
        return F["tanhshrink"](input)


@layer
class GELU(Layer):
    """x·Φ(x), Φ the normal distribution function; ``approximate="tanh"`` is the usual stand-in.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> import chainrule as cr
    >>> cr.nn.GELU()(cr.tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """

    approximate: str = "none"
    _shown = "approximate={approximate!r}"

    def forward(self, input: Any) -> Any:
        return F["gelu"](input, approximate=self.approximate)


@layer
class SiLU(Layer):
    """x·σ(x), also called swish.

    >>> import chainrule as cr
    >>> cr.nn.SiLU()(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 1.7616])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return F["silu"](input, self.inplace)


@layer
class Mish(Layer):
    """x·tanh(log(1 + eˣ)).

    Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.

    >>> import chainrule as cr
    >>> cr.nn.Mish()(cr.tensor([0.0, 2.0]))
    tensor([0.0000, 1.9440])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return F["mish"](input, self.inplace)


@layer
class Softplus(Layer):
    """log(1 + e^(βx))/β, a smooth ReLU; x itself where βx exceeds ``threshold``.

    >>> import chainrule as cr
    >>> cr.nn.Softplus()(cr.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    beta: float = 1.0
    threshold: float = 20.0
    _shown = "beta={beta}, threshold={threshold}"

    def forward(self, input: Any) -> Any:
        return F["softplus"](input, self.beta, self.threshold)


@layer
class Hardsigmoid(Layer):
    """x/6 + 1/2 cut off at 0 and 1.

    >>> import chainrule as cr
    >>> cr.nn.Hardsigmoid()(cr.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return F["hardsigmoid"](input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


@layer
class Hardswish(Layer):
    """X times its hard sigmoid.

    Source: Howard et al., "Searching for MobileNetV3", 2019.

    >>> import chainrule as cr
    >>> cr.nn.Hardswish()(cr.tensor([-4.0, 0.0, 1.5]))
    tensor([-0.0000,  0.0000,  1.1250])
    """

    inplace: bool = False

    def forward(self, input: Any) -> Any:
        return F["hardswish"](input, self.inplace)

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


@layer
class GLU(Layer):
    """a·σ(b), a and b the two halves of the input along ``dim``.

    Source: Dauphin et al., "Language modeling with gated convolutional networks", 2016.

    >>> import chainrule as cr
    >>> cr.nn.GLU()(cr.tensor([2.0, 4.0, 0.0, 0.0]))
    tensor([1., 2.])
    """

    dim: int = -1
    _shown = "dim={dim}"

    def forward(self, input: Any) -> Any:
        return F["glu"](input, self.dim)


@layer
class Softmax(Layer):
    """eˣ / Σ eˣ along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.Softmax(dim=1)(cr.tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    """

    dim: int | None = None
    _shown = "dim={dim}"

    def forward(self, input: Any) -> Any:
        return F["softmax"](input, self.dim, _stacklevel=5)


@layer
class Softmin(Layer):
    """e⁻ˣ / Σ e⁻ˣ along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.Softmin(dim=0)(cr.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    dim: int | None = None
    _shown = "dim={dim}"

    def forward(self, input: Any) -> Any:
        return F["softmin"](input, self.dim, _stacklevel=5)


@layer
class LogSoftmax(Layer):
    """Log softmax along ``dim``, without overflow.

    >>> import chainrule as cr
    >>> cr.nn.LogSoftmax(dim=0)(cr.tensor([0.0, 1000.0]))
    tensor([-1000.,     0.])
    """

    dim: int | None = None
    _shown = "dim={dim}"

    def forward(self, input: Any) -> Any:
        return F["log_softmax"](input, self.dim, _stacklevel=5)


class Softmax2d(Layer):
    """Softmax over the channels at each place of an image, (N, C, H, W) or (C, H, W).

    >>> import chainrule as cr
    >>> cr.nn.Softmax2d()(cr.zeros(4, 1, 2))[0]
    tensor([[0.2500, 0.2500]])
    """

    def forward(self, input: Any) -> Any:
        if input.dim() not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead"
            )
        return F["softmax"](input, -3, _stacklevel=5)
