"""Speech to text: a bidirectional recurrent network on spectrograms, trained with CTC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import nn
from ..autograd import Tensor
from ..autograd.declare import names
from ..autograd.modes import no_grad
from ..nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from . import decoding
from .registry import register

_torch = names["torch"]
BLANK = 0


def ctc_loss(log_probs: Any, lengths: Any, texts: Sequence[Sequence[int]]) -> Any:
    """−log P(text) by CTC for log-probabilities (T, N, C), a mean over the batch.

    Class 0 is the blank; a text's symbol s is class s + 1.

    >>> import chainrule as cr
    >>> scores = cr.zeros(3, 1, 2).log_softmax(-1)
    >>> round(float(cr.models.ctc_loss(scores, cr.tensor([3]), [[0]]).exp()), 4)  # 6 of 8 paths
    1.3333
    """
    targets = _torch["tensor"]([s + 1 for text in texts for s in text]).long()
    sizes = _torch["tensor"]([len(text) for text in texts]).long()
    return nn.functional.ctc_loss(log_probs, targets, lengths, sizes, blank=BLANK)


def read(log_probs: Any, lengths: Any, beam: int = 0) -> list[list[int]]:
    """The texts of log-probabilities (T, N, C): best paths, or by prefix search of width ``beam``.

    >>> import chainrule as cr
    >>> path = cr.nn.functional.one_hot(cr.tensor([8, 8, 0, 8, 2]), 11).float()
    >>> cr.models.speech.read(path.unsqueeze(1).log(), [5], beam=4)
    [[7, 7, 1]]
    """
    if beam:
        found = [hypotheses[0].tokens for hypotheses in decoding.ctc_beam(log_probs, lengths, beam)]
    else:
        found = decoding.ctc_greedy(log_probs, lengths)
    return [[c - 1 for c in text] for text in found]


class SpeechReader(nn.Module):
    """Spectrograms → bidirectional GRU layers → a symbol or the blank at each frame.

    Frames (T, N, bins) and their ``lengths`` (N,) → log-probabilities (T, N, symbols + 1), class 0
    the blank. Sources: Graves et al., 2006; Hannun et al., "Deep speech", 2014.

    >>> import chainrule as cr
    >>> cr.models.SpeechReader(hidden=8)(cr.zeros(20, 2, 128), cr.tensor([20, 15])).shape
    torch.Size([20, 2, 11])
    """

    def __init__(
        self, bins: int = 128, hidden: int = 64, symbols: int = 10, layers: int = 1
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(bins)  # loudness goes
        self.recurrent = nn.GRU(bins, hidden, num_layers=layers, bidirectional=True)
        self.linear = nn.Linear(2 * hidden, symbols + 1)

    def forward(self, x: Tensor, lengths: Any) -> Any:
        """Return log-probabilities of every frame; what lies beyond a length means nothing."""
        packed = pack_padded_sequence(self.norm(x), lengths, enforce_sorted=False)
        states = pad_packed_sequence(self.recurrent(packed)[0], total_length=len(x))[0]
        return self.linear(states).log_softmax(-1)

    def loss(self, spectrograms: Sequence[Tensor], texts: Sequence[Sequence[int]]) -> Any:
        """CTC loss of a batch of spectrograms (frames, bins) of any lengths."""
        x, lengths = batch(spectrograms)
        return ctc_loss(self(x, lengths), lengths, texts)

    def read(self, spectrograms: Sequence[Tensor], beam: int = 0) -> list[list[int]]:
        """The symbols of each spectrogram."""
        x, lengths = batch(spectrograms)
        with no_grad():
            return read(self(x, lengths), lengths, beam)


def batch(spectrograms: Sequence[Tensor]) -> tuple[Any, Any]:
    """Spectrograms of different lengths as (T, N, bins), filled up with 0, and lengths (N,).

    >>> import chainrule as cr
    >>> x, lengths = cr.models.speech.batch([cr.ones(5, 128), cr.ones(3, 128)])
    >>> x.shape, lengths
    (torch.Size([5, 2, 128]), tensor([5, 3]))
    """
    lengths = _torch["tensor"]([len(s) for s in spectrograms]).long()
    return pad_sequence(list(spectrograms)), lengths


@register(
    "spectrograms to symbols: bidirectional GRU and CTC",
    'Hannun et al., "Deep speech: scaling up end-to-end speech recognition"',
    2014,
    sample=lambda: (_torch["zeros"](60, 1, 128), _torch["tensor"]([60])),
)
def speech_reader(**options: Any) -> SpeechReader:
    """A ``SpeechReader`` for digits."""
    return SpeechReader(**options)
