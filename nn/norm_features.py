"""Normalisation of each sample by itself: over features, groups of channels or neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.declare import names
from .declared import Layer, layer
from .module import Module
from .norm import reset_scale_and_shift, scale_and_shift
from .parameter import Parameter

F = names["F"]
_torch = names["torch"]


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    whole = isinstance(normalized_shape, (int, np.integer))
    return (int(normalized_shape),) if whole else tuple(normalized_shape)


class LayerNorm(Module):
    """(x − mean)/√(var + eps)·weight + bias over the last dimensions, ``normalized_shape``.

    ``weight`` (1) and ``bias`` (0) have that shape; ``elementwise_affine=False`` leaves both out.
    Source: Ba et al., "Layer normalization", 2016.

    >>> import chainrule as cr
    >>> cr.nn.LayerNorm(2)(cr.tensor([[1.0, 3.0]])).detach()
    tensor([[-1.0000,  1.0000]])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        kind = {"device": device, "dtype": dtype}
        scale_and_shift(self, self.normalized_shape, elementwise_affine, bias, kind)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set ``weight`` to 1 and ``bias`` to 0."""
        reset_scale_and_shift(self)

    def forward(self, input: Tensor) -> Any:
        return F["layer_norm"](input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """x/√(mean(x²) + eps)·weight over the last dimensions; ``eps=None``: the dtype's epsilon.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

    >>> import chainrule as cr
    >>> cr.nn.RMSNorm(2)(cr.tensor([1.0, 7.0])).detach()
    tensor([0.2000, 1.4000])
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape, self.eps = _shape(normalized_shape), eps
        self.elementwise_affine = elementwise_affine
        table = None
        if elementwise_affine:
            table = Parameter(_torch["empty"](self.normalized_shape, device=device, dtype=dtype))
        self.register_parameter("weight", table)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set ``weight`` to 1."""
        reset_scale_and_shift(self)

    def forward(self, x: Tensor) -> Any:
        return F["rms_norm"](x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """(x − mean)/√(var + eps)·weight + bias over groups of channels of (N, C, …).

    One group is a layer norm over all but the batch, one a channel an instance norm. Raises
    ValueError unless the groups divide the channels. Source: Wu and He, "Group normalization",
    2018.

    >>> import chainrule as cr
    >>> cr.nn.GroupNorm(3, 6)(cr.zeros(20, 6, 10, 10)).shape
    torch.Size([20, 6, 10, 10])
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(
                f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})"
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        kind = {"device": device, "dtype": dtype}
        scale_and_shift(self, (num_channels,), affine, bias, kind)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set ``weight`` to 1 and ``bias`` to 0."""
        reset_scale_and_shift(self)

    def forward(self, input: Tensor) -> Any:
        return F["group_norm"](input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The settings."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


@layer
class LocalResponseNorm(Layer):
    """x/(k + α·mean of x² over ``size`` neighbouring channels)^β, outside ones counting as 0.

    Source: Krizhevsky et al., "ImageNet classification with deep CNNs", 2012.

    >>> import chainrule as cr
    >>> cr.nn.LocalResponseNorm(2)(cr.ones(1, 3, 2)).shape
    torch.Size([1, 3, 2])
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
    _shown = "{size}, alpha={alpha}, beta={beta}, k={k}"

    def forward(self, input: Any) -> Any:
        return F["local_response_norm"](input, self.size, self.alpha, self.beta, self.k)


@layer
class CrossMapLRN2d(Layer):
    """``LocalResponseNorm`` of images (N, C, H, W), in PyTorch's older form.

    Its window reaches ⌊(size − 1)/2⌋ channels to both sides, and once it has passed the first
    channel that one stays in the sum: so in PyTorch, kept for equal numbers.

    >>> import chainrule as cr
    >>> cr.nn.CrossMapLRN2d(3, alpha=3.0, beta=1.0)(cr.ones(1, 3, 1, 1)).flatten()
    tensor([0.3333, 0.2500, 0.2500])
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1
    _shown = "{size}, alpha={alpha}, beta={beta}, k={k}"

    def forward(self, input: Any) -> Any:
        if input.dim() != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.dim()}D instead.")
        at = np.arange(input.shape[1])
        reach = (self.size - 1) // 2
        window = abs(at[:, None] - at) <= reach
        window[reach + 1 :, 0] = True
        mix = _torch["from_numpy"](window.astype(input.dtype.np))
        near = _torch["einsum"]("oc,nchw->nohw", mix, input * input)
        return input * (self.k + self.alpha / self.size * near) ** -self.beta
