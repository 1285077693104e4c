"""ZFNet: AlexNet with a smaller, denser first window, found by looking at what it had learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from .registry import register

_PAPER = 'Zeiler and Fergus, "Visualizing and understanding convolutional networks"'


def _block(
    n_in: int, n_out: int, size: int, stride: int, padding: int, normalise: bool = True
) -> list[nn.Module]:
    """Convolution, ReLU, a 3×3 pool of stride 2, and normalisation across five channels."""
    return [
        nn.Conv2d(n_in, n_out, size, stride, padding),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1 if normalise else 0),
        *([nn.LocalResponseNorm(5)] if normalise else []),
    ]


class ZFNet(nn.Module):
    """Convolutions 7×7/2 and 5×5/2 with contrast normalisation, three 3×3, three linear maps.

    Images (N, 3, 224, 224) → maps of side 110, 55, 26, 13, 13, 13, 13, 6 (the paper's figure 3) →
    scores (N, 1000). 62,357,608 parameters; the paper states none (its figure gives the widths,
    which are these). ``strides`` are those of the first two windows, ``channels`` the five widths.

    >>> import chainrule as cr
    >>> cr.models.zfnet_slim()(cr.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        *,
        in_channels: int = 3,
        channels: Sequence[int] = (96, 256, 384, 384, 256),
        strides: tuple[int, int] = (2, 2),
        grid: int = 6,
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        a, b, c, d, e = channels
        first, second = strides
        self.features = nn.Sequential(
            *_block(in_channels, a, 7, first, 1),
            *_block(a, b, 5, second, 0),
            nn.Conv2d(b, c, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, d, 3, padding=1),
            nn.ReLU(inplace=True),
            *_block(d, e, 3, 1, 1, normalise=False),
        )
        self.classifier = nn.Sequential(
            nn.Linear(e * grid * grid, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).flatten(1))


@register("ZFNet", _PAPER, 2013, sample=(3, 224, 224), published="top-5 error 14.8 % (an ensemble)")
def zfnet(num_classes: int = 1000, **options: Any) -> ZFNet:
    """ZFNet for (N, 3, 224, 224): 62,357,608 parameters."""
    return ZFNet(num_classes, **options)


@register("ZFNet for 28×28 images", _PAPER, 2013, sample=(1, 28, 28))
def zfnet_slim(num_classes: int = 10, in_channels: int = 1, **options: Any) -> ZFNet:
    """ZFNet's layers at a tenth of the width and without strides: maps of 24, 12, 8, 4, 4, 4, 1."""
    slim: dict[str, Any] = {
        "channels": (16, 32, 48, 48, 32), "strides": (1, 1), "grid": 1, "hidden": 128,
    }  # fmt: skip
    return ZFNet(num_classes, in_channels=in_channels, **{**slim, **options})
