"""U-Net: a class for every pixel, from coarse maps that are enlarged beside the fine ones."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd.declare import names
from .registry import register

_PAPER = 'Ronneberger et al., "U-Net: convolutional networks for biomedical image segmentation"'


def double(n_in: int, n_out: int, batch_norm: bool) -> nn.Sequential:
    """Twice: a 3×3 convolution that keeps the size, a norm, ReLU."""
    layers: list[nn.Module] = []
    for channels in (n_in, n_out):
        layers.append(nn.Conv2d(channels, n_out, 3, padding=1, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm2d(n_out))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Down: convolutions and pools; up: enlarge, join the map of that size from the way down.

    Images (N, in_channels, H, W) → scores (N, num_classes, H, W); H and W must be multiples of
    2**depth. Step k of the way down has width·2ᵏ channels. ``width=64, depth=4`` are the paper's
    widths: 31,030,658 parameters with one channel in and two classes; the paper states no count.
    It convolves without padding, so that its result is smaller than its image, and has no norm:
    ``batch_norm=False``.

    >>> import chainrule as cr
    >>> cr.models.unet_slim()(cr.zeros(1, 3, 32, 32)).shape
    torch.Size([1, 4, 32, 32])
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 4,
        width: int = 64,
        depth: int = 4,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        widths = [width << k for k in range(depth + 1)]
        ends = [in_channels, *widths]
        self.down = nn.ModuleList(
            [double(a, b, batch_norm) for a, b in zip(ends, widths, strict=False)]
        )
        self.pool = nn.MaxPool2d(2)
        rising = [*zip(widths[:0:-1], widths[-2::-1], strict=True)]
        self.enlarge = nn.ModuleList([nn.ConvTranspose2d(a, b, 2, stride=2) for a, b in rising])
        self.up = nn.ModuleList([double(2 * b, b, batch_norm) for _, b in rising])
        self.head = nn.Conv2d(width, num_classes, 1)
        self.depth = depth

    def forward(self, x: Any) -> Any:
        if any(side % 2**self.depth for side in x.shape[-2:]):
            raise ValueError(
                f"UNet: height and width must be multiples of {2**self.depth} (it halves them "
                f"{self.depth} times), got an input of shape {list(x.shape)}; pad or crop it"
            )
        kept = []
        for step in self.down[:-1]:
            kept.append(step(x))
            x = self.pool(kept[-1])
        x = self.down[-1](x)
        for enlarge, step in zip(self.enlarge, self.up, strict=True):
            x = step(names["torch"]["cat"]([kept.pop(), enlarge(x)], 1))
        return self.head(x)


@register("U-Net with the paper's widths, padded", _PAPER, 2015, sample=(1, 128, 128))
def unet(in_channels: int = 1, num_classes: int = 2, **options: Any) -> UNet:
    """U-Net of width 64 and depth 4: see ``UNet``."""
    return UNet(in_channels, num_classes, **options)


@register("a small U-Net for scenes of 32×32", _PAPER, 2015, sample=(3, 32, 32))
def unet_slim(in_channels: int = 3, num_classes: int = 4, **options: Any) -> UNet:
    """U-Net of width 8 and depth 2 with batch normalisation, for ``data.Scenes``."""
    slim: dict[str, Any] = {"width": 8, "depth": 2, "batch_norm": True}
    return UNet(in_channels, num_classes, **{**slim, **options})


def iou(scores: Any, target: Any) -> list[float]:
    """Intersection over union of each class: pixels that are both, over pixels that are either.

    ``scores`` (N, classes, H, W), ``target`` (N, H, W) of class indices; nan for a class that is
    in neither.

    >>> import chainrule as cr
    >>> scores = cr.tensor([[[[2.0, 2.0, 0.0]], [[1.0, 1.0, 1.0]]]])
    >>> iou(scores, cr.tensor([[[0, 1, 1]]]))
    [0.5, 0.5]
    """
    guess = scores.argmax(1)
    found = []
    for k in range(scores.shape[1]):
        ours, theirs = guess == k, target == k
        either = (ours | theirs).sum().item()
        found.append((ours & theirs).sum().item() / either if either else float("nan"))
    return found
