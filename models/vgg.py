"""VGG: nothing but 3×3 convolutions, doubled in width after each pool."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .. import nn
from .registry import register

_TITLE = "Very deep convolutional networks for large-scale image recognition"
_PAPER = f'Simonyan and Zisserman, "{_TITLE}"'

# How many convolutions of each width stand before each of the five pools (the paper's table 1).
DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


def stages(
    depths: Sequence[int], widths: Sequence[int], in_channels: int, batch_norm: bool
) -> Iterator[nn.Module]:
    """The layers of ``features``: stages of 3×3 convolutions and ReLU, a 2×2 pool after each."""
    for depth, width in zip(depths, widths, strict=True):
        for _ in range(depth):
            yield nn.Conv2d(in_channels, width, 3, padding=1)
            if batch_norm:
                yield nn.BatchNorm2d(width)
            yield nn.ReLU(inplace=True)
            in_channels = width
        yield nn.MaxPool2d(2, 2)


class VGG(nn.Module):
    """Stages of 3×3 convolutions with a 2×2 pool after each, then three linear maps.

    Images (N, 3, 224, 224) → maps (N, 512, 7, 7) → scores (N, 1000). Names, initial values and
    counts are torchvision's: 132,863,336 parameters (11 layers), 133,047,848 (13), 138,357,544
    (16), 143,667,240 (19); the paper's table 2 says 133, 133, 138 and 144 million.
    ``init_weights``: He's normal values for convolutions, normal with deviation .01 for linear
    maps.

    >>> import chainrule as cr
    >>> cr.models.vgg11_slim()(cr.zeros(2, 1, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        features: nn.Module,
        num_classes: int = 1000,
        init_weights: bool = True,
        dropout: float = 0.5,
        *,
        width: int = 512,
        grid: int = 7,
        hidden: int = 4096,
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((grid, grid))
        self.classifier = nn.Sequential(
            nn.Linear(width * grid * grid, hidden),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(True),
            nn.Dropout(p=dropout),
            nn.Linear(hidden, num_classes),
        )
        if init_weights:
            self.apply(_initialise)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


def _initialise(m: nn.Module) -> None:
    if isinstance(m, nn.Conv2d):
        nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(m.bias)
    elif isinstance(m, nn.BatchNorm2d):
        nn.init.ones_(m.weight)
        nn.init.zeros_(m.bias)
    elif isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, 0, 0.01)
        nn.init.zeros_(m.bias)


def _vgg(depth: int, batch_norm: bool, in_channels: int = 3, **options: Any) -> VGG:
    layers = stages(DEPTHS[depth], WIDTHS, in_channels, batch_norm)
    return VGG(nn.Sequential(*layers), **options)


def _declare(depth: int, published: str) -> tuple[Any, Any]:
    """The two functions of a depth, without and with batch normalisation, registered."""

    def plain(num_classes: int = 1000, **options: Any) -> VGG:
        return _vgg(depth, False, num_classes=num_classes, **options)

    def normed(num_classes: int = 1000, **options: Any) -> VGG:
        return _vgg(depth, True, num_classes=num_classes, **options)

    for function, name, words in (
        (plain, f"vgg{depth}", ""),
        (normed, f"vgg{depth}_bn", " with batch normalisation"),
    ):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = f"VGG with {depth} layers{words}, for (N, 3, 224, 224): see ``VGG``."
        what = f"VGG, {depth} layers{words}, torchvision's layout"
        register(what, _PAPER, 2014, (3, 224, 224), published if not words else "")(function)
    return plain, normed


vgg11, vgg11_bn = _declare(11, "133 M parameters")
vgg13, vgg13_bn = _declare(13, "133 M parameters")
vgg16, vgg16_bn = _declare(16, "138 M parameters; top-5 error 7.3 % (an ensemble)")
vgg19, vgg19_bn = _declare(19, "144 M parameters; top-5 error 7.3 % (an ensemble)")


@register("VGG, 11 layers, for 28×28 images", _PAPER, 2014, sample=(1, 28, 28))
def vgg11_slim(
    num_classes: int = 10, in_channels: int = 1, batch_norm: bool = True, **options: Any
) -> VGG:
    """VGG-11's convolutions at an eighth of the width, with batch normalisation and four pools.

    The last pool is left out: 28 → 14 → 7 → 3 → 1 pixels. Initial values are the layers' own: the
    small ones of VGG's linear maps are made for thousands of inputs.
    """
    widths = [w // 8 for w in WIDTHS]
    layers = list(stages(DEPTHS[11], widths, in_channels, batch_norm))[:-1]
    slim = {"width": widths[-1], "grid": 1, "hidden": 64, "init_weights": False}
    return VGG(nn.Sequential(*layers), num_classes, **{**slim, **options})
