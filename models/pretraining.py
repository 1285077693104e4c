"""Unsupervised layer-wise pre-training, then fine-tuning on few labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from .. import nn, optim
from ..autograd import modes
from ..nn import functional as F
from .autoencoders import Autoencoder
from .fitting import fit
from .registry import register
from .regularization import GaussianNoise


@register(
    "layers pre-trained one by one as denoising autoencoders",
    'Bengio et al., "Greedy layer-wise training of deep networks"',
    2006,
    (64,),
    name="stacked_network",
)
class StackedNetwork(nn.Module):
    """Hidden layers a ← f(a Wᵀ + b) that can be pre-trained one by one, and a linear head.

    ``pretrain(x)`` teaches layer after layer to reconstruct the layer below it from a noisy copy,
    without labels; ``fine_tune(x, y)`` then trains everything with labels. Inputs (N, D) → (N, C).
    Source: Hinton, Osindero and Teh, 2006; Bengio et al., 2006; Vincent et al., 2010.

    >>> import chainrule as cr
    >>> net = StackedNetwork([6, 4, 3], num_classes=2)
    >>> errors = net.pretrain(cr.rand(32, 6), epochs=2)
    >>> len(errors), net(cr.zeros(5, 6)).shape
    (2, torch.Size([5, 2]))
    """

    def __init__(
        self,
        sizes: Sequence[int] = (64, 64, 64, 64),
        num_classes: int = 10,
        activation: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.hidden = nn.Sequential(
            *[nn.Sequential(nn.Linear(n, m), activation()) for n, m in pairwise(sizes)]
        )
        self.head = nn.Linear(sizes[-1], num_classes)

    def forward(self, x: Any) -> Any:
        return self.head(self.hidden(x))

    def pretrain(
        self, x: Any, epochs: int = 20, lr: float = 0.01, noise: float = 0.2, batch_size: int = 64
    ) -> list[float]:
        """Greedily from the bottom; the last reconstruction error of every layer."""
        errors = []
        below = x
        for layer in self.hidden:
            made: Any = layer
            size_out, size_in = made[0].weight.shape
            decoder = nn.Linear(size_out, size_in)
            pair = Autoencoder(nn.Sequential(GaussianNoise(noise), layer), decoder)
            descent = optim.Adam(pair.parameters(), lr=lr)
            losses = fit(pair, below, below, descent, epochs, batch_size, F.mse_loss)
            errors.append(losses[-1])
            with modes.no_grad():
                below = layer(below)
        return errors

    def fine_tune(
        self, x: Any, y: Any, epochs: int = 50, lr: float = 0.01, batch_size: int = 32
    ) -> list[float]:
        """All layers and the head on labelled samples; the loss of every step."""
        return fit(self, x, y, optim.Adam(self.parameters(), lr=lr), epochs, batch_size)
