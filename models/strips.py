"""Reading a line of characters: convolution, a bidirectional recurrent layer, CTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from . import speech
from .registry import register

_torch = names["torch"]


class StripReader(nn.Module):
    """Strips (N, 1, height, W) → convolutions → columns as a sequence → GRU → CTC classes.

    Output: log-probabilities (W/2, N, symbols + 1), class 0 the blank. Pools halve the height
    twice, the width once: a character must keep two columns at least. Source: Shi et al., "An
    end-to-end trainable neural network for image-based sequence recognition", 2015.

    >>> import chainrule as cr
    >>> cr.models.StripReader()(cr.zeros(2, 1, 8, 40)).shape
    torch.Size([20, 2, 11])
    """

    def __init__(
        self, height: int = 8, symbols: int = 10, channels: int = 16, hidden: int = 48
    ) -> None:
        super().__init__()
        if height % 4:
            raise ValueError(f"StripReader: height must be a multiple of 4, got {height}")
        self.features = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(channels, 2 * channels, 3, padding=1),
            nn.BatchNorm2d(2 * channels),
            nn.ReLU(),
            nn.MaxPool2d((2, 1)),
        )
        self.recurrent = nn.GRU(2 * channels * height // 4, hidden, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, symbols + 1)

    def forward(self, strips: Tensor) -> Any:
        """Return log-probabilities of every column."""
        x = self.features(strips).permute(3, 0, 1, 2).flatten(2)  # (columns, N, features)
        return self.linear(self.recurrent(x)[0]).log_softmax(-1)

    def _lengths(self, scores: Any) -> Any:
        return _torch["full"]((scores.shape[1],), len(scores)).long()

    def loss(self, strips: Tensor, texts: Sequence[Sequence[int]]) -> Any:
        """CTC loss of a batch."""
        scores = self(strips)
        return speech.ctc_loss(scores, self._lengths(scores), texts)

    def read(self, strips: Tensor, beam: int = 0) -> list[list[int]]:
        """The symbols on each strip."""
        with no_grad():
            scores = self(strips)
        return speech.read(scores, self._lengths(scores), beam)


@register(
    "a strip of characters to text: convolution, bidirectional GRU and CTC",
    'Shi et al., "An end-to-end trainable neural network for image-based sequence recognition"',
    2015,
    sample=(1, 8, 40),
)
def strip_reader(**options: Any) -> StripReader:
    """A ``StripReader`` for strips of 8 rows."""
    return StripReader(**options)
