"""GoogLeNet: inception modules, which look at several window sizes at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import nn
from ..autograd.declare import names
from .registry import register

_PAPER = 'Szegedy et al., "Going deeper with convolutions"'


class GoogLeNetOutputs(NamedTuple):
    """In training: the scores, and those of the two auxiliary classifiers (the later one first)."""

    logits: Any
    aux_logits2: Any
    aux_logits1: Any


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, **more: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, bias=False, **more)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches side by side, their channels joined: 1×1; 1×1, 3×3; 1×1, 3×3; pool, 1×1.

    (N, n_in, H, W) → (N, ch1x1 + ch3x3 + ch5x5 + pool_proj, H, W). The third branch is 5×5 in the
    paper and 3×3 in torchvision, whose checkpoints load here; hence fewer parameters.

    >>> import chainrule as cr
    >>> Inception(192, 64, 96, 128, 16, 32, 32)(cr.zeros(1, 192, 4, 4)).shape
    torch.Size([1, 256, 4, 4])
    """

    def __init__(
        self, n_in: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int,
        pool_proj: int,
    ) -> None:  # fmt: skip
        super().__init__()
        self.branch1 = BasicConv2d(n_in, ch1x1, 1)
        self.branch2 = nn.Sequential(
            BasicConv2d(n_in, ch3x3red, 1), BasicConv2d(ch3x3red, ch3x3, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(n_in, ch5x5red, 1), BasicConv2d(ch5x5red, ch5x5, 3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, 1, padding=1, ceil_mode=True), BasicConv2d(n_in, pool_proj, 1)
        )

    def forward(self, x: Any) -> Any:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return names["torch"]["cat"]([branch(x) for branch in branches], 1)


class InceptionAux(nn.Module):
    """A classifier half way up, whose loss brings gradients to the lower layers.

    (N, n_in, H, W) → mean over a 4×4 grid → (N, num_classes).
    """

    def __init__(self, n_in: int, num_classes: int, dropout: float = 0.7, width: int = 128) -> None:
        super().__init__()
        self.conv = BasicConv2d(n_in, width, 1)
        self.fc1 = nn.Linear(16 * width, 8 * width)
        self.fc2 = nn.Linear(8 * width, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Any) -> Any:
        x = self.conv(nn.functional.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        return self.fc2(self.dropout(nn.functional.relu(self.fc1(x))))


# Widths of the branches (the paper's table 1), and the pools between the stages 3, 4 and 5.
WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class GoogLeNet(nn.Module):
    """A stem, nine inception modules with pools between them, a mean, one linear map.

    Images (N, 3, 224, 224) → (N, 1024, 7, 7) → scores (N, 1000); in training with ``aux_logits``,
    ``GoogLeNetOutputs``, whose auxiliary losses count .3 each in the paper. Names, initial values
    and counts are torchvision's: 13,004,888 parameters, 6,624,904 without the auxiliary
    classifiers; the paper speaks of 12 times fewer than AlexNet's 60 million, and its table adds
    up to 6.8 million. ``transform_input`` turns ImageNet's scaling into the range −1 to 1.
    ``divide`` divides all widths; ``small`` is a 3×3 stem without its pools for small images.

    >>> import chainrule as cr
    >>> cr.models.googlenet_slim().eval()(cr.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool = True,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        *,
        in_channels: int = 3,
        divide: int = 1,
        small: bool = False,
    ) -> None:
        super().__init__()
        self.aux_logits, self.transform_input = aux_logits, transform_input
        d = divide
        size, stride, padding = (3, 1, 1) if small else (7, 2, 3)

        def pool() -> nn.Module:
            return nn.Identity() if small else nn.MaxPool2d(3, 2, ceil_mode=True)

        self.conv1 = BasicConv2d(in_channels, 64 // d, size, stride=stride, padding=padding)
        self.maxpool1 = pool()
        self.conv2 = BasicConv2d(64 // d, 64 // d, 1)
        self.conv3 = BasicConv2d(64 // d, 192 // d, 3, padding=1)
        self.maxpool2 = pool()
        n_in = 192 // d
        for name, row in WIDTHS.items():
            widths = [w // d for w in row]
            setattr(self, f"inception{name}", Inception(n_in, *widths))
            n_in = widths[0] + widths[2] + widths[4] + widths[5]
            if name == "3b":
                self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
            elif name == "4e":
                self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.aux1, self.aux2 = (
            InceptionAux(n // d, num_classes, dropout_aux, 128 // d) if aux_logits else None
            for n in (512, 528)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(n_in, num_classes)
        if init_weights:
            self._initialise()

    def _initialise(self) -> None:
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(m.weight, mean=0.0, std=0.01, a=-2, b=2)

    def _stage(self, x: Any, letters: Sequence[str]) -> Any:
        for name in letters:
            x = getattr(self, f"inception{name}")(x)
        return x

    def forward(self, x: Any) -> Any:
        if self.transform_input:
            x = _rescaled(x)
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self._stage(x, ("3a", "3b")))
        first = self._stage(x, ("4a",))
        second = self._stage(first, ("4b", "4c", "4d"))
        x = self.maxpool4(self._stage(second, ("4e",)))
        x = self._stage(x, ("5a", "5b"))
        out = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return GoogLeNetOutputs(out, self.aux2(second), self.aux1(first))
        return out


def _rescaled(x: Any) -> Any:
    """Images normalised by ImageNet's means and deviations, as if by .5 and .5."""
    tensor = names["torch"]["tensor"]
    deviation = tensor([0.229, 0.224, 0.225], dtype=x.dtype).reshape(-1, 1, 1)
    mean = tensor([0.485, 0.456, 0.406], dtype=x.dtype).reshape(-1, 1, 1)
    return x * (deviation / 0.5) + (mean - 0.5) / 0.5


@register(
    "GoogLeNet with auxiliary classifiers, torchvision's layout",
    _PAPER,
    2014,
    sample=(3, 224, 224),
    published="6.8 M parameters without them; top-5 error 6.67 % (an ensemble)",
)
def googlenet(num_classes: int = 1000, **options: Any) -> GoogLeNet:
    """GoogLeNet for (N, 3, 224, 224): see ``GoogLeNet``."""
    return GoogLeNet(num_classes, **options)


@register("GoogLeNet for 28×28 images", _PAPER, 2014, sample=(1, 28, 28))
def googlenet_slim(num_classes: int = 10, in_channels: int = 1, **options: Any) -> GoogLeNet:
    """GoogLeNet at an eighth of the width, for images of 28 to 32 pixels, no auxiliary outputs."""
    slim: dict[str, Any] = {"divide": 8, "small": True, "aux_logits": False, "init_weights": False}
    return GoogLeNet(num_classes, in_channels=in_channels, **{**slim, **options})
