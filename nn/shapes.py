"""Layers that move elements around: shuffles, patches, and changes of size."""

from __future__ import annotations

from typing import Any

from ..autograd.declare import names
from .declared import Layer, layer

F = names["F"]


@layer
class PixelShuffle(Layer):
    """Turn channels into pixels: (…, C·r², H, W) → (…, C, H·r, W·r).

    Source: Shi et al., "Real-time single image and video super-resolution", 2016.

    >>> import chainrule as cr
    >>> cr.nn.PixelShuffle(3)(cr.zeros(1, 9, 4, 4)).shape
    torch.Size([1, 1, 12, 12])
    """

    upscale_factor: int
    _shown = "upscale_factor={upscale_factor}"

    def forward(self, input: Any) -> Any:
        return F["pixel_shuffle"](input, self.upscale_factor)


@layer
class PixelUnshuffle(Layer):
    """Turn pixels into channels: (…, C, H·r, W·r) → (…, C·r², H, W).

    >>> import chainrule as cr
    >>> cr.nn.PixelUnshuffle(3)(cr.zeros(1, 1, 12, 12)).shape
    torch.Size([1, 9, 4, 4])
    """

    downscale_factor: int
    _shown = "downscale_factor={downscale_factor}"

    def forward(self, input: Any) -> Any:
        return F["pixel_unshuffle"](input, self.downscale_factor)


@layer
class ChannelShuffle(Layer):
    """Deal the channels of (N, C, …) out anew: the first of each group, then the second, ….

    Source: Zhang et al., "ShuffleNet", 2017.

    >>> import chainrule as cr
    >>> cr.nn.ChannelShuffle(2)(cr.arange(4.0).view(1, 4, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    groups: int
    _shown = "groups={groups}"

    def forward(self, input: Any) -> Any:
        return F["channel_shuffle"](input, self.groups)


@layer
class Unfold(Layer):
    """The patches of an image as columns: (N, C, H, W) → (N, C·kernel, patches).

    >>> import chainrule as cr
    >>> cr.nn.Unfold((2, 3))(cr.zeros(2, 5, 3, 4)).shape
    torch.Size([2, 30, 4])
    """

    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1
    _shown = "kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}"

    def forward(self, input: Any) -> Any:
        return F["unfold"](input, self.kernel_size, self.dilation, self.padding, self.stride)


@layer
class Fold(Layer):
    """The transpose of ``Unfold``: patches laid back and summed where they overlap.

    >>> import chainrule as cr
    >>> cr.nn.Fold((4, 5), (2, 2))(cr.zeros(1, 12, 12)).shape
    torch.Size([1, 3, 4, 5])
    """

    output_size: Any
    kernel_size: Any
    dilation: Any = 1
    padding: Any = 0
    stride: Any = 1
    _shown = (
        "output_size={output_size}, kernel_size={kernel_size}, dilation={dilation}, "
        "padding={padding}, stride={stride}"
    )

    def forward(self, input: Any) -> Any:
        return F["fold"](
            input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )


@layer
class Upsample(Layer):
    """Resize the last dimensions to ``size``, or by ``scale_factor``: see ``interpolate``.

    ``mode``: "nearest", "linear", "bilinear", "bicubic", "trilinear".

    >>> import chainrule as cr
    >>> cr.nn.Upsample(scale_factor=2)(cr.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None

    def __post_init__(self, *_: Any) -> None:
        super().__post_init__()
        self.name = type(self).__name__
        factor = self.scale_factor
        if isinstance(factor, tuple):
            self.scale_factor = tuple([float(f) for f in factor])
        else:
            self.scale_factor = float(factor) if factor else None

    def forward(self, input: Any) -> Any:
        return F["interpolate"](
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """The size or the factor, and the mode."""
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Enlarge images by repeating pixels.

    >>> import chainrule as cr
    >>> cr.nn.UpsamplingNearest2d(scale_factor=2)(cr.ones(1, 1, 1, 1))
    tensor([[[[1., 1.],
              [1., 1.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize images linearly along both axes, corners onto corners.

    >>> import chainrule as cr
    >>> cr.nn.UpsamplingBilinear2d(size=(1, 3))(cr.tensor([[[[0.0, 2.0]]]]))
    tensor([[[[0., 1., 2.]]]])
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


@layer
class CosineSimilarity(Layer):
    """x₁·x₂/(max(‖x₁‖, eps)·max(‖x₂‖, eps)) along ``dim``.

    >>> import chainrule as cr
    >>> cr.nn.CosineSimilarity(dim=0)(cr.tensor([1.0, 0.0]), cr.tensor([3.0, 4.0]))
    tensor(0.6000)
    """

    dim: int = 1
    eps: float = 1e-8

    def forward(self, x1: Any, x2: Any) -> Any:
        return F["cosine_similarity"](x1, x2, self.dim, self.eps)


class PairwiseDistance(Layer):
    """‖x₁ − x₂ + eps‖ₚ along the last dimension; ``keepdim`` keeps it with size 1.

    >>> import chainrule as cr
    >>> cr.nn.PairwiseDistance(eps=0.0)(cr.tensor([[3.0, 4.0]]), cr.zeros(1, 2))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        return F["pairwise_distance"](x1, x2, self.norm, self.eps, self.keepdim)
