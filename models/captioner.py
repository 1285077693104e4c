"""Image captions: a convolutional network sees, a recurrent network says."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from . import decoding
from .registry import register

_torch = names["torch"]


class Captioner(nn.Module):
    """An LSTM reads the caption so far; a layer joins what it says with what the image shows.

    scores = V relu(W [h_t; image]). Images (N, channels, side, side), side a multiple of 8, and
    captions (N, T) → scores (N, T, words). Source: Mao et al., "Deep captioning with multimodal
    recurrent neural networks (m-RNN)", 2015. Vinyals et al. (2015) make the image the LSTM's first
    input instead: then the LSTM must first learn to keep it.

    >>> import chainrule as cr
    >>> model = cr.models.Captioner(20, hidden=16)
    >>> model(cr.zeros(2, 1, 24, 24), cr.ones(2, 8).long()).shape
    torch.Size([2, 8, 20])
    """

    def __init__(
        self, words: int, hidden: int = 64, side: int = 24, channels: int = 1, width: int = 8
    ) -> None:
        super().__init__()
        self.eye = nn.Sequential(
            *self._stage(channels, width),
            *self._stage(width, 2 * width),
            *self._stage(2 * width, 4 * width),
            nn.Flatten(),
            nn.Linear(4 * width * (side // 8) ** 2, hidden),
            nn.BatchNorm1d(hidden),  # as large as the LSTM's states
        )
        self.embedding = nn.Embedding(words, hidden, padding_idx=0)
        self.recurrent = nn.LSTM(hidden, hidden, batch_first=True)
        self.join = nn.Linear(2 * hidden, 2 * hidden)
        self.output = nn.Linear(2 * hidden, words)

    @staticmethod
    def _stage(before: int, after: int) -> tuple[nn.Module, ...]:
        convolution = nn.Conv2d(before, after, 3, padding=1)
        return convolution, nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)

    def forward(self, images: Tensor, fed: Tensor) -> Any:
        """Return the scores of the word after each word fed."""
        return self.say(self.eye(images), fed)

    def say(self, seen: Any, fed: Tensor) -> Any:
        """Return scores (N, T, words) for features (N, hidden) and words (N, T)."""
        said = self.recurrent(self.embedding(fed))[0]
        both = _torch["cat"]([said, seen[:, None].expand_as(said)], dim=-1)
        return self.output(self.join(both).relu())

    def caption(self, images: Tensor, start: int, end: int, length: int = 20) -> list[list[int]]:
        """Return the most probable words for each image, one after another."""
        with no_grad():
            seen = self.eye(images)
            return decoding.greedy_search(
                lambda prefixes: self.say(seen, prefixes)[:, -1], len(images), start, end, length
            )


@register(
    "an image to a sentence: convolution, an LSTM, and a layer that joins them",
    'Mao et al., "Deep captioning with multimodal recurrent neural networks"',
    2015,
    sample=lambda: (_torch["zeros"](1, 1, 24, 24), _torch["ones"](1, 8).long()),
)
def captioner(words: int = 50, **options: Any) -> Captioner:
    """A ``Captioner`` for pictures of 24 × 24 pixels."""
    return Captioner(words, **options)
