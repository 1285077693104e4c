"""Residual networks, and the plain ones of equal depth that they were compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from .. import nn
from .registry import register

_PAPER = 'He et al., "Deep residual learning for image recognition"'


class Block(nn.Module):
    """y = ReLU(F(x) + x): convolutions F, and a way round them; without ``residual``, ReLU(F(x)).

    Where F changes the shape, ``downsample`` (a 1×1 convolution and a norm) takes x there.
    Subclasses make the convolutions.
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self, n_in: int, width: int, stride: int = 1, downsample: Any = None, residual: bool = True
    ) -> None:
        super().__init__()
        self._convolutions(n_in, width, stride)
        self.downsample = downsample
        self.stride, self.residual = stride, residual

    def _convolutions(self, n_in: int, width: int, stride: int) -> None:
        raise NotImplementedError

    def change(self, x: Any) -> Any:
        """F(x)."""
        raise NotImplementedError

    def forward(self, x: Any) -> Any:
        out = self.change(x)
        if self.residual:
            out = out + (x if self.downsample is None else self.downsample(x))
        return self.relu(out)


class BasicBlock(Block):
    """Two 3×3 convolutions: the block of ResNet-18 and 34.

    >>> import chainrule as cr
    >>> BasicBlock(8, 8)(cr.zeros(1, 8, 6, 6)).shape
    torch.Size([1, 8, 6, 6])
    """

    def _convolutions(self, n_in: int, width: int, stride: int) -> None:
        self.conv1 = nn.Conv2d(n_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def change(self, x: Any) -> Any:
        """Convolution, norm, ReLU, convolution, norm."""
        return self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))


class Bottleneck(Block):
    """1×1 down, 3×3, 1×1 up to four times the width: the block of ResNet-50, 101 and 152.

    The stride stands at the 3×3 convolution, as in torchvision (the paper: at the first 1×1).

    >>> import chainrule as cr
    >>> Bottleneck(32, 8)(cr.zeros(1, 32, 6, 6)).shape
    torch.Size([1, 32, 6, 6])
    """

    expansion = 4

    def _convolutions(self, n_in: int, width: int, stride: int) -> None:
        self.conv1 = nn.Conv2d(n_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)

    def change(self, x: Any) -> Any:
        """Convolution and norm three times, ReLU between them."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        return self.bn3(self.conv3(out))


class ResNet(nn.Module):
    """A stem, stages of residual blocks (each halves the map and doubles the width), a linear map.

    Images (N, 3, 224, 224) → stem (N, 64, 56, 56) → stages → (N, 512·expansion, 7, 7) → mean →
    scores (N, 1000). Names, initial values and counts are torchvision's: 11,689,512 parameters
    (18 layers), 21,797,672 (34), 25,557,032 (50), 44,549,160 (101), 60,192,808 (152); the paper
    states multiply-adds only: 1.8, 3.6, 3.8, 7.6 and 11.3 billion (``Bottleneck`` says why ours
    are more from 50 on).
    ``small``: the paper's net for CIFAR-10, a 3×3 stem without pool and stages of 16, 32, 64.
    ``residual=False`` gives the plain net of equal depth.

    >>> import chainrule as cr
    >>> net = cr.models.resnet20()
    >>> net(cr.zeros(2, 1, 28, 28)).shape, net.layer1[0].conv1.weight.shape
    (torch.Size([2, 10]), torch.Size([16, 16, 3, 3]))
    """

    def __init__(
        self,
        block: type[Block],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        *,
        in_channels: int = 3,
        width: int = 64,
        small: bool = False,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.inplanes, self._residual = width, residual
        size, stride, padding = (3, 1, 1) if small else (7, 2, 3)
        self.conv1 = nn.Conv2d(in_channels, width, size, stride, padding, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        for k, depth in enumerate(layers):
            stage = self._stage(block, width << k, depth, stride=1 if k == 0 else 2)
            setattr(self, f"layer{k + 1}", stage)
        self._stages = len(layers)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.inplanes, num_classes)
        self._initialise(zero_init_residual)

    def _stage(self, block: type[Block], width: int, depth: int, stride: int) -> nn.Sequential:
        """Blocks of one width; the first one has the stride."""
        out, downsample = width * block.expansion, None
        if self._residual and (stride != 1 or self.inplanes != out):
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )
        blocks = [block(self.inplanes, width, stride, downsample, self._residual)]
        blocks += [block(out, width, residual=self._residual) for _ in range(depth - 1)]
        self.inplanes = out
        return nn.Sequential(*blocks)

    def _initialise(self, zero_init_residual: bool) -> None:
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:  # each block begins as the identity
            for m in self.modules():
                if isinstance(m, Block):
                    nn.init.zeros_(getattr(m, "bn3", m.bn2).weight)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for k in range(self._stages):
            x = getattr(self, f"layer{k + 1}")(x)
        return self.fc(self.avgpool(x).flatten(1))


# Depth: the block, and how many of them each stage has (the paper's table 1).
DEPTHS: dict[int, tuple[type[Block], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}
_PUBLISHED = {
    18: "1.8 billion multiply-adds",
    34: "3.6 billion multiply-adds; top-5 error 5.71 % (one model)",
    50: "3.8 billion multiply-adds; top-5 error 5.25 % (one model)",
    101: "7.6 billion multiply-adds; top-5 error 4.60 % (one model)",
    152: "11.3 billion multiply-adds; top-5 error 4.49 % (one model), 3.6 % (an ensemble)",
}


def _large(depth: int, residual: bool) -> Any:
    """The function of a depth for large images, registered."""
    block, layers = DEPTHS[depth]

    def build(num_classes: int = 1000, **options: Any) -> ResNet:
        return ResNet(block, layers, num_classes, residual=residual, **options)

    kind, word = ("resnet", "residual") if residual else ("plain", "plain")
    build.__name__ = build.__qualname__ = f"{kind}{depth}"
    build.__doc__ = f"The {word} net of {depth} layers for (N, 3, 224, 224): see ``ResNet``."
    what = f"{word} net of {depth} layers" + (", torchvision's layout" if residual else "")
    published = _PUBLISHED[depth] if residual else ""
    register(what, _PAPER, 2015, (3, 224, 224), published)(build)
    return build


def _small(depth: int, residual: bool) -> Any:
    """The function of a depth 6n + 2 for small images, registered."""
    layers = (depth - 2) // 6

    def build(num_classes: int = 10, in_channels: int = 1, **options: Any) -> ResNet:
        more = {"width": 16, "small": True, "in_channels": in_channels, **options}
        return ResNet(BasicBlock, (layers,) * 3, num_classes, residual=residual, **more)

    kind, word = ("resnet", "residual") if residual else ("plain", "plain")
    build.__name__ = build.__qualname__ = f"{kind}{depth}"
    build.__doc__ = f"The {word} net of {depth} layers for images of 28 to 32 pixels."
    published = "" if not residual else "for CIFAR-10: .27 M parameters" if depth == 20 else ""
    register(f"{word} net of {depth} layers for small images", _PAPER, 2015, (1, 28, 28),
             published)(build)  # fmt: skip
    return build


resnet18, resnet34, resnet50 = (_large(n, True) for n in (18, 34, 50))
resnet101, resnet152 = _large(101, True), _large(152, True)
plain18, plain34 = _large(18, False), _large(34, False)
resnet20, resnet56 = _small(20, True), _small(56, True)
plain20, plain56 = _small(20, False), _small(56, False)
