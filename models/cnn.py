"""The lecture's convolutional network: three convolutions, two pools, two dense layers."""

from __future__ import annotations

from typing import Any

from .. import nn
from .registry import register


class CNN(nn.Module):
    """Conv 32 3×3, pool, Conv 64, pool, Conv 64, Dense 64, Dense ``num_classes``, ReLU between.

    Images (N, C, size, size) → scores. A pool halves (rounding down), a convolution takes 2 off:
    32 → 30 → 15 → 13 → 6 → 4, so 1,024 numbers go into the dense layer, and 122,570 are learned.

    >>> import chainrule as cr
    >>> CNN(in_channels=3, size=32)(cr.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, size: int = 28) -> None:
        super().__init__()
        side = ((size - 2) // 2 - 2) // 2 - 2
        if side < 1:
            raise ValueError(f"CNN: images of {size}×{size} are too small; take 18×18 or more")
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3),
            nn.ReLU(),
        )
        self.classifier = nn.Sequential(
            nn.Linear(64 * side * side, 64), nn.ReLU(), nn.Linear(64, num_classes)
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).flatten(1))


@register(
    "the lecture's stack: Conv 32, pool, Conv 64, pool, Conv 64, Dense 64, Dense 10",
    "the lecture notes",
    None,
    sample=(1, 28, 28),
)
def cnn(num_classes: int = 10, in_channels: int = 1, size: int = 28) -> CNN:
    """The lecture's network for (N, in_channels, size, size)."""
    return CNN(num_classes, in_channels, size)
