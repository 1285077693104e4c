"""AlexNet: five convolutions, three linear maps, ReLU and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from .registry import register

_PAPER = 'Krizhevsky et al., "ImageNet classification with deep convolutional neural networks"'


class AlexNet(nn.Module):
    """Convolutions 11×11, 5×5 and three 3×3 with three max pools, then three linear maps.

    Images (N, 3, 224, 224) → scores (N, 1000). As torchvision's (one tower, no response
    normalisation): 61,100,840 parameters; the paper states 60 million, for two towers.
    ``stem`` is the first window's (size, stride, padding), ``channels`` the five widths, ``grid``
    the side of the map that the linear maps read, ``hidden`` their width.

    Source: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014.

    >>> import chainrule as cr
    >>> cr.models.alexnet_slim()(cr.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        *,
        in_channels: int = 3,
        channels: Sequence[int] = (64, 192, 384, 256, 256),
        stem: tuple[int, int, int] = (11, 4, 2),
        grid: int = 6,
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        a, b, c, d, e = channels
        size, stride, padding = stem
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, a, size, stride, padding),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(a, b, 5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(b, c, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, d, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(d, e, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((grid, grid))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(e * grid * grid, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


@register(
    "AlexNet, torchvision's layout",
    _PAPER,
    2012,
    sample=(3, 224, 224),
    published="60 M parameters; top-5 error 15.3 % (an ensemble)",
)
def alexnet(num_classes: int = 1000, **options: Any) -> AlexNet:
    """AlexNet for (N, 3, 224, 224): 61,100,840 parameters, as torchvision's.

    >>> from chainrule import models
    >>> print(models.describe("alexnet").parameters)
    61100840
    """
    return AlexNet(num_classes, **options)


@register("AlexNet for 28×28 images", _PAPER, 2012, sample=(1, 28, 28))
def alexnet_slim(num_classes: int = 10, in_channels: int = 1, **options: Any) -> AlexNet:
    """AlexNet's layers at a tenth of the width, for images of 28 to 32 pixels.

    The first window is 3×3 with stride 1, so that the three pools leave a 2×2 map.
    """
    slim: dict[str, Any] = {
        "channels": (16, 32, 48, 32, 32), "stem": (3, 1, 1), "grid": 2, "hidden": 128,
    }  # fmt: skip
    return AlexNet(num_classes, in_channels=in_channels, **{**slim, **options})
