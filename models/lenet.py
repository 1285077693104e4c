"""LeNet-5: the paper's network to the last parameter, and the form in which it is taught today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .. import nn
from ..autograd import serialization
from ..autograd.declare import names
from .registry import register

_PAPER = 'LeCun et al., "Gradient-based learning applied to document recognition"'
_WEIGHTS = Path(__file__).with_name("lenet_fashion.safetensors")
_torch = names["torch"]


class LeNet(nn.Module):
    """LeNet as taught today: two convolutions with max pools, then 400-120-84-classes, ReLU.

    Images (N, 1, 28, 28) → (N, 6, 14, 14) → (N, 16, 5, 5) → scores (N, 10): 61,706 parameters.
    See ``LeNet5`` for the paper's 60,000. ``pad`` is the first window's padding: 0 for 32×32.

    >>> import chainrule as cr
    >>> LeNet()(cr.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1, pad: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=pad),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).flatten(1))


@register("LeNet as taught today (ReLU, max pools)", _PAPER, 1998, sample=(1, 28, 28))
def lenet(pretrained: bool = False, num_classes: int = 10, **options: Any) -> LeNet:
    """LeNet for (N, 1, 28, 28); ``pretrained``: as trained on Fashion-MNIST, for pixels / 255.

    The weights come with the package, made by ``python -m chainrule.models.train_lenet``, which
    says how good they are. With another ``num_classes`` the last layer starts afresh.

    >>> from chainrule import models
    >>> models.lenet(pretrained=True, num_classes=2).classifier[-1]
    Linear(in_features=84, out_features=2, bias=True)
    """
    if not pretrained:
        return LeNet(num_classes, **options)
    with nn.init.no_init():
        net = LeNet(10, **options)
    net.load_state_dict(serialization.load(_WEIGHTS))
    if num_classes != 10:
        net.classifier[-1] = nn.Linear(84, num_classes)
    return net


# -- the paper's ----------------------------------------------------------------------------------

# Which of the six maps of S2 each of the sixteen maps of C3 looks at (the paper's table I).
C3_TABLE = [
    *[[(k + j) % 6 for j in range(3)] for k in range(6)],
    *[[(k + j) % 6 for j in range(4)] for k in range(6)],
    *[[k, k + 1, (k + 3) % 6, (k + 4) % 6] for k in range(3)],
    list(range(6)),
]

# A 7×12 picture of each digit, from the seven segments of a pocket calculator: rows, columns.
_SEGMENTS = {
    "a": (slice(0, 2), slice(0, 7)),
    "b": (slice(0, 7), slice(5, 7)),
    "c": (slice(5, 12), slice(5, 7)),
    "d": (slice(10, 12), slice(0, 7)),
    "e": (slice(5, 12), slice(0, 2)),
    "f": (slice(0, 7), slice(0, 2)),
    "g": (slice(5, 7), slice(0, 7)),
}
_LIT = ("abcdef", "bc", "abdeg", "abcdg", "bcfg", "acdfg", "acdefg", "abc", "abcdefg", "abcdfg")


def codes() -> Any:
    """The 84 outputs that F6 should have for each digit: +1 where its picture is black, else −1.

    >>> codes().shape, codes()[1].reshape(12, 7)[0].tolist()
    (torch.Size([10, 84]), [-1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0])
    """
    pictures = np.full((10, 12, 7), -1.0, np.float32)
    for picture, lit in zip(pictures, _LIT, strict=True):
        for segment in lit:
            picture[_SEGMENTS[segment]] = 1.0
    return _torch["from_numpy"](pictures.reshape(10, 84))


def squash(x: Any) -> Any:
    """The paper's sigmoid 1.7159·tanh(2x/3), for which f(1) = 1 and f(−1) = −1.

    >>> import chainrule as cr
    >>> squash(cr.tensor([-1.0, 0.0, 1.0]))
    tensor([-1.0000,  0.0000,  1.0000])
    """
    return 1.7159 * _torch["tanh"](x * (2 / 3))


def _drawn(*shape: int, fan_in: int) -> nn.Parameter:
    """The paper's initial values: uniform on ±2.4/fan_in."""
    bound = 2.4 / fan_in
    return nn.Parameter(nn.init.uniform_(_torch["empty"](*shape), -bound, bound))


class Subsampling(nn.Module):
    """Each 2×2 square added up, times a coefficient of the map, plus a bias of the map.

    (N, C, H, W) → (N, C, H/2, W/2), 2·C parameters.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = _drawn(channels, 1, 1, fan_in=4)
        self.bias = nn.Parameter(_torch["zeros"](channels, 1, 1))

    def forward(self, x: Any) -> Any:
        return 4 * nn.functional.avg_pool2d(x, 2) * self.weight + self.bias


class TableConv(nn.Module):
    """A 5×5 convolution whose map o looks at the maps ``table[o]`` only.

    (N, C, H, W) → (N, len(table), H − 4, W − 4); 25 weights for each entry of the table, and a
    bias for each map. The weight that the convolution sees has zeros elsewhere.
    """

    def __init__(self, channels: int, table: list[list[int]]) -> None:
        super().__init__()
        rows = [(o, c) for o, looked_at in enumerate(table) for c in looked_at]
        self.places = tuple(_torch["tensor"](list(index)) for index in zip(*rows, strict=True))
        self.shape = (len(table), channels, 5, 5)
        taps = [_drawn(len(looked_at), 5, 5, fan_in=25 * len(looked_at)) for looked_at in table]
        self.weight = nn.Parameter(_torch["cat"]([t.detach() for t in taps]))
        self.bias = nn.Parameter(_torch["zeros"](len(table)))

    def forward(self, x: Any) -> Any:
        weight = _torch["zeros"](self.shape, dtype=x.dtype).index_put(self.places, self.weight)
        return nn.functional.conv2d(x, weight, self.bias)


class LeNet5(nn.Module):
    """LeNet-5 layer by layer as in the paper: C1, S2, C3, S4, C5, F6, radial output.

    Images (N, 1, 32, 32), white −.1 and black 1.175 → scores (N, 10), −Σ(F6 − code)², the largest
    one wins. Trained parameters: 156 + 12 + 1,516 + 32 + 48,120 + 10,164 = 60,000, the paper's
    count; ``LeNet`` has 61,706. The codes of the output are fixed (a buffer); the paper draws
    them by hand, these have seven segments. ``map_loss`` is the paper's loss.

    >>> import chainrule as cr
    >>> net = LeNet5()
    >>> net(cr.zeros(2, 1, 32, 32)).shape, sum(p.numel() for p in net.parameters())
    (torch.Size([2, 10]), 60000)
    """

    def __init__(self) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5)
        self.s2 = Subsampling(6)
        self.c3 = TableConv(6, C3_TABLE)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.f6 = nn.Linear(120, 84)
        self.register_buffer("codes", codes())
        for layer, fan_in in ((self.c1, 25), (self.c5, 400), (self.f6, 120)):
            nn.init.uniform_(layer.weight, -2.4 / fan_in, 2.4 / fan_in)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Any) -> Any:
        for layer in (self.c1, self.s2, self.c3, self.s4, self.c5):
            x = squash(layer(x))
        x = squash(self.f6(x.flatten(1)))
        return -((x.unsqueeze(1) - self.codes) ** 2).sum(2)


def map_loss(scores: Any, target: Any, j: float = 1.0) -> Any:
    """The mean of −s_target + log(e⁻ʲ + Σ eˢ), the paper's equation 9, for scores (N, 10).

    It is cross-entropy with one more class, rubbish, at −j: raising all distances alike costs.

    >>> import chainrule as cr
    >>> map_loss(cr.tensor([[0.0, -50.0]]), cr.tensor([0]))
    tensor(0.3133)
    """
    rubbish = _torch["full"]((len(scores), 1), -j, dtype=scores.dtype)
    return nn.functional.cross_entropy(_torch["cat"]([scores, rubbish], 1), target)


@register(
    "LeNet-5 as in the paper: trained subsampling, C3's table, radial output",
    _PAPER,
    1998,
    sample=(1, 32, 32),
    published="60,000 parameters; 340,908 connections",
)
def lenet5() -> LeNet5:
    """LeNet-5 of the paper for (N, 1, 32, 32): 60,000 trained parameters."""
    return LeNet5()
